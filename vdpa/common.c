// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/features.h"
#include "lib/vdpa_blocked.h"
#include "vdpa/vdpa.h"

void vdpa_explain_device(struct call *call, struct failure *failure)
{
	const struct cli_value *device = &call->values[0];

	vdpa_blocked_explain(&sysfs_machine, device->given ? device->text : NULL, failure);
}

void vdpa_explain_any(struct call *call, struct failure *failure)
{
	(void)call;
	vdpa_blocked_explain(&sysfs_machine, NULL, failure);
}

const char *vdpa_type_text(uint32_t type)
{
	switch (type) {
	case DEVICE_TYPE_NET:
		return "network";
	case DEVICE_TYPE_BLOCK:
		return "block";
	default:
		return "<unknown type>";
	}
}

void vdpa_warn_record(struct call *call)
{
	call_warn(call, NULL, "a record of the kernel has no name or type and is left out");
}
