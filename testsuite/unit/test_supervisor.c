// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The supervisor with workers that are processes, and do what a script says: serve, die in every
 * state, send anything. No isolation, no device: the node is a pipe, and a pause is not slept
 * through but noted.
 *
 * LDFLAGS: -Wl,--wrap=isolation_prepare,--wrap=isolation_network_ask,--wrap=isolation_network_take,--wrap=isolation_spawn,--wrap=eventloop_now,--wrap=poll,--wrap=__poll_chk,--wrap=socketpair,--wrap=signalfd,--wrap=sigprocmask,--wrap=channel_send
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "testsuite/unit/descriptors.h"
#include "vduse/process/eventloop.h"
#include "vduse/process/supervisor_worker.h"
#include "vduse/process/worker.h"

#define MS UINT64_C(1000000)
#define STARTS 24
#define PAUSES 32
#define SENTENCES 64

/* What a worker does, in this order: until one of the last. */
enum does {
	NOTHING = 0,
	GONE,		/* before it is told its plan, and before it could be */
	DIES,		/* with its plan, before it serves */
	CRASHES,	/* serves, and is killed */
	EXITS,		/* serves, and exits with 3 */
	ENDS,		/* ... with 0, without having been asked */
	FAILS,		/* says that it cannot go on */
	FAILS_ODDLY,	/* ... and that the errno is 0 */
	FORBIDDEN,	/* a call that it may not make */
	AGES,		/* serves for LIFE_MS, and is killed */
	FLOODS,		/* 100 sentences, then is killed */
	BABBLES,	/* everything that is no message, or about no device; then serves */
	COUNTS,		/* serves, asks to be asked for its counters, and answers */
	ASKS_TO_END,	/* serves, and somebody signals the supervisor */
	ENDS_UNREADY,	/* the same before it serves */
	STUBBORN,	/* ... and does not take the signal */
	HANGS,		/* does not come to serve */
	NETWORKED,	/* serves until it is asked to end; the network namespace comes then */
	WAITS,		/* serves until it is asked to end */
};

static struct {
	enum does script[STARTS];
	unsigned int starts, opened, ready, sentences, counted, taken;
	char said[SENTENCES][200];
	int pauses[PAUSES];	/* milliseconds */
	unsigned int pause_count;
	uint64_t offset;	/* of the clock */
	struct supervisor_plan plan;
	struct failure failure;
	int pipe[2];
	/* what fails, and from which start on */
	int prepare_error, ask_error, take_error, spawn_error, pair_error, signals_error, mask_error,
		poll_error, open_error, ready_error, send_error;
	unsigned int from, interrupted;
	bool user_namespace, no_network, stop_in_pause, stop_in_network;
	int network_event;	/* of the helper */
	int free_number;
} it;

/* -- the worker ------------------------------------------------------------------------------- */

static void tell(enum channel_kind kind, uint32_t device, const char *sentence)
{
	static struct channel_message message;

	memset(&message, 0, sizeof(message));
	message.kind = kind;
	message.device = device;
	if (sentence)
		snprintf(message.sentence, sizeof(message.sentence), "%s", sentence);
	/* one that is not listened to waits, so that the script is kept to */
	while (channel_send(ISOLATION_DESCRIPTOR, &message, NULL, 0) == -EAGAIN)
		poll(NULL, 0, 1);
}

static void take_plan(void)
{
	static struct channel_message message;
	int fds[CHANNEL_DESCRIPTORS];
	unsigned int count;
	struct pollfd pollfd = { .fd = ISOLATION_DESCRIPTOR, .events = POLLIN };

	poll(&pollfd, 1, -1);
	if (channel_receive(ISOLATION_DESCRIPTOR, &message, fds, CHANNEL_DESCRIPTORS, &count) ||
	    message.kind != CHANNEL_PLAN || message.plan.descriptors != 0x5 || count != 2 ||
	    strcmp(message.plan.devices[0].name, "lo0"))
		_exit(99);
	tell(CHANNEL_TAKEN, 0, NULL);
}

static void fail_with(int errnum)
{
	static struct channel_message message;

	memset(&message, 0, sizeof(message));
	message.kind = CHANNEL_FAILURE;
	failure_set(&message.failure, STATUS_BUSY, errnum, "lo0", "that is why");
	channel_send(ISOLATION_DESCRIPTOR, &message, NULL, 0);
}

static void babble(void)
{
	static const char junk[3000] = "x";

	tell((enum channel_kind)77, 0, NULL);
	tell(CHANNEL_PLAN, 0, NULL);
	send(ISOLATION_DESCRIPTOR, junk, 3, 0);
	send(ISOLATION_DESCRIPTOR, junk, sizeof(junk), 0);
	tell(CHANNEL_TAKEN, 5, NULL);
	tell(CHANNEL_READY, 0, NULL);
	tell(CHANNEL_READY, 9, NULL);
	tell(CHANNEL_REPORT, 1, "about a device that there is not");
	tell(CHANNEL_REPORT, UINT32_MAX, "nor this one");
	tell(CHANNEL_COUNTERS, 1, NULL);
}

static void wait_for(int signal)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	do
		sigwait(&set, &got);
	while (got != signal);
}

static void work(enum does does)
{
	unsigned int i;

	take_plan();
	if (does == DIES)
		_exit(4);
	if (does == HANGS)
		pause();
	if (does == ENDS_UNREADY || does == STUBBORN)
		kill(getppid(), SIGINT);
	if (does == STUBBORN)
		for (;;)
			pause();
	if (does == BABBLES)
		babble();
	if (does != ENDS_UNREADY)
		tell(CHANNEL_READY, 0, NULL);
	if (does == AGES)
		tell(CHANNEL_REPORT, 0, "time passes");
	if (does == NETWORKED)
		tell(CHANNEL_REPORT, 0, "now it comes");
	for (i = 0; i < 100 && does == FLOODS; i++)
		tell(CHANNEL_REPORT, 0, "a sentence");
	if (does == FAILS || does == FAILS_ODDLY)
		fail_with(does == FAILS ? EPIPE : 0);
	if (does == FORBIDDEN)
		tell(CHANNEL_FORBIDDEN, SYS_socket, NULL);
	if (does == CRASHES || does == AGES || does == FLOODS)
		kill(getpid(), SIGKILL);
	if (does == EXITS || does == FAILS || does == FAILS_ODDLY || does == FORBIDDEN)
		_exit(3);
	if (does == ENDS)
		_exit(WORKER_ASKED);
	if (does == COUNTS) {
		kill(getppid(), SIGUSR1);
		wait_for(SIGUSR1);
		tell(CHANNEL_COUNTERS, 0, NULL);
	}
	if (does == ASKS_TO_END || does == BABBLES || does == COUNTS)
		kill(getppid(), SIGTERM);
	wait_for(SIGTERM);
	_exit(WORKER_ASKED);
}

/* -- what is below the supervisor -------------------------------------------------------------- */

int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __real_socketpair(int domain, int type, int protocol, int ends[2]);
int __real_signalfd(int fd, const sigset_t *set, int flags);
int __real_sigprocmask(int how, const sigset_t *set, sigset_t *before);
int __real_channel_send(int fd, const struct channel_message *message, const int *fds,
			unsigned int count);
uint64_t __real_eventloop_now(void);
int __wrap_isolation_prepare(struct isolation *isolation, struct failure *failure);
int __wrap_isolation_network_ask(struct isolation *isolation, struct failure *failure);
int __wrap_isolation_network_take(struct isolation *isolation, struct failure *failure);
int __wrap_isolation_spawn(const struct isolation *isolation, char *const argv[], int fd,
			   struct isolation_child *child, struct failure *failure);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size);
int __wrap_socketpair(int domain, int type, int protocol, int ends[2]);
int __wrap_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *before);
int __wrap_channel_send(int fd, const struct channel_message *message, const int *fds,
			unsigned int count);
uint64_t __wrap_eventloop_now(void);

int __wrap_isolation_prepare(struct isolation *isolation, struct failure *failure)
{
	isolation->network = isolation->network_wait = -1;
	isolation->user_namespace = it.user_namespace;
	isolation->lacking(isolation->context, "this part");
	return it.prepare_error ? failure_errno(failure, it.prepare_error, NULL, "no isolation") : 0;
}

int __wrap_isolation_network_ask(struct isolation *isolation, struct failure *failure)
{
	if (it.ask_error)
		return failure_errno(failure, it.ask_error, NULL, "no helper");
	it.network_event = eventfd(it.no_network ? 0 : 1, EFD_CLOEXEC);
	isolation->network_wait = it.network_event;
	return 0;
}

int __wrap_isolation_network_take(struct isolation *isolation, struct failure *failure)
{
	it.taken++;
	if (it.take_error)
		return failure_errno(failure, it.take_error, NULL, "no network namespace");
	close(isolation->network_wait);
	isolation->network_wait = -1;
	isolation->network = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

static void become_worker(int channel, enum does does)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (channel != ISOLATION_DESCRIPTOR)
		dup2(channel, ISOLATION_DESCRIPTOR);
	syscall(SYS_close_range, ISOLATION_DESCRIPTOR + 1, ~0U, 0);
	if (does == GONE)
		_exit(5);
	work(does);
}

int __wrap_isolation_spawn(const struct isolation *isolation, char *const argv[], int fd,
			   struct isolation_child *child, struct failure *failure)
{
	enum does does = it.script[it.starts];
	siginfo_t info;

	(void)isolation;
	assert_string_equal(argv[1], WORKER_ARGUMENT);
	assert_string_equal(argv[2], "lo0");
	assert_null(argv[3]);
	assert_true(it.starts < STARTS - 1);
	it.starts++;
	if (it.spawn_error && it.starts >= it.from) {
		child->pidfd = -1;
		return failure_errno(failure, it.spawn_error, NULL, "no process");
	}
	child->pid = fork();
	if (child->pid == 0)
		become_worker(fd, does);
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	fcntl(child->pidfd, F_SETFD, FD_CLOEXEC);
	if (does == GONE)
		assert_int_equal(waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT), 0);
	return 0;
}

uint64_t __wrap_eventloop_now(void)
{
	return __real_eventloop_now() + it.offset;
}

/* The clock goes on where something would be slept through: a pause (the signals and the one
 * node), and what a worker takes too long for. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	int rc;

	if (it.poll_error && count == 4) {
		errno = it.poll_error;
		return -1;
	}
	if (count == 2 && milliseconds > 0 && fds[0].fd != it.network_event) {
		if (it.stop_in_pause && it.pause_count == 1)
			kill(getpid(), SIGTERM);
		assert_true(it.pause_count < PAUSES);
		it.pauses[it.pause_count++] = milliseconds;
		rc = __real_poll(fds, count, 0);
		it.offset += rc ? 0 : (uint64_t)milliseconds * MS;
		return rc;
	}
	if (count == 3 && fds[0].fd == it.network_event && it.interrupted) {
		it.interrupted--;
		errno = EINTR;
		return -1;
	}
	if (count == 3 && fds[0].fd == it.network_event && it.stop_in_network)
		kill(getpid(), SIGTERM);
	else if (count == 3 && fds[0].fd == it.network_event && it.no_network)
		return 0;
	if (milliseconds >= 3000)	/* START_MS, END_MS: what is meant to happen is quicker */
		return __real_poll(fds, count,
				   it.script[it.starts ? it.starts - 1 : 0] == HANGS ||
				   it.script[it.starts ? it.starts - 1 : 0] == STUBBORN ? 100 : 60000);
	return __real_poll(fds, count, milliseconds);
}

/* What poll() is called where the compiler looks after the array's length. */
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size)
{
	assert_true(size >= count * sizeof(*fds));
	return __wrap_poll(fds, count, milliseconds);
}

int __wrap_socketpair(int domain, int type, int protocol, int ends[2])
{
	if (it.pair_error && it.starts + 1 >= it.from) {
		errno = it.pair_error;
		return -1;
	}
	return __real_socketpair(domain, type, protocol, ends);
}

int __wrap_signalfd(int fd, const sigset_t *set, int flags)
{
	errno = it.signals_error;
	return it.signals_error ? -1 : __real_signalfd(fd, set, flags);
}

int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
	errno = it.mask_error;
	return it.mask_error ? -1 : __real_sigprocmask(how, set, before);
}

int __wrap_channel_send(int fd, const struct channel_message *message, const int *fds,
			unsigned int count)
{
	if (it.send_error && message->kind == CHANNEL_PLAN)
		return -it.send_error;
	return __real_channel_send(fd, message, fds, count);
}

/* -- the owner --------------------------------------------------------------------------------- */

static int open_node(void *context, unsigned int index, struct failure *failure)
{
	assert_ptr_equal(context, &it);
	assert_int_equal(index, 0);
	it.opened++;
	if (it.open_error && it.opened >= it.from)
		return failure_errno(failure, it.open_error, "lo0", "no node");
	return dup(it.pipe[0]);
}

static int on_ready(void *context)
{
	assert_ptr_equal(context, &it);
	it.ready++;
	return -it.ready_error;
}

static void on_report(void *context, const char *name, const char *sentence)
{
	assert_ptr_equal(context, &it);
	assert_string_equal(name, "lo0");
	assert_true(it.sentences < SENTENCES);
	snprintf(it.said[it.sentences++], sizeof(it.said[0]), "%s", sentence);
	if (!strcmp(sentence, "time passes"))
		it.offset += 250 * MS;
	if (!strcmp(sentence, "now it comes"))
		eventfd_write(it.network_event, 1);
}

static void on_count(void *context, const char *name, const struct port_counters *counters)
{
	(void)context;
	assert_string_equal(name, "lo0");
	assert_false(counters->recording);
	it.counted++;
}

static bool said(const char *part)
{
	unsigned int i;

	for (i = 0; i < it.sentences; i++)
		if (strstr(it.said[i], part))
			return true;
	return false;
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	assert_int_equal(pipe2(it.pipe, O_CLOEXEC), 0);
	it.network_event = -1;
	it.free_number = lowest_free();
	it.plan = (struct supervisor_plan){
		.plan = { .count = 1, .devices[0].name = "lo0", .uid = 77, .gid = 78 },
		.devices[0] = { .name = "lo0", .node = dup(it.pipe[0]), .control_fd = -1,
				.affinity = { -1, -1 } },
		.journal_fd = it.pipe[1],
		.pcap_fd = -1,
		.context = &it,
		.open_node = open_node,
		.ready = on_ready,
		.report = on_report,
		.count_device = on_count,
	};
	return 0;
}

/* Nothing is left: no descriptor, no process, no signal. */
static int teardown(void **state)
{
	sigset_t set;

	(void)state;
	assert_int_equal(lowest_free(), it.free_number);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	sigpending(&set);
	assert_false(sigismember(&set, SIGTERM));
	close(it.pipe[0]);
	close(it.pipe[1]);
	return 0;
}

static int run(void)
{
	return supervise(&it.plan, &it.failure);
}

/* The workers do @script, and the last one serves until the service is asked to end. */
static void run_script(const enum does *script, unsigned int count)
{
	memcpy(it.script, script, count * sizeof(*script));
	it.script[count] = ASKS_TO_END;
	assert_int_equal(run(), 0);
	assert_int_equal(it.starts, count + 1);
	assert_int_equal(it.ready, 1);
	assert_int_equal(it.plan.devices[0].node, -1);
}

/* -- one worker ----------------------------------------------------------------------------------- */

static void it_serves_until_it_is_asked_to_end(void **state)
{
	(void)state;
	it.script[0] = ASKS_TO_END;
	assert_int_equal(run(), 0);
	assert_int_equal(it.ready, 1);
	assert_int_equal(it.opened, 0);		/* it was open */
	assert_int_equal(it.sentences, 1);	/* this part */
	assert_int_equal(it.plan.plan.uid, 77);
	assert_int_equal(it.taken, 1);
}

static void in_a_user_namespace_it_stays_who_it_is(void **state)
{
	(void)state;
	it.user_namespace = true;
	it.script[0] = ENDS;
	assert_int_equal(run(), 0);
	assert_int_equal(it.plan.plan.uid, geteuid());
	assert_int_equal(it.plan.plan.gid, getegid());
}

static void it_does_not_come_to_serve(void **state)
{
	static const enum does ways[] = { GONE, DIES, HANGS };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (i) {
			teardown(NULL);
			setup(NULL);
		}
		it.script[0] = ways[i];
		assert_int_equal(run(), -ECHILD);
		assert_int_equal(it.starts, 1);
		assert_int_equal(it.ready, 0);
		assert_non_null(strstr(it.failure.message, "before it was ready"));
	}
}

static void it_says_why_it_cannot_go_on(void **state)
{
	(void)state;
	it.script[0] = FAILS;
	assert_int_equal(run(), -EPIPE);
	assert_int_equal(it.failure.status, STATUS_BUSY);
	assert_string_equal(it.failure.message, "that is why");
	assert_int_equal(it.starts, 1);
	it.plan.devices[0].node = -1;
	it.starts = 0;
	it.script[0] = FAILS_ODDLY;
	assert_int_equal(run(), -EINVAL);
}

static void its_counters_are_asked_for(void **state)
{
	(void)state;
	it.script[0] = COUNTS;
	assert_int_equal(run(), 0);
	assert_int_equal(it.counted, 1);
}

/* It was taken over: nothing comes of what it says. */
static void proc_70_it_babbles(void **state)
{
	(void)state;
	it.script[0] = BABBLES;
	assert_int_equal(run(), 0);
	assert_int_equal(it.ready, 1);
	assert_int_equal(it.counted, 0);
	assert_int_equal(it.sentences, 1);
}

static void asked_to_end_before_it_serves(void **state)
{
	(void)state;
	it.script[0] = ENDS_UNREADY;
	assert_int_equal(run(), 0);
	assert_int_equal(it.ready, 0);
}

static void it_does_not_end_when_asked(void **state)
{
	(void)state;
	it.script[0] = STUBBORN;
	assert_int_equal(run(), 0);
}

static void proc_75_a_call_that_it_may_not_make(void **state)
{
	static const enum does script[] = { FORBIDDEN };

	(void)state;
	run_script(script, 1);
	assert_true(said("a system call that it may not make"));
	assert_true(said("ended with status 3; another one goes on (1 so far)"));
}

/* -- one after the other --------------------------------------------------------------------------- */

static void proc_69_the_next_one_goes_on(void **state)
{
	static const enum does script[] = { CRASHES, EXITS, GONE, DIES };

	(void)state;
	run_script(script, 4);
	assert_int_equal(it.opened, 4);
	assert_true(said("ended by signal 9, Killed; another one goes on (1 so far)"));
	assert_true(said("ended with status 3; another one goes on (2 so far)"));
	assert_true(said("ended with status 5; another one goes on (3 so far)"));
	assert_true(said("ended with status 4; another one goes on (4 so far)"));
}

/* Those that do not come to serve die over and over, and those that die at once. */
static void proc_69_pauses_grow(void **state)
{
	static const int pauses[] = { 10, 20, 40, 80, 160, 320, 640, 1280, 2000, 2000, 2000 };
	static const enum does script[] = { CRASHES, CRASHES, DIES, CRASHES, GONE, EXITS, CRASHES,
					    DIES, CRASHES, CRASHES, CRASHES, CRASHES };
	unsigned int i;

	(void)state;
	run_script(script, 12);
	assert_int_equal(it.pause_count, 11);
	for (i = 0; i < 11; i++)
		assert_true(it.pauses[i] <= pauses[i] && it.pauses[i] > pauses[i] / 2);
}

/* One that has served for a while was not killed by what it found. */
static void proc_69_pauses_begin_anew(void **state)
{
	static const enum does script[] = { CRASHES, CRASHES, CRASHES, AGES, CRASHES, AGES };

	(void)state;
	run_script(script, 6);
	assert_int_equal(it.pause_count, 3);
	assert_true(it.pauses[1] <= 20 && it.pauses[1] > 10);
	assert_true(it.pauses[2] <= 10);
}

/* The kernel waits for an answer: so does the driver. */
static void proc_69_no_pause_while_a_message_waits(void **state)
{
	static const enum does script[] = { CRASHES, CRASHES, CRASHES, CRASHES, CRASHES, CRASHES };

	(void)state;
	assert_int_equal(write(it.pipe[1], "", 1), 1);
	run_script(script, 6);
	assert_true(it.offset == 0);
}

static void reports_have_an_end(void **state)
{
	static const enum does script[] = { FLOODS };

	(void)state;
	run_script(script, 1);
	assert_int_equal(it.sentences, 21);
	assert_string_equal(it.said[20], "82 sentences more were not reported");
}

/* After the period they are reported again, and how many were not. */
static void reports_come_again(void **state)
{
	static const enum does script[] = { FLOODS, AGES, AGES };

	(void)state;
	memcpy(it.script, script, sizeof(script));
	it.script[3] = ASKS_TO_END;
	it.offset = 0;
	assert_int_equal(run(), 0);
	assert_int_equal(it.sentences, 21);
	assert_true(said("sentences more were not reported"));
}

static void it_is_asked_to_end_in_a_pause(void **state)
{
	(void)state;
	it.script[0] = it.script[1] = it.script[2] = it.script[3] = CRASHES;
	it.stop_in_pause = true;
	assert_int_equal(run(), 0);
	assert_int_equal(it.starts, 3);
	assert_true(it.pause_count >= 2);
}

/* -- the network namespace comes late ------------------------------------------------------------- */

/* It does not come: one serves without it. */
static void it_does_not_come(void **state)
{
	(void)state;
	it.no_network = true;
	it.script[0] = ASKS_TO_END;
	assert_int_equal(run(), 0);
	assert_int_equal(it.taken, 0);
}

/* A worker without one makes room for one that has it, and nobody has died. */
static void it_comes_while_one_serves(void **state)
{
	(void)state;
	it.no_network = true;
	it.script[0] = NETWORKED;
	it.script[1] = ASKS_TO_END;
	assert_int_equal(run(), 0);
	assert_int_equal(it.taken, 1);
	assert_int_equal(it.starts, 2);
	assert_int_equal(it.pause_count, 0);
	assert_false(said("its worker"));
}

static void it_cannot_be_had(void **state)
{
	(void)state;
	it.no_network = true;
	it.take_error = EPERM;
	it.script[0] = NETWORKED;
	assert_int_equal(run(), -EPERM);
	assert_string_equal(it.failure.message, "no network namespace: Operation not permitted");
}

static void asked_to_end_while_it_is_waited_for(void **state)
{
	(void)state;
	it.no_network = it.stop_in_network = true;
	it.plan.open_node = NULL;
	it.plan.plan.insist = true;
	assert_int_equal(run(), 0);
	assert_int_equal(it.starts, 0);
}

/* -- the descriptor was handed over --------------------------------------------------------------- */

/* Whatever ends the worker, nobody else can have the node. */
static void proc_69_handed_over_nobody_follows(void **state)
{
	static const struct {
		enum does does;
		const char *how;
	} ways[] = {
		{ CRASHES, "ended by signal 9, Killed, and with it went the descriptor" },
		{ EXITS, "ended with status 3, and with it went the descriptor" },
		{ FORBIDDEN, "ended with status 3, and with it went the descriptor" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (i) {
			teardown(NULL);
			setup(NULL);
		}
		it.plan.open_node = NULL;
		it.script[0] = ways[i].does;
		assert_int_equal(run(), -ECHILD);
		assert_int_equal(it.failure.status, STATUS_FAILED);
		assert_string_equal(it.failure.object, "lo0");
		assert_non_null(strstr(it.failure.message, ways[i].how));
		assert_false(said("another one"));
		assert_int_equal(it.starts, 1);
		assert_int_equal(it.pause_count, 0);
	}
}

static void proc_64_handed_over_it_serves_and_ends(void **state)
{
	(void)state;
	it.plan.open_node = NULL;
	it.interrupted = 2;
	it.script[0] = ASKS_TO_END;
	assert_int_equal(run(), 0);
	assert_int_equal(it.taken, 1);
}

/* The one worker is not replaced: without its network namespace it does not begin, or goes on. */
static void handed_over_and_the_network_comes_late(void **state)
{
	(void)state;
	it.plan.open_node = NULL;
	it.no_network = true;
	it.script[0] = ASKS_TO_END;
	assert_int_equal(run(), 0);
	assert_int_equal(it.starts, 1);
	assert_int_equal(it.taken, 0);
	assert_true(said("not isolated in full: no network namespace of its own"));
	teardown(NULL);
	setup(NULL);
	it.plan.open_node = NULL;
	it.no_network = true;
	it.plan.plan.insist = true;
	it.script[0] = ASKS_TO_END;
	assert_int_equal(run(), -EAGAIN);
	assert_int_equal(it.starts, 0);
	assert_int_equal(it.failure.status, STATUS_FAILED);
	assert_non_null(strstr(it.failure.message, "no network namespace of its own"));
	assert_non_null(strstr(it.failure.hint, "isolation possible"));
}

/* -- what can fail ----------------------------------------------------------------------------------- */

static void proc_65_what_cannot_be_had_at_the_beginning(void **state)
{
	static int *const errors[] = { &it.prepare_error, &it.ask_error, &it.signals_error,
				       &it.mask_error, &it.spawn_error, &it.pair_error,
				       &it.send_error };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (i) {
			teardown(NULL);
			setup(NULL);
		}
		it.script[0] = HANGS;
		*errors[i] = EMFILE;
		assert_int_equal(run(), -EMFILE);
		assert_int_equal(it.ready, 0);
		assert_int_equal(it.failure.errnum, EMFILE);
		assert_int_equal(it.plan.devices[0].node, -1);
	}
}

static void proc_65_what_cannot_be_had_later(void **state)
{
	static int *const errors[] = { &it.open_error, &it.spawn_error, &it.pair_error };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (i) {
			teardown(NULL);
			setup(NULL);
		}
		it.script[0] = it.script[1] = CRASHES;
		it.from = 2;
		*errors[i] = EMFILE;
		assert_int_equal(run(), -EMFILE);
		assert_int_equal(it.ready, 1);
	}
}

static void nobody_hears_that_it_is_ready(void **state)
{
	(void)state;
	it.script[0] = WAITS;
	it.ready_error = EPIPE;
	assert_int_equal(run(), -EPIPE);
}

static void proc_64_waiting_fails(void **state)
{
	(void)state;
	it.script[0] = WAITS;
	it.poll_error = ENOMEM;
	assert_int_equal(run(), -ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_serves_until_it_is_asked_to_end),
		TEST(in_a_user_namespace_it_stays_who_it_is),
		TEST(it_does_not_come_to_serve),
		TEST(it_says_why_it_cannot_go_on),
		TEST(its_counters_are_asked_for),
		TEST(proc_70_it_babbles),
		TEST(asked_to_end_before_it_serves),
		TEST(it_does_not_end_when_asked),
		TEST(proc_75_a_call_that_it_may_not_make),
		TEST(proc_69_the_next_one_goes_on),
		TEST(proc_69_pauses_grow),
		TEST(proc_69_pauses_begin_anew),
		TEST(proc_69_no_pause_while_a_message_waits),
		TEST(reports_have_an_end),
		TEST(reports_come_again),
		TEST(it_is_asked_to_end_in_a_pause),
		TEST(asked_to_end_while_it_is_waited_for),
		TEST(proc_69_handed_over_nobody_follows),
		TEST(proc_64_handed_over_it_serves_and_ends),
		TEST(handed_over_and_the_network_comes_late),
		TEST(it_does_not_come),
		TEST(it_comes_while_one_serves),
		TEST(it_cannot_be_had),
		TEST(proc_65_what_cannot_be_had_at_the_beginning),
		TEST(proc_65_what_cannot_be_had_later),
		TEST(nobody_hears_that_it_is_ready),
		TEST(proc_64_waiting_fails),
	};

	alarm(300);	/* SIGTERM is the supervisor's: a hang would not end by it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
