# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nothing hangs: every verb of both tools, at devices whose process is stopped, was killed, or
# was broken by a message time-out. hang.bash says what the tables are.

load common
load device
load hang

@test "stopped device process: every verb ends in time and names it; healthy devices are shown and counted meanwhile" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		fleet stopped off none virtio vhost
		fleet healthy virtio vhost
		stop_servers stopped
		env --default-signal=INT vduse monitor initial >"$T.monitor" 2>&1 & monitor=$!
		env --default-signal=INT vduse -j stats interval 1 >"$T.stats" 2>"$T.silent" & stats=$!
		table stopped 5 <<-'ROWS'
			vdpa mgmtdev show    | vdpa -T 30 mgmtdev show                          | 0 . . .
			vdpa dev show        | vdpa dev show %D                                 | 3- 0 0 0
			vdpa dev show        | vdpa -d -T 30 dev show                           | 0 . . .
			vdpa dev config show | vdpa dev config show %D                          | 3- 0 0 0
			vdpa dev config show | vdpa -T 30 dev config show                       | 0 . . .
			vdpa dev vstats show | vdpa dev vstats show %D qidx 0                   | 3- 1- 1- 1-
			vdpa dev set         | vdpa dev set name %D mac 52:54:00:00:00:01       | 3- 1- 1- 1-
			vdpa dev add         | vdpa dev add name %D mgmtdev vduse               | . 5- 5- 5-
			vdpa dev unbind      | vdpa dev unbind %D                               | 3- 0 . .
			vdpa dev cdi         | vdpa dev cdi %D                                  | 3- 1- 1- 0
			vduse create         | vduse create %D                                  | 5- 5- 5- 5-
			vduse destroy        | vduse destroy %D                                 | 5 5 5 5
			vduse show           | vduse show %D                                    | 0w 0w 0w 0w
			vduse show           | vduse -T 30 -d -s list %D                        | 0w 0w 0w 0w
			vduse loopback       | vduse loopback %D                                | 5 5 5 5
			vduse loopback       | vduse loopback %D background                     | 5 5 5 5
			vduse set            | vduse set %D msg_timeout 29                      | 0 0 0 0
			vduse set            | vduse set %D bounce_size 4194304                 | 5 5 5 5
			vduse set            | vduse set %D vq 0 irq_affinity 0                 | 0 0 0 0
			vduse up             | vduse -T 30 up %D driver %O                      | . . 5- 5-
		ROWS
		# these ask it, and wait
		table stopped 5 turns together <<-'ROWS'
			vduse stats          | vduse stats %D                                   | 6 6 6 6
			vduse stats          | vduse -T 1 stats %D                              | 6 6 6 6
			vduse stats          | vduse stats %D interval 1                        | 6 6 6 6
			vduse set            | vduse -T 1 set %D link down                      | 6 6 6 6
			vduse set            | vduse set %D msg_timeout 9 link down             | 6 6 6 6
			vduse set            | vduse -T 1 -b - <<<'set %D link down'            | 6 6 6 6
			vduse monitor        | interrupted vduse monitor initial name %D        | 0 0 0 0
			vduse up             | vduse -T 2 up %D                                 | 6 6 . .
			vduse apply          | vduse -j -T 9 apply - <<<'{"version":1,"devices":[{"name":"%D"}]}' | 6 6 6 6
			vduse up             | vduse -T 2 up %D driver vhost_vdpa               | . . . 6
		ROWS
		[ "$(</sys/class/vduse/stopped-off/msg_timeout)" = 29 ] || complain 'msg_timeout was not put back'
		# beside the healthy ones
		for timeout in '' '-T 1'; do
			run_line "vduse $timeout show"
			[[ $status = 0 && $out = *'healthy-virtio: '*' broken false '* && $out = *'stopped-vhost: '* ]] ||
				complain "vduse $timeout show: status $status: $out$err"
			run_line "vduse $timeout stats"
			[[ $status = 0 && $out = *'healthy-vhost:'* && $err = *"process ${servers[stopped-off]}"*stopped* ]] ||
				complain "vduse $timeout stats: status $status: $out$err"
		done
		ends_on_signal $monitor 'vduse monitor'
		ends_on_signal $stats 'vduse stats interval'
		grep -q '^\[vduse,create\] healthy-virtio' "$T.monitor" || complain "monitor says: $(cat "$T.monitor")"
		[ "$(grep -c '"name":"healthy-virtio"' "$T.stats")" -ge 3 ] ||
			complain "the healthy device was counted $(grep -c '"name":"healthy-virtio"' "$T.stats") times"
		grep -q "process ${servers[stopped-virtio]} .*stopped" "$T.silent" || complain "of the silent ones it says: $(cat "$T.silent")"
		rm "$T".{monitor,stats,silent}
		cause_is='was stopped'
		table stopped 10 turns together <<-'ROWS'
			vduse down           | vduse -T 60 down %D                              | 0w 0w 0w 0w
		ROWS
		table healthy 10 turns together <<-'ROWS'
			vduse down           | vduse -T 60 down %D                              | . . 0 0
		ROWS
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "kernel waits for a stopped device process: every verb ends at -T, and the outcome comes afterwards" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		fleet healthy none virtio vhost
		fleet bind none virtio vhost
		fleet unbind virtio vhost
		fleet del none virtio vhost
		fleet add off
		for set in bind unbind del; do
			stop_servers $set
		done
		table bind 4 turns <<-'ROWS'
			vdpa dev bind        | vdpa -T 1 dev bind %D driver %O                  | . 6 6 6
		ROWS
		table unbind 4 turns <<-'ROWS'
			vdpa dev unbind      | vdpa -T 1 dev unbind %D                          | . . 6 0
		ROWS
		table del 4 turns <<-'ROWS'
			vdpa dev del         | vdpa -T 1 dev del %D                             | . . . 0
			vdpa dev del         | vdpa -T 1 dev del %D                             | . 0 . .
			vdpa dev del         | vdpa -T 1 dev del %D                             | . . 6 .
		ROWS
		# the family is frozen now
		cause_is="process ${servers[del-virtio]} .*stopped.*kill -CONT ${servers[del-virtio]}"
		table healthy 6 turns together <<-'ROWS'
			vdpa mgmtdev show    | vdpa -T 1 mgmtdev show                           | . . 6 6
			vdpa dev show        | vdpa -T 1 dev show                               | . . 6 6
			vdpa dev show        | vdpa -T 1 dev show %D                            | . . 6 6
			vdpa dev show        | vdpa -T 1 -b - <<<'dev show'                     | . . 6 .
			vduse up             | vduse -T 6 -b - <<<'up batch-%D'                 | . . 6 .
			vduse monitor        | interrupted vduse monitor initial                | . . 0 0
			vduse stats          | interrupted vduse stats interval 1               | . . 0w .
			vdpa dev config show | vdpa -T 1 dev config show                        | . . 6 6
			vdpa dev config show | vdpa -T 1 dev config show %D                     | . . 6 6
			vdpa dev vstats show | vdpa -T 1 dev vstats show %D qidx 0              | . . 6 6
			vdpa dev set         | vdpa -T 1 dev set name %D mac 52:54:00:00:00:01  | . . 6 6
			vdpa dev del         | vdpa -T 1 dev del %D                             | . 6 . .
			vduse up             | vduse -T 6 up new-%D                             | . . 6 6
			vduse create         | vduse create other-%D                            | . . 0 0
			vduse destroy        | vduse destroy %D                                 | . . 5- 5-
			vduse show           | vduse -T 30 show %D                              | . . 0 0
			vduse stats          | vduse -T 30 stats %D                             | . . 0 0
			vduse set            | vduse -T 30 set %D link down                     | . . 0 0
			vduse loopback       | vduse loopback %D                                | . . 5- 5-
		ROWS
		table healthy 6 turns together <<-'ROWS'
			vduse down           | vduse -T 2 down %D                               | . . . 6
			vduse destroy        | vduse destroy other-%D                           | . . 0 0
		ROWS
		go_on bind unbind del
		wait_until 5 eval '[ "$(driver_of bind-none)" = virtio_vdpa ]' || complain 'bind-none: not carried out'
		wait_until 5 eval '[ "$(driver_of bind-virtio)" = vhost_vdpa ]' || complain 'bind-virtio: not carried out'
		wait_until 5 eval '[ "$(driver_of bind-vhost)" = virtio_vdpa ]' || complain 'bind-vhost: not carried out'
		wait_until 5 eval '! driver_of unbind-virtio' || complain 'unbind-virtio: not carried out'
		wait_until 5 eval '! attached del-virtio' || complain 'del-virtio: not carried out'
		cause_is=
		stop_servers add
		table add 4 <<-'ROWS'
			vdpa dev add         | vdpa -T 1 dev add name %D mgmtdev vduse          | 6 . . .
		ROWS
		go_on add
		# on a slow machine up had no time to undo it all
		for name in "${!servers[@]}" {new,batch}-healthy-{virtio,vhost}; do
			run_line "vduse -T 100 down $name"
			[ $status = 0 ] || complain "down $name: $err"
		done
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "killed device process: every verb ends in time and says that nobody serves it; the next server takes it on" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		fleet killed off none virtio vhost
		fleet waits none virtio vhost
		fleet healthy virtio
		kill_servers killed
		table killed 5 turns <<-'ROWS'
			vdpa mgmtdev show    | vdpa -T 30 mgmtdev show                          | 0 . . .
			vdpa dev show        | vdpa dev show %D                                 | 3- 0 0 0
			vdpa dev config show | vdpa dev config show %D                          | 3- 0 0 0
			vdpa dev vstats show | vdpa dev vstats show %D qidx 0                   | 3- 1- 1- 1-
			vdpa dev set         | vdpa dev set name %D mac 52:54:00:00:00:01       | 3- 1- 1- 1-
			vdpa dev del         | vdpa dev del %D                                  | 3- . . .
			vdpa dev add         | vdpa dev add name %D mgmtdev vduse               | 1 5- 5- 5-
			vdpa dev bind        | vdpa dev bind %D driver %O                       | 3- 1 1 1
			vdpa dev unbind      | vdpa dev unbind %D                               | 3- 0 . .
			vdpa dev cdi         | vdpa dev cdi %D                                  | 3- 1- 1- 0
			vduse create         | vduse create %D                                  | 5- 5- 5- 5-
			vduse destroy        | vduse destroy %D                                 | . 5- 5- 5-
			vduse show           | vduse show %D                                    | 0 0 0 0
			vduse show           | vduse -T 30 -d -s list %D                        | 0 0 0 0
			vduse stats          | vduse stats %D                                   | 1 1 1 1
			vduse stats          | vduse stats %D interval 1                        | 1 1 1 1
			vduse set            | vduse -T 30 set %D link down                     | 1 1 1 1
			vduse set            | vduse set %D msg_timeout 2 bounce_size 67108864  | 0 0 0 0
			vduse set            | vduse set %D vq 0 irq_affinity 0                 | 0 0 0 0
			vduse apply          | vduse apply - dry_run <<<'{"version":1,"devices":[{"name":"%D"}]}' | 0 0 0 0
		ROWS
		run_line 'vduse show'
		[[ $out = *'killed-virtio: '*' served false attached true broken false '* ]] || complain "show says: $out$err"
		[[ $out = *'healthy-virtio: '*' served true attached true broken false '* ]] || complain "show says: $out$err"
		table killed 10 turns together <<-'ROWS'
			vduse loopback       | vduse loopback %D background                     | 0 0 0 0
			vduse monitor        | interrupted vduse monitor initial name %D        | 0 0 0 0
			vduse stats          | interrupted vduse stats interval 1               | 0 . . .
		ROWS
		serve_again killed
		kill_servers killed
		table killed 20 turns together <<-'ROWS'
			vduse up             | vduse -T 100 up %D                               | 0 0 0 .
			vduse up             | vduse -T 100 up %D driver vhost_vdpa             | . . . 0
		ROWS
		serve_again killed
		# the kernel waits for msg_timeout
		for name in waits-{none,virtio,vhost} killed-{off,none,virtio,vhost}; do
			echo 3 >/sys/class/vduse/$name/msg_timeout
		done
		echo 8 >/sys/class/vduse/waits-virtio/msg_timeout
		kill_servers killed
		kill_servers waits
		table killed 4 turns <<-'ROWS'
			vdpa dev unbind      | vdpa -T 1 dev unbind %D                          | . 6 6 .
		ROWS
		table waits 4 turns <<-'ROWS'
			vdpa dev del         | vdpa -T 1 dev del %D                             | . 0 . .
			vdpa dev del         | vdpa -T 1 dev del %D                             | . . 6 .
		ROWS
		cause_is='no process serves the VDUSE device waits-virtio'
		table healthy 4 <<-'ROWS'
			vdpa dev show        | vdpa -T 1 dev show                               | . . 6 .
		ROWS
		answers
		cause_is='no process served'
		table killed 10 turns <<-'ROWS'
			vduse down           | vduse -T 60 down %D                              | 0w 0w 0w 0w
		ROWS
		table waits 10 turns together <<-'ROWS'
			vduse down           | vduse -T 60 down %D                              | . 0w 0w 0w
		ROWS
		vduse down healthy-virtio
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "broken device: every verb ends in time, says so, and the way out; which works" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		broken_fleet broken off none virtio vhost
		broken_fleet ends off none virtio vhost
		table broken 5 turns <<-'ROWS'
			vdpa mgmtdev show    | vdpa -T 30 mgmtdev show                          | 0 . . .
			vdpa dev show        | vdpa dev show %D                                 | 3- 0 0 0
			vdpa dev config show | vdpa dev config show %D                          | 3- 0 0 0
			vdpa dev vstats show | vdpa dev vstats show %D qidx 0                   | 3- 1- 1- 1-
			vdpa dev set         | vdpa dev set name %D mac 52:54:00:00:00:01       | 3- 1- 1- 1-
			vdpa dev add         | vdpa dev add name %D mgmtdev vduse               | 1 5- 5- 5-
			vdpa dev bind        | vdpa dev bind %D driver %O                       | 3- 1 1 1
			vdpa dev cdi         | vdpa dev cdi %D                                  | 3- 1- 1- 0
			vduse create         | vduse create %D                                  | 5- 5- 5- 5-
			vduse destroy        | vduse destroy %D                                 | . 5- 5- 5-
			vduse show           | vduse show %D                                    | 0w 0w 0w 0w
			vduse show           | vduse -T 30 -d -s list %D                        | 0w 0w 0w 0w
			vduse stats          | vduse stats %D                                   | 1 1 1 1
			vduse stats          | vduse stats %D interval 1                        | 1 1 1 1
			vduse set            | vduse -T 30 set %D link down                     | 1 1 1 1
			vduse set            | vduse set %D msg_timeout 2 bounce_size 67108864  | 0 0 0 0
			vduse set            | vduse set %D vq 0 irq_affinity 0                 | 0 0 0 0
			vduse loopback       | vduse loopback %D                                | 1 1 1 1
			vduse loopback       | vduse loopback %D background                     | 1 1 1 1
			vduse apply          | vduse apply - dry_run <<<'{"version":1,"devices":[{"name":"%D"}]}' | 0 0 0 0
		ROWS
		run_line 'vduse -j show'
		[[ $out = *'"broken-virtio":'*'"broken":true,"driver":"virtio_vdpa"'* ]] || complain "show says: $out$err"
		table broken 20 turns together <<-'ROWS'
			vduse monitor        | interrupted vduse monitor initial name %D        | 0 0 0 0
			vduse stats          | interrupted vduse stats interval 1               | 0 . . .
			vduse up             | vduse -T 100 up %D                               | 0 0 0 .
			vduse up             | vduse -T 100 up %D driver vhost_vdpa             | . . . 0
		ROWS
		run_line 'vduse show'
		[[ $out = *'broken-virtio: '*' broken false '* ]] || complain "up did not make it anew: $out$err"
		cause_is='broken'
		table ends 10 turns <<-'ROWS'
			vdpa dev unbind      | vdpa -T 60 dev unbind %D                          | 3- 0 0 .
			vdpa dev del         | vdpa -T 60 dev del %D                             | 3- 0 . 0
			vduse destroy        | vduse destroy %D                                 | 0 . . .
			vduse down           | vduse -T 60 down %D                              | . 0w 0w 0w
		ROWS
		for name in broken-{off,none,virtio,vhost}; do
			vduse down $name
		done
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "the kernel breaks a device while a command waits: the command says why, and the next one the way out" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		fleet breaks off none virtio
		fleet later off none virtio
		for set in breaks later; do
			stop_servers $set
			for name in off none virtio; do
				echo 1 >/sys/class/vduse/$set-$name/msg_timeout
			done
		done
		table breaks 15 turns together <<-'ROWS'
			vdpa dev add         | vdpa -T 100 dev add name %D mgmtdev vduse         | 1 . . .
		ROWS
		table breaks 15 turns together <<-'ROWS'
			vdpa dev bind        | vdpa -T 100 dev bind %D driver %O                 | . 1 . .
			vdpa dev unbind      | vdpa -T 100 dev unbind %D                         | . . 0 .
		ROWS
		table later 15 turns together <<-'ROWS'
			vdpa dev add         | vdpa -T 100 dev add name %D mgmtdev vduse driver virtio_vdpa | 1 . . .
		ROWS
		vduse show >&2
		for name in "${!servers[@]}"; do vduse down $name; done
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "every verb has a row in each table" {
	local program state
	for program in vdpa vduse; do
		for state in stopped killed broken; do
			run verbs_without_row $program $state
			assert_output ''
		done
	done
	for state in stopped killed broken; do
		run words_without_row $state
		assert_output ''
	done
}
