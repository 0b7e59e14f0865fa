# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual pages beside the commands (what they tell of vdpa is in unit/test_vdpa_manual.c).
# Their examples are run by examples.bats.

load common

# spaced: brackets and words apart, in one line.
spaced()
{
	sed 's/[][{}|]/ & /g' | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'
}

@test "manual: the SYNOPSIS of each verb of vduse is its usage, and vduse(8) names each" {
	local usage verb page
	while read -r usage; do
		verb=$(spaced <<<"$usage" | sed -E 's/^vduse (\{ )?(\w+) .*/\2/')
		page=$testsuite/../man/man8/vduse-$verb.8
		[ -e "$page" ] || { echo "there is no page of $verb"; false; }
		mandoc -Tascii "$page" | sed 's/.\x08//g' |
			sed -n '/^SYNOPSIS/,/^DESCRIPTION/{//!p}' | spaced >"$BATS_TEST_TMPDIR/page"
		diff <(spaced <<<"$usage") "$BATS_TEST_TMPDIR/page"
		grep -q "^\.Xr vduse-$verb 8" "$testsuite/../man/man8/vduse.8"
	done < <("$VT_BUILD/completions/tables" synopsis vduse)
}

@test "manual: the program in vduse-device(7) compiles" {
	{
		printf '#include <%s>\n' fcntl.h unistd.h sys/ioctl.h linux/vduse.h linux/virtio_config.h
		echo 'void start(void), stop_and_unmap_all(void), stop_looking_and_unmap(__u64, __u64);'
		echo 'extern __u16 my_next_avail; void serve(void) {'
		sed -n '/^int node/,/^\.Ed/{/^\.Ed/d;p}' "$testsuite/../man/man7/vduse-device.7"
		echo '}'
	} >"$BATS_TEST_TMPDIR/device.c"
	run -0 ${CC:-cc} -Wall -Wno-unused-result -I "$testsuite/../include/uapi" -c -o /dev/null "$BATS_TEST_TMPDIR/device.c"
	[ -z "$output" ]
}
