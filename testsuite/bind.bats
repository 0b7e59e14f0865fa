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

# The tracer kills the process that makes the add while drivers_autoprobe is off; whoever
# is left to say so puts it back. Where nobody is left: ended.bats.
@test "proc-69 drivers_autoprobe: the command puts back what its process that was killed left" {
	in_guest <<-'SCRIPT'
		autoprobe=/sys/bus/vdpa/drivers_autoprobe
		device create ap0
		device serve ap0
		strace -qq -f -o "$T.trace" -e trace=sendto,sendmsg,ftruncate -e inject=sendto,sendmsg:signal=KILL:when=2 \
			vdpa dev add name ap0 mgmtdev vduse driver vhost_vdpa 2>"$T.said"
		status=$?
		[ $status = 1 ] && [[ $(<"$T.said") = *'signal 9'* ]] || complain "status $status: $(<"$T.said")"
		# the first message of add asks for the family, the second one adds
		grep -q 'killed by SIGKILL' "$T.trace" && grep -q 'ftruncate(.*, 0)' "$T.trace" ||
			complain "this test saw too little: $(<"$T.trace")"
		[ "$(read_value $autoprobe)" = 1 ] || complain 'drivers_autoprobe is off'
		rm "$T.trace" "$T.said"
		if attached ap0; then device detach ap0; fi
		device stop ap0
		device destroy ap0
		nothing_left
	SCRIPT
}

# The module's devices: whatever virtio_net takes is refused, and no driver knows a type 42.
@test "bind: a driver that gives up brings the old one back; a type that no driver takes is told at once" {
	in_guest <<-'SCRIPT'
		trap "echo 1 >/sys/bus/vdpa/drivers_autoprobe; rmmod vdpa_test 2>/dev/null" EXIT
		test_module odd_type=42
		expect 0 'vdpa dev add name gu0 mgmtdev test_net driver vhost_vdpa'
		refuses=$(read_value /sys/module/vdpa_test/parameters/net_refuses)
		parameter net_refuses 0xffffffffffffffff
		expect 1 'vdpa dev bind gu0 driver virtio_vdpa' 'virtio_vdpa made virtio[0-9]* of it, whose driver gave up.*FAILED.*vhost_vdpa is bound to it again'
		[ "$(driver_of gu0)" = vhost_vdpa ] || complain "the old driver is not back: $(driver_of gu0)"
		for node in /sys/bus/vdpa/devices/gu0/vhost-vdpa-*; do node=/dev/${node##*/}; done
		eval "exec 9<>$node" || complain "the old driver has no node"
		exec 9>&-
		parameter net_refuses "$refuses"
		expect 0 'vdpa dev bind gu0 driver virtio_vdpa'
		# the other way, and the interface that was does not come back either
		parameter net_refuses 0xffffffffffffffff
		expect 1 "strace -qq -f -o /dev/null -P /sys/bus/vdpa/drivers/vhost_vdpa/bind -e trace=write -e inject=write:error=EIO \
			vdpa dev bind gu0 driver vhost_vdpa" 'its driver is virtio_vdpa now, which does not work either'
		device detach gu0
		parameter net_refuses "$refuses"
		# at once: without the seconds that an interface may take to come
		at_once() { for try in {1..10}; do expect "$@"; [ $ms -ge 3000 ] || return 0; done; complain "$2 took $ms ms, each time"; }
		at_once 1 'vdpa dev add name od0 mgmtdev test_odd driver virtio_vdpa' 'which no driver took.*deleted again'
		attached od0 && complain 'the add was not undone'
		expect 1 'vdpa dev add name od0 mgmtdev test_odd' 'which no driver took'
		expect 0 'vdpa dev bind od0 driver vhost_vdpa'
		at_once 1 'vdpa dev bind od0 driver virtio_vdpa' 'no driver took.*vhost_vdpa is bound to it again'
		device detach od0
		rmmod vdpa_test || complain 'the module is in use'
		nothing_left
	SCRIPT
}
