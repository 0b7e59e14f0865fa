/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker cannot do any more, in stages. Each has a contract: what it needs, and what
 * is true when it has returned 0.
 *
 *	isolation_spawn()	a new process, in mount, IPC, PID and UTS namespaces of its own and
 *				an empty network namespace, which it has in common with those
 *				before and after it. It runs this program anew, so that it shares
 *				neither memory nor its layout with its parent or with a worker
 *				before it. That takes CAP_SYS_ADMIN; a user who has it not gets a
 *				user namespace (isolation_prepare()), and has it there.
 *	isolation_empty()	first thing in it: no descriptor is open but the standard ones,
 *				which lead nowhere, and ISOLATION_DESCRIPTOR.
 *	isolation_enter()	no file can be opened, for there is none: the root is an empty,
 *				read-only file system. No user but an unprivileged one, no groups,
 *				no capability in any set, no way to get any (no_new_privs, empty
 *				bounding set). No core dump, nobody of the same user can look into
 *				it (not dumpable); it ends with its parent. Limits: no further
 *				process, few descriptors. And a first filter of system calls.
 *	isolation_confine()	when all is set up: only the calls that serving takes, with their
 *				arguments where those matter. Another one ends the process, and
 *				says which it was.
 *
 * The network namespace is a special case, because making one waits for rtnl, and virtio_net
 * holds that while it waits for our answer to DRIVER_OK. Who comes to serve in that moment must
 * serve first. So a helper makes it: isolation_network_ask(), and when that takes long, a worker
 * is started without and replaced by one that has it when it is there. (Neither of them can make
 * a socket: isolation_confine().)
 *
 * A part that cannot be had is a failure that says which one it is; or, unless one insists,
 * a sentence about it.
 */
#ifndef VDUSE_PROCESS_ISOLATION_H
#define VDUSE_PROCESS_ISOLATION_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/error.h"

struct isolation {
	uid_t uid;
	gid_t gid;
	bool named;		/* nobody else will do */
	bool writes_files;	/* into descriptors that it is given */
	bool insist;
	/* Some part could not be had. Only without insist. */
	void (*lacking)(void *context, const char *sentence);
	void *context;
	/* CLONE_NEW...: filled by isolation_prepare(); a worker is told by its supervisor */
	unsigned long namespaces;
	/* the rest is private: isolation_prepare() */
	bool user_namespace;	/* only the user that we are exists there */
	int program;		/* this one, or -1 */
	int network;		/* the namespace, or -1 */
	pid_t helper;		/* who makes it; not waited for at the end, however long it takes */
	int network_wait;	/* readable when the helper has something to say, or -1 */
};

/* A worker that was started. */
struct isolation_child {
	pid_t pid;
	int pidfd;		/* the caller closes it */
};

/*
 * Find out which namespaces can be had, by making processes in them; where it takes that, and we
 * are not root, move into a user namespace of our own. 0, or negative with @failure, which says
 * what cannot. Ended by isolation_end().
 */
int isolation_prepare(struct isolation *isolation, struct failure *failure);
void isolation_end(struct isolation *isolation);

/* Let a helper make the network namespace: network_wait says when. 0, or negative with
 * @failure. */
int isolation_network_ask(struct isolation *isolation, struct failure *failure);

/* The helper has something to say: workers from now on are in its namespace. 0, or negative with
 * @failure. */
int isolation_network_take(struct isolation *isolation, struct failure *failure);

/* It comes too late, or not at all: nobody waits for it any more. 0 where one does not insist, or
 * negative with @failure. */
int isolation_network_forgo(struct isolation *isolation, struct failure *failure);

/*
 * Start this program again, in these namespaces of its own, with the arguments @argv and @fd as its
 * descriptor ISOLATION_DESCRIPTOR. 0 with @child filled, or negative with @failure.
 */
#define ISOLATION_DESCRIPTOR 3
int isolation_spawn(const struct isolation *isolation, char *const argv[], int fd,
		    struct isolation_child *child, struct failure *failure);

/* See above. 0, or negative errno. */
int isolation_empty(void);

/* 0, or negative with @failure; the process must not go on then, for part of it is done. */
int isolation_enter(const struct isolation *isolation, struct failure *failure);
int isolation_confine(const struct isolation *isolation, struct failure *failure);

#endif
