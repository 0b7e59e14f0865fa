# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse create: what it makes, what each word does, what it refuses.

load common
load device

@test "create NAME: a net device with the documented defaults, and silence" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		run_line 'vduse create def0'
		[ "$status$out$err" = 0 ] || complain "status $status, out: $out, err: $err"
		[ -c /dev/vduse/def0 ] || complain 'there is no node'
		[ "$(stat -c %a /dev/vduse/def0)" = 600 ] || complain 'the node has another mode than 600'
		[ "$(read_value /sys/class/vduse/def0/msg_timeout)" = 30 ] || complain 'msg_timeout is not the default'
		[ "$(read_value /sys/class/vduse/def0/bounce_size)" = 67108864 ] || complain 'bounce_size is not the default'
		set -- /sys/class/vduse/def0/vq[0-9]*
		[ $# = 2 ] || complain "it has $# virtqueues"
		expect 0 'vduse -j show def0'
		printf %s "$out"
		device destroy def0
		expect 0 'vduse -j create def0' '^\{\}'
		[ "$out" = $'{}\n' ] || complain "-j create prints ${out@Q}"
		device destroy def0
		nothing_left
	SCRIPT
	jq -e '.vduse.def0 == {type: "net", vqs: 2, msg_timeout: 30, bounce_size: 67108864,
		served: false, attached: false}' "$BATS_TEST_TMPDIR/json"
}

@test "each word of create has its effect, seen by the kernel and by the driver" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		# set_to ATTRIBUTE VALUE: the kernel has it
		set_to()
		{
			local seen

			seen=$(read_value "/sys/class/vduse/$1")
			[ "$seen" = "$2" ] || complain "$1 is $seen, expected $2"
		}
		expect 0 'vduse create w0 type net features no_GUEST_TSO4,no_GUEST_ECN vqs 2 vq_align 4096 vendor 0x1af4 mac 52:54:00:01:02:03 mtu 1400 bounce_size 8388608 msg_timeout 7'
		set_to w0/msg_timeout 7
		set_to w0/bounce_size 8388608
		# numbers in hexadecimal, words in another order
		expect 0 'vduse create w1 msg_timeout 0x10 mtu 0x578 type net bounce_size 0x400000'
		set_to w1/msg_timeout 16
		set_to w1/bounce_size 4194304
		device serve w0
		device attach w0
		expect 0 'vdpa -j dev show w0'
		printf %s "$out"
		expect 0 'vdpa -j dev config show w0'
		printf %s "$out"
		read_value "/sys/class/net/$(interface_of w0)/address"
		read_value "/sys/class/net/$(interface_of w0)/mtu"
		device detach w0
		device stop w0
		device destroy w0
		device destroy w1
		nothing_left
	SCRIPT
	{
		IFS= read -r dev
		IFS= read -r config
		IFS= read -r mac
		IFS= read -r mtu
	} <"$BATS_TEST_TMPDIR/json"
	jq -e '.dev.w0.vendor_id == 6900' <<<"$dev"
	jq -e '.config.w0 | .mac == "52:54:00:01:02:03" and .mtu == 1400 and
		(.negotiated_features | index("GUEST_TSO4") == null) and
		(.negotiated_features | index("GUEST_TSO6"))' <<<"$config"
	[ "$mac" = 52:54:00:01:02:03 ]
	[ "$mtu" = 1400 ]
}

@test "features: names in any case, one mask, or changes of the default, as the driver then sees them" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		# the default set; the same by mask; by names; with RING_ left out and in odd case; fewer
		device create f0
		device create f1 features 0x800000033001bbab
		device create f2 features CSUM,GUEST_CSUM,MTU,MAC,GUEST_TSO4,GUEST_TSO6,GUEST_ECN,HOST_TSO4,HOST_TSO6,HOST_ECN,MRG_RXBUF,STATUS,RING_INDIRECT_DESC,RING_EVENT_IDX,VERSION_1,ACCESS_PLATFORM,SPEED_DUPLEX
		device create f3 features mac,mtu,Version_1,access_platform,indirect_desc,RING_event_idx
		device create f4 features no_MRG_RXBUF,no_RING_EVENT_IDX,no_indirect_desc
		for name in f0 f1 f2 f3 f4; do
			device serve $name
			device attach $name
		done
		expect 0 'vdpa -j dev config show'
		printf %s "$out"
		for name in f0 f1 f2 f3 f4; do
			undo $name
		done
		nothing_left
	SCRIPT
	jq -e '.config | map_values(.negotiated_features | sort) |
		(["ACCESS_PLATFORM", "CSUM", "GUEST_CSUM", "GUEST_ECN", "GUEST_TSO4", "GUEST_TSO6", "HOST_ECN",
		"HOST_TSO4", "HOST_TSO6", "MAC", "MRG_RXBUF", "MTU", "RING_EVENT_IDX", "RING_INDIRECT_DESC",
		"SPEED_DUPLEX", "STATUS", "VERSION_1"]) as $default |
		.f0 == $default and .f1 == $default and .f2 == $default and
		.f3 == ["ACCESS_PLATFORM", "MAC", "MTU", "RING_EVENT_IDX", "RING_INDIRECT_DESC", "VERSION_1"] and
		.f4 == $default - ["MRG_RXBUF", "RING_EVENT_IDX", "RING_INDIRECT_DESC"]' "$BATS_TEST_TMPDIR/json" ||
		{ cat "$BATS_TEST_TMPDIR/json"; false; }
}

@test "the default MAC: local, unicast, the same for a name each time, another for another name" {
	run -0 in_guest <<-'SCRIPT'
		device create mac0
		device create mac1
		for name in mac0 mac1 mac0; do
			[ -e /sys/class/vduse/$name ] || device create $name
			device serve $name
			device attach $name
			read_value "/sys/class/net/$(interface_of $name)/address"
			undo $name
		done
		nothing_left
	SCRIPT
	[[ ${lines[0]} =~ ^[0-9a-f][26ae](:[0-9a-f]{2}){5}$ ]]
	[[ ${lines[1]} =~ ^[0-9a-f][26ae](:[0-9a-f]{2}){5}$ ]]
	[ "${lines[0]}" = "${lines[2]}" ]
	[ "${lines[0]}" != "${lines[1]}" ]
}

@test "type block: size and other counts of virtqueues" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		expect 0 'vduse create b0 type block size 1048576 features +MQ vqs 4 bounce_size 1048576 vendor 7'
		expect 0 'vduse create b1 type block size 512'
		set -- /sys/class/vduse/b0/vq[0-9]*
		[ $# = 4 ] || complain "b0 has $# virtqueues"
		expect 0 'vduse -j show'
		printf %s "$out"
		rows <<-'ROWS'
			2 vduse create b2 type block                                       ## size
			2 vduse create b2 type block size 4096 features CONFIG_WCE         ## CONFIG_WCE
			2 vduse create b2 type block size 4096 features +CONFIG_WCE        ## CONFIG_WCE
			2 vduse create b2 type block size 4096 mac 52:54:00:01:02:03       ## mac
			2 vduse create b2 type block size 4096 mtu 1500                    ## mtu
			2 vduse create b2 type block size 0                                ## size
			2 vduse create b2 type block size 1000                             ## size
			2 vduse create b2 type block size 4096 vqs 0                       ## vqs
			2 vduse create b2 type block size 4096 vqs 65536                   ## vqs
			2 vduse create b2 type net size 1048576                            ## size
			2 vduse create b2 size 1048576                                     ## size
		ROWS
		device destroy b0
		device destroy b1
		nothing_left
	SCRIPT
	jq -e '.vduse | .b0.type == "block" and .b0.vqs == 4 and .b0.bounce_size == 1048576 and .b1.type == "block"' \
		"$BATS_TEST_TMPDIR/json"
}

@test "what a kernel refuses or breaks on is refused before, with the reason, and nothing is made" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		rows <<-'ROWS'
			# no control queue, so no further virtqueues (kernel-interface.md 3)
			2 vduse create r0 vqs 1                                   ## virtqueues
			2 vduse create r0 vqs 3                                   ## control|CTRL_VQ
			2 vduse create r0 vqs 4                                   ## control|CTRL_VQ
			2 vduse create r0 features +CTRL_VQ                       ## CTRL_VQ
			2 vduse create r0 features +MQ                            ## MQ
			# features that make the driver's probe fail, or a failover pair
			2 vduse create r0 features +CTRL_RX                       ## CTRL_RX
			2 vduse create r0 features +GUEST_ANNOUNCE                ## GUEST_ANNOUNCE
			2 vduse create r0 features +HASH_REPORT                   ## HASH_REPORT
			2 vduse create r0 features +RSS                           ## RSS
			2 vduse create r0 features +NOTF_COAL                     ## NOTF_COAL
			2 vduse create r0 features +STANDBY                       ## STANDBY
			2 vduse create r0 features +NOTIFICATION_DATA             ## NOTIFICATION_DATA
			# mandatory ones
			2 vduse create r0 features no_ACCESS_PLATFORM             ## ACCESS_PLATFORM
			2 vduse create r0 features no_VERSION_1                   ## VERSION_1
			2 vduse create r0 features 0x0                            ## ACCESS_PLATFORM|VERSION_1
			2 vduse create r0 features 0x20                           ## ACCESS_PLATFORM|VERSION_1
			2 vduse create r0 type block size 4096 features 0x0       ## ACCESS_PLATFORM|VERSION_1
			# what is no feature
			2 vduse create r0 features NONSENSE                       ## NONSENSE
			2 vduse create r0 features +NONSENSE                      ## NONSENSE
			2 vduse create r0 features ,                              ## feature
			2 vduse create r0 features CSUM,,MAC                      ## feature
			2 vduse create r0 features ''                             ## feature
			2 vduse create r0 features 0x                             ## 0x
			2 vduse create r0 features 0x1ffffffffffffffff            ## 0x1ffffffffffffffff
			2 vduse create r0 features 0x3000zz                       ## 0x3000zz
			2 vduse create r0 features +0x20                          ## 0x20
			# sizes
			2 vduse create r0 vq_align 0                              ## vq_align
			2 vduse create r0 vq_align 2                              ## vq_align
			2 vduse create r0 vq_align 6                              ## vq_align
			2 vduse create r0 vq_align 8192                           ## vq_align
			2 vduse create r0 bounce_size 4194303                     ## bounce_size
			2 vduse create r0 bounce_size 1048576                     ## bounce_size
			2 vduse create r0 bounce_size 0                           ## bounce_size
			2 vduse create r0 bounce_size 1073741825                  ## bounce_size
			2 vduse create r0 bounce_size 2147483648                  ## bounce_size
			2 vduse create r0 type block size 512 bounce_size 1048575 ## bounce_size
			2 vduse create r0 msg_timeout 0                           ## msg_timeout
			2 vduse create r0 mtu 67                                  ## mtu
			2 vduse create r0 mtu 0                                   ## mtu
			2 vduse create r0 mtu 65536                               ## mtu
			2 vduse create r0 vendor 4294967296                       ## vendor
			2 vduse create r0 vqs 65536                               ## vqs
		ROWS
		json_rows <<-'ROWS'
			2 vduse create r0 vqs 3                                   ## control|CTRL_VQ
			2 vduse create r0 features no_ACCESS_PLATFORM             ## ACCESS_PLATFORM
			2 vduse create r0 features NONSENSE                       ## NONSENSE
			2 vduse create r0 bounce_size 4194303                     ## bounce_size
		ROWS
		nothing_left
		# and the last values that are good
		rows <<-'ROWS'
			0 vduse create r0 vq_align 4 bounce_size 4194304 msg_timeout 1 mtu 68 vendor 4294967295
			0 vduse destroy r0
			0 vduse create r0 vq_align 4096 bounce_size 1073741824 mtu 65535 vendor 0 vqs 2
			0 vduse destroy r0
		ROWS
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "a name that is taken is 5, and the device there stays as it was" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create dup0 mtu 1400 msg_timeout 9
		expect 0 'vduse -j show dup0'
		before=$out
		json_rows <<-'ROWS'
			5 vduse create dup0                              ## dup0.*exists|exists.*dup0
			5 vduse create dup0 mtu 1300 msg_timeout 5       ## dup0
			5 vduse create dup0 type block size 4096                ## dup0
		ROWS
		expect 0 'vduse -j show dup0'
		[ "$before" = "$out" ] || complain "it changed: $out"
		device destroy dup0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "without the privileges it is 4, and says which one" {
	in_guest <<-'SCRIPT'
		nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
		unable='setpriv --bounding-set=-net_admin --inh-caps=-net_admin'
		device create there
		expect 4 "$nobody vduse create priv0" 'root|permi|privilege'
		expect 4 "$nobody vduse destroy there" 'root|permi|privilege'
		# a net device needs CAP_NET_ADMIN on top of the control node
		expect 4 "$unable vduse create priv0" 'CAP_NET_ADMIN'
		expect 4 "$nobody vduse loopback there" 'root|permi|privilege'
		nothing_left priv0
		# a block device does not
		expect 0 "$unable vduse create priv0 type block size 4096"
		# reading is for everyone
		expect 0 "$nobody vduse show there" there
		device destroy priv0
		device destroy there
		nothing_left
	SCRIPT
}
