# SPDX-License-Identifier: GPL-2.0-or-later
#
# make dist, make deb, and builds that are the same bytes wherever they are made; and what packages
# do to a machine when they come, are followed by others, and go.

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

# have_packages: make deb, once for this file. It ends with lintian, which has to be silent.
have_packages()
{
	command -v dh lintian >/dev/null || skip "debhelper or lintian is not installed"
	packages=$BATS_FILE_TMPDIR/build/build/deb
	[ ! -e "$BATS_FILE_TMPDIR/made" ] || return 0
	make_packages "$BATS_FILE_TMPDIR/build" "$testsuite/../configure"
	touch "$BATS_FILE_TMPDIR/made"
}

# make_packages FOLDER CONFIGURE: in that folder, which is made.
make_packages()
{
	mkdir -p "$1"
	(cd "$1" && plain "$2" && plain make deb) >"$BATS_TEST_TMPDIR/log" 2>&1 ||
		{ tail -n 40 "$BATS_TEST_TMPDIR/log"; false; }
	run ! grep '^[EWI]: ' "$BATS_TEST_TMPDIR/log"
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

# fresh_root: that Debian, in $root; the first test that wants it makes it.
fresh_root()
{
	local made=$BATS_FILE_TMPDIR/root

	[ "$(id -u)" = 0 ] || skip "a Debian to install them in needs root"
	root=$BATS_TEST_TMPDIR/root
	if [ ! -d "$made" ]; then
		small_debian "$made.new" iproute2,libjson-c5,libmnl0,libseccomp2,libcap-ng0,systemd-standalone-sysusers \
			>"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log"; false; }
		mv "$made.new" "$made"
	fi
	cp -a "$made" "$root"
	cp "$packages"/vduse-tools{,-vdpa}_[0-9]*.deb "$root/root"
}

# files_of_root: all, but for what dpkg and apt note, and copies that the making of users leaves.
files_of_root()
{
	in_root find / -xdev -not -path '/proc/*' -not -path '/var/*' -not -path '/root/*' -not -path '/etc/*shadow-' | sort
}

@test "packages: make deb; they install and remove cleanly, and iproute2's vdpa comes back" {
	have_packages
	fresh_root
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

# manager: as if systemd were process 1 there; it writes down what it is asked, and whether there
# is a program then.
manager()
{
	mkdir -p "$root/run/systemd/system"
	cat >"$root/usr/local/bin/systemctl" <<-'END'
		#!/bin/sh
		[ -x /usr/sbin/vduse ] && with=with || with=without
		echo "$* $with" >>/root/asked
	END
	chmod +x "$root/usr/local/bin/systemctl"
}

# asked: what it was asked since the last time.
asked()
{
	cat "$root/root/asked"
	rm "$root/root/asked"
}

# next_version FILE: this package once more, as a later one.
next_version()
{
	local tree=$BATS_TEST_TMPDIR/tree

	dpkg-deb -R "$1" "$tree"
	sed -i 's/^Version: .*/&+next/' "$tree/DEBIAN/control"
	dpkg-deb -b "$tree" "$root/root/next.deb" >/dev/null
}

@test "packages: an upgrade starts, stops and restarts no device; a removal stops each while there is a program to do it" {
	have_packages
	fresh_root
	manager
	in_root sh -c 'dpkg -i /root/vduse-tools_*.deb'
	[ "$(asked)" = '--system daemon-reload with' ]
	# a device that was enabled
	local enabled=/etc/systemd/system/multi-user.target.wants/vduse@lo0.service
	in_root mkdir -p "${enabled%/*}"
	in_root ln -s /lib/systemd/system/vduse@.service "$enabled"
	echo 'mtu 1400' >"$root/etc/vduse/lo0.conf"
	next_version "$root"/root/vduse-tools_*.deb
	in_root dpkg -i /root/next.deb
	run -0 in_root dpkg-query -W -f '${Version}' vduse-tools
	[[ $output = *+next ]]
	[ "$(asked)" = '--system daemon-reload with' ]
	# nor is it restarted because a library was: 0 is "not this one"
	# shellcheck disable=SC2016 # perl's
	run -0 in_root perl -e 'do "/etc/needrestart/conf.d/vduse.conf" // die; my $rules = $nrconf{override_rc};
		print map { "vduse\@lo0.service" =~ $_ ? $rules->{$_} : "other" } keys %$rules'
	[ "$output" = 0 ]
	# nor does an upgrade that fails
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/tree/DEBIAN/preinst"
	chmod +x "$BATS_TEST_TMPDIR/tree/DEBIAN/preinst"
	dpkg-deb -b "$BATS_TEST_TMPDIR/tree" "$root/root/fails.deb" >/dev/null
	run ! in_root dpkg -i /root/fails.deb
	[ "$(asked)" = '--system daemon-reload with' ]
	[ -L "$root$enabled" ]
	run -0 cat "$root/etc/vduse/lo0.conf"
	[ "$output" = 'mtu 1400' ]
	in_root dpkg -r vduse-tools
	[ "$(asked)" = 'stop vduse@*.service with
--system daemon-reload without' ]
	run -0 cat "$root/etc/vduse/lo0.conf"
	# without systemd as process 1 nobody is asked anything
	rm -r "$root/run/systemd/system"
	in_root dpkg -i /root/next.deb
	in_root dpkg -r vduse-tools
	[ ! -e "$root/root/asked" ]
}

@test "packages: made in another folder, they are the same bytes" {
	local other=$BATS_TEST_TMPDIR/a/longer/name file made
	have_packages
	git clone -q "$testsuite/.." "$BATS_TEST_TMPDIR/sources"
	make_packages "$other" "$BATS_TEST_TMPDIR/sources/configure"
	made=("$packages"/*.deb)
	# also those of debugging symbols
	[ ${#made[@]} = 4 ]
	for file in "${made[@]}"; do
		cmp "$file" "$other/build/deb/${file##*/}"
	done
}
