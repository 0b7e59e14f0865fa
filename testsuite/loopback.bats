# SPDX-License-Identifier: GPL-2.0-or-later
#
# "vduse loopback" as a process: how it begins and ends, what it refuses, whom it
# serves as, and what it costs. What passes through it is in traffic.bats.

load common
load device
load traffic

@test "loopback: ready in text, in JSON and to a service manager; SIGTERM and SIGINT end it with 0; the device is there for the next" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		# foreground SIGNAL COMMAND...: its output when ready, and its end by SIGNAL
		foreground()
		{
			local signal=$1
			shift

			: >"$T.out"
			env --default-signal=INT "$@" >"$T.out" 2>"$T.err" &
			pid=$!
			wait_until 5 test -s "$T.out" || complain "$*: is not ready: $(cat "$T.err")"
			kill -$signal $pid
			wait $pid
			status=$?
			out=$(cat "$T.out")
			[ $status = 0 ] || complain "$*: status $status after SIG$signal"
			[ ! -s "$T.err" ] || complain "$*: says $(cat "$T.err")"
		}
		device create lr0
		device create lr1
		foreground TERM vduse loopback lr0
		[ "$out" = "lr0: ready vq_size 256 pid $pid" ] || complain "says: $out"
		foreground INT vduse loopback lr0 vq_size 64 type net
		[ "$out" = "lr0: ready vq_size 64 pid $pid" ] || complain "says: $out"
		foreground INT vduse loopback lr1 peer lr0
		[ "$out" = "lr1: ready vq_size 256 pid $pid"$'\n'"lr0: ready vq_size 256 pid $pid" ] || complain "says: $out"
		foreground TERM vduse -j loopback lr0 peer lr1
		echo "$out"
		# a service of type notify: ready is said once, by the process that stays
		run_line 'notify vduse loopback lr0'
		[ "$status" = 0 ] || complain "notify: status $status: $out$err"
		[[ $out = *"pid "*": READY=1"* && ${out//READY=1/} != *READY=1*READY=1* ]] || complain "notify: $out"
		# in the background: ready when it returns, and detached from us
		for json in '' -j; do
			run_line "vduse $json loopback lr0 background"
			[ "$status$err" = 0 ] || complain "background: status $status: $err"
			[ -z "$json" ] || echo "$out"
			pid=$(service_of lr0)
			[[ $out = *"$pid"* ]] || complain "process $pid serves, but it said: $out"
			read -r stat <"/proc/$pid/stat"
			read -r _ parent group session terminal _ <<<"${stat##*) }"
			[ "$session $terminal" = "$pid 0" ] || complain "session $session, terminal $terminal of process $pid"
			[[ $(readlink /proc/$pid/fd/{0,1,2} | sort -u) = /dev/null ]] || complain "standard descriptors: $(readlink /proc/$pid/fd/{0,1,2})"
			device stop lr0
		done
		device destroy lr0
		device destroy lr1
	SCRIPT
	run -0 jq -ces '
		map([.object, .event, .name, .vq_size, (.pid | type)] | join(" ")) ==
		["virtio start lr0 256 number", "virtio start lr1 256 number", "virtio start lr0 256 number"]' \
		"$BATS_TEST_TMPDIR/json"
}

@test "loopback: what it cannot serve is refused with the reason, and nothing is left open" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create lx0
		device create lx1 bounce_size 4194304
		device create lx2 type block size 1048576
		device create lx3 features +RING_RESET
		device create lx4
		device create lx5
		device create lx6 features no_MRG_RXBUF
		device create lx7 features no_MRG_RXBUF bounce_size 4194304
		rm -f /run/vduse/lx4*
		device serve lx5
		server=$(server_of lx5)
		json_rows <<-ROWS
			3 vduse loopback none                             ## none
			3 vduse loopback lx0 peer none                    ## none
			5 vduse loopback lx5                              ## process $server
			5 vduse loopback lx5 background                   ## process $server
			5 vduse loopback lx0 peer lx5                     ## lx5.*process $server|process $server.*lx5
			2 vduse loopback lx1 vq_size 512                  ## bounce
			2 vduse loopback lx1 vq_size 1024 background      ## bounce
			# as many buffers for whole super-frames would leave nothing to transmit with
			2 vduse loopback lx6 vq_size 1024                 ## bounce.*77824
			1 vduse loopback lx2                              ## block device
			1 vduse loopback lx2 type net                     ## block device
			1 vduse loopback lx3                              ## RING_RESET
			1 vduse loopback lx0 peer lx3                     ## RING_RESET
			1 vduse loopback lx4                              ## type net
			1 vduse loopback lx4 background                   ## type net
			2 vduse loopback lx0 user nosuchuser              ## nosuchuser
			2 vduse loopback lx0 fd 77                        ## descriptor 77
			2 vduse loopback lx0 fd 78 78</dev/null           ## descriptor
			2 vduse loopback lx0 fd 78 78</dev/vduse/lx0      ## reading and writing
			2 vduse loopback                                  ## NAME|loopback
			2 vduse loopback lx0 lx1                          ## lx1
			2 vduse loopback lx0 peer lx0                     ## peer
			2 vduse loopback lx0 peer lx1 fd 3                ## descriptor
			2 vduse loopback lx0 vq_size 32                   ## vq_size
			2 vduse loopback lx0 vq_size 100                  ## power of two
			2 vduse loopback lx0 vq_size 2048                 ## vq_size
			2 vduse loopback lx0 vq_size 64 vq_size 64        ## vq_size
			2 vduse loopback lx0 type block                   ## block
			2 vduse loopback lx0 fd 2                         ## fd
		ROWS
		# none of these holds a node
		for name in lx0 lx1 lx2 lx3 lx4 lx6 lx7; do
			[ -z "$(server_of $name)" ] || complain "$name is held by process $(server_of $name)"
		done
		# what was missing can be said; what is too large can be smaller
		device serve lx4 type net
		device serve lx1 vq_size 256
		device stop lx4
		device stop lx1
		device stop lx5
		for name in lx{0..7}; do device destroy $name; done
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "loopback: as nobody, with no capability, and on a descriptor in a network namespace of its own, it carries the same traffic" {
	in_guest <<-'SCRIPT'
		unprivileged()
		{
			local status key value line

			status=$(cat "/proc/$1/status")
			while read -r key value; do
				case $key in
				Uid: | Gid:) [ "$value" = $'65534\t65534\t65534\t65534' ] || complain "$key $value" ;;
				CapInh: | CapPrm: | CapEff: | CapAmb:) [ "$value" = 0000000000000000 ] || complain "$key $value" ;;
				NoNewPrivs:) [ "$value" = 1 ] || complain "$key $value" ;;
				Groups:) [[ $value = "" || $value = 65534 ]] || complain "$key $value" ;;
				esac
			done <<<"$status"
		}
		bring_up lu0 -- user nobody
		server=$(server_of lu0)
		unprivileged "$server"
		carries frames "$interface"
		# what it has open: the node, the processors of its interrupts, its control socket
		# and that of its supervisor, and no other file (pipes are this script's)
		socket=$(awk '$NF == "/run/vduse/lu0.sock" || $NF ~ /^\/run\/vduse\/lu0\.sock\.[0-9]+$/ { print $(NF - 1) }' /proc/net/unix)
		for path in /proc/$server/fd/*; do
			to=$(readlink "$path")
			case $to in
			*/vduse/lu0 | */null | anon_inode:* | pipe:* | "socket:[$socket]") ;;
			/sys/devices/virtual/vduse/lu0/vq[01]/irq_cb_affinity) ;;
			socket:*) others+=$to ;;
			*) complain "open: $to" ;;
			esac
		done
		[[ ${others-} != *]*] ]] || complain "sockets: $others"
		device detach lu0
		device stop lu0
		# started without any privilege, on a node that somebody else opened
		setpriv=(setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs)
		unshare -n "${setpriv[@]}" vduse loopback lu0 fd 9 background 9<>/dev/vduse/lu0 >/dev/null ||
			complain 'loopback fd 9 failed as nobody'
		server=$(server_of lu0)
		unprivileged "$server"
		[ ! "/proc/$server/ns/net" -ef /proc/self/ns/net ] || complain 'in our network namespace'
		device attach lu0
		interface=$(interface_of lu0)
		raise "$interface"
		carries frames "$interface"
		undo lu0
	SCRIPT
}

@test "loopback: attached and idle it uses no processor time at all, before traffic and after; and little memory" {
	in_guest <<-'SCRIPT' >&3
		pair_up li0 li1
		bring_up li2
		before=$(server_of li0) after=$(server_of li2)
		carries frames "$interface" sizes 60-1514:7,60 count 3000
		carries frames "$interface" kind tcp4 partial gso 1448 sizes 60000 count 50 allow csum,tso4
		memory() { awk -v what="$2" '/^(Vm|)Rss|^VmRSS/ { printf "%s %s kB ", $1, $2 } END { print what }' "/proc/$1/status" | sed 's/^/# /'; }
		memory $before 'two connected devices, no traffic yet'
		memory $after 'one device after traffic'
		rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$before/status")
		[ "$rss" -lt 4096 ] || complain "resident before traffic: $rss kB"
		sleeps 3 $before $after
		undo li2
		pair_down li0 li1
	SCRIPT
}

@test "loopback: attached and detached 20 times, the first frame after each returns, and the process holds no more than before" {
	in_guest <<-'SCRIPT'
		device create lc0
		device serve lc0
		server=$(server_of lc0)
		held() { echo "$(ls "/proc/$server/fd" | wc -l) descriptors, $(wc -l <"/proc/$server/maps") mappings"; }
		for round in {1..20}; do
			device attach lc0
			interface=$(interface_of lc0) || broken "round $round: no interface"
			raise "$interface"
			carries frames "$interface" sizes 60 count 1
			device detach lc0
			[ $round != 2 ] || early=$(held)
		done
		[ "$(held)" = "$early" ] || complain "after 2 rounds $early, after 20 $(held)"
		device attach lc0
		undo lc0
	SCRIPT
}

@test "loopback: ended by SIGTERM or SIGKILL and started again under traffic, it loses, doubles and reorders no frame" {
	in_guest <<-'SCRIPT'
		# restarts VERB TIMES: stop or kill, under traffic, whose answer is kept
		restarts()
		{
			local i

			frames "$interface" seconds 600 window 24 >"$T.frames" 2>&1 &
			frames=$!
			for ((i = 0; i < $2; i++)); do
				goes_on "$interface"
				device $1 ll0
				device serve ll0
			done
			goes_on "$interface"
			kill $frames
			wait $frames
			answer=$(cat "$T.frames")
			answers 'sent > 1000' 'lost == 0' 'corrupt == 0'
		}
		bring_up ll0
		restarts stop 5
		answers 'duplicated == 0' 'reordered == 0'
		restarts kill 5
		answers 'duplicated == 0' 'reordered == 0'
		carries frames "$interface"
		# attached or not makes no difference to the next driver
		device detach ll0
		device attach ll0
		interface=$(interface_of ll0)
		raise "$interface"
		carries frames "$interface"
		undo ll0
	SCRIPT
}

@test "ctl-63 loopback: a device that the kernel has broken ends its server with 1 and a sentence, and no other serves it" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create lb0 msg_timeout 1
		vduse loopback lb0 >"$T.ready" 2>"$T.end" &
		server=$!
		wait_until 5 test -s "$T.ready"
		worker=$(server_of lb0)
		kill -STOP $worker
		timeout -s KILL 300 vdpa dev add name lb0 mgmtdev vduse >/dev/null 2>&1
		kill -CONT $worker
		wait $server
		status=$?
		[ $status = 1 ] || complain "status $status of the server"
		[[ $(cat "$T.end") = *lb0*broken*msg_timeout* ]] || complain "it said: $(cat "$T.end")"
		as_json 1 'vduse loopback lb0' 'broken|destroy'
		timeout -s KILL 300 vdpa dev del lb0 >/dev/null 2>&1
		device destroy lb0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "loopback: the interrupts of a device come to one processor, those of two devices to two; a mask that was chosen stays" {
	in_guest <<-'SCRIPT'
		masks()
		{
			cat /sys/class/vduse/$1/vq{0,1}/irq_cb_affinity | tr '\n' ' '
		}
		for name in ia0 ia1 ia2; do
			device create $name
		done
		need 0 'vduse loopback ia0 background'
		need 0 'vduse loopback ia1 peer ia2 background'
		for name in ia0 ia1 ia2; do
			[ "$(masks $name)" = '3 3 ' ] || complain "$name has $(masks $name) before a driver is there"
			device attach $name
		done
		[[ $(masks ia0) = @(1 1 |2 2 ) ]] || complain "ia0 has $(masks ia0)"
		[[ $(masks ia1)$(masks ia2) = @(1 1 2 2 |2 2 1 1 ) ]] || complain "ia1 and ia2 have $(masks ia1)$(masks ia2)"
		need 0 'vduse set ia0 vq 0 irq_affinity all'
		device stop ia0
		need 0 'vduse loopback ia0 background'
		[[ $(masks ia0) = '3 '* ]] || complain "ia0 was resumed and has $(masks ia0)"
		undo ia0
		device detach ia1
		device detach ia2
		device stop ia1
		device destroy ia1
		device destroy ia2
	SCRIPT
}
