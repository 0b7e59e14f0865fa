# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa dev cdi: what a container runtime is told is what there is.

load common
load device

@test "cdi: the specification has the node that is there, after each bind, and no other device has one" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/documents"
		# whose node it says is the one that the kernel gave this device
		tells()
		{
			local node

			expect 0 "vdpa dev cdi $1"
			for node in /sys/bus/vdpa/devices/"$1"/vhost-vdpa-*; do node=${node##*/}; done
			printf '%s %s %s %s\n' "$1" "/dev/$node" $((16#$(stat -c %t "/dev/$node"))) \
				$((16#$(stat -c %T "/dev/$node")))
			printf '%s\n' "${out//$'\n'/}"
			expect 0 "vdpa -j dev cdi $1"
			printf '%s' "$out"
		}
		need 0 'vduse up cd0 driver vhost_vdpa'
		need 0 'vduse up 1.d driver vhost_vdpa'
		need 0 'vduse up cd_ driver vhost_vdpa'
		tells cd0
		tells 1.d
		expect 1 'vdpa dev cdi cd_' 'CDI has no such name'
		expect 0 'vdpa dev bind cd0 driver virtio_vdpa'
		expect 1 'vdpa dev cdi cd0' 'its bus driver is virtio_vdpa; "vdpa dev bind cd0 driver vhost_vdpa"'
		expect 0 'vdpa dev bind cd_ driver virtio_vdpa'
		expect 0 'vdpa dev bind cd0 driver vhost_vdpa'
		tells cd0
		expect 0 'vdpa dev unbind cd0'
		expect 1 'vdpa dev cdi cd0' 'its bus driver is none'
		expect 0w 'vduse down cd0' 'it had no bus driver'
		for name in 1.d cd_; do expect 0 "vduse down $name"; done
		expect 3 'vdpa dev cdi cd0' 'no vDPA device'
	SCRIPT
	local name node major minor document count=0
	while read -r name node major minor; do
		for _ in 1 2; do
			read -r document
			jq -e --arg name "$name" --arg node "$node" --argjson major "$major" --argjson minor "$minor" \
				'.devices == [{name: $name, containerEdits: {deviceNodes: [{path: $node, type: "c",
				major: $major, minor: $minor, permissions: "rw"}]}}]' <<<"$document" >/dev/null ||
				{ echo "$name $node $major $minor: $document"; false; }
			printf 'vdpa dev cdi\t%s\n' "$document"
			count=$((count + 1))
		done >>"$BATS_TEST_TMPDIR/answers"
	done <"$BATS_TEST_TMPDIR/documents"
	[ "$count" = 6 ]
	"$testsuite/check-answers" --unseen '^(?!vdpa dev cdi)' "$testsuite/../schema" "$BATS_TEST_TMPDIR/answers"
}
