/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts as the grammar has them, read once more and in another way than the parsers do. */
#ifndef VDUSE_TEST_FUZZ_STRICT_H
#define VDUSE_TEST_FUZZ_STRICT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char strict_digits[] = "0123456789abcdef0123456789ABCDEF";

/* A decimal number or one that begins with 0x, below 2^64, and nothing else. */
static inline bool strict_number(const char *text, uint64_t *number)
{
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	unsigned __int128 value = 0;

	text += hex ? 2 : 0;
	if (!*text || strlen(text) != strspn(text, hex ? strict_digits : "0123456789"))
		return false;
	for (; *text; text++) {
		value = value * (hex ? 16 : 10) +
			(unsigned int)(strchr(strict_digits, *text) - strict_digits) % 16;
		if (value > UINT64_MAX)
			return false;
	}
	*number = (uint64_t)value;
	return true;
}

/* Six octets of one or two digits with colons between, unicast and not zero. */
static inline bool strict_mac(const char *text, const uint8_t mac[6])
{
	uint8_t any = 0;

	for (unsigned int i = 0; i < 6; i++) {
		size_t length = strcspn(text, ":");
		char octet[8] = "0x";
		uint64_t value;

		if (!length || length > 2 || !text[length] != (i == 5))
			return false;
		memcpy(octet + 2, text, length);
		if (!strict_number(octet, &value) || value != mac[i])
			return false;
		any |= mac[i];
		text += length + 1;
	}
	return any && !(mac[0] & 1);
}

#endif
