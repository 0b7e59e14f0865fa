# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian's iproute2 tool and ours, side by side on the same devices. What it
# prints is in what we print, and each manages what the other made.

load common
load device

# The command lines that do the right thing there.
command_lines()
{
	printf '%s\n' 'mgmtdev show' 'mg l vduse' 'm s' 'dev' 'dev show' 'd s i2' 'dev list i1' 'dev config' \
		'dev config show' 'dev c s i0' 'd conf sh i2'
}

# answers OPTION: what both say to the command lines on standard input, each a
# record LINE, status and output of theirs, status and output of ours.
answers()
{
	local lines

	lines=$(cat)
	in_guest "$1" "$lines" <<-'SCRIPT'
		while IFS= read -r line; do
			run_line "/usr/sbin/vdpa $1 $line"
			printf '%s\0%s\0%s\0' "$line" $status "$out"
			run_line "vdpa $1 $line"
			printf '%s\0%s\0' $status "$out"
		done <<<"$2"
	SCRIPT
}

setup_file()
{
	in_guest <<-'SCRIPT'
		[ "$(command -v vdpa)" != /usr/sbin/vdpa ] || broken 'our vdpa is not the first on PATH'
		[ -x /usr/sbin/vdpa ] || broken 'iproute2 has no vdpa here'
		/usr/sbin/vdpa -V | grep -q iproute2 || broken '/usr/sbin/vdpa is not that of iproute2'
	SCRIPT
}

three_devices()
{
	in_guest <<-'SCRIPT'
		device create i0 mac 52:54:00:00:00:10 mtu 1400
		device create i1 vendor 0x1af4
		device create i2 features no_MRG_RXBUF
		for name in i0 i1 i2; do
			device serve $name
		done
		device attach i0
		device attach i1 driver vhost_vdpa
		device attach i2
	SCRIPT
}

@test "text: each line of theirs begins a line of ours, in the same order" {
	three_devices
	command_lines | answers '' >"$BATS_TEST_TMPDIR/answers"
	in_guest <<<'undo i0 i1 i2; nothing_left'
	local line status their_out our_status our_out count=0
	while IFS= read -r -d '' line && IFS= read -r -d '' status && IFS= read -r -d '' their_out &&
		IFS= read -r -d '' our_status && IFS= read -r -d '' our_out; do
		[ "$status$our_status" = 00 ] || { echo "vdpa $line: status $status there, $our_status here"; return 1; }
		[ -n "$their_out" ] || { echo "vdpa $line prints nothing there"; return 1; }
		mapfile -t ours <<<"$our_out"
		local at=0 want
		while IFS= read -r want; do
			want=${want%"${want##*[![:space:]]}"}
			while [ $at -lt ${#ours[@]} ]; do
				[[ "${ours[at]} " = "$want"[\ ]* ]] && break
				at=$((at + 1))
			done
			at=$((at + 1))
			[ $at -le ${#ours[@]} ] || { printf '%s\n' "vdpa $line: not in ours: $want" "ours: $our_out"; return 1; }
		done <<<"$their_out"
		count=$((count + 1))
	done <"$BATS_TEST_TMPDIR/answers"
	[ $count = "$(command_lines | wc -l)" ]
}

@test "JSON: each path and value of theirs is in ours, compact and pretty" {
	three_devices
	command_lines | answers -j >"$BATS_TEST_TMPDIR/answers"
	printf '%s\n' 'mgmtdev show' 'dev show' 'dev config show i0' | answers -jp >>"$BATS_TEST_TMPDIR/answers"
	in_guest <<<'undo i0 i1 i2; nothing_left'
	local line status their_out our_status our_out count=0
	while IFS= read -r -d '' line && IFS= read -r -d '' status && IFS= read -r -d '' their_out &&
		IFS= read -r -d '' our_status && IFS= read -r -d '' our_out; do
		[ "$status$our_status" = 00 ] || { echo "vdpa -j $line: status $status there, $our_status here"; return 1; }
		# theirs prints a feature without a name as a number, in a list of names
		jq -en --argjson theirs "$their_out" --argjson ours "$our_out" '
			[$theirs | paths(scalars) as $p | select(getpath($p) as $v | ($v | type) != "number" or ($p[-1] | type) != "number")
				| {path: $p, theirs: getpath($p)} | . as $e | select(($ours | getpath($e.path)) != $e.theirs)] as $lost |
			if ($theirs | [paths(scalars)] | length) == 0 then error("nothing to compare")
			elif $lost != [] then error("lost: \($lost)") else true end' >/dev/null ||
			{ printf '%s\n' "vdpa -j $line:" "theirs: $their_out" "ours: $our_out"; return 1; }
		count=$((count + 1))
	done <"$BATS_TEST_TMPDIR/answers"
	[ $count = $((3 + $(command_lines | wc -l))) ]
}

@test "each manages what the other made: add here, del there, and the other way round" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		theirs=/usr/sbin/vdpa
		device create x0
		device create x1
		device serve x0
		device serve x1
		need 0 "timeout -s KILL 20 $theirs dev add name x0 mgmtdev vduse"
		need 0 'vdpa dev add name x1 mgmtdev vduse'
		for tool in "$theirs" vdpa; do
			expect 0 "$tool dev show x0" '^x0: type network mgmtdev vduse'
			expect 0 "$tool dev show x1" '^x1: type network mgmtdev vduse'
		done
		expect 0 'vduse -j show x0' '"attached":true.*"driver":"virtio_vdpa","netdev":"'
		# ours refuses what theirs added already, and theirs what ours did
		expect 5 'vdpa dev add name x0 mgmtdev vduse' x0
		run_line "timeout -s KILL 20 $theirs dev add name x1 mgmtdev vduse"
		[ $status != 0 ] || complain 'added twice'
		need 0 'vdpa dev del x0'
		need 0 "timeout -s KILL 20 $theirs dev del x1"
		for name in x0 x1; do
			expect 3 "vdpa dev show $name" $name
			run_line "$theirs dev show $name"
			[ $status != 0 ] || complain "theirs still sees $name"
			expect 0 "vduse -j show $name" '"attached":false'
			device stop $name
			device destroy $name
		done
		nothing_left
	SCRIPT
}

@test "words that do the right thing there do it here: usage, versions, abbreviations of add and del" {
	in_guest <<-'SCRIPT'
		theirs=/usr/sbin/vdpa
		for line in '' help '-h' '--help' '-V' '--Version' 'mgmtdev' 'mgmtdev help' 'dev help' 'dev config help' 'hel' 'd h'; do
			run_line "$theirs $line"
			there=$status
			run_line "vdpa $line"
			[ $there$status = 00 ] || complain "vdpa $line: status $there there, $status here: $err"
			[ -n "$out" ] || complain "vdpa $line prints nothing"
		done
		device create ab0
		device serve ab0
		for words in 'd a n ab0 mg vduse' 'dev ad nam ab0 mgmt vduse' 'dev add mgmtdev vduse name ab0'; do
			expect 0 "vdpa $words"
			attached ab0 || complain "vdpa $words did nothing"
			expect 0 'vdpa d d ab0 || vdpa dev de ab0'
			attached ab0 && device detach ab0
		done
		device stop ab0
		device destroy ab0
		nothing_left
	SCRIPT
}

@test "what it gets wrong is not copied: leftover words, bad addresses and numbers" {
	in_guest <<-'SCRIPT'
		device create wr0
		device serve wr0
		device attach wr0
		rows <<-'ROWS'
			2 vdpa dev del wr0 bar                                   ## bar
			2 vdpa dev show wr0 bar                                  ## bar
			2 vdpa dev add name wr1 mgmtdev vduse mac 00:11          ## 00:11
			2 vdpa dev add name wr1 mgmtdev vduse mac 1.2.3.4        ## 1\.2\.3\.4
			2 vdpa dev add name wr1 mgmtdev vduse mtu banana         ## banana
		ROWS
		attached wr0 || complain 'dev del wr0 bar deleted wr0'
		undo wr0
		nothing_left
	SCRIPT
}
