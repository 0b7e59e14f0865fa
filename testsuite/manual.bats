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

@test "manual: vdpa(8) and vduse(8) have each option that the command has, with its value" {
	local program
	for program in vdpa vduse; do
		"$VT_BUILD/$program/$program" --help | sed -n '/^OPTIONS/,$p' |
			grep -oE -- '--[A-Za-z]+([ =[][^ ]+)?' | sort >"$BATS_TEST_TMPDIR/options"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/options")" -ge 13 ]
		mandoc -Tascii -O width=200 "$testsuite/../man/man8/$program.8" | sed 's/.\x08//g' |
			sed -n '/^OPTIONS/,/^ENVIRONMENT/s/^ \{5\}-/-/p' | sed 's/ | /|/g' |
			grep -oE -- '--[A-Za-z]+([ =[][^ ,]+)?' | sort | diff "$BATS_TEST_TMPDIR/options" -
	done
}

@test "manual: each command's page has all sections, in one order" {
	local page
	for page in "$testsuite"/../man/man8/*.8; do
		diff --label "${page##*/}" --label 'what it should have' -u \
			<(sed -n 's/^\.Sh //p' "$page" | grep -vx DIAGNOSTICS) \
			<(printf '%s\n' NAME SYNOPSIS DESCRIPTION OPTIONS ENVIRONMENT FILES 'EXIT STATUS' EXAMPLES NOTES 'SEE ALSO')
	done
}

# examples.bats runs the whole of it
@test "manual: what vduse-device(7) shows of a program is in docs/zero.c, to the letter" {
	local part parts
	awk -v to="$BATS_TEST_TMPDIR/part." '
		/^\.\\" no command: a part of zero.c/ { part = to (++parts); next }
		part && /^\.Bd/ { next }
		/^\.Ed/ { part = "" }
		part { gsub(/\\e/, "\\"); print >part }' "$testsuite/../man/man7/vduse-device.7"
	parts=("$BATS_TEST_TMPDIR"/part.*)
	[ ${#parts[@]} = 3 ]
	for part in "${parts[@]}"; do
		[[ $(<"$testsuite/../docs/zero.c") = *"$(<"$part")"* ]] || { cat "$part"; false; }
	done
}

@test "manual: vduse-json(5), with vduse-monitor(8) for events, has each key of the schemas" {
	local folder=$testsuite/..
	jq -r '.. | objects | .properties? // empty | keys[]' "$folder"/schema/*.json | tr -d ' ' | sort -u >"$BATS_TEST_TMPDIR/keys"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/keys")" -gt 100 ]
	grep -ohE '[A-Za-z_]+' "$folder/man/man5/vduse-json.5" "$folder/man/man8/vduse-monitor.8" | sort -u >"$BATS_TEST_TMPDIR/words"
	run -0 comm -23 "$BATS_TEST_TMPDIR/keys" "$BATS_TEST_TMPDIR/words"
	[ -z "$output" ]
}
