# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For tests of vduse monitor: more functions for the scripts of device.bash.

# watch FILE [WORD]...: a monitor that writes to FILE, as $watcher; it listens already when
# this returns, and FILE begins with the device "mark"; it goes on at the end of FILE, which
# may be emptied. The first WORDs with a dash are options, $watch_with what stands before
# the command.
# shellcheck disable=SC2034 # scripts use $watcher
watch()
{
	local file=$1 options=()
	shift

	while [[ ${1-} = -* ]]; do
		options+=("$1")
		shift
	done
	: >"$file"
	${watch_with-} vduse "${options[@]}" monitor "$@" initial >>"$file" 2>"$file.err" &
	watcher=$!
	wait_until 5 grep -qs 'mark' "$file" || broken "the monitor does not begin: $(<"$file.err")"
}

# seen FILE REGEX [SECONDS]: a line of FILE is like REGEX, soon
seen()
{
	wait_until "${3-5}" grep -qE "$2" "$1" || complain "no line like $2: $(tail -n 30 "$1")"
}

# settled PID...: they wait for something new: all of them sleep, and do for a while.
settled()
{
	local pid key value before=none now='' awake=1

	until [ "$now" = "$before" ] && [ -z "$awake" ]; do
		[ "$now" = '' ] || nap 0.2
		before=$now now='' awake=''
		for pid; do
			while read -r key value; do
				case $key in
				State:) [[ $value = S* ]] || awake=1 ;;
				*ctxt_switches:) now+=" $value" ;;
				esac
			done <"/proc/$pid/status" || return
		done
	done
}

# looks_at PID NODE: the process would be told that somebody opens this node.
looks_at()
{
	local inode

	printf -v inode 'ino:%x ' "$(stat -c %i "$2")"
	wait_until 5 grep -qs "$inode" /proc/$1/fdinfo/* || complain "process $1 does not look at $2"
}

# ended STATUS PID: the process ends with STATUS, soon
ended()
{
	wait_until 5 eval "! kill -0 $2 2>/dev/null" || complain "process $2 goes on"
	kill -KILL "$2" 2>/dev/null
	wait "$2"
	local got=$?
	[ $got = "$1" ] || complain "the monitor's status is $got, not $1"
}

# replay FILE: the VDUSE devices that its reader believes to be there
replay()
{
	sed -nE 's/^\[vduse,(create|destroy)\] ([^ ]*).*/\1 \2/p' "$1" |
		awk '$1 == "create" { if ($2 in is) print "twice", $2; is[$2] }
			$1 == "destroy" { if (!($2 in is)) print "none", $2; delete is[$2] }
			END { for (name in is) print name }' | sort
}

# is_there: the VDUSE devices that are
is_there()
{
	ls -I control /sys/class/vduse | sort
}

guest_functions+=(watch seen settled looks_at ended replay is_there)
