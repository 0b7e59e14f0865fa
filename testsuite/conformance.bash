# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# How the rows of conformance.rows are run in the guest and held against what both
# programs answered there (conforms), and how that comparison is itself tested (but,
# wrong_table).

# -- inside the guest ------------------------------------------------------------------

# A program that does not end is killed. Each costs the guest a fork and an exec, so
# this is one watcher for all of them and not a timeout for each: it reads the number
# of a process, and then a line as soon as that has ended.
watch_over()
{
	exec {watcher}> >(while IFS= read -r pid; do
		IFS= read -r -t 300 || { kill -KILL "$pid" 2>/dev/null; IFS= read -r; }
	done)
}

# under_watch LINE: the simple command LINE, as status, out and err.
under_watch()
{
	local pid

	eval "$1 </dev/null >\"\$T.out\" 2>\"\$T.err\" ${redirection-} &"
	pid=$!
	echo $pid >&"$watcher"
	# the shell has a word for one that ends on a signal
	wait $pid 2>/dev/null
	status=$?
	echo >&"$watcher"
	IFS= read -r -d '' out <"$T.out"
	IFS= read -r -d '' err <"$T.err"
}

# What there is on the bus, as kernel: each device with its driver, and whether an
# interface or a node came of it (their names count on); what theirs says of the
# configuration of $configuration.
look()
{
	local device driver

	kernel=
	for device in /sys/bus/vdpa/devices/*; do
		[ -e "$device" ] || continue
		kernel+=${device##*/}
		for driver in /sys/bus/vdpa/drivers/*; do
			[ ! "$device/driver" -ef "$driver" ] || kernel+=" ${driver##*/}"
		done
		compgen -G "$device/virtio*/net/*" >/dev/null && kernel+=' interface'
		compgen -G "$device/vhost-vdpa-*" >/dev/null && kernel+=' node'
		kernel+='; '
	done
	IFS= read -r device </sys/bus/vdpa/drivers_autoprobe
	kernel+="autoprobe $device"
	[ ! -e "/sys/bus/vdpa/devices/${configuration:-/none}" ] ||
		kernel+="; $(/usr/sbin/vdpa dev config show "$configuration" 2>&1)"
}

# answer ROW: what both say to one row of the table, in each of its forms. Before
# each, $prepare is called; $wrapper stands before the program. With $prepare or
# $watched_bus, what there is on the bus is looked at before and after.
answer()
{
	local number forms words form option who program before

	read -r number _ _ forms _ words <<<"$1"
	words=" $words "
	words=${words%% <= *}
	words=${words%% => *}
	words=${words%% '## '*}
	for ((i = 0; i < ${#forms}; i++)); do
		form=${forms:i:1}
		case $form in t) option='' ;; j) option=-j ;; p) option=-jp ;; esac
		for who in theirs ours; do
			program=vdpa
			[ $who = ours ] || program=/usr/sbin/vdpa
			before='' kernel=''
			${prepare-}
			[ -z "${prepare-}${watched_bus-}" ] || look
			before=$kernel
			under_watch "${wrapper-} $program $option $words"
			[ -z "${prepare-}${watched_bus-}" ] || look
			printf '%s\0' "$number" "$form" $who $status "$out" "$err" "$before" "$kernel"
		done
	done
}

# answer_some SECTION COUNT N: to each COUNTth row of it, from the Nth on.
answer_some()
{
	local row number=0

	# shellcheck disable=SC2154 # rows is the script's first argument
	while IFS= read -r row; do
		[ "${row%%$'\t'*}" = "$1" ] || continue
		[ $((number++ % $2)) != "$3" ] || answer "${row#*$'\t'}"
	done <<<"$rows"
}

# answers SECTION: to all its rows, which are the script's first argument. They share
# both processors of the guest, unless $prepare makes them wait for one another.
answers()
{
	local n pids=''
	if [ -n "${prepare-}" ]; then
		watch_over
		answer_some "$1" 1 0
		exec {watcher}>&-
		return
	fi
	for n in 0 1; do
		(
			T=$T.$n
			watch_over
			answer_some "$1" 2 $n >"$T.answers"
			rm -f "$T.out" "$T.err"
		) &
		pids+=" $!"
	done
	# shellcheck disable=SC2086 # two words
	wait $pids
	cat "$T".[01].answers
	rm -f "$T".[01].answers
}

# Ways to prepare a row: a device that is served is not on the bus, or has a driver.
detached()
{
	if attached "$1"; then device detach "$1"; fi
}

attached_to()
{
	[ "$(driver_of "$2")" != "$1" ] || return 0
	detached "$2"
	device attach "$2" driver "$1"
}

# -- outside ---------------------------------------------------------------------------

# The rows of the table, with section and line number in front.
table_rows()
{
	awk '/^\[/ { section = substr($0, 2, length($0) - 2) } /^[0-9]/ { print section "\t" NR, $0 }' \
		"$BATS_TEST_DIRNAME/conformance.rows"
}

# conforms SECTION,...: run the script on standard input in the guest, which calls
# answers for each of the sections, and hold what it prints against the table.
conforms()
{
	local answers=$BATS_TEST_TMPDIR/answers

	guest_functions+=(watch_over under_watch look answer answer_some answers detached attached_to)
	{
		# shellcheck disable=SC2016 # the guest's shell has the argument
		echo 'rows=$1; ulimit -c 0'
		printf 'printf -v n%d %%0%dd 0\n' 63 63 64 64 255 255 256 256
		cat
		# jq takes NULs away from the end of what it reads
		echo echo
	} | in_guest "$(table_rows)" >"$answers"
	compare "$1" <"$answers"
}

# compare SECTION,...: the answers on standard input; without a section, the table alone.
compare()
{
jq -Rrs --rawfile table "${table:-$BATS_TEST_DIRNAME/conformance.rows}" --arg sections "$1" \
		-f "$BATS_TEST_DIRNAME/conformance.jq" >"$BATS_TEST_TMPDIR/faults"
	! [ -s "$BATS_TEST_TMPDIR/faults" ] || {
		cat "$BATS_TEST_TMPDIR/faults"
		return 1
	}
}

# -- the comparison, tested -----------------------------------------------------------------

# One sound answer of each kind to the rows of $table, as answer[LINE FORM WHO FIELD].
sound_answers()
{
	local who

	cat >"$table" <<-'TABLE'
		@ strict a reason
		[one]
		0 0 tjp same dev show
		1 3 tj refused dev show none <= found => not there
		0 0 t done dev add
		0 2 t refused dev del x leftover => leftover ## strict
	TABLE
	declare -gA answer=()
	for who in theirs ours; do
		answer[3 t $who]='0|a: type network vqs 2\n  features MAC bit_1\nb: type block \n||'
		answer[3 j $who]='0|{"dev":{"a":{"vqs":2,"features":["MAC",1],"none":[]},"b":{"up":false}}}||'
		answer[3 p $who]=${answer[3 j $who]}
		answer[5 t $who]='0|||nothing|a'
	done
	answer[3 t ours]='0|a: type network vqs 2 driver d\n  features MAC MTU\nb: type block size 5\n||'
	answer[3 j ours]='0|{"dev":{"a":{"vqs":2,"features":["MAC","MTU"],"none":[],"more":1},"b":{"up":false}}}||'
	answer[3 p ours]=${answer[3 j ours]/,/, }
	answer[4 t theirs]='1||not found\n|'
	answer[4 j theirs]='1|{"dev":{}}|not found\n|'
	answer[4 t ours]='3||vdpa dev show: none: it is not there\n|'
	answer[4 j ours]='3|{"dev":{}}|{"error":{"command":"vdpa dev show","status":3,"message":"it is not there"}}\n|'
	answer[6 t theirs]='0|||x|nothing'
	answer[6 t ours]='2||vdpa dev del: leftover\n|x|x'
}

# The records that conforms would have of them.
records()
{
	local key fields

	for key in "${!answer[@]}"; do
		IFS='|' read -r -a fields <<<"${answer[$key]}"
		# shellcheck disable=SC2086 # three words
		printf '%s\0' $key
		printf '%b\0' "${fields[0]}" "${fields[1]-}" "${fields[2]-}" "${fields[3]-}" "${fields[4]-}"
	done
	echo
}

# told REGEX [SECTION,...]: the comparison has something to say, and that is like REGEX.
told()
{
	if records | compare "${2-one}" >"$BATS_TEST_TMPDIR/told"; then
		fail "nothing is told where this should be: $1"
	fi
	grep -qE "$1" "$BATS_TEST_TMPDIR/told" || fail "expected: $1, told: $(<"$BATS_TEST_TMPDIR/told")"
}

# but ANSWER FROM TO REGEX: with FROM changed to TO in one of the sound answers, the
# row is named, and what is wrong with it.
but()
{
	sound_answers
	[[ ${answer[$1]} = *"$2"* ]] || fail "there is no $2 in ${answer[$1]}"
	answer[$1]=${answer[$1]/"$2"/"$3"}
	told "^one, line ${1%% *}: vdpa dev .*: $4"
}

# wrong_table ROW REGEX: the table with ROW is not in order.
wrong_table()
{
	sound_answers
	echo "$1" >>"$table"
	if compare '' </dev/null >"$BATS_TEST_TMPDIR/told"; then
		fail "nothing is told of $1"
	fi
	grep -q "$2" "$BATS_TEST_TMPDIR/told" || fail "expected: $2, told: $(<"$BATS_TEST_TMPDIR/told")"
}
