# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # status and err are run_line's
# shellcheck disable=SC2016,SC2034,SC2053 # what wait_until evaluates; answer is for answers
#
# For hostile-driver.bats: drivers that break every rule (guest/hostile_driver.c), and what is
# told of them; and for hostile-device.bats: devices that do (guest/hostile_device.c).

guest_functions+=(hostile bad_table bad_device traffic all_back disk_of read_disk
	provoke with_driver at_work behaves_again ask_all logged device_said driver_said
	note_counters counted interface_has all_refused)

# hostile_run WORD...: hostile_driver with these words at a device of its own, whose process
# says in its log, tells vduse monitor, and counts, each virtqueue that it stopped, once.
hostile_run()
{
	local names="$*"

	GUEST_TIMEOUT=900 in_guest <<<"hostile $*" >"$BATS_TEST_TMPDIR/table" || {
		jq -c 'select(.wrong)' "$BATS_TEST_TMPDIR/table" || cat "$BATS_TEST_TMPDIR/table"
		return 1
	}
	[[ $names = *cases* ]] && names=${names##*cases } || names=
	# rows about each of the cases, and nothing wrong in them
	jq -e -s --arg names "${names%% *}" 'length > 0 and (($names | split(",")) - map(.case) == []) and
		(map(has("wrong")) | any | not)' "$BATS_TEST_TMPDIR/table" || return
	echo "# figure hostile: $(jq -s length "$BATS_TEST_TMPDIR/table") deeds of a driver" >&3
}

# -- inside the guest ---------------------------------------------------------------------

hostile()
{
	local server watcher stopped=0 line regex='"stopped":([0-9]+)'

	device create hd0 features +RING_PACKED
	vduse loopback hd0 >"$T.ready" 2>"$T.log" & server=$!
	wait_until 1 grep -qs ready "$T.ready" || broken "not ready: $(<"$T.log")"
	device attach hd0 driver vhost_vdpa
	env --default-signal=INT vduse monitor virtio name hd0 initial >"$T.monitor" 2>&1 & watcher=$!
	wait_until 1 grep -q 'start\] hd0' "$T.monitor" || broken "the monitor does not begin: $(<"$T.monitor")"
	hostile_driver "$(node_of hd0)" hd0 "$@" >"$T.table" 2>"$T.seed" ||
		complain "hostile_driver $*: status $?: $(<"$T.seed")"
	while IFS= read -r line; do
		echo "$line" >&3
		[[ $line =~ $regex ]] && stopped=$((stopped + BASH_REMATCH[1]))
	done <"$T.table"
	# the log leaves sentences out when there are many, and says so
	grep -vE 'hd0: (virtqueue [01] |[0-9]+ sentences more)' "$T.log" >&2 && complain 'the log has this besides'
	[ $stopped = 0 ] || wait_until 1 grep -q 'hd0: virtqueue [01] ' "$T.log"
	expect 0 'vduse stats hd0' "broken $stopped( |\\n)"
	[ $stopped = 0 ] || wait_until 1 grep -q '^\[virtio,error\] hd0 message virtqueue [01] ' "$T.monitor"
	kill "$watcher"
	ended 0 "$watcher"
	[ "$(maps_of "$(server_of hd0)" 'memfd:\(vhost-driver\|many\|sealed\)')" = 0 ] || complain 'memory of a driver that has left is still mapped'
	device detach hd0
	kill $server
	wait $server || complain "the server ends with $?"
	device destroy hd0
	rm -f "$T".{ready,log,table,seed,monitor}
	nothing_left
}

# -- inside the guest: devices --------------------------------------------------------------

# bad_devices: the rows on standard input, one after the other.
bad_devices()
{
	local table

	table=$(cat)
	{
		echo "bad_table <<'ROWS'"
		printf '%s\n' "$table"
		echo ROWS
	} | GUEST_TIMEOUT=900 in_guest || return
	echo "# figure hostile: $(grep -cvE '^[[:space:]]*(#|$)' <<<"$table") deeds of a device" >&3
}

bad_table()
{
	local words add frames kernel check
	local -A noted

	plain_queues
	while IFS='|' read -r words add frames kernel check; do
		[[ $words =~ ^[[:space:]]*(#|$) ]] && continue
		case=$words
		read -r add <<<"$add"
		read -r frames <<<"$frames"
		read -r kernel <<<"$kernel"
		bad_device
	done
}

# device_said REGEX: on its standard output or error.
device_said()
{
	[[ $(<"$T.device") =~ $1 ]]
}

# driver_said REGEX: vhost_driver has, since the deed.
driver_said()
{
	[[ $(<"$T.driver") =~ $1 ]]
}

# What the interface has counted up to now.
note_counters()
{
	local interface name

	interface=$(interface_of bd0) || return
	for name in rx_packets rx_bytes rx_dropped rx_errors rx_length_errors rx_frame_errors; do
		noted[$name]=$(count_of "$interface" $name)
	done
}

# counted NAME FROM [TO]: so much more since the deed; with traffic before that counts, too.
counted()
{
	local now

	now=$(count_of "$(interface_of bd0)" "$1") && now=$((now - noted[$1]))
	[ $now -ge "$2" ] && [ $now -le "${3:-$now}" ]
}

# ask_all: what is asked while it is as it is. Each ends, and as it should: a status or more, and
# the command.
ask_all()
{
	local want line pids=() rows=() i

	mapfile -t rows <<-'ROWS'
		0   vdpa -T 5 dev show bd0
		0   vdpa -s dev show bd0
		0   vdpa -T 5 -j dev config show bd0
		0   vduse -d show bd0
		5   vduse -T 5 stats bd0
		5   vduse -T 5 set bd0 link down
	ROWS
	for line in "${rows[@]}"; do
		read -r want line <<<"$line"
		eval "timeout -s KILL 60 $line" >/dev/null 2>&1 & pids+=($!)
	done
	for i in "${!rows[@]}"; do
		read -r want line <<<"${rows[i]}"
		wait "${pids[i]}"
		status=$?
		[[ $status = @($want) ]] || complain "$line: status $status ($case)"
	done
}

# all_back: four frames, and each came back.
all_back()
{
	answer=$(timeout -s KILL 60 frames "$interface" sizes 60 count 4 timeout 2000 2>&1)
}

# traffic { pass | stop }: frames pass, or none does.
traffic()
{
	local interface

	interface=$(interface_of bd0) || { complain "no interface ($case)"; return; }
	raise "$interface"
	wait_until 1 eval '[ "$(read_value "/sys/class/net/$interface/carrier")" = 1 ]' ||
		complain "no carrier ($case)"
	if [ "$1" = pass ]; then
		wait_until 1 all_back || complain "no frames pass: $answer ($case)"
		return
	fi
	answer=$(timeout -s KILL 60 frames "$interface" sizes 60 count 4 timeout 100 2>&1)
	holds 'received == 0' || complain "frames pass: $answer ($case)"
}

# disk_of: the disk of bd0.
disk_of()
{
	local path

	for path in /sys/bus/vdpa/devices/bd0/virtio*/block/*; do
		[ -e "$path" ] && echo "/dev/${path##*/}" && return
	done
	return 1
}

# read_disk: some of it, past the cache.
read_disk()
{
	timeout -s KILL 60 dd if="$(disk_of)" of=/dev/null bs=4096 count=8 iflag=direct 2>/dev/null
}

# interface_has NAME VALUE: in its folder.
interface_has()
{
	[ "$(read_value "/sys/class/net/$(interface_of bd0)/$1")" = "$2" ]
}

# all_refused TIMES: the deed "calls" was done so often, and one of its calls, which asks for any
# region that there is, was carried out at most once each time.
all_refused()
{
	local yes no

	yes=$(grep -c ': 0$' "$T.device") no=$(grep -c ': E[A-Z]*$' "$T.device")
	[ "$(grep -cx 'done' "$T.device")" = $1 ] && [ $((yes + no)) = $((19 * $1)) ] &&
		[ $yes = "$(grep -c '^GET_FD of everything: 0$' "$T.device")" ]
}

# The deed, with what makes the device come to it.
provoke()
{
	note_counters
	kill -USR1 "$server"
	case $class-$bus-$deed in
	net-virtio_vdpa-*) timeout -s KILL 40 frames "$(interface_of bd0)" sizes 60,64,1514 count 20 timeout 100 ;;
	block-virtio_vdpa-*) read_disk ;;
	net-vhost_vdpa-calls) with_driver kill -USR1 "$server" ;;
	# it waits for 30 s for frames that do not come
	*) timeout -s KILL 300 vhost_driver "$(node_of bd0)" count 20 sizes 60 ;;
	esac >"$T.driver" 2>&1
}

# with_driver COMMAND...: while a driver is there that has done its work, with all its memory.
with_driver()
{
	local driver

	vhost_driver "$(node_of bd0)" count 20 sizes 60 hold & driver=$!
	wait_until 2 driver_said '"sent":20' && "$@" && wait_until 1 device_said 'done.*done'
	kill $driver
	wait $driver
}

# The device is attached, and does what it does: frames pass or stop after it, or nothing is
# said about them (any); ".": it is done already, and "none": for that, no frame passes.
at_work()
{
	case $frames in
	. | none) provoke ;;
	*)
		[ $class-$bus != net-virtio_vdpa ] || traffic pass
		provoke
		wait_until 1 grep -q '^done' "$T.device" || complain "it was not done: $(<"$T.device") ($case)"
		;;
	esac
	ask_all
	case $frames in
	none) traffic stop ;;
	pass | stop) traffic "$frames" ;;
	esac
}

# It is given up, and behaves when it is attached again, unless the kernel has broken it, or
# it would do the same again.
behaves_again()
{
	need 0 'timeout -s KILL 60 vdpa -T 40 dev del bd0'
	if [ $timeout = 1 ]; then
		expect 1 'timeout -s KILL 60 vdpa -T 40 dev add name bd0 mgmtdev vduse driver virtio_vdpa' 'does not keep its status'
		return
	fi
	[[ $deed = @(failed|mac_zero) ]] && return
	need 0 'timeout -s KILL 60 vdpa -T 40 dev add name bd0 mgmtdev vduse driver virtio_vdpa'
	case $class in
	net) traffic pass ;;
	*) read_disk || complain "the disk cannot be read ($case)" ;;
	esac
	need 0 'timeout -s KILL 60 vdpa -T 40 dev del bd0'
}

# logged REGEX: the kernel has said this since the row began.
logged()
{
	local log

	log=$(dmesg)
	[[ ${log##*hostile row $row$'\n'} =~ $1 ]]
}

# The row of bad_table.
bad_device()
{
	local class bus deed value packed server add_ms timeout=30

	read -r class bus deed value packed <<<"$words"
	row=$((${row:-0} + 1))
	echo "hostile row $row" >/dev/kmsg
	hostile_device bd0 "$class" "$deed" "${value:-0}" ${packed:+"$packed"} >"$T.device" 2>&1 & server=$!
	wait_until 1 grep -qE '^(ready|CREATE)' "$T.device" || complain "it does not begin: $(<"$T.device") ($case)"
	if [ "$add" = create ]; then
		wait $server
		grep -q "^CREATE_DEV: $kernel" "$T.device" || complain "it was made: $(<"$T.device") ($case)"
		rm -f "$T.device"
		return
	fi
	# what is not answered is waited for
	if [[ "$deed ${value-}" = @(silent|late|type 25[68])* ]]; then
		timeout=1
		echo 1 >/sys/class/vduse/bd0/msg_timeout
	fi
	: >"$T.driver"
	if [ "$deed" = calls_early ]; then
		kill -USR1 $server
		wait_until 1 device_said 'done'
	fi
	run_line "timeout -s KILL 60 vdpa -T 40 dev add name bd0 mgmtdev vduse driver $bus"
	add_ms=$ms
	[ "$status" = "${add%w}" ] || complain "dev add: status $status: $err ($case)"
	case $add in
	0) [ -z "$err" ] || complain "dev add warns: $err ($case)" ;;
	0w) [[ $err = *'bd0: '*'has not accepted DRIVER_OK (status ACKNOWLEDGE DRIVER FEATURES_OK)'* ]] ||
		complain "dev add says nothing of DRIVER_OK: $err ($case)" ;;
	esac
	[ "$status" != 0 ] || at_work
	[ "$kernel" = - ] || wait_until 1 logged "$kernel" ||
		complain "the kernel does not say $kernel ($case): $(dmesg | tail -n 20)"
	[ -z "$check" ] || wait_until 1 eval "$check" ||
		complain "not so: $check ($case): the device: $(<"$T.device"); the driver: $(<"$T.driver")"
	attached bd0 && behaves_again
	kill $server
	wait $server
	# and where nobody serves it, its node tells
	[ $timeout != 1 ] || expect 1 'timeout -s KILL 60 vdpa -T 40 dev add name bd0 mgmtdev vduse' 'broken it for good'
	need 0 'timeout -s KILL 60 vduse -T 40 destroy bd0'
	rm -f "$T.device" "$T.driver"
	nothing_left bd0
}
