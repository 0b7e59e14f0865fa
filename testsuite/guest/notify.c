// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * notify [ -a ] COMMAND [ ARGUMENT ]...
 *
 * Runs COMMAND as a service manager of type "notify" does, and prints each state that it
 * sends, "pid PID: STATE" a line. A command that has said READY=1 is sent SIGTERM. With -a
 * the socket has an abstract name. Exit status: the command's, 128 + n for a signal; 124 when
 * it was not ready, or did not end, within 10 s.
 */
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 120000

/* An abstract @name begins with '@', and its address with a NUL in place of that. */
static int listen_at(char *name, size_t size, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	snprintf(name, size, "%snotify.%d", abstract ? "@" : "/run/", (int)getpid());
	memcpy(address.sun_path, name, strlen(name));
	if (abstract) {
		address.sun_path[0] = '\0';
		length = offsetof(struct sockaddr_un, sun_path) + strlen(name);
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		err(2, "%s", name);
	return fd;
}

/* Print one state. true: it is READY=1. */
static bool take_state(int fd)
{
	char state[256], control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec part = { state, sizeof(state) - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
	struct ucred credentials = { 0 };

	if (n < 0)
		return false;
	if (CMSG_FIRSTHDR(&message))
		memcpy(&credentials, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(credentials));
	state[n] = '\0';
	printf("pid %d: %s\n", (int)credentials.pid, state);
	return !strcmp(state, "READY=1");
}

/* What it says until it has ended, which it does within the patience or is made to. */
static bool take_rest(int fd, pid_t child, int *status)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int waited;

	for (waited = 0; waited < PATIENCE_MS; waited += 10) {
		pid_t ended = waitpid(child, status, WNOHANG);

		while (poll(&pollfd, 1, 0) > 0)
			take_state(fd);
		if (ended == child)
			return true;
		poll(NULL, 0, 10);
	}
	kill(child, SIGKILL);
	waitpid(child, status, 0);
	return false;
}

int main(int argc, char **argv)
{
	bool abstract = argc > 1 && !strcmp(argv[1], "-a");
	char name[64];
	int status, fd = listen_at(name, sizeof(name), abstract);
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	bool ready = false;
	pid_t child;

	argv += abstract;
	argc -= abstract;
	if (argc < 2)
		errx(2, "usage: notify [-a] COMMAND [ARGUMENT]...");
	setenv("NOTIFY_SOCKET", name, 1);
	child = fork();
	if (child == 0) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	while (!ready && poll(&pollfd, 1, PATIENCE_MS) > 0)
		ready = take_state(fd);
	kill(child, ready ? SIGTERM : SIGKILL);
	if (!take_rest(fd, child, &status))
		ready = false;
	if (!abstract)
		unlink(name);
	if (!ready)
		return 124;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
