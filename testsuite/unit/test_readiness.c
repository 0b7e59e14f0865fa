// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who started us is told that we are ready, or why not: the service manager by a datagram, the
 * caller of a background process by a pipe. One call or the other fails.
 *
 * LDFLAGS: -Wl,--wrap=socket,--wrap=pipe2,--wrap=fork,--wrap=poll,--wrap=__poll_chk
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "testsuite/unit/descriptors.h"
#include "vduse/process/readiness.h"

static struct {
	int socket_error, pipe_error, fork_error, poll_error;	/* errno; 0: it is made */
	bool at_once;		/* nobody is waited for */
	uint64_t open;
} it;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_pipe2(int ends[2], int flags);
int __wrap_pipe2(int ends[2], int flags);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size);

static bool fails(int error)
{
	if (error)
		errno = error;
	return error;
}

int __wrap_socket(int domain, int type, int protocol)
{
	return fails(it.socket_error) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_pipe2(int ends[2], int flags)
{
	return fails(it.pipe_error) ? -1 : __real_pipe2(ends, flags);
}

pid_t __wrap_fork(void)
{
	return fails(it.fork_error) ? -1 : __real_fork();
}

/* Who is never ready is given up at once, and anybody else is waited for as long as it takes. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	assert_int_equal(milliseconds, 7000);
	if (fails(it.poll_error))
		return -1;
	return it.at_once ? 0 : __real_poll(fds, count, -1);
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size)
{
	(void)size;
	return __wrap_poll(fds, count, milliseconds);
}

/* -- the service manager ------------------------------------------------------------------------ */

/* A socket at an address that the kernel chooses; @name is filled as NOTIFY_SOCKET has it. */
static int listen_as_manager(char name[120])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);
	int fd = __real_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (const void *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(fd, (void *)&address, &length), 0);
	snprintf(name, 120, "@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
		 address.sun_path + 1);
	return fd;
}

static void the_manager_is_told(void **state)
{
	char name[120], heard[40] = "";
	int fd = listen_as_manager(name);

	(void)state;
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_manager("READY=1"), 0);
	assert_int_equal(recv(fd, heard, sizeof(heard), 0), 7);
	assert_string_equal(heard, "READY=1");
	close(fd);
	assert_int_equal(notify_manager("STOPPING=1"), -ECONNREFUSED);
}

static void there_is_no_manager(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_manager("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_manager("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	assert_int_equal(notify_manager("READY=1"), -ENOENT);
}

static void its_address_is_none(void **state)
{
	char longest[200];

	(void)state;
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	assert_int_equal(notify_manager("READY=1"), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[108] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(notify_manager("READY=1"), -EINVAL);
	longest[107] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(notify_manager("READY=1"), -ENOENT);
}

static void proc_65_no_socket_for_it(void **state)
{
	(void)state;
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	it.socket_error = EMFILE;
	assert_int_equal(notify_manager("READY=1"), -EMFILE);
}

/* -- a process in the background ---------------------------------------------------------------- */

/* What it looks like from inside: exit status 7 where that is not so. */
static void check_surroundings(void)
{
	char folder[40], out[40] = "";

	if (getsid(0) != getpid() || !getcwd(folder, sizeof(folder)) || strcmp(folder, "/") ||
	    readlink("/proc/self/fd/1", out, sizeof(out) - 1) < 0 || strcmp(out, "/dev/null"))
		_exit(7);
}

static int serve_well(void *context, int *ready_fd, struct failure *failure)
{
	(void)context;
	(void)failure;
	check_surroundings();
	background_ready(ready_fd);
	if (*ready_fd != -1)
		_exit(8);
	background_ready(ready_fd);	/* nobody waits any more */
	return 0;
}

static int serve_badly(void *context, int *ready_fd, struct failure *failure)
{
	(void)ready_fd;
	return failure_set(failure, STATUS_BUSY, *(int *)context, "lo0", "that is why");
}

static int serve_and_die(void *context, int *ready_fd, struct failure *failure)
{
	(void)context;
	(void)ready_fd;
	(void)failure;
	kill(getpid(), SIGKILL);
	return 0;
}

static int serve_without_end(void *context, int *ready_fd, struct failure *failure)
{
	(void)context;
	(void)ready_fd;
	(void)failure;
	while (pause())
		;
	return 0;
}

static struct failure failure;
static int pid;

static int start(int (*serve)(void *context, int *ready_fd, struct failure *failure), int errnum)
{
	failure = (struct failure){ .status = STATUS_OK };
	pid = 0;
	return background_start(serve, &errnum, 7, &pid, &failure);
}

static void it_is_ready(void **state)
{
	int status;

	(void)state;
	assert_int_equal(start(serve_well, 0), 0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(failure.status, STATUS_OK);
}

static void it_says_why_not(void **state)
{
	(void)state;
	assert_int_equal(start(serve_badly, EBUSY), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_string_equal(failure.message, "that is why");
	/* and where there is no errno */
	assert_int_equal(start(serve_badly, 0), -EINVAL);
	assert_int_equal(failure.status, STATUS_BUSY);
}

static void it_dies_before_it_is_ready(void **state)
{
	(void)state;
	assert_true(start(serve_and_die, 0) < 0);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_non_null(strstr(failure.message, "before it was ready"));
}

static void it_takes_too_long(void **state)
{
	(void)state;
	it.at_once = true;
	assert_int_equal(start(serve_without_end, 0), -ETIMEDOUT);
	assert_int_equal(failure.status, STATUS_TIMED_OUT);
	assert_non_null(strstr(failure.message, "not ready within 7 s"));
}

static void proc_65_it_cannot_be_had(void **state)
{
	(void)state;
	it.pipe_error = EMFILE;
	assert_int_equal(start(serve_well, 0), -EMFILE);
	it.pipe_error = 0;
	it.fork_error = EAGAIN;
	assert_int_equal(start(serve_well, 0), -EAGAIN);
	assert_string_equal(failure.message, "cannot make a process: Resource temporarily unavailable");
	it.fork_error = 0;
	it.poll_error = ENOMEM;
	assert_true(start(serve_without_end, 0) < 0);
	assert_int_equal(failure.status, STATUS_FAILED);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	it.open = open_descriptors();
	return 0;
}

/* Nothing is left: no descriptor, no process. */
static int teardown(void **state)
{
	(void)state;
	assert_true(open_descriptors() == it.open);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_manager_is_told),
		TEST(there_is_no_manager),
		TEST(its_address_is_none),
		TEST(proc_65_no_socket_for_it),
		TEST(it_is_ready),
		TEST(it_says_why_not),
		TEST(it_dies_before_it_is_ready),
		TEST(it_takes_too_long),
		TEST(proc_65_it_cannot_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
