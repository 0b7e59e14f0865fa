# SPDX-License-Identifier: GPL-2.0-or-later
#
# A full disk and a reader that went away are failures, not silence.

load common
load device

@test "proc-67 /dev/full: every command that prints fails with 1 and says so" {
	in_guest <<-'SCRIPT'
		device create wf0
		device serve wf0
		device attach wf0
		for line in 'vduse show' 'vduse -j show' 'vduse -jp -d show' 'vduse show wf0' 'vduse -V' 'vduse -h' 'vduse create -h' \
			'vdpa mgmtdev show' 'vdpa dev show' 'vdpa -j dev show' 'vdpa dev config show' 'vdpa -j dev config show' \
			'vdpa -V' 'vdpa help' 'vdpa dev help'; do
			expect 1 "$line >/dev/full" 'no space left|ENOSPC|write'
		done
		# nothing to print, nothing to fail
		rows <<-'ROWS'
			0 vduse create wf1 mac 52:54:00:00:00:01 >/dev/full
			0 vduse destroy wf1 >/dev/full
			1 vduse -j create wf1 mac 52:54:00:00:00:01 >/dev/full
		ROWS
		# a failure keeps its own status
		expect 3 'vdpa dev show none >/dev/full' none
		# all of a long listing, not only its last block
		expect 1 'vduse show >/dev/full'
		# standard error full, too: the status still tells
		run_line 'vduse show >/dev/full 2>/dev/full'
		[ $status = 1 ] || complain "both full: status $status"
		run_line 'vduse show none 2>/dev/full'
		[ $status = 3 ] || complain "standard error full: status $status"
		undo wf0
		[ ! -e /sys/class/vduse/wf1 ] || device destroy wf1
		nothing_left
	SCRIPT
}

@test "cli-91 closed pipe and closed descriptors: a failure, nothing written elsewhere" {
	in_guest <<-'SCRIPT'
		device create wp0
		device serve wp0
		device attach wp0
		# a pipe that nobody reads
		exec {pipe}> >(:)
		reader=$!
		wait_until 5 eval '! kill -0 $reader 2>/dev/null'
		trap '' PIPE
		for line in 'vduse show' 'vdpa -j dev config show' 'vduse -h'; do
			expect 1 "$line >&$pipe" 'pipe|EPIPE|write'
		done
		trap - PIPE
		for line in 'vduse show' 'vdpa -j dev show'; do
			run_line "$line >&$pipe"
			[ $status = 1 ] || [ $status = 141 ] || complain "$line into a closed pipe: status $status"
		done
		exec {pipe}>&-
		# descriptors that are not open must not become the tool's own files
		for line in 'vduse show' 'vdpa -j dev config show' 'vduse -V'; do
			expect 1 "$line >&-" 'write|descriptor|output'
		done
		run_line 'vduse create wp1 mac 52:54:00:00:00:01 >&-'
		[ $status = 0 ] || [ $status = 1 ] || complain "create without standard output: status $status: $err"
		[ ! -e /sys/class/vduse/wp1 ] || expect 0 'vduse show wp1' 'type net'
		for closed in '<&- >&-' '<&- 2>&-' '<&- >&- 2>&-'; do
			run_line "vduse show none $closed"
			[ $status = 3 ] || complain "show none $closed: status $status: $err"
			run_line "vdpa dev del none $closed"
			[ $status = 3 ] || complain "dev del none $closed: status $status: $err"
			[ ! -e /sys/class/vduse/wp1 ] || vduse destroy wp1
			run_line "vduse create wp1 mac 52:54:00:00:00:01 $closed"
			[ $status -le 1 ] || complain "create $closed: status $status: $err"
			[ $status = 1 ] || [ "$(vduse -j show wp1 | grep -c '"type":"net"')" = 1 ] || complain "create $closed: no record"
		done
		[ ! -e /sys/class/vduse/wp1 ] || device destroy wp1
		undo wp0
		nothing_left
	SCRIPT
}

@test "a server in the background holds none of its caller's descriptors" {
	in_guest <<-'SCRIPT'
		device create bg0
		# a pipe that ends only when its last holder does
		run_line 'timeout -s KILL 300 cat < <(vduse loopback bg0 background 2>&1)'
		[ $status = 0 ] || complain 'loopback background keeps the pipe of its caller open'
		pid=$(server_of bg0)
		for fd in 0 1 2; do
			[ "/proc/$pid/fd/$fd" -ef /dev/null ] || [[ $(readlink "/proc/$pid/fd/$fd") != pipe:* ]] ||
				complain "descriptor $fd of the server is $(readlink "/proc/$pid/fd/$fd")"
		done
		expect 0 'vduse show bg0' "$pid"
		device stop bg0
		device destroy bg0
		nothing_left
	SCRIPT
}
