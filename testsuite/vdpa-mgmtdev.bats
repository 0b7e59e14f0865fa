# SPDX-License-Identifier: GPL-2.0-or-later
#
# vdpa mgmtdev: the managers, of which a machine without hardware has vduse.

load common
load device

@test "mgmtdev show: the manager vduse, in text, JSON, by name and by every abbreviation" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		expect 0 'vdpa mgmtdev show' '^vduse: ?\n +supported_classes net block ?\n'
		text=$out
		for line in 'mgmtdev list' 'mgmtdev show vduse' 'mgmtdev list vduse' 'm s' 'mgmt sho' 'm l vduse' '-p mgmtdev show'; do
			expect 0 "vdpa $line"
			[ "$out" = "$text" ] || complain "vdpa $line differs: $out"
		done
		expect 0 'vdpa -j mgmtdev show'
		printf %s "$out"
		expect 0 'vdpa -j mgmtdev show vduse'
		printf %s "$out"
		expect 0 'vdpa -jp m s'
		printf %s "$out"
	SCRIPT
	jq -es 'length == 3 and .[0] == .[1] and .[1] == .[2] and (.[0] | keys == ["mgmtdev"]) and
		(.[0].mgmtdev | keys == ["vduse"]) and .[0].mgmtdev.vduse.supported_classes == ["net", "block"] and
		.[0].mgmtdev.vduse.max_supported_vqs == 0' "$BATS_TEST_TMPDIR/json" || { cat "$BATS_TEST_TMPDIR/json"; false; }
}

@test "mgmtdev show: another manager is 3, other words are 2" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		json_rows <<-'ROWS'
			3 vdpa mgmtdev show none                ## none
			3 vdpa mgmtdev show pci/0000:3b:00.2    ## pci/0000:3b:00.2
			2 vdpa mgmtdev show /vduse               ## /vduse
			2 vdpa mgmtdev show vduse/              ## vduse/
			3 vdpa mgmtdev show x/vduse             ## x/vduse
			2 vdpa mgmtdev show a/b/c               ## a/b/c
			2 vdpa mgmtdev show vduse vduse         ## vduse
			2 vdpa mgmtdev add                      ## add
			2 vdpa mgmtdev vduse                    ## vduse
		ROWS
	SCRIPT
	check_json "$BATS_TEST_TMPDIR/json"
}
