// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/events.h"

#include "lib/text.h"

void events_add(struct buffer *object, const char *event, const char *key, const char *text)
{
	buffer_format(object, "{\"event\":\"%s\"", event);
	if (key) {
		buffer_format(object, ",\"%s\":", key);
		text_add_json(object, text);
	}
	buffer_add_char(object, '}');
}

static void add_number(struct buffer *object, const char *event, const char *key,
		       unsigned int number)
{
	buffer_format(object, "{\"event\":\"%s\",\"%s\":%u}", event, key, number);
}

void events_add_session(struct buffer *object, const struct port *port, enum session_event event,
			unsigned int number)
{
	const struct session *session = &port->session;

	switch (event) {
	case SESSION_STATUS:
		add_number(object, "status", "status", session->status);
		break;
	case SESSION_FEATURES:
		buffer_format(object, "{\"event\":\"features\",\"features\":\"0x%llx\"}",
			      (unsigned long long)session->features);
		break;
	case SESSION_QUEUE_READY:
		buffer_format(object, "{\"event\":\"vq\",\"index\":%u,\"size\":%u}", number,
			      session->queues[number].vq.size);
		break;
	case SESSION_IOTLB:
		add_number(object, "iotlb", "regions", number);
		break;
	case SESSION_RESET:
		events_add(object, "reset", NULL, NULL);
		break;
	case SESSION_RECONNECT:
		add_number(object, "reconnect", "status", session->status);
		break;
	}
}
