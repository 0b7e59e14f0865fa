// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Captures: what is in the file, and what becomes of it when the file does not take it.
 *
 * LDFLAGS: -Wl,--wrap=write,--wrap=pwrite
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "testsuite/guest/pcapng_read.h"
#include "vduse/device/pcap.h"
#include "vduse/device/pcap_writer.h"

#define FILE_MAX (64 << 20)
#define PATIENCE_MS 60000	/* for what comes at once */

/* How the file behaves; read by the writer's thread. */
static struct {
	int fd;			/* the file of the test */
	_Atomic int error;	/* of every write to it; 0: none */
	_Atomic int at_most;	/* bytes that one write takes; 0: all */
	_Atomic long full;	/* bytes of the file that fill the disk; -1: it never is full */
	_Atomic int writes;
} disk;

static struct pcap *pcap;
static char said[600];
static unsigned int sentences;

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);

ssize_t __real_pwrite(int fd, const void *bytes, size_t length, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at);

/* How much of @length the file takes; 0 and errno for nothing. */
static size_t taken(size_t length)
{
	disk.writes++;
	errno = disk.error;
	if (disk.error)
		return 0;
	return disk.at_most && length > (size_t)disk.at_most ? (size_t)disk.at_most : length;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
	if (fd != disk.fd || fd < 0)
		return __real_write(fd, bytes, length);
	length = taken(length);
	return length ? __real_write(fd, bytes, length) : -1;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	long full = disk.full;

	assert_int_equal(fd, disk.fd);
	length = taken(length);
	if (length && full >= 0 && at + (long)length > full) {
		length = at < full ? (size_t)(full - at) : 0;
		errno = ENOSPC;
	}
	return length ? __real_pwrite(fd, bytes, length, at) : -1;
}

static void on_report(void *context, const char *sentence)
{
	assert_ptr_equal(context, &disk);
	strncat(said, sentence, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
	sentences++;
}

static const char *const names[] = { "lo0", "a-device-with-another-name" };

static void open_on(int fd, unsigned int count)
{
	disk.fd = fd;
	assert_int_equal(pcap_open(&pcap, fd, names, count, on_report, &disk), 0);
}

static int begin(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	memset(said, 0, sizeof(said));
	sentences = 0;
	disk.error = disk.at_most = disk.writes = 0;
	disk.full = -1;
	disk.fd = -1;
	pcap = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (disk.fd >= 0)
		close(disk.fd);
	return 0;
}

static int memory_file(void)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* The disk takes so many bytes more. */
static void fill_up_after(long bytes)
{
	struct stat status;

	assert_int_equal(fstat(disk.fd, &status), 0);
	disk.full = status.st_size + bytes;
}

/* A frame of @length bytes, told by its number, in pieces that lie apart. */
static void frame(uint32_t interface, uint32_t length, uint32_t number)
{
	struct pcapng_frame like = {
		.interface = interface,
		.direction = number & 1 ? PCAPNG_INBOUND : PCAPNG_OUTBOUND,
		.queue = number & 1 ? 0 : 1,
	};
	uint8_t *bytes = malloc(length + 1);
	struct iovec segments[3];
	struct vq_cursor part[2];
	uint32_t i, third = length / 3;

	for (i = 0; i < length; i++)
		bytes[i] = (uint8_t)(number * 31 + i);
	segments[0] = (struct iovec){ bytes, third };
	segments[1] = (struct iovec){ bytes + third, third };
	segments[2] = (struct iovec){ bytes + 2 * third, length - 2 * third };
	vq_cursor_init(&part[0], segments, 2);
	vq_cursor_init(&part[1], segments + 2, 1);
	pcap_frame(pcap, &like, part, 2);
	free(bytes);
}

/* What the file has in the end. */
struct content {
	uint64_t frames[2], inbound;
	struct reader reader;
};

static struct content read_back(int fd)
{
	struct content content = { .frames = { 0, 0 } };
	struct read_frame got;
	struct stat status;
	uint32_t i;

	assert_int_equal(fstat(fd, &status), 0);
	content.reader.length = (size_t)status.st_size;
	content.reader.bytes = mmap(NULL, content.reader.length, PROT_READ, MAP_SHARED, fd, 0);
	while (read_next(&content.reader, &got)) {
		uint8_t first = got.kept ? got.bytes[0] : 0;

		content.frames[got.interface]++;
		content.inbound += got.flags == 1;
		assert_int_equal(got.flags == 1 ? 0 : 1, got.queue);
		assert_true(got.time > UINT64_C(1600000000000000000));
		for (i = 0; i < got.kept; i++)
			assert_int_equal(got.bytes[i], (uint8_t)(first + i));
	}
	assert_null(content.reader.fault);
	munmap((void *)(uintptr_t)content.reader.bytes, content.reader.length);
	return content;
}

/* The file is whole, and what it has and says it lacks is what was put. */
static void adds_up(const struct content *content, unsigned int interface, uint64_t put)
{
	const struct read_statistics *statistics = &content->reader.statistics[interface];

	assert_int_equal(content->reader.at, content->reader.length);
	assert_true(statistics->blocks >= 1);
	assert_int_equal(statistics->received, put);
	assert_int_equal(content->frames[interface] + statistics->dropped, put);
}

static void wait_until_written(void)
{
	unsigned int i;

	pcap_flush(pcap);
	/* the writer is the only one who could tell */
	for (i = 0; i < PATIENCE_MS && disk.writes < 2; i++)
		usleep(1000);
}

/* Until the file has grown to so many bytes. */
static void wait_for_length(uint64_t bytes)
{
	struct stat status = { .st_size = 0 };
	unsigned int i;

	for (i = 0; i < PATIENCE_MS && (uint64_t)status.st_size < bytes; i++) {
		usleep(1000);
		assert_int_equal(fstat(disk.fd, &status), 0);
	}
	assert_true((uint64_t)status.st_size >= bytes);
}

static void every_length_and_two_devices(void **state)
{
	struct content content;
	uint32_t length;

	(void)state;
	open_on(memory_file(), 2);
	assert_int_equal(pcap_start(pcap), 0);
	for (length = 0; length < 700; length++)
		frame(length & 1, length, length);
	frame(0, 65550, 4711);
	pcap_close(pcap);
	content = read_back(disk.fd);
	assert_string_equal(content.reader.names[0], names[0]);
	assert_string_equal(content.reader.names[1], names[1]);
	assert_int_equal(content.frames[0], 351);
	assert_int_equal(content.frames[1], 350);
	assert_int_equal(content.inbound, 351);
	adds_up(&content, 0, 351);
	adds_up(&content, 1, 350);
	assert_int_equal(sentences, 0);
}

static void a_frame_longer_than_any_is_cut(void **state)
{
	struct content content;

	(void)state;
	open_on(memory_file(), 1);
	assert_int_equal(pcap_start(pcap), 0);
	frame(0, PCAPNG_SNAPLEN + 1000, 3);
	pcap_close(pcap);
	content = read_back(disk.fd);
	adds_up(&content, 0, 1);
}

/* More than the ring holds, many times over: it goes around at every place of a block. */
static void the_ring_goes_around(void **state)
{
	uint64_t seen, lost, put = 0, bytes = 0;
	struct content content;

	(void)state;
	open_on(memory_file(), 1);
	assert_int_equal(pcap_start(pcap), 0);
	while (bytes < 4 * PCAP_RING_BYTES) {
		uint32_t length = 1000 + (uint32_t)(put * 7919 % 3001);

		frame(0, length, (uint32_t)put++);
		bytes += length;
		/* what finds no room is for the next test */
		if (put % 500 == 0) {
			pcap_flush(pcap);
			wait_for_length(bytes);
		}
	}
	pcap_close(pcap);
	pcap = NULL;
	content = read_back(disk.fd);
	adds_up(&content, 0, put);
	seen = content.reader.statistics[0].received;
	lost = content.reader.statistics[0].dropped;
	assert_int_equal(lost, 0);
	assert_int_equal(seen, put);
}

/* Before the writer runs the ring fills up: what finds no room is counted and told. */
static void what_finds_no_room_is_lost_and_told(void **state)
{
	uint64_t seen, lost, other;
	struct content content;
	uint32_t i;

	(void)state;
	open_on(memory_file(), 2);
	for (i = 0; i < 200; i++)
		frame(i & 1, 65000, i);
	pcap_count(pcap, 0, &seen, &lost);
	assert_int_equal(seen, 100);
	assert_true(lost > 30 && lost < 40);
	assert_int_equal(sentences, 1);		/* not one a frame */
	assert_non_null(strstr(said, "too slowly"));
	pcap_count(pcap, 1, &seen, &other);
	assert_int_equal(pcap_start(pcap), 0);
	wait_until_written();
	wait_for_length((200 - lost - other) * UINT64_C(65000));
	/* the file tells it before the next frame, not only at the end */
	frame(0, 60, 0);
	pcap_close(pcap);
	content = read_back(disk.fd);
	adds_up(&content, 0, 101);
	adds_up(&content, 1, 100);
	assert_int_equal(content.reader.statistics[0].blocks, 2);
	assert_int_equal(content.reader.statistics[1].blocks, 2);
	assert_non_null(strstr(said, "lacks"));
}

/* Statistics that are due need room as well. */
static void no_room_for_what_must_be_told(void **state)
{
	uint64_t left = PCAP_RING_BYTES, seen, lost;
	struct pcapng_frame like = { .length = 65000 };
	struct content content;
	uint32_t i;

	(void)state;
	open_on(memory_file(), 1);
	for (i = 0; left >= pcapng_frame_size(&like); i++, left -= pcapng_frame_size(&like))
		frame(0, like.length, i);
	frame(0, like.length, i);
	like.length = 0;
	frame(0, (uint32_t)(left - pcapng_frame_size(&like)), i + 1);	/* all that is left */
	pcap_count(pcap, 0, &seen, &lost);
	assert_int_equal(seen, i + 2);
	assert_int_equal(lost, 2);
	frame(0, (uint32_t)(left - pcapng_frame_size(&like) - PCAPNG_STATISTICS_SIZE), i + 2);
	pcap_count(pcap, 0, &seen, &lost);
	assert_int_equal(lost, 2);
	assert_int_equal(pcap_start(pcap), 0);
	pcap_close(pcap);
	content = read_back(disk.fd);
	adds_up(&content, 0, i + 3);
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* Signals are for the thread that serves, which reads them from a descriptor. */
static void the_writer_takes_no_signals(void **state)
{
	struct sigaction action = { .sa_handler = on_signal }, before;
	sigset_t set, mask;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaction(SIGUSR1, &action, &before);
	open_on(memory_file(), 1);
	assert_int_equal(pcap_start(pcap), 0);
	pthread_sigmask(SIG_BLOCK, &set, &mask);
	kill(getpid(), SIGUSR1);
	usleep(20000);
	assert_false(interrupted);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	assert_true(interrupted);
	sigaction(SIGUSR1, &before, NULL);
	pcap_close(pcap);
}

/* The disk is full in the middle of a block, and has room again later. */
static void proc_67_no_space_can_pass(void **state)
{
	struct content content;
	unsigned int i;

	(void)state;
	open_on(memory_file(), 1);
	fill_up_after(1000);
	assert_int_equal(pcap_start(pcap), 0);
	for (i = 0; i < 5; i++)
		frame(0, 333, i);
	pcap_flush(pcap);
	for (i = 0; i < PATIENCE_MS && !sentences; i++) {
		usleep(1000);
		pcap_tell(pcap);
	}
	assert_non_null(strstr(said, "No space left"));
	for (i = 5; i < 10; i++)
		frame(0, 333, i);
	disk.full = -1;
	usleep(2 * PCAP_RETRY_MS * 1000);
	pcap_close(pcap);
	content = read_back(disk.fd);
	adds_up(&content, 0, 10);
	assert_int_equal(content.frames[0], 10);
	assert_int_equal(sentences, 1);
}

/* ... or never again: the file ends with its last whole block, and what it lacks is told. */
static void proc_67_no_space_at_the_end(void **state)
{
	struct timespec start, now;
	struct content content;
	unsigned int i;

	(void)state;
	open_on(memory_file(), 1);
	fill_up_after(1000);
	assert_int_equal(pcap_start(pcap), 0);
	for (i = 0; i < 50; i++)
		frame(0, 333, i);
	wait_until_written();
	clock_gettime(CLOCK_MONOTONIC, &start);
	pcap_close(pcap);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(now.tv_sec - start.tv_sec < PCAP_END_MS / 1000);	/* nothing to wait for */
	content = read_back(disk.fd);
	adds_up(&content, 0, 50);	/* where part of a block was, there is room for that */
	assert_int_equal(content.frames[0], 2);
	assert_non_null(strstr(said, "lacks 48 of 50"));
}

/* Anything else than a lack of space ends the capture; the device goes on. */
static void another_error_ends_it(void **state)
{
	const struct pcapng_frame like = { .length = 333 };
	struct content content;
	uint64_t seen, lost;
	struct stat begun;
	unsigned int i;

	(void)state;
	open_on(memory_file(), 1);
	assert_int_equal(fstat(disk.fd, &begun), 0);
	assert_true(begun.st_size > 0);
	disk.at_most = 500;
	assert_int_equal(pcap_start(pcap), 0);
	frame(0, 333, 0);
	pcap_flush(pcap);
	wait_for_length((uint64_t)begun.st_size + pcapng_frame_size(&like));
	disk.error = EIO;
	frame(0, 333, 1);
	pcap_flush(pcap);
	for (i = 0; i < PATIENCE_MS && !sentences; i++) {
		usleep(1000);
		pcap_tell(pcap);
	}
	assert_non_null(strstr(said, "ended: Input/output error"));
	for (i = 0; i < 5; i++)
		frame(0, 333, i);
	pcap_count(pcap, 0, &seen, &lost);
	assert_int_equal(seen, 7);
	assert_int_equal(lost, 5);	/* known at once, one more at the end */
	disk.error = 0;
	pcap_close(pcap);
	content = read_back(disk.fd);
	adds_up(&content, 0, 7);
	assert_int_equal(content.frames[0], 1);
}

/* A real limit of the file's size, with SIGXFSZ as the process that serves has it. */
static void proc_67_a_file_that_may_not_grow(void **state)
{
	struct rlimit before, limit;
	struct content content;
	unsigned int i;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 10000;
	open_on(memory_file(), 1);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(pcap_start(pcap), 0);
	for (i = 0; i < 100; i++)
		frame(0, 333, i);
	wait_until_written();
	pcap_close(pcap);
	setrlimit(RLIMIT_FSIZE, &before);
	content = read_back(disk.fd);
	assert_int_equal(content.reader.at, content.reader.length);
	assert_true(content.frames[0] > 20 && content.frames[0] < 30);
	assert_non_null(strstr(said, "ended: File too large"));
	assert_non_null(strstr(said, "of 100 frames"));
}

/* The reader of a FIFO that takes nothing holds nobody up, not even the end. */
static void a_reader_that_sleeps(void **state)
{
	uint64_t seen, lost;
	struct timespec start, now;
	int ends[2];
	unsigned int i;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	open_on(ends[1], 1);
	assert_int_equal(pcap_start(pcap), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < 300; i++)
		frame(0, 60000, i);
	pcap_flush(pcap);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(now.tv_sec - start.tv_sec < 100);
	pcap_count(pcap, 0, &seen, &lost);
	assert_true(lost > 100);
	pcap_close(pcap);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(now.tv_sec - start.tv_sec < 100);
	assert_non_null(strstr(said, "lacks 299 of 300"));
	close(ends[0]);
}

static void a_reader_that_goes(void **state)
{
	int ends[2];
	unsigned int i;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	open_on(ends[1], 1);
	assert_int_equal(pcap_start(pcap), 0);
	close(ends[0]);
	frame(0, 60, 0);
	pcap_flush(pcap);
	for (i = 0; i < PATIENCE_MS && !sentences; i++) {
		usleep(1000);
		pcap_tell(pcap);
	}
	assert_non_null(strstr(said, "nobody reads"));
	frame(0, 60, 1);
	pcap_close(pcap);
	assert_non_null(strstr(said, "lacks 2 of 2"));
}

/* A reader that keeps up gets every byte, statistics at the end included. */
static void a_pipe_gets_it_all(void **state)
{
	uint8_t *bytes = malloc(FILE_MAX);
	const struct pcapng_frame like = { .length = 1000 };
	struct reader reader = { .bytes = bytes };
	struct read_frame got;
	unsigned int frames = 0, i;
	int ends[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	open_on(ends[1], 1);
	assert_int_equal(pcap_start(pcap), 0);
	for (i = 0; i < 2000; i++) {
		frame(0, 1000, i);
		pcap_flush(pcap);
		n = read(ends[0], bytes + reader.length, FILE_MAX - reader.length);
		reader.length += n > 0 ? (size_t)n : 0;
	}
	for (i = 0; i < PATIENCE_MS && reader.length < 2000 * pcapng_frame_size(&like); i++) {
		usleep(1000);
		n = read(ends[0], bytes + reader.length, FILE_MAX - reader.length);
		reader.length += n > 0 ? (size_t)n : 0;
	}
	pcap_close(pcap);
	n = read(ends[0], bytes + reader.length, FILE_MAX - reader.length);
	reader.length += n > 0 ? (size_t)n : 0;
	close(ends[0]);
	while (read_next(&reader, &got))
		frames++;
	assert_null(reader.fault);
	assert_int_equal(reader.at, reader.length);
	assert_int_equal(frames, 2000);
	assert_int_equal(reader.statistics[0].received, 2000);
	free(bytes);
}

/* Whatever was written when the process was killed: whole blocks, and part of one. */
static void cut_anywhere_it_is_readable(void **state)
{
	static uint8_t bytes[4096];
	struct read_frame got;
	size_t length, cut;
	unsigned int i;

	(void)state;
	open_on(memory_file(), 1);
	assert_int_equal(pcap_start(pcap), 0);
	for (i = 0; i < 5; i++)
		frame(0, 61 + i, i);
	pcap_close(pcap);
	length = (size_t)pread(disk.fd, bytes, sizeof(bytes), 0);
	assert_true(length > 500 && length < sizeof(bytes));
	for (cut = 0; cut <= length; cut++) {
		struct reader reader = { .bytes = bytes, .length = cut };

		while (read_next(&reader, &got))
			;
		assert_null(reader.fault);
		assert_true(cut - reader.at < 140);
	}
}

static void proc_67_a_full_disk_at_the_beginning(void **state)
{
	(void)state;
	disk.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pcap_open(&pcap, disk.fd, names, 1, on_report, &disk), -ENOSPC);
	close(disk.fd);
	disk.fd = memory_file();
	disk.full = 10;
	assert_int_equal(pcap_open(&pcap, disk.fd, names, 1, on_report, &disk), -ENOSPC);
}

/* A process that comes no further than into the middle of the third block, and dies. */
static void write_and_die(void)
{
	pid_t pid = fork();
	unsigned int i;
	off_t begun;

	if (pid == 0) {
		open_on(disk.fd, 1);
		fill_up_after(3000);
		begun = lseek(disk.fd, 0, SEEK_CUR);
		pcap_start(pcap);
		frame(0, 333, 0);
		frame(0, 333, 1);
		frame(0, 5000, 2);
		pcap_flush(pcap);
		wait_for_length((uint64_t)disk.full);
		for (i = 0; i < PATIENCE_MS && lseek(disk.fd, 0, SEEK_CUR) == begun; i++)
			usleep(1000);
		kill(getpid(), SIGKILL);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Others go on with the same open file, each after one that was killed. */
static void proc_69_part_of_a_block_is_cut_off(void **state)
{
	const struct pcapng_frame like = { .length = 333 };
	const uint64_t two_blocks = 2 * pcapng_frame_size(&like);
	struct content content;
	struct stat status;
	off_t whole;
	unsigned int i;

	(void)state;
	disk.fd = memory_file();
	for (i = 0; i < 3; i++) {
		write_and_die();
		assert_int_equal(fstat(disk.fd, &status), 0);
		whole = lseek(disk.fd, 0, SEEK_CUR);
		assert_int_equal(status.st_size - whole, 3000 - two_blocks);
	}
	/* what it writes is shorter than what is cut off */
	open_on(disk.fd, 1);
	assert_int_equal(pcap_start(pcap), 0);
	frame(0, 60, 0);
	pcap_close(pcap);
	content = read_back(disk.fd);
	assert_int_equal(content.reader.at, content.reader.length);
	assert_int_equal(content.reader.sections, 4);
	assert_int_equal(content.frames[0], 3 * 2 + 1);
	assert_int_equal(content.reader.statistics[0].received, 1);
	assert_int_equal(content.reader.statistics[0].dropped, 0);
	/* and one that ended as it should leaves nothing to cut off */
	assert_int_equal(lseek(disk.fd, 0, SEEK_CUR), content.reader.length);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_length_and_two_devices),
		TEST(a_frame_longer_than_any_is_cut),
		TEST(the_ring_goes_around),
		TEST(what_finds_no_room_is_lost_and_told),
		TEST(no_room_for_what_must_be_told),
		TEST(the_writer_takes_no_signals),
		TEST(proc_67_no_space_can_pass),
		TEST(proc_67_no_space_at_the_end),
		TEST(another_error_ends_it),
		TEST(proc_67_a_file_that_may_not_grow),
		TEST(a_reader_that_sleeps),
		TEST(a_reader_that_goes),
		TEST(a_pipe_gets_it_all),
		TEST(cut_anywhere_it_is_readable),
		TEST(proc_67_a_full_disk_at_the_beginning),
		TEST(proc_69_part_of_a_block_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
