# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse down: whatever a crash, or somebody, left behind of a device or of a pair.

load common
load device
load up

@test "down ends it in whatever state it is, and says what it found" {
	in_guest <<-'SCRIPT'
		# the kernel breaks two meanwhile, one of which has a device process that is stopped
		unbinders=()
		for name in d1 d2; do
			need 0 "vduse up $name"
			echo 1 >/sys/class/vduse/$name/msg_timeout
			pid=$(server_of $name)
			supervisor=$(service_of $name)
			[ $name = d1 ] && device kill d1 || kill -STOP $pid
			echo $name >/sys/bus/vdpa/drivers/virtio_vdpa/unbind & unbinders+=($!)
		done
		stopped=$pid spared="$pid $supervisor"
		need 0 'vduse up d0'
		echo 600 >/sys/class/vduse/d0/msg_timeout
		pid=$(server_of d0)
		kill -STOP "$pid"
		expect 0w 'vduse -T 300 down d0' "process $pid was stopped"
		# it was let go on to answer: no time-out of the kernel passed
		in_time 200 'down of a stopped one'
		spare=$spared no_trace stopped d0
		# by hand: created, served, on the bus without a driver
		device create d0
		expect 0w 'vduse down d0' ': no process served it; it was not attached.$'
		spare=$spared no_trace created d0
		device create d0
		device serve d0
		expect 0w 'vduse down d0' ': it was not attached.$'
		spare=$spared no_trace served d0
		device create d0
		device serve d0
		device attach d0
		echo d0 >/sys/bus/vdpa/drivers/virtio_vdpa/unbind
		expect 0w 'vduse down d0' ': it had no bus driver.$'
		spare=$spared no_trace unbound d0
		device create d0 type block size 1048576
		expect 0w 'vduse down d0' 'not attached'
		spare=$spared no_trace block d0
		# without what is written of it
		need 0 'vduse up d0'
		rm /run/vduse/d0.*
		expect 0w 'vduse down d0' ': there was no record of it.$'
		spare=$spared no_trace 'no files' d0
		# files alone
		touch /run/vduse/d0.json /run/vduse/d0.sock /run/vduse/d0.sock.77 /run/vduse/d0.up
		expect 0w 'vduse down d0' 'only files'
		spare=$spared no_trace files d0
		expect 0w 'vduse down d0' 'nothing'
		for pid in "${unbinders[@]}"; do
			ends 5 $pid
		done
		expect 0w 'vduse down d1' 'the kernel had broken it; no process served it; it had no bus driver.$'
		expect 0w 'vduse down d2' "process $stopped was stopped; it had no bus driver.\$"
		no_trace broken d1 d2
		# the socket of a server that was killed is not asked
		need 0 'vduse up d0'
		device kill d0
		[ -S /run/vduse/d0.sock ] || complain 'no socket was left'
		expect 0w 'vduse down d0' ': no process served it'
		in_time 25 'down of a dead one'
		no_trace dead d0
		# no process but ours is ended
		device create d0
		exec {node}<>/dev/vduse/d0
		expect 5 'vduse down d0' "process $$ .*none of ours; end that process in its own way"
		expect 5 'vduse up d0' "d0"
		exec {node}>&-
		device serve d0
		device attach d0 driver vhost_vdpa
		for node in /sys/bus/vdpa/devices/d0/vhost-vdpa-*; do
			node=/dev/${node##*/}
		done
		exec {held}<>"$node"
		expect 5 'vduse down d0' "process $$ .*${node##*/}"
		[ "$(driver_of d0)" = vhost_vdpa ] || complain 'a refused down did something'
		[ -n "$(server_of d0)" ] || complain 'a refused down ended the device process'
		exec {held}>&-
		expect 0 'vduse down d0'
		no_trace 'at the end' d0
	SCRIPT
}

@test "down of a stopped one whose deletion was given up: that comes to its end first, then the process" {
	in_guest <<-'SCRIPT'
		for driver in virtio_vdpa virtio_vdpa vhost_vdpa; do
			need 0 "vduse up d0 driver $driver"
			echo 600 >/sys/class/vduse/d0/msg_timeout
			pid=$(server_of d0)
			kill -STOP "$pid"
			if [ $driver = vhost_vdpa ]; then
				# it is asked for nothing there
				expect 0 'vdpa -T 300 dev del d0'
				found='it was not attached'
			else
				expect 6 'vdpa -T 1 dev del d0'
				wait_until 5 eval '! attached d0'
				found='its vDPA device was being deleted'
			fi
			expect 0w 'vduse -T 300 down d0' "process $pid was stopped; $found.\$"
			# an answer was waited for, and no time-out of the kernel
			in_time 200 "down with $driver"
			no_trace "$driver" d0
		done
	SCRIPT
}

@test "half a pair: either half gone, dead, off the bus or without its files; down of either ends both, up repairs" {
	in_guest <<-'SCRIPT'
		words='h0 driver vhost_vdpa peer h1'
		pair() { need 0 "vduse up $words"; }
		# says REGEX NAME: down of NAME says that of one or the other, and nothing is left
		says()
		{
			run_line "vduse down $2"
			shopt -s nocasematch
			[[ $status = 0 && $err =~ $1 ]] || complain "down $2: status $status, says nothing like $1: $err"
			no_trace "$1" h0 h1
		}
		pair
		saved=$(</run/vduse/h0.up)
		device detach h1
		says 'h1: it was not attached.$' h0
		# behind the back of the tools, one after the other
		pair
		device kill h0
		for name in h0 h1; do
			echo 1 >/sys/class/vduse/$name/msg_timeout
			vdpa dev del $name
		done
		vm-state --destroy h0
		says 'h0: there was no device, only files of it.*h1: no process served it; it was not attached|h1: no process served it; it was not attached.*h0: there was no device, only files of it' h0
		# as far as an "up" that was killed can come: the word, and perhaps the first
		for name in h0 h1; do printf '%s\n' "$saved" >/run/vduse/$name.up; done
		says 'only files' h1
		printf '%s\n' "$saved" >/run/vduse/h0.up
		says 'only files' h0
		for name in h0 h1; do printf '%s\n' "$saved" >/run/vduse/$name.up; done
		device create h0
		says 'h0: no process served it' h1
		for name in h0 h1; do printf '%s\n' "$saved" >/run/vduse/$name.up; done
		device create h1
		need 0 "vduse up $words" 'h0: .*\nh1: '
		[ "$(server_of h0)" = "$(server_of h1)" ] || complain 'two processes serve it'
		# no crash takes one of the files away, so up does not go past that; but the device
		# process tells what belongs together
		rm /run/vduse/h1.up
		expect 5 "vduse up $words" 'h1.*not made by'
		expect 0 'vduse down h1'
		no_trace 'no word of h1' h0 h1
		# of two that a process serves alone, one by one, each is its own
		pair
		rm /run/vduse/h0.up
		device kill h0
		expect 0w 'vduse down h0' 'no process served it'
		attached h1 || complain 'h1, of which h0 knows nothing any more, was ended'
		expect 0w 'vduse down h1' 'no process served it'
		no_trace 'one by one' h0 h1
	SCRIPT
}

@test "a file of what is to be that up did not write is not believed, and harms nobody: 11 kinds" {
	in_guest <<-'SCRIPT'
		file=/run/vduse/w0.up
		echo innocent >$T.target
		need 0 'vduse up w1 driver vhost_vdpa'
		spare="$(server_of w1) $(service_of w1)"
		need 0 'vduse up w0 driver vhost_vdpa peer w2'
		good=$(<$file)
		expect 0 'vduse down w2'
		unwritten()
		{
			case $1 in
			link) ln -s $T.target $file ;;
			fifo) mkfifo $file ;;
			device) mknod $file c 1 5 ;;
			empty) : >$file ;;
			garbage) printf '\x00\xff{"' >$file ;;
			huge) head -c 1048576 /dev/zero >$file ;;
			long) { printf '%s' "$good"; head -c 20000 /dev/zero | tr '\0' ' '; } >$file ;;
			version) printf '%s\n' "${good/'"version":1'/'"version":2'}" >$file ;;
			boot) printf '%s\n' "${good/'"boot":"'/'"boot":"x'}" >$file ;;
			other) printf '%s\n' "${good//w0/w9}" >$file ;;
			writable) printf '%s\n' "$good" >$file; chmod 666 $file ;;
			esac 2>/dev/null
			[ "$1" = writable ] || [ ! -f $file ] || [ -L $file ] || ! cmp -s $file <(printf '%s\n' "$good") ||
				broken "$1: this is what up writes"
		}
		for kind in link fifo device empty garbage huge long version boot other writable; do
			unwritten $kind
			device create w0
			expect 5 'timeout -s KILL 300 vduse up w0 driver vhost_vdpa' 'what it was to be cannot be read'
			expect 0w 'timeout -s KILL 300 vduse down w0' 'what it was to be could not be read'
			no_trace "$kind, with a device" w0 w2
			[ "$(<$T.target)" = innocent ] || complain "$kind: what the link leads to was changed"
		done
		# there is nothing else of it
		for kind in link fifo huge boot; do
			unwritten $kind
			expect 0w 'timeout -s KILL 300 vduse down w0' ': there was no device, only files of it.$'
			no_trace "$kind" w0 w2
		done
		# up goes past it then
		for kind in link huge; do
			unwritten $kind
			need 0 'timeout -s KILL 300 vduse up w0 driver vhost_vdpa'
			[ -f $file ] && [ ! -L $file ] || complain "$kind: not written again"
			expect 0 'vduse down w0'
		done
		# what cannot be written or removed is said
		mkdir $file
		expect 1 'vduse up w0' 'what is to be of it: Is a directory'
		[ ! -e /sys/class/vduse/w0 ] || complain 'not undone'
		# after what it found
		last() { "$@" 2>&1 >/dev/null | tail -n 1 >&2; return ${PIPESTATUS[0]}; }
		expect 1 'last vduse down w0' 'what was to be of it: Is a directory'
		rmdir $file
		mkdir /run/vduse/w0.sock
		expect 1 'last vduse down w0' 'control socket: Is a directory'
		rmdir /run/vduse/w0.sock
		# one that names another unit's device has no power over that
		printf '%s\n' "${good//w2/w1}" >$file
		expect 0w 'vduse down w0' ': there was no device, only files of it.$'
		[ -n "$(server_of w1)" ] && attached w1 || complain 'another unit was ended'
		expect 0 'vduse down w1'
		spare=
		no_trace 'at the end' w0 w1 w2
		rm -f $T.target
	SCRIPT
}

@test "proc-74 where /run cannot be written: up makes nothing and says why, down ends what there is and says what stays" {
	in_guest <<-'SCRIPT'
		frozen() { unshare -m bash -c 'mount --bind /run/vduse /run/vduse && mount -o remount,bind,ro /run/vduse && "$@"' bash "$@"; }
		device create z0
		device destroy z0
		expect 1 'frozen vduse up z0' 'Read-only file system'
		no_trace 'up' z0
		need 0 'vduse up z0 driver vhost_vdpa'
		expect 0w 'frozen vduse down z0' 'its files in /run/vduse stay'
		! attached z0 && [ ! -e /sys/class/vduse/z0 ] && ! ours_remain || complain 'something stays'
		[ -e /run/vduse/z0.up ] || broken 'this test is without effect: the files are gone'
		# they are not believed
		need 0 'vduse up z0 mtu 1400 driver vhost_vdpa'
		expect 0 'vduse down z0'
		no_trace 'at the end' z0
	SCRIPT
}
