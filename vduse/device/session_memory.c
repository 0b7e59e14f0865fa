// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/session_memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A signal handler gets no context, so what it must know is global: the sessions whose
 * memory it may mend, and how often it did. SIGBUS for a missing page is raised by the
 * very access, in our own data path, never while a region is added or removed: the
 * handler sees a map at rest. One thread writes both.
 */
static struct session *guarded[SESSION_GUARDS];
static volatile uint64_t missing_pages;

static size_t region_length(const struct vq_region *region)
{
	return (size_t)(region->last - region->first) + 1;
}

static bool region_holds(const struct vq_region *region, const uint8_t *address)
{
	return address >= region->base && address < region->base + region_length(region);
}

static bool mend_page(const struct session *session, uint8_t *address)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *start = (void *)((uintptr_t)address & ~(page - 1));
	unsigned int i;

	for (i = 0; i < session->memory.count; i++)
		if (region_holds(&session->memory.regions[i], address))
			return mmap(start, page, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
				    0) != MAP_FAILED;
	return false;
}

static void on_missing_page(int signal_number, siginfo_t *info, void *context)
{
	int i, saved = errno;

	(void)context;
	for (i = 0; i < SESSION_GUARDS; i++) {
		if (guarded[i] && mend_page(guarded[i], info->si_addr)) {
			missing_pages++;
			errno = saved;
			return;
		}
	}
	/* Not ours: let the access end the process as it would have without us. */
	signal(signal_number, SIG_DFL);
	errno = saved;
}

int session_memory_guard(struct session *session)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	int i;

	for (i = 0; i < SESSION_GUARDS && guarded[i]; i++)
		;
	if (i == SESSION_GUARDS)
		return -ENOSPC;
	action.sa_sigaction = on_missing_page;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, NULL))
		return -errno;
	guarded[i] = session;
	return 0;
}

uint64_t session_memory_missing(void)
{
	return missing_pages;
}

/* In a region's cookie, where others have less than a page: it is the session's umem. */
#define COOKIE_UMEM UINT64_MAX

static int protection(uint8_t access)
{
	return ((access & VDUSE_ACCESS_RO) ? PROT_READ : 0) |
	       ((access & VDUSE_ACCESS_WO) ? PROT_WRITE : 0);
}

/* Room for twice as many regions. 0 or negative errno: there are as many as may be. */
static int grow(struct session *session)
{
	unsigned int capacity = 2 * session->memory.capacity;
	struct vq_region *more;

	if (capacity > SESSION_REGIONS_MAX)
		return -ENOSPC;
	more = calloc(capacity, sizeof(*more));
	if (!more)
		return -ENOMEM;
	vq_memory_grow(&session->memory, more, capacity);
	free(session->more);
	session->more = more;
	return 0;
}

static int add_region(struct session *session, const struct vq_region *region)
{
	int rc = vq_memory_add(&session->memory, region);

	if (rc != -ENOSPC)
		return rc;
	rc = grow(session);
	return rc < 0 ? rc : vq_memory_add(&session->memory, region);
}

/*
 * mmap() wants the offset at a page, a region need not begin at one: @skip bytes are
 * mapped before it. They are kept in the region's cookie, for munmap().
 */
static int map_region(struct session *session, const struct node_region *from)
{
	uint64_t skip = from->offset & ((uint64_t)sysconf(_SC_PAGESIZE) - 1);
	uint64_t length = from->last - from->first + 1;
	struct vq_region region = {
		.first = from->first,
		.last = from->last,
		.access = from->access,
		.cookie = skip,
	};
	uint8_t *start;
	int rc;

	if (from->first > from->last || !length || length > SIZE_MAX - skip)
		return -EFAULT;
	start = mmap(NULL, length + skip, protection(from->access), MAP_SHARED, from->fd,
		     (off_t)(from->offset - skip));
	/* not as the driver says: its file is opened for less, or sealed */
	if (start == MAP_FAILED)
		return errno == EACCES || errno == EPERM ? -EFAULT : -errno;
	region.base = start + skip;
	rc = add_region(session, &region);
	if (rc < 0)
		munmap(start, length + skip);
	return rc;
}

static void report_refused(struct session *session, const char *what, int rc)
{
	char sentence[240];

	session->umem.refused = true;
	if (rc == -ENOMEM)
		snprintf(sentence, sizeof(sentence), "umem: %s %llu bytes is over the limit of locked "
			 "memory (RLIMIT_MEMLOCK); the kernel's memory is used", what,
			 (unsigned long long)session->umem.size);
	else
		snprintf(sentence, sizeof(sentence), "umem: %s: %s; the kernel's memory is used",
			 what, rc == -ENOTTY ? "it needs Linux 6.1 or later" : strerror(-rc));
	session->owner->report(session->context, sentence);
}

/* The memory itself: made once, for all drivers to come. */
static int make_umem(struct session_umem *umem, uint64_t size)
{
	void *base;

	if (umem->base)
		return umem->size == size ? 0 : -EINVAL;
	if (size > SIZE_MAX)
		return -ENOMEM;
	umem->size = size;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	umem->base = base;
	return 0;
}

static int bring_umem(struct session *session)
{
	struct session_umem *umem = &session->umem;
	int rc;

	if (umem->brought)
		return 0;
	rc = node_bring_bounce(session->fd, session->asid, umem->base, umem->size);
	umem->brought = rc >= 0;
	umem->asid = session->asid;
	return rc;
}

/* Is @iova in the bounce buffer, and is that our memory now? false: map it as any region. */
static bool fault_umem(struct session *session, struct vq_memory *memory, uint64_t iova)
{
	struct session_umem *umem = &session->umem;
	struct vq_region region = { .access = VQ_ACCESS_BOTH, .cookie = COOKIE_UMEM };
	uint64_t size;
	int rc;

	if (!umem->wanted || umem->refused || (umem->brought && umem->asid != session->asid))
		return false;
	rc = node_is_bounce(session->fd, session->asid, iova, &size);
	if (rc == -ENOTTY)
		report_refused(session, "registering memory", rc);
	if (rc <= 0)
		return false;
	rc = make_umem(umem, size);
	if (rc == 0)
		rc = bring_umem(session);
	if (rc < 0) {
		report_refused(session, "registering", rc);
		return false;
	}
	region.last = size - 1;
	region.base = umem->base;
	return vq_memory_add(memory, &region) == 0;
}

static int on_fault(void *context, struct vq_memory *memory, uint64_t iova)
{
	struct session *session = context;
	struct node_region region;
	int rc;

	if (fault_umem(session, memory, iova))
		return 0;
	rc = node_get_region(session->fd, session->asid, iova, &region);
	if (rc < 0)
		return rc == -EINVAL || rc == -EPERM ? -EFAULT : rc;
	rc = map_region(session, &region);
	close(region.fd);
	return rc;
}

static void on_release(void *context, const struct vq_region *region)
{
	(void)context;
	if (region->cookie == COOKIE_UMEM)
		return;		/* the kernel still has it: the next driver uses it again */
	munmap(region->base - region->cookie, region_length(region) + region->cookie);
}

void session_bring_memory(struct session *session)
{
	session->umem.wanted = true;
}

static void give_umem_back(struct session *session)
{
	struct session_umem *umem = &session->umem;

	if (umem->brought)
		node_take_bounce_back(session->fd, umem->asid, umem->base, umem->size);
	if (umem->base)
		munmap(umem->base, umem->size);
	umem->brought = false;
	umem->base = NULL;
}

void session_memory_open(struct session *session)
{
	vq_memory_init(&session->memory, session->regions, SESSION_REGIONS, on_fault,
		       on_release, session);
}

void session_memory_close(struct session *session)
{
	int i;

	for (i = 0; i < SESSION_GUARDS; i++)
		if (guarded[i] == session)
			guarded[i] = NULL;
	vq_memory_clear(&session->memory);
	free(session->more);
	session->more = NULL;
	give_umem_back(session);
}
