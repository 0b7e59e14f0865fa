# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Scripts of the tests that run inside the guest, and what they are written
# with. A round trip to the guest and each program started there cost some 40 ms,
# so a test is one script, and its shell compares what it can by itself:
#
#	in_guest <<'SCRIPT'
#	device create lo0 mtu 1400
#	expect 5 'vduse create lo0' 'exists'
#	rows <<'ROWS'
#	2 vduse create lo0 mtu -1      ## mtu
#	ROWS
#	device destroy lo0
#	SCRIPT
#
# in_guest fails when an expectation of the script did, and each says what it
# saw. What the script prints is the test's to look at, with jq for instance.

# Lock files, which stay (common.bash). nothing_left sees to it that they are empty.
# shellcheck disable=SC2034 # common.bash has the use of it
leftovers='record (\.lock|\.vdpa|drivers_autoprobe)$'

# in_guest [ARGUMENT]...: run the script on standard input in the guest, in a
# bash that has the functions below. Its standard output is the script's own.
in_guest()
{
	local script

	script=$(cat)
	guest bash -c "$(declare -f "${guest_functions[@]}"; echo 'begin';
		printf '%s\n' "$script"; echo 'finish')" in_guest "$@"
}

# The functions of this file that scripts in the guest have.
guest_functions=(begin finish broken run_line complain wrong well_formed expect need rows
	as_json json_rows nap wait_until in_time server_of service_of ended_all interface_of driver_of attached
	read_value device undo nothing_left modules test_module parameter)

# -- inside the guest: expectations ----------------------------------------------

begin()
{
	set -u
	failed=0
	T=/tmp/in_guest.$$
	exec {nap_fd}<> <(:)
	exec 3>&1
}

finish()
{
	exec 3>&-
	rm -f "$T.out" "$T.err" "$T.parameter"
	exit "$failed"
}

# complain SENTENCE: the script goes on, but it failed.
complain()
{
	printf '%s\n' "$*" >&2
	failed=1
}

# broken SENTENCE: nothing further makes sense.
broken()
{
	complain "$*"
	finish
}

# run_line LINE: what the shell makes of LINE, as status, out, err and ms, the
# time it took. A line ends whatever happens: no test may hang on a command.
run_line()
{
	local start=${EPOCHREALTIME/./}

	eval "$1" </dev/null >"$T.out" 2>"$T.err"
	status=$?
	ms=$(((${EPOCHREALTIME/./} - start) / 1000))
	IFS= read -r -d '' out <"$T.out"
	IFS= read -r -d '' err <"$T.err"
}

# wrong SENTENCE: one more thing that is wrong with the answer at hand.
wrong()
{
	faults+="  $1"$'\n'
}

# well_formed STATUS: is out and err what a command may say with STATUS? 0w
# stands for success with a warning.
well_formed()
{
	if [ "$1" = 0 ]; then
		[ -z "$err" ] || wrong 'standard error is not empty'
		return
	fi
	[ -n "$err" ] || wrong 'it says nothing on standard error'
	[ "$1" = 0w ] && return
	if [ -n "${json_mode-}" ]; then
		[[ ${err//[[:space:]]/} = '{"error":'* ]] || wrong 'standard error is no error object'
		[[ $out = '{'* ]] || wrong 'standard output is no JSON document'
	else
		[[ $err = *$'\n' ]] || wrong 'standard error does not end with a newline'
		[[ ${err%$'\n'} != *[[:cntrl:]]* ]] || wrong 'standard error is more than one line, or has control characters'
		[ -z "$out" ] || wrong 'a command that failed wrote to standard output'
	fi
}

# expect STATUS LINE [REGEX]: LINE ends with STATUS, says one line on standard
# error if that is not 0 and nothing there if it is, and what it says (on
# standard output when STATUS is 0) is like REGEX, in any case of letters.
expect()
{
	local want=$1 line=$2 regex=${3-} said faults=

	run_line "$line"
	[ "$status" = "${want%w}" ] || wrong "status $status, expected ${want%w}"
	well_formed "$want"
	said=$err
	[ "$want" != 0 ] || said=$out
	shopt -s nocasematch
	[ -z "$regex" ] || [[ $said =~ ${regex//'\n'/$'\n'} ]] || wrong "says nothing like: $regex"
	shopt -u nocasematch
	[ -z "$faults" ] || complain "FAILED: ${line:0:2000}
$faults  after $ms ms, status $status
  standard output: ${out:0:2000}
  standard error: ${err:0:2000}"
	[ -z "$faults" ]
}

# need: expect, and without it the script ends.
need()
{
	expect "$@" || finish
}

# rows: a table of expectations on standard input, a row a line:
# STATUS LINE [## REGEX]. Empty lines and those of a # are left out.
rows()
{
	local row line regex

	while IFS= read -r row; do
		[[ $row =~ ^[[:space:]]*(#|$) ]] && continue
		[[ $row =~ ^[[:space:]]*([0-9]+w?)[[:space:]]+(.*)$ ]] || broken "no row: $row"
		line=${BASH_REMATCH[2]} regex=
		set -- "${BASH_REMATCH[1]}"
		if [[ $line = *'##'* ]]; then
			regex=${line##*'##'}
			regex=${regex#"${regex%%[![:space:]]*}"}
			line=${line%'##'*}
		fi
		expect "$1" "$line" "$regex"
		[ -z "${json_rows_too-}" ] || json_mode=1 as_json "$1" "$line" "$regex"
	done
}

# as_json STATUS LINE [REGEX]: expect LINE, which begins with the name of a
# command, with -j, and put the answer on the script's standard output, for
# check_json on the other side.
as_json()
{
	local line=$2

	line=${line%% *}' -j '${line#* }
	json_mode=1 expect "$1" "$line"
	printf '%s\0' "$line" "$1" "${3-}" "$out" "$err" >&3
}

# rows, and each once more with -j. For commands that may run twice.
json_rows()
{
	json_rows_too=1 rows
}

# -- inside the guest: waiting -----------------------------------------------------

# nap SECONDS: sleep, without a program.
nap()
{
	read -r -t "$1" -u "$nap_fd"
	return 0
}

# wait_until SECONDS COMMAND...: try COMMAND until it is true. That is within SECONDS where
# nothing else runs; no test fails for a machine that is slow or busy, so it has twenty times
# as long, and after that the test has failed. What is to be true just for a while, or not at
# all, is no condition for this.
wait_until()
{
	local seconds=$(($1 * 20)) end=$((${EPOCHREALTIME/./} + $1 * 20000000))
	shift

	until "$@"; do
		if [ "${EPOCHREALTIME/./}" -ge $end ]; then
			complain "not so after $seconds s: $*"
			return 1
		fi
		nap 0.05
	done
}

# -- inside the guest: devices, looked at without the tools under test -----------------

# server_of NAME: the process that has the node of NAME open. A third of the time that
# fuser takes.
server_of()
{
	local fd pid last=

	[ -e "/dev/vduse/$1" ] || return
	for fd in /proc/[0-9]*/fd/*; do
		[ "$fd" -ef "/dev/vduse/$1" ] || continue
		pid=${fd#/proc/} pid=${pid%%/*}
		[ "$pid" = "$last" ] || printf %s "$pid"
		last=$pid
	done
}

# service_of NAME: the process that ends with the service: the supervisor of that one, which is
# its parent, or, where there is none, that one itself.
service_of()
{
	local pid state

	pid=$(server_of "$1")
	[ -n "$pid" ] || return
	if [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") = 'vduse --worker '* ]]; then
		# all of it at once: line by line, it would be another one each time
		state=$(<"/proc/$pid/stat")
		read -r _ pid _ <<<"${state##*) }"
	fi
	printf %s "$pid"
}

# ended_all PID...: each of them has ended, as far as its parent lets it.
ended_all()
{
	local pid line

	for pid; do
		{ IFS= read -r line <"/proc/$pid/stat"; } 2>/dev/null || continue
		[[ ${line##*) } = [ZX]* ]] || return
	done
}

# interface_of NAME: the network interface of the vdpa device NAME.
interface_of()
{
	local path

	for path in "/sys/bus/vdpa/devices/$1"/virtio*/net/*; do
		[ -e "$path" ] && echo "${path##*/}" && return
	done
	return 1
}

# driver_of NAME: its bus driver, or nothing.
driver_of()
{
	local driver

	for driver in /sys/bus/vdpa/drivers/*; do
		[ "/sys/bus/vdpa/devices/$1/driver" -ef "$driver" ] && echo "${driver##*/}" && return
	done
	return 1
}

attached()
{
	[ -e "/sys/bus/vdpa/devices/$1" ]
}

# in_time SECONDS WHAT: the line that was run last took no longer. That is about commands that
# hang or wait for the wrong thing, not about speed: SECONDS are many times what it takes, and
# less than what it must not wait for.
in_time()
{
	[ "$ms" -le $(($1 * 1000)) ] || complain "$2 took $ms ms"
}

# read_value FILE: its one line.
read_value()
{
	local value

	IFS= read -r value <"$1" && echo "$value"
}

# device VERB NAME [WORD]...: a step that a test needs and does not test. VERB
# is create, serve (in the background), attach, detach, stop, kill (with
# SIGKILL, the supervisor too) or destroy, and each ends the script when it does
# not do it, within a deadline.
device()
{
	local verb=$1 name=$2 line pid signal=TERM
	shift 2

	case $verb in
	create) line="vduse create $name $*" ;;
	serve) line="vduse loopback $name background $*" ;;
	attach) line="vdpa dev add name $name mgmtdev vduse $*" ;;
	detach) line="vdpa dev del $name" ;;
	destroy) line="vduse destroy $name" ;;
	stop | kill)
		pid=$(service_of "$name")
		[ -n "$pid" ] || broken "device $verb $name: nobody serves it"
		pid+=" $(server_of "$name")"
		[ "$verb" = stop ] || signal=KILL
		kill "-$signal" "${pid%% *}"
		# shellcheck disable=SC2086 # one or two
		wait_until 10 ended_all $pid ||
			broken "device $verb $name: process $pid does not end on SIG$signal"
		return
		;;
	esac
	run_line "timeout -s KILL 300 $line"
	[ $status = 0 ] || broken "FAILED, as a step of this test: $line: status $status: $err"
}

# undo NAME...: the way back, from attached, served and created.
undo()
{
	local name

	for name; do
		device detach "$name"
		device stop "$name"
		device destroy "$name"
	done
}

# nothing_left [NAME]: no trace of NAME (of any device), in the kernel or in
# /run/vduse.
nothing_left()
{
	local path name=${1-}

	for path in "/sys/bus/vdpa/devices/${name:-}"* "/dev/vduse/${name:-}"* /run/vduse/*"$name"*; do
		case $path in
		*/control) ;;
		*/drivers_autoprobe) [ ! -s "$path" ] || complain "$path still has a value to put back" ;;
		*) [ ! -e "$path" ] || complain "left behind: $path" ;;
		esac
	done
}

# modules NAME...: exactly these of the modules that devices need are loaded.
modules()
{
	local name

	modprobe -r vduse virtio_vdpa vhost_vdpa vdpa virtio_net 2>/dev/null
	for name in vduse virtio_vdpa vhost_vdpa vdpa virtio_net; do
		[[ " $* " = *" $name "* ]] || [ ! -e "/sys/module/$name" ] || rmmod "$name" ||
			broken "cannot unload $name"
	done
	for name; do
		modprobe "$name" || broken "cannot load $name"
	done
}

# test_module [PARAMETER=VALUE]...: load the module of testsuite/module, whose
# vdpa_test.h says what it offers. The test removes it: rmmod vdpa_test.
test_module()
{
	local folder=/usr/lib/vduse-tools-vm

	[ -e $folder/vdpa_test.ko ] || broken "the guest has no vdpa_test.ko: $(<$folder/vdpa_test.why)"
	modprobe vdpa || broken 'cannot load vdpa'
	insmod $folder/vdpa_test.ko "$@" || broken "cannot load vdpa_test $*"
}

# parameter NAME [VALUE]: of that module, from now on. In one write, which printf
# would not do with a line feed inside. Fails when the module refuses it.
parameter()
{
	printf %s "${2:-$'\n'}" >"$T.parameter"
	cat "$T.parameter" >"/sys/module/vdpa_test/parameters/$1"
}

# -- outside: what the guest's answers are ---------------------------------------------

# check_json FILE: FILE has what as_json wrote; each answer is a document, and
# each error an object of the documented form.
check_json()
{
	iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || {
		echo "the JSON is not UTF-8"
		return 1
	}
	jq -Rrs '
		def text: type == "string" and length > 0;
		def parsed: try fromjson catch null;
		def object($status; $regex): type == "object" and keys == ["error"] and (.error |
			(keys - ["command", "errno", "hint", "message", "object", "status"]) == [] and
			.status == $status and (.command | text) and (.message | text) and
			all(.object, .errno, .hint; . == null or text) and
			(.errno == null or (.errno | test("^E[A-Z0-9]+$"))) and
			([.object, .message, .hint] | map(. // "") | join(" ") | test($regex; "i")));
		split("\u0000")[:-1] | [range(0; length; 5) as $i | .[$i: $i + 5]] |
		if length == 0 then "there is no JSON to look at" else .[] end |
		. as [$line, $status, $regex, $out, $err] |
		(if $out | parsed | type != "object" then "\($line): standard output is not one JSON object: \($out)" else empty end),
		(if ($status | startswith("0")) or ($err | parsed | object($status | tonumber; $regex)) then empty
		else "\($line): no error object with status \($status) and a message like: \($regex): \($err)" end)' "$1" >"$1.faults" || return
	! [ -s "$1.faults" ] || {
		cat "$1.faults"
		return 1
	}
}
