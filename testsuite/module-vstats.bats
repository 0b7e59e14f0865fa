# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa dev vstats show and dev set, on devices that have statistics and take another
# address (module.bash).

load common
load device
load module

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
		need 0 'vdpa dev add name vsc mgmtdev test_net device_features MAC,CTRL_VQ,VERSION_1,ACCESS_PLATFORM'
		expect 0 'vdpa dev config show vsc' 'negotiated_features MAC CTRL_VQ VERSION_1 ACCESS_PLATFORM'
		for row in '0 rx' '1 tx' '2 control_vq'; do
			set -- $row
			expect 0 "vdpa dev vstats show vsc qidx $1" "^vsc: queue_type $2 received_desc"
		done
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
		printf -v long '%0*d' 1000 0
		parameter stats_message "$long"
		# said of a success, it is no failure, but passed on
		expect 0w 'vdpa dev vstats show vf qidx 0' "^vdpa dev vstats show: warning: vf: the kernel says .$long.\\n$"
		[[ $out = 'vf: queue_type rx '* ]] || complain "with a warning: $out"
		run_line 'vdpa -j dev vstats show vf qidx 0'
		[[ $status$err = '0{"warning":{"command":"vdpa dev vstats show","object":"vf","message":"the kernel says \"'"$long"'\""}}'$'\n' ]] ||
			complain "-j: status $status: $err"
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
