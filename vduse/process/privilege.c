// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

int privilege_drop(const char *user, struct failure *failure)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(user);
	if (!entry)
		return failure_set(failure, STATUS_USAGE, errno ? errno : ENOENT, user,
				   "there is no such user");
	if (initgroups(user, entry->pw_gid) ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failure_errno(failure, errno, user, "cannot become this user");
	return 0;
}
