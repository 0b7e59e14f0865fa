// SPDX-License-Identifier: GPL-2.0-or-later
/* What a serving process tells of a device, and lets itself be told. */
#include "vduse/process/served.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vduse/process/answers.h"
#include "vduse/process/events.h"

void server_end(struct server *server, int rc)
{
	if (server->rc == 0)
		server->rc = rc;
	eventloop_end(&server->loop);
}

void served_owe_interrupts(struct served *served)
{
	if (session_owes(&served->port.session) && served->retry.due == EVENTLOOP_NEVER)
		served->retry.due = eventloop_now() + SERVED_RETRY_NS;
}

static bool followed(const struct served *served)
{
	return served->controlled && control_followed(&served->control);
}

static void tell(struct served *served, struct buffer *object)
{
	if (!object->broken)
		control_tell(&served->control, object->text, object->length);
	buffer_free(object);
}

static void tell_text(struct served *served, const char *event, const char *key,
		      const char *text)
{
	struct buffer object = { 0 };

	if (!followed(served))
		return;
	events_add(&object, event, key, text);
	tell(served, &object);
}

void served_tell_exit(struct served *served)
{
	tell_text(served, "exit", NULL, NULL);
}

/* Also kept, until the driver is another one: most of it is found out before anybody can
 * follow, when a process takes over a driver. */
void served_tell_error(struct served *served, const char *sentence)
{
	snprintf(served->error, sizeof(served->error), "%s", sentence);
	tell_text(served, "error", "message", sentence);
}

void served_tell_event(void *context, enum session_event event, unsigned int number)
{
	struct served *served = context;
	struct buffer object = { 0 };

	if (event == SESSION_RESET)
		served->error[0] = '\0';
	if (!followed(served))
		return;
	events_add_session(&object, &served->port, event, number);
	tell(served, &object);
}

/* Whoever may ask may also end it: the answer is on its way before the loop ends. */
static int stop(struct served *served, struct buffer *reply)
{
	buffer_add_text(reply, "{}");
	server_end(served->server, 0);
	return 0;
}

static int set_link(struct served *served, bool up, struct buffer *reply)
{
	int rc = port_set_link(&served->port, up, eventloop_now());

	served_owe_interrupts(served);
	if (rc < 0)
		return rc;
	buffer_add_text(reply, "{}");
	tell_text(served, "link", "link", up ? "up" : "down");
	return 0;
}

static int answer(void *context, const char *request, struct buffer *reply)
{
	struct served *served = context;

	if (!strcmp(request, "state"))
		return answer_state(&served->port, served->server->plan->pid,
				    served->server->plan->queue_size,
				    served->error, reply);
	if (!strcmp(request, "stats"))
		return answer_stats(&served->port, reply);
	if (!strcmp(request, "link up"))
		return set_link(served, true, reply);
	if (!strcmp(request, "link down"))
		return set_link(served, false, reply);
	if (!strcmp(request, "stop"))
		return stop(served, reply);
	return -EINVAL;
}

static const struct control_owner control_owner = { .answer = answer };

int served_open_control(struct served *served)
{
	int rc;

	if (served->device->control_fd < 0)
		return 0;
	rc = control_open(&served->control, &served->server->loop, served->device->control_fd,
			  &control_owner, served);
	served->controlled = rc == 0;
	served->listened = true;
	return rc;
}

void served_close_control(struct served *served)
{
	if (served->controlled)
		control_close(&served->control);
}
