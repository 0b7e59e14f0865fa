# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse destroy: what goes with a device, and when it must not.

load common
load device

@test "destroy: device, node, sysfs and record are gone, silently; the name is free again" {
	in_guest <<-'SCRIPT'
		device create gone0 type block size 4096 msg_timeout 5
		device create stays0
		run_line 'vduse destroy gone0'
		[ "$status$out$err" = 0 ] || complain "status $status, out: $out, err: $err"
		nothing_left gone0
		[ -e /dev/vduse/stays0 ] || complain 'another device went with it'
		expect 3 'vduse show gone0' gone0
		expect 0 'vduse create gone0'
		expect 0 'vduse -j show gone0' '"type":"net".*"msg_timeout":30'
		run_line 'vduse -j destroy gone0'
		[ "$status$out$err" = $'0{}\n' ] || complain "-j: status $status, out: ${out@Q}, err: $err"
		device destroy stays0
		nothing_left
	SCRIPT
}

@test "destroy: no such device is 3, whatever the name" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		json_rows <<-'ROWS'
			3 vduse destroy none                 ## none
			3 vduse destroy control              ## control
			3 vduse destroy 'a b'                ## a b
			3 vduse destroy $'a\nb'              ## a
			3 vduse destroy $'\e[31mred'         ## red
			3 vduse destroy ../../etc/passwd     ## passwd
			3 vduse destroy ..                   ## \.\.
			3 vduse destroy .                    ## \.
			3 vduse destroy %n%s                 ## %n%s
			3 vduse destroy $'\xff\xfe'
		ROWS
		expect 3 "vduse destroy $(printf 'n%.0s' {1..255})" nnnn
		expect 2 "vduse destroy $(printf 'n%.0s' {1..256})" nnnn
		[ -c /dev/vduse/control ] || complain 'the control node is gone'
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "destroy refuses what is served or attached, says by whom, and leaves it as it is" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create busy0
		device serve busy0
		pid=$(server_of busy0)
		json_rows <<-ROWS
			5 vduse destroy busy0    ## busy0.*$pid|$pid.*busy0
			5 vduse destroy busy0    ## vduse
		ROWS
		device attach busy0
		json_rows <<-ROWS
			5 vduse destroy busy0    ## vdpa
			5 vduse destroy busy0    ## vdpa dev del|vduse down
		ROWS
		[ -e "/sys/class/net/$(interface_of busy0)" ] || complain 'the interface is gone'
		kill -0 "$pid" || complain 'the server is gone'
		# attached, and nobody serves it any more
		echo 1 >/sys/class/vduse/busy0/msg_timeout
		device kill busy0
		expect 5 'vduse destroy busy0' 'vdpa'
		device detach busy0
		device destroy busy0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "destroy names a foreign process that has the node open" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create held0
		sleep 1000 9<>/dev/vduse/held0 &
		wait_until 5 fuser -s /dev/vduse/held0
		json_rows <<-ROWS
			5 vduse destroy held0     ## $!
			5 vduse destroy held0     ## sleep
			5 vduse loopback held0    ## sleep.*$!|$!.*sleep
		ROWS
		kill -KILL $!
		wait $! 2>/dev/null
		device destroy held0
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}
