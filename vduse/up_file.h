/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file with words of "vduse up": those that would stand behind NAME, in as many lines as one
 * likes, with the quotes and comments of a batch (lib/batch.h), and no options.
 */
#ifndef VDUSE_UP_FILE_H
#define VDUSE_UP_FILE_H

#include "lib/buffer.h"
#include "lib/cli.h"

#define UP_FILE_MAX 65536	/* bytes of all words */

struct up_file {
	struct buffer text;	/* "up", "--", NAME and the words, a NUL behind each */
	struct cli_line line;	/* its values point into the text */
};

/*
 * Read the file @path (relative to the working folder) as words about @name. 0; or negative
 * with @failure, whose object is @path or "@path:LINE": status 2 for words that "vduse up" would
 * not take or a line that is none, 3 where there is no such file. up_file_free() is due in any
 * case.
 */
int up_file_read(const char *path, const char *name, struct up_file *file,
		 struct failure *failure);
void up_file_free(struct up_file *file);

#endif
