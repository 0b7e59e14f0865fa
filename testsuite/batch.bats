# SPDX-License-Identifier: GPL-2.0-or-later
#
# -b FILE and -f of both commands: a command a line. (-T in a batch and a device
# process that does not answer stand here, too; waiting.bats has single commands.)

load common
load device

# in_batch: in_guest, with what is below as well.
in_batch()
{
	local script

	script=$(declare -f batch stderr_is start ask finish_session quiet
		echo 'declare -A to from process'; cat)
	in_guest "$@" <<<"$script"
}

# -- inside the guest ------------------------------------------------------------

# batch STATUS COMMAND <<LINES: COMMAND with -b and a file of these lines ends with
# STATUS; leaves out, err (the file is called FILE there) and ms.
batch()
{
	local lines

	IFS= read -r -d '' lines
	printf %s "$lines" >"$T.batch"
	run_line "$2 -b $T.batch"
	err=${err//"$T.batch"/FILE}
	[ "$status" = "$1" ] || complain "$2: status $status, expected $1
$lines
  standard output: ${out:0:1000}
  standard error: ${err:0:1000}"
}

# stderr_is REGEX...: err has just these lines.
stderr_is()
{
	local line lines=()

	mapfile -t lines <<<"${err%$'\n'}"
	[ ${#lines[@]} = $# ] || complain "standard error has ${#lines[@]} lines, not $#: $err"
	for line in "${lines[@]}"; do
		[[ $line =~ $1 ]] || complain "no line like $1: $line"
		shift
	done
}

# start NAME COMMAND...: COMMAND reads what ask NAME LINE writes, and answers.
start()
{
	local name=$1 in out
	shift

	mkfifo "$T.in.$name" "$T.out.$name"
	"$@" <"$T.in.$name" >"$T.out.$name" 2>"$T.err.$name" &
	process[$name]=$!
	exec {in}>"$T.in.$name" {out}<"$T.out.$name"
	to[$name]=$in from[$name]=$out
}

# ask NAME LINE [REGEX]: the answer is there before anything else is asked. A session
# with -j begins its document with the first answer.
ask()
{
	local begin=${EPOCHREALTIME/./}

	printf '%s\n' "$2" >&"${to[$1]}"
	answer=
	read -r -t 300 answer <&"${from[$1]}" || complain "$1: no answer to $2"
	[ "$answer" != '[' ] || read -r -t 300 answer <&"${from[$1]}" || complain "$1: no answer to $2"
	ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	[ -z "${3-}" ] || [[ $answer =~ $3 ]] || complain "$1: $2 is not answered like $3: $answer"
}

# finish_session NAME STATUS: no more lines; rest is what it still writes.
finish_session()
{
	local fd=${to[$1]}

	exec {fd}>&-
	IFS= read -r -d '' -t 300 -u "${from[$1]}" rest
	wait "${process[$1]}"
	status=$?
	[ $status = "$2" ] || complain "$1: status $status, expected $2"
	fd=${from[$1]}
	exec {fd}<&-
	IFS= read -r -d '' err <"$T.err.$1"
	rm -f "$T.in.$1" "$T.out.$1" "$T.err.$1"
}

# quiet: no vdpa and no vduse runs; servers do.
quiet()
{
	local pid

	for pid in $(pgrep -x 'vdpa|vduse'); do
		[[ $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) = *@(' loopback '|' --worker ')* ]] || return 1
	done
}

# -- tests -----------------------------------------------------------------------

@test "batch: lines from a pipe, each answered before the next; the whole life of a device" {
	in_batch <<-'SCRIPT'
		start vduse vduse -j -f -b -
		start vdpa vdpa -j -b -
		done_='"status":0,"output":'
		ask vduse 'create bl0 mac 02:00:00:00:00:01' "$done_"'\{\}'
		ask vduse 'loopback bl0 background' "$done_"'\[\{"object":"virtio","event":"start","name":"bl0","vq_size":256,"pid":[0-9]+\}\]'
		server=$(service_of bl0) worker=$(server_of bl0)
		[[ $answer = *'"pid":'$server'}'* ]] || complain "not process $server: $answer"
		ask vdpa '# not asked yet
		dev add name bl0 mgmtdev vduse driver virtio_vdpa' '"line":2,.*'"$done_"'\{\}'
		interface=$(interface_of bl0) || complain 'no interface'
		ask vdpa 'dev show bl0' "$done_.*\"netdev\":\"$interface\""
		ask vduse 'show bl0' "$done_.*\"served\":true,\"attached\":true.*\"vduse loopback\""
		ask vdpa 'dev bind bl0 driver vhost_vdpa' "$done_"
		[ "$(driver_of bl0)" = vhost_vdpa ] || complain 'not bound to vhost_vdpa'
		ask vdpa 'dev config show bl0' "$done_.*\"mac[^,]*02:00:00:00:00:01"
		ask vdpa 'dev del bl0' "$done_"
		attached bl0 && complain 'still attached'
		ask vduse 'destroy bl0' '"status":5,"error":.*'"$worker"
		# what served is a child of the batch, and no zombie longer than to the next line
		kill $server
		wait_until 5 eval '! fuser -s /dev/vduse/bl0'
		ask vduse 'destroy bl0' "$done_"
		[ ! -e /proc/$server ] || complain "the server is still process $server: $(grep State /proc/$server/status)"
		finish_session vdpa 0
		[ "$rest" = $']\n' ] || complain "the document of vdpa ends with: $rest"
		[ -z "$err" ] || complain "standard error: $err"
		finish_session vduse 5
		[[ $err = '{"error":'*'"file":"-","line":4}}'$'\n' ]] || complain "standard error: $err"
		# text, too, and without a line feed at the end
		start show vduse -b -
		ask show '-V' '^vduse utility'
		ask show 'destroy -h' '^Usage'
		printf %s '-V' >&"${to[show]}"
		finish_session show 0
		[[ $rest = 'vduse utility'* ]] || complain "the last line gave: $rest"
		nothing_left
	SCRIPT
}

@test "batch: 1000 shows over one netlink socket that finds the family once" {
	in_batch >"$BATS_TEST_TMPDIR/figures" <<-'SCRIPT'
		for name in bs0 bs1; do
			device create $name
			device serve $name
			device attach $name
		done
		for ((i = 0; i < 1000; i++)); do
			echo "dev show bs$((i % 2))"
		done >"$T.batch"
		run_line "vdpa -b $T.batch"
		[ $status = 0 ] || complain "status $status: $err"
		mapfile -t lines <<<"${out%$'\n'}"
		[ ${#lines[@]} = 1000 ] || complain "${#lines[@]} lines of 1000"
		[[ ${lines[998]} = 'bs0: '*virtio_vdpa* && ${lines[999]} = 'bs1: '*virtio_vdpa* ]] || complain "the last lines: ${lines[*]:998}"
		echo "1000 shows in one batch: $ms ms"
		head -n 100 "$T.batch" >"$T.some"
		run_line "strace -qq -f --seccomp-bpf -o $T.trace -e trace=socket,bind,sendto,sendmsg vdpa -b $T.some"
		[ $status = 0 ] || complain "strace: $status: $err"
		sockets=$(grep -c 'socket(AF_NETLINK' "$T.trace")
		binds=$(grep -c 'bind(' "$T.trace")
		lookups=$(grep -c 'nlmsg_type=nlctrl' "$T.trace")
		asked=$(grep -c 'send[a-z]*(' "$T.trace")
		[ "$sockets $binds $lookups" = '1 1 1' ] || complain "sockets $sockets, binds $binds, look-ups of the family $lookups"
		[ $asked = 101 ] || complain "$asked messages were sent for 100 lines"
		rm -f "$T.trace" "$T.some" "$T.batch"
		undo bs0 bs1
		nothing_left
	SCRIPT
	sed 's/^/# /' "$BATS_TEST_TMPDIR/figures" >&3
}

@test "cli-90 batch: the first failure stops it and gives the status; with -f all lines run" {
	in_batch >"$BATS_TEST_TMPDIR/json" <<-'SCRIPT'
		IFS= read -r -d '' lines <<-'LINES'
			# a comment, then a line that joins the next \
			create bf0 \
			  mac 02:00:00:00:00:01   # as it should be

			destroy none
			create bf1 mtu
			"create" 'bf2' m"ac" '02:00:00:00:00:02'
			destroy ' odd"name '
			show bf0
			create bf3 'mtu
			destroy bf0
		LINES
		batch 3 'vduse' <<<"$lines"
		stderr_is '^FILE:5: vduse destroy: none: .*; '
		[ -e /sys/class/vduse/bf0 ] || complain 'what stood before the failure was not done'
		[ ! -e /sys/class/vduse/bf2 ] || complain 'a line after the failure was done'
		device destroy bf0
		batch 3 'vduse -f' <<<"$lines"
		stderr_is '^FILE:5: vduse destroy: none: ' '^FILE:6: vduse create: "mtu" needs a value' \
			'^FILE:8: vduse destroy:  odd"name : ' "^FILE:10: vduse: a quote \\('\\) is not closed"
		[[ $out = 'bf0: type net '*$'\n' ]] || complain "printed: $out"
		[ ! -e /sys/class/vduse/bf0 ] || complain 'the last line was not done'
		device destroy bf2
		batch 3 'vduse -jf' <<<"$lines"
		printf '%s\0%s\0' "$out" "$err" >&3
		device destroy bf2
		# one more failure than there are lines of it: the batch itself
		batch 2 'vduse -j' <<<'create bf0 mtu'
		[[ $out = $'[\n{"line":1,"command":"create bf0 mtu","status":2,"error":{'*$'}\n]\n' ]] || complain "document: $out"
		batch 5 'vduse -j -p' <<<$'create bf0 mac 02:00:00:00:00:01\n create bf0\n\ncreate bf0 mtu'
		printf '%s\0%s\0' "$out" "$err" >&3
		device destroy bf0
		nothing_left
	SCRIPT
	jq -eRrs 'split("\u0000") as [$all, $all_errors, $pretty] | ($pretty | fromjson | map([.line, .status])) == [[1, 0], [2, 5]] and
		($pretty | fromjson | .[1].error.errno == "EEXIST" and .[0].output == {}) and
		($all | fromjson |
			map(.line) == [2, 5, 6, 7, 8, 9, 10, 11] and map(.status) == [0, 3, 2, 0, 3, 0, 2, 0] and
			all(.[]; has("output") == (.status == 0) and has("error") == (.status != 0)) and
			.[0].command == "create bf0   mac 02:00:00:00:00:01   # as it should be" and
			.[4].command == "destroy \u0027 odd\"name \u0027" and .[4].error.object == " odd\"name " and
			.[5].output.vduse.bf0.type == "net" and .[1].error.command == "vduse destroy") and
		($all_errors | split("\n")[:-1] | map(fromjson.error) | map(.line) == [5, 6, 8, 10] and
			map(.status) == [3, 2, 3, 2] and all(.[]; .file == "FILE"))' "$BATS_TEST_TMPDIR/json" || {
		tr '\0' '\n' <"$BATS_TEST_TMPDIR/json"
		false
	}
}

@test "cli-89 batch files: no final newline, CRLF, NUL, 10 MB in a line, a directory, itself, none" {
	in_batch <<-'SCRIPT'
		batch 0 'vduse' <<<$'create bn0 mac 02:00:00:00:00:01\r\ncreate bn1 \\\r\n mac 02:00:00:00:00:02\r\n\r\n'
		[ -e /sys/class/vduse/bn0 ] && [ -e /sys/class/vduse/bn1 ] || complain 'CRLF: not created'
		printf 'destroy bn0\ndestroy bn1' >"$T.file"
		expect 0 "vduse -b $T.file"
		printf 'create bn0 mac 02:00:00:00:00:01\ndestroy bn0\ndestroy bn\0\ncreate bn1\n' >"$T.file"
		expect 2 "vduse -b $T.file" 'line 3 .*NUL'
		expect 2 "vduse -f -b $T.file" 'line 3 .*NUL'
		{ echo '-V'; head -c 10M /dev/zero | tr '\0' x; echo; echo '-V'; } >"$T.file"
		run_line "vduse -f -b $T.file"
		[ $status = 2 ] || complain "10 MB: status $status"
		[[ $err = 'vduse: '*'line 2 is longer than 1048576 bytes'$'\n' ]] || complain "10 MB: ${err:0:300}"
		[ "${out%% *}" = vduse ] || complain "the line before it gave ${out:0:300}"
		rows <<-'ROWS'
			1 vduse -b /                             ## directory
			1 vdpa -b - <&-                          ## descriptor
			3 vdpa -b /nonexistent                   ## /nonexistent
			0 vdpa -b /dev/null
			2 vdpa -b /dev/null -b /dev/null         ## batch
			2 vdpa -b /dev/null dev show             ## batch
			2 vdpa -b ''                             ## batch
			2 vdpa dev show -b                       ## value
		ROWS
		echo "-b $T.file" >"$T.file"
		expect 2 "vduse -b $T.file" ':1: .*before -b'
		# other sources; what serves holds nothing of them
		mkfifo "$T.fifo"
		(printf 'create bn0 mac 02:00:00:00:00:01\n'; nap 0.2; printf 'loopback bn0\nloopback bn0 background\n' ) >"$T.fifo" &
		run_line "vduse -f -b $T.fifo"
		wait $!
		[ $status = 2 ] || complain "fifo: status $status"
		[[ $err = *'in_guest'*':2: vduse loopback: '*'--help'* ]] || complain "loopback without background: $err"
		[[ $out = 'bn0: ready '* ]] || complain "fifo: $out $err"
		server=$(server_of bn0)
		for fd in /proc/$server/fd/*; do
			[[ $(readlink "$fd") != *in_guest* ]] || complain "the server holds $(readlink "$fd")"
		done
		device stop bn0
		device destroy bn0
		rm -f "$T.file" "$T.fifo"
		nothing_left
	SCRIPT
}

@test "cli-95 batch: a line that the kernel keeps waiting ends at -T with 6, and the next one goes on" {
	in_batch <<-'SCRIPT'
		device create bw0 msg_timeout 600
		device serve bw0
		device create bw1
		device serve bw1
		device attach bw1
		pid=$(server_of bw0)
		kill -STOP $pid
		start vdpa vdpa -j -f -T 1 -b -
		ask vdpa 'dev add name bw0 mgmtdev vduse' '"status":6,"error":.*'"$pid"
		[ $ms -ge 900 ] && [ $ms -lt 50000 ] || complain "-T 1 before -b: $ms ms"
		ask vdpa 'dev show' '"status":6,"error":.*'"$pid"
		# the add still waits, and the process of bw1 is well
		ask vdpa 'dev show bw1' '"status":6,"error":.*'"$pid"
		[[ $answer != *"$(server_of bw1)"* ]] || complain "the wrong process is named: $answer"
		ask vdpa 'dev show -T 2' '"status":6,"error":.*within 2 s'
		[ $ms -ge 1900 ] && [ $ms -lt 50000 ] || complain "-T 2 in a line: $ms ms"
		# without -f the first one ends it, and what comes after it is not done
		batch 6 'vdpa -T 1' <<<$'-V\ndev show\ndev del bw0'
		stderr_is "^FILE:2: vdpa dev show: .*$pid"
		[[ $out = 'vdpa utility'* ]] || complain "printed: $out"
		# another program's batch does not need the family
		batch 0 'vduse' <<<$'show bw0\nshow'
		kill -CONT $pid
		ask vdpa 'dev show bw0 -T 300' '"status":0,"output":.*bw0'
		ask vdpa 'dev del bw0 -T 300' '"status":0'
		finish_session vdpa 6
		wait_until 10 quiet || complain "left behind: $(pgrep -ax 'vdpa|vduse')"
		device stop bw0
		device destroy bw0
		undo bw1
		nothing_left
	SCRIPT
}

@test "proc-68 batch: SIGTERM and SIGINT at any moment leave nothing half made, and no child" {
	in_batch <<-'SCRIPT'
		for ((i = 0; i < 2000; i++)); do
			echo "create bt$i mac 02:00:00:00:00:01"
		done >"$T.batch"
		missed=0
		for ((i = 0; i < 6; i++)); do
			signal=TERM
			((i % 2)) && signal=INT
			env --default-signal=INT setsid vduse -b "$T.batch" 2>/dev/null &
			pid=$!
			wait_until 5 test -e /sys/class/vduse/bt1
			nap 0.0$((i * 13 + 1))
			# ^C goes to all of them, a kill to one
			if ((i < 3)); then kill -$signal $pid; else kill -$signal -- -$pid; fi
			wait $pid
			status=$?
			# it was through before the signal came: once more
			if [ $status = 0 ] && [ $((++missed)) -lt 10 ]; then
				i=$((i - 1))
				for path in /sys/class/vduse/bt*; do echo "destroy ${path##*/}"; done >"$T.destroy"
				expect 0 "vduse -b $T.destroy"
				continue
			fi
			[ $status -gt 128 ] || complain "SIG$signal: status $status"
			wait_until 5 quiet || complain "SIG$signal: left behind: $(pgrep -ax 'vdpa|vduse')"
			count=0
			for path in /sys/class/vduse/bt*; do
				name=${path##*/}
				count=$((count + 1))
				[ -e "/run/vduse/$name.json" ] || complain "SIG$signal: $name has no record"
				echo "destroy $name"
			done >"$T.destroy"
			for path in /run/vduse/bt*; do
				name=${path##*/}
				[ -e "/sys/class/vduse/${name%.json}" ] || complain "SIG$signal: $path is the record of no device"
			done
			[ $count -gt 1 ] && [ $count -lt 2000 ] || complain "SIG$signal came after $count lines"
			expect 0 "vduse -b $T.destroy"
			nothing_left
		done
		# while it waits for a line
		for signal in 15 2; do
			start idle env --default-signal=INT vdpa -j -b -
			ask idle '-V' vdpa
			kill -$signal ${process[idle]}
			finish_session idle $((128 + signal))
		done
		wait_until 5 quiet || complain "left behind: $(pgrep -ax 'vdpa|vduse')"
		rm -f "$T.batch" "$T.destroy"
	SCRIPT
}

@test "proc-67 batch: a full or closed standard output stops it; a worker that dies fails its line only" {
	in_batch <<-'SCRIPT'
		IFS= read -r -d '' lines <<<$'create bo0 mac 02:00:00:00:00:01\nshow\ncreate bo1'
		for line in 'vduse -b - >/dev/full' 'vduse -f -b - >/dev/full' 'vduse -j -f -b - >/dev/full' 'vduse -b - >&-'; do
			run_line "$line <<<\$lines"
			[ $status = 1 ] || complain "$line: status $status"
			[[ $err = *write* ]] || complain "$line: $err"
			[ ! -e /sys/class/vduse/bo1 ] || complain "$line: it went on"
			[ ! -e /sys/class/vduse/bo0 ] || device destroy bo0
		done
		# a failure of its own comes first
		run_line "vduse -f -b - >/dev/full <<<\$'destroy none\nshow -h'"
		[ $status = 3 ] || complain "status $status: $err"
		# a reader that goes away
		start gone vduse -f -b -
		ask gone '-V' vduse
		fd=${from[gone]}
		exec {fd}<&-
		from[gone]=$nap_fd
		# a line is a write, and the second one may find nobody any more
		(trap '' PIPE; printf -- '-V\ncreate bo1\n' >&"${to[gone]}") 2>/dev/null || true
		wait_until 5 eval '! kill -0 ${process[gone]} 2>/dev/null' || complain 'it goes on without a reader'
		fd=${to[gone]}
		exec {fd}>&-
		wait ${process[gone]}
		status=$?
		[ $status = 1 ] || complain "a closed pipe: status $status"
		[ ! -e /sys/class/vduse/bo1 ] || complain 'a closed pipe: it went on'
		rm -f "$T".*.gone
		# the process that makes the calls is killed from outside
		start vdpa vdpa -j -f -b -
		ask vdpa 'mgmtdev show' '"status":0'
		worker=$(pgrep -P "${process[vdpa]}")
		kill -KILL $worker
		ask vdpa 'mgmtdev show' '"status":1,"error":.*signal 9'
		ask vdpa 'mgmtdev show' '"status":0'
		[ ! -e /proc/$worker ] || complain 'the killed one is a zombie'
		finish_session vdpa 1
		nothing_left
	SCRIPT
}

@test "nl-82 batch: the modules unloaded and loaded again between two lines" {
	in_batch <<-'SCRIPT'
		start vdpa vdpa -j -f -b -
		ask vdpa 'mgmtdev show' '"vduse"'
		worker=$(pgrep -P "${process[vdpa]}")
		modules
		ask vdpa 'mgmtdev show' '"status":7,"error":.*modprobe vdpa'
		ask vdpa 'dev show none' '"status":7'
		ask vdpa 'dev del none' '"status":7'
		modules vduse virtio_vdpa vhost_vdpa virtio_net
		ask vdpa 'mgmtdev show' '"status":0,.*"vduse"'
		ask vdpa 'dev del none' '"status":3'
		[ "$(pgrep -P "${process[vdpa]}")" = "$worker" ] || complain 'not the same worker'
		finish_session vdpa 7
		nothing_left
	SCRIPT
}

# Made with the tracer, as in names.bats: the name that create hands to the kernel.
@test "cli-85 batch: odd names, quoted in a line" {
	in_batch <<-'SCRIPT'
		strace -qq -o "$T.trace" -e trace=ioctl -e raw=ioctl vduse create placeholder || broken "strace: $?"
		nth=$(grep -n -m 1 'ioctl(0x[0-9a-f]*, 0x41508102' "$T.trace")
		nth=${nth%%:*}
		rm -f "$T.trace"
		device destroy placeholder
		# 'a b', 'a#b' with a blank before #, "it's", and a backslash at the end
		for name in 'a b' 'c #d' "it's" 'e\'; do
			poke=
			for ((i = 0; i < ${#name}; i++)); do
				printf -v poke '%s%02x' "$poke" "'${name:i:1}"
			done
			strace -qq -o /dev/null -e trace=ioctl -e "inject=ioctl:poke_enter=@arg3=${poke}00:when=$nth" \
				vduse create placeholder >/dev/null 2>&1
			[ -e "/sys/class/vduse/$name" ] || complain "the tracer made no ${name@Q}"
		done
		batch 0 'vduse' <<-'LINES'
			show 'a b'
			destroy a" "b    # and no more
			destroy "c #d"
			destroy "it's"
			destroy 'e\'
		LINES
		[[ $out = 'a\x20b: '* ]] || complain "printed: $out"
		nothing_left
	SCRIPT
}
