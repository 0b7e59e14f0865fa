# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # status, out and err are run_line's
#
# For hang.bats: every verb of both tools, at devices whose process is stopped, was killed, or
# was broken by a message that was not answered within msg_timeout. Each ends in time, with
# the status that it is to have and a sentence that names the cause and the way out.
#
# A table has a row for each command, VERB | LINE | OFF NONE VIRTIO VHOST, with a cell for
# each thing that a device can be attached to:
#
#	off	not on the bus
#	none	on the bus, without a driver
#	virtio	bound to virtio_vdpa
#	vhost	bound to vhost_vdpa
#
# A cell is the status, and what is said on standard error:
#
#	0	nothing		0w	a warning that names the cause
#	1..6	the cause	1-..6-	something else, which is right whatever the state
#	.	the command is not run there
#
# In LINE %D is the device and %O the driver that it has not. VERB is what the tools' usage
# has, for verbs_without_row. The devices of a set are made by "vduse up", and named after the
# set and their column: "stopped-virtio".

guest_functions+=(hang_begin launch collect judge name_cause fill launch_row table bring_up
	unbind fleet break_servers broken_fleet find_mine stop_servers kill_servers go_on answers
	serve_again takes_signals interrupted ends_on_signal)

# hang_table: in_guest, with what a table needs.
hang_table()
{
	{
		echo hang_begin
		cat
	} | in_guest
}

# rows_of TEST: the rows of the tables in the tests of hang.bats with TEST in their name.
rows_of()
{
	sed -n "/^@test \"[^\"]*$1/,/^}/p" "$testsuite/hang.bats" | sed -nE 's/^\s*(v[a-z]+ [a-z ]*\|.*)/\1/p'
}

# verbs_without_row PROGRAM TEST: the verbs in the usage of PROGRAM, which is made of its table,
# that have no row in TEST.
verbs_without_row()
{
	local usage verb rows

	rows=$(rows_of "$2" | sed -E 's/ +\|.*//' | sort -u)
	"$VT_BUILD/$1/$1" help | sed -nE "s/^(Usage:|      ) ($1 [a-z{].*)/\\2/p" |
		sed -E 's/\{ show \| list \}/show/' | while IFS= read -r usage; do
		while IFS= read -r verb; do
			[[ "$usage " != "$verb "* ]] || continue 2
		done <<<"$rows"
		echo "$usage"
	done
}

# words_without_row TEST: what "vduse set" can set, and no row of TEST sets.
words_without_row()
{
	local word rows

	rows=$(rows_of "$1" | grep '^vduse set')
	for word in $("$VT_BUILD/vduse/vduse" set --help | grep -oE '\[ [a-z_]+' | tr -d '[ '); do
		[[ $rows = *" $word "* ]] || echo "vduse set $word"
	done
}

# -- inside the guest: many commands at once ------------------------------------------------

hang_begin()
{
	columns=(off none virtio vhost)
	declare -gA servers kind pids lines statuses cells about
	cause_is=
}

# launch KEY CELL DEVICE LINE: a command of the next collect, in the background.
launch()
{
	cells[$1]=$2 about[$1]=$3 lines[$1]=$4
	eval "$4" </dev/null >"$T.$1.out" 2>"$T.$1.err" &
	pids[$1]=$!
}

# collect SECONDS: and judge each that was launched. One that has not ended in eight times that
# hangs.
collect()
{
	local key watchdog

	(nap $(($1 * 8)); kill -KILL "${pids[@]}") 2>/dev/null & watchdog=$!
	for key in "${!pids[@]}"; do
		wait "${pids[$key]}" 2>/dev/null
		statuses[$key]=$?
	done
	kill $watchdog
	wait $watchdog 2>/dev/null
	for key in "${!pids[@]}"; do
		judge "$key" "${cells[$key]}"
	done
	pids=()
}

# judge KEY CELL: was that what CELL says?
judge()
{
	local faults='' want=${2%%[w-]*} json_mode=

	[[ ${lines[$1]} != *' -j '* ]] || json_mode=1
	name_cause "${about[$1]}"
	status=${statuses[$1]}
	IFS= read -r -d '' out <"$T.$1.out"
	IFS= read -r -d '' err <"$T.$1.err"
	[ "$status" != 137 ] || wrong 'it HANGS: it was killed'
	[ "$status" = "$want" ] || wrong "status $status, expected $want"
	if [[ $2 = 0w* ]]; then well_formed 0w; else well_formed "$want"; fi
	[[ $2 = 0 || $2 = *- || $err =~ $cause ]] || wrong "says nothing like: $cause"
	[ -z "$faults" ] || complain "FAILED: ${lines[$1]}
$faults  status $status
  standard output: ${out:0:500}
  standard error: ${err:0:2000}"
	[ -z "$json_mode" ] || [[ ${lines[$1]} = interrupted* ]] || printf '%s\0' "${lines[$1]}" "$want" '' "$out" "$err" >&3
	rm -f "$T.$1.out" "$T.$1.err"
}

# -- inside the guest: a table ----------------------------------------------------------------

# name_cause DEVICE: what a sentence about it has, with the way out, as cause.
name_cause()
{
	local pid=${servers[$1]-}

	cause=$cause_is
	[ -z "$cause" ] || return
	case ${kind[${1%-*}]} in
	stopped) cause="process $pid .*stopped.*kill -CONT $pid" ;;
	killed) cause="(no process|nobody) serves.*vduse loopback $1" ;;
	broken) cause="broken.*vduse down $1" ;;
	*) cause='there is no cause' ;;
	esac
}

# fill LINE SET COLUMN: as filled.
fill()
{
	local other=virtio_vdpa name=${columns[$3]}

	[ "$name" != virtio ] || other=vhost_vdpa
	filled=${1//%D/$2-$name}
	filled=${filled//%O/$other}
}

# launch_row SET TURNS NUMBER LINE CELL...: in text and with -j, or with TURNS in the one or
# the other.
launch_row()
{
	local set=$1 turns=$2 number=$3 line=$4 column
	shift 4

	for column in 0 1 2 3; do
		[ "$1" != . ] || { shift; continue; }
		fill "$line" "$set" $column
		if [ -z "$turns" ] || [ $((column % 2)) = 0 ] || [[ $line = *' -b '* ]]; then
			launch "$number-$column-text" "$1" "$set-${columns[column]}" "$filled"
		fi
		if [[ $line = *' -b '* ]]; then
			:	# its document is an array: waiting.bats, batch.bats
		elif [ -z "$turns" ] || [ $((column % 2)) = 1 ]; then
			launch "$number-$column-json" "$1" "$set-${columns[column]}" \
				"${filled%% *} -j ${filled#* }"
		fi
		shift
	done
}

# table SET SECONDS [turns] [together]: the rows on standard input, one after the other or
# all together. A command that takes eight times SECONDS hangs.
table()
{
	local row verb line marks number=0 turns='' together=''

	[[ " $* " != *' turns '* ]] || turns=1
	[[ " $* " != *' together '* ]] || together=1
	while IFS= read -r row; do
		[[ $row =~ ^[[:space:]]*(#|$) ]] && continue
		IFS='|' read -r verb line marks <<<"$row"
		line=${line#"${line%%[![:space:]]*}"}
		line=${line%"${line##*[![:space:]]}"}
		read -ra marks <<<"$marks"
		[ ${#marks[@]} = 4 ] || broken "no row: $row"
		launch_row "$1" "$turns" $((number++)) "$line" "${marks[@]}"
		[ -n "$together" ] || collect "$2"
	done
	[ -z "$together" ] || collect "$2"
}

# -- inside the guest: devices ------------------------------------------------------------------

# bring_up SET COLUMN...: devices, each with a process of its own, all at once.
bring_up()
{
	local set=$1 column words ups=()
	shift

	for column; do
		words=("$set-$column")
		[ "$column" != vhost ] || words+=(driver vhost_vdpa)
		vduse up "${words[@]}" >/dev/null & ups+=($!)
	done
	wait "${ups[@]}"
	for column; do
		servers[$set-$column]=$(server_of "$set-$column")
		[ -n "${servers[$set-$column]}" ] || broken "vduse up $set-$column did not work"
	done
	kind[$set]=healthy
}

# unbind NAME: by hand, whatever its driver is.
unbind()
{
	echo "$1" >"/sys/bus/vdpa/drivers/$(driver_of "$1")/unbind"
}

# fleet SET COLUMN...: devices that work, attached to what COLUMN says.
fleet()
{
	local column

	bring_up "$@"
	for column in "${@:2}"; do
		case $column in
		off) /sbin/vdpa dev del "$1-off" ;;
		none) unbind "$1-none" ;;
		esac
	done
}

# break_servers SET COLUMN...: the kernel breaks them, by a message that is not answered in a
# second: of an unbind, or of opening the node of vhost-vdpa.
break_servers()
{
	local column waits=() node

	stop_servers "$1"
	for column in "${@:2}"; do
		echo 1 >"/sys/class/vduse/$1-$column/msg_timeout"
		if [ "$column" = vhost ]; then
			for node in /sys/bus/vdpa/devices/"$1-vhost"/vhost-vdpa-*; do
				: <>"/dev/${node##*/}" & waits+=($!)
			done
		else
			unbind "$1-$column" & waits+=($!)
		fi
	done 2>/dev/null
	wait "${waits[@]}"
}

# broken_fleet SET COLUMN...: devices that the kernel has broken, and whose process has seen
# that and ended.
broken_fleet()
{
	local column

	bring_up "$@"
	break_servers "$@"
	kill -CONT "${mine[@]}"
	wait_until 5 eval '! kill -0 "${mine[@]}" 2>/dev/null' ||
		complain 'a server did not end when its device was broken'
	for column in "${@:2}"; do
		case $column in
		off) /sbin/vdpa dev del "$1-off" ;;
		virtio) echo "$1-virtio" >/sys/bus/vdpa/drivers/virtio_vdpa/bind ;;
		esac
	done
	kind[$1]=broken
}

# find_mine SET: the processes of its devices, as mine.
find_mine()
{
	local name

	mine=()
	for name in "${!servers[@]}"; do
		[[ $name != "$1"-* ]] || mine+=("${servers[$name]}")
	done
}

# stop_servers SET: and the kernel waits for as long as it takes.
stop_servers()
{
	local name

	find_mine "$1"
	for name in "${!servers[@]}"; do
		[[ $name != "$1"-* ]] || echo 600 >"/sys/class/vduse/$name/msg_timeout"
	done
	kill -STOP "${mine[@]}"
	kind[$1]=stopped
}

kill_servers()
{
	local name

	for name in "${!servers[@]}"; do
		[[ $name != "$1"-* ]] || device kill "$name"
	done
	kind[$1]=killed
}

# serve_again SET: others serve its devices now.
serve_again()
{
	local name

	for name in "${!servers[@]}"; do
		[[ $name != "$1"-* ]] || servers[$name]=$(server_of "$name")
	done
}

# go_on SET...: and the family answers again.
go_on()
{
	local set

	for set; do
		find_mine "$set"
		kill -CONT "${mine[@]}"
	done
	answers
}

answers()
{
	wait_until 30 eval 'vdpa -T 20 dev show >/dev/null 2>&1' || broken 'the family does not answer'
}

# takes_signals PID: it has seen to it that SIGINT does not simply kill it.
takes_signals()
{
	wait_until 5 grep -qsE '^Sig(Blk|Cgt):.*[2367abef]$' "/proc/$1/status"
}

# interrupted [-j] COMMAND...: what goes on is ended with SIGINT after a second.
interrupted()
{
	local json=() pid

	[ "$1" != -j ] || { json=(-j); shift; }
	env --default-signal=INT "$1" "${json[@]}" "${@:2}" & pid=$!
	takes_signals $pid
	nap 1
	kill -INT $pid
	wait $pid
}

# ends_on_signal PID WHAT: with status 0, soon after SIGINT.
ends_on_signal()
{
	local status watchdog

	kill -INT "$1"
	(nap 60; kill -KILL "$1") 2>/dev/null & watchdog=$!
	wait "$1"
	status=$?
	kill $watchdog
	wait $watchdog 2>/dev/null
	[ $status = 0 ] || complain "$2: status $status after SIGINT"
}
