// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linked into the unit tests that figures builds for gcov (-Wl,--wrap=_exit): what a child
 * process ran before its _exit() counts as well.
 */
void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
