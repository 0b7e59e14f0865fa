/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which feature bits a VDUSE device may offer. Pure. */
#ifndef VT_LIB_VDUSE_FEATURES_H
#define VT_LIB_VDUSE_FEATURES_H

#include <stdint.h>

#include "lib/error.h"

/*
 * May a device of @type (virtio device type) called @name offer @features? Refused is
 * what the kernel refuses (a mandatory bit missing, CTRL_VQ, CONFIG_WCE), what makes
 * a driver's probe fail or worse, and a bit whose prerequisite is not offered (virtio
 * 1.2, section 2.2.1). 0, or -EINVAL with the reason in @failure (status 2).
 */
int vduse_features_check(const char *name, uint32_t type, uint64_t features,
			 struct failure *failure);

#endif
