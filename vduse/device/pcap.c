// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vduse/device/pcap_writer.h"

#define APPLICATION "vduse loopback " VDUSE_TOOLS_VERSION
#define REPORT_NS UINT64_C(1000000000)
/* A batch of the largest frames would fill the ring before the writer heard of it. */
#define FLUSH_BYTES (128u << 10)

struct interface {
	uint64_t frames;	/* seen */
	uint64_t lost;		/* of these */
	bool owed;		/* the file does not tell yet what was lost */
};

struct pcap {
	struct pcap_writer writer;
	uint8_t *ring;
	uint64_t head;		/* where the next block goes */
	uint64_t flushed;	/* the writer knows up to here */
	unsigned int count;
	struct interface interfaces[PCAP_INTERFACES];
	uint64_t reported;	/* CLOCK_REALTIME of the last sentence about lost frames */
	pcap_report_fn *report;
	void *context;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* The head of a section: small enough for one write, which must take it all. */
static int write_head(struct pcap *pcap, const char *const *names)
{
	uint8_t bytes[(1 + PCAP_INTERFACES) * PCAPNG_DESCRIPTION_MAX];
	size_t length = pcapng_section(bytes, APPLICATION);
	unsigned int i;

	for (i = 0; i < pcap->count; i++)
		length += pcapng_interface(bytes + length, names[i]);
	return pcap_writer_put(&pcap->writer, bytes, length);
}

int pcap_open(struct pcap **result, int fd, const char *const *names, unsigned int count,
	      pcap_report_fn *report, void *context)
{
	struct pcap *pcap = calloc(1, sizeof(*pcap));
	int rc;

	if (!pcap)
		return -ENOMEM;
	pcap->count = count;
	pcap->report = report;
	pcap->context = context;
	pcap->ring = mmap(NULL, PCAP_RING_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	rc = pcap->ring == MAP_FAILED ? -errno : pcap_writer_open(&pcap->writer, fd, pcap->ring);
	if (rc == 0) {
		rc = write_head(pcap, names);
		if (rc == 0) {
			*result = pcap;
			return 0;
		}
		pcap_writer_close(&pcap->writer);
	}
	if (pcap->ring != MAP_FAILED)
		munmap(pcap->ring, PCAP_RING_BYTES);
	free(pcap);
	return rc;
}

int pcap_start(struct pcap *pcap)
{
	return pcap_writer_start(&pcap->writer);
}

/* Bytes of the ring that are free. */
static uint64_t room(const struct pcap *pcap)
{
	return PCAP_RING_BYTES - (pcap->head - pcap_writer_tail(&pcap->writer));
}

static void put(struct pcap *pcap, const uint8_t *bytes, size_t length)
{
	size_t at = pcap->head % PCAP_RING_BYTES, first = PCAP_RING_BYTES - at;

	if (first > length)
		first = length;
	memcpy(pcap->ring + at, bytes, first);
	memcpy(pcap->ring, bytes + first, length - first);
	pcap->head += length;
}

static void put_from(struct pcap *pcap, struct vq_cursor *from, size_t length)
{
	size_t at = pcap->head % PCAP_RING_BYTES, first = PCAP_RING_BYTES - at;

	if (first > length)
		first = length;
	vq_cursor_read(from, pcap->ring + at, first);
	vq_cursor_read(from, pcap->ring, length - first);
	pcap->head += length;
}

/* Of the devices whose losses the file does not tell yet. */
static unsigned int owed(const struct pcap *pcap)
{
	unsigned int i, count = 0;

	for (i = 0; i < pcap->count; i++)
		count += pcap->interfaces[i].owed;
	return count;
}

static void put_owed(struct pcap *pcap, uint64_t time)
{
	uint8_t bytes[PCAPNG_STATISTICS_SIZE];
	unsigned int i;

	for (i = 0; i < pcap->count; i++) {
		struct interface *interface = &pcap->interfaces[i];

		if (!interface->owed)
			continue;
		pcapng_statistics(bytes, i, time, interface->frames, interface->lost);
		put(pcap, bytes, sizeof(bytes));
		interface->owed = false;
	}
}

/* Said when it begins, and once a second while it goes on. */
static void report_lost(struct pcap *pcap, uint64_t time)
{
	uint64_t lost = 0, frames = 0;
	char sentence[160];
	unsigned int i;

	if (time - pcap->reported < REPORT_NS)
		return;
	pcap->reported = time;
	for (i = 0; i < pcap->count; i++) {
		lost += pcap->interfaces[i].lost;
		frames += pcap->interfaces[i].frames;
	}
	snprintf(sentence, sizeof(sentence), "the capture is written too slowly: it lacks %llu of "
		 "%llu frames so far", (unsigned long long)lost, (unsigned long long)frames);
	pcap->report(pcap->context, sentence);
}

static void lose(struct pcap *pcap, struct interface *interface, uint64_t time)
{
	interface->lost++;
	interface->owed = true;
	/* whoever ended the capture, or waits for space, has been told why */
	if (!pcap_writer_in_trouble(&pcap->writer))
		report_lost(pcap, time);
}

/* At most @length bytes of the parts. */
static void put_parts(struct pcap *pcap, const struct vq_cursor *part, unsigned int parts,
		      size_t length)
{
	unsigned int i;

	for (i = 0; i < parts && length; i++) {
		struct vq_cursor cursor = part[i];

		vq_cursor_limit(&cursor, length);
		length -= vq_cursor_left(&cursor);
		put_from(pcap, &cursor, vq_cursor_left(&cursor));
	}
}

static uint32_t length_of(const struct vq_cursor *part, unsigned int parts)
{
	uint32_t length = 0;
	unsigned int i;

	for (i = 0; i < parts; i++)
		length += (uint32_t)vq_cursor_left(&part[i]);
	return length;
}

void pcap_frame(struct pcap *pcap, const struct pcapng_frame *like,
		const struct vq_cursor *part, unsigned int parts)
{
	struct interface *interface = &pcap->interfaces[like->interface];
	struct pcapng_frame frame = *like;
	uint8_t head[PCAPNG_FRAME_HEAD], tail[PCAPNG_FRAME_TAIL_MAX];

	frame.time = now();
	frame.length = length_of(part, parts);
	if (pcap_writer_ended(&pcap->writer) ||
	    room(pcap) < pcapng_frame_size(&frame) + owed(pcap) * PCAPNG_STATISTICS_SIZE) {
		interface->frames++;
		lose(pcap, interface, frame.time);
		return;
	}
	put_owed(pcap, frame.time);
	interface->frames++;
	pcapng_frame_head(head, &frame);
	put(pcap, head, sizeof(head));
	put_parts(pcap, part, parts, pcapng_kept(&frame));
	put(pcap, tail, pcapng_frame_tail(tail, &frame));
	if (pcap->head - pcap->flushed >= FLUSH_BYTES)
		pcap_flush(pcap);
}

void pcap_flush(struct pcap *pcap)
{
	if (pcap->flushed == pcap->head)
		return;
	pcap->flushed = pcap->head;
	pcap_writer_advance(&pcap->writer, pcap->head);
}

int pcap_news_fd(const struct pcap *pcap)
{
	return pcap->writer.news_fd;
}

void pcap_tell(struct pcap *pcap)
{
	char sentence[200];
	int error = pcap_writer_news(&pcap->writer);

	if (!error)
		return;
	if (!pcap_writer_ended(&pcap->writer))
		snprintf(sentence, sizeof(sentence), "the capture cannot be written: %s; it is tried "
			 "again, and frames that come meanwhile may be lost", strerror(error));
	else
		snprintf(sentence, sizeof(sentence), "the capture has ended: %s", error == EPIPE ?
			 "nobody reads it any more" : strerror(error));
	pcap->report(pcap->context, sentence);
}

void pcap_count(const struct pcap *pcap, unsigned int interface, uint64_t *frames,
		uint64_t *lost)
{
	*frames = pcap->interfaces[interface].frames;
	*lost = pcap->interfaces[interface].lost;
}

/* A frame that the writer did not come to. */
static void on_unwritten(void *context, uint32_t interface)
{
	struct pcap *pcap = context;

	pcap->interfaces[interface].lost++;
}

static void write_last(struct pcap *pcap)
{
	uint8_t bytes[PCAP_INTERFACES * PCAPNG_STATISTICS_SIZE];
	uint64_t time = now();
	unsigned int i;

	for (i = 0; i < pcap->count; i++)
		pcapng_statistics(bytes + i * PCAPNG_STATISTICS_SIZE, i, time,
				  pcap->interfaces[i].frames, pcap->interfaces[i].lost);
	pcap_writer_append(&pcap->writer, bytes, pcap->count * PCAPNG_STATISTICS_SIZE);
}

static void report_end(struct pcap *pcap)
{
	uint64_t frames = 0, lost = 0;
	char sentence[120];
	unsigned int i;

	for (i = 0; i < pcap->count; i++) {
		frames += pcap->interfaces[i].frames;
		lost += pcap->interfaces[i].lost;
	}
	if (!lost)
		return;
	snprintf(sentence, sizeof(sentence), "the capture lacks %llu of %llu frames",
		 (unsigned long long)lost, (unsigned long long)frames);
	pcap->report(pcap->context, sentence);
}

void pcap_close(struct pcap *pcap)
{
	if (!pcap)
		return;
	pcap_flush(pcap);
	if (pcap_writer_end(&pcap->writer, PCAP_END_MS) < 0) {
		pcap->report(pcap->context, "the capture's file does not answer: what is in it is "
			     "not known");
		return;		/* the writer is still in there: its memory must stay */
	}
	pcap_tell(pcap);
	pcap_writer_unwritten(&pcap->writer, on_unwritten, pcap);
	write_last(pcap);
	report_end(pcap);
	pcap_writer_close(&pcap->writer);
	munmap(pcap->ring, PCAP_RING_BYTES);
	free(pcap);
}
