# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # status, out and err are run_line's
#
# For tests of vduse up and down: more functions for the scripts of device.bash.

guest_functions+=(no_trace ours_remain ends kill_rounds race_rounds
	freeze_family thaw_family)

# ours_remain: is a process of ours left, other than those of `spare`? Its id, then, in `ours`.
ours_remain()
{
	local path line

	ours=
	for path in /proc/[0-9]*/stat; do
		{ IFS= read -r line <"$path"; } 2>/dev/null || continue
		[[ $line != *' (vduse) '* || $line = *' (vduse) '[ZX]' '* || " ${spare-} " = *" ${line%% *} "* ]] ||
			ours+=" ${line%% *}"
	done
	[ -n "$ours" ]
}

# no_trace WHERE NAME...: nothing of NAME, no process or socket of ours, no network namespace,
# and the machine's settings are as they were.
no_trace()
{
	local where=$1 name path lines now
	shift

	# what was killed ends a moment later
	wait_until 2 eval '! ours_remain' || complain "$where: processes stay:$ours"
	mapfile -t lines </proc/net/unix
	for name; do
		[[ "${lines[*]}" != *"/run/vduse/$name."* ]] || complain "$where: a socket of $name stays"
		for path in "/sys/bus/vdpa/devices/$name" "/dev/vduse/$name" /run/vduse/"$name".*; do
			[ ! -e "$path" ] && [ ! -L "$path" ] || complain "$where: left behind: $path"
		done
	done
	printf -v now '%s ' /run/netns/*
	[ "${spaces=$now}" = "$now" ] || complain "$where: network namespaces: $now, before: $spaces"
	[ "$(</sys/bus/vdpa/drivers_autoprobe)" = 1 ] || complain "$where: drivers_autoprobe is off"
	[ ! -s /run/vduse/drivers_autoprobe ] || complain "$where: a value to put back stays"
}

# ends SECONDS PID: this child of ours ends by then (as in wait_until), and is killed
# otherwise. Its status is in `status`.
ends()
{
	local end=$((${EPOCHREALTIME/./} + $1 * 20000000))

	while kill -0 "$2" 2>/dev/null && [ "${EPOCHREALTIME/./}" -lt $end ]; do
		nap 0.01
	done
	! kill -KILL "$2" 2>/dev/null || complain "process $2 does not end within $(($1 * 20)) s"
	wait "$2" 2>/dev/null
	status=$?
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
		ends 20 $pid
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

# race_rounds COUNT: four at a time, up and down of one name, or of a pair, in turns; each must
# say one of the things that are true, and the last down leaves nothing.
race_rounds()
{
	local round pid pids verb verbs name

	for ((round = 1; round <= $1; round++)); do
		pids=()
		verbs=('up c0' 'down c0' 'up c0' 'up c0 mtu 1400')
		[ $((round % 3)) != 2 ] || verbs=('up c0 driver vhost_vdpa peer c1' 'down c1' \
			'up c0 driver vhost_vdpa peer c1' 'up c1')
		for verb in "${verbs[@]}"; do
			# shellcheck disable=SC2086 # words
			vduse $verb >/dev/null 2>"$T.$verb" &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			ends 30 "$pid"
			# 5: up with the other words was first
			[ $status = 0 ] || [ $status = 5 ] ||
				complain "round $round: status $status: $(cat "$T".up* "$T".down*)"
		done
		for name in c0 c1; do
			[ -e /sys/class/vduse/$name ] || continue
			driver_of $name >/dev/null || complain "round $round: half of $name is there"
			[ -n "$(server_of $name)" ] || complain "round $round: nobody serves $name"
			[ -e /run/vduse/$name.up ] || complain "round $round: what $name was to be is not written down"
		done
		for name in c0 c1; do
			run_line "vduse down $name"
			[ $status = 0 ] || complain "round $round: down: status $status: $err"
			run_line "vduse down $name"
			[[ $err = *'nothing'* ]] || complain "round $round: not down: $out$err"
		done
		rm -f "$T".up* "$T".down*
		no_trace "round $round" c0 c1
		[ $failed = 0 ] || return
	done
}

# freeze_family: another device's add waits for its device process, and everyone for that.
freeze_family()
{
	device create frozen msg_timeout 600
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
