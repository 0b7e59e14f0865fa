# SPDX-License-Identifier: GPL-2.0-or-later
#
# A hundred devices at once.

load common
load device

@test "100 devices: created, served, attached, shown, detached, destroyed, and nothing is left" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		count=100
		# each LINE: for all devices, whose number is i, from two processes at once
		each()
		{
			local first pids='' pid

			for first in 0 1; do
				(
					T=$T.$first
					for ((i = first; i < count; i += 2)); do
						need 0 "$(eval "echo $1")"
					done
					rm -f "$T.out" "$T.err"
				) &
				pids="$pids $!"
			done
			for pid in $pids; do
				wait $pid || broken "not for all devices: $1"
			done
			echo "$SECONDS s: $1" >&2
		}
		each 'vduse create n$i mac 52:54:00:00:00:$(printf %02x $i)'
		each 'timeout 300 vduse loopback n$i background'
		each 'vdpa dev add name n$i mgmtdev vduse'
		expect 0 'vduse -j show'
		printf %s "$out"
		expect 0 'vdpa -j dev show'
		printf %s "$out"
		expect 0 'vdpa -j dev config show'
		printf %s "$out"
		expect 0 'vdpa dev show n77' '^n77: '
		expect 0 'vduse show n99' '^n99: '
		each 'vdpa dev del n$i'
		fuser -k -TERM /dev/vduse/n* 2>/dev/null >&2
		wait_until 10 eval '! fuser -s /dev/vduse/n*' || complain 'a server does not end on SIGTERM'
		each 'vduse destroy n$i'
		nothing_left
	SCRIPT
	jq -es '([range(0; 100) | "n\(.)"] | sort) as $names |
		([range(0; 100) | {"n\(.)": ("52:54:00:00:00:" + (. as $i | "0123456789abcdef" |
			.[$i / 16 | floor: ($i / 16 | floor) + 1] + .[$i % 16: $i % 16 + 1]))}] | add) as $macs |
		(.[0].vduse | (keys == $names) and all(.served and .attached and .driver == "virtio_vdpa" and .process.pid > 1) and
			([.[].process.pid] | unique | length == 100)) and
		(.[1].dev | (keys == $names) and all(.driver == "virtio_vdpa" and .netdev != null) and
			([.[].netdev] | unique | length == 100)) and
		(.[2].config | map_values(.mac) == $macs) and
		((.[0].vduse | map_values(.netdev)) == (.[1].dev | map_values(.netdev)))' "$BATS_TEST_TMPDIR/json"
}
