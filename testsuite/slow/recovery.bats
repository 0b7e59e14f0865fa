# SPDX-License-Identifier: GPL-2.0-or-later
#
# "make recovery": what recovery.bats does, KILLS times in all (200), and at more instructions of a
# batch. SEED=N: the moments of another run.

load ../common
load ../device
load ../traffic
load ../recovery

@test "recovery: a worker killed at random under traffic in both directions, on every kind of ring and driver" {
	set -o pipefail
	GUEST_TIMEOUT=3000 in_guest "${SEED:-}" "${KILLS:-200}" <<-'SCRIPT' | tee "$BATS_TEST_TMPDIR/said" >&3
		seed=$1
		for way in 'pair split' 'pair packed' 'loopback split' 'loopback packed' 'vhost_vdpa'; do
			kill_way "$way" $(($2 / 5))
		done
		figure_of_kills
	SCRIPT
	# for make figures
	mkdir -p "$VT_BUILD/figures"
	sed -n 's/^figure recovery: //p' "$BATS_TEST_TMPDIR/said" >"$VT_BUILD/figures/recovery"
}

@test "recovery: the control: the same with the journal emptied after each kill loses frames" {
	in_guest <<-'SCRIPT' >&3
		case='forgetting'
		bring_up rf0 features +RING_PACKED
		forgets rf0 kill_worker count 3 || complain 'nothing was lost, nothing doubled'
		undo rf0
	SCRIPT
}

@test "recovery: a worker killed at 60 instructions of a batch, in each ring format" {
	GUEST_TIMEOUT=3000 in_guest <<-'SCRIPT' >&3
		for features in +CSUM +RING_PACKED; do
			kill_steps $features 20 40
		done
	SCRIPT
}

@test "recovery: a worker killed in the middle of each control message: before it is read, after that, before its answer and after it" {
	in_guest <<-'SCRIPT' >&3
		life()
		{
			device attach rm0
			interface=$(interface_of rm0) || broken "$case: no interface"
			raise "$interface"
			carries frames "$interface" count 50
			device detach rm0
		}
		both_lives()
		{
			life
			device attach rm0 driver vhost_vdpa
			carries vhost_driver "$(node_of rm0)" count 50
			device detach rm0
		}
		device create rm0
		device serve rm0
		service=$(service_of rm0)
		for case in read 'done'; do
			killed_in $case -- life
			echo "$case: $answer"
			answers 'set_status > 5'
		done
		for case in have answered; do
			killed_in $case -- both_lives
			echo "$case: $answer"
			answers 'set_status > 10' 'get_vq_state > 0' 'update_iotlb > 0'
		done
		device stop rm0
		device destroy rm0
	SCRIPT
}

@test "recovery: random bytes in the journal of a service that was killed" {
	GUEST_TIMEOUT=3000 in_guest "${SEED:-$RANDOM}" <<-'SCRIPT' >&3
		RANDOM=$1
		echo "seed $1"
		bring_up rj0
		random_bytes rj0 20
		undo rj0
	SCRIPT
}
