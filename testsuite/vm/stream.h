/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line between the host's exec and the guest's agent.
 *
 * A virtio serial port is a pipe that outlives its readers: when a client dies
 * and the next one connects, either side may still find bytes of the former
 * conversation. So a frame must be recognisable at any point of the stream,
 * and lengths are no good. The stream is
 *
 *	MARK TYPE payload   MARK TYPE payload   ...
 *
 * where a MARK byte within a payload is sent as MARK MARK_ITSELF, and a frame
 * lasts until the next MARK TYPE. Whoever joins late skips to the next MARK.
 * A conversation begins with START and a nonce, which the agent sends back
 * before anything else: what comes before that echo belongs to somebody dead.
 *
 * host to guest:
 *	START	fields, each ended by NUL: nonce, "tty" or "", rows, columns,
 *		the number of environment words, these words, the arguments
 *	GO	the request is complete
 *	INPUT	bytes for the command's standard input, within the window
 *	CLOSE	end of the standard input
 *	SIZE	rows NUL columns NUL, a new size of the terminal
 *
 * guest to host:
 *	START	the nonce
 *	OUTPUT, ERROR	bytes of the command's standard output and error
 *	ACK	decimal: so many bytes of INPUT left the window
 *	EXIT	decimal exit status, 128 + n for a signal
 *	END	closes the frame before it; the last one of a conversation
 */
#ifndef VT_VM_STREAM_H
#define VT_VM_STREAM_H

#include <stddef.h>

enum {
	STREAM_MARK = 0xff,
	STREAM_MARK_ITSELF = 0x00,
	STREAM_START = 'S',
	STREAM_GO = 'G',
	STREAM_INPUT = 'I',
	STREAM_CLOSE = 'C',
	STREAM_SIZE = 'R',
	STREAM_OUTPUT = 'O',
	STREAM_ERROR = 'E',
	STREAM_ACK = 'A',
	STREAM_EXIT = 'X',
	STREAM_END = 'Z',
};

/* Unacknowledged INPUT bytes. The agent can always take that much, so it never
 * stops listening, and always learns that a client is gone. */
#define STREAM_WINDOW 65536

/* A growing byte buffer; data[0..len) is in use. Zero it to begin, free(data). */
struct buffer {
	char *data;
	size_t len;
	size_t size;
};

/* 0, or -ENOMEM and the buffer is as it was. */
int buffer_add(struct buffer *b, const void *data, size_t len);
/* Forget the first @len bytes; @len is at most b->len. */
void buffer_drop(struct buffer *b, size_t len);

/* Append one frame of @type with @len bytes of payload. 0 or -ENOMEM. */
int stream_put(struct buffer *b, int type, const void *payload, size_t len);

struct decoder {
	int type;		/* of the frame we are in, 0 before the first */
	int after_mark;
};

/*
 * Called with data == NULL when a frame of @type begins, then with each piece
 * of its payload.
 */
typedef void stream_sink(void *ctx, int type, const char *data, size_t len);

void stream_decode(struct decoder *d, const char *data, size_t len,
		   stream_sink *sink, void *ctx);

#endif
