/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources of the kernel. Each is made by one function, which returns 0 with *@source
 * for monitor_add(), or negative errno. */
#ifndef VDUSE_WATCH_SOURCES_H
#define VDUSE_WATCH_SOURCES_H

#include "vduse/watch/monitor.h"

/* Messages of one source that are heard before another has its turn. */
#define SOURCE_AT_ONCE 32

/* Devices, drivers, interfaces and disks that come and go: the kernel's uevents, of which
 * the socket keeps up to @buffer bytes. */
int source_uevents(size_t buffer, struct source **source);

/* What happens to the interfaces of this network namespace: rtnetlink's notifications. */
int source_links(size_t buffer, struct source **source);

/* Nodes that processes open and close: inotify of /dev/vduse, and of each vhost-vdpa
 * node. */
int source_nodes(struct source **source);

/* What the processes that serve devices see: the control sockets in /run/vduse below @fs. */
int source_servers(const struct sysfs *fs, struct source **source);

#endif
