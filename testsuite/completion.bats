# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion: what the scripts of make install offer in bash, zsh and fish. The shells run on
# this machine with a /sys of their own; bash once more in the guest, with real devices.

load common
load device
load completion

# rows: of completion.rows.
rows_of_file()
{
	grep -v '^#' "$testsuite/completion.rows"
}

# lines_of_file: each without its answer.
lines_of_file()
{
	rows_of_file | sed 's/=>\( [^=]*\)*$//; s/=>.*//'
}

@test "completion: bash, zsh and fish offer what the rows say, and say nothing else" {
	install_scripts
	rows_of_file | sed 's/=>$/=> /' >"$BATS_TEST_TMPDIR/expected"
	for shell in bash zsh fish; do
		lines_of_file | ask_$shell >"$BATS_TEST_TMPDIR/$shell.answers" 2>"$BATS_TEST_TMPDIR/$shell.errors"
		diff "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/$shell.answers"
		[ ! -s "$BATS_TEST_TMPDIR/$shell.errors" ] || { cat "$BATS_TEST_TMPDIR/$shell.errors"; false; }
	done
}

# expected_keywords: of each verb what is asked, and what its usage says that has to be
# offered. A line of usage: the path, a place for a name in capitals, and keywords; what is no
# keyword is in capitals, or behind another word in brackets ("[ type net ]").
expected_keywords()
{
	local program

	for program in vdpa vduse; do
		paste -d'\t' <("$VT_BUILD/completions/tables" verbs $program | cut -f1) \
			<("$VT_BUILD/completions/tables" synopsis $program | sed 's/{[^}]*}/CHOICE/g')
	done | awk -F'\t' '{
		n = split($2, word, " ")
		i = split($1, path, " ") + 1
		asked = $1 " "
		if (word[i] ~ /^[A-Z]/ || word[i] == "[" && word[i + 1] ~ /^[A-Z]/)
			asked = asked "place "
		print asked "=>"
		for (; i <= n; i++) {
			depth += (word[i] == "[") - (word[i] == "]")
			if (word[i] ~ /^[a-z]/ && (word[i - 1] == "[" || depth == 0))
				print word[i]
		}
	}'
}

@test "completion: each keyword of each verb's usage is offered, and no other" {
	install_scripts
	expected_keywords | sorted_words >"$BATS_TEST_TMPDIR/expected"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/expected")" -ge 18 ]
	sed 's/=>.*//' "$BATS_TEST_TMPDIR/expected" | ask_bash >"$BATS_TEST_TMPDIR/answers"
	diff "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/answers"
}

@test "completion: keys in the bash of somebody who has bash-completion" {
	install_scripts
	run -0 at_bash $'vduse des\tl\t' $'vduse create x mt\t1400 msg\t5' \
		$'vdpa dev add name lo0 mgm\tpci/0000:0\tdri\tvh\t' $'vduse --color=al\tsh\t'
	[ "$output" = "<destroy><lo>
<create><x><mtu><1400><msg_timeout><5>
<dev><add><name><lo0><mgmtdev><pci/0000:03:00.2><driver><vhost_vdpa>
<--color=always><show>" ]
}

@test "completion: names of devices that are there, on the real kernel" {
	in_guest <<-SCRIPT >"$BATS_TEST_TMPDIR/answers"
		$(cat "$VT_BUILD/completions/vdpa" "$VT_BUILD/completions/vduse")
		ask()
		{
			COMP_LINE=\$1 COMP_POINT=\${#1} COMPREPLY=()
			"_\${1%% *}" "\${1%% *}"
			echo "\$1=>" \$(printf '%s\n' "\${COMPREPLY[@]}" | LC_ALL=C sort)
		}
		# none yet
		ask 'vduse show '
		ask 'vdpa dev del '
		device create com0
		device create com1 type block size 4096
		device serve com0
		ask 'vdpa dev add name '
		device attach com0
		ask 'vdpa dev add name '
		ask 'vdpa dev del '
		ask 'vduse show '
		ask 'vduse monitor name '
		ask 'vdpa dev add name com1 mgmtdev '
		undo com0
		device destroy com1
		nothing_left
	SCRIPT
	diff - "$BATS_TEST_TMPDIR/answers" <<-'END'
		vduse show =>
		vdpa dev del =>
		vdpa dev add name => com0 com1
		vdpa dev add name => com1
		vdpa dev del => com0
		vduse show => com0 com1
		vduse monitor name => com0 com1
		vdpa dev add name com1 mgmtdev => vduse
	END
}
