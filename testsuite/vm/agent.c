// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent of the test guest: runs what testsuite/vm/exec asks for.
 *
 * As process 1 it starts one worker for each virtio serial port whose name
 * begins with "vt.", starts it again should it die, and reaps orphans. A
 * worker serves one conversation at a time (stream.h): it starts the command
 * in a session of its own, carries its three streams, and sends its status.
 *
 * A conversation ends when the command itself ends, not when the last holder
 * of its pipes does: what it left in the background goes on, but its output is
 * nobody's any more. When the client goes away first, the session is killed.
 * A command that cannot die (some calls of the vdpa family are uninterruptible)
 * is left to its fate, and the worker is free for the next client.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <dirent.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "session.h"
#include "stream.h"

#define PORTS "/sys/class/virtio-ports"
#define CHUNK 16384
/* Output waiting for the line; beyond this the command waits, too. */
#define OUTPUT_LIMIT (256 * 1024)
/* So long the line must be down before we believe that the client is gone. */
#define HANGUP_MS 50

struct worker {
	int epoll, port, signals;
	struct decoder decoder;
	struct buffer to_host;
	struct buffer request;
	bool running;
	pid_t pid;		/* of the command, and of its session */
	bool exited;
	int status;
	bool tty;
	int in, out, err;	/* our ends of its streams, or -1 */
	struct buffer input;	/* for in */
	bool input_ended;
	bool hangup;		/* the line was down when we last looked */
};

static const char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root", "LANG=C.UTF-8", "USER=root", "SHELL=/bin/bash",
};

static void watch(struct worker *w, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	if (epoll_ctl(w->epoll, EPOLL_CTL_MOD, fd, &ev) < 0 && errno == ENOENT)
		epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* -- the line to the host -------------------------------------------------- */

static void flush_port(struct worker *w)
{
	ssize_t n;

	while (w->to_host.len) {
		n = write(w->port, w->to_host.data, w->to_host.len);
		if (n <= 0)
			return;		/* EPOLLOUT will tell */
		buffer_drop(&w->to_host, n);
	}
}

static void send_frame(struct worker *w, int type, const void *data, size_t len)
{
	if (stream_put(&w->to_host, type, data, len) < 0)
		_exit(1);		/* process 1 starts us again */
}

static void send_number(struct worker *w, int type, unsigned long number)
{
	char text[24];

	send_frame(w, type, text, snprintf(text, sizeof(text), "%lu", number));
	send_frame(w, STREAM_END, NULL, 0);
}

/* -- the command ----------------------------------------------------------- */

/* Back to idle. Whatever the command is still doing is no longer ours. */
static void forget_command(struct worker *w)
{
	if (w->tty)
		w->in = w->err = -1;	/* they are w->out */
	close_fd(&w->in);
	close_fd(&w->out);
	close_fd(&w->err);
	w->input.len = 0;
	w->input_ended = false;
	w->running = false;
	w->tty = false;
}

static void abort_conversation(struct worker *w)
{
	if (w->running && !w->exited)
		kill_session(w->pid);
	forget_command(w);
	w->to_host.len = 0;
	w->request.len = 0;
}

static void make_pipes(int child[3], int ours[3])
{
	int i, ends[2];

	for (i = 0; i < 3; i++) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			_exit(1);
		child[i] = ends[i != 0];
		ours[i] = ends[i == 0];
		fcntl(ours[i], F_SETFL, O_NONBLOCK);
	}
}

static void make_terminal(int child[3], int ours[3], const char *rows, const char *columns)
{
	struct winsize size = { .ws_row = atoi(rows), .ws_col = atoi(columns) };

	if (openpty(&ours[0], &child[0], NULL, NULL, &size) < 0)
		_exit(1);
	fcntl(ours[0], F_SETFD, FD_CLOEXEC);
	fcntl(child[0], F_SETFD, FD_CLOEXEC);
	fcntl(ours[0], F_SETFL, O_NONBLOCK);
	ours[1] = ours[2] = ours[0];
	child[1] = child[2] = child[0];
}

/* As a shell would: 127 for a command that is not there, 126 otherwise. */
static void refuse(struct worker *w, const char *command, int err)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "vm-agent: %.400s: %s\n", command, strerror(err));

	send_frame(w, STREAM_ERROR, text, n);
	w->exited = true;
	w->status = err == ENOENT ? 127 : 126;
}

static void start_command(struct worker *w, char **field, size_t count)
{
	char *env[64] = { 0 };
	size_t words = count > 4 ? strtoul(field[4], NULL, 10) : 0, i;
	int child[3], ours[3], err;

	for (i = 0; i < sizeof(environment) / sizeof(*environment); i++)
		env[i] = (char *)environment[i];
	if (words >= 64 - i || count < 6 + words)
		return;
	memcpy(env + i, field + 5, words * sizeof(*env));
	send_frame(w, STREAM_START, field[0], strlen(field[0]));
	w->tty = *field[1];
	if (w->tty)
		make_terminal(child, ours, field[2], field[3]);
	else
		make_pipes(child, ours);
	w->in = ours[0];
	w->out = ours[1];
	w->err = ours[2];
	w->running = true;
	w->exited = false;
	err = start_session(&w->pid, child, w->tty ? ptsname(w->out) : NULL,
			    field + 5 + words, env);
	for (i = 0; i < (w->tty ? 1 : 3); i++)
		close(child[i]);
	if (err)
		refuse(w, field[5 + words], err);
	watch(w, w->out, EPOLLIN);
	watch(w, w->err, EPOLLIN);
}

/* A complete START frame: cut it into its fields. */
static void take_request(struct worker *w)
{
	size_t count = 0, i;
	char **field, *p;

	for (i = 0; i < w->request.len; i++)
		count += !w->request.data[i];
	field = calloc(count + 1, sizeof(*field));
	if (!field)
		_exit(1);
	for (p = w->request.data, i = 0; i < count; i++, p += strlen(p) + 1)
		field[i] = p;
	if (count)
		start_command(w, field, count);
	free(field);
	w->request.len = 0;
}

/* -- from the host --------------------------------------------------------- */

static void resize(struct worker *w, const char *data, size_t len)
{
	struct winsize size = { 0 };
	char text[32] = "";

	memcpy(text, data, len < sizeof(text) - 1 ? len : sizeof(text) - 1);
	size.ws_row = atoi(text);
	size.ws_col = atoi(text + strlen(text) + 1);
	if (w->running && w->tty)
		ioctl(w->out, TIOCSWINSZ, &size);
}

static void feed_input(struct worker *w);

static void frame_begins(struct worker *w, int type)
{
	if (type == STREAM_START)
		abort_conversation(w);
	else if (type == STREAM_GO)
		take_request(w);
	else if (type == STREAM_CLOSE && w->running) {
		w->input_ended = true;
		feed_input(w);
	}
}

static void from_host(void *ctx, int type, const char *data, size_t len)
{
	struct worker *w = ctx;

	if (!data)
		frame_begins(w, type);
	else if (type == STREAM_START && buffer_add(&w->request, data, len) < 0)
		_exit(1);
	else if (type == STREAM_INPUT && w->running && buffer_add(&w->input, data, len) < 0)
		_exit(1);
	else if (type == STREAM_SIZE)
		resize(w, data, len);
}

static void read_port(struct worker *w)
{
	char data[CHUNK];
	ssize_t n;

	while ((n = read(w->port, data, sizeof(data))) > 0)
		stream_decode(&w->decoder, data, n, from_host, w);
	w->hangup = n == 0;
}

/*
 * The news that the line went down and up again between two clients takes
 * another way than the data, and may come when the next command runs already.
 */
static void check_hangup(struct worker *w)
{
	struct pollfd fd = { w->port, POLLIN, 0 };

	w->hangup = false;
	if (poll(&fd, 1, 0) == 1 && fd.revents & POLLHUP)
		abort_conversation(w);
}

/* -- the command's streams ------------------------------------------------- */

static void feed_input(struct worker *w)
{
	size_t taken = 0;
	ssize_t n = 0;

	while (w->in >= 0 && taken < w->input.len) {
		n = write(w->in, w->input.data + taken, w->input.len - taken);
		if (n <= 0)
			break;
		taken += n;
	}
	if (w->in < 0 || (n < 0 && errno != EAGAIN))
		taken = w->input.len;	/* nobody reads: throw it away */
	buffer_drop(&w->input, taken);
	if (taken)
		send_number(w, STREAM_ACK, taken);
	if (w->in < 0)
		return;
	if (!w->tty && !w->input.len && w->input_ended)
		close_fd(&w->in);
	else if (w->tty)
		watch(w, w->in, w->input.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
	else
		watch(w, w->in, w->input.len ? EPOLLOUT : 0);
}

/* One piece of output. False when there is none now, or none any more. */
static bool read_output(struct worker *w, int *fd, int type)
{
	char data[CHUNK];
	ssize_t n;

	if (*fd < 0)
		return false;
	n = read(*fd, data, sizeof(data));
	if (n > 0) {
		send_frame(w, type, data, n);
		send_frame(w, STREAM_END, NULL, 0);
		return true;
	}
	/* a terminal gives EIO when the last process has closed it */
	if (n == 0 || errno != EAGAIN) {
		close_fd(fd);
		if (w->tty)
			w->in = w->out = w->err = -1;
	}
	return false;
}

/*
 * What the command itself wrote. Not until the end of the file: something in
 * the background may hold the pipe, and write to it for ever.
 */
static void drain_output(struct worker *w, int *fd, int type)
{
	int left;

	if (*fd < 0 || ioctl(*fd, FIONREAD, &left) < 0)
		return;
	do
		left -= CHUNK;
	while (read_output(w, fd, type) && (left > 0 || w->tty));
}

static void finish(struct worker *w)
{
	drain_output(w, &w->out, STREAM_OUTPUT);
	if (!w->tty)
		drain_output(w, &w->err, STREAM_ERROR);
	send_number(w, STREAM_EXIT, w->status);
	forget_command(w);
}

static void reap(struct worker *w)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(w->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!w->running || pid != w->pid)
			continue;	/* of a conversation that is over */
		w->exited = true;
		w->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

/* A line that is full stops the reading of output, and only that. */
static void throttle(struct worker *w)
{
	uint32_t events = w->to_host.len > OUTPUT_LIMIT ? 0 : EPOLLIN;

	if (w->out >= 0 && !w->tty)
		watch(w, w->out, events);
	if (w->err >= 0 && !w->tty)
		watch(w, w->err, events);
}

static void handle(struct worker *w, const struct epoll_event *ev)
{
	int fd = ev->data.fd;

	if (fd == w->port)
		read_port(w);
	else if (fd == w->signals)
		reap(w);
	else if (fd == w->out)
		read_output(w, &w->out, STREAM_OUTPUT);
	else if (fd == w->err)
		read_output(w, &w->err, STREAM_ERROR);
	else if (fd == w->in && ev->events & EPOLLERR)
		close_fd(&w->in);	/* the command closed its end */
	if (w->running)
		feed_input(w);
}

static void serve(const char *device)
{
	struct worker w = { .in = -1, .out = -1, .err = -1 };
	struct epoll_event ev;
	sigset_t mask;
	int n;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	w.port = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	w.signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w.port < 0 || w.signals < 0 || w.epoll < 0) {
		fprintf(stderr, "vm-agent: %s: %s\n", device, strerror(errno));
		_exit(1);
	}
	/* by edge: without a client the port is in a constant hang-up */
	watch(&w, w.port, EPOLLIN | EPOLLOUT | EPOLLET);
	watch(&w, w.signals, EPOLLIN);
	for (;;) {
		n = epoll_wait(w.epoll, &ev, 1, w.hangup ? HANGUP_MS : -1);
		if (n == 1)
			handle(&w, &ev);
		else if (n == 0)
			check_hangup(&w);
		if (w.running && w.exited)
			finish(&w);
		flush_port(&w);
		throttle(&w);
	}
}

/* -- process 1 ------------------------------------------------------------- */

/* Start a worker for the port of sysfs entry @name. Its pid, or 0. */
static pid_t start_worker(const char *name)
{
	char path[300], title[64] = "";
	pid_t pid;
	FILE *f;

	snprintf(path, sizeof(path), PORTS "/%s/name", name);
	f = fopen(path, "re");
	if (!f || !fgets(title, sizeof(title), f) || strncmp(title, "vt.", 3)) {
		if (f)
			fclose(f);
		return 0;
	}
	fclose(f);
	pid = fork();
	if (pid)
		return pid;
	snprintf(path, sizeof(path), "/dev/%s", name);
	serve(path);
	_exit(1);
}

int main(void)
{
	struct { char name[64]; pid_t pid; } workers[16];
	struct dirent *entry;
	size_t count = 0, i;
	pid_t pid;
	DIR *dir = opendir(PORTS);

	putenv((char *)environment[0]);		/* where posix_spawnp looks */
	while (dir && count < 16 && (entry = readdir(dir))) {
		pid = start_worker(entry->d_name);
		if (pid <= 0)
			continue;
		snprintf(workers[count].name, sizeof(workers[0].name), "%.60s", entry->d_name);
		workers[count++].pid = pid;
	}
	if (dir)
		closedir(dir);
	if (!count)
		fprintf(stderr, "vm-agent: no port vt.* in " PORTS "\n");
	for (;;) {
		pid = wait(NULL);
		if (pid < 0)
			pause();
		for (i = 0; i < count; i++)
			if (workers[i].pid == pid)
				workers[i].pid = start_worker(workers[i].name);
	}
}
