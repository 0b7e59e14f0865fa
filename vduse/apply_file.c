// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/apply_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/descriptor.h"
#include "lib/json_read.h"
#include "vduse/apply_scan.h"

#define HINT "see vduse-apply(8) for what it may have"

static int refuse(const char *path, struct failure *failure, const char *where, const char *why)
{
	failure_set(failure, STATUS_USAGE, EINVAL, path, "%s: %s", where, why);
	failure_hint(failure, HINT);
	return -EINVAL;
}

static int refuse_fault(const char *path, const struct apply_fault *fault, const char *where,
			struct failure *failure)
{
	failure_set(failure, STATUS_USAGE, EINVAL, path, "line %zu, column %zu%s%s: %s", fault->line,
		    fault->column, where[0] ? ", at " : "", where, fault->why);
	failure_hint(failure, HINT);
	return -EINVAL;
}

/* -- its form ----------------------------------------------------------------------------- */

static int parse_json(const char *path, const char *text, size_t length, json_object **root,
		      struct failure *failure)
{
	struct apply_fault fault;
	const char *why;
	size_t at;

	if (!apply_scan(text, length, &fault))
		return refuse_fault(path, &fault, fault.path, failure);
	*root = json_read_explained(text, length, APPLY_DEPTH + 1, JSON_TOKENER_VALIDATE_UTF8, &why,
				    &at);
	if (*root)
		return 0;
	if (errno == ENOMEM)
		return failure_errno(failure, ENOMEM, path, "cannot read it");
	strncpy(fault.why, why, sizeof(fault.why) - 1);
	fault.why[sizeof(fault.why) - 1] = '\0';
	apply_scan_place(text, at, &fault);
	return refuse_fault(path, &fault, "", failure);
}

static int check_keys(const char *path, json_object *root, struct failure *failure)
{
	json_object_object_foreach(root, key, value) {
		(void)value;
		if (strcmp(key, "version") && strcmp(key, "devices")) {
			failure_set(failure, STATUS_USAGE, EINVAL, path,
				    "$: the key \"%.60s\" has no meaning here", key);
			failure_hint(failure, "it has \"version\" and \"devices\"");
			return -EINVAL;
		}
	}
	return 0;
}

static int check_root(const char *path, json_object *root, json_object **devices,
		      struct failure *failure)
{
	json_object *version = NULL;
	int rc = check_keys(path, root, failure);

	if (rc < 0)
		return rc;
	json_object_object_get_ex(root, "version", &version);
	if (!json_object_is_type(version, json_type_int) ||
	    json_object_get_int64(version) != APPLY_VERSION)
		return refuse(path, failure, "$.version", "it is not 1, the only version there is");
	if (!json_object_object_get_ex(root, "devices", devices) ||
	    !json_object_is_type(*devices, json_type_array))
		return refuse(path, failure, "$.devices", "it is no array");
	if (json_object_array_length(*devices) > APPLY_DEVICES_MAX)
		return refuse(path, failure, "$.devices", "it has more than 1000 entries");
	return 0;
}

/* -- its entries -------------------------------------------------------------------------- */

static bool has(const struct apply_entry *entry, const char *name)
{
	return !strcmp(entry->names.names[0], name) ||
	       (entry->names.count == 2 && !strcmp(entry->names.names[1], name));
}

const struct apply_entry *apply_file_find(const struct apply_file *file, const char *name)
{
	size_t i;

	for (i = 0; i < file->count; i++)
		if (has(&file->entries[i], name))
			return &file->entries[i];
	return NULL;
}

/* @file has those before @entry. */
static int check_names(const char *path, const struct apply_file *file,
		       const struct apply_entry *entry, struct failure *failure)
{
	unsigned int i;

	for (i = 0; i < entry->names.count; i++) {
		const char *name = entry->names.names[i];
		const struct apply_entry *other = apply_file_find(file, name);

		if (!other)
			continue;
		failure_set(failure, STATUS_USAGE, EINVAL, path,
			    "$.devices[%zu]: the device \"%s\" is in $.devices[%zu] already",
			    file->count, name, (size_t)(other - file->entries));
		failure_hint(failure, "say it once, also where it is another's peer");
		return -EINVAL;
	}
	return 0;
}

static int read_entries(const char *path, json_object *devices, struct apply_file *file,
			struct failure *failure)
{
	size_t i, count = json_object_array_length(devices);
	int rc = 0;

	file->entries = calloc(count ? count : 1, sizeof(file->entries[0]));
	if (!file->entries)
		return failure_errno(failure, ENOMEM, path, "cannot read it");
	for (i = 0; i < count && rc == 0; i++) {
		struct apply_entry *entry = &file->entries[i];

		rc = apply_entry_read(path, i, json_object_array_get_idx(devices, i), entry, failure);
		if (rc == 0)
			rc = check_names(path, file, entry, failure);
		file->count++;
	}
	return rc;
}

int apply_file_parse(const char *path, const char *text, size_t length, struct apply_file *file,
		     struct failure *failure)
{
	json_object *devices = NULL;
	int rc;

	*file = (struct apply_file){ .root = NULL };
	rc = parse_json(path, text, length, &file->root, failure);
	if (rc == 0)
		rc = check_root(path, file->root, &devices, failure);
	if (rc == 0)
		rc = read_entries(path, devices, file, failure);
	if (rc < 0)
		apply_file_free(file);
	return rc;
}

void apply_file_free(struct apply_file *file)
{
	size_t i;

	for (i = 0; i < file->count; i++) {
		free(file->entries[i].text);
		free(file->entries[i].pcap);
	}
	free(file->entries);
	json_object_put(file->root);
	*file = (struct apply_file){ .root = NULL };
}

/* -- its bytes ---------------------------------------------------------------------------- */

static int read_bytes(int fd, struct buffer *text)
{
	char piece[16384];
	ssize_t n;

	while ((n = descriptor_read(fd, piece, sizeof(piece))) > 0 && text->length <= APPLY_FILE_MAX)
		buffer_add(text, piece, (size_t)n);
	if (n < 0)
		return (int)n;
	return text->broken ? -ENOMEM : 0;
}

int apply_file_read(const char *path, struct apply_file *file, struct failure *failure)
{
	int rc, fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	struct buffer text = { 0 };

	if (fd < 0)
		return failure_errno(failure, errno, path, "cannot open it");
	rc = read_bytes(fd, &text);
	if (fd != STDIN_FILENO)
		close(fd);
	if (rc < 0)
		failure_errno(failure, -rc, path, "cannot read it");
	else if (text.length > APPLY_FILE_MAX)
		rc = refuse(path, failure, "$", "it is longer than 1 MiB");
	else
		rc = apply_file_parse(path, text.text ? text.text : "", text.length, file, failure);
	buffer_free(&text);
	return rc;
}
