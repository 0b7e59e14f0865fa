/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture: the frames of some devices, into a pcapng file.
 *
 * Theory of operation
 * ===================
 *
 * The thread that moves frames never waits for a file. It copies each frame, as a whole
 * block of the file, into a ring of PCAP_RING_BYTES; a second thread, the writer, writes
 * what is in the ring. One puts, one takes, so two positions are enough, each with one
 * writer of its own:
 *
 *	put:	blocks -> head (release)	take:	head (acquire) -> blocks
 *	take:	done with blocks -> tail (release)	put:	tail (acquire) -> reuse
 *
 * A frame that finds no room is lost: counted, reported in a sentence, and said in the
 * file, by a statistics block (isb_ifrecv, isb_ifdrop) in front of the next frame that
 * finds room, and one for each device at the end. So the frames of a device, and what the
 * last statistics say was lost, add up to what it saw.
 *
 * When a write fails: no space (ENOSPC, EDQUOT) can pass, so it is tried again every
 * PCAP_RETRY_MS, going on inside the block where it stopped; anything else (the reader of
 * a FIFO has gone, the file is as large as it may be) ends the capture, and all that
 * follows is counted as lost. A regular file is then cut behind its last whole block, at
 * the end also, so that it is always whole. A process that is killed can leave part of a
 * block at the end, which its successor cuts off (pcap_writer.h); where there is none, readers
 * take everything before it.
 *
 * Going to sleep and waking are a store and a load of the other's on both sides (Dekker),
 * hence the full fences in pcap_flush() and in the writer.
 *
 * The writer touches the ring, the positions and the file and nothing else: no memory of a
 * driver, no session. All signals are blocked in it, but for that of a system call which the
 * filter forbids (SIGSYS).
 */
#ifndef VDUSE_DEVICE_PCAP_H
#define VDUSE_DEVICE_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vduse/device/pcapng.h"
#include "vduse/virtio/cursor.h"

#define PCAP_RING_BYTES (UINT64_C(8) << 20)	/* power of two; pages come with their use */
#define PCAP_INTERFACES 2
#define PCAP_RETRY_MS 200
/* How long the end waits for a file that does not take what is left. */
#define PCAP_END_MS 2000

struct pcap;

/* Something worth telling a person; a sentence without a line feed. */
typedef void pcap_report_fn(void *context, const char *sentence);

/*
 * Begin a capture of @count devices (1 to PCAP_INTERFACES), called @names (at most 255
 * bytes each), in the file @fd, which is open for writing; it stays the caller's, is made
 * non-blocking where that means something, and must be open until pcap_close(). The head of a
 * file is written here, where its position is: what a predecessor wrote stays before that (a
 * file may have several sections), what stands behind it is cut off. 0 with *@pcap, or negative
 * errno.
 */
int pcap_open(struct pcap **pcap, int fd, const char *const *names, unsigned int count,
	      pcap_report_fn *report, void *context);

/* Start the writer: after it, the process must not fork or change its user. 0 or negative
 * errno. Frames may be put before. */
int pcap_start(struct pcap *pcap);

/* Put a frame: the bytes of @parts cursors. All but its time and length are @like's. */
void pcap_frame(struct pcap *pcap, const struct pcapng_frame *like,
		const struct vq_cursor *part, unsigned int parts);

/* A batch of frames is complete: see to it that it is written. */
void pcap_flush(struct pcap *pcap);

/* Readable when the writer has something to tell; then call pcap_tell(), which reports it. */
int pcap_news_fd(const struct pcap *pcap);
void pcap_tell(struct pcap *pcap);

/* Frames of device @interface so far, and how many of them are not going to be in the file. */
void pcap_count(const struct pcap *pcap, unsigned int interface, uint64_t *frames,
		uint64_t *lost);

/*
 * End the capture: what is in the ring is written, for at most PCAP_END_MS, then the last
 * statistics. What is lost altogether is reported. NULL is allowed.
 */
void pcap_close(struct pcap *pcap);

#endif
