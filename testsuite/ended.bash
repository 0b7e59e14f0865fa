# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # override, probe and err are the guest script's
#
# For tests that end a command at each of its system calls that others can see
# something of (guest/end_at.c). `load common; load device; load ended`, and then
# ended_test in place of in_guest.

# ended_test: in_guest, with the functions below.
ended_test()
{
	{
		declare -f state_of reach unchanged go_on ended next_index together check_end races
		echo 'points=0 seen_off=0 override="(null)" probe=1'
		cat
		echo '[ $points = 0 ] || printf "%s\n" "$points points, drivers_autoprobe off after $seen_off of them"'
	} | in_guest
}

# -- inside the guest -----------------------------------------------------------------

# state_of NAME: its bus driver, "none" for a device without, or "absent".
state_of()
{
	driver_of "$1" || { attached "$1" && echo none || echo absent; }
}

# reach NAME STATE: the state that the next round begins with, by iproute2 and by hand.
reach()
{
	local now

	now=$(state_of "$1")
	[ "$now" != "$2" ] || return 0
	[ "$2" != absent ] || { /sbin/vdpa dev del "$1" && return; }
	case $now in
	absent) /sbin/vdpa dev add name "$1" mgmtdev vduse || broken "cannot add $1" ;;
	none) ;;
	*) echo "$1" >"/sys/bus/vdpa/drivers/$now/unbind" ;;
	esac
	now=$(state_of "$1")
	[ "$now" = "$2" ] || [ "$now" = none ] || echo "$1" >"/sys/bus/vdpa/drivers/$now/unbind"
	[ "$(state_of "$1")" = "$2" ] || echo "$1" >"/sys/bus/vdpa/drivers/$2/bind"
	[ "$override" = '(null)' ] || echo "$override" >"/sys/bus/vdpa/devices/$1/driver_override"
}

# unchanged WHERE NAME: the machine's settings, and no process or file of ours.
unchanged()
{
	local path now

	now=$(read_value /sys/bus/vdpa/drivers_autoprobe)
	[ "$now" = "$probe" ] || complain "$1: drivers_autoprobe is $now, it was $probe"
	[ ! -s /run/vduse/drivers_autoprobe ] || complain "$1: a value to put back stays"
	if attached "$2"; then
		now=$(read_value "/sys/bus/vdpa/devices/$2/driver_override")
		[ "$now" = "$override" ] || [ "$now$(state_of "$2")" = '(null)none' ] ||
			complain "$1: driver_override is $now, it was $override"
	fi
	for path in /run/vduse/* /run/vduse/.[!.]*; do
		case ${path##*/} in
		"${2%?}"* | .lock | .up | .vdpa | drivers_autoprobe | '*' | '.[!.]*') ;;
		*) complain "$1: left behind: $path" ;;
		esac
	done
}

# go_on WHERE NAME GOAL LINE: LINE once more finishes the job, or says how.
go_on()
{
	local now

	now=$(state_of "$2")
	if [[ $4 = *' add '* && $now != absent ]]; then
		expect 5 "$4" "$2: there is a vDPA device"
		[ "$now" != none ] || [[ $err = *'vdpa dev bind'* ]] || complain "$1: it does not say how to go on: $err"
		[ "$now" != none ] || expect 0 "vdpa dev bind $2 driver $3"
	else
		expect 0 "$4"
	fi
	[ "$(state_of "$2")" = "$3" ] || complain "$1: the same once more leaves $(state_of "$2")"
	case $3 in
	virtio_vdpa) interface_of "$2" >/dev/null || complain "$1: no interface" ;;
	vhost_vdpa) [ -c "/dev/$(cd "/sys/bus/vdpa/devices/$2" && echo vhost-vdpa-*)" ] || complain "$1: no node" ;;
	esac
}

# ended WHO SIGNAL NAME START ALLOWED GOAL LINE: LINE, which brings NAME from START to
# GOAL, is ended at each of its points. Then NAME is START, GOAL or one of ALLOWED, a command
# of any kind puts drivers_autoprobe back, and LINE finishes the job.
ended()
{
	local who=$1 signal=$2 name=$3 start=$4 allowed=$5 goal=$6 line=$7 n=0 at where now
	local next=('vdpa dev show' 'vdpa help' 'vduse show' 'vdpa -V' 'vdpa dev config show' 'vdpa dev del none' \
		'vdpa dev bind none driver vhost_vdpa')

	while :; do
		reach "$name" "$start"
		${before:-}
		n=$((n + 1))
		at=$(end_at "$signal" "$who" $n $line 2>"$T.said")
		[[ $at != *points* ]] || break
		points=$((points + 1))
		where="$line, $who ended by $signal at $n ($at)"
		now=$(state_of "$name")
		[[ " $start $goal $allowed " = *" $now "* ]] || complain "$where: it is $now"
		[ "$(read_value /sys/bus/vdpa/drivers_autoprobe)" = "$probe" ] || seen_off=$((seen_off + 1))
		${next[n % ${#next[@]}]} >/dev/null 2>&1
		unchanged "$where" "$name"
		[ -z "${after-}" ] || $after "$where"
		[ $((n % ${every:-1})) != 0 ] || go_on "$where" "$name" "$goal" "$line"
	done
	[ $n -gt 3 ] || broken "$line has no points: $at $(cat "$T.said")"
	rm -f "$T.said"
}

# next_index: the index that the next interface of this namespace has, less one; they are
# never used twice. The two that it takes to know this go again.
next_index()
{
	ip link add race0 type veth peer name race1 || broken 'no veth'
	index=$(read_value /sys/class/net/race0/ifindex)
	[ "$(read_value /sys/class/net/race1/ifindex)" -gt "$index" ] || index=$(read_value /sys/class/net/race1/ifindex)
	ip link del race0
}

# together LINE LINE...: all at once; their statuses in `statuses`, their words in $T.1 and so on.
together()
{
	local line pid pids='' i=0

	statuses=''
	for line; do
		i=$((i + 1))
		timeout -s KILL 300 $line >"$T.$i" 2>&1 &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid"
		statuses="$statuses $?"
	done
	statuses=${statuses# }
}

# check_end NAME WHAT STATUSES STATES: what together() gave is one of STATUSES ("0,5 5,0"), the
# device is in one of STATES, what its driver made is there, and nothing else changed.
check_end()
{
	local now

	now=$(state_of "$1")
	[[ " $3 " = *" ${statuses// /,} "* ]] || complain "$2: statuses $statuses: $(cat "$T".[123] 2>/dev/null)"
	[[ " $4 " = *" $now "* ]] || complain "$2: it is $now, statuses $statuses: $(cat "$T".[123] 2>/dev/null)"
	case $now in
	virtio_vdpa) interface_of "$1" >/dev/null || complain "$2: no interface" ;;
	vhost_vdpa) [ -c "/dev/$(cd "/sys/bus/vdpa/devices/$1" && echo vhost-vdpa-*)" ] || complain "$2: no node" ;;
	esac
	unchanged "$2" "$1"
	rm -f "$T".[123]
}

# races ROUNDS: two and three at once at one device; two devices exist and are served.
races()
{
	local round one=$2 two=$3 before add="vdpa dev add mgmtdev vduse name"
	local -A drivers=([0]=virtio_vdpa [1]=vhost_vdpa)

	for ((round = 1; round <= $1; round++)); do
		reach "$one" "${drivers[$((round % 2))]}"
		together "vdpa dev bind $one driver vhost_vdpa" "vdpa dev bind $one driver virtio_vdpa"
		check_end "$one" "round $round, bind and bind" '0,0' 'vhost_vdpa virtio_vdpa'
		together "vdpa dev bind $one driver ${drivers[$((round / 2 % 2))]}" "vdpa dev unbind $one" \
			"vdpa dev bind $one driver ${drivers[$((round % 2))]}"
		check_end "$one" "round $round, bind, unbind and bind" '0,0,0' 'vhost_vdpa virtio_vdpa none'
		together "vdpa dev bind $one driver ${drivers[$((round % 2))]}" "vdpa dev del $one"
		check_end "$one" "round $round, bind and del" '0,0 3,0' absent
		together "$add $one driver virtio_vdpa" "vdpa dev bind $one driver vhost_vdpa"
		check_end "$one" "round $round, add and bind" '0,0 0,3' 'virtio_vdpa vhost_vdpa'
		vdpa dev del "$one"
		together "$add $one driver virtio_vdpa" "$add $one driver vhost_vdpa"
		check_end "$one" "round $round, add and add" '0,5 5,0' "${statuses:+$([ "$statuses" = '0 5' ] && echo virtio_vdpa || echo vhost_vdpa)}"
		vdpa dev del "$one"
		# one interface, of the other one, and none that comes and goes
		next_index
		before=$index
		together "$add $one driver vhost_vdpa" "$add $two"
		check_end "$one" "round $round, add of two" '0,0' vhost_vdpa
		next_index
		[ $((index - before)) = 3 ] || complain "round $round: $((index - before - 2)) interfaces were made, of which one was asked for"
		[ "$(state_of "$two")" = virtio_vdpa ] || complain "round $round: $two is $(state_of "$two")"
		vdpa dev del "$one"
		vdpa dev del "$two"
	done
}
