// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_attach.h"
#include "vdpa/vdpa.h"

int vdpa_dev_bind(struct call *call, struct failure *failure)
{
	const char *driver = vdpa_driver_choices[call->values[1].number];

	return vdpa_bind(&sysfs_machine, call->values[0].text, driver, failure);
}

int vdpa_dev_unbind(struct call *call, struct failure *failure)
{
	return vdpa_unbind(&sysfs_machine, call->values[0].text, failure);
}
