// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/apply_scan.h"

#include <stdio.h>
#include <string.h>

#define KEYS_MAX 64	/* of one object; there are half as many words */
#define KEY_MAX 64	/* bytes of a key; none of ours is half as long */

struct span {
	const char *at;		/* behind the quote */
	size_t length;
};

/* An array or an object that is open. */
struct level {
	bool array;
	size_t index;		/* of the member that is read, in an array */
	size_t count;		/* of keys, in an object */
	struct span keys[KEYS_MAX];
};

struct scan {
	const char *text, *at, *end;
	struct level levels[APPLY_DEPTH];
	int depth;		/* levels that are open */
	struct span last;	/* the last string */
	struct apply_fault *fault;
};

void apply_scan_place(const char *text, size_t at, struct apply_fault *fault)
{
	const char *feed;

	fault->line = 1;
	while ((feed = memchr(text, '\n', at))) {
		fault->line++;
		at -= feed + 1 - text;
		text = feed + 1;
	}
	fault->column = at + 1;
}

static void tell_path(struct scan *scan)
{
	size_t size = sizeof(scan->fault->path), used;
	int i;

	used = snprintf(scan->fault->path, size, "$");
	for (i = 0; i < scan->depth && used < size; i++) {
		const struct level *level = &scan->levels[i];
		const struct span *key = level->count ? &level->keys[level->count - 1] : NULL;

		if (level->array)
			used += snprintf(scan->fault->path + used, size - used, "[%zu]",
					 level->index);
		else if (key)
			used += snprintf(scan->fault->path + used, size - used, ".%.*s",
					 (int)key->length, key->at);
	}
}

static bool fail(struct scan *scan, const char *why)
{
	snprintf(scan->fault->why, sizeof(scan->fault->why), "%s", why);
	apply_scan_place(scan->text, scan->at - scan->text, scan->fault);
	tell_path(scan);
	return false;
}

/* From the quote on; the one at its end is what the scan goes on behind. */
static bool take_string(struct scan *scan)
{
	scan->last.at = scan->at + 1;
	while (++scan->at < scan->end && *scan->at != '"') {
		if ((unsigned char)*scan->at < ' ')
			return fail(scan, "a control character stands in a string");
		if (*scan->at == '\\' && scan->at + 1 < scan->end &&
		    (unsigned char)scan->at[1] >= ' ')
			scan->at++;
	}
	if (scan->at >= scan->end)
		return fail(scan, "a string does not end");
	scan->last.length = scan->at - scan->last.at;
	return true;
}

/* A colon: the string before it was a key. */
static bool take_key(struct scan *scan)
{
	struct level *level = scan->depth ? &scan->levels[scan->depth - 1] : NULL;
	const struct span *key = &scan->last;
	size_t i;

	if (!level || level->array || !key->at)
		return fail(scan, "a colon stands where there is no key");
	if (key->length > KEY_MAX || level->count == KEYS_MAX)
		return fail(scan, "an object has more keys, or a longer one, than there are words");
	if (memchr(key->at, '\\', key->length))
		return fail(scan, "a key is written with a backslash");
	level->keys[level->count++] = *key;
	for (i = 0; i + 1 < level->count; i++)
		if (level->keys[i].length == key->length &&
		    !memcmp(level->keys[i].at, key->at, key->length))
			return fail(scan, "this key stands twice in one object");
	return true;
}

static bool open_level(struct scan *scan)
{
	struct level *level = &scan->levels[scan->depth];

	if (scan->depth == APPLY_DEPTH)
		return fail(scan, "it is nested too deep");
	level->array = *scan->at == '[';
	level->index = level->count = 0;
	scan->depth++;
	return true;
}

static bool take(struct scan *scan)
{
	switch (*scan->at) {
	case '"':
		return take_string(scan);
	case ':':
		return take_key(scan);
	case '{':
	case '[':
		return open_level(scan);
	case '}':
	case ']':
		scan->depth -= scan->depth > 0;
		break;
	case ',':
		if (scan->depth)
			scan->levels[scan->depth - 1].index++;
		break;
	case '\'':
		return fail(scan, "a string stands in single quotes");
	case '\0':
		return fail(scan, "there is a NUL byte: this is no text");
	}
	return true;
}

bool apply_scan(const char *text, size_t length, struct apply_fault *fault)
{
	struct scan scan = { .text = text, .at = text, .end = text + length, .fault = fault };

	for (; scan.at < scan.end; scan.at++)
		if (!take(&scan))
			return false;
	return true;
}
