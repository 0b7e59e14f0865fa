# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # status, out and err are run_line's
#
# For tests of vduse up and down: more functions for the scripts of device.bash.

guest_functions+=(no_trace kill_rounds race_rounds freeze_family thaw_family)

# no_trace WHERE NAME...: nothing of NAME, no process of ours, and the machine's settings are
# as they were.
no_trace()
{
	local where=$1 name path
	shift

	# what was killed ends a moment later
	wait_until 2 eval '! vm-state | grep -q "^process .* vduse$"' ||
		complain "$where: processes stay: $(vm-state | grep '^process .* vduse$' | tr '\n' ' ')"
	for name; do
		for path in "/sys/bus/vdpa/devices/$name" "/dev/vduse/$name" /run/vduse/"$name".*; do
			[ ! -e "$path" ] || complain "$where: left behind: $path"
		done
	done
	[ "$(</sys/bus/vdpa/drivers_autoprobe)" = 1 ] || complain "$where: drivers_autoprobe is off"
	[ ! -s /run/vduse/drivers_autoprobe ] || complain "$where: a value to put back stays"
}

# kill_rounds COUNT: up, a SIGKILL at a random moment for the command or for the device
# process, and down, which must end what there is; every third time "up" once more before.
kill_rounds()
{
	local round pid victim words moment choices

	RANDOM=${SEED:-42}
	for ((round = 1; round <= $1; round++)); do
		choices=('k0' 'k0 peer k1' 'k0 driver vhost_vdpa')
		words=${choices[round % 3]}
		# shellcheck disable=SC2086 # words
		vduse up $words >/dev/null 2>&1 & pid=$!
		printf -v moment '0.%03d' $((RANDOM % 300))
		nap "$moment"
		victim=$pid
		[ $((RANDOM % 2)) = 0 ] || victim=$(server_of k0)
		[ -z "$victim" ] || kill -KILL ${victim%% *} 2>/dev/null
		[ $((RANDOM % 3)) = 0 ] || kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
		if [ $((round % 3)) = 0 ]; then
			run_line "vduse up $words"
			[ $status = 0 ] || complain "round $round ($words, $moment s): up after it: status $status: $err"
		fi
		run_line 'vduse down k0'
		[ $status = 0 ] || complain "round $round ($words, $moment s): down: status $status: $err"
		no_trace "round $round ($words, $moment s)" k0 k1
		[ $failed = 0 ] || return
	done
}

# race_rounds COUNT: three at a time, up and down of one name in turns; each must say one of
# the things that are true, and the last down leaves nothing.
race_rounds()
{
	local round pid pids verb

	for ((round = 1; round <= $1; round++)); do
		pids=()
		for verb in 'up c0' 'down c0' 'up c0' 'up c0 mtu 1400'; do
			# shellcheck disable=SC2086 # words
			vduse $verb >/dev/null 2>"$T.$verb" &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			wait "$pid"
			status=$?
			# 5: up with the other words was first
			[ $status = 0 ] || [ $status = 5 ] ||
				complain "round $round: status $status: $(cat "$T".up* "$T".down*)"
		done
		if [ -e /sys/class/vduse/c0 ]; then
			[ "$(driver_of c0)" = virtio_vdpa ] || complain "round $round: half of it is there"
			[ -n "$(server_of c0)" ] || complain "round $round: nobody serves it"
			[ -e /run/vduse/c0.up ] || complain "round $round: what it was to be is not written down"
		fi
		run_line 'vduse down c0'
		[ $status = 0 ] || complain "round $round: down: status $status: $err"
		run_line 'vduse down c0'
		[[ $err = *'nothing'* ]] || complain "round $round: not down: $out$err"
		rm -f "$T".up* "$T".down*
		no_trace "round $round" c0
		[ $failed = 0 ] || return
	done
}

# freeze_family: another device's add waits for its device process, and everyone for that.
freeze_family()
{
	device create frozen
	device serve frozen
	frozen=$(server_of frozen)
	kill -STOP "$frozen"
	/sbin/vdpa dev add name frozen mgmtdev vduse & adder=$!
	wait_until 5 eval '[[ $(cat /proc/'$adder'/wchan) = vduse_dev_msg_sync ]]' ||
		broken 'the add does not wait for the device process'
}

thaw_family()
{
	kill -CONT "$frozen"
	wait "$adder"
	undo frozen
}
