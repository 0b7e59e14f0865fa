# SPDX-License-Identifier: GPL-2.0-or-later
#
# All of the hostile driver, and more of the hostile device: see hostile-driver.bats and
# hostile-device.bats.

load ../common
load ../device
load ../traffic
load ../monitor
load ../hostile

@test "hostile driver: every deed in both formats and both virtqueues" {
	hostile_run half 0
}

@test "hostile driver: a long storm of random writes to the rings while the device works" {
	# SEED=N: the same again
	hostile_run storm 300 seed "${SEED:-$RANDOM}"
}

@test "hostile device: more used elements and indices that cannot be" {
	bad_devices <<-'ROWS'
		net virtio_vdpa id 4294967295          | 0 | stop | input.0:id 4294967295 out of range
		net virtio_vdpa id 65535 packed        | 0 | stop | input.0:id 65535 out of range
		net virtio_vdpa id_sent 256            | 0 | stop | output.0:id 256 out of range
		net virtio_vdpa id_next 1              | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa id_next 1 packed       | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa id_twice               | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa index 257              | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa index 65535            | 0 | any  | -
		net virtio_vdpa nothing                | 0 | stop | -
		net vhost_vdpa length 4294967295       | 0 | any  | - | driver_said '"bad_element":1'
		net vhost_vdpa index 257               | 0 | any  | - | driver_said '"bad_element":1'
	ROWS
}

@test "hostile device: more lengths, descriptors and headers that cannot be" {
	bad_devices <<-'ROWS'
		net virtio_vdpa length 0               | 0 | pass | - | counted rx_length_errors 1
		net virtio_vdpa length 5               | 0 | pass | - | counted rx_length_errors 1
		net virtio_vdpa length 12              | 0 | pass | - | counted rx_length_errors 1
		net virtio_vdpa length 65536           | 0 | pass | - | counted rx_bytes 65536 && counted rx_dropped 1
		net virtio_vdpa length 0 packed        | 0 | pass | - | counted rx_length_errors 1
		net virtio_vdpa length 65536 packed    | 0 | pass | - | counted rx_bytes 65536 && counted rx_dropped 1
		net virtio_vdpa length_sent 4294967295 | 0 | pass | -
		net virtio_vdpa descriptors 165 packed | 0 | any  | -
		net vhost_vdpa descriptors 165         | 0 | any  | -
		net virtio_vdpa used 165               | 0 | pass | -
		net virtio_vdpa driver_area 165 packed | 0 | pass | -
		net virtio_vdpa num_buffers 0          | 0 | pass | - | counted rx_dropped 1 && counted rx_length_errors 1
		net virtio_vdpa num_buffers 65535      | 0 | pass | - | counted rx_dropped 1 && counted rx_length_errors 1
		net virtio_vdpa frame 0                | 0 | pass | - | counted rx_length_errors 1
		net virtio_vdpa frame 1400             | 0 | pass | - | driver_said '"corrupt":1'
		net virtio_vdpa frame 65550            | 0 | pass | -
	ROWS
}

@test "hostile device: configurations that cannot be, interrupts without end" {
	bad_devices <<-'ROWS'
		net virtio_vdpa config 655360          | 0 | any  | - | interface_has mtu 1500
		net virtio_vdpa config 655370          | 0 | any  | - | interface_has mtu 1500
		net virtio_vdpa config 720895          | 0 | any  | - | interface_has mtu 65535
		net virtio_vdpa config 524288          | 0 | pass | -
		net virtio_vdpa config_change 655360   | 0 | pass | - | interface_has mtu 1500
		net virtio_vdpa config_change 4660     | 0 | pass | - | interface_has address 02:00:00:00:ba:d0
		net virtio_vdpa mac_zero               | 0 | .    | - | ! ip link set "$(interface_of bd0)" up
		net virtio_vdpa config_storm 2000      | 0 | pass | -
		net virtio_vdpa interrupts 5000        | 0 | pass | -
		net virtio_vdpa calls_early            | 0 | pass | - | device_said 'VQ_INJECT_IRQ: EINVAL.INJECT_CONFIG_IRQ: EINVAL'
	ROWS
}

@test "hostile device: more messages that fail, or are answered wrongly, late or never" {
	bad_devices <<-'ROWS'
		net virtio_vdpa wrong 11               | 0 | pass | - | device_said 'another id: ENOENT.*reserved words: EINVAL.*half of it: EINVAL'
		net virtio_vdpa failed 0               | 0 | pass | -
		net virtio_vdpa failed 1               | 0 | pass | -
		net virtio_vdpa silent 0               | 1 | .    | virtio: device refuses features | [ $add_ms -ge 900 ]
		net virtio_vdpa silent 15              | 0w | none | - | [ $add_ms -ge 900 ]
		net virtio_vdpa late 11                | 1 | .    | virtio: device refuses features | device_said 'an answer: ENOENT'
		net vhost_vdpa failed 0                | 0 | .    | - | driver_said 'vhost-vdpa-[0-9]+: Input/output error'
		net vhost_vdpa failed 11               | 0 | .    | - | driver_said 'refuses the features'
		net vhost_vdpa failed 15               | 0 | .    | - | driver_said '"received":20'
		net vhost_vdpa state 4660              | 0 | .    | - | driver_said '"bad_base":2'
		net vhost_vdpa type 0                  | 0 | .    | - | driver_said 'VRING_BASE: Input/output error'
		net vhost_vdpa type 256                | 0 | .    | - | driver_said 'VRING_BASE: Input/output error'
		net vhost_vdpa silent 0                | 0 | .    | - | driver_said 'vhost-vdpa-[0-9]+: Input/output error'
		net vhost_vdpa silent 11               | 0 | .    | - | driver_said 'refuses the features'
		net vhost_vdpa silent 15               | 0 | .    | - | driver_said 'VRING_BASE: Input/output error'
		net vhost_vdpa late 15                 | 0 | .    | - | driver_said 'VRING_BASE: Input/output error'
	ROWS
}

@test "hostile device: more of a disk" {
	bad_devices <<-'ROWS'
		block virtio_vdpa length 0             | 0 | any  | - | read_disk
		block virtio_vdpa length 4294967295    | 0 | any  | - | read_disk
		block virtio_vdpa config 0             | 0 | .    | - | [ "$(read_value "/sys/block/$(basename "$(disk_of)")/size")" = 0 ]
	ROWS
}
