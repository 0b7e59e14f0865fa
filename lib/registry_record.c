// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/registry_record.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "lib/json_read.h"

#define NAME_IN_FILE_MAX 64

bool device_identity_equal(const struct device_identity *a, const struct device_identity *b)
{
	return !strcmp(a->boot, b->boot) && a->major == b->major && a->minor == b->minor &&
	       a->folder == b->folder;
}

static void file_name(const char *name, const char *suffix, char file[REGISTRY_FILE_MAX])
{
	if (strlen(name) <= NAME_IN_FILE_MAX)
		snprintf(file, REGISTRY_FILE_MAX, "%s%s", name, suffix);
	else
		snprintf(file, REGISTRY_FILE_MAX, "+%016llx%s",
			 (unsigned long long)hash_text(HASH_START, name), suffix);
}

void registry_file_name(const char *name, char file[REGISTRY_FILE_MAX])
{
	file_name(name, ".json", file);
}

void registry_socket_name(const char *name, char file[REGISTRY_FILE_MAX])
{
	file_name(name, ".sock", file);
}

void registry_unit_name(const char *name, char file[REGISTRY_FILE_MAX])
{
	file_name(name, ".up", file);
}

void registry_journal_name(const char *name, char file[REGISTRY_FILE_MAX])
{
	file_name(name, ".journal", file);
}

/* Writing. A value that could not be made is noticed once, at the end. */
struct writer {
	json_object *object;
	bool broken;
};

static void put(struct writer *writer, const char *key, json_object *value)
{
	if (value && !json_object_object_add(writer->object, key, value))
		return;
	json_object_put(value);
	writer->broken = true;
}

static void put_string(struct writer *writer, const char *key, const char *text)
{
	put(writer, key, json_object_new_string(text));
}

static void put_number(struct writer *writer, const char *key, uint64_t number)
{
	put(writer, key, json_object_new_uint64(number));
}

static void put_mask(struct writer *writer, const char *key, uint64_t mask)
{
	char text[20];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)mask);
	put_string(writer, key, text);
}

static void put_mac(struct writer *writer, const char *key, const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	put_string(writer, key, text);
}

static void put_definition(struct writer *writer, const struct vduse_definition *definition)
{
	put_string(writer, "name", definition->name);
	put_string(writer, "type", vduse_type_name(definition->type));
	put_number(writer, "vendor", definition->vendor);
	put_mask(writer, "features", definition->features);
	put_number(writer, "vqs", definition->vqs);
	put_number(writer, "vq_align", definition->vq_align);
	if (definition->type == DEVICE_TYPE_BLOCK)
		put_number(writer, "size", definition->size);
	if (definition->features & FEATURE(5) && definition->type == DEVICE_TYPE_NET)
		put_mac(writer, "mac", definition->mac);
	if (definition->features & FEATURE(3) && definition->type == DEVICE_TYPE_NET)
		put_number(writer, "mtu", definition->mtu);
}

char *registry_record_format(const struct registry_record *record)
{
	struct writer writer = { .object = json_object_new_object() };
	const char *json = NULL;
	char *text = NULL;

	if (!writer.object)
		return NULL;
	put_number(&writer, "version", REGISTRY_VERSION);
	put_definition(&writer, &record->definition);
	put_string(&writer, "boot", record->identity.boot);
	put_number(&writer, "major", record->identity.major);
	put_number(&writer, "minor", record->identity.minor);
	put_number(&writer, "folder", record->identity.folder);
	if (!writer.broken)
		json = json_object_to_json_string_ext(writer.object,
						      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (json && asprintf(&text, "%s\n", json) < 0)
		text = NULL;
	json_object_put(writer.object);
	return text;
}

/* Reading. The first field that is wrong is what the reason tells. */
struct reader {
	json_object *object;
	const char *reason;
};

static json_object *get(struct reader *reader, const char *key, json_type type,
			const char *reason)
{
	json_object *value = NULL;

	if (reader->reason)
		return NULL;
	if (!json_object_object_get_ex(reader->object, key, &value) ||
	    !json_object_is_type(value, type)) {
		reader->reason = reason;
		return NULL;
	}
	return value;
}

static uint64_t get_number(struct reader *reader, const char *key, uint64_t max,
			   const char *reason)
{
	json_object *value = get(reader, key, json_type_int, reason);
	uint64_t number = value ? json_object_get_uint64(value) : 0;

	/* json-c turns a negative number into 0, one that is too large into the largest. */
	if (value && (json_object_get_int64(value) < 0 || number > max))
		reader->reason = reason;
	return reader->reason ? 0 : number;
}

/* The string, without a NUL inside; "" where it is not one. Belongs to the document. */
static const char *get_string(struct reader *reader, const char *key, const char *reason)
{
	json_object *value = get(reader, key, json_type_string, reason);
	const char *text = value ? json_object_get_string(value) : "";

	if (value && strlen(text) != (size_t)json_object_get_string_len(value)) {
		reader->reason = reason;
		return "";
	}
	return text;
}

static void get_text(struct reader *reader, const char *key, char *text, size_t size,
		     const char *reason)
{
	const char *found = get_string(reader, key, reason);

	if (strlen(found) >= size)
		reader->reason = reason;
	else
		memcpy(text, found, strlen(found) + 1);
}

static void get_net(struct reader *reader, struct vduse_definition *definition)
{
	static const char reason[] = "its mac or mtu is missing or wrong";

	if (definition->features & FEATURE(5) &&
	    parse_mac(get_string(reader, "mac", reason), definition->mac, NULL))
		reader->reason = reason;
	if (definition->features & FEATURE(3))
		definition->mtu = get_number(reader, "mtu", VDUSE_MTU_MAX, reason);
}

static void get_definition(struct reader *reader, struct vduse_definition *definition)
{
	get_text(reader, "name", definition->name, sizeof(definition->name),
		 "its name is missing or wrong");
	definition->type = vduse_type_by_name(
		get_string(reader, "type", "its type is missing or wrong"));
	definition->vendor = get_number(reader, "vendor", UINT32_MAX,
					"its vendor is missing or wrong");
	if (parse_number(get_string(reader, "features", "its features are missing"), 0,
			 UINT64_MAX, &definition->features) && !reader->reason)
		reader->reason = "its features are no mask";
	definition->vqs = get_number(reader, "vqs", UINT32_MAX,
				     "its number of virtqueues is missing or wrong");
	definition->vq_align = get_number(reader, "vq_align", UINT32_MAX,
					  "its vq_align is missing or wrong");
	if (definition->type == DEVICE_TYPE_BLOCK)
		definition->size = get_number(reader, "size", VDUSE_SIZE_MAX,
					      "its size is missing or wrong");
	if (definition->type == DEVICE_TYPE_NET && !reader->reason)
		get_net(reader, definition);
	if (!reader->reason && vduse_definition_check(definition, NULL))
		reader->reason = "it describes a device that could not have been created";
}

static void get_identity(struct reader *reader, struct device_identity *identity)
{
	static const char reason[] = "what it says of the device's node is missing or wrong";

	get_text(reader, "boot", identity->boot, sizeof(identity->boot), reason);
	identity->major = get_number(reader, "major", UINT32_MAX, reason);
	identity->minor = get_number(reader, "minor", UINT32_MAX, reason);
	identity->folder = get_number(reader, "folder", UINT64_MAX, reason);
}

static void get_record(struct reader *reader, struct registry_record *record)
{
	static const char other[] = "it is of another version";

	get_number(reader, "version", REGISTRY_VERSION, other);
	if (!reader->reason &&
	    get_number(reader, "version", REGISTRY_VERSION, other) != REGISTRY_VERSION)
		reader->reason = other;
	get_definition(reader, &record->definition);
	get_identity(reader, &record->identity);
}

int registry_record_parse(const char *text, size_t length, struct registry_record *record,
			  const char **reason)
{
	struct reader reader = { .reason = NULL };

	memset(record, 0, sizeof(*record));
	*reason = NULL;
	if (length > REGISTRY_RECORD_MAX) {
		*reason = "it is too long";
		return -EBADMSG;
	}
	reader.object = json_read_object(text, length, 4, JSON_TOKENER_VALIDATE_UTF8);
	if (!reader.object) {
		*reason = errno == ENOMEM ? "memory is short" : "it is no whole JSON object";
		return -EBADMSG;
	}
	get_record(&reader, record);
	json_object_put(reader.object);
	*reason = reader.reason;
	return reader.reason ? -EBADMSG : 0;
}
