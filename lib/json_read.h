/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON that someone else wrote, taken strictly. */
#ifndef VT_LIB_JSON_READ_H
#define VT_LIB_JSON_READ_H

#include <json-c/json.h>
#include <stddef.h>

/*
 * The object that the @length bytes at @text are: one, no deeper than @depth, with nothing
 * behind it but white space. @flags are JSON_TOKENER_* beside JSON_TOKENER_STRICT. NULL where
 * it is anything else (errno EBADMSG), or memory is short (ENOMEM); the caller puts it.
 */
json_object *json_read_object(const char *text, size_t length, int depth, int flags);

/* The same; where it is NULL with EBADMSG, *@why says what stands in the way at the byte *@at
 * of @text, in a few words that are static. */
json_object *json_read_explained(const char *text, size_t length, int depth, int flags,
				 const char **why, size_t *at);

#endif
