// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/seen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/features.h"
#include "lib/vdpa_attached.h"

static void put_status(struct output *out, const void *context)
{
	const struct asked_event *event = context;
	char text[VDPA_STATUS_TEXT], *save = NULL, *word;

	vdpa_status_text(event->number, text);
	output_begin_array(out, OUT_JSON, "status");
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		output_element(out, OUT_JSON, word);
		output_word(out, word);
	}
	output_end_array(out, OUT_JSON);
}

/* Of a network device: these are all that can be followed. */
static void put_features(struct output *out, const void *context)
{
	const struct asked_event *event = context;
	char buffer[FEATURE_NAME_MAX];
	unsigned int bit;

	output_begin_array(out, OUT_JSON, "features");
	for (bit = 0; bit < 64; bit++) {
		const char *name = feature_name(DEVICE_TYPE_NET, bit, buffer);

		if (!(event->number & FEATURE(bit)))
			continue;
		output_element(out, OUT_JSON, name);
		output_word(out, name);
	}
	output_end_array(out, OUT_JSON);
}

static void put_queue(struct output *out, const void *context)
{
	const struct asked_event *event = context;

	output_number(out, OUT_BOTH, "index", event->number);
	output_number(out, OUT_BOTH, "size", event->size);
}

static void put_regions(struct output *out, const void *context)
{
	output_number(out, OUT_BOTH, "regions", ((const struct asked_event *)context)->number);
}

static void put_lost(struct output *out, const void *context)
{
	output_number(out, OUT_BOTH, "lost", ((const struct asked_event *)context)->number);
}

static void put_link(struct output *out, const void *context)
{
	const char *word = ((const struct asked_event *)context)->number ? "up" : "down";

	output_string(out, OUT_JSON, "link", word);
	output_word(out, word);
}

static void put_message(struct output *out, const void *context)
{
	output_string(out, OUT_BOTH, "message", ((const struct asked_event *)context)->text);
}

/* A server that was killed says nothing at its end. */
static void put_clean(struct output *out, const void *context)
{
	output_bool(out, OUT_BOTH, "clean", *(const bool *)context);
}

static void put_start(struct output *out, const void *context)
{
	const struct asked_state *state = context;

	output_number(out, OUT_BOTH, "vq_size", state->vq_size);
	output_number(out, OUT_BOTH, "pid", state->pid);
}

static void report(struct monitor *monitor, const char *name, enum event_kind kind,
		   void (*put)(struct output *out, const void *context), const void *context)
{
	const struct event event = {
		.kind = kind,
		.name = name,
		.put = put,
		.context = context,
	};

	monitor_report(monitor, &event);
}

void seen_event(struct monitor *monitor, const char *name, const struct asked_event *event)
{
	static const struct {
		enum event_kind kind;
		void (*put)(struct output *out, const void *context);
	} forms[] = {
		[ASKED_STATUS] = { EVENT_VIRTIO_STATUS, put_status },
		[ASKED_FEATURES] = { EVENT_VIRTIO_FEATURES, put_features },
		[ASKED_QUEUE] = { EVENT_VIRTIO_VQ, put_queue },
		[ASKED_IOTLB] = { EVENT_VIRTIO_IOTLB, put_regions },
		[ASKED_RESET] = { EVENT_VIRTIO_RESET, NULL },
		[ASKED_RECONNECT] = { EVENT_VIRTIO_RECONNECT, put_status },
		[ASKED_LINK] = { EVENT_VIRTIO_LINK, put_link },
		[ASKED_ERROR] = { EVENT_VIRTIO_ERROR, put_message },
		[ASKED_RESYNC] = { EVENT_VIRTIO_RESYNC, put_lost },
	};

	report(monitor, name, forms[event->what].kind, forms[event->what].put, event);
}

static void see(struct monitor *monitor, const char *name, enum asked_what what, uint64_t number)
{
	const struct asked_event event = { .what = what, .number = number };

	seen_event(monitor, name, &event);
}

static void see_error(struct monitor *monitor, const char *name, const char *sentence)
{
	struct asked_event event = { .what = ASKED_ERROR };

	snprintf(event.text, sizeof(event.text), "%s", sentence);
	seen_event(monitor, name, &event);
}

/* What a server that began meanwhile found is not told as if its driver had just come. */
static void see_status(struct monitor *monitor, const char *name,
		       const struct asked_state *state, bool began)
{
	if (began && state->resumed)
		see(monitor, name, ASKED_RECONNECT, state->status);
	else if (!began || state->status)
		see(monitor, name, ASKED_STATUS, state->status);
	if (state->live)
		see(monitor, name, ASKED_FEATURES, state->features);
}

void seen_state(struct monitor *monitor, const char *name, const struct asked_state *state,
		bool began)
{
	struct asked_event event = { .what = ASKED_QUEUE };
	unsigned int i;

	if (began)
		report(monitor, name, EVENT_VIRTIO_START, put_start, state);
	see_status(monitor, name, state, began);
	for (i = 0; i < SESSION_QUEUES; i++) {
		event.number = i;
		event.size = state->queues[i].size;
		if (state->queues[i].running)
			seen_event(monitor, name, &event);
	}
	if (!began || state->link_down)
		see(monitor, name, ASKED_LINK, !state->link_down);
	if (state->error[0])
		see_error(monitor, name, state->error);
}

void seen_exit(struct monitor *monitor, const char *name, const bool *clean)
{
	report(monitor, name, EVENT_VIRTIO_EXIT, clean ? put_clean : NULL, clean);
}

void seen_refusal(struct monitor *monitor, const char *name, int rc)
{
	bool silent = monitor->silent;
	char sentence[200];

	snprintf(sentence, sizeof(sentence), "its server cannot be followed: %s",
		 rc == -EBUSY ? "it has no place for one more" : strerror(-rc));
	monitor->silent = false;
	see_error(monitor, name, sentence);
	monitor->silent = silent;
}
