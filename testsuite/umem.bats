# SPDX-License-Identifier: GPL-2.0-or-later
#
# "umem" of vduse loopback: memory of the process as the bounce buffer.

load common
load device
load traffic

guest_functions+=(pinned)

# pinned PID: bytes that the kernel holds of its memory.
pinned()
{
	awk '/^VmPin/ { print $2 * 1024 }' "/proc/$1/status"
}

@test "umem: every frame passes through memory of the process, also after a rebind, a kill, and without it again" {
	in_guest <<-'SCRIPT'
		size=4194304
		# what this shell may lock, its children may
		ulimit -l $((size / 1024))
		bring_up um0 bounce_size $size -- umem user nobody
		server=$(server_of um0)
		[ "$(pinned $server)" = 0 ] || complain "pinned before the first frame: $(pinned $server)"
		carries frames "$interface" sizes 60-1514:7 count 500
		carries frames "$interface" kind tcp4 partial gso 1448 sizes 1600-65535:5003 window 8 allow csum,tso4
		[ "$(pinned $server)" = $size ] || complain "pinned: $(pinned $server)"
		# memory of a vhost client is the client's, and the next driver has ours again
		for round in 1 2; do
			need 0 'vdpa dev bind um0 driver vhost_vdpa'
			carries vhost_driver "$(node_of um0)" sizes 60-1514:101
			need 0 'vdpa dev bind um0 driver virtio_vdpa'
			interface=$(interface_of um0)
			raise "$interface"
			carries frames "$interface" sizes 60-1514:7 count 500
			[ "$(pinned $server)" = $size ] || complain "round $round: pinned: $(pinned $server)"
		done
		# off the bus and on it again
		device detach um0
		device attach um0
		interface=$(interface_of um0)
		raise "$interface"
		carries frames "$interface" sizes 60-1514:7 count 500
		[ "$(pinned $server)" = $size ] || complain "attached again: pinned: $(pinned $server)"
		[ "$(server_of um0)" = "$server" ] || complain 'the server is another'
		# killed and ended under traffic: what is on its way stays, in whose memory it may be
		frames "$interface" seconds 600 window 16 >"$T.frames" 2>&1 &
		frames=$!
		for verb in kill stop kill; do
			goes_on "$interface"
			device $verb um0
			device serve um0 umem
		done
		goes_on "$interface"
		device stop um0
		device serve um0
		goes_on "$interface"
		kill $frames
		wait $frames
		answer=$(cat "$T.frames")
		answers 'sent > 500' 'lost == 0' 'corrupt == 0'
		[ "$(pinned $(server_of um0))" = 0 ] || complain 'pinned without umem'
		undo um0
	SCRIPT
}

@test "umem: a limit of locked memory that is too low is refused beforehand with both numbers and the way out; a soft one is raised" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create ul0 bounce_size 8388608
		device create ul1 bounce_size 4194304
		# limited [-j] LIMIT WORD...: vduse with that limit
		limited()
		{
			local json=

			[ "$1" != -j ] || { json=-j && shift; }
			prlimit --memlock="$1" vduse $json "${@:2}"
		}
		json_rows <<-'ROWS'
			1 limited 8388607 loopback ul0 umem    ## 8388608 bytes.*RLIMIT_MEMLOCK. is 8388607.*prlimit --memlock=8388608.*LimitMEMLOCK=8388608
			1 limited 0 loopback ul0 umem user nobody background   ## RLIMIT_MEMLOCK. is 0
			1 limited 12582911 loopback ul0 peer ul1 umem          ## 12582912 bytes
			2 vduse loopback ul0 umem umem                         ## umem
		ROWS
		[ -z "$(server_of ul0)$(server_of ul1)" ] || complain 'a node is open'
		# the soft limit is ours to raise
		need 0 'prlimit --memlock=4096:12582912 vduse loopback ul0 peer ul1 umem user nobody background'
		server=$(server_of ul0)
		device attach ul0
		device attach ul1
		left=$(interface_of ul0) right=$(interface_of ul1)
		raise $left $right
		carries frames $left to $right
		[ "$(awk '/^VmPin/ { print $2 * 1024 }' /proc/$server/status)" = 12582912 ] || complain "pinned: $(grep VmPin /proc/$server/status)"
		device detach ul0
		device detach ul1
		device stop ul0
		# a descriptor says nothing of the size: told when the driver comes, and served all the same
		(ulimit -l 1024 && exec vduse loopback ul0 fd 9 umem 9<>/dev/vduse/ul0 >"$T.ready" 2>"$T.said") &
		server=$!
		wait_until 5 test -s "$T.ready" || broken "$(cat "$T.said")"
		device attach ul0
		interface=$(interface_of ul0)
		raise "$interface"
		carries frames "$interface"
		grep -q 'umem: .*8388608 bytes.*RLIMIT_MEMLOCK.*kernel.s memory' "$T.said" || complain "it said: $(cat "$T.said")"
		[ "$(grep -c umem "$T.said")" = 1 ] || complain "said more than once: $(cat "$T.said")"
		device detach ul0
		kill $server
		wait $server
		device destroy ul0
		device destroy ul1
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}
