// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the processes that serve devices see: each is followed through its control socket
 * (lib/control_socket.h), which it puts into /run/vduse when it begins. What happens between
 * that and our coming stands in the first packet, the state, and is told from it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/features.h"
#include "lib/registry.h"
#include "lib/vdpa_attached.h"
#include "vduse/asked.h"
#include "vduse/watch/sources.h"

#define SUFFIX ".sock"

/* One that is followed. */
struct server {
	struct server *next;
	int fd;
	char name[SYSFS_NAME_SIZE];
	bool begun;		/* it began while we watched: to be told as "start" */
	bool tell;		/* its state is to be told */
	bool known;		/* the state has come */
	bool said_exit;
};

struct servers {
	struct source source;	/* first; its descriptor is an epoll of all the others */
	int inotify;
	int folder;		/* the watch of /run/vduse, or of /run while that is missing */
	bool above;		/* it is the one of /run */
	char path[SYSFS_PATH_MAX];	/* of /run/vduse */
	struct server *list;
	struct buffer packet;
};

/* -- telling ------------------------------------------------------------------------------- */

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

static void report(struct monitor *monitor, const struct server *server, const char *what,
		   void (*put)(struct output *out, const void *context), const void *context)
{
	const struct event event = {
		.object = EVENT_VIRTIO,
		.event = what,
		.name = server->name,
		.put = put,
		.context = context,
	};

	monitor_report(monitor, &event);
}

static void report_event(struct monitor *monitor, const struct server *server,
			 const struct asked_event *event)
{
	static const struct {
		const char *name;
		void (*put)(struct output *out, const void *context);
	} forms[] = {
		[ASKED_STATUS] = { "status", put_status },
		[ASKED_FEATURES] = { "features", put_features },
		[ASKED_QUEUE] = { "vq", put_queue },
		[ASKED_IOTLB] = { "iotlb", put_regions },
		[ASKED_RESET] = { "reset", NULL },
		[ASKED_RECONNECT] = { "reconnect", put_status },
		[ASKED_LINK] = { "link", put_link },
		[ASKED_ERROR] = { "error", put_message },
		[ASKED_RESYNC] = { "resync", put_lost },
	};

	report(monitor, server, forms[event->what].name, forms[event->what].put, event);
}

/* The state, as the events that led to it. */
static void report_state(struct monitor *monitor, const struct server *server,
			 const struct asked_state *state)
{
	struct asked_event event = { .what = ASKED_STATUS, .number = state->status };
	unsigned int i;

	if (server->begun)
		report(monitor, server, "start", put_start, state);
	if (!server->begun || state->status)
		report_event(monitor, server, &event);
	if (state->live) {
		event = (struct asked_event){ .what = ASKED_FEATURES, .number = state->features };
		report_event(monitor, server, &event);
	}
	for (i = 0; i < SESSION_QUEUES; i++) {
		event = (struct asked_event){ .what = ASKED_QUEUE, .number = i,
					      .size = state->queues[i].size };
		if (state->queues[i].running)
			report_event(monitor, server, &event);
	}
	event = (struct asked_event){ .what = ASKED_LINK, .number = !state->link_down };
	if (state->link_down)
		report_event(monitor, server, &event);
}

/* -- following ----------------------------------------------------------------------------- */

static struct server *find(const struct servers *servers, const char *name)
{
	struct server *server;

	for (server = servers->list; server; server = server->next)
		if (!strcmp(server->name, name))
			return server;
	return NULL;
}

static void forget(struct servers *servers, struct server *server)
{
	struct server **at = &servers->list;

	while (*at != server)
		at = &(*at)->next;
	*at = server->next;
	close(server->fd);
	free(server);
}

static void forget_all(struct servers *servers)
{
	while (servers->list)
		forget(servers, servers->list);
}

/* A place in our own list, and in the server's; -ENOENT where nobody listens. */
static int join(struct servers *servers, const char *name, bool begun, bool tell)
{
	struct server *server = find(servers, name);
	struct epoll_event event = { .events = EPOLLIN };
	int rc;

	if (server)	/* another one serves the device now */
		forget(servers, server);
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	snprintf(server->name, sizeof(server->name), "%s", name);
	server->begun = begun;
	server->tell = tell;
	server->fd = control_socket_connect(servers->path, name, 0);
	rc = server->fd < 0 ? server->fd : control_socket_send(server->fd, "events");
	event.data.ptr = server;
	if (rc == 0 && epoll_ctl(servers->source.fd, EPOLL_CTL_ADD, server->fd, &event))
		rc = -errno;
	if (rc == 0) {
		server->next = servers->list;
		servers->list = server;
		return 0;
	}
	if (server->fd >= 0)
		close(server->fd);
	free(server);
	return rc;
}

/* It has gone, or talks nonsense. */
static void leave(struct servers *servers, struct monitor *monitor, struct server *server)
{
	const bool clean = server->said_exit;

	if (server->known)
		report(monitor, server, "exit", put_clean, &clean);
	forget(servers, server);
}

/* false where it has no place for us, or talks nonsense. */
static bool take_state(struct monitor *monitor, struct server *server, const struct buffer *packet)
{
	struct asked_state state;

	server->known = asked_state_parse(packet->text, packet->length, &state) == 0;
	if (server->known && server->tell)
		report_state(monitor, server, &state);
	return server->known;
}

/* false where the server is not in the list any more. */
static bool take_event(struct servers *servers, struct monitor *monitor, struct server *server)
{
	struct asked_event event;
	int rc = asked_event_parse(servers->packet.text, servers->packet.length, &event);

	if (rc == -EPROTO) {
		leave(servers, monitor, server);
		return false;
	}
	if (rc < 0)
		return true;
	if (event.what == ASKED_EXIT) {
		server->said_exit = true;
		return true;
	}
	report_event(monitor, server, &event);
	if (event.what != ASKED_RESYNC)
		return true;
	/* what it is now is asked anew, and told */
	join(servers, server->name, false, true);
	return false;
}

static void hear_server(struct servers *servers, struct monitor *monitor, struct server *server)
{
	int most = SOURCE_AT_ONCE, rc;

	while (most-- && !monitor_stops(monitor)) {
		rc = control_socket_receive(server->fd, 0, &servers->packet);
		if (rc == -ETIMEDOUT)
			return;
		if (rc < 0) {
			leave(servers, monitor, server);
			return;
		}
		if (server->known) {
			if (!take_event(servers, monitor, server))
				return;
		} else if (!take_state(monitor, server, &servers->packet)) {
			forget(servers, server);
			return;
		}
	}
}

/* -- the folder ---------------------------------------------------------------------------- */

static int watch_folder(struct servers *servers)
{
	char above[SYSFS_PATH_MAX];

	servers->above = false;
	servers->folder = inotify_add_watch(servers->inotify, servers->path,
					    IN_MOVED_TO | IN_ONLYDIR);
	if (servers->folder >= 0 || errno != ENOENT)
		return servers->folder < 0 ? -errno : 0;
	snprintf(above, sizeof(above), "%s", servers->path);
	*strrchr(above, '/') = '\0';
	servers->above = true;
	servers->folder = inotify_add_watch(servers->inotify, above, IN_CREATE | IN_ONLYDIR);
	return servers->folder < 0 && errno != ENOENT ? -errno : 0;
}

/* The device whose socket is called @file; false where it cannot be told. */
static bool name_of(const struct monitor *monitor, const char *file, char name[SYSFS_NAME_SIZE])
{
	size_t length = strlen(file), suffix = strlen(SUFFIX);
	const struct device *device = NULL;
	char its[REGISTRY_FILE_MAX];

	if (length <= suffix || strcmp(file + length - suffix, SUFFIX) != 0)
		return false;
	if (file[0] != '+') {
		snprintf(name, SYSFS_NAME_SIZE, "%.*s", (int)(length - suffix), file);
		return true;
	}
	while ((device = table_next(&monitor->changes.table, device))) {
		registry_socket_name(device->name, its);
		if (strcmp(its, file) != 0)
			continue;
		snprintf(name, SYSFS_NAME_SIZE, "%s", device->name);
		return true;
	}
	return false;
}

/* Who cannot be joined has gone again, or will be seen to serve by the next listing. */
static int hear_file(struct servers *servers, struct monitor *monitor,
		     const struct inotify_event *event)
{
	char name[SYSFS_NAME_SIZE];
	struct server *former;

	if (event->mask & IN_Q_OVERFLOW)
		return -ENOBUFS;
	if (event->mask & IN_IGNORED || servers->above)
		return event->wd == servers->folder ? watch_folder(servers) : 0;
	if (!event->len || !name_of(monitor, event->name, name))
		return 0;
	former = find(servers, name);
	if (former)
		leave(servers, monitor, former);
	return join(servers, name, true, true) == -ENOMEM ? -ENOMEM : 0;
}

static int hear_folder(struct servers *servers, struct monitor *monitor)
{
	_Alignas(struct inotify_event) char bytes[4096];
	ssize_t n = read(servers->inotify, bytes, sizeof(bytes)), at = 0;
	int rc = 0;

	while (at < n && rc == 0) {
		const struct inotify_event *event = (const void *)(bytes + at);

		rc = hear_file(servers, monitor, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return rc;
}

/* -- the source ---------------------------------------------------------------------------- */

/* One at a time: to hear one may be to forget another. */
static int servers_ready(struct source *source, struct monitor *monitor)
{
	struct servers *servers = (struct servers *)source;
	struct epoll_event event;
	int most = SOURCE_AT_ONCE, rc = 0;

	while (most-- && rc == 0 && !monitor_stops(monitor)) {
		if (epoll_wait(source->fd, &event, 1, 0) != 1)
			return 0;
		if (event.data.ptr)
			hear_server(servers, monitor, event.data.ptr);
		else
			rc = hear_folder(servers, monitor);
	}
	return rc < 0 ? rc : 1;
}

static void servers_discard(struct source *source)
{
	struct servers *servers = (struct servers *)source;
	char bytes[4096];

	forget_all(servers);
	while (read(servers->inotify, bytes, sizeof(bytes)) > 0)
		;
	watch_folder(servers);
}

/* All that can be followed and are not. */
static int servers_tell(struct source *source, struct monitor *monitor)
{
	struct servers *servers = (struct servers *)source;
	struct device *device = NULL;

	while ((device = table_next(&monitor->changes.table, device)))
		if (!find(servers, device->name) &&
		    join(servers, device->name, false, !monitor->silent) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

static void servers_close(struct source *source)
{
	struct servers *servers = (struct servers *)source;

	forget_all(servers);
	buffer_free(&servers->packet);
	if (servers->inotify >= 0)
		close(servers->inotify);
	if (source->fd >= 0)
		close(source->fd);
	free(servers);
}

static int open_servers(struct servers *servers)
{
	struct epoll_event event = { .events = EPOLLIN };

	servers->source.fd = epoll_create1(EPOLL_CLOEXEC);
	servers->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (servers->source.fd < 0 || servers->inotify < 0 ||
	    epoll_ctl(servers->source.fd, EPOLL_CTL_ADD, servers->inotify, &event))
		return -errno;
	return watch_folder(servers);
}

int source_servers(const struct sysfs *fs, struct source **source)
{
	struct servers *servers = calloc(1, sizeof(*servers));
	int rc;

	if (!servers)
		return -ENOMEM;
	servers->source = (struct source){
		.fd = -1,
		.ready = servers_ready,
		.discard = servers_discard,
		.tell = servers_tell,
		.close = servers_close,
	};
	servers->inotify = -1;
	snprintf(servers->path, sizeof(servers->path), "%s%s", fs->root, REGISTRY_FOLDER);
	rc = open_servers(servers);
	if (rc < 0)
		servers_close(&servers->source);
	else
		*source = &servers->source;
	return rc;
}
