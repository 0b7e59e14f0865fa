# SPDX-License-Identifier: GPL-2.0-or-later
#
# A device process that is stopped or dead: the kernel makes every caller of
# the vdpa family wait, uninterruptibly, and our commands end nevertheless.

load common
load device

@test "cli-95 a stopped device process: add, del, bind and reads end at -T with 6 and name it; then all is well" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		# late LINE REGEX: status 6 after a second and long before msg_timeout, saying REGEX
		late()
		{
			expect 6 "$1" "$2"
			[ $ms -ge 900 ] && [ $ms -le 60000 ] || complain "$1 took $ms ms, -T was 1"
		}
		settled()
		{
			[ "$(vdpa -T 20 -j dev show 2>/dev/null)" != '' ] && vdpa -T 20 dev show >/dev/null 2>&1
		}
		device create st0 msg_timeout 600
		device create st1 msg_timeout 600
		device serve st0
		pid=$(server_of st0)
		kill -STOP $pid
		late 'vdpa -T 1 dev add name st0 mgmtdev vduse' "vduse.*$pid|$pid.*vduse"
		# the family is frozen now, for everyone; reads with -T end, too
		late 'vdpa -T 1 dev show' "$pid"
		late 'vdpa -T 1 dev config show st0' "$pid"
		late 'vdpa -T 1 mgmtdev show' "$pid"
		late 'vdpa -T 1 dev vstats show st0 qidx 0' "$pid"
		late 'vdpa -T 1 dev set name st0 mac 52:54:00:00:00:01' "$pid"
		# each line of a batch has its own time, and its own worker
		run_line "printf 'dev show\nmgmtdev show\n' | vdpa -T 1 -f -b -"
		[[ $status = 6 && $err = '-:1: '*"$pid"*$'\n-:2: '*"$pid"* && $ms -lt 60000 ]] ||
			complain "a batch: status $status after $ms ms: $err"
		json_mode=1 late 'vdpa -j -T 1 dev show' '"status":6'
		[[ $out = '{"dev":{}}'* ]] || complain "standard output is no document: $out"
		late 'vdpa -T 1 dev del st0' "$pid"
		# what needs no family waits for the add alone, and is told for whom that one waits
		expect 5 'vdpa -T 300 dev unbind st0' "process [0-9]+ is adding.*device process $pid .*kill -CONT $pid"
		late 'vdpa -T 1 dev add name st1 mgmtdev vduse || (exit 6)' .
		# the child that waits on holds none of our descriptors: a pipe ends with the command
		expect 0 "timeout -s KILL 200 cat < <(vdpa -T 1 dev show 2>&1)" "$pid"
		in_time 60 'a pipe that the child which was left behind may have kept'
		# what does not need the family goes on
		expect 0w 'timeout -s KILL 100 vduse show' "st0.*$pid"
		expect 0w 'vduse -T 60 show' "st0.*$pid.*stopped|st0.*$pid"
		expect 0 'vduse -T 60 create st2'
		expect 0 'vduse -T 60 destroy st2'
		expect 5 'vduse -T 60 destroy st0' "$pid"
		kill -CONT $pid
		wait_until 20 settled || complain 'the family does not answer after SIGCONT'
		# the kernel carried out what was asked: the add, and the del after it
		wait_until 10 eval '! attached st0 || [ -n "$(driver_of st0)" ]'
		if attached st0; then device detach st0; fi
		kill -0 $pid || complain 'the device process ended'
		# attached, and stopped then
		device attach st0
		kill -STOP $pid
		late 'vdpa -T 1 dev del st0' "$pid"
		kill -CONT $pid
		wait_until 20 eval '! attached st0' || complain 'the del was not carried out'
		wait_until 20 settled
		device attach st0
		kill -STOP $pid
		late 'vdpa -T 1 dev bind st0 driver vhost_vdpa' "$pid"
		kill -CONT $pid
		wait_until 20 settled
		wait_until 5 eval '[ "$(driver_of st0)" = vhost_vdpa ]' || complain 'the bind was not carried out'
		device detach st0
		device attach st0 driver virtio_vdpa
		kill -STOP $pid
		late 'vdpa -T 1 dev unbind st0' "$pid"
		kill -CONT $pid
		wait_until 20 settled
		wait_until 5 eval '[ -z "$(driver_of st0)" ]' || complain 'the unbind was not carried out'
		device detach st0
		device stop st0
		device destroy st0
		device destroy st1
		nothing_left
	SCRIPT
}

@test "cli-95 a killed device process: del ends, late or done; nothing is attached to a node that nobody serves" {
	in_guest <<-'SCRIPT'
		device create ki0 msg_timeout 5
		device serve ki0
		device attach ki0
		device kill ki0
		expect 0 'vdpa -T 60 dev show ki0' '^ki0: '
		expect 0 'vduse -T 60 -j show ki0' '"served":false,"attached":true'
		expect 5 'vduse -T 60 destroy ki0' 'vdpa'
		expect 6 'vdpa -T 1 dev del ki0' 'ki0'
		[ $ms -ge 900 ] || complain "-T 1: $ms ms"
		[[ $err = *serve* || $err = *open* || $err = *process* ]] || complain "it does not say that nobody serves it: $err"
		# the kernel goes on by itself
		wait_until 30 eval '! attached ki0' || complain 'the del was not carried out'
		wait_until 10 eval 'vdpa -T 20 dev show >/dev/null 2>&1'
		device destroy ki0
		# with time enough the command itself sees the end
		device create ki1 msg_timeout 1
		device serve ki1
		device attach ki1
		device kill ki1
		expect 0 'vdpa -T 300 dev del ki1'
		attached ki1 && complain 'still attached'
		device destroy ki1
		nothing_left
	SCRIPT
}

@test "cli-95 a device process that dies during an add: the add fails or is late, never hangs" {
	in_guest <<-'SCRIPT'
		device create di0
		device serve di0
		# its worker alone: another one answers
		pid=$(server_of di0)
		kill -STOP $pid
		(nap 0.5; kill -KILL $pid) &
		expect 0 'vdpa -T 200 dev add name di0 mgmtdev vduse'
		wait
		[ "$(server_of di0)" != $pid ] || complain 'the worker is the same one'
		expect 0 'vdpa -T 200 dev del di0'
		# all of it
		echo 2 >/sys/class/vduse/di0/msg_timeout
		pid=$(server_of di0)
		kill -STOP $pid
		(nap 0.5; device kill di0) &
		run_line 'vdpa -T 200 dev add name di0 mgmtdev vduse'
		[ $status = 1 ] || complain "status $status after $ms ms: $err"
		in_time 150 'the add'
		[[ $err = *di0* ]] || complain "it does not name the device: $err"
		if attached di0; then
			run_line 'vdpa -T 300 dev del di0'
			[ $status = 0 ] || complain "del: status $status after $ms ms: $err"
		fi
		wait
		device destroy di0
		nothing_left
	SCRIPT
}

@test "proc-68 a signal ends a command that waits, at once" {
	in_guest <<-'SCRIPT'
		device create si0 msg_timeout 600
		device serve si0
		pid=$(server_of si0)
		kill -STOP $pid
		for signal in TERM INT HUP; do
			# a background process ignores SIGINT unless it is told otherwise
			env --default-signal=INT vdpa -T 500 dev add name si0 mgmtdev vduse 2>/dev/null &
			command=$!
			nap 1
			kill -$signal $command
			wait_until 5 eval '! kill -0 $command 2>/dev/null' || complain "it does not end by SIG$signal"
			kill -KILL $command 2>/dev/null
			wait $command
			status=$?
			[ $status != 0 ] || complain "status 0 after SIG$signal"
		done
		kill -CONT $pid
		wait_until 20 eval 'vdpa -T 20 dev show >/dev/null 2>&1' || complain 'the family does not answer'
		# the adds of the three are carried out, one after the other, and two of them in vain
		wait_until 5 eval '! pgrep -x vdpa >/dev/null'
		attached si0 || device attach si0
		undo si0
		nothing_left
	SCRIPT
}
