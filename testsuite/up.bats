# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse up and vduse down: everything with one word, and nothing left of it with another. What
# up undoes is in up-undone.bats, what down finds in down.bats.

load common
load device
load traffic
load up

@test "up and down: in order, with both drivers, usable when it returns; twice changes nothing; other words are 5" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		# what was told so far, without names of this machine; an interface that is raised
		# has a link
		events() { sed -nE '/^\[vdpa,link\]/!s/^\[([a-z]+),([a-z]+)\] ([^ ]*).*/\1 \2 \3/p' $T.events | tr '\n' ,; }
		vduse monitor vduse vdpa name a0 >$T.events & watcher=$!
		spare=$watcher
		need 0 'vduse up a0' '^a0: driver virtio_vdpa netdev [a-z0-9]+ pid [0-9]+ supervisor [0-9]+ command vduse loopback.$'
		before=$out
		interface=$(interface_of a0)
		raise "$interface"
		carries frames "$interface"
		up='vduse create a0,vduse open a0,vdpa add a0,vdpa bind a0,'
		wait_until 2 eval '[ "$(events)" = "$up" ]' || complain "the way up: $(events)"
		file=$(stat -c '%i %z' /run/vduse/a0.up /run/vduse/a0.json /run/vduse/a0.sock)
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
			isolation possible
			msg_timeout 5
			features +RING_PACKED
			peer a1
		ROWS
		json_mode=1 expect 5 'vduse -j up a0 mtu 1400' '"status":5,"errno":"EEXIST".*"hint":"\\"vduse down a0'
		expect 0 'vduse up a0'
		[ "$out" = "$before" ] || complain "after refusals: $out, before: $before"
		[ "$(stat -c '%i %z' /run/vduse/a0.up /run/vduse/a0.json /run/vduse/a0.sock)" = "$file" ] ||
			complain 'its files were written again'
		[ "$(events)" = "$up" ] || complain "saying it twice changed something: $(events)"
		expect 0 'vduse down a0'
		no_trace 'after down' a0
		expect 0w 'vduse down a0' 'nothing'
		down='vdpa unbind a0,vdpa del a0,vduse close a0,vduse destroy a0,'
		wait_until 2 eval '[ "$(events)" = "$up$down" ]' || complain "the way down: $(events)"
		kill $watcher
		ends 5 $watcher
		rm -f $T.events
		expect 0 'vduse -j up a0 driver vhost_vdpa mtu 1400'
		printf '%s' "$out"
		[ "$(driver_of a0)" = vhost_vdpa ] || complain "driver $(driver_of a0)"
		for node in /sys/bus/vdpa/devices/a0/vhost-vdpa-*; do
			eval "exec 9<>/dev/${node##*/}" || complain "the node ${node##*/} cannot be used"
			exec 9>&-
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
		device kill p1
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
			2 vduse up p0 peer p0                 ## peer.*vduse up --help
			2 vduse up p0 vq_size 100             ## power of two.*vduse up --help
			2 vduse loopback p0 vq_size 100       ## power of two.*vduse loopback --help
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
		# the kernel breaks one meanwhile
		need 0 'vduse up r1'
		echo 1 >/sys/class/vduse/r1/msg_timeout
		device kill r1
		echo r1 >/sys/bus/vdpa/drivers/virtio_vdpa/unbind & unbinder=$!
		need 0 'vduse up r0'
		interface=$(interface_of r0)
		ifindex=$(read_value "/sys/class/net/$interface/ifindex")
		device kill r0
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
		expect 0 'vduse down r0'
		# broken
		ends 5 $unbinder
		need 0 'vduse up r1' netdev
		expect 0 'vduse show r1' 'msg_timeout 30 .*broken false'
		expect 0 'vduse down r1'
		# killed before there was a record, and before anything but the word
		need 0 'vduse up r0'
		device detach r0
		device stop r0
		rm /run/vduse/r0.json
		need 0 'vduse up r0' netdev
		[ -e /run/vduse/r0.json ] || complain 'no record'
		expect 0 'vduse down r0'
		no_trace 'at the end' r0 r1
	SCRIPT
}

@test "up warns of a device that did not accept DRIVER_OK; the kernel has broken it, and up once more makes it anew" {
	in_guest <<-'SCRIPT'
		need 0 'vduse up k0 msg_timeout 1'
		device detach k0
		# DRIVER_OK is the fifth status: stopped before that, it does not answer within msg_timeout
		server=$(server_of k0)
		strace -o /dev/null -p "$server" -e trace=write -e inject=write:signal=STOP:when=4 2>$T.trace & tracer=$!
		wait_until 5 grep -q attached $T.trace || broken "not traced: $(<$T.trace)"
		expect 0w 'vduse up k0 msg_timeout 1'
		[[ $out = 'k0: driver virtio_vdpa netdev '* ]] || complain "it prints: $out"
		said='virtio_net is its driver, but the device has not accepted DRIVER_OK (status ACKNOWLEDGE DRIVER FEATURES_OK): nothing passes through it'
		[[ $err = *"k0: $said"$'\n' ]] || complain "it says: $err"
		kill -INT $tracer
		wait $tracer
		rm $T.trace
		kill -CONT "$server"
		wait_until 5 eval '[[ $(vduse show k0 2>/dev/null) = *"broken true"* ]]'
		expect 0 'vduse up k0 msg_timeout 1'
		interface=$(interface_of k0)
		raise "$interface"
		carries frames "$interface"
		expect 0 'vduse down k0'
		no_trace 'DRIVER_OK' k0
	SCRIPT
}

@test "foreground: it stays, tells the service manager, and takes everything down on a signal, or when the device process ends; one that is killed has a successor" {
	in_guest <<-'SCRIPT'
		# stays WORDS: it is up, in the background of this script, as $pid
		stays()
		{
			rm -f $T.f
			vduse up "$@" foreground >$T.f 2>$T.fe & pid=$!
			wait_until 10 eval '[ -s '$T.f' ]' || complain "not up: $(cat $T.fe)"
		}
		stays f0
		grep -q '^f0: driver virtio_vdpa netdev' $T.f || complain "says $(cat $T.f)"
		expect 0 'vduse up f0'
		kill $pid
		ends 10 $pid
		[ "$status$(cat $T.fe)" = 0 ] || complain "status $status: $(cat $T.fe)"
		no_trace 'a signal' f0
		# told once that it is ready, by the process that stays, at sockets of both kinds
		for words in '' -a; do
			expect 0 "notify $words vduse up f0 driver vhost_vdpa foreground" \
				'pid ([0-9]+): READY=1.f0: driver [^\n]*.pid [0-9]+: STOPPING=1.$|f0: driver [^\n]*.pid ([0-9]+): READY=1.pid [0-9]+: STOPPING=1.$'
			[[ ${out//READY/} = *READY* ]] && complain "ready twice: $out"
			no_trace "notify $words" f0
		done
		# one that is not there changes nothing; nor does it matter who brought it up
		need 0 'vduse up f0 driver vhost_vdpa'
		NOTIFY_SOCKET=/nosuchfolder/socket stays f0 driver vhost_vdpa
		kill -HUP $pid
		kill $pid
		ends 10 $pid
		[ "$status$(cat $T.fe)" = 0 ] || complain "no service manager: status $status: $(cat $T.fe)"
		no_trace 'no service manager' f0
		stays f0 driver vhost_vdpa peer f1
		server=$(service_of f1)
		kill "$server"
		ends 10 $pid
		[ $status = 1 ] || complain "ended device process: status $status"
		grep -q "device process $server ended; all of it was taken down" $T.fe || complain "says $(cat $T.fe)"
		no_trace 'its device process ended' f0 f1
		stays f0 peer f1
		left=$(interface_of f0) right=$(interface_of f1)
		raise "$left" "$right"
		for name in f1 f0; do
			server=$(service_of $name)
			kill -KILL "$server"
			wait_until 20 grep -q "f0: its device process $server was killed; process [0-9]* goes on" $T.fe ||
				complain "no successor: $(cat $T.fe)"
		done
		[ "$left $right" = "$(interface_of f0) $(interface_of f1)" ] || complain 'other interfaces'
		carries frames "$left" to "$right" count 200
		# somebody means it: one dies, five successors die
		wait_until 20 eval '
			server=$(service_of f0)
			[ -z "$server" ] || kill -KILL "$server"
			! kill -0 $pid 2>/dev/null' || complain 'it goes on and on'
		ends 10 $pid
		[ $status = 1 ] || complain "killed time and again: status $status: $(cat $T.fe)"
		grep -q "device process [0-9]* ended; all of it was taken down" $T.fe || complain "says $(cat $T.fe)"
		no_trace 'killed time and again' f0 f1
		# a service manager may tell both to end, the device process first
		stays f0 driver vhost_vdpa
		kill -STOP $pid
		server=$(server_of f0)
		kill "$server"
		wait_until 5 eval '[ -z "$(server_of f0)" ]' || complain 'its device process goes on'
		kill $pid
		kill -CONT $pid
		ends 10 $pid
		[ "$status$(cat $T.fe)" = 0 ] || complain "both were told to end: status $status: $(cat $T.fe)"
		no_trace 'both were told to end' f0
		stays f0
		expect 0 'vduse down f0'
		ends 10 $pid
		[ "$status$(cat $T.fe)" = 0 ] || complain "down from elsewhere: status $status: $(cat $T.fe)"
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
