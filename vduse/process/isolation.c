// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>
#ifdef HAVE_LIBCAP_NG
#include <cap-ng.h>
#endif

#include "lib/again.h"
#include "lib/descriptor.h"
#include "vduse/process/channel.h"
#include "vduse/process/isolation_calls.h"

#define DESCRIPTORS_MOST 64

/* The namespaces, as clone(2) and the reader of a message know them. */
static const struct {
	unsigned long flag;
	const char *part;
} namespaces[] = {
	{ CLONE_NEWNS, "no mount namespace of its own" },
	{ CLONE_NEWIPC, "no IPC namespace of its own" },
	{ CLONE_NEWPID, "no PID namespace of its own" },
	{ CLONE_NEWUTS, "no UTS namespace of its own" },
};

#define NAMESPACES (sizeof(namespaces) / sizeof(namespaces[0]))
#define ALL_NAMESPACES (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWUTS)

/* A part that cannot be had: a failure, or where one does not insist, a sentence. */
static int lack(const struct isolation *isolation, int errnum, const char *part,
		struct failure *failure)
{
	const char *why = errnum == ENOSYS ? "this build has no library for it" : strerror(errnum);
	char sentence[200];

	if (!isolation->insist) {
		snprintf(sentence, sizeof(sentence), "it is not isolated in full: %s: %s", part,
			 why);
		isolation->lacking(isolation->context, sentence);
		return 0;
	}
	failure_set(failure, status_of_errno(errnum), errnum, NULL,
		    "cannot isolate the device process: %s: %s", part, why);
	failure_hint(failure, "say \"isolation possible\" to serve with what can be had");
	return -errnum;
}

static pid_t spawn(unsigned long flags, int *pidfd)
{
	/* parent_tid is where the kernel puts the pidfd; everything as fork() otherwise */
	return (pid_t)syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
}

/* The exit status of a child that has nothing to wait for; -1 where it has none. */
static int status_of(pid_t pid)
{
	int status;
	pid_t found = AGAIN(waitpid(pid, &status, 0));

	return found == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* errno of a process in the namespaces @flags, or 0. */
static int try_namespaces(unsigned long flags)
{
	int pidfd;
	pid_t pid = spawn(flags, &pidfd);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	status_of(pid);
	close(pidfd);
	return 0;
}

static int write_file(const char *path, const char *text)
{
	int rc, fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	rc = descriptor_write(fd, text, strlen(text));
	close(fd);
	return rc;
}

/* In a new user namespace nobody exists but the user that one is: called 0 there, because
 * another one would lose what it may do when it runs a program. */
static int map_user(uid_t uid, gid_t gid)
{
	char text[40];
	int rc;

	rc = write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", uid);
	if (rc == 0)
		rc = write_file("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1", gid);
	return rc < 0 ? rc : write_file("/proc/self/gid_map", text);
}

/* 0, or positive errno with part of it done. */
static int enter_user_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	return unshare(CLONE_NEWUSER) ? errno : -map_user(uid, gid);
}

/* The same in a process that ends: it may be allowed to make one, and to do nothing there. */
static int try_user_namespace(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(enter_user_namespace());
	if (pid < 0)
		return errno;
	status = status_of(pid);
	return status < 0 ? ECHILD : status;
}

/*
 * Without CAP_SYS_ADMIN: in a user namespace of our own we have it. Not for root, who would
 * stay root outside of it, with nobody there whom the worker could become.
 */
static int have_user_namespace(struct isolation *isolation, struct failure *failure)
{
	int error = try_user_namespace();

	if (!error)
		error = enter_user_namespace();
	isolation->user_namespace = !error;
	return error ? lack(isolation, error, "no user namespace of its own", failure) : 0;
}

/* Not where the worker's descriptor is going to be: 0, or -1 and errno. */
static int open_program(struct isolation *isolation)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	isolation->program = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ISOLATION_DESCRIPTOR + 1);
	if (fd >= 0)
		close(fd);
	return isolation->program < 0 ? -1 : 0;
}

int isolation_prepare(struct isolation *isolation, struct failure *failure)
{
	unsigned long *flags = &isolation->namespaces;
	int error, rc = 0;
	size_t i;

	isolation->network = isolation->network_wait = -1;
	if (open_program(isolation))
		return failure_errno(failure, errno, "/proc/self/exe",
				     "cannot start the device process");
	*flags = ALL_NAMESPACES;
	error = try_namespaces(*flags);
	if (!error)
		return 0;
	if (error == EPERM && geteuid())
		rc = have_user_namespace(isolation, failure);
	for (i = 0, *flags = 0; i < NAMESPACES && rc == 0; i++) {
		error = try_namespaces(*flags | namespaces[i].flag);
		if (!error)
			*flags |= namespaces[i].flag;
		else
			rc = lack(isolation, error, namespaces[i].part, failure);
	}
	return rc;
}

void isolation_end(struct isolation *isolation)
{
	if (isolation->network >= 0)
		close(isolation->network);
	if (isolation->network_wait >= 0)
		close(isolation->network_wait);
	if (isolation->program > ISOLATION_DESCRIPTOR)	/* open_program() */
		close(isolation->program);
	isolation->network = isolation->network_wait = isolation->program = -1;
}

/* The helper: makes the namespace, which may take long, and hands it over. Meanwhile it has
 * nothing of ours open: neither the node, nor what our caller waits for the end of. */
static void make_network(int channel)
{
	struct channel_message message;
	int fd = -1;

	if (channel != ISOLATION_DESCRIPTOR && dup2(channel, ISOLATION_DESCRIPTOR) < 0)
		return;
	isolation_empty();
	memset(&message, 0, sizeof(message));
	message.kind = CHANNEL_READY;
	if (unshare(CLONE_NEWNET) == 0)
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	message.device = fd < 0 ? (uint32_t)errno : 0;
	channel_send(ISOLATION_DESCRIPTOR, &message, &fd, fd >= 0);
}

int isolation_network_ask(struct isolation *isolation, struct failure *failure)
{
	int error, ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return failure_errno(failure, errno, NULL, "cannot make a channel");
	isolation->helper = fork();
	error = errno;
	if (isolation->helper == 0) {
		make_network(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	isolation->network_wait = ends[0];
	if (isolation->helper < 0)
		return failure_errno(failure, error, NULL, "cannot make a process");
	return 0;
}

int isolation_network_take(struct isolation *isolation, struct failure *failure)
{
	struct channel_message message = { .device = 0 };
	unsigned int count = 0;
	int rc = channel_receive(isolation->network_wait, &message, &isolation->network, 1, &count);

	if (rc == -EAGAIN)
		return 0;
	close(isolation->network_wait);
	isolation->network_wait = -1;
	status_of(isolation->helper);	/* it has said all */
	if (rc == 0 && count == 1)
		return 0;
	return lack(isolation, message.device ? (int)message.device : EPERM,
		    "no network namespace of its own", failure);
}

/* The helper ends when it has it, and finds nobody who listens. */
int isolation_network_forgo(struct isolation *isolation, struct failure *failure)
{
	close(isolation->network_wait);
	isolation->network_wait = -1;
	return lack(isolation, EAGAIN, "no network namespace of its own", failure);
}

/* The new process, up to the program; returns only when that cannot be had. */
static void become_worker(const struct isolation *isolation, char *const argv[], int fd)
{
	static char *const environment[] = {
#ifdef __SANITIZE_ADDRESS__
		(char *)"ASAN_OPTIONS=detect_leaks=0",	/* it looks into /proc, ends by ptrace */
#endif
		NULL
	};

	if (isolation->network >= 0 && setns(isolation->network, CLONE_NEWNET))
		return;
	if (fd == ISOLATION_DESCRIPTOR)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, ISOLATION_DESCRIPTOR) < 0)
		return;
	syscall(SYS_execveat, isolation->program, "", argv, environment, AT_EMPTY_PATH);
}

int isolation_spawn(const struct isolation *isolation, char *const argv[], int fd,
		    struct isolation_child *child, struct failure *failure)
{
	child->pid = spawn(isolation->namespaces, &child->pidfd);
	if (child->pid == 0) {
		become_worker(isolation, argv, fd);
		_exit(127);
	}
	if (child->pid < 0)
		return failure_errno(failure, errno, NULL, "cannot make the device process");
	return 0;
}

int isolation_empty(void)
{
	descriptor_leave_standard();
	if (syscall(SYS_close_range, ISOLATION_DESCRIPTOR + 1, ~0U, 0))
		return -errno;
	return fcntl(ISOLATION_DESCRIPTOR, F_SETFD, FD_CLOEXEC) ? -errno : 0;
}

/*
 * An empty, read-only root. It takes the place of some folder first, which becomes the root
 * then, with the old one under it and then gone (pivot_root(2), the case of "." twice).
 */
static int leave_files(void)
{
	static const char folder[] = "/dev";
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", folder, "tmpfs", flags, "nr_inodes=2,nr_blocks=1,mode=0555") ||
	    chdir(folder) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    chdir("/"))
		return errno;
	return 0;
}

static int set_limit(int resource, rlim_t value)
{
	const struct rlimit limit = { value, value };

	return setrlimit(resource, &limit) ? errno : 0;
}

static int set_limits(const struct isolation *isolation)
{
	int rc = set_limit(RLIMIT_NOFILE, DESCRIPTORS_MOST);

	if (rc == 0)
		rc = set_limit(RLIMIT_CORE, 0);
	if (rc == 0 && !isolation->writes_files)
		rc = set_limit(RLIMIT_FSIZE, 0);
	return rc;
}

/* Before the user changes: afterwards the bounding set cannot be emptied any more. */
static int empty_bounding_set(void)
{
#ifdef HAVE_LIBCAP_NG
	int i;

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_BOUNDS))
		return EPERM;
	/* without CAP_SETPCAP it does nothing, and says nothing */
	for (i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++)
		if (prctl(PR_CAPBSET_READ, i))
			return EPERM;
	return 0;
#else
	return ENOSYS;
#endif
}

static int empty_capabilities(void)
{
#ifdef HAVE_LIBCAP_NG
	capng_clear(CAPNG_SELECT_ALL);
	return capng_apply(CAPNG_SELECT_ALL & ~CAPNG_SELECT_BOUNDS) ? EPERM : 0;
#else
	return ENOSYS;
#endif
}

/* In a user namespace without the right to it the groups stay: those outside count there. */
static int change_user(uid_t uid, gid_t gid)
{
	if (geteuid() == uid && getuid() == uid && getegid() == gid)
		return setgroups(0, NULL) && errno != EPERM ? errno : 0;
	return setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ? errno
											   : 0;
}

/* Whoever named a user means it. */
static int lack_user(const struct isolation *isolation, int error, struct failure *failure)
{
	char part[60];

	snprintf(part, sizeof(part), "cannot become user %u", isolation->uid);
	if (!isolation->named)
		return lack(isolation, error, part, failure);
	failure_errno(failure, error, NULL, "%s", part);
	if (error == EINVAL)
		failure_hint(failure, "this user namespace has no such user");
	return -error;
}

static int give_up_rights(void)
{
	/* the change of user cleared the first and set the second */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return errno;
	return 0;
}

int isolation_enter(const struct isolation *isolation, struct failure *failure)
{
	int rc, error = empty_bounding_set();

	rc = error ? lack(isolation, error, "capabilities stay in its bounding set", failure) : 0;
	/* without such a namespace, it would be everybody's files that are gone */
	error = rc == 0 && isolation->namespaces & CLONE_NEWNS ? leave_files() : 0;
	if (error)
		rc = lack(isolation, error, "files can be reached", failure);
	error = rc == 0 ? set_limits(isolation) : 0;
	if (error)
		rc = lack(isolation, error, "resource limits cannot be set", failure);
	error = rc == 0 ? change_user(isolation->uid, isolation->gid) : 0;
	if (error)
		rc = lack_user(isolation, error, failure);
	error = rc == 0 ? empty_capabilities() : 0;
	if (error)
		rc = lack(isolation, error, "capabilities cannot be given up", failure);
	error = rc == 0 ? give_up_rights() : 0;
	if (error)
		rc = lack(isolation, error, "rights can be had back", failure);
	error = rc == 0 ? isolation_filter(ISOLATION_SETTING_UP) : 0;
	if (error)
		rc = lack(isolation, error, "no filter of system calls", failure);
	return rc;
}

int isolation_confine(const struct isolation *isolation, struct failure *failure)
{
	int error = set_limit(RLIMIT_NPROC, 0);

	if (!error)
		error = isolation_filter(ISOLATION_SERVING);
	return error ? lack(isolation, error, "no filter of system calls", failure) : 0;
}
