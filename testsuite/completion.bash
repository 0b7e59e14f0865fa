# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The three shells, asked what they would offer for each line of a file. Each runs as it does
# for its user: it finds the scripts that make install put into $installed by itself. Answers
# are "LINE=> WORD WORD ...", sorted.

# install_scripts: make install, into $installed; a /sys of our own is where the scripts look,
# and a vdpa that knows two management devices is on the PATH of the shells.
install_scripts()
{
	installed=$BATS_TEST_TMPDIR/installed
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "${VT_BUILD%/*}" install DESTDIR="$installed" PREFIX=/usr/local >/dev/null
	share=$installed/usr/local/share
	mkdir -p "$BATS_TEST_TMPDIR"/sys/{class/vduse/{control,lo0,lo1,served},bus/vdpa/devices/{lo1,pci0}} \
		"$BATS_TEST_TMPDIR"/sys/devices/system/cpu/{cpu0,cpu1,cpufreq} \
		"$BATS_TEST_TMPDIR"/{bin,files}
	touch "$BATS_TEST_TMPDIR/files/a.pcap"
	sed -i "s|/sys/|$BATS_TEST_TMPDIR/sys/|g" "$share"/bash-completion/completions/v* \
		"$share"/zsh/site-functions/_v* "$share"/fish/vendor_completions.d/v*
	printf '#!/bin/sh\n%s\n' \
		'[ "$*" = "-T 1 mgmtdev show" ] || { printf "<%s>" "$@"; echo; } >>"$ANSWERS"' \
		'[ "$*" != "-T 1 mgmtdev show" ] || printf "vduse: \n  supported_classes net\npci/0000:03:00.2: \n  supported_classes net\n"' \
		>"$BATS_TEST_TMPDIR/bin/vdpa"
	chmod +x "$BATS_TEST_TMPDIR/bin/vdpa"
	cp "$BATS_TEST_TMPDIR/bin/vdpa" "$BATS_TEST_TMPDIR/bin/vduse"
}

# sorted_words: rows "LINE=>" and words each on a line of its own, as "LINE=> WORD WORD ...".
sorted_words()
{
	local line row='' words=()

	while IFS= read -r line; do
		if [[ $line = *'=>' ]]; then
			[ -z "$row" ] || echo "$row ${words[*]}"
			row=$line words=()
		elif [ -n "$line" ]; then
			mapfile -t words < <(printf '%s\n' "${words[@]}" "$line" | sed '/^$/d' | LC_ALL=C sort -u)
		fi
	done
	echo "$row ${words[*]}"
}

# ask_bash, ask_fish, ask_zsh: lines on standard input. What readline would put in is behind the last : or = of the word.
ask_bash()
{
	(
		cd "$BATS_TEST_TMPDIR/files" || exit
		PATH=$BATS_TEST_TMPDIR/bin:$PATH bash --norc -c '
		. "$1/vdpa" && . "$1/vduse"
		while IFS= read -r line; do
			COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
			"_${line%% *}" "${line%% *}"
			before=${line##* } before=${before%"${before##*[:=]}"}
			printf "%s=>\n" "$line"
			printf "%s\n" "${COMPREPLY[@]/#/$before}"
		done' bash "$share/bash-completion/completions"
	) | sorted_words
}

# fish also takes words that have the letters somewhere, where none begins with them.
ask_fish()
{
	(
		cd "$BATS_TEST_TMPDIR/files" || exit
		HOME=$BATS_TEST_TMPDIR XDG_DATA_DIRS=$share:/usr/share PATH=$BATS_TEST_TMPDIR/bin:$PATH fish -c '
		while read -l line
			echo "$line=>"
			set word (string split " " -- $line)[-1]
			complete -C"$line" | string replace -r "\t.*" "" | string match -- "$word*"
		end'
	) | sorted_words
}

# zsh tells candidates to none but its line editor, so it has one, on a terminal: compadd is
# replaced by one that writes down what it is given.
ask_zsh()
{
	local folder=$BATS_TEST_TMPDIR

	cat >"$folder/lines"
	cat >"$folder/rc.zsh" <<-RC
		fpath=($share/zsh/site-functions \$fpath)
		autoload -Uz compinit
		compinit -u -D
		PATH=$folder/bin:\$PATH
		cd $folder/files
		compadd() {
			local -a hits
			builtin compadd -A hits "\$@"
			print -rl -- \$hits >>$folder/answers
			return 1
		}
		all() {
			local line
			while IFS= read -r line; do
				print -r -- "\$line=>" >>$folder/answers
				BUFFER=\$line CURSOR=\$#line
				zle complete-word
			done <$folder/lines
			: >$folder/done
			exit
		}
		zle -N all
		bindkey '^X' all
		: >$folder/ready
	RC
	rm -f "$folder"/{ready,done,answers}
	timeout 600 zsh -f -c '
		zmodload zsh/zpty
		await() {
			while [[ ! -e $1 ]]; do
				zpty -t shell || exit
				sleep 0.05
				while zpty -rt shell said; do : ; done
			done
		}
		zpty shell "TERM=dumb zsh -f -i"
		zpty -w shell "source $1/rc.zsh"
		await $1/ready
		zpty -w -n shell $'\''\x18'\''
		await $1/done' zsh "$folder" >"$folder/zsh.log" 2>&1 || { cat "$folder/zsh.log"; return 1; }
	sorted_words <"$folder/answers"
}

# at_bash LINE...: what the interactive bash of a user with bash-completion makes of the keys
# in each LINE, as the commands were called: "<WORD><WORD>...". The commands are stubs.
at_bash()
{
	local folder=$BATS_TEST_TMPDIR

	printf '%s\n' "$@" exit >"$folder/keys"
	cat >"$folder/rc.bash" <<-RC
		PATH=$folder/bin:\$PATH
		XDG_DATA_DIRS=$share:/usr/share
		. /usr/share/bash-completion/bash_completion
		export ANSWERS=$folder/answers
		PROMPT_COMMAND=': >$folder/ready'
	RC
	rm -f "$folder"/{ready,answers}
	timeout 600 zsh -f -c '
		zmodload zsh/zpty
		zpty shell "TERM=dumb HOME=$1 bash --noprofile --rcfile $1/rc.bash -i"
		while IFS= read -r keys; do
			while [[ ! -e $1/ready ]]; do
				zpty -t shell || exit
				sleep 0.05
				while zpty -rt shell said; do : ; done
			done
			rm -f $1/ready
			zpty -w shell "$keys"
		done <$1/keys
		while zpty -t shell; do
			sleep 0.05
			while zpty -rt shell said; do : ; done
		done' zsh "$folder" >"$folder/bash.log" 2>&1 || { cat "$folder/bash.log"; return 1; }
	cat "$folder/answers"
}
