// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/event.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/text.h"

static const struct {
	enum event_object object;
	const char *word;
} kinds[] = {
	[EVENT_VDUSE_CREATE] = { EVENT_VDUSE, "create" },
	[EVENT_VDUSE_DESTROY] = { EVENT_VDUSE, "destroy" },
	[EVENT_VDUSE_OPEN] = { EVENT_VDUSE, "open" },
	[EVENT_VDUSE_CLOSE] = { EVENT_VDUSE, "close" },
	[EVENT_VDPA_ADD] = { EVENT_VDPA, "add" },
	[EVENT_VDPA_DEL] = { EVENT_VDPA, "del" },
	[EVENT_VDPA_BIND] = { EVENT_VDPA, "bind" },
	[EVENT_VDPA_UNBIND] = { EVENT_VDPA, "unbind" },
	[EVENT_VDPA_ARRIVE] = { EVENT_VDPA, "arrive" },
	[EVENT_VDPA_LEAVE] = { EVENT_VDPA, "leave" },
	[EVENT_VDPA_RENAME] = { EVENT_VDPA, "rename" },
	[EVENT_VDPA_LINK] = { EVENT_VDPA, "link" },
	[EVENT_VDPA_OPEN] = { EVENT_VDPA, "open" },
	[EVENT_VDPA_CLOSE] = { EVENT_VDPA, "close" },
	[EVENT_VIRTIO_START] = { EVENT_VIRTIO, "start" },
	[EVENT_VIRTIO_STATUS] = { EVENT_VIRTIO, "status" },
	[EVENT_VIRTIO_FEATURES] = { EVENT_VIRTIO, "features" },
	[EVENT_VIRTIO_VQ] = { EVENT_VIRTIO, "vq" },
	[EVENT_VIRTIO_IOTLB] = { EVENT_VIRTIO, "iotlb" },
	[EVENT_VIRTIO_RESET] = { EVENT_VIRTIO, "reset" },
	[EVENT_VIRTIO_RECONNECT] = { EVENT_VIRTIO, "reconnect" },
	[EVENT_VIRTIO_LINK] = { EVENT_VIRTIO, "link" },
	[EVENT_VIRTIO_ERROR] = { EVENT_VIRTIO, "error" },
	[EVENT_VIRTIO_EXIT] = { EVENT_VIRTIO, "exit" },
	[EVENT_VIRTIO_RESYNC] = { EVENT_VIRTIO, "resync" },
	[EVENT_MONITOR_RESYNC] = { EVENT_MONITOR, "resync" },
};

static const char *const object_names[] = {
	[EVENT_VDUSE] = "vduse",
	[EVENT_VDPA] = "vdpa",
	[EVENT_VIRTIO] = "virtio",
	[EVENT_MONITOR] = "monitor",
};

bool event_wanted(const struct event_form *form, const struct event *event)
{
	enum event_object object = kinds[event->kind].object;

	if (object == EVENT_MONITOR)
		return true;
	if (form->objects && !(form->objects & 1u << object))
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
	buffer_format(text, "[%s,%s]", object_names[kinds[event->kind].object],
		      kinds[event->kind].word);
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
	output_string(out, OUT_JSON, "object", object_names[kinds[event->kind].object]);
	output_string(out, OUT_JSON, "event", kinds[event->kind].word);
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
