# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse up and vduse down: everything with one word, and nothing left of it with another.

load common
load device
load up

@test "up and down: with both drivers, usable when it returns; twice changes nothing; other words are 5" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		need 0 'vduse up a0' '^a0: driver virtio_vdpa netdev [a-z0-9]+ pid [0-9]+ command vduse loopback.$'
		before=$out
		[ -e "/sys/class/net/$(interface_of a0)" ] || complain 'no interface'
		expect 0 'vduse up a0'
		[ "$out" = "$before" ] || complain "the second time: $out, the first: $before"
		expect 0 'vduse up a0 vq_size 256 driver virtio_vdpa type net'
		[ "$out" = "$before" ] || complain "with the defaults said: $out, without: $before"
		while read -r words; do
			expect 5 "vduse up a0 $words" "${words%% *}"
		done <<-'ROWS'
			mtu 1400
			mac 02:00:00:00:00:01
			vq_size 128
			driver vhost_vdpa
			umem
			poll 50
			user nobody
			pcap /tmp/a0.pcap
			msg_timeout 5
			features +RING_PACKED
			peer a1
		ROWS
		expect 0 'vduse up a0'
		[ "$out" = "$before" ] || complain "after refusals: $out, before: $before"
		expect 0 'vduse down a0'
		no_trace 'after down' a0
		expect 0w 'vduse down a0' 'nothing'
		expect 0 'vduse -j up a0 driver vhost_vdpa mtu 1400'
		printf '%s' "$out"
		[ "$(driver_of a0)" = vhost_vdpa ] || complain "driver $(driver_of a0)"
		for node in /sys/bus/vdpa/devices/a0/vhost-vdpa-*; do
			[ -c "/dev/${node##*/}" ] || complain "no node ${node##*/}"
		done
		expect 5 'vduse up a0' mtu
		expect 0 'vduse -j down a0' '^\{\}'
		no_trace 'after down' a0
		run_line 'vduse -j -b <(printf "up a0\nshow a0\ndown a0\n")'
		[[ $status$err = 0 && $out = *'"output":{"vduse":{"a0":{"driver":"virtio_vdpa"'*'"attached":true'*'"output":{}'* ]] ||
			complain "a batch: status $status: $out$err"
		no_trace 'a batch' a0
	SCRIPT
	run -0 jq -e '.vduse.a0 | .driver == "vhost_vdpa" and (.chardev | startswith("/dev/vhost-vdpa-")) and
		(.process.pid > 0) and .process.command == "vduse loopback"' "$BATS_TEST_TMPDIR/json"
}

@test "a pair is one unit: words before peer are the first's, after it the second's; down of either ends both" {
	in_guest <<-'SCRIPT'
		need 0 'vduse up p0 mac 02:00:00:00:00:01 mtu 1400 peer p1 mac 02:00:00:00:00:02 vq_size 128' 'p0: .*\np1: '
		for end in p0 p1; do
			interface=$(interface_of $end)
			mac=$(read_value "/sys/class/net/$interface/address")
			mtu=$(read_value "/sys/class/net/$interface/mtu")
			[ "$mac $mtu" = "02:00:00:00:00:0$((${end#p} + 1)) $((1400 + ${end#p} * 100))" ] ||
				complain "$end: $mac $mtu"
		done
		[ "$(server_of p0)" = "$(server_of p1)" ] || complain 'two processes serve it'
		expect 0 'vduse up p0 mac 02:00:00:00:00:01 mtu 1400 vq_size 128 peer p1 mac 02:00:00:00:00:02'
		expect 5 'vduse up p0 mac 02:00:00:00:00:01 mtu 1400 vq_size 128 peer p1 mac 02:00:00:00:00:03' "peer's mac"
		expect 5 'vduse up p0 mac 02:00:00:00:00:01 mtu 1400 vq_size 128' 'peer p1'
		expect 5 'vduse up p1' 'up p0 peer p1'
		expect 5 'vduse up p2 peer p1' p0
		expect 0 'vduse down p1'
		no_trace 'down of the second' p0 p1 p2
		# what stands in the way of one leaves both alone
		need 0 'vduse up p0 driver vhost_vdpa peer p1'
		for node in /sys/bus/vdpa/devices/p0/vhost-vdpa-*; do
			exec {held}<>"/dev/${node##*/}"
		done
		expect 5 'vduse down p0' "p0.*process $$ "
		attached p1 || complain 'a refused down took one off the bus'
		exec {held}>&-
		expect 0 'vduse down p1'
		no_trace 'refused at first' p0 p1
		# also where no process tells what belongs together
		need 0 'vduse up p0 driver vhost_vdpa peer p1'
		kill -KILL "$(server_of p1)"
		expect 0w 'vduse down p1 2>&1 >/dev/null | tail -n 1 >&2' 'p0: no process served it'
		no_trace 'without a device process' p0 p1
		# a pair by hand is one as well, and half of one
		device create p0
		device create p1
		device serve p0 peer p1
		device attach p0
		expect 0w 'vduse down p1' 'not attached'
		no_trace 'by hand' p0 p1
		need 0 'vduse up p0 driver vhost_vdpa peer p1'
		device detach p0
		device stop p1
		device destroy p0
		expect 0w 'vduse down p1' 'p1.*no process served it'
		no_trace 'half' p0 p1
		rows <<-'ROWS'
			2 vduse up p0 peer p0                 ## peer
			2 vduse up p0 vqs 4                   ## virtqueues
			2 vduse up 'p/0'                      ## p/0
			2 vduse up
			2 vduse down
		ROWS
		no_trace 'bad words' p0 p1
	SCRIPT
}

@test "up once more puts back what is missing: the device process, the driver, all of a broken device" {
	in_guest <<-'SCRIPT'
		need 0 'vduse up r0'
		interface=$(interface_of r0)
		ifindex=$(read_value "/sys/class/net/$interface/ifindex")
		kill -KILL "$(server_of r0)"
		need 0 'vduse up r0'
		[ "$(read_value "/sys/class/net/$interface/ifindex")" = "$ifindex" ] || complain 'the interface is another'
		[ -n "$(server_of r0)" ] || complain 'nobody serves it'
		device detach r0
		need 0 'vduse up r0' netdev
		echo r0 >/sys/bus/vdpa/drivers/virtio_vdpa/unbind
		need 0 'vduse up r0' netdev
		vdpa dev bind r0 driver vhost_vdpa
		need 0 'vduse up r0' netdev
		# its interface is in another namespace: that is well, and stays so
		ip netns add r0space
		ip link set "$(interface_of r0)" netns r0space
		need 0 'vduse up r0' 'driver virtio_vdpa'
		[ "$(ip -n r0space -o link | grep -vc LOOPBACK)" = 1 ] || complain 'it left the namespace'
		ip netns del r0space
		# one that is stopped was stopped by someone
		pid=$(server_of r0)
		kill -STOP "$pid"
		expect 6 'vduse -T 5 up r0' "$pid.*stopped"
		kill -CONT "$pid"
		need 0 'vduse up r0'
		# broken
		echo 1 >/sys/class/vduse/r0/msg_timeout
		kill -KILL "$(server_of r0)"
		echo r0 >/sys/bus/vdpa/drivers/virtio_vdpa/unbind
		need 0 'vduse up r0' netdev
		expect 0 'vduse show r0' 'msg_timeout 30 .*broken false'
		expect 0 'vduse down r0'
		# killed before there was a record, and before anything but the word
		need 0 'vduse up r0'
		device detach r0
		device stop r0
		rm /run/vduse/r0.json
		need 0 'vduse up r0' netdev
		[ -e /run/vduse/r0.json ] || complain 'no record'
		expect 0 'vduse down r0'
		no_trace 'at the end' r0
	SCRIPT
}

@test "down ends it in whatever state it is, and says what it found" {
	in_guest <<-'SCRIPT'
		need 0 'vduse up d0'
		kill -KILL "$(server_of d0)"
		expect 0w 'vduse down d0' 'no process served it'
		[ $ms -lt 6000 ] || complain "dead: it took $ms ms"
		no_trace dead d0
		need 0 'vduse up d0'
		pid=$(server_of d0)
		kill -STOP "$pid"
		expect 0w 'vduse down d0' "process $pid was stopped"
		# it was let go on to answer: no time-out of the kernel passed, which are a second at least
		[ $ms -lt 1000 ] || complain "stopped: it took $ms ms"
		no_trace stopped d0
		need 0 'vduse up d0'
		echo 1 >/sys/class/vduse/d0/msg_timeout
		kill -KILL "$(server_of d0)"
		echo d0 >/sys/bus/vdpa/drivers/virtio_vdpa/unbind
		expect 0w 'vduse down d0' 'had broken it'
		no_trace broken d0
		# by hand: created, served, on the bus without a driver
		device create d0
		expect 0w 'vduse down d0' 'no process served it; it was not attached'
		no_trace created d0
		device create d0
		device serve d0
		expect 0w 'vduse down d0' ': it was not attached'
		no_trace served d0
		device create d0
		device serve d0
		device attach d0
		echo d0 >/sys/bus/vdpa/drivers/virtio_vdpa/unbind
		expect 0w 'vduse down d0' 'no bus driver'
		no_trace unbound d0
		device create d0 type block size 1048576
		expect 0w 'vduse down d0' 'not attached'
		no_trace block d0
		# files alone
		touch /run/vduse/d0.json /run/vduse/d0.sock /run/vduse/d0.sock.77 /run/vduse/d0.up
		expect 0w 'vduse down d0' 'only files'
		no_trace files d0
		expect 0w 'vduse down d0' 'nothing'
		# no process but ours is ended
		device create d0
		exec {node}<>/dev/vduse/d0
		expect 5 'vduse down d0' "process $$ .*none of ours"
		exec {node}>&-
		device serve d0
		device attach d0 driver vhost_vdpa
		for node in /sys/bus/vdpa/devices/d0/vhost-vdpa-*; do
			node=/dev/${node##*/}
		done
		exec {held}<>"$node"
		expect 5 'vduse down d0' "process $$ .*${node##*/}"
		[ "$(driver_of d0)" = vhost_vdpa ] || complain 'a refused down did something'
		[ -n "$(server_of d0)" ] || complain 'a refused down ended the device process'
		exec {held}>&-
		expect 0 'vduse down d0'
		no_trace 'at the end' d0
	SCRIPT
}

@test "a step that fails: nothing is left, and the reason is said" {
	in_guest <<-'SCRIPT'
		modprobe=$(</proc/sys/kernel/modprobe)
		# modules that cannot be had
		modules vduse virtio_net
		echo /bin/false >/proc/sys/kernel/modprobe
		expect 7 'vduse up u0' 'virtio_vdpa.*modprobe'
		no_trace 'no bus driver' u0
		modules
		expect 7 'vduse up u0' 'modprobe vduse'
		echo "$modprobe" >/proc/sys/kernel/modprobe
		# they are loaded where they can
		need 0 'vduse up u0'
		expect 0 'vduse down u0'
		modules vduse virtio_vdpa vhost_vdpa
		echo /bin/false >/proc/sys/kernel/modprobe
		expect 1 'vduse up u0 peer u1' 'no driver took'
		no_trace 'no virtio driver' u0 u1
		echo "$modprobe" >/proc/sys/kernel/modprobe
		modprobe virtio_net
		# a taken name; the first of the pair is not left
		device create u1
		expect 5 'vduse up u0 peer u1' 'u1.*not made by'
		expect 5 'vduse up u1' 'not made by'
		[ -e /sys/class/vduse/u1 ] || complain 'what was there is gone'
		device destroy u1
		no_trace 'a taken name' u0 u1
		# the device process refuses; so does the kernel
		expect 2 'vduse up u0 user nosuchuser' nosuchuser
		no_trace 'no such user' u0
		expect 2 'vduse up u0 vq_size 1024 bounce_size 4194304' 'bounce_size'
		no_trace 'too little memory' u0
		expect 3 'vduse up u0 pcap /nosuchfolder/file' '/nosuchfolder/file'
		no_trace 'no capture' u0
		expect 4 'setpriv --reuid 65534 --clear-groups --bounding-set -all vduse up u0'
		expect 4 'setpriv --reuid 65534 --clear-groups --bounding-set -all vduse down u0'
		no_trace 'no privilege' u0
	SCRIPT
}

@test "a signal, or the end of the time, in the middle: undone, in time, and the process that is waited for is named" {
	in_guest <<-'SCRIPT'
		freeze_family
		began=${EPOCHREALTIME/./}
		vduse -T 2 up t0 2>$T.t0 & late=$!
		ups=()
		for signal in INT TERM; do
			env --default-signal=$signal vduse up "t$signal" >/dev/null 2>&1 & ups+=($!)
		done
		nap 0.2
		for signal in INT TERM; do
			pid=${ups[0]}
			ups=("${ups[@]:1}")
			wait_until 5 eval '[ -S /run/vduse/t'$signal'.sock ]' || complain 'it is not served'
			kill -$signal $pid
			before=${EPOCHREALTIME/./}
			wait $pid
			status=$?
			[ $status = $((128 + $(kill -l $signal))) ] || complain "$signal: status $status"
			[ $((${EPOCHREALTIME/./} - before)) -lt 2000000 ] || complain "$signal: it took long"
			[ ! -e "/sys/class/vduse/t$signal" ] || complain "$signal: not undone"
		done
		wait $late
		[ $? = 6 ] || complain "the end of the time: status $?"
		[ $((${EPOCHREALTIME/./} - began)) -lt 4000000 ] || complain "-T 2 took long"
		grep -q "process $frozen " $T.t0 || complain "the end of the time: says $(cat $T.t0)"
		[ ! -e /sys/class/vduse/t0 ] || complain 'not undone'
		[ ! -e /run/vduse/t0.up ] || complain 'what it was to be stays'
		[ -z "$(server_of t0)" ] || complain 'its device process stays'
		rm -f $T.t0
		# a lock that somebody has is waited for, and he is named
		vduse up tl >/dev/null 2>&1 & pid=$!
		wait_until 5 eval '[ -S /run/vduse/tl.sock ]'
		expect 6 'vduse -T 1 down tl' "process $pid "
		[ $ms -lt 2500 ] || complain "-T 1 took $ms ms"
		kill -KILL $pid
		wait $pid 2>/dev/null
		expect 6 'vduse -T 1 down tl' 'killed left behind'
		# its own device process is stopped while the kernel waits for it
		vduse -T 3 up ts 2>$T.ts & pid=$!
		wait_until 5 eval '[ -S /run/vduse/ts.sock ]'
		server=$(server_of ts)
		kill -STOP "$server"
		thaw_family
		wait $pid
		[ $? = 6 ] || complain "stopped: status $?"
		grep -q "process $server .*is stopped" $T.ts || complain "says $(cat $T.ts)"
		rm -f $T.ts
		expect 0w 'vduse down tl'
		no_trace 'at the end' t0 tINT tTERM tl ts
	SCRIPT
}

@test "foreground: it stays, and takes everything down on a signal, or when the device process ends" {
	in_guest <<-'SCRIPT'
		rm -f $T.f
		vduse up f0 foreground >$T.f 2>$T.fe & pid=$!
		wait_until 10 eval '[ -s '$T.f' ]' || complain "not up: $(cat $T.fe)"
		grep -q '^f0: driver virtio_vdpa netdev' $T.f || complain "says $(cat $T.f)"
		expect 0 'vduse up f0'
		kill $pid
		wait $pid
		[ $? = 0 ] || complain "status $?: $(cat $T.fe)"
		[ ! -s $T.fe ] || complain "says $(cat $T.fe)"
		no_trace 'foreground' f0
		rm -f $T.f
		vduse up f0 driver vhost_vdpa peer f1 foreground >$T.f 2>$T.fe & pid=$!
		wait_until 10 eval '[ -s '$T.f' ]'
		kill -KILL "$(server_of f1)"
		wait $pid
		[ $? = 1 ] || complain "dead device process: status $?"
		grep -q 'ended; all of it was taken down' $T.fe || complain "says $(cat $T.fe)"
		no_trace 'its device process was killed' f0 f1
		rm -f $T.f
		vduse up f0 foreground >$T.f 2>$T.fe & pid=$!
		wait_until 10 eval '[ -s '$T.f' ]'
		expect 0 'vduse down f0'
		wait $pid
		[ $? = 0 ] || complain "down from elsewhere: status $?: $(cat $T.fe)"
		no_trace 'down from elsewhere' f0
		rm -f $T.f $T.fe
	SCRIPT
}

@test "up and down of one name at a time: all at once, never half of it" {
	in_guest <<<'race_rounds 2'
}

@test "killed at random moments: down ends what is left, up repairs it; 10 rounds" {
	in_guest <<<'kill_rounds 10'
}
