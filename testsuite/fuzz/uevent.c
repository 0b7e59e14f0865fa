// SPDX-License-Identifier: GPL-2.0-or-later
/* A fuzzer's way into the parser of uevents: any bytes, and all that it says of them is
 * looked at. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/uevent.h"
#include "testsuite/fuzz/strict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inside of the @size bytes at @data, or one of the parser's own? */
static void look_at(const char *text, const char *data, size_t size)
{
	if (*text && (text < data || text + strlen(text) >= data + size))
		abort();
}

/* The first line of that key says the number, if there is one. */
static void check_number(const char *data, size_t size, const char *key, uint64_t number)
{
	const char *line = data + strlen(data) + 1;
	uint64_t said = 0;

	for (; line < data + size; line += strlen(line) + 1) {
		if (strncmp(line, key, strlen(key)))
			continue;
		if (!strict_number(line + strlen(key), &said))
			abort();
		break;
	}
	if (said != number)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);	/* its end is the sanitizer's to guard */
	struct uevent uevent;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	if (uevent_parse(copy, size, &uevent) == 0) {
		look_at(uevent.devpath, copy, size);
		look_at(uevent.subsystem, copy, size);
		look_at(uevent.driver, copy, size);
		look_at(uevent.interface, copy, size);
		if (uevent.devpath[0] != '/' || !uevent_name(uevent.devpath)[0] ||
		    !uevent_is_below(uevent.devpath, uevent.devpath, 0) || !uevent.subsystem[0] ||
		    !strchr(copy, '@') || strlen(copy) <= strlen(uevent.devpath) ||
		    strcmp(copy + strlen(copy) - strlen(uevent.devpath), uevent.devpath))
			abort();
		check_number(copy, size, "IFINDEX=", uevent.ifindex);
		check_number(copy, size, "MAJOR=", uevent.major);
		check_number(copy, size, "MINOR=", uevent.minor);
		check_number(copy, size, "SEQNUM=", uevent.seqnum);
	}
	free(copy);
	return 0;
}
