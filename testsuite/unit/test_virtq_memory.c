/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map: hardening cases 5, 40, 41, 43, 44, 46, 47. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"
#include "vduse/virtio/memory.h"

#define PLACES 8

/* A map with what happened to it. */
struct fixture {
	struct vq_memory memory;
	struct vq_region places[PLACES];
	uint8_t bytes[0x4000];
	unsigned int hint;
	struct iovec segments[16];
	int fault_result;		/* what the fault callback returns */
	bool fault_adds;		/* whether it adds a region of 0x1000 bytes */
	bool fault_removes;		/* whether it clears the map */
	unsigned int faults;
	uint64_t fault_iova;
	unsigned int released;
	struct vq_region released_last;
};

static int fault(void *context, struct vq_memory *memory, uint64_t iova)
{
	struct fixture *fixture = context;
	struct vq_region region = {
		.first = iova & ~UINT64_C(0xfff),
		.last = iova | 0xfff,
		.base = fixture->bytes + (fixture->faults % 4) * 0x1000,
		.access = VQ_ACCESS_BOTH,
	};

	fixture->faults++;
	fixture->fault_iova = iova;
	if (fixture->fault_removes)
		vq_memory_clear(memory);
	if (fixture->fault_adds) {
		int error = vq_memory_add(memory, &region);

		if (error)
			return error;
	}
	return fixture->fault_result;
}

static void release(void *context, const struct vq_region *region)
{
	struct fixture *fixture = context;

	fixture->released++;
	fixture->released_last = *region;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	vq_memory_init(&fixture->memory, fixture->places, PLACES, fault, release, fixture);
	fixture->fault_result = -EFAULT;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static int add(struct fixture *fixture, uint64_t first, uint64_t last, size_t at,
	       unsigned int access)
{
	struct vq_region region = { first, last, fixture->bytes + at, access, first };

	return vq_memory_add(&fixture->memory, &region);
}

static int translate(struct fixture *fixture, uint64_t iova, uint64_t length, unsigned int access)
{
	return vq_memory_translate(&fixture->memory, &fixture->hint, iova, length, access,
				   fixture->segments, 16);
}

static void expect_segment(struct fixture *fixture, unsigned int index, size_t at, size_t length)
{
	assert_ptr_equal(fixture->segments[index].iov_base, fixture->bytes + at);
	assert_int_equal(fixture->segments[index].iov_len, length);
}

static void add_refuses_bad_regions(void **state)
{
	struct fixture *fixture = *state;
	struct vq_region region = { .first = 0, .last = 10, .base = NULL, .access = 1 };

	assert_int_equal(add(fixture, 10, 9, 0, 1), -EINVAL);
	assert_int_equal(add(fixture, (UINT64_C(1) << 63) + 10, 9, 0, 1), -EINVAL);
	assert_int_equal(add(fixture, 0, 9, 0, 0), -EINVAL);
	assert_int_equal(add(fixture, 0, 9, 0, 4), -EINVAL);
	assert_int_equal(add(fixture, 0, 9, 0, 7), -EINVAL);
	assert_int_equal(vq_memory_add(&fixture->memory, &region), -EINVAL);
	region.base = (uint8_t *)(UINTPTR_MAX - 10);
	assert_int_equal(vq_memory_add(&fixture->memory, &region), -EINVAL);
	region.base = (uint8_t *)(UINTPTR_MAX - 11);
	assert_int_equal(vq_memory_add(&fixture->memory, &region), 0);
	assert_int_equal(fixture->memory.count, 1);
	region = (struct vq_region){ 11, UINT64_MAX, fixture->bytes, 3, 0 };
	assert_int_equal(vq_memory_add(&fixture->memory, &region), -EINVAL);
}

static void add_refuses_overlap(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(add(fixture, 100, 199, 0, 3), 0);
	assert_int_equal(add(fixture, 100, 199, 0, 3), -EEXIST);
	assert_int_equal(add(fixture, 199, 300, 0, 3), -EEXIST);
	assert_int_equal(add(fixture, 0, 100, 0, 3), -EEXIST);
	assert_int_equal(add(fixture, 0, 300, 0, 3), -EEXIST);
	assert_int_equal(add(fixture, 150, 150, 0, 3), -EEXIST);
	assert_int_equal(add(fixture, 200, 300, 0, 3), 0);
	assert_int_equal(add(fixture, 0, 99, 0, 3), 0);
	for (unsigned int i = 1; i < fixture->memory.count; i++)
		assert_true(fixture->places[i - 1].last < fixture->places[i].first);
}

static void iova_40_unmapped(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0x1000, 0x1fff, 0, 3);
	assert_int_equal(translate(fixture, 0x1000, 0x1000, 1), 1);
	assert_int_equal(translate(fixture, 0x1000, 0x1001, 1), -EFAULT);
	assert_int_equal(fixture->fault_iova, 0x2000);
	assert_int_equal(translate(fixture, 0xfff, 2, 1), -EFAULT);
	assert_int_equal(translate(fixture, 0xfff, 1, 1), -EFAULT);
	assert_int_equal(translate(fixture, UINT64_MAX, 1, 1), -EFAULT);
	assert_int_equal(translate(fixture, 0x5000, 0, 1), 0);
}

static void iova_40_hole_between_regions(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0x1000, 0x1fff, 0, 3);
	add(fixture, 0x2001, 0x2fff, 0x1000, 3);
	assert_int_equal(translate(fixture, 0x1800, 0x1000, 1), -EFAULT);
	assert_int_equal(fixture->fault_iova, 0x2000);
}

static void iova_41_permission_either_way(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0x1000, 0x1fff, 0, VQ_ACCESS_READ);
	add(fixture, 0x2000, 0x2fff, 0x2000, VQ_ACCESS_WRITE);
	assert_int_equal(translate(fixture, 0x1000, 16, VQ_ACCESS_READ), 1);
	assert_int_equal(translate(fixture, 0x1000, 16, VQ_ACCESS_WRITE), -EACCES);
	assert_int_equal(translate(fixture, 0x1000, 16, VQ_ACCESS_BOTH), -EACCES);
	assert_int_equal(translate(fixture, 0x2000, 16, VQ_ACCESS_READ), -EACCES);
	assert_int_equal(translate(fixture, 0x2000, 16, VQ_ACCESS_WRITE), 1);
	assert_int_equal(translate(fixture, 0x2000, 16, VQ_ACCESS_BOTH), -EACCES);
	assert_int_equal(translate(fixture, 0x1ff8, 16, VQ_ACCESS_READ), -EACCES);
	assert_int_equal(translate(fixture, 0x1ff8, 16, VQ_ACCESS_WRITE), -EACCES);
}

static void iova_41_read_needs_permission(void **state)
{
	struct fixture *fixture = *state;
	uint8_t to[16];

	add(fixture, 0x1000, 0x1fff, 0, VQ_ACCESS_WRITE);
	assert_int_equal(vq_memory_read(&fixture->memory, &fixture->hint, 0x1000, to, 16),
			 -EACCES);
}

static void iova_43_one_byte_takes_the_region(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0x1000, 0x1fff, 0, 3);
	add(fixture, 0x2000, 0x2fff, 0x1000, 3);
	assert_int_equal(vq_memory_remove(&fixture->memory, 0x2000, 0x2000), 1);
	assert_int_equal(fixture->released, 1);
	assert_int_equal(fixture->released_last.first, 0x2000);
	assert_int_equal(fixture->released_last.cookie, 0x2000);
	assert_int_equal(fixture->memory.generation, 1);
	assert_int_equal(translate(fixture, 0x2800, 1, 1), -EFAULT);
	assert_int_equal(translate(fixture, 0x1800, 1, 1), 1);
	assert_int_equal(vq_memory_remove(&fixture->memory, 0x1fff, 0x1fff), 1);
	assert_int_equal(fixture->memory.count, 0);
}

static void iova_43_partial_invalidation(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t i = 0; i < 6; i++)
		add(fixture, 0x1000 * i, 0x1000 * i + 0xfff, 0, 3);
	assert_int_equal(vq_memory_remove(&fixture->memory, 0x1fff, 0x3000), 3);
	assert_int_equal(fixture->memory.count, 3);
	assert_int_equal(translate(fixture, 0x0fff, 1, 1), 1);
	assert_int_equal(translate(fixture, 0x1000, 1, 1), -EFAULT);
	assert_int_equal(translate(fixture, 0x3fff, 1, 1), -EFAULT);
	assert_int_equal(translate(fixture, 0x4000, 1, 1), 1);
	assert_int_equal(vq_memory_remove(&fixture->memory, 0x1000, 0x3fff), 0);
	assert_int_equal(fixture->memory.generation, 3);
}

static void iova_43_whole_space(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0, 0xfff, 0, 3);
	add(fixture, UINT64_MAX - 0xfff, UINT64_MAX, 0x1000, 3);
	assert_int_equal(translate(fixture, UINT64_MAX, 1, 1), 1);
	assert_int_equal(vq_memory_remove(&fixture->memory, 0, UINT64_MAX), 2);
	assert_int_equal(fixture->released, 2);
	assert_int_equal(translate(fixture, 0, 1, 1), -EFAULT);
	assert_int_equal(vq_memory_clear(&fixture->memory), 0);
	assert_int_equal(fixture->memory.generation, 2);
}

static void iova_44_full_map_refuses(void **state)
{
	struct fixture *fixture = *state;
	struct vq_region longer[PLACES + 1];

	for (uint64_t i = 0; i < PLACES; i++)
		assert_int_equal(add(fixture, 2 * i, 2 * i, i, 3), 0);
	assert_int_equal(add(fixture, 100, 100, 0, 3), -ENOSPC);
	fixture->fault_adds = true;
	fixture->fault_result = 0;
	assert_int_equal(translate(fixture, 0x8000, 1, 1), -ENOSPC);
	assert_int_equal(translate(fixture, 2, 1, 1), 1);
	assert_int_equal(vq_memory_grow(&fixture->memory, longer, PLACES - 1), -EINVAL);
	assert_int_equal(vq_memory_grow(&fixture->memory, longer, PLACES), 0);
	assert_int_equal(vq_memory_grow(&fixture->memory, fixture->places, PLACES), 0);
	assert_int_equal(vq_memory_grow(&fixture->memory, longer, PLACES + 1), 0);
	memset(fixture->places, 0xff, sizeof(fixture->places));
	assert_int_equal(translate(fixture, 0x8000, 1, 1), 1);
	assert_int_equal(translate(fixture, 14, 1, 1), 1);
	expect_segment(fixture, 0, 7, 1);
}

/* A map that has no array yet, and gets one. */
static void an_empty_map_grows(void **state)
{
	struct vq_region places[1];
	struct vq_memory memory;

	(void)state;
	vq_memory_init(&memory, NULL, 0, NULL, NULL, NULL);
	assert_int_equal(vq_memory_grow(&memory, places, 1), 0);
	assert_int_equal(memory.capacity, 1);
	assert_ptr_equal(memory.regions, places);
}

static void iova_46_shortage_is_passed_on(void **state)
{
	struct fixture *fixture = *state;
	static const int errors[] = { -ENOMEM, -EMFILE, -ENFILE };

	for (size_t i = 0; i < 3; i++) {
		fixture->fault_result = errors[i];
		assert_int_equal(translate(fixture, 0, 1, 1), errors[i]);
	}
	fixture->fault_adds = true;
	fixture->fault_result = 0;
	assert_int_equal(translate(fixture, 0, 1, 1), 1);
	assert_int_equal(fixture->faults, 4);
}

static void fault_is_asked_once_for_each_region(void **state)
{
	struct fixture *fixture = *state;

	fixture->fault_adds = true;
	fixture->fault_result = 0;
	assert_int_equal(translate(fixture, 0x3ff0, 0x20, 3), 1);
	assert_int_equal(fixture->faults, 2);
	expect_segment(fixture, 0, 0xff0, 0x20);
	assert_int_equal(translate(fixture, 0x3ff0, 0x20, 3), 1);
	assert_int_equal(fixture->faults, 2);
}

static void fault_that_adds_nothing_is_unmapped(void **state)
{
	struct fixture *fixture = *state;

	fixture->fault_result = 0;
	assert_int_equal(translate(fixture, 0, 1, 1), -EFAULT);
	assert_int_equal(fixture->faults, 1);
	fixture->memory.fault = NULL;
	assert_int_equal(translate(fixture, 0, 1, 1), -EFAULT);
}

static void fault_must_not_remove_regions(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0x1000, 0x1fff, 0, 3);
	fixture->fault_adds = true;
	fixture->fault_removes = true;
	fixture->fault_result = 0;
	assert_int_equal(translate(fixture, 0x1ff8, 16, 1), -ESTALE);
}

static void release_may_be_absent(void **state)
{
	struct fixture *fixture = *state;

	fixture->memory.release = NULL;
	add(fixture, 0, 1, 0, 3);
	assert_int_equal(vq_memory_clear(&fixture->memory), 1);
}

static void iova_47_neighbours_that_do_not_meet(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0x1000, 0x1fff, 0x2000, 3);
	add(fixture, 0x2000, 0x2fff, 0x0000, 3);
	assert_int_equal(translate(fixture, 0x1ffc, 8, 1), 2);
	expect_segment(fixture, 0, 0x2ffc, 4);
	expect_segment(fixture, 1, 0x0000, 4);
}

static void iova_47_neighbours_that_meet_become_one(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0x1000, 0x1fff, 0x1000, 3);
	add(fixture, 0x2000, 0x2fff, 0x2000, 3);
	assert_int_equal(translate(fixture, 0x1ffc, 8, 1), 1);
	expect_segment(fixture, 0, 0x1ffc, 8);
}

static void iova_47_segments_are_bounded(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t i = 0; i < 4; i++)
		add(fixture, i, i, 4 - 2 * (i % 2) + i, 3);
	assert_int_equal(vq_memory_translate(&fixture->memory, &fixture->hint, 0, 4, 1,
					     fixture->segments, 4), 4);
	memset(fixture->segments, 0, sizeof(fixture->segments));
	assert_int_equal(vq_memory_translate(&fixture->memory, &fixture->hint, 0, 4, 1,
					     fixture->segments, 3), -E2BIG);
	assert_null(fixture->segments[3].iov_base);
	assert_int_equal(vq_memory_translate(&fixture->memory, &fixture->hint, 0, 4, 1,
					     fixture->segments, 0), -E2BIG);
}

static void ring_05_wrap(void **state)
{
	struct fixture *fixture = *state;
	uint8_t to[2];

	add(fixture, UINT64_MAX - 0xf, UINT64_MAX, 0, 3);
	add(fixture, 0, 0xf, 0x10, 3);
	assert_int_equal(translate(fixture, UINT64_MAX, 1, 1), 1);
	assert_int_equal(translate(fixture, UINT64_MAX, 2, 1), -EOVERFLOW);
	assert_int_equal(translate(fixture, 8, UINT64_MAX, 1), -EOVERFLOW);
	assert_int_equal(vq_memory_read(&fixture->memory, &fixture->hint, UINT64_MAX, to, 2),
			 -EOVERFLOW);
}

static void read_crosses_regions(void **state)
{
	struct fixture *fixture = *state;
	uint8_t to[6];

	for (size_t i = 0; i < sizeof(fixture->bytes); i++)
		fixture->bytes[i] = (uint8_t)i;
	add(fixture, 10, 11, 0x30, 1);
	add(fixture, 12, 12, 0x10, 3);
	add(fixture, 13, 20, 0x20, 1);
	assert_int_equal(vq_memory_read(&fixture->memory, &fixture->hint, 10, to, 6), 0);
	assert_memory_equal(to, "\x30\x31\x10\x20\x21\x22", 6);
	assert_int_equal(vq_memory_read(&fixture->memory, &fixture->hint, 16, to, 6), -EFAULT);
	assert_int_equal(vq_memory_read(&fixture->memory, &fixture->hint, 99, to, 0), 0);
}

static void any_hint_will_do(void **state)
{
	struct fixture *fixture = *state;
	static const unsigned int hints[] = { 0, 1, 2, 3, 1000, UINT32_MAX };

	add(fixture, 0, 9, 0, 3);
	add(fixture, 20, 29, 100, 3);
	add(fixture, 40, 49, 200, 3);
	for (size_t i = 0; i < 6; i++) {
		fixture->hint = hints[i];
		assert_int_equal(translate(fixture, 25, 5, 1), 1);
		expect_segment(fixture, 0, 105, 5);
		fixture->hint = hints[i];
		assert_int_equal(translate(fixture, 30, 1, 1), -EFAULT);
	}
}

static void overlap_of_ranges(void **state)
{
	(void)state;
	assert_true(vq_ranges_overlap(10, 10, 19, 1));
	assert_true(vq_ranges_overlap(19, 1, 10, 10));
	assert_true(vq_ranges_overlap(10, 10, 0, 100));
	assert_true(vq_ranges_overlap(UINT64_MAX, 1, UINT64_MAX, 1));
	assert_false(vq_ranges_overlap(10, 10, 20, 1));
	assert_false(vq_ranges_overlap(20, 1, 10, 10));
	assert_false(vq_ranges_overlap(10, 0, 0, 100));
	assert_false(vq_ranges_overlap(0, 100, 10, 0));
}

/* Random regions of few bytes against a table with one entry a byte. */
static void random_maps_against_a_table(void **state)
{
	struct fixture *fixture = *state;
	uint32_t random = 7;

	for (unsigned int round = 0; round < 2000; round++) {
		uint8_t *table[64] = { NULL };
		uint8_t access[64] = { 0 };
		uint64_t iova, length, done = 0;
		int expected = 0, count;

		vq_memory_clear(&fixture->memory);
		for (unsigned int i = 0; i < PLACES; i++) {
			uint64_t first = driver_random(&random) % 64;
			uint64_t last = first + driver_random(&random) % 12;
			size_t at = driver_random(&random) % 64;
			unsigned int allowed = 1 + driver_random(&random) % 3;

			if (last > 63 || add(fixture, first, last, at, allowed))
				continue;
			for (uint64_t j = first; j <= last; j++) {
				table[j] = fixture->bytes + at + (j - first);
				access[j] = (uint8_t)allowed;
			}
		}
		iova = driver_random(&random) % 64;
		length = driver_random(&random) % (65 - iova);
		for (uint64_t j = iova; j < iova + length && !expected; j++)
			expected = !table[j] ? -EFAULT : access[j] & 1 ? 0 : -EACCES;
		count = translate(fixture, iova, length, 1);
		if (expected) {
			assert_int_equal(count, expected);
			continue;
		}
		for (int i = 0; i < count; i++)
			for (size_t j = 0; j < fixture->segments[i].iov_len; j++)
				assert_ptr_equal((uint8_t *)fixture->segments[i].iov_base + j,
						 table[iova + done++]);
		assert_int_equal(done, length);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(add_refuses_bad_regions),
		TEST(add_refuses_overlap),
		TEST(iova_40_unmapped),
		TEST(iova_40_hole_between_regions),
		TEST(iova_41_permission_either_way),
		TEST(iova_41_read_needs_permission),
		TEST(iova_43_one_byte_takes_the_region),
		TEST(iova_43_partial_invalidation),
		TEST(iova_43_whole_space),
		TEST(iova_44_full_map_refuses),
		TEST(iova_46_shortage_is_passed_on),
		cmocka_unit_test(an_empty_map_grows),
		TEST(fault_is_asked_once_for_each_region),
		TEST(fault_that_adds_nothing_is_unmapped),
		TEST(fault_must_not_remove_regions),
		TEST(release_may_be_absent),
		TEST(iova_47_neighbours_that_do_not_meet),
		TEST(iova_47_neighbours_that_meet_become_one),
		TEST(iova_47_segments_are_bounded),
		TEST(ring_05_wrap),
		TEST(read_crosses_regions),
		TEST(any_hint_will_do),
		TEST(overlap_of_ranges),
		TEST(random_maps_against_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
