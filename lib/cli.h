/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of a command, stated once.
 *
 * A command is a table of verbs, a verb a table of words. The parser, the usage
 * text and the shell completion (completions/) all come from it, and the SYNOPSIS of
 * each man page is held to it.
 *
 *	vduse create NAME [ type { net | block } ] [ vqs N ]
 *	      ^verb  ^positional word ^keyword with its value
 *
 * Positional words come first, in their order; keywords follow in any order, each
 * at most once. Options may stand anywhere but where a keyword's value is due: the
 * word after a keyword is its value, whatever it begins with. "--" ends the options.
 */
#ifndef VT_LIB_CLI_H
#define VT_LIB_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define CLI_WORDS_MAX 32	/* words of one verb */
#define CLI_PATH_MAX 4		/* "dev config show" is three */

enum cli_kind {
	CLI_END,		/* ends a table of words */
	CLI_FLAG,		/* the keyword alone */
	CLI_TEXT,		/* any value, also an empty one */
	CLI_NAME,		/* any device name that the kernel could have */
	CLI_NEW_NAME,		/* a name that we give (lib/parse.h, name_refused) */
	CLI_NUMBER,		/* min to max inclusive */
	CLI_CHOICE,		/* one of choices */
	CLI_MAC,		/* a unicast address */
};

/* What completion offers for a value, where the kind does not tell (completions/). */
enum cli_candidates {
	CLI_NOTHING,		/* a choice's choices, else nothing */
	CLI_VDUSE_DEVICES,
	CLI_VDPA_DEVICES,
	CLI_EITHER_DEVICES,	/* VDUSE and vDPA devices */
	CLI_FREE_DEVICES,	/* VDUSE devices that are not on the vDPA bus */
	CLI_MANAGERS,		/* management devices */
	CLI_FEATURE_NAMES,	/* with commas between; of the type that the line says */
	CLI_FILES,
	CLI_USERS,
	CLI_PROCESSORS,		/* a list of them */
};

#define CLI_REQUIRED 1u		/* the verb cannot do without */
#define CLI_ABBREVIATED 2u	/* any prefix will do, first in the table wins */
#define CLI_RETURNS 4u		/* a verb that goes on returns with this word */
#define CLI_GOES_ON 8u		/* a verb that returns goes on with this word */
#define CLI_SECTION 16u		/* the words behind it in the table are said behind it, and may
				 * have keywords that stand before it as well */
#define CLI_OPTION 32u		/* of a flag: "--dry-run" is another spelling of "dry_run" */

struct cli_word {
	const char *keyword;	/* NULL for a positional word */
	const char *value;	/* what usage calls the value: "NAME"; NULL for flags
				 * and choices */
	enum cli_kind kind;
	unsigned int flags;
	uint64_t min, max;	/* CLI_NUMBER */
	const char *const *choices;	/* CLI_CHOICE, ends with NULL */
	enum cli_candidates candidates;
	const char *help;	/* one line, for completion and man pages */
};

struct cli_value {
	bool given;
	const char *text;	/* as typed; not owned */
	uint64_t number;	/* CLI_NUMBER; CLI_CHOICE: the index */
	uint8_t mac[6];		/* CLI_MAC */
};

struct call;

/* How main runs a verb (lib/command.h). */
enum cli_running {
	CLI_READS,		/* runs directly; in a child when -T is given */
	CLI_CHANGES,		/* can block in the kernel: runs in a child, 60 s */
	CLI_KEEPS_TIME,		/* can block: runs directly, and sees to its time-out itself */
	CLI_SERVES,		/* goes on until it is told to end; runs directly */
};

struct cli_verb {
	const char *path;	/* "dev config show|list": words, alternatives with '|' */
	const struct cli_word *words;	/* ends with CLI_END; NULL for none */
	unsigned int flags;
	enum cli_running running;
	const char *container;	/* the key of its listing in JSON ("dev"), or NULL */
	const char *help;	/* one line */
	/* 0, or negative with @failure filled. */
	int (*run)(struct call *call, struct failure *failure);
	/* Says in @failure, whose status is STATUS_TIMED_OUT, why the kernel keeps
	 * the caller waiting. Reads sysfs and /proc only. May be NULL. */
	void (*explain_timeout)(struct call *call, struct failure *failure);
};

#define CLI_DEFAULT 1u		/* runs when its last path word was left out */
#define CLI_PREFIXES 2u		/* its path words may be abbreviated */

struct cli_command {
	const char *program;	/* "vdpa" */
	const char *summary;	/* one line */
	const struct cli_verb *verbs;
	size_t verb_count;
};

enum cli_color { CLI_COLOR_NEVER, CLI_COLOR_AUTO, CLI_COLOR_ALWAYS };

struct cli_options {
	bool json, pretty, details, statistics;
	bool force;
	bool timestamp, short_timestamp;
	const char *batch;	/* a file's name, "-", or NULL */
	bool help, version;
	bool timeout_given;
	uint64_t timeout;	/* seconds, 1 to 86400 */
	enum cli_color color;
};

/* A command line, understood. */
struct cli_line {
	struct cli_options options;
	const struct cli_verb *verb;	/* NULL: only options, help or a batch */
	struct cli_value values[CLI_WORDS_MAX];
	char name[64];		/* "vduse create"; never abbreviated */
};

/*
 * Understand @argv (without the program's name). @line is filled as far as it was
 * understood, also on failure, so that the caller knows whether -j was asked for.
 * 0, or negative with @failure (STATUS_USAGE). Values point into @argv.
 */
int cli_parse(const struct cli_command *command, int argc, char **argv,
	      struct cli_line *line, struct failure *failure);

/*
 * The same for one line of a batch: @base are the options before its -b. The line may
 * have options of its own, but none that are about the whole batch.
 */
int cli_parse_line(const struct cli_command *command, const struct cli_options *base,
		   int argc, char **argv, struct cli_line *line, struct failure *failure);

/* Are the commands of @line in a file? Help and version come first. */
bool cli_is_batch(const struct cli_line *line);

/* Does the verb of @line go on, with no word that makes it return? */
bool cli_goes_on(const struct cli_line *line);

/* true when @text is one of the words of "show|list" (or a prefix, with @prefixes). */
bool cli_word_matches(const char *alternatives, const char *text, bool prefixes);

/* The words of one verb as usage shows them: "vduse create NAME [ type ...". The
 * caller frees it; NULL when memory is short. */
char *cli_verb_usage(const struct cli_command *command, const struct cli_verb *verb);

/* The usage text of the verbs whose path begins with @prefix ("" for all), with the
 * options when @prefix is "". The caller frees it; NULL when memory is short. */
char *cli_usage(const struct cli_command *command, const char *prefix);

#endif
