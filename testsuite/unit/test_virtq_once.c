/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hardening cases 17 and 39: nothing that the driver can change is read twice. The ring
 * lies in pages without access; each access traps, is noted, and the driver then writes
 * all over the word, before the engine can look again. What the engine hands out must be
 * what was there first.
 *
 * Needs the trap flag of x86; skipped elsewhere.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver_packed.h"
#include "driver_ring.h"

#ifdef __x86_64__

#define SIZE 8
#define PAGES 2
#define AREA (PAGES * 4096)
#define TRAP_FLAG 0x100
#define TABLE_AT 4096		/* an indirect table, in the second page */

/* The pages, as the engine sees them and as the driver does, and every word's accesses. */
static struct {
	uint8_t *guarded;
	uint8_t *open;
	unsigned int accesses[AREA / 8];
	uintptr_t now;		/* the access that is being stepped over */
	bool spoil;
	struct sigaction segv;	/* cmocka's own handlers, meanwhile */
	struct sigaction trap;
} watch;

static void on_access(int signal, siginfo_t *info, void *context)
{
	ucontext_t *user = context;
	uintptr_t at = (uintptr_t)info->si_addr - (uintptr_t)watch.guarded;

	if (signal != SIGSEGV || at >= AREA)
		_exit(99);
	watch.now = at;
	watch.accesses[at / 8]++;
	mprotect(watch.guarded, AREA, PROT_READ | PROT_WRITE);
	user->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)signal;
	(void)info;
	user->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	if (watch.spoil)
		memset(watch.open + watch.now / 16 * 16, 0xff, 16);
	mprotect(watch.guarded, AREA, PROT_NONE);
}

static void arm(bool spoil)
{
	struct sigaction access = { .sa_sigaction = on_access, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	memset(watch.accesses, 0, sizeof(watch.accesses));
	watch.spoil = spoil;
	sigaction(SIGSEGV, &access, &watch.segv);
	sigaction(SIGTRAP, &step, &watch.trap);
	mprotect(watch.guarded, AREA, PROT_NONE);
}

static void disarm(void)
{
	mprotect(watch.guarded, AREA, PROT_READ | PROT_WRITE);
	sigaction(SIGSEGV, &watch.segv, NULL);
	sigaction(SIGTRAP, &watch.trap, NULL);
}

static int watch_setup(void **state)
{
	int file = memfd_create("ring", MFD_CLOEXEC);

	(void)state;
	if (file < 0 || ftruncate(file, AREA))
		return -1;
	watch.guarded = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	watch.open = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return watch.guarded == MAP_FAILED || watch.open == MAP_FAILED;
}

static int watch_teardown(void **state)
{
	(void)state;
	munmap(watch.guarded, AREA);
	munmap(watch.open, AREA);
	return 0;
}

/* A world whose descriptor table, and an indirect one behind it, are watched. */
static struct driver_world *watched_world(void)
{
	struct driver_world *world =
		driver_world_new(SIZE, UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC);
	struct vq_region region = { 0x1000, 0x1000 + AREA - 1, watch.guarded, VQ_ACCESS_BOTH, 0 };

	memset(watch.open, 0, AREA);
	vq_memory_add(&world->memory, &region);
	world->config.desc = 0x1000;
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	return world;
}

static struct vring_desc *table(size_t at)
{
	return (struct vring_desc *)(void *)(watch.open + at);
}

static void expect_once(size_t at, size_t length)
{
	for (size_t i = at / 8; i < (at + length) / 8; i++)
		assert_true(watch.accesses[i] <= 1);
}

static void ring_17_descriptor_read_once(void **state)
{
	struct driver_world *world = watched_world();
	int result;

	(void)state;
	driver_desc(&table(0)[0], DRIVER_HEAP, 10, VRING_DESC_F_NEXT, 3);
	driver_desc(&table(0)[3], DRIVER_HEAP + 100, 20, VRING_DESC_F_WRITE, 0);
	driver_offer(&world->ring, 0);
	arm(false);
	result = virtqueue_pop(&world->vq, &world->chain);
	disarm();
	assert_int_equal(result, 1);
	expect_once(0, 16 * SIZE);
	assert_int_equal(watch.accesses[0] + watch.accesses[1] + watch.accesses[6] +
			 watch.accesses[7], 4);
	driver_world_free(world);
}

/*
 * The descriptor is spoilt as soon as a part of it has been read. The two halves of one
 * descriptor are two reads, so the second may be spoilt already: the virtqueue then
 * breaks, or hands out what was there; it never does anything else.
 */
static void ring_17_descriptor_changed_between(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct driver_world *world = watched_world();
		int result;

		driver_desc(&table(0)[0], DRIVER_HEAP, 10, 0, 0);
		driver_offer(&world->ring, 0);
		arm(i == 0);
		result = virtqueue_pop(&world->vq, &world->chain);
		disarm();
		if (result == 1) {
			assert_int_equal(world->chain.readable, 10);
			assert_ptr_equal(world->chain.segments[0].iov_base, world->ring.heap);
		} else {
			assert_int_equal(result, -EPROTO);
			assert_int_equal(world->vq.error.reason, VQ_FLAGS);
			assert_int_equal(i, 0);
		}
		driver_world_free(world);
	}
}

/* Case 39: length and address of a table, and each of its entries. */
static void ring_39_table_read_once(void **state)
{
	struct driver_world *world = watched_world();
	int result;

	(void)state;
	driver_desc(&table(0)[0], 0x1000 + TABLE_AT, 48, VRING_DESC_F_INDIRECT, 0);
	for (unsigned int i = 0; i < 3; i++)
		driver_desc(&table(TABLE_AT)[i], DRIVER_HEAP + 100 * i, 10 + i,
			    i < 2 ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1));
	driver_offer(&world->ring, 0);
	arm(false);
	result = virtqueue_pop(&world->vq, &world->chain);
	disarm();
	assert_int_equal(result, 1);
	assert_int_equal(world->chain.readable, 33);
	expect_once(0, 16);
	expect_once(TABLE_AT, 48);
	assert_int_equal(watch.accesses[0] + watch.accesses[1], 2);
	driver_world_free(world);
}

/* A world whose available ring is watched. */
static void ring_17_head_and_index_read_once(void **state)
{
	struct driver_world *world = driver_world_new(SIZE, 0);
	struct vq_region region = { 0x1000, 0x1000 + AREA - 1, watch.guarded, VQ_ACCESS_BOTH, 0 };
	struct vring_avail *avail = (struct vring_avail *)(void *)watch.open;
	int result;

	(void)state;
	memset(watch.open, 0, AREA);
	vq_memory_add(&world->memory, &region);
	world->config.driver = 0x1000;
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	for (unsigned int i = 0; i < 4; i++) {
		driver_desc(&world->ring.desc[i], DRIVER_HEAP, 1, 0, 0);
		avail->ring[i] = htole16((uint16_t)i);
	}
	avail->idx = htole16(4);
	arm(false);
	for (unsigned int i = 0; i < 4; i++) {
		result = virtqueue_pop(&world->vq, &world->chain);
		if (result != 1)
			break;
	}
	disarm();
	assert_int_equal(result, 1);
	/* flags, idx, ring[0], ring[1] in the first word; ring[2], ring[3] in the second */
	assert_int_equal(watch.accesses[0], 3);
	assert_int_equal(watch.accesses[1], 2);
	driver_world_free(world);
}

/* A packed world whose descriptor ring, and a table behind it, are watched. */
static struct packed_world *watched_packed_world(void)
{
	struct packed_world *world =
		packed_world_new(SIZE, UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC);
	struct vq_region region = { 0x1000, 0x1000 + AREA - 1, watch.guarded, VQ_ACCESS_BOTH, 0 };

	memset(watch.open, 0, AREA);
	vq_memory_add(&world->memory, &region);
	world->config.desc = 0x1000;
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	return world;
}

static struct vring_packed_desc *packed_table(size_t at)
{
	return (struct vring_packed_desc *)(void *)(watch.open + at);
}

/* Each half of a descriptor once; the flags of the first one once more, to wait for them. */
static void ring_17_packed_descriptor_read_once(void **state)
{
	struct packed_world *world = watched_packed_world();
	int result;

	(void)state;
	packed_desc(&packed_table(0)[0], DRIVER_HEAP, 10, 5, P_AVAIL | P_NEXT);
	packed_desc(&packed_table(0)[1], DRIVER_HEAP + 100, 20, 5, P_AVAIL | P_WRITE);
	arm(false);
	result = virtqueue_pop(&world->vq, &world->chain);
	disarm();
	assert_int_equal(result, 1);
	assert_int_equal(world->chain.writable, 20);
	assert_int_equal(watch.accesses[0], 1);
	assert_int_equal(watch.accesses[1], 2);
	assert_int_equal(watch.accesses[2], 1);
	assert_int_equal(watch.accesses[3], 1);
	for (size_t i = 4; i < AREA / 8; i++)
		assert_int_equal(watch.accesses[i], 0);
	packed_world_free(world);
}

/*
 * All of the descriptor is spoilt as soon as its flags were seen, or after the first half:
 * what the copy says counts, and it says that nothing is available, or what was there.
 */
static void ring_17_packed_descriptor_changed_between(void **state)
{
	struct packed_world *world = watched_packed_world();
	int result;

	(void)state;
	packed_desc(&packed_table(0)[0], DRIVER_HEAP, 10, 5, P_AVAIL);
	arm(true);
	result = virtqueue_pop(&world->vq, &world->chain);
	disarm();
	assert_int_equal(result, -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_NOT_AVAILABLE);
	packed_world_free(world);
}

static void ring_39_packed_table_read_once(void **state)
{
	struct packed_world *world = watched_packed_world();
	int result;

	(void)state;
	packed_desc(&packed_table(0)[0], 0x1000 + TABLE_AT, 48, 5, P_AVAIL | P_INDIRECT);
	for (unsigned int i = 0; i < 3; i++)
		packed_desc(&packed_table(TABLE_AT)[i], DRIVER_HEAP + 100 * i, 10 + i, 0, 0);
	arm(false);
	result = virtqueue_pop(&world->vq, &world->chain);
	disarm();
	assert_int_equal(result, 1);
	assert_int_equal(world->chain.readable, 33);
	assert_int_equal(watch.accesses[0], 1);
	assert_int_equal(watch.accesses[1], 2);
	expect_once(TABLE_AT, 48);
	packed_world_free(world);
}

#endif

#ifdef __x86_64__
#define TEST(name) cmocka_unit_test_setup_teardown(name, watch_setup, watch_teardown)
#else
static void not_on_this_processor(void **state)
{
	(void)state;
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		TEST(ring_17_descriptor_read_once),
		TEST(ring_17_descriptor_changed_between),
		TEST(ring_39_table_read_once),
		TEST(ring_17_head_and_index_read_once),
		TEST(ring_17_packed_descriptor_read_once),
		TEST(ring_17_packed_descriptor_changed_between),
		TEST(ring_39_packed_table_read_once),
#else
		cmocka_unit_test(not_on_this_processor),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
