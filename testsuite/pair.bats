# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two devices that are connected ("peer"): a cable between two drivers, which need
# not have negotiated the same.

load common
load device
load traffic

@test "pair: two network namespaces ping, and move TCP and UDP unchanged, with offloads, without, and with different ones at the two ends" {
	in_guest <<-'SCRIPT'
		none=no_CSUM,no_GUEST_CSUM,no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN,no_HOST_TSO4,no_HOST_TSO6,no_HOST_ECN
		guestless=no_GUEST_CSUM,no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN
		hostless=no_CSUM,no_HOST_TSO4,no_HOST_TSO6,no_HOST_ECN
		# streams FROM TO ADDRESS BYTES: TCP, then UDP
		streams()
		{
			carries stream from $1 to $2 address $3 bytes $4
			answers 'retransmits * 20000 <= bytes'
			carries stream from $1 to $2 address $3 bytes 100000 udp 60-1452:29
		}
		while read -r a b bytes; do
			case="$a and $b"
			eval "pair_up pa0 pa1 features $a -- features $b"
			apart
			expect 0 "ip netns exec $left ping -c 2 -i 0.1 -W 60 10.77.0.2" ' 0% packet loss'
			expect 0 "ip netns exec $right ping -c 2 -i 0.1 -W 60 fd77::1" ' 0% packet loss'
			streams $left $right 10.77.0.2 $bytes
			streams $right $left fd77::1 3000000
			pair_down pa0 pa1
			ip netns del $left
			ip netns del $right
		done <<-'ROWS'
			+CSUM                 +CSUM                                                 50000000
			$none                 $none                                                 3000000
			+CSUM                 $guestless                                            3000000
			$none,no_MRG_RXBUF    +CSUM                                                 3000000
			$hostless             no_GUEST_TSO6,no_GUEST_ECN                            3000000
			+CSUM                 no_RING_EVENT_IDX,no_RING_INDIRECT_DESC,no_MRG_RXBUF  3000000
		ROWS
	SCRIPT
}

@test "net-56 pair: every frame arrives at the other end only, cut and completed for what that end negotiated" {
	in_guest <<-'SCRIPT'
		# one RECEIVER-ALLOWS FROM TO
		one()
		{
			carries frames $2 to $3 sizes 26-1514:5
			carries frames $2 to $3 kind udp4 partial allow "$1"
			carries frames $2 to $3 kind tcp6 partial allow "$1"
			carries frames $2 to $3 kind tcp4 partial gso 1448 ecn sizes 1600,2962,4000-65535:5003 allow "$1"
			carries frames $2 to $3 kind tcp6 partial gso 1428 vlan 9 sizes 1600,2942,4000-65535:5003 allow "$1"
		}
		pair_up pf0 pf1 features no_GUEST_TSO6,no_MRG_RXBUF -- features no_GUEST_CSUM,no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN
		one none $left $right
		one csum,tso4,ecn $right $left
		# nothing comes back to where it was sent
		answer=$(frames $left count 20 timeout 100)
		answers 'pieces == 0'
		pair_down pf0 pf1
	SCRIPT
}

@test "pair: an end with a smaller MTU gets no frame over it, and jumbo frames pass between two that take them" {
	in_guest <<-'SCRIPT'
		pair_up pm0 pm1 mtu 9000 -- mtu 1500
		carries frames $left to $right sizes 60-1514:13
		carries frames $left to $right vlan 5 sizes 60-1518:13
		carries frames $right to $left sizes 60-1514:13
		answer=$(frames $left to $right sizes 1515,2000,9014 count 30 timeout 100)
		answers 'sent == 30' 'pieces == 0'
		# a super-frame is none: its segments fit
		carries frames $left to $right kind tcp4 partial gso 1448 sizes 2000-9000:500 allow csum,tso4
		pair_down pm0 pm1
		pair_up pm0 pm1 mtu 9000 -- mtu 9000 features no_MRG_RXBUF
		apart
		expect 0 "ip netns exec $left ping -c 2 -i 0.2 -W 60 -M do -s 8972 10.77.0.2" ' 0% packet loss'
		carries stream from $right to $left address 10.77.0.1 bytes 500000 udp 60-8972:399,65000
		pair_down pm0 pm1
		ip netns del $left
		ip netns del $right
	SCRIPT
}

@test "pair: an end that is down, detached or without a driver never blocks the other, and gets no stale frame when it is back" {
	in_guest <<-'SCRIPT'
		pair_up pd0 pd1
		server=$(server_of pd0)
		# into_the_void WHY: 500 frames leave while nobody takes them
		into_the_void()
		{
			local before=$(count_of $left tx_packets)

			answer=$(timeout -s KILL 300 frames $left to ${2:-$left} sizes 60 count 500 window 0 timeout 50)
			answers 'sent == 500' 'received == 0'
			gone() { [ $(($(count_of $left tx_packets) - before)) -ge 500 ]; }
			wait_until 3 gone || complain "$1: only $(($(count_of $left tx_packets) - before)) of 500 frames left the sender"
		}
		carries frames $left to $right
		ip link set $right down
		into_the_void 'peer down'
		into_the_void 'peer still down'
		ip link set $right up
		carries frames $left to $right
		device detach pd1
		into_the_void 'peer detached'
		into_the_void 'peer still detached'
		device attach pd1
		right=$(interface_of pd1)
		raise $right
		carries frames $left to $right
		carries frames $right to $left
		need 0 'vdpa dev unbind pd1'
		into_the_void 'peer without a driver'
		need 0 'vdpa dev bind pd1 driver vhost_vdpa'
		into_the_void 'peer with a driver that nobody uses'
		need 0 'vdpa dev bind pd1 driver virtio_vdpa'
		right=$(interface_of pd1)
		raise $right
		carries frames $left to $right
		carries frames $right to $left
		[ "$(server_of pd1)" = "$server" ] || complain 'the server is another'
		pair_down pd0 pd1
	SCRIPT
	! kernel_log "$VM_DIR" | tail -n +$((log_lines + 1)) | grep 'NETDEV WATCHDOG'
}

@test "pair: the server of both is killed under traffic in both directions, and the next one goes on" {
	in_guest <<-'SCRIPT'
		pair_up pk0 pk1
		frames $left to $right seconds 600 window 16 >"$T.a" 2>&1 &
		one=$!
		frames $right to $left seconds 600 window 16 kind tcp4 partial gso 1448 sizes 90,30000 allow csum,tso4 >"$T.b" 2>&1 &
		other=$!
		for round in 1 2 3; do
			goes_on $left $right
			device kill pk0
			device serve pk0 peer pk1
		done
		goes_on $left $right
		kill $one $other
		wait $one $other
		for answer in "$(cat "$T.a")" "$(cat "$T.b")"; do
			answers 'sent > 300' 'lost == 0' 'corrupt == 0'
		done
		carries frames $left to $right
		carries frames $right to $left
		pair_down pk0 pk1
	SCRIPT
}
