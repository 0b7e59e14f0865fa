// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm-state: what a test could leave behind in the guest, a line an item, sorted
 * by nobody: "process PID NAME", "vduse NAME", "vdpa NAME", "netns NAME",
 * "interface NAME", "record NAME" (a file below /run/vduse), "module NAME".
 * Bytes of a name that are no plain text are written as \xNN, so that an item
 * is one line of three words at most, and printf %b gives the name back.
 *
 * vm-state --destroy NAME destroys a VDUSE device without the tool under test.
 *
 * The suite asks before and after each test; a shell that looks at all of this
 * would take ten times as long as this program does in emulation.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#define DESTROY_DEV _IOW(0x81, 0x03, char[256])	/* linux/vduse.h: VDUSE_DESTROY_DEV */
#define PF_KTHREAD 0x00200000			/* linux/sched.h */

static void print_item(const char *kind, const char *prefix, const char *name)
{
	printf("%s %s", kind, prefix);
	for (; *name; name++)
		if (isgraph((unsigned char)*name) && *name != '\\')
			putchar(*name);
		else
			printf("\\x%02x", (unsigned char)*name);
	putchar('\n');
}

static void list_folder(const char *kind, const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')	/* nor a lock file of the tools */
			print_item(kind, "", entry->d_name);
	if (dir)
		closedir(dir);
}

/* The modules that a test may take away, and must bring back; and the one that it
 * may bring (testsuite/module), and must take away. */
static void list_modules(void)
{
	static const char *const names[] = { "vduse", "virtio_vdpa", "vhost_vdpa", "virtio_net",
					     "vdpa_test" };
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", names[i]);
		if (!access(path, F_OK))
			print_item("module", "", names[i]);
	}
}

/* A living program, and neither the agent nor this one. */
static void print_process(const char *pid)
{
	char path[300], stat[1024], prefix[32], *name, *end, run = 0;
	unsigned int flags = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	stat[n > 0 ? n : 0] = 0;
	name = strchr(stat, '(');
	end = strrchr(stat, ')');
	if (!name || !end)
		return;
	*end = 0;
	if (sscanf(end + 1, " %c %*d %*d %*d %*d %*d %u", &run, &flags) != 2 ||
	    run == 'Z' || run == 'X' || flags & PF_KTHREAD ||
	    !strcmp(name + 1, "agent") || atoi(pid) == getpid())
		return;
	snprintf(prefix, sizeof(prefix), "%.10s ", pid);
	print_item("process", prefix, name + 1);
}

static void list_processes(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			print_process(entry->d_name);
	if (dir)
		closedir(dir);
}

static int destroy(const char *name)
{
	char arg[256] = "";
	int fd = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);

	memcpy(arg, name, strnlen(name, sizeof(arg) - 1));
	if (fd < 0 || ioctl(fd, DESTROY_DEV, arg) < 0) {
		fprintf(stderr, "vm-state: cannot destroy %s: %s\n", name, strerror(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--destroy"))
		return destroy(argv[2]);
	list_processes();
	list_folder("vduse", "/sys/class/vduse");
	list_folder("vdpa", "/sys/bus/vdpa/devices");
	list_folder("netns", "/run/netns");
	list_folder("interface", "/sys/class/net");
	list_folder("record", "/run/vduse");
	list_modules();
	return fflush(stdout) ? 1 : 0;
}
