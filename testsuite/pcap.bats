# SPDX-License-Identifier: GPL-2.0-or-later
#
# "pcap FILE" of vduse loopback: what is in the file, and what becomes of file and
# device when the file does not take it. tcpdump and tshark also read the format.

load common
load device
load traffic

@test "pcap: the file has every frame that was transmitted and delivered, byte for byte, by device, direction and virtqueue, and no one else may read it" {
	in_guest <<-'SCRIPT'
		cd /tmp
		umask 0
		bring_up pp0 -- pcap pp0.pcapng user nobody
		server=$(server_of pp0)
		[ "$(stat -c '%a %u %s' pp0.pcapng)" = "600 0 96" ] || complain "before traffic: $(stat -c '%a %u %s' pp0.pcapng)"
		carries frames "$interface" sizes 60-1514:13 count 1500
		# it is there while the process serves, and after it was killed
		written() { answer=$(capture pp0.pcapng) && [ "$(field out_a)" = 1500 ] && [ "$(field in_a)" = 1500 ]; }
		wait_until 3 written || complain "running: $answer"
		answers 'unlike == 0' 'backwards == 0' 'odd_queues_a == 0' 'cut == 0' 'bytes_in_a == bytes_out_a'
		carries frames "$interface" kind tcp4 partial gso 1448 sizes 30000 count 50 allow csum,tso4
		device kill pp0
		answer=$(capture pp0.pcapng) || complain "killed: $answer"
		answers 'out_a >= 1500' 'out_a <= 1550' 'unlike == 0' 'cut < 31000'
		# another server, the same file: begun anew
		device serve pp0 pcap /tmp/pp0.pcapng
		carries frames "$interface" count 10
		device stop pp0
		answer=$(capture pp0.pcapng) || complain "ended: $answer"
		answers 'out_a == 10' 'in_a == 10' 'seen_a == 20' 'lost_a == 0' 'statistics_a == 1' 'cut == 0'
		device serve pp0
		undo pp0
		rm pp0.pcapng
		# two devices; frames are recorded as transmitted, and as the other one receives them
		pair_up pp1 pp2 mtu 2000 -- features no_GUEST_CSUM,no_GUEST_TSO4,no_GUEST_TSO6,no_GUEST_ECN mtu 1500
		device stop pp1
		device serve pp1 peer pp2 pcap pair.pcapng
		carries frames $left to $right sizes 60-1514:101
		carries frames $right to $left kind tcp4 sizes 90 count 7
		carries frames $left to $right kind tcp4 partial gso 1000 sizes 10000 count 20
		pieces=$(field pieces)
		answer=$(frames $left to $right sizes 1515,2000 count 4 timeout 100)
		pair_down pp1 pp2
		answer=$(capture pair.pcapng) || complain "$answer"
		[[ $answer = *'"name_a":"pp1"'*'"name_b":"pp2"'* ]] || complain "$answer"
		answers "out_a == 15 + 20 + 4" 'in_a == 7' 'out_b == 7' "in_b == 15 + $pieces" \
			'bytes_out_a > bytes_in_b - 20 * 1000' "unlike > 0" 'odd_queues_a + odd_queues_b == 0' 'lost_a + lost_b == 0'
		# a reader that is not ours
		expect 0 "tcpdump -r pair.pcapng --count 2>/dev/null" "$((15 + 20 + 4 + 7 + 7 + 15 + pieces)) packets"
		expect 0 "tcpdump -nvr pair.pcapng 2>/dev/null | grep -c 'incorrect'" '^20'
		rm pair.pcapng
	SCRIPT
}

@test "pcap: tshark reads of every frame by which device, in which direction and in which virtqueue it passed, and its bytes" {
	command -v tshark >/dev/null || fail 'no tshark: testsuite/install-deps installs it'
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/pair.pcapng"
		pair_up pt0 pt1
		device stop pt0
		device serve pt0 peer pt1 pcap /tmp/pt.pcapng
		carries frames $left to $right kind udp4 sizes 60-1514:101
		carries frames $right to $left kind udp6 sizes 90 count 7
		pair_down pt0 pt1
		cat /tmp/pt.pcapng
		rm /tmp/pt.pcapng
	SCRIPT
	tshark -n -r "$BATS_TEST_TMPDIR/pair.pcapng" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
		-T fields -E separator=' ' -e frame.interface_name -e frame.packet_flags_direction \
		-e frame.interface_queue -e frame.len -e frame.cap_len -e udp.checksum.status -e udp.payload \
		>"$BATS_TEST_TMPDIR/frames" 2>"$BATS_TEST_TMPDIR/said" || fail "$(cat "$BATS_TEST_TMPDIR/said")"
	! grep -v '^Running as user' "$BATS_TEST_TMPDIR/said"
	# what tshark calls 1 is inbound, and 2 outbound; a checksum that is right is 1
	run -0 awk '{ seen[$1 " direction " substr($2, length($2)) " queue " $3]++; good += $6 == 1; whole += $4 == $5 }
		END { for (what in seen) print what ": " seen[what] | "sort"
			close("sort"); print good " good, " whole " whole of " NR }' \
		"$BATS_TEST_TMPDIR/frames"
	assert_output - <<-'END'
		pt0 direction 1 queue 0: 7
		pt0 direction 2 queue 1: 15
		pt1 direction 1 queue 0: 15
		pt1 direction 2 queue 1: 7
		44 good, 44 whole of 44
	END
	# each arrives as it was sent, in that order, and no two are alike
	for pair in 'pt0 pt1' 'pt1 pt0'; do
		sent=$(awk -v name="${pair% *}" '$1 == name && $2 ~ /2$/ { print $4, $7 }' "$BATS_TEST_TMPDIR/frames")
		came=$(awk -v name="${pair#* }" '$1 == name && $2 ~ /1$/ { print $4, $7 }' "$BATS_TEST_TMPDIR/frames")
		[ -n "$sent" ] && [ "$sent" = "$came" ]
		[ -z "$(sort <<<"$sent" | uniq -d)" ]
	done
	run -0 awk '$1 == "pt0" && $2 ~ /2$/ { print $4 }' "$BATS_TEST_TMPDIR/frames"
	assert_output "$(seq 60 101 1514)"
}

@test "pcap: files that cannot be had are refused with the reason, before anything is served" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create pr0
		T2=$(mktemp -d)
		cd "$T2"
		mkdir folder
		ln -s target link
		mkfifo fifo
		echo theirs >theirs
		chown nobody theirs
		echo ours >ours
		chmod 644 ours
		json_rows <<-ROWS
			1 vduse loopback pr0 pcap folder                  ## folder.*directory
			1 vduse loopback pr0 pcap folder background       ## folder.*directory
			1 vduse loopback pr0 pcap link                    ## symbolic link
			1 vduse loopback pr0 pcap fifo                    ## FIFO that nobody reads
			4 vduse loopback pr0 pcap theirs                  ## another user
			3 vduse loopback pr0 pcap none/file               ## none/file
			1 vduse loopback pr0 pcap /dev/full               ## capture.*space
			3 vduse loopback pr0 pcap ''                      ## record
			2 vduse loopback pr0 pcap                         ## pcap
			3 vduse loopback none pcap ours                   ## none
		ROWS
		[ ! -e target ] || complain 'a file was made through a symbolic link'
		[ "$(cat theirs)" = theirs ] || complain 'the file of another user was emptied'
		[ "$(cat ours)" = ours ] || complain 'a file was emptied for a device that is not there'
		[ -z "$(server_of pr0)" ] || complain 'the node is open'
		device serve pr0 pcap ours
		[ "$(stat -c %a ours)" = 600 ] || complain "mode $(stat -c %a ours)"
		device stop pr0
		device destroy pr0
		rm -r "$T2"
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "proc-67 pcap: a full disk, a limit of the file, a reader that sleeps or goes: the device goes on, what is lost is counted and told, the file is whole" {
	in_guest <<-'SCRIPT'
		# recording NAME COMMAND...: a server, its words kept, under frames
		recording()
		{
			: >"$T.said"
			"$@" >"$T.ready" 2>"$T.said" &
			server=$!
			wait_until 5 test -s "$T.ready" || broken "$*: $(cat "$T.said")"
			carries frames "$interface" sizes 1000 count 2000
		}
		ends()
		{
			local start=${EPOCHREALTIME/./}

			kill $server
			wait $server || complain "$1: status $?"
			start=$(((${EPOCHREALTIME/./} - start) / 1000))
			[ $start -lt 60000 ] || complain "$1: took $start ms to end"
		}
		whole()
		{
			answer=$(capture "$1") || complain "$1: $answer"
			answers 'cut == 0' "seen_a == $2" 'out_a + in_a + lost_a == seen_a'
		}
		bring_up pf0
		device stop pf0
		mkdir /tmp/disk
		mount -t tmpfs -o size=1m small /tmp/disk
		recording vduse loopback pf0 pcap /tmp/disk/f
		wait_until 3 grep -q 'No space left' "$T.said" || complain "a full disk: $(cat "$T.said")"
		ends 'a full disk'
		whole /tmp/disk/f 4000
		answers 'lost_a > 2000' 'out_a > 400'
		grep -q "lacks $(field lost_a) of 4000" "$T.said" || complain "a full disk: $(cat "$T.said")"
		# room again: it goes on, and nothing is missing that the ring had room for
		recording vduse loopback pf0 pcap /tmp/disk/f
		wait_until 3 grep -q 'No space left' "$T.said" || complain "a full disk: $(cat "$T.said")"
		mount -o remount,size=20m /tmp/disk
		nap 0.5
		carries frames "$interface" sizes 1000 count 100
		ends 'room again'
		whole /tmp/disk/f 4200
		answers 'lost_a == 0'
		umount /tmp/disk
		rmdir /tmp/disk
		recording prlimit --fsize=500000 vduse loopback pf0 pcap /tmp/limited
		wait_until 3 grep -q 'ended.*too large' "$T.said" || complain "a limit: $(cat "$T.said")"
		ends 'a limit'
		whole /tmp/limited 4000
		answers 'lost_a > 2000' 'out_a > 100'
		rm /tmp/limited
		# a reader that takes nothing, then goes
		mkfifo /tmp/fifo
		sleep 1000 </tmp/fifo &
		reader=$!
		recording vduse loopback pf0 pcap /tmp/fifo
		carries frames "$interface" sizes 1514 count 6000
		wait_until 3 grep -q 'too slowly.*lacks' "$T.said" || complain "a slow reader: $(cat "$T.said")"
		kill $reader
		wait $reader
		wait_until 3 grep -q 'nobody reads' "$T.said" || complain "a reader that went: $(cat "$T.said")"
		carries frames "$interface" sizes 1000 count 100
		kill -USR1 $server
		wait_until 3 grep -q 'recorded 16200 unrecorded' "$T.said" || complain "counted: $(cat "$T.said")"
		ends 'a reader that went'
		grep -q 'lacks .* of 16200' "$T.said" || complain "a reader that went: $(cat "$T.said")"
		# the end does not wait for it for long either
		sleep 1000 </tmp/fifo &
		reader=$!
		recording vduse loopback pf0 pcap /tmp/fifo
		ends 'a reader that sleeps'
		kill $reader
		wait $reader
		rm /tmp/fifo
		device serve pf0
		undo pf0
	SCRIPT
}
