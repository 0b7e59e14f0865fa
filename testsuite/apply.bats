# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse apply on the real kernel: what a file lists is what there is afterwards, with no more
# done than that takes, and what cannot be done leaves things as they were. What a file may
# say is in unit/test_apply_file.c.

load common
load device

guest_functions+=(apply was)

# apply 'ENTRY, ENTRY' [WORD]...: status, out and err of that file, given by its entries.
apply()
{
	printf '{"version": 1, "devices": [%s]}' "$1" >"$T.json"
	shift
	run_line "vduse -j apply $T.json $*"
	rm -f "$T.json"
	[ -z "$out" ] || printf 'vduse apply\t%s\n' "${out%$'\n'}"
}

# was WHAT STATUS RECORDS: that is what it said.
was()
{
	[ "$status" = "$2" ] || complain "$1: status $status, expected $2: $err"
	[ "$out" = "{\"apply\":{$3}}"$'\n' ] || complain "$1: $out"
	[ "$2" != 0 ] || [ -z "$err" ] || complain "$1: $err"
}

@test "apply: makes, changes in place, replaces and ends; a second time there is nothing to do, and a dry run does nothing" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/answers"
		one='{"name": "ap0", "mac": "02:00:00:00:00:10"}, {"name": "ap1", "driver": "vhost_vdpa"}, {"name": "ap2", "peer": {"name": "ap3"}}'
		apply "$one" --dry-run
		was 'dry run' 0 '"ap0":{"action":"create","result":"planned"},"ap1":{"action":"create","result":"planned"},"ap2":{"action":"create","peer":"ap3","result":"planned"}'
		expect 0 'vduse -j show' '^\{"vduse":\{\}\}\n$'
		nothing_left ap
		apply "$one"
		was 'from nothing' 0 '"ap0":{"action":"create","result":"done"},"ap1":{"action":"create","result":"done"},"ap2":{"action":"create","peer":"ap3","result":"done"}'
		[ "$(driver_of ap0) $(driver_of ap1) $(driver_of ap2) $(driver_of ap3)" = 'virtio_vdpa vhost_vdpa virtio_vdpa virtio_vdpa' ] ||
			complain "drivers: $(driver_of ap0) $(driver_of ap1) $(driver_of ap2) $(driver_of ap3)"
		[ "$(read_value "/sys/class/net/$(interface_of ap0)/address")" = 02:00:00:00:00:10 ] || complain 'ap0 has another address'
		pids="$(service_of ap0) $(service_of ap1) $(service_of ap2)"
		apply "$one"
		was 'a second time' 0 '"ap0":{"action":"nothing","result":"done"},"ap1":{"action":"nothing","result":"done"},"ap2":{"action":"nothing","peer":"ap3","result":"done"}'
		expect 0 "vduse up ap0 mac 02:00:00:00:00:10"
		# what can change does, and the devices stay
		two='{"name": "ap0", "mac": "02:00:00:00:00:10", "msg_timeout": 10, "link": "down"}, {"name": "ap1"}, {"name": "ap2", "peer": {"name": "ap3", "link": "down", "msg_timeout": 20}}'
		apply "$two" dry_run
		[ "$(read_value /sys/class/vduse/ap0/msg_timeout) $(driver_of ap1)" = '30 vhost_vdpa' ] || complain 'a dry run changed something'
		apply "$two"
		was 'changes' 0 '"ap0":{"action":"change","result":"done","reasons":["msg_timeout default, not msg_timeout 10","link up, not down"]},"ap1":{"action":"change","result":"done","reasons":["driver vhost_vdpa, not driver virtio_vdpa"]},"ap2":{"action":"change","peer":"ap3","result":"done","reasons":["peer'\''s msg_timeout default, not peer'\''s msg_timeout 20","peer'\''s link up, not down"]}'
		[ "$(read_value /sys/class/vduse/ap0/msg_timeout) $(read_value /sys/class/vduse/ap3/msg_timeout) $(driver_of ap1)" = '10 20 virtio_vdpa' ] ||
			complain 'it was not changed'
		expect 0 'vduse -d show ap0' ' link down'
		expect 0 'vduse -d show ap3' ' link down'
		[ "$(service_of ap0) $(service_of ap1) $(service_of ap2)" = "$pids" ] || complain 'a change started another process'
		apply "$two"
		was 'changes, a second time' 0 '"ap0":{"action":"nothing","result":"done"},"ap1":{"action":"nothing","result":"done"},"ap2":{"action":"nothing","peer":"ap3","result":"done"}'
		expect 0 'vduse up ap1'
		# what was said once and no more is the default; what was not said stays
		apply '{"name": "ap0", "mac": "02:00:00:00:00:10"}'
		was 'the default' 0 '"ap0":{"action":"change","result":"done","reasons":["msg_timeout 10, not msg_timeout default"]}'
		[ "$(read_value /sys/class/vduse/ap0/msg_timeout)" = 30 ] || complain 'msg_timeout is not the default'
		expect 0 'vduse -d show ap0' ' link down'
		# what cannot change is replaced
		three='{"name": "ap1", "state": "absent"}, {"name": "ap3", "state": "absent"}, {"name": "ap0", "mac": "02:00:00:00:00:10", "mtu": 1400}, {"name": "ap2", "state": "absent"}'
		apply "$three" --dry-run
		was 'dry run' 0 '"ap1":{"action":"destroy","result":"planned"},"ap3":{"action":"destroy","result":"planned","reasons":["with ap2"]},"ap0":{"action":"replace","result":"planned","reasons":["mtu 1500, not mtu 1400"]},"ap2":{"action":"destroy","result":"planned","reasons":["with ap3"]}'
		[ "$(service_of ap0) $(service_of ap1) $(service_of ap2)" = "$pids" ] || complain 'a dry run ended a process'
		apply "$three"
		was 'replaced' 0 '"ap1":{"action":"destroy","result":"done"},"ap3":{"action":"destroy","result":"done","reasons":["with ap2"]},"ap0":{"action":"replace","result":"done","reasons":["mtu 1500, not mtu 1400"]},"ap2":{"action":"nothing","result":"done"}'
		[ "$(read_value "/sys/class/net/$(interface_of ap0)/mtu")" = 1400 ] || complain 'ap0 has another mtu'
		for name in ap1 ap2 ap3; do nothing_left $name; done
		apply "$three"
		was 'replaced, a second time' 0 '"ap1":{"action":"nothing","result":"done"},"ap3":{"action":"nothing","result":"done"},"ap0":{"action":"nothing","result":"done"},"ap2":{"action":"nothing","result":"done"}'
		apply ''
		was 'nothing listed' 0 ''
		expect 0 'vduse show ap0' 'served true'
		expect 0 'vduse down ap0'
		expect 0 "vduse apply - --dry-run <<<'{\"version\": 1, \"devices\": [{\"name\": \"ap0\"}, {\"name\": \"ap1\", \"state\": \"absent\"}]}'" $'^ap0: create\nap1: nothing to do\n$'
	SCRIPT
	"$testsuite/check-answers" --unseen '^(?!vduse apply)|error' "$testsuite/../schema" "$BATS_TEST_TMPDIR/answers"
}

@test "apply: what came otherwise since then is put right; what fails is put back, and the others go on" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/answers"
		trap 'rm -f "$T".held' EXIT
		all='{"name": "aq0"}, {"name": "aq1", "driver": "vhost_vdpa"}, {"name": "aq2", "peer": {"name": "aq3"}}'
		apply "$all"
		[ "$status" = 0 ] || broken "apply: $err"
		expect 0 'vdpa dev bind aq0 driver vhost_vdpa'
		expect 0 'vdpa dev del aq2'
		device kill aq1
		apply "$all"
		was 'put right' 0 '"aq0":{"action":"change","result":"done","reasons":["driver vhost_vdpa, not virtio_vdpa"]},"aq1":{"action":"change","result":"done","reasons":["device is not served"]},"aq2":{"action":"change","peer":"aq3","result":"done","reasons":["device is not attached"]}'
		apply "$all"
		was 'put right, a second time' 0 '"aq0":{"action":"nothing","result":"done"},"aq1":{"action":"nothing","result":"done"},"aq2":{"action":"nothing","peer":"aq3","result":"done"}'
		# one cannot be made: it is what it was, and the others are made; the first that failed has the status
		device create fo0
		apply '{"name": "aq0", "mtu": 1400, "pcap": "/nowhere/at/all"}, {"name": "aq4"}, {"name": "aq5", "pcap": "/nowhere/at/all"}, {"name": "fo0"}, {"name": "aq2"}, {"name": "aq3", "state": "absent"}'
		[ "$status" = 3 ] || complain "status $status, expected 3: $err"
		[[ $out = '{"apply":{"aq0":{"action":"replace","result":"failed","reasons":["mtu 1500, not mtu 1400","no pcap, not pcap /nowhere/at/all"],"error":{'*'put back"}},"aq4":{"action":"create","result":"done"},"aq5":{"action":"create","result":"failed","error":{'*'},"fo0":{"action":"refuse","result":"failed","error":{"object":"fo0","status":5,'*'},"aq2":{"action":"replace","result":"done","reasons":["peer aq3, not no peer"]},"aq3":{"action":"nothing","result":"done"}}}'$'\n' ]] ||
			complain "it says: $out"
		[[ $err = *'{"warning":{"command":"vduse apply","object":"fo0",'*'{"error":{"command":"vduse apply","object":"aq0","status":3,'* ]] || complain "it says: $err"
		expect 0 'vduse up aq0'
		[ "$(read_value "/sys/class/net/$(interface_of aq0)/mtu")" = 1500 ] || complain 'aq0 is not what it was'
		nothing_left aq3
		nothing_left aq5
		device destroy fo0
		# a driver that cannot be bound; the words of before stand there again
		echo virtio_vdpa >/sys/bus/vdpa/devices/aq0/driver_override
		apply '{"name": "aq0", "driver": "vhost_vdpa", "msg_timeout": 9}'
		[[ $status = 5 && $out = *'"action":"change","result":"failed"'*'driver_override'*'put back'* ]] || complain "status $status: $out"
		echo >/sys/bus/vdpa/devices/aq0/driver_override
		[ "$(read_value /sys/class/vduse/aq0/msg_timeout) $(driver_of aq0)" = '30 virtio_vdpa' ] || complain 'aq0 was changed'
		expect 0 'vduse up aq0'
		# somebody has the node, a disk or the other of a pair: that is said beforehand
		for node in /sys/bus/vdpa/devices/aq1/vhost-vdpa-*; do node=/dev/${node##*/}; done
		sleep 1000 <>"$node" & holder=$!
		wait_until 10 eval '[ "/proc/$holder/fd/0" -ef "$node" ]' || complain 'nobody holds the node'
		for entry in '{"name": "aq1"}' '{"name": "aq1", "driver": "vhost_vdpa", "mtu": 1400}' '{"name": "aq1", "state": "absent"}'; do
			for word in dry_run ''; do
				apply "$entry" $word
				[[ $status = 5 && $out = *'"aq1":{"action":"refuse","result":"failed",'*sleep* ]] || complain "$entry $word: status $status: $out"
			done
		done
		kill $holder
		wait $holder 2>/dev/null
		apply "$all"
		[[ $status = 0 && $out = *'"aq1":{"action":"nothing",'*'"aq2":{"action":"replace","peer":"aq3","result":"done","reasons":["no peer, not peer aq3"]}'* ]] || complain "status $status: $out"
		for entry in '{"name": "aq2"}' '{"name": "aq3", "state": "absent"}' '{"name": "aq2", "state": "absent"}, {"name": "aq4"}'; do
			apply "$entry"
			[[ $status = 5 && $out = *'"action":"refuse"'*'is a pair with aq'* ]] || complain "$entry: status $status: $out"
		done
		expect 0 'vduse up aq2 peer aq3'
		# wrong further down: nothing at all is done
		apply '{"name": "aq6"}, {"name": "aq7", "mtu": 1}'
		[[ $status = 2 && $out = $'{"apply":{}}\n' && $err = *'$.devices[1].mtu'* ]] || complain "status $status: $out$err"
		nothing_left aq6
		apply '{"name": "aq0", "state": "absent"}, {"name": "aq1", "state": "absent"}, {"name": "aq2", "state": "absent"}, {"name": "aq3", "state": "absent"}, {"name": "aq4", "state": "absent"}'
		[ "$status" = 0 ] || complain "status $status: $err"
		nothing_left aq
	SCRIPT
	"$testsuite/check-answers" --unseen '^(?!vduse apply)' "$testsuite/../schema" "$BATS_TEST_TMPDIR/answers"
}

@test "apply: killed, interrupted or out of time in the middle, the same once more brings the machine there" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/answers"
		old='{"name": "ar0"}, {"name": "ar1", "peer": {"name": "ar2"}}'
		new='{"name": "ar0", "mtu": 1400, "driver": "vhost_vdpa"}, {"name": "ar1", "msg_timeout": 9, "peer": {"name": "ar2", "mtu": 1400}}'
		nothing='"ar0":{"action":"nothing","result":"done"},"ar1":{"action":"nothing","peer":"ar2","result":"done"}'
		there() # CASE: the same once more, and once more
		{
			apply "$new"
			[ "$status" = 0 ] || complain "$1: once more: status $status: $out$err"
			apply "$new"
			was "$1: and again" 0 "$nothing"
			[ "$(driver_of ar0) $(read_value /sys/class/vduse/ar1/msg_timeout)" = 'vhost_vdpa 9' ] || complain "$1: ar0 or ar1 is another one"
			[ "$(read_value "/sys/class/net/$(interface_of ar2)/mtu")" = 1400 ] || complain "$1: ar2 is another one"
		}
		# a process that a killed command began may go on for a moment; it has this file then
		at_rest() { for fd in /proc/[0-9]*/fd/*; do [ ! "$fd" -ef /run/vduse/.up ] || return; done; }
		# a moment that was over before it was seen is as good as another: what holds does so for all
		cut() # SIGNAL MOMENT
		{
			apply "$old"
			[ "$status" = 0 ] || broken "apply: $out$err"
			# a shell has its background ignore SIGINT
			env --default-signal vduse apply "$T.new.json" >/dev/null 2>&1 & pid=$!
			wait_until 30 eval "$2 || ended_all $pid" || broken "$2: it comes neither there nor to an end"
			kill -$1 $pid 2>/dev/null
			wait_until 30 ended_all $pid || broken "SIG$1, $2: it does not end"
			wait $pid 2>/dev/null
			wait_until 30 at_rest || broken "SIG$1, $2: something of it goes on"
			there "SIG$1, $2"
		}
		printf '{"version": 1, "devices": [%s]}' "$new" >"$T.new.json"
		trap 'rm -f "$T".new.json "$T".before' EXIT
		cut KILL '! attached ar0'
		cut TERM '[ ! -e /sys/class/vduse/ar0 ]'
		cut KILL '[ "$(driver_of ar0)" = vhost_vdpa ]'
		cut INT '[ ! -e /sys/class/vduse/ar2 ]'
		cut KILL 'grep -q 1400 /run/vduse/ar2.up 2>/dev/null'
		# between the two files of a pair
		cat /run/vduse/ar2.up >"$T.before"
		apply "${new/9/8}"
		[ "$status" = 0 ] || complain "msg_timeout 8: $out$err"
		cat "$T.before" >/run/vduse/ar2.up
		apply "${new/9/8}"
		was 'one file of a pair is of before' 0 "$nothing"
		# a device process that does not answer
		kill -STOP "$(server_of ar1)"
		run_line "vduse -j -T 2 apply $T.new.json"
		printf 'vduse apply\t%s\n' "${out%$'\n'}"
		[[ $status = 6 && $out = *'"ar1":{'*'"result":"'@(failed|not_tried)'"'* ]] || complain "stopped: status $status: $out$err"
		kill -CONT "$(server_of ar1)"
		there 'out of time'
		apply '{"name": "ar0", "state": "absent"}, {"name": "ar1", "state": "absent"}, {"name": "ar2", "state": "absent"}'
		[ "$status" = 0 ] || complain "absent: $out$err"
		nothing_left ar
	SCRIPT
	"$testsuite/check-answers" --unseen '^(?!vduse apply)|error' "$testsuite/../schema" "$BATS_TEST_TMPDIR/answers"
}
