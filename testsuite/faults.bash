# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # status, said and out are the guest script's
#
# For tests that let a system call of "vduse loopback" fail (guest/fail_at.c). `load common;
# load device; load faults`, and then faults_test in place of in_guest.

# faults_test [ARGUMENT]...: in_guest, with the functions below.
faults_test()
{
	{
		declare -f one_life plain_life count_points fails counted all_of some_of
		printf 'declare -A points\nlives=0 refused=0 missed=0 total=0\n'
		cat
	} | in_guest "$@"
}

# -- inside the guest -----------------------------------------------------------------

# one_life WORD...: fail_at with these words before the command; what it printed is in `out`,
# what the command said in `said`, and `status`.
one_life()
{
	out=$(fail_at "$@" vduse loopback fa0 isolation $isolation 2>"$T.said")
	status=$?
	said=$(<"$T.said")
}

# plain_life WHERE: one in which nothing fails. Nothing is said, and it leaves what the first
# one left.
plain_life()
{
	local files

	one_life 0
	[ $status = 0 ] && [[ $out = *ready* && -z $said ]] || complain "$1: the next one: status $status, says $said$out"
	files=$(ls -A /run/vduse)
	[ "$files" = "${files_left-$files}" ] || complain "$1: the next one leaves $files, and not $files_left"
	files_left=$files
}

# count_points: how many calls there are to fail, as `points[WHO ERRNO]`.
count_points()
{
	local who error number

	plain_life 'the first one'
	while read -r who error number; do
		[[ ! $number =~ ^[0-9]+$ ]] || points["$who $error"]=$number
	done <<<"$out"
}

# fails WHO ERRNO N: a life in which the Nth of these calls fails, and a plain one. The first works,
# or ends with a sentence and a status that the manual has.
fails()
{
	local where="isolation $isolation, $1, $2 at $3" left

	one_life "$2" "$1" "$3"
	lives=$((lives + 1))
	# a life with a failure may have fewer calls, or what comes before is not the same each time
	[[ $out = *failed* ]] || { missed=$((missed + 1)); return; }
	where+=" (${out//$'\n'/, })"
	case $status in
	0) [[ $out = *ready* ]] || complain "$where: status 0, and it was never ready: $said" ;;
	[1-7]) refused=$((refused + 1)) ;;
	*) complain "$where: status $status: $said" ;;
	esac
	[ $status = 0 ] || [[ $said = *'vduse: '* || $said = *'vduse loopback: '* ]] || complain "$where: status $status, says $said"
	[[ ${said//$'\n'/} != *[[:cntrl:]]* ]] || complain "$where: says $said"
	[ -n "${verbose-}" ] && printf '%s: status %s: %s\n' "$where" $status "$said" >&3
	left=$(ls -A /run/vduse)
	[ "$left" = "$files_left" ] || [[ $out = *unlink* ]] || complain "$where: it leaves $left, and not $files_left: $said"
	# one that did all that it should leaves nothing that the next one could stumble over
	[ "$status$left" = "0$files_left" ] || plain_life "$where"
}

# counted ISOLATION: for what follows, each point as a line in `calls`.
counted()
{
	local key n

	isolation=$1 calls=()
	points=()
	unset files_left
	count_points
	for key in "${!points[@]}"; do
		for ((n = 1; n <= points[$key]; n++)); do calls+=("$key $n"); done
	done
	total=$((total + ${#calls[@]}))
	[ ${#calls[@]} -ge 100 ] || complain "isolation $1: only ${#calls[@]} system calls"
}

# all_of ISOLATION; some_of NUMBER ISOLATION.
all_of()
{
	local call

	counted "$1"
	for call in "${calls[@]}"; do fails $call; done
}

some_of()
{
	local i

	counted "$2"
	for ((i = 0; i < $1; i++)); do
		fails ${calls[(RANDOM * 32768 + RANDOM) % ${#calls[@]}]}
	done
}
