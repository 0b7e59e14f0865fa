// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/unit.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_read.h"
#include "lib/sysfs.h"

#define VERSION 1
#define DEPTH 4
#define WORD_MAX 4400

/* -- writing ------------------------------------------------------------------------------ */

static bool add_word(json_object *words, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool add_word(json_object *words, const char *format, ...)
{
	char word[WORD_MAX];
	json_object *text;
	va_list args;

	va_start(args, format);
	vsnprintf(word, sizeof(word), format, args);
	va_end(args);
	text = json_object_new_string(word);
	if (text && json_object_array_add(words, text) == 0)
		return true;
	json_object_put(text);
	return false;
}

/* 0 is what was left out. */
static bool add_number(json_object *words, const char *of, const char *key, uint64_t number)
{
	if (!number)
		return add_word(words, "%s%s default", of, key);
	return add_word(words, "%s%s %llu", of, key, (unsigned long long)number);
}

static bool add_device(json_object *words, const struct create_request *request, const char *of)
{
	const struct vduse_definition *definition = &request->definition;
	const uint8_t *mac = definition->mac;

	return add_word(words, "%sfeatures 0x%llx", of,
			(unsigned long long)definition->features) &&
	       add_word(words, "%svqs %u", of, definition->vqs) &&
	       add_word(words, "%svq_align %u", of, definition->vq_align) &&
	       add_word(words, "%svendor %u", of, definition->vendor) &&
	       add_word(words, "%smac %02x:%02x:%02x:%02x:%02x:%02x", of, mac[0], mac[1], mac[2],
			mac[3], mac[4], mac[5]) &&
	       add_word(words, "%smtu %u", of, definition->mtu) &&
	       add_number(words, of, "bounce_size", request->bounce_size) &&
	       add_number(words, of, "msg_timeout", request->msg_timeout);
}

static bool add_words(json_object *words, const struct unit *unit)
{
	if (!add_device(words, &unit->requests[0], "") ||
	    (unit->count == 2 && !add_device(words, &unit->requests[1], "peer's ")))
		return false;
	return add_number(words, "", "vq_size", unit->queue_size) &&
	       add_word(words, "%s%s", unit->user ? "user " : "no user", unit->user ?: "") &&
	       add_number(words, "", "poll", unit->poll_usecs) &&
	       add_word(words, "%s", unit->umem ? "umem" : "no umem") &&
	       add_word(words, "%s%s", unit->pcap ? "pcap " : "no pcap", unit->pcap ?: "") &&
	       add_word(words, "isolation %s", serving_isolations[unit->isolation]) &&
	       add_word(words, "driver %s", unit->driver);
}

/* 0, or negative where the boot cannot be told. */
static int read_boot(char boot[40])
{
	int rc = sysfs_read(&sysfs_machine, boot, 40, "proc/sys/kernel/random/boot_id");

	return rc > 0 ? 0 : -EPROTO;
}

static bool put(json_object *object, const char *key, json_object *value)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool put_all(json_object *object, const struct unit *unit)
{
	json_object *devices = json_object_new_array(), *words = json_object_new_array();
	char boot[40];
	unsigned int i;
	bool good = devices && words && read_boot(boot) == 0;

	for (i = 0; i < unit->count && good; i++)
		good = add_word(devices, "%s", unit->names[i]);
	good = good && add_words(words, unit) &&
	       put(object, "version", json_object_new_int(VERSION)) &&
	       put(object, "boot", json_object_new_string(boot));
	/* each belongs to the object, or is freed here */
	good = put(object, "devices", devices) && good;
	return put(object, "words", words) && good;
}

char *unit_format(const struct unit *unit)
{
	json_object *object = json_object_new_object();
	char *text = NULL;

	if (object && put_all(object, unit) &&
	    asprintf(&text, "%s\n", json_object_to_json_string_ext(
			     object, JSON_C_TO_STRING_NOSLASHESCAPE)) < 0)
		text = NULL;
	json_object_put(object);
	return text;
}

/* -- reading ------------------------------------------------------------------------------ */

static json_object *get(json_object *object, const char *key, json_type type)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return json_object_is_type(value, type) ? value : NULL;
}

/* Strings, @min to @max of them, without a NUL inside. */
static json_object *get_strings(json_object *object, const char *key, size_t min, size_t max)
{
	json_object *array = get(object, key, json_type_array);
	size_t i, count = array ? json_object_array_length(array) : 0;

	if (count < min || count > max)
		return NULL;
	for (i = 0; i < count; i++) {
		json_object *entry = json_object_array_get_idx(array, i);
		size_t length;

		if (!json_object_is_type(entry, json_type_string))
			return NULL;
		length = (size_t)json_object_get_string_len(entry);
		if (strlen(json_object_get_string(entry)) != length || length >= WORD_MAX)
			return NULL;
	}
	return array;
}

static const char *string_at(json_object *array, size_t index)
{
	return json_object_get_string(json_object_array_get_idx(array, index));
}

static int take_names(json_object *object, struct unit_names *names)
{
	json_object *devices = get_strings(object, "devices", 1, UNIT_DEVICES);
	unsigned int i;

	names->count = devices ? json_object_array_length(devices) : 0;
	for (i = 0; i < names->count; i++) {
		const char *name = string_at(devices, i);

		if (name_refused(name))
			return -EBADMSG;
		strcpy(names->names[i], name);
	}
	return names->count == 0 ||
	       (names->count == 2 && !strcmp(names->names[0], names->names[1])) ? -EBADMSG : 0;
}

static int take(json_object *object, struct unit_names *names)
{
	json_object *version = get(object, "version", json_type_int);
	json_object *text = get(object, "boot", json_type_string);
	char boot[40] = "";

	if (!version || json_object_get_int(version) != VERSION || !text ||
	    !get_strings(object, "words", 1, 40) || take_names(object, names))
		return -EBADMSG;
	read_boot(boot);
	return strcmp(boot, json_object_get_string(text)) ? -ESTALE : 0;
}

int unit_parse(const char *text, size_t length, struct unit_names *names)
{
	json_object *object = json_read_object(text, length, DEPTH, 0);
	int rc;

	memset(names, 0, sizeof(*names));
	rc = object ? take(object, names) : -EBADMSG;
	json_object_put(object);
	return rc;
}

/* -- comparing ---------------------------------------------------------------------------- */

static const char *peer_of(json_object *devices)
{
	return json_object_array_length(devices) == 2 ? string_at(devices, 1) : NULL;
}

/* Another pair, or the same seen from its other end. */
static bool devices_differ(json_object *was, json_object *now, char *difference, size_t size)
{
	const char *old_peer = peer_of(was), *new_peer = peer_of(now);

	if (strcmp(string_at(was, 0), string_at(now, 0))) {
		snprintf(difference, size, "up %s%s%s, not up %s", string_at(was, 0),
			 old_peer ? " peer " : "", old_peer ?: "", string_at(now, 0));
		return true;
	}
	if (!strcmp(old_peer ?: "", new_peer ?: ""))
		return false;
	snprintf(difference, size, "%s%s, not %s%s", old_peer ? "peer " : "no peer",
		 old_peer ?: "", new_peer ? "peer " : "no peer", new_peer ?: "");
	return true;
}

static bool words_differ(json_object *was, json_object *now, char *difference, size_t size)
{
	size_t i, count = json_object_array_length(was);

	for (i = 0; i < count && i < json_object_array_length(now); i++) {
		if (!strcmp(string_at(was, i), string_at(now, i)))
			continue;
		snprintf(difference, size, "%s, not %s", string_at(was, i), string_at(now, i));
		return true;
	}
	snprintf(difference, size, "%zu words, not %zu", count, json_object_array_length(now));
	return count != json_object_array_length(now);
}

bool unit_differ(const char *was, const char *now, char *difference, size_t size)
{
	json_object *old = json_read_object(was, strlen(was), DEPTH, 0);
	json_object *new = json_read_object(now, strlen(now), DEPTH, 0);
	bool differ = true;

	snprintf(difference, size, "words that cannot be compared");
	if (old && new)
		differ = devices_differ(get(old, "devices", json_type_array),
					get(new, "devices", json_type_array), difference, size) ||
			 words_differ(get(old, "words", json_type_array),
				      get(new, "words", json_type_array), difference, size);
	json_object_put(old);
	json_object_put(new);
	return differ;
}
