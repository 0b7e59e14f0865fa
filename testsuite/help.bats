# SPDX-License-Identifier: GPL-2.0-or-later
#
# What every command line has in common: usage, version, options, words.

load common
load device

@test "version: -V, --version and --Version say name and version, the same for both" {
	run -0 in_guest <<-'SCRIPT'
		declare -A shows=([vdpa]='dev show' [vduse]='show')
		for command in vdpa vduse; do
			for option in -V --version --Version; do
				expect 0 "$command $option" "^${command}[ ,].*[0-9]+\.[0-9]+(\.[0-9]+)?"
				printf %s "${out##* }"
			done
			# it wins over the command
			expect 0 "$command ${shows[$command]} -V" "^$command"
		done
	SCRIPT
	[ ${#lines[@]} = 6 ]
	[ "$(sort -u <<<"$output" | wc -l)" = 1 ]
}

@test "usage: bare, -h, --help and help print all verbs on standard output" {
	in_guest <<-'SCRIPT'
		# usage LINE WORD...: LINE prints a usage that has each WORD
		usage()
		{
			local line=$1 word
			shift

			expect 0 "$line" '^usage: '
			for word; do
				[[ $out =~ [^a-z_]$word([^a-z_]|$) ]] || complain "$line does not print $word: $out"
			done
		}
		for line in 'vduse' 'vduse -h' 'vduse --help' 'vduse help' 'vduse -j help'; do
			usage "$line" create destroy show list stats set loopback monitor up apply down --json --timeout --color
		done
		for line in 'vdpa' 'vdpa -h' 'vdpa --help' 'vdpa help' 'vdpa -j help' 'vdpa -jp -h'; do
			usage "$line" mgmtdev dev --json --timeout --details
		done
		usage 'vdpa mgmtdev' mgmtdev show
		usage 'vdpa mgmtdev help' mgmtdev show
		usage 'vdpa dev help' show add del config bind unbind cdi driver
		usage 'vdpa dev -h' show add del config bind unbind driver
		usage 'vdpa dev config help' config show
		usage 'vdpa dev add -h' name mgmtdev device_features mac mtu max_vqp driver virtio_vdpa vhost_vdpa
		usage 'vduse create help' create type features vqs vq_align vendor mac mtu size bounce_size msg_timeout
		usage 'vduse create --help' create type features
		usage 'vduse destroy -h' destroy
		usage 'vduse show -h' show list
		usage 'vduse loopback -h' loopback peer vq_size background
		usage 'vduse monitor -h' monitor vduse vdpa virtio name initial
	SCRIPT
}

@test "proc-74 no kernel support: help works, usage errors are 2, everything else is 7 and says what to load" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		modules
		json_rows <<-'ROWS'
			7 vduse show                              ## modprobe vduse
			7 vduse create m0                         ## modprobe vduse
			7 vduse destroy m0                        ## modprobe vduse
			7 vduse loopback m0 type net              ## modprobe vduse
			7 vdpa mgmtdev show                       ## modprobe vdpa|modprobe vduse
			7 vdpa dev show                           ## modprobe vdpa|modprobe vduse
			7 vdpa dev config show                    ## modprobe vdpa|modprobe vduse
			7 vdpa dev add name m0 mgmtdev vduse      ## modprobe (vdpa|vduse)
			7 vdpa dev del m0                         ## modprobe vdpa|modprobe vduse
			7 vdpa dev bind m0 driver virtio_vdpa     ## modprobe vdpa|modprobe vduse
			7 vdpa dev unbind m0                      ## modprobe vdpa|modprobe vduse
			7 vdpa dev cdi m0                         ## modprobe vdpa|modprobe vduse
			2 vduse create                            ## name
			2 vduse create m0 mtu 1
			2 vdpa dev add name m0
			2 vdpa nonsense
		ROWS
		rows <<-'ROWS'
			0 vduse help       ## usage
			0 vduse -V         ## vduse
			0 vdpa help        ## usage
			0 vdpa -h          ## usage
			0 vdpa dev help    ## usage
			0 vdpa mgmtdev     ## usage
			0 vdpa -V          ## vdpa
		ROWS
		# the bus without a manager: nothing there, and what to load
		modules vdpa
		expect 0 'vdpa mgmtdev show'
		[ -z "$out" ] || complain "mgmtdev show without a manager: $out"
		expect 0 'vdpa -j mgmtdev show' '^\{"mgmtdev":\{\}\}'
		expect 0 'vdpa -j dev show' '^\{"dev":\{\}\}'
		expect 7 'vdpa dev add name m0 mgmtdev vduse' 'modprobe vduse'
		expect 7 'vdpa mgmtdev show vduse' 'modprobe vduse'
		expect 3 'vdpa mgmtdev show other' other
		modules vduse virtio_vdpa vhost_vdpa virtio_net
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "nl-81 another network namespace: the vdpa family is not there, and that is said" {
	in_guest <<-'SCRIPT'
		for line in 'mgmtdev show' 'dev show' 'dev config show' 'dev del x' 'dev add name x mgmtdev vduse'; do
			expect 7 "unshare -n vdpa $line" 'network namespace'
		done
	SCRIPT
}

@test "options stand before or after the command and its words, apart or together" {
	in_guest <<-'SCRIPT'
		device create opt0
		expect 0 'vduse -j show opt0' '^\{"vduse":\{"opt0":\{'
		want=$out
		for line in 'show -j opt0' 'show opt0 -j' '--json show opt0' 'show opt0 --json' '-c=never -j show opt0' \
			'show -T 9 opt0 -j' '-T 9 -j show opt0' '--timeout 9 -j show opt0' '--color=always -j show opt0'; do
			expect 0 "vduse $line"
			[ "$out" = "$want" ] || complain "vduse $line: $out"
		done
		expect 0 'vduse -jp show opt0'
		pretty=$out
		[ "$pretty" != "$want" ] || complain "-jp is not pretty: $pretty"
		for line in '-j -p show opt0' 'show opt0 -pj' '--pretty show --json opt0' '-p show opt0 -j'; do
			expect 0 "vduse $line"
			[ "$out" = "$pretty" ] || complain "vduse $line: $out"
		done
		expect 0 'vduse show opt0'
		text=$out
		for line in '-p show opt0' 'show opt0 --pretty' '-c=never show opt0' '--color=never show opt0' 'show opt0 -T 9'; do
			expect 0 "vduse $line"
			[ "$out" = "$text" ] || complain "vduse $line: $out"
		done
		expect 0 'vdpa mgmtdev show vduse -j' '^\{"mgmtdev":\{"vduse":\{'
		expect 0 'vdpa mgmtdev -j show' '^\{"mgmtdev":\{"vduse":\{'
		device destroy opt0
		nothing_left
	SCRIPT
}

@test "colour only when it is asked for, never in JSON, and NO_COLOR is honoured" {
	in_guest <<-'SCRIPT'
		device create col0
		for line in 'vduse show' 'vduse -c=auto show' 'NO_COLOR=1 vduse -c=auto show' 'vduse -j -c=always show' \
			'vduse -c=never show' 'vdpa -j --color=always mgmtdev show' 'vdpa --color=auto mgmtdev show'; do
			expect 0 "$line"
			[[ $out != *$'\e'* ]] || complain "$line has colours: ${out@Q}"
		done
		expect 2 'vduse -c=purple show' 'purple'
		device destroy col0
	SCRIPT
}

@test "the word after a keyword is its value, whatever it begins with" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		json_rows <<-'ROWS'
			2 vduse create v0 type -j                      ## -j
			2 vduse create v0 mtu -h                       ## -h
			2 vduse create v0 msg_timeout --json           ## --json
			2 vduse create v0 features -V                  ## -V
			3 vdpa dev add name -j mgmtdev vduse           ## -j
			3 vdpa dev add name v0 mgmtdev -V              ## -V
			2 vdpa dev add name v0 mgmtdev vduse driver -p ## -p
		ROWS
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "unknown, missing, doubled and leftover words and options are 2, and nothing is done" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create here
		rows <<-'ROWS'
			# unknown
			2 vduse nonsense                                    ## nonsense
			2 vduse creat w0                                    ## creat
			2 vduse create w0 nonsense                          ## nonsense
			2 vduse create w0 nonsense 5                        ## nonsense
			2 vduse create w0 mt 1500                           ## mt
			2 vduse create w0 type nonsense                     ## nonsense
			2 vduse loopback here nonsense                      ## nonsense
			2 vduse loopback here type nonsense                 ## nonsense
			2 vduse -Z show                                     ## Z
			2 vduse --nonsense show                             ## nonsense
			2 vduse show --nonsense                             ## nonsense
			2 vduse show -dZ                                    ## Z
			2 vdpa nonsense                                     ## nonsense
			2 vdpa dev nonsense                                 ## nonsense
			2 vdpa mgmtdev nonsense                             ## nonsense
			2 vdpa dev config nonsense                          ## nonsense
			2 vdpa dev add name here mgmtdev vduse nonsense 1   ## nonsense
			2 vdpa dev add name here mgmtdev vduse driver none  ## none
			2 vdpa dev bind here driver none                    ## none
			2 vdpa dev bind here nonsense virtio_vdpa           ## nonsense
			2 vdpa --nonsense dev show                          ## nonsense
			2 vdpa dev show --nonsense                          ## nonsense
			# new words are not abbreviated
			2 vdpa dev bin here driver virtio_vdpa              ## bin
			2 vdpa dev bind here drive virtio_vdpa              ## drive
			2 vdpa dev unbin here                               ## unbin
			# missing
			2 vduse create                                      ## name
			2 vduse create w0 type                              ## type
			2 vduse create w0 mac                               ## mac
			2 vduse create w0 msg_timeout                       ## msg_timeout
			2 vduse create w0 bounce_size                       ## bounce_size
			2 vduse destroy                                     ## name
			2 vduse apply                                       ## file
			2 vduse apply here --dry-runs                       ## dry-runs
			2 vduse loopback                                    ## name
			2 vduse loopback here peer                          ## peer
			2 vduse loopback here vq_size                       ## vq_size
			2 vduse show -T                                     ## -T|timeout
			2 vdpa dev add                                      ## name
			2 vdpa dev add name                                 ## name
			2 vdpa dev add name here                            ## mgmtdev
			2 vdpa dev add mgmtdev vduse                        ## name
			2 vdpa dev add name here mgmtdev                    ## mgmtdev
			2 vdpa dev add name here mgmtdev vduse driver       ## driver
			2 vdpa dev del                                      ## dev|name
			2 vdpa dev bind                                     ## dev|name
			2 vdpa dev bind here                                ## driver
			2 vdpa dev bind here driver                         ## driver
			2 vdpa dev unbind                                   ## dev|name
			# doubled
			2 vduse create w0 type net type net                 ## type
			2 vduse create w0 mtu 1500 mtu 1400                 ## mtu
			2 vduse create w0 vqs 2 vqs 2                       ## vqs
			2 vduse loopback here vq_size 64 vq_size 64         ## vq_size
			2 vduse loopback here background background         ## background
			2 vdpa dev add name here name h mgmtdev vduse       ## name
			2 vdpa dev add name here mgmtdev vduse mgmtdev v    ## mgmtdev
			2 vdpa dev bind here driver vhost_vdpa driver vhost_vdpa ## driver
			# leftover
			2 vduse show here there                             ## there
			2 vduse list here there                             ## there
			2 vduse destroy here there                          ## there
			2 vdpa mgmtdev show vduse there                     ## there
			2 vdpa dev show here there                          ## there
			2 vdpa dev del here there                           ## there
			2 vdpa dev config show here there                   ## there
			2 vdpa dev unbind here there                        ## there
			2 vdpa dev bind here driver virtio_vdpa there       ## there
			# empty
			2 vduse create ''                                   ## name|empty
			2 vduse ''
			2 vdpa ''
			2 vdpa dev ''
			2 vdpa dev add name here mgmtdev vduse ''
			# values of options
			2 vduse -T '' show                                  ## -T|timeout
			2 vduse -T -1 show                                  ## -1
			2 vduse -T 1e3 show                                 ## 1e3
			2 vduse -T ' 1' show
			2 vduse -T 99999999999999999999 show                ## 99999999999999999999
			2 vduse --timeout=x show                            ## x
		ROWS
		json_rows <<-'ROWS'
			2 vduse create w0 nonsense 5                        ## nonsense
			2 vduse create w0 mac                               ## mac
			2 vduse create w0 mtu 1500 mtu 1400                 ## mtu
			2 vduse destroy here there                          ## there
			2 vduse loopback here nonsense                      ## nonsense
			2 vdpa dev add name here mgmtdev                    ## mgmtdev
			2 vdpa dev bind here driver none                    ## none
			2 vdpa dev show here there                          ## there
		ROWS
		[ -e /sys/class/vduse/here ] || complain 'a command with a bad word did something'
		nothing_left w0
		device destroy here
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}
