/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of "vduse create", for every verb that takes them. */
#ifndef VDUSE_CREATE_H
#define VDUSE_CREATE_H

#include "lib/command.h"
#include "vduse/lifecycle.h"

/* The order of the words in create_words; a verb that takes more begins with these. */
enum create_word {
	CREATE_NAME,
	CREATE_TYPE,
	CREATE_FEATURES,
	CREATE_VQS,
	CREATE_VQ_ALIGN,
	CREATE_VENDOR,
	CREATE_MAC,
	CREATE_MTU,
	CREATE_SIZE,
	CREATE_BOUNCE_SIZE,
	CREATE_MSG_TIMEOUT,
	CREATE_WORDS,		/* how many they are */
};

/*
 * What @values, which begin with those of create_words, ask for, the defaults filled
 * in. 0, or negative with @failure (status 2).
 */
int create_read_words(const struct cli_value *values, struct create_request *request,
		      struct failure *failure);

/* After the device was made: what its creator should know nevertheless. */
void create_warn(struct call *call, const struct create_request *request);

#endif
