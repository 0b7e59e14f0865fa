// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/asked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/control_socket.h"
#include "lib/holders.h"
#include "lib/json_read.h"
#include "lib/parse.h"
#include "lib/registry.h"
#include "lib/vduse_control.h"
#include "vduse/server.h"

#define DEPTH 8

/* -- JSON, taken strictly ---------------------------------------------------------------- */

/* A number up to @max; what is absent is 0. 0 or -EPROTO. */
static int take_number(json_object *object, const char *key, uint64_t max, uint64_t *number)
{
	json_object *value;

	*number = 0;
	if (!json_object_object_get_ex(object, key, &value))
		return 0;
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return -EPROTO;
	*number = json_object_get_uint64(value);
	return *number > max ? -EPROTO : 0;
}

static int take_bool(json_object *object, const char *key, bool *to)
{
	json_object *value;

	*to = false;
	if (!json_object_object_get_ex(object, key, &value))
		return 0;
	if (!json_object_is_type(value, json_type_boolean))
		return -EPROTO;
	*to = json_object_get_boolean(value);
	return 0;
}

static int take_mask(json_object *object, const char *key, uint64_t *mask)
{
	json_object *value;

	*mask = 0;
	if (!json_object_object_get_ex(object, key, &value))
		return 0;
	if (!json_object_is_type(value, json_type_string) ||
	    parse_number(json_object_get_string(value), 0, UINT64_MAX, mask))
		return -EPROTO;
	return 0;
}

static const char *string_of(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* What is absent is "", what is too long is cut. 0 or -EPROTO. */
static int take_text(json_object *object, const char *key, char *text, size_t size)
{
	const char *string = string_of(object, key);

	snprintf(text, size, "%s", string ? string : "");
	return string || !json_object_object_get_ex(object, key, NULL) ? 0 : -EPROTO;
}

/* The @index-th of the objects in an array of just SESSION_QUEUES; NULL where it is not. */
static json_object *queue_of(json_object *object, size_t index)
{
	json_object *array, *queue;

	if (!json_object_object_get_ex(object, "virtqueues", &array) ||
	    !json_object_is_type(array, json_type_array) ||
	    json_object_array_length(array) != SESSION_QUEUES)
		return NULL;
	queue = json_object_array_get_idx(array, index);
	return json_object_is_type(queue, json_type_object) ? queue : NULL;
}

/* -- state ------------------------------------------------------------------------------- */

static int take_error(json_object *object, struct asked_queue *queue)
{
	json_object *value;

	queue->broken = json_object_object_get_ex(object, "error", &value);
	if (!queue->broken)
		return 0;
	if (!json_object_is_type(value, json_type_string) ||
	    strlen(json_object_get_string(value)) >= sizeof(queue->error))
		return -EPROTO;
	strcpy(queue->error, json_object_get_string(value));
	return 0;
}

static int take_queue(json_object *object, struct asked_queue *queue)
{
	uint64_t size, next_avail, next_used, in_flight;

	if (!object || take_bool(object, "running", &queue->running) ||
	    take_error(object, queue) ||
	    take_number(object, "size", VIRTQUEUE_SIZE_MAX, &size) ||
	    take_number(object, "next_avail", UINT16_MAX, &next_avail) ||
	    take_number(object, "next_used", UINT16_MAX, &next_used) ||
	    take_number(object, "in_flight", VIRTQUEUE_SIZE_MAX, &in_flight))
		return -EPROTO;
	queue->size = size;
	queue->next_avail = next_avail;
	queue->next_used = next_used;
	queue->in_flight = in_flight;
	return 0;
}

static int take_link(json_object *object, bool *down)
{
	json_object *value;
	const char *link;

	if (!json_object_object_get_ex(object, "link", &value) ||
	    !json_object_is_type(value, json_type_string))
		return -EPROTO;
	link = json_object_get_string(value);
	*down = !strcmp(link, "down");
	return *down || !strcmp(link, "up") ? 0 : -EPROTO;
}

static int take_state(json_object *object, struct asked_state *state)
{
	uint64_t status, regions, pid, vq_size;
	size_t i;

	if (take_bool(object, "broken", &state->broken) ||
	    take_number(object, "pid", INT32_MAX, &pid) ||
	    take_number(object, "vq_size", VIRTQUEUE_SIZE_MAX, &vq_size) ||
	    take_link(object, &state->link_down) ||
	    take_bool(object, "live", &state->live) ||
	    take_bool(object, "resumed", &state->resumed) ||
	    take_text(object, "error", state->error, sizeof(state->error)) ||
	    take_number(object, "status", UINT8_MAX, &status) ||
	    take_number(object, "regions", UINT32_MAX, &regions) ||
	    take_mask(object, "features", &state->features))
		return -EPROTO;
	state->status = status;
	state->regions = regions;
	state->pid = pid;
	state->vq_size = vq_size;
	for (i = 0; i < SESSION_QUEUES; i++)
		if (take_queue(queue_of(object, i), &state->queues[i]))
			return -EPROTO;
	return 0;
}

/* {"error":{"errno":"EBUSY",...}}: there is no place for us. */
static bool is_refusal(json_object *object)
{
	const char *name;
	json_object *error;

	if (!json_object_object_get_ex(object, "error", &error))
		return false;
	name = string_of(error, "errno");
	return name && !strcmp(name, "EBUSY");
}

int asked_state_parse(const char *text, size_t length, struct asked_state *state)
{
	json_object *object = json_read_object(text, length, DEPTH, 0);
	int rc;

	memset(state, 0, sizeof(*state));
	rc = object ? take_state(object, state) : -EPROTO;
	if (rc < 0 && object && is_refusal(object))
		rc = -EBUSY;
	json_object_put(object);
	return rc;
}

/* -- counters ------------------------------------------------------------------------------ */

static int take_queue_counters(json_object *object, struct port_queue_counters *counters)
{
	const uint64_t max = INT64_MAX;

	if (!object || take_number(object, "frames", max, &counters->frames) ||
	    take_number(object, "bytes", max, &counters->bytes) ||
	    take_number(object, "kicks", max, &counters->kicks) ||
	    take_number(object, "interrupts", max, &counters->interrupts) ||
	    take_number(object, "suppressed", max, &counters->suppressed) ||
	    take_number(object, "polls", max, &counters->polls) ||
	    take_number(object, "polls_useful", max, &counters->polls_useful))
		return -EPROTO;
	return 0;
}

static int take_drops(json_object *object, uint64_t dropped[NET_DROPS])
{
	json_object *drops;
	unsigned int cause;

	if (!json_object_object_get_ex(object, "dropped", &drops) ||
	    !json_object_is_type(drops, json_type_object))
		return -EPROTO;
	for (cause = NET_DELIVERED + 1; cause < NET_DROPS; cause++)
		if (take_number(drops, net_drop_text(cause), INT64_MAX, &dropped[cause]))
			return -EPROTO;
	return 0;
}

static int take_counters(json_object *object, struct port_counters *counters)
{
	const uint64_t max = INT64_MAX;
	size_t i;

	for (i = 0; i < SESSION_QUEUES; i++)
		if (take_queue_counters(queue_of(object, i), &counters->queues[i]))
			return -EPROTO;
	counters->recording = json_object_object_get_ex(object, "recorded", NULL);
	if (take_drops(object, counters->dropped) ||
	    take_number(object, "checksums", max, &counters->checksums) ||
	    take_number(object, "segmented", max, &counters->segmented) ||
	    take_number(object, "held", max, &counters->held) ||
	    take_number(object, "broken", max, &counters->broken) ||
	    take_number(object, "recorded", max, &counters->recorded) ||
	    take_number(object, "unrecorded", max, &counters->unrecorded))
		return -EPROTO;
	return 0;
}

int asked_counters_parse(const char *text, size_t length, struct port_counters *counters)
{
	json_object *object = json_read_object(text, length, DEPTH, 0);
	int rc;

	memset(counters, 0, sizeof(*counters));
	rc = object ? take_counters(object, counters) : -EPROTO;
	json_object_put(object);
	return rc;
}

/* -- events -------------------------------------------------------------------------------- */

static int take_queue_event(json_object *object, struct asked_event *event)
{
	uint64_t size;

	if (take_number(object, "index", SESSION_QUEUES - 1, &event->number) ||
	    take_number(object, "size", VIRTQUEUE_SIZE_MAX, &size))
		return -EPROTO;
	event->size = size;
	return 0;
}

static int take_link_event(json_object *object, struct asked_event *event)
{
	bool down;

	if (take_link(object, &down))
		return -EPROTO;
	event->number = !down;
	return 0;
}

static int take_payload(json_object *object, struct asked_event *event)
{
	switch (event->what) {
	case ASKED_STATUS:
	case ASKED_RECONNECT:
		return take_number(object, "status", UINT8_MAX, &event->number);
	case ASKED_FEATURES:
		return take_mask(object, "features", &event->number);
	case ASKED_QUEUE:
		return take_queue_event(object, event);
	case ASKED_IOTLB:
		return take_number(object, "regions", UINT32_MAX, &event->number);
	case ASKED_LINK:
		return take_link_event(object, event);
	case ASKED_ERROR:
		return string_of(object, "message") ?
			       take_text(object, "message", event->text, sizeof(event->text)) :
			       -EPROTO;
	case ASKED_RESYNC:
		return take_number(object, "lost", INT64_MAX, &event->number);
	default:
		return 0;
	}
}

static int take_event(json_object *object, struct asked_event *event)
{
	static const char *const names[] = {
		[ASKED_STATUS] = "status", [ASKED_FEATURES] = "features", [ASKED_QUEUE] = "vq",
		[ASKED_IOTLB] = "iotlb", [ASKED_RESET] = "reset",
		[ASKED_RECONNECT] = "reconnect", [ASKED_LINK] = "link",
		[ASKED_ERROR] = "error", [ASKED_EXIT] = "exit", [ASKED_RESYNC] = "resync",
	};
	const char *name = string_of(object, "event");
	size_t i;

	if (!name)
		return -EPROTO;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name)) {
			event->what = i;
			return take_payload(object, event);
		}
	return -ENOENT;
}

int asked_event_parse(const char *text, size_t length, struct asked_event *event)
{
	json_object *object = json_read_object(text, length, DEPTH, 0);
	int rc;

	memset(event, 0, sizeof(*event));
	rc = object ? take_event(object, event) : -EPROTO;
	json_object_put(object);
	return rc;
}

/* -- asking -------------------------------------------------------------------------------- */

int ask_state(const char *name, int milliseconds, struct asked_state *state)
{
	struct buffer answer = { 0 };
	int rc = control_socket_ask(REGISTRY_FOLDER, name, "state", milliseconds, &answer);

	if (rc == 0)
		rc = asked_state_parse(answer.text, answer.length, state);
	buffer_free(&answer);
	return rc;
}

int ask_counters(const char *name, int milliseconds, struct port_counters *counters)
{
	struct buffer answer = { 0 };
	int rc = control_socket_ask(REGISTRY_FOLDER, name, "stats", milliseconds, &answer);

	if (rc == 0)
		rc = asked_counters_parse(answer.text, answer.length, counters);
	buffer_free(&answer);
	return rc;
}

static int explain_silence(const char *name, const struct holder *holder, struct failure *failure)
{
	failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, name,
		    "process %d (%s), which serves it, does not answer%s", holder->pid,
		    holder->command, holder->state == 'T' ? ": it is stopped" : "");
	failure_hint(failure, holder->state == 'T' ? "let it go on: \"kill -CONT %d\"" :
		     "see what process %d is doing; it may still do what it was asked", holder->pid);
	return -ETIMEDOUT;
}

/* Somebody serves it, and there is no socket to ask at. */
static int explain_no_socket(const char *name, const struct holder *holder,
			     struct failure *failure)
{
	pid_t elsewhere;

	if (strcmp(holder->command, "vduse") != 0)
		return failure_set(failure, STATUS_BUSY, EOPNOTSUPP, name,
				   "process %d (%s) serves it and has no control socket: only "
				   "devices of \"vduse loopback\" can be asked", holder->pid,
				   holder->command);
	elsewhere = server_elsewhere(&sysfs_machine, holder);
	failure_set(failure, STATUS_BUSY, EOPNOTSUPP, name, "process %d (vduse) serves it, and its "
		    "control socket is not in the " REGISTRY_FOLDER " of this mount namespace",
		    elsewhere ? elsewhere : holder->pid);
	if (elsewhere)
		failure_hint(failure, "ask in that of the process: \"nsenter -t %d -m vduse ...\"",
			     elsewhere);
	else
		failure_hint(failure, "where it could not make one, it said why when it began");
	return -EOPNOTSUPP;
}

int asked_explain(int rc, const char *name, const struct vduse_device *device,
		  struct failure *failure)
{
	struct holder holder = { .pid = 0 };
	bool held = holder_of(&sysfs_machine, device->node, &holder) == 1;

	if (rc == -ETIMEDOUT && held)
		return explain_silence(name, &holder, failure);
	if ((rc == -ENOENT || rc == -ECONNREFUSED) && held)
		return explain_no_socket(name, &holder, failure);
	if ((rc == -ENOENT || rc == -ECONNREFUSED) && vduse_node_is_broken(device->name) == 1)
		return vduse_explain_broken(name, failure);
	if (rc == -ENOENT || rc == -ECONNREFUSED) {
		failure_set(failure, STATUS_FAILED, ENOTCONN, name, "nobody serves it");
		failure_hint(failure, "\"vduse loopback %.200s\" does", name);
		return -ENOTCONN;
	}
	if (rc == -EPROTO)
		return failure_set(failure, STATUS_FAILED, EPROTO, name,
				   "what serves it gave an answer that cannot be one");
	return failure_errno(failure, -rc, name, "cannot ask what serves it");
}

int ask_to(const char *name, const char *request, int milliseconds)
{
	struct buffer answer = { 0 };
	int rc = control_socket_ask(REGISTRY_FOLDER, name, request, milliseconds, &answer);

	if (rc == 0 && strcmp(answer.text, "{}") != 0)
		rc = -EPROTO;
	buffer_free(&answer);
	return rc;
}
