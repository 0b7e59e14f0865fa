// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

int privilege_find_user(const char *user, uid_t *uid, gid_t *gid, struct failure *failure)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(user);
	if (!entry)
		return failure_set(failure, STATUS_USAGE, errno ? errno : ENOENT, user,
				   "there is no such user");
	*uid = entry->pw_uid;
	*gid = entry->pw_gid;
	return 0;
}

int privilege_drop(const char *user, struct failure *failure)
{
	uid_t uid;
	gid_t gid;
	int rc = privilege_find_user(user, &uid, &gid, failure);

	if (rc < 0)
		return rc;
	if (initgroups(user, gid) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failure_errno(failure, errno, user, "cannot become this user");
	return 0;
}
