# SPDX-License-Identifier: GPL-2.0-or-later
#
# Compares what iproute2's vdpa and ours answered with the rows of a table
# (conformance.rows, whose head says what a row is).
#
#	jq -Rrs --rawfile table conformance.rows --arg sections "A,B" \
#		-f conformance.jq ANSWERS
#
# ANSWERS are records of eight fields, each with a NUL behind it: the row's line in
# the table, the form (t text, j JSON, p pretty JSON), who (theirs, ours), exit
# status, standard output, standard error, and what the kernel had before and after.
# Prints a line for each fault, which names the row; nothing when all is as the
# table says.

def fault(condition; sentence): if condition then empty else sentence end;

# -- the table ------------------------------------------------------------------------

def row($line): . as $text |
	(capture("^(?<theirs>[0-9]+) +(?<ours>[0-9]+) +(?<forms>[tjp]+) +(?<shape>[a-z]+)(?<rest>.*)$") //
		error("line \($line) is no row: \($text)")) |
	. + (.rest | capture("^ *(?<words>.*?) *( <= (?<error>.*?) *)?( => (?<like>.*?) *)?( ## (?<reason>.*))?$")) |
	{line: $line, theirs: .theirs | tonumber, ours: .ours | tonumber, forms, shape, words, error, like, reason};

def rows: [foreach ($table | split("\n") | to_entries[]) as $entry ({};
	if $entry.value | startswith("[") then {section: $entry.value[1:-1]}
	else {section, text: ($entry.value | select(test("^[0-9]")) // null), line: ($entry.key + 1)} end;
	select(.text) | .section as $section | .line as $line | .text | row($line) | .section = $section)];

# The words by which a row may differ: "@ WORD  what it stands for".
def legend: [$table | split("\n")[] | select(startswith("@ ")) | split(" ")[1]];

# Faults of the table itself: ours may do better than theirs, but says why.
def table_faults: . as $rows |
	fault($rows | length > 0; "there are no rows"),
	([.[] | . + {form: (.forms / "" | .[])}] | group_by([.section, .words, .form])[] | select(length > 1) |
		"\(.[1].line): this row is there twice: \(.[1].words)"),
	($rows[] | "\(.line): \(.words)" as $name |
		if (.theirs == 0) != (.ours == 0) and .reason == null then "\($name): differs without a reason" else empty end,
		if .shape == "differs" and .reason == null then "\($name): differs without a reason" else empty end,
		(.reason // empty | split(":")[0] | select([.] - legend != []) | "\($name): no such reason: \(.)")),
	(legend - [$rows[].reason // empty | split(":")[0]] | .[] | "no row gives the reason \(.)");

# -- comparing ------------------------------------------------------------------------

def document: try fromjson catch null;

# Lines without the blanks at their ends.
def lines: split("\n") | map(sub("[ \t]+$"; "")) | map(select(. != ""));

# A feature that theirs has no name for is bit_N in text and a number in JSON, where
# ours has its name.
def same_word($theirs; $features):
	. == $theirs or ($features and ($theirs | test("^bit_[0-9]+$")) and test("^[A-Z]"));

# Does the line $theirs begin the input? Blanks in front count.
def begun_by($theirs): . as $line | ($theirs | test("^ +[a-z_]*features ")) as $features |
	($theirs | split(" ")) as $want | ($line | split(" ")) as $have |
	all(range($want | length); . as $i | $have[$i] // "" | same_word($want[$i]; $features));

# The first of the lines $want that begins no line of the input, in their order.
def lost_line($want):
	lines as $have | reduce $want[] as $line ({at: 0, lost: null};
		if .lost then . else
			([range(.at; $have | length) | select($have[.] | begun_by($line))][0]) as $found |
			if $found == null then .lost = $line else .at = $found + 1 end
		end) | .lost;

def same_value($path; $theirs):
	if ($theirs | type) == "array" then type == "array" and length == ($theirs | length)
	elif ($theirs | type) == "object" then type == "object"
	elif ($theirs | type) == "number" and ($path[-1] | type) == "number" then type == "string" and test("^[A-Z]|^bit_\($theirs)$")
	else . == $theirs end;

# The first thing in $theirs that the input has not, or has otherwise.
def lost_path($theirs): . as $ours |
	[$theirs | paths | . as $path | ($theirs | getpath($path)) as $value |
		select($ours | (try getpath($path) catch null) | same_value($path; $value) | not) |
		"\(map(tostring) | join(".")): \($value | tojson)"][0];

# -- shapes: the input is {form, theirs, ours}, each {status, out, err, before, after} --

def like($row; $form; $text):
	fault($row.like == null or ($text | test($row.like; "p")); "\($form) is not like: \($row.like): \($text[0:300])");

def quiet: fault(.ours.err == ""; "standard error is not empty: \(.ours.err)");

# Of a failed command, {} or {"dev":{}}; of a listing without entries, the latter.
def bare: type == "object" and (length == 0 or (length == 1 and .[] == {}));

# All that theirs says is in ours.
def includes:
	if .form == "t" then
		fault(.theirs.out | lines | length > 0; "theirs prints nothing"),
		((.theirs.out | lines) as $want | .ours.out | lost_line($want) // empty | "ours lacks the line: \(.)")
	else
		(.theirs.out | document) as $theirs | (.ours.out | document) as $ours |
		if ($theirs | type) != "object" or ($theirs | bare) then "theirs is no document with something in it"
		elif ($ours | type) != "object" then "ours is no document"
		else $ours | lost_path($theirs) // empty | "ours lacks \(.)" end
	end;

def unchanged:
	fault(.ours.before == .ours.after; "it failed, and the kernel has \(.ours.after) after \(.ours.before)");

def sentence($row):
	if .form == "t" then
		fault(.ours.err | test("^vdpa[a-z ]*: [^\u0000-\u001f\u007f]+\n\\z"); "standard error is not one sentence: \(.ours.err)"),
		like($row; "the sentence"; .ours.err)
	else
		fault(.ours.err | document | type == "object" and keys == ["error"] and (.error | .status == $row.ours and
			(.message | type == "string" and length > 0) and (.command | type == "string" and startswith("vdpa")) and
			keys - ["command", "errno", "hint", "message", "object", "status"] == []);
			"standard error is no error object of status \($row.ours): \(.ours.err)"),
		# as the text puts it together; that has bytes escaped which JSON has as they are
		if $row.like == null or ($row.like | contains("\\x")) then empty
		else like($row; "the error object"; .ours.err | document | .error // {} |
			[.object // empty, .message // empty, .hint // empty] | join(": ")) end
	end;

def warning($row):
	if .form == "t" then sentence($row)
	else fault(.ours.err | document | type == "object" and keys == ["warning"]; "standard error is no warning: \(.ours.err)") end;

# Theirs may print the container of a listing, or a line break.
def empty_document:
	if .form == "t" then fault(.ours.out == ""; "it failed and wrote to standard output: \(.ours.out)")
	else
		(.theirs.out | document | if bare then . else {} end) as $theirs |
		fault(.ours.out | document | bare; "standard output is no empty document: \(.ours.out)"),
		(.ours.out | document | lost_path($theirs) // empty | "ours lacks \(.)")
	end;

def something($row):
	if .form != "t" then fault(.ours.out | document | type == "object"; "ours is no document: \(.ours.out)") else empty end,
	if .form == "t" or ($row.forms | contains("t") | not) then like($row; "ours"; .ours.out) else empty end;

def shape_faults($row):
	if $row.shape == "same" then quiet, includes, if .form == "t" then like($row; "ours"; .ours.out) else empty end
	elif $row.shape == "json" then quiet, (.form = "j" | includes)
	elif $row.shape == "differs" or $row.shape == "ours" then quiet, something($row)
	elif $row.shape == "empty" then quiet,
		if .form == "t" then fault(.theirs.out + .ours.out == ""; "one of them prints something")
		else fault((.theirs.out | document) == (.ours.out | document); "not the same document") end
	elif $row.shape == "usage" then quiet, like($row; "ours"; .ours.out),
		fault(.theirs.err | startswith("Usage: vdpa"); "theirs prints no usage: \(.theirs.err)")
	elif $row.shape == "version" then quiet,
		(.theirs.out, .ours.out | fault(test("^vdpa utility, [a-z0-9-]+-[0-9.]+\n\\z"); "no version: \(.)"))
	elif $row.shape == "done" or $row.shape == "alone" then
		if $row.like then warning($row) else quiet end,
		fault(if .form == "t" then .ours.out == "" else .ours.out | document == {} end; "ours prints: \(.ours.out)"),
		fault(.ours.before != .ours.after; "it did nothing: the kernel has \(.ours.after)"),
		if $row.shape == "alone" then fault(.theirs.before == .theirs.after; "theirs did it as well") else
			fault(.theirs.after == .ours.after; "the kernel has \(.theirs.after) after theirs, \(.ours.after) after ours") end
	elif $row.shape == "refused" then sentence($row), empty_document, unchanged
	elif $row.shape == "failed" then sentence($row), empty_document,
		fault(.theirs.after == .ours.after; "the kernel has \(.theirs.after) after theirs, \(.ours.after) after ours")
	elif $row.shape == "unwritten" then sentence($row), unchanged
	else "there is no shape \($row.shape)" end;

def faults($row):
	fault(.theirs.status == $row.theirs; "iproute2 ends with \(.theirs.status), not \($row.theirs): \(.theirs.err)"),
	fault($row.error == null or (.theirs.err | test($row.error; "p")); "iproute2 does not say \($row.error): \(.theirs.err)"),
	fault(.ours.status == $row.ours; "ours ends with \(.ours.status), not \($row.ours): \(.ours.err)"),
	shape_faults($row);

# Both forms of JSON say the same, but for what changes by itself.
def forms_differ($row; $answers): $answers["\($row.line) j ours"] as $compact | $answers["\($row.line) p ours"] as $pretty |
	if $compact and $pretty and ($row.shape | . != "usage" and . != "version") and
		($compact.out | document) != ($pretty.out | document) then "p: not the document of -j" else empty end;

# -- all of it ------------------------------------------------------------------------

def answers: [split("\u0000")[:-1] | range(0; length; 8) as $i | .[$i:$i + 8] |
	{key: "\(.[0]) \(.[1]) \(.[2])", value: {status: .[3] | tonumber, out: .[4], err: .[5], before: .[6], after: .[7]}}] |
	fault(length == (unique_by(.key) | length); error("a row was answered twice")) , from_entries;

rows as $rows | ($sections | split(",")) as $wanted | answers as $answers |
	if $sections == "" then $rows | table_faults else
		[$rows[] | select(.section as $section | $wanted | index($section))] |
		($wanted - [.[].section] | .[] | "there are no rows of [\(.)]"),
		(([.[] | .line as $line | .forms / "" | .[] | "\($line) \(.)" | "\(.) theirs", "\(.) ours"]) as $expected |
			($expected - ($answers | keys) | .[] | "no answer: \(.)"), (($answers | keys) - $expected | .[] | "no row: \(.)")),
		(.[] | . as $row | "\(.section), line \(.line): vdpa \(.words)" as $name |
			(.forms / "" | .[] | . as $form |
				{form: $form, theirs: $answers["\($row.line) \($form) theirs"], ours: $answers["\($row.line) \($form) ours"]} |
				select(.theirs and .ours) | faults($row) | "\($name): \($form): \(.)"),
			(forms_differ($row; $answers) | "\($name): \(.)"))
	end
