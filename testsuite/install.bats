# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install and make uninstall. (Completion is tested with what is installed:
# completion.bats; packages and builds that are the same everywhere: slow/packages.bats.)

load common

make_of_build()
{
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "${VT_BUILD%/*}" "$@" DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=/opt/vt
}

@test "install: programs, pages, schemas, completions and the service go below DESTDIR, and uninstall takes each away" {
	local source=$testsuite/.. root=$BATS_TEST_TMPDIR/root/opt/vt file
	make_of_build install >/dev/null
	{
		printf '%s\n' sbin/vdpa sbin/vduse lib/systemd/system/vduse@.service lib/udev/rules.d/60-vduse.rules \
			lib/{modules-load,sysusers,tmpfiles}.d/vduse.conf
		for file in vdpa vduse; do
			printf 'share/%s\n' bash-completion/completions/$file zsh/site-functions/_$file \
				fish/vendor_completions.d/$file.fish
		done
		(cd "$source" && printf 'share/%s\n' man/man[1-9]/* && printf 'share/vduse-tools/%s\n' schema/*.json)
	} | sort >"$BATS_TEST_TMPDIR/expected"
	(cd "$root" && find . -type f | sed 's|^\./||' | sort) | diff "$BATS_TEST_TMPDIR/expected" -
	cmp "$VT_BUILD/vduse/vduse" "$root/sbin/vduse"
	[ -x "$root/sbin/vdpa" ]
	# what the service runs and reads, wherever that is
	grep -qx 'ExecStart=/opt/vt/sbin/vduse up %i file /etc/vduse/%i.conf foreground' "$root/lib/systemd/system/vduse@.service"
	run ! grep -r '@[A-Z]*@' "$root/lib"
	[ -d "$BATS_TEST_TMPDIR/root/etc/vduse" ]
	run ! grep -rlF "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/root"
	make_of_build uninstall >/dev/null
	run -0 find "$BATS_TEST_TMPDIR/root" -type f
	[ -z "$output" ]
}
