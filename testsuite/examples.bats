# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each command that the manual pages, README and the documents show runs on the real kernel, and prints what
# stands there (examples.bash).

load common
load device
load peers
load examples

setup()
{
	common_setup
	[ ! -e "$VM_DIR/host" ] || skip "HOST=1: interfaces of the host have other names"
}

teardown()
{
	# of a test that failed half-way; it would keep the disk
	[ -n "${BATS_TEST_COMPLETED-}" ] || guest umount -q -l /mnt || true
	common_teardown
}

@test "examples: vduse-json(5)" {
	run_page "$testsuite/../man/man5/vduse-json.5"
}

# The guest has no compiler: what the page's command makes of docs/zero.c is brought there.
@test "examples: vduse-device(7)" {
	cp "$testsuite/../docs/zero.c" "$BATS_TEST_TMPDIR"
	(cd "$BATS_TEST_TMPDIR" && ${CC:-cc} -O2 -Wall -Werror -o zero zero.c)
	guest_in sh -c 'cat >/tmp/zero && chmod 755 /tmp/zero' <"$BATS_TEST_TMPDIR/zero"
	run_page "$testsuite/../man/man7/vduse-device.7"
}

@test "examples: vdpa(8)" {
	run_page "$testsuite/../man/man8/vdpa.8"
}

@test "examples: vdpa-dev(8)" {
	run_page "$testsuite/../man/man8/vdpa-dev.8"
}

@test "examples: vdpa-mgmtdev(8)" {
	run_page "$testsuite/../man/man8/vdpa-mgmtdev.8"
}

@test "examples: vduse(8)" {
	run_page "$testsuite/../man/man8/vduse.8"
}

@test "examples: vduse-apply(8)" {
	run_page "$testsuite/../man/man8/vduse-apply.8"
}

@test "examples: vduse-create(8)" {
	run_page "$testsuite/../man/man8/vduse-create.8"
}

@test "examples: vduse-destroy(8)" {
	run_page "$testsuite/../man/man8/vduse-destroy.8"
}

@test "examples: vduse-down(8)" {
	bring_peers
	run_page "$testsuite/../man/man8/vduse-down.8"
	send_peers_back
}

@test "examples: vduse-loopback(8)" {
	run_page "$testsuite/../man/man8/vduse-loopback.8"
}

@test "examples: vduse-monitor(8)" {
	run_page "$testsuite/../man/man8/vduse-monitor.8"
}

@test "examples: vduse-set(8)" {
	run_page "$testsuite/../man/man8/vduse-set.8"
}

@test "examples: vduse-show(8)" {
	run_page "$testsuite/../man/man8/vduse-show.8"
}

@test "examples: vduse-stats(8)" {
	run_page "$testsuite/../man/man8/vduse-stats.8"
}

@test "examples: vduse-up(8)" {
	run_page "$testsuite/../man/man8/vduse-up.8"
}

@test "examples: README" {
	run_page "$testsuite/../README.md"
}

@test "examples: docs/orchestrators.md" {
	run_page "$testsuite/../docs/orchestrators.md"
}

# nothing_to_run PAGE: each of its blocks says why
nothing_to_run()
{
	examples_of "$1" | awk '/^== /{ blocks++ } /^! no command: ./{ reasons++ } END { exit blocks != reasons }'
}

@test "examples: the other documents have nothing that could be run" {
	local page seen=0

	for page in "$testsuite"/../docs/*.md; do
		[[ $page != */orchestrators.md ]] && grep -qE '^ *(```|~~~)' "$page" || continue
		nothing_to_run "$page" || fail "$page has a block that nothing runs"
		seen=$((seen + 1))
	done
	[ $seen -ge 2 ]
	{ cat "$testsuite/../docs/clusters.md"; printf '%s\n' '```' 'vdpa dev show' '```'; } >"$BATS_TEST_TMPDIR/page.md"
	! nothing_to_run "$BATS_TEST_TMPDIR/page.md"
}

@test "examples: documents that pages show are as the schemas say" {
	local page pages=("$testsuite"/../man/man[1-9]/* "$testsuite/../README.md")
	for page in "${pages[@]}"; do
		examples_of "$page" | documents_of
	done >"$BATS_TEST_TMPDIR/documents"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/documents")" -ge 2 ]
	"$testsuite/check-answers" --unseen . "$testsuite/../schema" "$BATS_TEST_TMPDIR/documents"
	sed 's/"event"/"evnt"/' "$BATS_TEST_TMPDIR/documents" >"$BATS_TEST_TMPDIR/wrong"
	run -1 "$testsuite/check-answers" --unseen . "$testsuite/../schema" "$BATS_TEST_TMPDIR/wrong"
}

@test "examples: each page has a test here, and one more page would be noticed" {
	local tests=$testsuite/examples.bats
	run -0 pages_without_test "$testsuite/../man" "$tests"
	[ -z "$output" ]
	grep -qxF $'\trun_page "$testsuite/../README.md"' "$tests"
	cp -r "$testsuite/../man" "$BATS_TEST_TMPDIR"
	cp "$testsuite/../man/man8/vduse.8" "$BATS_TEST_TMPDIR/man/man8/vduse-new.8"
	run -0 pages_without_test "$BATS_TEST_TMPDIR/man" "$tests"
	[ "$output" = vduse-new.8 ]
	# of one whose test is no more than a comment, too
	sed 's/^\trun_page.*vdpa-dev.8"$/\t: #&/' "$tests" >"$BATS_TEST_TMPDIR/tests"
	run -0 pages_without_test "$testsuite/../man" "$BATS_TEST_TMPDIR/tests"
	[ "$output" = vdpa-dev.8 ]
}

# understood PAGE: every block of it is one that can be run, or says why not
understood()
{
	examples_of "$1" >"$BATS_TEST_TMPDIR/blocks" && script_of <"$BATS_TEST_TMPDIR/blocks"
}

@test "examples: a page that says something else is noticed, and a block that nothing runs" {
	local page=$BATS_TEST_TMPDIR/page.8 wrong

	printf '%s\n' '.Sh DESCRIPTION' '.\" file: three' '.Bd -literal' three .Ed \
		'.Sh EXAMPLES' '.Bd -literal' '# echo one; false' one '# echo $?' 2 .Ed '.Dl # cat three' >"$page"
	sed 's/^2$/1\n# cat three\nthree/; s/^.Dl.*/.Dl # true/' "$page" >"$page.right"
	run_page "$page.right"
	run -1 run_page "$page"
	assert_line -- '-2'
	assert_line -- '+1'
	assert_line -- '+three'
	for wrong in 's/^# echo o/echo o/' 's/^\.Dl # /.Dl /' 's/^one$/\\*one/' 's/^one$/.Pp/' 's/EXAMPLES/NOTES/' \
		's/^\.Dl.*/.\\" before: true/' '/^# \|^[12o]/d; /^.Dl/d' '/file: /d' \
		's/^three$/# true/' 's/^2$/&\n.Ed\n.Sh NOTES\n.Bd -literal\nmore/'; do
		sed "$wrong" "$page" >"$page.wrong"
		! understood "$page.wrong" || fail "$wrong goes unnoticed"
	done
}

@test "examples: a block of README that nothing runs is noticed, in whichever section it stands" {
	local page=$BATS_TEST_TMPDIR/README.md
	understood "$testsuite/../README.md" >/dev/null
	{ cat "$testsuite/../README.md"; printf '%s\n' '## New' '```' 'vdpa dev show' '```'; } >"$page"
	run -1 understood "$page"
	assert_output --partial 'begins with no command: vdpa dev show'
}
