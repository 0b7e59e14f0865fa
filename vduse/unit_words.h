/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was written down of a unit (vduse/unit.h) as the words that "vduse up" takes: so what
 * was there can be compared with what is asked for, word by word, and made once more.
 */
#ifndef VDUSE_UNIT_WORDS_H
#define VDUSE_UNIT_WORDS_H

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "vduse/unit.h"

/* A unit out of its file; unit_words_free() is due after success. */
struct unit_words {
	json_object *root;	/* what the texts of the unit belong to */
	struct unit unit;
	struct unit_names names;
	char *text;		/* the file's */
	char pcap[PATH_MAX];
};

/* The unit that @text, of unit_format(), stands for: 0; -EBADMSG where the words of now do not
 * come to the same text, as of another version; -ENOMEM. */
int unit_words_read(const char *text, struct unit_words *words);
void unit_words_free(struct unit_words *words);

/*
 * Calls @visit for each word in which @was and @now, both of unit_format(), differ, as
 * "peer's mtu 1400". false, and no call, where they are not about the same devices in the
 * same order, or cannot be compared.
 */
bool unit_words_compare(const char *was, const char *now,
			void (*visit)(void *context, const char *was, const char *now),
			void *context);

#endif
