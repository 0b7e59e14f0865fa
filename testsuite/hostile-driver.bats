# SPDX-License-Identifier: GPL-2.0-or-later
#
# The device under a driver that breaks rules, on the real kernel, by way of vhost-vdpa: the
# deeds are in guest/hostile_deeds.h, one or more a case, in split and packed rings, here in one
# of the two virtqueues (slow/hostile.bats: in both). After each, the virtqueue is stopped for
# the reason that is due, counted once and reported, or goes on where nothing is wrong; nothing
# else was written to; the process is the one that it was, answers and sleeps; and after a
# reset frames pass.

load common
load device
load traffic
load monitor
load hostile

# Its names are the cases'.
cases_of()
{
	sed -nE 's/^\t\{ "([a-z]+-?[0-9]*)", .*/\1/p' "$testsuite/guest/hostile_deeds.h" | sort -u
}

@test "ring-1 to ring-22 hostile driver: sizes, areas, positions, indices, heads, chains, flags and lengths" {
	hostile_run half 1 cases ring-1,ring-2,ring-3,ring-4,ring-5,ring-6,ring-7,ring-8,ring-9,ring-10,ring-11,ring-12,ring-13,ring-14,ring-15,ring-16,ring-17,ring-18,ring-19,ring-20,ring-21,ring-22
}

@test "ring-23 to ring-39 hostile driver: packed rings, and indirect tables" {
	hostile_run half 1 cases ring-23,ring-24,ring-25,ring-26,ring-27,ring-28,ring-29,ring-30,ring-31,ring-32,ring-33,ring-34,ring-35,ring-36,ring-37,ring-38,ring-39
}

@test "iova-40 to iova-47 hostile driver: memory that is not there, not so, in pieces, taken back or cut while in use" {
	hostile_run half 1 cases iova-40,iova-41,iova-42,iova-43,iova-44,iova-45,iova-47
}

@test "ctl-60 ctl-61 hostile driver: resets in the middle of work, statuses that nobody comes to, kicks without end" {
	hostile_run half 1 cases ctl-60,ctl-61,kicks
}

@test "ring-17 ring-24 ring-39 hostile driver: a storm of random writes to the rings while the device works" {
	# SEED=N: the same again
	hostile_run storm 20 seed "${SEED:-$RANDOM}"
}

@test "every case of the hostile driver is run" {
	run cases_of
	[ "${#lines[@]}" -gt 40 ]
	for name in "${lines[@]}"; do
		grep -qE "^\s*hostile_run half 1 cases ([a-z0-9,-]*,)?$name(,|\$)" "$BATS_TEST_FILENAME" || fail "$name is not"
	done
}
