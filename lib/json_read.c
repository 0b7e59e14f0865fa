// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/json_read.h"

#include <errno.h>
#include <limits.h>

static const char *explain(enum json_tokener_error error)
{
	if (error == json_tokener_success)
		return "it is no object, or something stands behind it";
	if (error == json_tokener_continue)
		return "it ends too early";
	return json_tokener_error_desc(error);
}

json_object *json_read_explained(const char *text, size_t length, int depth, int flags,
				 const char **why, size_t *at)
{
	struct json_tokener *tokener = length <= INT_MAX ? json_tokener_new_ex(depth) : NULL;
	json_object *object;

	*why = "it is too long";
	*at = 0;
	if (!tokener) {
		errno = length <= INT_MAX ? ENOMEM : EBADMSG;
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | flags);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	*why = explain(json_tokener_get_error(tokener));
	*at = json_tokener_get_parse_end(tokener);
	if (json_tokener_get_error(tokener) != json_tokener_success || *at < length ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	errno = EBADMSG;
	return object;
}

json_object *json_read_object(const char *text, size_t length, int depth, int flags)
{
	const char *why;
	size_t at;

	return json_read_explained(text, length, depth, flags, &why, &at);
}
