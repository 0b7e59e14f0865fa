# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The EXAMPLES of the manual pages, the tour of README and what docs/ has, run. An example is a block of lines:
# one that begins with "# " is a command, what follows is what it prints, on either stream. All
# blocks of a page run in one shell of the guest, in an empty folder, one after the other. What
# a block needs stands in comments before it (in Markdown <!-- before: CODE -->), a line each:
#
#	.\" before: CODE		what is so when it begins; with the functions below
#	.\" typing: WORD CODE	CODE is true before the command WORD..., which somebody
#				types later than a program can
#	.\" meanwhile: CODE	its last command goes on: CODE happens once it listens, and
#				then it is ended by SIGINT
#
# or, of one that is no example,
#
#	.\" file: NAME		it is a file, and the blocks after it find it as NAME
#	.\" document: COMMAND	it is what COMMAND prints with -j, with line breaks that were
#				put in; is it as the schema says?
#	.\" no command: REASON	it shows none
#
# Every block of a page is one of these, in whichever section it stands: else it is an error.
#
# Numbers of processes are another each time. They are learned where the page and the command
# print them, and put into the commands that come after.

# examples_of PAGE: "== N", its comments as "! WORD: REST", and the lines of each block. It ends
# with 1, and says why, where something there is not understood.
examples_of()
{
	case $1 in
	*.md) examples_of_markdown "$1" ;;
	*) examples_of_manual "$1" ;;
	esac
}

examples_of_manual()
{
	awk '
		function wrong(what) { print FILENAME ":" FNR ": " what >"/dev/stderr"; status = 1 }
		function plain(text)
		{
			gsub(/\\&/, "", text)
			gsub(/\\-/, "-", text)
			gsub(/\\\(aq/, "\047", text)
			gsub(/\\\(dq/, "\"", text)
			if (text ~ /(^|[^\\])(\\\\)*\\[^e\\]/)
				wrong("an escape that the test does not know: " text)
			gsub(/\\e/, "\\", text)
			return text
		}
		function begin()
		{
			printf "== %d\n%s", ++blocks, notes
			shown = notes ~ /! (file|document|no command): /
			examples += section == "EXAMPLES" && !shown
			notes = ""
		}
		function show(text)
		{
			if (shown && text ~ /^# /)
				wrong("a command in a block that is to have none")
			print text
		}
		/^\.Sh/ { section = $2; next }
		/^\.\\" (before|typing|meanwhile|file|document|no command): / { notes = notes "!" substr($0, 4) "\n"; next }
		/^\.\\"/ { next }
		/^\.Bd/ { begin(); literal = 1; next }
		/^\.Ed/ { literal = 0; next }
		/^\.D[1l]/ { begin(); show(plain(substr($0, 5))); next }
		literal && /^[.\047]/ { wrong("a macro in a block"); next }
		literal { show(plain($0)) }
		END {
			if (!examples || literal || notes)
				wrong("no examples, a block without an end, or a comment without a block")
			exit status
		}' "$1"
}

examples_of_markdown()
{
	awk '
		/^<!-- (before|typing|meanwhile|file|document|no command): .* -->$/ {
			sub(/^<!-- /, "! "); sub(/ -->$/, "")
			notes = notes $0 "\n"
			next
		}
		/^ *(```|~~~)/ && !literal { printf "== %d\n%s", ++blocks, notes; notes = "" }
		/^ *(```|~~~)/ { literal = !literal; next }
		literal { print }
		END {
			if (!blocks || literal || notes)
				print FILENAME ": no examples, or a comment without one" >"/dev/stderr"
			exit !blocks || literal || notes
		}' "$1"
}

# script_of: from what examples_of prints, the script for the guest. It ends with 1, and says
# why, where a block is nothing that it knows.
script_of()
{
	local line block='' kind='' name='' command='' text='' goes_on='' until='' commands=0 status=0

	while IFS= read -r line; do
		if [ -n "$until" ]; then
			command+=$'\n'$line
			[ "$line" != "$until" ] || until=''
		elif [[ $line = '== '* ]]; then
			script_block || status=1
			block=${line#== } kind='' text='' goes_on='' commands=0
			printf 'typed=()\nprintf "%%s\\n" %q\n' "$line"
		elif [[ $line =~ ^'! '([a-z ]+)': '(.*) ]]; then
			script_note "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
		elif [ -z "$kind" ] && [[ $line = '# '* ]]; then
			script_command ''
			commands=$((commands + 1)) command=${line#\# } text=''
			[[ ! $command =~ '<<'([A-Z]+) ]] || until=${BASH_REMATCH[1]}
		elif [ -z "$kind" ] && [ $commands = 0 ]; then
			echo "block $block begins with no command: $line" >&2
			status=1 commands=1
		else
			text+=$line$'\n'
		fi
	done
	script_block || status=1
	return $status
}

# script_note WORD REST: what a comment says of the block that begins
script_note()
{
	case $1 in
	before) printf 'stage %q\n' "$2" ;;
	typing) printf 'typed+=(%q)\n' "$2" ;;
	meanwhile) goes_on=$2 ;;
	*) kind=$1 name=$2 ;;
	esac
}

# script_command MEANWHILE: writes the command that was read
script_command()
{
	[ -z "$command" ] || printf 'example %q %q %q\n' "$command" "$text" "$1"
	command=''
}

# script_block: the end of the block that was read. Is there anything in it?
script_block()
{
	script_command "$goes_on"
	[ "$kind" != file ] || printf 'printf %%s %q >%q\n' "$text" "$name"
	[ -z "$block" ] || [ -n "$kind" ] || [ $commands != 0 ] || {
		echo "block $block has no command" >&2
		return 1
	}
}

# expected_of: from what examples_of prints, what the guest's script should: commands, and
# what they print.
expected_of()
{
	awk '/^== / { shown = 0; print; next } /^! (file|document|no command): / { shown = 1 }
		/^! / || shown { next } { print }'
}

# documents_of: from what examples_of prints, what check-answers reads: "COMMAND<tab>DOCUMENT"
documents_of()
{
	awk '
		function finish() { if (command) print command "\t" text; command = text = "" }
		/^== / { finish(); next }
		sub(/^! document: /, "") { command = $0; next }
		command { gsub(/^ +/, ""); text = text $0 }
		END { finish() }'
}

# pages_without_test FOLDER FILE: the pages of FOLDER that no line of FILE runs.
pages_without_test()
{
	local page

	for page in "$1"/man[1-9]/*; do
		grep -qxF $'\t'"run_page \"\$testsuite/../man/${page#"$1"/}\"" "$2" || echo "${page##*/}"
	done
}

# masked: what differs from run to run is a letter. Numbers of processes, interfaces and
# devices, and what was counted. Rates go on, so that one stands for many.
masked()
{
	sed -E 's/[[:space:]]+$//
		s/\b(pid|process|supervisor|kill -CONT) [0-9]+/\1 N/g
		s/"(pid|supervisor)": ?[0-9]+/"\1":N/g
		s/"ifindex": ?[0-9]+/"ifindex":N/g
		s/"rdev": ?"[0-9]+:[0-9]+"/"rdev":"N"/g
		s/^[0-9]{2}:[0-9:.]+ (ARP|IP6?)/TIME \1/
		/^  [rt]x vq /s/(frames|bytes|kicks|interrupts|suppressed|polls|polls_useful) [0-9]+/\1 N/g
		/^  checksums /s/held [0-9]+/held N/
		s/"major":[0-9]+/"major":N/
		s/"frames":[0-9]+/"frames":N/' | awk '!/^\{"name".*:N\}$/ || last != $0; { last = $0 }'
}

# run_page PAGE: the differences between what PAGE says and what is so.
run_page()
{
	local page=$1 work=$BATS_TEST_TMPDIR status=0

	examples_of "$page" >"$work/page" && script_of <"$work/page" >"$work/commands" || return
	{
		echo 'examples_begin'
		cat "$work/commands"
		echo 'examples_end'
	} >"$work/script"
	in_guest <"$work/script" >"$work/transcript" || status=1
	diff -u --label "${page##*/}" --label 'what is printed' \
		<(expected_of <"$work/page" | masked) <(masked <"$work/transcript") || status=1
	return $status
}

guest_functions+=(examples_begin examples_end examples_broke stage example substitute type_slowly
	execute learn go_on listens meanwhile_printed no_longer serving lo0_is_up life_of_lo0
	another_serves_lo0 zero_is_there disk0_is_mounted open_as_qemu)

# -- inside the guest -------------------------------------------------------------------

examples_begin()
{
	declare -gA learned=()
	declare -ga typed=() jobs_of_page=() at_end=()
	last=0 staging=''
	exec {errors}>&2
	trap examples_broke EXIT
	mkdir "$T.folder" && cd "$T.folder" || broken 'no folder'
}

# examples_broke: what it said while all of it was kept
examples_broke()
{
	[ -z "$staging" ] || cat "$T.stage" >&"$errors"
}

# stage CODE: what is so before a block
stage()
{
	# shellcheck disable=SC2154 # of device.bash
	local failed_before=$failed

	staging=1
	eval "$1" >"$T.stage" 2>&1 </dev/null || complain "before a block: $1: $(<"$T.stage")"
	[ "$failed" = "$failed_before" ] || cat "$T.stage" >&2
	staging=''
}

# example COMMAND EXPECTED MEANWHILE: run it, print it and what it prints
example()
{
	local command=$1 said

	substitute
	type_slowly "$command"
	printf '# %s\n' "$1"
	if [ -n "$3" ]; then
		go_on "$command" "$3"
	else
		execute "$command"
	fi
	IFS= read -r -d '' said <"$T.said"
	learn "$2" "$said"
	printf %s "$said"
}

# substitute: in the command, the process of this run instead of that of the page
substitute()
{
	if [[ $command =~ ^(.*\ )([0-9]+)$ ]] && [ -n "${learned[${BASH_REMATCH[2]}]-}" ]; then
		command=${BASH_REMATCH[1]}${learned[${BASH_REMATCH[2]}]}
	fi
}

# type_slowly COMMAND: nobody types as quick as this; what was told to end has ended by then
type_slowly()
{
	local typing

	for typing in "${typed[@]}"; do
		[[ $1 != "${typing%% *}"* ]] || wait_until 3 eval "${typing#* }"
	done
}

# execute COMMAND: as somebody at a terminal would, but that who is told to end ends at once
execute()
{
	local ending=''

	# a supervisor's worker ends with it
	[[ ! $1 =~ ^kill( -KILL)?\ ([0-9]+)$ ]] ||
		ending="${BASH_REMATCH[2]} $(pgrep -d ' ' -P "${BASH_REMATCH[2]}")"
	[[ ! $1 =~ ^pkill\ -x\ ([a-z]+)$ ]] || ending=$(pgrep -x "${BASH_REMATCH[1]}")
	if [[ $1 = *' &' ]]; then
		: >"$T.said"
		eval "$1" </dev/null >"$T.background" 2>&1
		jobs_of_page+=($!)
	else
		eval "(exit $last); $1" </dev/null >"$T.said" 2>&1
		last=$?
	fi
	# shellcheck disable=SC2086 # several
	[ -z "$ending" ] || wait_until 3 ended_all $ending
}

# learn EXPECTED OUTPUT: the numbers of processes, in the order they come
learn()
{
	local mine=$1 real=$2 pattern='(pid|process|supervisor|"pid":|"supervisor":) ?([0-9]+)' number

	while [[ $mine =~ $pattern ]]; do
		number=${BASH_REMATCH[2]} mine=${mine#*"${BASH_REMATCH[0]}"}
		[[ $real =~ $pattern ]] || return 0
		learned[$number]=${BASH_REMATCH[2]} real=${real#*"${BASH_REMATCH[0]}"}
	done
}

# listens: the vduse that goes on waits for something to happen
listens()
{
	local pid

	for pid in $(pgrep -x vduse); do
		[[ $'\n'$others$'\n' = *$'\n'$pid$'\n'* ]] || going_on=$pid
	done
	[ -n "$going_on" ] && [[ $(cat "/proc/$going_on/wchan" 2>/dev/null) = *poll* ]]
}

# go_on COMMAND CODE: COMMAND goes on; once it listens CODE runs, and then it is ended.
go_on()
{
	local job others going_on=''

	others=$(pgrep -x vduse)
	eval "$1" </dev/null >"$T.said" 2>&1 &
	job=$!
	wait_until 3 listens || complain "$1 does not listen"
	staging=1
	eval "$2" </dev/null >"$T.stage" 2>&1 || complain "while $1: $2: $(<"$T.stage")"
	staging=''
	! kill -INT "$going_on" 2>/dev/null || wait_until 3 ended_all "$going_on" || kill -KILL "$going_on"
	wait $job
	last=$?
}

# meanwhile_printed REGEX: what goes on has printed it
meanwhile_printed()
{
	wait_until 3 grep -qE "$1" "$T.said" || {
		complain "it does not print $1: $(<"$T.said")"
		return 1
	}
}

# examples_end: takes down what a page leaves.
examples_end()
{
	local path code

	for code in "${at_end[@]}"; do
		eval "$code" || complain "at the end: $code"
	done
	for path in /sys/bus/vdpa/devices/*; do
		[ ! -e "$path" ] || wait_until 3 no_longer "$path" || complain "${path##*/} stays on the bus"
	done
	[ ! -e /sys/module/vdpa_test ] || rmmod vdpa_test
	for path in /sys/class/vduse/*; do
		# a deletion may be on its way that a command left behind
		[ "${path##*/}" = control ] || [ ! -e "$path" ] ||
			wait_until 3 eval 'vduse down "${path##*/}" 2>"$T.stage"' ||
			complain "${path##*/} stays: $(<"$T.stage")"
	done
	[ ${#jobs_of_page[@]} = 0 ] || kill "${jobs_of_page[@]}" 2>/dev/null
	wait
	cd / && rm -rf "$T".*
	nothing_left
}

# no_longer PATH: this device is not on the bus. A deletion that a command left behind may be
# on its way, and come first.
no_longer()
{
	vdpa dev del "${1##*/}" 2>"$T.stage" || [ ! -e "$1" ]
}

# serving NAME: created and served
serving()
{
	vduse create "$1" && vduse loopback "$1" background
}

lo0_is_up()
{
	vduse up lo0 && ip link set eth0 up &&
		wait_until 3 grep -q up /sys/class/net/eth0/operstate
}

# for vduse-monitor(8): a device from its beginning to its end
life_of_lo0()
{
	vduse create lo0 && meanwhile_printed create && vduse loopback lo0 background &&
		meanwhile_printed open && vdpa dev add name lo0 mgmtdev vduse &&
		meanwhile_printed bind && ip link set eth0 up && meanwhile_printed 'link up' && ip link set eth0 down && meanwhile_printed 'link down' &&
		vdpa dev del lo0 && device stop lo0 &&
		meanwhile_printed 'vduse,close' && vduse destroy lo0 && meanwhile_printed 'destroy. lo0'
}

# its process is killed under the driver, and another one serves it
another_serves_lo0()
{
	meanwhile_printed 'index 1' && device kill lo0 && meanwhile_printed 'clean false' &&
		vduse loopback lo0 background && meanwhile_printed 'reconnect' &&
		wait_until 3 eval '[ "$(grep -c "index 1" "$T.said")" = 2 ]' &&
		vduse set lo0 link down && meanwhile_printed 'lo0 down'
}

# for vduse-device(7): the compiler is not here, but has been where it is (examples.bats)
zero_is_there()
{
	zero_waits() { grep -q poll "/proc/$(pgrep -x zero)/wchan"; }
	cc() { [ "$*" = '-O2 -Wall -o zero zero.c' ] && mv /tmp/zero zero; }
}

# for vduse-down(8): a disk of another program (peers.bash) is in use
disk0_is_mounted()
{
	truncate -s 8M disk && storage disk0 "$PWD/disk" && vdpa dev add name disk0 mgmtdev vduse &&
		(peer mke2fs -q -t ext4 /dev/vdb) && mount /dev/vdb /mnt || return
	at_end+=('umount /mnt' 'device detach disk0' 'storage_ends disk0')
}

# for README: somebody has the node open who is called as a virtual machine's process is
open_as_qemu()
{
	cp /bin/sleep qemu-system-x86 && { ./qemu-system-x86 inf 9<>"$1" & } && qemu=$! &&
		wait_until 3 grep -q qemu "/proc/$qemu/comm"
}
