# SPDX-License-Identifier: GPL-2.0-or-later
#
# Frames through one device of "vduse loopback" and the kernel's own driver: what
# is sent comes back once, in order and unchanged, and with no offload that the
# driver did not negotiate.

load common
load device
load traffic

@test "traffic: a device with the default features returns every size of frame, and passes offloads on untouched" {
	in_guest <<-'SCRIPT'
		bring_up td0
		carries frames "$interface" sizes 26-1514
		carries frames "$interface" sizes 60 count 4000 window 250
		carries frames "$interface" kind udp4,udp6,tcp4,tcp6
		answers 'partial == 0'
		carries frames "$interface" kind udp4,udp6,tcp4,tcp6 partial allow csum
		answers 'partial == sent'
		# whole super-frames come back: nothing was cut or completed on the way
		supers=1600,2942,2962,2963,4000-65535:3001
		carries frames "$interface" kind tcp4 partial gso 1448 ecn sizes $supers allow csum,tso4,ecn
		answers 'gso == sent' 'pieces == sent'
		carries frames "$interface" kind tcp6 partial gso 1428 sizes $supers allow csum,tso6
		answers 'gso == sent' 'pieces == sent'
		carries frames "$interface" kind tcp4 partial gso 536 vlan 5 sizes $supers allow csum,tso4
		answers 'gso == sent'
		undo td0
	SCRIPT
}

@test "net-56 traffic: what the receiving driver did not negotiate is cut and completed in software, and the rest passes whole" {
	in_guest <<-'SCRIPT'
		# both LIST LIST WORD...: each word is in both lists
		both()
		{
			local word

			for word in "${@:3}"; do
				[[ ",$1," = *",$word,"* && ",$2," = *",$word,"* ]] || return
			done
		}
		# passes WHAT SENT WORD...: is it as it was sent, just when both ends can have it?
		passes()
		{
			if both "$host" "$guest" "${@:3}"; then
				answers "$1 == $2"
			else
				answers "$1 == 0"
			fi
		}
		all=csum,tso4,tso6,ecn
		supers=1600,2942,2962,2963,4000-65535:7001
		# FEATURES, what the receiving and what the sending driver then has
		while read -r features guest host; do
			eval "guest=$guest host=$host case=$features"
			bring_up ts0 features $features
			carries frames "$interface" kind udp4,udp6,tcp4,tcp6 sizes 94-1514:71 partial allow "$guest"
			passes partial sent csum
			carries frames "$interface" kind tcp4 partial gso 1448 ecn sizes $supers allow "$guest"
			passes gso sent tso4 ecn
			carries frames "$interface" kind tcp6 partial gso 1428 vlan 7 sizes $supers,1500 allow "$guest"
			passes gso 'sent - 1' tso6
			undo ts0
		done <<-'ROWS'
			no_GUEST_ECN                                            csum,tso4,tso6  $all
			no_GUEST_TSO6                                           csum,tso4,ecn   $all
			no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN                csum            $all
			no_GUEST_CSUM,no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN  none            $all
			no_HOST_TSO4,no_HOST_ECN                                $all            csum,tso6
			no_CSUM,no_HOST_TSO4,no_HOST_TSO6,no_HOST_ECN           $all            none
			VERSION_1,ACCESS_PLATFORM,MAC,MRG_RXBUF                 none            none
		ROWS
	SCRIPT
}

@test "traffic: every shape of ring and buffer: mergeable or not, indirect or not, EVENT_IDX or not, 64 to 1024 entries" {
	in_guest <<-'SCRIPT'
		none=no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN
		# words of create, then those of loopback
		while IFS='|' read -r create serve; do
			case="$create $serve"
			eval "bring_up tr0 $create -- $serve"
			# more than a ring's worth on its way: both come to their ends
			carries frames "$interface" sizes 60-1514:13,60,1514 count 2000 window 900
			carries frames "$interface" kind tcp4 partial gso 1448 sizes 1600-65535:5003 window 8 \
				allow csum,tso4
			undo tr0
		done <<-'ROWS'
			features no_RING_INDIRECT_DESC                              |
			features no_RING_EVENT_IDX                                  |
			features no_MRG_RXBUF bounce_size 134217728                 | vq_size 1024
			features no_MRG_RXBUF,$none                                 |
			features no_MRG_RXBUF,no_RING_INDIRECT_DESC                 | vq_size 64
			features no_MRG_RXBUF,no_RING_INDIRECT_DESC,no_RING_EVENT_IDX,$none |
			bounce_size 4194304                                         | vq_size 64
			bounce_size 16777216                                        | vq_size 1024
		ROWS
	SCRIPT
}

@test "traffic: jumbo frames up to 65549 bytes, mergeable and not, and an MTU of 100" {
	in_guest <<-'SCRIPT'
		while read -r mtu features; do
			case="$mtu $features"
			bring_up tj0 mtu $mtu features $features
			[ "$(read_value "/sys/class/net/$interface/mtu")" = $mtu ] || complain "mtu of $interface is not $mtu"
			largest=$((mtu + 14))
			carries frames "$interface" sizes $largest,60-$largest:$((mtu / 40)) window 12
			[ $mtu -lt 1280 ] || carries frames "$interface" kind udp6 partial \
				sizes $largest,1290,70 count 60 window 12 allow csum
			undo tj0
		done <<-'ROWS'
			9000   +MTU
			9000   no_MRG_RXBUF
			9000   no_MRG_RXBUF,no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN
			65535  +MTU
			65535  no_MRG_RXBUF
			100    +MTU
		ROWS
	SCRIPT
}

@test "traffic: a device that changes hands between virtio_vdpa and vhost_vdpa while it is served carries on with each" {
	in_guest <<-'SCRIPT'
		bring_up th0
		server=$(server_of th0)
		for round in 1 2 3; do
			carries frames "$interface" sizes 60-1514:101
			need 0 'vdpa dev bind th0 driver vhost_vdpa'
			carries vhost_driver "$(node_of th0)" sizes 60-1514:101
			need 0 'vdpa dev bind th0 driver virtio_vdpa'
			interface=$(interface_of th0)
			raise "$interface"
		done
		carries frames "$interface"
		[ "$(server_of th0)" = "$server" ] || complain 'another process serves it'
		[ "$(maps_of "$server" 'memfd:vhost')" = 0 ] || complain "memory of the vhost client is still mapped"
		undo th0
	SCRIPT
}

@test "traffic: a flood of 30000 frames by pktgen is received but for what was dropped, and traffic goes on" {
	in_guest <<-'SCRIPT'
		bring_up tp0
		modprobe pktgen || broken 'no pktgen'
		echo "add_device $interface" >/proc/net/pktgen/kpktgend_0
		for word in 'count 30000' 'pkt_size 60' 'clone_skb 0' 'dst_mac 02:00:5e:00:f0:0e' 'dst 192.0.2.1' 'delay 0'; do
			echo "$word" >"/proc/net/pktgen/$interface" || broken "pktgen: $word"
		done
		before=$(count_of "$interface" rx_packets)
		timeout 60 sh -c 'echo start >/proc/net/pktgen/pgctrl' || complain 'pktgen does not end'
		grep -E 'pkts-sofar|pps' "/proc/net/pktgen/$interface"
		sent() { [ "$(count_of "$interface" tx_packets)" -ge 30000 ]; }
		wait_until 5 sent || complain "sent only $(count_of "$interface" tx_packets)"
		received() { [ $(($(count_of "$interface" rx_packets) + $(count_of "$interface" rx_dropped))) -ge 30000 ]; }
		wait_until 2 received || complain "received $(count_of "$interface" rx_packets)," \
			"dropped $(count_of "$interface" rx_dropped) of 30000"
		[ "$(count_of "$interface" rx_packets)" -le "$(count_of "$interface" tx_packets)" ] || complain 'more received than sent'
		carries frames "$interface"
		echo "rem_device_all" >/proc/net/pktgen/kpktgend_0
		rmmod pktgen
		undo tp0
	SCRIPT
}
