# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa on devices that VDUSE has not (module.bash): buses, classes, attributes of an
# add, odd names and odd types, and configurations of block devices.

load common
load device
load module

# -- management devices ---------------------------------------------------------------

@test "management devices: without a bus and on one, of three classes, with what each offers" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		expect 0 'vdpa mgmtdev show' $'platform/test_net.0: *\n  supported_classes net\n  max_supported_vqs 17\n  dev_features CSUM MTU MAC'
		expect 0 'vdpa -j mgmtdev show'
		printf %s "$out"
		for name in test_net platform/test_net.0 test_block test_odd; do
			expect 0 "vdpa -j mgmtdev show $name" "^\{\"mgmtdev\":\{\"$name\":"
			ours=$out
			[ "$($theirs -j mgmtdev show $name | grep -o '"max_supported_vqs":[0-9]*')" = \
				"$(grep -o '"max_supported_vqs":[0-9]*' <<<"$ours")" ] || complain "theirs says otherwise of $name"
		done
		json_rows <<-'ROWS'
			3 vdpa mgmtdev show test_net.0                ## test_net.0
			3 vdpa mgmtdev show platform/test_net         ## platform/test_net
			3 vdpa mgmtdev show pci/test_net              ## pci/test_net
			3 vdpa dev add name x mgmtdev test_net.0      ## test_net.0
			3 vdpa dev add name x mgmtdev pci/test_net.0  ## pci/test_net.0
		ROWS
	SCRIPT
	head -n 1 "$BATS_TEST_TMPDIR/json" | jq -e '.mgmtdev | keys - ["vduse"] ==
		["platform/test_net.0", "test_block", "test_net", "test_odd"] and .test_net == .["platform/test_net.0"] and
		.test_net == {supported_classes: ["net"], max_supported_vqs: 17, dev_features:
			["CSUM", "MTU", "MAC", "STATUS", "CTRL_VQ", "MQ", "VERSION_1", "ACCESS_PLATFORM"]} and
		.test_block.supported_classes == ["block"] and .test_odd.supported_classes == ["< unknown class >"]'
	tail -n +2 "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/errors"
	check_json "$BATS_TEST_TMPDIR/errors"
}

# -- dev add --------------------------------------------------------------------------

@test "dev add: address, MTU, virtqueue pairs and features that a management device takes are there afterwards" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		need 0 'vdpa dev add name a0 mgmtdev platform/test_net.0 mac 52:54:00:00:00:01 mtu 9000 max_vqp 4 driver vhost_vdpa'
		need 0w 'vdpa dev add name a1 mgmtdev test_net mac 52:54:00:00:00:02 device_features 0x300000020'
		need 0w 'vdpa dev add name a2 mgmtdev test_net device_features 300010008 mtu 68'
		need 0w 'vdpa dev add name a3 mgmtdev test_net ma 8 device_features MQ,ctrl_vq,version_1,ACCESS_PLATFORM'
		need 0w 'vdpa dev add name a4 mgmtdev test_net device_features no_CSUM,no_MQ,no_CTRL_VQ'
		need 0 "$theirs dev add name a5 mgmtdev platform/test_net.0 mac 52:54:00:00:00:05 mtu 1280 max_vqp 2"
		expect 0 'vdpa -j dev config show'
		printf %s "$out"
		expect 0 "$theirs -j dev config show"
		printf %s "$out"
		expect 0 'vdpa -j dev show'
		printf %s "$out"
		expect 0 'vdpa -d dev show a1' '^a1: type network mgmtdev test_net vendor_id 22100 max_vqs 2 max_vq_size 256 min_vq_size 16'
		expect 0 'vdpa dev show a0' '^a0: type network mgmtdev platform/test_net.0 vendor_id 22100 max_vqs 9 max_vq_size 256 driver vhost_vdpa chardev /dev/vhost-vdpa-[0-9]+\n$'
		need 0 "$theirs dev del a0"
		for name in a1 a2 a3 a4 a5; do
			need 0 "vdpa dev del $name"
		done
		# and on the interface that a driver makes of it
		need 0 'vdpa dev add name a6 mgmtdev platform/test_net.0 mac 52:54:00:00:00:06 mtu 1300 driver virtio_vdpa'
		net=$(interface_of a6) || broken 'no interface'
		[ "$(read_value "/sys/class/net/$net/address") $(read_value "/sys/class/net/$net/mtu")" = '52:54:00:00:00:06 1300' ] ||
			complain "$net: $(ip link show "$net")"
	SCRIPT
	jq -es '. as [$config, $theirs, $dev] |
		($config.config | map_values(del(.link, .["link "], .link_announce, .["link_announce "], .dev_features)) == {
			a0: {mac: "52:54:00:00:00:01", max_vq_pairs: 4, mtu: 9000}, a1: {mac: "52:54:00:00:00:02"}, a2: {mtu: 68},
			a3: {max_vq_pairs: 8}, a4: {mac: "52:54:00:76:64:70", mtu: 1500},
			a5: {mac: "52:54:00:00:00:05", max_vq_pairs: 2, mtu: 1280}}) and
		($config.config | map_values(.dev_features) == {
			a0: ["MTU", "MAC", "STATUS", "CTRL_VQ", "MQ", "VERSION_1", "ACCESS_PLATFORM"],
			a1: ["MAC", "VERSION_1", "ACCESS_PLATFORM"], a2: ["MTU", "STATUS", "VERSION_1", "ACCESS_PLATFORM"],
			a3: ["CTRL_VQ", "MQ", "VERSION_1", "ACCESS_PLATFORM"], a4: ["MTU", "MAC", "STATUS", "VERSION_1", "ACCESS_PLATFORM"],
			a5: ["MTU", "MAC", "STATUS", "CTRL_VQ", "MQ", "VERSION_1", "ACCESS_PLATFORM"]}) and
		($theirs | [paths(scalars) as $p | select(getpath($p) != ($config | getpath($p)))] == []) and
		($theirs | [paths(scalars)] | length > 12) and
		($dev.dev | map_values([.mgmtdev, .max_vqs]) == {a0: ["platform/test_net.0", 9], a1: ["test_net", 2], a2: ["test_net", 2],
			a3: ["test_net", 17], a4: ["test_net", 2], a5: ["platform/test_net.0", 5]})' \
		"$BATS_TEST_TMPDIR/json" || { cat "$BATS_TEST_TMPDIR/json"; false; }
}

@test "dev add: what a management device or a driver refuses is told with the kernel's words, in text and JSON" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		need 0w 'vdpa dev add name ae mgmtdev test_net'
		json_rows <<-'ROWS'
			5 vdpa dev add name ae mgmtdev test_net                                            ## already
			1 vdpa dev add name ax mgmtdev test_net max_vqp 9                                  ## Invalid argument
			1 vdpa dev add name ax mgmtdev test_net device_features 0x8000000000000000         ## Invalid argument
			1 vdpa dev add name ax mgmtdev test_net mac 52:54:00:00:00:01 device_features 0x0  ## the kernel says .*vdpa: Missing features 0x20 for provided attributes
			1 vdpa dev add name ax mgmtdev test_block mac 52:54:00:00:00:01                    ## test_block.*Some provided attributes are not supported: 0x400
			1 vdpa dev add name ax mgmtdev test_odd device_features 0x1                        ## test_odd.*Some provided attributes are not supported: 0x100000
			1 vdpa dev add name ax mgmtdev test_net max_vqp 2 driver virtio_vdpa               ## gave up before the features were agreed on.*deleted again
			1 vdpa dev add name ax mgmtdev test_block driver virtio_vdpa                       ## gave up before the features were agreed on.*deleted again
		ROWS
		for row in '28 1 No space' '16 5 busy' '95 1 test_net cannot make' '12 1 memory'; do
			parameter add_error "${row%% *}"
			row=${row#* }
			json_rows <<<"${row%% *} vdpa dev add name ax mgmtdev test_net ## ${row#* }"
		done
		parameter add_error 0
		attached ax && complain 'ax was added'
		# with a driver that does not wait for a control command, MQ is no trouble
		need 0 'vdpa dev add name ax mgmtdev test_net max_vqp 2 driver vhost_vdpa'
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

# -- what others made -----------------------------------------------------------------

@test "devices of any name that others made are shown, asked for and deleted, in text and JSON" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		parameter negotiated 0x20
		printf -v digits '%0*d' 255 0
		control=${digits//0/$'\x01'}
		foreign=${digits//0/$'\xff'}
		percent=${digits//0/%}
		names=(x 'a b' ' ' $'n\nl' $'\e[31m' '%n%s' 'q"\' -x -j -- show help . .. ... 'a!b' 'é' $'\xff\xfe' $'\x01'
			"${digits:0:63}" "${digits:0:64}" "${digits:0:65}" "${digits:0:128}" "$digits" "$control" "$foreign" "$percent")
		for name in "${names[@]}"; do
			parameter make "test_net.0 $name" || complain "the kernel has no ${name@Q}"
		done
		expect 0 'vdpa dev show'
		[[ ${out//$'\n'} != *[[:cntrl:]]* ]] || complain "control characters in ${out@Q}"
		[ "$(wc -l <<<"${out%$'\n'}")" = ${#names[@]} ] || complain "not a line a device: $out"
		[[ $out = *$'\na\\x20b: type network mgmtdev platform/test_net.0 '* ]] || complain "no a b: $out"
		for verb in 'dev show' 'dev config show'; do
			expect 0 "vdpa -j $verb"
			printf %s "$out"
		done
		for name in "${names[@]}"; do
			printf '%s\0' "$name" >>"$T.names"
			expect 0 "vdpa -j dev show -- ${name@Q}" '^\{"dev":\{"[^{]*":\{"type":"network","mgmtdev":"platform/test_net.0",[^{]*\}\}\}'
			expect 0 "vdpa dev config show -- ${name@Q}" ' mac 52:54:00:76:64:70 '
			expect 0 "vdpa dev vstats show -- ${name@Q} qidx 1" ': queue_type tx received_desc'
			expect 0 "vdpa dev set mac 52:54:00:00:00:01 name ${name@Q}"
			expect 0 "vdpa dev del -- ${name@Q}"
			expect 3 "vdpa dev show -- ${name@Q}" 'no vDPA device'
			as_json 3 "vdpa dev del -- ${name@Q}" 'no vDPA device' 3>>"$T.errors"
		done
		expect 0 'vdpa -j dev show' '^\{"dev":\{\}\}'
		# the kernel takes longer ones, which no path can name
		parameter make "test_net.0 ${digits}0"
		parameter make 'test_net.0 last'
		expect 0w 'vdpa dev show' 'no name.*left out'
		[[ $out = 'last: '* && $out != *0000* ]] || complain "beside a name of 256 bytes: $out"
		expect 2 "vdpa dev show ${digits}0" '255'
		printf '\n'
		cat "$T.errors"
		rm -f "$T.errors" "$T.names"
	SCRIPT
	head -n 2 "$BATS_TEST_TMPDIR/json" | jq -es '. as [$dev, $config] | ([range(255) | "0"] | add) as $digits |
		["x", "a b", " ", "n\nl", "\u001b[31m", "%n%s", "q\"\\", "-x", "-j", "--", "show", "help", ".", "..", "...", "a!b", "é",
		 "\ufffd\ufffd", "\u0001", $digits[:63], $digits[:64], $digits[:65], $digits[:128], $digits,
		 ([range(255) | "\u0001"] | add), ([range(255) | "\ufffd"] | add), ([range(255) | "%"] | add)] as $names |
		($dev.dev | keys_unsorted == $names and all(.[]; .mgmtdev == "platform/test_net.0" and .max_vqs == 2)) and
		($config.config | keys_unsorted == $names and all(.[]; .mac == "52:54:00:76:64:70"))' ||
		{ head -n 2 "$BATS_TEST_TMPDIR/json"; false; }
	tail -n +4 "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/errors"
	check_json "$BATS_TEST_TMPDIR/errors"
}

@test "a slash in a name: the kernel writes another character, which is said, and what is undone is that device" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		expect 0w 'vdpa dev add name a/b mgmtdev test_net driver vhost_vdpa' '^vdpa dev add: warning: a/b: the kernel calls it "a!b": '
		expect 0 'vdpa dev show a!b' '^a!b: type network mgmtdev test_net .* driver vhost_vdpa chardev '
		json_rows <<-'ROWS'
			3 vdpa dev show a/b          ## the kernel writes "!" for "/"
			3 vdpa dev config show a/b   ## the kernel writes "!" for "/"
			3 vdpa dev del a/b           ## the kernel writes "!" for "/"
		ROWS
		need 0 'vdpa dev del a!b'
		parameter net_refuses 0x20
		expect 1 'vdpa dev add name a/b mgmtdev test_net driver virtio_vdpa' 'a/b: .*deleted again'
		attached 'a!b' && complain 'a!b was left behind'
		expect 0 'vdpa dev show' '^$'
	SCRIPT
	sed -i 's/ "!" for "\/"/ .!. for .\/./g' "$BATS_TEST_TMPDIR/json"
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "a listing says of each device what it says when it alone is asked for, whatever it is attached to" {
	module_test <<-'SCRIPT'
		digits=000000000000000000000000000000000000000000000000000000000000000000000000000000
		names=('a b' $'\e\n"\xff' 'a!b' net virtio0 block .. "$digits" moved renamed)
		for name in "${names[@]}"; do
			parameter make "test_net.0 $name" || broken "no ${name@Q}"
			[ "$name" = .. ] || need 0 "vdpa dev bind ${name@Q} driver virtio_vdpa"
		done
		parameter make 'test_net bare'
		parameter make 'test_net eth0'
		parameter make 'test_block node'
		parameter make 'test_odd odd'
		for name in eth0 node odd; do
			need 0 "vdpa dev bind $name driver vhost_vdpa"
		done
		device create vb
		device serve vb
		device attach vb driver vhost_vdpa
		device create vn
		device serve vn
		device attach vn driver virtio_vdpa
		ip netns add odd
		ip link set dev "$(interface_of moved)" netns odd || broken 'not moved'
		ip link set dev "$(interface_of renamed)" name $'\e[31m"\\' || broken 'not renamed'
		names+=(bare eth0 node odd vb vn)
		for form in '' -j; do
			expected=
			for name in "${names[@]}"; do
				expect 0 "vdpa $form dev show -- ${name@Q}"
				[ -z "$form" ] || { out=,${out#'{"dev":{'}; out=${out%$'}}\n'}; }
				expected+=$out
			done
			[ -z "$form" ] || expected='{"dev":{'${expected#,}$'}}\n'
			run_line "vdpa $form dev show"
			[ "$status$err$out" = "0$expected" ] || complain "vdpa $form dev show: status $status: $err$out"$'\n'"each alone: $expected"
		done
		# none of them by saying nothing
		run_line 'vdpa -j dev show'
		saw=$(grep -o '"driver":"virtio_vdpa","netdev":"[^,]*","ifindex":[0-9]' <<<"$out" | wc -l)
		[ "$saw" = 9 ] || complain "$saw interfaces: $out"
		saw=$(grep -o '"driver":"vhost_vdpa","chardev":"/dev/vhost-vdpa-[0-9]*","rdev":"[0-9]*:[0-9]*"' <<<"$out" | wc -l)
		[ "$saw" = 4 ] || complain "$saw nodes: $out"
		[[ $out = *'"moved":{'*([^{}])'"driver":"virtio_vdpa"}'* ]] || complain "moved: $out"
		[[ $out = *'"netdev":"\u001b[31m\"\\"'* ]] || complain "renamed: $out"
		ip netns del odd
		undo vb vn
	SCRIPT
}

@test "devices of no management device are not hidden behind a bare EINVAL, and others are shown beside them" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		parameter make 'unmanaged un'
		parameter make 'test_net me'
		expect 0 'vdpa dev show' '^me: type network mgmtdev test_net [^\n]*\n$'
		json_rows <<-'ROWS'
			1 vdpa dev show un          ## no management device made it
			1 vdpa dev config show un   ## unmanaged vdpa device
			1 vdpa dev del un           ## Only user created device can be deleted by user
		ROWS
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "a type at which the kernel cuts its dump of configurations short hides nobody" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		for row in 'c0 test_net' 'c1 test_odd' 'c2 test_block' 'c3 test_odd' 'c4 platform/test_net.0'; do
			set -- $row
			need 0w "vdpa dev add name $1 mgmtdev $2"
		done
		# theirs ends there, which is what this test is about
		expect 0 "$theirs dev config show" '^c0: '
		[[ $out != *c2* && $out != *c4* ]] || complain "the kernel's dump is not cut: $out"
		expect 0 'vdpa dev config show' $'^c0: mac [^\n]* \n  dev_features [^\n]*\nc1: \nc2: capacity [^\n]* \n  dev_features [^\n]*\nc3: \nc4: mac '
		expect 0 'vdpa -j dev config show'
		printf %s "$out"
		expect 0 'vdpa dev show c1' '^c1: type <unknown type> mgmtdev test_odd vendor_id 22100 max_vqs 3 max_vq_size 256\n$'
		expect 0 'vdpa -j dev show'
		printf %s "$out"
		for line in 'vdpa dev config show c1' 'vdpa dev config show c3'; do
			expect 1 "$line" 'c[13]: .*not supported'
		done
		printf '\n'
		as_json 1 'vdpa dev config show c1' 'not supported'
		need 0 'vdpa dev del c1'
	SCRIPT
	head -n 2 "$BATS_TEST_TMPDIR/json" | jq -es '. as [$config, $dev] |
		($config.config | keys == ["c0", "c1", "c2", "c3", "c4"] and .c1 == {} and .c3 == {} and .c4.mtu == 1500) and
		($dev.dev | keys == ["c0", "c1", "c2", "c3", "c4"] and .c3.type == "<unknown type>" and .c2.type == "block")'
	tail -n +4 "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/errors"
	check_json "$BATS_TEST_TMPDIR/errors"
}

@test "the configuration of a block device: every field, and those alone that its features have" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		need 0w 'vdpa dev add name b0 mgmtdev test_block'
		need 0w 'vdpa dev add name b1 mgmtdev test_block device_features VERSION_1,ACCESS_PLATFORM'
		need 0w 'vdpa dev add name b2 mgmtdev test_block device_features no_RO,no_DISCARD,no_TOPOLOGY'
		expect 0 'vdpa dev show b0' '^b0: type block mgmtdev test_block vendor_id 22100 max_vqs 4 max_vq_size 256\n$'
		expect 0 'vdpa dev config show b1' '^b1: capacity 78187493530 read_only false flush false \n  dev_features VERSION_1 ACCESS_PLATFORM\n$'
		expect 0 'vdpa -j dev config show'
		printf %s "$out"
	SCRIPT
	jq -e '.config | (.b0 | del(.dev_features)) as $all | $all == {capacity: 78187493530, size_max: 65537, seg_max: 126,
		blk_size: 4096, num_queues: 4, physical_block_exp: 3, alignment_offset: 5, min_io_size: 7, opt_io_size: 4294967295,
		max_discard_sectors: 11, max_discard_seg: 12, discard_sector_alignment: 13, max_write_zeroes_sectors: 14,
		max_write_zeroes_seg: 15, read_only: true, flush: true} and
		(.b1 | del(.dev_features)) == {capacity: 78187493530, read_only: false, flush: false} and
		(.b2 | del(.dev_features)) == ($all | del(.physical_block_exp, .alignment_offset, .min_io_size, .opt_io_size,
			.max_discard_sectors, .max_discard_seg, .discard_sector_alignment) | .read_only = false) and
		.b0.dev_features == ["SIZE_MAX", "SEG_MAX", "RO", "BLK_SIZE", "FLUSH", "TOPOLOGY", "MQ", "DISCARD", "WRITE_ZEROES",
			"VERSION_1", "ACCESS_PLATFORM"]' "$BATS_TEST_TMPDIR/json" || { cat "$BATS_TEST_TMPDIR/json"; false; }
}
