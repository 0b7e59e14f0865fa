// SPDX-License-Identifier: GPL-2.0-or-later
#include "testsuite/unit/fault_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct fault_calls calls;

#define WEAK __attribute__((weak))

/* Both names of a call. What is not wrapped has no real one, and nobody asks for it. */
#define DECLARE(type, name, ...) \
	WEAK type __real_##name(__VA_ARGS__); \
	WEAK type __wrap_##name(__VA_ARGS__)

static int fault_of(const char *call)
{
	unsigned long point;

	if (calls.fault)
		return calls.fault(calls.context, call);
	if (calls.is_point && !calls.is_point(call))
		return 0;
	point = ++calls.points;
	return point >= calls.at && point < calls.at + calls.times ? calls.errnum : 0;
}

bool calls_fail(const char *call)
{
	int errnum = calls.inside ? fault_of(call) : 0;

	if (!errnum)
		return false;
	calls.failed = call;
	if (calls.on_fault)
		calls.on_fault(call);
	errno = errnum;
	return true;
}

bool calls_failed(const char *call)
{
	return calls.failed && !strcmp(calls.failed, call);
}

int calls_given(int fd)
{
	calls.descriptors += calls.inside && fd >= 0;
	return fd;
}

/* -- calls that fail with -1, and errno ------------------------------------------------------ */

/* The parameters are in parentheses, and their names follow. */
#define CALL(type, name, parameters, ...) \
	WEAK type __real_##name parameters; \
	WEAK type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		return calls_fail(#name) ? -1 : __real_##name(__VA_ARGS__); \
	}

/* Another name of a call, by whoever this one is defined. */
#define ALSO(type, name, other, parameters, ...) \
	WEAK type __wrap_##other parameters; \
	type __wrap_##other parameters \
	{ \
		return __wrap_##name(__VA_ARGS__); \
	}

CALL(int, epoll_ctl, (int fd, int what, int which, struct epoll_event *event), fd, what, which, event)
CALL(int, sigaction, (int signal, const struct sigaction *action, struct sigaction *before), signal,
     action, before)
CALL(int, sigprocmask, (int how, const sigset_t *set, sigset_t *before), how, set, before)
CALL(int, sched_getaffinity, (pid_t pid, size_t size, cpu_set_t *set), pid, size, set)
CALL(int, dup2, (int from, int to), from, to)
CALL(int, socketpair, (int domain, int type, int protocol, int ends[2]), domain, type, protocol, ends)
CALL(ssize_t, recv, (int fd, void *to, size_t size, int flags), fd, to, size, flags)
CALL(ssize_t, send, (int fd, const void *from, size_t size, int flags), fd, from, size, flags)
CALL(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), fd, message, flags)
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), fd, message, flags)
CALL(ssize_t, read, (int fd, void *to, size_t size), fd, to, size)
CALL(ssize_t, write, (int fd, const void *from, size_t size), fd, from, size)
CALL(ssize_t, pread, (int fd, void *to, size_t size, off_t at), fd, to, size, at)
CALL(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), fd, from, size, at)
ALSO(ssize_t, pwrite, pwrite64, (int fd, const void *from, size_t size, off_t at), fd, from, size, at)
CALL(ssize_t, getrandom, (void *to, size_t size, unsigned int flags), to, size, flags)
CALL(int, eventfd_read, (int fd, eventfd_t *value), fd, value)
CALL(int, fstat, (int fd, struct stat *status), fd, status)
ALSO(int, fstat, fstat64, (int fd, struct stat *status), fd, status)
CALL(int, fstatat, (int folder, const char *file, struct stat *status, int flags), folder, file, status,
     flags)
CALL(int, unlinkat, (int folder, const char *file, int flags), folder, file, flags)
CALL(int, ftruncate, (int fd, off_t length), fd, length)
ALSO(int, ftruncate, ftruncate64, (int fd, off_t length), fd, length)
CALL(off_t, lseek, (int fd, off_t offset, int whence), fd, offset, whence)
ALSO(off_t, lseek, lseek64, (int fd, off_t offset, int whence), fd, offset, whence)
CALL(int, poll, (struct pollfd *fds, nfds_t count, int milliseconds), fds, count, milliseconds)

/* What fortified sources call instead (-D_FORTIFY_SOURCE). */
DECLARE(int, __poll_chk, struct pollfd *fds, nfds_t count, int milliseconds, size_t size);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size)
{
	(void)size;
	return __wrap_poll(fds, count, milliseconds);
}

/* -- descriptors ----------------------------------------------------------------------------- */

#define GIVES(name, parameters, ...) \
	WEAK int __real_##name parameters; \
	WEAK int __wrap_##name parameters; \
	int __wrap_##name parameters \
	{ \
		return calls_fail(#name) ? -1 : calls_given(__real_##name(__VA_ARGS__)); \
	}

GIVES(epoll_create1, (int flags), flags)
GIVES(signalfd, (int fd, const sigset_t *set, int flags), fd, set, flags)
GIVES(eventfd, (unsigned int count, int flags), count, flags)
GIVES(accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags), fd, address, length,
      flags)

DECLARE(int, open, const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return calls_fail("open") ? -1 : calls_given(__real_open(path, flags, mode));
}

WEAK int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...) __attribute__((alias("__wrap_open")));

DECLARE(int, openat, int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return calls_fail("openat") ? -1 : calls_given(__real_openat(folder, path, flags, mode));
}

DECLARE(int, fcntl, int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	return calls_fail("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

WEAK int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...) __attribute__((alias("__wrap_fcntl")));

DECLARE(int, close, int fd);
int calls_close(int fd)
{
	int rc = __real_close(fd);

	calls.descriptors -= calls.inside && rc == 0;
	return rc;
}

int __wrap_close(int fd)
{
	int rc = calls_close(fd);

	return calls_fail("close") ? -1 : rc;
}

/* -- memory ---------------------------------------------------------------------------------- */

DECLARE(void *, mmap, void *start, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *start, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *at;

	/* where a page was missing, nothing but a new one helps */
	if (flags & MAP_FIXED)
		return __real_mmap(start, length, protection, flags, fd, offset);
	at = calls_fail("mmap") ? MAP_FAILED :
				  __real_mmap(start, length, protection, flags, fd, offset);
	calls.mappings += calls.inside && at != MAP_FAILED;
	return at;
}

ALSO(void *, mmap, mmap64, (void *start, size_t length, int protection, int flags, int fd, off_t offset),
     start, length, protection, flags, fd, offset)

DECLARE(int, munmap, void *start, size_t length);
int __wrap_munmap(void *start, size_t length)
{
	calls.mappings -= calls.inside;
	return __real_munmap(start, length);
}

static void *counted(void *memory)
{
	calls.allocations += calls.inside && memory;
	return memory;
}

DECLARE(void *, malloc, size_t size);
void *__wrap_malloc(size_t size)
{
	return calls_fail("malloc") ? NULL : counted(__real_malloc(size));
}

DECLARE(void *, calloc, size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return calls_fail("calloc") ? NULL : counted(__real_calloc(count, size));
}

DECLARE(void *, realloc, void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
	void *more = calls_fail("realloc") ? NULL : __real_realloc(memory, size);

	return memory ? more : counted(more);
}

DECLARE(void, free, void *memory);
void __wrap_free(void *memory)
{
	calls.allocations -= calls.inside && memory;
	__real_free(memory);
}

/* -- not as it is ---------------------------------------------------------------------------- */

/* It returns what went wrong. */
DECLARE(int, posix_fallocate, int fd, off_t offset, off_t length);
int __wrap_posix_fallocate(int fd, off_t offset, off_t length)
{
	return calls_fail("posix_fallocate") ? errno : __real_posix_fallocate(fd, offset, length);
}

DECLARE(int, sched_getscheduler, pid_t pid);
int __wrap_sched_getscheduler(pid_t pid)
{
	(void)pid;
	return calls_fail("sched_getscheduler") ? -1 : SCHED_OTHER;
}

/* Not of the test's own process. */
DECLARE(int, sched_setscheduler, pid_t pid, int policy, const struct sched_param *how);
int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *how)
{
	(void)pid;
	(void)policy;
	(void)how;
	return calls_fail("sched_setscheduler") ? -1 : 0;
}

DECLARE(int, sched_getcpu, void);
int __wrap_sched_getcpu(void)
{
	return calls_fail("sched_getcpu") ? -1 : 0;
}

DECLARE(int, epoll_wait, int fd, struct epoll_event *events, int most, int milliseconds);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int most, int milliseconds)
{
	int n;

	if (calls_fail("epoll_wait"))
		return -1;
	calls.inside = false;
	n = calls.wait(fd, events, most, milliseconds);
	calls.inside = true;
	return n;
}

int calls_real_epoll_wait(int fd, struct epoll_event *events, int most)
{
	return __real_epoll_wait(fd, events, most, 0);
}

DECLARE(int, clock_gettime, clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!calls.inside)
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){ .tv_sec = (time_t)(calls.now / 1000000000),
				  .tv_nsec = (long)(calls.now % 1000000000) };
	return 0;
}

/* -- kinds --------------------------------------------------------------------------------- */

static bool is_one_of(const char *call, const char *const *names)
{
	while (*names && strcmp(call, *names))
		names++;
	return *names;
}

bool call_is_allocation(const char *call)
{
	static const char *const names[] = { "malloc", "calloc", "realloc", NULL };

	return is_one_of(call, names);
}

bool call_is_memory(const char *call)
{
	return call_is_allocation(call) || !strcmp(call, "mmap");
}

bool call_is_system_call(const char *call)
{
	return !call_is_allocation(call);
}

bool call_gives_descriptor(const char *call)
{
	static const char *const names[] = { "ioctl descriptor", "epoll_create1", "signalfd", "eventfd",
					     "accept4", "open", "openat", NULL };

	return is_one_of(call, names);
}

bool call_can_be_interrupted(const char *call)
{
	static const char *const names[] = { "ioctl", "ioctl descriptor", "read", "eventfd_read", "write",
					     "recv", "send", "accept4", "epoll_wait", NULL };

	return is_one_of(call, names);
}
