/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The half of a capture (pcap.h) that writes: a thread of its own, and what it shares.
 *
 * A process may be killed in the middle of a write, and another one goes on with the same open
 * file. So that one finds out where, a regular file is written at explicit positions, and its file
 * position, which the kernel keeps with the open file, is behind its last whole block. What
 * stands after that is cut off by who opens it next: part of a block, or whole ones whose writer
 * did not come to say so.
 */
#ifndef VDUSE_DEVICE_PCAP_WRITER_H
#define VDUSE_DEVICE_PCAP_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pcap_writer {
	int fd;
	int wake_fd;		/* the other thread wakes this one */
	int news_fd;		/* this one wakes the other */
	const uint8_t *ring;	/* PCAP_RING_BYTES; positions in it run freely */

	/* written by the thread that puts */
	_Atomic uint64_t head;	/* whole blocks up to here */
	_Atomic bool closing;	/* write what is there, then end */
	_Atomic bool abandoned;	/* end now */

	/* written by the writer */
	_Atomic uint64_t tail;	/* whole blocks up to here are in the file */
	_Atomic bool sleeping;
	_Atomic int error;	/* of the last write, positive; 0 when it succeeded */
	_Atomic int news;	/* an error that was not told yet */
	_Atomic bool ended;

	/* the writer's own; of the other one before it starts and after it ended */
	uint64_t written;	/* up to here in the ring; at least tail */
	off_t whole;		/* file position, behind its whole blocks; -1: no regular file */
	bool started;
	pthread_t thread;
};

/* Begin for the file @fd, and cut off what another process has begun to write. 0 or negative errno;
 * ended by pcap_writer_close(). */
int pcap_writer_open(struct pcap_writer *writer, int fd, const uint8_t *ring);
void pcap_writer_close(struct pcap_writer *writer);

/* Before the start and after the end: write blocks, all of them or none. 0 or negative errno. */
int pcap_writer_put(struct pcap_writer *writer, const uint8_t *bytes, size_t length);

/* Start the thread. 0 or negative errno. */
int pcap_writer_start(struct pcap_writer *writer);

/* There are whole blocks up to @head. */
void pcap_writer_advance(struct pcap_writer *writer, uint64_t head);

/* Blocks before this position may be overwritten. */
uint64_t pcap_writer_tail(const struct pcap_writer *writer);

/* The writer waits to try again, or has ended. */
bool pcap_writer_in_trouble(struct pcap_writer *writer);

/* It writes nothing any more. */
bool pcap_writer_ended(struct pcap_writer *writer);

/* Empty news_fd. The positive errno of a write that failed and was not told yet, or 0. */
int pcap_writer_news(struct pcap_writer *writer);

/* Let it write what is there and wait for its end. -ETIMEDOUT: it is still at it. */
int pcap_writer_end(struct pcap_writer *writer, int milliseconds);

/* After the end: call @each for every frame in the ring that did not reach the file. */
void pcap_writer_unwritten(const struct pcap_writer *writer,
			   void (*each)(void *context, uint32_t interface), void *context);

/*
 * After the end: put blocks behind the last whole one of a regular file (or behind all of a
 * stream that took everything). They are there as a whole or not at all.
 */
void pcap_writer_append(struct pcap_writer *writer, const uint8_t *bytes, size_t length);

#endif
