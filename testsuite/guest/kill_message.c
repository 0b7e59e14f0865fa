// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill_message SUPERVISOR MOMENT [ TIMES [ MOST ] ]
 *
 * Kills workers of a service in the middle of control messages, until SIGTERM. Each message
 * that the kernel sends costs TIMES workers (default 1), MOST in all, at one MOMENT, and is then
 * let pass:
 *
 *	read		before the call that would read it
 *	have		when it was read
 *	done		when it was carried out, before the answer is written
 *	answered	when the answer was written
 *	start		no message: when a worker has started its program, TIMES workers in all
 *
 * The supervisor is traced (ptrace(2)), and so are its workers from their birth: none of their
 * calls is missed. One JSON object says what was killed: at messages of which type, and, in
 * milliseconds, the time from the kill of a worker to the birth of the next: the longest, and
 * that after each of the first.
 */
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/ptrace.h>
#include <linux/vduse.h>

#include "testsuite/guest/supervised.h"

#define OPTIONS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
		 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)
#define MESSAGE sizeof(struct vduse_dev_request)
#define TYPES 4
#define PAUSES 32
#define TIDY_MS 20

enum moment { MOMENT_READ, MOMENT_HAVE, MOMENT_DONE, MOMENT_ANSWERED, MOMENT_START, MOMENTS };

static const char *const moments[MOMENTS] = { "read", "have", "done", "answered", "start" };

/* A call of the node that a worker is in, by the length that no other of its calls has. */
struct call {
	bool reads, writes;
	uint64_t buffer;
};

struct tracer {
	pid_t supervisor;
	enum moment moment;
	uint64_t times, most;
	/* the worker of now */
	pid_t worker;
	struct call call;
	struct vduse_dev_request request;	/* the last one that was read, by any worker */
	bool requested;			/* there was one */
	uint64_t kills_of_it;		/* that this one has cost */
	/* all of them */
	uint64_t kills, births, kills_by_type[TYPES];
	uint64_t ended;			/* when the last one was killed, or ended; 0: it lives */
	uint64_t pauses[PAUSES], longest;
};

static void go_on(pid_t pid, enum __ptrace_request how, int signal)
{
	ptrace(how, pid, 0, (long)signal);
}

static void kill_worker(struct tracer *tracer)
{
	bool starts = tracer->moment == MOMENT_START;

	if ((starts ? tracer->kills : tracer->kills_of_it) >= tracer->times ||
	    tracer->kills >= tracer->most)
		return;
	tracer->ended = now_usec();
	tracer->kills++;
	tracer->kills_of_it++;
	if (!starts && tracer->moment != MOMENT_READ && tracer->request.type < TYPES)
		tracer->kills_by_type[tracer->request.type]++;
	kill(tracer->worker, SIGKILL);
}

/* A read of the node returned: which message is it? */
static void see_request(struct tracer *tracer, int64_t result)
{
	struct vduse_dev_request request;
	struct iovec here = { &request, sizeof(request) };
	struct iovec there = { (void *)(uintptr_t)tracer->call.buffer, sizeof(request) };

	if (result != (int64_t)MESSAGE)
		return;
	if (process_vm_readv(tracer->worker, &here, 1, &there, 1, 0) != (ssize_t)MESSAGE)
		errx(EXIT_FAILURE, "cannot read the worker's memory");
	if (request.request_id != tracer->request.request_id || !tracer->requested) {
		tracer->request = request;
		tracer->requested = true;
		/* kills before the read were for this one */
		if (tracer->moment == MOMENT_READ && request.type < TYPES)
			tracer->kills_by_type[request.type] += tracer->kills_of_it;
		tracer->kills_of_it = 0;
	}
	if (tracer->moment == MOMENT_HAVE)
		kill_worker(tracer);
}

/* Is there one to be read from the node that is descriptor @fd of the worker? */
static bool message_waits(const struct tracer *tracer, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, tracer->worker, 0);
	struct pollfd pollfd = { .events = POLLIN };
	bool waits;

	pollfd.fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (pollfd.fd < 0)
		err(EXIT_FAILURE, "cannot look at the node");
	waits = poll(&pollfd, 1, 0) == 1 && pollfd.revents & POLLIN;
	close(pollfd.fd);
	close(pidfd);
	return waits;
}

static void see_entry(struct tracer *tracer, const struct __ptrace_syscall_info *info)
{
	bool whole = info->entry.args[2] == MESSAGE;

	tracer->call = (struct call){
		.reads = whole && info->entry.nr == SYS_read,
		.writes = info->entry.nr == SYS_write &&
			  info->entry.args[2] == sizeof(struct vduse_dev_response),
		.buffer = info->entry.args[1],
	};
	if (tracer->call.reads && tracer->moment == MOMENT_READ &&
	    message_waits(tracer, (int)info->entry.args[0]))
		kill_worker(tracer);
	if (tracer->call.writes && tracer->moment == MOMENT_DONE)
		kill_worker(tracer);
}

static void see_exit(struct tracer *tracer, const struct __ptrace_syscall_info *info)
{
	if (tracer->call.reads)
		see_request(tracer, info->exit.rval);
	if (tracer->call.writes && tracer->moment == MOMENT_ANSWERED && !info->exit.is_error)
		kill_worker(tracer);
	tracer->call = (struct call){ .reads = false };
}

static void see_call(struct tracer *tracer)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tracer->worker, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		see_entry(tracer, &info);
	if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		see_exit(tracer, &info);
}

static void see_birth(struct tracer *tracer, pid_t worker)
{
	uint64_t ended = tracer->ended, pause = (now_usec() - ended) / 1000;

	tracer->worker = worker;
	tracer->call = (struct call){ .reads = false };
	tracer->ended = 0;
	if (!ended)
		return;
	if (tracer->births < PAUSES)
		tracer->pauses[tracer->births] = pause;
	if (pause > tracer->longest)
		tracer->longest = pause;
	tracer->births++;
}

static void see_stop(struct tracer *tracer, pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;
	unsigned long child = 0;

	if (pid == tracer->supervisor) {
		if (event && event != PTRACE_EVENT_STOP &&
		    !ptrace(PTRACE_GETEVENTMSG, pid, 0, &child))
			see_birth(tracer, (pid_t)child);
		go_on(pid, PTRACE_CONT, event ? 0 : signal);
		return;
	}
	if (signal == (SIGTRAP | 0x80) && pid == tracer->worker)
		see_call(tracer);
	if (event == PTRACE_EVENT_EXEC && tracer->moment == MOMENT_START)
		kill_worker(tracer);
	go_on(pid, PTRACE_SYSCALL, event || signal == (SIGTRAP | 0x80) ? 0 : signal);
}

static bool trace_one(struct tracer *tracer)
{
	int status;
	pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);

	if (pid < 0 && errno == ECHILD)
		errx(EXIT_FAILURE, "the supervisor has ended");
	if (pid <= 0)
		return false;
	if (WIFSTOPPED(status))
		see_stop(tracer, pid, status);
	else if (pid == tracer->worker && !tracer->ended)
		tracer->ended = now_usec();
	else if (pid == tracer->supervisor)
		errx(EXIT_FAILURE, "the supervisor ended: 0x%x", (unsigned int)status);
	return true;
}

/* Tracees go on by themselves when we end. */
static void trace(struct tracer *tracer)
{
	struct signalfd_siginfo info;
	struct pollfd pollfd;
	bool over = false;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pollfd = (struct pollfd){ .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN };
	if (ptrace(PTRACE_SEIZE, tracer->supervisor, 0, OPTIONS) ||
	    ptrace(PTRACE_SEIZE, tracer->worker, 0, OPTIONS) ||
	    ptrace(PTRACE_INTERRUPT, tracer->worker, 0, 0))
		err(EXIT_FAILURE, "supervisor %d, worker %d", tracer->supervisor, tracer->worker);
	puts("traced");
	fflush(stdout);
	while (!over) {
		while (trace_one(tracer))
			;
		if (poll(&pollfd, 1, TIDY_MS) > 0 &&
		    read(pollfd.fd, &info, sizeof(info)) == sizeof(info))
			over = info.ssi_signo == SIGTERM;
	}
}

static void report(const struct tracer *tracer)
{
	const uint64_t *types = tracer->kills_by_type;
	uint64_t i;

	printf("{\"kills\":%llu,\"get_vq_state\":%llu,\"set_status\":%llu,\"update_iotlb\":%llu,"
	       "\"births\":%llu,\"longest\":%llu,\"pauses\":[",
	       (unsigned long long)tracer->kills,
	       (unsigned long long)types[VDUSE_GET_VQ_STATE],
	       (unsigned long long)types[VDUSE_SET_STATUS],
	       (unsigned long long)types[VDUSE_UPDATE_IOTLB],
	       (unsigned long long)tracer->births, (unsigned long long)tracer->longest);
	for (i = 0; i < tracer->births && i < PAUSES; i++)
		printf("%s%llu", i ? "," : "", (unsigned long long)tracer->pauses[i]);
	puts("]}");
}

int main(int argc, char **argv)
{
	struct tracer tracer = { .times = 1, .most = UINT64_MAX };
	struct supervised service = { .name = "" };

	if (argc < 3)
		errx(EXIT_BAD_USAGE, "usage: kill_message SUPERVISOR MOMENT [TIMES [MOST]]");
	tracer.supervisor = service.supervisor = (pid_t)atoi(argv[1]);
	while (tracer.moment < MOMENTS && strcmp(moments[tracer.moment], argv[2]))
		tracer.moment++;
	if (tracer.moment == MOMENTS)
		errx(EXIT_BAD_USAGE, "no moment: \"%s\"", argv[2]);
	if (argc > 3)
		tracer.times = strtoull(argv[3], NULL, 10);
	if (argc > 4)
		tracer.most = strtoull(argv[4], NULL, 10);
	tracer.worker = worker_now(&service);
	trace(&tracer);
	report(&tracer);
	return EXIT_SUCCESS;
}
