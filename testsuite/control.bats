# SPDX-License-Identifier: GPL-2.0-or-later
#
# The control socket of a serving process: who may come, from where, and what they can do
# to it. That a file of a dead server is replaced is in set.bats.

load common
load device
load traffic
load monitor

@test "control socket: root's alone whatever the umask, and reached from any network namespace" {
	in_guest <<-'SCRIPT'
		umask 0
		device create co0
		device serve co0
		expect 0 'stat -c "%F %a %u %g" /run/vduse/co0.sock' '^socket 600 0 0'
		nobody='setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all'
		expect 4 "$nobody vduse set co0 link down" 'ermission|permitted'
		expect 4 "$nobody vduse stats co0" 'ermission|permitted'
		# also where somebody opens the folder, and in a device's own network namespace
		ip netns add away
		for at in '' 'ip netns exec away'; do
			expect 0 "$at vduse set co0 link down"
			expect 0 "$at vduse -d show co0" 'link down'
			expect 0 "$at vduse set co0 link up"
			expect 0 "$at vduse -d show co0" 'link up'
			expect 0 "$at vduse stats co0" 'tx vq 1 frames'
		done
		ip netns exec away vduse monitor virtio initial >/tmp/m & watcher=$!
		seen /tmp/m 'start\] co0'
		need 0 'vduse set co0 link down'
		seen /tmp/m 'link\] co0 down'
		kill $watcher
		ended 0 $watcher
		ip netns del away
		device stop co0
		device destroy co0
		nothing_left
	SCRIPT
}

# Two waves of it: what the first one makes the server's memory grow by is what the heap keeps,
# and pages that a frame had not touched before; what the second one adds to it, a leak. The
# least that malloc gives is 32 bytes: a leak of each connection is twice the limit at least.
@test "control socket: whatever is done to it, every frame is delivered, who behaves is answered, and nothing stays" {
	in_guest <<-'SCRIPT' >&3
		bring_up cp0
		server=$(server_of cp0)
		carries frames "$interface" count 200
		open_files() { ls "/proc/$server/fd" | wc -l; }
		before=$(open_files) memory=()
		for wave in first second; do
			pester cp0 >/tmp/pester 2>&1 & pester=$!
			for i in 1 2 3; do
				expect 0 'vduse --timeout 60 -j -s show cp0' '"counters":\{'
				carries frames "$interface" count 1000
				answers 'sent == 1000' 'received == 1000' 'lost == 0'
				# something to be told to those who follow and do not read
				expect 0 'vduse --timeout 60 set cp0 link down'
				expect 0 'vduse --timeout 60 set cp0 link up'
				wait_until 60 eval '[ "$(read_value "/sys/class/net/$interface/operstate")" = up ]'
			done
			kill $pester
			wait $pester || complain "somebody gave up: $(</tmp/pester)"
			echo "# $(</tmp/pester)"
			# nothing of it stays
			wait_until 60 eval '[ "$(open_files)" = '"$before"' ]' || complain "$before files were open, now $(open_files)"
			memory+=("$(memory_of $server)")
		done
		answer=$(</tmp/pester)
		connections=$(($(field followed) + $(field garbage) + $(field knocked) + $(field lingered)))
		echo "# $connections connections in the $wave wave, memory after each: ${memory[*]} kB"
		[ $((memory[1] - memory[0])) -lt $((connections * 16 / 1024)) ] ||
			complain "$connections connections took $((memory[1] - memory[0])) kB with them"
		vduse monitor virtio name cp0 initial >/tmp/m & watcher=$!
		seen /tmp/m 'vq\] cp0 index 1'
		kill $watcher
		ended 0 $watcher
		[ "$(server_of cp0)" = "$server" ] || complain 'the server is another one'
		undo cp0
		nothing_left
	SCRIPT
}

@test "control socket: followed and idle, neither the monitor nor the servers run at all" {
	in_guest <<-'SCRIPT'
		device create mark
		for name in ci0 ci1 ci2; do
			bring_up $name
		done
		watch /tmp/m -j
		seen /tmp/m '"vq","name":"ci2","index":1'
		sleeps 3 $watcher $(server_of ci0) $(server_of ci1) $(server_of ci2)
		need 0 'vduse set ci1 link down'
		seen /tmp/m '"link","name":"ci1"'
		kill $watcher
		ended 0 $watcher
		undo ci0 ci1 ci2
		device destroy mark
		nothing_left
	SCRIPT
}
