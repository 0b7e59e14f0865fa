/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Windows: which buffers they hold, and where they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"
#include "vduse/virtio/window.h"

#define SIZE 64

static int setup(void **state)
{
	*state = driver_world_started(SIZE, 0);
	return 0;
}

static int teardown(void **state)
{
	driver_world_free(*state);
	return 0;
}

/* Windows end where regions, permissions and the ring's areas do. */
static void edges_of_windows(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue *vq = &world->vq;
	uint64_t last = DRIVER_HEAP + DRIVER_HEAP_SIZE - 1;
	struct vq_region read_only = { 0x90000000, 0x90000fff, world->ring.heap, VQ_ACCESS_READ, 0 };

	assert_int_equal(vq_memory_add(&world->memory, &read_only), 0);
	assert_ptr_equal(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP, 1), world->ring.heap);
	assert_ptr_equal(vq_window_at(vq, VQ_WINDOW_READ, last, 1),
			 world->ring.heap + DRIVER_HEAP_SIZE - 1);
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, last, 2));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, last + 1, 1));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP - 1, 2));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP, 0));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP, UINT32_MAX));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, UINT64_MAX, 2));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_READ, 0x90000000, 16));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_TABLE, 0x90000000, 16));
	assert_null(vq_window_at(vq, VQ_WINDOW_WRITE, 0x90000000, 16));
	/* the ring's areas fill their regions here: no byte is left */
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_DESC, 1));
	assert_null(vq_window_at(vq, VQ_WINDOW_WRITE, DRIVER_USED, 1));
}

/* Areas in the middle of a region: what is before, between and behind them is good. */
static void windows_between_areas(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue *vq = &world->vq;

	vq->area[0] = (struct vq_area){ DRIVER_HEAP + 0x1000, 0x100 };
	vq->area[1] = (struct vq_area){ DRIVER_HEAP + 0x2000, 0x100 };
	vq->area[2] = (struct vq_area){ DRIVER_HEAP + 0x3000, 0x100 };
	memset(vq->window, 0, sizeof(vq->window));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP, 0x1000));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP, 0x1001));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x1000, 1));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x10ff, 1));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x1100, 0xf00));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x1100, 0xf01));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x1fff, 1));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x20ff, 2));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x3100, 0x1000));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x30ff, 1));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x2100, 0x100));
	assert_null(vq_window_at(vq, VQ_WINDOW_READ, DRIVER_HEAP + 0x2000, 0x100));
}

/* Areas that share one byte with a region: its first and its last. */
static void windows_beside_one_byte(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue *vq = &world->vq;
	struct vq_region region = { 0x90000000, 0x90000fff, world->ring.heap, VQ_ACCESS_BOTH, 0 };

	assert_int_equal(vq_memory_add(&world->memory, &region), 0);
	vq->area[0] = (struct vq_area){ region.first - 0xff, 0x100 };
	vq->area[1] = (struct vq_area){ region.last, 0x100 };
	memset(vq->window, 0, sizeof(vq->window));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_WRITE, region.first + 1, 0xffe));
	assert_null(vq_window_at(vq, VQ_WINDOW_WRITE, region.first + 1, 0xfff));
	assert_null(vq_window_at(vq, VQ_WINDOW_WRITE, region.first, 2));
	assert_null(vq_window_at(vq, VQ_WINDOW_WRITE, region.last, 1));
	assert_non_null(vq_window_at(vq, VQ_WINDOW_WRITE, region.last - 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(edges_of_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(windows_between_areas, setup, teardown),
		cmocka_unit_test_setup_teardown(windows_beside_one_byte, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
