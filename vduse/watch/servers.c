// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the processes that serve devices see: each is followed through its control socket
 * (lib/control_socket.h), which it puts into /run/vduse when it begins. What happens between
 * that and our coming stands in the first packet, the state, and is told from it.
 *
 * Of each server the list remembers that the reader was told of it, and which one it was,
 * also while nobody is connected: so its end is told even where it came unheard, during an
 * overrun, and a server that took its place is told to have begun.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/registry.h"
#include "vduse/watch/seen.h"
#include "vduse/watch/sources.h"

#define SUFFIX ".sock"
/* Packets of a server that another one has replaced: more than its socket holds. */
#define PACKETS_MOST 10000

/* One that is followed, or that the reader was told of. */
struct server {
	struct server *next;
	int fd;			/* -1: not connected */
	char name[SYSFS_NAME_SIZE];
	bool told;		/* the reader knows that it serves */
	uint32_t pid;		/* of the one that was told, as it sees itself */
	bool tell;		/* the state is to be told when it comes */
	bool refused;		/* and the reader knows that it cannot be followed */
	bool known;		/* the state has come, over this connection */
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

/* -- following ----------------------------------------------------------------------------- */

static struct server *find(const struct servers *servers, const char *name)
{
	struct server *server;

	for (server = servers->list; server; server = server->next)
		if (!strcmp(server->name, name))
			return server;
	return NULL;
}

static struct server *get(struct servers *servers, const char *name)
{
	struct server *server = find(servers, name);

	if (server)
		return server;
	server = calloc(1, sizeof(*server));
	if (!server)
		return NULL;
	snprintf(server->name, sizeof(server->name), "%s", name);
	server->fd = -1;
	server->next = servers->list;
	servers->list = server;
	return server;
}

static void hang_up(struct server *server)
{
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
	server->known = server->said_exit = false;
}

static void forget(struct servers *servers, struct server *server)
{
	struct server **at = &servers->list;

	while (*at != server)
		at = &(*at)->next;
	*at = server->next;
	hang_up(server);
	free(server);
}

/* It has gone, or talks nonsense. Whether it said so is known where it was listened to. */
static void leave(struct servers *servers, struct monitor *monitor, struct server *server)
{
	const bool clean = server->said_exit;

	if (server->told)
		seen_exit(monitor, server->name, server->known ? &clean : NULL);
	forget(servers, server);
}

/* It cannot be followed (@rc): because there is none, or though there is one, of which
 * listings that come may know more. */
static void not_followed(struct servers *servers, struct monitor *monitor, struct server *server,
			 int rc)
{
	if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -EPIPE) {
		leave(servers, monitor, server);
		return;
	}
	hang_up(server);
	if (!server->refused)
		seen_refusal(monitor, server->name, rc);
	server->refused = true;
}

static int call(struct servers *servers, struct server *server)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = server };
	int rc;

	hang_up(server);
	server->fd = control_socket_connect(servers->path, server->name, 0);
	rc = server->fd < 0 ? server->fd : control_socket_send(server->fd, "events");
	if (rc == 0 && epoll_ctl(servers->source.fd, EPOLL_CTL_ADD, server->fd, &event))
		rc = -errno;
	return rc;
}

/* Follow @server from here on; it may be forgotten then. */
static void join(struct servers *servers, struct monitor *monitor, struct server *server, bool tell)
{
	int rc;

	server->tell = tell;
	rc = call(servers, server);
	if (rc < 0)
		not_followed(servers, monitor, server, rc);
}

static int join_new(struct servers *servers, struct monitor *monitor, const char *name, bool tell)
{
	struct server *server = get(servers, name);

	if (!server)
		return -ENOMEM;
	join(servers, monitor, server, tell);
	return 0;
}

/* A server has few places: who wants to hear of one device takes no place in others. */
static bool is_wanted(const struct monitor *monitor, const char *name)
{
	return !monitor->form.name || !strcmp(monitor->form.name, name);
}

/* Another one than the reader was told of has begun. 0, or -EPROTO or -EBUSY, which is what
 * it says that has no place. */
static int take_state(struct servers *servers, struct monitor *monitor, struct server *server)
{
	struct asked_state state;
	int rc = asked_state_parse(servers->packet.text, servers->packet.length, &state);
	bool began;

	if (rc < 0)
		return rc;
	if (server->told && server->pid != state.pid) {
		seen_exit(monitor, server->name, NULL);
		server->told = false;
	}
	began = !server->told;
	server->refused = false;
	server->told = server->known = true;
	server->pid = state.pid;
	if (server->tell)
		seen_state(monitor, server->name, &state, began);
	return 0;
}

/* 0; -EPROTO. After events were lost the state is asked for anew, and told. */
static int take_event(struct servers *servers, struct monitor *monitor, struct server *server)
{
	struct asked_event event;
	int rc = asked_event_parse(servers->packet.text, servers->packet.length, &event);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (event.what == ASKED_EXIT) {
		server->said_exit = true;
		return 0;
	}
	seen_event(monitor, server->name, &event);
	if (event.what == ASKED_RESYNC)
		join(servers, monitor, server, true);
	return 0;
}

/* One packet. 0; -ETIMEDOUT where there is none; negative where the server is no more. */
static int hear_packet(struct servers *servers, struct monitor *monitor, struct server *server)
{
	int rc = control_socket_receive(server->fd, 0, &servers->packet);

	if (rc == -ETIMEDOUT)
		return rc;
	if (rc == 0 && !server->known) {
		rc = take_state(servers, monitor, server);
		if (rc < 0)
			not_followed(servers, monitor, server, rc);
		return rc;
	}
	if (rc == 0)
		rc = take_event(servers, monitor, server);
	if (rc < 0)
		leave(servers, monitor, server);
	return rc;
}

static void hear_server(struct servers *servers, struct monitor *monitor, const char *its_name,
			unsigned int most)
{
	char name[SYSFS_NAME_SIZE];
	struct server *server;

	/* the name is the server's, which may be forgotten, and known by it again */
	snprintf(name, sizeof(name), "%s", its_name);
	while (most-- && !monitor_stops(monitor)) {
		server = find(servers, name);
		if (!server || server->fd < 0 || hear_packet(servers, monitor, server) < 0)
			return;
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

/* The device whose socket is called @file; false where it cannot be told. That of a long name
 * does not carry it: where no such device is known yet, a listing will find it. */
static bool name_of(struct monitor *monitor, const char *file, char name[SYSFS_NAME_SIZE])
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
	monitor->changes.doubt = true;
	return false;
}

/* Whoever puts a socket there has the node open, so whoever had it before has ended. */
static int hear_file(struct servers *servers, struct monitor *monitor,
		     const struct inotify_event *event)
{
	char name[SYSFS_NAME_SIZE];
	struct server *former;

	if (event->mask & IN_Q_OVERFLOW)
		return -ENOBUFS;
	if (event->mask & IN_IGNORED || servers->above)
		return event->wd == servers->folder ? watch_folder(servers) : 0;
	if (!event->len || !name_of(monitor, event->name, name) || !is_wanted(monitor, name))
		return 0;
	hear_server(servers, monitor, name, PACKETS_MOST);	/* its last words */
	former = find(servers, name);
	if (former)
		leave(servers, monitor, former);
	return join_new(servers, monitor, name, true);
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
			hear_server(servers, monitor,
				    ((struct server *)event.data.ptr)->name, SOURCE_AT_ONCE);
		else
			rc = hear_folder(servers, monitor);
	}
	return rc < 0 ? rc : 1;
}

/* The connections end, and what was told is remembered. */
static void servers_discard(struct source *source)
{
	struct servers *servers = (struct servers *)source;
	struct server *server;
	char bytes[4096];

	for (server = servers->list; server; server = server->next)
		hang_up(server);
	while (read(servers->inotify, bytes, sizeof(bytes)) > 0)
		;
	watch_folder(servers);
}

/* All that can be followed and are not; those that were told of first. */
static int servers_tell(struct source *source, struct monitor *monitor)
{
	struct servers *servers = (struct servers *)source;
	struct server *server = servers->list, *next;
	struct device *device = NULL;
	int rc = 0;

	for (; server; server = next) {
		next = server->next;
		if (server->fd < 0)
			join(servers, monitor, server, true);
	}
	while (rc == 0 && (device = table_next(&monitor->changes.table, device)))
		if (is_wanted(monitor, device->name) && !find(servers, device->name))
			rc = join_new(servers, monitor, device->name, !monitor->silent);
	return rc;
}

static void servers_close(struct source *source)
{
	struct servers *servers = (struct servers *)source;

	while (servers->list)
		forget(servers, servers->list);
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
