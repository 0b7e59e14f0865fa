# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For every bats file: `load common`. bats and jq run here, at native speed, and
# commands go into the guest:
#
#	guest COMMAND [ARGUMENT]...	run it there, standard input is empty
#	guest_in COMMAND...		the same, with our standard input
#	guest_sh SCRIPT [ARGUMENT]...	a bash script there, in one go
#
# Each ends after GUEST_TIMEOUT seconds (900) with status 124; 125 is a guest
# that is gone. A test fails when the guest's kernel logged a warning, a BUG or
# the like meanwhile, and when it leaves processes, devices, interfaces,
# namespaces or records behind, or modules away; they are removed (put back)
# before the next test. A test that has to leave something sets the variable
# `leftovers` to a regular expression for the lines of vm-state that may stay.
#
# A file that has a setup or teardown of its own calls common_setup first, and
# common_teardown last.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

testsuite=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=testsuite/vm/log.bash
. "$testsuite/vm/log.bash"

guest()
{
	"$VM_DIR/exec" --timeout "${GUEST_TIMEOUT:-900}" "$VM_DIR" -- "$@" </dev/null
}

guest_in()
{
	"$VM_DIR/exec" --timeout "${GUEST_TIMEOUT:-900}" "$VM_DIR" -- "$@"
}

guest_sh()
{
	local script=$1
	shift
	guest bash -c "$script" bash "$@"
}

setup()
{
	common_setup
}

teardown()
{
	common_teardown
}

# -- before and after each test -------------------------------------------------

# guest_state: what is there now, sorted. On the host's own kernel only
# processes of ours count: others come and go.
guest_state()
{
	GUEST_TIMEOUT=300 guest vm-state | if [ -e "$VM_DIR/host" ]; then
		grep -vE '^process ' || true
	else
		cat
	fi | LC_ALL=C sort
	return "${PIPESTATUS[0]}"
}

guest_alive()
{
	[ -e "$VM_DIR/host" ] || { [ -e "$VM_DIR/pid" ] && kill -0 "$(cat "$VM_DIR/pid")"; } 2>/dev/null
}

# A new guest, when a test broke the one we had.
guest_restart()
{
	[ ! -e "$VM_DIR/host" ] || return 0
	"$testsuite/vm/stop" "$VM_DIR"
	"$testsuite/vm/start" "$VM_DIR"
	rm -f "$VM_DIR/state" "$VM_DIR/broken"
}

common_setup()
{
	if [ -e "$VM_DIR/broken" ] || ! guest_alive; then
		guest_restart
	fi
	log_lines=$(kernel_log "$VM_DIR" | wc -l)
	# the last test left the state known, but setup_file may have added to it
	if [ "$BATS_TEST_NUMBER" = 1 ] || ! [ -s "$VM_DIR/state" ]; then
		guest_state >"$VM_DIR/state" || {
			touch "$VM_DIR/broken"
			fail "the guest does not answer"
		}
	fi
}

common_teardown()
{
	local verdict=0

	if complaints "$VM_DIR" "${log_lines:-0}" >/dev/null; then
		echo "the guest's kernel complained:"
		kernel_log "$VM_DIR" | tail -n +$((log_lines + 1))
		verdict=1
	fi
	if ! guest_alive; then
		echo "the guest died; its console:"
		kernel_log "$VM_DIR" | tail -n 60
		rm -f "$VM_DIR/state"
		return 1
	fi
	check_leftovers || verdict=1
	return $verdict
}

# differences: lines "+ ITEM" for what is there now and was not, "- ITEM" for
# modules that are gone; what is declared is left out.
differences()
{
	guest_state >"$VM_DIR/state.now" || return 1
	{
		LC_ALL=C comm -13 "$VM_DIR/state" "$VM_DIR/state.now" | sed 's/^/+ /'
		LC_ALL=C comm -23 "$VM_DIR/state" "$VM_DIR/state.now" | sed -n 's/^module/- module/p'
	} | if [ -n "${leftovers:-}" ]; then
		grep -vE "$leftovers" || true
	else
		cat
	fi
}

check_leftovers()
{
	local items tries

	# what was told to end may take a moment
	for ((tries = ${leftover_tries:-100}; tries > 0; tries--)); do
		items=$(differences) || {
			echo "the guest does not answer any more; its console:"
			kernel_log "$VM_DIR" | tail -n 60
			touch "$VM_DIR/broken"
			return 1
		}
		if [ -z "$items" ]; then
			mv "$VM_DIR/state.now" "$VM_DIR/state"
			return 0
		fi
		[ "$tries" = 1 ] || sleep 0.2
	done
	# a failed test cannot be expected to have tidied up
	if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
		echo "the test left behind (+) or took away (-):"
		echo "$items"
	fi
	remove_leftovers "$items"
	[ -z "${BATS_TEST_COMPLETED:-}" ]
}

# remove_leftovers ITEMS; when that does not help, the next test gets a new guest.
remove_leftovers()
{
	local modules

	mapfile -t modules < <(sed -n 's/^- module //p' <<<"$1")
	sed -n 's/^+ //p' <<<"$1" |
		GUEST_TIMEOUT=300 guest_in bash -c "$(cat "$testsuite/vm/clean")" clean "${modules[@]}" || true
	if ! items=$(differences) || [ -n "$items" ]; then
		touch "$VM_DIR/broken"
	else
		mv "$VM_DIR/state.now" "$VM_DIR/state"
	fi
}
