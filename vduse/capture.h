/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of "vduse loopback ... pcap FILE". */
#ifndef VDUSE_CAPTURE_H
#define VDUSE_CAPTURE_H

#include "lib/error.h"

/*
 * Open @path for a capture: a regular file that is made (mode 0600) or emptied, a FIFO
 * that somebody reads already, or a device. No symbolic link is followed, and nobody
 * else's regular file is written: frames may be secret, and who says "pcap FILE" is root.
 * A relative @path begins at the open directory @folder, or where we stand (AT_FDCWD).
 * Returns the descriptor, or negative with @failure.
 */
int capture_open(int folder, const char *path, struct failure *failure);

#endif
