// SPDX-License-Identifier: GPL-2.0-or-later
/* "vduse down": the end of a device, or of a pair, whatever became of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/sysfs.h"
#include "lib/vdpa_autoprobe.h"
#include "vduse/down.h"
#include "vduse/unit_lock.h"
#include "vduse/verbs.h"

enum { DOWN_NAME, DOWN_WORDS };

const struct cli_word down_words[] = {
	[DOWN_NAME] = {
		.value = "NAME", .kind = CLI_NAME, .flags = CLI_REQUIRED,
		.candidates = CLI_VDUSE_DEVICES,
		.help = "the device's name, or that of either of a pair",
	},
	[DOWN_WORDS] = { .kind = CLI_END },
};

static bool same_names(const struct unit_names *a, const struct unit_names *b)
{
	return a->count == b->count && !strcmp(a->names[0], b->names[0]) &&
	       (a->count < 2 || !strcmp(a->names[1], b->names[1]));
}

int down_lock(const char *name, const struct pace *pace, struct unit_names *names,
	      struct failure *failure)
{
	struct unit_names again;
	int lock;

	for (;;) {
		unit_members(name, names);
		lock = pace_check(pace, name, failure);
		if (lock == 0)
			lock = unit_lock(names, pace, failure);
		if (lock < 0)
			return lock;
		unit_members(name, &again);
		if (same_names(names, &again))
			return lock;
		unit_unlock(lock);
	}
}

bool down_is_there(const char *name)
{
	struct vduse_device device;

	return vduse_device_read(&sysfs_machine, name, &device, NULL) == 0 ||
	       standing_leaves_files(name);
}

static void tell(struct call *call, const struct unit_names *names, struct buffer *found)
{
	unsigned int i;

	for (i = 0; i < names->count; i++) {
		if (found[i].length)
			call_warn(call, names->names[i], "%s", found[i].text);
		buffer_free(&found[i]);
	}
}

int down_end(struct call *call, const struct unit_names *names, const struct pace *pace,
	     struct failure *failure)
{
	const struct ending all = ending_of_all(names);
	struct buffer found[UNIT_DEVICES] = { { 0 } };
	int rc;

	if (!down_is_there(names->names[0])) {
		call_warn(call, names->names[0], "there is nothing of it to end");
		return 0;
	}
	rc = ending_refuse(&all, pace, failure);
	if (rc == 0)
		rc = ending_run(&all, pace, found, failure);
	tell(call, names, found);
	return rc;
}

int down_run(struct call *call, struct failure *failure)
{
	const char *asked = call->values[DOWN_NAME].text;
	char name[SYSFS_NAME_SIZE];
	struct unit_names names;
	struct pace pace;
	int lock, rc;

	if (sysfs_name(asked, name) < 0)
		snprintf(name, sizeof(name), "%s", asked);
	rc = pace_begin(&pace, call_seconds(call) * INT64_C(1000), failure);
	if (rc < 0)
		return rc;
	lock = down_lock(name, &pace, &names, failure);
	/* a device can be ended where nothing can be written; then nobody brings one up either */
	if (lock >= 0 || lock == -EROFS) {
		vdpa_autoprobe_repair(&sysfs_machine);
		rc = down_end(call, &names, &pace, failure);
		unit_unlock(lock);
	} else {
		rc = lock;
	}
	pace_end(&pace);
	return rc;
}
