# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa dev config show: the configuration that the driver sees.

load common
load device

@test "config show: what create was told, link and negotiated features; all devices or one" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		for line in 'dev config show' 'dev config' 'd c s' 'dev conf'; do
			run_line "vdpa $line"
			[ "$status$out$err" = 0 ] || complain "vdpa $line: status $status, out: $out, err: $err"
		done
		expect 0 'vdpa -j dev config show' '^\{"config":\{\}\}'
		device create c0 mac 52:54:00:aa:bb:c0 mtu 1280
		device create c1 mac 52:54:00:aa:bb:c1
		device create c2 mtu 9000
		for name in c0 c1 c2; do
			device serve $name
		done
		expect 3 'vdpa dev config show c0' c0
		device attach c0
		device attach c1
		device attach c2 driver vhost_vdpa
		expect 0 'vdpa -j dev config show'
		printf %s "$out"
		expect 0 'vdpa -j dev config show c0'
		printf %s "$out"
		expect 0 'vdpa -jp dev config'
		printf %s "$out"
		expect 0 'vdpa dev config show' '^c0: mac 52:54:00:aa:bb:c0 .*\nc1: mac'
		all=$out
		for line in 'dev config' 'd c s' 'dev c show'; do
			expect 0 "vdpa $line"
			[ "$out" = "$all" ] || complain "vdpa $line differs: $out"
		done
		expect 0 'vdpa dev config show c0' '^c0: mac 52:54:00:aa:bb:c0 link up link_announce false mtu 1280 ?\n  negotiated_features .*CSUM'
		[[ $all = *"$out"* ]] || complain "config show c0 is not in config show: $out"
		[[ $out != *c1* ]] || complain "config show c0 has c1: $out"
		rows <<-'ROWS'
			3 vdpa dev config show none               ## none
			2 vdpa dev config show c0 c1              ## c1
			2 vdpa dev config list                    ## list
			2 vdpa dev config set c0                  ## set
		ROWS
		undo c0 c1 c2
		nothing_left
	SCRIPT
	jq -es '.[0] == .[2] and .[0].config.c0 == .[1].config.c0 and (.[1].config | keys == ["c0"]) and
		(.[0].config | keys == ["c0", "c1", "c2"]) and
		(.[0].config.c0 | .mac == "52:54:00:aa:bb:c0" and .mtu == 1280 and .link == "up" and ."link " == "up" and
		.link_announce == false and ."link_announce " == false and (.negotiated_features | index("CSUM")) and
		(keys - ["link", "link ", "link_announce", "link_announce ", "mac", "mtu", "max_vq_pairs", "negotiated_features",
		"dev_features"] == [])) and
		.[0].config.c1.mac == "52:54:00:aa:bb:c1" and
		(.[0].config.c2 | has("negotiated_features") | not)' "$BATS_TEST_TMPDIR/json" ||
		{ cat "$BATS_TEST_TMPDIR/json"; false; }
}
