# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2086,SC2016,SC2034 # names and numbers are words; status, out, err, answer and interface are those of device.bash
#
# SECONDS SEED: what testsuite/soak/run runs in the guest, with the functions of device.bash and
# traffic.bash. Some slots each live lives of devices, one after the other, side by side: what
# happens in them is drawn from SEED and the slot's number. Beside them three that live as long
# as the run does, and are looked at: a service whose worker is killed again and again, one
# that nobody harms, and a monitor.
begin
duration=$1 seed=$2 D=/tmp/soak T=/tmp/soak/line
mkdir -p $D
end=$((${EPOCHREALTIME/./} + duration * 1000000))
plain_queues

time_left() { [ "${EPOCHREALTIME/./}" -lt $end ]; }

# one_in N: true so often.
one_in() { [ $((RANDOM % $1)) = 0 ]; }

# pick WORD...: one of them.
pick()
{
	shift $((RANDOM % $#))
	echo "$1"
}

# note WHAT [N]: counted, for the line of a minute. Each slot has a file of its own.
note() { echo "$1 ${2:-1}" >>"$D/notes.$slot"; }

# -- a life -----------------------------------------------------------------------------------

# words_of_creation: of a device.
words_of_creation()
{
	local words=

	! one_in 3 || words+=" features +RING_PACKED"
	! one_in 5 || words+=" mtu $(pick 1500 2000 9000)"
	! one_in 5 || words+=" bounce_size $(pick 16777216 33554432)"
	! one_in 6 || words+=" msg_timeout $(pick 10 60)"
	echo "$words"
}

words_of_serving()
{
	local words=

	! one_in 4 || words+=" vq_size $(pick 64 128 256)"
	! one_in 6 || words+=" poll $(pick 10 50)"
	! one_in 8 || words+=" isolation possible"
	! one_in 12 || words+=" pcap $D/$slot.pcapng"
	echo "$words"
}

# kill_worker NAME: the one of now, if there is one: a child of the process that stays.
kill_worker()
{
	local service

	service=$(service_of "$1")
	[ -z "$service" ] || ! pkill -KILL -P "$service" || note killed
}

# harm NAME: what is done to a service under traffic, which must not notice.
harm()
{
	local what

	what=$(pick worker worker worker service look set)
	echo "$EPOCHREALTIME $what" >>"$D/harm.$slot"
	case $what in
	worker)
		kill_worker "$1"
		;;
	service)
		# shellcheck disable=SC2086 # words
		device kill "$1"
		device serve "$1" $serving
		note restarted
		;;
	look)
		run_line "vduse -T 20 -d -s show $1"
		[ $status = 0 ] || complain "$slot: show: $status: $err"
		;;
	set)
		run_line "vduse -T 20 set $1 vq 0 irq_affinity $(pick 0 1 all)"
		[ $status = 0 ] || complain "$slot: set: $status: $err"
		;;
	esac
}

# no_buffer NAME: frames that the device dropped, and counted, because its driver, which the
# machine did not let run, gave it no buffers for FORWARD_HOLD_NS.
no_buffer() { vduse -j stats "$1" | grep -oE '"no_buffer":[0-9]+' | awk -F: '{ sum += $2 } END { print sum + 0 }'; }

# dropped_and_told NAME BEFORE: nothing is wrong but that frames are missing, all of them among
# those. (The count begins anew with each worker: then they are not, which is the safe side.)
dropped_and_told()
{
	local what

	for what in duplicated reordered corrupt bad_checksum bad_offload; do
		[ "$(field $what)" = 0 ] || return
	done
	[ $(($(no_buffer "$1") - $2)) -ge "$(field lost)" ]
}

# frames_pass NAME FROM [TO]: for some seconds, while NAME's service is harmed. All arrive, once.
frames_pass()
{
	local name=$1 pid length=$((RANDOM % 4 + 1)) to=() before

	[ $# = 2 ] || to=(to "$3")
	before=$(no_buffer "$name")
	echo "$EPOCHREALTIME frames" >"$D/harm.$slot"
	frames "$2" "${to[@]}" seconds $length window 16 timeout 60000 >"$D/frames.$slot" 2>&1 &
	pid=$!
	while nap 0.$((RANDOM % 8 + 1)) && kill -0 $pid 2>/dev/null; do
		[ -n "${unharmed-}" ] || ! one_in 2 || harm "$name"
	done
	wait $pid
	status=$?
	answer=$(<"$D/frames.$slot")
	note frames "$(field received)"
	if [ $status != 0 ] && dropped_and_told "$name" "$before"; then
		note starved "$(field lost)"
		return
	fi
	[ $status = 0 ] ||
		complain "$slot: frames through $name ($created; $serving): status $status: $answer" \
			"done to it: $(tail -n 20 "$D/harm.$slot" | tr '\n' ' ')" \
			"$(ip -s link show "$2"; tc -s qdisc show dev "$2"; vduse -j stats "$name"; dmesg | tail -n 3)"
	note lost "$(field lost)"
	note doubled "$(field duplicated)"
}

# with_vhost NAME: another driver, in user space.
with_vhost()
{
	device detach "$1"
	device attach "$1" driver vhost_vdpa
	answer=$(vhost_driver "$(node_of "$1")" queue 64 sizes 60-1514:101 2>&1) ||
		complain "$slot: vhost_driver at $1: status $?: $answer"
	note vhost
}

# one device, from nothing to nothing
life()
{
	local name=$slot$1 created serving interface turns=$((RANDOM % 4 + 1))

	created=$(words_of_creation)
	serving=$(words_of_serving)
	# shellcheck disable=SC2086 # words
	{
		device create $name $created
		device serve $name $serving
		device attach $name
	}
	while [ $((turns--)) -gt 0 ] && [ $failed = 0 ]; do
		interface=$(interface_of $name) || broken "$slot: $name has no interface"
		raise "$interface"
		frames_pass $name "$interface"
		case $(pick rebind vhost detach stay) in
		rebind)
			need 0 "vdpa -T 60 dev bind $name driver vhost_vdpa"
			need 0 "vdpa -T 60 dev bind $name driver virtio_vdpa"
			;;
		vhost) with_vhost $name && device detach $name && device attach $name ;;
		detach) device detach $name && device attach $name ;;
		esac
	done
	if one_in 2; then
		run_line "vduse -T 60 down $name"
		[ $status = 0 ] || complain "$slot: down $name: $status: $err"
	else
		undo $name
	fi
	rm -f $D/$slot.pcapng
}

# a pair, by one command
pair_life()
{
	local one=${slot}a$1 other=${slot}b$1 unharmed=yes created=pair serving=

	need 0 "vduse -T 60 up $one peer $other"
	left=$(interface_of $one) right=$(interface_of $other)
	raise "$left" "$right"
	frames_pass $one "$left" "$right"
	kill_worker $one
	frames_pass $one "$right" "$left"
	need 0 "vduse -T 60 up $one peer $other"
	need 0 "vduse -T 60 down $other"
}

# slot NAME: lives until the time is over.
slot()
{
	local number=0

	slot=$1 failed=0 T=$D/line.$1
	trap '[ $failed = 0 ] || : >$D/failed' EXIT
	RANDOM=$((seed + $2))
	while time_left && [ $failed = 0 ] && [ ! -e $D/failed ]; do
		number=$((number + 1))
		if one_in 4; then pair_life $number; else life $number; fi
		note lives
	done
	exit $failed
}

# -- those that live long ----------------------------------------------------------------------

# descriptors_of PID
descriptors_of()
{
	local all=("/proc/$1/fd/"*)

	echo ${#all[@]}
}

# sample: kB of their own and descriptors of each of long, and what the kernel has.
sample()
{
	local pid

	for pid in "${long[@]}"; do
		printf '%s/%s ' "$(memory_of $pid)" "$(descriptors_of $pid)"
	done
	# Slab has what the kernel would give back as well, inodes of sysfs above all, 13 MB in
	# an hour: it is made to (4: without logging that)
	echo 4 >/proc/sys/vm/drop_caches
	echo 2 >/proc/sys/vm/drop_caches
	# not the number of areas of vmalloc: those that are free stay listed until they are many
	awk '/^(Slab|Percpu|VmallocUsed)/ { printf "%s ", $2 }' /proc/meminfo
}

# harassed: the worker of the first one is killed, again and again.
harassed()
{
	RANDOM=$seed
	while time_left && [ ! -e $D/failed ]; do
		nap 0.$((RANDOM % 9 + 1))
		pkill -KILL -P ${long[0]} && note killed
	done
}

# -- the run -----------------------------------------------------------------------------------

# total WHAT: over all slots.
total() { cat $D/notes.* 2>/dev/null | awk -v what="$1" '$1 == what { sum += $2 } END { print sum + 0 }'; }

# grown FIRST LAST: what of the samples has.
grown()
{
	local i what=(killed-service service monitor Slab VmallocUsed Percpu)
	local -a first last

	read -ra first <<<"$1"
	read -ra last <<<"$2"
	for i in "${!first[@]}"; do
		# kB may be a page here and there; a leak of an hour is more than a tenth
		[ $((${last[i]%/*} - ${first[i]%/*})) -le $((${first[i]%/*} / 10 + 512)) ] ||
			complain "${what[i]}: ${first[i]} then, ${last[i]} now (kB/descriptors)"
		[ $i -ge 3 ] || [ $((${last[i]#*/} - ${first[i]#*/})) -le 1 ] ||
			complain "${what[i]}: ${first[i]} then, ${last[i]} now (kB/descriptors)"
	done
}

echo "soak: $duration s, seed $seed, $(nproc) processors"
slot=long
device create long0
vduse loopback long0 >/dev/null 2>$D/long0.said &
long=($!)
bring_up long1
long+=("$(server_of long1)")
vduse monitor >$D/monitor & long+=($!)
wait_until 20 eval '[ -n "$(server_of long0)" ]' || broken 'nobody serves long0'
device attach long0
slots=()
number=0
for name in a b c; do
	(slot $name $((++number))) &
	slots+=($!)
done
(slot=harassed; harassed) &
harasser=$!
early=
while time_left && [ ! -e $D/failed ]; do
	nap $((duration < 600 ? duration / 10 + 1 : 60))
	: >$D/monitor
	now=$(sample)
	# the first tenth fills what is kept
	[ -n "$early" ] || [ $((end - ${EPOCHREALTIME/./})) -gt $((duration * 900000)) ] || early=$now
	printf '%s lives %s frames %s lost %s doubled %s killed %s restarted %s vhost %s | %s\n' \
		"$(date +%T)" "$(total lives)" "$(total frames)" "$(total lost)" "$(total doubled)" \
		"$(total killed)" "$(total restarted)" "$(total vhost)" "$now"
done
for pid in "${slots[@]}"; do
	wait $pid || complain "a slot ended with $?"
done
wait $harasser
now=$(sample)
[ -z "$early" ] || grown "$early" "$now"
interface=$(interface_of long0) && raise "$interface" && carries frames "$interface" count 2000
for name in long0 long1; do
	device detach $name
done
kill "${long[0]}" "${long[2]}"
wait "${long[0]}" || complain "the killed one ended with $?: $(tail -n 3 $D/long0.said)"
device stop long1
device destroy long0
device destroy long1
nothing_left
wait_until 10 eval '! pgrep -x vduse' || complain "processes stay: $(pgrep -ax vduse)"
printf 'soak: %s s: %s lives of devices, %s frames, lost %s, doubled %s, dropped for want of buffers, as the device told, %s; %s kills, %s restarts; first and last (kB/descriptors of a service whose worker is killed, one that is not, and a monitor; kB of slab, vmalloc and per-processor memory): %s, %s: %s\n' \
	"$duration" "$(total lives)" "$(total frames)" "$(total lost)" "$(total doubled)" \
	"$(total starved)" "$(total killed)" "$(total restarted)" "$early" "$now" "$([ $failed = 0 ] && echo passed || echo FAILED)"
finish
