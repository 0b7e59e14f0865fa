# SPDX-License-Identifier: GPL-2.0-or-later
#
# What vduse -j monitor prints, beside schema/vduse-monitor.json: every kind of event there
# is, with every key that it may have, as a real kernel gives them. Those of disks are in
# peers.bats.

load common
load device
load traffic
load monitor

@test "monitor json: every kind of event, with every key, and its errors, are as the schemas say" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/lines"
		device create mark
		watch /tmp/j -j
		big=$watcher
		# this one does not run until all is over, and its buffer is small
		watch_with='env VDUSE_MONITOR_BUFFER=4096' watch /tmp/small -j
		small=$watcher
		kill -STOP $small
		device create js0
		device serve js0
		device attach js0
		interface=$(interface_of js0)
		seen /tmp/j '"vq".*"index":1'
		raise "$interface"
		seen /tmp/j '"netdev".*"link":"up"'
		need 0 'vduse set js0 link down'
		need 0 'vduse set js0 link up'
		ip link set "$interface" down
		ip link set "$interface" name js1
		seen /tmp/j '"rename"'
		ip netns add away
		ip link set js1 netns away
		seen /tmp/j '"leave".*"netnsid"'
		ip -n away link set js1 netns 1
		seen /tmp/j '"arrive"'
		ip netns del away
		# one server dies, the next takes its driver over
		device kill js0
		seen /tmp/j '"clean":false'
		device serve js0
		seen /tmp/j '"reconnect"'
		seen /tmp/j '"vduse","event":"open".*"process"'
		need 0 'vdpa dev bind js0 driver vhost_vdpa'
		node=$(node_of js0)
		seen /tmp/j '"chardev"'
		looks_at $big "$node"
		lives "$node" 1
		seen /tmp/j '"iotlb"'
		exec 9<>"$node"
		seen /tmp/j "\"vdpa\",\"event\":\"open\".*\"pid\":$$"
		exec 9>&-
		lives "$node" 1 unmapped
		seen /tmp/j '"error".*virtqueue 0 does not start'
		# who follows and does not read loses events, and is told
		kill -STOP $big
		lives "$node" 100
		kill -CONT $big
		seen /tmp/j '"virtio","event":"resync"'
		undo js0
		device destroy mark
		seen /tmp/j '"destroy","name":"mark"'
		kill -CONT $small
		seen /tmp/small '"monitor","event":"resync"'
		kill $big $small
		ended 0 $big
		ended 0 $small
		cat /tmp/j /tmp/small
		# what it says when it cannot go on
		vduse -j monitor initial initial 2>&1 >/tmp/out
		vduse -j monitor 2>&1 >/dev/full & failing=$!
		settled $failing
		device create js0
		ended 1 $failing
		device destroy js0
		vduse -j monitor 2>&3 | :
		nothing_left
	SCRIPT
	grep '^{"timestamp"' "$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/events"
	grep -v '^{"timestamp"' "$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/errors"
	"$testsuite/check-schema" --all '(arrive|leave) (blockdev|rdev)|bind blockdev' \
		"$testsuite/../schema/vduse-monitor.json" "$BATS_TEST_TMPDIR/events"
	"$testsuite/check-schema" "$testsuite/../schema/error.json" "$BATS_TEST_TMPDIR/errors"
	run -0 wc -l "$BATS_TEST_TMPDIR/errors"
	[ "${output%% *}" = 3 ]
}

@test "monitor json: the kinds of the program, of its schema and of its manual page are the same" {
	"$testsuite/check-schema" --kinds "$testsuite/../schema/vduse-monitor.json" >"$BATS_TEST_TMPDIR/schema"
	sed -nE 's/^\t\[EVENT_[A-Z_]+\] = \{ EVENT_([A-Z]+), "([a-z]+)" \},$/\L\1\E,\2/p' \
		"$testsuite/../vduse/watch/event.c" | sort >"$BATS_TEST_TMPDIR/table"
	sed -n '/^\.Ss Events/,/^\.Ss JSON/p' "$testsuite/../man/man8/vduse-monitor.8" |
		grep '^\.It Cm' | grep -oE '[a-z]+,[a-z]+' | sort >"$BATS_TEST_TMPDIR/manual"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/table")" -ge 26 ]
	diff "$BATS_TEST_TMPDIR/table" "$BATS_TEST_TMPDIR/schema"
	diff "$BATS_TEST_TMPDIR/table" "$BATS_TEST_TMPDIR/manual"
}
