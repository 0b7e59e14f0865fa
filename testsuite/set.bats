# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse set: attributes change together or not at all, within the kernel's rules.

load common
load device

@test "set: msg_timeout, bounce_size and irq_affinity change, together, silently" {
	in_guest <<-'SCRIPT'
		here=/sys/class/vduse/set0
		device create set0
		run_line 'vduse set set0 msg_timeout 7 bounce_size 0x800000 vq 1 irq_affinity 1'
		[ "$status$out$err" = 0 ] || complain "status $status, out: $out, err: $err"
		[ "$(<$here/msg_timeout) $(<$here/bounce_size) $(<$here/vq0/irq_cb_affinity) $(<$here/vq1/irq_cb_affinity)" = '7 8388608 3 2' ] ||
			complain "not all is as it was set: $(grep . $here/{msg_timeout,bounce_size,vq?/irq_cb_affinity})"
		run_line 'vduse -j set set0 vq 1 irq_affinity all'
		[ "$status$out$err" = $'0{}\n' ] || complain "-j: status $status, out: ${out@Q}, err: $err"
		[ "$(<$here/vq1/irq_cb_affinity)" = 3 ] || complain 'not all processors'
		expect 0 'vduse set set0 irq_affinity 0-1 vq 0'
		expect 0 'vduse show set0' 'msg_timeout 7 bounce_size 8388608'
		device destroy set0
	SCRIPT
}

@test "set: what cannot be is refused with a sentence, and nothing changed" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		here=/sys/class/vduse/set1
		device create set1
		json_rows <<-'ROWS'
			2 vduse set                                                ## name
			2 vduse set set1                                           ## nothing to set
			3 vduse set none msg_timeout 5                             ## none
			2 vduse set set1 msg_timeout 0                             ## msg_timeout
			2 vduse set set1 msg_timeout -1                            ## msg_timeout
			2 vduse set set1 msg_timeout 4294967296                    ## msg_timeout
			2 vduse set set1 msg_timeout 5 msg_timeout 6               ## msg_timeout
			2 vduse set set1 bounce_size 0                             ## bounce_size
			2 vduse set set1 bounce_size 4194305                       ## page
			2 vduse set set1 bounce_size 2097152                       ## 4194304
			2 vduse set set1 bounce_size 1073741825                    ## bounce_size
			2 vduse set set1 msg_timeout 9 bounce_size 2097152         ## 4194304
			2 vduse set set1 msg_timeout 9 vq 0                        ## belong together
			2 vduse set set1 msg_timeout 9 irq_affinity 0              ## belong together
			2 vduse set set1 msg_timeout 9 vq 2 irq_affinity 0         ## 0 to 1
			2 vduse set set1 msg_timeout 9 vq 0 irq_affinity 2         ## no processor 2
			2 vduse set set1 msg_timeout 9 vq 0 irq_affinity 0-9999    ## no processor 8192
			2 vduse set set1 msg_timeout 9 vq 0 irq_affinity 1-0       ## list of processors
			2 vduse set set1 msg_timeout 9 vq 0 irq_affinity ''        ## list of processors
			2 vduse set set1 msg_timeout 9 vq 0 irq_affinity 0x1       ## list of processors
			2 vduse set set1 nonsense 9                                ## nonsense
		ROWS
		[ "$(<$here/msg_timeout) $(<$here/bounce_size) $(<$here/vq0/irq_cb_affinity)" = '30 67108864 3' ] ||
			complain 'something changed'
		device destroy set1
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "set: bounce_size is for a device that was never attached; the rest is for any" {
	in_guest <<-'SCRIPT'
		here=/sys/class/vduse/set2
		device create set2
		device serve set2
		expect 5 'vduse set set2 bounce_size 8388608' "$(server_of set2)"
		expect 0 'vduse set set2 bounce_size 33554432'
		device attach set2
		expect 0 'vduse set set2 bounce_size 33554432'
		mask=$(<$here/vq0/irq_cb_affinity)
		expect 1 'vduse set set2 msg_timeout 9 bounce_size 67108864 vq 0 irq_affinity 0-1' 'before the device is attached'
		[ "$(<$here/msg_timeout) $(<$here/bounce_size) $(<$here/vq0/irq_cb_affinity)" = "30 33554432 $mask" ] ||
			complain 'something changed beside bounce_size, which was refused'
		expect 0 "vduse set set2 msg_timeout 9 vq 0 irq_affinity $((2 - mask))"
		[ "$(<$here/msg_timeout) $(<$here/vq0/irq_cb_affinity)" = "9 $((3 - mask))" ] || complain 'not set'
		undo set2
	SCRIPT
}

@test "set: what the kernel refuses last undoes what it took before" {
	in_guest <<-'SCRIPT'
		here=/sys/class/vduse/set4 online=/sys/devices/system/cpu/cpu1/online
		device create set4
		echo 0 >$online || broken 'the second processor cannot be taken away'
		expect 1 'vduse set set4 msg_timeout 9 bounce_size 8388608 vq 0 irq_affinity 1' online
		echo 1 >$online
		[ "$(<$here/msg_timeout) $(<$here/bounce_size) $(<$here/vq0/irq_cb_affinity)" = '30 67108864 3' ] ||
			complain "it left $(<$here/msg_timeout) $(<$here/bounce_size) $(<$here/vq0/irq_cb_affinity)"
		device destroy set4
	SCRIPT
}

@test "set: without privilege it is 4, and nothing changed" {
	in_guest <<-'SCRIPT'
		device create set3
		expect 4 'setpriv --reuid 65534 --clear-groups --bounding-set -all --inh-caps -all vduse set set3 msg_timeout 9' set3
		[ "$(</sys/class/vduse/set3/msg_timeout)" = 30 ] || complain 'it changed'
		device destroy set3
	SCRIPT
}

@test "set: link moves the carrier, from another network namespace too, and is undone with the rest" {
	in_guest <<-'SCRIPT'
		carrier() { [ "$(cat "/sys/class/net/$interface/carrier" 2>/dev/null)" = "$1" ]; }
		device create set5
		expect 1 'vduse set set5 link down' 'nobody serves it'
		device serve set5
		device attach set5
		interface=$(interface_of set5)
		ip link set "$interface" up
		wait_until 5 carrier 1 || broken 'no carrier to begin with'
		run_line 'vduse set set5 link down'
		[ "$status$out$err" = 0 ] || complain "status $status, out: $out, err: $err"
		wait_until 1 carrier 0 || complain 'the carrier is still there'
		expect 0 'vduse set set5 link down'
		expect 0 'unshare -n vduse set set5 link up'
		wait_until 1 carrier 1 || complain 'the carrier does not come back'
		expect 4 'setpriv --reuid 65534 --clear-groups --bounding-set -all --inh-caps -all vduse set set5 link down' set5
		carrier 1 || complain 'somebody without privilege lowered the link'
		# a lowered link outlives its server, however that ends, as the driver's state does
		need 0 'vduse set set5 link down'
		wait_until 1 carrier 0 || complain 'the carrier is still there'
		device kill set5
		device serve set5
		expect 0 'vduse -d show set5' 'link down'
		carrier 0 || complain 'the next server raised the link'
		device stop set5
		device serve set5
		expect 0 'vduse set set5 link up'
		wait_until 5 carrier 1 || complain 'no carrier'
		undo set5
	SCRIPT
}

@test "set: a server that is stopped, or is not ours, is named, and nothing else changed" {
	in_guest <<-'SCRIPT'
		here=/sys/class/vduse/set6
		device create set6
		device serve set6
		pid=$(server_of set6)
		kill -STOP "$pid"
		expect 6 'vduse set set6 msg_timeout 9 link down' "$pid .vduse.*stopped"
		in_time 50 'to ask a server that is stopped'
		[ "$(<$here/msg_timeout)" = 30 ] || complain 'msg_timeout changed'
		kill -CONT "$pid"
		device stop set6
		exec {node}<>/dev/vduse/set6
		expect 5 'vduse set set6 msg_timeout 9 link down' "$$"
		[ "$(<$here/msg_timeout)" = 30 ] || complain 'msg_timeout changed'
		exec {node}>&-
		# what a killed server leaves behind is nobody, and goes with the device
		device serve set6
		device kill set6
		[ -S /run/vduse/set6.sock ] || complain 'no socket was left behind: then this shows nothing'
		expect 1 'vduse set set6 link down' 'nobody serves it'
		device serve set6
		expect 0 'vduse set set6 link up'
		device stop set6
		[ ! -e /run/vduse/set6.sock ] || complain 'a server that ended left its socket'
		device serve set6
		device kill set6
		device destroy set6
		[ ! -e /run/vduse/set6.sock ] || complain 'destroy left a socket'
	SCRIPT
}
