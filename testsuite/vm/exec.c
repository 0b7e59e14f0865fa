// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec [OPTION]... DIR [--] COMMAND [ARGUMENT]...
 *
 * Runs COMMAND in the guest that testsuite/vm/start began in DIR: through a
 * free one of its virtio serial ports (DIR/port0 ...), to the agent. Standard
 * input goes in unless it is a terminal, standard output and error come back
 * apart, and the exit status is the command's, 128 + n for a signal. The
 * command dies with this program. In a DIR that stands for the host's own
 * kernel (HOST=1) the command runs right here.
 *
 *	--timeout SECONDS	kill the command after that long: status 124
 *	--tty			give it a terminal, ours in raw mode; ^] leaves
 *	--env NAME=VALUE	add to its environment
 *	--report FILE		write what became of it to FILE: exited, timeout
 *				or lost (124 and 125 may also be the command's)
 *
 * Status 125: the guest did not answer or went away.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "session.h"
#include "stream.h"

#define PORTS 4
#define STATUS_TIMEOUT 124
#define STATUS_LOST 125
#define LEAVE_KEY 0x1d	/* ^] */

struct options {
	double timeout;
	bool tty;
	const char *report;
	const char *dir;
	int here;		/* the folder that we were called in */
	char *env[32];
	size_t env_count;
	char **command;
};

struct client {
	int line;
	char nonce[33];
	struct decoder decoder;
	struct buffer echo;	/* payload of the START frame coming in */
	struct buffer number;	/* payload of the ACK or EXIT frame coming in */
	int number_type;
	bool ours;		/* our nonce came back */
	bool exited;
	int status;
	size_t window;
	bool input_open;
	struct buffer to_guest;
};

static volatile sig_atomic_t resized;
static struct termios saved_terminal;

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

static void restore_terminal(void)
{
	tcsetattr(0, TCSADRAIN, &saved_terminal);
}

static void __attribute__((noreturn)) fail(const char *what, const char *object)
{
	fprintf(stderr, "vm/exec: %s %s: %s\n", what, object, strerror(errno));
	exit(STATUS_LOST);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* -- options --------------------------------------------------------------- */

static void __attribute__((noreturn)) usage(void)
{
	fputs("usage: exec [--timeout SECONDS] [--tty] [--env NAME=VALUE]... "
	      "[--report FILE] DIR [--] COMMAND [ARGUMENT]...\n", stderr);
	exit(2);
}

static const char *option_value(char ***argv)
{
	if (!(*argv)[1])
		usage();
	return *++*argv;
}

static void parse_options(struct options *o, char **argv)
{
	for (argv++; *argv && !strncmp(*argv, "--", 2) && (*argv)[2]; argv++) {
		if (!strcmp(*argv, "--timeout"))
			o->timeout = strtod(option_value(&argv), NULL);
		else if (!strcmp(*argv, "--tty"))
			o->tty = true;
		else if (!strcmp(*argv, "--report"))
			o->report = option_value(&argv);
		else if (!strcmp(*argv, "--env") && o->env_count < 32)
			o->env[o->env_count++] = (char *)option_value(&argv);
		else
			usage();
	}
	if (!*argv)
		usage();
	o->dir = *argv++;
	if (*argv && !strcmp(*argv, "--"))
		argv++;
	if (!*argv)
		usage();
	o->command = argv;
}

static int finish(const struct options *o, const char *outcome, int status)
{
	int fd;

	if (!o->report)
		return status;
	fd = openat(o->here, o->report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%s\n", outcome) < 0)
		fprintf(stderr, "vm/exec: cannot write %s: %s\n", o->report, strerror(errno));
	close(fd);
	return status;
}

/* -- on the host's own kernel ---------------------------------------------- */

/* DIR/host has the PATH with the project's programs. */
static void set_up_host(const struct options *o, FILE *host)
{
	char path[8192] = "";
	size_t i;

	if (fgets(path, sizeof(path), host))
		path[strcspn(path, "\n")] = 0;
	fclose(host);
	setenv("PATH", path, 1);
	for (i = 0; i < o->env_count; i++)
		putenv(o->env[i]);
	if (fchdir(o->here) < 0)
		fail("cannot return from", o->dir);
}

/* The child dies with us, as a command in a guest would. */
static int run_here(const struct options *o)
{
	pid_t pid;
	int status, left;

	if (o->timeout <= 0 || o->tty) {
		execvp(o->command[0], o->command);
		fprintf(stderr, "vm/exec: %s: %s\n", o->command[0], strerror(errno));
		return errno == ENOENT ? 127 : 126;
	}
	pid = fork();
	if (!pid) {
		setsid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(o->command[0], o->command);
		fprintf(stderr, "vm/exec: %s: %s\n", o->command[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	for (left = o->timeout * 100; left > 0; left--) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return finish(o, "exited", WIFSIGNALED(status) ?
				      128 + WTERMSIG(status) : WEXITSTATUS(status));
		usleep(10000);
	}
	kill_session(pid);
	return finish(o, "timeout", STATUS_TIMEOUT);
}

/* -- finding a port -------------------------------------------------------- */

/* Lock a port nobody uses; the lock goes with this process. Its number. */
static int lock_port(void)
{
	static int fds[PORTS];
	char name[] = "lock0";
	int i;

	for (i = 0; i < PORTS; i++) {
		name[4] = '0' + i;
		fds[i] = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fds[i] < 0)
			fail("cannot open", name);
	}
	for (;; usleep(5000))
		for (i = 0; i < PORTS; i++)
			if (!flock(fds[i], LOCK_EX | LOCK_NB))
				return i;
}

static int connect_port(const struct options *o)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "port%d", lock_port());
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail("no guest runs in", o->dir);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* -- the conversation ------------------------------------------------------ */

static void put(struct client *c, int type, const void *data, size_t len)
{
	if (stream_put(&c->to_guest, type, data, len) < 0)
		fail("cannot send to", "the guest");
}

static void add_field(struct buffer *b, const char *text)
{
	if (buffer_add(b, text, strlen(text) + 1) < 0)
		fail("cannot send to", "the guest");
}

static size_t size_text(char *text, size_t len)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	ioctl(0, TIOCGWINSZ, &size);
	/* two strings, each with its NUL */
	return snprintf(text, len, "%d%c%d", size.ws_row, 0, size.ws_col) + 1;
}

static void put_request(struct client *c, const struct options *o)
{
	struct buffer b = { 0 };
	unsigned char seed[16];
	char text[32];
	size_t i;

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		fail("cannot read", "random bytes");
	for (i = 0; i < sizeof(seed); i++)
		sprintf(c->nonce + 2 * i, "%02x", seed[i]);
	add_field(&b, c->nonce);
	add_field(&b, o->tty ? "tty" : "");
	if (buffer_add(&b, text, size_text(text, sizeof(text))) < 0)
		fail("cannot send to", "the guest");
	snprintf(text, sizeof(text), "%zu", o->env_count);
	add_field(&b, text);
	for (i = 0; i < o->env_count; i++)
		add_field(&b, o->env[i]);
	for (i = 0; o->command[i]; i++)
		add_field(&b, o->command[i]);
	put(c, STREAM_START, b.data, b.len);
	put(c, STREAM_GO, NULL, 0);
	free(b.data);
}

static void write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len; data += n, len -= n) {
		n = write(fd, data, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			fail("cannot write to", fd == 1 ? "standard output" : "standard error");
		if (n < 0)
			n = 0;
	}
}

/* A frame began, so the one before it is complete. */
static void frame_ends(struct client *c)
{
	unsigned long number;

	if (c->echo.len) {
		c->ours = c->echo.len == 32 && !memcmp(c->echo.data, c->nonce, 32);
		c->echo.len = 0;
	}
	if (!c->number.len || buffer_add(&c->number, "", 1) < 0)
		return;
	number = strtoul(c->number.data, NULL, 10);
	if (c->ours && c->number_type == STREAM_EXIT) {
		c->exited = true;
		c->status = number;
	} else if (c->ours) {
		c->window += number;
	}
	c->number.len = 0;
}

static void from_guest(void *ctx, int type, const char *data, size_t len)
{
	struct client *c = ctx;

	if (!data) {
		frame_ends(c);
		c->number_type = type;
	} else if (type == STREAM_START) {
		buffer_add(&c->echo, data, len);
	} else if (type == STREAM_ACK || type == STREAM_EXIT) {
		buffer_add(&c->number, data, len);
	} else if (c->ours && type == STREAM_OUTPUT) {
		write_all(1, data, len);
	} else if (c->ours && type == STREAM_ERROR) {
		write_all(2, data, len);
	}
}

/* Returns false when the guest has closed the line. */
static bool read_line(struct client *c)
{
	char data[65536];
	ssize_t n = read(c->line, data, sizeof(data));

	if (n > 0)
		stream_decode(&c->decoder, data, n, from_guest, c);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool flush_line(struct client *c)
{
	ssize_t n = send(c->line, c->to_guest.data, c->to_guest.len, MSG_NOSIGNAL);

	if (n > 0)
		buffer_drop(&c->to_guest, n);
	return n > 0 || errno == EAGAIN || errno == EINTR;
}

/* Returns false when the user asks to leave. */
static bool read_input(struct client *c, const struct options *o)
{
	char data[16384];
	ssize_t n = read(0, data, c->window < sizeof(data) ? c->window : sizeof(data));

	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0 && o->tty && memchr(data, LEAVE_KEY, n))
		return false;
	if (n > 0) {
		put(c, STREAM_INPUT, data, n);
		c->window -= n;
	} else {
		put(c, STREAM_CLOSE, NULL, 0);
		c->input_open = false;
	}
	return true;
}

static void put_size(struct client *c)
{
	char text[32];

	resized = 0;
	put(c, STREAM_SIZE, text, size_text(text, sizeof(text)));
	put(c, STREAM_END, NULL, 0);
}

/* Sleep until something can be done; false when the time is over. */
static bool wait_for_work(struct client *c, struct pollfd fds[2], double deadline)
{
	int ms = -1;

	if (deadline > 0) {
		ms = (deadline - now()) * 1000 + 1;
		if (ms <= 0)
			return false;
	}
	fds[0] = (struct pollfd){ c->line, POLLIN | (c->to_guest.len ? POLLOUT : 0), 0 };
	fds[1] = (struct pollfd){ c->input_open && c->window ? 0 : -1, POLLIN, 0 };
	if (poll(fds, 2, ms) < 0)
		fds[0].revents = fds[1].revents = 0;	/* a signal */
	return true;
}

static int converse(struct client *c, const struct options *o)
{
	double deadline = o->timeout > 0 ? now() + o->timeout : 0;
	struct pollfd fds[2];

	while (!c->exited) {
		if (!wait_for_work(c, fds, deadline))
			return finish(o, "timeout", STATUS_TIMEOUT);
		if (resized)
			put_size(c);
		if (fds[1].revents && !read_input(c, o))
			break;
		if ((fds[0].revents & POLLOUT && !flush_line(c)) ||
		    (fds[0].revents & (POLLIN | POLLHUP) && !read_line(c))) {
			fputs("vm/exec: the guest is gone\n", stderr);
			return finish(o, "lost", STATUS_LOST);
		}
	}
	return finish(o, "exited", c->status);
}

static void set_up_terminal(void)
{
	struct sigaction resize = { .sa_handler = on_resize };
	struct termios raw;

	if (tcgetattr(0, &saved_terminal) < 0)
		return;
	raw = saved_terminal;
	cfmakeraw(&raw);
	atexit(restore_terminal);
	tcsetattr(0, TCSADRAIN, &raw);
	sigaction(SIGWINCH, &resize, NULL);
}

int main(int argc, char **argv)
{
	struct client c = { .window = STREAM_WINDOW, .input_open = true };
	struct options o = { 0 };
	FILE *host;

	(void)argc;
	parse_options(&o, argv);
	o.here = open(".", O_PATH | O_CLOEXEC);
	/* into DIR, because a socket's name has but 108 bytes */
	if (chdir(o.dir) < 0)
		fail("cannot enter", o.dir);
	host = fopen("host", "re");
	if (host) {
		set_up_host(&o, host);
		return run_here(&o);
	}
	c.line = connect_port(&o);
	put_request(&c, &o);
	if (!o.tty && isatty(0)) {
		put(&c, STREAM_CLOSE, NULL, 0);
		c.input_open = false;
	}
	if (o.tty)
		set_up_terminal();
	return converse(&c, &o);
}
