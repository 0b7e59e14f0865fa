// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pester NAME
 *
 * Everything that one should not do to the control socket of the device NAME, all at once,
 * until SIGTERM, and after that until each has been done so often that it counts (`enough`),
 * however slow the machine is; then says in one JSON object how often:
 *
 *	follow	take every place that a follower can have, and never read
 *	ask	send requests without end and never read an answer; half of them are
 *		something to be told to those who follow
 *	garbage	requests of random bytes and any length, of none, of words cut in half
 *	knock	connect and go, without end
 *	linger	connect and say nothing
 *
 * "lost" is how many events the first of the followers is told to have lost, when it reads
 * at last: 0 where there were too few to be in anybody's way.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/registry.h"

#define LONGEST 2000	/* bytes of a request; the server takes 255 */
#define LINGERERS 6

enum pest { FOLLOW, ASK, GARBAGE, KNOCK, LINGER, PESTS };

static const char *const names[PESTS] = { "followed", "asked", "garbage", "knocked", "lingered" };

/* Each at least so often. More followers than there are places, more requests than a socket
 * holds; and each connection more than the server has of them, many times over. */
static const unsigned long enough[PESTS] = {
	[FOLLOW] = 30, [ASK] = 1000, [GARBAGE] = 100, [KNOCK] = 1000, [LINGER] = 20,
};

static int join(const char *name)
{
	int fd;

	/* where everybody pushes, one may have to wait for long */
	while ((fd = control_socket_connect(REGISTRY_FOLDER, name, 1000)) < 0)
		if (fd == -ENOENT || fd == -ECONNREFUSED)
			errx(1, "%s: nobody serves it any more", name);
	return fd;
}

static void rest(int milliseconds)
{
	poll(NULL, 0, milliseconds);
}

/* A follower each time; who has a place keeps it, who has none is told so. */
static void follow(const char *name, unsigned long *count)
{
	int fd[64], used = 0;

	for (;;) {
		fd[used] = join(name);
		control_socket_send(fd[used], "events");
		++*count;
		rest(20);
		if (++used == 64)
			while (used > 32)
				close(fd[--used]);
	}
}

static void ask(const char *name, unsigned long *count)
{
	for (;;) {
		int fd = join(name), rc;

		do {
			rc = control_socket_send(fd, *count % 2 ? "state" : "link up");
			*count += rc == 0;
			if (rc == -EAGAIN)
				rest(1);
		} while (rc == 0 || rc == -EAGAIN);
		close(fd);
	}
}

static void send_garbage(const char *name, unsigned long *count)
{
	static const char *const halves[] = { "stat", "event", "link", "link ", "link upx", "sto" };
	char bytes[LONGEST];
	size_t i;

	for (;;) {
		int fd = join(name);
		size_t length = (size_t)rand() % LONGEST;

		for (i = 0; i < length; i++)
			bytes[i] = (char)rand();
		send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		for (i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
			control_socket_send(fd, halves[i]);
		send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT);
		++*count;
		rest(1);
		close(fd);
	}
}

static void knock(const char *name, unsigned long *count)
{
	for (;;) {
		close(join(name));
		++*count;
	}
}

static void linger(const char *name, unsigned long *count)
{
	int fd[LINGERERS], i = 0;

	for (;; i = (i + 1) % LINGERERS) {
		if (*count >= LINGERERS)
			close(fd[i]);
		fd[i] = join(name);
		++*count;
		rest(50);
	}
}

/* SIGTERM has come: wait for those that were slow, at most two minutes. */
static void wait_for_enough(const unsigned long *counts)
{
	int i, waited;

	for (i = 0, waited = 0; i < PESTS && waited < 120000; waited += 10) {
		while (i < PESTS && __atomic_load_n(&counts[i], __ATOMIC_RELAXED) >= enough[i])
			i++;
		if (i < PESTS)
			rest(10);
	}
	if (i < PESTS)
		warnx("%s: only %lu times", names[i], counts[i]);
}

/* What a follower that never read is told to have lost. */
static unsigned long long read_lost(int follower)
{
	struct buffer packet = { 0 };
	unsigned long long lost = 0;

	while (!lost && control_socket_receive(follower, 1000, &packet) == 0)
		sscanf(packet.text, "{\"event\":\"resync\",\"lost\":%llu}", &lost);
	buffer_free(&packet);
	return lost;
}

int main(int argc, char **argv)
{
	static void (*const pests[PESTS])(const char *name, unsigned long *count) = {
		[FOLLOW] = follow, [ASK] = ask, [GARBAGE] = send_garbage, [KNOCK] = knock,
		[LINGER] = linger,
	};
	unsigned long *counts = mmap(NULL, PESTS * sizeof(*counts), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, number, status, follower, failed = 0;
	pid_t children[PESTS];
	sigset_t set;

	if (argc != 2 || counts == MAP_FAILED)
		errx(2, "usage: pester NAME");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	follower = join(argv[1]);
	control_socket_send(follower, "events");
	for (i = 0; i < PESTS; i++) {
		children[i] = fork();
		if (children[i] < 0)
			err(1, "fork");
		if (children[i] == 0) {
			sigprocmask(SIG_UNBLOCK, &set, NULL);
			pests[i](argv[1], &counts[i]);
		}
	}
	sigwait(&set, &number);
	wait_for_enough(counts);
	for (i = 0; i < PESTS; i++) {
		kill(children[i], SIGTERM);
		waitpid(children[i], &status, 0);
		failed |= !WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM;
		printf("%s\"%s\":%lu", i ? "," : "{", names[i], counts[i]);
	}
	printf(",\"lost\":%llu}\n", read_lost(follower));
	return failed;
}
