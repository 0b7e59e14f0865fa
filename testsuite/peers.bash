# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For tests in which programs of others meet ours: a disk that qemu-storage-daemon
# serves, and DPDK's testpmd and QEMU with iPXE as drivers of our device. The
# programs come in an image (vm/peers), which is brought into the guest when a test
# wants it, and mounted at /peers. On the host's own kernel they are the host's.

# bring_peers: sees to it that the programs are there; called by setup, because a
# test before may have cost the guest.
bring_peers()
{
	local image

	if [ -e "$VM_DIR/host" ]; then
		guest_sh 'for program; do command -v "$program" >/dev/null || { echo "$program"; exit 1; }; done' \
			qemu-storage-daemon qemu-system-x86_64 dpdk-testpmd mke2fs >"$VM_DIR/lacks" ||
			skip "this machine has no $(cat "$VM_DIR/lacks")"
		return
	fi
	guest test -d /peers/bin && return
	# shellcheck disable=SC2154 # common.bash knows it
	image=$("$testsuite/vm/peers" 2>&3) || fail 'the programs that ours are to meet cannot be had, see above'
	guest_in bash -c 'modprobe loop && mkdir -p /peers && cat >/tmp/peers.squashfs &&
		mount -t squashfs -o ro,loop /tmp/peers.squashfs /peers' <"$image" ||
		fail 'the image of the programs that ours are to meet cannot be mounted in the guest'
}

# send_peers_back: the memory that they take is of use to others.
send_peers_back()
{
	[ -e "$VM_DIR/host" ] || guest sh -c '! [ -d /peers/bin ] || { umount /peers && rm -f /tmp/peers.squashfs; }'
}

guest_functions+=(peer storage storage_ends disk_of random_file same
	testpmd_start testpmd port_counters forwarded testpmd_ends
	ipxe_start ipxe ipxe_shows ipxe_says monitor used_index ipxe_ends)

# -- inside the guest -------------------------------------------------------------

# peer PROGRAM [WORD]...: become this program. In the background, or in parentheses.
peer()
{
	[ ! -d /peers/bin ] ||
		export PATH=/peers/bin:$PATH LD_LIBRARY_PATH=/peers/lib QEMU_MODULE_DIR=/peers/qemu
	exec "$@"
}

# storage NAME FILE [WORDS]: a disk NAME, of FILE, served by a qemu-storage-daemon
# whose process is in `storage_pid`. WORDS go on with the export's, "num-queues=2";
# writable=on unless they say otherwise.
storage()
{
	local name=$1 file=$2 words=${3:-writable=on}

	rm -f "$T.pid"
	# it returns when the disk is served, and its virtqueues are set up
	(peer qemu-storage-daemon --daemonize --pidfile "$T.pid" \
		--blockdev "driver=file,node-name=d0,filename=$file,discard=unmap" \
		--export "type=vduse-blk,id=e0,node-name=d0,name=$name,$words") >"$T.storage" 2>&1 ||
		broken "no qemu-storage-daemon: $(cat "$T.storage")"
	storage_pid=$(cat "$T.pid")
}

# storage_ends NAME: on SIGTERM, and takes its VDUSE device with it.
storage_ends()
{
	kill "$storage_pid"
	wait_until 5 eval '! kill -0 '"$storage_pid"' 2>/dev/null' ||
		complain "process $storage_pid does not end on SIGTERM"
	[ ! -e "/dev/vduse/$1" ] || complain "the end of its process left $1"
}

# disk_of NAME: its disk, "vdb".
disk_of()
{
	local path

	for path in "/sys/bus/vdpa/devices/$1"/virtio*/block/*; do
		[ -e "$path" ] && echo "${path##*/}" && return
	done
	return 1
}

# random_file FILE BYTES
random_file()
{
	head -c "$2" /dev/urandom >"$1"
}

# same WHAT FILE FILE
same()
{
	cmp "$2" "$3" >"$T.cmp" 2>&1 || complain "$1: $(cat "$T.cmp")"
}

# testpmd_start NODE [WORDS]: DPDK's testpmd drives what is behind NODE, by orders that it
# is given; its process is in `testpmd_pid`. WORDS go to its driver, "packed_vq=1".
testpmd_start()
{
	local words=() library

	# where DPDK is installed it finds its drivers by itself
	for library in /peers/lib/librte_{mempool_ring,bus_vdev,net_virtio}.so.*; do
		[ ! -e "$library" ] || words+=(-d "$library")
	done
	rm -f "$T.orders"
	mkfifo "$T.orders"
	exec {orders}<>"$T.orders"
	: >"$T.testpmd"
	peer stdbuf -oL dpdk-testpmd -l 0,1 --no-pci --no-telemetry -m 64 --no-huge "${words[@]}" \
		"--vdev=net_virtio_user0,path=$1,queues=1,queue_size=256${2:+,$2}" -- -i --total-num-mbufs=2048 \
		--disable-link-check --forward-mode=io <"$T.orders" >"$T.testpmd" 2>&1 &
	testpmd_pid=$!
	# it goes on, and later ends with 0, when it found no device
	wait_until 30 grep -q 'testpmd>' "$T.testpmd" && grep -q '^Port 0: ' "$T.testpmd" ||
		broken "dpdk-testpmd has no port: $(tail -n 20 "$T.testpmd")"
}

# testpmd ORDER REGEX: it obeys, and says something like that.
testpmd()
{
	local before regex=$2

	before=$(wc -l <"$T.testpmd")
	echo "$1" >&"$orders"
	wait_until 10 eval 'tail -n +$((before + 1)) "$T.testpmd" | grep -qE "$regex"' ||
		broken "dpdk-testpmd, told to $1, says: $(tail -n +$((before + 1)) "$T.testpmd")"
}

# port_counters: rx, tx, rx_bytes and tx_bytes of its port since it began, and that
# nothing was lost.
# shellcheck disable=SC2034 # the script has the use of them
port_counters()
{
	local said regex='RX-packets: *([0-9]+) *RX-missed: *([0-9]+) *RX-bytes: *([0-9]+)'

	regex+='.*RX-errors: *([0-9]+).*RX-nombuf: *([0-9]+).*TX-packets: *([0-9]+)'
	regex+=' *TX-errors: *([0-9]+) *TX-bytes: *([0-9]+)'
	testpmd 'show port stats 0' 'Tx-pps'
	said=$(<"$T.testpmd")
	said=${said##*NIC statistics}
	[[ $said =~ $regex ]] || broken "no counters: $said"
	rx=${BASH_REMATCH[1]} rx_bytes=${BASH_REMATCH[3]} tx=${BASH_REMATCH[6]} tx_bytes=${BASH_REMATCH[8]}
	[ "${BASH_REMATCH[2]}${BASH_REMATCH[4]}${BASH_REMATCH[5]}${BASH_REMATCH[7]}" = 0000 ] ||
		complain "frames were lost: $said"
}

# forwarded COUNT: wait until its port has received more than so many frames.
forwarded()
{
	local tries

	for ((tries = 0; tries < 600; tries++)); do
		port_counters
		[ "$rx" -le "$1" ] || return 0
		nap 0.2
	done
	complain "it received only $rx frames"
}

# testpmd_ends: told to.
testpmd_ends()
{
	testpmd quit 'Bye'
	wait "$testpmd_pid" || complain "dpdk-testpmd ended with status $?"
	exec {orders}>&-
}

# ipxe_start NODE: a machine of 64 MiB whose firmware, iPXE, drives what is behind
# NODE. Its process is in `ipxe_pid`; it is at its prompt.
ipxe_start()
{
	local words=() rom=pxe-virtio.rom

	[ ! -d /peers/qemu ] || words=(-L /peers/qemu) rom=/peers/qemu/$rom
	rm -f "$T.keys" "$T.monitor.in" "$T.monitor.out"
	mkfifo "$T.keys" "$T.monitor.in" "$T.monitor.out"
	exec {keys}<>"$T.keys" {asked}<>"$T.monitor.in" {answered}<>"$T.monitor.out"
	: >"$T.screen"
	peer qemu-system-x86_64 "${words[@]}" -nodefaults -no-user-config -display none -accel tcg \
		-M pc,graphics=off,memory-backend=ram -m 64 \
		-object memory-backend-memfd,id=ram,size=64M,share=on \
		-netdev "vhost-vdpa,id=net,vhostdev=$1" \
		-device "virtio-net-pci,id=nic,netdev=net,romfile=$rom,bootindex=0,disable-legacy=on,iommu_platform=on" \
		-serial stdio -chardev "pipe,id=qmp,path=$T.monitor" -mon chardev=qmp,mode=control \
		<"$T.keys" >"$T.screen" 2>"$T.qemu" &
	ipxe_pid=$!
	# one of the two moments in which it listens for this is missed easily
	wait_until 40 eval 'printf "\002" >&$keys; nap 0.2; grep -q "iPXE>" "$T.screen"' ||
		broken "no iPXE: $(cat "$T.qemu"; tail -n 10 "$T.screen")"
	printf '\r' >&"$keys"
	echo '{"execute":"qmp_capabilities"}' >&"$asked"
}

# ipxe LINE: type it.
ipxe()
{
	printf '%s\r' "$1" >&"$keys"
}

# ipxe_shows LINE REGEX: type it, and put what it says after that into `shown`, once
# that is like REGEX. Ends of lines are left out: iPXE also breaks its lines by them.
ipxe_shows()
{
	local before regex=$2

	shown=
	before=$(wc -c <"$T.screen")
	ipxe "$1"
	wait_until 10 ipxe_says "$before" "$1" || broken "iPXE, told to $1, shows: $shown"
}

# ipxe_says BYTE LINE: has it echoed the line after that byte of its screen, and said
# something like the caller's regex then?
ipxe_says()
{
	shown=$(tail -c +$(($1 + 1)) "$T.screen" | tr -d '\r\n')
	[[ $shown = *"$2"* ]] && shown=${shown#*"$2"} && [[ $shown =~ $regex ]]
}

# monitor COMMAND: what QEMU's monitor says to it, in `answer`.
monitor()
{
	printf '{"execute":"human-monitor-command","arguments":{"command-line":"%s"},"id":"%s"}\n' \
		"$1" "$1" >&"$asked"
	answer=
	until [[ $answer = *"\"id\": \"$1\""* ]]; do
		read -r -t 100 -u "$answered" answer || broken "QEMU's monitor does not answer to $1"
	done
}

# used_index QUEUE: the index that our device wrote into the used ring of the inner
# machine's memory, in `index`.
# shellcheck disable=SC2034 # the script has the use of it
used_index()
{
	local regex='used: *0x0*([0-9a-f]+)'

	monitor "info virtio-queue-status /machine/peripheral/nic/virtio-backend $1"
	[[ $answer =~ $regex ]] || broken "no used ring of queue $1: $answer"
	monitor "xp /2xh 0x${BASH_REMATCH[1]}"
	regex=': 0x000[01] 0x([0-9a-f]{4})'
	[[ $answer =~ $regex ]] || broken "no used index of queue $1: $answer"
	index=$((16#${BASH_REMATCH[1]}))
}

# ipxe_ends [SIGNAL]: its machine, on SIGTERM or as said.
ipxe_ends()
{
	kill -"${1:-TERM}" "$ipxe_pid"
	wait "$ipxe_pid" 2>/dev/null
	exec {keys}>&- {asked}>&- {answered}>&-
}
