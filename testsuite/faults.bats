# SPDX-License-Identifier: GPL-2.0-or-later
#
# System calls of "vduse loopback" that fail on the real kernel; each of those of the device process
# over a made-up one: testsuite/unit/test_faults.c; all of them here: slow/faults.bats.

load common
load device
load faults

setup()
{
	! grep -q __asan_init "$VT_BUILD/vduse/vduse" || skip 'the address sanitizer makes system calls of its own'
	common_setup
}

@test "proc-66 faults: a system call of the supervisor, of what it forks, or of the worker ends with ENOMEM, EMFILE or EINTR: it serves, or says why not, and leaves nothing" {
	faults_test "${SEED:-1}" <<-'SCRIPT' >&3
		RANDOM=$1
		device create fa0
		some_of 5 full
		some_of 2 none
		device destroy fa0
		nothing_left
		echo "# figure kernel faults: seed $1: of $total system calls $lives failed, $refused said why it cannot serve"
	SCRIPT
}
