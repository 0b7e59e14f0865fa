# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse up that fails, is interrupted, or takes too long: what it did is undone.

load common
load device
load up

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
		# a vDPA device of another manager has the name, which stays as it is
		test_module
		parameter make 'test_net u1' || broken 'no other device'
		expect 5 'vduse up u0 driver vhost_vdpa peer u1' 'u1: there is a vDPA device'
		no_trace 'a name on the bus' u0
		expect 0w 'vduse down u1' 'nothing'
		attached u1 || complain 'the other manager has lost its device'
		rmmod vdpa_test
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

@test "proc-73 whichever step fails, or is interrupted: nothing is left of it" {
	in_guest <<-'SCRIPT'
		words='u0 driver vhost_vdpa peer u1'
		# each step is a process: modules, the word, two devices, the device process, two on the bus
		for ((step = 1; step <= 7; step++)); do
			run_line "timeout -s KILL 300 end_at 15 forker $step vduse up $words"
			[[ $status$out$err = '143call '+([0-9])$'\n' ]] || broken "step $step is interrupted: status $status: $out$err"
			no_trace "step $step is interrupted" u0 u1
			run_line "timeout -s KILL 300 end_at -11 forker $step vduse up $words"
			[[ $status$err = '1vduse up: u'[01]': cannot make a process: Resource temporarily unavailable'$'\n' ]] ||
				broken "step $step fails: status $status: $out$err"
			no_trace "step $step fails" u0 u1
		done
		# what cannot be undone is said, and down ends it
		run_line "timeout -s KILL 300 end_at -11 forker 5+ vduse up $words"
		[[ $status$err = '1vduse up: '*'not all of it could be undone ('*'"vduse down u0" ends the rest'* ]] ||
			broken "nothing can be undone: status $status: $out$err"
		run_line 'vduse down u1'
		[[ $status$err = 0*'u0: no process served it; it was not attached'* ]] || complain "after that, down: status $status: $err"
		no_trace 'not undone' u0 u1
	SCRIPT
}

@test "a signal, or the end of the time, in the middle: undone, in time, and the process that is waited for is named" {
	in_guest <<-'SCRIPT'
		freeze_family
		# whatever is left of it in the kernel has none of its descriptors: the pipe ends, too
		{ vduse -T 2 up t0 2>&1; echo "status $?"; } | cat >$T.t0 & late=$!
		vduse up tl >/dev/null 2>&1 & locked=$!
		# foreground is no more patient
		ups=() foreground=
		for signal in INT TERM; do
			# shellcheck disable=SC2086 # a word, or none
			env --default-signal=$signal vduse up "t$signal" $foreground >$T.t$signal 2>&1 & ups+=($!)
			foreground=foreground
		done
		for signal in INT TERM; do
			pid=${ups[0]}
			ups=("${ups[@]:1}")
			wait_until 5 eval '[ -S /run/vduse/t'$signal'.sock ]' || complain 'it is not served'
			kill -$signal $pid
			ends 1 $pid
			[ $status = $((128 + $(kill -l $signal))) ] || complain "$signal: status $status"
			[ ! -s $T.t$signal ] || complain "$signal: says $(cat $T.t$signal)"
			[ ! -e "/sys/class/vduse/t$signal" ] || complain "$signal: not undone"
		done
		# a lock that somebody has is waited for, and he is named
		wait_until 5 eval '[ -S /run/vduse/tl.sock ]'
		expect 6 'vduse -T 1 down tl' "process $locked "
		in_time 25 '-T 1'
		kill -KILL $locked
		ends 5 $locked
		# its own device process is stopped while the kernel waits for it
		vduse -T 8 up ts 2>$T.ts & pid=$!
		expect 6 'vduse -T 1 down tl' 'killed left behind'
		ends 10 $late
		grep -q '^status 6$' $T.t0 || complain "the end of the time: $(cat $T.t0)"
		grep -q "process $frozen " $T.t0 || complain "the end of the time: says $(cat $T.t0)"
		[ ! -e /sys/class/vduse/t0 ] || complain 'not undone'
		[ ! -e /run/vduse/t0.up ] || complain 'what it was to be stays'
		[ -z "$(server_of t0)" ] || complain 'its device process stays'
		wait_until 5 eval '[ -S /run/vduse/ts.sock ]'
		server=$(server_of ts)
		kill -STOP "$server"
		thaw_family
		ends 10 $pid
		[ $status = 6 ] || complain "stopped: status $status"
		grep -q "process $server .*is stopped" $T.ts || complain "says $(cat $T.ts)"
		rm -f $T.t*
		expect 0w 'vduse down tl'
		no_trace 'at the end' t0 tINT tTERM tl ts
	SCRIPT
}
