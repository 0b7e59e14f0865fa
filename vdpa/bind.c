// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_attach.h"
#include "lib/vdpa_usable.h"
#include "vdpa/vdpa.h"

int vdpa_dev_bind(struct call *call, struct failure *failure)
{
	const char *driver = vdpa_driver_choices[call->values[1].number];
	const char *name = call->values[0].text;
	struct vdpa_attached attached;
	int rc = vdpa_bind(&sysfs_machine, name, driver, failure);

	if (rc == 0 && vdpa_attached_read(&sysfs_machine, name, &attached) == 0)
		vdpa_usable_warn(call, &sysfs_machine, name, &attached);
	return rc;
}

int vdpa_dev_unbind(struct call *call, struct failure *failure)
{
	return vdpa_unbind(&sysfs_machine, call->values[0].text, failure);
}
