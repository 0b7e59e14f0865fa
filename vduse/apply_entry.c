// SPDX-License-Identifier: GPL-2.0-or-later
/* One entry of a file of "vduse apply": from keys and values to words, and to a unit. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vduse/apply_file.h"
#include "vduse/grammar.h"
#include "vduse/up.h"
#include "vduse/verbs.h"

#define PLACE_MAX 100	/* "$.devices[999].peer.KEY" */
#define WORDS_MAX (2 * CLI_WORDS_MAX + 8)

struct reader {
	const char *file;
	char place[PLACE_MAX];		/* "$.devices[2]" or "$.devices[2].peer" */
	struct apply_entry *entry;
	unsigned int which;		/* of the entry's devices */
	const char *name;		/* of the device that up_words begins with */
	const char *peer;		/* of the other, or NULL */
	const char *words[WORDS_MAX];		/* of the command line */
	int count;
	char numbers[CLI_WORDS_MAX][24];	/* of which some words are made */
	unsigned int number_count;
	struct failure *failure;
};

/* -- what is wrong ------------------------------------------------------------------------ */

static int refuse(struct reader *reader, const char *key, const char *why, const char *hint)
{
	failure_set(reader->failure, STATUS_USAGE, EINVAL, reader->file, "%s%s%.60s: %s",
		    reader->place, key ? "." : "", key ? key : "", why);
	failure_hint(reader->failure, "%s", hint);
	return -EINVAL;
}

/* What the table, or the check of its words, says: the place before it, and its own hint. */
static int pass_on(struct reader *reader, const char *key, const struct failure *said)
{
	failure_set(reader->failure, STATUS_USAGE, said->errnum, reader->file, "%s%s%.60s: %.1500s",
		    reader->place, key ? "." : "", key ? key : "", said->message);
	failure_hint(reader->failure, "%s", said->hint);
	return -EINVAL;
}

/* -- words -------------------------------------------------------------------------------- */

static int understand(const char *const *words, int count, struct cli_line *line,
		      struct failure *said)
{
	*said = (struct failure){ .status = STATUS_OK };
	/* as of main(), whose words are not changed either */
	return cli_parse(&vduse_command, count, (char **)words, line, said);
}

/* Where the words behind "peer" begin. */
static unsigned int section_of(const struct cli_word *words)
{
	unsigned int i;

	for (i = 0; words[i].kind != CLI_END && !(words[i].flags & CLI_SECTION); i++)
		;
	return i;
}

/* "foreground" and "file" are about the command, not about a device. */
static bool is_of_command(const struct cli_word *word)
{
	return word->flags & CLI_GOES_ON || !strcmp(word->keyword, "file");
}

/* The word of "vduse up" that @key is for this device, or NULL. */
static const struct cli_word *find_word(const struct reader *reader, const char *key)
{
	unsigned int i, section = section_of(up_words);
	unsigned int first = reader->which ? section + 1 : 1;

	for (i = first; up_words[i].kind != CLI_END && (reader->which || i < section); i++)
		if (!is_of_command(&up_words[i]) && !strcmp(up_words[i].keyword, key))
			return &up_words[i];
	return NULL;
}

/* A string without a NUL inside, or NULL. */
static const char *string_of(json_object *value)
{
	const char *text = json_object_is_type(value, json_type_string) ?
			   json_object_get_string(value) : NULL;

	return text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static int value_of(struct reader *reader, const struct cli_word *word, json_object *value,
		    const char **text)
{
	char *number = reader->numbers[reader->number_count % CLI_WORDS_MAX];

	*text = NULL;
	if (word->kind == CLI_FLAG)
		return json_object_is_type(value, json_type_boolean) ? 0 :
		       refuse(reader, word->keyword, "it is neither true nor false", "a word without "
			      "a value is said with true; false is as if it were not there");
	if (word->kind != CLI_NUMBER) {
		*text = string_of(value);
		return *text ? 0 : refuse(reader, word->keyword, "it is no string",
					  "put the value in double quotes");
	}
	if (!json_object_is_type(value, json_type_int))
		return refuse(reader, word->keyword, "it is no whole number",
			      "write it in decimal digits, without quotes");
	reader->number_count++;
	if (json_object_get_int64(value) < 0)
		snprintf(number, 24, "%lld", (long long)json_object_get_int64(value));
	else
		snprintf(number, 24, "%llu", (unsigned long long)json_object_get_uint64(value));
	*text = number;
	return 0;
}

/* Does the table take @word with this value? So the error has the place. */
static int check_word(struct reader *reader, const struct cli_word *word, const char *text)
{
	const char *line[] = { "up", "--", reader->name, word->keyword, text };
	const char *peer[] = { "up", "--", reader->name, "peer", reader->peer, word->keyword,
			       text };
	struct cli_line understood;
	struct failure said;
	int rc;

	if (reader->which)
		rc = understand(peer, text ? 7 : 6, &understood, &said);
	else
		rc = understand(line, text ? 5 : 4, &understood, &said);
	return rc < 0 ? pass_on(reader, word->keyword, &said) : 0;
}

static int add_word(struct reader *reader, const struct cli_word *word, json_object *value)
{
	const char *text;
	int rc = value_of(reader, word, value, &text);

	if (rc == 0 && word->kind == CLI_FLAG && !json_object_get_boolean(value))
		return 0;
	if (rc == 0)
		rc = check_word(reader, word, text);
	if (rc < 0)
		return rc;
	reader->words[reader->count++] = word->keyword;
	if (text)
		reader->words[reader->count++] = text;
	return 0;
}

/* -- keys of the file's own --------------------------------------------------------------- */

static int read_link(struct reader *reader, json_object *value)
{
	const char *text = string_of(value);
	const char *line[] = { "set", "--", reader->name, "link", text };
	struct cli_line understood;
	struct failure said;

	if (!text)
		return refuse(reader, "link", "it is no string", "it is \"up\" or \"down\"");
	if (understand(line, 5, &understood, &said) < 0)
		return pass_on(reader, "link", &said);
	reader->entry->link[reader->which] = strcmp(text, "up") ? APPLY_LINK_DOWN : APPLY_LINK_UP;
	return 0;
}

static int read_state(struct reader *reader, json_object *object)
{
	json_object *value = NULL;
	const char *text;

	if (!json_object_object_get_ex(object, "state", &value))
		return 0;
	text = string_of(value);
	if (!text || (strcmp(text, "present") && strcmp(text, "absent")))
		return refuse(reader, "state", "it is neither \"present\" nor \"absent\"",
			      "it is present unless it is said");
	reader->entry->absent = !strcmp(text, "absent");
	return 0;
}

/* The name of the device @object, which the table has to take. */
static int read_name(struct reader *reader, json_object *object, const char **name)
{
	json_object *value = NULL;
	struct cli_line understood;
	struct failure said;
	const char *line[3] = { "up", "--" };

	json_object_object_get_ex(object, "name", &value);
	*name = string_of(value);
	if (!*name)
		return refuse(reader, "name", value ? "it is no string" : "it is missing",
			      "each device has a name");
	line[2] = *name;
	if (understand(line, 3, &understood, &said) < 0)
		return pass_on(reader, "name", &said);
	strcpy(reader->entry->names.names[reader->entry->names.count++], *name);
	return 0;
}

/* -- the whole of it ---------------------------------------------------------------------- */

static bool is_own(const struct reader *reader, const char *key)
{
	return !strcmp(key, "name") || (!reader->which && (!strcmp(key, "state") ||
							   !strcmp(key, "peer")));
}

static int read_keys(struct reader *reader, json_object *object)
{
	const struct cli_word *word;
	int rc = 0;

	json_object_object_foreach(object, key, value) {
		if (is_own(reader, key))
			continue;
		word = find_word(reader, key);
		if (reader->entry->absent)
			rc = refuse(reader, key, "it says something of a device that is to be absent",
				    "leave \"name\" and \"state\"");
		else if (!strcmp(key, "link"))
			rc = read_link(reader, value);
		else if (word && !(word->flags & CLI_SECTION))
			rc = add_word(reader, word, value);
		else
			rc = refuse(reader, key, "there is no such word", "the keys are the words of "
				    "\"vduse up\", name, state, link and peer; see \"vduse up --help\"");
		if (rc < 0)
			break;
	}
	return rc;
}

static int read_peer(struct reader *reader, json_object *object)
{
	json_object *peer = NULL;
	int rc;

	if (!json_object_object_get_ex(object, "peer", &peer))
		return 0;
	if (reader->entry->absent)
		return refuse(reader, "peer", "it says something of a device that is to be absent",
			      "give each of a pair an entry");
	if (!json_object_is_type(peer, json_type_object))
		return refuse(reader, "peer", "it is no object", "{ \"name\": ... } and its words");
	snprintf(reader->place + strlen(reader->place),
		 sizeof(reader->place) - strlen(reader->place), ".peer");
	reader->which = 1;
	rc = read_name(reader, peer, &reader->peer);
	if (rc < 0)
		return rc;
	if (!strcmp(reader->peer, reader->name))
		return refuse(reader, "name", "it is the device itself", "a pair has two devices");
	reader->words[reader->count++] = "peer";
	reader->words[reader->count++] = reader->peer;
	return read_keys(reader, peer);
}

/* What the words come to together. */
static int read_unit(struct reader *reader)
{
	struct apply_entry *entry = reader->entry;
	struct cli_line line;
	struct failure said;
	char pcap[PATH_MAX];

	if (understand(reader->words, reader->count, &line, &said) < 0 ||
	    up_read_words(line.values, &entry->unit, pcap, &said) < 0)
		return pass_on(reader, NULL, &said);
	if (entry->unit.pcap) {
		entry->pcap = strdup(pcap);
		entry->unit.pcap = entry->pcap;
	}
	entry->text = unit_format(&entry->unit);
	if (!entry->text || (entry->unit.pcap == NULL) != (entry->pcap == NULL))
		return failure_errno(reader->failure, ENOMEM, reader->file, "cannot read it");
	return 0;
}

int apply_entry_read(const char *path, size_t index, json_object *object,
		     struct apply_entry *entry, struct failure *failure)
{
	struct reader reader = { .file = path, .entry = entry, .failure = failure };
	int rc;

	memset(entry, 0, sizeof(*entry));
	snprintf(reader.place, sizeof(reader.place), "$.devices[%zu]", index);
	if (!json_object_is_type(object, json_type_object))
		return refuse(&reader, NULL, "it is no object", "{ \"name\": ... } and its words");
	rc = read_name(&reader, object, &reader.name);
	if (rc == 0)
		rc = read_state(&reader, object);
	reader.words[0] = "up";
	reader.words[1] = "--";
	reader.words[2] = reader.name;
	reader.count = 3;
	if (rc == 0)
		rc = read_keys(&reader, object);
	if (rc == 0)
		rc = read_peer(&reader, object);
	if (rc < 0 || entry->absent)
		return rc;
	snprintf(reader.place, sizeof(reader.place), "$.devices[%zu]", index);
	return read_unit(&reader);
}
