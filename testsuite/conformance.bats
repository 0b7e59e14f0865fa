# SPDX-License-Identifier: GPL-2.0-or-later
#
# iproute2's vdpa and ours, row for row: conformance.rows has the command lines,
# conformance.jq the comparison. Both run on the same devices in the guest.

load common
load device

# -- inside the guest ------------------------------------------------------------------

# A program that does not end is killed. Each costs the guest a fork and an exec, so
# this is one watcher for all of them and not a timeout for each: it reads the number
# of a process, and then a line as soon as that has ended.
watch_over()
{
	exec {watcher}> >(while IFS= read -r pid; do
		IFS= read -r -t 20 || { kill -KILL "$pid" 2>/dev/null; IFS= read -r; }
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

setup_file()
{
	in_guest <<-'SCRIPT'
		[ "$(command -v vdpa)" != /usr/sbin/vdpa ] || broken 'our vdpa is not the first on PATH'
		[ -x /usr/sbin/vdpa ] || broken 'iproute2 has no vdpa here'
		/usr/sbin/vdpa -V | grep -q iproute2 || broken '/usr/sbin/vdpa is not that of iproute2'
	SCRIPT
}

# -- the comparison itself ----------------------------------------------------------------

# One sound answer of each kind to the rows of $table, as answer[LINE FORM WHO FIELD].
sound_answers()
{
	local who

	cat >"$table" <<-'TABLE'
		@ strict a reason
		[one]
		0 0 tjp same dev show
		1 3 tj refused dev show none <= found => none
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

# told REGEX: the comparison has something to say, and that is like REGEX.
told()
{
	if records | compare one >"$BATS_TEST_TMPDIR/told"; then
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

@test "the comparison: each way to differ is told, with the row that does" {
	table=$BATS_TEST_TMPDIR/table
	sound_answers
	records | compare one
	but '3 t theirs' '0|' '1|' 'iproute2 ends with 1, not 0'
	but '4 t ours' '3|' '1|' 'ours ends with 1, not 3'
	but '4 t theirs' 'found' 'here' 'iproute2 does not say found'
	# text
	but '3 t ours' 'type network' 'network type' 'ours lacks the line: a: type network vqs 2'
	but '3 t ours' 'vqs 2' 'vqs 22' 'ours lacks the line: a: type network vqs 2'
	but '3 t ours' '  features' ' features' 'ours lacks the line:   features'
	but '3 t ours' '\nb: type block' '' 'ours lacks the line: b: type block'
	but '3 t ours' 'MAC' 'bit_5' 'ours lacks the line:   features'
	but '3 t ours' '\n||' '\n|a warning|' 'standard error is not empty'
	but '3 t theirs' '0|a: type network vqs 2\n  features MAC bit_1\nb: type block \n' '0|' 'theirs prints nothing'
	but '3 t ours' 'a: type network vqs 2 driver d\n  features MAC MTU\nb: type block size 5' \
		'b: type block\na: type network vqs 2\n  features MAC MTU' 'ours lacks the line: b: type block'
	# JSON
	but '3 j ours' '"vqs":2,' '' 'ours lacks dev.a.vqs: 2'
	but '3 j ours' '"vqs":2' '"vqs":"2"' 'ours lacks dev.a.vqs: 2'
	but '3 j ours' '"MAC","MTU"' '"MTU","MAC"' 'ours lacks dev.a.features.0: "MAC"'
	but '3 j ours' '"MAC","MTU"' '"MAC"' 'ours lacks dev.a.features'
	but '3 j ours' '"MTU"' '1' 'ours lacks dev.a.features.1: 1'
	but '3 j ours' '"none":[],' '' 'ours lacks dev.a.none'
	but '3 j ours' 'false' 'null' 'ours lacks dev.b.up: false'
	but '3 j ours' '}}}' '}}' 'ours is no document'
	but '3 p ours' '"more":1' '"more":2' 'p: not the document of -j'
	# failures
	but '4 t ours' '3|' '3|a' 'it failed and wrote to standard output'
	but '4 t ours' 'there\n' 'there\nreally\n' 'standard error is not one sentence'
	but '4 t ours' 'there\n' 'there' 'standard error is not one sentence'
	but '4 t ours' 'none' 'it' 'the sentence is not like: none'
	but '4 j ours' '"status":3' '"status":1' 'standard error is no error object of status 3'
	but '4 j ours' '{"dev":{}}' '' 'standard output is no empty document'
	but '4 j ours' '{"dev":{}}' '{}' 'ours lacks dev: '
	but '6 t ours' 'x|x' 'x|nothing' 'it failed, and the kernel has nothing after x'
	# changes
	but '5 t ours' 'nothing|a' 'nothing|nothing' 'it did nothing'
	but '5 t ours' 'nothing|a' 'nothing|b' 'the kernel has a after theirs, b after ours'
	but '5 t ours' '0|' '0|done' 'ours prints: done'
	# answers that are not there, or to no row
	sound_answers
	unset 'answer[3 p ours]'
	told '^no answer: 3 p ours$'
	sound_answers
	answer[9 t ours]=${answer[3 t ours]}
	told '^no row: 9 t ours$'
}

# wrong ROW REGEX: the table with ROW is not in order.
wrong_table()
{
	sound_answers
	echo "$1" >>"$table"
	if compare '' </dev/null >"$BATS_TEST_TMPDIR/told"; then
		fail "nothing is told of $1"
	fi
	grep -q "$2" "$BATS_TEST_TMPDIR/told" || fail "expected: $2, told: $(<"$BATS_TEST_TMPDIR/told")"
}

@test "the table: each row is there once, and says why we differ, in a word of the legend" {
	compare '' </dev/null
	table=$BATS_TEST_TMPDIR/table
	sound_answers
	compare '' </dev/null
	wrong_table '0 0 t same dev show' 'this row is there twice: dev show'
	wrong_table '0 2 t refused dev show x' 'dev show x: differs without a reason'
	wrong_table '0 0 t differs dev show x' 'dev show x: differs without a reason'
	wrong_table '0 2 t refused dev show x ## taste' 'no such reason: taste'
	wrong_table '@ taste a reason' 'no row gives the reason taste'
}

# -- the rows -------------------------------------------------------------------------------

@test "words: usage, versions, abbreviations, and what nothing can be made of" {
	conforms usage,refused,empty <<-'SCRIPT'
		answers usage
		answers refused
		answers empty
	SCRIPT
}

@test "shows: devices on either driver and on none, of both types, with features without names" {
	conforms devices,abbreviations <<-'SCRIPT'
		device create c0 mac 52:54:00:00:00:10 mtu 1400
		device create c1 vendor 0x1af4
		device create c2 features no_MRG_RXBUF
		device create c3
		device create cb type block size 8192 vqs 2 features +MQ,+RO,+FLUSH
		device create cf features +GUEST_USO4,+GUEST_USO6,+HOST_USO,+bit_50
		# a record that is gone lets the bundled device serve what it does not implement
		rm /run/vduse/c[bf].json
		for name in c0 c1 c2 c3; do
			device serve $name
		done
		device serve cb type net
		device serve cf type net
		for name in c0 c2 c3; do
			device attach $name
		done
		for name in c1 cb cf; do
			device attach $name driver vhost_vdpa
		done
		need 0 'vdpa dev unbind c3'
		ip link set "$(interface_of c0)" up
		answers devices
		answers abbreviations
		undo c0 c1 c2 c3 cb cf
		nothing_left
	SCRIPT
}

@test "changes: add and del leave the kernel with the same, or a word that is wrong with nothing" {
	conforms 'changes,deletions,no driver' <<-'SCRIPT'
		device create new0
		device serve new0
		prepare='detached new0'
		answers changes
		prepare='attached_to virtio_vdpa new0'
		answers deletions
		detached new0
		rmmod virtio_vdpa && rmmod vhost_vdpa || broken 'cannot unload the bus drivers'
		prepare='detached new0'
		answers 'no driver'
		detached new0
		modprobe virtio_vdpa
		modprobe vhost_vdpa
		device stop new0
		device destroy new0
		nothing_left
	SCRIPT
}

@test "circumstances: no privilege, another namespace, nowhere to write, no module" {
	conforms 'unprivileged,elsewhere,full,closed,pipe,no manager,no support' <<-'SCRIPT'
		device create new0
		device create new1
		device serve new0
		device serve new1
		device attach new0
		watched_bus=1
		wrapper='setpriv --reuid=65534 --regid=65534 --clear-groups' answers unprivileged
		wrapper='unshare -n' answers elsewhere
		redirection='>/dev/full' answers full
		redirection='>&-' answers closed
		exec {pipe}> >(:)
		wait $!
		redirection=">&$pipe" answers pipe
		exec {pipe}>&-
		undo new0
		device stop new1
		device destroy new1
		watched_bus=''
		modules vdpa
		answers 'no manager'
		modules
		answers 'no support'
		modules vduse virtio_vdpa vhost_vdpa virtio_net
		nothing_left
	SCRIPT
}

@test "names of 63, 64 and 255 bytes, and of bytes of any kind" {
	conforms 'long names,long deletion,long addition,odd names' <<-'SCRIPT'
		for name in $n63 $n64 $n255; do
			device create $name
			device serve $name
			device attach $name
		done
		answers 'long names'
		prepare="attached_to virtio_vdpa $n255"
		answers 'long deletion'
		prepare="detached $n255"
		answers 'long addition'
		undo $n63 $n64
		detached $n255
		device stop $n255
		device destroy $n255
		test_module
		prepare=''
		names=('a b' $'n\nl' $'\e[31m' %n%s 'q"\' -x $'\xff\xfe' $'\xc3\xa9')
		for name in "${names[@]}"; do
			parameter make "test_net $name"
		done
		answers 'odd names'
		for name in "${names[@]}"; do
			need 0 "vdpa dev del -- ${name@Q}"
		done
		rmmod vdpa_test
		nothing_left
	SCRIPT
}

@test "other managers: attributes, a bus, types that the kernel cannot describe" {
	[ ! -e "$VM_DIR/host" ] || skip "HOST=1: the module is built for the test guest's kernel"
	conforms 'managers,attributes,gives up,types' <<-'SCRIPT'
		modules vdpa vhost_vdpa
		test_module
		answers managers
		prepare='detached mod0' configuration=mod0
		answers attributes
		modprobe virtio_net
		modprobe virtio_vdpa
		rmmod vhost_vdpa
		answers 'gives up'
		detached mod0
		rmmod virtio_vdpa
		modprobe vhost_vdpa
		prepare='' configuration=''
		for name in an0 an1 bo0 cb0 cn0; do
			manager=test_net
			case $name in b*) manager=test_odd ;; *b0) manager=test_block ;; esac
			need 0 "vdpa dev add name $name mgmtdev $manager"
		done
		answers types
		for name in an0 an1 bo0 cb0 cn0; do
			device detach $name
		done
		rmmod vdpa_test
		modules vduse virtio_vdpa vhost_vdpa virtio_net
		nothing_left
	SCRIPT
}

@test "statistics, and a new address" {
	[ ! -e "$VM_DIR/host" ] || skip "HOST=1: the module is built for the test guest's kernel"
	conforms 'statistics,percent,percent n,set' <<-'SCRIPT'
		# no driver, which would negotiate anew
		modules vdpa
		test_module
		# MAC, STATUS, CTRL_VQ and MQ; then without MQ
		parameter negotiated 0x430020
		need 0w 'vdpa dev add name vs4 mgmtdev test_net max_vqp 4'
		parameter negotiated 0x30020
		need 0w 'vdpa dev add name vs1 mgmtdev test_net max_vqp 1'
		need 0w 'vdpa dev add name vsb mgmtdev test_block'
		parameter negotiated 0
		need 0w 'vdpa dev add name vsn mgmtdev test_net'
		answers statistics
		# statistic NAME: attributes 18 and 19 (linux/vdpa.h), NAME and the value 7
		statistic()
		{
			local i hex='' byte

			for ((i = 0; i < ${#1}; i++)); do
				printf -v byte %02x "'${1:i:1}"
				hex+=$byte
			done
			hex+=00
			printf '%02x001200%s' $((4 + ${#hex} / 2)) $hex
			for ((i = ${#hex} / 2; i % 4; i++)); do
				printf 00
			done
			printf 0c0013000700000000000000
		}
		parameter stats_raw $(statistic per%%cent)
		answers percent
		parameter stats_raw $(statistic %n)
		answers 'percent n'
		for name in vs4 vs1 vsb vsn; do
			device detach $name
		done
		afresh()
		{
			detached mod0
			run_line 'vdpa dev add name mod0 mgmtdev test_net'
			[ $status = 0 ] || broken "cannot add mod0: $err"
		}
		prepare=afresh configuration=mod0
		answers set
		detached mod0
		rmmod vdpa_test
		modules vduse virtio_vdpa vhost_vdpa virtio_net
		nothing_left
	SCRIPT
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
