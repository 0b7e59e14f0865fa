// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capture FILE
 *
 * Reads a capture of "vduse loopback ... pcap FILE" and says in one JSON object what is in
 * it: frames by interface (by number), direction and virtqueue, what the last statistics
 * say, and "cut", the bytes behind the last whole block. "unlike" counts frames that an
 * interface received and that are not the next one that it (or, with two, the other one)
 * transmitted, byte for byte: 0 where nothing was dropped or cut into segments. Exit
 * status 0: every block is as it should be; 1: not so; 2: it cannot be read.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testsuite/guest/pcapng_read.h"

#define INBOUND 1
#define OUTBOUND 2
#define FRAMES_MAX 2000000

/* Frames on their way to one interface. */
struct way {
	struct read_frame *frames;
	size_t sent, received;
};

struct tally {
	uint64_t in, out, bytes_in, bytes_out, odd_queues;
};

static struct reader reader;
static struct way ways[READ_INTERFACES];
static struct tally tallies[READ_INTERFACES];
static uint64_t unlike, backwards;

static bool same(const struct read_frame *a, const struct read_frame *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->kept);
}

static void on_outbound(const struct read_frame *frame)
{
	struct way *way = &ways[reader.interfaces == 2 ? 1 - frame->interface : frame->interface];
	struct tally *tally = &tallies[frame->interface];

	tally->out++;
	tally->bytes_out += frame->length;
	tally->odd_queues += frame->queue != 1;
	if (way->sent < FRAMES_MAX)
		way->frames[way->sent++] = *frame;
}

static void on_inbound(const struct read_frame *frame)
{
	struct way *way = &ways[frame->interface];
	struct tally *tally = &tallies[frame->interface];

	tally->in++;
	tally->bytes_in += frame->length;
	tally->odd_queues += frame->queue != 0;
	if (way->received >= way->sent || !same(&way->frames[way->received], frame))
		unlike++;
	way->received++;
}

static void look_at(const struct read_frame *frame)
{
	static uint64_t last;

	backwards += frame->time < last;
	last = frame->time;
	if (frame->flags == OUTBOUND)
		on_outbound(frame);
	else if (frame->flags == INBOUND)
		on_inbound(frame);
	else
		reader.fault = "a frame without a direction";
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		return -1;
	reader.length = (size_t)status.st_size;
	if (reader.length)
		reader.bytes = mmap(NULL, reader.length, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return reader.bytes == MAP_FAILED ? -1 : 0;
}

static void print(void)
{
	unsigned int i;

	printf("{\"sections\":%u,\"interfaces\":%u", reader.sections, reader.interfaces);
	for (i = 0; i < reader.interfaces; i++)
		printf(",\"name_%c\":\"%s\",\"out_%c\":%llu,\"in_%c\":%llu,\"bytes_out_%c\":%llu,"
		       "\"bytes_in_%c\":%llu,\"odd_queues_%c\":%llu,\"seen_%c\":%llu,\"lost_%c\":%llu,"
		       "\"statistics_%c\":%u", 'a' + i, reader.names[i],
		       'a' + i, (unsigned long long)tallies[i].out,
		       'a' + i, (unsigned long long)tallies[i].in,
		       'a' + i, (unsigned long long)tallies[i].bytes_out,
		       'a' + i, (unsigned long long)tallies[i].bytes_in,
		       'a' + i, (unsigned long long)tallies[i].odd_queues,
		       'a' + i, (unsigned long long)reader.statistics[i].received,
		       'a' + i, (unsigned long long)reader.statistics[i].dropped,
		       'a' + i, reader.statistics[i].blocks);
	printf(",\"unlike\":%llu,\"backwards\":%llu,\"cut\":%zu,\"fault\":\"%s\"}\n",
	       (unsigned long long)unlike, (unsigned long long)backwards,
	       reader.length - reader.at, reader.fault ? reader.fault : "");
}

int main(int argc, char **argv)
{
	struct read_frame frame;
	unsigned int i;

	if (argc != 2 || open_file(argv[1]) < 0) {
		fprintf(stderr, "capture: cannot read the file\n");
		return 2;
	}
	for (i = 0; i < READ_INTERFACES; i++) {
		ways[i].frames = calloc(FRAMES_MAX, sizeof(*ways[i].frames));
		if (!ways[i].frames)
			return 2;
	}
	while (read_next(&reader, &frame))
		look_at(&frame);
	print();
	return reader.fault ? 1 : 0;
}
