# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse monitor: what it tells of real devices, of bursts, and how it ends.

load common
load device
load traffic
load monitor

@test "monitor tells a device's life: created, opened, attached, renamed, moved, bound to the other driver, gone" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create mark
		watch /tmp/m vduse vdpa
		text=$watcher
		watch /tmp/j -j vduse vdpa
		json=$watcher
		device create lo0
		device serve lo0
		pid=$(service_of lo0)
		seen /tmp/m 'open\] lo0'
		device attach lo0
		if=$(interface_of lo0)
		seen /tmp/m 'bind\] lo0'
		ip link set "$if" up
		seen /tmp/m 'link up'
		ip link set "$if" down
		seen /tmp/m 'link down'
		ip link set "$if" name wan0
		seen /tmp/m 'rename\] lo0'
		ip netns add away
		ip link set wan0 netns away
		seen /tmp/m 'leave\] lo0'
		ip -n away link set wan0 netns 1
		seen /tmp/m 'arrive\] lo0'
		# what somebody writes to sysfs is no news
		echo add >/sys/class/vduse/lo0/uevent
		echo remove >/sys/class/vduse/lo0/uevent
		expect 0 'vdpa dev unbind lo0'
		expect 0 'vdpa dev bind lo0 driver vhost_vdpa'
		seen /tmp/m 'vhost_vdpa'
		node=$(ls -d /dev/vhost-vdpa-*)
		looks_at $text "$node"
		looks_at $json "$node"
		exec 9<>"$node"
		seen /tmp/m 'vdpa,open\] lo0'
		exec 9<&-
		seen /tmp/m 'vdpa,close\] lo0'
		device detach lo0
		device stop lo0
		seen /tmp/m 'vduse,close\] lo0'
		device destroy lo0
		seen /tmp/m 'destroy\] lo0'
		cat >/tmp/want <<-END
			[vduse,create] mark
			[vduse,create] lo0
			[vduse,open] lo0 pid $pid command vduse loopback
			[vdpa,add] lo0
			[vdpa,bind] lo0 driver virtio_vdpa netdev $if
			[vdpa,link] lo0 netdev $if link up
			[vdpa,link] lo0 netdev $if link down
			[vdpa,rename] lo0 netdev wan0 former $if
			[vdpa,leave] lo0 netdev wan0 netnsid 0
			[vdpa,arrive] lo0 netdev wan0
			[vdpa,unbind] lo0
			[vdpa,bind] lo0 driver vhost_vdpa chardev $node
			[vdpa,open] lo0 chardev $node pid $$ command bash
			[vdpa,close] lo0 chardev $node pid $$ command bash
			[vdpa,unbind] lo0
			[vdpa,del] lo0
			[vduse,close] lo0 pid $pid command vduse loopback
			[vduse,destroy] lo0
		END
		diff /tmp/want /tmp/m >&2 || complain "the text is another"
		kill $text $json
		ended 0 $text
		ended 0 $json
		cat /tmp/j >&3
		ip netns del away
		device destroy mark
		nothing_left
	SCRIPT
	# the same events, each an object of known keys, and time goes on
	jq -es 'def names: type == "string" and test("^[A-Za-z0-9_/.-]+$");
		def process: keys == ["command", "pid"] and (.pid | type == "number") and (.command | type == "string");
		length == 18 and (map(.timestamp) | . == sort) and
		map("\(.object),\(.event)") == ["vduse,create", "vduse,create", "vduse,open", "vdpa,add", "vdpa,bind",
			"vdpa,link", "vdpa,link", "vdpa,rename", "vdpa,leave", "vdpa,arrive", "vdpa,unbind", "vdpa,bind",
			"vdpa,open", "vdpa,close", "vdpa,unbind", "vdpa,del", "vduse,close", "vduse,destroy"] and
		all(.[]; (.timestamp | test("^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.][0-9]{6}Z$")) and
			(keys_unsorted[:4] == ["timestamp", "object", "event", "name"]) and (.name == "lo0" or .name == "mark") and
			(keys - ["timestamp", "object", "event", "name", "driver", "netdev", "ifindex", "chardev", "rdev",
				"former", "netnsid", "link", "process"] == []) and
			((.process // {pid: 1, command: ""}) | process) and all(.netdev, .former, .chardev; . == null or names) and
			all(.ifindex, .netnsid; . == null or type == "number")) and
		(.[4] | .driver == "virtio_vdpa" and .ifindex > 0) and .[5].link == "up" and .[6].link == "down" and
		(.[11].rdev | test("^[0-9]+:[0-9]+$"))' "$BATS_TEST_TMPDIR/json"
	"$testsuite/check-schema" "$testsuite/../schema/vduse-monitor.json" "$BATS_TEST_TMPDIR/json"
}

@test "monitor: of 2000 devices that come and go in a burst every one is told, and who had it open" {
	in_guest <<-'SCRIPT'
		device create mark
		watch /tmp/m
		many b 2000 >/tmp/ready &
		served=$!
		wait_until 60 grep -qs ready /tmp/ready || broken 'many does not get ready'
		# it is known who opened those that are still open when /proc is looked at
		wait_until 30 eval '[ "$(grep -c "^\[vduse,open\] b[0-9]* pid $served command many$" /tmp/m)" -ge 200 ]' ||
			complain "it does not tell who opened them: $(tail -n 20 /tmp/m)"
		kill $served
		wait $served || complain "many ended with $?"
		seen /tmp/m 'destroy\] b1999' 30
		for event in create open close destroy; do
			got=$(grep -E "^\[vduse,$event\] b[0-9]+( |$)" /tmp/m | cut -d' ' -f2 | sort -u | wc -l)
			[ "$got" = 2000 ] || complain "$got devices are told of with $event"
		done
		[ "$(wc -l </tmp/m)" = 8001 ] || complain "$(wc -l </tmp/m) lines"
		! grep resync /tmp/m || complain 'something was lost'
		[ "$(replay /tmp/m)" = mark ] || complain "at the end there is $(replay /tmp/m)"
		# nobody else is named
		known=$(grep -c "^\[vduse,open\] b[0-9]* pid $served command many$" /tmp/m)
		named=$(grep -c '^\[vduse,open\] b.* pid ' /tmp/m)
		[ "$known" -ge 200 ] && [ "$known" = "$named" ] || complain "$known of $named are right"
		kill $watcher
		ended 0 $watcher
		device destroy mark
	SCRIPT
}

@test "cli-91 monitor: a small buffer, and a reader that is slow: resync, and in the end the reader knows what is there" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		# serve PREFIX COUNT: so many devices, until they are told to end; as $served
		serve()
		{
			many "$1" "$2" >/tmp/ready &
			served=$!
			wait_until 20 grep -qs ready /tmp/ready || broken "many $1 does not get ready"
		}
		# burst PREFIX COUNT: so many come and go
		burst()
		{
			serve "$1" "$2"
			kill $served
			wait $served || complain "many $1 ended with $?"
		}
		device create mark
		# the kernel's buffer: a monitor that does not run meanwhile
		watch_with='env VDUSE_MONITOR_BUFFER=4096' watch /tmp/m
		kill -STOP $watcher
		burst gone 80
		serve stay1_ 3
		kept=$served
		kill -CONT $watcher
		seen /tmp/m '^\[monitor,resync\] reason overrun$'
		seen /tmp/m 'create\] stay1_2'
		wait_until 5 eval '[ "$(replay /tmp/m)" = "$(is_there)" ]' || complain "the reader believes: $(replay /tmp/m)"
		[ "$(grep -c gone /tmp/m)" -lt 160 ] || complain 'nothing was lost: the test shows nothing'
		kill $watcher
		ended 0 $watcher
		# the reader: a pipe that nobody reads; memory is bounded, and the kernel's buffer is
		# emptied nevertheless
		mkfifo /tmp/pipe
		VDUSE_MONITOR_BUFFER=8192 vduse -j monitor initial >/tmp/pipe &
		watcher=$!
		exec 8</tmp/pipe
		IFS= read -r -u 8 line
		[[ $line = *mark* ]] || complain "it begins with $line"
		for i in 1 2 3 4; do
			burst "gone${i}_" 200
		done
		serve stay2_ 3
		cat <&8 >/tmp/j &
		reader=$!
		seen /tmp/j '"event":"resync","reason":"(reader|overrun)"'
		seen /tmp/j '"event":"create","name":"stay2_2"'
		knows()
		{
			sed -E 's/.*"object":"vduse","event":"([a-z]*)","name":"([^"]*)".*/[vduse,\1] \2/' /tmp/j >/tmp/t
			echo '[vduse,create] mark' | cat - /tmp/t >/tmp/m
			[ "$(replay /tmp/m)" = "$(is_there)" ]
		}
		wait_until 5 knows || complain "the reader believes: $(replay /tmp/m)"
		[ "$(wc -l </tmp/j)" -lt 3600 ] || complain 'nothing was lost: the test shows nothing'
		exec 8<&-
		kill $watcher
		ended 0 $watcher
		wait $reader
		cat /tmp/j >&3
		kill $kept $served
		wait $kept $served
		device destroy mark
		rm -f /tmp/pipe
		nothing_left
	SCRIPT
	"$testsuite/check-schema" "$testsuite/../schema/vduse-monitor.json" "$BATS_TEST_TMPDIR/json"
}

@test "cli-91 monitor: whichever source leaves something out, links, nodes or control sockets: a resync, and all is right after it" {
	in_guest <<-'SCRIPT'
		device create mark
		bring_up mo0
		wait_until 3 eval '[ "$(read_value "/sys/class/net/$interface/operstate")" = up ]'
		limit=$(</proc/sys/fs/inotify/max_queued_events)
		echo 16 >/proc/sys/fs/inotify/max_queued_events
		watch_with='env VDUSE_MONITOR_BUFFER=4096' watch /tmp/m
		echo "$limit" >/proc/sys/fs/inotify/max_queued_events
		seen /tmp/m 'virtio,vq\] mo0 index 1'
		settled $watcher
		links()
		{
			for i in {1..30}; do
				echo "link set $interface down"
				echo "link set $interface up"
			done | ip -batch -
			ip link set "$interface" down
			after="vdpa,link\\] mo0 netdev $interface link down"
		}
		nodes()
		{
			for i in {1..30}; do
				exec 9<>/dev/vduse/mark
				exec 9>&-
			done
			exec 9<>/dev/vduse/mark
			after="vduse,open\\] mark pid $$ command bash"
		}
		sockets()
		{
			mkdir /run/many
			touch /run/many/{1..30}.sock
			mv /run/many/* /run/vduse/
			rm -r /run/many /run/vduse/{1..30}.sock
			vduse set mo0 link down
			after='virtio,link\] mo0 down'
		}
		for source in links nodes sockets; do
			kill -STOP $watcher
			: >/tmp/m
			$source
			kill -CONT $watcher
			seen /tmp/m '^\[monitor,resync\] reason overrun$'
			seen /tmp/m "$after"
			[ "$(grep -c 'monitor,resync' /tmp/m)" = 1 ] || complain "$source: $(</tmp/m)"
		done
		exec 9>&-
		kill $watcher
		ended 0 $watcher
		undo mo0
		device destroy mark
		nothing_left
	SCRIPT
}

@test "monitor: objects and a name choose, initial lists, times are printed, another network namespace does" {
	in_guest <<-'SCRIPT'
		device create mark
		device serve mark
		device attach mark
		pid=$(service_of mark) if=$(interface_of mark)
		watch /tmp/all
		all=$watcher
		watch /tmp/vduse vduse
		set -- $all $watcher
		watch /tmp/vdpa vdpa
		set -- "$@" $watcher
		watch /tmp/both vdpa vduse name mark
		set -- "$@" $watcher
		ip netns add away
		watch_with='ip netns exec away' watch /tmp/away
		set -- "$@" $watcher
		watch_with='env TZ=UTC' watch /tmp/short --tshort
		set -- "$@" $watcher
		watch_with='env TZ=UTC' watch /tmp/long -t
		set -- "$@" $watcher
		vduse monitor virtio initial >/tmp/virtio &
		set -- "$@" $!
		vduse monitor name mark >/tmp/later &
		set -- "$@" $!
		settled "$@"
		device create lo0
		expect 0 'vdpa dev unbind mark'
		device destroy lo0
		seen /tmp/all 'destroy\] lo0'
		seen /tmp/later unbind
		settled "$@"
		listed="[vduse,create] mark
		[vduse,open] mark pid $pid command vduse loopback
		[vdpa,add] mark
		[vdpa,bind] mark driver virtio_vdpa netdev $if"
		listed=${listed//$'\t'/}
		came='[vduse,create] lo0' went='[vduse,destroy] lo0' unbound='[vdpa,unbind] mark'
		# what the server sees is told among it
		same()
		{
			[ "$(grep -v '^\[virtio,' "$1")" = "$2" ] || complain "$1: $(<"$1")"
		}
		same /tmp/all "$listed"$'\n'"$came"$'\n'"$unbound"$'\n'"$went"
		same /tmp/vduse "$(grep vduse, <<<"$listed")"$'\n'"$came"$'\n'"$went"
		same /tmp/vdpa "$(grep vdpa, <<<"$listed")"$'\n'"$unbound"
		same /tmp/both "$listed"$'\n'"$unbound"
		# the interface is in the first namespace: sysfs does not show it in the other
		same /tmp/away "${listed% netdev *}"$'\n'"$came"$'\n'"$unbound"$'\n'"$went"
		same /tmp/virtio ''
		grep -q '^\[virtio,status\] mark ACKNOWLEDGE DRIVER' /tmp/virtio || complain "virtio: $(</tmp/virtio)"
		grep -q virtio, /tmp/vduse /tmp/vdpa /tmp/both && complain 'virtio was not asked for'
		same /tmp/later "$unbound"
		grep -qE '^\[20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}\.[0-9]{6}\] \[vduse,create\] lo0$' /tmp/short ||
			complain "short: $(</tmp/short)"
		grep -B1 '^.vduse,create. lo0$' /tmp/long |
			grep -qE '^Timestamp: [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} 20[0-9]{2} [0-9]+ usec$' ||
			complain "long: $(</tmp/long)"
		for watcher; do
			kill -INT $watcher
		done
		for watcher; do
			ended 0 $watcher
		done
		device detach mark
		device stop mark
		device destroy mark
		ip netns del away
		nothing_left
	SCRIPT
}

@test "monitor: idle it costs nothing; without the module it waits for it; a bind waits for its interface" {
	in_guest <<-'SCRIPT'
		modules
		vduse monitor >/tmp/m 2>&1 &
		watcher=$!
		sleeps 3 $watcher
		kill -0 $watcher || complain "it did not wait: $(</tmp/m)"
		modules vduse virtio_vdpa vhost_vdpa virtio_net
		device create lo0
		device serve lo0
		seen /tmp/m '^\[vduse,open\] lo0'
		device attach lo0
		modprobe -r virtio_net
		device detach lo0
		# the module of virtio_net is loaded by vdpa after the bind
		device attach lo0
		seen /tmp/m 'bind\] lo0 driver virtio_vdpa netdev'
		[ "$(grep -c 'vdpa,bind' /tmp/m)" = "$(grep -c 'vdpa,bind.*netdev' /tmp/m)" ] ||
			complain "a bind has no interface: $(grep vdpa,bind /tmp/m)"
		undo lo0
		kill $watcher
		ended 0 $watcher
		nothing_left
	SCRIPT
}

@test "nl-84 monitor: what a process sends like a uevent is nobody's news" {
	in_guest <<-'SCRIPT'
		device create mark
		watch /tmp/m
		base=/devices/virtual/vduse
		forge $watcher add $base/lie0 vduse MAJOR=243 MINOR=9 DEVNAME=vduse/lie0
		forge $watcher remove $base/mark vduse MAJOR=243 MINOR=1 DEVNAME=vduse/mark
		forge $watcher add $base/lie0/lie0 vdpa
		forge $watcher add "$base/$(head -c 6000 /dev/zero | tr '\0' x)" vduse
		device create lo0
		device destroy lo0
		seen /tmp/m 'destroy\] lo0'
		[ "$(</tmp/m)" = $'[vduse,create] mark\n[vduse,create] lo0\n[vduse,destroy] lo0' ] ||
			complain "it believed: $(</tmp/m)"
		kill $watcher
		ended 0 $watcher
		device destroy mark
	SCRIPT
}

@test "monitor ends: 0 on SIGINT and SIGTERM, also with a reader that reads nothing, 1 when the reader is gone or the disk full" {
	in_guest <<-'SCRIPT'
		device create mark
		for signal in INT TERM; do
			watch /tmp/m
			kill -$signal $watcher
			ended 0 $watcher
			[ ! -s /tmp/m.err ] || complain "$signal: $(</tmp/m.err)"
		done
		# full is the pipe: nobody reads it
		mkfifo /tmp/pipe
		VDUSE_MONITOR_BUFFER=4096 vduse monitor >/tmp/pipe &
		watcher=$!
		exec 8</tmp/pipe
		many gone 700 >/tmp/ready &
		served=$!
		wait_until 20 grep -qs ready /tmp/ready || broken 'many does not get ready'
		kill $served
		wait $served
		kill -0 $watcher || complain 'a slow reader ended it'
		kill $watcher
		ended 0 $watcher
		exec 8<&-
		# the reader goes while nothing happens
		vduse monitor >/tmp/pipe 2>/tmp/err &
		watcher=$!
		exec 8</tmp/pipe
		settled $watcher
		exec 8<&-
		ended 1 $watcher
		grep -qi 'stdout.*pipe' /tmp/err || complain "no reader: $(</tmp/err)"
		vduse -j monitor initial >/dev/full 2>/tmp/err
		[ $? = 1 ] || complain 'a full disk is not status 1'
		grep -q '^{"error":{.*"errno":"ENOSPC"' /tmp/err || complain "full disk: $(</tmp/err)"
		expect 2 'VDUSE_MONITOR_BUFFER=x vduse monitor' VDUSE_MONITOR_BUFFER
		expect 2 'vduse monitor name'
		expect 2 'vduse -b - <<<monitor' 'monitor'
		expect 2 'vduse monitor vduse vduse' twice
		expect 2 'vduse monitor nonsense' nonsense
		device destroy mark
		rm -f /tmp/pipe
	SCRIPT
}
