// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_message.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/name.h"

enum form { FORM_NUMBER, FORM_MAC, FORM_NAME };

/* Where an attribute's value goes. */
struct field {
	uint16_t type;		/* VDPA_ATTR_* */
	enum form form;
	size_t offset, size;	/* in the structure; a number's is its size on the wire */
};

#define NUMBER(structure, type, member) \
	{ type, FORM_NUMBER, offsetof(struct structure, member), \
	  sizeof(((struct structure *)0)->member) }
#define NAME(structure, type, member) \
	{ type, FORM_NAME, offsetof(struct structure, member), VDPA_NAME_SIZE }
#define LAST_FIELD { 0, FORM_NUMBER, 0, 0 }

static const struct field mgmtdev_fields[] = {
	NAME(vdpa_mgmtdev, VDPA_ATTR_MGMTDEV_BUS_NAME, handle.bus),
	NAME(vdpa_mgmtdev, VDPA_ATTR_MGMTDEV_DEV_NAME, handle.name),
	NUMBER(vdpa_mgmtdev, VDPA_ATTR_MGMTDEV_SUPPORTED_CLASSES, classes),
	NUMBER(vdpa_mgmtdev, VDPA_ATTR_DEV_MGMTDEV_MAX_VQS, max_vqs),
	NUMBER(vdpa_mgmtdev, VDPA_ATTR_DEV_SUPPORTED_FEATURES, features),
	LAST_FIELD,
};

static const struct field device_fields[] = {
	NAME(vdpa_device, VDPA_ATTR_MGMTDEV_BUS_NAME, mgmtdev.bus),
	NAME(vdpa_device, VDPA_ATTR_MGMTDEV_DEV_NAME, mgmtdev.name),
	NAME(vdpa_device, VDPA_ATTR_DEV_NAME, name),
	NUMBER(vdpa_device, VDPA_ATTR_DEV_ID, type),
	NUMBER(vdpa_device, VDPA_ATTR_DEV_VENDOR_ID, vendor_id),
	NUMBER(vdpa_device, VDPA_ATTR_DEV_MAX_VQS, max_vqs),
	NUMBER(vdpa_device, VDPA_ATTR_DEV_MAX_VQ_SIZE, max_vq_size),
	NUMBER(vdpa_device, VDPA_ATTR_DEV_MIN_VQ_SIZE, min_vq_size),
	LAST_FIELD,
};

static const struct field config_fields[] = {
	NAME(vdpa_config, VDPA_ATTR_DEV_NAME, name),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_ID, type),
	{ VDPA_ATTR_DEV_NET_CFG_MACADDR, FORM_MAC, offsetof(struct vdpa_config, mac), 6 },
	NUMBER(vdpa_config, VDPA_ATTR_DEV_NET_STATUS, status),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, max_vqp),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_NET_CFG_MTU, mtu),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_NEGOTIATED_FEATURES, negotiated),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_FEATURES, features),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_CAPACITY, capacity),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_SEG_SIZE, size_max),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_BLK_SIZE, blk_size),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_SEG_MAX, seg_max),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_NUM_QUEUES, num_queues),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_PHY_BLK_EXP, physical_block_exp),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_ALIGN_OFFSET, alignment_offset),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_MIN_IO_SIZE, min_io_size),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_OPT_IO_SIZE, opt_io_size),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_MAX_DISCARD_SEC, max_discard_sectors),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_MAX_DISCARD_SEG, max_discard_seg),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_DISCARD_SEC_ALIGN, discard_sector_alignment),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_MAX_WRITE_ZEROES_SEC, max_write_zeroes_sectors),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_MAX_WRITE_ZEROES_SEG, max_write_zeroes_seg),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_READ_ONLY, read_only),
	NUMBER(vdpa_config, VDPA_ATTR_DEV_BLK_CFG_FLUSH, flush),
	LAST_FIELD,
};

static const struct field vstats_fields[] = {
	NAME(vdpa_vstats, VDPA_ATTR_DEV_NAME, name),
	NUMBER(vdpa_vstats, VDPA_ATTR_DEV_ID, type),
	NUMBER(vdpa_vstats, VDPA_ATTR_DEV_QUEUE_INDEX, queue),
	NUMBER(vdpa_vstats, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, max_vqp),
	NUMBER(vdpa_vstats, VDPA_ATTR_DEV_NEGOTIATED_FEATURES, negotiated),
	LAST_FIELD,
};

/* The attribute at @offset, NULL for none, or one whose length is not right. All are small:
 * a call of libmnl would take longer than what it does. */
static const struct nlattr *attribute_at(const void *attributes, size_t length, size_t offset)
{
	const struct nlattr *attr = (const void *)((const char *)attributes + offset);

	if (offset > length || length - offset < NLA_HDRLEN || attr->nla_len < NLA_HDRLEN ||
	    attr->nla_len > length - offset)
		return NULL;
	return attr;
}

static const char *payload_of(const struct nlattr *attribute)
{
	return (const char *)attribute + NLA_HDRLEN;
}

static size_t length_of(const struct nlattr *attribute)
{
	return attribute->nla_len - NLA_HDRLEN;
}

/* A string with or without its NUL; false where it is empty or does not fit. */
static bool take_name(char *name, const char *bytes, size_t length)
{
	size_t used = 0;

	while (used < length && bytes[used])
		used++;
	if (!used || used >= VDPA_NAME_SIZE)
		return false;
	name[used] = '\0';
	while (used--)
		name[used] = bytes[used];
	return true;
}

static bool take_field(const struct field *field, void *record, const struct nlattr *attribute)
{
	char *to = (char *)record + field->offset;
	const char *from = payload_of(attribute);
	size_t length = length_of(attribute);

	if (field->form == FORM_NAME)
		return take_name(to, from, length);
	if (length != field->size)
		return false;
	while (length--)
		to[length] = from[length];
	return true;
}

/* The field of @type: @next, or one after it, or from the first on. The kernel gives the
 * attributes in the order of the fields. NULL for a type that is none of them. */
static const struct field *find_field(const struct field *fields, const struct field *next,
				      uint16_t type)
{
	const struct field *field = next;

	while (field->type && field->type != type)
		field++;
	if (field->type)
		return field;
	for (field = fields; field < next; field++)
		if (field->type == type)
			return field;
	return NULL;
}

/* Returns the bits of the attributes that were understood. */
static uint64_t take_attributes(const struct field *fields, void *record,
				const void *attributes, size_t length)
{
	const struct field *field, *next = fields;
	const struct nlattr *attr;
	uint64_t present = 0;
	size_t offset;

	for (offset = 0; (attr = attribute_at(attributes, length, offset));
	     offset += NLA_ALIGN(attr->nla_len)) {
		/* None of these numbers is nested or in network byte order. */
		field = find_field(fields, next, attr->nla_type);
		if (!field)
			continue;
		if (take_field(field, record, attr))
			present |= UINT64_C(1) << field->type;
		next = field + 1;
	}
	return present;
}

int vdpa_parse_mgmtdev(const void *attributes, size_t length, struct vdpa_mgmtdev *mgmtdev)
{
	*mgmtdev = (struct vdpa_mgmtdev){ 0 };
	mgmtdev->present = take_attributes(mgmtdev_fields, mgmtdev, attributes, length);
	return VDPA_HAS(mgmtdev, VDPA_ATTR_MGMTDEV_DEV_NAME) ? 0 : -EBADMSG;
}

int vdpa_parse_device(const void *attributes, size_t length, struct vdpa_device *device)
{
	/* a listing has many: the rest of the three names, 765 bytes, need not be cleared */
	device->name[0] = device->mgmtdev.bus[0] = device->mgmtdev.name[0] = '\0';
	device->type = device->vendor_id = device->max_vqs = 0;
	device->max_vq_size = device->min_vq_size = 0;
	device->present = take_attributes(device_fields, device, attributes, length);
	return VDPA_HAS(device, VDPA_ATTR_DEV_NAME) && VDPA_HAS(device, VDPA_ATTR_DEV_ID) &&
		       VDPA_HAS(device, VDPA_ATTR_MGMTDEV_DEV_NAME) ? 0 : -EBADMSG;
}

int vdpa_parse_config(const void *attributes, size_t length, struct vdpa_config *config)
{
	*config = (struct vdpa_config){ 0 };
	config->present = take_attributes(config_fields, config, attributes, length);
	return VDPA_HAS(config, VDPA_ATTR_DEV_NAME) && VDPA_HAS(config, VDPA_ATTR_DEV_ID) ?
		       0 : -EBADMSG;
}

int vdpa_parse_vstats(const void *attributes, size_t length, struct vdpa_vstats *vstats)
{
	*vstats = (struct vdpa_vstats){ 0 };
	vstats->present = take_attributes(vstats_fields, vstats, attributes, length);
	return VDPA_HAS(vstats, VDPA_ATTR_DEV_NAME) ? 0 : -EBADMSG;
}

/* Does @attr complete @statistic? */
static bool take_statistic(const struct nlattr *attr, struct vdpa_statistic *statistic)
{
	const char *payload = payload_of(attr);
	size_t length = length_of(attr);

	if (attr->nla_type == VDPA_ATTR_DEV_VENDOR_ATTR_NAME) {
		statistic->name = payload;
		statistic->length = strnlen(payload, length);
		return false;
	}
	if (attr->nla_type != VDPA_ATTR_DEV_VENDOR_ATTR_VALUE || !statistic->name ||
	    length != sizeof(statistic->value))
		return false;
	memcpy(&statistic->value, payload, length);
	return true;
}

bool vdpa_next_statistic(const void *attributes, size_t length, size_t *offset,
			 struct vdpa_statistic *statistic)
{
	const struct nlattr *attr;

	*statistic = (struct vdpa_statistic){ 0 };
	while ((attr = attribute_at(attributes, length, *offset))) {
		*offset += NLA_ALIGN(attr->nla_len);
		if (take_statistic(attr, statistic))
			return true;
	}
	return false;
}

int vdpa_handle_parse(const char *text, struct vdpa_handle *handle, struct failure *failure)
{
	const char *slash = strchr(text, '/');
	const char *name = slash ? slash + 1 : text;
	size_t bus = slash ? slash - text : 0;

	*handle = (struct vdpa_handle){ 0 };
	if (!*name || strchr(name, '/') || (slash && !bus))
		return failure_set(failure, STATUS_USAGE, EINVAL, NULL,
				   "mgmtdev \"%.100s\": is neither NAME nor BUS/NAME", text);
	if (bus >= VDPA_NAME_SIZE || strlen(name) >= VDPA_NAME_SIZE)
		return failure_set(failure, STATUS_USAGE, EINVAL, NULL,
				   "mgmtdev \"%.100s\": a name has 1 to 255 bytes", text);
	memcpy(handle->bus, text, bus);
	memcpy(handle->name, name, strlen(name));
	return 0;
}

const char *vdpa_handle_text(const struct vdpa_handle *handle, char text[VDPA_HANDLE_SIZE])
{
	char *at = text;

	if (handle->bus[0]) {
		at = stpcpy(text, handle->bus);
		*at++ = '/';
	}
	name_copy(at, VDPA_NAME_SIZE, handle->name);
	return text;
}

bool vdpa_handle_is_vduse(const struct vdpa_handle *handle)
{
	return !handle->bus[0] && !strcmp(handle->name, "vduse");
}

const char *vdpa_attribute_word(uint16_t type)
{
	switch (type) {
	case VDPA_ATTR_MGMTDEV_BUS_NAME:
	case VDPA_ATTR_MGMTDEV_DEV_NAME:
		return "mgmtdev";
	case VDPA_ATTR_DEV_NAME:
		return "name";
	case VDPA_ATTR_DEV_NET_CFG_MACADDR:
		return "mac";
	case VDPA_ATTR_DEV_NET_CFG_MTU:
		return "mtu";
	case VDPA_ATTR_DEV_NET_CFG_MAX_VQP:
		return "max_vqp";
	case VDPA_ATTR_DEV_FEATURES:
		return "device_features";
	case VDPA_ATTR_DEV_QUEUE_INDEX:
		return "qidx";
	default:
		return NULL;
	}
}
