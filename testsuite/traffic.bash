# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For tests that send traffic: more functions for the scripts of device.bash,
# around the programs of testsuite/guest (frames, stream, vhost_driver). Each of
# those looks at every byte itself, and says in one JSON object what came of it.

guest_functions+=(carries starved holds answers goes_on field plain_queues bring_up raise pair_up pair_down apart
	node_of maps_of ticks_of switches_of sleeps memory_of count_of dies)

# carries PROGRAM [WORD]...: it must find nothing wrong. Its answer is kept. Each of
# these programs ends by itself when nothing arrives any more. A script that does the
# same to several devices says in `case` which one it is at.
carries()
{
	local status tries

	for tries in 1 2 3 4 5; do
		answer=$("$@" 2>&1) && return
		status=$?
		starved || break
		echo "once more, for want of receive buffers: $*: $answer" >&2
	done
	complain "FAILED: $*: status $status: $answer${case:+ ($case)}"
	return 1
}

# starved: is nothing wrong but that frames are missing, and has a device dropped some meanwhile
# because its driver, which the machine did not let run, gave it no buffers for
# FORWARD_HOLD_NS? That is as it should be; and if it is not the machine, it comes again.
starved()
{
	local name dropped=0 count

	for name in duplicated corrupt bad_checksum bad_offload bad_element lost_interrupts; do
		[[ $(field $name) = @(|0) ]] || return
	done
	while read -r count; do
		dropped=$((dropped + count))
	done < <(vduse -j stats 2>/dev/null | grep -oE '"no_buffer":[0-9]+' | grep -oE '[0-9]+')
	[ $dropped -gt ${dropped_before:-0} ] || return
	dropped_before=$dropped
}

# field NAME: a number of the answer, empty where there is none.
field()
{
	[[ $answer =~ \"$1\":\"?(0x[0-9a-f]+|[0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# holds CONDITION: arithmetic over fields of the answer.
holds()
{
	local rest=$1 number=

	while [[ $rest =~ ^([^a-z]*)([a-z][a-z_0-9]*)(.*)$ ]]; do
		number+=${BASH_REMATCH[1]}$(field "${BASH_REMATCH[2]}")
		rest=${BASH_REMATCH[3]}
	done
	(($number$rest)) 2>/dev/null
}

# answers CONDITION...: each holds.
answers()
{
	local condition

	for condition; do
		holds "$condition" || complain "not so: $condition: $answer"
	done
}

# goes_on INTERFACE...: 200 more frames come in by each.
goes_on()
{
	local interface before

	for interface; do
		before=$(count_of "$interface" rx_packets)
		wait_until 5 eval '[ $(($(count_of "$interface" rx_packets) - before)) -ge 200 ]' ||
			complain "no traffic at $interface: $(($(count_of "$interface" rx_packets) - before)) frames"
	done
}

# Interfaces that come from now on have a queue that drops nothing but what is over
# its length; fq_codel would take out frames that wait for long, as they do here.
plain_queues()
{
	echo pfifo_fast >/proc/sys/net/core/default_qdisc
}

# raise INTERFACE...: up, and silent but for what the test sends.
raise()
{
	local interface

	for interface; do
		# with an MTU below 1280 there is no IPv6 to be silenced
		[ ! -e "/proc/sys/net/ipv6/conf/$interface" ] ||
			echo 1 >"/proc/sys/net/ipv6/conf/$interface/disable_ipv6"
		ip link set "$interface" up || broken "cannot raise $interface"
	done
}

# bring_up NAME [WORD]... [-- WORD]...: create (words), serve (words after --)
# and attach; the interface is up, and its name is in `interface`.
bring_up()
{
	local name=$1 create=()
	shift

	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		create+=("$1")
		shift
	done
	plain_queues
	device create "$name" "${create[@]}"
	device serve "$name" "${@:2}"
	device attach "$name"
	interface=$(interface_of "$name") || broken "$name has no interface"
	raise "$interface"
}

# pair_up A B [WORD_OF_A]... [-- WORD_OF_B]...: two connected devices, up; the
# interfaces' names are in `left` and `right`.
pair_up()
{
	local a=$1 b=$2 create=()
	shift 2

	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		create+=("$1")
		shift
	done
	plain_queues
	device create "$a" "${create[@]}"
	device create "$b" "${@:2}"
	device serve "$a" peer "$b"
	device attach "$a"
	device attach "$b"
	left=$(interface_of "$a") || broken "$a has no interface"
	right=$(interface_of "$b") || broken "$b has no interface"
	raise "$left" "$right"
}

pair_down()
{
	device detach "$1"
	device detach "$2"
	device stop "$1"
	device destroy "$1"
	device destroy "$2"
}

# apart: the pair's interfaces into network namespaces of the same names as the
# interfaces, with 10.77.0.1 and fd77::1 on the left and .2 and ::2 on the right.
apart()
{
	local interface last=1

	for interface in "$left" "$right"; do
		{
			ip netns add "$interface" && ip link set "$interface" netns "$interface" &&
				ip netns exec "$interface" sh -c "echo 0 >/proc/sys/net/ipv6/conf/$interface/disable_ipv6" &&
				ip -n "$interface" addr add "10.77.0.$last/24" dev "$interface" &&
				ip -n "$interface" addr add "fd77::$last/64" dev "$interface" nodad &&
				ip -n "$interface" link set "$interface" up
		} || broken "cannot move $interface"
		last=2
	done
}

# node_of NAME: the vhost-vdpa node of the device NAME.
node_of()
{
	local path

	for path in "/sys/bus/vdpa/devices/$1"/vhost-vdpa-*; do
		[ -e "$path" ] && echo "/dev/${path##*/}" && return
	done
	return 1
}

# maps_of PID PATTERN: how many mappings of a process are like this.
maps_of()
{
	grep -c -- "$2" "/proc/$1/maps"
}

# ticks_of PID: processor time, in ticks, of user and system.
ticks_of()
{
	awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

# switches_of PID: how often it has slept and been interrupted.
switches_of()
{
	awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$1/status"
}

# sleeps SECONDS PID...: none of them runs at all for so long, some time from now, when nothing
# happens. Before that they may have something to finish.
sleeps()
{
	local seconds=$1 tries pid before now=
	shift

	for ((tries = 0; tries < 20; tries++)); do
		before=$now now=''
		for pid; do
			now+="$(ticks_of "$pid") ticks, $(switches_of "$pid") switches of $(<"/proc/$pid/comm") $pid; "
		done
		[ "$now" != "$before" ] || return 0
		nap "$seconds"
	done
	complain "it never slept for $seconds s: $before then $now"
}

# memory_of PID: kB of its own, heap and stack and the like, counted page by page: not what
# it shares with the kernel and others, as VmRSS does, which is an estimate besides (the
# kernel adds up a batch of pages on each processor before it tells: get_mm_counter()).
memory_of()
{
	awk '$1 == "Anonymous:" { print $2 }' "/proc/$1/smaps_rollup"
}

# count_of INTERFACE NAME: one of its counters.
count_of()
{
	read_value "/sys/class/net/$1/statistics/$2"
}

# dies PID: within 5 seconds. The process is not our child.
dies()
{
	wait_until 5 eval '! kill -0 '"$1"' 2>/dev/null'
}
