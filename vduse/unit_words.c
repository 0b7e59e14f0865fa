// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/unit_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_read.h"
#include "vduse/grammar.h"
#include "vduse/up.h"

#define DEPTH 4
#define PEER "peer's "
#define ARGUMENTS_MAX 90	/* of at most 40 words, two each, and names */

static json_object *list_of(json_object *root, const char *key)
{
	json_object *list = NULL;

	json_object_object_get_ex(root, key, &list);
	return list;
}

static const char *string_at(json_object *list, size_t index)
{
	return json_object_get_string(json_object_array_get_idx(list, index));
}

/* The object of a file that unit_parse() takes; the caller puts it. */
static json_object *parse(const char *text, struct unit_names *names)
{
	if (unit_parse(text, strlen(text), names) < 0)
		return NULL;
	return json_read_object(text, strlen(text), DEPTH, 0);
}

/* -- as a command line -------------------------------------------------------------------- */

struct arguments {
	char *list[ARGUMENTS_MAX];
	int count;
	bool broken;	/* memory was short, or there are too many */
};

static void add(struct arguments *arguments, const char *text, size_t length)
{
	char *copy = arguments->count < ARGUMENTS_MAX ? strndup(text, length) : NULL;

	if (copy)
		arguments->list[arguments->count++] = copy;
	else
		arguments->broken = true;
}

/* What stands there for a word that was left out. */
static bool was_left_out(const char *word)
{
	static const char *const left_out[] = { "mac 00:00:00:00:00:00", "mtu 0", "no user",
						"no umem", "no pcap" };
	const char *space = strchr(word, ' ');
	size_t i;

	for (i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (!strcmp(word, left_out[i]))
			return true;
	return space && !strcmp(space, " default") && strncmp(word, "user ", 5) &&
	       strncmp(word, "pcap ", 5);
}

/* "mtu 1400" is two arguments, "umem" one. */
static void add_word(struct arguments *arguments, const char *word)
{
	size_t length = strcspn(word, " ");

	if (was_left_out(word))
		return;
	add(arguments, word, length);
	if (word[length])
		add(arguments, word + length + 1, strlen(word + length + 1));
}

/* Those of the first device, or of its peer. */
static void add_words(struct arguments *arguments, json_object *words, bool peer)
{
	size_t i, skip = peer ? strlen(PEER) : 0;

	for (i = 0; i < json_object_array_length(words); i++) {
		const char *word = string_at(words, i);

		if (!strncmp(word, PEER, strlen(PEER)) == peer)
			add_word(arguments, word + skip);
	}
}

static void add_unit(struct arguments *arguments, const struct unit_words *words)
{
	json_object *list = list_of(words->root, "words");
	const char *const *names = (const char *const[]){ words->names.names[0],
							  words->names.names[1] };

	add(arguments, "up", 2);
	add(arguments, "--", 2);
	add(arguments, names[0], strlen(names[0]));
	add_words(arguments, list, false);
	if (words->names.count == 2) {
		add(arguments, "peer", 4);
		add(arguments, names[1], strlen(names[1]));
		add_words(arguments, list, true);
	}
}

/* The texts of the unit are the arguments', which go; the file has them as well. */
static void keep_texts(struct unit_words *words)
{
	json_object *list = list_of(words->root, "words");
	unsigned int i;
	size_t j;

	for (i = 0; i < words->names.count; i++)
		words->unit.names[i] = words->names.names[i];
	for (j = 0; j < json_object_array_length(list); j++)
		if (words->unit.user && !strncmp(string_at(list, j), "user ", 5))
			words->unit.user = string_at(list, j) + 5;
}

static int understand(struct arguments *arguments, struct unit_words *words)
{
	struct cli_line line;
	char *text;
	int rc;

	if (arguments->broken)
		return -ENOMEM;
	if (cli_parse(&vduse_command, arguments->count, arguments->list, &line, NULL) < 0 ||
	    up_read_words(line.values, &words->unit, words->pcap, NULL) < 0)
		return -EBADMSG;
	keep_texts(words);
	text = unit_format(&words->unit);
	rc = !text ? -ENOMEM : strcmp(text, words->text) ? -EBADMSG : 0;
	free(text);
	return rc;
}

int unit_words_read(const char *text, struct unit_words *words)
{
	struct arguments arguments = { .count = 0 };
	int rc = -EBADMSG;

	memset(words, 0, sizeof(*words));
	words->root = parse(text, &words->names);
	words->text = strdup(text);
	if (words->root && words->text) {
		add_unit(&arguments, words);
		rc = understand(&arguments, words);
	}
	while (arguments.count)
		free(arguments.list[--arguments.count]);
	if (rc < 0)
		unit_words_free(words);
	return rc;
}

void unit_words_free(struct unit_words *words)
{
	json_object_put(words->root);
	free(words->text);
	words->root = NULL;
	words->text = NULL;
}

/* -- compared ----------------------------------------------------------------------------- */

static bool same_devices(const struct unit_names *a, const struct unit_names *b)
{
	return a->count == b->count && !strcmp(a->names[0], b->names[0]) &&
	       (a->count < 2 || !strcmp(a->names[1], b->names[1]));
}

bool unit_words_compare(const char *was, const char *now,
			void (*visit)(void *context, const char *was, const char *now),
			void *context)
{
	struct unit_names old_names, new_names;
	json_object *old = parse(was, &old_names), *new = parse(now, &new_names);
	json_object *old_words = list_of(old, "words"), *new_words = list_of(new, "words");
	bool same = old && new && same_devices(&old_names, &new_names) &&
		    json_object_array_length(old_words) == json_object_array_length(new_words);
	size_t i;

	for (i = 0; same && i < json_object_array_length(old_words); i++)
		if (strcmp(string_at(old_words, i), string_at(new_words, i)))
			visit(context, string_at(old_words, i), string_at(new_words, i));
	json_object_put(old);
	json_object_put(new);
	return same;
}
