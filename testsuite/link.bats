# SPDX-License-Identifier: GPL-2.0-or-later
#
# The link of a network device: the driver sees it go and come, and no frame passes or
# outlives that. testsuite/guest/link.c serves, and moves the link on a signal.

load common
load device
load traffic

guest_functions+=(linked carrier_is)

# linked NAME [PEER]: serve with that program, as `server`.
linked()
{
	: >"$T.ready"
	link "$@" >"$T.ready" 2>"$T.said" &
	server=$!
	wait_until 5 test -s "$T.ready" || broken "link $*: $(cat "$T.said")"
}

# carrier_is INTERFACE 0|1
carrier_is()
{
	[ "$(read_value "/sys/class/net/$1/carrier")" = "$2" ]
}

@test "link: it goes and comes by a signal, the carrier follows at that end only; speed and duplex are told" {
	in_guest <<-'SCRIPT'
		device create lk0
		device create lk1
		linked lk0 lk1
		device attach lk0
		device attach lk1
		left=$(interface_of lk0) right=$(interface_of lk1)
		raise $left $right
		for file in speed:10000 duplex:full carrier:1; do
			[ "$(read_value /sys/class/net/$left/${file%:*})" = ${file#*:} ] ||
				complain "${file%:*} is $(read_value /sys/class/net/$left/${file%:*})"
		done
		expect 0 "ethtool $left" 'speed: 10000Mb/s.*duplex: full.*link detected: yes'
		for round in 1 2 3; do
			kill -USR1 $server
			wait_until 1 carrier_is $left 0 || complain "round $round: the carrier stays"
			expect 0 "ip link show $left" 'NO-CARRIER'
			carrier_is $right 1 || complain 'the other end lost its carrier as well'
			kill -USR2 $server
			wait_until 1 carrier_is $left 1 || complain "round $round: the carrier does not come back"
		done
		carries frames $left to $right
		carries frames $right to $left
		# lowered between two drivers, and before the first
		device detach lk0
		kill -USR1 $server
		nap 0.1
		device attach lk0
		left=$(interface_of lk0)
		raise $left
		wait_until 1 carrier_is $left 0 || complain 'a new driver finds a carrier'
		# another process: the link is up again
		kill $server
		wait $server
		linked lk0 lk1
		wait_until 1 carrier_is $left 1 || complain 'the next process leaves the link down'
		carries frames $left to $right
		device detach lk0
		device detach lk1
		kill $server
		wait $server || complain "status $?"
		device destroy lk0
		device destroy lk1
	SCRIPT
}

@test "link: without it frames are dropped and counted, and none of before arrives when it is back" {
	in_guest <<-'SCRIPT'
		# counters NAME: as the answer
		counters() { answer=$(grep "\"name\":\"$1\"" "$T.ready"); }
		plain_queues
		device create ld0
		device create ld1
		linked ld0 ld1
		device attach ld0
		device attach ld1
		left=$(interface_of ld0) right=$(interface_of ld1)
		raise $left $right
		carries frames $right to $left sizes 60 count 50
		kill -USR1 $server
		wait_until 1 carrier_is $left 0 || complain 'the carrier stays'
		answer=$(frames $right to $left sizes 60 count 300 window 0 timeout 50)
		answers 'sent == 300' 'pieces == 0'
		# the server stands still while 40 frames are transmitted, and the next it does is
		# to raise the link
		received=$(count_of $left rx_packets)
		kill -HUP $server
		nap 0.1
		answer=$(frames $right to $right sizes 60 count 40 window 0 timeout 50)
		kill -USR2 $server
		wait_until 1 carrier_is $left 1 || complain 'the carrier does not come back'
		nap 0.2
		[ "$(count_of $left rx_packets)" = $received ] ||
			complain "$(($(count_of $left rx_packets) - received)) frames of before arrived"
		carries frames $right to $left sizes 60 count 70
		carries frames $left to $right sizes 60 count 20
		device detach ld0
		device detach ld1
		kill $server
		wait $server || complain "status $?"
		counters ld1
		answers 'sent == 50 + 300 + 40 + 70' 'no_receiver == 340' 'received == 20'
		counters ld0
		answers 'received == 50 + 70' 'sent == 20' 'no_receiver == 0'
		device destroy ld0
		device destroy ld1
	SCRIPT
}
