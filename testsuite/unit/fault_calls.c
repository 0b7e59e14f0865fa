// SPDX-License-Identifier: GPL-2.0-or-later
#include "testsuite/unit/fault_calls.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "testsuite/unit/made_kernel.h"

struct fault_calls calls;

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int fd, int operation, int which, struct epoll_event *event);
int __wrap_epoll_ctl(int fd, int operation, int which, struct epoll_event *event);
int __real_epoll_wait(int fd, struct epoll_event *events, int most, int milliseconds);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int most, int milliseconds);
int __real_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_signalfd(int fd, const sigset_t *set, int flags);
int __real_sigaction(int signal, const struct sigaction *action, struct sigaction *before);
int __wrap_sigaction(int signal, const struct sigaction *action, struct sigaction *before);
int __real_sigprocmask(int how, const sigset_t *set, sigset_t *before);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *before);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
ssize_t __real_recv(int fd, void *to, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t size, int flags);
ssize_t __real_send(int fd, const void *from, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *from, size_t size, int flags);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
int __wrap_sched_getscheduler(pid_t pid);
int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *how);
int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getcpu(void);
ssize_t __real_pread(int fd, void *to, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset);
ssize_t __real_pwrite(int fd, const void *from, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *from, size_t size, off_t offset);

int calls_fault(void *context, const char *call)
{
	(void)context;
	if (!calls.inside || !calls.is_point(call) || ++calls.points < calls.at ||
	    calls.points >= calls.at + calls.times)
		return 0;
	calls.failed = call;
	calls.failed_step = *calls.step;
	return calls.errnum;
}

static bool fails(const char *call)
{
	int errnum = calls_fault(NULL, call);

	if (errnum)
		errno = errnum;
	return errnum;
}

/* A call that gives a descriptor, which is counted. */
static int given(int fd)
{
	made.descriptors += fd >= 0;
	return fd;
}

int __wrap_epoll_create1(int flags)
{
	return fails("epoll_create1 descriptor") ? -1 : given(__real_epoll_create1(flags));
}

int __wrap_epoll_ctl(int fd, int operation, int which, struct epoll_event *event)
{
	return fails("epoll_ctl") ? -1 : __real_epoll_ctl(fd, operation, which, event);
}

int __wrap_signalfd(int fd, const sigset_t *set, int flags)
{
	return fails("signalfd descriptor") ? -1 : given(__real_signalfd(fd, set, flags));
}

int __wrap_sigaction(int signal, const struct sigaction *action, struct sigaction *before)
{
	return fails("sigaction") ? -1 : __real_sigaction(signal, action, before);
}

int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
	return fails("sigprocmask") ? -1 : __real_sigprocmask(how, set, before);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return fails("accept4 descriptor") ? -1 : given(__real_accept4(fd, address, length, flags));
}

ssize_t __wrap_recv(int fd, void *to, size_t size, int flags)
{
	return fails("recv") ? -1 : __real_recv(fd, to, size, flags);
}

ssize_t __wrap_send(int fd, const void *from, size_t size, int flags)
{
	return fails("send") ? -1 : __real_send(fd, from, size, flags);
}

int __wrap_sched_getscheduler(pid_t pid)
{
	(void)pid;
	return fails("sched_getscheduler") ? -1 : SCHED_OTHER;
}

/* Not of the test's own process. */
int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *how)
{
	(void)pid;
	(void)policy;
	(void)how;
	return fails("sched_setscheduler") ? -1 : 0;
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	return fails("sched_getaffinity") ? -1 : __real_sched_getaffinity(pid, size, set);
}

int __wrap_sched_getcpu(void)
{
	return fails("sched_getcpu") ? -1 : 0;
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset)
{
	return fails("pread") ? -1 : __real_pread(fd, to, size, offset);
}

ssize_t __wrap_pwrite(int fd, const void *from, size_t size, off_t offset)
{
	return fails("pwrite") ? -1 : __real_pwrite(fd, from, size, offset);
}

static void *counted(void *memory)
{
	calls.allocations += calls.inside && memory;
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return fails("malloc") ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails("calloc") ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	void *more = fails("realloc") ? NULL : __real_realloc(memory, size);

	return memory ? more : counted(more);
}

void __wrap_free(void *memory)
{
	calls.allocations -= calls.inside && memory;
	__real_free(memory);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int most, int milliseconds)
{
	int n;

	if (fails("epoll_wait"))
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
	return strstr(call, "descriptor") || !strcmp(call, "eventfd");
}

bool call_can_be_interrupted(const char *call)
{
	static const char *const names[] = { "ioctl", "ioctl descriptor", "read", "write", "recv",
					     "send", "accept4 descriptor", "epoll_wait", NULL };

	return is_one_of(call, names);
}
