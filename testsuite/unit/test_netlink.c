// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/netlink over a scripted kernel: hardening cases 76 to 83 of the socket's side. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netlink_script.h"

#define COMMAND 5
#define ATTRIBUTE 4

static struct script script;
static struct netlink netlink;
static union netlink_request request;
static struct buffer answer;

/* One message of the family that says @text. */
static void say(struct script *to, const struct nlmsghdr *question, const char *text,
		uint16_t flags)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, COMMAND, flags);

	mnl_attr_put_strz(header, ATTRIBUTE, text);
	script_put(to, &message);
}

static void open_with(void (*reply)(struct script *script, const struct nlmsghdr *question))
{
	script_init(&script, reply);
	assert_int_equal(netlink_open_wire(&netlink, "vdpa", 1, &script.wire), 0);
}

static int ask(uint16_t flags, bool repeatable)
{
	netlink_start(&netlink, &request, COMMAND, flags);
	mnl_attr_put_strz(&request.header, ATTRIBUTE, "lo0");
	return netlink_ask(&netlink, &request, repeatable, &answer);
}

static void close_all(void)
{
	buffer_free(&answer);
	netlink_close(&netlink);
	assert_int_equal(script.closed, 1);
	script_end(&script);
}

/* The texts of an answer, each with a blank behind it. */
static const char *texts(void)
{
	static char all[256];
	size_t length, offset = 0;
	const void *attributes;

	all[0] = '\0';
	while ((attributes = netlink_next(&answer, &offset, &length))) {
		const struct nlattr *attribute = attributes;

		assert_true(mnl_attr_ok(attribute, length));
		strcat(strcat(all, mnl_attr_get_payload(attribute)), " ");
	}
	return all;
}

static void never(struct script *to, const struct nlmsghdr *question)
{
	(void)to;
	(void)question;
	fail();
}

static void family_is_found(void **state)
{
	(void)state;
	open_with(never);
	assert_int_equal(netlink.family, SCRIPT_FAMILY);
	assert_int_equal(script.lookups, 1);
	close_all();
}

static void nl_81_family_is_absent(void **state)
{
	(void)state;
	script_init(&script, never);
	script.family_error = -ENOENT;
	assert_int_equal(netlink_open_wire(&netlink, "vdpa", 1, &script.wire), -ENOENT);
	assert_int_equal(script.closed, 1);
	script_end(&script);
}

static void send_fails(void **state)
{
	(void)state;
	open_with(never);
	script.send_failure = -ECONNREFUSED;
	assert_int_equal(ask(0, true), -ECONNREFUSED);
	assert_int_equal(script.restarts, 0);
	close_all();
}

/* It could not be opened anew some questions ago: that is tried again. */
static void socket_is_gone(void **state)
{
	(void)state;
	open_with(never);
	script.send_failure = -ENOTCONN;
	assert_int_equal(ask(0, false), -ENOTCONN);
	assert_int_equal(script.restarts, 0);
	assert_int_equal(ask(0, true), -ENOTCONN);
	assert_int_equal(script.restarts, NETLINK_ATTEMPTS - 1);
	close_all();
}

static void one_and_acknowledgement(struct script *to, const struct nlmsghdr *question)
{
	assert_int_equal(question->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(question->nlmsg_pid, SCRIPT_PORT);
	assert_int_equal(script_command(question), COMMAND);
	say(to, question, "lo0", 0);
	script_error(to, question, 0);
}

static void one_answer(void **state)
{
	(void)state;
	open_with(one_and_acknowledgement);
	assert_int_equal(ask(0, true), 0);
	assert_string_equal(texts(), "lo0 ");
	assert_int_equal(ask(0, true), 0);
	assert_string_equal(texts(), "lo0 ");
	close_all();
}

/* hardening 79 */
static void among_strangers(struct script *to, const struct nlmsghdr *question)
{
	struct nlmsghdr other = *question;

	to->sender = 99;
	say(to, question, "forged", 0);
	script_error(to, question, 0);
	to->sender = 0;
	other.nlmsg_seq--;
	say(to, &other, "stale", 0);
	script_error(to, &other, -EIO);
	other = *question;
	other.nlmsg_pid++;
	say(to, &other, "another's", 0);
	script_error(to, &other, -EIO);
	other = *question;
	other.nlmsg_type++;
	say(to, &other, "another family", 0);
	one_and_acknowledgement(to, question);
}

static void nl_79_strangers_do_not_count(void **state)
{
	(void)state;
	open_with(among_strangers);
	assert_int_equal(ask(0, true), 0);
	assert_string_equal(texts(), "lo0 ");
	close_all();
}

static size_t append(char *to, size_t length, const struct nlmsghdr *question, const char *text,
		     bool strange)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, COMMAND, NLM_F_MULTI);

	mnl_attr_put_strz(header, ATTRIBUTE, text);
	if (strange)
		header->nlmsg_seq++;
	memcpy(to + length, &message, header->nlmsg_len);
	return length + header->nlmsg_len;
}

/* One datagram has two of the answer, and a stranger between them. */
static void three_in_a_dump(struct script *to, const struct nlmsghdr *question)
{
	char both[1024];
	size_t length;

	script_error(to, question, 0);	/* not the end of a dump */
	length = append(both, 0, question, "a", false);
	length = append(both, length, question, "stranger", true);
	length = append(both, length, question, "bb", false);
	script_bytes(to, both, length);
	say(to, question, "ccc", NLM_F_MULTI);
	script_done(to, question, 0);
}

static void a_dump(void **state)
{
	(void)state;
	open_with(three_in_a_dump);
	assert_int_equal(ask(NLM_F_DUMP, true), 0);
	assert_string_equal(texts(), "a bb ccc ");
	close_all();
}

/* hardening 78, 83 */
static void interrupted_once(struct script *to, const struct nlmsghdr *question)
{
	if (to->questions == 1) {
		say(to, question, "old", NLM_F_MULTI);
		say(to, question, "odd", NLM_F_MULTI | NLM_F_DUMP_INTR);
	} else {
		say(to, question, "new", NLM_F_MULTI);
	}
	script_done(to, question, 0);
}

static void nl_83_interrupted_dump_is_asked_again(void **state)
{
	(void)state;
	open_with(interrupted_once);
	assert_int_equal(ask(NLM_F_DUMP, true), 0);
	assert_string_equal(texts(), "new ");
	assert_int_equal(script.questions, 2);
	assert_int_equal(script.restarts, 0);
	close_all();
}

static void interrupted_always(struct script *to, const struct nlmsghdr *question)
{
	say(to, question, "odd", NLM_F_MULTI | NLM_F_DUMP_INTR);
	script_done(to, question, 0);
}

static void nl_78_but_not_for_ever(void **state)
{
	(void)state;
	open_with(interrupted_always);
	assert_int_equal(ask(NLM_F_DUMP, true), -EINTR);
	assert_int_equal(script.questions, NETLINK_ATTEMPTS);
	assert_int_equal(script.pauses, NETLINK_ATTEMPTS - 1);
	assert_null(answer.text);
	close_all();
}

static int first_failure;

static void fails_first(struct script *to, const struct nlmsghdr *question)
{
	if (to->questions == 1) {
		script_failure(to, first_failure);
		return;
	}
	assert_int_equal(question->nlmsg_pid, SCRIPT_PORT + 1);
	say(to, question, "again", 0);
	script_error(to, question, 0);
}

static void nl_78_lost_answer_is_asked_for_again(void **state)
{
	const int failures[] = { -ENOBUFS, -EMSGSIZE };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		first_failure = failures[i];
		open_with(fails_first);
		assert_int_equal(ask(0, true), 0);
		assert_string_equal(texts(), "again ");
		assert_int_equal(script.restarts, 1);
		close_all();
	}
}

static void nl_78_lost_answer_to_a_change_is_told(void **state)
{
	(void)state;
	first_failure = -ENOBUFS;
	open_with(fails_first);
	assert_int_equal(ask(0, false), -ENOBUFS);
	assert_int_equal(script.questions, 1);
	close_all();
}

static void busy_twice(struct script *to, const struct nlmsghdr *question)
{
	if (to->questions < 3) {
		script_error(to, question, to->questions == 1 ? -EBUSY : -EAGAIN);
		return;
	}
	say(to, question, "free", 0);
	script_error(to, question, 0);
}

static void nl_78_busy_is_asked_again(void **state)
{
	(void)state;
	open_with(busy_twice);
	assert_int_equal(ask(0, true), 0);
	assert_string_equal(texts(), "free ");
	close_all();
	open_with(busy_twice);
	assert_int_equal(ask(0, false), -EBUSY);
	close_all();
}

static void overrun_once(struct script *to, const struct nlmsghdr *question)
{
	struct nlmsghdr overrun = { .nlmsg_len = sizeof(overrun), .nlmsg_type = NLMSG_OVERRUN };

	if (to->questions == 1)
		script_bytes(to, &overrun, sizeof(overrun));
	else
		one_and_acknowledgement(to, question);
}

static void nl_78_overrun_is_a_loss(void **state)
{
	(void)state;
	script_init(&script, overrun_once);
	script.wire.port--;	/* the restart counts it up */
	assert_int_equal(netlink_open_wire(&netlink, "vdpa", 1, &script.wire), 0);
	assert_int_equal(ask(0, true), 0);
	assert_int_equal(script.restarts, 1);
	close_all();
}

/* What the extended acknowledgement says, with and without the question in between. */
static bool capped;

static void refuses_with_words(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *attribute = script_attribute(question, ATTRIBUTE);
	uint32_t offset = (const char *)attribute - (const char *)question;

	script_extended(to, question, -EINVAL, "not this one", offset, 0, capped);
}

static void words_of_the_kernel(void **state)
{
	(void)state;
	for (capped = false;; capped = true) {
		open_with(refuses_with_words);
		assert_int_equal(ask(0, true), -EINVAL);
		assert_string_equal(netlink.report.message, "not this one");
		assert_int_equal(netlink.report.attribute, ATTRIBUTE);
		assert_false(netlink.report.missing);
		close_all();
		if (capped)
			break;
	}
}

static void misses_one(struct script *to, const struct nlmsghdr *question)
{
	script_extended(to, question, -EINVAL, NULL, 0, 17, true);
}

static void missing_attribute(void **state)
{
	(void)state;
	open_with(misses_one);
	assert_int_equal(ask(0, false), -EINVAL);
	assert_int_equal(netlink.report.attribute, 17);
	assert_true(netlink.report.missing);
	assert_string_equal(netlink.report.message, "");
	close_all();
}

/* hardening 77: kernels without it, and one whose flag lies */
static void refuses_without_words(struct script *to, const struct nlmsghdr *question)
{
	script_error(to, question, -ENODEV);
}

static void nl_77_no_words(void **state)
{
	(void)state;
	open_with(refuses_without_words);
	assert_int_equal(ask(0, true), -ENODEV);
	assert_string_equal(netlink.report.message, "");
	assert_int_equal(netlink.report.attribute, 0);
	close_all();
}

/* Bytes that look like words, without the flag that says so. */
static void words_without_flag(struct script *to, const struct nlmsghdr *question)
{
	struct nlmsghdr *header;

	script_extended(to, question, -EINVAL, "no words", 0, 0, true);
	header = to->queue[to->first].bytes;
	header->nlmsg_flags &= ~NLM_F_ACK_TLVS;
}

/* The question behind the error is said to be longer than memory. */
static void lies_about_question(struct script *to, const struct nlmsghdr *question)
{
	struct nlmsgerr *error;

	script_extended(to, question, -EINVAL, "words", 0, 0, false);
	error = mnl_nlmsg_get_payload(to->queue[to->first].bytes);
	error->msg.nlmsg_len = 0xfffffff0;
}

static void nl_77_words_that_are_none(void **state)
{
	(void)state;
	open_with(words_without_flag);
	assert_int_equal(ask(0, true), -EINVAL);
	assert_string_equal(netlink.report.message, "");
	close_all();
	open_with(lies_about_question);
	assert_int_equal(ask(0, true), -EINVAL);
	assert_string_equal(netlink.report.message, "");
	close_all();
}

static void warns(struct script *to, const struct nlmsghdr *question)
{
	script_extended(to, question, 0, "done, but", 0, 0, true);
}

static void words_beside_success(void **state)
{
	(void)state;
	open_with(warns);
	assert_int_equal(ask(0, false), 0);
	assert_string_equal(netlink.report.message, "done, but");
	close_all();
}

static char *long_words;

static void talks(struct script *to, const struct nlmsghdr *question)
{
	script_extended(to, question, -EINVAL, long_words, 1000000, 0, true);
}

static void long_words_are_cut(void **state)
{
	char words[3000];

	(void)state;
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	long_words = words;
	open_with(talks);
	assert_int_equal(ask(0, true), -EINVAL);
	assert_int_equal(strlen(netlink.report.message), sizeof(netlink.report.message) - 1);
	assert_int_equal(netlink.report.attribute, 0);
	words[NETLINK_WORDS_SIZE - 1] = '\0';
	assert_int_equal(ask(0, true), -EINVAL);
	assert_string_equal(netlink.report.message, words);
	close_all();
}

static void fails_at_the_end(struct script *to, const struct nlmsghdr *question)
{
	say(to, question, "half", NLM_F_MULTI);
	script_done(to, question, -ENOMEM);
}

static void dump_ends_with_an_error(void **state)
{
	(void)state;
	open_with(fails_at_the_end);
	assert_int_equal(ask(NLM_F_DUMP, true), -ENOMEM);
	assert_null(answer.text);
	close_all();
}

/* hardening 76: a header that promises more or less than there is */
static struct {
	uint32_t length;	/* what the header says */
	uint32_t there;		/* how long the datagram is */
	uint16_t type;		/* 0: the family's */
} lies[] = {
	{ 15, 64, 0 }, { 0, 64, 0 }, { 65, 64, 0 }, { 0xffffffff, 64, 0 },
	{ 16, 16, 0 }, { 19, 20, 0 }, { 16, 16, NLMSG_ERROR }, { 35, 36, NLMSG_ERROR },
};
static size_t lie;

static void lies_about_length(struct script *to, const struct nlmsghdr *question)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, COMMAND, 0);

	header->nlmsg_len = lies[lie].length;
	if (lies[lie].type)
		header->nlmsg_type = lies[lie].type;
	script_bytes(to, &message, lies[lie].there);
}

static void nl_76_broken_lengths(void **state)
{
	(void)state;
	for (lie = 0; lie < sizeof(lies) / sizeof(lies[0]); lie++) {
		open_with(lies_about_length);
		assert_int_equal(ask(0, false), -EBADMSG);
		assert_null(answer.text);
		close_all();
	}
}

/* Every cut and every changed byte of an answer ends without reading past its end. */
static void take(const void *bytes, size_t length, const struct nlmsghdr *question)
{
	void *copy = malloc(length ? length : 1);
	struct netlink_report report = { 0 };
	struct buffer collected = { 0 };
	struct netlink_exchange exchange = {
		.family = SCRIPT_FAMILY,
		.port = SCRIPT_PORT,
		.request = question,
		.answer = &collected,
		.report = &report,
	};
	size_t offset = 0, size;

	memcpy(copy, bytes, length);
	netlink_take(&exchange, copy, length);
	while (netlink_next(&collected, &offset, &size))
		assert_true(size <= length);
	assert_true(strlen(report.message) < sizeof(report.message));
	buffer_free(&collected);
	free(copy);
}

static void keep_datagram(struct script *to, const struct nlmsghdr *question)
{
	refuses_with_words(to, question);
}

static void nl_76_damaged_datagrams(void **state)
{
	struct script_datagram *datagram;
	size_t i;
	int bit;

	(void)state;
	open_with(keep_datagram);
	capped = false;
	netlink_start(&netlink, &request, COMMAND, 0);
	mnl_attr_put_strz(&request.header, ATTRIBUTE, "lo0");
	request.header.nlmsg_seq = 7;
	request.header.nlmsg_pid = SCRIPT_PORT;
	script.wire.send(&script, &request, request.header.nlmsg_len);
	datagram = &script.queue[script.first];
	for (i = 0; i <= datagram->length; i++)
		take(datagram->bytes, i, &request.header);
	for (i = 0; i < datagram->length; i++)
		for (bit = 0; bit < 8; bit++) {
			((char *)datagram->bytes)[i] ^= 1 << bit;
			take(datagram->bytes, datagram->length, &request.header);
			((char *)datagram->bytes)[i] ^= 1 << bit;
		}
	close_all();
}

/* hardening 82 */
static void knows_new_number_only(struct script *to, const struct nlmsghdr *question)
{
	if (question->nlmsg_type != to->family) {
		script_error(to, question, -ENOENT);
		return;
	}
	say(to, question, "new number", 0);
	script_error(to, question, 0);
}

static void nl_82_family_number_changes(void **state)
{
	(void)state;
	open_with(knows_new_number_only);
	script.family = SCRIPT_FAMILY + 3;
	assert_int_equal(ask(0, false), 0);
	assert_string_equal(texts(), "new number ");
	assert_int_equal(netlink.family, SCRIPT_FAMILY + 3);
	assert_int_equal(script.questions, 2);
	close_all();
}

static void no_entry(struct script *to, const struct nlmsghdr *question)
{
	script_extended(to, question, -ENOENT, "no such thing", 0, 0, true);
}

static void nl_82_or_it_does_not(void **state)
{
	(void)state;
	open_with(no_entry);
	assert_int_equal(ask(0, true), -ENOENT);
	assert_int_equal(script.questions, 1);
	assert_string_equal(netlink.report.message, "no such thing");
	close_all();
}

static void nl_81_family_goes(void **state)
{
	(void)state;
	open_with(knows_new_number_only);
	script.family = SCRIPT_FAMILY + 3;	/* what there is, is another one */
	script.family_error = -ENOENT;
	assert_int_equal(ask(0, false), -EPROTONOSUPPORT);
	assert_int_equal(script.questions, 1);
	script.family_error = -ENOMEM;
	assert_int_equal(ask(0, true), -ENOENT);	/* who knows */
	script.family_error = 0;
	assert_int_equal(ask(0, false), 0);	/* it came back */
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(family_is_found),
		cmocka_unit_test(nl_81_family_is_absent),
		cmocka_unit_test(send_fails),
		cmocka_unit_test(socket_is_gone),
		cmocka_unit_test(one_answer),
		cmocka_unit_test(nl_79_strangers_do_not_count),
		cmocka_unit_test(a_dump),
		cmocka_unit_test(nl_83_interrupted_dump_is_asked_again),
		cmocka_unit_test(nl_78_but_not_for_ever),
		cmocka_unit_test(nl_78_lost_answer_is_asked_for_again),
		cmocka_unit_test(nl_78_lost_answer_to_a_change_is_told),
		cmocka_unit_test(nl_78_busy_is_asked_again),
		cmocka_unit_test(nl_78_overrun_is_a_loss),
		cmocka_unit_test(words_of_the_kernel),
		cmocka_unit_test(missing_attribute),
		cmocka_unit_test(nl_77_no_words),
		cmocka_unit_test(nl_77_words_that_are_none),
		cmocka_unit_test(words_beside_success),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(dump_ends_with_an_error),
		cmocka_unit_test(nl_76_broken_lengths),
		cmocka_unit_test(nl_76_damaged_datagrams),
		cmocka_unit_test(nl_82_family_number_changes),
		cmocka_unit_test(nl_82_or_it_does_not),
		cmocka_unit_test(nl_81_family_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
