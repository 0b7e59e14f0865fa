# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse@.service and what is installed with it, as far as that goes without systemd as process 1:
# what systemd's own programs think of the files, and the command that the service runs, with
# another service manager (guest/notify.c).

load common
load device
load traffic
load up

# installed: the files of the service, below $root, from the build folder.
installed()
{
	root=$BATS_TEST_TMPDIR/root
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "${VT_BUILD%/*}" install DESTDIR="$root" PREFIX=/usr \
		SBINDIR="$root/usr/sbin" UNITDIR=/usr/lib/systemd/system UDEVDIR=/usr/lib/udev/rules.d \
		>/dev/null
	mkdir -p "$root/usr/sbin"
	cp "$VT_BUILD/vduse/vduse" "$root/usr/sbin/"
}

@test "service: systemd takes the unit without a word, and finds its exposure below 5 of 10" {
	installed
	unit=$root/usr/lib/systemd/system/vduse@.service
	# it looks at units of this machine as well, and may have something to say of those
	run -0 systemd-analyze verify --man=no "$unit"
	[[ $output != *vduse* ]]
	run -0 systemd-analyze security --offline=yes --threshold=50 --no-pager "$unit"
	# each of these is looked at by the kernel, and stands in SECURITY
	for line in 'NoNewPrivileges=yes' 'ProtectSystem=strict' 'DevicePolicy=closed' 'KillMode=mixed' \
		'RuntimeDirectoryPreserve=yes' 'Restart=on-failure' 'Type=notify'; do
		grep -qx "$line" "$unit"
	done
}

@test "service: users, groups and /run/vduse as systemd makes them" {
	installed
	mkdir -p "$root/etc"
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\n' >"$root/etc/group"
	run -0 systemd-sysusers --root="$root" "$root/usr/lib/sysusers.d/vduse.conf"
	grep -qE '^vduse:!?\*?x?:[0-9]+:[0-9]+:[^:]*:/:.*nologin$' "$root/etc/passwd"
	grep -qE '^vduse-serve:x:[0-9]+:$' "$root/etc/group"
	grep -qE '^kvm:x:[0-9]+:$' "$root/etc/group"
	[ "$(id -u)" = 0 ] || skip "only root can make /run/vduse for root"
	run -0 systemd-tmpfiles --root="$root" --create "$root/usr/lib/tmpfiles.d/vduse.conf"
	[ "$(stat -c '%a %u %g' "$root/run/vduse")" = '755 0 0' ]
}

@test "up file: its words are those of the device, with comments and quotes; what else stands there is refused" {
	in_guest <<-'SCRIPT'
		conf=$T.conf
		cat >$conf <<-'END'
			# a pair
			mtu 1400   # jumbo it is not
			driver vhost_vdpa vq_size \
				128

			peer "w1"
			mtu 1300
		END
		need 0 "vduse up w0 file $conf" '^w0: driver vhost_vdpa .*\nw1: driver vhost_vdpa'
		expect 0 'vduse up w0 driver vhost_vdpa mtu 1400 vq_size 128 peer w1 mtu 1300'
		expect 5 'vduse up w0 driver vhost_vdpa mtu 1400 vq_size 128 peer w1' "mtu 1300"
		printf 'driver vhost_vdpa' >$conf
		expect 5 "vduse up w0 file $conf" 'peer w1, not no peer'
		expect 0 'vduse down w1'
		# nothing at all is the default
		: >$conf
		need 0 "vduse up w0 file $conf" 'driver virtio_vdpa'
		expect 0 'vduse up w0'
		expect 0 'vduse down w0'
		# what a file says, and what is said of it
		while IFS='|' read -r status says regex; do
			printf -- "$says" >$conf
			expect $status "vduse up w0 file $conf" "$regex"
		done <<-'ROWS'
			2|mtu 3|in_guest.*conf: mtu "3"
			2|\n\nmtu "1400|in_guest.*conf:3: a quote
			2|mtu 1400\nmtu 1400|conf: "mtu" is said twice
			2|mtu|conf: "mtu" needs a value
			2|foreground|"foreground" stands in it; say it on the command line
			2|file /etc/passwd|"file" stands in it
			2|-j|the word "-j" has no meaning
			2|w0|the word "w0" has no meaning
			2|help|the word "help" has no meaning
			2|mtu\0001400|conf:1: it has a NUL byte
			2|peer w0|peer
		ROWS
		rm $conf
		rows <<-ROWS
			3 vduse up w0 file $conf                    ## conf: cannot open it: No such file
			1 vduse up w0 file /tmp                     ## Is a directory
			2 vduse up w0 file /dev/zero                ## zero:1: a line of it is too long
			2 vduse up w0 file $conf mtu 1400           ## "mtu" is said beside "file"
			2 vduse up w0 file $conf peer w1            ## "peer" is said beside "file"
			2 vduse up w0 file                          ## needs a value
		ROWS
		yes 'mtu 1400' | head -n 20000 >$conf
		expect 2 "vduse up w0 file $conf" 'conf:[0-9]*: these are too many words'
		rm $conf
		no_trace 'at the end' w0 w1
	SCRIPT
}

@test "service: killed with SIGKILL under traffic and started again with the same words, it loses, doubles and reorders no frame; what was killed is there after /run is gone" {
	in_guest <<-'SCRIPT'
		conf=$T.conf
		echo 'mtu 1400' >$conf
		# starts: the command of the service, as $pid, until it is ready
		starts()
		{
			rm -f $T.f
			vduse up s0 file $conf foreground >$T.f 2>$T.fe & pid=$!
			wait_until 10 eval '[ -s '$T.f' ]' || broken "not up: $(cat $T.fe)"
		}
		plain_queues
		starts
		interface=$(interface_of s0)
		raise "$interface"
		ifindex=$(read_value "/sys/class/net/$interface/ifindex")
		frames "$interface" sizes 60-1414:7 seconds 600 window 24 >"$T.frames" 2>&1 & frames=$!
		for round in 1 2 3; do
			goes_on "$interface"
			# in the order in which systemd does it: the main process first
			victims="$pid $(service_of s0) $(server_of s0)"
			# shellcheck disable=SC2086 # words
			kill -KILL $victims
			ends 5 $pid
			[ $status = 137 ] || complain "status $status"
			# shellcheck disable=SC2086 # words
			wait_until 5 ended_all $victims
			starts
		done
		goes_on "$interface"
		kill $frames
		wait $frames
		answer=$(cat "$T.frames")
		answers 'sent > 600' 'lost == 0' 'corrupt == 0' 'duplicated == 0' 'reordered == 0'
		[ "$(read_value "/sys/class/net/$interface/ifindex")" = "$ifindex" ] || complain 'the interface is another'
		kill $pid
		ends 10 $pid
		[ "$status$(cat $T.fe)" = 0 ] || complain "stopped: status $status: $(cat $T.fe)"
		no_trace 'stopped' s0
		# another boot: no device, no /run/vduse, the same file; and a manager that is told
		rm -rf /run/vduse
		expect 0 "notify vduse up s0 file $conf foreground" 'READY=1.*STOPPING=1'
		no_trace 'after another boot' s0
		rm -f $conf $T.f $T.fe "$T.frames"
	SCRIPT
}
