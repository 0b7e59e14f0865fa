# SPDX-License-Identifier: GPL-2.0-or-later
#
# make dist, make deb, and builds that are the same bytes wherever they are made.

load ../common

# plain COMMAND...: without what make check told its children.
plain()
{
	env -u MAKEFLAGS -u MAKELEVEL -u VT_BUILD -u WERROR "$@"
}

@test "packages: two builds in different folders, one of them out of tree, are the same bytes" {
	local file
	cd "$testsuite/.."
	mkdir -p "$BATS_TEST_TMPDIR"/{one,two/deeper,out}
	git archive --prefix=source/ HEAD | tar -x -C "$BATS_TEST_TMPDIR/one"
	git archive --prefix=a-longer-name/ HEAD | tar -x -C "$BATS_TEST_TMPDIR/two/deeper"
	(cd "$BATS_TEST_TMPDIR/one/source" && plain ./configure && plain make programs completions) >/dev/null
	(cd "$BATS_TEST_TMPDIR/out" && plain ../two/deeper/a-longer-name/configure && plain make programs completions) >/dev/null
	for file in vdpa/vdpa vduse/vduse completions/{vdpa,_vdpa,vdpa.fish,vduse,_vduse,vduse.fish}; do
		cmp "$BATS_TEST_TMPDIR/one/source/build/$file" "$BATS_TEST_TMPDIR/out/build/$file"
	done
}

@test "packages: make dist has what is committed, and twice the same" {
	cd "$BATS_TEST_TMPDIR"
	plain make -s -f "$testsuite/../Makefile" dist
	mv vduse-tools-*.tar.gz first.tar.gz
	plain make -s -f "$testsuite/../Makefile" dist
	cmp first.tar.gz vduse-tools-*.tar.gz
	tar -tzf first.tar.gz | sed 's|^[^/]*/||; /\/$/d; /^$/d' | sort >listed
	git -C "$testsuite/.." ls-tree -r --name-only HEAD | sort | diff - listed
}

# in_root COMMAND...: in a small Debian with iproute2.
in_root()
{
	chroot "$BATS_TEST_TMPDIR/root" "$@"
}

# small_debian FOLDER PACKAGES: from where the guest's root comes from (vm/root).
small_debian()
(
	# shellcheck source=testsuite/vm/common.bash
	. "$testsuite/vm/common.bash"
	eval "$(sed -n '/^debian_sources()/,/^}/p' "$testsuite/vm/root")"
	debian_sources >"$BATS_TEST_TMPDIR/sources"
	apt_options >"$BATS_TEST_TMPDIR/apt.conf"
	mmdebstrap --quiet --variant=apt --include="$2" --aptopt="$BATS_TEST_TMPDIR/apt.conf" \
		--aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
		"" "$1" "$BATS_TEST_TMPDIR/sources"
)

# files_of_root: all, but for what dpkg and apt note, and copies that the making of users leaves.
files_of_root()
{
	in_root find / -xdev -not -path '/proc/*' -not -path '/var/*' -not -path '/root/*' -not -path '/etc/*shadow-' | sort
}

@test "packages: make deb; they install and remove cleanly, and iproute2's vdpa comes back" {
	command -v dh lintian >/dev/null || skip "debhelper or lintian is not installed"
	[ "$(id -u)" = 0 ] || skip "a Debian to install them in needs root"
	local root=$BATS_TEST_TMPDIR/root
	cd "$testsuite/.."
	# it ends with lintian, which has to be silent
	mkdir "$BATS_TEST_TMPDIR/build"
	(cd "$BATS_TEST_TMPDIR/build" && plain "$testsuite/../configure" && plain make deb) >"$BATS_TEST_TMPDIR/log" 2>&1 ||
		{ tail -n 40 "$BATS_TEST_TMPDIR/log"; false; }
	run ! grep '^[EWI]: ' "$BATS_TEST_TMPDIR/log"
	small_debian "$root" iproute2,libjson-c5,libmnl0,libseccomp2,libcap-ng0,systemd-standalone-sysusers >"$BATS_TEST_TMPDIR/log" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/log"; false; }
	cp "$BATS_TEST_TMPDIR"/build/build/deb/vduse-tools{,-vdpa}_[0-9]*.deb "$root/root"
	files_of_root >"$BATS_TEST_TMPDIR/before"
	run -0 in_root vdpa -V
	[[ $output = *iproute2* ]]
	in_root sh -c 'dpkg -i /root/vduse-tools*.deb'
	run -0 in_root vdpa -V
	[[ $output = *vduse-tools* ]]
	run -0 in_root vdpa.iproute2 -V
	[[ $output = *iproute2* ]]
	run -0 in_root vduse -V
	# the user and the groups of the service are there, which is not enabled, and an empty /etc/vduse
	run -0 in_root getent passwd vduse
	run -0 in_root getent group vduse-serve kvm
	run ! in_root sh -c 'ls -d /etc/systemd/system/*/vduse@* /etc/vduse/*'
	run -0 in_root dpkg -V
	[ -z "$output" ]
	in_root dpkg -P vduse-tools vduse-tools-vdpa
	run -0 in_root vdpa -V
	[[ $output = *iproute2* ]]
	files_of_root | diff "$BATS_TEST_TMPDIR/before" -
}
