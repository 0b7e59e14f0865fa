// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill_step SUPERVISOR NAME [ WORD VALUE ]...
 *
 * Kills the worker of the service of NAME, which must have traffic, at chosen instructions of
 * the carrying of frames, one worker after the other:
 *
 *	before N	at N of them, SPAN apart, from where the worker was stopped, with frames
 *			waiting
 *	after N		at N instructions, APART (default 1) from each other, the first FROM
 *			(default 0) after that store: the frames are given to one driver, then to
 *			the other, then the interrupts are raised
 *	from FROM, apart APART
 *	forget		the journal is emptied each time before the next worker looks at it
 *	frames N	the store must move both positions by this many frames at least, default 1:
 *			one that does not is passed over
 *
 * The program steps the worker (ptrace(2)) and watches the journal in memory of its own. Once it
 * has seen which instruction stores, it lets the others run up to that one (a breakpoint; only
 * on x86-64). One JSON object: kills before and after the store, and the instructions that the
 * first one took from stop to store.
 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "testsuite/guest/supervised.h"

#define GATHER_US 3000		/* frames come, while the worker is stopped */
#define STEPS_MAX 100000	/* without frames: something is wrong */
#define SPAN 37

struct stepper {
	struct supervised service;
	uint64_t before, after, from, apart, frames;
	const struct journal_port *journal;
	uint64_t start[JOURNAL_PORTS];	/* positions when it was stopped */
	uint64_t kills_before, kills_after, steps;
	uint64_t site;		/* of the store, from the program's beginning; 0: not known */
};

/* Two processes that take turns do so quicker on one processor. */
static void share_processor(pid_t pid)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	sched_setaffinity(pid, sizeof(one), &one);
}

/* Where its program begins in its memory. */
static uint64_t beginning(pid_t pid)
{
	char path[40], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		err(EXIT_FAILURE, "%s", path);
	close(fd);
	text[n] = '\0';
	return strtoull(text, NULL, 16);
}

static const struct journal_port *map_journal(const struct supervised *service)
{
	char path[300];
	void *memory;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.journal", REGISTRY_FOLDER, service->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	memory = fd < 0 ? MAP_FAILED : mmap(NULL, JOURNAL_PORTS * sizeof(struct journal_port),
					    PROT_READ, MAP_SHARED, fd, JOURNAL_OFFSET);
	if (memory == MAP_FAILED)
		err(EXIT_BAD_USAGE, "%s", path);
	close(fd);
	return memory;
}

static uint64_t direction(const struct stepper *stepper, unsigned int index)
{
	const void *word = &stepper->journal[index].direction;

	return __atomic_load_n((const uint64_t *)word, __ATOMIC_RELAXED);
}

/* Is the store done that counts? Of the transmit virtqueue the upper half has the positions. */
static bool stored(struct stepper *stepper)
{
	unsigned int i;

	for (i = 0; i < JOURNAL_PORTS; i++) {
		uint64_t now = direction(stepper, i);
		uint16_t moved = (uint16_t)((now >> 48) - (stepper->start[i] >> 48));

		if (now == stepper->start[i])
			continue;
		/* packed: the wrap counter is above the place */
		if ((uint32_t)now != (uint32_t)stepper->start[i] && moved &&
		    (moved & 0x7fff) >= stepper->frames)
			return true;
		stepper->start[i] = now;
	}
	return false;
}

static void expect_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		errx(EXIT_FAILURE, "process %d does not stop: 0x%x", pid, (unsigned int)status);
}

/* A signal that comes meanwhile is for it. */
static void step(pid_t pid)
{
	if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0))
		err(EXIT_FAILURE, "step");
	expect_stop(pid);
}

#ifdef __x86_64__
static uint64_t place_of(pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		err(EXIT_FAILURE, "registers");
	return regs.rip;
}

/* Let it run until it stands before the instruction at @place. */
static void run_to(pid_t pid, uint64_t place)
{
	struct user_regs_struct regs;
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, place, 0);
	if (errno || ptrace(PTRACE_POKETEXT, pid, place, (word & ~0xffL) | 0xcc) ||
	    ptrace(PTRACE_CONT, pid, 0, 0))
		err(EXIT_FAILURE, "breakpoint");
	expect_stop(pid);
	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) || regs.rip != place + 1)
		errx(EXIT_FAILURE, "it stopped elsewhere");
	regs.rip = place;
	if (ptrace(PTRACE_POKETEXT, pid, place, word) || ptrace(PTRACE_SETREGS, pid, 0, &regs))
		err(EXIT_FAILURE, "breakpoint");
}
#else
static uint64_t place_of(pid_t pid)
{
	(void)pid;
	return 0;
}

static void run_to(pid_t pid, uint64_t place)
{
	(void)pid;
	(void)place;
}
#endif

/* When it has served for so long that the next one will not be kept waiting. */
static void stop(struct stepper *stepper, pid_t pid)
{
	unsigned int i;

	nap_us(SUPERVISED_LIFE_US);
	share_processor(pid);
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		err(EXIT_FAILURE, "process %d", pid);
	expect_stop(pid);
	nap_us(GATHER_US);
	for (i = 0; i < JOURNAL_PORTS; i++)
		stepper->start[i] = direction(stepper, i);
}

static void kill_now(struct stepper *stepper, pid_t pid)
{
	int status;

	supervisor_hold(&stepper->service);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		;
	supervisor_go_on(&stepper->service, pid);
	worker_after(&stepper->service, pid);
	worker_serves(&stepper->service);
}

/* What the device says of itself may tell why. */
static void give_up(struct stepper *stepper, pid_t pid)
{
	struct buffer answer = { 0 };

	ptrace(PTRACE_DETACH, pid, 0, 0);
	worker_answer(&stepper->service, &answer);
	errx(EXIT_FAILURE, "no frames are carried after %llu kills: %s",
	     (unsigned long long)(stepper->kills_after + stepper->kills_before), answer.text);
}

static void step_to_store(struct stepper *stepper, pid_t pid)
{
	uint64_t steps = 0, place = 0;

	if (stepper->site)
		run_to(pid, stepper->site + beginning(pid));
	while (steps < STEPS_MAX && !stored(stepper)) {
		place = place_of(pid);
		step(pid);
		steps++;
	}
	if (steps == STEPS_MAX)
		give_up(stepper, pid);
	if (!stepper->site) {
		stepper->steps = steps;
		stepper->site = place ? place - beginning(pid) : 0;
	}
}

static void kill_after(struct stepper *stepper, uint64_t steps)
{
	pid_t pid = worker_after(&stepper->service, 0);

	stop(stepper, pid);
	step_to_store(stepper, pid);
	while (steps--)
		step(pid);
	kill_now(stepper, pid);
	stepper->kills_after++;
}

static void kill_before(struct stepper *stepper, uint64_t steps)
{
	pid_t pid = worker_after(&stepper->service, 0);

	stop(stepper, pid);
	while (steps--)
		step(pid);
	kill_now(stepper, pid);
	stepper->kills_before++;
}

int main(int argc, char **argv)
{
	struct stepper stepper = { .frames = 1, .apart = 1 };
	const struct word words[] = {
		{ .name = "before", .number = &stepper.before },
		{ .name = "after", .number = &stepper.after },
		{ .name = "from", .number = &stepper.from },
		{ .name = "apart", .number = &stepper.apart },
		{ .name = "frames", .number = &stepper.frames },
		{ .name = "forget", .flag = &stepper.service.forget },
		{ .name = NULL },
	};
	uint64_t i, started = now_usec();

	if (argc < 3)
		errx(EXIT_BAD_USAGE, "usage: kill_step SUPERVISOR NAME [WORD VALUE]...");
	stepper.service.supervisor = (pid_t)atoi(argv[1]);
	stepper.service.name = argv[2];
	words_read(words, argv + 3);
	worker_serves(&stepper.service);
	stepper.journal = map_journal(&stepper.service);
	for (i = 0; i < stepper.after; i++)
		kill_after(&stepper, stepper.from + stepper.apart * i);
	for (i = 0; i < stepper.before; i++)
		kill_before(&stepper, SPAN * i);
	printf("{\"kills_before\":%llu,\"kills_after\":%llu,\"steps\":%llu,\"usec\":%llu}\n",
	       (unsigned long long)stepper.kills_before, (unsigned long long)stepper.kills_after,
	       (unsigned long long)stepper.steps, (unsigned long long)(now_usec() - started));
	return EXIT_SUCCESS;
}
