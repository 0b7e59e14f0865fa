// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link NAME [ PEER ]
 *
 * Serves NAME, alone or connected to PEER, as "vduse loopback" does, and lowers the link of
 * NAME on SIGUSR1 and raises it on SIGUSR2. Ends on SIGTERM, with the counters of each
 * device as one JSON object a line. SIGHUP: stands still until the next signal, as a
 * process that does not get the processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vduse/device/port.h"
#include "vduse/process/eventloop.h"

#define PORTS 2
#define MILLISECOND UINT64_C(1000000)

static struct port ports[PORTS];
static const char *names[PORTS];
static unsigned int count;

static void on_wake(void *context)
{
	(void)context;	/* every round looks at every port */
}

static void on_report(void *context, const char *sentence)
{
	fprintf(stderr, "link: %s: %s\n", (const char *)context, sentence);
}

static const struct port_owner owner = { on_wake, on_report, NULL };

static int open_port(unsigned int index)
{
	char path[300];
	int fd, rc;

	snprintf(path, sizeof(path), "/dev/vduse/%s", names[index]);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = port_open(&ports[index], fd, 256, 1500, NULL, &owner, (void *)(uintptr_t)names[index]);
	if (rc < 0)
		close(fd);
	else
		rc = port_set_link(&ports[index], true, 0);	/* as vduse/process/serve.c */
	return rc;
}

static int watch_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGUSR1, SIGUSR2, SIGHUP };
	sigset_t set;
	unsigned int i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void stand_still(int signals)
{
	struct pollfd pollfd = { .fd = signals, .events = POLLIN };

	poll(&pollfd, 1, -1);
}

/* false: it is the end */
static bool take_signal(int signals)
{
	struct signalfd_siginfo info;
	int rc;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo == SIGTERM)
		return false;
	if (info.ssi_signo == SIGHUP) {
		stand_still(signals);
		return take_signal(signals);	/* before anything else is done */
	}
	rc = port_set_link(&ports[0], info.ssi_signo == SIGUSR2, eventloop_now());
	if (rc < 0)
		fprintf(stderr, "link: cannot change it: %s\n", strerror(-rc));
	return true;
}

static void print_counters(unsigned int index)
{
	struct port_counters counters;
	unsigned int cause;

	port_read_counters(&ports[index], &counters);
	printf("{\"name\":\"%s\",\"sent\":%llu,\"received\":%llu", names[index],
	       (unsigned long long)counters.queues[PORT_TRANSMITQ].frames,
	       (unsigned long long)counters.queues[PORT_RECEIVEQ].frames);
	for (cause = 1; cause < NET_DROPS; cause++)
		printf(",\"%s\":%llu", net_drop_text((enum net_drop)cause),
		       (unsigned long long)counters.dropped[cause]);
	puts("}");
}

/* Everything that a round of the event loop of "vduse loopback" does. */
static bool look_after(unsigned int index, uint64_t *due)
{
	struct session *session = &ports[index].session;
	uint64_t next;
	unsigned int i;

	if (session_handle_messages(session) < 0)
		return false;
	for (i = 0; i < SESSION_QUEUES; i++)
		session_take_kick(session, i);
	next = port_forward(&ports[index], eventloop_now());
	if (session_owes(session) && session_retry(session))
		next = eventloop_now() + MILLISECOND;
	/* what this one's frames owe the other one is seen a millisecond later */
	if (session_owes(&ports[index].peer->session))
		next = eventloop_now() + MILLISECOND;
	if (next < *due)
		*due = next;
	return true;
}

static void wait_for(int signals, uint64_t due)
{
	struct pollfd fds[1 + PORTS * (1 + SESSION_QUEUES)];
	uint64_t now = eventloop_now();
	unsigned int i, queue, used = 0;
	int milliseconds = -1;

	fds[used++] = (struct pollfd){ .fd = signals, .events = POLLIN };
	for (i = 0; i < count; i++) {
		fds[used++] = (struct pollfd){ .fd = ports[i].session.fd, .events = POLLIN };
		for (queue = 0; queue < SESSION_QUEUES; queue++)
			fds[used++] = (struct pollfd){
				.fd = ports[i].session.queues[queue].kick_fd, .events = POLLIN };
	}
	if (due != FORWARD_NEVER)
		milliseconds = due <= now ? 0 : (int)((due - now) / MILLISECOND + 1);
	poll(fds, used, milliseconds);
}

static void serve(int signals)
{
	bool going = true;
	unsigned int i;

	while (going) {
		uint64_t due = FORWARD_NEVER;

		for (i = 0; i < count; i++)
			going = look_after(i, &due) && going;
		going = going && take_signal(signals);
		if (going)
			wait_for(signals, due);
	}
}

int main(int argc, char **argv)
{
	int signals = watch_signals();
	unsigned int i;
	int rc;

	if (argc < 2 || argc > 3 || signals < 0) {
		fprintf(stderr, "usage: link NAME [ PEER ]\n");
		return 2;
	}
	for (count = 0; (int)count < argc - 1; count++) {
		names[count] = argv[1 + count];
		rc = open_port(count);
		if (rc < 0) {
			fprintf(stderr, "link: %s: %s\n", names[count], strerror(-rc));
			return 1;
		}
	}
	if (count == 2)
		port_connect(&ports[0], &ports[1]);
	for (i = 0; i < count; i++)
		session_resume(&ports[i].session);
	puts("ready");
	fflush(stdout);
	serve(signals);
	for (i = 0; i < count; i++)
		print_counters(i);
	for (i = 0; i < count; i++)
		port_close(&ports[i]);
	return 0;
}
