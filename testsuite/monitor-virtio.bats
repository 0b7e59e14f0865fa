# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse monitor, object virtio: what the processes that serve devices see.

load common
load device
load traffic
load monitor

@test "monitor virtio: a server's life, its drivers, its link and its end, in order, in JSON and text" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		told() { grep -q "$1" /tmp/mv.json; }
		vduse -j monitor virtio >/tmp/mv.json 2>/tmp/mv.err & follower=$!
		vduse monitor virtio name mv0 >/tmp/mv.text & reader=$!
		settled $follower $reader
		device create mv0
		device create mv1
		device serve mv0
		wait_until 5 told '"start"' || complain 'no start'
		device serve mv1
		device attach mv0
		wait_until 5 told '"vq".*"index":1' || complain 'no virtqueue'
		need 0 'vduse set mv0 link down'
		need 0 'vduse set mv0 link up'
		device detach mv0
		device stop mv0
		wait_until 5 told '"exit","name":"mv0"' || complain 'no exit'
		device serve mv0
		device attach mv0
		interface=$(interface_of mv0)
		raise "$interface"
		device kill mv0
		wait_until 5 eval '[ "$(grep -c "\"exit\"" /tmp/mv.json)" = 2 ]' || complain 'no exit of who was killed'
		device serve mv0
		wait_until 5 told '"reconnect","name":"mv0","status":.*DRIVER_OK' || complain 'no reconnect'
		# who comes later is told what is so
		vduse monitor virtio initial >/tmp/mv.initial & later=$!
		wait_until 5 grep -q 'vq. mv0 index 1' /tmp/mv.initial || complain "initial: $(cat /tmp/mv.initial)"
		kill -TERM $later
		undo mv0
		device stop mv1
		wait_until 5 eval '[ "$(grep -c "\"exit\"" /tmp/mv.json)" = 4 ]' || complain 'not every exit'
		kill -TERM $follower $reader
		wait $follower || complain "status $?"
		[ ! -s /tmp/mv.err ] || complain "says: $(cat /tmp/mv.err)"
		cat /tmp/mv.json
		grep -q mv1 /tmp/mv.text && complain 'the filter by name lets others through'
		grep -qx '\[virtio,status\] mv0 ACKNOWLEDGE DRIVER FEATURES_OK DRIVER_OK' /tmp/mv.text || complain "text: $(cat /tmp/mv.text)"
		grep -qx '\[virtio,link\] mv0 down' /tmp/mv.text || complain "text: $(cat /tmp/mv.text)"
		grep -q '^\[virtio,features\] mv0 .*VERSION_1' /tmp/mv.text || complain "text: $(cat /tmp/mv.text)"
		grep -q '^\[virtio,start\] mv1' /tmp/mv.initial || complain "initial: $(cat /tmp/mv.initial)"
		rm -f /tmp/mv.*
		device destroy mv1
	SCRIPT
	run -0 jq -es '
		all(.[]; .object == "virtio" and (.timestamp | test("Z$"))) and
		([.[] | select(.name == "mv1") | .event] == ["start", "exit"])' "$BATS_TEST_TMPDIR/json"
	run -0 jq -es '[.[] | select(.name == "mv0")] |
		.[0].event == "start" and .[0].vq_size == 256 and .[0].pid > 1 and
		([.[] | select(.event == "exit") | .clean] == [true, false, true]) and
		([.[] | select(.event == "link") | .link] == ["down", "up"])' "$BATS_TEST_TMPDIR/json"
	"$testsuite/check-schema" "$testsuite/../schema/vduse-monitor.json" "$BATS_TEST_TMPDIR/json"
	# up to the first end: a driver that came and went
	run -0 jq -es '[.[] | select(.name == "mv0")] | .[0:(map(.event) | index("exit"))] |
		([.[] | select(.event == "status") | .status] | .[0:6] == [["reset"], ["ACKNOWLEDGE"], ["ACKNOWLEDGE", "DRIVER"],
			["ACKNOWLEDGE", "DRIVER", "FEATURES_OK"],
			["ACKNOWLEDGE", "DRIVER", "FEATURES_OK", "DRIVER_OK"], ["reset"]]) and
		([.[] | select(.event == "vq") | .index] == [0, 1]) and
		([.[] | select(.event == "features") | .features | index("MRG_RXBUF") != null] == [true]) and
		(map(.event) | index("reset") != null)' "$BATS_TEST_TMPDIR/json"
}

@test "monitor virtio: what happened before it came is in the first packet, and a hostile folder does no harm" {
	in_guest <<-'SCRIPT'
		device create mh0
		device serve mh0
		# files that are no sockets, names that are none, sockets that nobody serves
		vduse monitor virtio >/tmp/mh.text 2>/tmp/mh.err & follower=$!
		settled $follower
		: >/run/vduse/.mh && mv /run/vduse/.mh /run/vduse/.sock
		: >/run/vduse/.mh && mv /run/vduse/.mh /run/vduse/none.sock
		: >/run/vduse/.mh && mv /run/vduse/.mh /run/vduse/+0123456789abcdef.sock
		settled $follower
		need 0 'vduse set mh0 link down'
		wait_until 5 grep -q 'virtio,link. mh0 down' /tmp/mh.text || complain "it does not go on: $(cat /tmp/mh.text /tmp/mh.err)"
		kill -TERM $follower
		wait $follower || complain "status $?"
		[ "$(wc -l </tmp/mh.text)" = 1 ] || complain "it says: $(cat /tmp/mh.text)"
		rm -f /run/vduse/.sock /run/vduse/none.sock /run/vduse/+0123456789abcdef.sock /tmp/mh.*
		device stop mh0
		device destroy mh0
	SCRIPT
}

@test "monitor virtio: whose device the kernel has broken says so, and does not end in good order" {
	in_guest <<-'SCRIPT'
		device create mb0 msg_timeout 1
		device serve mb0
		device attach mb0 driver vhost_vdpa
		vduse monitor virtio initial >/tmp/m & watcher=$!
		seen /tmp/m 'start\] mb0'
		server=$(server_of mb0)
		kill -STOP $server
		lives "$(node_of mb0)" 1 2>/dev/null
		kill -CONT $server
		seen /tmp/m 'exit\] mb0'
		tail -n 2 /tmp/m >/tmp/end
		grep -q '^\[virtio,error\] mb0 message .*the kernel has broken the device' /tmp/end || complain "it says: $(</tmp/end)"
		grep -qx '\[virtio,exit\] mb0 clean false' /tmp/end || complain "it says: $(</tmp/end)"
		kill $watcher
		ended 0 $watcher
		device detach mb0
		device destroy mb0
		nothing_left
	SCRIPT
}

@test "monitor virtio: what is wrong with a driver is told to who comes later, too, until it is another one" {
	in_guest <<-'SCRIPT'
		# initially FILE: what a monitor that comes now is told
		initially()
		{
			vduse monitor virtio initial >"$1" & watcher=$!
			seen "$1" 'status\] me0|start\] me0'
			settled $watcher
			kill $watcher
			ended 0 $watcher
		}
		device create me0
		device serve me0
		device attach me0 driver vhost_vdpa
		initially /tmp/before
		lives "$(node_of me0)" 1 unmapped hold & driver=$!
		wait_until 5 eval 'vduse -d show me0 | grep -q DRIVER_OK' || complain 'there is no driver'
		initially /tmp/while
		kill $driver
		wait_until 5 eval 'vduse -d show me0 | grep -q "status reset"' || complain 'the driver does not go'
		initially /tmp/after
		grep -q '^\[virtio,error\] me0 message virtqueue 1 does not start' /tmp/while || complain "it says: $(</tmp/while)"
		grep -q DRIVER_OK /tmp/while || complain "it says: $(</tmp/while)"
		grep error /tmp/before /tmp/after && complain 'nothing is wrong'
		undo me0
		nothing_left
	SCRIPT
}
