// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/hold.h"

#include <errno.h>
#include <stddef.h>
#include <sys/signalfd.h>

static const int held_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

#define HELD_COUNT (sizeof(held_signals) / sizeof(held_signals[0]))

void hold_begin(struct hold *hold)
{
	sigset_t held;
	size_t i;

	sigemptyset(&held);
	for (i = 0; i < HELD_COUNT; i++)
		sigaddset(&held, held_signals[i]);
	sigprocmask(SIG_BLOCK, &held, &hold->before);
}

/* A signal that is blocked is kept even if it is ignored (nohup): the disposition is
 * looked at only when it is let through. */
static bool ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

bool hold_interrupted(const struct hold *hold)
{
	sigset_t pending;
	size_t i;

	if (sigpending(&pending))
		return false;
	for (i = 0; i < HELD_COUNT; i++)
		if (sigismember(&pending, held_signals[i]) == 1 &&
		    sigismember(&hold->before, held_signals[i]) == 0 &&
		    !ignored(held_signals[i]))
			return true;
	return false;
}

int hold_descriptor(const struct hold *hold)
{
	sigset_t set;
	size_t i;
	int fd;

	sigemptyset(&set);
	for (i = 0; i < HELD_COUNT; i++)
		if (sigismember(&hold->before, held_signals[i]) == 0 && !ignored(held_signals[i]))
			sigaddset(&set, held_signals[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void hold_end(const struct hold *hold)
{
	sigprocmask(SIG_SETMASK, &hold->before, NULL);
}

int hold_for_reading(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}
