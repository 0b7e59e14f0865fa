# SPDX-License-Identifier: GPL-2.0-or-later
#
# What testsuite/ended.bats does, with either process of a command for itself, with SIGTERM,
# with settings of an administrator, with the module of a driver to load, and for longer.

load ../common
load ../device
load ../ended

@test "add with a driver, and bind: SIGKILL for one of the two processes" {
	ended_test <<-'SCRIPT'
		device create ks0
		device serve ks0
		# a parent that is gone leaves a child that comes to its end
		for who in 'parent' 'child'; do
			allowed=none
			[ $who = child ] || allowed=
			ended $who 9 ks0 absent "$allowed" vhost_vdpa 'vdpa dev add name ks0 mgmtdev vduse driver vhost_vdpa'
			ended $who 9 ks0 virtio_vdpa "$allowed" vhost_vdpa 'vdpa dev bind ks0 driver vhost_vdpa'
			ended $who 9 ks0 vhost_vdpa "$allowed" virtio_vdpa 'vdpa dev bind ks0 driver virtio_vdpa'
		done
		undo ks0
		nothing_left
	SCRIPT
}

@test "add with a driver, and bind: SIGTERM leaves the state before or the one after" {
	ended_test <<-'SCRIPT'
		device create kt0
		device serve kt0
		for who in parent child all; do
			ended $who 15 kt0 absent '' vhost_vdpa 'vdpa dev add name kt0 mgmtdev vduse driver vhost_vdpa'
			ended $who 15 kt0 virtio_vdpa '' vhost_vdpa 'vdpa dev bind kt0 driver vhost_vdpa'
			ended $who 15 kt0 vhost_vdpa '' virtio_vdpa 'vdpa dev bind kt0 driver virtio_vdpa'
		done
		[ $seen_off = 0 ] || complain "drivers_autoprobe stays off $seen_off times"
		undo kt0
		nothing_left
	SCRIPT
}

@test "an administrator's drivers_autoprobe=0 and driver_override stay, whatever is killed" {
	ended_test <<-'SCRIPT'
		device create ka0
		device serve ka0
		trap 'echo 1 >/sys/bus/vdpa/drivers_autoprobe' EXIT
		probe=0
		echo 0 >/sys/bus/vdpa/drivers_autoprobe
		ended all 9 ka0 absent none vhost_vdpa 'vdpa dev add name ka0 mgmtdev vduse driver vhost_vdpa'
		override=vhost_vdpa
		ended all 9 ka0 none none vhost_vdpa 'vdpa dev bind ka0 driver vhost_vdpa'
		undo ka0
		nothing_left
	SCRIPT
}

@test "bind and add with a driver that is to be loaded: it takes no other device, whatever is killed" {
	ended_test <<-'SCRIPT'
		for name in kl0 kl1; do
			device create $name
			device serve $name
		done
		device attach kl1
		expect 0 'vdpa dev unbind kl1'
		unload() { [ ! -e /sys/bus/vdpa/drivers/vhost_vdpa ] || rmmod vhost_vdpa || broken 'cannot unload vhost_vdpa'; }
		alone() { [ "$(state_of kl1)" = none ] || complain "$1: kl1 is $(state_of kl1)"; }
		before=unload after=alone
		ended all 9 kl0 virtio_vdpa none vhost_vdpa 'vdpa dev bind kl0 driver vhost_vdpa'
		ended child 9 kl0 virtio_vdpa none vhost_vdpa 'vdpa dev bind kl0 driver vhost_vdpa'
		ended all 9 kl0 absent none vhost_vdpa 'vdpa dev add name kl0 mgmtdev vduse driver vhost_vdpa'
		ended all 15 kl0 virtio_vdpa '' vhost_vdpa 'vdpa dev bind kl0 driver vhost_vdpa'
		modprobe vhost_vdpa
		undo kl0 kl1
		nothing_left
	SCRIPT
}

@test "two and three at once at one device, for a while" {
	ended_test <<-'SCRIPT'
		for name in rb0 rb1; do
			device create $name
			device serve $name
		done
		races 20 rb0 rb1
		for name in rb0 rb1; do
			device stop $name
			device destroy $name
		done
		nothing_left
	SCRIPT
}
