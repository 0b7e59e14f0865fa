// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/uevent: what the kernel sends, and what somebody else might. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/uevent.h"
#include "testsuite/fuzz/uevent.c"

/* Message and length, of a literal whose own NUL is the last one. */
#define BYTES(text) text, sizeof(text)

#define PATH "/devices/virtual/vduse/lo0"
#define HEAD "add@" PATH "\0ACTION=add\0DEVPATH=" PATH "\0"

/* As seen on 6.12. */
static const char device[] = HEAD "SUBSYSTEM=vduse\0MAJOR=243\0MINOR=1\0DEVNAME=vduse/lo0\0SEQNUM=703";
static const char interface[] =
	"move@" PATH "/lo0/virtio2/net/wan0\0ACTION=move\0DEVPATH=" PATH "/lo0/virtio2/net/wan0\0"
	"SUBSYSTEM=net\0DEVPATH_OLD=" PATH "/lo0/virtio2/net/eth0\0INTERFACE=wan0\0IFINDEX=2\0"
	"SEQNUM=711";
static const char bind[] = "bind@" PATH "/lo0\0ACTION=bind\0DEVPATH=" PATH "/lo0\0SUBSYSTEM=vdpa\0"
			   "DRIVER=virtio_vdpa\0SEQNUM=710";

static void the_kernel_s_own(void **state)
{
	struct uevent uevent;

	(void)state;
	assert_int_equal(uevent_parse(device, sizeof(device), &uevent), 0);
	assert_int_equal(uevent.action, UEVENT_ADD);
	assert_string_equal(uevent.devpath, PATH);
	assert_string_equal(uevent_name(uevent.devpath), "lo0");
	assert_string_equal(uevent.subsystem, "vduse");
	assert_int_equal(uevent.major, 243);
	assert_int_equal(uevent.minor, 1);
	assert_int_equal(uevent.seqnum, 703);
	assert_string_equal(uevent.driver, "");
	assert_string_equal(uevent.interface, "");
	assert_int_equal(uevent.ifindex, 0);
	assert_false(uevent.synthetic);

	assert_int_equal(uevent_parse(interface, sizeof(interface), &uevent), 0);
	assert_int_equal(uevent.action, UEVENT_MOVE);
	assert_string_equal(uevent.interface, "wan0");
	assert_int_equal(uevent.ifindex, 2);
	assert_string_equal(uevent_name(uevent.devpath), "wan0");

	assert_int_equal(uevent_parse(bind, sizeof(bind), &uevent), 0);
	assert_int_equal(uevent.action, UEVENT_BIND);
	assert_string_equal(uevent.driver, "virtio_vdpa");
}

static void every_action(void **state)
{
	static const struct {
		const char *word;
		enum uevent_action action;
	} words[] = {
		{ "add", UEVENT_ADD }, { "remove", UEVENT_REMOVE }, { "bind", UEVENT_BIND },
		{ "unbind", UEVENT_UNBIND }, { "move", UEVENT_MOVE }, { "change", UEVENT_OTHER },
		{ "offline", UEVENT_OTHER }, { "ADD", UEVENT_OTHER }, { "", UEVENT_OTHER },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct uevent uevent;
		char text[200];
		int n = snprintf(text, sizeof(text), "%s@/d%cACTION=%s%cDEVPATH=/d%cSUBSYSTEM=x",
				 words[i].word, 0, words[i].word, 0, 0);

		assert_int_equal(uevent_parse(text, n + 1, &uevent), 0);
		assert_int_equal(uevent.action, words[i].action);
	}
}

static void written_by_hand_is_synthetic(void **state)
{
	struct uevent uevent;

	(void)state;
	assert_int_equal(uevent_parse(BYTES(HEAD "SUBSYSTEM=vduse\0SYNTH_UUID=0\0SEQNUM=1"), &uevent), 0);
	assert_true(uevent.synthetic);
}

static void any_byte_in_a_name(void **state)
{
	struct uevent uevent;

	(void)state;
	assert_int_equal(uevent_parse(BYTES("add@/d/\n\xff =@\0ACTION=add\0DEVPATH=/d/\n\xff =@\0SUBSYSTEM=vduse"),
				      &uevent), 0);
	assert_string_equal(uevent_name(uevent.devpath), "\n\xff =@");
}

static void the_first_of_two_counts(void **state)
{
	struct uevent uevent;

	(void)state;
	assert_int_equal(uevent_parse(BYTES(HEAD "SUBSYSTEM=vdpa\0SUBSYSTEM=net\0ACTION=remove\0DRIVER=a\0DRIVER=b"),
				      &uevent), 0);
	assert_string_equal(uevent.subsystem, "vdpa");
	assert_string_equal(uevent.driver, "a");
	assert_int_equal(uevent.action, UEVENT_ADD);
}

static void refuse(const char *bytes, size_t length)
{
	struct uevent uevent = { .seqnum = 4711 };

	assert_int_equal(uevent_parse(bytes, length, &uevent), -EBADMSG);
	assert_int_equal(uevent.seqnum, 4711);
}

/* hardening 84: forged, without NUL, over 2 KiB */
static void nl_84_what_is_no_uevent(void **state)
{
	(void)state;
	refuse("", 0);
	refuse(BYTES(""));
	refuse(BYTES("add@/d"));
	refuse(device, sizeof(device) - 1);			/* no NUL at the end */
	refuse(device, 5);
	refuse(BYTES("libudev\0\xfe\xed\xca\xfe"));		/* udev's own */
	refuse(BYTES(HEAD "MAJOR=1"));				/* no subsystem */
	refuse(BYTES(HEAD "SUBSYSTEM="));
	refuse(BYTES("add@" PATH "\0DEVPATH=" PATH "\0SUBSYSTEM=x"));	/* no action */
	refuse(BYTES("add@" PATH "\0ACTION=add\0SUBSYSTEM=x"));	/* no path */
	refuse(BYTES("add@d\0ACTION=add\0DEVPATH=d\0SUBSYSTEM=x"));	/* not from the root */
	refuse(BYTES("add@/d/\0ACTION=add\0DEVPATH=/d/\0SUBSYSTEM=x"));	/* no name */
	/* the head says something else */
	refuse(BYTES("add@/e\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x"));
	refuse(BYTES("bind@/d\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x"));
	refuse(BYTES("add/d\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x"));
	/* numbers */
	refuse(BYTES(HEAD "SUBSYSTEM=net\0IFINDEX=-1"));
	refuse(BYTES(HEAD "SUBSYSTEM=net\0IFINDEX="));
	refuse(BYTES(HEAD "SUBSYSTEM=net\0SEQNUM=99999999999999999999"));
}

static void nl_84_over_long(void **state)
{
	static char bytes[UEVENT_SIZE_MAX + 1];
	const char start[] = HEAD "SUBSYSTEM=vduse\0X=";
	struct uevent uevent;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, start, sizeof(start) - 1);
	bytes[UEVENT_SIZE_MAX - 1] = '\0';
	assert_int_equal(uevent_parse(bytes, UEVENT_SIZE_MAX, &uevent), 0);
	bytes[UEVENT_SIZE_MAX - 1] = 'x';
	bytes[UEVENT_SIZE_MAX] = '\0';
	refuse(bytes, UEVENT_SIZE_MAX + 1);
}

static void who_is_below_whom(void **state)
{
	const char *eth0 = "/devices/x/lo0/virtio2/net/eth0";

	(void)state;
	assert_true(uevent_is_below(eth0, "/devices/x/lo0", 3));
	assert_true(uevent_is_below(eth0, "/devices/x/lo0/virtio2", 2));
	assert_true(uevent_is_below(eth0, eth0, 0));
	assert_false(uevent_is_below(eth0, "/devices/x/lo0", 2));
	assert_false(uevent_is_below(eth0, "/devices/x/lo0", 4));
	assert_false(uevent_is_below(eth0, "/devices/x/lo", 3));
	assert_false(uevent_is_below(eth0, "/devices/y/lo0", 3));
	assert_false(uevent_is_below(eth0, "", 6));
	assert_false(uevent_is_below("/a//b", "/a", 2));
	assert_false(uevent_is_below("/a/", "/a", 1));
	assert_string_equal(uevent_name("eth0"), "eth0");
}

/* Sound events with bytes changed, left out and doubled: fuzz/uevent.c judges. */
static void nl_84_damaged_by_chance(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} sound[] = { { device, sizeof(device) }, { interface, sizeof(interface) },
		      { bind, sizeof(bind) } };
	unsigned int round, seed = 1;

	(void)state;
	for (round = 0; round < 30000; round++) {
		size_t which = rand_r(&seed) % 3, length = sound[which].length, i;
		uint8_t bytes[512];

		memcpy(bytes, sound[which].bytes, length);
		for (i = rand_r(&seed) % 4; i > 0; i--)
			bytes[rand_r(&seed) % length] = "\0=@/\xff" "A1\n"[rand_r(&seed) % 8];
		if (rand_r(&seed) % 4 == 0)
			length = rand_r(&seed) % (length + 1);
		LLVMFuzzerTestOneInput(bytes, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_s_own),
		cmocka_unit_test(every_action),
		cmocka_unit_test(written_by_hand_is_synthetic),
		cmocka_unit_test(any_byte_in_a_name),
		cmocka_unit_test(the_first_of_two_counts),
		cmocka_unit_test(nl_84_what_is_no_uevent),
		cmocka_unit_test(nl_84_over_long),
		cmocka_unit_test(who_is_below_whom),
		cmocka_unit_test(nl_84_damaged_by_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
