// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/device/session_memory over a node that is played: regions of all kinds, pages that are
 * missing, memory of our own, and what runs short.
 *
 * LDFLAGS: -Wl,--wrap=node_get_region,--wrap=node_is_bounce,--wrap=node_bring_bounce
 * LDFLAGS: -Wl,--wrap=node_take_bounce_back,--wrap=mmap,--wrap=munmap,--wrap=sigaction
 * LDFLAGS: -Wl,--wrap=calloc
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/device/node.h"
#include "vduse/device/session_memory.h"

#define PAGE 4096
#define NODE 1234

static struct {
	struct session *sessions;	/* one more than can be guarded */
	struct node_region region;	/* what the node gives; its descriptor is made each time */
	int region_rc, regions;
	uint64_t bounce;		/* bytes of it; 0: no bounce buffer */
	int bounce_rc, bring_rc, bounces, brought, taken_back;
	void *place;			/* what mmap() gives; NULL: the kernel's */
	int mmap_error, protection, mmaps, munmaps;
	size_t mapped;			/* bytes */
	bool no_memory, no_handler;
	char said[240];
} it;

int __wrap_node_get_region(int fd, uint32_t asid, uint64_t iova, struct node_region *region);
int __wrap_node_get_region(int fd, uint32_t asid, uint64_t iova, struct node_region *region)
{
	(void)asid;
	assert_int_equal(fd, NODE);
	it.regions++;
	if (it.region_rc)
		return it.region_rc;
	*region = it.region;
	if (!it.region.last) {		/* the byte alone */
		region->first = region->last = iova;
		region->access = VDUSE_ACCESS_RW;
	}
	region->fd = memfd_create("region", MFD_CLOEXEC);
	assert_true(region->fd >= 0);
	assert_int_equal(ftruncate(region->fd, PAGE), 0);
	return 0;
}

int __wrap_node_is_bounce(int fd, uint32_t asid, uint64_t iova, uint64_t *size);
int __wrap_node_is_bounce(int fd, uint32_t asid, uint64_t iova, uint64_t *size)
{
	(void)asid;
	assert_int_equal(fd, NODE);
	it.bounces++;
	*size = it.bounce;
	return it.bounce_rc ? it.bounce_rc : iova < it.bounce;
}

int __wrap_node_bring_bounce(int fd, uint32_t asid, void *memory, uint64_t size);
int __wrap_node_bring_bounce(int fd, uint32_t asid, void *memory, uint64_t size)
{
	(void)asid;
	assert_int_equal(fd, NODE);
	assert_non_null(memory);
	assert_int_equal(size, it.bounce);
	it.brought++;
	return it.bring_rc;
}

int __wrap_node_take_bounce_back(int fd, uint32_t asid, void *memory, uint64_t size);
int __wrap_node_take_bounce_back(int fd, uint32_t asid, void *memory, uint64_t size)
{
	(void)asid;
	(void)memory;
	(void)size;
	assert_int_equal(fd, NODE);
	it.taken_back++;
	return 0;
}

void *__real_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (flags & MAP_FIXED && it.place && it.mmap_error)
		return MAP_FAILED;
	if (flags & MAP_FIXED)
		return __real_mmap(address, length, protection, flags, fd, offset);
	it.mmaps++;
	it.protection = protection;
	it.mapped = length;
	errno = it.mmap_error;
	if (it.mmap_error)
		return MAP_FAILED;
	return it.place ? it.place : __real_mmap(address, length, protection, flags, fd, offset);
}

int __real_munmap(void *address, size_t length);
int __wrap_munmap(void *address, size_t length);
int __wrap_munmap(void *address, size_t length)
{
	it.munmaps++;
	return address == it.place ? 0 : __real_munmap(address, length);
}

int __real_sigaction(int number, const struct sigaction *action, struct sigaction *before);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *before);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *before)
{
	if (!it.no_handler)
		return __real_sigaction(number, action, before);
	errno = EDOM;
	return -1;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return it.no_memory ? NULL : __real_calloc(count, size);
}

static void report(void *context, const char *sentence)
{
	assert_ptr_equal(context, &it);
	snprintf(it.said, sizeof(it.said), "%s", sentence);
}

static const struct session_owner owner = { .report = report };

static struct session *open_session(unsigned int index)
{
	struct session *session = &it.sessions[index];

	session->fd = NODE;
	session->owner = &owner;
	session->context = &it;
	session_memory_open(session);
	return session;
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	it.sessions = calloc(SESSION_GUARDS + 1, sizeof(*it.sessions));
	return it.sessions ? 0 : -1;
}

static int teardown(void **state)
{
	unsigned int i;

	(void)state;
	it.place = NULL;
	it.mmap_error = 0;
	it.no_memory = it.no_handler = false;
	for (i = 0; i <= SESSION_GUARDS; i++)
		if (it.sessions[i].owner)
			session_memory_close(&it.sessions[i]);
	free(it.sessions);
	return 0;
}

/* Translate the byte at @iova: 1, with where it is in @segment, or negative errno. */
static int byte_at(struct session *session, uint64_t iova, unsigned int access,
		   struct iovec *segment)
{
	unsigned int hint = 0;

	return vq_memory_translate(&session->memory, &hint, iova, 1, access, segment, 1);
}

static int reach(struct session *session, uint64_t iova)
{
	struct iovec segment;

	return byte_at(session, iova, VQ_ACCESS_READ, &segment);
}

/* -- missing pages ---------------------------------------------------------------------- */

/* Three pages that are not there, of which a region of @session is the second. */
static uint8_t *three_pages(struct session *session)
{
	int fd = memfd_create("pages", MFD_CLOEXEC);
	struct iovec segment;
	uint8_t *pages;

	assert_true(fd >= 0);
	pages = __real_mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(pages != MAP_FAILED);
	close(fd);
	it.place = pages + PAGE;
	it.region = (struct node_region){ .first = 0x10000, .last = 0x10000 + PAGE - 1,
					  .access = VDUSE_ACCESS_RW };
	assert_int_equal(byte_at(session, 0x10000, VQ_ACCESS_BOTH, &segment), 1);
	assert_ptr_equal(segment.iov_base, pages + PAGE);
	return pages;
}

/* What becomes of a process that reads @byte: 0, the byte 0; or the signal that ends it. */
static int end_of_reader(const volatile uint8_t *byte)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		alarm(100);
		_exit(*byte);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_missing_page_of_a_region_is_made(void **state)
{
	struct session *session = open_session(0);
	uint64_t before = session_memory_missing();
	uint8_t *pages = three_pages(session);

	(void)state;
	assert_int_equal(session_memory_guard(session), 0);
	/* beside it is somebody else's */
	assert_int_equal(end_of_reader(pages), SIGBUS);
	assert_int_equal(end_of_reader(pages + PAGE - 1), SIGBUS);
	assert_int_equal(end_of_reader(pages + 2 * PAGE), SIGBUS);
	/* where no page can be had */
	it.mmap_error = ENOMEM;
	assert_int_equal(end_of_reader(pages + PAGE), SIGBUS);
	it.mmap_error = 0;
	assert_int_equal(end_of_reader(pages + PAGE), 0);
	assert_int_equal(end_of_reader(pages + 2 * PAGE - 1), 0);
	/* and in this process, which counts them */
	errno = EDOM;
	assert_int_equal(*(volatile uint8_t *)(pages + PAGE), 0);
	assert_int_equal(errno, EDOM);
	assert_int_equal(session_memory_missing(), before + 1);
	assert_int_equal(__real_munmap(pages, 3 * PAGE), 0);
}

/* A region that the map let go of counts no more, though the array still has it. */
static void a_region_that_has_gone_is_none(void **state)
{
	struct session *session = open_session(0);
	uint8_t *pages = three_pages(session);

	(void)state;
	assert_int_equal(session_memory_guard(session), 0);
	vq_memory_clear(&session->memory);
	assert_int_equal(it.munmaps, 1);
	assert_int_equal(end_of_reader(pages + PAGE), SIGBUS);
	assert_int_equal(__real_munmap(pages, 3 * PAGE), 0);
}

/* The first is guarded all the same when others come and go. */
static void so_many_guards_and_no_more(void **state)
{
	struct session *first = open_session(0);
	uint8_t *pages = three_pages(first);
	unsigned int i;

	(void)state;
	for (i = 0; i < SESSION_GUARDS; i++)
		assert_int_equal(session_memory_guard(i ? open_session(i) : first), 0);
	assert_int_equal(session_memory_guard(open_session(i)), -ENOSPC);
	/* all of them are asked, and have nothing there */
	assert_int_equal(end_of_reader(pages), SIGBUS);
	assert_int_equal(end_of_reader(pages + PAGE), 0);
	session_memory_close(&it.sessions[7]);
	assert_int_equal(end_of_reader(pages + PAGE), 0);
	assert_int_equal(end_of_reader(pages), SIGBUS);
	assert_int_equal(session_memory_guard(&it.sessions[i]), 0);
	assert_int_equal(session_memory_guard(&it.sessions[7]), -ENOSPC);
	session_memory_close(first);
	it.no_handler = true;
	assert_int_equal(session_memory_guard(&it.sessions[7]), -EDOM);
	it.no_handler = false;
	assert_int_equal(session_memory_guard(&it.sessions[7]), 0);
	assert_int_equal(__real_munmap(pages, 3 * PAGE), 0);
}

/* -- regions ---------------------------------------------------------------------------- */

static void a_region_is_mapped_for_what_is_granted(void **state)
{
	static const struct {
		uint8_t access;
		int protection;
	} rows[] = {
		{ VDUSE_ACCESS_RO, PROT_READ },
		{ VDUSE_ACCESS_WO, PROT_WRITE },
		{ VDUSE_ACCESS_RW, PROT_READ | PROT_WRITE },
	};
	struct session *session = open_session(0);
	struct iovec segment;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		it.region = (struct node_region){ .first = 0x1000, .last = 0x1fff,
						  .access = rows[i].access };
		assert_int_equal(byte_at(session, 0x1000, rows[i].access, &segment), 1);
		assert_int_equal(it.protection, rows[i].protection);
		assert_int_equal(it.mapped, 0x1000);
		assert_int_equal(vq_memory_clear(&session->memory), 1);
		assert_int_equal(it.munmaps, i + 1);
	}
}

static void a_region_that_cannot_be(void **state)
{
	struct session *session = open_session(0);

	(void)state;
	it.region = (struct node_region){ .first = 5, .last = 3, .access = VDUSE_ACCESS_RW };
	assert_int_equal(reach(session, 4), -EFAULT);
	it.region = (struct node_region){ .last = UINT64_MAX, .access = VDUSE_ACCESS_RW };
	assert_int_equal(reach(session, 4), -EFAULT);
	it.region = (struct node_region){ .last = UINT64_MAX - 1, .offset = 1,
					  .access = VDUSE_ACCESS_RW };
	assert_int_equal(reach(session, 4), -EFAULT);
	assert_int_equal(it.mmaps, 0);
	/* this can be, as far as numbers go */
	it.region.offset = 0;
	it.mmap_error = ENOMEM;
	assert_int_equal(reach(session, 4), -ENOMEM);
	assert_int_equal(it.mapped, SIZE_MAX);
	assert_int_equal(it.munmaps, 0);
}

static void who_is_to_blame(void **state)
{
	static const struct {
		int error, blame;
	} maps[] = { { EACCES, -EFAULT }, { EPERM, -EFAULT }, { ENODEV, -ENODEV } },
	  nodes[] = { { -EINVAL, -EFAULT }, { -EPERM, -EFAULT }, { -EMFILE, -EMFILE } };
	struct session *session = open_session(0);
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		it.mmap_error = maps[i].error;
		assert_int_equal(reach(session, 4), maps[i].blame);
	}
	it.mmap_error = 0;
	for (i = 0; i < 3; i++) {
		it.region_rc = nodes[i].error;
		assert_int_equal(reach(session, 4), nodes[i].blame);
	}
}

/* Regions of a byte each, up to as many as there may be. */
static void so_many_regions_and_no_more(void **state)
{
	struct session *session = open_session(0);
	uint8_t byte;
	uint64_t i;

	(void)state;
	it.place = &byte;
	for (i = 0; i < SESSION_REGIONS; i++)
		assert_int_equal(reach(session, 2 * i), 1);
	it.no_memory = true;
	assert_int_equal(reach(session, 2 * i), -ENOMEM);
	assert_int_equal(it.munmaps, 1);
	it.no_memory = false;
	for (; i < SESSION_REGIONS_MAX; i++)
		assert_int_equal(reach(session, 2 * i), 1);
	assert_int_equal(reach(session, 2 * i), -ENOSPC);
	assert_int_equal(it.munmaps, 2);
	vq_memory_clear(&session->memory);
	assert_int_equal(it.munmaps, 2 + SESSION_REGIONS_MAX);
}

/* -- memory of our own ------------------------------------------------------------------- */

static struct session *with_umem(uint64_t bytes)
{
	struct session *session = open_session(0);

	session_bring_memory(session);
	it.bounce = bytes;
	return session;
}

static void our_own_memory(void **state)
{
	struct session *session = with_umem(4 * PAGE);
	struct iovec segment;

	(void)state;
	session->asid = 1;
	assert_int_equal(byte_at(session, PAGE, VQ_ACCESS_BOTH, &segment), 1);
	assert_ptr_equal(segment.iov_base, session->umem.base + PAGE);
	assert_int_equal(it.brought, 1);
	assert_int_equal(it.regions, 0);
	/* a reset leaves it, and the next driver uses it again */
	vq_memory_clear(&session->memory);
	assert_int_equal(it.munmaps, 0);
	assert_int_equal(reach(session, 0), 1);
	assert_int_equal(it.brought, 1);
	assert_int_equal(it.regions, 0);
	/* beyond it, and in another address space, regions are regions */
	assert_int_equal(reach(session, 0x48000000), 1);
	assert_int_equal(it.regions, 1);
	vq_memory_clear(&session->memory);
	session->asid = 0;
	it.bounces = 0;
	assert_int_equal(reach(session, 0), 1);
	assert_int_equal(it.bounces, 0);
	assert_int_equal(it.regions, 2);
	session_memory_close(session);
	assert_int_equal(it.taken_back, 1);
	assert_string_equal(it.said, "");
}

/* The map is full of others: it is mapped as any region, in a longer array. */
static void our_own_memory_finds_no_place(void **state)
{
	struct session *session = with_umem(PAGE);
	uint64_t i;

	(void)state;
	for (i = 0; i < SESSION_REGIONS; i++)
		assert_int_equal(reach(session, 0x48000000 + 2 * i), 1);
	assert_int_equal(reach(session, 0), 1);
	assert_int_equal(it.regions, SESSION_REGIONS + 1);
}

static void our_own_memory_is_refused(void **state)
{
	static const struct {
		int bounce, bring, map;
		const char *says;
	} rows[] = {
		{ -ENOTTY, 0, 0, "umem: registering memory: it needs Linux 6.1 or later; the "
				 "kernel's memory is used" },
		{ 0, -ENOMEM, 0, "umem: registering 4096 bytes is over the limit of locked memory "
				 "(RLIMIT_MEMLOCK); the kernel's memory is used" },
		{ 0, -EINVAL, 0, "umem: registering: Invalid argument; the kernel's memory is used" },
		{ 0, 0, ENODEV, "umem: registering: No such device; the kernel's memory is used" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session *session = with_umem(PAGE);

		it.bounce_rc = rows[i].bounce;
		it.bring_rc = rows[i].bring;
		it.mmap_error = rows[i].map;
		assert_int_equal(reach(session, 0), rows[i].map ? -rows[i].map : 1);
		assert_string_equal(it.said, rows[i].says);
		it.mmap_error = 0;
		/* once */
		it.bounces = 0;
		vq_memory_clear(&session->memory);
		assert_int_equal(reach(session, 0), 1);
		assert_int_equal(it.bounces, 0);
		session_memory_close(session);
		assert_int_equal(it.taken_back, 0);
		memset(session, 0, sizeof(*session));
	}
}

/* The buffer's size does not change while a device is there; a kernel that says so is not
 * believed. */
static void our_own_memory_has_one_size(void **state)
{
	struct session *session = with_umem(2 * PAGE);

	(void)state;
	assert_int_equal(reach(session, 0), 1);
	vq_memory_clear(&session->memory);
	it.bounce = PAGE;
	assert_int_equal(reach(session, 0), 1);
	assert_int_equal(it.brought, 1);
	assert_int_equal(it.regions, 1);
	assert_string_equal(it.said, "umem: registering: Invalid argument; the kernel's memory is used");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_missing_page_of_a_region_is_made), TEST(a_region_that_has_gone_is_none),
		TEST(so_many_guards_and_no_more), TEST(a_region_is_mapped_for_what_is_granted),
		TEST(a_region_that_cannot_be), TEST(who_is_to_blame),
		TEST(so_many_regions_and_no_more), TEST(our_own_memory),
		TEST(our_own_memory_finds_no_place), TEST(our_own_memory_is_refused),
		TEST(our_own_memory_has_one_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
