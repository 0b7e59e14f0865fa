# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nothing hangs either where a device process is frozen, where the kernel waits for one with
# the lock of all interfaces taken, or with that of the memory of a client.

load ../common
load ../device
load ../hang

@test "a device process that is frozen costs a listing no more than its time, and no healthy device" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		fleet a virtio off none
		fleet b virtio
		mkdir -p /tmp/cgroup
		mount -t cgroup2 none /tmp/cgroup || broken 'no cgroups'
		mkdir /tmp/cgroup/ice
		trap 'echo 0 >/tmp/cgroup/ice/cgroup.freeze' EXIT
		find_mine a
		for pid in "${mine[@]}"; do
			echo $pid >/tmp/cgroup/ice/cgroup.procs
		done
		echo 1 >/tmp/cgroup/ice/cgroup.freeze
		for timeout in '' '-T 1' '-T 2'; do
			for what in 'show' '-s show' 'stats'; do
				run_line "vduse $timeout $what"
				[ $status = 0 ] || complain "vduse $timeout $what: status $status after $ms ms: $err"
				[[ $what = stats && $out = *'b-virtio:'*rx* || $out = *'b-virtio:'*'broken false'* ]] ||
					complain "vduse $timeout $what: the healthy device is lost: $out$err"
				[[ $err != *b-virtio* ]] || complain "vduse $timeout $what: $err"
				for name in a-virtio a-off a-none; do
					[[ $err = *"$name: process ${servers[$name]} "*'does not answer'* ]] || complain "vduse $timeout $what: says $err"
				done
				[ $ms -lt 3000 ] && [[ $timeout != *1 || $ms -lt 1000 ]] || complain "vduse $timeout $what: $ms ms"
			done
		done
		echo 0 >/tmp/cgroup/ice/cgroup.freeze
		trap - EXIT
		for pid in "${mine[@]}"; do
			echo $pid >/tmp/cgroup/cgroup.procs
		done
		rmdir /tmp/cgroup/ice
		umount /tmp/cgroup
		rmdir /tmp/cgroup
		for name in "${!servers[@]}"; do vduse down $name; done
		nothing_left
	SCRIPT
}

@test "a client of vhost-vdpa whose memory is locked while the kernel waits: nobody waits for it to be named" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		fleet lock vhost
		for node in /sys/bus/vdpa/devices/lock-vhost/vhost-vdpa-*; do
			node=/dev/${node##*/}
		done
		vhost_lock $node >"$T.client" & client=$!
		wait_until 5 test -s "$T.client" || broken 'no client'
		stop_servers lock
		kill -USR1 $client
		nap 1
		timeout -s KILL 1 cat /proc/$client/cmdline >"$T.client" && broken 'no lock is held: this would show nothing'
		cause_is="process $client .a-long-name-of.*$node"
		table lock 5 together <<-'ROWS'
			vdpa dev show        | vdpa -T 1 -d dev show                            | . . . 0
			vdpa dev bind        | vdpa -T 2 dev bind %D driver %O                  | . . . 5
			vdpa dev unbind      | vdpa -T 2 dev unbind %D                          | . . . 5
			vdpa dev del         | vdpa -T 2 dev del %D                             | . . . 5
			vduse show           | vduse show                                       | . . . 0w-
			vduse down           | vduse -T 2 down %D                               | . . . 5
			vduse monitor        | interrupted vduse monitor initial name %D        | . . . 0
		ROWS
		go_on lock
		wait $client || complain "the client ended with $?"
		rm "$T.client"
		vduse down lock-vhost
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}

@test "the lock of all interfaces is held for a stopped device process: every command ends at -T and names it" {
	hang_table <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		fleet held none
		fleet healthy none virtio vhost
		ip netns add elsewhere
		# virtio_net says DRIVER_OK, its fifth status, with the lock taken: stopped before the answer
		server=${servers[held-none]}
		strace -qq -o /dev/null -p $server -e trace=write -e inject=write:signal=STOP:when=4 & tracer=$!
		wait_until 5 eval '[ "$(sed -n "s/^TracerPid:\t//p" /proc/'$server'/status)" = '$tracer' ]' || broken 'not traced'
		# a process that is traced as well is not stopped by a signal alone
		cause_is="process $server .*of held-none does not answer"
		table held 4 turns <<-'ROWS'
			vdpa dev bind        | vdpa -T 2 dev bind %D driver virtio_vdpa         | . 6 . .
		ROWS
		kill -INT $tracer
		wait $tracer
		timeout -s KILL 1 ip -br link >/dev/null && broken 'the lock is not held: this would show nothing'
		cause_is="process $server .*of held-none is stopped"
		table healthy 6 turns together <<-'ROWS'
			vdpa mgmtdev show    | vdpa -T 1 mgmtdev show                           | . . 0 0
			vdpa dev show        | vdpa -T 1 dev show                               | . . 0 0
			vdpa dev config show | vdpa -T 1 dev config show %D                     | . . 0 0
			vdpa dev show        | vdpa -T 1 -d dev show                            | . . 0 0
			vduse show           | vduse -d -s show %D                              | . . 0 0
			vduse stats          | vduse stats %D                                   | . . 0 0
			vduse set            | vduse set %D msg_timeout 29                      | . . 0 0
			vduse monitor        | interrupted vduse monitor initial name %D        | . . 0 0
			vduse create         | vduse create new-%D                              | . . 0 0
			vduse loopback       | vduse loopback %D background                     | . . 5- 5-
		ROWS
		table healthy 6 turns <<-'ROWS'
			vduse loopback       | vduse loopback new-%D background                 | . . 0 0
			vduse down           | vduse -T 2 down %D                               | . . . 0
			vduse down           | vduse -T 2 down %D                               | . . 6 .
			vduse up             | vduse -T 3 up up-%D                              | . 6 . .
		ROWS
		kill -CONT $server
		answers
		wait_until 5 eval '[ "$(cat /sys/bus/vdpa/devices/held-none/virtio*/status)" = 0x0000000f ]' || complain 'the bind was not carried out'
		for name in held-none healthy-{none,virtio,vhost} new-healthy-{virtio,vhost} up-healthy-none; do
			run_line "vduse -T 20 down $name"
			[ $status = 0 ] || complain "down $name: $err"
		done
		ip netns del elsewhere
		nothing_left
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}
