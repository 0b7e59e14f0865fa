# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# bats calls this around all files of a run. testsuite/run has a guest already;
# when bats was called by hand, as in `bats testsuite/show.bats`, here is one.

setup_suite()
{
	local here
	here=$(dirname "${BASH_SOURCE[0]}")

	[ -z "${VM_DIR:-}" ] || return 0
	export VM_DIR=$BATS_SUITE_TMPDIR/vm VM_OWNER=$$
	suite_stop=$here/vm/stop
	"$here/vm/start" "$VM_DIR"
}

teardown_suite()
{
	[ -z "${suite_stop:-}" ] || "$suite_stop" "$VM_DIR"
}
