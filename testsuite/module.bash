# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For tests on the devices of the module in testsuite/module: vDPA devices that VDUSE
# has not, with statistics, attributes, buses, odd names and odd types. vdpa_test.h
# there says what it offers. `load common; load device; load module`, and then
# module_test in place of in_guest.

setup()
{
	common_setup
	[ ! -e "$VM_DIR/host" ] || skip "HOST=1: the module is built for the test guest's kernel"
}

# module_test: in_guest, with the module there, no bus driver that takes devices by
# itself, and the functions below.
module_test()
{
	{
		declare -f autoprobe hex attribute statistic
		echo 'trap "autoprobe 1; rmmod vdpa_test 2>/dev/null" EXIT'
		echo 'test_module; autoprobe 0; theirs=/usr/sbin/vdpa'
		cat
		echo 'rmmod vdpa_test || complain "the module is in use"; nothing_left'
	} | in_guest
}

# -- inside the guest -----------------------------------------------------------------

autoprobe()
{
	echo "$1" >/sys/bus/vdpa/drivers_autoprobe
}

hex()
{
	printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# attribute TYPE PAYLOAD: netlink's, both in hexadecimal, with its padding.
attribute()
{
	local length=$((4 + ${#2} / 2)) payload=$2

	while [ $((${#payload} % 8)) != 0 ]; do
		payload+=00
	done
	printf '%02x%02x%s00%s' $((length & 255)) $((length >> 8)) "$1" "$payload"
}

# statistic NAME VALUE: VDPA_ATTR_DEV_VENDOR_ATTR_NAME and _VALUE; VALUE is signed.
statistic()
{
	local i value=''

	for i in 0 8 16 24 32 40 48 56; do
		printf -v value %s%02x "$value" $(($2 >> i & 255))
	done
	attribute 12 "$(hex "$1")00"
	attribute 13 "$value"
}
