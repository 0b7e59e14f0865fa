// SPDX-License-Identifier: GPL-2.0-or-later
#include "random_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

unsigned int chance(uint64_t *seed, unsigned int below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(*seed >> 33) % below;
}

/* Half of them of what has a meaning; no NUL and no line feed. */
static char random_byte(uint64_t *seed)
{
	static const char special[] = " \t'\"#\\\r-";
	char c;

	if (chance(seed, 2))
		return special[chance(seed, sizeof(special) - 1)];
	do {
		c = (char)chance(seed, 256);
	} while (!c || c == '\n');
	return c;
}

static void random_word(uint64_t *seed, char *word, unsigned int size)
{
	unsigned int i, length = chance(seed, size);

	for (i = 0; i < length; i++)
		word[i] = random_byte(seed);
	word[length] = '\0';
}

/* A piece of a word may stand bare, or in quotes that are not in it. */
static void add_quoted(uint64_t *seed, struct buffer *text, const char *word)
{
	bool first = true;

	if (!*word)
		buffer_add_text(text, chance(seed, 2) ? "''" : "\"\"");
	while (*word) {
		static const char *const quotes[] = { "", "'", "\"" };
		const char *quote = quotes[chance(seed, 3)];
		size_t bad = *quote ? strcspn(word, quote)
				    : strcspn(word, first ? " \t'\"#" : " \t'\"");
		unsigned int length;

		if (!bad)
			continue;
		length = 1 + chance(seed, (unsigned int)bad);
		buffer_format(text, "%s%.*s%s", quote, (int)length, word, quote);
		word += length;
		first = false;
	}
}

void random_line_make(uint64_t *seed, struct random_line *line)
{
	int i;

	line->count = (int)chance(seed, RANDOM_WORDS + 1);
	line->text = (struct buffer){ 0 };
	for (i = 0; i < line->count; i++) {
		random_word(seed, line->words[i], RANDOM_SIZE);
		buffer_add_text(&line->text, chance(seed, 2) || i ? " " : "");
		add_quoted(seed, &line->text, line->words[i]);
	}
	/* what ends the line must not be a word's */
	buffer_add_text(&line->text, chance(seed, 2) ? "\t" : " ");
	line->comment = line->text.length;
	if (!chance(seed, 3))
		buffer_add_text(&line->text, "#\"comment' \\");
}

void random_line_expect(const struct random_line *line, const char *text)
{
	struct failure failure = { .status = STATUS_OK };
	struct batch_words words;
	int i;

	if (batch_split(text, &words, &failure))
		fail_msg("%s: %s", text, failure.message);
	assert_int_equal(words.count, line->count);
	for (i = 0; i < words.count; i++)
		assert_string_equal(words.list[i], line->words[i]);
	batch_words_free(&words);
}
