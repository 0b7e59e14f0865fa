// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files of journals: found again by who comes next, and put aside where they are not what
 * that one wrote, whatever lies there in their place.
 *
 * LDFLAGS: -Wl,--wrap=registry_open,--wrap=vduse_device_read,--wrap=vduse_device_identity,--wrap=posix_fallocate,--wrap=getrandom,--wrap=memfd_create,--wrap=pwrite,--wrap=openat,--wrap=fcntl
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/registry.h"
#include "lib/vduse_device.h"
#include "vduse/device/journal.h"
#include "vduse/journal_file.h"

#define CONTENT (JOURNAL_PORTS * sizeof(struct journal_port))
#define MARK UINT64_C(0x1122334455667788)

static struct {
	char folder[64];
	int folder_error, device_error, room_error, random_error, memory_error, write_error;
	int open_error, lock_error;
	uint64_t number;	/* of the devices' folders in sysfs */
	bool chasing;		/* somebody removes each file as soon as it is opened */
	struct failure failure;
	int fds[2];
} it;

/* -- what is below it ---------------------------------------------------------------- */

int __real_posix_fallocate(int fd, off_t offset, off_t length);
ssize_t __real_getrandom(void *buffer, size_t length, unsigned int flags);
int __real_memfd_create(const char *name, unsigned int flags);
ssize_t __real_pwrite(int fd, const void *buffer, size_t length, off_t offset);
int __real_openat(int folder, const char *file, int flags, mode_t mode);
int __real_fcntl(int fd, int command, void *argument);
int __wrap_registry_open(const char *path, bool create, struct failure *failure);
int __wrap_vduse_device_read(const struct sysfs *fs, const char *name,
	struct vduse_device *device, struct failure *failure);
int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
	struct device_identity *identity, struct failure *failure);
int __wrap_posix_fallocate(int fd, off_t offset, off_t length);
ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t length, off_t offset);
int __wrap_openat(int folder, const char *file, int flags, mode_t mode);
int __wrap_fcntl(int fd, int command, void *argument);

int __wrap_registry_open(const char *path, bool create, struct failure *failure)
{
	(void)create;
	assert_string_equal(path, REGISTRY_FOLDER);
	if (it.folder_error)
		return failure_errno(failure, it.folder_error, path, "no folder");
	return open(it.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int __wrap_vduse_device_read(const struct sysfs *fs, const char *name, struct vduse_device *device,
			     struct failure *failure)
{
	(void)fs;
	memset(device, 0, sizeof(*device));
	snprintf(device->name, sizeof(device->name), "%s", name);
	return it.device_error ? failure_errno(failure, it.device_error, name, "no device") : 0;
}

int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
				 struct device_identity *identity, struct failure *failure)
{
	(void)fs;
	(void)failure;
	*identity = (struct device_identity){ .boot = "this one", .major = 10, .minor = 1,
					      .folder = it.number + strlen(device->name) };
	return 0;
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t length)
{
	return it.room_error ? it.room_error : __real_posix_fallocate(fd, offset, length);
}

ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned int flags)
{
	errno = it.random_error;
	return it.random_error ? -1 : __real_getrandom(buffer, length, flags);
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	errno = it.memory_error;
	return it.memory_error ? -1 : __real_memfd_create(name, flags);
}

ssize_t __wrap_pwrite(int fd, const void *buffer, size_t length, off_t offset)
{
	errno = it.write_error;
	return it.write_error ? -1 : __real_pwrite(fd, buffer, length, offset);
}

int __wrap_openat(int folder, const char *file, int flags, mode_t mode)
{
	int fd;

	if (it.open_error) {
		errno = it.open_error;
		return -1;
	}
	fd = __real_openat(folder, file, flags, mode);
	if (fd >= 0 && it.chasing)
		unlinkat(folder, file, 0);
	return fd;
}

int __wrap_fcntl(int fd, int command, void *argument)
{
	if (command == F_SETLK && it.lock_error) {
		errno = it.lock_error;
		return -1;
	}
	return __real_fcntl(fd, command, argument);
}

/* -- the stage ------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s.journal", it.folder, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	strcpy(it.folder, "/tmp/test_journal_file.XXXXXX");
	it.fds[0] = it.fds[1] = -1;
	it.number = 1000;
	assert_non_null(mkdtemp(it.folder));
	return 0;
}

static void close_journals(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (it.fds[i] >= 0)
			close(it.fds[i]);
		it.fds[i] = -1;
	}
}

static int teardown(void **state)
{
	DIR *folder = opendir(it.folder);
	struct dirent *entry;

	(void)state;
	close_journals();
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' &&
		    unlinkat(dirfd(folder), entry->d_name, 0))
			unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
	closedir(folder);
	return rmdir(it.folder);
}

static int open_one(const char *name)
{
	const char *const names[] = { name };

	close_journals();
	return journal_open(names, 1, it.fds, &it.failure);
}

static int open_two(const char *a, const char *b)
{
	const char *const names[] = { a, b };

	close_journals();
	return journal_open(names, 2, it.fds, &it.failure);
}

static uint64_t word(void)
{
	uint64_t value;

	assert_int_equal(pread(it.fds[0], &value, sizeof(value), JOURNAL_OFFSET + 8),
			 sizeof(value));
	return value;
}

static void put_word(uint64_t value)
{
	assert_int_equal(__real_pwrite(it.fds[0], &value, sizeof(value), JOURNAL_OFFSET + 8),
			 sizeof(value));
}

/* A journal of lo0 alone, with MARK in it. */
static void leave(void)
{
	assert_int_equal(open_one("lo0"), 0);
	put_word(MARK);
	close_journals();
}

/* It is opened without a mark: zeroes, of full length, in a private file of that name. */
static void begins_anew(void)
{
	struct stat status;

	assert_int_equal(open_one("lo0"), 0);
	assert_true(word() == 0);
	assert_int_equal(lstat(path_of("lo0"), &status), 0);
	assert_true(S_ISREG(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, JOURNAL_OFFSET + CONTENT);
	assert_int_equal(status.st_nlink, 1);
	/* and is one that can be gone on with */
	leave();
	assert_int_equal(open_one("lo0"), 0);
	assert_true(word() == MARK);
}

/* -- going on ------------------------------------------------------------------------------ */

static void the_next_one_goes_on(void **state)
{
	(void)state;
	begins_anew();
	assert_int_equal(fcntl(it.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void two_devices_have_one_journal(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(open_two("lo0", "peer1"), 0);
	assert_true(it.fds[1] >= 0);
	put_word(MARK);
	assert_int_equal(fstat(it.fds[1], &status), 0);
	assert_true(status.st_size > 0 && status.st_size <= JOURNAL_OFFSET);
	assert_int_equal(open_two("lo0", "peer1"), 0);
	assert_true(word() == MARK);
}

static off_t place_of(unsigned int port, unsigned int index)
{
	return JOURNAL_OFFSET + (off_t)(port * sizeof(struct journal_port) +
					offsetof(struct journal_port, session.queues) +
					index * sizeof(struct journal_queue));
}

/* What a reset has ended is not known to the next service; what runs is, and stays as it is. */
static void what_a_reset_has_ended(void **state)
{
	struct journal_queue queue = { .desc = 1, .driver = 2, .device = 3, .size = 256 }, found;
	unsigned int port, i;

	(void)state;
	assert_int_equal(open_two("lo0", "peer1"), 0);
	for (port = 0; port < 2; port++) {
		for (i = 0; i < 2; i++) {
			queue.valid = port != i;
			assert_int_equal(__real_pwrite(it.fds[0], &queue, sizeof(queue),
						       place_of(port, i)), sizeof(queue));
		}
	}
	it.write_error = EROFS;
	assert_int_equal(open_two("lo0", "peer1"), -EROFS);
	it.write_error = 0;
	assert_int_equal(open_two("lo0", "peer1"), 0);
	for (port = 0; port < 2; port++) {
		for (i = 0; i < 2; i++) {
			assert_int_equal(pread(it.fds[0], &found, sizeof(found),
					       place_of(port, i)), sizeof(found));
			assert_int_equal(found.desc, 1);
			assert_int_equal(found.valid, port != i);
			assert_int_equal(found.size, port != i ? 256 : 0);
		}
	}
}

/* proc-70: by whoever serves other devices than the last one did, nothing is gone on with. */
static void proc_70_a_journal_of_other_devices(void **state)
{
	(void)state;
	open_two("lo0", "peer1");
	put_word(MARK);
	assert_int_equal(open_one("lo0"), 0);
	assert_true(word() == 0);
	put_word(MARK);
	assert_int_equal(open_two("lo0", "peer1"), 0);
	assert_true(word() == 0);
	put_word(MARK);
	assert_int_equal(open_two("peer1", "lo0"), 0);
	assert_true(word() == 0);
	put_word(MARK);
	/* the second one was served alone meanwhile, or with somebody else */
	assert_int_equal(open_one("lo0"), 0);
	assert_int_equal(open_two("peer1", "lo0"), 0);
	assert_true(word() == 0);
	put_word(MARK);
	assert_int_equal(open_two("peer1", "third"), 0);
	assert_true(word() == 0);
}

/* proc-70: the same name, but made anew since. */
static void proc_70_a_journal_of_another_device(void **state)
{
	(void)state;
	leave();
	it.number++;
	begins_anew();
}

/* -- what can lie there ---------------------------------------------------------------------- */

static void edit(off_t at, uint8_t byte)
{
	int fd = open(path_of("lo0"), O_RDWR);
	uint8_t before;

	assert_int_equal(pread(fd, &before, 1, at), 1);
	byte ^= before;
	assert_int_equal(__real_pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* proc-70: each byte of what it says of itself counts: magic, version, lengths, devices, name. */
static void proc_70_each_byte_of_the_page(void **state)
{
	static const off_t places[] = {
		0, 6, 7,	/* magic */
		8, 11,		/* version */
		12, 15,		/* content */
		24, 28,		/* index, count */
		32,		/* device: boot */
		72, 76, 80,	/* major, minor, folder */
		88, 90, 343,	/* name */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		leave();
		edit(places[i], 0x40);
		begins_anew();
	}
}

/* A service without a number cannot be told from a file that was never finished. */
static void proc_70_no_number(void **state)
{
	const uint64_t none = 0;
	int fd;

	(void)state;
	leave();
	fd = open(path_of("lo0"), O_RDWR);
	assert_int_equal(__real_pwrite(fd, &none, sizeof(none), 16), sizeof(none));
	close(fd);
	begins_anew();
}

static void proc_70_short_or_long(void **state)
{
	static const off_t lengths[] = {
		0, 1, 100, JOURNAL_OFFSET, JOURNAL_OFFSET + CONTENT - 1, JOURNAL_OFFSET + CONTENT + 1,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		leave();
		assert_int_equal(truncate(path_of("lo0"), lengths[i]), 0);
		begins_anew();
	}
}

static void proc_70_others_may_write_it(void **state)
{
	static const mode_t modes[] = { 0620, 0602, 0640, 0604, 0666 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		leave();
		assert_int_equal(chmod(path_of("lo0"), modes[i]), 0);
		begins_anew();
	}
}

static void proc_70_another_owner(void **state)
{
	(void)state;
	if (geteuid())
		skip();		/* only root can give a file away */
	leave();
	assert_int_equal(chown(path_of("lo0"), 65534, 65534), 0);
	begins_anew();
}

/* What it leads to is not touched. */
static void proc_70_a_symbolic_link(void **state)
{
	char other[100];
	struct stat status;

	(void)state;
	leave();
	snprintf(other, sizeof(other), "%s/other", it.folder);
	assert_int_equal(rename(path_of("lo0"), other), 0);
	assert_int_equal(symlink(other, path_of("lo0")), 0);
	begins_anew();
	assert_int_equal(stat(other, &status), 0);
	assert_int_equal(status.st_size, JOURNAL_OFFSET + CONTENT);
}

static void proc_70_a_hard_link(void **state)
{
	char other[100];

	(void)state;
	leave();
	snprintf(other, sizeof(other), "%s/other", it.folder);
	assert_int_equal(link(path_of("lo0"), other), 0);
	begins_anew();
}

static void proc_70_a_fifo(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path_of("lo0"), 0600), 0);
	begins_anew();
}

/* It cannot be put aside by removing a file: told, and nothing is left open. */
static void proc_70_a_folder(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("lo0"), 0700), 0);
	assert_true(open_one("lo0") < 0);
	assert_int_equal(it.fds[0], -1);
	assert_non_null(strstr(it.failure.message, "journal"));
}

/* -- who serves ---------------------------------------------------------------------------------- */

/* A process that has the journal of lo0, until the returned pipe is closed. */
static pid_t serve_elsewhere(int *end)
{
	int told[2], wait[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(told) | pipe(wait), 0);
	pid = fork();
	if (pid == 0) {
		close(wait[1]);
		if (open_one("lo0") == 0 && write(told[1], "", 1) == 1)
			_exit(read(wait[0], &byte, 1) != 0);
		_exit(1);
	}
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	close(told[1]);
	close(wait[0]);
	*end = wait[1];
	return pid;
}

static void proc_71_one_service_at_a_time(void **state)
{
	char hint[60];
	int end, status;
	pid_t pid;

	(void)state;
	assert_int_equal(journal_owner("lo0"), 0);
	pid = serve_elsewhere(&end);
	assert_int_equal(journal_owner("lo0"), pid);
	assert_int_equal(journal_owner("other"), 0);
	assert_int_equal(open_two("other", "lo0"), -EBUSY);
	assert_int_equal(it.fds[0], -1);
	assert_int_equal(it.failure.status, STATUS_BUSY);
	assert_string_equal(it.failure.object, "lo0");
	snprintf(hint, sizeof(hint), "process %d (vduse) serves it", (int)pid);
	assert_string_equal(it.failure.hint, hint);
	close(end);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(journal_owner("lo0"), 0);
	assert_int_equal(open_one("lo0"), 0);
	it.folder_error = EACCES;
	assert_int_equal(journal_owner("lo0"), 0);
}

/* -- what can fail ---------------------------------------------------------------------------------- */

static void proc_67_what_cannot_be_had(void **state)
{
	static int *const errors[] = { &it.folder_error, &it.device_error, &it.room_error,
				       &it.random_error, &it.write_error, &it.open_error,
				       &it.lock_error };
	size_t i;
	int probe = dup(0), again;

	(void)state;
	close(probe);
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		unlink(path_of("lo0"));
		*errors[i] = ENOSPC;
		assert_true(open_two("other", "lo0") < 0);
		assert_int_equal(it.fds[0], -1);
		assert_int_equal(it.fds[1], -1);
		assert_int_not_equal(it.failure.status, STATUS_OK);
		*errors[i] = 0;
	}
	again = dup(0);
	assert_int_equal(again, probe);	/* nothing was left open */
	close(again);
	begins_anew();
}

/* A folder in which somebody removes files as fast as they are made. */
static void a_file_that_does_not_stay(void **state)
{
	(void)state;
	it.chasing = true;
	assert_int_equal(open_one("lo0"), -EBUSY);
	it.chasing = false;
}

static void in_memory(void **state)
{
	(void)state;
	it.memory_error = ENFILE;
	assert_int_equal(journal_in_memory(), -ENFILE);
	it.memory_error = 0;
	it.room_error = ENOSPC;
	assert_int_equal(journal_in_memory(), -ENOSPC);
	it.room_error = 0;
	it.fds[0] = journal_in_memory();
	assert_true(it.fds[0] >= 0);
	assert_true(word() == 0);
	put_word(MARK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_one_goes_on),
		TEST(two_devices_have_one_journal),
		TEST(what_a_reset_has_ended),
		TEST(proc_70_a_journal_of_other_devices),
		TEST(proc_70_a_journal_of_another_device),
		TEST(proc_70_each_byte_of_the_page),
		TEST(proc_70_no_number),
		TEST(proc_70_short_or_long),
		TEST(proc_70_others_may_write_it),
		TEST(proc_70_another_owner),
		TEST(proc_70_a_symbolic_link),
		TEST(proc_70_a_hard_link),
		TEST(proc_70_a_fifo),
		TEST(proc_70_a_folder),
		TEST(proc_71_one_service_at_a_time),
		TEST(proc_67_what_cannot_be_had),
		TEST(a_file_that_does_not_stay),
		TEST(in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
