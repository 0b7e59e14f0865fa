// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vhost_lock /dev/vhost-vdpa-N
 *
 * A client of vhost-vdpa, which calls itself "a-long-name-of-a-client", of two threads: on
 * SIGUSR1 one tells the device of memory, which the kernel does with the lock of the client's
 * address space taken (vhost_vdpa_va_map() in drivers/vhost/vdpa.c), and the other wants that
 * lock, too, for writing. While the device process does not answer, whoever reads what needs
 * the lock, such as /proc/PID/cmdline, waits with them. Prints "ready" before, and ends
 * afterwards.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include "testsuite/guest/vhost_client.h"

#define SIZE 65536

/* When the other one waits. */
static void *want_lock(void *argument)
{
	const struct timespec moment = { .tv_nsec = 300000000 };

	(void)argument;
	nanosleep(&moment, NULL);
	mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return NULL;
}

int main(int argc, char **argv)
{
	struct client client = { .iova = 0x140000000 };
	pthread_t other;
	sigset_t go;
	int signal;

	if (argc != 2)
		errx(CLIENT_FAILED, "usage: vhost_lock /dev/vhost-vdpa-N");
	prctl(PR_SET_NAME, "a-long-name-of-a-client");
	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	client_open(&client, argv[1], false);
	client_allocate(&client, SIZE, 0, 1);
	puts("ready");
	fflush(stdout);
	sigwait(&go, &signal);
	if (pthread_create(&other, NULL, want_lock, NULL))
		errx(CLIENT_FAILED, "no thread");
	client_map(&client);
	pthread_join(other, NULL);
	return 0;
}
