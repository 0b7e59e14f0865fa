# SPDX-License-Identifier: GPL-2.0-or-later
#
# That the benchmarks in the guest still work: one round, tiny, and every row has its figures.
# No figure is judged.

load ../common
load ../device

@test "bench-vm: works, and prints every row" {
	guest_sh "$(cat "$BATS_TEST_DIRNAME/../bench/vm/run")" 1 5 2>/dev/null >"$BATS_TEST_TMPDIR/table"
	cat "$BATS_TEST_TMPDIR/table"
	[ "$(grep -cE '^(AF_PACKET|pktgen|TCP|round trip).* [0-9.]+ +[0-9.]+ +[0-9.]+' "$BATS_TEST_TMPDIR/table")" = 12 ]
	[ "$(grep -cE '^(idle|resident|flood).* [0-9.]+' "$BATS_TEST_TMPDIR/table")" = 12 ]
}

@test "bench-scale: works, and prints every row" {
	guest_sh "$(cat "$BATS_TEST_DIRNAME/../bench/vm/scale")" 1 4 2>/dev/null >"$BATS_TEST_TMPDIR/table"
	cat "$BATS_TEST_TMPDIR/table"
	[ "$(grep -cE '^ +[14] (each|pairs|all) ( +[0-9.-]+){8}$' "$BATS_TEST_TMPDIR/table")" = 5 ]
	[ "$(grep -cE '^ +[14]   create [0-9]+, attach [0-9]+$' "$BATS_TEST_TMPDIR/table")" = 2 ]
}
