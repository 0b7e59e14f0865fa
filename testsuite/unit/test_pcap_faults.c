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
#include "vduse/device/pcap.h"

#define FRAMES 6
#define FRAME_BYTES 2000

enum thread { OWNER, WRITER, THREADS };

static struct {
	enum thread thread;	/* whose calls fail */
	unsigned long at;	/* from 1 on */
	int errnum;
	_Atomic bool inside;
	_Atomic unsigned long points;
	_Atomic bool failed, full;
	char call[24];
	_Atomic long allocations, mappings;
	pthread_t owner;
	char said[600];
} it;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
void *__real_mmap(void *start, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *start, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *start, size_t length, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *start, size_t length);
int __wrap_munmap(void *start, size_t length);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);
ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);
int __wrap_fstat64(int fd, struct stat *status);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *),
			  void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *),
			  void *context);
int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size);
int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);
int __wrap_ftruncate64(int fd, off_t length);
ssize_t __real_pwrite(int fd, const void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t length, off_t at);
off_t __real_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek64(int fd, off_t offset, int whence);
int __real_close(int fd);
int __wrap_close(int fd);

static bool is_writer(void)
{
	return !pthread_equal(pthread_self(), it.owner);
}

static bool fails(const char *call)
{
	if (!it.inside || is_writer() != (it.thread == WRITER) || ++it.points != it.at)
		return false;
	snprintf(it.call, sizeof(it.call), "%s", call);
	it.failed = true;
	errno = it.errnum;
	return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
	void *memory = fails("calloc") ? NULL : __real_calloc(count, size);

	/* that of a thread is the C library's */
	it.allocations += it.inside && memory;
	return memory;
}

void __wrap_free(void *memory)
{
	it.allocations -= it.inside && memory;
	__real_free(memory);
}

void *__wrap_mmap(void *start, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *at = fails("mmap") ? MAP_FAILED :
				   __real_mmap(start, length, protection, flags, fd, offset);

	it.mappings += it.inside && at != MAP_FAILED;
	return at;
}

void *__wrap_mmap64(void *start, size_t length, int protection, int flags, int fd, off_t offset)
{
	return __wrap_mmap(start, length, protection, flags, fd, offset);
}

int __wrap_munmap(void *start, size_t length)
{
	it.mappings -= it.inside;
	return __real_munmap(start, length);
}

static int call_fcntl(int fd, int command, long argument)
{
	return fails("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	return call_fcntl(fd, command, argument);
}

int __wrap_fcntl64(int fd, int command, ...) __attribute__((alias("__wrap_fcntl")));

int __wrap_eventfd(unsigned int count, int flags)
{
	return fails("eventfd") ? -1 : __real_eventfd(count, flags);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
	return fails("write") ? -1 : __real_write(fd, bytes, length);
}

int __wrap_fstat(int fd, struct stat *status)
{
	return fails("fstat") ? -1 : __real_fstat(fd, status);
}

int __wrap_fstat64(int fd, struct stat *status)
{
	return __wrap_fstat(fd, status);
}

/* It returns what went wrong. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *),
			  void *context)
{
	return fails("pthread_create") ? it.errnum :
					 __real_pthread_create(thread, how, begin, context);
}

/* Who waits for the writer does so for as long as it takes; and the writer does not pause. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	if (fails("poll"))
		return -1;
	if (milliseconds > 0)
		milliseconds = is_writer() ? 1 : 120000;
	return __real_poll(fds, count, milliseconds);
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size)
{
	(void)size;
	return __wrap_poll(fds, count, milliseconds);
}

int __wrap_ftruncate(int fd, off_t length)
{
	return fails("ftruncate") ? -1 : __real_ftruncate(fd, length);
}

int __wrap_ftruncate64(int fd, off_t length)
{
	return __wrap_ftruncate(fd, length);
}

/* A disk that is full takes a part first, and then nothing any more of the writer. */
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	if (fails("pwrite")) {
		it.full = it.errnum == ENOSPC && is_writer();
		return it.errnum == ENOSPC ? __real_pwrite(fd, bytes, length / 2 + 1, at) : -1;
	}
	errno = ENOSPC;
	return it.full && is_writer() ? -1 : __real_pwrite(fd, bytes, length, at);
}

off_t __wrap_lseek(int fd, off_t offset, int whence)
{
	return fails("lseek") ? -1 : __real_lseek(fd, offset, whence);
}

off_t __wrap_lseek64(int fd, off_t offset, int whence)
{
	return __wrap_lseek(fd, offset, whence);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t length, off_t at)
{
	return __wrap_pwrite(fd, bytes, length, at);
}

/* The descriptor is gone whatever it says (close(2)). */
int __wrap_close(int fd)
{
	int rc = __real_close(fd);

	return fails("close") ? -1 : rc;
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
	fail_msg("point %lu of thread %u, %s, fails with %s: %s (%s)", it.at, it.thread, it.call,
		 strerror(it.errnum), what, it.said);
}

/* As much as is there can be read, but for a block that nobody could take away any more. */
static unsigned int frames_of(int fd)
{
	struct reader reader = { .at = 0 };
	struct read_frame frame;
	struct stat status;
	unsigned int count = 0;

	assert_int_equal(__real_fstat(fd, &status), 0);
	reader.length = (size_t)status.st_size;
	if (!reader.length)
		return 0;
	reader.bytes = __real_mmap(NULL, reader.length, PROT_READ, MAP_SHARED, fd, 0);
	while (read_next(&reader, &frame))
		count++;
	if (reader.fault || reader.at != reader.length)
		fail_life("the file has something else than whole blocks");
	for (unsigned int i = 0; i < 2; i++)
		if (reader.statistics[i].blocks && reader.statistics[i].received != FRAMES / 2)
			fail_life("the file does not say how many frames there were");
	__real_munmap((void *)(uintptr_t)reader.bytes, reader.length);
	return count;
}

/* One life, which ends as it should. Returns whether the point was come to. */
static bool survive(void)
{
	int fd = memfd_create("capture", MFD_CLOEXEC), rc;
	uint64_t before = open_descriptors();
	unsigned int frames;

	it.points = it.allocations = it.mappings = 0;
	it.failed = it.full = false;
	it.call[0] = it.said[0] = '\0';
	it.inside = true;
	rc = record(fd);
	it.inside = false;
	frames = rc == 0 ? frames_of(fd) : 0;
	if (rc == 0 && !strcmp(it.call, "fcntl"))
		fail_life("its file may make it wait");
	if (rc < 0 && rc != (strcmp(it.call, "calloc") ? -it.errnum : -ENOMEM))
		fail_life("that is not what failed");
	if (open_descriptors() != before || it.allocations || it.mappings)
		fail_life("something is left");
	if (rc == 0 && frames != FRAMES && !strstr(it.said, "the capture lacks"))
		fail_life("frames are missing, and nobody was told");
	if (!it.failed && (rc || frames != FRAMES || it.said[0]))
		fail_life("and nothing failed");
	__real_close(fd);
	return it.failed;
}

static unsigned long all_points;

static void each(enum thread thread)
{
	static const int errors[] = { EINTR, ENOMEM, EMFILE, EIO, ENOSPC, EFBIG, EPIPE, EAGAIN };

	it.thread = thread;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		it.errnum = errors[i];
		for (it.at = 1; survive(); it.at++)
			all_points++;
		assert_true(it.at > 1);
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
