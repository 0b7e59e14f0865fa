# SPDX-License-Identifier: GPL-2.0-or-later
#
# JSON: one valid document a call, of the documented keys, whatever happens;
# errors are objects on standard error.

load common
load device

@test "every command's -j and -jp are one document, equal to one another, compact and pretty" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		both()
		{
			local compact

			expect 0 "${1%% *} -j ${1#* }"
			compact=$out
			[ "$(wc -l <<<"${compact%$'\n'}")" = 1 ] || complain "$1 -j is not one line: $compact"
			expect 0 "${1%% *} -jp ${1#* }"
			[ "$compact" = $'{}\n' ] || [ "$(wc -l <<<"${out%$'\n'}")" -gt 1 ] || complain "$1 -jp is one line: $out"
			[[ $out = *$'\n' ]] || complain "$1 -jp has no newline at its end"
			printf '%s\0' "$1" "$compact" "$out" >&3
		}
		device create j0
		device create j1 type block size 4096
		both 'vduse show'
		device serve j0
		both 'vduse show j0'
		both 'vdpa dev show'
		device attach j0
		for line in 'vduse show' 'vduse -d show' 'vduse -s list j0' 'vdpa mgmtdev show' 'vdpa -d dev show' \
			'vdpa -s dev show j0' 'vdpa dev config show' 'vdpa -d dev config show j0'; do
			both "$line"
		done
		device detach j0
		device attach j0 driver vhost_vdpa
		for line in 'vduse -d show' 'vdpa dev show' 'vdpa dev config show'; do
			both "$line"
		done
		undo j0
		device destroy j1
		nothing_left
	SCRIPT
	local line compact pretty count=0
	while IFS= read -r -d '' line && IFS= read -r -d '' compact && IFS= read -r -d '' pretty; do
		jq -es 'length == 1 and (.[0] | type == "object" and length <= 1)' <<<"$compact" >/dev/null ||
			{ echo "$line -j: $compact"; return 1; }
		[ "$(jq -S . <<<"$compact")" = "$(jq -S . <<<"$pretty")" ] || { echo "$line: $compact is not $pretty"; return 1; }
		# jq keeps the last of two equal keys, so they must be looked for elsewhere
		[ "$(jq -c --stream 'select(length == 2) | .[0]' <<<"$compact" | sort | uniq -d)" = "" ] ||
			{ echo "$line has a key twice: $compact"; return 1; }
		count=$((count + 1))
	done <"$BATS_TEST_TMPDIR/json"
	[ "$count" = 14 ]
}

@test "key sets: what is documented is there, in each state, and nothing else" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		show()
		{
			for line in 'vduse -j show k0' 'vduse -j -d show k0' 'vdpa -j dev show' 'vdpa -j dev config show' 'vdpa -j mgmtdev show'; do
				expect 0 "$line"
				printf %s "$out" >&3
			done
		}
		device create k0
		show
		device serve k0
		show
		device attach k0
		show
		device detach k0
		device attach k0 driver vhost_vdpa
		show
		undo k0
	SCRIPT
	jq -es '
		def only($keys; $more): (keys_unsorted | (($keys - .) == []) and ((. - $keys - $more) == []));
		["type", "vqs", "msg_timeout", "bounce_size", "served", "attached"] as $base |
		["type", "mgmtdev", "vendor_id", "max_vqs", "max_vq_size"] as $dev |
		["mac", "link", "link ", "link_announce", "link_announce ", "mtu", "dev_features"] as $config |
		["vendor", "vq_align", "mac", "mtu", "features", "negotiated_features", "link", "status",
			"regions", "virtqueues"] as $details |
		[$base, $base + ["broken", "process"],
			$base + ["broken", "process", "driver", "netdev", "ifindex"],
			$base + ["broken", "process", "driver", "chardev", "rdev"]] as $vduse |
		. as $all | [range(0; 4) | . as $i | $all[$i * 5: $i * 5 + 5] |
			([(.[0].vduse.k0 | only($vduse[$i]; [])),
			  (.[1].vduse.k0 | only($vduse[$i]; $details)),
			  (if $i < 2 then .[2] == {dev: {}} and .[3] == {config: {}}
			   elif $i == 2 then (.[2].dev.k0 | only($dev + ["driver", "netdev", "ifindex"]; [])) and
				(.[3].config.k0 | only($config + ["negotiated_features"]; []))
			   else (.[2].dev.k0 | only($dev + ["driver", "chardev", "rdev"]; [])) and
				(.[3].config.k0 | only($config; [])) end),
			  (.[4].mgmtdev.vduse | only(["supported_classes", "max_supported_vqs"]; ["dev_features"]))] |
			if all then true else error("state \($i): \(.) in \($all[$i * 5: $i * 5 + 5])") end)] | all' "$BATS_TEST_TMPDIR/json"
}

@test "errors: the object has command, object, status, errno, message, hint; the other stream an empty document" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		one()
		{
			expect "$1" "timeout -s KILL 300 $2"
			printf '%s\n' "$out$err" >&3
		}
		json_mode=1
		device create e0
		one 5 'vduse -j create e0'
		one 2 'vduse create e1 -j mtu 5'
		one 3 'vduse destroy none --json'
		one 3 'vduse -j show none'
		one 3 'vduse loopback none -j'
		one 3 'vdpa -j dev show none'
		one 3 'vdpa dev config show none -j'
		one 3 'vdpa mgmtdev -j show none'
		one 3 'vdpa -jp dev del none'
		one 3 'vdpa -j dev add name none mgmtdev vduse'
		one 2 'vdpa -j dev add name none'
		one 2 'vdpa -j nonsense'
		one 2 'vduse --nonsense -j'
		one 2 'vduse -j --nonsense'
		one 2 'vduse show -jZ'
		one 4 'setpriv --reuid=65534 --clear-groups vduse -j create e2'
		one 1 'vdpa -j dev add name e0 mgmtdev vduse'
		one 3 "vdpa -j dev del \$'\xff\"\e'"
		device destroy e0
		nothing_left
	SCRIPT
	jq -es '
		def document($d): if . != $d then error("standard output is \(.), not \($d)") else true end;
		def object($status; $command; $object): .error as $e |
			if $e.status != $status or ($e.command | test($command) | not) or
				($object != null and $e.object != $object) or ($e.message | length == 0) or
				(["command", "object", "status", "errno", "message", "hint"] | index("status") | not) or
				(($e | keys) - ["command", "object", "status", "errno", "message", "hint"] != [])
			then error("not \($status) \($command) \($object): \($e)") else true end;
		length == 36 and
		(.[0] | document({})) and (.[1] | object(5; "^vduse create"; "e0") and .error.errno == "EEXIST") and
		(.[2] | document({})) and (.[3] | object(2; "^vduse create"; null)) and
		(.[4] | document({})) and (.[5] | object(3; "^vduse destroy"; "none")) and
		(.[6] | document({vduse: {}})) and (.[7] | object(3; "^vduse show"; "none")) and
		(.[8] | document({})) and (.[9] | object(3; "^vduse loopback"; "none")) and
		(.[10] | document({dev: {}})) and (.[11] | object(3; "^vdpa dev show"; "none")) and
		(.[12] | document({config: {}})) and (.[13] | object(3; "^vdpa dev config show"; "none")) and
		(.[14] | document({mgmtdev: {}})) and (.[15] | object(3; "^vdpa mgmtdev show"; "none")) and
		(.[16] | document({})) and (.[17] | object(3; "^vdpa dev del"; "none") and .error.errno == "ENODEV") and
		(.[18] | document({})) and (.[19] | object(3; "^vdpa dev add"; "none") and (.error.hint | test("vduse create none"))) and
		(.[20] | document({})) and (.[21] | object(2; "^vdpa dev add"; null)) and
		(.[22] | document({})) and (.[23] | object(2; "^vdpa"; null)) and
		(.[24] | document({})) and (.[25] | object(2; "^vduse"; null)) and
		(.[26] | document({})) and (.[27] | object(2; "^vduse"; null)) and
		(.[28] | type == "object") and (.[29] | object(2; "^vduse"; null)) and
		(.[30] | document({})) and (.[31] | object(4; "^vduse create"; null)) and
		(.[32] | document({})) and (.[33] | object(1; "^vdpa dev add"; "e0")) and
		(.[34] | document({})) and (.[35] | object(3; "^vdpa dev del"; null) and (.error.object | test("\"\u001b")))' \
		"$BATS_TEST_TMPDIR/json" || { cat "$BATS_TEST_TMPDIR/json"; false; }
}

@test "loopback in the background answers one document, with the process in it" {
	in_guest <<-'SCRIPT' >"$BATS_TEST_TMPDIR/json"
		device create lb0
		expect 0 'vduse -j loopback lb0 background'
		printf %s "$out"
		service_of lb0
		device stop lb0
		device destroy lb0
	SCRIPT
	jq -es '.[0] as $doc | .[1] as $pid | length == 2 and ($doc | type == "object") and ([$doc | .. | .pid?] | index($pid))' "$BATS_TEST_TMPDIR/json" ||
		{ cat "$BATS_TEST_TMPDIR/json"; false; }
}
