# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the commands print with -j, beside the schemas: each command, each key, in each state
# that a device has, as the real kernel makes it. Those of vduse monitor are in
# monitor-schema.bats.

load common
load device
load module

@test "schemas: each verb of the tables has one, and each is a schema of draft 2020-12" {
	local program
	for program in vdpa vduse; do
		"$VT_BUILD/completions/tables" verbs $program | cut -f1
	done | sort >"$BATS_TEST_TMPDIR/verbs"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/verbs")" -ge 18 ]
	jq -r 'keys[] | select(test("^(batch|error|warning|vduse stats interval)$") | not)' \
		"$testsuite/../schema/index.json" | sort | diff "$BATS_TEST_TMPDIR/verbs" -
	"$testsuite/check-answers" "$testsuite/../schema"
}

@test "schemas: vduse-json(5) and vduse-monitor(8) tell of each key" {
	local key
	mandoc -Tascii "$testsuite"/../man/man5/vduse-json.5 "$testsuite"/../man/man8/vduse-monitor.8 |
		sed 's/.\x08//g' >"$BATS_TEST_TMPDIR/pages"
	jq -r '[.. | objects | .properties? // empty | keys[]] | .[]' "$testsuite"/../schema/*.json |
		sed 's/ $//' | sort -u >"$BATS_TEST_TMPDIR/keys"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/keys")" -ge 100 ]
	while read -r key; do
		grep -qw -- "$key" "$BATS_TEST_TMPDIR/pages" || echo "$key"
	done <"$BATS_TEST_TMPDIR/keys" >"$BATS_TEST_TMPDIR/missing"
	diff /dev/null "$BATS_TEST_TMPDIR/missing"
}

# For scripts: answer STATUS WHAT LINE runs LINE, and prints what check-answers reads.
answer()
{
	run_line "$3"
	[ "$status" = "$1" ] || complain "$3: status $status, expected $1: $err"
	printf '%s\t%s\n' "$2" "${out//$'\n'/}"
	said "$err"
}

# said TEXT: what a command said on standard error, each line as what it is.
said()
{
	local line

	while IFS= read -r line; do
		case $line in
		'{"error"'*) printf 'error\t%s\n' "$line" ;;
		'{"warning"'*) printf 'warning\t%s\n' "$line" ;;
		'{"stats"'*) printf 'vduse stats\t%s\n' "$line" ;;
		?*) complain "standard error has: $line" ;;
		esac
	done <<<"$1"
}

guest_functions+=(answer said)

@test "schemas: what the real kernel's devices make the commands print is as they say, key by key" {
	# autoprobe is off here: no bus driver takes a device by itself
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/answers"
		trap 'autoprobe 1; rm -f /tmp/js*' EXIT
		answer 0 'vduse create' 'vduse -j create js0'
		answer 0 'vduse create' 'vduse -j create js1 type block size 8192'
		answer 5 'vduse create' 'vduse -j create js0'
		answer 0 'vduse show' 'vduse -j -d show'
		answer 0 'vduse loopback' 'vduse -j loopback js0 pcap /tmp/js.pcapng background'
		answer 0 'vdpa dev add' 'vdpa -j dev add name js0 mgmtdev vduse'
		answer 0 'vdpa dev bind' 'vdpa -j dev bind js0 driver virtio_vdpa'
		interface=$(interface_of js0)
		ip link set "$interface" up
		wait_until 10 eval '[ "$(<"/sys/class/net/$interface/operstate")" = up ]'
		answer 0 'vduse show' 'vduse -j -d -s show js0'
		answer 0 'vduse stats' 'vduse -j stats'
		answer 0 'vdpa dev show' 'vdpa -j -d dev show'
		answer 0 'vdpa dev config show' 'vdpa -j dev config show js0'
		answer 0 'vduse set' 'vduse -j set js0 link down'
		vduse -j stats js0 interval 1 >/tmp/js.interval & stats=$!
		ip netns add js
		ip link set "$interface" netns js
		answer 0 'vdpa dev show' 'vdpa -j -d dev show js0'
		ip -n js link set "$interface" netns 1
		ip netns del js
		wait_until 20 eval '[ "$(wc -l </tmp/js.interval)" -ge 2 ]' || complain 'no interval is over'
		kill -INT $stats
		wait $stats
		sed 's/^/vduse stats interval\t/' /tmp/js.interval
		answer 0 'vdpa dev bind' 'vdpa -j dev bind js0 driver vhost_vdpa'
		answer 0 'vdpa dev show' 'vdpa -j dev show js0'
		answer 0 'vduse show' 'vduse -j show'
		answer 0 'vdpa dev cdi' 'vdpa -j dev cdi js0'
		answer 0 'vdpa dev cdi' 'vdpa dev cdi js0'
		answer 0 'vdpa dev unbind' 'vdpa -j dev unbind js0'
		answer 0 'vdpa dev del' 'vdpa -j dev del js0'
		device stop js0
		# in the foreground it tells what it counted, on a signal
		vduse -j loopback js0 >/tmp/js.out 2>/tmp/js.err & server=$!
		wait_until 20 grep -q start /tmp/js.out || complain 'it does not begin'
		kill -USR1 $server
		wait_until 20 grep -q stats /tmp/js.err || complain 'it does not tell what it counted'
		kill $server
		wait $server
		sed 's/^/vduse loopback\t/' /tmp/js.out
		said "$(</tmp/js.err)"
		answer 0 'vduse destroy' 'vduse -j destroy js0'
		answer 0 'vduse destroy' 'vduse -j destroy js1'
		answer 0 'vduse show' 'vduse -j show'
		answer 3 'vduse show' 'vduse -j show js0'
		answer 3 'vduse stats' 'vduse -j stats js0'
		answer 2 'vdpa dev bind' 'vdpa -j dev bind js0'
		answer 0 'vduse up' 'vduse -j up js0 peer js1'
		answer 0 'vduse up' 'vduse -j up js2 driver vhost_vdpa'
		answer 5 'vduse up' 'vduse -j up js2 mtu 1400 driver vhost_vdpa'
		answer 2 'vduse apply' "vduse -j apply - <<<'{\"version\":1}'"
		answer 5 'vduse apply' "vduse -j apply - --dry-run <<<'{\"version\":1,\"devices\":[{\"name\":\"js0\"},{\"name\":\"js2\",\"peer\":{\"name\":\"js3\"}}]}'"
		answer 0 'vduse down' 'vduse -j down js0'
		answer 0 'vduse down' 'vduse -j down js2'
		# devices of other kinds
		answer 0 'vdpa mgmtdev show' 'vdpa -j mgmtdev show'
		answer 0 'vdpa dev add' 'vdpa -j dev add name v0 mgmtdev platform/test_net.0 max_vqp 2'
		answer 0 'vdpa dev add' 'vdpa -j dev add name v1 mgmtdev test_block'
		answer 0 'vdpa dev add' 'vdpa -j dev add name v2 mgmtdev test_odd'
		answer 0 'vdpa dev add' 'vdpa -j dev add name v3 mgmtdev test_net driver virtio_vdpa'
		answer 0 'vdpa dev set' 'vdpa -j dev set name v3 mac 52:54:00:12:34:56'
		answer 0 'vdpa dev show' 'vdpa -j -d dev show'
		answer 0 'vdpa dev config show' 'vdpa -j dev config show'
		answer 0 'vdpa dev vstats show' 'vdpa -j dev vstats show v3 qidx 0'
		answer 1 'vdpa dev vstats show' 'vdpa -j dev vstats show v3 qidx 9'
		printf '%s\n' 'dev del v0' 'dev add name v0 mgmtdev test_net' 'dev show v0' 'dev del v0' 'dev del v0' >/tmp/js.batch
		answer 3 batch 'vdpa -j -f -b /tmp/js.batch'
		for name in v1 v2 v3; do
			answer 0 'vdpa dev del' "vdpa -j dev del $name"
		done
		rm -f /tmp/js*
	SCRIPT
	# disks are in peers.bats; the others are rare, and have tests of their own
	"$testsuite/check-answers" --unseen '^vduse monitor|/(blockdev|dropped/.*|virtqueues/\[\]/error)$|^(batch|warning): .*warnings?/.*(errno|hint|status)$' \
		"$testsuite/../schema" "$BATS_TEST_TMPDIR/answers"
	# the check itself: one key more, one of another type, one less
	local wrong
	for wrong in 's/"vqs":2,/&"vq":2,/' 's/"attached":true/"attached":1/' 's/"command":"[^"]*",//' 's/"attached":[a-z]*,//'; do
		sed "$wrong" "$BATS_TEST_TMPDIR/answers" >"$BATS_TEST_TMPDIR/wrong"
		run -1 "$testsuite/check-answers" --unseen . "$testsuite/../schema" "$BATS_TEST_TMPDIR/wrong"
	done
}
