# SPDX-License-Identifier: GPL-2.0-or-later
#
# What docs/hostile-device.md says of the one deed that stops the kernel. The guest is lost by
# it, so it is one of this test's own, in a cache folder of its own, which has its own lock.

load ../common
load ../device
load ../traffic
load ../hostile

# lost FLAGS: a device that writes FLAGS into each descriptor of its receiving virtqueue, and
# then gives back one buffer; and what the commands say after it. One line each.
lost()
{
	local cache=${VDUSE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vduse-tools} script

	[ ! -e "$VM_DIR/host" ] || skip "these need a guest, and HOST=1 has none"
	mkdir "$BATS_TEST_TMPDIR/cache"
	ln -s "$cache"/kernel-* "$cache"/root-*.squashfs "$cache"/headers-* "$cache"/vdpa_test-* "$BATS_TEST_TMPDIR/cache/"
	script=$(
		declare -f "${guest_functions[@]}"
		cat <<-'SCRIPT'
			# row LINE: how it ends, and with what sentence
			row()
			{
				run_line "timeout -s KILL 60 $1"
				echo "$1: $status ${err//$'\n'/ }"
			}
			# busy: a processor does nothing but soft interrupts, now and three seconds later
			busy()
			{
				local before after

				mapfile -t before < <(awk '/^cpu[0-9]/ { print $8, $2 + $4 + $5 }' /proc/stat)
				nap 3
				mapfile -t after < <(awk '/^cpu[0-9]/ { print $8, $2 + $4 + $5 }' /proc/stat)
				for i in "${!before[@]}"; do
					[ $((${after[i]% *} - ${before[i]% *})) -gt 200 ] &&
						[ "${after[i]#* }" = "${before[i]#* }" ] && return
				done
				return 1
			}
			begin
			hostile_device bd0 net flags "$1" >"$T.device" 2>&1 & server=$!
			wait_until 5 grep -q ^ready "$T.device" || broken "no device: $(<"$T.device")"
			need 0 'vdpa -T 40 dev add name bd0 mgmtdev vduse driver virtio_vdpa'
			plain_queues
			interface=$(interface_of bd0)
			raise "$interface"
			wait_until 1 all_back || broken "no frames: $answer"
			kill -USR1 $server
			timeout -s KILL 60 frames "$interface" sizes 60 count 20 timeout 100 >/dev/null 2>&1 &
			wait_until 1 grep -q ^done "$T.device" || broken "not done: $(<"$T.device")"
			if wait_until 1 busy; then echo busy; else echo idle; fi
			row 'vdpa -T 5 dev show bd0'
			row 'vdpa -T 5 dev config show bd0'
			row 'vduse -T 5 -d show bd0'
			row 'vdpa -T 5 dev del bd0'
			row 'vdpa -T 5 dev add name other mgmtdev vduse'
			kill -KILL $server
			wait $server 2>/dev/null
			row 'vduse -T 5 destroy bd0'
			dmesg | grep -c 'vduse_domain_bounce' | sed 's/^/warnings: /'
			exit 0
		SCRIPT
	)
	VDUSE_TOOLS_CACHE=$BATS_TEST_TMPDIR/cache VM_OWNER='' VM_TIMEOUT=300 \
		run --separate-stderr "$testsuite/vm/run" bash -c "$script" lost "$1" </dev/null
}

# told: the output of lost, against lines that are regular expressions
told()
{
	local i expected

	mapfile -t expected
	[ "${#lines[@]}" = "${#expected[@]}" ]
	for i in "${!expected[@]}"; do
		[[ ${lines[i]} =~ ^${expected[i]}$ ]] || fail "not ${expected[i]}: ${lines[i]}"
	done
}

@test "hostile device: NEXT in the flags of the descriptor table takes a processor from this kernel, and every command ends" {
	lost 1
	told <<-'LINES'
		busy
		vdpa -T 5 dev show bd0: 0 ?
		vdpa -T 5 dev config show bd0: 0 ?
		vduse -T 5 -d show bd0: 0 ?
		vdpa -T 5 dev del bd0: 6 .*: bd0: no answer within 5 s, the kernel may still carry it out.*
		vdpa -T 5 dev add name other mgmtdev vduse: 6 .*: other: no answer within 5 s, the kernel may still carry it out.*
		vduse -T 5 destroy bd0: 5 .*: bd0: the kernel still deletes its vDPA device.*
		warnings: [1-9][0-9]*
	LINES
}

@test "hostile device: other flags there take none" {
	lost 2
	told <<-'LINES'
		idle
		vdpa -T 5 dev show bd0: 0 ?
		vdpa -T 5 dev config show bd0: 0 ?
		vduse -T 5 -d show bd0: 0 ?
		vdpa -T 5 dev del bd0: 0 ?
		vdpa -T 5 dev add name other mgmtdev vduse: 3 .*: other: there is no VDUSE device of this name.*
		vduse -T 5 destroy bd0: 0 ?
		warnings: 0
	LINES
}
