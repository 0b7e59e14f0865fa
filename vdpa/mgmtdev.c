// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/features.h"
#include "lib/vdpa_family.h"
#include "vdpa/vdpa.h"

/* The names that iproute2 prints; classes are virtio device types. */
static const char *class_name(unsigned int type)
{
	switch (type) {
	case DEVICE_TYPE_NET:
		return "net";
	case DEVICE_TYPE_BLOCK:
		return "block";
	default:
		return "< unknown class >";
	}
}

static void put_classes(struct output *out, uint64_t classes)
{
	unsigned int type;

	output_line(out);
	output_begin_array(out, OUT_BOTH, "supported_classes");
	for (type = 1; type < 64; type++)
		if (classes >> type & 1)
			output_element(out, OUT_BOTH, class_name(type));
	output_end_array(out, OUT_BOTH);
}

/* By which type's names features are called: iproute2 takes net where there is net. */
static uint32_t naming_type(uint64_t classes)
{
	if (classes & FEATURE(DEVICE_TYPE_NET))
		return DEVICE_TYPE_NET;
	if (classes & FEATURE(DEVICE_TYPE_BLOCK))
		return DEVICE_TYPE_BLOCK;
	return DEVICE_TYPE_NONE;
}

static void put_mgmtdev(struct output *out, const struct vdpa_mgmtdev *mgmtdev)
{
	char text[VDPA_HANDLE_SIZE];

	output_begin_record(out, vdpa_handle_text(&mgmtdev->handle, text));
	output_word(out, "");	/* the blank that iproute2 leaves at the end of the line */
	if (VDPA_HAS(mgmtdev, VDPA_ATTR_MGMTDEV_SUPPORTED_CLASSES))
		put_classes(out, mgmtdev->classes);
	if (VDPA_HAS(mgmtdev, VDPA_ATTR_DEV_MGMTDEV_MAX_VQS)) {
		output_line(out);
		output_number(out, OUT_BOTH, "max_supported_vqs", mgmtdev->max_vqs);
	}
	if (VDPA_HAS(mgmtdev, VDPA_ATTR_DEV_SUPPORTED_FEATURES)) {
		output_line(out);
		output_features(out, OUT_BOTH, "dev_features", naming_type(mgmtdev->classes),
				mgmtdev->features);
	}
	output_end_record(out);
}

static void put_answer(struct call *call, const struct buffer *answer)
{
	size_t length, offset = 0;
	const void *attributes;

	output_begin_listing(call->out, "mgmtdev");
	while ((attributes = netlink_next(answer, &offset, &length))) {
		struct vdpa_mgmtdev mgmtdev;

		if (vdpa_parse_mgmtdev(attributes, length, &mgmtdev) < 0)
			vdpa_warn_record(call);
		else
			put_mgmtdev(call->out, &mgmtdev);
	}
	output_end_listing(call->out);
}

int vdpa_mgmtdev_show(struct call *call, struct failure *failure)
{
	const struct cli_value *word = &call->values[0];
	struct buffer answer = { 0 };
	struct vdpa_handle handle;
	struct netlink *netlink;
	int rc = 0;

	if (word->given)
		rc = vdpa_handle_parse(word->text, &handle, failure);
	if (rc == 0)
		rc = vdpa_session_open(call, &netlink, failure);
	if (rc < 0)
		return rc;
	rc = vdpa_get_mgmtdev(netlink, word->given ? &handle : NULL, &answer, failure);
	if (rc == 0) {
		vdpa_pass_on(call, netlink, word->given ? word->text : NULL);
		put_answer(call, &answer);
	}
	buffer_free(&answer);
	return rc;
}
