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
		net virtio_vdpa id_next 1              | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa id_next 1 packed       | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa id_twice               | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa index 257              | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa nothing                | 0 | stop | -
	ROWS
}

@test "hostile device: more lengths, descriptors and headers that cannot be" {
	bad_devices <<-'ROWS'
		net virtio_vdpa length 0               | 0 | pass | -
		net virtio_vdpa length 5               | 0 | pass | -
		net virtio_vdpa length 65536           | 0 | pass | -
		net virtio_vdpa length 0 packed        | 0 | pass | -
		net virtio_vdpa length_sent 4294967295 | 0 | pass | -
		net virtio_vdpa descriptors 165 packed | 0 | any  | -
		net virtio_vdpa used 165               | 0 | pass | -
		net virtio_vdpa driver_area 165 packed | 0 | pass | -
		net virtio_vdpa num_buffers 0          | 0 | pass | -
		net virtio_vdpa num_buffers 65535      | 0 | pass | -
		net virtio_vdpa frame 0                | 0 | pass | -
		net virtio_vdpa frame 65550            | 0 | pass | -
		block virtio_vdpa length 0             | 0 | any  | -
	ROWS
}

@test "hostile device: configurations that cannot be, interrupts without end" {
	bad_devices <<-'ROWS'
		net virtio_vdpa config 655360          | 0 | any  | -
		net virtio_vdpa config 720895          | 0 | any  | -
		net virtio_vdpa config_change 655360   | 0 | pass | -
		net virtio_vdpa config_storm 2000      | 0 | pass | -
		net virtio_vdpa interrupts 5000        | 0 | pass | -
	ROWS
}

@test "hostile device: more messages that fail, or are answered wrongly, late or never" {
	bad_devices <<-'ROWS'
		net virtio_vdpa wrong 11               | 0 | pass | -
		net virtio_vdpa silent 0               | 1 | .    | -
		net virtio_vdpa silent 15              | 0w | none | -
		net virtio_vdpa late 11                | 1 | .    | -
		net vhost_vdpa failed 15               | 0 | .    | -
		net vhost_vdpa state 4660              | 0 | .    | -
		net vhost_vdpa type 0                  | 0 | .    | -
		net vhost_vdpa type 256                | 0 | .    | -
	ROWS
}
