# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names, numbers and addresses that must be refused (hardening 85 to 88), and
# those at the border that must not. What an attacker may write into a name
# must never reach a terminal, a format or a file name as it is.

load common
load device

@test "cli-85 names: create refuses what the kernel would mangle or break on, showing it escaped" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		json_rows <<-'ROWS'
			# the kernel makes no node, or another name
			2 vduse create ..                       ## \.\.
			2 vduse create .                        ## \.
			2 vduse create .hidden                  ## hidden
			2 vduse create a/b                      ## a/b
			2 vduse create /dev/null                ## /dev/null
			2 vduse create 'a!b'                    ## a!b
			# taken by the kernel, or never to be attached
			2 vduse create control                  ## control
			2 vduse create power                    ## power
			2 vduse create dev                      ## dev
			2 vduse create vq0                      ## vq0
			2 vduse create vq1                      ## vq1
			2 vduse create msg_timeout              ## msg_timeout
			2 vduse create bounce_size              ## bounce_size
			2 vduse create subsystem                ## subsystem
			2 vduse create uevent                   ## uevent
			# other characters
			2 vduse create 'a b'                    ## a b|a\\
			2 vduse create ' '
			2 vduse create $'a\nb'                  ## a
			2 vduse create $'a\tb'                  ## a
			2 vduse create $'a\rb'                  ## a
			2 vduse create $'\x7f'
			2 vduse create a%nb                     ## a%nb
			2 vduse create %s%s%s%s                 ## %s%s%s%s
			2 vduse create "a'b"                    ## a'b
			2 vduse create 'a"b'                    ## b
			2 vduse create 'a\b'                    ## b
			2 vduse create 'a$b'                    ## b
			2 vduse create 'a;b'                    ## b
			2 vduse create 'a:b'                    ## b
			2 vduse create $'\e[31mred\e[0m'        ## red
			2 vduse create $'\e]0;title\a'          ## title
			2 vduse create $'\xff\xfe'
			2 vduse create $'\xc3\xa9t\xc3\xa9'     ## t
			2 vduse create $'\xc2\x9b31m'           ## 31m
			2 vduse create ''
		ROWS
		nothing_left
		for length in 256 257 1000 100000; do
			printf -v long '%0*d' $length 0
			expect 2 "vduse create $long" '000.*255|255'
			[ ${#err} -lt 1000 ] || complain "the message on a name of $length bytes has ${#err} bytes"
		done
		expect 2 'vduse create -x' '-x'
		expect 2 'vduse create --'
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "cli-85 names: everything that is allowed lives its whole life, up to 255 bytes" {
	in_guest <<-'SCRIPT'
		for length in 64 65 127 128 255; do
			printf -v long '%0*d' $length 0
			set -- "$@" $long
		done
		# 0 and vq are like vq0, but not reserved
		for name in 0 A 9a a-b a.b a_b a- a. _a vq vqx controls Control show create type "$@"; do
			expect 0 "vduse create $name" || continue
			[ -c "/dev/vduse/$name" ] || complain "no node of $name"
			expect 0 "vduse -j show $name" "^\{\"vduse\":\{\"$name\":\{\"type\":\"net\""
			expect 0 "vduse destroy $name"
			nothing_left
		done
		# the bus takes the long one, too
		device create "${@: -1}"
		device serve "${@: -1}"
		device attach "${@: -1}"
		expect 0 "vdpa -j dev show ${@: -1}" '"netdev":"'
		undo "${@: -1}"
		nothing_left
	SCRIPT
}

@test "cli-85 names: every other command takes any name and says it escaped" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		json_rows <<-'ROWS'
			3 vduse show $'a\nb'                                      ## a
			3 vduse show $'\e[31mred'                                 ## red
			3 vduse show ..                                           ## \.\.
			3 vduse show ../../etc                                    ## etc
			3 vduse show control                                      ## control
			3 vduse show $'\xff'
			3 vduse loopback $'a\nb'                                  ## a
			3 vduse loopback ../control                               ## control
			3 vduse loopback control                                  ## control
			3 vdpa dev show $'a\nb'                                   ## a
			3 vdpa dev show ..                                        ## \.\.
			3 vdpa dev show %n%n                                      ## %n%n
			3 vdpa dev config show $'\e[31mred'                       ## red
			3 vdpa dev del $'a"b'                                     ## b
			3 vdpa dev del ../../x                                    ## x
			3 vdpa dev del $'\xff\xfe'
			3 vdpa mgmtdev show $'\e[31mred'                          ## red
			3 vdpa mgmtdev show pci/0000:00:00.0                      ## pci/0000:00:00.0
			3 vdpa dev add name $'\e[31mred' mgmtdev vduse            ## red
			3 vdpa dev add name x mgmtdev $'no\nne'                   ## no
			3 vdpa dev add name x mgmtdev pci/none                    ## pci/none
			3 vdpa dev bind $'a\nb' driver vhost_vdpa                 ## a
			3 vdpa dev unbind ../x                                    ## x
		ROWS
		# names of 64 bytes overrun iproute2's buffers, of 65536 the attribute
		for length in 63 64 65 127 128 129 255 256 4096 65530 65540 100000; do
			printf -v long '%0*d' $length 0
			for line in "vduse show $long" "vdpa dev show $long" "vdpa dev del $long" "vdpa mgmtdev show $long" \
				"vdpa mgmtdev show $long/$long"; do
				[ ${#line} -lt 125000 ] || continue
				run_line "$line"
				[ $status = 3 ] || [ $status = 2 ] ||
					complain "status $status for a name of $length bytes: ${line:0:30}: $err"
				[ ${#err} -lt 1000 ] || complain "a message of ${#err} bytes: ${line:0:30}"
			done
		done
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "names that differ behind their 64th byte have records of their own, whose file names do not carry them" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		printf -v prefix '%0*d' 64 0
		device create ${prefix}a mtu 1300
		device create ${prefix}b type block size 4096
		for path in /run/vduse/*; do
			[[ $path != *$prefix* ]] || complain "a file name carries it: $path"
		done
		expect 0 'vduse -j -d show'
		printf %s "$out"
		device destroy ${prefix}a
		expect 0 'vduse -j show'
		printf %s "$out"
		device destroy ${prefix}b
		nothing_left
	SCRIPT
	jq -es '([range(0; 64) | "0"] | add) as $prefix | .[0].vduse as $both | .[1].vduse as $rest |
		($both | keys == ["\($prefix)a", "\($prefix)b"]) and $both["\($prefix)a"].type == "net" and
		$both["\($prefix)a"].mtu == 1300 and $both["\($prefix)b"].type == "block" and
		$rest["\($prefix)b"].type == "block"' "$BATS_TEST_TMPDIR/json"
}

# Made with the tracer: the name that create hands to the kernel is replaced.
@test "cli-85 names: a device of any name that another program made is shown escaped and destroyed" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		hex()
		{
			local i LC_ALL=C

			for ((i = 0; i < ${#1}; i++)); do
				printf '\\x%02x' "'${1:i:1}"
			done
		}
		# which of the ioctls makes the device?
		strace -qq -o "$T.trace" -e trace=ioctl -e raw=ioctl vduse create placeholder || broken "strace: $?"
		nth=$(grep -n -m 1 'ioctl(0x[0-9a-f]*, 0x41508102' "$T.trace")
		nth=${nth%%:*}
		rm -f "$T.trace"
		device destroy placeholder
		for name in 'a b' $'n\nl' $'\e[31m' '%n%s' 'q"\' -x; do
			poke=$(hex "$name")
			strace -qq -o /dev/null -e trace=ioctl -e "inject=ioctl:poke_enter=@arg3=${poke//\\x/}00:when=$nth" \
				vduse create placeholder >/dev/null 2>&1
			[ -e "/sys/class/vduse/$name" ] || broken "the tracer made no ${name@Q}: $(ls /sys/class/vduse)"
			expect 0 'vduse show'
			[[ ${out%$'\n'} != *[[:cntrl:]]* ]] || complain "control characters in ${out@Q}"
			expect 0 'vduse -j show'
			printf %s "$out"
			expect 0 "vduse -j show -- ${name@Q}"
			printf %s "$out"
			expect 0 "vduse destroy -- ${name@Q}"
			[ ! -e "/sys/class/vduse/$name" ] || complain "${name@Q} is still there"
		done
		nothing_left
	SCRIPT
	jq -es 'length == 12 and (map(.vduse | keys[0]) == (["a b", "n\nl", "\u001b[31m", "%n%s", "q\"\\", "-x"] |
		map(., .))) and all(.[].vduse[]; has("type") | not)' "$BATS_TEST_TMPDIR/json" ||
		{ cat "$BATS_TEST_TMPDIR/json"; false; }
}

@test "cli-86 numbers: sign, blank, fraction, exponent, overflow, trailing characters are refused everywhere" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create num1
		# all of them for one word, some for each
		for value in -1 +1 "' 1'" "'1 '" 1e3 1.5 1k 0x 0xg 08x 12abc "''" '٣' 1_000 0b1 "$'1\n'" \
			4294967296 18446744073709551617 99999999999999999999999999 0x10000000000000001 -0; do
			expect 2 "vduse create num0 vendor $value" vendor
		done
		for word in 'create num0 vqs' 'create num0 mtu' 'create num0 msg_timeout' 'create num0 bounce_size' \
			'create num0 vq_align' 'create num0 type block size' 'loopback num1 vq_size'; do
			for value in -2 256k 18446744073709551617; do
				expect 2 "timeout 120 vduse $word $value" "${word##* }.*$value"
			done
		done
		json_rows <<-'ROWS'
			2 vduse create num0 vqs -2          ## vqs.*-2
			2 vduse create num0 msg_timeout x   ## msg_timeout.*x
			2 vduse create num0 mtu 0x1g        ## mtu.*0x1g
		ROWS
		device destroy num1
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "cli-87 MACs: six octets, unicast, not zero" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		rows <<-'ROWS'
			2 vduse create h0 mac 00:11                          ## 00:11
			2 vduse create h0 mac 52:54:00:01:02                 ## 52:54:00:01:02
			2 vduse create h0 mac 52:54:00:01:02:03:04           ## 52:54:00:01:02:03:04
			2 vduse create h0 mac 1.2.3.4                        ## 1\.2\.3\.4
			2 vduse create h0 mac 5254.0001.0203                 ## 5254
			2 vduse create h0 mac 52-54-00-01-02-03              ## 52-54
			2 vduse create h0 mac 525400010203                   ## 525400010203
			2 vduse create h0 mac 00:00:00:00:00:00              ## zero|00:00
			2 vduse create h0 mac 01:00:5e:00:00:01              ## multicast|unicast
			2 vduse create h0 mac ff:ff:ff:ff:ff:ff              ## multicast|broadcast|unicast
			2 vduse create h0 mac 52:54:00:01:02:0g              ## 0g
			2 vduse create h0 mac 52:54:00:01:02:003             ## 003
			2 vduse create h0 mac 52:54:00:01:02:                ## mac
			2 vduse create h0 mac :54:00:01:02:03                ## mac
			2 vduse create h0 mac ' 52:54:00:01:02:03'           ## mac
			2 vduse create h0 mac '52:54:00:01:02:03 '           ## mac
			2 vduse create h0 mac 0x2:54:00:01:02:03             ## mac
			2 vduse create h0 mac 52:54:00:01:02:-3              ## mac
			2 vduse create h0 mac ''                             ## mac
			2 vdpa dev add name h0 mgmtdev vduse mac 00:11       ## 00:11
			2 vdpa dev add name h0 mgmtdev vduse mac 1.2.3.4     ## 1\.2\.3\.4
			2 vdpa dev add name h0 mgmtdev vduse mtu 1e3         ## 1e3
			2 vdpa dev add name h0 mgmtdev vduse mtu 65536       ## 65536
			2 vdpa dev add name h0 mgmtdev vduse max_vqp -1      ## -1
			2 vdpa dev add name h0 mgmtdev vduse max_vqp 65536   ## 65536
			2 vdpa dev add name h0 mgmtdev vduse device_features xyz ## xyz
		ROWS
		json_rows <<<'2 vduse create h0 mac 1.2.3.4   ## 1\.2\.3\.4'
		nothing_left
		rows <<-'ROWS'
			0 vduse create h0 mac 52:54:0:1:2:3 || vduse create h0 mac 52:54:00:01:02:03
			0 vduse create h1 mac FE:FF:FF:FF:FF:FF
		ROWS
		device destroy h0
		device destroy h1
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

# An argument cannot be longer than 128 KiB on Linux.
@test "cli-88 arguments: none, empty ones, the longest and the most the kernel passes" {
	in_guest <<-'SCRIPT'
		printf -v long '%0*d' 131000 0
		for word in '' 'create x mac' 'create x features' 'create x type' 'create x mtu' '-T' '--'; do
			run_line "vduse $word $long"
			[ $status = 2 ] || complain "vduse $word with 131000 bytes: status $status: ${err:0:300}"
			[ ${#err} -lt 1000 ] || complain "vduse $word: a message of ${#err} bytes"
		done
		printf -v many 'mtu %.0s' {1..10000}
		expect 2 "vduse create x $many" mtu
		expect 2 "vdpa dev add $many" mtu
		expect 0 'env -i "$(command -v vduse)" -j show' '^\{"vduse":\{\}\}'
		nothing_left
	SCRIPT
}

@test "values of loopback: queue sizes, peers, users, descriptors and types that it cannot serve are refused at once" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create lo0 bounce_size 4194304
		device create lo1
		device create blk0 type block size 4096
		rows <<-'ROWS'
			# a power of two from 64 to 1024 (1 corrupts kernel memory, 32768 fails the probe)
			2 vduse loopback lo1 vq_size 0                  ## vq_size.*64.*1024
			2 vduse loopback lo1 vq_size 1                  ## vq_size.*64.*1024
			2 vduse loopback lo1 vq_size 32                 ## vq_size.*64.*1024
			2 vduse loopback lo1 vq_size 63                 ## vq_size.*64.*1024
			2 vduse loopback lo1 vq_size 65                 ## vq_size
			2 vduse loopback lo1 vq_size 1000               ## vq_size
			2 vduse loopback lo1 vq_size 2048               ## vq_size.*64.*1024
			2 vduse loopback lo1 vq_size 32768              ## vq_size.*64.*1024
			2 vduse loopback lo1 vq_size 0x80000000         ## vq_size
			# 16 KiB of bounce buffer for each descriptor
			2 vduse loopback lo0 vq_size 1024               ## bounce_size
			# peers
			3 vduse loopback lo0 peer none                  ## none
			2 vduse loopback lo0 peer lo0                   ## lo0
			# users and descriptors
			2 vduse loopback lo1 user nobody-of-this-name   ## nobody-of-this-name
			2 vduse loopback lo1 user ''                    ## user
			2 vduse loopback lo1 fd 99                      ## 99
			2 vduse loopback lo1 fd -1                      ## -1
			2 vduse loopback lo1 fd x                       ## x
			# types
			2 vduse loopback lo1 type block                 ## type|net
			2 vduse loopback blk0 type fs                   ## type|net
		ROWS
		json_rows <<<'2 vduse loopback lo1 vq_size 63   ## vq_size.*64.*1024'
		for line in 'vduse loopback blk0' 'vduse loopback blk0 type net' 'vduse loopback lo0 peer blk0' 'vduse loopback blk0 background'; do
			expect 1 "timeout 120 $line" 'blk0.*block|block.*blk0'
		done
		# a descriptor that is open, but on something else
		expect 2 'timeout 120 vduse loopback lo1 fd 7 7</dev/null' '7'
		# nobody was left behind serving
		for name in lo0 lo1 blk0; do
			[ -z "$(server_of $name)" ] || complain "$name is served by $(server_of $name)"
			device destroy $name
		done
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}
