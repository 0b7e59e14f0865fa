/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting, stopping and remapping a virtqueue: hardening cases 1 to 7, 42. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"

#define SIZE 8
#define PACKED (UINT64_C(1) << VIRTIO_F_RING_PACKED)

static int setup(void **state)
{
	*state = driver_world_new(SIZE, 0);
	return 0;
}

static int teardown(void **state)
{
	driver_world_free(*state);
	return 0;
}

static void expect_start(struct driver_world *world, int error, enum virtqueue_reason reason)
{
	assert_int_equal(virtqueue_start(&world->vq, &world->config), error);
	assert_int_equal(world->vq.error.reason, reason);
	assert_int_equal(world->vq.state, error ? VIRTQUEUE_STOPPED : VIRTQUEUE_RUNNING);
}

/* Takes the region at an address out of the map and returns it. */
static struct vq_region take_out(struct driver_world *world, uint64_t iova)
{
	unsigned int hint = 0;
	struct vq_region region = *vq_memory_find(&world->memory, &hint, iova);

	assert_int_equal(vq_memory_remove(&world->memory, iova, iova), 1);
	return region;
}

static void put_in(struct driver_world *world, struct vq_region region)
{
	assert_int_equal(vq_memory_add(&world->memory, &region), 0);
}

static void starts(void **state)
{
	struct driver_world *world = *state;

	expect_start(world, 0, VQ_FINE);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 0);
}

static void ring_01_s_2_7_size(void **state)
{
	struct driver_world *world = *state;
	static const uint32_t sizes[] = { 0, 3, 5, 6, 7, 12, 100, 32767, 32769, 65535, 65536,
					  131072, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		world->config.size = sizes[i];
		world->config.slot_count = UINT32_MAX;
		expect_start(world, -EINVAL, VQ_SIZE);
		assert_int_equal(world->vq.error.value, sizes[i]);
	}
}

static void ring_01_every_size_that_is_allowed(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= 32768; size *= 2) {
		struct driver_world *world = driver_world_new((uint16_t)size, 0);

		expect_start(world, 0, VQ_FINE);
		for (uint32_t i = 0; i < size; i++)
			driver_add_readable(&world->ring, 1);
		assert_int_equal(virtqueue_available(&world->vq), size);
		for (uint32_t i = 0; i < size; i++)
			assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
		assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 0);
		driver_world_free(world);
	}
}

static void ring_01_too_few_slots(void **state)
{
	struct driver_world *world = *state;

	world->config.slot_count = SIZE - 1;
	expect_start(world, -EINVAL, VQ_SIZE);
}

static void ring_02_s_2_7_misaligned(void **state)
{
	struct driver_world *world = *state;

	for (unsigned int i = 1; i < 16; i++) {
		world->config.desc = DRIVER_DESC + i;
		expect_start(world, -EINVAL, VQ_ALIGNMENT);
		assert_int_equal(world->vq.error.value, DRIVER_DESC + i);
	}
	world->config.desc = DRIVER_DESC;
	world->config.driver = DRIVER_AVAIL + 1;
	expect_start(world, -EINVAL, VQ_ALIGNMENT);
	world->config.driver = DRIVER_AVAIL;
	for (unsigned int i = 1; i < 4; i++) {
		world->config.device = DRIVER_USED + i;
		expect_start(world, -EINVAL, VQ_ALIGNMENT);
	}
}

/* The driver's address is aligned, but the owner mapped it to one that is not. */
static void ring_02_misaligned_on_our_side(void **state)
{
	struct driver_world *world = *state;
	struct vq_region region = take_out(world, DRIVER_DESC);
	uint8_t *bytes = malloc(16 * SIZE + 16);

	region.base = bytes + 8;
	put_in(world, region);
	expect_start(world, -EINVAL, VQ_ALIGNMENT);
	free(bytes);
}

static void ring_03_areas_overlap(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue_config good = world->config;

	world->config.desc = DRIVER_HEAP;
	world->config.driver = DRIVER_HEAP + 16 * SIZE - 2;
	expect_start(world, -EINVAL, VQ_AREAS_OVERLAP);
	world->config.driver = DRIVER_HEAP + 16 * SIZE;
	expect_start(world, 0, VQ_FINE);
	world->config.device = DRIVER_HEAP + 16 * SIZE + 4;
	expect_start(world, -EINVAL, VQ_AREAS_OVERLAP);
	world->config = good;
	world->config.desc = DRIVER_HEAP + 16;
	world->config.device = DRIVER_HEAP;
	expect_start(world, -EINVAL, VQ_AREAS_OVERLAP);
	assert_int_equal(world->vq.error.value, DRIVER_HEAP);
}

/* Every one of `num` entries and the event behind them must be mapped. */
static void ring_04_s_2_7_area_exceeds_its_mapping(void **state)
{
	struct driver_world *world = *state;
	static const uint64_t address[] = { DRIVER_DESC, DRIVER_AVAIL, DRIVER_USED };

	for (unsigned int i = 0; i < 3; i++) {
		struct vq_region whole = take_out(world, address[i]), shorter = whole;

		shorter.last--;
		put_in(world, shorter);
		expect_start(world, -EFAULT, VQ_AREA_UNMAPPED);
		assert_int_equal(world->vq.error.value, address[i]);
		take_out(world, address[i]);
		expect_start(world, -EFAULT, VQ_AREA_UNMAPPED);
		put_in(world, whole);
		expect_start(world, 0, VQ_FINE);
	}
}

static void ring_04_area_in_two_mappings(void **state)
{
	struct driver_world *world = *state;
	struct vq_region whole = take_out(world, DRIVER_DESC), part = whole;
	uint8_t *other = malloc(16 * SIZE);

	part.last = part.first + 63;
	put_in(world, part);
	part.first += 64;
	part.last = whole.last;
	part.base = other;
	put_in(world, part);
	expect_start(world, -EFAULT, VQ_AREA_IN_PIECES);

	/* two mappings that meet in our memory are as good as one */
	take_out(world, part.first);
	part.base = whole.base + 64;
	put_in(world, part);
	expect_start(world, 0, VQ_FINE);
	free(other);
}

static void ring_04_permission(void **state)
{
	struct driver_world *world = *state;
	static const struct {
		uint64_t address;
		unsigned int enough, wrong;
	} area[] = {
		{ DRIVER_DESC, VQ_ACCESS_READ, VQ_ACCESS_WRITE },
		{ DRIVER_AVAIL, VQ_ACCESS_READ, VQ_ACCESS_WRITE },
		{ DRIVER_USED, VQ_ACCESS_WRITE, VQ_ACCESS_READ },
	};

	for (unsigned int i = 0; i < 3; i++) {
		struct vq_region region = take_out(world, area[i].address);

		region.access = area[i].wrong;
		put_in(world, region);
		expect_start(world, -EACCES, VQ_AREA_ACCESS);
		region = take_out(world, area[i].address);
		region.access = area[i].enough;
		put_in(world, region);
		expect_start(world, 0, VQ_FINE);
	}
}

static void ring_05_area_wraps(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue_config good = world->config;
	struct vq_region top = { UINT64_MAX - 31, UINT64_MAX, world->ring.heap, 3, 0 };
	struct vq_region bottom = { 0, 4095, world->ring.heap + 32, 3, 0 };

	put_in(world, top);
	put_in(world, bottom);
	world->config.desc = UINT64_MAX - 31;
	expect_start(world, -EOVERFLOW, VQ_AREA_WRAPS);
	world->config = good;
	world->config.driver = UINT64_MAX - 3;
	expect_start(world, -EOVERFLOW, VQ_AREA_WRAPS);
	world->config = good;
	world->config.device = UINT64_MAX - 3;
	expect_start(world, -EOVERFLOW, VQ_AREA_WRAPS);
}

static void ring_06_nothing_works_before_the_start(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue *vq = &world->vq;

	driver_add_readable(&world->ring, 10);
	assert_int_equal(virtqueue_pop(vq, &world->chain), -ESHUTDOWN);
	assert_int_equal(virtqueue_available(vq), -ESHUTDOWN);
	assert_int_equal(virtqueue_unpop(vq, 0), -ESHUTDOWN);
	assert_int_equal(virtqueue_push(vq, 0, 0), -ESHUTDOWN);
	assert_int_equal(virtqueue_publish(vq), 0);
	assert_false(virtqueue_needs_interrupt(vq));
	assert_false(virtqueue_needs_interrupt_fenced(vq));
	assert_int_equal(virtqueue_enable_kick(vq), -ESHUTDOWN);
	assert_int_equal(virtqueue_enable_kick_for_more(vq), -ESHUTDOWN);
	assert_int_equal(virtqueue_remap(vq), -ESHUTDOWN);
	assert_int_equal(virtqueue_roll_forward(vq), -ESHUTDOWN);
	assert_int_equal(virtqueue_outcome(vq).next_avail, 0);
	virtqueue_disable_kick(vq);
	virtqueue_break(vq, 0, 0);
	assert_int_equal(vq->state, VIRTQUEUE_STOPPED);
	virtqueue_stop(vq);
}

static void ring_06_nothing_works_after_the_stop(void **state)
{
	struct driver_world *world = *state;

	expect_start(world, 0, VQ_FINE);
	driver_add_readable(&world->ring, 10);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
	virtqueue_stop(&world->vq);
	ring_06_nothing_works_before_the_start(state);
	assert_int_equal(world->ring.used->idx, 0);
	assert_int_equal(world->position.next_used, 0);
}

static void ring_07_position_beyond_the_ring(void **state)
{
	struct driver_world *world = *state;

	for (unsigned int i = 0; i < 5; i++)
		driver_add_readable(&world->ring, 1);
	world->position = (struct virtqueue_position){ 6, 0 };
	expect_start(world, -ERANGE, VQ_POSITION);
	world->position = (struct virtqueue_position){ 0, 1 };
	expect_start(world, -ERANGE, VQ_POSITION);
	world->position = (struct virtqueue_position){ 6, 6 };
	expect_start(world, -ERANGE, VQ_POSITION);
	assert_int_equal(world->vq.error.value, 5);
	world->position = (struct virtqueue_position){ 65533, 65533 };
	expect_start(world, 0, VQ_FINE);
	world->position = (struct virtqueue_position){ 65532, 65532 };
	expect_start(world, -ERANGE, VQ_POSITION);
	world->position = (struct virtqueue_position){ 5, 65532 };
	expect_start(world, -ERANGE, VQ_POSITION);
	world->position = (struct virtqueue_position){ 5, 2 };
	expect_start(world, 0, VQ_FINE);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 0);
}

static void ring_07_position_contradicts_itself(void **state)
{
	struct driver_world *world = *state;

	/* avail.idx 16 is 8 beyond 8, and next_avail is 9 beyond 8 */
	world->ring.avail->idx = htole16(16);
	world->position = (struct virtqueue_position){ 17, 8 };
	expect_start(world, -ERANGE, VQ_POSITION);
	assert_int_equal(world->vq.error.value, 17);
	world->position = (struct virtqueue_position){ 16, 8 };
	expect_start(world, 0, VQ_FINE);
}

/* A packed ring has no index that would say it. */
static void packed_rings_have_no_used_index(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue probe = { 0 };
	uint16_t index = 5;

	world->config.features = PACKED | UINT64_C(1) << VIRTIO_F_VERSION_1;
	assert_int_equal(virtqueue_read_used_index(&probe, &world->config, &index), -EOPNOTSUPP);
	assert_int_equal(index, 5);
}

static int short_of(void *context, struct vq_memory *memory, uint64_t iova)
{
	(void)memory;
	(void)iova;
	return *(int *)context;
}

static void iova_46_start_can_be_tried_again(void **state)
{
	struct driver_world *world = *state;
	struct vq_region region = take_out(world, DRIVER_USED);
	int error = -ENOMEM;

	world->memory.fault = short_of;
	world->memory.context = &error;
	expect_start(world, -ENOMEM, VQ_FINE);
	put_in(world, region);
	expect_start(world, 0, VQ_FINE);
}

static void iova_42_rings_are_not_touched_after_regions_left(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue *vq = &world->vq;
	struct vq_region region;

	expect_start(world, 0, VQ_FINE);
	driver_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_pop(vq, &world->chain), 1);
	assert_int_equal(virtqueue_push(vq, world->chain.head, 0), 0);
	assert_int_equal(virtqueue_publish(vq), 1);
	driver_add_readable(&world->ring, 1);
	region = take_out(world, DRIVER_HEAP);

	assert_int_equal(virtqueue_pop(vq, &world->chain), -ESTALE);
	assert_int_equal(virtqueue_available(vq), -ESTALE);
	assert_int_equal(virtqueue_push(vq, 0, 0), -ESTALE);
	assert_int_equal(virtqueue_publish(vq), 0);
	assert_false(virtqueue_needs_interrupt(vq));
	assert_int_equal(virtqueue_enable_kick(vq), -ESTALE);
	assert_int_equal(virtqueue_roll_forward(vq), -ESTALE);
	world->ring.used->flags = 0;
	virtqueue_disable_kick(vq);
	assert_int_equal(world->ring.used->flags, 0);

	assert_int_equal(virtqueue_remap(vq), 0);
	assert_int_equal(virtqueue_available(vq), 1);
	put_in(world, region);
	assert_int_equal(virtqueue_pop(vq, &world->chain), 1);
}

static void iova_42_remap_waits_for_chains_in_flight(void **state)
{
	struct driver_world *world = *state;

	expect_start(world, 0, VQ_FINE);
	driver_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(virtqueue_remap(&world->vq), -EBUSY);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
	assert_int_equal(virtqueue_remap(&world->vq), -EBUSY);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	assert_int_equal(virtqueue_remap(&world->vq), 0);
}

static void iova_42_remap_finds_moved_rings(void **state)
{
	struct driver_world *world = *state;
	struct vq_region region;
	void *moved = NULL;

	expect_start(world, 0, VQ_FINE);
	driver_add_readable(&world->ring, 1);
	region = take_out(world, DRIVER_DESC);
	assert_int_equal(posix_memalign(&moved, 16, 16 * SIZE), 0);
	memcpy(moved, region.base, 16 * SIZE);
	memset(region.base, 0xff, 16 * SIZE);
	region.base = moved;
	put_in(world, region);
	assert_int_equal(virtqueue_remap(&world->vq), 0);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	free(moved);
}

static void iova_42_remap_of_rings_that_are_gone(void **state)
{
	struct driver_world *world = *state;
	struct vq_region region;
	int error = -EMFILE;

	expect_start(world, 0, VQ_FINE);
	region = take_out(world, DRIVER_DESC);
	world->memory.fault = short_of;
	world->memory.context = &error;
	assert_int_equal(virtqueue_remap(&world->vq), -EMFILE);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), -ESTALE);
	error = -EFAULT;
	assert_int_equal(virtqueue_remap(&world->vq), -EFAULT);
	assert_int_equal(world->vq.state, VIRTQUEUE_BROKEN);
	assert_int_equal(world->vq.error.reason, VQ_AREA_UNMAPPED);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), -EPROTO);
	put_in(world, region);
	expect_start(world, 0, VQ_FINE);
}

static void starts_again_from_any_state(void **state)
{
	struct driver_world *world = *state;

	expect_start(world, 0, VQ_FINE);
	driver_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	virtqueue_break(&world->vq, 3, 77);
	assert_int_equal(world->vq.state, VIRTQUEUE_BROKEN);
	assert_int_equal(world->vq.error.reason, VQ_DEVICE_RULE);
	assert_int_equal(world->vq.error.head, 3);
	assert_int_equal(world->vq.error.value, 77);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), -EPROTO);
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	expect_start(world, 0, VQ_FINE);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	expect_start(world, 0, VQ_FINE);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(world->vq.in_flight, 1);
}

static void reads_the_used_index(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue probe = { 0 };
	uint16_t index = 0;

	world->ring.used->idx = htole16(4660);
	assert_int_equal(virtqueue_read_used_index(&probe, &world->config, &index), 0);
	assert_int_equal(index, 4660);
	assert_int_equal(probe.state, VIRTQUEUE_STOPPED);
	take_out(world, DRIVER_USED);
	assert_int_equal(virtqueue_read_used_index(&probe, &world->config, &index), -EFAULT);
	assert_int_equal(probe.error.reason, VQ_AREA_UNMAPPED);
	assert_int_equal(probe.error.value, DRIVER_USED);
	world->config.size = 7;
	assert_int_equal(virtqueue_read_used_index(&probe, &world->config, &index), -EINVAL);
}

static void every_reason_has_a_text(void **state)
{
	(void)state;
	for (int i = 0; i < VQ_REASONS; i++) {
		const char *text = virtqueue_reason_text(i);

		assert_non_null(text);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(text, virtqueue_reason_text(j));
	}
	assert_non_null(virtqueue_reason_text(VQ_REASONS));
	assert_non_null(virtqueue_reason_text((enum virtqueue_reason)-1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(starts),
		TEST(ring_01_s_2_7_size),
		cmocka_unit_test(ring_01_every_size_that_is_allowed),
		TEST(ring_01_too_few_slots),
		TEST(ring_02_s_2_7_misaligned),
		TEST(ring_02_misaligned_on_our_side),
		TEST(ring_03_areas_overlap),
		TEST(ring_04_s_2_7_area_exceeds_its_mapping),
		TEST(ring_04_area_in_two_mappings),
		TEST(ring_04_permission),
		TEST(ring_05_area_wraps),
		TEST(ring_06_nothing_works_before_the_start),
		TEST(ring_06_nothing_works_after_the_stop),
		TEST(ring_07_position_beyond_the_ring),
		TEST(ring_07_position_contradicts_itself),
		TEST(packed_rings_have_no_used_index),
		TEST(iova_46_start_can_be_tried_again),
		TEST(iova_42_rings_are_not_touched_after_regions_left),
		TEST(iova_42_remap_waits_for_chains_in_flight),
		TEST(iova_42_remap_finds_moved_rings),
		TEST(iova_42_remap_of_rings_that_are_gone),
		TEST(starts_again_from_any_state),
		TEST(reads_the_used_index),
		cmocka_unit_test(every_reason_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
