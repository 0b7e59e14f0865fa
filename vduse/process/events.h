/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to a device that this process serves, as a JSON object for those who follow
 * its control socket (control.h): {"event":"EVENT", ...}.
 *
 *	status		"status":N, the bits of the device status
 *	features	"features":"0x...", as negotiated
 *	vq		"index":N,"size":N: it runs
 *	iotlb		"regions":N: so many were given up
 *	reset
 *	reconnect	"status":N: a driver of a server before is served on
 *	link		"link":"up" or "down"
 *	error		"message":"..."
 *	exit		this process ends
 */
#ifndef VDUSE_PROCESS_EVENTS_H
#define VDUSE_PROCESS_EVENTS_H

#include "lib/buffer.h"
#include "vduse/device/port.h"

/* Add the object for @event of @port; @number as session_owner.event has it. */
void events_add_session(struct buffer *object, const struct port *port, enum session_event event,
			unsigned int number);

/* Add the object for @event with one text, called @key; without, where @key is NULL. */
void events_add(struct buffer *object, const char *event, const char *key, const char *text);

#endif
