# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa dev add with a driver, and bind, killed at each of their system calls, two at a
# time, and where both drivers fail; more of it in slow/ended.bats.

load common
load device
load ended

@test "proc-69 add with a driver, and bind there and back, killed with SIGKILL at each system call: the next command, of any kind, repairs" {
	ended_test <<-'SCRIPT'
		every=4
		device create ke0
		device serve ke0
		ended all 9 ke0 absent none vhost_vdpa 'vdpa dev add name ke0 mgmtdev vduse driver vhost_vdpa'
		[ $seen_off -ge 3 ] || complain "drivers_autoprobe was off after $seen_off points: this test saw too little"
		ended all 9 ke0 virtio_vdpa none vhost_vdpa 'vdpa dev bind ke0 driver vhost_vdpa'
		ended all 9 ke0 vhost_vdpa none virtio_vdpa 'vdpa dev bind ke0 driver virtio_vdpa'
		undo ke0
		nothing_left
	SCRIPT
}

@test "two and three at once at one device: add, bind, unbind and del end with a status, the device whole, and no interface comes and goes" {
	ended_test <<-'SCRIPT'
		for name in ra0 ra1; do
			device create $name
			device serve $name
		done
		races 3 ra0 ra1
		for name in ra0 ra1; do
			device stop $name
			device destroy $name
		done
		nothing_left
	SCRIPT
}

@test "bind: where neither driver can be bound, the sentence says so; a driver_override is refused before anything is taken away" {
	ended_test <<-'SCRIPT'
		device create nb0
		device serve nb0
		device attach nb0
		net=$(interface_of nb0)
		on=/sys/bus/vdpa/devices/nb0/driver_override
		# another driver's name, the same driver's name
		echo virtio_vdpa >$on
		next_index
		before=$index
		expect 5 'vdpa dev bind nb0 driver vhost_vdpa' 'driver_override is virtio_vdpa.*empty line'
		next_index
		[ "$(interface_of nb0)$((index - before))" = "${net}2" ] || complain 'its interface was taken away'
		echo vhost_vdpa >$on
		expect 0 'vdpa dev bind nb0 driver vhost_vdpa'
		[ "$(read_value $on)" = vhost_vdpa ] || complain "driver_override is $(read_value $on)"
		expect 5 'vdpa dev bind nb0 driver virtio_vdpa' 'driver_override is vhost_vdpa'
		[ "$(state_of nb0)" = vhost_vdpa ] || complain "it is $(state_of nb0)"
		echo >$on
		# the kernel refuses to bind the one, and then the other as well
		refused() { echo "strace -qq -f -o /dev/null -P /sys/bus/vdpa/drivers/vhost_vdpa/bind ${1-} -e trace=write -e inject=write:error=EIO"; }
		expect 0 'vdpa dev bind nb0 driver virtio_vdpa'
		expect 1 "$(refused) vdpa dev bind nb0 driver vhost_vdpa" 'vhost_vdpa cannot be bound to it: Input.*virtio_vdpa is bound to it again'
		interface_of nb0 >/dev/null || complain 'no interface'
		expect 1 "$(refused '-P /sys/bus/vdpa/drivers/virtio_vdpa/bind') vdpa dev bind nb0 driver vhost_vdpa" \
			'vhost_vdpa cannot be bound to it: Input.*virtio_vdpa, which it had before, could not be bound again either: it has no driver now'
		[ "$(state_of nb0)" = none ] || complain "it is $(state_of nb0)"
		expect 0 'vdpa dev bind nb0 driver vhost_vdpa'
		unchanged 'at the end' nb0
		# an administrator's 0
		device detach nb0
		echo 0 >/sys/bus/vdpa/drivers_autoprobe
		for line in 'add name nb0 mgmtdev vduse driver vhost_vdpa' 'bind nb0 driver virtio_vdpa' 'unbind nb0' 'del nb0'; do
			expect 0 "vdpa dev $line"
			[ "$(read_value /sys/bus/vdpa/drivers_autoprobe)" = 0 ] || complain "vdpa dev $line turns drivers_autoprobe on"
		done
		echo 1 >/sys/bus/vdpa/drivers_autoprobe
		device stop nb0
		device destroy nb0
		nothing_left
	SCRIPT
}
