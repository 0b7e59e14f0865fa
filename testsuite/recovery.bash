# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # left and right, status and answer are those of device.bash and traffic.bash
#
# For tests that kill what serves a device, and expect that nobody notices: functions for the
# scripts of device.bash. The programs that kill are testsuite/guest/kill_*.c.

guest_functions+=(kills kill_way traffic_begins traffic_ends recovered pair_kills
	percentile figure_of_kills
	loopback_kills vhost_kills)

# traffic_begins WORD...: frames or vhost_driver with these words, in the background, until
# traffic_ends. Several at a time.
traffic_begins()
{
	local endless='seconds 3600 timeout 60000'

	[ "$1" != vhost_driver ] || endless=endless
	# shellcheck disable=SC2086 # one or two
	"$@" $endless flight "$T.flight${#traffic[@]}" >"$T.traffic${#traffic[@]}" 2>&1 &
	traffic+=($!)
}

# traffic_ends: nothing was lost, doubled, reordered or changed, and there was some.
traffic_ends()
{
	local i

	kill "${traffic[@]}"
	for i in "${!traffic[@]}"; do
		wait "${traffic[i]}" || complain "$case: traffic $i: status $?"
		answer=$(<"$T.traffic$i")
		answers 'sent > 100' 'lost == 0' 'reordered == 0' 'corrupt == 0'
		[[ $answer != *duplicated* ]] || answers 'duplicated == 0'
		sent=$((${sent:-0} + $(field sent)))
		lost=$((${lost:-0} + $(field lost)))
		doubled=$((${doubled:-0} + 0$(field duplicated)))
		reordered=$((${reordered:-0} + $(field reordered)))
	done
	traffic=()
}

# kills NAME COUNT: kill_worker, only while each of the traffic has frames on their way; its answer
# is kept. What it measured goes to the script's output.
kills()
{
	local flights=(flight "$T.flight0")

	[ ${#traffic[@]} = 1 ] || flights+=(and "$T.flight1")
	set -- "$(service_of "$1")" "$1" count "$2" "${flights[@]}" times "$T.times" ${seed:+seed "$seed"}
	answer=$(timeout -s KILL 800 kill_worker "$@" 2>"$T.seed") ||
		complain "$case: kill_worker $*: status $?: $answer $(<"$T.seed")"
	echo "$case: $(<"$T.seed"): $answer"
	answers "kills == $4" 'flying >= kills' 'descriptors == descriptors_before'
	killed=$((${killed:-0} + $(field kills)))
	flying=$((${flying:-0} + $(field flying)))
}

# recovered NAME...: each runs both virtqueues, with nothing in flight, and served by a worker.
recovered()
{
	local name

	for name; do
		answer=$(kill_worker "$(service_of "$name")" "$name" count 0 2>/dev/null)
		answers 'in_flight == 0' 'running == 1' 'kills == 0'
	done
}

# percentile PERCENT FILE: of its numbers, in milliseconds.
percentile()
{
	sort -n "$2" | awk -v percent="$1" '{ all[NR] = $1 }
		END { printf "%.0f ms", all[int((NR - 1) * percent / 100) + 1] / 1000 }'
}

# figure_of_kills: what came of all that kill_way did.
figure_of_kills()
{
	echo "figure recovery: $killed kills with $flying frames on their way, of $sent: lost $lost," \
		"doubled $doubled, reordered $reordered; recovery p50 $(percentile 50 "$T.times")," \
		"p99 $(percentile 99 "$T.times")"
}

# pair_kills COUNT FEATURES
pair_kills()
{
	pair_up rp0 rp1 features "$2" -- features "$2"
	traffic=()
	traffic_begins frames "$left" to "$right" window 16
	traffic_begins frames "$right" to "$left" window 24 kind udp4 sizes 60-1514:31
	kills rp0 "$1"
	traffic_ends
	recovered rp0 rp1
	pair_down rp0 rp1
}

# loopback_kills COUNT FEATURES
loopback_kills()
{
	bring_up rl0 features "$2"
	traffic=()
	traffic_begins frames "$interface" window 32
	kills rl0 "$1"
	traffic_ends
	recovered rl0
	undo rl0
}

# vhost_kills COUNT FEATURES
vhost_kills()
{
	device create rv0 features "$2"
	device serve rv0
	device attach rv0
	need 0 'vdpa dev bind rv0 driver vhost_vdpa'
	traffic=()
	traffic_begins vhost_driver "$(node_of rv0)" window 32
	kills rv0 "$1"
	# while its client is there: a reset stops the virtqueues
	recovered rv0
	traffic_ends
	undo rv0
}

# kill_way WAY COUNT
kill_way()
{
	case=$1
	case $1 in
	'pair split') pair_kills "$2" +CSUM ;;
	'pair packed') pair_kills "$2" +RING_PACKED ;;
	'loopback split') loopback_kills "$2" +CSUM ;;
	'loopback packed') loopback_kills "$2" +RING_PACKED ;;
	'vhost_vdpa') vhost_kills "$2" +CSUM ;;
	esac
	case=
}

guest_functions+=(steps kill_steps forgets killed_in pauses reports_of)

# steps SUPERVISOR NAME WORD...: kill_step, whose answer is kept.
steps()
{
	answer=$(timeout -s KILL 800 kill_step "$@" 2>&1) || complain "$case: kill_step $*: $answer"
	echo "$case: $answer"
}

# kill_steps FEATURES BEFORE AFTER [APART]: so many instructions of a batch, before and after its
# store, and those after it so far apart
kill_steps()
{
	case="steps $1"
	bring_up rs0 features "$1"
	traffic=()
	traffic_begins frames "$interface" window 4 sizes 60
	steps "$(service_of rs0)" rs0 before "$2" after "$3" apart "${4:-1}"
	answers "kills_before == $2" "kills_after == $3"
	traffic_ends
	recovered rs0
	undo rs0
	case=
}

# forgets NAME WORD...: the control. With these words of kill_step or kill_worker (the program is
# the first of them), and the journal emptied after each kill: are frames doubled or lost?
forgets()
{
	local name=$1 frames killer program=$2 supervisor
	shift 2

	# found by its worker, which may be dead later on
	supervisor=$(service_of "$name")

	frames "$interface" window 4 sizes 60 timeout 1500 seconds 3600 >"$T.frames" 2>&1 &
	frames=$!
	timeout -s KILL 800 "$program" "$supervisor" "$name" "$@" forget >"$T.killer" 2>&1 &
	killer=$!
	# frames that are lost end the traffic, and without it nothing comes to where it would be killed
	while kill -0 $frames && kill -0 $killer; do nap 0.1; done 2>/dev/null
	kill $killer $frames 2>/dev/null
	wait $killer
	case $? in
	0 | 143) ;;
	*) complain "$case: $program $*: $(<"$T.killer")" ;;
	esac
	# a killer that was ended between stop and continue leaves the supervisor stopped
	kill -CONT "$supervisor"
	wait $frames
	answer=$(<"$T.frames")
	echo "$case: $answer"
	answers 'sent > 0'
	holds 'lost + duplicated > 0'
}

# killed_in MOMENT [TIMES [MOST]] -- COMMAND...: while COMMAND runs, workers of the service $service
# are killed in the middle of messages. What came of it is the answer.
killed_in()
{
	local words=() killer

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	: >"$T.killer"
	kill_message "$service" "${words[@]}" >"$T.killer" 2>&1 &
	killer=$!
	wait_until 30 test -s "$T.killer" || broken "kill_message: $(<"$T.killer")"
	"$@"
	kill $killer
	wait $killer || complain "kill_message ${words[*]}: $(<"$T.killer")"
	answer=$(<"$T.killer")
	answer=${answer#traced$'\n'}
}

# pauses FROM TO: those of the answer after the kills of these numbers, in milliseconds.
pauses()
{
	local all

	IFS=, read -r -a all <<<"$(sed 's/.*"pauses":\[\([^]]*\)\].*/\1/' <<<"$answer")"
	echo "${all[@]:$1:$(($2 - $1))}"
}

# reports_of FILE: how many deaths of workers it has, and how many sentences it says it has not.
reports_of()
{
	awk '/its worker [0-9]+ ended/ { told++ }
		match($0, /[0-9]+ sentences more/) { untold += substr($0, RSTART, RLENGTH) }
		END { print told + 0, untold + 0 }' "$1"
}

guest_functions+=(served_again byte random_bytes)

# served_again NAME: the next service of a device whose last one was killed; what it says is in
# $T.said.
served_again()
{
	: >"$T.ready"
	vduse loopback "$1" >"$T.ready" 2>"$T.said" &
	disown
	wait_until 60 test -s "$T.ready" || broken "$case: not ready: $(<"$T.said")"
}

# byte NAME OFFSET VALUE: into its journal
byte()
{
	# shellcheck disable=SC2059 # an escape is wanted
	printf "\\x$(printf %02x "$3")" |
		dd of="/run/vduse/$1.journal" bs=1 seek="$2" conv=notrunc status=none
}

# random_bytes NAME ROUNDS: the service killed and started again, and between that random bytes
# written into its journal's content, a few and many by turns. The process lives, and the next
# driver is served. Its interface is in $interface.
random_bytes()
{
	local name=$1 round i file=/run/vduse/$1.journal

	for ((round = 1; round <= $2; round++)); do
		case="random bytes, round $round"
		device kill "$name"
		[ $((round % 2)) = 0 ] ||
			dd if=/dev/urandom of="$file" bs=4096 seek=16 count=8 conv=notrunc status=none
		for i in 1 2 3 4; do
			byte "$name" $((65536 + RANDOM % 80)) $((RANDOM % 256))
		done
		served_again "$name"
		# a link that was lowered outlives its server: it may be what the file says now
		need 0 "vduse set $name link up"
		[[ $(<"$T.said") != *'its worker'* ]] || complain "$case: $(<"$T.said")"
		need 0 "vdpa dev unbind $name"
		need 0 "vdpa dev bind $name driver virtio_vdpa"
		interface=$(interface_of "$name")
		raise "$interface"
		carries frames "$interface" count 20
	done
}
