/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of the process that serves a device: its file, and how to ask.
 *
 * /run/vduse/NAME.sock (a long NAME's as its record's, lib/registry_record.h), 0600 and
 * root's: who may connect is who may do anything to the device anyway. It is a name in the
 * file system, so it is reached from any network namespace. A file that a dead server left
 * behind is replaced by the next one: the kernel lets one process at a time have the
 * device's node open, so whoever has it is who serves.
 *
 * What comes through it is another process's word, which can be in the hands of an attacker:
 * it is bounded in size and in time here, and for its reader to check.
 */
#ifndef VT_LIB_CONTROL_SOCKET_H
#define VT_LIB_CONTROL_SOCKET_H

#include "lib/buffer.h"
#include "lib/error.h"

#define CONTROL_ANSWER_SIZE 65536	/* bytes of an answer or an event, at most */
#define CONTROL_PATIENCE_MS 2000	/* a good time to wait for an answer */

/*
 * Listen for the device @name in the folder of records @folder (REGISTRY_FOLDER), which must
 * be there. Returns a non-blocking SOCK_SEQPACKET socket (O_CLOEXEC), or negative with
 * @failure, nothing left behind.
 */
int control_socket_listen(const char *folder, const char *name, struct failure *failure);

/* Remove the file, whoever made it. 0 also where there is none, or negative errno. */
int control_socket_remove(const char *folder, const char *name);

/*
 * Connect to the server of @name, waiting at most @milliseconds for a place. Returns a
 * non-blocking socket (O_CLOEXEC), or negative errno: -ENOENT or -ECONNREFUSED where nobody
 * listens (another program serves the device, or nobody does), -ETIMEDOUT, -EACCES.
 */
int control_socket_connect(const char *folder, const char *name, int milliseconds);

/* Send @request. 0 or negative errno. */
int control_socket_send(int fd, const char *request);

/*
 * Receive one packet into @packet (emptied first, NUL-terminated), waiting at most
 * @milliseconds (-1: as long as it takes). 0; -EPIPE: the server has gone; -ETIMEDOUT;
 * -EMSGSIZE: it is over CONTROL_ANSWER_SIZE; another negative errno.
 */
int control_socket_receive(int fd, int milliseconds, struct buffer *packet);

/*
 * All of it: connect, send @request, receive the answer; within @milliseconds. Who loses its place
 * to others before the answer (-EPIPE) asks again, a few times: a request may be repeated.
 */
int control_socket_ask(const char *folder, const char *name, const char *request,
		       int milliseconds, struct buffer *answer);

#endif
