// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	unsigned int base = 10;
	uint64_t value = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		int digit = digit_value(*text);

		if (digit < 0 || (unsigned int)digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	if (value < min || value > max)
		return -ERANGE;
	*number = value;
	return 0;
}

/* One octet of one or two digits; returns the character after it, NULL if none. */
static const char *parse_octet(const char *text, uint8_t *octet)
{
	int high = digit_value(text[0]);
	int low;

	if (high < 0)
		return NULL;
	low = digit_value(text[1]);
	*octet = low < 0 ? high : high * 16 + low;
	return text + (low < 0 ? 1 : 2);
}

int parse_mac(const char *text, uint8_t mac[6], const char **reason)
{
	static const uint8_t zero[6];
	const char *unused;
	int i;

	if (!reason)
		reason = &unused;
	*reason = "an address is six colon-separated hexadecimal octets";
	for (i = 0; i < 6; i++) {
		text = parse_octet(text, &mac[i]);
		if (!text || *text++ != (i < 5 ? ':' : '\0'))
			return -EINVAL;
	}
	if (mac[0] & 1) {
		*reason = "a multicast address cannot be a device's own";
		return -EINVAL;
	}
	if (!memcmp(mac, zero, sizeof(zero))) {
		*reason = "the zero address cannot be a device's own";
		return -EINVAL;
	}
	*reason = NULL;
	return 0;
}

/*
 * The class device of a VDUSE device is a folder /sys/class/vduse/NAME whose vDPA
 * child is created *in* it under the same name; a child called as one of the
 * folder's own entries gets EEXIST for ever (drivers/base/core.c, device_add).
 */
static bool name_is_reserved(const char *name)
{
	static const char *const reserved[] = {
		"control", "power", "dev", "uevent", "subsystem", "device",
		"msg_timeout", "bounce_size",
	};
	size_t i;

	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (!strcmp(name, reserved[i]))
			return true;
	return false;
}

static bool name_is_virtqueue(const char *name)
{
	if (strncmp(name, "vq", 2) || !name[2])
		return false;
	return name[2 + strspn(name + 2, "0123456789")] == '\0';
}

const char *name_refused(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = strlen(name);

	if (!length)
		return "a name has at least one character";
	if (length > DEVICE_NAME_MAX)
		return "a name has at most 255 bytes";
	if (name[0] == '-' || name[0] == '.')
		return "a name does not start with '-' or '.'";
	if (strspn(name, allowed) != length)
		return "a name is made of letters, digits, '_', '.' and '-'";
	if (name_is_reserved(name) || name_is_virtqueue(name))
		return "the kernel uses this name itself (an entry of sysfs or /dev/vduse), "
		       "a device of that name could never be attached";
	return NULL;
}

bool name_possible(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length <= DEVICE_NAME_MAX;
}
