// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The SYNOPSIS of the man pages says what the table of verbs says. The pages are found
 * from where this file was compiled; without them the test is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vdpa/vdpa.h"

#define LINE 400

/* One macro line of mdoc as words: ".Op Cm mac Ar MAC" gives "[ mac MAC ]". */
static void add_macro(char *text, size_t size, char *line)
{
	char *save = NULL, *word = strtok_r(line, " \n", &save);
	const char *close = "";
	size_t used = strlen(text);

	for (; word; word = strtok_r(NULL, " \n", &save)) {
		const char *piece = word;

		word += *word == '.';
		if (!strcmp(word, "Nm") || !strcmp(word, "Cm") || !strcmp(word, "Ar"))
			continue;
		if (!strcmp(word, "Op") || !strcmp(word, "Brq")) {
			/* an Op may have a Brq inside, which ends with it */
			close = !strcmp(word, "Brq") ? (*close ? " } ]" : " }") : " ]";
			piece = !strcmp(word, "Brq") ? "{" : "[";
		}
		used += snprintf(text + used, size - used, "%s%s", used ? " " : "", piece);
	}
	snprintf(text + used, size - used, "%s", close);
}

/* Does the page @path have exactly @usage as one of its lines? */
static bool page_says(FILE *page, const char *usage)
{
	char line[LINE], synopsis[LINE * 4] = "";
	bool inside = false, found = false;

	rewind(page);
	while (fgets(line, sizeof(line), page)) {
		bool section = !strncmp(line, ".Sh ", 4);

		if (inside && (section || !strncmp(line, ".Nm ", 4))) {
			found = found || !strcmp(synopsis, usage);
			synopsis[0] = '\0';
		}
		if (section)
			inside = !strcmp(line, ".Sh SYNOPSIS\n");
		else if (inside)
			add_macro(synopsis, sizeof(synopsis), line);
	}
	return found;
}

/* Line breaks and indentation of the usage as single blanks. */
static char *flat_usage(const struct cli_verb *verb)
{
	char *usage = cli_verb_usage(&vdpa_command, verb);
	char *from = usage, *to = usage;

	assert_non_null(usage);
	while (*from) {
		if (*from == '\n' || *from == ' ') {
			from += strspn(from, "\n ");
			*to++ = ' ';
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return usage;
}

static FILE *open_page(const char *name)
{
	char path[1000];

	snprintf(path, sizeof(path), "%.*s/../../man/man8/%s.8",
		 (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, name);
	return fopen(path, "r");
}

static void synopsis_is_the_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < vdpa_command.verb_count; i++) {
		const struct cli_verb *verb = &vdpa_command.verbs[i];
		char name[40];
		char *usage = flat_usage(verb);
		FILE *page;

		snprintf(name, sizeof(name), "vdpa-%.*s", (int)strcspn(verb->path, " "),
			 verb->path);
		page = open_page(name);
		if (!page) {
			free(usage);
			skip();
		}
		if (!page_says(page, usage))
			fail_msg("%s(8) does not say: %s", name, usage);
		fclose(page);
		free(usage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(synopsis_is_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
