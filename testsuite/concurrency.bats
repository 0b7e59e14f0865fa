# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two at once, one in the middle of another, and steps that fail: a device is
# there with everything that was asked for, or it is not there.

load common
load device

@test "cli-93 eight creates, adds, dels and destroys of one name: one wins, the others are told, the device is whole" {
	in_guest <<-'SCRIPT'
		# all LINE ALLOWED: eight at once; one has status 0, the others one of ALLOWED
		all()
		{
			local pids='' pid won=0 status took start=${EPOCHREALTIME/./}

			for i in 1 2 3 4 5 6 7 8; do
				eval "timeout -s KILL 300 $1" >"$T.$i" 2>&1 &
				pids="$pids $!"
			done
			i=0
			for pid in $pids; do
				wait $pid
				status=$?
				i=$((i + 1))
				if [ $status = 0 ]; then
					won=$((won + 1))
				elif [[ " $2 " != *" $status "* ]]; then
					complain "$1: status $status, expected 0 once and otherwise $2: $(<"$T.$i")"
				fi
				rm "$T.$i"
			done
			[ $won = 1 ] || complain "$1: $won of 8 say that they did it"
			took=$(((${EPOCHREALTIME/./} - start) / 1000))
			echo "$took ms: $1"
		}
		for round in 1 2; do
			all 'vduse create cc0 msg_timeout 7 bounce_size 8388608' 5
			expect 0 'vduse -j show cc0' '"type":"net","vqs":2,"msg_timeout":7,"bounce_size":8388608'
			all 'vduse loopback cc0 background' 5
			all 'vdpa dev add name cc0 mgmtdev vduse' 5
			interface_of cc0 >/dev/null || complain 'no interface'
			all 'vdpa dev del cc0' 3
			device stop cc0
			all 'vduse destroy cc0' '3 5'
			nothing_left
		done
	SCRIPT
}

@test "cli-93 create against destroy of one name, for a while: each ends, nothing half made stays" {
	in_guest <<-'SCRIPT'
		for i in 1 2 3 4 5 6 7 8 9 10; do
			vduse create cd0 msg_timeout 9 2>"$T.1" &
			a=$!
			vduse destroy cd0 2>"$T.2" &
			b=$!
			wait $a; s=$?
			[ $s = 0 ] || [ $s = 5 ] || complain "create: status $s: $(<"$T.1")"
			wait $b; s=$?
			[ $s = 0 ] || [ $s = 3 ] || [ $s = 5 ] || complain "destroy: status $s: $(<"$T.2")"
			if [ -e /sys/class/vduse/cd0 ]; then
				expect 0 'vduse -j show cd0' '"type":"net","vqs":2,"msg_timeout":9'
			else
				nothing_left cd0
			fi
		done
		rm -f "$T.1" "$T.2"
		[ ! -e /sys/class/vduse/cd0 ] || device destroy cd0
		nothing_left
	SCRIPT
}

@test "proc-73 create is all or nothing: each of its system calls fails once" {
	in_guest <<-'SCRIPT'
		words='sf0 msg_timeout 7 bounce_size 8388608 mac 52:54:00:00:00:01'
		# what a create does from the moment in which it opens the control node
		strace -qq -o "$T.trace" vduse create $words || broken 'strace'
		device destroy sf0
		declare -A seen=() from=()
		started=
		while IFS= read -r call; do
			name=${call%%(*}
			[[ $name =~ ^[a-z0-9_]+$ ]] || continue
			seen[$name]=$((${seen[$name]-0} + 1))
			[[ $call = *'/dev/vduse/control'* ]] && started=1
			[ -z "$started" ] && continue
			case $name in
			ioctl | write | openat | mkdir | rename | renameat | renameat2 | fsync | link | linkat | fchmod | flock | statx | newfstatat)
				plan="${plan-} $name:${seen[$name]}" ;;
			esac
		done <"$T.trace"
		rm -f "$T.trace"
		set -- ${plan-}
		[ $# -ge 5 ] || broken "only these calls to fail: $*"
		for step; do
			case $step in
			write:*) error=ENOSPC ;;
			ioctl:*) error=EINVAL ;;
			*) error=EIO ;;
			esac
			run_line "strace -qq -o /dev/null -e trace=${step%:*} -e inject=${step%:*}:error=$error:when=${step#*:} vduse create $words"
			if [ $status = 0 ]; then
				[[ $(vduse -j show sf0) = *'"type":"net","vqs":2,"msg_timeout":7,"bounce_size":8388608'* ]] ||
					complain "$step failed with $error, create says 0, and the device is: $(vduse -j show sf0)"
				device destroy sf0
			else
				[ -n "$err" ] || complain "$step failed with $error: status $status without a word"
				[ $status -lt 8 ] || complain "$step failed with $error: status $status"
				[ ! -e /sys/class/vduse/sf0 ] || {
					complain "$step failed with $error: create says $status, and the device is there: $err"
					device destroy sf0
				}
			fi
			nothing_left sf0
		done
		printf '%s\n' "$# system calls"
	SCRIPT
}

@test "proc-74 create with /run read-only or full: refused, and no device" {
	in_guest <<-'SCRIPT'
		rm -rf /run/vduse
		mkdir /run/vduse
		mount -t tmpfs -o ro none /run/vduse
		expect 1 'vduse create ro0' '/run/vduse'
		[ ! -e /sys/class/vduse/ro0 ] || complain 'there is a device'
		umount /run/vduse
		mount -t tmpfs -o size=4k,nr_inodes=3 none /run/vduse
		head -c 4096 /dev/zero >/run/vduse/full
		run_line 'vduse create ro0'
		[ $status = 1 ] || complain "a full /run: status $status: $err"
		[ ! -e /sys/class/vduse/ro0 ] || complain 'there is a device'
		rm /run/vduse/full
		umount /run/vduse
		[ ! -e /sys/class/vduse/ro0 ] || device destroy ro0
		device create ro0
		device destroy ro0
		nothing_left
	SCRIPT
}

@test "proc-69 create ended by a signal at each step: SIGTERM leaves all or nothing, SIGKILL nothing that is in the way" {
	in_guest <<-'SCRIPT'
		words='sk0 msg_timeout 7 bounce_size 8388608 mac 52:54:00:00:00:01'
		strace -qq -o "$T.trace" -e trace=ioctl,write,rename,renameat,renameat2,linkat vduse create $words
		device destroy sk0
		mapfile -t calls <"$T.trace"
		rm -f "$T.trace"
		steps=${#calls[@]}
		# two ioctls make it, two values are set, and the record is written and put in place
		[ $steps -ge 6 ] || broken "only these steps: ${calls[*]}"
		whole='"type":"net","vqs":2,"msg_timeout":7,"bounce_size":8388608'
		for signal in TERM KILL; do
			for ((n = 1; n <= steps; n++)); do
				run_line "strace -qq -o /dev/null -e trace=ioctl,write,rename,renameat,renameat2,linkat -e inject=ioctl,write,rename,renameat,renameat2,linkat:signal=$signal:when=$n vduse create $words"
				if [ $signal = TERM ]; then
					if [ -e /sys/class/vduse/sk0 ]; then
						[[ $(vduse -j show sk0) = *"$whole"* ]] ||
							complain "SIGTERM at call $n (status $status) leaves half a device: $(vduse -j show sk0)"
						device destroy sk0
					else
						[ $status != 0 ] || complain "SIGTERM at call $n: status 0 and no device"
					fi
					nothing_left sk0
					continue
				fi
				# whatever stayed is shown for what it is, and gives way
				expect 0 'vduse -j show'
				[ ! -e /sys/class/vduse/sk0 ] || expect 0 'vduse destroy sk0'
				expect 0 "vduse create $words"
				expect 0 'vduse -j show sk0' "$whole"
				device destroy sk0
				nothing_left sk0
			done
		done
		printf '%s\n' "$steps steps"
	SCRIPT
}

@test "proc-71 a second server of one device is refused with 5 and the first one's name, and serves nothing" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create se0
		device serve se0
		pid=$(server_of se0)
		json_rows <<-ROWS
			5 vduse loopback se0                ## $pid
			5 vduse loopback se0 background     ## $pid
		ROWS
		[ "$(server_of se0)" = $pid ] || complain "it is now served by $(server_of se0)"
		device attach se0
		undo se0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}
