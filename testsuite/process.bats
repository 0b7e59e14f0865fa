# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the system does to a process: it interrupts calls, has no descriptor left, sends
# signals in heaps, and sets the clock. A step that fails or is killed: concurrency.bats,
# ended.bats; a full disk: write-errors.bats, pcap.bats.

load common
load device
load traffic

@test "proc-64 EINTR: commands do the same when each of their calls is interrupted" {
	in_guest <<-'SCRIPT'
		calls='read write ioctl poll ppoll wait4 waitid recvmsg recvfrom sendto sendmsg flock
			connect accept4 epoll_wait epoll_pwait clock_nanosleep'
		# injections FIRST: as words for strace, every other call of each kind fails; those
		# of the loader, which are counted in `loader`, are left alone
		declare -A loader=()
		injections()
		{
			local call

			inject="-e trace=$(echo $calls | tr ' ' ,)"
			for call in $calls; do
				inject+=" -e inject=$call:error=EINTR:when=$((${loader[$call]-0} + $1))+2"
			done
		}
		# the loader's are those up to the last shared object
		count_loader()
		{
			local -A seen=()
			local line name

			loader=()
			while IFS= read -r line; do
				name=${line%%(*} name=${name##* }
				[[ $name =~ ^[a-z0-9_]+$ ]] || continue
				seen[$name]=$((${seen[$name]-0} + 1))
				[[ $line != *.so* && $line != *177ELF* ]] ||
					for name in "${!seen[@]}"; do loader[$name]=${seen[$name]}; done
			done <"$T.trace"
			rm "$T.trace"
		}
		interrupted=0
		# both LINE [BEFORE]: once as ever, and twice interrupted, each after BEFORE
		both()
		{
			local line=$1 before=${2-:} phase want

			$before
			run_line "strace -qq -f --seccomp-bpf -o $T.trace -e trace=openat,$(echo $calls | tr ' ' ,) $line"
			[ "$status" = 0 ] || complain "$line: status $status: $err"
			want=$out
			count_loader
			for phase in 1 2; do
				$before
				injections $phase
				run_line "timeout -s KILL 60 strace -qq -f --seccomp-bpf -o $T.trace $inject $line"
				[ "$status" = 0 ] && [ "$out" = "$want" ] ||
					complain "$line, interrupted: status $status: $err$out, and not $want"
				interrupted=$((interrupted + $(grep -c INJECTED "$T.trace")))
				rm "$T.trace"
			done
		}
		no_device() { [ ! -e /dev/vduse/ei0 ] || device destroy ei0; }
		a_device() { [ -e /dev/vduse/ei0 ] || device create ei0; }
		off() { ! attached ei0 || device detach ei0; }
		on() { attached ei0 || device attach ei0; }
		both 'vduse create ei0 msg_timeout 7' no_device
		both 'vduse destroy ei0' a_device
		device create ei0
		device serve ei0
		both 'vdpa dev add name ei0 mgmtdev vduse' off
		for line in 'vduse -j -d show' 'vdpa -j -T 30 dev show' 'vduse set ei0 link up'; do
			both "$line"
		done
		both 'vdpa dev del ei0' on
		[ $interrupted -ge 60 ] || complain "only $interrupted calls were interrupted"
		printf '%s calls\n' $interrupted
		device stop ei0
		device destroy ei0
		nothing_left
	SCRIPT
}

@test "proc-65 EMFILE: with few descriptors commands fail with a sentence and leave nothing half made, a server waits and goes on" {
	in_guest <<-'SCRIPT'
		whole='"type":"net","vqs":2,"msg_timeout":7'
		short=0
		# few NUMBER LINE: with so many descriptors, done or refused
		few()
		{
			run_line "(ulimit -n $1 && exec timeout -s KILL 60 $2)"
			[ "$status" != 0 ] || return 0
			short=$((short + 1))
			[ $status -lt 8 ] && [ -n "$err" ] ||
				# the loader, which is not ours, needs one
				[[ $status = 127 && $err = *'shared librar'* ]] ||
				complain "$2 with $1 descriptors: status $status: $err"
			return 1
		}
		for number in 4 5 6 7 8 9 10 11 12; do
			if few $number 'vduse create fd0 msg_timeout 7'; then
				expect 0 'vduse -j show fd0' "$whole"
				device destroy fd0
			fi
			nothing_left fd0
		done
		device create fd0
		for number in 4 5 6 8 10 12 16 20 24; do
			if few $number 'vduse loopback fd0 background'; then
				break
			fi
			[ -z "$(server_of fd0)" ] || complain "refused with $number descriptors, and there is a server"
		done
		[ -n "$(server_of fd0)" ] || device serve fd0
		for number in 4 5 6 7 8 9 10 12; do
			few $number 'vdpa -j dev show'
			few $number 'vduse -j -d show'
			if few $number 'vdpa dev add name fd0 mgmtdev vduse'; then
				attached fd0 || complain "added with $number descriptors, and is not there"
				device detach fd0
			fi
			! attached fd0 || complain "refused with $number descriptors, and it is there"
		done
		[ $short -ge 12 ] || complain "only $short were short of descriptors"

		# A server that has not one more: a connection and the driver's memory need some.
		server=$(server_of fd0)
		limits=$(prlimit --pid $server --nofile --noheadings --output SOFT,HARD)
		prlimit --pid $server --nofile=0:$(echo $limits | cut -d' ' -f2)
		run_line 'timeout -s KILL 60 vduse --timeout 5 stats fd0'
		[ $status != 0 ] && [ $status -lt 8 ] && [ -n "$err" ] || complain "stats: status $status: $err"
		device attach fd0
		raise "$(interface_of fd0)"
		before=$(ticks_of $server) begun=$(cut -d' ' -f1 /proc/uptime)
		run_line "frames $(interface_of fd0) count 20 timeout 300"
		nap 1
		spent=$(($(ticks_of $server) - before))
		[[ $out = *'"received":0,'* ]] || complain "without a descriptor for its memory it is served: $out$err"
		# of 100 ticks a second; who tries without a pause uses all that there are
		took=$(($(cut -d' ' -f1 /proc/uptime | tr -d .) - ${begun/./}))
		[ $((2 * spent)) -lt $took ] || complain "the server used $spent of $took ticks while it was short"
		prlimit --pid $server --nofile=$(echo $limits | tr -s ' ' :)
		# what waited comes first, and is of nobody who asks for it now
		served() { [[ $(frames "$(interface_of fd0)" count 20 timeout 1000) = *'"received":20,'* ]]; }
		wait_until 20 served || complain 'with descriptors again it is not served'
		carries frames "$(interface_of fd0)" count 200
		expect 0 'vduse --timeout 60 stats fd0' 'tx vq 1 frames'
		undo fd0
		nothing_left
	SCRIPT
}

@test "proc-68 a heap of signals ends a server under traffic once, with 0, and the next one goes on" {
	in_guest <<-'SCRIPT'
		plain_queues
		device create sh0
		for signals in TERM INT; do
			vduse loopback sh0 >"$T.said" 2>&1 & server=$!
			wait_until 20 grep -q . "$T.said" || broken 'no server'
			attached sh0 || device attach sh0
			raise "$(interface_of sh0)"
			carries frames "$(interface_of sh0)" count 50
			frames "$(interface_of sh0)" count 3000 timeout 200 >/dev/null 2>&1 & sender=$!
			for i in 1 2 3 4 5 6 7 8 9 10; do
				for signal in $signals; do kill -$signal $server 2>/dev/null; done
			done
			wait $server
			status=$?
			[ $status = 0 ] || complain "$signals: status $status: $(<"$T.said")"
			wait $sender
			rm -f "$T.said"
		done
		device serve sh0
		carries frames "$(interface_of sh0)" count 50
		undo sh0
		nothing_left
	SCRIPT
}

@test "proc-72 the clock jumps forward and back: deadlines are kept, traffic, counters and monitor go on" {
	in_guest <<-'SCRIPT'
		# jump SECONDS: what was jumped is taken back, and only the time that passed stays
		jumped=0
		jump()
		{
			date -s "@$(($(date +%s) + $1))" >/dev/null || broken 'the clock cannot be set'
			jumped=$((jumped + $1))
		}
		bring_up cj0
		pid=$(server_of cj0)
		vduse -j monitor vduse >"$T.monitor" & monitor=$!
		vduse -j stats cj0 interval 1 >"$T.stats" & stats=$!
		wait_until 20 test -s "$T.stats" || broken 'no counters'
		for seconds in 864000 -1728000 864000; do
			jump $seconds
			carries frames "$interface" count 100
			lines=$(wc -l <"$T.stats")
			more() { [ $(wc -l <"$T.stats") -gt $lines ]; }
			wait_until 20 more || complain "after a jump of $seconds s there are no more counters"
			expect 0 "vduse create cj$((seconds / 864000 + 5))"
			expect 0 "vduse destroy cj$((seconds / 864000 + 5))"
		done
		told() { [ $(grep -c '"event":"destroy"' "$T.monitor") = 3 ]; }
		wait_until 20 told || complain "the monitor tells: $(<"$T.monitor")"
		kill $monitor $stats
		wait $monitor && wait $stats || complain 'monitor or stats did not end with 0'
		device detach cj0

		# a deadline of 3 s, less than the kernel waits, with a jump at the beginning of it, either way
		expect 0 'vduse set cj0 msg_timeout 600'
		kill -STOP $pid
		for seconds in 86400 -86400; do
			(nap 0.5; date -s "@$(($(date +%s) + seconds))" >/dev/null) &
			begun=$(cut -d' ' -f1 /proc/uptime)
			run_line 'vdpa -T 3 dev add name cj0 mgmtdev vduse'
			took=$(($(cut -d' ' -f1 /proc/uptime | tr -d .) - ${begun/./}))
			wait $!
			[ $status = 6 ] || complain "add: status $status: $err"
			# hundredths of a second
			[ $took -ge 290 ] && [ $took -lt 30000 ] ||
				complain "-T 3 took $took hundredths of a second, the clock jumped $seconds s"
		done
		kill -CONT $pid
		settled() { attached cj0 && [ -n "$(interface_of cj0)" ]; }
		wait_until 60 settled || complain 'it is not attached in the end'
		[ $jumped = 0 ] || complain 'the clock was left wrong'
		rm -f "$T.monitor" "$T.stats"
		undo cj0
		nothing_left
	SCRIPT
}
