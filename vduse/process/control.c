// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/control.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/again.h"
#include "lib/error.h"
#include "lib/text.h"

static bool is_connected(const struct control_client *client)
{
	return client->watch.fd >= 0;
}

static void disconnect(struct control_client *client)
{
	eventloop_unwatch(client->control->loop, &client->watch);
	close(client->watch.fd);
	client->watch.fd = -1;
}

/* 0; -EAGAIN where there is no room for it now; another negative errno: it has gone. */
static int send_packet(int fd, const char *bytes, size_t length)
{
	ssize_t n = AGAIN(send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL));

	return n < 0 ? (int)n : 0;
}

static void add_error(struct buffer *answer, int rc)
{
	const char *name = errno_name(-rc);

	buffer_add_text(answer, "{\"error\":{\"errno\":");
	text_add_json(answer, name ? name : "");
	buffer_add_text(answer, ",\"message\":");
	text_add_json(answer, strerror(-rc));
	buffer_add_text(answer, "}}");
}

static void refuse(int fd, int rc)
{
	struct buffer answer = { 0 };

	add_error(&answer, rc);
	if (!answer.broken)
		send_packet(fd, answer.text, answer.length);
	buffer_free(&answer);
}

/* -- following ------------------------------------------------------------------------- */

static unsigned int count_followers(const struct control *control)
{
	unsigned int count = 0;
	int i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		count += is_connected(&control->clients[i]) && control->clients[i].subscribed;
	return count;
}

bool control_followed(const struct control *control)
{
	return count_followers(control) > 0;
}

/* What @client did not take is counted; it is told when it reads again. */
static void lose(struct control_client *client)
{
	if (!client->lost++)
		eventloop_rewatch(client->control->loop, &client->watch, EPOLLIN | EPOLLOUT);
}

static void tell_lost(struct control_client *client)
{
	struct buffer event = { 0 };

	buffer_format(&event, "{\"event\":\"resync\",\"lost\":%llu}",
		      (unsigned long long)client->lost);
	if (!event.broken && send_packet(client->watch.fd, event.text, event.length) == 0) {
		client->lost = 0;
		eventloop_rewatch(client->control->loop, &client->watch, EPOLLIN);
	}
	buffer_free(&event);
}

static void tell(struct control_client *client, const char *event, size_t length)
{
	int rc = client->lost ? -EAGAIN : send_packet(client->watch.fd, event, length);

	if (rc == -EAGAIN || rc == -EMSGSIZE || rc == -ENOBUFS)
		lose(client);
	else if (rc < 0)
		disconnect(client);
}

void control_tell(struct control *control, const char *event, size_t length)
{
	int i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		if (is_connected(&control->clients[i]) && control->clients[i].subscribed)
			tell(&control->clients[i], event, length);
}

/* -- asking ---------------------------------------------------------------------------- */

static bool known_length(ssize_t n)
{
	return n > 0 && n < CONTROL_REQUEST_SIZE;
}

static void answer(struct control_client *client, char *request, size_t length)
{
	struct control *control = client->control;
	struct buffer reply = { 0 };
	int rc = -EINVAL;

	request[length] = '\0';
	if (!memchr(request, '\0', length))
		rc = control->owner->answer(control->context, request, &reply);
	if (rc < 0) {
		buffer_free(&reply);
		add_error(&reply, rc);
	}
	if (reply.broken || send_packet(client->watch.fd, reply.text, reply.length) < 0)
		disconnect(client);
	buffer_free(&reply);
}

static void look_after(struct control *control, uint64_t due)
{
	if (due < control->look.due)
		control->look.due = due;
}

/* Asked: rest a moment, so that no number of requests can take the device's time. */
static void rest(struct control_client *client)
{
	if (!is_connected(client))
		return;
	client->resting = true;
	eventloop_unwatch(client->control->loop, &client->watch);
	look_after(client->control, client->since + CONTROL_PACE_NS);
}

static void subscribe(struct control_client *client)
{
	char state[CONTROL_REQUEST_SIZE] = "state";

	if (count_followers(client->control) == CONTROL_FOLLOWERS) {
		refuse(client->watch.fd, -EBUSY);
		disconnect(client);
		return;
	}
	client->subscribed = true;
	answer(client, state, strlen(state));
}

static void take_request(struct control_client *client)
{
	char request[CONTROL_REQUEST_SIZE];
	ssize_t n = recv(client->watch.fd, request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		disconnect(client);
		return;
	}
	client->since = eventloop_now();
	if (known_length(n) && n == 6 && !memcmp(request, "events", 6))
		subscribe(client);
	else if (known_length(n))
		answer(client, request, n);
	else
		refuse(client->watch.fd, -EMSGSIZE);
	rest(client);
}

/* Has @client gone, or spoken? What epoll says may be about one that had its place before. */
static bool is_silent(const struct control_client *client)
{
	char byte;

	return recv(client->watch.fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_PEEK) < 0 &&
	       (errno == EAGAIN || errno == EINTR);
}

/* A subscriber who says anything has nothing to say. */
static void on_client(struct watch *watch, uint32_t events)
{
	struct control_client *client = eventloop_owner(watch, struct control_client, watch);

	(void)events;
	if (!is_connected(client))
		return;
	if (client->subscribed && !is_silent(client))
		disconnect(client);
	else if (!client->subscribed)
		take_request(client);
	else if (client->lost)
		tell_lost(client);
}

static void connect_client(struct control *control, struct control_client *client, int fd)
{
	*client = (struct control_client){
		.control = control,
		.watch = { fd, on_client },
		.since = eventloop_now(),
	};
	if (eventloop_watch(control->loop, &client->watch, EPOLLIN) < 0) {
		close(fd);
		client->watch.fd = -1;
		return;
	}
	look_after(control, client->since + CONTROL_IDLE_NS);
}

/* A free place, or that of who has asked nothing for longest: followers leave some. */
static struct control_client *find_place(struct control *control)
{
	struct control_client *place = NULL;
	int i;

	for (i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->clients[i];

		if (!is_connected(client))
			return client;
		if (!client->subscribed && (!place || client->since < place->since))
			place = client;
	}
	disconnect(place);
	return place;
}

/* No more are accepted in this CONTROL_PACE_NS. */
static void rest_listener(struct control *control)
{
	control->accepted = CONTROL_CLIENTS;
	eventloop_unwatch(control->loop, &control->listener);
	look_after(control, control->begun + CONTROL_PACE_NS);
}

static void on_listener(struct watch *watch, uint32_t events)
{
	struct control *control = eventloop_owner(watch, struct control, listener);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (eventloop_now() >= control->begun + CONTROL_PACE_NS) {
		control->begun = eventloop_now();
		control->accepted = 0;
	}
	/* Who cannot be accepted, for want of a descriptor, still waits: not at once again. */
	if (fd >= 0)
		connect_client(control, find_place(control), fd);
	if (fd < 0 || ++control->accepted == CONTROL_CLIENTS)
		rest_listener(control);
}

/* -- time ------------------------------------------------------------------------------ */

static void look_at(struct control_client *client, uint64_t now)
{
	struct control *control = client->control;

	if (client->resting && now >= client->since + CONTROL_PACE_NS) {
		client->resting = false;
		if (eventloop_watch(control->loop, &client->watch, EPOLLIN) < 0) {
			close(client->watch.fd);
			client->watch.fd = -1;
			return;
		}
	}
	if (client->subscribed && !client->resting) {
		if (client->lost)
			eventloop_rewatch(control->loop, &client->watch, EPOLLIN | EPOLLOUT);
		return;
	}
	if (!client->resting && now >= client->since + CONTROL_IDLE_NS) {
		disconnect(client);
		return;
	}
	look_after(control, client->since + (client->resting ? CONTROL_PACE_NS : CONTROL_IDLE_NS));
}

/* Who waits to be accepted may have rested long enough. */
static void look_at_listener(struct control *control, uint64_t now)
{
	if (control->accepted < CONTROL_CLIENTS)
		return;
	if (now >= control->begun + CONTROL_PACE_NS &&
	    eventloop_watch(control->loop, &control->listener, EPOLLIN) == 0)
		control->accepted = 0;
	else
		look_after(control, now + CONTROL_PACE_NS);
}

static void on_look(struct task *task)
{
	struct control *control = eventloop_owner(task, struct control, look);
	uint64_t now = eventloop_now();
	int i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		if (is_connected(&control->clients[i]))
			look_at(&control->clients[i], now);
	look_at_listener(control, now);
}

int control_open(struct control *control, struct eventloop *loop, int listening,
		 const struct control_owner *owner, void *context)
{
	int i, rc;

	*control = (struct control){
		.loop = loop,
		.owner = owner,
		.context = context,
		.listener = { listening, on_listener },
		.look = { .due = EVENTLOOP_NEVER, .run = on_look },
	};
	for (i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].watch.fd = -1;
	rc = eventloop_watch(loop, &control->listener, EPOLLIN);
	if (rc < 0) {
		close(listening);
		control->listener.fd = -1;
		return rc;
	}
	eventloop_add_task(loop, &control->look);
	return 0;
}

void control_close(struct control *control)
{
	int i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i].control && is_connected(&control->clients[i]))
			disconnect(&control->clients[i]);
	if (control->listener.fd >= 0)
		close(control->listener.fd);
	control->listener.fd = -1;
}
