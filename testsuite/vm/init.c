// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First process of the test guest, run from the initramfs.
 *
 * It loads the modules that /modules/list names, in that order, mounts the
 * squashfs on the first virtio disk with a tmpfs over it, and lays /payload of
 * the initramfs (the project's programs) between the two as a third overlay
 * layer, so nothing is copied. Then it makes that the root and becomes the
 * agent, or the program that VM_INIT on the kernel's command line names. A step
 * that fails is said on the console and ends the machine: a guest without, say,
 * its vduse module would only fail later and less clearly.
 *
 * It is C and not a shell because a fork and exec costs some 28 ms in
 * emulation, and a boot would need thirty.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define AGENT "/usr/lib/vduse-tools-vm/agent"

static void fail(const char *what, const char *object)
{
	fprintf(stderr, "vm-init: %s %s: %s\n", what, object, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	exit(1);
}

static void mount_at(const char *type, const char *source, const char *dir,
		     unsigned long flags, const char *options)
{
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		fail("cannot make", dir);
	if (mount(source, dir, type, flags, options) < 0)
		fail("cannot mount", dir);
}

static void load_module(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("cannot open module", name);
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		fail("cannot load module", name);
	close(fd);
}

static void load_modules(void)
{
	char line[256];
	FILE *list = fopen("/modules/list", "re");

	if (!list)
		fail("cannot open", "/modules/list");
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		load_module(line);
	}
	fclose(list);
}

static void mount_root(void)
{
	int tries;

	mount_at("tmpfs", "tmpfs", "/rw", 0, "mode=0755");
	mkdir("/rw/upper", 0755);
	mkdir("/rw/work", 0755);
	mkdir("/lower", 0755);
	mkdir("/payload", 0755);
	/* the disk may be found a moment after its driver was loaded */
	for (tries = 0; access("/dev/vda", F_OK) < 0 && tries < 6000; tries++)
		usleep(10000);
	mount_at("squashfs", "/dev/vda", "/lower", MS_RDONLY, NULL);
	mount_at("overlay", "overlay", "/root", 0,
		 "lowerdir=/payload:/lower,upperdir=/rw/upper,workdir=/rw/work");
}

/*
 * Device nodes whose drivers load when they are opened (/dev/net/tun ...).
 * Elsewhere systemd makes them, from the file that depmod writes.
 */
static void make_static_nodes(const char *release)
{
	char path[256], line[256], name[100], dir[120], kind;
	unsigned int major, minor;
	FILE *list;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.devname", release);
	list = fopen(path, "re");
	if (!list)
		return;
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "%*s %99s %c%u:%u", name, &kind, &major, &minor) != 4)
			continue;
		snprintf(dir, sizeof(dir), "/dev/%s", name);
		if (strchr(name, '/')) {
			*strrchr(dir, '/') = 0;
			mkdir(dir, 0755);
			snprintf(dir, sizeof(dir), "/dev/%s", name);
		}
		mknod(dir, (kind == 'b' ? S_IFBLK : S_IFCHR) | 0600,
		      makedev(major, minor));
	}
	fclose(list);
}

static void raise_loopback(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		fail("cannot raise", "lo");
	close(fd);
}

static void enter_root(void)
{
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) < 0 ||
	    mount("/proc", "/root/proc", NULL, MS_MOVE, NULL) < 0 ||
	    mount("/sys", "/root/sys", NULL, MS_MOVE, NULL) < 0)
		fail("cannot move", "/dev, /proc or /sys");
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		fail("cannot enter", "the root");
	mount_at("tmpfs", "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
	mount_at("tmpfs", "tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
	mount_at("devpts", "devpts", "/dev/pts", 0, "mode=0620,ptmxmode=0666");
	mount_at("tmpfs", "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
	mount_at("cgroup2", "cgroup2", "/sys/fs/cgroup", 0, NULL);
	mount_at("debugfs", "debugfs", "/sys/kernel/debug", 0, NULL);
	if (symlink("/proc/self/fd", "/dev/fd") < 0)
		fail("cannot make", "/dev/fd");
}

/* The kernel had no /dev yet to open it for us. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
}

int main(void)
{
	char release[128] = "";
	const char *program;
	FILE *f;

	mount_at("devtmpfs", "devtmpfs", "/dev", 0, "mode=0755");
	open_console();
	mount_at("proc", "proc", "/proc", 0, NULL);
	mount_at("sysfs", "sysfs", "/sys", 0, NULL);
	load_modules();
	mount_root();
	enter_root();
	raise_loopback();
	sethostname("vm", 2);
	f = fopen("/proc/sys/kernel/osrelease", "re");
	if (f && fscanf(f, "%127s", release) == 1)
		make_static_nodes(release);
	program = getenv("VM_INIT") ?: AGENT;
	execl(program, program, (char *)NULL);
	fail("cannot start", program);
}
