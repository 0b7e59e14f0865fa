# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test bed itself: what goes into the guest and comes out of it, and that a
# test is held to account for the kernel's log and for what it leaves behind.

load common

# soon COMMAND...: it succeeds at some time within a minute.
soon()
{
	local tries

	for ((tries = 0; tries < 300; tries++)); do
		! "$@" || return 0
		sleep 0.2
	done
	return 1
}

# gone PATTERN: no process has such a command line; the guest answers.
gone()
{
	guest sh -c '! pgrep -f "$1" && true' sh "$1"
}

@test "bed: arguments arrive as they are" {
	words=('' 'a b' "it's" '"' '$HOME `id` \' '*' $'two\nlines' $'\xff\xfe\x01' -- -x)
	guest printf '<%s>' "${words[@]}" >"$BATS_TEST_TMPDIR/there"
	printf '<%s>' "${words[@]}" | cmp - "$BATS_TEST_TMPDIR/there"
}

@test "bed: standard output and error come back apart" {
	guest_sh 'echo out; echo err >&2' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = out ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
}

@test "bed: every exit status passes, a signal is 128 + n" {
	for status in 0 1 2 77 124 125 126 127 128 137 255; do
		run "-$status" guest sh -c "exit $status"
	done
	run -143 guest sh -c 'kill -TERM $$'
	run -137 guest sh -c 'kill -KILL $$'
	run -127 guest no-such-command
	run -126 guest /etc/passwd
}

@test "bed: standard input goes in whole, whatever its bytes, and comes back" {
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
	guest_in cat <"$BATS_TEST_TMPDIR/bytes" | cmp - "$BATS_TEST_TMPDIR/bytes"
	# a command that does not read all of it
	[ "$(guest_in head -c 5 <<<"12345678" )" = 12345 ]
	# and one that reads none
	head -c 1000000 /dev/zero | guest_in true
	# none at all
	run -0 guest cat
	assert_output ""
}

@test "bed: what stays in the background does not hold the command up" {
	leftovers='^\+ process .* sleep$'
	start=$SECONDS
	run -0 guest sh -c 'sleep 1000 & echo started'
	assert_output started
	[ $((SECONDS - start)) -lt 500 ]
	guest pkill -x sleep
}

@test "bed: a command dies with its client, and at its deadline" {
	"$VM_DIR/exec" "$VM_DIR" -- sleep 1001 </dev/null &
	client=$!
	soon guest pgrep -f 'sleep 100[1]'
	kill -KILL $client
	wait $client || true
	soon gone 'sleep 100[1]'
	run -124 "$VM_DIR/exec" --timeout 0.5 --report "$BATS_TEST_TMPDIR/report" "$VM_DIR" -- \
		sh -c 'sleep 1002 & sleep 1003' </dev/null
	[ "$(cat "$BATS_TEST_TMPDIR/report")" = timeout ]
	soon gone 'sleep 100[23]'
}

@test "bed: twelve at once, of which none is mistaken for another" {
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		head -c 100000 /dev/zero | tr '\0' '\377' |
			guest_in sh -c "cat >/dev/null; echo $i" >"$BATS_TEST_TMPDIR/answer$i" &
	done
	wait
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		[ "$(cat "$BATS_TEST_TMPDIR/answer$i")" = $i ]
	done
}

@test "bed: a flood that nobody reads any more does not stop the next command" {
	guest yes 2>/dev/null | head -c 1000 >/dev/null || true
	run -0 guest echo still here
	assert_output "still here"
}

@test "bed: the modules are there, the disk of the tools and the stock vdpa, too" {
	guest test -c /dev/vduse/control
	guest sh -c 'for m in vduse virtio_vdpa vhost_vdpa; do test -d /sys/module/$m || exit 1; done'
	guest modprobe -n -a veth tun pktgen bridge dummy null_blk
	guest test -c /dev/net/tun
	guest test -x /sbin/vdpa
}

@test "bed: what the kernel says in earnest is noticed, and what programs say is not" {
	mkdir "$BATS_TEST_TMPDIR/log"
	log=$BATS_TEST_TMPDIR/log/console
	while IFS= read -r line; do
		printf '%s\r\n' "$line" >"$log"
		complaints "$BATS_TEST_TMPDIR/log" >/dev/null || fail "not noticed: $line"
	done <<-'END'
		[   12.345678] WARNING: CPU: 0 PID: 71 at net/core/dev.c:1234 foo+0x1/0x2
		[   12.345678] BUG: kernel NULL pointer dereference, address: 0000000000000000
		[   12.345678] kernel BUG at drivers/net/virtio_net.c:5000!
		[   12.345678] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI
		[   12.345678] Oops: general protection fault, probably for non-canonical address
		[   12.345678] INFO: task vdpa:123 blocked for more than 120 seconds.
		[   12.345678] rcu: INFO: rcu_preempt self-detected stall on CPU
		[   12.345678] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!
		[   12.345678] Kernel panic - not syncing: Fatal exception
		[   12.345678] refcount_t: underflow; use-after-free.
		[  112.345678] unregister_netdevice: waiting for eth0 to become free. Usage count = 2
	END
	while IFS= read -r line; do
		printf '%s\r\n' "$line" >"$log"
		! complaints "$BATS_TEST_TMPDIR/log" || fail "no complaint: $line"
	done <<-'END'
		WARNING: printed by a program
		[   12.345678] virtio_net virtio3 eth0: NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out 5120 ms
		[   12.345678] mtrr: your CPUs had inconsistent fixed MTRR settings
		[   12.345678] vduse: Timeout on message
	END
	# and so it is on the real console
	before=$(kernel_log "$VM_DIR" | wc -l)
	guest sh -c 'echo "<4>WARNING: from a test of the test bed" >/dev/kmsg'
	complaints "$VM_DIR" "$before"
	log_lines=$(kernel_log "$VM_DIR" | wc -l)
}

@test "bed: leftovers are told and removed, modules brought back" {
	guest_sh '
		ip link add left0 type dummy
		ip netns add left1
		mkdir -p /run/vduse && touch /run/vduse/left2
		sleep 1004 >/dev/null 2>&1 &
		rmmod vhost_vdpa'
	leftover_tries=8 BATS_TEST_COMPLETED=1 run -1 check_leftovers
	assert_line '+ interface left0'
	assert_line '+ netns left1'
	assert_line '+ record left2'
	assert_line --regexp '^\+ process [0-9]+ sleep$'
	assert_line '- module vhost_vdpa'
	run -0 differences
	assert_output ""
	[ ! -e "$VM_DIR/broken" ]
}
