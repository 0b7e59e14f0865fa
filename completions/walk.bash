
# The rows of table $1 as columns.
_PROGRAM_load()
{
	local row word flag type argument

	_PROGRAM_table "$1"
	names=() flags=() types=() arguments=() said=()
	for row in "${table[@]}"; do
		IFS=$'\t' read -r word flag type argument _ <<<"$row"
		names+=("$word") flags+=("$flag") types+=("$type") arguments+=("$argument")
	done
}

# The row from $2 on that the word $1 spells, else the first that it begins where that will
# do, as "at"; -1 for none.
_PROGRAM_find()
{
	for ((at = $2; at < ${#names[@]}; at++)); do
		[[ $1 != - && ${names[at]} = "$1" ]] && return
	done
	for ((at = $2; at < ${#names[@]}; at++)); do
		[[ $1 && ${flags[at]} = *a* && ${names[at]} = "$1"* ]] && return
	done
	at=-1
}

# The option $1: does it take the next word as its value? Then that is due.
_PROGRAM_option()
{
	local option=$1 row word letter type argument i

	_PROGRAM_table options
	for row in "${table[@]}"; do
		IFS=$'\t' read -r word letter type argument _ <<<"$row"
		[[ $type = flag || $type = attached ]] && continue
		if [[ $option = --?* && $word = "$option"* ]] ||
			[[ $option != --* && $option = *"$letter" ]]; then
			due=$type due_argument=$argument
		fi
	done
	# a letter with a value takes the rest of its word
	for ((i = 1; i < ${#option} - 1; i++)); do
		[[ $option != --* && ${option:i:1} = [bTc] ]] && due=''
	done
}

# Where the words typed lead: path, columns, and what is due.
_PROGRAM_walk()
{
	local word at

	_PROGRAM_load ''
	for word; do
		if [[ $due ]]; then
			[[ $due_name = type ]] && device_type=$word
			due='' due_name=''
		elif [[ ! $literal && $word = -- ]]; then
			literal=1
		elif [[ ! $literal && $word = -?* ]]; then
			_PROGRAM_option "$word"
		elif [[ ${types[0]-} = path ]]; then
			_PROGRAM_find "$word" 0
			((at >= 0)) || return
			path+=${path:+ }${arguments[at]}
			_PROGRAM_load "$path"
		elif _PROGRAM_place "$word"; then
			((place += 1))
		else
			_PROGRAM_find "$word" "$section"
			((at >= 0)) || _PROGRAM_find "$word" 0
			((at >= 0)) || return
			said[at]=1
			[[ ${flags[at]} = *s* ]] && section=$at
			[[ ${types[at]} = flag ]] || due=${types[at]} due_argument=${arguments[at]} due_name=${names[at]}
		fi
	done
	return 0
}

# Is a positional word due, and is $1 it? A keyword says that one was left out.
_PROGRAM_place()
{
	local at

	[[ ${names[place]-} = - ]] || return
	[[ $literal || ${flags[place]} != *o* ]] && return
	_PROGRAM_find "$1" 0
	((at < 0))
}

# Names below a folder of sysfs.
_PROGRAM_folder()
{
	local path

	while IFS= read -r path; do
		[[ ${path##*/} = control && $1 = */vduse ]] || printf '%s\n' "${path##*/}"
	done < <(compgen -G "$1/*")
}

# FEATURES is a list; its last piece is completed. "+NAME" and "no_NAME" are pieces as well.
_PROGRAM_features()
{
	local row piece=${current##*,} before=${current%"${current##*,}"} sign=''

	case $piece in
	+*) sign=+ ;;
	no_*) sign=no_ ;;
	esac
	_PROGRAM_table "features $1"
	for row in "${table[@]}"; do
		offers+=("$before$sign${row%%$'\t'*}")
	done
	compopt -o nospace 2>/dev/null
}

# What a value of type $1 can be, with ARGUMENT $2.
_PROGRAM_values()
{
	case $1 in
	choice) read -ra offers <<<"$2" ;;
	vduse) mapfile -t offers < <(_PROGRAM_folder /sys/class/vduse) ;;
	vdpa) mapfile -t offers < <(_PROGRAM_folder /sys/bus/vdpa/devices) ;;
	either) mapfile -t offers < <({
		_PROGRAM_folder /sys/class/vduse
		_PROGRAM_folder /sys/bus/vdpa/devices
	} | sort -u) ;;
	free) mapfile -t offers < <(_PROGRAM_folder /sys/class/vduse |
		grep -vxF -f <(_PROGRAM_folder /sys/bus/vdpa/devices)) ;;
	# without the limit, it could wait as long as an add that waits for a device process
	manager) mapfile -t offers < <("$program" -T 1 mgmtdev show 2>/dev/null | sed -n 's/^\([^ ].*\): *$/\1/p') ;;
	features) _PROGRAM_features "${device_type:-$2}" ;;
	user) mapfile -t offers < <(compgen -u) ;;
	processors) mapfile -t offers < <(echo all; _PROGRAM_folder /sys/devices/system/cpu | sed -n 's/^cpu\([0-9][0-9]*\)$/\1/p') ;;
	esac
}

# The keywords that may still come; behind a section's word its own before others.
_PROGRAM_keywords()
{
	local i j last=${#names[@]}

	for ((i = 0; i < ${#names[@]} && !section; i++)); do
		[[ ${flags[i]} = *s* ]] && last=$((i + 1))
	done
	for ((i = 0; i < last; i++)); do
		[[ ${names[i]} = - || ${said[i]-} ]] && continue
		for ((j = section; section && i < section && j < last; j++)); do
			[[ ${names[j]} = "${names[i]}" ]] && continue 2
		done
		offers+=("${names[i]}")
	done
}

_PROGRAM_options()
{
	local row word type argument choice

	_PROGRAM_table options
	for row in "${table[@]}"; do
		IFS=$'\t' read -r word _ type argument _ <<<"$row"
		offers+=("$word")
		[[ $type = attached && $current = "$word"=* ]] || continue
		for choice in $argument; do
			offers+=("$word=$choice")
		done
	done
}

# What may stand at the cursor, into offers.
_PROGRAM_offer()
{
	if [[ $due ]]; then
		_PROGRAM_values "$due" "$due_argument"
	elif [[ ! $literal && $current = -* ]]; then
		_PROGRAM_options
	elif [[ ${types[0]-} = path ]]; then
		offers=("${names[@]}")
	else
		[[ ${names[place]-} = - ]] && _PROGRAM_values "${types[place]}" "${arguments[place]}"
		[[ ${names[place]-} = - && ${flags[place]} != *o* ]] || _PROGRAM_keywords
	fi
}

# The words are taken from the line itself: COMP_WORDS has an address in pieces.
_PROGRAM()
{
	local line=${COMP_LINE:0:COMP_POINT} program=$1 words=() current='' offers=() offer before
	local table=() names=() flags=() types=() arguments=() said=()
	local path='' place=0 section=0 literal='' due='' due_argument='' due_name='' device_type=''

	COMPREPLY=()
	# shellcheck disable=SC2162 # a backslash is one here as well
	read -a words <<<"$line"
	if [[ $line != *[!\\][[:blank:]] ]]; then
		current=${words[-1]}
		unset 'words[-1]'
	fi
	((${#words[@]})) || return
	_PROGRAM_walk "${words[@]:1}" || return
	# a positional word that is a file
	[[ ! $due && ${names[place]-} = - && ${types[place]} = file && ($literal || $current != -*) ]] && due=file
	if [[ $due = file ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
	fi
	_PROGRAM_offer
	# readline puts in what is behind the last of these only
	before=${current%"${current##*[:=]}"}
	for offer in "${offers[@]}"; do
		[[ $offer = "$current"* ]] || continue
		offer=${offer#"$before"}
		[[ $offer = *[!A-Za-z0-9_.,:/@%+=-]* ]] && printf -v offer %q "$offer"
		COMPREPLY+=("$offer")
	done
}

complete -F _PROGRAM PROGRAM
