// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/event.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/text.h"

static const char *const object_names[] = {
	[EVENT_VDUSE] = "vduse",
	[EVENT_VDPA] = "vdpa",
	[EVENT_VIRTIO] = "virtio",
	[EVENT_MONITOR] = "monitor",
};

bool event_wanted(const struct event_form *form, const struct event *event)
{
	if (event->object == EVENT_MONITOR)
		return true;
	if (form->objects && !(form->objects & 1u << event->object))
		return false;
	return !form->name || (event->name && !strcmp(form->name, event->name));
}

static long microseconds(const struct timespec *when)
{
	return when->tv_nsec / 1000;
}

/* Local time, as ip(8) prints it. */
static void add_timestamp(const struct event_form *form, const struct timespec *when,
			  struct buffer *text)
{
	struct tm time = { 0 };
	char words[CLOCK_TEXT];

	localtime_r(&when->tv_sec, &time);
	if (form->short_timestamp) {
		clock_text(&time, when, words);
		buffer_format(text, "[%s] ", words);
	} else if (form->timestamp) {
		strftime(words, sizeof(words), "%a %b %e %H:%M:%S %Y", &time);
		buffer_format(text, "Timestamp: %s %ld usec\n", words, microseconds(when));
	}
}

static void add_head(const struct event *event, struct buffer *text)
{
	buffer_format(text, "[%s,%s]", object_names[event->object], event->event);
	if (!event->name)
		return;
	buffer_add_char(text, ' ');
	text_add_escaped(text, event->name, false);
}

static void put_head(struct output *out, const struct event *event, const struct timespec *when)
{
	char time[CLOCK_TEXT];

	clock_utc_text(when, time);
	output_string(out, OUT_JSON, "timestamp", time);
	output_string(out, OUT_JSON, "object", object_names[event->object]);
	output_string(out, OUT_JSON, "event", event->event);
	if (event->name)
		output_string(out, OUT_JSON, "name", event->name);
}

void event_add(const struct event_form *form, const struct event *event,
	       const struct timespec *when, struct buffer *text)
{
	struct output *out = output_new(form->json ? OUTPUT_JSON : OUTPUT_TEXT);
	const char *fields = "";
	size_t length = 0;

	if (!out) {
		text->broken = true;
		return;
	}
	put_head(out, event, when);
	if (event->put)
		event->put(out, event->context);
	if (output_finish(out, &fields, &length) < 0)
		text->broken = true;
	if (!form->json) {
		add_timestamp(form, when, text);
		add_head(event, text);
	}
	buffer_add(text, fields, length);
	if (!form->json)
		buffer_add_char(text, '\n');
	output_free(out);
}
