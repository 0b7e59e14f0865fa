# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Reading the kernel log of a guest that start began in DIR.

# kernel_log DIR: what the kernel said since the start.
kernel_log()
{
	if [ -e "$1/host" ]; then
		dmesg | sed "1,/vduse-tools test session $(cat "$1/session")/d"
	else
		tr -d '\r' <"$1/console"
	fi
}

# Lines that a healthy kernel does not write. Each line of the kernel begins
# with its time, which keeps programs from being taken for it.
kernel_complaint='^\[ *[0-9]+\.[0-9]+\](\[[^]]*\])? .*(WARNING:|BUG:|kernel BUG at|Oops|general protection'
kernel_complaint+='|Kernel panic|blocked for more than|INFO: (possible|suspicious|inconsistent|rcu|trying)'
kernel_complaint+='|possible (circular|recursive|irq lock)|suspicious RCU|soft lockup|hard LOCKUP|UBSAN:|KASAN:|KFENCE:'
kernel_complaint+='|refcount_t:|list_(add|del) corruption|Unable to handle|Bad page|scheduling while atomic'
kernel_complaint+='|unregister_netdevice: waiting)'

# complaints DIR [LINES]: such lines, after the first LINES lines of the log.
# Fails when there are none.
complaints()
{
	kernel_log "$1" | tail -n +$((${2:-0} + 1)) | grep -aE "$kernel_complaint"
}

# show_console DIR [LINES]: the end of the console, when something went wrong.
show_console()
{
	[ -s "$1/console" ] || return 0
	echo "vm: the guest's console, last ${2:-60} lines:" >&2
	tr -d '\r' <"$1/console" | tail -n "${2:-60}" >&2
}
