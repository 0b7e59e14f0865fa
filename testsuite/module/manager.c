// SPDX-License-Identifier: GPL-2.0
/* The management devices, and devices made past them. */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "vdpa_test.h"

static unsigned int odd_type = 42;
module_param(odd_type, uint, 0444);
static unsigned int add_error;
module_param(add_error, uint, 0644);
static unsigned int set_error;
module_param(set_error, uint, 0644);

struct manager {
	struct vdpa_mgmt_dev mdev;
	const char *name;
	bool on_bus;
	struct virtio_device_id ids[2];
};

static int dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
		   const struct vdpa_dev_set_config *config)
{
	struct test_device *device;
	int err;

	if (add_error)
		return -(int)add_error;
	device = test_device_new(mdev, name, config);
	if (IS_ERR(device))
		return PTR_ERR(device);
	err = _vdpa_register_device(&device->vdpa, device->queue_count);
	if (err)
		put_device(&device->vdpa.dev);
	return err;
}

static void dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	_vdpa_unregister_device(vdpa);
}

static int dev_set_attr(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa,
			const struct vdpa_dev_set_config *config)
{
	if (set_error)
		return -(int)set_error;
	if (!given(config, VDPA_ATTR_DEV_NET_CFG_MACADDR))
		return -EOPNOTSUPP;
	memcpy(of_vdpa(vdpa)->config.net.mac, config->net.mac, ETH_ALEN);
	return 0;
}

static const struct vdpa_mgmtdev_ops manager_ops = {
	.dev_add = dev_add,
	.dev_del = dev_del,
	.dev_set_attr = dev_set_attr,
};

#define NET_MANAGER { \
	.config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) | \
			    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU) | \
			    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP) | \
			    BIT_ULL(VDPA_ATTR_DEV_FEATURES), \
	.supported_features = NET_FEATURES | NET_PAIRS_FEATURES | BIT_ULL(VIRTIO_NET_F_CSUM), \
	.max_supported_vqs = QUEUES_MAX, \
}

static struct manager managers[] = {
	{ .name = "test_net", .mdev = NET_MANAGER, .ids[0].device = VIRTIO_ID_NET },
	{ .name = "test_net", .mdev = NET_MANAGER, .ids[0].device = VIRTIO_ID_NET, .on_bus = true },
	{ .name = "test_block", .ids[0].device = VIRTIO_ID_BLOCK,
	  .mdev = { .config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES),
		    .supported_features = BLOCK_FEATURES, .max_supported_vqs = 4 } },
	{ .name = "test_odd", .mdev = { .max_supported_vqs = 3 } },
};

static struct device *parent_new(const struct manager *manager)
{
	struct platform_device *platform;

	if (!manager->on_bus)
		return root_device_register(manager->name);
	platform = platform_device_register_simple(manager->name, 0, NULL, 0);
	return IS_ERR(platform) ? ERR_CAST(platform) : &platform->dev;
}

static void parent_free(const struct manager *manager)
{
	if (manager->on_bus)
		platform_device_unregister(to_platform_device(manager->mdev.device));
	else
		root_device_unregister(manager->mdev.device);
}

static int manager_start(struct manager *manager)
{
	struct device *parent = parent_new(manager);
	int err;

	if (IS_ERR(parent))
		return PTR_ERR(parent);
	if (!manager->ids[0].device)
		manager->ids[0].device = odd_type;
	manager->ids[0].vendor = VIRTIO_DEV_ANY_ID;
	manager->mdev.device = parent;
	manager->mdev.ops = &manager_ops;
	manager->mdev.id_table = manager->ids;
	err = vdpa_mgmtdev_register(&manager->mdev);
	if (err)
		parent_free(manager);
	return err;
}

static void managers_stop(size_t count)
{
	while (count--) {
		vdpa_mgmtdev_unregister(&managers[count].mdev);
		parent_free(&managers[count]);
	}
}

/* -- devices made past the family -------------------------------------------------- */

static DEFINE_MUTEX(make_lock);		/* of the list, and of "loaded" */
static LIST_HEAD(unmanaged);
static bool loaded;

static struct manager *find_manager(const char *name, size_t length)
{
	static const char on_bus[] = "test_net.0";
	size_t i;

	if (length == strlen(on_bus) && !strncmp(name, on_bus, length))
		return &managers[1];
	if (length == strlen("unmanaged") && !strncmp(name, "unmanaged", length))
		return &managers[0];
	for (i = 0; i < ARRAY_SIZE(managers); i++)
		if (length == strlen(managers[i].name) &&
		    !strncmp(name, managers[i].name, length))
			return &managers[i];
	return NULL;
}

static int make_device(struct manager *manager, const char *name, bool managed)
{
	const struct vdpa_dev_set_config nothing = { 0 };
	struct test_device *device = test_device_new(&manager->mdev, name, &nothing);
	int err;

	if (IS_ERR(device))
		return PTR_ERR(device);
	if (!managed)
		device->vdpa.mdev = NULL;
	err = vdpa_register_device(&device->vdpa, device->queue_count);
	if (err)
		put_device(&device->vdpa.dev);
	else if (!managed)
		list_add(&device->unmanaged, &unmanaged);
	return err;
}

static int set_make(const char *text, const struct kernel_param *param)
{
	size_t length = strcspn(text, " ");
	struct manager *manager = find_manager(text, length);
	int err = -EINVAL;

	mutex_lock(&make_lock);
	if (loaded && manager && text[length] && text[length + 1])
		err = make_device(manager, text + length + 1, text[0] != 'u');
	mutex_unlock(&make_lock);
	return err;
}

static const struct kernel_param_ops make_ops = { .set = set_make };
module_param_cb(make, &make_ops, NULL, 0200);

static void unmanaged_free(void)
{
	struct test_device *device, *next;

	mutex_lock(&make_lock);
	loaded = false;
	list_for_each_entry_safe(device, next, &unmanaged, unmanaged) {
		list_del(&device->unmanaged);
		vdpa_unregister_device(&device->vdpa);
	}
	mutex_unlock(&make_lock);
}

static int __init vdpa_test_init(void)
{
	size_t i;

	if (odd_type < 1 || odd_type > 63)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(managers); i++) {
		int err = manager_start(&managers[i]);

		if (err) {
			managers_stop(i);
			return err;
		}
	}
	mutex_lock(&make_lock);
	loaded = true;
	mutex_unlock(&make_lock);
	return 0;
}

static void __exit vdpa_test_exit(void)
{
	unmanaged_free();
	managers_stop(ARRAY_SIZE(managers));
}

module_init(vdpa_test_init);
module_exit(vdpa_test_exit);
MODULE_DESCRIPTION("vDPA devices for the tests of vduse-tools");
MODULE_LICENSE("GPL");
