/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters of a device that is served here, as text and as JSON. */
#ifndef VDUSE_COUNTERS_H
#define VDUSE_COUNTERS_H

#include "lib/output.h"
#include "vduse/device/port.h"

/* The fields alone, in a record that is open; in JSON as one object "counters". */
void counters_put(struct output *out, const struct port_counters *counters);

/*
 * One record about the device @name, in a listing that is open. Causes of drops that
 * never happened are left out.
 */
void counters_output(struct output *out, const char *name, const struct port_counters *counters);

#endif
