# SPDX-License-Identifier: GPL-2.0-or-later
#
# The device under a driver in user space: vhost_vdpa, with testsuite/guest/vhost_driver.

load common
load device
load traffic

@test "vhost: a driver in user space gets back what it sends, whatever its rings, chains, memory and features look like" {
	in_guest <<-'SCRIPT'
		device create vs0
		device serve vs0
		device attach vs0 driver vhost_vdpa
		server=$(server_of vs0)
		# Chains in pieces, in memory of many files, which the pieces straddle; then frames
		# over many buffers, and buffers that just hold one; at last more mappings than a
		# session has places for at first.
		while read -r words; do
			carries vhost_driver "$(node_of vs0)" $words || finish
		done <<-'ROWS'
			sizes 26-1514
			sizes 60 count 4000 window 250
			features no_RING_EVENT_IDX count 2000 window 100
			features no_MRG_RXBUF,no_RING_INDIRECT_DESC
			pieces 2 receive_pieces 2 regions 64
			pieces 7 receive_pieces 5 regions 33 buffer 1777
			pieces 13 receive_pieces 9 indirect regions 64 batch
			pieces 64 receive_pieces 64 indirect queue 64 window 60
			features no_MRG_RXBUF indirect pieces 3 receive_pieces 3 regions 64
			features no_MTU sizes 60-65549:1999 window 3
			features no_MTU sizes 20000-65549:2999 window 2 buffer 977 regions 50
			features no_MRG_RXBUF buffer 1526
			buffer 13 sizes 60-1514:53 window 1
			queue 64 regions 1
			queue 128 window 1 sizes 60 count 300
			regions 600 batch buffer 8192
		ROWS
		[ "$(maps_of "$server" memfd:)" = 0 ] || complain 'memory of a driver that has left is still mapped'
		undo vs0
	SCRIPT
}

@test "iova-42 vhost: no frame and no interrupt is lost at DRIVER_OK, when memory moves, or when rings go on after a reset" {
	in_guest <<-'SCRIPT'
		device create vi0
		device serve vi0
		device attach vi0 driver vhost_vdpa
		node=$(node_of vi0) server=$(server_of vi0)
		# Work that is there before DRIVER_OK. (That the kernel refuses interrupts for a
		# moment then was only seen with virtio_vdpa, whose drivers have no work so early:
		# the unit tests of the session have that.)
		for round in 1 2 3 4 5; do
			carries vhost_driver "$node" early regions 1 sizes 60 count 8
			carries vhost_driver "$node" early sizes 60 count 8 features no_RING_EVENT_IDX
		done
		carries vhost_driver "$node" early rounds 15
		carries vhost_driver "$node" rounds 9 indirect pieces 3 receive_pieces 2 count 3000
		for batch in '' batch; do
			for regions in 1 2 17; do
				carries vhost_driver "$node" remap regions $regions $batch
			done
		done
		[ "$(maps_of "$server" memfd:)" = 0 ] || complain 'memory of a driver that has left is still mapped'
		undo vi0
	SCRIPT
}

@test "ctl-60 vhost: a driver that goes without a word, or is killed at work, leaves a device that serves the next driver of either kind" {
	in_guest <<-'SCRIPT'
		device create vk0
		device serve vk0
		device attach vk0 driver vhost_vdpa
		node=$(node_of vk0) server=$(server_of vk0)
		unmapped() { [ "$(maps_of "$server" memfd:)" = 0 ]; }
		for words in 'leave close' 'leave kill' 'leave kill pieces 4 indirect regions 30'; do
			timeout -s KILL 300 vhost_driver "$node" $words >/dev/null 2>&1
			[[ $? = 0 || $words = *kill* ]] || complain "$words: failed"
			wait_until 3 unmapped || complain "$words: its memory is still mapped"
			carries vhost_driver "$node"
			# With memory where the kernel's own driver will have its bounce buffer. (Not
			# where it will have its rings: 6.12 keeps what a client left mapped, and
			# gives us that entry instead of the ring's; nothing a device can do.)
			timeout -s KILL 300 vhost_driver "$node" $words iova 0x100000 >/dev/null 2>&1
			need 0 'vdpa dev bind vk0 driver virtio_vdpa'
			interface=$(interface_of vk0)
			raise "$interface"
			carries frames "$interface"
			need 0 'vdpa dev bind vk0 driver vhost_vdpa'
			node=$(node_of vk0)
		done
		# the server goes, too, while a driver is at work
		vhost_driver "$node" hold >"$T.hold" 2>&1 &
		driver=$!
		wait_until 5 test -s "$T.hold" || complain "no driver: $(cat "$T.hold")"
		device stop vk0
		device serve vk0
		kill -KILL $driver
		wait $driver 2>/dev/null
		server=$(server_of vk0)
		wait_until 3 unmapped || complain 'its memory is still mapped'
		carries vhost_driver "$node"
		undo vk0
	SCRIPT
}

@test "net-54 vhost: a receiver that never gives a buffer holds nobody up" {
	in_guest <<-'SCRIPT'
		# alone: everything it sends is taken, after a bounded wait, and dropped
		device create vn0
		device create vn1
		device serve vn0
		device attach vn0 driver vhost_vdpa
		answer=$(timeout -s KILL 300 vhost_driver "$(node_of vn0)" no_buffers count 2000 sizes 60 window 4000)
		answers 'completed == 2000' 'received == 0' 'bad_element == 0' 'lost_interrupts == 0'
		device detach vn0
		device stop vn0
		# as the peer of the kernel's driver
		device serve vn0 peer vn1
		device attach vn0
		device attach vn1 driver vhost_vdpa
		interface=$(interface_of vn0)
		raise "$interface"
		vhost_driver "$(node_of vn1)" no_buffers hold count 0 >"$T.hold" 2>&1 &
		driver=$!
		wait_until 5 test -s "$T.hold" || complain "no driver: $(cat "$T.hold")"
		answer=$(timeout -s KILL 300 frames "$interface" sizes 60 count 600 window 0 timeout 50)
		answers 'received == 0'
		sent() { [ "$(count_of "$interface" tx_packets)" -ge 600 ]; }
		wait_until 3 sent || complain "only $(count_of "$interface" tx_packets) of 600 frames left a sender whose peer has no buffers"
		kill $driver
		wait $driver 2>/dev/null
		device detach vn1
		device attach vn1
		raise "$(interface_of vn1)"
		carries frames "$interface" to "$(interface_of vn1)"
		pair_down vn0 vn1
	SCRIPT
}
