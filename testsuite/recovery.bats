# SPDX-License-Identifier: GPL-2.0-or-later
#
# What serves a device is killed, and nothing is lost, doubled or reordered: a worker under its
# supervisor, at random moments and at chosen ones, and both of them.

load common
load device
load traffic
load recovery

@test "proc-69 a worker killed at random under traffic in both directions: nothing lost, doubled or reordered, on both rings and both drivers" {
	in_guest "${SEED:-}" <<-'SCRIPT' >&3
		seed=$1
		for way in 'pair split' 'pair packed' 'vhost_vdpa'; do
			kill_way "$way" 6
		done
		figure_of_kills
	SCRIPT
}

@test "proc-69 a worker killed at chosen instructions of a batch: nothing is lost or doubled, split and packed; without its journal something is" {
	in_guest <<-'SCRIPT' >&3
		for features in +CSUM +RING_PACKED; do
			kill_steps $features 1 6 5
		done
		case='split, forgetting'
		bring_up rs1
		# between the two used indices: where that is, the compiler decides
		for from in 10 20 30 40 50 60 70 0; do
			forgets rs1 kill_step after 10 from $from && break
		done
		answers 'lost + duplicated > 0'
		undo rs1
		case='packed, forgetting'
		bring_up rs2 features +RING_PACKED
		for from in 1 2 3 4 5 6; do
			forgets rs2 kill_step after $from && break
		done
		answers 'lost + duplicated > 0'
		undo rs2
	SCRIPT
}

@test "proc-69 a worker that dies over and over: pauses grow, none while a message waits, each death is reported or counted, and it serves again" {
	in_guest <<-'SCRIPT' >&3
		# one message has many workers, and the machine may be slow
		device create ro0 msg_timeout 300
		vduse loopback ro0 >"$T.ready" 2>"$T.said" &
		wait_until 30 test -s "$T.ready" || broken "$(<"$T.said")"
		service=$(service_of ro0)
		again() { kill_worker $service ro0 && kill_worker $service ro0 count 0; }
		case='dies at its start'
		killed_in start 5 -- again >"$T.out" 2>&1
		echo "$case: $answer"
		answers 'kills == 5'
		least=10
		for pause in $(pauses 1 6); do
			[ $pause -ge $least ] || complain "$case: a pause of $pause ms, expected $least"
			least=$((least * 2))
		done
		[ $least = 320 ] || complain "$case: not all pauses are there"
		# by then a pause would be one of 1.3 and then 2 s, each time
		case='dies of a message'
		killed_in have 12 12 -- device attach ro0 -T 300
		echo "$case: $answer"
		answers 'kills == 12' 'set_status == 12'
		shortest=99999
		for pause in $(pauses 9 12); do
			[ $pause -ge $shortest ] || shortest=$pause
		done
		[ $shortest -lt 1000 ] || complain "$case: there were pauses while a message waited"
		interface=$(interface_of ro0)
		raise "$interface"
		carries frames "$interface" count 50
		undo ro0
		read -r told untold <<<"$(reports_of "$T.said")"
		echo "$told deaths reported, $untold counted"
		[ $((told + untold)) = 18 ] || complain "of 18 deaths $told were reported and $untold counted: $(<"$T.said")"
	SCRIPT
}

@test "proc-69 supervisor and worker killed, and started again by hand: twice in a row, as a pair, with a worker and without, by vduse up" {
	in_guest <<-'SCRIPT'
		case='a pair'
		pair_up rh0 rh1 features +RING_PACKED
		traffic=()
		traffic_begins frames "$left" to "$right" window 16
		traffic_begins frames "$right" to "$left" window 24
		for words in '' '' 'isolation none' '' 'vq_size 128'; do
			nap 0.3
			device kill rh0
			device serve rh0 peer rh1 $words
		done
		nap 0.3
		traffic_ends
		recovered rh0 rh1
		pair_down rh0 rh1
		# what up finds half dead, it brings to life again
		case='up'
		plain_queues
		need 0 'vduse up rh2'
		interface=$(interface_of rh2)
		raise "$interface"
		traffic_begins frames "$interface" window 16
		for round in 1 2; do
			nap 0.3
			device kill rh2
			need 0 'vduse up rh2'
		done
		nap 0.3
		traffic_ends
		need 0 'vduse down rh2'
	SCRIPT
}

@test "proc-70 the journal's file spoiled between a kill and the next start: it begins anew and says so, or goes on; the worker never dies of it" {
	in_guest "${SEED:-$RANDOM}" <<-'SCRIPT' >&3
		RANDOM=$1
		echo "seed $1"
		file=/run/vduse/rj0.journal
		bring_up rj0
		ln -s /etc/passwd "$T.link"
		before=$(cksum /etc/passwd)
		while IFS='|' read -r case spoil; do
			device kill rj0
			eval "$spoil"
			served_again rj0
			# its driver goes on all the same: nothing was on its way
			carries frames "$interface" count 20
			[[ $(<"$T.said") = *'goes on behind what its driver was shown last'* ]] || complain "$case: it said: $(<"$T.said")"
			[ ! -d $file ] || rmdir $file
		done <<-'ROWS'
			removed|rm $file
			empty|: >$file
			short|truncate -s 70000 $file
			version|byte rj0 8 2
			other device|byte rj0 80 77
			readable by others|chmod 0644 $file
			owner|chown nobody $file
			symbolic link|mv -f "$T.link" $file
			hard link|ln $file $file.2
			fifo|rm $file; mkfifo $file
			folder|rm $file; mkdir $file
			zeroes|dd if=/dev/zero of=$file bs=4096 seek=16 count=20 conv=notrunc status=none
		ROWS
		rm -f $file.2
		[ "$(cksum /etc/passwd)" = "$before" ] || complain 'what the link led to was written'
		# anything in the content: the process lives, and the next driver is served
		random_bytes rj0 1
		device detach rj0
		device stop rj0
		device destroy rj0
	SCRIPT
}
