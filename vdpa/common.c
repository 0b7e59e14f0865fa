// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/features.h"
#include "lib/vdpa_blocked.h"
#include "lib/vdpa_family.h"
#include "vdpa/vdpa.h"

int vdpa_session_open(struct call *call, struct netlink **netlink, struct failure *failure)
{
	struct vdpa_session *session = call->session;
	int rc = 0;

	*netlink = &session->netlink;
	if (!session->open)
		rc = vdpa_family_open(&sysfs_machine, &session->netlink, failure);
	session->open = rc == 0;
	return rc;
}

void vdpa_session_end(struct vdpa_session *session)
{
	if (session->open)
		netlink_close(&session->netlink);
	session->open = false;
}

void vdpa_explain_device(struct call *call, struct failure *failure)
{
	vdpa_blocked_explain(&sysfs_machine, call->values[0].text, call->left, failure);
}

void vdpa_explain_any(struct call *call, struct failure *failure)
{
	vdpa_blocked_explain(&sysfs_machine, NULL, call->left, failure);
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

void vdpa_pass_on(struct call *call, const struct netlink *netlink, const char *object)
{
	if (netlink->report.message[0])
		call_warn(call, object, "the kernel says \"%s\"", netlink->report.message);
}

void vdpa_warn_record(struct call *call)
{
	call_warn(call, NULL, "a record of the kernel has no name or type and is left out");
}
