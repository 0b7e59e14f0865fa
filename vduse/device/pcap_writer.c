// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/pcap_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/again.h"
#include "vduse/device/pcap.h"

/* The most of one write: so that room is made as the file takes it. */
#define WRITE_BYTES (256u << 10)

/* Behind the last whole block, and nothing is there any more. 0, or -1 and errno. */
static int find_end(struct pcap_writer *writer)
{
	struct stat status;

	if (fstat(writer->fd, &status))
		return -1;
	if (!S_ISREG(status.st_mode))
		return 0;
	writer->whole = lseek(writer->fd, 0, SEEK_CUR);
	if (writer->whole < 0 || writer->whole >= status.st_size)
		return writer->whole < 0 ? -1 : 0;
	return ftruncate(writer->fd, writer->whole);
}

int pcap_writer_open(struct pcap_writer *writer, int fd, const uint8_t *ring)
{
	int flags = fcntl(fd, F_GETFL);

	memset(writer, 0, sizeof(*writer));
	writer->fd = fd;
	writer->ring = ring;
	writer->news_fd = -1;
	writer->whole = -1;
	writer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer->wake_fd >= 0)
		writer->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer->news_fd >= 0 && flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK) &&
	    find_end(writer) == 0)
		return 0;
	flags = -errno;
	pcap_writer_close(writer);
	return flags;
}

void pcap_writer_close(struct pcap_writer *writer)
{
	if (writer->wake_fd >= 0)
		close(writer->wake_fd);
	if (writer->news_fd >= 0)
		close(writer->news_fd);
}

/* @ahead bytes behind the last whole block, or where a stream is. As write(2). */
static ssize_t write_ahead(const struct pcap_writer *writer, const uint8_t *bytes, size_t length,
			   uint64_t ahead)
{
	if (writer->whole < 0)
		return write(writer->fd, bytes, length);
	return pwrite(writer->fd, bytes, length, writer->whole + (off_t)ahead);
}

/* So many bytes more are whole blocks, and that outlives us. */
static void keep(struct pcap_writer *writer, uint64_t length)
{
	if (writer->whole < 0 || !length)
		return;
	writer->whole += (off_t)length;
	lseek(writer->fd, writer->whole, SEEK_SET);
}

int pcap_writer_put(struct pcap_writer *writer, const uint8_t *bytes, size_t length)
{
	ssize_t n = AGAIN(write_ahead(writer, bytes, length, 0));
	int rc = n < 0 ? (int)n : (size_t)n == length ? 0 : -ENOSPC;

	if (rc == 0)
		keep(writer, length);
	else if (writer->whole >= 0 && ftruncate(writer->fd, writer->whole))
		return -errno;		/* then readers find part of a block at the end */
	return rc;
}

static uint32_t word_at(const struct pcap_writer *writer, uint64_t position)
{
	uint32_t word;

	/* positions and the ring are multiples of 4: a word never lies across its end */
	memcpy(&word, writer->ring + position % PCAP_RING_BYTES, sizeof(word));
	return word;
}

/* Leave the blocks that are in the file to the other thread. */
static void release_blocks(struct pcap_writer *writer)
{
	uint64_t tail = atomic_load_explicit(&writer->tail, memory_order_relaxed);
	uint64_t length, whole = 0;

	while (tail < writer->written) {
		length = word_at(writer, tail + 4);
		if (tail + length > writer->written)
			break;
		tail += length;
		whole += length;
	}
	keep(writer, whole);
	atomic_store_explicit(&writer->tail, tail, memory_order_release);
}

static void tell(struct pcap_writer *writer, int error)
{
	if (atomic_exchange(&writer->error, error) == error || !error)
		return;
	atomic_store(&writer->news, error);
	eventfd_write(writer->news_fd, 1);
}

/* Write a piece of what is there. 0: nothing is left; 1: more may be; negative errno. */
static int write_piece(struct pcap_writer *writer)
{
	uint64_t head = atomic_load_explicit(&writer->head, memory_order_acquire);
	uint64_t at = writer->written % PCAP_RING_BYTES, length = head - writer->written;
	ssize_t n;

	if (length > PCAP_RING_BYTES - at)
		length = PCAP_RING_BYTES - at;
	if (length > WRITE_BYTES)
		length = WRITE_BYTES;
	if (!length)
		return 0;
	/* part of a block may be there already */
	n = write_ahead(writer, writer->ring + at, length, writer->written -
			atomic_load_explicit(&writer->tail, memory_order_relaxed));
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	writer->written += (uint64_t)n;
	release_blocks(writer);
	tell(writer, 0);
	return 1;
}

/* Until woken, until the file takes something (@or_writable), or for so long (-1: no end). */
static void wait_for(const struct pcap_writer *writer, bool or_writable, int milliseconds)
{
	struct pollfd fds[] = {
		{ .fd = writer->wake_fd, .events = POLLIN },
		{ .fd = or_writable ? writer->fd : -1, .events = POLLOUT },
	};
	eventfd_t count;

	poll(fds, 2, milliseconds);
	eventfd_read(writer->wake_fd, &count);
}

/* There is nothing to write: the other thread wakes us, now that it sees us sleep. */
static void sleep_until_more(struct pcap_writer *writer)
{
	atomic_store_explicit(&writer->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&writer->head, memory_order_acquire) == writer->written &&
	    !atomic_load(&writer->closing))
		wait_for(writer, false, -1);
	atomic_store_explicit(&writer->sleeping, false, memory_order_relaxed);
}

/* What can pass is waited for; false when the capture is over. */
static bool survive(struct pcap_writer *writer, int error)
{
	bool closing = atomic_load(&writer->closing);

	switch (error) {
	case EAGAIN:		/* a FIFO is full */
		wait_for(writer, true, -1);
		return true;
	case ENOSPC:
	case EDQUOT:
		tell(writer, error);
		if (closing)
			return false;
		wait_for(writer, false, PCAP_RETRY_MS);
		return true;
	default:
		/* first: who is told asks whether it goes on */
		atomic_store(&writer->ended, true);
		tell(writer, error);
		return false;
	}
}

static void *writer_main(void *context)
{
	struct pcap_writer *writer = context;
	bool going = true;

	while (going && !atomic_load(&writer->abandoned)) {
		bool closing = atomic_load(&writer->closing);
		int rc = write_piece(writer);

		if (rc < 0)
			going = survive(writer, -rc);
		else if (rc == 0 && closing)
			going = false;
		else if (rc == 0)
			sleep_until_more(writer);
	}
	atomic_store(&writer->ended, true);
	eventfd_write(writer->news_fd, 1);
	return NULL;
}

int pcap_writer_start(struct pcap_writer *writer)
{
	sigset_t all, before;
	int rc;

	/* signals are the other thread's; but a system call that a filter forbids is this one's */
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&writer->thread, NULL, writer_main, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	writer->started = rc == 0;
	return -rc;
}

static void wake(struct pcap_writer *writer)
{
	eventfd_write(writer->wake_fd, 1);
}

void pcap_writer_advance(struct pcap_writer *writer, uint64_t head)
{
	atomic_store_explicit(&writer->head, head, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&writer->sleeping, memory_order_relaxed))
		wake(writer);
}

uint64_t pcap_writer_tail(const struct pcap_writer *writer)
{
	return atomic_load_explicit(&writer->tail, memory_order_acquire);
}

bool pcap_writer_in_trouble(struct pcap_writer *writer)
{
	return atomic_load(&writer->error) || atomic_load(&writer->ended);
}

bool pcap_writer_ended(struct pcap_writer *writer)
{
	return atomic_load(&writer->ended);
}

int pcap_writer_news(struct pcap_writer *writer)
{
	eventfd_t count;

	eventfd_read(writer->news_fd, &count);
	return atomic_exchange(&writer->news, 0);
}

/* Wait for the thread's end, which it tells by news_fd. */
static bool wait_for_end(struct pcap_writer *writer, int milliseconds)
{
	struct pollfd pollfd = { .fd = writer->news_fd, .events = POLLIN };
	eventfd_t count;

	while (!atomic_load(&writer->ended)) {
		if (poll(&pollfd, 1, milliseconds) == 0)
			return atomic_load(&writer->ended);
		eventfd_read(writer->news_fd, &count);
	}
	return true;
}

int pcap_writer_end(struct pcap_writer *writer, int milliseconds)
{
	atomic_store(&writer->closing, true);
	if (!writer->started)
		return 0;
	wake(writer);
	if (!wait_for_end(writer, milliseconds)) {
		atomic_store(&writer->abandoned, true);
		wake(writer);
		/* a write that is under way on a disk that hangs does not end by that */
		if (!wait_for_end(writer, PCAP_RETRY_MS))
			return -ETIMEDOUT;
	}
	pthread_join(writer->thread, NULL);
	return 0;
}

void pcap_writer_unwritten(const struct pcap_writer *writer,
			   void (*each)(void *context, uint32_t interface), void *context)
{
	uint64_t at = atomic_load(&writer->tail), head = atomic_load(&writer->head);

	for (; at < head; at += word_at(writer, at + 4))
		if (word_at(writer, at) == PCAPNG_FRAME)
			each(context, word_at(writer, at + 8));
}

void pcap_writer_append(struct pcap_writer *writer, const uint8_t *bytes, size_t length)
{
	bool all = writer->written == atomic_load(&writer->head);

	if (writer->whole < 0 ? all : !ftruncate(writer->fd, writer->whole))
		pcap_writer_put(writer, bytes, length);
}
