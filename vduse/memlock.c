// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/memlock.h"

#include <errno.h>
#include <sys/resource.h>

int memlock_allow(uint64_t bytes, const char *name, struct failure *failure)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return failure_errno(failure, errno, name, "cannot ask for RLIMIT_MEMLOCK");
	if (limit.rlim_cur >= bytes)
		return 0;
	if (limit.rlim_max >= bytes) {
		limit.rlim_cur = bytes;
		if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0)
			return 0;
		return failure_errno(failure, errno, name, "cannot raise RLIMIT_MEMLOCK");
	}
	failure_set(failure, STATUS_FAILED, ENOMEM, name,
		    "umem locks %llu bytes of memory, the bounce_size; the limit of this process "
		    "(RLIMIT_MEMLOCK) is %llu", (unsigned long long)bytes,
		    (unsigned long long)limit.rlim_max);
	failure_hint(failure, "raise it: \"prlimit --memlock=%llu vduse loopback ...\", or "
		     "LimitMEMLOCK=%llu in the service; or create the device with a smaller "
		     "bounce_size", (unsigned long long)bytes, (unsigned long long)bytes);
	return -ENOMEM;
}
