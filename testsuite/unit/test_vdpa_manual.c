// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The man pages say what the tables of verbs and options say, and have all sections.
 * The pages are found from where this file was compiled; without them the tests are
 * skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cli_options.h"
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

/* The page @name; the test is skipped without it. */
static FILE *need_page(const char *name)
{
	FILE *page = open_page(name);

	if (!page)
		skip();
	return page;
}

/* Does the page have exactly @want as a line, behind the line @section? */
static bool page_has(FILE *page, const char *section, const char *want)
{
	char line[LINE];
	bool inside = false;

	rewind(page);
	while (fgets(line, sizeof(line), page)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, ".Sh ", 4))
			inside = !strcmp(line + 4, section);
		if (inside && !strcmp(line, want))
			return true;
	}
	return false;
}

/* How an option begins its paragraph: ".It Fl T , Fl -timeout Ar SECONDS". */
static void option_line(const struct cli_option *option, char *line, size_t size)
{
	int used = snprintf(line, size, ".It Fl %c , Fl -%s", option->letter, option->name);
	const char *value = option->value;

	if (!strcmp(option->name, "version"))
		snprintf(line + used, size - used, " , Fl -Version");
	else if (value && value[0] != '=')
		snprintf(line + used, size - used, " Ar %s", value);
	else if (value)
		snprintf(line + used, size - used, " Ns Op Ns = Ns Cm auto | always | never");
}

static void options_are_the_table(void **state)
{
	FILE *page = need_page("vdpa");
	const struct cli_option *option;

	(void)state;
	for (option = cli_option_table; option->name; option++) {
		char line[LINE];

		if (!option->letter)	/* --Version stands beside --version */
			continue;
		option_line(option, line, sizeof(line));
		if (!page_has(page, "OPTIONS", line))
			fail_msg("vdpa(8) does not say: %s", line);
	}
	fclose(page);
}

/* Add " | WORD" to @list for each of "WORD|WORD", unless it is the last one already. */
static void add_alternatives(char *list, size_t size, char *words)
{
	char *save = NULL, *word = strtok_r(words, "|", &save);

	for (; word; word = strtok_r(NULL, "|", &save)) {
		const char *last = strrchr(list, ' ');
		size_t used = strlen(list);

		if (!last || strcmp(last + 1, word))
			snprintf(list + used, size - used, " | %s", word);
	}
}

/* The overview of vdpa(8) has each word that may stand behind "vdpa dev". */
static void overview_names_all_verbs(void **state)
{
	FILE *page = need_page("vdpa");
	char list[LINE] = "", line[LINE + 20];
	size_t i;

	(void)state;
	for (i = 0; i < vdpa_command.verb_count; i++) {
		char words[40];

		if (sscanf(vdpa_command.verbs[i].path, "dev %39s", words) == 1)
			add_alternatives(list, sizeof(list), words);
	}
	snprintf(line, sizeof(line), ".Cm%s", list + 2);
	if (!page_has(page, "SYNOPSIS", line))
		fail_msg("vdpa(8) does not say: %s", line);
	fclose(page);
}

static void pages_have_all_sections(void **state)
{
	static const char *const pages[] = { "vdpa", "vdpa-mgmtdev", "vdpa-dev" };
	static const char *const sections[] = { "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS",
						"FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO" };
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		FILE *page = need_page(pages[i]);

		for (j = 0; j < sizeof(sections) / sizeof(sections[0]); j++) {
			char line[40];

			snprintf(line, sizeof(line), ".Sh %s", sections[j]);
			if (!page_has(page, sections[j], line))
				fail_msg("%s(8) has no section %s", pages[i], sections[j]);
		}
		fclose(page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(synopsis_is_the_table),
		cmocka_unit_test(options_are_the_table),
		cmocka_unit_test(overview_names_all_verbs),
		cmocka_unit_test(pages_have_all_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
