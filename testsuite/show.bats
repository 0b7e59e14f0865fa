# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse show: what it tells of a device in each state, in text and JSON.

load common
load device

@test "show without devices: nothing in text, the empty container in JSON" {
	in_guest <<-'SCRIPT'
		for word in show list 'show -d' 'show -s'; do
			run_line "vduse $word"
			[ "$status$out$err" = 0 ] || complain "vduse $word: status $status, out: $out, err: $err"
			run_line "vduse -j $word"
			[ "$status$out$err" = $'0{"vduse":{}}\n' ] || complain "vduse -j $word: status $status, out: $out, err: $err"
		done
	SCRIPT
}

@test "show and list are one word: all devices, or the one that is named" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create s0
		device create s1 type block size 1048576
		device create s10
		expect 0 'vduse show' '^s0.*s1.*s10'
		all=$out
		[ "$(wc -l <<<"${all%$'\n'}")" = 3 ] || complain "not one line a device: $all"
		expect 0 'vduse list'
		[ "$out" = "$all" ] || complain "list: $out"
		for name in s0 s1 s10; do
			expect 0 "vduse show $name" "^${name}[: ]"
			[[ $'\n'$all = *$'\n'$out* ]] || complain "show $name is another line than in show: $out"
			[ "$(wc -l <<<"${out%$'\n'}")" = 1 ] || complain "show $name has more than $name: $out"
		done
		expect 0 'vduse -j show'
		printf %s "$out"
		expect 0 'vduse -j list s1'
		printf %s "$out"
		expect 3 'vduse show s2' s2
		for name in s0 s1 s10; do
			device destroy $name
		done
		nothing_left
	SCRIPT
	jq -es '(.[0].vduse | keys == ["s0", "s1", "s10"]) and .[0].vduse.s1 == .[1].vduse.s1 and
		(.[1].vduse | keys == ["s1"])' "$BATS_TEST_TMPDIR/json"
}

@test "show follows a device through its life: created, served, attached to either driver, and back" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/states"
		see()
		{
			expect 0 'vduse -j show l0'
			printf %s "$out"
			expect 0 'vduse show l0' "^l0.*$1"
			expect 0 'vduse -d show l0' '^l0'
			expect 0 'vduse -s show l0' '^l0'
		}
		device create l0
		see 'type net'
		device serve l0
		printf '%s\n' "$(server_of l0)"
		see "$(server_of l0)"
		device attach l0
		name=$(interface_of l0)
		printf '["%s",%s]\n' "$name" "$(read_value "/sys/class/net/$name/ifindex")"
		see "virtio_vdpa.*netdev $name"
		device detach l0
		see "$(server_of l0)"
		device attach l0 driver vhost_vdpa
		see 'vhost_vdpa.*chardev /dev/vhost-vdpa-'
		device detach l0
		device stop l0
		see 'type net'
		device destroy l0
		nothing_left
	SCRIPT
	local created='{"type":"net","vqs":2,"msg_timeout":30,"bounce_size":67108864,"served":false,"attached":false}'
	jq -es --argjson created "$created" '
		def process($pid): .process | .pid == $pid and (.command | test("vduse loopback")) and
			(keys - ["pid", "supervisor", "command"] == []);
		def without: del(.process, .broken, .driver, .netdev, .ifindex, .chardev, .rdev);
		(map(.vduse?.l0? // .)) as [$a, $pid, $b, $net, $c, $d, $e, $f] |
		if $a != $created then error("created: \($a)")
		elif ($b | without) != ($created + {served: true}) or ($b | process($pid) | not) or
			($b | has("driver") or has("netdev")) then error("served: \($b)")
		elif ($c | without) != ($created + {served: true, attached: true}) or $c.driver != "virtio_vdpa" or
			[$c.netdev, $c.ifindex] != $net or ($c | process($pid) | not) then error("attached: \($c)")
		elif $d != $b then error("detached: \($d)")
		elif ($e | without) != ($created + {served: true, attached: true}) or $e.driver != "vhost_vdpa" or
			($e.chardev | test("^/dev/vhost-vdpa-[0-9]+$") | not) or ($e.rdev | test("^[0-9]+:[0-9]+$") | not) or
			($e | has("netdev") or has("ifindex")) then error("vhost: \($e)")
		elif $f != $created then error("stopped: \($f)")
		else true end' "$BATS_TEST_TMPDIR/states"
}

@test "text says what JSON says: each value of the JSON is a word of the line" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/states"
		device create t0 msg_timeout 11
		device serve t0
		device attach t0
		expect 0 'vduse show t0'
		printf %s "$out"
		expect 0 'vduse -j show t0'
		printf %s "$out"
		undo t0
	SCRIPT
	{
		IFS= read -r text
		IFS= read -r json
	} <"$BATS_TEST_TMPDIR/states"
	jq -r '.vduse.t0 | del(.process.command, .ifindex) | .. | select(type == "string" or type == "number")' <<<"$json" |
		while read -r word; do
			[[ " $text " = *[\ /]"$word"[\ ,:]* ]] || { echo "text has no $word: $text"; false; }
		done
}

@test "what is not known is absent: no record, a record of another device, a corrupt one" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/states"
		see()
		{
			expect "${1-0}" 'vduse -j show k0'
			printf %s "$out"
		}
		device create k0 type block size 1048576
		set -- $(find /run/vduse -type f -name '*k0*')
		[ $# = 1 ] || broken "records of k0: $*"
		cp -p "$1" /tmp/record
		device destroy k0
		device create k0 type net
		see
		# the record of the device that had this name before
		cp -p /tmp/record "$1.old"
		cp -p "$1" /tmp/good
		cp -p /tmp/record "$1"
		rm "$1.old"
		see
		rm "$1"
		see
		# one that is there and of no use is told, too
		: >"$1"
		see 0w
		head -c 10 /tmp/good >"$1"
		see 0w
		head -c 4096 /dev/urandom >"$1"
		see 0w
		ln -sf /etc/passwd "$1"
		see 0w
		# without its record the device is not served, unless its type is said
		rm "$1"
		expect 1 'timeout 120 vduse loopback k0' 'type'
		device serve k0 type net
		device stop k0
		device destroy k0
		rm -f /tmp/record /tmp/good
		nothing_left
	SCRIPT
	jq -es '.[0].vduse.k0.type == "net" and
		(.[1:] | length == 6 and all(.vduse.k0 | (has("type") | not) and
		.vqs == 2 and .msg_timeout == 30 and .served == false))' "$BATS_TEST_TMPDIR/states" ||
		{ cat "$BATS_TEST_TMPDIR/states"; false; }
}

@test "cli-94 neither the locale nor the width of the terminal changes what is printed" {
	in_guest <<-'SCRIPT'
		device create loc0 mac 52:54:00:00:00:01
		for line in 'vduse -d show' 'vduse -j show loc0' 'vdpa mgmtdev show' 'vduse -h' 'vduse destroy none'; do
			run_line "$line"
			want=$out$err
			for environment in 'LC_ALL=tr_TR.UTF-8 COLUMNS=10' 'LC_ALL=C TERM=dumb' LC_NUMERIC=de_DE.UTF-8; do
				run_line "env $environment $line"
				[ "$out$err" = "$want" ] || complain "$environment $line: $out$err"
			done
			run_line "on_terminal sh -c 'stty cols 10 rows 3 && exec $line'"
			[ "$out$err" = "$want" ] || complain "on a terminal of 10 columns $line: $out$err"
		done
		# where nobody sets a locale it is C, also where the others are installed
		for program in vduse vdpa; do
			! grep -qE '(set|new|use)locale' "$(command -v $program)" || complain "$program sets a locale"
		done
		device destroy loc0
		nothing_left
	SCRIPT
}

@test "nl-83 a device that stays is in every dump, whatever comes and goes before and behind it" {
	in_guest <<-'SCRIPT'
		# in the order of the kernel's list, it stands between the two others
		for name in gone0 stays0 gone1; do
			device create $name
			device serve $name
		done
		device attach gone0
		device attach stays0
		(
			for i in 1 2 3; do
				vdpa dev add name gone1 mgmtdev vduse && vdpa dev del gone0 &&
					vdpa dev add name gone0 mgmtdev vduse && vdpa dev del gone1
			done
		) & changes=$!
		dumps=0
		while kill -0 $changes 2>/dev/null; do
			expect 0 'vdpa -j dev show' '"stays0":\{"type":"network"' || break
			expect 0 'vdpa -j dev config show' '"stays0":\{"mac"' || break
			dumps=$((dumps + 1))
		done
		wait $changes || complain 'add or del failed while show ran'
		[ $dumps -ge 1 ] || complain "no dump while they came and went"
		undo gone0 stays0
		device stop gone1
		device destroy gone1
		nothing_left
	SCRIPT
}

@test "cli-92 a device that comes or goes while show runs does not fail it" {
	in_guest <<-'SCRIPT'
		device create fix0
		device serve fix0
		(
			for i in 1 2 3 4 5 6; do
				vdpa dev add name fix0 mgmtdev vduse && vdpa dev del fix0
			done
		) &
		for i in 1 2 3 4 5 6 7 8 9 10; do
			expect 0 'vdpa -j dev show' '^\{"dev":\{'
			expect 0 'vdpa -j dev config show' '^\{"config":\{'
			expect 0 'vduse -j -d show' '^\{"vduse":\{"fix0"'
		done
		wait $! || complain 'add or del failed while show ran'
		device stop fix0
		device destroy fix0
		(
			for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
				vduse create flick0 && vduse destroy flick0
			done
		) &
		for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
			expect 0 'vduse -j show' '^\{"vduse":\{'
		done
		wait $! || complain 'create or destroy failed while show ran'
		nothing_left
	SCRIPT
}
