# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each system call of a short life of "vduse loopback" fails once.

load ../common
load ../device
load ../faults

setup()
{
	! grep -q __asan_init "$VT_BUILD/vduse/vduse" || skip 'the address sanitizer makes system calls of its own'
	common_setup
}

@test "proc-66 faults: each system call of the supervisor, of what it forks, and of the worker ends with ENOMEM, EMFILE and EINTR: it serves, or says why not, and leaves nothing" {
	GUEST_TIMEOUT=7200 faults_test <<-'SCRIPT' >&3
		device create fa0
		all_of full
		all_of none
		device destroy fa0
		nothing_left
		echo "# figure kernel faults: all $total system calls: $lives failed, $refused said why it cannot serve"
	SCRIPT
}
