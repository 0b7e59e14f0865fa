# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse up and down, killed and all at once, more often than make check does.

load ../common
load ../device
load ../up

@test "killed at random moments: 100 rounds of up, SIGKILL, down with nothing left behind" {
	GUEST_TIMEOUT=900 in_guest <<<"SEED=${SEED:-$RANDOM}; echo \"seed \$SEED\" >&2; kill_rounds 100"
}

@test "up and down of one name at a time: 30 rounds" {
	GUEST_TIMEOUT=900 in_guest <<<'race_rounds 30'
}

@test "a system call of each step of up fails: nothing is left, and the reason is said" {
	GUEST_TIMEOUT=300 in_guest <<-'SCRIPT'
		# faulty CALL FAULT [PATH]: the command with this fault, in strace's words
		faulty() { printf 'timeout -s KILL 60 strace -f --seccomp-bpf -qq -o /dev/null -e trace=%s -e inject=%s:%s %s' "$1" "$1" "$2" "${3:+-P $3}"; }
		# what is written of it, so that the record is the first file to be written
		need 0 'vduse up u0 driver vhost_vdpa'
		word=$(</run/vduse/u0.up)
		expect 0 'vduse down u0'
		while IFS='|' read -r call fault path words regex; do
			[ "$words" != written ] || printf '%s\n' "$word" >/run/vduse/u0.up
			need 1 "$(faulty $call $fault $path) vduse up u0 driver vhost_vdpa ${words#written}" "$regex"
			no_trace "$call $fault $path" u0
		done <<-'ROWS'
			renameat|error=ENOSPC:when=1|||what is to be of it.*No space
			ioctl|error=ENOMEM:when=4|||cannot create it: Cannot allocate
			write|error=EIO|/sys/devices/virtual/vduse/u0/bounce_size|bounce_size 8388608|bounce_size.*Input/output
			renameat|error=ENOSPC:when=1||written|record.*No space
			epoll_create1|error=EMFILE|||Too many open
			ioctl|error=EIO|/dev/vduse/u0||Input/output
			setsid|signal=KILL|||ended before it was ready
			sendto,sendmsg|error=ENOBUFS|||buffer space
			write|error=EIO|/sys/bus/vdpa/drivers/vhost_vdpa/bind||vhost_vdpa cannot be bound.*Input/output
		ROWS
	SCRIPT
}
