// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A decimal number at *@text, which is moved behind it. -EINVAL where there is none. */
static int take_number(const char **text, unsigned int *number)
{
	const char *at = *text;

	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (*number = 0; *at >= '0' && *at <= '9'; at++) {
		*number = 10 * *number + (unsigned int)(*at - '0');
		if (*number >= CPUS_MAX)
			return -ERANGE;
	}
	*text = at;
	return 0;
}

static int take_range(const char **text, struct cpus *cpus)
{
	unsigned int first, last;
	int rc = take_number(text, &first);

	last = first;
	if (rc == 0 && **text == '-') {
		(*text)++;
		rc = take_number(text, &last);
	}
	if (rc < 0)
		return rc;
	if (first > last)
		return -EINVAL;
	for (; first <= last; first++)
		cpus->word[first / 32] |= UINT32_C(1) << first % 32;
	return 0;
}

int cpus_parse(const char *text, struct cpus *cpus)
{
	memset(cpus, 0, sizeof(*cpus));
	for (;;) {
		int rc = take_range(&text, cpus);

		if (rc < 0)
			return rc;
		if (!*text)
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}

void cpus_only(unsigned int cpu, struct cpus *cpus)
{
	memset(cpus, 0, sizeof(*cpus));
	cpus->word[cpu / 32] = UINT32_C(1) << cpu % 32;
}

int cpus_foreign(const struct cpus *cpus, const struct cpus *among)
{
	int i;

	for (i = 0; i < CPUS_MAX; i++)
		if (cpus->word[i / 32] & ~among->word[i / 32] & UINT32_C(1) << i % 32)
			return i;
	return -1;
}

const char *cpus_mask(const struct cpus *cpus, char text[CPUS_MASK_SIZE])
{
	int word = CPUS_WORDS - 1;
	char *at = text;

	while (word && !cpus->word[word])
		word--;
	at += sprintf(at, "%x", cpus->word[word]);
	while (word--)
		at += sprintf(at, ",%08x", cpus->word[word]);
	return text;
}
