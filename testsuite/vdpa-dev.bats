# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa dev show, add and del: what is behind a device, what an add asks
# before and verifies afterwards, and what is refused.

load common
load device

@test "dev show: nothing without devices; then each with driver, interface or node, as sysfs has them" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/states"
		for line in 'dev show' 'dev' 'dev list' 'd s'; do
			run_line "vdpa $line"
			[ "$status$out$err" = 0 ] || complain "vdpa $line: status $status, out: $out, err: $err"
			run_line "vdpa -j $line"
			[ "$status$out$err" = $'0{"dev":{}}\n' ] || complain "vdpa -j $line: status $status, out: $out, err: $err"
		done
		device create a0
		device create b0 vendor 0x1af4
		device serve a0
		device serve b0
		# created and served is not on the bus
		expect 0 'vdpa -j dev show' '^\{"dev":\{\}\}'
		expect 3 'vdpa dev show a0' a0
		run_line 'vdpa dev add name a0 mgmtdev vduse'
		[ "$status$out$err" = 0 ] || complain "add: status $status, out: $out, err: $err"
		run_line 'vdpa -j dev add mgmtdev vduse driver vhost_vdpa name b0'
		[ "$status$out$err" = $'0{}\n' ] || complain "-j add: status $status, out: $out, err: $err"
		net=$(interface_of a0) || complain 'a0 has no interface'
		[ "$(driver_of a0)/$(driver_of b0)" = virtio_vdpa/vhost_vdpa ] || complain "drivers: $(driver_of a0) $(driver_of b0)"
		for node in /sys/bus/vdpa/devices/b0/vhost-vdpa-*; do node=${node##*/}; done
		printf '["%s",%s,"/dev/%s","%s"]\n' "$net" "$(read_value "/sys/class/net/$net/ifindex")" "$node" \
			"$(stat -c %Hr:%Lr "/dev/$node")"
		expect 0 'vdpa -j dev show'
		printf %s "$out"
		expect 0 'vdpa -jp dev show'
		printf %s "$out"
		expect 0 'vdpa dev show' '^a0: type network mgmtdev vduse vendor_id 0 max_vqs 2 max_vq_size [0-9]+ driver virtio_vdpa netdev '"$net"
		expect 0 'vdpa dev show b0' '^b0: type network mgmtdev vduse vendor_id [0-9]+ max_vqs 2 max_vq_size [0-9]+ driver vhost_vdpa chardev /dev/'"$node"
		[[ $out != *a0* ]] || complain "show b0 has a0: $out"
		run_line 'vdpa dev del a0'
		[ "$status$out$err" = 0 ] || complain "del: status $status, out: $out, err: $err"
		run_line 'vdpa -j dev del b0'
		[ "$status$out$err" = $'0{}\n' ] || complain "-j del: status $status, out: $out, err: $err"
		attached a0 || attached b0 && complain 'still on the bus'
		expect 3 'vdpa dev show a0' a0
		expect 3 'vdpa dev del a0' a0
		# the VDUSE devices are not touched by that
		for name in a0 b0; do
			device stop $name
			device destroy $name
		done
		nothing_left
	SCRIPT
	jq -es '. as [$want, $json, $pretty] | $json == $pretty and
		($json.dev.a0 | .type == "network" and .mgmtdev == "vduse" and .vendor_id == 0 and .max_vqs == 2 and
		.driver == "virtio_vdpa" and [.netdev, .ifindex] == $want[:2] and (has("chardev") | not)) and
		($json.dev.b0 | .driver == "vhost_vdpa" and [.chardev, .rdev] == $want[2:] and
		(has("netdev") or has("ifindex") | not))' \
		"$BATS_TEST_TMPDIR/states" || { cat "$BATS_TEST_TMPDIR/states"; false; }
}

@test "dev show: an interface moved to another namespace or renamed is told as far as sysfs goes, -d finds it" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create ns0
		device serve ns0
		device attach ns0
		net=$(interface_of ns0)
		ip link set "$net" name 'ren0'
		expect 0 'vdpa -j dev show ns0' '"netdev":"ren0"'
		ip netns add far
		ip link set 'ren0' netns far
		expect 0 'vdpa -j dev show ns0'
		[[ $out != *netdev* && $out != *ifindex* ]] || complain "it is not here any more: $out"
		[[ $out = *'"driver":"virtio_vdpa"'* ]] || complain "the driver still is: $out"
		expect 0 'vdpa -d -j dev show ns0' '"netdev":"ren0"'
		[[ $out = *far* ]] || complain "-d does not name the namespace: $out"
		printf %s "$out"
		expect 0 'vdpa -d dev show ns0' 'netdev ren0'
		ip netns del far
		wait_until 5 interface_of ns0 >/dev/null
		undo ns0
		nothing_left
	SCRIPT
	jq -e .dev.ns0 "$BATS_TEST_TMPDIR/json"
}

@test "dev add refuses what would freeze the family or give a bare EINVAL, and says what to do" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create idle0
		json_rows <<-'ROWS'
			3 vdpa dev add name none mgmtdev vduse          ## vduse create none
			3 vdpa dev add name idle0 mgmtdev none          ## none
			3 vdpa dev add name idle0 mgmtdev pci/vduse     ## pci/vduse
			1 vdpa dev add name idle0 mgmtdev vduse         ## vduse loopback idle0
		ROWS
		# somebody has the node open, but never set the virtqueues up
		sleep 1000 9<>/dev/vduse/idle0 &
		wait_until 5 fuser -s /dev/vduse/idle0
		expect 1 'timeout -s KILL 300 vdpa dev add name idle0 mgmtdev vduse' "sleep|$!|virtqueue"
		kill -KILL $!
		wait $! 2>/dev/null
		# the server died: its virtqueues stay set up, the kernel would wait for nobody
		device serve idle0
		device kill idle0
		expect 1 'timeout -s KILL 300 vdpa dev add name idle0 mgmtdev vduse' 'vduse loopback idle0'
		in_time 25 'a refusal'
		attached idle0 && complain 'it is attached all the same'
		# and a new server makes it good
		device serve idle0
		device attach idle0
		json_rows <<-'ROWS'
			5 vdpa dev add name idle0 mgmtdev vduse         ## idle0
			5 vdpa dev add name idle0 mgmtdev vduse driver vhost_vdpa ## idle0
		ROWS
		[ "$(driver_of idle0)" = virtio_vdpa ] || complain "its driver is now $(driver_of idle0)"
		undo idle0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "dev add: what a VDUSE device takes at its creation is refused with a pointer there" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create at0
		device serve at0
		for words in 'mac 52:54:00:01:02:03' 'mtu 1400' 'max_vqp 1' 'ma 1' 'device_features 0x300000020' 'device_features 300000020' \
			'device_features MAC,VERSION_1'; do
			run_line "vdpa dev add name at0 mgmtdev vduse $words"
			[ $status = 1 ] || complain "add … $words: status $status, expected 1: $err"
			[[ $err = *'vduse create'* ]] || complain "add … $words does not point to vduse create: $err"
			[[ $err = *'the kernel says "vdpa: Some provided attributes'* ]] || complain "add … $words: not the kernel's words: $err"
			attached at0 && broken "add … $words did attach"
		done
		device stop at0
		device destroy at0
	SCRIPT
}

@test "dev add: no bus driver loaded is 0 with a warning; driver D loads and binds its own" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device_again()
		{
			device create nd0
			device serve nd0
		}
		modules vduse
		device_again
		expect 0w 'vdpa dev add name nd0 mgmtdev vduse' 'driver.*(virtio_vdpa|vhost_vdpa)'
		[ -z "$out" ] || complain "it prints $out"
		expect 0 'vdpa -j dev show nd0'
		[[ $out != *'"driver"'* ]] || complain "a driver out of nothing: $out"
		expect 0 'vdpa dev del nd0'
		expect 0w 'vdpa -j dev add name nd0 mgmtdev vduse' '^\{.*driver'
		[ "$out" = $'{}\n' ] || complain "-j prints $out"
		expect 0 'vdpa dev del nd0'
		expect 0 'vdpa dev add name nd0 mgmtdev vduse driver vhost_vdpa'
		[ "$(driver_of nd0)" = vhost_vdpa ] || complain "driver: $(driver_of nd0)"
		expect 0 'vdpa dev del nd0'
		# both loaded; whoever came first would win
		expect 0 'vdpa dev add name nd0 mgmtdev vduse driver virtio_vdpa'
		[ "$(driver_of nd0)" = virtio_vdpa ] || complain "driver: $(driver_of nd0)"
		interface_of nd0 >/dev/null || complain 'no interface when add returned'
		expect 0 'vdpa dev del nd0'
		expect 0 'vdpa dev add name nd0 mgmtdev vduse driver vhost_vdpa'
		[ "$(driver_of nd0)" = vhost_vdpa ] || complain "driver: $(driver_of nd0)"
		[ "$(read_value /sys/bus/vdpa/drivers_autoprobe)" = 1 ] || complain 'drivers_autoprobe was not restored'
		undo nd0
		modules vduse virtio_vdpa vhost_vdpa virtio_net
		nothing_left
	SCRIPT
}

@test "dev add: a driver that the kernel cannot load undoes the add" {
	in_guest <<-'SCRIPT'
		modules vduse
		device create nl0
		device serve nl0
		without_modules='unshare -m bash -c '"'"'mount -t tmpfs none /lib/modules && exec "$@"'"'"' -'
		for driver in virtio_vdpa vhost_vdpa; do
			expect 7 "$without_modules vdpa dev add name nl0 mgmtdev vduse driver $driver" "$driver"
			attached nl0 && complain 'the add was not undone' && timeout -s KILL 300 /usr/sbin/vdpa dev del nl0
		done
		device stop nl0
		device destroy nl0
		modules vduse virtio_vdpa vhost_vdpa virtio_net
		nothing_left
	SCRIPT
}

@test "dev add: a virtio driver that is not there is a failure with the virtio status, whatever the kernel says" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create pr0
		device serve pr0
		rmmod virtio_net || broken 'cannot unload virtio_net'
		without_modules='unshare -m bash -c '"'"'mount -t tmpfs none /lib/modules && exec "$@"'"'"' -'
		expect 1 "$without_modules vdpa -T 20 dev add name pr0 mgmtdev vduse driver virtio_vdpa" 'virtio_net|ACKNOWLEDGE'
		# as a driver was asked for, the add is undone
		attached pr0 && complain 'the add with a driver was not undone' && device detach pr0
		modprobe virtio_net
		device attach pr0
		undo pr0
		nothing_left
	SCRIPT
}

# The tracer makes the device process answer the driver's FEATURES_OK with
# nothing: the kernel times out, gives up, and reports success.
@test "dev add: a probe that fails is told with the virtio status bits, though the kernel reports success" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create pf0 msg_timeout 2
		# one that has no supervisor, which would begin another process that answers
		link pf0 >"$T.ready" 2>&1 &
		pid=$!
		wait_until 5 test -s "$T.ready"
		strace -qq -f -o /dev/null -e trace=write -e inject=write:error=EIO:when=3+ -p $pid &
		tracer=$!
		wait_until 5 grep -q "TracerPid:.*[1-9]" /proc/$pid/status || broken 'strace does not attach'
		expect 1 'vdpa -T 300 dev add name pf0 mgmtdev vduse' 'ACKNOWLEDGE.*DRIVER|status'
		kill $tracer
		wait $tracer 2>/dev/null
		if attached pf0; then
			run_line 'timeout -s KILL 300 vdpa dev del pf0'
			[ $status = 0 ] || complain "del: status $status: $err"
		fi
		kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
		wait_until 5 eval '! fuser -s /dev/vduse/pf0'
		rm "$T.ready"
		device destroy pf0
		nothing_left
	SCRIPT
}

@test "dev del: refused while a process holds the vhost node, with its name; and at once" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create vh0
		device serve vh0
		device attach vh0 driver vhost_vdpa
		for node in /dev/vhost-vdpa-*; do :; done
		sleep 1000 9<>"$node" &
		holder=$!
		wait_until 5 fuser -s "$node"
		json_rows <<-ROWS
			5 vdpa dev del vh0      ## sleep.*$holder|$holder.*sleep
			5 vdpa dev unbind vh0   ## sleep.*$holder|$holder.*sleep
			5 vdpa dev bind vh0 driver virtio_vdpa ## sleep.*$holder|$holder.*sleep
		ROWS
		in_time 25 'a refusal'
		[ "$(driver_of vh0)" = vhost_vdpa ] || complain 'it is not on its driver any more'
		kill -KILL $holder
		wait $holder 2>/dev/null
		undo vh0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "nl-81 dev add and del need CAP_NET_ADMIN: 4 without; reading does not" {
	in_guest <<-'SCRIPT'
		nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
		device create pm0
		device serve pm0
		expect 4 "$nobody vdpa dev add name pm0 mgmtdev vduse" 'CAP_NET_ADMIN|root|permi'
		attached pm0 && complain 'it is attached all the same'
		device attach pm0
		for line in 'dev del pm0' 'dev bind pm0 driver vhost_vdpa' 'dev unbind pm0'; do
			expect 4 "$nobody vdpa $line" 'CAP_NET_ADMIN|root|permi'
		done
		[ "$(driver_of pm0)" = virtio_vdpa ] || complain 'it did something'
		for line in 'dev show pm0' 'dev show' 'dev config show pm0' 'mgmtdev show' '-j dev show'; do
			expect 0 "$nobody vdpa $line"
		done
		undo pm0
		nothing_left
	SCRIPT
}
