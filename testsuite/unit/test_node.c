// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the ioctls of a node are given, byte for byte: also of API version 1, which the
 * kernel of the guest does not have. And its messages.
 *
 * LDFLAGS: -Wl,--wrap=ioctl,--wrap=read,--wrap=write
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/device/node.h"

#define NODE 77
#define NOTHING INT_MIN

/* The kernel's answer, and what it was asked. */
static struct {
	unsigned long request;
	uint8_t given[160];
	uint8_t answer[160];
	int result;		/* negative errno, or what the call returns */
	unsigned int interrupted;	/* times that a signal comes first */
	unsigned int calls;
} kernel;

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	size_t size = _IOC_SIZE(request);
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	assert_int_equal(fd, NODE);
	kernel.calls++;
	if (kernel.interrupted) {
		kernel.interrupted--;
		errno = EINTR;
		return -1;
	}
	kernel.request = request;
	if (size)
		memcpy(kernel.given, argument, size);
	if (kernel.result < 0) {
		errno = -kernel.result;
		return -1;
	}
	if (_IOC_DIR(request) & _IOC_READ)
		memcpy(argument, kernel.answer, size);
	return kernel.result;
}

/* A message either way: 0 of `result` means all of it, NOTHING no byte. */
static ssize_t message(int fd, void *to, const void *from, size_t size)
{
	assert_int_equal(fd, NODE);
	assert_true(size <= sizeof(kernel.given));
	kernel.calls++;
	if (kernel.interrupted) {
		kernel.interrupted--;
		errno = EINTR;
		return -1;
	}
	/* a call that succeeds leaves errno as it was */
	if (kernel.result == NOTHING)
		return 0;
	if (kernel.result < 0) {
		errno = -kernel.result;
		return -1;
	}
	memcpy(to, from, size);
	return kernel.result ? kernel.result : (ssize_t)size;
}

ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size)
{
	return message(fd, to, kernel.answer, size);
}

ssize_t __wrap_write(int fd, const void *from, size_t size);
ssize_t __wrap_write(int fd, const void *from, size_t size)
{
	return message(fd, kernel.given, from, size);
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

static uint32_t given32(size_t offset)
{
	uint32_t value;

	memcpy(&value, kernel.given + offset, sizeof(value));
	return value;
}

static uint64_t given64(size_t offset)
{
	uint64_t value;

	memcpy(&value, kernel.given + offset, sizeof(value));
	return value;
}

static void answer64(size_t offset, uint64_t value)
{
	memcpy(kernel.answer + offset, &value, sizeof(value));
}

/* offset@0, start@8, last@16, perm@24 in both layouts. */
static void fill_in_region(void)
{
	answer64(0, 0x3000);
	answer64(8, 0x10000);
	answer64(16, 0x1ffff);
	kernel.answer[24] = VDUSE_ACCESS_RO;
	kernel.result = fcntl(2, F_DUPFD, 40);
}

static void expect_region(const struct node_region *region)
{
	assert_int_equal(region->offset, 0x3000);
	assert_int_equal(region->first, 0x10000);
	assert_int_equal(region->last, 0x1ffff);
	assert_int_equal(region->access, VDUSE_ACCESS_RO);
	assert_int_equal(region->fd, kernel.result);
	/* the kernel hands it over without */
	assert_int_equal(fcntl(region->fd, F_GETFD), FD_CLOEXEC);
	close(region->fd);
}

static void a_region_of_the_first_address_space(void **state)
{
	struct node_region region;

	(void)state;
	fill_in_region();
	assert_int_equal(node_get_region(NODE, 0, 0x12345, &region), 0);
	assert_int_equal(kernel.request, 0xc0208110);
	assert_int_equal(given64(8), 0x12345);
	assert_int_equal(given64(16), 0x12345);
	expect_region(&region);
}

static void a_region_of_another_address_space(void **state)
{
	struct node_region region;

	(void)state;
	fill_in_region();
	assert_int_equal(node_get_region(NODE, 5, 0x12345, &region), 0);
	assert_int_equal(kernel.request, 0xc050811b);
	assert_int_equal(given64(8), 0x12345);
	assert_int_equal(given64(16), 0x12345);
	assert_int_equal(given32(32), 5);
	expect_region(&region);
	kernel.result = -ENOTTY;
	assert_int_equal(node_get_region(NODE, 5, 0, &region), -ENOTTY);
	/* 0 is a descriptor like any other */
	kernel.result = 0;
	assert_int_equal(node_get_region(NODE, 5, 0, &region), 0);
	assert_int_equal(fcntl(0, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(0, F_SETFD, 0), 0);
}

static void the_bounce_buffer_is_known(void **state)
{
	uint64_t size = 0;

	(void)state;
	answer64(8, 0x3ffffff);
	answer64(16, 1);
	assert_int_equal(node_is_bounce(NODE, 2, 0x7000, &size), 1);
	assert_int_equal(kernel.request, 0xc030811a);
	assert_int_equal(given64(0), 0x7000);
	assert_int_equal(given64(8), 0x7000);
	assert_int_equal(given32(24), 2);
	assert_int_equal(size, 0x4000000);
	answer64(16, 0);
	assert_int_equal(node_is_bounce(NODE, 0, 0x7000, &size), 0);
	/* memory that could be brought, and is not at the beginning */
	answer64(0, 0x1000);
	answer64(16, 1);
	assert_int_equal(node_is_bounce(NODE, 0, 0x7000, &size), 0);
	kernel.result = -EINVAL;
	assert_int_equal(node_is_bounce(NODE, 0, 0x7000, &size), -EINVAL);
}

static void memory_is_brought_and_taken_back(void **state)
{
	uint8_t memory[1];

	(void)state;
	assert_int_equal(node_bring_bounce(NODE, 0, memory, 0x400000), 0);
	assert_int_equal(kernel.request, 0x40308118);
	assert_int_equal(given64(0), (uintptr_t)memory);
	assert_int_equal(given64(8), 0);
	assert_int_equal(given64(16), 0x400000);
	assert_int_equal(given64(24), 0);	/* reserved in version 0 */
	assert_int_equal(given64(32), 0);
	assert_int_equal(given64(40), 0);
	assert_int_equal(node_take_bounce_back(NODE, 3, memory, 0x400000), 0);
	assert_int_equal(kernel.request, 0x40308119);
	assert_int_equal(given64(0), (uintptr_t)memory);
	assert_int_equal(given64(16), 0x400000);
	assert_int_equal(given32(24), 3);
	kernel.result = -ENOMEM;
	assert_int_equal(node_bring_bounce(NODE, 0, memory, 0x400000), -ENOMEM);
}

static void configuration_is_written_and_told(void **state)
{
	const uint8_t bytes[64] = { 1, 2 };

	(void)state;
	assert_int_equal(node_set_config(NODE, 0, bytes, 64), 0);
	assert_int_equal(given32(4), 64);
	assert_int_equal(node_set_config(NODE, 6, bytes, 2), 0);
	assert_int_equal(kernel.request, 0x40088112);
	assert_int_equal(given32(0), 6);
	assert_int_equal(given32(4), 2);
	assert_int_equal(node_interrupt_config(NODE), 0);
	assert_int_equal(kernel.request, 0x8113);
}

/* What lies beyond any configuration space, or comes round to its beginning, is not asked. */
static void ctl_57_offset_and_length(void **state)
{
	static const struct {
		uint32_t offset, length;
	} beyond[] = { { 0, 65 }, { 1, 64 }, { 63, 2 }, { 65, 0 }, { 0, UINT32_MAX },
		       { UINT32_MAX, 1 }, { UINT32_MAX, 2 }, { UINT32_MAX - 1, 64 },
		       { 0x80000000, 0x80000000 } };
	const uint8_t bytes[65] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
		assert_int_equal(node_set_config(NODE, beyond[i].offset, bytes, beyond[i].length),
				 -EINVAL);
	assert_int_equal(kernel.calls, 0);
	assert_int_equal(node_set_config(NODE, 62, bytes, 2), 0);
	assert_int_equal(given32(0), 62);
	/* where it is the kernel that refuses, that is passed on */
	kernel.result = -EINVAL;
	assert_int_equal(node_set_config(NODE, 62, bytes, 2), -EINVAL);
	assert_int_equal(kernel.calls, 2);
}

/* Group 0, where version 1 has it and version 0 has a reserved word. */
static void a_virtqueue_is_set_up(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(node_set_up_queue(NODE, 1, 1024), 0);
	assert_int_equal(kernel.request, 0x40208114);
	assert_int_equal(given32(0), 1);
	assert_int_equal(given32(4), 1024);
	for (i = 8; i < 32; i++)
		assert_int_equal(kernel.given[i], 0);
}

/* index, num; the areas; where it begins; ready */
static void a_virtqueue_is_known(void **state)
{
	struct node_queue queue = { .size = 9 };

	(void)state;
	answer64(0, UINT64_C(256) << 32);
	answer64(8, 0x1000);
	answer64(16, 0x2000);
	answer64(24, 0x3000);
	answer64(32, 77);
	kernel.answer[40] = 1;
	assert_int_equal(node_get_queue(NODE, 1, &queue), 0);
	assert_int_equal(kernel.request, 0xc0308115);
	assert_int_equal(given32(0), 1);
	assert_int_equal(queue.size, 256);
	assert_int_equal(queue.desc, 0x1000);
	assert_int_equal(queue.driver, 0x2000);
	assert_int_equal(queue.device, 0x3000);
	assert_int_equal(queue.avail_index, 77);
	assert_true(queue.ready);
	kernel.result = -EINVAL;
	queue.size = 9;
	assert_int_equal(node_get_queue(NODE, 1, &queue), -EINVAL);
	assert_int_equal(queue.size, 9);
	/* an answer that is no error, as that of other calls is a descriptor */
	kernel.result = 1;
	assert_int_equal(node_get_queue(NODE, 1, &queue), 0);
}

static void ctl_62_a_request_is_read_whole(void **state)
{
	struct vduse_dev_request request;

	(void)state;
	kernel.answer[0] = VDUSE_SET_STATUS;
	kernel.answer[4] = 42;
	kernel.interrupted = 2;
	assert_int_equal(node_read_request(NODE, &request), 0);
	assert_int_equal(kernel.calls, 3);
	assert_int_equal(request.type, VDUSE_SET_STATUS);
	assert_int_equal(request.request_id, 42);
	kernel.result = -EAGAIN;
	assert_int_equal(node_read_request(NODE, &request), -EAGAIN);
	kernel.result = sizeof(request) - 1;
	assert_int_equal(node_read_request(NODE, &request), -EIO);
	kernel.result = NOTHING;
	kernel.interrupted = 1;
	assert_int_equal(node_read_request(NODE, &request), -EIO);
	assert_int_equal(kernel.calls, 7);
}

static void ctl_62_a_response_is_written_whole(void **state)
{
	const struct vduse_dev_response response = { .request_id = 42, .result = VDUSE_REQ_RESULT_OK };

	(void)state;
	kernel.interrupted = 2;
	assert_int_equal(node_write_response(NODE, &response), 0);
	assert_int_equal(kernel.calls, 3);
	assert_memory_equal(kernel.given, &response, sizeof(response));
	kernel.result = -ENOENT;
	assert_int_equal(node_write_response(NODE, &response), -ENOENT);
	kernel.result = 1;
	assert_int_equal(node_write_response(NODE, &response), -EIO);
	kernel.result = NOTHING;
	kernel.interrupted = 1;
	assert_int_equal(node_write_response(NODE, &response), -EIO);
	assert_int_equal(kernel.calls, 7);
}

static void proc_64_a_signal_is_no_error(void **state)
{
	(void)state;
	kernel.interrupted = 3;
	assert_int_equal(node_interrupt(NODE, 1), 0);
	assert_int_equal(kernel.calls, 4);
	assert_int_equal(kernel.request, 0x40048117);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_region_of_the_first_address_space),
		TEST(a_region_of_another_address_space),
		TEST(the_bounce_buffer_is_known),
		TEST(memory_is_brought_and_taken_back),
		TEST(configuration_is_written_and_told),
		TEST(ctl_57_offset_and_length),
		TEST(a_virtqueue_is_set_up),
		TEST(a_virtqueue_is_known),
		TEST(ctl_62_a_request_is_read_whole),
		TEST(ctl_62_a_response_is_written_whole),
		TEST(proc_64_a_signal_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
