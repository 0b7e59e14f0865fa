// SPDX-License-Identifier: GPL-2.0-or-later
#include "lifecycle_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/registry.h"
#include "lib/vduse_control.h"
#include "lib/vduse_device.h"
#include "vduse/in_use.h"

struct lifecycle_stage stage;

/* Write @step down; 0, or the error that was asked for. */
static int step(const char *name)
{
	size_t used = strlen(stage.calls);

	snprintf(stage.calls + used, sizeof(stage.calls) - used, "%s%s", used ? " " : "", name);
	if (stage.signalled && !strcmp(stage.signalled, name))
		raise(stage.signal);
	if (stage.fails && !strcmp(stage.fails, name))
		return -stage.error;
	if (stage.also_fails && !strcmp(stage.also_fails, name))
		return -EBUSY;
	return 0;
}

static int answer(const char *name, struct failure *out)
{
	int rc = step(name);

	return rc ? failure_errno(out, -rc, "object", "step %s", name) : 0;
}

static int descriptor(const char *name, struct failure *out)
{
	int rc = answer(name, out);

	return rc ? rc : fcntl(2, F_DUPFD_CLOEXEC, 10);
}

int __wrap_vduse_control_open(struct failure *out);
int __wrap_vduse_control_create(int control, const struct vduse_definition *definition,
				struct failure *out);
int __wrap_vduse_control_destroy(int control, const char *name, struct failure *out);
int __wrap_vduse_device_read(const struct sysfs *fs, const char *name,
			     struct vduse_device *device, struct failure *out);
int __wrap_vduse_device_set(const struct sysfs *fs, const char *name, const char *attribute,
			    uint64_t value, struct failure *out);
int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
				 struct device_identity *identity, struct failure *out);
int __wrap_registry_open(const char *path, bool create, struct failure *out);
int __wrap_registry_lock(int registry, int milliseconds, struct failure *out);
void __wrap_registry_unlock(int lock);
int __wrap_registry_write(int registry, const struct registry_record *record,
			  struct failure *out);
int __wrap_registry_remove(int registry, const char *name, struct failure *out);
int __wrap_in_use_check(const struct sysfs *fs, const char *name, struct failure *out);

int __wrap_vduse_control_open(struct failure *out)
{
	return descriptor("open", out);
}

int __wrap_vduse_control_create(int control, const struct vduse_definition *definition,
				struct failure *out)
{
	(void)control;
	(void)definition;
	return answer("create", out);
}

int __wrap_vduse_control_destroy(int control, const char *name, struct failure *out)
{
	char text[64];

	(void)control;
	snprintf(text, sizeof(text), "destroy:%s", name);
	return answer(text, out);
}

int __wrap_vduse_device_read(const struct sysfs *fs, const char *name,
			     struct vduse_device *device, struct failure *out)
{
	(void)fs;
	memset(device, 0, sizeof(*device));
	snprintf(device->name, sizeof(device->name), "%s", name);
	return answer("read", out);
}

int __wrap_vduse_device_set(const struct sysfs *fs, const char *name, const char *attribute,
			    uint64_t value, struct failure *out)
{
	char text[64];

	(void)fs;
	(void)name;
	snprintf(text, sizeof(text), "%s=%d", attribute, (int)value);
	return answer(text, out);
}

int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
				 struct device_identity *identity, struct failure *out)
{
	(void)fs;
	(void)device;
	(void)identity;
	return answer("identity", out);
}

int __wrap_registry_open(const char *path, bool create, struct failure *out)
{
	assert_string_equal(path, "/run/vduse");
	return descriptor(create ? "make-records" : "records", out);
}

int __wrap_registry_lock(int registry, int milliseconds, struct failure *out)
{
	(void)registry;
	(void)milliseconds;
	return descriptor("lock", out);
}

void __wrap_registry_unlock(int lock)
{
	if (lock >= 0) {
		step("unlock");
		close(lock);
	}
}

int __wrap_registry_write(int registry, const struct registry_record *record,
			  struct failure *out)
{
	(void)registry;
	assert_string_equal(record->definition.name, "lo0");
	return answer("write", out);
}

int __wrap_registry_remove(int registry, const char *name, struct failure *out)
{
	(void)registry;
	(void)name;
	return answer("remove", out);
}

int __wrap_in_use_check(const struct sysfs *fs, const char *name, struct failure *out)
{
	(void)fs;
	step("look");
	if (stage.in_use && --stage.in_use == 0)
		return failure_set(out, STATUS_BUSY, EBUSY, name, "process 7 has it open");
	return 0;
}
