# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel's drivers, and our commands, over a device that breaks rules
# (guest/hostile_device.c). docs/hostile-device.md says what Linux 6.12 does with each;
# slow/hostile.bats has more. What makes the kernel loop is in neither.
#
# A table has a row for each: CLASS BUS DEED [VALUE [packed]], the status of dev add (0w: with a
# warning that DRIVER_OK was not accepted, 0: with none), whether frames pass after the deed
# (at_work in hostile.bash), what the kernel logs (a regular expression, or -), and what else
# must be so. Whatever it is, every command ends with the status
# that it should, the device is given up and attached again, and works if it behaves then.

load common
load device
load traffic
load monitor
load hostile

@test "hostile device: used elements and indices that cannot be: the virtqueue stands still until the device is attached anew" {
	bad_devices <<-'ROWS'
		net virtio_vdpa id 256                 | 0 | stop | input.0:id 256 out of range
		net virtio_vdpa id_twice 0 packed      | 0 | stop | input.0:id [0-9]+ is not a head!
		net virtio_vdpa index 1                | 0 | stop | input.0:id [0-9]+ is not a head!
		net vhost_vdpa id 65535                | 0 | any  | - | driver_said '"bad_element":1'
	ROWS
}

@test "hostile device: lengths, descriptors and headers that cannot be cost frames and nothing more" {
	bad_devices <<-'ROWS'
		net virtio_vdpa length 4294967295      | 0 | pass | - | counted rx_bytes 4294967295 && counted rx_dropped 1 && counted rx_length_errors 1
		net virtio_vdpa descriptors 165        | 0 | any  | -
		net virtio_vdpa header 0xffffffffffff  | 0 | pass | bad gso: type: 255, size: 65535 | counted rx_frame_errors 1
	ROWS
}

@test "hostile device: features that cannot be, addresses and calls out of range" {
	bad_devices <<-'ROWS'
		net virtio_vdpa calls                  | 0 | pass | - | all_refused 1 && device_said 'another address: EINVAL.*wraps: ENOMEM.*kernel addresses: ENOMEM.*no memory: ENOMEM.*nothing: ENOENT'
		net vhost_vdpa calls                   | 0 | any  | - | all_refused 2 && device_said 'done.*no memory: EINVAL'
		net virtio_vdpa features 4194304       | 1 | .    | device advertises feature VIRTIO_NET_F_MQ but not
		net virtio_vdpa features 131072        | create | . | EINVAL
	ROWS
}

@test "hostile device: messages that fail, or are answered late or never" {
	bad_devices <<-'ROWS'
		net virtio_vdpa failed 11              | 1 | .    | virtio: device refuses features
		net virtio_vdpa failed 15              | 0w | none | - | device_said 'VQ_INJECT_IRQ: EINVAL'
		net virtio_vdpa late 15                | 0w | none | - | device_said 'an answer: ENOENT'
		net vhost_vdpa type 2                  | 0 | .    | - | driver_said 'IOTLB message 2: Bad address'
		net vhost_vdpa type 258                | 0 | .    | - | driver_said 'IOTLB message 2: Bad address'
	ROWS
}

@test "hostile device: a disk whose requests come back wrong" {
	bad_devices <<-'ROWS'
		block virtio_vdpa frame 255            | 0 | any  | I/O error, dev vd[a-z]+, sector 0
	ROWS
}
