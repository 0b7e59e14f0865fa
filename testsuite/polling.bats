# SPDX-License-Identifier: GPL-2.0-or-later
#
# "poll USECS" of vduse loopback, and what a device counts (SIGUSR1): frames, kicks,
# interrupts, polls.

load common
load device
load traffic

guest_functions+=(foreground counted asked)

# foreground NAME [WORD]...: serve it as process `server`, our child, which can tell what
# it counted (counted).
foreground()
{
	: >"$T.ready"
	: >"$T.said"
	vduse ${json-} loopback "$@" >>"$T.ready" 2>>"$T.said" &
	server=$!
	wait_until 5 test -s "$T.ready" || broken "loopback $*: not ready: $(cat "$T.said")"
}

# asked: has the server told of each of its devices?
asked()
{
	[ "$(grep -c broken "$T.said")" = "$(grep -c vq_size "$T.ready")" ]
}

# counted: what the server has counted, as `answer` for answers, by device in count[NAME]:
# rx_frames, tx_kicks and so on, and causes of drops.
counted()
{
	local name word value side

	: >"$T.said"
	kill -USR1 "$server"
	wait_until 5 asked || broken "no counters: $(cat "$T.said")"
	unset count
	declare -gA count
	while read -r word value; do
		case $word in
		*:) name=${word%:} side= ;;
		rx | tx) side=${word}_ ;;
		*) side= ;;
		esac
		# shellcheck disable=SC2086 # pairs
		set -- $word $value
		[[ $1 = *: || $1 = rx || $1 = tx || $1 = dropped ]] && shift
		while [ $# -gt 1 ]; do
			count[$name]+="\"$side$1\":$2,"
			shift 2
		done
	done <"$T.said"
}

@test "polling: with poll the driver hardly ever kicks, on every ring and with two devices; afterwards the process sleeps" {
	in_guest <<-'SCRIPT' >&3
		# ping_pong FROM TO NAME: one frame on its way at a time
		ping_pong()
		{
			carries frames "$1" to "$2" sizes 60 count 400 window 1
			counted
			answer=${count[$3]}
			answers 'tx_frames == 400' 'tx_bytes == 24000' 'rx_frames == 400'
		}
		# alone CREATE SERVE CONDITION: does it hold, after a ping-pong?
		alone()
		{
			local kept

			case="$1 $2"
			device create po0 $1
			foreground po0 $2
			device attach po0
			interface=$(interface_of po0)
			raise "$interface"
			ping_pong "$interface" "$interface" po0
			answers 'rx_interrupts > 0'
			# an end without a kick or a frame: nothing runs any more
			sleeps 1 $server
			kept=$answer
			device detach po0
			kill $server
			wait $server || complain "$case: status $?"
			device destroy po0
			answer=$kept
			holds "$3"
		}
		# kicks are what polling saves; but where the machine does not let one of the two run
		# for as long as it polls, the driver has to kick, so that there are ten attempts
		while IFS='|' read -r create serve condition; do
			for try in {1..10}; do
				alone "$create" "$serve" "$condition" && break
				echo "once more: $case: $answer"
			done
			answers "$condition"
		done <<-'ROWS'
			| | tx_kicks > 200 && tx_polls == 0
			| poll 100000 | tx_kicks < 100 && tx_polls_useful > 300 && tx_polls >= tx_polls_useful
			features no_RING_EVENT_IDX | poll 100000 | tx_kicks < 100 && tx_polls_useful > 300
		ROWS
		# two devices of one process, each with the other's answers
		together()
		{
			device create po1
			device create po2
			foreground po1 peer po2 poll 100000
			device attach po1
			device attach po2
			left=$(interface_of po1) right=$(interface_of po2)
			raise $left $right
			carries frames $left to $right sizes 60 count 300 window 1
			carries frames $right to $left sizes 90 count 200 window 1
			counted
			device detach po1
			device detach po2
			kill $server
			wait $server
			device destroy po1
			device destroy po2
			answer=${count[po1]}
			answers 'tx_frames == 300' 'rx_frames == 200' 'rx_bytes == 18000'
			kicks=$(field tx_kicks)
			answer=${count[po2]}
			answers 'tx_frames == 200' 'rx_frames == 300' 'rx_bytes == 18000'
			[ $kicks -lt 100 ] && [ $(field tx_kicks) -lt 100 ]
		}
		for try in {1..10}; do
			together && break
		done
		[ $kicks -lt 100 ] || complain "of 300 frames there were $kicks kicks"
		answers 'tx_kicks < 100'
	SCRIPT
}

@test "polling: control messages and signals are answered while it polls all the time, and both bus drivers work" {
	in_guest <<-'SCRIPT'
		# a message that is not answered would break the device
		device create pm0 msg_timeout 20
		foreground pm0 poll 100000
		device attach pm0
		for round in 1 2 3; do
			interface=$(interface_of pm0)
			raise "$interface"
			frames "$interface" sizes 60 seconds 600 window 1 timeout 100 >/dev/null 2>&1 &
			frames=$!
			goes_on "$interface"
			need 0 'vdpa dev bind pm0 driver vhost_vdpa'
			kill $frames
			wait $frames
			carries vhost_driver "$(node_of pm0)" sizes 60-1514:101
			need 0 'vdpa dev bind pm0 driver virtio_vdpa'
		done
		interface=$(interface_of pm0)
		raise "$interface"
		carries frames "$interface"
		frames "$interface" sizes 60 seconds 600 window 1 timeout 100 >/dev/null 2>&1 &
		frames=$!
		goes_on "$interface"
		counted
		answer=${count[pm0]}
		answers 'tx_frames > 100' 'tx_polls > 100'
		goes_on "$interface"
		kill $server
		wait_until 5 eval '! kill -0 $server 2>/dev/null' || complain 'it does not end on SIGTERM'
		wait $server || complain "status $? after SIGTERM"
		kill $frames
		wait $frames
		device serve pm0
		undo pm0
		device create pm1
		rows <<-'ROWS'
			2 vduse loopback pm1 poll 0          ## poll.*1.*100000
			2 vduse loopback pm1 poll 100001     ## poll.*1.*100000
			2 vduse loopback pm1 poll -1         ## poll
			2 vduse loopback pm1 poll            ## poll
			2 vduse loopback pm1 poll 5 poll 5   ## poll
			2 vduse loopback pm1 poll 1ms        ## poll
		ROWS
		device destroy pm1
	SCRIPT
}

@test "counters: SIGUSR1 prints them in text and JSON; drops have their cause, and interrupts that no driver wanted are counted" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create pc0 mtu 1500
		device create pc1 mtu 1000
		foreground pc0 peer pc1
		device attach pc0
		device attach pc1
		left=$(interface_of pc0) right=$(interface_of pc1)
		raise $left $right
		carries frames $left to $right sizes 60 count 100
		frames $left to $right sizes 1200 count 30 timeout 50 >/dev/null
		counted
		answer=${count[pc0]}
		answers 'tx_frames == 130' 'tx_bytes == 42000' 'mtu == 30' 'rx_frames == 0' 'broken == 0' \
			'tx_interrupts + tx_suppressed > 0'
		answer=${count[pc1]}
		answers 'rx_frames == 100' 'rx_bytes == 6000' 'tx_frames == 0' 'rx_interrupts > 0' \
			'rx_interrupts + rx_suppressed <= 130'
		ip link set $right down
		frames $left to $right sizes 60 count 1500 window 0 timeout 50 >/dev/null
		for try in {1..200}; do
			counted
			answer=${count[pc0]}
			holds 'no_buffer > 100 && tx_frames > 1000' && break
			nap 0.1
		done
		answers 'no_buffer > 100' 'held > 0' 'tx_frames > 1000'
		kill $server
		wait $server
		json=-j
		foreground pc0 peer pc1
		kill -USR1 $server
		wait_until 5 asked || complain 'no counters with -j'
		cat "$T.said"
		device detach pc0
		device detach pc1
		kill $server
		wait $server || complain "status $? after SIGTERM"
		device destroy pc0
		device destroy pc1
	SCRIPT
	run -0 jq -es 'map(.stats | to_entries[] | .key + " " + (.value | keys | join(","))) ==
		["pc0 broken,checksums,dropped,held,rx,segmented,tx", "pc1 broken,checksums,dropped,held,rx,segmented,tx"]' \
		"$BATS_TEST_TMPDIR/json"
}

@test "polling: without it, who sends is not interrupted (SCHED_BATCH), unless another policy was chosen" {
	in_guest <<-'SCRIPT'
		policy()
		{
			chrt -p "$(server_of pb0)" | sed -n 's/.*policy: //p'
		}
		device create pb0
		foreground pb0
		[ "$(policy)" = SCHED_BATCH ] || complain "it has $(policy)"
		kill "$server"
		wait "$server"
		foreground pb0 poll 200
		[ "$(policy)" = SCHED_OTHER ] || complain "with poll it has $(policy)"
		kill "$server"
		wait "$server"
		chrt --idle -p 0 $BASHPID
		foreground pb0
		[ "$(policy)" = SCHED_IDLE ] || complain "started with SCHED_IDLE it has $(policy)"
		chrt --other -p 0 $BASHPID
		kill "$server"
		wait "$server"
		device destroy pb0
	SCRIPT
}
