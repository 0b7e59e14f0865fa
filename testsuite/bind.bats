# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa dev bind and unbind, which replace echo, sleep and driver_override.

load common
load device

@test "bind and unbind: from driver to driver and back, usable when they return, with nothing left changed" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		settings()
		{
			[ "$(read_value /sys/bus/vdpa/drivers_autoprobe)" = 1 ] || complain "$1: drivers_autoprobe was not restored"
			case $(read_value /sys/bus/vdpa/devices/bi0/driver_override) in
			'' | '(null)' | "$(driver_of bi0)") ;;
			*) complain "$1: driver_override is $(read_value /sys/bus/vdpa/devices/bi0/driver_override)" ;;
			esac
		}
		on_vhost()
		{
			[ "$(driver_of bi0)" = vhost_vdpa ] || complain "$1: driver is $(driver_of bi0)"
			for node in /sys/bus/vdpa/devices/bi0/vhost-vdpa-*; do node=/dev/${node##*/}; done
			# no waiting here: it is usable, or the command returned too early
			[ -c "$node" ] || complain "$1: no $node"
			eval "exec 9<>$node" || complain "$1: cannot open $node"
			exec 9>&-
			settings "$1"
		}
		on_virtio()
		{
			[ "$(driver_of bi0)" = virtio_vdpa ] || complain "$1: driver is $(driver_of bi0)"
			ip link set "$(interface_of bi0)" up || complain "$1: no usable interface"
			settings "$1"
		}
		device create bi0
		device serve bi0
		device attach bi0
		on_virtio add
		run_line 'vdpa dev bind bi0 driver vhost_vdpa'
		[ "$status$out$err" = 0 ] || complain "bind: status $status, out: $out, err: $err"
		on_vhost bind
		expect 0 'vdpa -j dev show bi0' '"driver":"vhost_vdpa","chardev":"/dev/vhost-vdpa-[0-9]+","rdev":"[0-9]+:[0-9]+"'
		run_line 'vdpa -j dev bind bi0 driver virtio_vdpa'
		[ "$status$out$err" = $'0{}\n' ] || complain "-j bind: status $status, out: $out, err: $err"
		on_virtio 'bind back'
		run_line 'vdpa dev unbind bi0'
		[ "$status$out$err" = 0 ] || complain "unbind: status $status, out: $out, err: $err"
		driver_of bi0 && complain 'unbind left the driver'
		attached bi0 || complain 'unbind took the device from the bus'
		settings unbind
		expect 0 'vdpa -j dev show bi0'
		[[ $out != *'"driver"'* && $out != *netdev* ]] || complain "a driver is shown: $out"
		expect 0 'vdpa dev bind bi0 driver vhost_vdpa'
		on_vhost 'bind from nothing'
		run_line 'vdpa -j dev unbind bi0'
		[ "$status$out$err" = $'0{}\n' ] || complain "-j unbind: status $status, out: $out, err: $err"
		expect 0 'vdpa dev bind bi0 driver virtio_vdpa'
		on_virtio 'bind from nothing'
		# many times, as nothing may wear out
		for i in 1 2 3 4 5; do
			need 0 'vdpa dev bind bi0 driver vhost_vdpa'
			on_vhost "round $i"
			need 0 'vdpa dev bind bi0 driver virtio_vdpa'
			on_virtio "round $i"
		done
		undo bi0
		nothing_left
	SCRIPT
}

@test "bind: errors are told and change nothing; a driver that fails brings the old one back" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create be0
		device serve be0
		json_rows <<-'ROWS'
			3 vdpa dev bind none driver vhost_vdpa            ## none
			3 vdpa dev unbind none                            ## none
			# a VDUSE device that is not on the bus
			3 vdpa dev bind be0 driver vhost_vdpa             ## be0
			3 vdpa dev unbind be0                             ## be0
		ROWS
		device attach be0 driver vhost_vdpa
		for node in /sys/bus/vdpa/devices/be0/vhost-vdpa-*; do node=/dev/${node##*/}; done
		sleep 1000 9<>"$node" &
		holder=$!
		wait_until 5 fuser -s "$node"
		json_rows <<-ROWS
			5 vdpa dev bind be0 driver virtio_vdpa   ## sleep.*$holder|$holder.*sleep
			5 vdpa dev unbind be0                    ## sleep.*$holder|$holder.*sleep
		ROWS
		[ "$(driver_of be0)" = vhost_vdpa ] || complain 'it is not on its driver any more'
		kill -KILL $holder
		wait $holder 2>/dev/null
		# no virtio_net: the bind fails, and vhost_vdpa is back and usable
		rmmod virtio_net || broken 'cannot unload virtio_net'
		without_modules='unshare -m bash -c '"'"'mount -t tmpfs none /lib/modules && exec "$@"'"'"' -'
		expect 1 "$without_modules vdpa dev bind be0 driver virtio_vdpa" 'virtio_net|ACKNOWLEDGE'
		[ "$(driver_of be0)" = vhost_vdpa ] || complain "the old driver is not back: $(driver_of be0)"
		for node in /sys/bus/vdpa/devices/be0/vhost-vdpa-*; do node=/dev/${node##*/}; done
		[ -c "$node" ] || complain "the old driver has no node"
		modprobe virtio_net
		expect 0 'vdpa dev bind be0 driver virtio_vdpa'
		interface_of be0 >/dev/null || complain 'no interface'
		undo be0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

# The tracer kills the process that makes the add while drivers_autoprobe is off.
@test "cli-69 drivers_autoprobe: what a killed process left is put back by the next run, whichever it is" {
	in_guest <<-'SCRIPT'
		autoprobe=/sys/bus/vdpa/drivers_autoprobe
		device create ap0
		device create ap1
		device serve ap0
		device serve ap1
		left=0
		# the first message of add asks for the family, the second one adds
		for next in 'vdpa dev add name ap1 mgmtdev vduse' 'vdpa dev add name ap1 mgmtdev vduse driver virtio_vdpa'; do
			strace -qq -f -o /dev/null -e trace=sendto,sendmsg -e inject=sendto,sendmsg:signal=KILL:when=2 \
				vdpa dev add name ap0 mgmtdev vduse driver vhost_vdpa >/dev/null 2>&1
			[ "$(read_value $autoprobe)" = 1 ] || left=$((left + 1))
			expect 0 "$next"
			[ "$(read_value $autoprobe)" = 1 ] || complain "$next leaves drivers_autoprobe off"
			[ "$(driver_of ap1)" = virtio_vdpa ] || complain "$next attached ap1 to '$(driver_of ap1)'"
			device detach ap1
			[ ! -e /sys/bus/vdpa/devices/ap0 ] || device detach ap0
			[ "$(read_value $autoprobe)" = 1 ] || echo 1 >$autoprobe
		done
		[ $left = 2 ] || complain "$left of 2 processes were killed while drivers_autoprobe was off: this test saw too little"
		for name in ap0 ap1; do
			device stop $name
			device destroy $name
		done
		nothing_left
	SCRIPT
}
