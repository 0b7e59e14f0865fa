// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "batch_stage.h"

json_object *parse_document(void)
{
	enum json_tokener_error error;
	json_tokener *tokener = json_tokener_new();
	json_object *document;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	document = json_tokener_parse_ex(tokener, printed, (int)strlen(printed) + 1);
	error = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (error || !json_object_is_type(document, json_type_array))
		fail_msg("%s: %s", json_tokener_error_desc(error), printed);
	return document;
}

json_object *member(json_object *object, const char *key)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

const char *text(json_object *object, const char *key)
{
	const char *value = json_object_get_string(member(object, key));

	assert_non_null(value);
	return value;
}

long long number(json_object *object, const char *key)
{
	assert_true(json_object_is_type(member(object, key), json_type_int));
	return json_object_get_int64(member(object, key));
}
