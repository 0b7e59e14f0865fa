# SPDX-License-Identifier: GPL-2.0-or-later
#
# vduse up and down, killed and all at once, more often than make check does.

load ../common
load ../device
load ../up

@test "killed at random moments: 100 rounds of up, SIGKILL, down with nothing left behind" {
	GUEST_TIMEOUT=900 in_guest <<<"SEED=${SEED:-$RANDOM}; echo \"seed \$SEED\" >&2; kill_rounds 100"
}

@test "up and down of one name at a time: 30 rounds" {
	GUEST_TIMEOUT=900 in_guest <<<'race_rounds 30'
}
