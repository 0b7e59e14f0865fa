# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa on devices that VDUSE has not: those of the module in testsuite/module
# (vdpa_test.h says what it offers), with statistics, attributes, buses, odd names
# and odd types.

load common
load device

setup()
{
	common_setup
	[ ! -e "$VM_DIR/host" ] || skip "HOST=1: the module is built for the test guest's kernel"
}

@test "management devices: without a bus and on one, of three classes, with what each offers" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		test_module
		expect 0 'vdpa mgmtdev show' $'platform/test_net.0: *\n  supported_classes net\n  max_supported_vqs 17\n  dev_features CSUM MTU MAC'
		expect 0 'vdpa -j mgmtdev show'
		printf %s "$out"
		for name in test_net platform/test_net.0 test_block test_odd; do
			expect 0 "vdpa -j mgmtdev show $name" "^\{\"mgmtdev\":\{\"$name\":"
		done
		json_rows <<-'ROWS'
			3 vdpa mgmtdev show test_net.0                ## test_net.0
			3 vdpa mgmtdev show platform/test_net         ## platform/test_net
			3 vdpa mgmtdev show pci/test_net              ## pci/test_net
		ROWS
		rmmod vdpa_test
		expect 0 'vdpa -j mgmtdev show'
		[[ $out != *test_* ]] || complain "still there: $out"
	SCRIPT
	head -n 1 "$BATS_TEST_TMPDIR/json" | jq -e '.mgmtdev | keys - ["vduse"] ==
		["platform/test_net.0", "test_block", "test_net", "test_odd"] and .test_net == .["platform/test_net.0"] and
		.test_net == {supported_classes: ["net"], max_supported_vqs: 17, dev_features:
			["CSUM", "MTU", "MAC", "STATUS", "CTRL_VQ", "MQ", "VERSION_1", "ACCESS_PLATFORM"]} and
		.test_block.supported_classes == ["block"] and .test_odd.supported_classes == ["< unknown class >"]'
	tail -n +2 "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/errors"
	check_json "$BATS_TEST_TMPDIR/errors"
}
