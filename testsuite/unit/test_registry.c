// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/registry: records in files (case 70: corrupt, short, a symlink, another version). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/registry.h"

static char folder[64];		/* of this test, empty */
static char path[128];		/* folder/run, not made yet */
static struct failure failure;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/vt-registry-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/run", folder);
	memset(&failure, 0, sizeof(failure));
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static int open_registry(void)
{
	int fd = registry_open(path, true, &failure);

	if (fd < 0)
		fail_msg("%s", failure.message);
	return fd;
}

static struct registry_record record_of(const char *name)
{
	struct registry_record record = {
		.identity = { .boot = "boot", .major = 243, .minor = 1, .folder = 99 },
	};

	vduse_definition_default(&record.definition, name, DEVICE_TYPE_NET);
	record.definition.mac[0] = 2;
	return record;
}

static void put_file(int registry, const char *file, const char *text, size_t length)
{
	int fd = openat(registry, file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static mode_t mode_of(int registry, const char *file)
{
	struct stat status;

	assert_int_equal(fstatat(registry, file, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status.st_mode & 07777;
}

static int count_files(void)
{
	char command[160];
	FILE *pipe;
	int count = -1;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%d", &count), 1);
	pclose(pipe);
	return count;
}

static void missing_folder(void **state)
{
	(void)state;
	assert_int_equal(registry_open(path, false, &failure), -ENOENT);
	assert_int_equal(failure.status, STATUS_FAILED);
	snprintf(path, sizeof(path), "%s/no/run", folder);
	assert_int_equal(registry_open(path, true, &failure), -ENOENT);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_string_equal(failure.object, path);
}

static void folder_and_files_are_readable_whatever_the_umask(void **state)
{
	mode_t mask = umask(0777);
	int registry, lock;
	struct registry_record record = record_of("lo0");

	(void)state;
	registry = open_registry();
	lock = registry_lock(registry, 0, &failure);
	assert_int_equal(registry_write(registry, &record, &failure), 0);
	umask(0);
	registry_unlock(lock);
	close(registry);
	registry = open_registry();
	assert_int_equal(mode_of(registry, "."), 0755);
	assert_int_equal(mode_of(registry, "lo0.json"), 0644);
	umask(mask);
	close(registry);
}

static void folder_that_others_can_write_is_refused(void **state)
{
	(void)state;
	if (geteuid())
		skip();	/* giving files away is root's */
	assert_int_equal(mkdir(path, 0755), 0);
	chmod(path, 0775);
	assert_int_equal(registry_open(path, true, &failure), -EPERM);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_true(failure.hint[0]);
	chmod(path, 0757);
	assert_int_equal(registry_open(path, false, &failure), -EPERM);
	chmod(path, 0755);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(registry_open(path, false, &failure), -EPERM);
}

static void folder_that_is_none_is_refused(void **state)
{
	(void)state;
	assert_int_equal(symlink(folder, path), 0);
	assert_true(registry_open(path, true, &failure) < 0);
	assert_non_null(strstr(failure.message, "symbolic link"));
	assert_int_equal(failure.status, STATUS_FAILED);
	unlink(path);
	assert_true(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644) >= 0);
	assert_int_equal(registry_open(path, true, &failure), -ENOTDIR);
	assert_non_null(strstr(failure.message, "symbolic link, or no folder"));
}

static void folder_that_cannot_be_had(void **state)
{
	static char name[5000];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(registry_open(name, true, &failure), -ENAMETOOLONG);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_non_null(strstr(failure.message, "cannot make or open"));
	assert_int_equal(registry_open(name, false, NULL), -ENAMETOOLONG);
}

static void record_is_written_read_and_removed(void **state)
{
	struct registry_record record = record_of("lo0"), read;
	int registry = open_registry();

	(void)state;
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -ENOENT);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_int_equal(registry_write(registry, &record, &failure), 0);
	assert_int_equal(registry_read(registry, "lo0", &record.identity, &read, &failure), 0);
	assert_memory_equal(&record, &read, sizeof(record.definition));
	record.definition.vendor = 5;
	assert_int_equal(registry_write(registry, &record, &failure), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), 0);
	assert_int_equal(read.definition.vendor, 5);
	assert_int_equal(count_files(), 1);
	assert_int_equal(registry_remove(registry, "lo0", &failure), 0);
	assert_int_equal(registry_remove(registry, "lo0", &failure), 0);
	assert_int_equal(count_files(), 0);
	close(registry);
}

static void record_of_an_earlier_device_is_stale(void **state)
{
	struct registry_record record = record_of("lo0"), read;
	struct device_identity now = record.identity;
	int registry = open_registry();

	(void)state;
	registry_write(registry, &record, &failure);
	now.folder++;
	assert_int_equal(registry_read(registry, "lo0", &now, &read, &failure), -ESTALE);
	assert_non_null(strstr(failure.message, "earlier device"));
	close(registry);
}

/* Two long names whose records share a file: the full name inside tells. */
static void record_of_another_device_is_refused(void **state)
{
	struct registry_record record = record_of("lo1"), read;
	int registry = open_registry();

	(void)state;
	registry_write(registry, &record, &failure);
	assert_int_equal(renameat(registry, "lo1.json", registry, "lo0.json"), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -EBADMSG);
	assert_non_null(strstr(failure.message, "another device"));
	close(registry);
}

static void long_names_have_records(void **state)
{
	struct registry_record record = record_of("x"), read;
	int registry = open_registry();

	(void)state;
	memset(record.definition.name, 'n', 255);
	assert_int_equal(registry_write(registry, &record, &failure), 0);
	assert_int_equal(registry_read(registry, record.definition.name, NULL, &read, &failure), 0);
	assert_string_equal(read.definition.name, record.definition.name);
	assert_int_equal(registry_remove(registry, record.definition.name, &failure), 0);
	assert_int_equal(count_files(), 0);
	close(registry);
}

/* A name that the kernel has need not be one of ours: it names no other file. */
static void foreign_names_reach_no_file(void **state)
{
	static const char *const names[] = { "../lo0", "a/../lo0", "/etc/passwd", "..", ".", "x y" };
	struct registry_record record = record_of("lo0"), read;
	int registry = open_registry();
	size_t i;

	(void)state;
	registry_write(registry, &record, &failure);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(registry_read(registry, names[i], NULL, &read, &failure), -ENOENT);
	close(registry);
}

static int read_file(int registry, const char *text, size_t length)
{
	struct registry_record read;

	put_file(registry, "lo0.json", text, length);
	return registry_read(registry, "lo0", NULL, &read, &failure);
}

static void proc_70_corrupt_files_are_refused(void **state)
{
	static char zeros[100000];
	struct registry_record record = record_of("lo0");
	char *text = registry_record_format(&record);
	int registry = open_registry();

	(void)state;
	assert_int_equal(read_file(registry, text, strlen(text)), 0);
	assert_int_equal(read_file(registry, "", 0), -EBADMSG);
	assert_non_null(strstr(failure.message, "lo0.json is not used"));
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_int_equal(read_file(registry, text, strlen(text) / 2), -EBADMSG);
	assert_int_equal(read_file(registry, zeros, sizeof(zeros)), -EBADMSG);
	assert_non_null(strstr(failure.message, "too long"));
	assert_int_equal(read_file(registry, "{\"version\":2}", 13), -EBADMSG);
	assert_non_null(strstr(failure.message, "another version"));
	free(text);
	close(registry);
}

static void proc_70_what_is_no_file_is_refused(void **state)
{
	struct registry_record record = record_of("lo0"), read;
	int registry = open_registry();

	(void)state;
	registry_write(registry, &record, &failure);
	renameat(registry, "lo0.json", registry, "target");
	assert_int_equal(symlinkat("target", registry, "lo0.json"), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -ELOOP);
	assert_non_null(strstr(failure.message, "symbolic link"));
	unlinkat(registry, "lo0.json", 0);
	assert_int_equal(mkdirat(registry, "lo0.json", 0755), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -EBADMSG);
	unlinkat(registry, "lo0.json", AT_REMOVEDIR);
	/* Nobody writes into it: a reader that opened it plainly would wait. */
	assert_int_equal(mkfifoat(registry, "lo0.json", 0644), 0);
	alarm(100);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -EBADMSG);
	alarm(0);
	close(registry);
}

static void file_of_someone_else_is_refused(void **state)
{
	struct registry_record record = record_of("lo0"), read;
	int registry = open_registry();

	(void)state;
	if (geteuid())
		skip();	/* giving files away is root's */
	registry_write(registry, &record, &failure);
	assert_int_equal(fchmodat(registry, "lo0.json", 0664, 0), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -EPERM);
	assert_int_equal(fchmodat(registry, "lo0.json", 0646, 0), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -EPERM);
	assert_int_equal(fchmodat(registry, "lo0.json", 0644, 0), 0);
	assert_int_equal(fchownat(registry, "lo0.json", 12345, 12345, 0), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), -EPERM);
	close(registry);
}

/* What a killed process left, or someone laid there, is not written through. */
static void temporary_file_in_the_way(void **state)
{
	struct registry_record record = record_of("lo0"), read;
	int registry = open_registry();
	char *target;

	(void)state;
	assert_true(asprintf(&target, "%s/target", folder) > 0);
	put_file(registry, target, "untouched", 9);
	assert_int_equal(symlinkat(target, registry, ".record"), 0);
	assert_int_equal(registry_write(registry, &record, &failure), 0);
	assert_int_equal(registry_read(registry, "lo0", NULL, &read, &failure), 0);
	assert_int_equal(mode_of(registry, "lo0.json"), 0644);
	assert_int_equal(count_files(), 1);
	free(target);
	close(registry);
}

/* A failed write leaves no half record and keeps the old one's place free. */
static void failed_write_leaves_nothing(void **state)
{
	struct registry_record record = record_of("lo0");
	int registry = open_registry();

	(void)state;
	assert_int_equal(mkdirat(registry, "lo0.json", 0755), 0);
	assert_true(registry_write(registry, &record, &failure) < 0);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_string_equal(failure.object, "lo0");
	assert_int_equal(count_files(), 1);
	assert_true(registry_remove(registry, "lo0", &failure) < 0);
	close(registry);
}

/* Takes the lock, says so, holds it until it is killed. */
static pid_t start_holder(int registry)
{
	int ends[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		if (registry_lock(registry, 0, NULL) < 0)
			_exit(1);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		alarm(200);
		while (getpid())
			pause();
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return child;
}

static void cli_93_lock_keeps_others_out(void **state)
{
	int registry = open_registry(), lock;
	struct timespec start, end;
	char expected[32];
	pid_t child;

	(void)state;
	child = start_holder(registry);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(registry_lock(registry, 200, &failure), -EBUSY);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 >=
		    190);
	assert_int_equal(failure.status, STATUS_BUSY);
	snprintf(expected, sizeof(expected), "process %d ", (int)child);
	assert_non_null(strstr(failure.message, expected));
	assert_int_equal(registry_lock(registry, 0, &failure), -EBUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	lock = registry_lock(registry, 0, &failure);
	assert_true(lock >= 0);
	assert_int_equal(mode_of(registry, ".lock"), 0600);
	registry_unlock(lock);
	child = start_holder(registry);	/* it can be had again */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(registry);
}

static void cli_93_lock_is_waited_for(void **state)
{
	int registry = open_registry(), lock;
	pid_t holder, killer;

	(void)state;
	holder = start_holder(registry);
	killer = fork();
	if (killer == 0) {
		usleep(200000);
		kill(holder, SIGKILL);
		_exit(0);
	}
	lock = registry_lock(registry, 100000, &failure);
	assert_true(lock >= 0);
	registry_unlock(lock);
	registry_unlock(-1);
	waitpid(holder, NULL, 0);
	waitpid(killer, NULL, 0);
	close(registry);
}

static void proc_70_lock_that_is_a_link_is_refused(void **state)
{
	int registry = open_registry();

	(void)state;
	assert_int_equal(symlinkat("/dev/null", registry, ".lock"), 0);
	assert_int_equal(registry_lock(registry, 0, &failure), -ELOOP);
	assert_int_equal(failure.status, STATUS_FAILED);
	close(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(missing_folder),
		TEST(folder_and_files_are_readable_whatever_the_umask),
		TEST(folder_that_others_can_write_is_refused),
		TEST(folder_that_is_none_is_refused),
		TEST(folder_that_cannot_be_had),
		TEST(record_is_written_read_and_removed),
		TEST(record_of_an_earlier_device_is_stale),
		TEST(record_of_another_device_is_refused),
		TEST(long_names_have_records),
		TEST(foreign_names_reach_no_file),
		TEST(proc_70_corrupt_files_are_refused),
		TEST(proc_70_what_is_no_file_is_refused),
		TEST(file_of_someone_else_is_refused),
		TEST(temporary_file_in_the_way),
		TEST(failed_write_leaves_nothing),
		TEST(cli_93_lock_keeps_others_out),
		TEST(cli_93_lock_is_waited_for),
		TEST(proc_70_lock_that_is_a_link_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
