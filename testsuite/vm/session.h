/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VT_VM_SESSION_H
#define VT_VM_SESSION_H

#include <sys/types.h>

/* SIGKILL to all processes of @session, and to all of the group of that number. */
void kill_session(pid_t session);

#endif
