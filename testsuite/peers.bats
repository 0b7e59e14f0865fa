# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs of others on either side: a disk that QEMU's storage daemon serves and
# vdpa attaches, and our device under the drivers of DPDK and of iPXE.

load common
load device
load traffic
load peers
load monitor

setup()
{
	common_setup
	bring_peers
}

teardown()
{
	# of a test that failed half-way; it would keep the disk
	guest umount -q -l /mnt || true
	common_teardown
}

teardown_file()
{
	send_peers_back
}

@test "peers: a disk of qemu-storage-daemon is shown, attached, written, read with checksums, and detached" {
	in_guest <<-'SCRIPT'
		size=$((8 << 20))
		random_file "$T.disk" $size
		cp "$T.disk" "$T.model"
		storage pd0 "$T.disk" writable=on,num-queues=2
		# served by another program: what only it knows is not there
		process="\"process\":{\"pid\":$storage_pid,\"command\":\"qemu-storage-daemon\"}"
		known='"vqs":2,"msg_timeout":30,"bounce_size":67108864,"served":true'
		expect 0 'vduse -j show pd0'
		[ "$out" = "{\"vduse\":{\"pd0\":{$known,\"attached\":false,$process}}}"$'\n' ] ||
			complain "not attached, it is shown as: $out"
		expect 5 'vduse destroy pd0' "$storage_pid \(qemu-storage-daemon\)"
		expect 5 'vduse loopback pd0 type net' "$storage_pid"
		for driver in '' 'driver virtio_vdpa'; do
			need 0 "vdpa dev add name pd0 mgmtdev vduse $driver"
			disk=$(disk_of pd0) || broken 'there is no disk'
			[ "$(server_of pd0)" = $storage_pid ] || complain 'another process has the node'
			rdev=$(read_value "/sys/block/$disk/dev")
			attached="\"driver\":\"virtio_vdpa\",\"blockdev\":\"$disk\",\"rdev\":\"$rdev\""
			expect 0 'vduse -j show pd0'
			[ "$out" = "{\"vduse\":{\"pd0\":{\"type\":\"block\",$known,\"attached\":true,$attached,$process}}}"$'\n' ] ||
				complain "attached, it is shown as: $out"
			expect 0 'vdpa -j dev show pd0' '"type":"block","mgmtdev":"vduse".*"max_vqs":2,'
			[[ $out = *",$attached}}}"* ]] || complain "the disk is not in: $out"
			expect 0 'vdpa dev config show pd0' "capacity $((size / 512)) .*num_queues 2.*read_only false flush true"
			[[ $out =~ negotiated_features\ ([^$'\n']*) && ${BASH_REMATCH[1]} = *FLUSH*VERSION_1*ACCESS_PLATFORM* ]] ||
				complain "negotiated: $out"
			[ "$(read_value "/sys/block/$disk/size")" = $((size / 512)) ] || complain "the size of $disk"
			same 'what it has' "$T.disk" "/dev/$disk"
			vdpa dev del pd0 && [ ! -e "/sys/block/$disk" ] || broken "$disk is still there"
			attached pd0 && broken 'still on the bus'
		done

		need 0 'vdpa dev add name pd0 mgmtdev vduse'
		disk=/dev/$(disk_of pd0)
		random_file "$T.data" $size
		put()	# SIZE SEEK COUNT [FLAG]: written on both sides
		{
			dd if="$T.data" of="$disk" bs=$1 skip=$2 seek=$2 count=$3 conv=notrunc${4:+ oflag=$4} 2>"$T.dd" &&
				dd if="$T.data" of="$T.model" bs=$1 skip=$2 seek=$2 count=$3 conv=notrunc 2>>"$T.dd" ||
				complain "dd $*: $(cat "$T.dd")"
		}
		put 512 1 1 direct
		put 512 16383 1 direct
		put 1536 77 300 direct
		put 4096 2045 3 direct
		put 65536 50 13 direct
		put 1048064 4 3 direct
		put 4608 101 200
		blockdev --flushbufs "$disk" && sync "$disk" || complain 'it cannot be flushed'
		same 'the file behind it, after writes of many sizes' "$T.model" "$T.disk"
		for words in 'bs=512 skip=1000 count=100' 'bs=66048 skip=37 count=90' 'bs=4M'; do
			dd if="$disk" of="$T.read" iflag=direct $words 2>/dev/null
			dd if="$T.model" of="$T.expected" $words 2>/dev/null
			same "read with $words" "$T.expected" "$T.read"
		done
		blkdiscard -z -o 1M -l 2M "$disk" && blkdiscard -o 6M -l 1M "$disk" || complain 'blkdiscard'
		dd if=/dev/zero of="$T.model" bs=1M seek=1 count=2 conv=notrunc 2>/dev/null
		dd if=/dev/zero of="$T.model" bs=1M seek=6 count=1 conv=notrunc 2>/dev/null
		same 'after zeroes and a discard' "$T.model" "$disk"
		# a whole image at once, read and compared by its checksum
		dd if="$T.data" of="$disk" bs=4M oflag=direct conv=fsync 2>/dev/null
		sum=$(sha256sum <"$T.data")
		[ "$(sha256sum <"$T.disk")" = "$sum" ] || complain 'the checksum of the file behind it'
		[ "$(dd if="$disk" bs=64k iflag=direct 2>/dev/null | sha256sum)" = "$sum" ] ||
			complain 'the checksum of what is read'
		need 0 'vdpa dev del pd0'
		storage_ends pd0
		same 'the file, when all is over' "$T.data" "$T.disk"

		# read-only, and one queue
		storage pd1 "$T.disk" writable=off
		need 0 'vdpa dev add name pd1 mgmtdev vduse'
		disk=$(disk_of pd1)
		expect 0 'vdpa -j dev config show pd1' "\"capacity\":$((size / 512)),.*\"read_only\":true"
		[ "$(read_value "/sys/block/$disk/ro")" = 1 ] || complain "$disk is not read-only"
		dd if=/dev/zero of="/dev/$disk" bs=4k count=1 oflag=direct 2>/dev/null && complain 'it can be written'
		same 'read-only' "$T.disk" "/dev/$disk"
		device detach pd1
		storage_ends pd1
		nothing_left
		rm -f "$T".*
	SCRIPT
}

@test "peers: of a disk that qemu-storage-daemon serves monitor and show tell what kernel and /proc tell, and nothing else" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/lines"
		truncate -s 8M "$T.disk"
		device create mark
		watch /tmp/m
		text=$watcher
		watch /tmp/j -j
		json=$watcher
		storage pm0 "$T.disk" writable=on,num-queues=2
		seen /tmp/m 'vduse,open\] pm0'
		known='vqs 2 msg_timeout 30 bounce_size 67108864 served true'
		process="pid $storage_pid command qemu-storage-daemon"
		# -d and -s have nothing to add that is known
		expect 0 'vduse -d -s show pm0'
		[ "$out" = "pm0: $known attached false $process"$'\n' ] || complain "not attached: $out"
		expect 5 'vduse stats pm0' "$storage_pid \(qemu-storage-daemon\).*no control socket"
		expect 5 'vduse set pm0 link down' "$storage_pid \(qemu-storage-daemon\).*no control socket"
		need 0 'vdpa dev add name pm0 mgmtdev vduse'
		disk=$(disk_of pm0)
		seen /tmp/m 'bind\] pm0'
		# what its driver took stands in sysfs
		expect 0 'vduse -d -s show pm0'
		mapfile -t line <<<"$out"
		[ "${line[0]}" = "pm0: type block $known attached true driver virtio_vdpa blockdev $disk $process" ] ||
			complain "attached: $out"
		[[ ${line[1]} = *'negotiated_features '*FLUSH*VERSION_1* && -z ${line[2]} ]] || complain "attached: $out"
		expect 0 'vduse -j -d -s show pm0'
		printf 'vduse show\t%s' "$out" >&3
		expect 0 'vdpa -j dev show pm0'
		printf 'vdpa dev show\t%s' "$out" >&3
		# the disk's own driver lets go of it, and takes it again
		virtio=$(basename /sys/bus/vdpa/devices/pm0/virtio*)
		echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/unbind
		seen /tmp/m 'leave\] pm0'
		echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/bind
		seen /tmp/m 'arrive\] pm0'
		disk2=$(disk_of pm0)
		need 0 'vdpa dev del pm0'
		storage_ends pm0
		seen /tmp/m 'destroy\] pm0'
		cat >/tmp/want <<-END
			[vduse,create] mark
			[vduse,create] pm0
			[vduse,open] pm0 pid $storage_pid command qemu-storage-daemon
			[vdpa,add] pm0
			[vdpa,bind] pm0 driver virtio_vdpa blockdev $disk
			[vdpa,leave] pm0 blockdev $disk
			[vdpa,arrive] pm0 blockdev $disk2
			[vdpa,unbind] pm0
			[vdpa,del] pm0
			[vduse,close] pm0 pid $storage_pid command qemu-storage-daemon
			[vduse,destroy] pm0
		END
		diff /tmp/want /tmp/m >&2 || complain 'the events are others'
		kill $text $json
		ended 0 $text
		ended 0 $json
		cat /tmp/j
		device destroy mark
		nothing_left
		rm -f "$T".*
	SCRIPT
	head -n 2 "$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/answers"
	tail -n +3 "$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/events"
	run -0 jq -e '.vduse.pm0 | keys == ["attached", "blockdev", "bounce_size", "driver", "msg_timeout",
		"negotiated_features", "process", "rdev", "served", "type", "vqs"]' <<<"$(sed -n $'s/^vduse show\t//p' "$BATS_TEST_TMPDIR/answers")"
	# what schema.bats, which has no disk, leaves out
	"$testsuite/check-answers" --unseen '^(?!(vduse|vdpa dev) show: .*/blockdev$)' \
		"$testsuite/../schema" "$BATS_TEST_TMPDIR/answers"
	"$testsuite/check-schema" --all '^(?!.*blockdev|vdpa,(bind|arrive|leave) rdev)' \
		"$testsuite/../schema/vduse-monitor.json" "$BATS_TEST_TMPDIR/events"
}

@test "peers: a disk changes hands between virtio_vdpa and vhost_vdpa with what is on it; in use it is not taken away" {
	in_guest <<-'SCRIPT'
		truncate -s 32M "$T.disk"
		storage pb0 "$T.disk"
		need 0 'vdpa dev add name pb0 mgmtdev vduse driver vhost_vdpa'
		expect 0 'vduse -j show pb0' '"driver":"vhost_vdpa","chardev":"/dev/vhost-vdpa-[0-9]+"'
		[[ $out != *'"type"'* ]] || complain "its type is guessed: $out"
		node=$(node_of pb0)
		eval "exec 9<>$node" || complain "cannot open $node"
		for line in 'dev bind pb0 driver virtio_vdpa' 'dev unbind pb0' 'dev del pb0'; do
			expect 5 "vdpa -T 60 $line" "process $$ .*has $node open"
		done
		exec 9>&-
		for round in 1 2 3; do
			need 0 'vdpa dev bind pb0 driver virtio_vdpa'
			disk=/dev/$(disk_of pb0) || broken "no disk in round $round"
			[ "$(vdpa -j dev show)" = "$(vdpa -j dev show pb0)" ] ||
				complain "a listing of all: $(vdpa -j dev show), of it: $(vdpa -j dev show pb0)"
			random_file "$T.data" $((1 << 20))
			dd if="$T.data" of="$disk" bs=1M seek=$round oflag=direct 2>/dev/null || complain "write, round $round"
			need 0 'vdpa dev bind pb0 driver vhost_vdpa'
			dd if="$T.disk" of="$T.read" bs=1M skip=$round count=1 2>/dev/null
			same "round $round" "$T.data" "$T.read"
		done
		need 0 'vdpa dev bind pb0 driver virtio_vdpa'

		# a file system, checked by its contents after a rebind
		disk=$(disk_of pb0)
		(peer mke2fs -q -t ext4 "/dev/$disk") || complain 'mke2fs'
		mount "/dev/$disk" /mnt || broken 'cannot mount'
		cp -r /usr/lib/modprobe.d /bin/bash /mnt/
		random_file /mnt/random $((3 << 20))
		sum=$(cd /mnt && find . -type f -exec sha256sum {} + | sort)
		# the kernel would do each of these at once, and lose what is not yet written
		for line in 'dev bind pb0 driver vhost_vdpa' 'dev unbind pb0' 'dev del pb0'; do
			expect 5 "vdpa -T 60 $line" "disk $disk is in use, mounted at /mnt.*umount"
			json_mode=1 expect 5 "vdpa -j -T 60 $line" '"status":5,"errno":"EBUSY".*/mnt'
		done
		# elsewhere it is in use as well, whoever has it mounted
		unshare -m bash -c 'umount /mnt && vdpa dev del pb0' 2>"$T.elsewhere"
		[ $? = 5 ] && [[ $(<"$T.elsewhere") = *"$disk is in use"* ]] || complain "out of sight: $(<"$T.elsewhere")"
		echo more >/mnt/more || complain 'the file system is gone'
		umount /mnt || complain 'cannot unmount'
		need 0 'vdpa dev bind pb0 driver vhost_vdpa'
		need 0 'vdpa dev bind pb0 driver virtio_vdpa'
		disk=$(disk_of pb0)
		mount -o ro "/dev/$disk" /mnt || broken 'cannot mount it again'
		rest=$(cd /mnt && find . -type f ! -name more -exec sha256sum {} + | sort)
		[ "$rest" = "$sum" ] && [ "$(cat /mnt/more)" = more ] || complain 'files have changed'
		umount /mnt
		# swap space
		mkswap "/dev/$disk" >/dev/null && swapon "/dev/$disk" || complain 'no swap space'
		expect 5 'vdpa dev unbind pb0' "disk $disk is in use.*swap"
		swapoff "/dev/$disk"
		need 0 'vdpa dev unbind pb0'
		need 0 'vdpa dev del pb0'
		storage_ends pb0
		nothing_left
		rm -f "$T".*
	SCRIPT
}

@test "peers: the daemon of a disk ends first: del ends by itself, late or refused, and says the way out, which works" {
	in_guest <<-'SCRIPT'
		size=$((8 << 20))
		truncate -s $size "$T.disk"
		gone() { ! kill -0 $storage_pid 2>/dev/null; }
		# no request is on its way: it takes the kernel one msg_timeout, 30 s here
		storage pw0 "$T.disk"
		device attach pw0
		kill $storage_pid
		wait_until 5 gone || complain 'the daemon does not end'
		expect 0 'vduse -j show pw0' '"served":false,"attached":true'
		expect 5 'vduse destroy pw0' 'vdpa dev del pw0'
		expect 1 'vdpa dev bind pw0 driver vhost_vdpa' 'no process serves'
		expect 6 'vdpa -T 1 dev del pw0' 'no process serves the VDUSE device pw0.*start.*again'
		[[ $err != *loopback* ]] || complain "it names our device as the way out for a disk: $err"
		in_time 25 '-T 1'
		expect 5 'vduse destroy pw0' 'pw0.*(deletion|del).*msg_timeout'
		# the way out: then it is deleted, without waiting for that time
		storage pw0 "$T.disk"
		wait_until 5 eval 'vdpa -T 20 dev show >/dev/null 2>&1' || complain 'the family does not answer'
		attached pw0 && complain 'still attached'
		storage_ends pw0
		# killed, and a short msg_timeout
		storage pw1 "$T.disk"
		device attach pw1
		echo 1 >/sys/class/vduse/pw1/msg_timeout
		kill -KILL $storage_pid
		wait_until 5 gone
		expect 0 'vdpa -T 300 dev del pw1'
		in_time 60 'the del'
		expect 0 'vduse destroy pw1'
		rm -f /tmp/vduse-blk-pw1

		# With requests on their way the kernel would wait until they are answered, for
		# ever, whatever msg_timeout is, and all vdpa commands with it.
		storage pw2 "$T.disk"
		device attach pw2
		disk=$(disk_of pw2)
		random_file "$T.data" $size
		echo 1 >/sys/class/vduse/pw2/msg_timeout
		kill -STOP $storage_pid
		dd if="$T.data" of="/dev/$disk" bs=64k oflag=direct 2>/dev/null &
		writer=$!
		in_flight() { [[ $(read_value "/sys/block/$disk/inflight") =~ [1-9] ]]; }
		wait_until 5 in_flight || complain 'no request is on its way'
		kill -KILL $storage_pid
		wait_until 5 gone
		for line in 'dev del pw2' 'dev unbind pw2'; do
			expect 5 "vdpa -T 60 $line" "$disk.*requests.*no process.*start.*again"
		done
		expect 0 'vdpa -T 60 dev show pw2' "blockdev $disk"
		kill -0 $writer || complain 'the write ended without a server'
		storage pw2 "$T.disk"
		wait_until 20 eval '! kill -0 $writer 2>/dev/null' || complain 'the write does not go on'
		wait $writer || complain 'the write failed'
		same 'what was written under a crash' "$T.data" "$T.disk"
		need 0 'vdpa dev del pw2'
		storage_ends pw2
		nothing_left
		rm -f "$T".*
	SCRIPT
}

@test "peers: down and up leave a disk that another program serves alone, and one that is mounted, and what is on it stays" {
	in_guest <<-'SCRIPT'
		truncate -s 32M "$T.disk"
		storage pu0 "$T.disk"
		gone() { ! kill -0 $storage_pid 2>/dev/null; }
		# refused HINT: neither is done, and nothing has changed
		refused()
		{
			local verb before

			before=$(vduse -j show pu0)
			for verb in down up; do
				expect 5 "vduse -T 60 $verb pu0"
			done
			expect 5 'vduse -T 60 down pu0' "process $storage_pid \(qemu-storage-daemon\) serves it, which is none of ours; $1"
			[ "$(vduse -j show pu0)" = "$before" ] || complain "a refusal changed it: $(vduse -j show pu0), before: $before"
		}
		refused 'end that process in its own way'
		device attach pu0 driver vhost_vdpa
		refused 'first \"vdpa dev del pu0\", then end that process'
		need 0 'vdpa dev bind pu0 driver virtio_vdpa'
		disk=$(disk_of pu0)
		refused 'first \"vdpa dev del pu0\"'
		(peer mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "/dev/$disk") || complain 'mke2fs'
		mount -o noinit_itable,noatime "/dev/$disk" /mnt || broken 'cannot mount'
		random_file /mnt/random $((5 << 20))
		cp /bin/bash /mnt/
		sums() { (cd /mnt && sha256sum random bash); }
		sum=$(sums)
		refused 'first \"vdpa dev del pu0\"'
		expect 5 'vdpa -T 60 dev del pu0' 'mounted at /mnt.*umount'
		# its daemon is killed, and it is mounted: the kernel would wait
		sync
		kill -KILL $storage_pid
		wait_until 5 gone
		expect 5 'vduse -T 60 down pu0' "disk $disk is in use, mounted at /mnt, and no process serves it.*start its device process again"
		[ "$(disk_of pu0)" = "$disk" ] || broken 'a refused down did something'
		[ "$(read_value /sys/class/vduse/pu0/msg_timeout)" = 30 ] || complain 'a refused down changed msg_timeout'
		# the way out that it says: all is there, and goes on
		storage pu0 "$T.disk"
		echo 3 >/proc/sys/vm/drop_caches
		[ "$(sums)" = "$sum" ] || complain 'files have changed'
		echo more >/mnt/more || complain 'the file system is gone'
		umount /mnt || complain 'cannot unmount'
		# killed, and nobody uses it: that is what a crash leaves behind
		kill -KILL $storage_pid
		wait_until 5 gone
		expect 0w 'vduse -T 300 down pu0' ': there was no record of it; no process served it.$'
		in_time 25 'down'
		nothing_left pu0
		rm -f /tmp/vduse-blk-pu0
		# what was on it is on it
		storage pu0 "$T.disk"
		device attach pu0
		mount -o ro "/dev/$(disk_of pu0)" /mnt || broken 'cannot mount it again'
		[ "$(sums)" = "$sum" ] && [ "$(cat /mnt/more)" = more ] || complain 'files have changed'
		umount /mnt
		device detach pu0
		storage_ends pu0
		expect 0w 'vduse down pu0' 'nothing'
		nothing_left
		rm -f "$T".*
	SCRIPT
}

@test "peers: dpdk-testpmd drives our device: what it sends comes back, counted by itself, also after one that was killed" {
	in_guest <<-'SCRIPT'
		device create pt0
		device serve pt0
		device attach pt0 driver vhost_vdpa
		node=$(node_of pt0) server=$(server_of pt0)
		testpmd_start "$node"
		expect 0 'vdpa dev config show pt0' 'negotiated_features .*VERSION_1.*ACCESS_PLATFORM'
		# a burst of 32 frames that goes round
		testpmd 'start tx_first' 'TX RS bit'
		port_counters
		forwarded $((rx + 1000))
		[ $tx -ge $rx ] && [ $((tx - rx)) -le 32 ] || complain "sent $tx, received $rx: more are missing than were on their way"
		for line in 'dev unbind pt0' 'dev bind pt0 driver virtio_vdpa' 'dev del pt0'; do
			expect 5 "vdpa -T 60 $line" "process $testpmd_pid \(dpdk-testpmd\) has $node open"
		done
		kill -KILL $testpmd_pid
		wait $testpmd_pid 2>/dev/null
		exec {orders}>&-
		# the device has let go of its memory, and serves whoever comes next
		unmapped() { [ "$(maps_of "$server" 'rtemap\|memfd:')" = 0 ]; }
		wait_until 3 unmapped || complain 'memory of a killed driver is still mapped'
		carries vhost_driver "$node" sizes 60-1514:101
		testpmd_start "$node"
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
		[ "$(server_of pt0)" = "$server" ] || complain 'another process serves it'
		unmapped || complain 'memory of a driver that has left is still mapped'
		need 0 'vdpa dev bind pt0 driver virtio_vdpa'
		interface=$(interface_of pt0)
		raise "$interface"
		carries frames "$interface"
		undo pt0
		nothing_left
		rm -f "$T".*
	SCRIPT
}

@test "peers: iPXE under QEMU, a driver of few features, has its frames returned, by its own count and in its rings" {
	in_guest <<-'SCRIPT'
		device create pi0
		device serve pi0
		device attach pi0 driver vhost_vdpa
		node=$(node_of pi0) server=$(server_of pi0)
		ipxe_start "$node"
		ipxe_shows 'ifopen net0' 'iPXE> $'
		monitor 'info virtio-status /machine/peripheral/nic/virtio-backend'
		[[ $answer = *'vhost_started: '*true*DRIVER_OK* ]] || complain "its driver is not ready: $answer"
		expect 0 'vdpa dev config show pi0' 'negotiated_features [^\n]*VERSION_1 ACCESS_PLATFORM'
		[[ ${out%%dev_features*} != *@(MRG_RXBUF|EVENT_IDX|INDIRECT)* ]] ||
			complain "this is not the driver of few features that this test is about: $out"
		expect 5 'vdpa dev del pi0' "process $ipxe_pid \(qemu-system-x86_64\) has $node open"
		# questions for an address, at 1, 2, 4 ... s, and nobody answers
		ipxe 'dhcp net0'
		looped() { used_index 1; sent=$index; used_index 0; received=$index; [ $received -ge $1 ] && [ $received = $sent ]; }
		wait_until 15 looped 1 || complain "its rings: $sent sent, $received received"
		wait_until 15 looped $((received + 2)) || complain "its rings, later: $sent sent, $received received"
		before=$received
		printf '\003' >&$keys
		ipxe_shows ifstat 'TX:[0-9]+ TXE:[0-9]+ RX:[0-9]+ .*iPXE> $'
		[[ $shown =~ TX:([0-9]+)\ TXE:([0-9]+)\ RX:([0-9]+) ]]
		[ ${BASH_REMATCH[1]} = ${BASH_REMATCH[3]} ] && [ ${BASH_REMATCH[2]} = 0 ] && [ ${BASH_REMATCH[1]} -ge $before ] ||
			complain "iPXE counts $shown; its rings were at $before"
		# its machine is gone in a moment, and another driver has the device
		ipxe_ends KILL
		unmapped() { [ "$(maps_of "$server" memfd:)" = 0 ]; }
		wait_until 3 unmapped || complain 'memory of the machine that was killed is still mapped'
		carries vhost_driver "$node" sizes 60-1514:101
		undo pi0
		nothing_left
		rm -f "$T".*
	SCRIPT
}
