# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the process that serves cannot do: as /proc tells, tried from inside (guest/inside.c), and
# where part of it cannot be had.

load common
load device
load traffic

# What it may call while it serves. Those that the C library of the guest does not make are here as
# well: vduse/process/isolation_calls.c says why.
serving='read write writev pread64 pwrite64 close poll ppoll epoll_wait epoll_pwait epoll_ctl ioctl fcntl
	mmap mprotect munmap mremap madvise brk accept4 recvfrom sendto sendmsg
	lseek ftruncate set_robust_list rseq futex exit exit_group
	rt_sigaction rt_sigprocmask rt_sigreturn tgkill getpid gettid restart_syscall
	clock_gettime sched_getaffinity getcpu'

setup()
{
	! grep -q __asan_init "$VT_BUILD/vduse/vduse" || skip 'the address sanitizer makes system calls of its own'
	common_setup
}

# For scripts in the guest.
guest_functions+=(worker_of confined foreground)

# worker_of SUPERVISOR: its youngest child.
worker_of()
{
	local children

	read -r children <"/proc/$1/task/$1/children"
	children=${children% }
	echo "${children##* }"
}

# confined SUPERVISOR: it has a worker that serves, in `worker`, and not the one before it, which
# on a slow machine did not wait for a network namespace.
confined()
{
	worker=$(worker_of "$1") && [ -n "$worker" ] && [ ! "/proc/$worker/ns/net" -ef "/proc/$1/ns/net" ] &&
		grep -q '^Seccomp_filters:.2' "/proc/$worker/status" 2>/dev/null
}

# foreground COMMAND...: until it is ready; its process is `server`, what it says in $T.said.
foreground()
{
	: >"$T.ready"
	"$@" >"$T.ready" 2>"$T.said" &
	server=$!
	wait_until 30 eval "[ -s '$T.ready' ] || ! kill -0 $server 2>/dev/null"
	[ -s "$T.ready" ] || broken "$*: is not ready: $(cat "$T.said")"
}

@test "isolation: the worker as /proc has it: user, groups, capabilities, namespaces, root, limits, descriptors, memory" {
	in_guest "$serving" <<-'SCRIPT' >&3
		bring_up iw0
		supervisor=$(service_of iw0)
		wait_until 20 confined $supervisor || complain 'it is not confined'
		[ "$worker" = "$(server_of iw0)" ] || complain "worker $worker, but $(server_of iw0) has the node"
		declare -A is
		while IFS=: read -r key value; do
			value=${value//$'\t'/ }
			is[$key]=${value# }
		done <"/proc/$worker/status"
		for expected in 'Uid=65534 65534 65534 65534' 'Gid=65534 65534 65534 65534' 'Groups= ' \
			CapInh=0000000000000000 CapPrm=0000000000000000 CapEff=0000000000000000 \
			CapBnd=0000000000000000 CapAmb=0000000000000000 NoNewPrivs=1 Seccomp=2 Seccomp_filters=2 \
			Threads=1 "PPid=$supervisor" "NSpid=$worker 1"; do
			[ "${is[${expected%%=*}]}" = "${expected#*=}" ] || complain "${expected%%=*}: ${is[${expected%%=*}]}"
		done
		for namespace in mnt net ipc pid uts; do
			for other in self $supervisor; do
				[ ! /proc/$worker/ns/$namespace -ef /proc/$other/ns/$namespace ] || complain "the $namespace namespace of $other"
			done
		done
		# no file, no interface, and nobody's socket
		[ -z "$(ls -A /proc/$worker/root/)" ] || complain "its root: $(ls -A /proc/$worker/root/)"
		mounts=$(cat "/proc/$worker/mountinfo")
		[[ $mounts = *' / / ro,nosuid,nodev,noexec'* && $mounts != *$'\n'* ]] || complain "its mounts: $mounts"
		[ "$(readlink /proc/$worker/cwd)" = / ] || complain "it stands in $(readlink /proc/$worker/cwd)"
		! touch /proc/$worker/root/file 2>/dev/null || complain 'its root can be written, by root'
		[ "$(awk 'NR > 2 { print $1 }' /proc/$worker/net/dev)" = lo: ] || complain "its interfaces: $(cat /proc/$worker/net/dev)"
		[ "$(wc -l </proc/$worker/net/unix)" = 1 ] || complain "sockets: $(cat /proc/$worker/net/unix)"
		# nothing of the caller's came along, and who is the same user cannot look
		[ "$(wc -c </proc/$worker/environ)" = 0 ] || complain 'it has an environment'
		for file in environ mem maps fd/0 root/. cwd/. ns/net; do
			! setpriv --reuid=65534 --regid=65534 --clear-groups head -c 1 /proc/$worker/$file >/dev/null 2>&1 ||
				complain "the same user reads its $file"
		done
		while read -r line; do
			case $line in
			'Max processes'* | 'Max core file size'* | 'Max file size'*) [[ $line =~ \ 0\ +0\  ]] || complain "$line" ;;
			'Max open files'*) [[ $line =~ \ 64\ +64\  ]] || complain "$line" ;;
			esac
		done <"/proc/$worker/limits"
		open=$(for fd in /proc/$worker/fd/*; do readlink "$fd"; done | sed 's/[0-9]*\]$/]/; s,vq[01],vq,; s,^/dev/null,/null,' | LC_ALL=C sort | uniq -c | tr -s '\n ' ' ')
		[ "$open" = ' 1 /dev/vduse/iw0 3 /null 2 /sys/devices/virtual/vduse/iw0/vq/irq_cb_affinity 2 anon_inode:[eventfd] 1 anon_inode:[eventpoll] 1 anon_inode:[signalfd] 2 socket:[] ' ] ||
			complain "open: $open"
		while read -r range access _ _ inode file; do
			[[ $access != *wx* ]] || complain "to be written and run: $range $file"
			[[ $access != *x* || $inode != 0 || $file = '['* ]] || complain "of no file, and to be run: $range"
		done <"/proc/$worker/maps"
		set -- $1
		echo "# figure isolation: uid ${is[Uid]%% *}, gid ${is[Gid]%% *}, no capability in five sets, namespaces mnt net ipc pid uts, NoNewPrivs ${is[NoNewPrivs]}, $# system calls while it serves"
		undo iw0
	SCRIPT
}

@test "proc-75 isolation: any other system call, or one of these with another argument, is refused, and frames go on" {
	in_guest "$serving" <<-'SCRIPT' >&3
		bring_up ic0
		wait_until 20 confined "$(service_of ic0)"
		before=$worker
		out=$(inside $worker but $1) || complain "$out"
		echo "# of 1022 system calls, all but those that serving takes: $out"
		out=$(inside $worker arguments) || complain "$out"
		echo "# of what is allowed with some arguments: $out"
		carries frames "$interface"
		[ "$(server_of ic0)" = "$before" ] || complain 'not the same worker'
		undo ic0
	SCRIPT
}

@test "proc-75 isolation: a forbidden system call ends the worker and is reported by name; another one goes on, and no frame is lost" {
	in_guest <<-'SCRIPT'
		plain_queues
		device create if0
		foreground vduse loopback if0
		device attach if0
		interface=$(interface_of if0)
		raise "$interface"
		frames "$interface" seconds 4 window 24 timeout 5000 >"$T.frames" 2>&1 &
		frames=$!
		deaths=0
		# NAME|what is called
		while IFS='|' read -r name call; do
			wait_until 20 confined $server || broken "no worker serves before $call"
			last=$worker
			ended=$(inside $worker $call)
			[ "$ended" = 'refused, and ended' ] || complain "$call: $ended"
			wait_until 20 grep -q "its worker $last ended with status 159" "$T.said" || complain "$call: says $(cat "$T.said")"
			grep -q "if0: its worker made a system call that it may not make, $name, and was ended" "$T.said" || complain "$call: says $(cat "$T.said")"
			: >"$T.said"
		done <<-ROWS
			openat|openat -100 /etc/passwd 0
			openat|openat -100 /dev/vduse/control 2
			socket|socket 16 3 16
			ioctl|ioctl 4 0x41508102
			kill|kill $server 9
			one of another architecture|32:5 /etc/passwd
		ROWS
		wait $frames || complain "frames: status $?"
		answer=$(cat "$T.frames")
		answers 'sent > 100' 'lost == 0' 'corrupt == 0' 'duplicated == 0'
		wait_until 20 confined $server || complain 'nobody serves in the end'
		# and where it ends itself
		inside $worker tgkill 1 1 6 >/dev/null
		wait_until 20 grep -q "ended with status 134" "$T.said" || complain "abort: says $(cat "$T.said")"
		wait_until 20 confined $server || complain 'nobody serves after the abort'
		carries frames "$interface"
		undo if0
	SCRIPT
}

@test "isolation: what cannot be had is named and refused; with \"possible\" it serves and warns, with \"none\" it serves" {
	in_guest <<-'SCRIPT'
		# lacks STATUS SENTENCE [COMMAND...]: a part that the command takes away
		lacks()
		{
			local status want=$1 sentence=$2
			shift 2

			run_line "timeout 60 $* vduse loopback ip0 ${words-}"
			[ $status = $want ] && [[ $err = *"cannot isolate the device process: $sentence"*'isolation possible'* ]] || complain "$sentence: status $status, says $err"
			[ ! -e /run/vduse/ip0.sock ] || complain "$sentence: it is refused, and its socket stays"
			foreground "$@" vduse loopback ip0 isolation possible ${words-}
			grep -qE "^vduse loopback: ip0: it is not isolated in full: $sentence" "$T.said" || complain "$sentence, possible: says $(cat "$T.said")"
			grep -vE 'it is not isolated in full|nobody goes on where|nobody can ask' "$T.said" && complain "$sentence: it says more"
			[ -n "$(server_of ip0)" ] || complain "$sentence: nobody serves"
			kill -TERM $server
			wait $server || complain "$sentence, possible: status $?"
		}
		device create ip0
		# (those of IPC and UTS are as these: testsuite/unit/test_isolation.c)
		for namespace in 'mnt mount' 'pid PID' 'net network'; do
			file=/proc/sys/user/max_${namespace% *}_namespaces
			before=$(<$file)
			echo 0 >$file
			lacks 1 "no ${namespace#* } namespace of its own: No space left on device"
			echo $before >$file
		done
		# root, but not quite, as in a container
		lacks 4 'no mount namespace of its own: Operation not permitted' setpriv --bounding-set=-sys_admin
		lacks 4 'capabilities stay in its bounding set: Operation not permitted' setpriv --bounding-set=-setpcap
		lacks 4 'cannot become user 65534: Operation not permitted' setpriv --bounding-set=-setuid,-setgid
		expect 4 'setpriv --bounding-set=-setuid vduse loopback ip0 isolation possible user daemon' 'cannot become user'
		mkdir $T.jail
		for folder in /*; do
			[ -d "$folder" ] && [ "$folder" != /tmp ] || continue
			mkdir $T.jail$folder && mount --rbind $folder $T.jail$folder && mount --make-rslave $T.jail$folder
		done
		lacks 1 'files can be reached: Invalid argument' chroot $T.jail
		for folder in $T.jail/*; do
			umount -R $folder
			rmdir $folder
		done
		rmdir $T.jail
		# nobody, who has them in a user namespace only
		exec 9<>/dev/vduse/ip0
		nobody='setpriv --reuid=65534 --regid=65534 --clear-groups' words='fd 9'
		for file in kernel/unprivileged_userns_clone user/max_user_namespaces; do
			before=$(</proc/sys/$file)
			echo 0 >/proc/sys/$file
			[ $file = user/max_user_namespaces ] && why='1 No space left on device' || why='4 Operation not permitted'
			lacks ${why%% *} "no user namespace of its own: ${why#* }" $nobody
			echo $before >/proc/sys/$file
		done
		# root of a user namespace that has nobody else
		lacks 4 'cannot become user 65534: Operation not permitted' unshare -Ur
		foreground unshare -Ur vduse loopback ip0 fd 9 user root
		[ "$(grep -c '^Seccomp_filters:.2\|^CapEff:.0*$' "/proc/$(worker_of $server)/status")" = 2 ] || complain 'user root: not isolated'
		kill -TERM $server
		wait $server || complain "user root: status $?"
		exec 9<&-
		# no_new_privs takes nothing away
		foreground setpriv --no-new-privs vduse loopback ip0
		[ ! -s "$T.said" ] || complain "no_new_privs: says $(cat "$T.said")"
		kill -TERM $server
		wait $server || complain "no_new_privs: status $?"
		foreground setpriv --bounding-set=-sys_admin vduse loopback ip0 isolation none
		[ ! -s "$T.said" ] || complain "none: says $(cat "$T.said")"
		[ "$(server_of ip0)" = $server ] || complain 'none: another process serves'
		kill -TERM $server
		wait $server
		device destroy ip0
	SCRIPT
}

@test "isolation: served from inside a container's namespaces, with its own /proc, /run and /dev, and as nobody on a descriptor there" {
	in_guest <<-'SCRIPT'
		plain_queues
		device create co0
		cat >$T.start <<-'END'
			mount --make-rprivate /
			mount -t tmpfs dev /tmp
			mkdir /tmp/vduse
			touch /tmp/null /tmp/vduse/co0
			mount --bind /dev/null /tmp/null
			mount --bind /dev/vduse/co0 /tmp/vduse/co0
			mount --move /tmp /dev
			mount -t proc proc /proc
			mount -t tmpfs run /run
			exec "$@"
		END
		# serve WORD...: in a container, whose first process it is; its pid here is `inside`
		serve()
		{
			: >"$T.ready"
			unshare -m -n -p -i -u --fork bash $T.start "$@" >"$T.ready" 2>"$T.said" &
			outside=$!
			wait_until 30 eval "[ -s $T.ready ] || ! kill -0 $outside 2>/dev/null"
			[ -s "$T.ready" ] || broken "$*: is not ready: $(cat "$T.said")"
			inside=$(worker_of $outside)
			wait_until 20 confined $inside
			[ "$(server_of co0)" = "$worker" ] || complain "worker $worker of $inside"
			for namespace in mnt net ipc pid uts; do
				[ ! /proc/$worker/ns/$namespace -ef /proc/$inside/ns/$namespace ] || complain "$*: the $namespace namespace of its container"
			done
			grep -q $'^NSpid:\t'"$worker"$'\t[0-9]*\t1$' /proc/$worker/status || complain "$(grep ^NSpid /proc/$worker/status)"
			grep -q '^Seccomp_filters:.2' /proc/$worker/status || complain "$*: not confined"
			[[ $(cat "$T.ready") = 'co0: ready vq_size 256 pid 1' ]] || complain "says $(cat "$T.ready")"
		}
		end()
		{
			kill -TERM $inside
			wait $outside || complain "status $?"
		}
		serve vduse loopback co0 type net
		[ ! -s "$T.said" ] || complain "says $(cat "$T.said")"
		device attach co0
		interface=$(interface_of co0)
		raise "$interface"
		carries frames "$interface"
		in="nsenter -t $inside -m -n -p -i -u"
		# the device is one, whoever looks; a socket is in the /run of its process
		expect 0 'vduse show co0' "^co0: .*pid $worker"
		expect 0 "$in vduse show co0" '^co0: .*served.*attached'
		expect 0 "$in vduse stats co0" 'frames'
		for line in 'vduse stats co0' 'vduse set co0 link down'; do
			expect 5 "$line" "process $inside .* not in the /run/vduse of this mount namespace.*nsenter -t $inside -m vduse"
			expect 0 "nsenter -t $inside -m $line"
		done
		expect 0 "$in vduse set co0 link down"
		expect 0 "$in vduse set co0 link up"
		expect 0 'vduse set co0 msg_timeout 20'
		expect 0 "$in vduse show co0" 'msg_timeout 20'
		expect 5 'vduse loopback co0' "process $worker"
		# and attaching is not for who is in another network namespace
		expect 7 "$in vdpa dev del co0"
		kill -KILL $worker
		wait_until 20 grep -q 'another one goes on' "$T.said" || complain "says $(cat "$T.said")"
		wait_until 20 confined $inside || complain 'nobody serves after that'
		carries frames "$interface"
		end
		serve bash -c 'exec setpriv --reuid=65534 --regid=65534 --clear-groups vduse loopback co0 fd 9 9<>/dev/vduse/co0'
		carries frames "$interface"
		device detach co0
		# a descriptor that was handed over goes with its worker
		kill -KILL $worker
		wait $outside
		status=$?
		[ $status = 1 ] || complain "its worker was killed: status $status"
		[[ $(cat "$T.said") = *"co0: its worker"*"ended by signal 9, Killed, and with it went the descriptor that was handed over"*'open its node anew'* ]] ||
			complain "its worker was killed: says $(cat "$T.said")"
		device serve co0
		device attach co0
		interface=$(interface_of co0)
		raise "$interface"
		carries frames "$interface"
		undo co0
	SCRIPT
}
