# SPDX-License-Identifier: GPL-2.0-or-later
#
# testsuite/vm/run: guests that hang, die or complain, and users who lose
# patience. Each boots a guest of its own beside the suite's, so it works in a
# cache folder of its own, which has its own lock.

load ../common

setup()
{
	common_setup
	[ ! -e "$VM_DIR/host" ] || skip "these need a guest, and HOST=1 has none"
	cache=${VDUSE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vduse-tools}
	export VDUSE_TOOLS_CACHE=$BATS_TEST_TMPDIR/cache TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$VDUSE_TOOLS_CACHE" "$TMPDIR"
	ln -s "$cache"/kernel-* "$cache"/root-*.squashfs "$cache"/headers-* "$cache"/vdpa_test-* "$VDUSE_TOOLS_CACHE/"
	vmrun=$testsuite/vm/run
	unset VM_OWNER VM_TIMEOUT
}

# Neither QEMU nor a file of it is left.
nothing_runs()
{
	local i

	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		if ! pgrep -f "^qemu-system.*$VDUSE_TOOLS_CACHE" >/dev/null && [ -z "$(ls "$TMPDIR")" ]; then
			return 0
		fi
		sleep 0.2
	done
	pgrep -fa "$VDUSE_TOOLS_CACHE"
	ls "$TMPDIR"
	return 1
}

@test "run: status and streams of a command, and nothing is left" {
	run -7 --separate-stderr "$vmrun" sh -c 'echo "$1"; echo err >&2; exit 7' sh 'a  b' </dev/null
	assert_output 'a  b'
	[ "$stderr" = err ]
	nothing_runs
}

@test "run: a hung guest ends at the deadline with 124 and shows its console" {
	VM_TIMEOUT=3 run -124 "$vmrun" sleep 1000 </dev/null
	assert_output --partial "console"
	assert_output --partial "did not end within 3 s"
	nothing_runs
}

@test "run: a panic ends it with 125 and shows the console" {
	run -125 "$vmrun" sh -c 'echo c >/proc/sysrq-trigger; sleep 100' </dev/null
	assert_output --partial "sysrq triggered crash"
	assert_output --partial "the guest died"
	nothing_runs
}

@test "run: a kernel warning turns success into 125, and leaves a failure as it is" {
	run -125 "$vmrun" sh -c 'echo "<4>WARNING: made up" >/dev/kmsg' </dev/null
	assert_output --partial "the kernel complained"
	run -3 "$vmrun" sh -c 'echo "<4>WARNING: made up" >/dev/kmsg; exit 3' </dev/null
	assert_output --partial "the kernel complained"
}

@test "run: a guest that does not boot, and one that QEMU refuses, is 125 and says why" {
	VM_APPEND=rdinit=/none run -125 "$vmrun" true </dev/null
	assert_output --partial "Unable to mount root fs"
	VM_ARGS=-no-such-option run -125 "$vmrun" true </dev/null
	assert_output --partial "no-such-option"
	VM_MODULES=no_such_module run -125 "$vmrun" true </dev/null
	assert_output --partial "no_such_module"
	nothing_runs
}

@test "run: QEMU does not outlive a runner that was killed, at whatever moment" {
	for seconds in 1 2 8; do
		"$vmrun" sleep 1000 </dev/null >/dev/null 2>&1 &
		runner=$!
		sleep $seconds
		kill -KILL $runner
		wait $runner || true
		nothing_runs
	done
}

@test "run: SIGTERM and SIGINT end command and guest" {
	for signal in TERM INT; do
		# a job of a script ignores SIGINT, unless env says otherwise
		env --default-signal=INT setsid "$vmrun" sleep 1000 </dev/null >/dev/null 2>&1 &
		runner=$!
		sleep 8
		kill -$signal -- -$runner
		wait $runner && status=0 || status=$?
		[ $status = 143 ] || [ $status = 130 ]
		nothing_runs
	done
}

@test "start: a second guest waits for the first, and says for whom" {
	"$testsuite/vm/start" "$BATS_TEST_TMPDIR/one"
	VM_LOCK_TIMEOUT=1 run -125 "$vmrun" true </dev/null
	assert_output --partial "waiting for"
	assert_output --partial "$BATS_TEST_TMPDIR/one"
	"$testsuite/vm/stop" "$BATS_TEST_TMPDIR/one"
	run -0 "$vmrun" true </dev/null
}

@test "start: a guest does not keep open what its caller has" {
	dir=$TMPDIR/guest
	VM_OWNER=$$ "$testsuite/vm/start" "$dir" 7>"$BATS_TEST_TMPDIR/mine"
	for process in "$(cat "$dir/pid")" $(pgrep -f "vm/keep $$ .*$dir"); do
		ls -l "/proc/$process/fd" >"$BATS_TEST_TMPDIR/descriptors"
		# bats' own are pipes, QEMU's are not
		run -1 grep -E 'mine|pipe:' "$BATS_TEST_TMPDIR/descriptors"
	done
	"$testsuite/vm/stop" "$dir"
	rm -rf "$dir"
	nothing_runs
}
