// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/json_read.h"

#include <errno.h>
#include <limits.h>

json_object *json_read_object(const char *text, size_t length, int depth, int flags)
{
	struct json_tokener *tokener = length <= INT_MAX ? json_tokener_new_ex(depth) : NULL;
	json_object *object;

	if (!tokener) {
		errno = length <= INT_MAX ? ENOMEM : EBADMSG;
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | flags);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) < length ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	errno = EBADMSG;
	return object;
}
