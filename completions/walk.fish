
# The helpers see the variables of __PROGRAM_complete (--no-scope-shadowing), and their own
# have names that it has not.

# The rows of table $argv[1] as columns.
function __PROGRAM_load --no-scope-shadowing
	set names
	set flags
	set types
	set arguments
	set helps
	set said
	for load_row in (__PROGRAM_table $argv[1])
		set -l fields (string split \t -- "$load_row")
		test (count $fields) = 5; or continue
		set -a names $fields[1]
		set -a flags $fields[2]
		set -a types $fields[3]
		set -a arguments $fields[4]
		set -a helps (string replace -r '^-$' '' -- "$fields[5]")
	end
end

# The row from $argv[2] on that the word $argv[1] spells, else the first that it begins where
# that will do, as "at"; 0 for none.
function __PROGRAM_find --no-scope-shadowing
	set at $argv[2]
	while test $at -le (count $names)
		test "$argv[1]" != -; and test "$names[$at]" = "$argv[1]"; and return
		set at (math $at + 1)
	end
	set at $argv[2]
	while test $at -le (count $names)
		string match -q -- '*a*' $flags[$at]
		and test (string sub -l (string length -- "$argv[1]") -- "$names[$at]") = "$argv[1]"
		and return
		set at (math $at + 1)
	end
	set at 0
end

# The option $argv[1]: does it take the next word as its value? Then that is due.
function __PROGRAM_option --no-scope-shadowing
	for option_row in (__PROGRAM_table options)
		set -l fields (string split \t -- "$option_row")
		contains -- "$fields[3]" file text; or continue
		if string match -q -- '--?*' $argv[1]
			test (string sub -l (string length -- "$argv[1]") -- "$fields[1]") = "$argv[1]"; or continue
		else
			string match -qr -- '^-[^bTc]*'$fields[2]'$' $argv[1]; or continue
		end
		set due $fields[3]
		set due_argument $fields[4]
	end
end

# Is a positional word due, and is $argv[1] it? A keyword says that one was left out.
function __PROGRAM_place --no-scope-shadowing
	test "$names[$place]" = -; or return
	test -n "$literal"; and return 0
	string match -q -- '*o*' "$flags[$place]"; or return 0
	__PROGRAM_find "$argv[1]" 1
	test $at = 0
end

# A word that is part of the grammar. Fails for one that is not.
function __PROGRAM_keyword --no-scope-shadowing
	__PROGRAM_find "$argv[1]" $section
	test $at != 0; or __PROGRAM_find "$argv[1]" 1
	test $at != 0; or return
	set -a said $at
	string match -q -- '*s*' $flags[$at]; and set section $at
	if test $types[$at] != flag
		set due $types[$at]
		set due_argument $arguments[$at]
		set due_name $names[$at]
	end
	return 0
end

# Where the words typed lead: columns, and what is due.
function __PROGRAM_walk --no-scope-shadowing
	__PROGRAM_load ''
	for word in $argv
		if test -n "$due"
			test "$due_name" = type; and set device_type $word
			set due ''
			set due_name ''
		else if test -z "$literal"; and test "$word" = --
			set literal 1
		else if test -z "$literal"; and string match -q -- '-?*' "$word"
			__PROGRAM_option "$word"
		else if test "$types[1]" = path
			__PROGRAM_find "$word" 1
			test $at != 0; or return
			set path (string trim -- "$path $arguments[$at]")
			__PROGRAM_load "$path"
		else if __PROGRAM_place "$word"
			set place (math $place + 1)
		else
			__PROGRAM_keyword "$word"; or return
		end
	end
	return 0
end

# Names below a folder of sysfs.
function __PROGRAM_folder
	for found in $argv[1]/*
		string match -q -- '*/vduse/control' $found; or string replace -r '.*/' '' -- $found
	end
end

# FEATURES is a list; its last piece is completed. "+NAME" and "no_NAME" are pieces as well.
function __PROGRAM_features --argument-names of current
	set -l before (string match -r -- '^.*,' "$current")
	set -l sign (string match -r -- '^(?:.*,)?(\+|no_)' "$current")[2]
	for row in (__PROGRAM_table "features $of")
		echo "$before$sign"(string split \t -- $row)[1]
	end
end

# What a value of type $argv[1] can be, with ARGUMENT $argv[2], for the word $argv[3] of the
# program $argv[4].
function __PROGRAM_values
	switch $argv[1]
	case choice
		string split ' ' -- $argv[2]
	case vduse
		__PROGRAM_folder /sys/class/vduse
	case vdpa
		__PROGRAM_folder /sys/bus/vdpa/devices
	case either
		begin
			__PROGRAM_folder /sys/class/vduse
			__PROGRAM_folder /sys/bus/vdpa/devices
		end | sort -u
	case free
		for found in (__PROGRAM_folder /sys/class/vduse)
			contains -- $found (__PROGRAM_folder /sys/bus/vdpa/devices); or echo $found
		end
	# without the limit, it could wait as long as an add that waits for a device process
	case manager
		$argv[4] -T 1 mgmtdev show 2>/dev/null | sed -n 's/^\([^ ].*\): *$/\1/p'
	case features
		__PROGRAM_features $argv[2] "$argv[3]"
	case file
		__fish_complete_path "$argv[3]"
	case user
		__fish_complete_users
	case processors
		echo all
		__PROGRAM_folder /sys/devices/system/cpu | string replace -rf '^cpu([0-9]+)$' '$1'
	end
end

# The keywords that may still come; behind a section's word its own before others.
function __PROGRAM_keywords --no-scope-shadowing
	for at in (seq (count $names))
		test $names[$at] = -; or contains $at $said; and continue
		if test $section -gt $at; and contains -- $names[$at] $names[$section..-1]
			continue
		end
		printf '%s\t%s\n' $names[$at] "$helps[$at]"
		test $section = 1; and string match -q -- '*s*' $flags[$at]; and break
	end
end

function __PROGRAM_options --argument-names current
	for row in (__PROGRAM_table options)
		set -l fields (string split \t -- "$row")
		printf '%s\t%s\n' $fields[1] "$fields[5]"
		test "$fields[3]" = attached; and string match -q -- "$fields[1]=*" $current; or continue
		for choice in (string split ' ' -- $fields[4])
			echo "$fields[1]=$choice"
		end
	end
end

# What may stand at the cursor.
function __PROGRAM_complete
	set -l typed (commandline -opc)
	set -l current (commandline -ct | string unescape)
	set -l program $typed[1]
	set -l names
	set -l flags
	set -l types
	set -l arguments
	set -l helps
	set -l said
	set -l path ''
	set -l place 1
	set -l section 1
	set -l at 0
	set -l literal ''
	set -l due ''
	set -l due_argument ''
	set -l due_name ''
	set -l device_type ''

	__PROGRAM_walk $typed[2..-1]; or return
	if test -z "$due"; and test "$names[$place]" = -
		set due $types[$place]
		set due_argument $arguments[$place]
		string match -q -- '*o*' $flags[$place]; or set types value
	else if test -n "$due"
		set types value
	end
	test "$due" = features; and test -n "$device_type"; and set due_argument $device_type
	if test "$types[1]" != value; and test -z "$literal"; and string match -q -- '-*' "$current"
		__PROGRAM_options $current
		return
	else if test "$types[1]" = path
		for at in (seq (count $names))
			printf '%s\t%s\n' $names[$at] "$helps[$at]"
		end
		return
	end
	test -n "$due"; and __PROGRAM_values $due "$due_argument" "$current" $program
	test "$types[1]" = value; or __PROGRAM_keywords
end

complete -c PROGRAM -f -a '(__PROGRAM_complete)'
