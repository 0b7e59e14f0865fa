// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/session_memory.h"

#include <errno.h>
#include <signal.h>
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

static int protection(uint8_t access)
{
	return ((access & VDUSE_ACCESS_RO) ? PROT_READ : 0) |
	       ((access & VDUSE_ACCESS_WO) ? PROT_WRITE : 0);
}

/*
 * mmap() wants the offset at a page, a region need not begin at one: @skip bytes are
 * mapped before it. They are kept in the region's cookie, for munmap().
 */
static int map_region(struct vq_memory *memory, const struct node_region *from)
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
	if (start == MAP_FAILED)
		return errno == EACCES ? -EFAULT : -errno;
	region.base = start + skip;
	rc = vq_memory_add(memory, &region);
	if (rc < 0)
		munmap(start, length + skip);
	return rc;
}

static int on_fault(void *context, struct vq_memory *memory, uint64_t iova)
{
	struct session *session = context;
	struct node_region region;
	int rc = node_get_region(session->fd, iova, &region);

	if (rc < 0)
		return rc == -EINVAL || rc == -EPERM ? -EFAULT : rc;
	rc = map_region(memory, &region);
	close(region.fd);
	return rc;
}

static void on_release(void *context, const struct vq_region *region)
{
	(void)context;
	munmap(region->base - region->cookie, region_length(region) + region->cookie);
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
}
