# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa on devices that VDUSE has not: those of the module in testsuite/module
# (vdpa_test.h says what it offers), with statistics, attributes, buses, odd names
# and odd types.

load common
load device

setup()
{
	common_setup
	[ ! -e "$VM_DIR/host" ] || skip "HOST=1: the module is built for the test guest's kernel"
}

# module_test: in_guest, with the module there, no bus driver that takes devices by
# itself, and the functions below.
module_test()
{
	{
		declare -f autoprobe hex attribute statistic
		echo 'trap "autoprobe 1; rmmod vdpa_test 2>/dev/null" EXIT'
		echo 'test_module; autoprobe 0; theirs=/usr/sbin/vdpa'
		cat
		echo 'rmmod vdpa_test || complain "the module is in use"; nothing_left'
	} | in_guest
}

# -- inside the guest -----------------------------------------------------------------

autoprobe()
{
	echo "$1" >/sys/bus/vdpa/drivers_autoprobe
}

hex()
{
	printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# attribute TYPE PAYLOAD: netlink's, both in hexadecimal, with its padding.
attribute()
{
	local length=$((4 + ${#2} / 2)) payload=$2

	while [ $((${#payload} % 8)) != 0 ]; do
		payload+=00
	done
	printf '%02x%02x%s00%s' $((length & 255)) $((length >> 8)) "$1" "$payload"
}

# statistic NAME VALUE: VDPA_ATTR_DEV_VENDOR_ATTR_NAME and _VALUE; VALUE is signed.
statistic()
{
	local i value=''

	for i in 0 8 16 24 32 40 48 56; do
		printf -v value %s%02x "$value" $(($2 >> i & 255))
	done
	attribute 12 "$(hex "$1")00"
	attribute 13 "$value"
}

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

# -- statistics -----------------------------------------------------------------------

@test "vstats: text and JSON are those of iproute2's tool, for each kind of virtqueue" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/out"
		same()
		{
			expect 0 "$theirs $1"
			their_out=$out
			[ -n "$their_out" ] || complain "theirs prints nothing to $1"
			expect 0 "vdpa $1"
			[ "$out" = "$their_out" ] || complain "vdpa $1 prints $out"$'\n'"theirs $their_out"
		}
		# four pairs and a control virtqueue: MAC, STATUS, CTRL_VQ, MQ
		parameter negotiated 0x430020
		need 0w 'vdpa dev add name vs4 mgmtdev platform/test_net.0 max_vqp 4'
		for queue in 0 1 6 7 8; do
			same "dev vstats show vs4 qidx $queue"
			same "-j dev vstats show vs4 qidx $queue"
		done
		same 'd vstats show vs4 qidx 1'
		expect 0 'vdpa dev vstats show vs4 qidx 0' '^vs4: queue_type rx received_desc 18446744073709551615 completed_desc 0 \n$'
		expect 0 'vdpa dev vstats show vs4 qidx 7' '^vs4: queue_type tx received_desc 18446744073709551608 completed_desc 7 \n$'
		expect 0 'vdpa -j dev vstats show vs4 qidx 8' '^\{"vstats":\{"vs4":\{"queue_type":"control_vq","received_desc":18446744073709551607,"completed_desc":8\}\}\}'
		expect 0 'vdpa -jp dev vstats show vs4 qidx 0x7'
		printf %s "$out"
		# as many as fit into the kernel's message
		parameter stats_count 100
		same 'dev vstats show vs4 qidx 0'
		[[ $out = *' counter_99 99 '* ]] || complain "100 counters: $out"
		same '-j dev vstats show vs4 qidx 0'
		parameter stats_count 0
		# one pair, and so the control virtqueue is number 2 (virtio 1.2, 5.1.2), while
		# theirs takes number 0 for it, which is what the kernel does not tell
		parameter negotiated 0x30020
		need 0w 'vdpa dev add name vs1 mgmtdev test_net max_vqp 1'
		for row in '0 rx' '1 tx' '2 control_vq'; do
			set -- $row
			expect 0 "vdpa dev vstats show vs1 qidx $1" "^vs1: queue_type $2 received_desc"
		done
		# a real driver's features
		autoprobe 1
		need 0 'vdpa dev add name vsn mgmtdev test_net'
		same 'dev vstats show vsn qidx 1'
		same '-j dev vstats show vsn qidx 1'
	SCRIPT
	jq -e '.vstats.vs4.queue_type == "tx" and .vstats.vs4.completed_desc == 7' "$BATS_TEST_TMPDIR/out"
}

@test "vstats: a statistic's name is data, whatever bytes it has, and each stays one word of one line" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		parameter negotiated 0x20
		need 0w 'vdpa dev add name vn mgmtdev test_net'
		printf -v long '%0*d' 900 0
		raw=$(
			value=0
			for name in '%s%n%s%100000000d' 'a b' $'new\nline' $'\e[31mred\e[0m' $'\xff\xfe' '' 'é' 'q"\' -x "$long"; do
				statistic "$name" $((++value))
			done
			statistic big -1
		)
		need 0 "parameter stats_raw $raw"
		words='%s%n%s%100000000d 1 a\x20b 2 new\x0aline 3 \x1b[31mred\x1b[0m 4 \xff\xfe 5  6 é 7 q"\x5c 8 -x 9 '$long' 10'
		words="vn: queue_type rx received_desc 18446744073709551615 completed_desc 0 $words big 18446744073709551615 "
		run_line 'vdpa dev vstats show vn qidx 0'
		[ "$status$out$err" = "0$words"$'\n' ] || complain "status $status: $out$err"$'\n'"expected: $words"
		expect 0 'vdpa -j dev vstats show vn qidx 0' '"big":18446744073709551615\}\}\}'
		printf %s "$out"
		# names twice: text has all, JSON a key once, with the last value, as parsers read theirs
		need 0 "parameter stats_raw $(statistic twice 1; statistic twice 2; statistic queue 5; statistic twice 3)"
		expect 0 'vdpa dev vstats show vn qidx 0' ' completed_desc 0 twice 1 twice 2 queue 5 twice 3 \n$'
		expect 0 'vdpa -j dev vstats show vn qidx 0' '"completed_desc":0,"twice":3,"queue":5\}'
	SCRIPT
	iconv -f UTF-8 -t UTF-8 "$BATS_TEST_TMPDIR/json" >/dev/null
	jq -ce '.vstats.vn | del(.received_desc, .big, .queue_type, .completed_desc) |
		with_entries(.key |= if length > 800 then "long" else . end) ==
		{"%s%n%s%100000000d": 1, "a b": 2, "new\nline": 3, "\u001b[31mred\u001b[0m": 4, "\ufffd\ufffd": 5, "": 6,
		 "é": 7, "q\"\\": 8, "-x": 9, "long": 10}' "$BATS_TEST_TMPDIR/json" || { cat "$BATS_TEST_TMPDIR/json"; false; }
}

@test "vstats: halves, wrong sizes and broken attributes of a driver are passed over, the rest is shown" {
	module_test <<-'SCRIPT'
		parameter negotiated 0x20
		need 0w 'vdpa dev add name vh mgmtdev test_net'
		value=0700000000000000
		while read -r raw words; do
			need 0 "parameter stats_raw $raw"
			run_line 'vdpa dev vstats show vh qidx 0'
			[ "$status$out$err" = "0vh: queue_type rx received_desc 18446744073709551615 completed_desc 0 ${words:+$words }"$'\n' ] ||
				complain "$raw: expected $words: status $status: $out$err"
		done <<-ROWS
			$(attribute 12 6e00)
			$(attribute 13 $value)
			$(attribute 12 6e00)$(statistic m 7)                           m 7
			$(statistic m 7)$(attribute 13 $value)                         m 7
			$(attribute 12 6e00)$(attribute 13 07000000)$(statistic m 8)   m 8
			$(attribute 12 6e00)$(attribute 13 07000000)$(attribute 13 $value) n 7
			$(attribute 12 6e)$(attribute 13 $value)                       n 7
			$(attribute 12 6e00786f00)$(attribute 13 $value)               n 7
			$(attribute 13 '')$(statistic m 7)                             m 7
			$(attribute 63 6e00)$(statistic m 7)                           m 7
			$(statistic m 7)0800120061                                     m 7
			$(statistic m 7)ffff120061000000                               m 7
			$(statistic m 7)0000120061000000                               m 7
			$(statistic m 7)0300120061000000                               m 7
		ROWS
		# theirs, of the sane among them
		need 0 "parameter stats_raw $(statistic m 7)"
		[ "$($theirs dev vstats show vh qidx 0)" = "$(vdpa dev vstats show vh qidx 0)" ] || complain 'not as theirs'
	SCRIPT
}

@test "vstats: each failure is a sentence, in text and JSON, and the driver's own words are whole" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		parameter negotiated 0x20
		need 0w 'vdpa dev add name vf mgmtdev test_net'
		need 0w 'vdpa dev add name vb mgmtdev test_block'
		need 0w 'vdpa dev add name vo mgmtdev test_odd'
		parameter negotiated 0
		need 0 'vdpa dev add name vv mgmtdev test_net driver vhost_vdpa'
		parameter make 'unmanaged vu'
		device create vd
		device serve vd
		device attach vd
		unable='setpriv --bounding-set=-net_admin --inh-caps=-net_admin'
		json_rows <<-'ROWS'
			3 vdpa dev vstats show none qidx 0        ## no vDPA device.*vdpa: device not found
			1 vdpa dev vstats show vf qidx 2          ## vf: .*vdpa_test: virtqueue 2 of 2.*it has 2 virtqueues
			1 vdpa dev vstats show vf qidx 65535      ## vf: .*queue index exceeds max value.*it has 2 virtqueues
			1 vdpa dev vstats show vv qidx 0          ## vv: .*driver.*feature negotiation not complete.*vdpa dev bind
			1 vdpa dev vstats show vb qidx 0          ## vb: .*test_block.*no statistics
			1 vdpa dev vstats show vo qidx 0          ## vo: .*test_odd.*no statistics
			1 vdpa dev vstats show vd qidx 0          ## vd: .*vduse.*no statistics
			1 vdpa dev vstats show vu qidx 0          ## vu: .*unmanaged vdpa device
			2 vdpa dev vstats                         ## vstats
			2 vdpa dev vstats show                    ## DEV
			2 vdpa dev vstats list                    ## list
			2 vdpa dev vstats show vf q 0             ## q
			2 vdpa dev vstats show vf                 ## qidx
			2 vdpa dev vstats show vf qidx            ## qidx
			2 vdpa dev vstats show qidx 0             ## qidx|0
			2 vdpa dev vstats show vf 0               ## 0
			2 vdpa dev vstats show vf qidx 0 foo      ## foo
			2 vdpa dev vstats show vf vb qidx 0       ## vb
			2 vdpa dev vstats show vf qidx 0 qidx 0   ## qidx
			2 vdpa dev vstats show vf qidx -1         ## -1
			2 vdpa dev vstats show vf qidx 65536      ## 65536
			2 vdpa dev vstats show vf qidx 1x         ## 1x
			2 vdpa dev vstats show vf qidx ''         ## qidx
			2 vdpa dev vstats show '' qidx 0          ## 255
		ROWS
		expect 4 "$unable vdpa dev vstats show vf qidx 0" 'vf: .*CAP_NET_ADMIN'
		json_mode=1 expect 4 "$unable vdpa -j dev vstats show vf qidx 0" '"status":4,"errno":"EPERM".*CAP_NET_ADMIN'
		printf -v long '%0*d' 500 0
		parameter stats_message "$long"
		# said of a success, it is no failure
		expect 0 'vdpa dev vstats show vf qidx 0'
		for row in '5 1' '16 5' '110 6' '28 1'; do
			set -- $row
			parameter stats_error "$1"
			json_rows <<<"$2 vdpa dev vstats show vf qidx 0 ## vf: .*the kernel says .$long"
		done
		parameter stats_message $'two\nlines \e[31mred \xff %s%n'
		expect 1 'vdpa dev vstats show vf qidx 0' 'two.x0alines .x1b.31mred .xff %s%n'
		as_json 1 'vdpa dev vstats show vf qidx 0' red
		parameter stats_message
		parameter stats_error 0
		# more than one message of the kernel holds
		parameter stats_count 1000
		json_rows <<<'1 vdpa dev vstats show vf qidx 0 ## Message too long'
		undo vd
	SCRIPT
	# the text has the object before its colon, the error object in a key of its own
	sed -i 's/\x0v[a-z]: \.\*/\x0/g' "$BATS_TEST_TMPDIR/json"
	check_json "$BATS_TEST_TMPDIR/json"
}

# -- dev set --------------------------------------------------------------------------

@test "dev set: the address is another one, in the configuration at once and on the interface that is bound next" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		autoprobe 1
		need 0 'vdpa dev add name se mgmtdev platform/test_net.0 mac 52:54:00:00:00:01'
		net=$(interface_of se) || broken 'no interface'
		[ "$(read_value "/sys/class/net/$net/address")" = 52:54:00:00:00:01 ] || complain "$net has another address"
		run_line 'vdpa dev set name se mac 52:54:00:00:00:02'
		[ "$status$out$err" = 0 ] || complain "set: status $status, out: $out, err: $err"
		expect 0 'vdpa dev config show se' '^se: mac 52:54:00:00:00:02 '
		[ "$(read_value "/sys/class/net/$net/address")" = 52:54:00:00:00:01 ] || complain 'the interface did change'
		need 0 'vdpa dev unbind se'
		need 0 'vdpa dev bind se driver virtio_vdpa'
		net=$(interface_of se)
		[ "$(read_value "/sys/class/net/$net/address")" = 52:54:00:00:00:02 ] || complain "$net has the old address"
		run_line 'vdpa -j dev set mac FE:ff:00:00:00:03 name se'
		[ "$status$out$err" = $'0{}\n' ] || complain "-j set: status $status, out: $out, err: $err"
		for line in 'd set name se mac' 'dev set na se mac'; do
			expect 0 "vdpa $line 52:54:00:00:00:04"
		done
		expect 0 '$theirs dev config show se' '^se: mac 52:54:00:00:00:04 '
	SCRIPT
}

@test "dev set: each failure is a sentence, in text and JSON, and changes nothing" {
	module_test <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		need 0w 'vdpa dev add name sn mgmtdev test_net'
		need 0w 'vdpa dev add name sb mgmtdev test_block'
		need 0w 'vdpa dev add name so mgmtdev test_odd'
		parameter make 'unmanaged su'
		device create sd
		device serve sd
		device attach sd
		json_rows <<-'ROWS'
			3 vdpa dev set name none mac 52:54:00:00:00:09            ## no vDPA device
			1 vdpa dev set name sd mac 52:54:00:00:00:09              ## VDUSE.*created.*vduse create sd
			1 vdpa dev set name sb mac 52:54:00:00:00:09              ## test_block.*sb device not supported
			1 vdpa dev set name so mac 52:54:00:00:00:09              ## test_odd.*so device not supported
			1 vdpa dev set name su mac 52:54:00:00:00:09              ## unmanaged vdpa device
			2 vdpa dev set                                            ## name
			2 vdpa dev set name sn                                    ## mac
			2 vdpa dev set mac 52:54:00:00:00:09                      ## name
			2 vdpa dev set sn mac 52:54:00:00:00:09                   ## sn
			2 vdpa dev set name sn mac                                ## mac
			2 vdpa dev set name sn mac 52:54:00:00:00                 ## 52:54:00:00:00
			2 vdpa dev set name sn mac 00:00:00:00:00:00              ## zero|00:00
			2 vdpa dev set name sn mac 01:00:5e:00:00:01              ## multicast|unicast
			2 vdpa dev set name sn mac 1.2.3.4                        ## 1\.2\.3\.4
			2 vdpa dev set name sn name sb mac 52:54:00:00:00:09      ## name
			2 vdpa dev set name sn mac 52:54:00:00:00:09 foo          ## foo
			2 vdpa dev set name sn mtu 1500                           ## mtu
		ROWS
		for row in '16 5 busy' '95 1 test_net cannot change the address' '5 1 Input/output' '1 4 permi|privilege'; do
			parameter set_error "${row%% *}"
			row=${row#* }
			json_rows <<<"${row%% *} vdpa dev set name sn mac 52:54:00:00:00:09 ## ${row#* }"
		done
		expect 4 'setpriv --bounding-set=-net_admin --inh-caps=-net_admin vdpa dev set name sn mac 52:54:00:00:00:09' 'CAP_NET_ADMIN'
		expect 0 'vdpa dev config show sn' '^sn: mac 52:54:00:76:64:70 '
		undo sd
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
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
