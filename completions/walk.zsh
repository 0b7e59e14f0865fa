
# The rows of table $1 as columns.
_PROGRAM_load()
{
	local row
	local -a fields

	_PROGRAM_table "$1"
	names=() flags=() types=() arguments=() helps=() said=()
	for row in $table; do
		fields=("${(@s:	:)row}")
		names+=($fields[1]) flags+=($fields[2]) types+=($fields[3])
		arguments+=($fields[4]) helps+=(${fields[5]#-})
		[[ -n $fields[5] && $fields[5] != - ]] || helps[$#names]=''
	done
}

# The row from $2 on that the word $1 spells, else the first that it begins where that will
# do, as "at"; 0 for none.
_PROGRAM_find()
{
	for ((at = $2; at <= $#names; at++)); do
		[[ $1 != - && $names[at] = "$1" ]] && return
	done
	for ((at = $2; at <= $#names; at++)); do
		[[ -n $1 && $flags[at] = *a* && $names[at] = "$1"* ]] && return
	done
	at=0
}

# The option $1: does it take the next word as its value? Then that is due.
_PROGRAM_option()
{
	local option=$1 row i
	local -a fields

	_PROGRAM_table options
	for row in $table; do
		fields=("${(@s:	:)row}")
		[[ $fields[3] = (flag|attached) ]] && continue
		if [[ $option = --?* && $fields[1] = "$option"* ]] ||
			[[ $option != --* && $option = *"$fields[2]" ]]; then
			due=$fields[3] due_argument=$fields[4]
		fi
	done
	# a letter with a value takes the rest of its word
	for ((i = 2; i < $#option; i++)); do
		[[ $option != --* && $option[i] = [bTc] ]] && due=''
	done
}

# Is a positional word due, and is $1 it? A keyword says that one was left out.
_PROGRAM_place()
{
	local at

	[[ $names[place] = - ]] || return
	[[ -n $literal || $flags[place] != *o* ]] && return
	_PROGRAM_find "$1" 1
	((at == 0))
}

# Where the words typed lead: columns, and what is due.
_PROGRAM_walk()
{
	local word at walked

	_PROGRAM_load ''
	for word; do
		if [[ -n $due ]]; then
			[[ $due_name = type ]] && device_type=$word
			due='' due_name=''
		elif [[ -z $literal && $word = -- ]]; then
			literal=1
		elif [[ -z $literal && $word = -?* ]]; then
			_PROGRAM_option "$word"
		elif [[ $types[1] = path ]]; then
			_PROGRAM_find "$word" 1
			((at)) || return
			walked+=${walked:+ }$arguments[at]
			_PROGRAM_load "$walked"
		elif _PROGRAM_place "$word"; then
			((place += 1))
		else
			_PROGRAM_find "$word" $section
			((at)) || _PROGRAM_find "$word" 1
			((at)) || return
			said[at]=1
			[[ $flags[at] = *s* ]] && section=$at
			[[ $types[at] = flag ]] ||
				due=$types[at] due_argument=$arguments[at] due_name=$names[at]
		fi
	done
	return 0
}

# FEATURES is a list; its last piece is completed. "+NAME" and "no_NAME" are pieces as well.
_PROGRAM_features()
{
	local row piece=${current##*,} before sign=''

	[[ $current = *,* ]] && before=${current%,*},
	case $piece in
	+*) sign=+ ;;
	no_*) sign=no_ ;;
	esac
	_PROGRAM_table "features $1"
	for row in $table; do
		offers+=("$before$sign${row%%	*}")
	done
	end=(-S '')
}

# What a value of type $1 can be, with ARGUMENT $2.
_PROGRAM_values()
{
	local -a vduse vdpa processors

	vduse=(/sys/class/vduse/*(N:t)) vdpa=(/sys/bus/vdpa/devices/*(N:t))
	vduse=(${vduse:#control})
	case $1 in
	choice) offers=(${=2}) ;;
	vduse) offers=($vduse) ;;
	vdpa) offers=($vdpa) ;;
	either) offers=(${(u)vduse} ${vdpa:|vduse}) ;;
	free) offers=(${vduse:|vdpa}) ;;
	# without the limit, it could wait as long as an add that waits for a device process
	manager) offers=(${(f)"$($program -T 1 mgmtdev show 2>/dev/null | sed -n 's/^\([^ ].*\): *$/\1/p')"}) ;;
	features) _PROGRAM_features "${device_type:-$2}" ;;
	user) offers=(${(k)userdirs} ${(f)"$(getent passwd 2>/dev/null | cut -d: -f1)"}) ;;
	processors)
		processors=(/sys/devices/system/cpu/cpu<->(N:t))
		offers=(all ${processors#cpu})
		;;
	esac
}

# The keywords that may still come; behind a section's word its own before others.
_PROGRAM_keywords()
{
	local i last=$#names

	for ((i = 1; i <= $#names && section == 1; i++)); do
		[[ $flags[i] = *s* ]] && last=$i
	done
	for ((i = 1; i <= last; i++)); do
		[[ $names[i] = - || -n $said[i] ]] && continue
		((section > 1 && i < section && ${names[(I)$names[i]]} > section)) && continue
		offers+=($names[i])
		texts+=("$helps[i]")
	done
}

_PROGRAM_options()
{
	local row choice
	local -a fields

	_PROGRAM_table options
	for row in $table; do
		fields=("${(@s:	:)row}")
		offers+=($fields[1])
		texts+=("$fields[5]")
		[[ $fields[3] = attached && $current = $fields[1]=* ]] || continue
		for choice in ${=fields[4]}; do
			offers+=($fields[1]=$choice)
			texts+=("")
		done
	done
}

_PROGRAM()
{
	emulate -L zsh
	local program=$words[1] current=${(Q)PREFIX} literal due due_argument due_name device_type
	local -i place=1 section=1 i
	local -a table names flags types arguments helps said offers texts end shown

	_PROGRAM_walk "${(@Q)words[2,CURRENT-1]}" || return
	# a positional word that is a file
	[[ -z $due && $names[place] = - && $types[place] = file && (-n $literal || $current != -*) ]] && due=file
	if [[ $due = file ]]; then
		_files
		return
	fi
	if [[ -n $due ]]; then
		_PROGRAM_values $due "$due_argument"
	elif [[ -z $literal && $current = -* ]]; then
		_PROGRAM_options
	elif [[ $types[1] = path ]]; then
		offers=($names) texts=("${(@)helps}")
	else
		[[ $names[place] = - ]] && _PROGRAM_values $types[place] "$arguments[place]"
		texts=("${(@)offers/*/}")
		[[ $names[place] = - && $flags[place] != *o* ]] || _PROGRAM_keywords
	fi
	((${(w)#:-${(j::)texts}})) || {
		compadd $end -- $offers
		return
	}
	for ((i = 1; i <= $#offers; i++)); do
		shown+=("$offers[i]${texts[i]:+  -- $texts[i]}")
	done
	compadd -l -d shown $end -- $offers
}

if [[ $zsh_eval_context[-1] = loadautofunc ]]; then
	_PROGRAM "$@"
else
	compdef _PROGRAM PROGRAM
fi
