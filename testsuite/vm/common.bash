# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts of testsuite/vm share: names of folders, failing, the cache,
# and the lock on the machine's one guest.

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$vm/../.." && pwd)
# Where the programs were built; the Makefile says, when it runs us.
# shellcheck disable=SC2034 # for who includes this
build=${VT_BUILD:-$top/build}
cache=${VDUSE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vduse-tools}

# shellcheck source=testsuite/vm/log.bash
. "$vm/log.bash"

# The exit status of everything that is the test bed's fault, not a command's.
status_bed=125

say()
{
	printf 'vm: %s\n' "$*" >&2
}

die()
{
	say "$*"
	exit $status_bed
}

# need PROGRAM...: install what is missing, or say how.
need()
{
	local program

	for program; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null && continue
		"$top/testsuite/install-deps" >&2 || exit $status_bed
		break
	done
}

# Debian's name of this machine's architecture.
debian_arch()
{
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) die "no test guest for a $(uname -m) machine: Debian's kernels with vduse are known for x86_64 and aarch64" ;;
	esac
}

# lock FD FILE WHAT: wait until FILE is ours, saying who has it.
lock()
{
	local fd=$1 file=$2 what=$3

	flock -n "$fd" && return
	say "waiting for $what: $(cat "$file.holder" 2>/dev/null || echo someone) has it"
	flock -w "${VM_LOCK_TIMEOUT:-1800}" "$fd" ||
		die "no $what after ${VM_LOCK_TIMEOUT:-1800} s"
}

# in_cache NAME COMMAND...: the path of NAME in the cache folder; when it is
# not there, COMMAND makes it, under the name given as its last argument.
in_cache()
{
	local name=$1 tmp
	shift

	mkdir -p "$cache" || die "cannot make the cache folder $cache"
	if ! [ -e "$cache/$name" ]; then
		exec 8>>"$cache/build.lock"
		lock 8 "$cache/build.lock" "the cache"
		if ! [ -e "$cache/$name" ]; then
			echo "process $$" >"$cache/build.lock.holder"
			# of who was killed while he made something
			rm -rf "$cache"/tmp.*
			tmp=$cache/tmp.$$.$name
			"$@" "$tmp" 8>&- || {
				rm -rf "$tmp"
				exit $status_bed
			}
			mv "$tmp" "$cache/$name"
		fi
		exec 8>&-
	fi
	echo "$cache/$name"
}

# Options that apt has on this machine for reaching its servers.
apt_options()
{
	apt-config dump | grep -E '^Acquire::(http|https|Check)' || true
}
