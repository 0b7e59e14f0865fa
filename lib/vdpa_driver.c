// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_driver.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/again.h"
#include "lib/vdpa_attached.h"

#define DRIVERS "sys/bus/vdpa/drivers"

bool vdpa_driver_loaded(const struct sysfs *fs, const char *driver)
{
	return sysfs_exists(fs, DRIVERS "/%s", driver);
}

static int note_any(void *context, int fd, const char *name)
{
	(void)context;
	(void)fd;
	(void)name;
	return 1;
}

bool vdpa_driver_any(const struct sysfs *fs)
{
	return sysfs_each(fs, note_any, NULL, DRIVERS) == 1;
}

int module_load(const struct sysfs *fs, const char *module)
{
	char program[256], name[64];
	char *arguments[] = { program, (char *)"-q", (char *)"--", name, NULL };
	int rc, status;
	pid_t child;

	if (strlen(module) >= sizeof(name))
		return -ENAMETOOLONG;
	strcpy(name, module);
	if (sysfs_read(fs, program, sizeof(program), "proc/sys/kernel/modprobe") <= 0)
		strcpy(program, "/sbin/modprobe");
	rc = posix_spawn(&child, program, NULL, NULL, arguments, environ);
	if (rc)
		return rc == ENOENT ? -ENOEXEC : -rc;
	rc = AGAIN(waitpid(child, &status, 0));
	if (rc < 0)
		return rc;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOENT;
}

int vdpa_driver_load(const struct sysfs *fs, const char *driver, struct failure *failure)
{
	int rc;

	if (vdpa_driver_loaded(fs, driver))
		return 0;
	rc = module_load(fs, driver);
	if (vdpa_driver_loaded(fs, driver))
		return 0;
	failure_set(failure, geteuid() ? STATUS_DENIED : STATUS_UNSUPPORTED, ENOENT, driver,
		    "the bus driver is not loaded, and modprobe could not load it");
	failure_hint(failure, "\"modprobe %s\" says why", driver);
	return rc < 0 ? rc : -ENOENT;
}

int vdpa_driver_refuse(const struct sysfs *fs, const char *device, const char *driver,
		       struct failure *failure)
{
	char name[SYSFS_NAME_SIZE], override[64];

	if (sysfs_name(device, name) < 0)
		return failure_errno(failure, ENODEV, device, "it cannot be in sysfs");
	if (sysfs_read(fs, override, sizeof(override), "sys/bus/vdpa/devices/%s/driver_override",
		       name) <= 0 || !strcmp(override, "(null)") || !strcmp(override, driver))
		return 0;
	failure_set(failure, STATUS_BUSY, EBUSY, device, "its driver_override is %s", override);
	failure_hint(failure, "an empty line written to /sys/bus/vdpa/devices/%s/driver_override "
		     "takes that away", name);
	return -EBUSY;
}

static int not_bound(const char *device, const char *driver, int rc, struct failure *failure)
{
	if (rc == -EACCES || rc == -EPERM) {
		failure_set(failure, STATUS_DENIED, -rc, device,
			    "cannot bind or unbind it: /sys/bus/vdpa/drivers/%s is root's", driver);
		failure_hint(failure, "run it as root");
		return rc;
	}
	return failure_errno(failure, -rc, device, "%s cannot be bound to it", driver);
}

int vdpa_driver_bind(const struct sysfs *fs, const char *device, const char *driver,
		     struct failure *failure)
{
	char name[SYSFS_NAME_SIZE];
	int rc = vdpa_driver_refuse(fs, device, driver, failure);

	if (rc < 0)
		return rc;
	sysfs_name(device, name);
	rc = sysfs_write(fs, name, DRIVERS "/%s/bind", driver);
	return rc < 0 ? not_bound(device, driver, rc, failure) : 0;
}

int vdpa_driver_unbind(const struct sysfs *fs, const char *device, const char *driver,
		       struct failure *failure)
{
	char name[SYSFS_NAME_SIZE];
	int rc = sysfs_name(device, name);

	if (rc < 0)
		return failure_errno(failure, ENODEV, device, "it cannot be in sysfs");
	rc = sysfs_write(fs, name, DRIVERS "/%s/unbind", driver);
	if (rc == -EACCES || rc == -EPERM)
		return not_bound(device, driver, rc, failure);
	return rc < 0 ? failure_errno(failure, -rc, device, "%s cannot be unbound from it",
				      driver) : 0;
}
