// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hostile_driver NODE NAME [ WORD VALUE ]...
 *
 * A driver of the loopback device NAME, whose vhost-vdpa node is NODE, that breaks rules: one
 * after the other, each on a virtqueue at work (hostile_deeds.h), in split and packed rings,
 * on the side that receives and on the side that sends.
 *
 *	cases LIST	only these, with commas between them
 *	half 1		where a deed can be done to either virtqueue, to one of them, in turn
 *	storm N		instead: N rounds of random writes to the rings while the device works
 *	seed N		of that, default 1
 *
 * After each deed the device must have done what the table says, for the reason that it says,
 * and counted it once, and written nowhere else; its process is the one that it was, answers, and
 * comes to rest; and after a reset it carries numbered frames. One JSON object a deed says what
 * came of it. Exit status: 0; 1 where something is wrong, which "wrong" names.
 */
#include "testsuite/guest/hostile_deeds.h"

static const char *reason_of(const struct deed *deed)
{
	if (deed->kernel)
		return "refused by the kernel";
	if (deed->reason == WHATEVER)
		return "whatever";
	return deed->reason == VQ_FINE ? "goes on" : virtqueue_reason_text(deed->reason);
}

static bool said(const struct hostile *h, enum virtqueue_reason reason)
{
	return reason != VQ_FINE && strstr(h->state.error, virtqueue_reason_text(reason));
}

/* -- judging ----------------------------------------------------------------------- */

/* Stopped, for the reason that was due, once, and only this one. */
static void judge_stopped(struct hostile *h, uint64_t before)
{
	uint64_t deadline = hostile_deadline();
	char which[32];

	while (hostile_ask(h) && h->broken == before && now_usec() < deadline)
		poll(NULL, 0, 5);
	hostile_rest(h);
	hostile_ask(h);
	snprintf(which, sizeof(which), "virtqueue %u ", h->victim);
	if (h->broken != before + 1)
		wrong(h, "%llu virtqueues were stopped", (unsigned long long)(h->broken - before));
	else if (strncmp(h->state.error, which, strlen(which)))
		wrong(h, "it does not tell of virtqueue %u", h->victim);
	else if (!said(h, h->deed->reason) && !said(h, h->deed->other))
		wrong(h, "it gives another reason");
	if (h->state.queues[h->victim].running)
		wrong(h, "the virtqueue goes on");
}

/* Nothing happened: frames go the same way as before. */
static void judge_going_on(struct hostile *h, uint64_t before)
{
	if (!h->deed->last) {
		hostile_fill(h, HOSTILE_FIRST);
		hostile_pass(h, HOSTILE_FIRST);
	}
	hostile_rest(h);
	hostile_ask(h);
	if (h->broken != before)
		wrong(h, "a virtqueue was stopped");
}

static void judge(struct hostile *h, uint64_t before)
{
	if (h->refused != h->deed->kernel)
		wrong(h, "the kernel says: %s", h->refused ? strerror(h->refused) : "nothing");
	if (h->deed->kernel || h->deed->reason == WHATEVER) {
		hostile_rest(h);
		hostile_ask(h);
	} else if (h->deed->reason == VQ_FINE) {
		judge_going_on(h, before);
	} else {
		judge_stopped(h, before);
	}
	if (h->deed->reason != WHATEVER)
		hostile_untouched(h);
}

/* After a reset, all is well. */
static void judge_reset(struct hostile *h)
{
	char error[sizeof(h->state.error)];

	memcpy(error, h->state.error, sizeof(error));
	hostile_reset(h);
	hostile_come(h, false);
	hostile_pass(h, HOSTILE_AGAIN);
	if (hostile_ask(h) && h->state.error[0])
		wrong(h, "after the reset it still says: %s", h->state.error);
	hostile_same_server(h);
	hostile_untouched(h);
	hostile_reset(h);
	memcpy(h->state.error, error, sizeof(error));
}

/* -- one deed ---------------------------------------------------------------------- */

static void commit(struct hostile *h)
{
	const struct deed *deed = h->deed;
	struct raw *q = &h->queue[h->victim];
	bool late = deed->late || deed->kernel || (deed->arrange && deed->reason != VQ_FINE);

	hostile_come(h, true);
	if (!late)
		hostile_pass(h, HOSTILE_FIRST);
	if (h->victim == TRANSMIT)
		hostile_fill(h, HOSTILE_FIRST);
	if (deed->act)
		deed->act(h, q);
	raw_kick(q);
	/* who receives finds out when there is something to be received */
	if (h->victim == RECEIVE && (deed->reason != VQ_FINE || deed->last)) {
		hostile_offer(h, 2);
		raw_kick(&h->queue[TRANSMIT]);
	}
}

static void print_text(const char *key, const char *text)
{
	printf(",\"%s\":\"", key);
	for (; *text; text++)
		putchar(*text == '"' || *text == '\\' || (unsigned char)*text < ' ' ? '\'' : *text);
	putchar('"');
}

static int report(const struct hostile *h, uint64_t before)
{
	printf("{\"case\":\"%s\"", h->deed->name);
	print_text("what", h->deed->what);
	printf(",\"format\":\"%s\",\"vq\":%u,\"stopped\":%llu,\"usec\":%llu",
	       h->packed ? "packed" : "split", h->victim, (unsigned long long)(h->broken - before),
	       (unsigned long long)(now_usec() - h->began));
	print_text("expected", reason_of(h->deed));
	print_text("said", h->state.error);
	if (h->wrong[0])
		print_text("wrong", h->wrong);
	printf("}\n");
	fflush(stdout);
	return h->wrong[0] != '\0';
}

static int run(struct hostile *h, const struct deed *deed, unsigned int victim, bool packed)
{
	uint64_t before;

	h->deed = deed;
	h->victim = victim;
	h->packed = packed;
	h->refused = 0;
	h->wrong[0] = '\0';
	h->began = now_usec();
	if (!hostile_ask(h))
		return report(h, 0);
	before = h->broken;
	commit(h);
	judge(h, before);
	judge_reset(h);
	return report(h, before);
}

static bool chosen(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list) {
		if (!strncmp(list, name, length) && (list[length] == ',' || !list[length]))
			return true;
		list = strchr(list, ',');
		list += list != NULL;
	}
	return false;
}

/* Is deed @i one for this format and virtqueue? */
static bool is_due(unsigned int i, unsigned int format, unsigned int victim, bool half)
{
	const struct deed *deed = &deeds[i];

	if (!(deed->formats & format) || !(deed->queues & 1u << victim))
		return false;
	return !half || deed->queues != EITHER || victim == (i + format) % QUEUES;
}

static int run_all(struct hostile *h, const char *cases, bool half)
{
	unsigned int i, victim, format;
	int status = 0, count = 0;

	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		for (format = SPLIT; format <= PACKED; format++)
			for (victim = 0; victim < QUEUES; victim++) {
				if (cases && !chosen(cases, deeds[i].name))
					continue;
				if (!is_due(i, format, victim, half))
					continue;
				status |= run(h, &deeds[i], victim, format == PACKED);
				count++;
			}
	if (!count)
		errx(EXIT_BAD_USAGE, "cases \"%s\"", cases);
	return status;
}

/* -- the storm --------------------------------------------------------------------- */

static int storm(struct hostile *h, uint64_t rounds, uint64_t seed)
{
	static const struct deed deed = { "storm", "random writes", .reason = WHATEVER };
	uint64_t round, before;

	h->deed = &deed;
	h->victim = TRANSMIT;
	h->began = now_usec();
	hostile_ask(h);
	before = h->broken;
	fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
	for (round = 0; round < rounds && !h->wrong[0]; round++) {
		struct storm storm = { h, storm_seed(seed, round), 0 };

		storm.kinds = 1 + storm_random(&storm, 31);
		h->packed = storm_random(&storm, 2);
		hostile_come(h, true);
		storm_blow(&storm, 100);
		hostile_reset(h);
	}
	hostile_come(h, false);
	judge(h, before);
	judge_reset(h);
	return report(h, before);
}

int main(int argc, char **argv)
{
	static struct hostile h = { .client.iova = UINT64_C(0x140000000) };
	uint64_t rounds = 0, seed = 1, half = 0;
	const char *cases = NULL;
	const struct word words[] = {
		{ .name = "cases", .text = &cases }, { .name = "storm", .number = &rounds },
		{ .name = "seed", .number = &seed }, { .name = "half", .number = &half },
		{ .name = NULL },
	};

	if (argc < 3)
		errx(EXIT_BAD_USAGE, "usage: hostile_driver NODE NAME [ WORD VALUE ]...");
	words_read(words, argv + 3);
	h.node = argv[1];
	h.name = argv[2];
	h.pattern = pattern_make();
	h.server = hostile_server(&h);
	h.born = hostile_born(h.server);
	if (!h.born)
		errx(EXIT_BAD_USAGE, "nobody serves %s", h.name);
	hostile_open(&h);
	return rounds ? storm(&h, rounds, seed) : run_all(&h, cases, half);
}
