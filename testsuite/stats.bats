# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse stats and vduse show -d -s: what the process that serves a device says of it.

load common
load device
load traffic

@test "stats: the counters are those of the traffic, in text and JSON; who is not ours has none" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		bring_up st0
		run_line 'vduse -j stats st0'
		printf %s "$out"
		carries frames "$interface" sizes 60-1514:97,60 count 500
		sent=$(field sent)
		run_line 'vduse -j stats st0'
		printf %s "$out"
		echo "$sent"
		expect 0 'vduse stats st0' 'tx vq 1 frames [1-9]'
		device create st1
		exec {node}<>/dev/vduse/st1
		expect 5 'vduse stats st1' "$$"
		run_line 'vduse -j stats'
		printf %s "$out"
		[ -z "$err" ] || complain "about all of them: $err"
		exec {node}>&-
		expect 1 'vduse stats st1' 'nobody serves'
		expect 3 'vduse stats none' none
		expect 2 'vduse stats st0 interval 0' interval
		expect 2 'vduse stats interval 0' interval
		expect 3 'vduse stats interval' interval
		expect 3 'vduse stats -- interval interval 1' interval
		device destroy st1
		undo st0
	SCRIPT
	mapfile -t line <"$BATS_TEST_TMPDIR/json"
	run -0 jq -en --argjson before "${line[0]}" --argjson after "${line[1]}" --argjson sent "${line[2]}" '
		($after.stats.st0.tx.frames - $before.stats.st0.tx.frames >= $sent) and
		($after.stats.st0.rx.frames == $after.stats.st0.tx.frames) and
		($after.stats.st0.tx.kicks > 0) and ($after.stats.st0.dropped == {})'
	run -0 jq -e '.stats | keys == ["st0"]' <<<"${line[3]}"
}

@test "stats interval: a line of JSON for each look, rates that fit the traffic, 0 on SIGINT and SIGTERM" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		bring_up st2
		vduse -j stats st2 interval 1 >/tmp/st2.out 2>/tmp/st2.err & follower=$!
		for ((try = 0; try < 10000 && $(wc -l </tmp/st2.out) < 3; try++)); do
			carries frames "$interface" sizes 1000 count 200
		done
		kill -INT $follower
		wait $follower
		[ $? = 0 ] || complain "status $? on SIGINT"
		[ ! -s /tmp/st2.err ] || complain "says: $(cat /tmp/st2.err)"
		cat /tmp/st2.out
		vduse stats interval 1 >/tmp/st2.out & follower=$!
		rows() { [ "$(grep -c '^st2  ' /tmp/st2.out)" -ge 2 ]; }
		wait_until 5 rows || complain "not two rows: $(cat /tmp/st2.out)"
		kill -TERM $follower
		wait $follower
		[ $? = 0 ] || complain "status $? on SIGTERM"
		grep -q '^name  *rx/s' /tmp/st2.out || complain 'no head of the table'
		# on a terminal each table takes the place of the one before it
		on_terminal vduse stats st2 interval 1 >/tmp/st2.out & terminal=$!
		wait_until 5 rows || complain "not two rows: $(cat -v /tmp/st2.out)"
		pkill -INT -P $terminal
		wait $terminal || complain "status $? on SIGINT"
		[ "$(grep -c $'^\e\\[2A\e\\[Jname ' /tmp/st2.out)" = $(($(grep -c '^st2  ' /tmp/st2.out) - 1)) ] ||
			complain "the second table takes no place: $(cat -v /tmp/st2.out)"
		# the server ends: so does who follows it alone
		vduse stats st2 interval 1 >/dev/null 2>/tmp/st2.err & follower=$!
		nap 0.3
		device detach st2
		device stop st2
		wait $follower
		[ $? = 1 ] || complain "status $? when the server ended"
		grep -q 'nobody serves it' /tmp/st2.err || complain "says: $(cat /tmp/st2.err)"
		rm -f /tmp/st2.out /tmp/st2.err
		device destroy st2
	SCRIPT
	# rates are whole numbers: what little a machine that is busy carries in a second is not exact
	run -0 jq -es 'length >= 3 and all(.[]; .name == "st2" and (.timestamp | test("^20[0-9-]+T[0-9:]+\\.[0-9]{6}Z$")) and
			.milliseconds >= 900) and
		([.[] | select(.tx.frames >= 20 and .rx.frames >= 20)] | length > 0 and
			all(.[]; .tx.bits / .tx.frames > 7500 and .tx.bits / .tx.frames < 8500))' "$BATS_TEST_TMPDIR/json"
}

@test "show: -d tells link, status, negotiated features and virtqueues of a served device, -s its counters; broken is told" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create sd0
		device serve sd0
		run_line 'vduse -j -d show sd0'
		printf %s "$out"
		device attach sd0
		interface=$(interface_of sd0)
		raise "$interface"
		run_line 'vduse -j -d -s show sd0'
		printf %s "$out"
		expect 0 'vduse show sd0' 'attached true broken false'
		expect 0 'vduse -d show sd0' $'vq 0 ready true size 256 next_avail [0-9]'
		expect 0 'vduse -d show sd0' 'link up status ACKNOWLEDGE DRIVER FEATURES_OK DRIVER_OK'
		expect 0 'vduse -s show sd0' 'rx vq 0 frames'
		need 0 'vduse set sd0 link down'
		expect 0 'vduse -d show sd0' 'link down'
		# a server that does not answer costs two seconds, and what the kernel tells is shown
		pid=$(server_of sd0)
		kill -STOP $pid
		run_line 'vduse show sd0'
		in_time 50 'to show a device whose server is stopped'
		[[ $status = 0 && $out = *'served true attached true driver'* && $err = *"$pid"*stopped* ]] ||
			complain "status $status, out: $out, err: $err"
		kill -CONT $pid
		undo sd0
	SCRIPT
	mapfile -t line <"$BATS_TEST_TMPDIR/json"
	run -0 jq -e '.vduse.sd0 | .broken == false and .link == "up" and .status == ["reset"] and
		([.virtqueues[].ready] == [false, false]) and (has("negotiated_features") | not)' <<<"${line[0]}"
	run -0 jq -e '.vduse.sd0 | .status == ["ACKNOWLEDGE", "DRIVER", "FEATURES_OK", "DRIVER_OK"] and
		([.virtqueues[] | .ready, .size] == [true, 256, true, 256]) and
		(.negotiated_features | index("VERSION_1") and index("MRG_RXBUF")) and
		(.counters.rx.vq == 0) and (.counters.tx | has("kicks"))' <<<"${line[1]}"
}
