# SPDX-License-Identifier: GPL-2.0-or-later
#
# iproute2's vdpa and ours, row for row: conformance.rows has the command lines,
# conformance.jq the comparison. Both run on the same devices in the guest.

load common
load device
load conformance

setup_file()
{
	in_guest <<-'SCRIPT'
		[ "$(command -v vdpa)" != /usr/sbin/vdpa ] || broken 'our vdpa is not the first on PATH'
		[ -x /usr/sbin/vdpa ] || broken 'iproute2 has no vdpa here'
		/usr/sbin/vdpa -V | grep -q iproute2 || broken '/usr/sbin/vdpa is not that of iproute2'
	SCRIPT
}

# -- the comparison itself ----------------------------------------------------------------

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
	but '4 t ours' 'not there' 'gone' 'the sentence is not like: not there'
	but '4 j ours' '"status":3' '"status":1' 'standard error is no error object of status 3'
	but '4 j ours' 'it is not there' 'something' 'the error object is not like: not there'
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
	sound_answers
	told '^there are no rows of \[two\]$' one,two
}

@test "the table: each row is there once, and says why we differ, in a word of the legend" {
	compare '' </dev/null
	# each section is run, too
	diff <(sed -n 's/^\[\(.*\)\]$/\1/p' "$BATS_TEST_DIRNAME/conformance.rows" | sort) \
		<(sed -n "s/^\tconforms '\{0,1\}\([a-z ,]*[a-z]\).*/\1/p" "$BATS_TEST_FILENAME" | tr , '\n' | sort)
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
		need 0 "timeout -s KILL 300 $theirs dev add name x0 mgmtdev vduse"
		need 0 'vdpa dev add name x1 mgmtdev vduse'
		for tool in "$theirs" vdpa; do
			expect 0 "$tool dev show x0" '^x0: type network mgmtdev vduse'
			expect 0 "$tool dev show x1" '^x1: type network mgmtdev vduse'
		done
		expect 0 'vduse -j show x0' '"attached":true.*"driver":"virtio_vdpa","netdev":"'
		# ours refuses what theirs added already, and theirs what ours did
		expect 5 'vdpa dev add name x0 mgmtdev vduse' x0
		run_line "timeout -s KILL 300 $theirs dev add name x1 mgmtdev vduse"
		[ $status != 0 ] || complain 'added twice'
		need 0 'vdpa dev del x0'
		need 0 "timeout -s KILL 300 $theirs dev del x1"
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
