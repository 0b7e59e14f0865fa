# SPDX-License-Identifier: GPL-2.0-or-later
#
# The device under a driver that breaks rules, on the real kernel, by way of vhost-vdpa: the
# deeds are in guest/hostile_deeds.h, one or more a case, in split and packed rings, in the
# virtqueue that receives and in the one that sends. After each, the virtqueue is stopped for
# the reason that is due, counted once and reported, or goes on where nothing is wrong; the
# process is the one that it was, answers and sleeps; and after a reset frames pass.

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

@test "ring-1 to ring-7 hostile driver: sizes, areas and positions that cannot be" {
	hostile_run cases ring-1,ring-2,ring-3,ring-4,ring-5,ring-6,ring-7
}

@test "ring-8 to ring-22 hostile driver: indices, heads, chains, flags and lengths" {
	hostile_run cases ring-8,ring-9,ring-10,ring-11,ring-12,ring-13,ring-14,ring-15,ring-16,ring-17,ring-18,ring-19,ring-20,ring-21,ring-22
}

@test "ring-23 to ring-30 hostile driver: flags, laps and ids of packed rings" {
	hostile_run cases ring-23,ring-24,ring-25,ring-26,ring-27,ring-28,ring-29,ring-30
}

@test "ring-31 to ring-39 hostile driver: indirect tables" {
	hostile_run cases ring-31,ring-32,ring-33,ring-34,ring-35,ring-36,ring-37,ring-38,ring-39
}

@test "iova-40 iova-41 iova-43 iova-44 iova-47 hostile driver: memory that is not mapped, not so, or in many pieces" {
	hostile_run cases iova-40,iova-41,iova-43,iova-44,iova-47
}

@test "iova-42 hostile driver: memory is taken back while frames are on their way" {
	hostile_run cases iova-42
}

@test "iova-45 hostile driver: the file behind buffers, rings and tables is cut short" {
	hostile_run cases iova-45
}

@test "ctl-60 ctl-61 hostile driver: resets in the middle of work, statuses that nobody comes to, kicks without end" {
	hostile_run cases ctl-60,ctl-61,kicks
}

@test "ring-17 ring-24 ring-39 hostile driver: a storm of random writes to the rings while the device works" {
	# SEED=N: the same again
	hostile_run storm 30 seed "${SEED:-$RANDOM}"
}

@test "every case of the hostile driver is run" {
	run cases_of
	for name in "${lines[@]}"; do
		grep -qE "^\s*hostile_run cases ([a-z0-9,-]*,)?$name(,|\$)" "$BATS_TEST_FILENAME" || fail "$name is not"
	done
}
