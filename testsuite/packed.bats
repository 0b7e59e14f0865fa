# SPDX-License-Identifier: GPL-2.0-or-later
#
# A device with packed virtqueues (virtio 1.2, section 2.8) under the kernel's own
# driver, and under DPDK's. That the driver really negotiated them is looked at, too.

load common
load device
load traffic
load peers

setup()
{
	common_setup
	case $BATS_TEST_DESCRIPTION in *dpdk*) bring_peers ;; esac
}

teardown_file()
{
	send_peers_back
}

@test "packed: frames of 64 to 65000 bytes come back, in rings of every shape, and with whole super-frames" {
	in_guest <<-'SCRIPT'
		none=no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN
		# words of create after +RING_PACKED, then those of loopback
		while IFS='|' read -r create serve; do
			case="$create $serve"
			eval "bring_up pk0 features +RING_PACKED$create -- $serve"
			expect 0 'vdpa dev config show pk0' 'negotiated_features .*RING_PACKED'
			carries frames "$interface" sizes 64-1514:13,64,1514 count 2000 window 900
			carries frames "$interface" kind tcp4 partial gso 1448 sizes 1600-65000:5283,65000 window 8 \
				allow csum,tso4
			undo pk0
		done <<-'ROWS'
			                                                     |
			,no_RING_INDIRECT_DESC                               |
			,no_RING_EVENT_IDX                                   | vq_size 64
			,no_MRG_RXBUF,no_RING_INDIRECT_DESC,$none            | vq_size 1024
			,no_MRG_RXBUF                                        | vq_size 64
		ROWS
		bring_up pk1 mtu 65000 features +RING_PACKED
		carries frames "$interface" sizes 65014,64-65000:1623 window 12
		undo pk1
	SCRIPT
}

@test "packed: a device survives rebinds, each driver with its own format, and a pair of both formats" {
	in_guest <<-'SCRIPT'
		bring_up pk2 features +RING_PACKED
		server=$(server_of pk2)
		for round in 1 2 3; do
			# an odd number of frames, so that the rings are at another place each time
			carries frames "$interface" sizes 60-1514:97 count $((1000 + 77 * round))
			need 0 'vdpa dev bind pk2 driver vhost_vdpa'
			carries vhost_driver "$(node_of pk2)" sizes 60-1514:101
			need 0 'vdpa dev bind pk2 driver virtio_vdpa'
			interface=$(interface_of pk2)
			raise "$interface"
		done
		carries frames "$interface" kind tcp6 partial gso 1428 sizes 1600-65000:7001 window 8 allow csum,tso6
		[ "$(server_of pk2)" = "$server" ] || complain 'another process serves it'
		undo pk2
		pair_up pk3 pk4 features +RING_PACKED --
		apart
		ip netns exec "$left" ping -q -c 20 -i 0.01 -W 60 -s 1400 10.77.0.2 >"$T.ping" ||
			complain "ping: $(<"$T.ping")"
		[[ $(<"$T.ping") = *' 0% packet loss'* ]] || complain "lost: $(<"$T.ping")"
		rm -f "$T.ping"
		pair_down pk3 pk4
		ip netns del "$left"
		ip netns del "$right"
	SCRIPT
}

@test "packed: the next process goes on from the journal; without one it leaves the rings alone, says so, and serves after the driver's reset" {
	in_guest <<-'SCRIPT'
		bring_up pk5 features +RING_PACKED
		carries frames "$interface" count 300
		device kill pk5
		device serve pk5
		carries frames "$interface" count 300
		device kill pk5
		rm /run/vduse/pk5.journal
		vduse loopback pk5 2>"$T.loopback" &
		says() { grep -q "virtqueue $1 waits for the driver's reset" "$T.loopback"; }
		wait_until 5 says 0 && wait_until 1 says 1 || complain "it says: $(<"$T.loopback")"
		need 0 'vdpa dev bind pk5 driver vhost_vdpa'
		need 0 'vdpa dev bind pk5 driver virtio_vdpa'
		interface=$(interface_of pk5)
		raise "$interface"
		carries frames "$interface" count 300
		undo pk5
		rm -f "$T.loopback"
	SCRIPT
}

@test "packed: dpdk-testpmd with packed_vq=1 has its frames returned, by its own count" {
	in_guest <<-'SCRIPT'
		device create pk6 features +RING_PACKED
		device serve pk6
		device attach pk6 driver vhost_vdpa
		node=$(node_of pk6)
		for round in 1 2; do
			testpmd_start "$node" packed_vq=1
			expect 0 'vdpa dev config show pk6' 'negotiated_features .*RING_PACKED'
			testpmd 'start tx_first' 'TX RS bit'
			forwarded 1000
			testpmd stop 'Accumulated'
			# what was on its way when it stopped is received when it starts again
			testpmd start 'TX RS bit'
			testpmd stop 'Accumulated'
			port_counters
			[ $tx -gt 1000 ] && [ $rx = $tx ] && [ $rx_bytes = $tx_bytes ] && [ $rx_bytes = $((64 * tx)) ] ||
				complain "sent $tx ($tx_bytes bytes), received $rx ($rx_bytes bytes)"
			testpmd_ends
		done
		# and split ones, of the same device
		testpmd_start "$node"
		testpmd 'start tx_first' 'TX RS bit'
		forwarded 500
		testpmd stop 'Accumulated'
		port_counters
		[ $rx -gt 500 ] || complain "split: sent $tx, received $rx"
		testpmd_ends
		undo pk6
		nothing_left
		rm -f "$T".*
	SCRIPT
}
