# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse@.service where systemd is process 1, and udev makes the nodes: a guest of its own beside
# the suite's, with a cache folder of its own, which has its own lock (as in bed.bats). Its units
# are those of make install.

load ../common
load ../device
load ../traffic

setup_file()
{
	local cache=${VDUSE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vduse-tools} layer

	[ ! -e "$VM_DIR/host" ] || skip "it needs a guest, and HOST=1 has none"
	layer=$BATS_FILE_TMPDIR/layer
	cp -a "$("$testsuite/vm/systemd")" "$layer"
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "${VT_BUILD%/*}" install DESTDIR="$layer" PREFIX=/usr SBINDIR=/usr/sbin >/dev/null
	rm -r "$layer"/usr/share/{man,fish,zsh,bash-completion,vduse-tools}
	# what dpkg runs, and what that calls; the program of this name asks policy-rc.d first
	cp "$testsuite"/../debian/vduse-tools.{prerm,postinst,postrm} "$layer/usr/lib/"
	printf '#!/bin/sh\nexec systemctl "$@"\n' >"$layer/usr/bin/deb-systemd-invoke"
	chmod +x "$layer/usr/bin/deb-systemd-invoke"
	# what "systemctl enable --now vduse@boot0" and the boot after it find
	mkdir -p "$layer/etc/systemd/system/multi-user.target.wants"
	ln -s /usr/lib/systemd/system/vduse@.service "$layer/etc/systemd/system/multi-user.target.wants/vduse@boot0.service"
	echo 'mtu 1400' >"$layer/etc/vduse/boot0.conf"
	mkdir "$BATS_FILE_TMPDIR/cache"
	ln -s "$cache"/kernel-* "$cache"/root-*.squashfs "$cache"/headers-* "$cache"/vdpa_test-* "$BATS_FILE_TMPDIR/cache/"
	export VM_DIR=$BATS_FILE_TMPDIR/vm
	VDUSE_TOOLS_CACHE=$BATS_FILE_TMPDIR/cache VM_LAYER=$layer VM_APPEND=VM_INIT=/lib/systemd/systemd \
		VM_OWNER=$$ "$testsuite/vm/start" "$VM_DIR"
	# until then /tmp is cleared, and everything else takes its time
	GUEST_TIMEOUT=1200 guest_sh 'until [[ $(systemctl is-system-running) = @(running|degraded) ]]; do sleep 0.2; done'
}

teardown_file()
{
	"$testsuite/vm/stop" "$VM_DIR"
}

# What systemd does by itself, in processes that come and go, is no leftover: each test ends with
# nothing_left instead.
setup()
{
	log_lines=$(kernel_log "$VM_DIR" | wc -l)
	guest_functions+=(service told is_up main_of runs goes_on_alone is_main)
}

teardown()
{
	local bad

	if bad=$(complaints "$VM_DIR" "$log_lines"); then
		printf '%s\n' "$bad"
		return 1
	fi
}

# -- inside the guest ------------------------------------------------------------------

# service VERB NAME: by systemctl, within a deadline. What the journal has is shown where it fails.
service()
{
	run_line "timeout -s KILL 600 systemctl $1 vduse@$2"
	[ $status = 0 ] || broken "systemctl $1 vduse@$2: status $status: $err$(told "$2")"
}

# told NAME: by its service.
told()
{
	journalctl -q --no-pager -o cat -u "vduse@$1" | tail -n 30
}

# is_up NAME [PID]: the service is active, with another main process than PID.
is_up()
{
	[ "$(systemctl is-active "vduse@$1")" = active ] &&
		[ "$(main_of "$1")" != "${2-}" ]
}

# main_of NAME: the process that systemd calls the main one.
main_of()
{
	systemctl show -P MainPID "vduse@$1"
}

# goes_on_alone NAME PID MAIN: the supervisor PID was killed, and is followed by another one; the
# main process says so, and systemd has nothing to do.
goes_on_alone()
{
	wait_until 20 eval "[[ \$(told $1) = *'device process $2 was killed; process '*' goes on'* ]] || ! is_main $1 $3"
	is_main "$1" "$3" || broken "it was started again: $(told "$1")"
}

# is_main NAME PID: the service is active, with this main process.
is_main()
{
	[ "$(systemctl is-active "vduse@$1") $(main_of "$1")" = "active $2" ]
}

# runs PROGRAM NAME: its processes are of this file; one that was replaced is "(deleted)".
runs()
{
	local pid

	for pid in "$(main_of "$2")" "$(service_of "$2")" "$(server_of "$2")"; do
		[ "$(readlink "/proc/$pid/exe")" = "$1" ] || complain "process $pid is $(readlink "/proc/$pid/exe"), not $1"
	done
}

@test "systemd: an enabled service is up after the boot, nothing failed, and the nodes are whose they should be" {
	in_guest <<-'SCRIPT'
		[ "$(systemctl is-system-running)" = running ] || complain "$(systemctl --failed --no-pager)$(told boot0)"
		is_up boot0 || complain "not up: $(told boot0)"
		[ "$(read_value "/sys/class/net/$(interface_of boot0)/mtu")" = 1400 ] || complain 'not as its file says'
		# udev has much else to look at after a boot
		nodes='/dev/vduse/boot0 root vduse-serve 660,/dev/vduse/control root root 600,'
		wait_until 10 eval '[ "$(stat -c "%n %U %G %a" /dev/vduse/* | tr "\n" ,)" = "$nodes" ]' ||
			complain "nodes: $(stat -c '%n %U %G %a' /dev/vduse/*)"
		[ "$(stat -c '%a %U' /run/vduse)" = '755 root' ] || complain "/run/vduse: $(stat -c '%a %U' /run/vduse)"
		# the worker is the user that sysusers made, with nothing; the others have what the unit says
		worker=$(server_of boot0) main=$(main_of boot0)
		mapfile -t lines <"/proc/$worker/status"
		id=$(id -u vduse)
		[[ "${lines[*]}" = *"Uid:"$'\t'"$id"$'\t'"$id"$'\t'"$id"$'\t'"$id "* ]] || complain "the worker: ${lines[*]}"
		[[ "${lines[*]}" = *"CapBnd:"$'\t'0000000000000000* ]] || complain "the worker: ${lines[*]}"
		mapfile -t lines <"/proc/$main/status"
		[[ "${lines[*]}" = *"CapBnd:"$'\t'00000000002911e4*"NoNewPrivs:"$'\t'"1 Seccomp:"$'\t'2* ]] ||
			complain "the main process: ${lines[*]}"
		[[ $(told boot0) != *'not isolated'* ]] || complain "$(told boot0)"
		service stop boot0
		nothing_left
	SCRIPT
}

@test "systemd: start, restart with other words, stop, and down from elsewhere; a node for kvm; a pair with a capture and memory of its own" {
	in_guest <<-'SCRIPT'
		echo 'mtu 1400' >/etc/vduse/a0.conf
		service start a0
		expect 0 'vduse up a0 mtu 1400'
		main=$(main_of a0)
		echo 'mtu 1300 # less' >/etc/vduse/a0.conf
		service restart a0
		is_up a0 "$main" || complain "$(told a0)"
		[ "$(read_value "/sys/class/net/$(interface_of a0)/mtu")" = 1300 ] || complain 'not with the new words'
		expect 0 'vduse down a0'
		wait_until 5 eval '[ "$(systemctl is-active vduse@a0)" = inactive ]' || complain "$(systemctl status vduse@a0)"
		echo 'driver vhost_vdpa' >/etc/vduse/v0.conf
		service start v0
		node=$(node_of v0)
		wait_until 5 eval '[ "$(stat -c "%G %a" '$node')" = "kvm 660" ]' || complain "$(stat -c '%n %G %a' "$node")"
		carries vhost_driver "$node" queue 64 sizes 60-1514:101
		service stop v0
		cat >/etc/vduse/b0.conf <<-'END'
			umem pcap /var/log/vduse/b0.pcapng
			peer b1
		END
		service start b0
		raise "$(interface_of b0)" "$(interface_of b1)"
		carries frames "$(interface_of b0)" to "$(interface_of b1)"
		service stop b0
		[ -s /var/log/vduse/b0.pcapng ] || complain 'no capture'
		nothing_left
	SCRIPT
}

@test "systemd: a stop while somebody has the node fails, and the next start puts it right; without the right to load modules" {
	in_guest <<-'SCRIPT'
		mkdir -p /run/systemd/system/vduse@.service.d
		printf '[Service]\nProtectKernelModules=yes\n' >/run/systemd/system/vduse@.service.d/modules.conf
		systemctl daemon-reload
		echo 'driver vhost_vdpa' >/etc/vduse/h0.conf
		service start h0
		[[ $(grep CapBnd "/proc/$(main_of h0)/status") = *00000000002811e4 ]] ||
			complain 'it may load modules'
		node=$(node_of h0)
		exec {held}<>"$node"
		systemctl stop vduse@h0
		[ "$(systemctl is-active vduse@h0)" = failed ] || complain "$(told h0)"
		[[ $(told h0) = *"process $$ "* ]] || complain "$(told h0)"
		attached h0 || complain 'it was taken off the bus'
		[ -z "$(server_of h0)" ] || complain 'it is served'
		# nobody answers: it takes msg_timeout, and the kernel breaks the device
		echo 1 >/sys/class/vduse/h0/msg_timeout
		exec {held}>&-
		service start h0
		[ "$(node_of h0)" = "$node" ] || complain 'another node'
		carries vhost_driver "$node" queue 64 sizes 60-1514:101
		service stop h0
		rm -r /run/systemd/system/vduse@.service.d
		systemctl daemon-reload
		nothing_left
	SCRIPT
}

@test "systemd: killed with SIGKILL under traffic, it is started again and loses, doubles and reorders no frame; a supervisor that is killed alone has a successor in the same service" {
	in_guest <<-'SCRIPT'
		plain_queues
		echo 'msg_timeout 60' >/etc/vduse/k0.conf
		service start k0
		interface=$(interface_of k0)
		raise "$interface"
		ifindex=$(read_value "/sys/class/net/$interface/ifindex")
		frames "$interface" seconds 900 window 24 timeout 60000 >"$T.frames" 2>&1 & frames=$!
		restarts=0
		for victim in all main all worker all supervisor main supervisor; do
			goes_on "$interface"
			main=$(main_of k0) supervisor=$(service_of k0)
			case $victim in
			all) systemctl kill -s KILL vduse@k0 ;;
			main) kill -KILL "$main" ;;
			worker) kill -KILL "$(server_of k0)" ;;
			supervisor) kill -KILL "$supervisor" ;;
			esac
			case $victim in
			all | main)
				restarts=$((restarts + 1))
				wait_until 20 is_up k0 "$main" || broken "$(told k0)"
				;;
			supervisor) goes_on_alone k0 "$supervisor" "$main" ;;
			esac
			[ "$(systemctl is-active vduse@k0)" = active ] || complain "$victim: $(systemctl status vduse@k0)"
			[ "$(systemctl show -P NRestarts vduse@k0)" = $restarts ] ||
				complain "$victim: restarts: $(systemctl show -P NRestarts vduse@k0), not $restarts"
		done
		goes_on "$interface"
		kill $frames
		wait $frames
		answer=$(cat "$T.frames")
		answers 'sent > 1000' 'lost == 0' 'corrupt == 0' 'duplicated == 0' 'reordered == 0'
		echo "# figure systemd: $restarts services, two supervisors and a worker killed, $answer" >&2
		[ "$(read_value "/sys/class/net/$interface/ifindex")" = "$ifindex" ] || complain 'the interface is another'
		service stop k0
		nothing_left
		rm -f "$T.frames"
	SCRIPT
}

@test "systemd: a package upgrade leaves a device with the program that it has; killed, it goes on with the new one, and no frame is lost; a removal takes it down" {
	in_guest <<-'SCRIPT'
		program=/usr/sbin/vduse scripts=/usr/lib/vduse-tools
		plain_queues
		echo 'msg_timeout 60' >/etc/vduse/p0.conf
		service start p0
		interface=$(interface_of p0)
		raise "$interface"
		ifindex=$(read_value "/sys/class/net/$interface/ifindex")
		frames "$interface" seconds 900 window 24 timeout 60000 >"$T.frames" 2>&1 & frames=$!
		goes_on "$interface"
		main=$(main_of p0) before=$(server_of p0)
		runs $program p0
		# as dpkg does it
		expect 0 "sh $scripts.prerm upgrade 0.2"
		cp $program $program.dpkg-new
		mv $program.dpkg-new $program
		expect 0 "sh $scripts.postrm upgrade 0.2"
		expect 0 "sh $scripts.postinst configure 0.1"
		goes_on "$interface"
		[ "$(systemctl is-active vduse@p0)" = active ] || complain "$(systemctl status vduse@p0)"
		[ "$(main_of p0) $(server_of p0)" = "$main $before" ] || complain 'other processes'
		# so do those that it starts: the supervisor and the worker are of one version
		kill -KILL "$before"
		wait_until 20 eval '[[ $(server_of p0) != @(|'"$before"') ]]'
		goes_on "$interface"
		runs "$program (deleted)" p0
		supervisor=$(service_of p0)
		kill -KILL "$supervisor"
		goes_on_alone p0 "$supervisor" "$main"
		goes_on "$interface"
		runs "$program (deleted)" p0
		# what vduse-up(8) says of it
		systemctl kill -s KILL vduse@p0
		wait_until 20 is_up p0 "$main" || broken "$(told p0)"
		goes_on "$interface"
		runs $program p0
		kill $frames
		wait $frames
		answer=$(cat "$T.frames")
		answers 'sent > 1000' 'lost == 0' 'corrupt == 0' 'duplicated == 0' 'reordered == 0'
		[ "$(read_value "/sys/class/net/$interface/ifindex")" = "$ifindex" ] || complain 'the interface is another'
		: >/etc/vduse/p1.conf
		service start p1
		expect 0 "sh $scripts.prerm remove"
		expect 0 "sh $scripts.postrm remove"
		nothing_left
		rm -f "$T.frames"
	SCRIPT
}

@test "systemd: what trying again does not mend is not tried again, and the journal has the sentence" {
	in_guest <<-'SCRIPT'
		# fails NAME STATUS REGEX
		fails()
		{
			systemctl start "vduse@$1" 2>/dev/null && complain "$1 is started"
			answer=$(systemctl show -P ActiveState -P ExecMainStatus -P NRestarts "vduse@$1")
			[[ " ${answer//$'\n'/ } " = *' failed '* && " ${answer//$'\n'/ } " = *" $2 "* &&
				" ${answer//$'\n'/ } " = *' 0 '* ]] || complain "$1: $answer"
			[[ $(told "$1") =~ $3 ]] || complain "$1: $(told "$1")"
		}
		echo 'mtu 3' >/etc/vduse/bad.conf
		fails bad 2 '/etc/vduse/bad.conf: mtu "3"'
		fails none 3 '/etc/vduse/none.conf: cannot open it'
		need 0 'vduse up c0'
		echo 'mtu 1400' >/etc/vduse/c0.conf
		fails c0 5 'up with other words: mtu 1500, not mtu 1400'
		need 0 'vduse down c0'
		systemctl reset-failed
		service start c0
		service stop c0
		nothing_left
	SCRIPT
}
