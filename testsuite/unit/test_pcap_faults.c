// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A capture and its thread, once for each allocation and each system call of either, which fails
 * then. Whatever fails, the capture does not begin, or it ends by itself, and the file has whole
 * blocks as far as it could be written; who misses frames is told so; no memory, no mapping and
 * no descriptor is left.
 *
 * LDFLAGS: -Wl,--wrap=calloc,--wrap=free,--wrap=mmap,--wrap=mmap64,--wrap=munmap,--wrap=fcntl,--wrap=fcntl64,--wrap=eventfd,--wrap=write,--wrap=fstat,--wrap=fstat64
 * LDFLAGS: -Wl,--wrap=pthread_create,--wrap=poll,--wrap=__poll_chk,--wrap=ftruncate,--wrap=ftruncate64,--wrap=pwrite,--wrap=pwrite64,--wrap=lseek,--wrap=lseek64,--wrap=close
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "testsuite/guest/pcapng_read.h"
#include "testsuite/unit/descriptors.h"
#include "testsuite/unit/fault_calls.h"
#include "vduse/device/pcap.h"

#define FRAMES 6
#define FRAME_BYTES 2000

enum thread { OWNER, WRITER, THREADS };

static struct {
	enum thread thread;	/* whose calls fail */
	_Atomic bool full;
	pthread_t owner;
	char said[600];
} it;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *),
			  void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *),
			  void *context);
int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
ssize_t __real_pwrite(int fd, const void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at);

static bool is_writer(void)
{
	return !pthread_equal(pthread_self(), it.owner);
}

static bool is_of_thread(const char *call)
{
	(void)call;
	return is_writer() == (it.thread == WRITER);
}

/* It returns what went wrong. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *),
			  void *context)
{
	return calls_fail("pthread_create") ? calls.errnum :
					 __real_pthread_create(thread, how, begin, context);
}

/* Who waits for the writer does so for as long as it takes; and the writer does not pause. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	if (calls_fail("poll"))
		return -1;
	if (milliseconds > 0)
		milliseconds = is_writer() ? 1 : 120000;
	return __real_poll(fds, count, milliseconds);
}

/* A disk that is full takes a part first, and then nothing any more of the writer. */
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	if (calls_fail("pwrite")) {
		it.full = calls.errnum == ENOSPC && is_writer();
		return calls.errnum == ENOSPC ? __real_pwrite(fd, bytes, length / 2 + 1, at) : -1;
	}
	errno = ENOSPC;
	return it.full && is_writer() ? -1 : __real_pwrite(fd, bytes, length, at);
}

/* -- a life ----------------------------------------------------------------------------------- */

static void on_report(void *context, const char *sentence)
{
	(void)context;
	strncat(it.said, sentence, sizeof(it.said) - strlen(it.said) - 2);
	strcat(it.said, "\n");
}

static void put_frame(struct pcap *pcap, unsigned int number)
{
	struct pcapng_frame like = { .interface = number & 1, .direction = PCAPNG_INBOUND };
	uint8_t bytes[FRAME_BYTES];
	struct iovec segment = { bytes, sizeof(bytes) };
	struct vq_cursor part;

	memset(bytes, (int)number, sizeof(bytes));
	vq_cursor_init(&part, &segment, 1);
	pcap_frame(pcap, &like, &part, 1);
}

/* Returns what could not be had, or 0. */
static int record(int fd)
{
	static const char *const names[] = { "lo0", "lo1" };
	struct pcap *pcap;
	int rc = pcap_open(&pcap, fd, names, 2, on_report, NULL);

	if (rc < 0)
		return rc;
	rc = pcap_start(pcap);
	for (unsigned int i = 0; i < FRAMES && rc == 0; i++) {
		put_frame(pcap, i);
		pcap_flush(pcap);
	}
	pcap_close(pcap);
	return rc;
}

static void fail_life(const char *what)
{
	fail_msg("point %lu of thread %u, %s, fails with %s: %s (%s)", calls.at, it.thread, calls.failed,
		 strerror(calls.errnum), what, it.said);
}

/* As much as is there can be read, but for a block that nobody could take away any more. */
static unsigned int frames_of(int fd)
{
	struct reader reader = { .at = 0 };
	struct read_frame frame;
	struct stat status;
	unsigned int count = 0;

	assert_int_equal(fstat(fd, &status), 0);
	reader.length = (size_t)status.st_size;
	if (!reader.length)
		return 0;
	reader.bytes = mmap(NULL, reader.length, PROT_READ, MAP_SHARED, fd, 0);
	while (read_next(&reader, &frame))
		count++;
	if (reader.fault || reader.at != reader.length)
		fail_life("the file has something else than whole blocks");
	for (unsigned int i = 0; i < 2; i++)
		if (reader.statistics[i].blocks && reader.statistics[i].received != FRAMES / 2)
			fail_life("the file does not say how many frames there were");
	munmap((void *)(uintptr_t)reader.bytes, reader.length);
	return count;
}

/* One life, which ends as it should. Returns whether the point was come to. */
static bool survive(void)
{
	int fd = memfd_create("capture", MFD_CLOEXEC), rc;
	uint64_t before = open_descriptors();
	unsigned int frames;

	calls.points = 0;
	calls.allocations = calls.mappings = 0;
	calls.failed = NULL;
	it.full = false;
	it.said[0] = '\0';
	calls.inside = true;
	rc = record(fd);
	calls.inside = false;
	frames = rc == 0 ? frames_of(fd) : 0;
	if (rc == 0 && calls_failed("fcntl"))
		fail_life("its file may make it wait");
	if (rc < 0 && rc != (calls_failed("calloc") ? -ENOMEM : -calls.errnum))
		fail_life("that is not what failed");
	if (open_descriptors() != before || calls.allocations || calls.mappings)
		fail_life("something is left");
	if (rc == 0 && frames != FRAMES && !strstr(it.said, "the capture lacks"))
		fail_life("frames are missing, and nobody was told");
	if (!calls.failed && (rc || frames != FRAMES || it.said[0]))
		fail_life("and nothing failed");
	close(fd);
	return calls.failed;
}

static unsigned long all_points;

static void each(enum thread thread)
{
	static const int errors[] = { EINTR, ENOMEM, EMFILE, EIO, ENOSPC, EFBIG, EPIPE, EAGAIN };

	it.thread = thread;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		calls = (struct fault_calls){
			.is_point = is_of_thread, .times = 1, .errnum = errors[i],
		};
		for (calls.at = 1; survive(); calls.at++)
			all_points++;
		assert_true(calls.at > 1);
	}
}

static void proc_67_each_call_of_the_owner_fails(void **state)
{
	(void)state;
	each(OWNER);
}

static void proc_67_each_call_of_the_writer_fails(void **state)
{
	(void)state;
	each(WRITER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proc_67_each_call_of_the_owner_fails),
		cmocka_unit_test(proc_67_each_call_of_the_writer_fails),
	};
	int failed;

	it.owner = pthread_self();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (!failed)
		printf("# figure faults: %lu points of a capture and its thread, nothing left\n",
		       all_points);
	return failed;
}
