// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/watch/servers: processes that serve devices, made of sockets and a script, and what a
 * monitor's reader is told of them; also of what happened while nobody listened.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/control_socket.h"
#include "lib/registry.h"
#include "vdpa_tree.h"
#include "vduse/watch/sources.h"

static struct {
	struct tree tree;
	struct monitor monitor;
	char folder[200];
	int reader;
	const char *device;
	int listening, client;	/* its server's; -1: none */
} it;

static void begin(bool tell, const char *name)
{
	const struct event_form form = { .name = name };
	struct source *source;
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	it.reader = ends[0];
	monitor_open(&it.monitor, &it.tree.fs, &form, 100000, ends[1]);
	if (it.monitor.writer.own)
		close(ends[1]);
	assert_int_equal(source_servers(&it.tree.fs, &source), 0);
	monitor_add(&it.monitor, source);
	assert_int_equal(monitor_begin(&it.monitor, tell), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	it.device = "lo0";
	it.listening = it.client = it.reader = -1;
	tree_make(&it.tree);
	tree_folder(&it.tree, "%s", &REGISTRY_FOLDER[1]);
	snprintf(it.folder, sizeof(it.folder), "%s%s", it.tree.root, REGISTRY_FOLDER);
	return 0;
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int teardown(void **state)
{
	(void)state;
	monitor_close(&it.monitor);
	hang_up(&it.reader);
	hang_up(&it.listening);
	hang_up(&it.client);
	tree_remove(&it.tree);
	return 0;
}

static void turns(unsigned int count)
{
	struct failure failure;

	while (count--)
		assert_int_equal(monitor_turn(&it.monitor, 0, &failure), 0);
}

/* The reader reads all there is: exactly @text. */
static void reads(const char *text)
{
	char bytes[8192];
	ssize_t n;

	turns(5);
	n = read(it.reader, bytes, sizeof(bytes) - 1);
	bytes[n > 0 ? n : 0] = '\0';
	assert_string_equal(bytes, text);
}

/* -- a server -------------------------------------------------------------------------- */

static void serve(void)
{
	struct failure failure;

	it.listening = control_socket_listen(it.folder, it.device, &failure);
	assert_true(it.listening >= 0);
}

static void say(const char *packet)
{
	assert_int_equal(send(it.client, packet, strlen(packet), 0), strlen(packet));
}

/* The monitor is there, and asks to be told of events; @answer is what it gets. */
static void accept_one(const char *answer)
{
	char request[20] = "";

	it.client = accept4(it.listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(it.client >= 0);
	assert_int_equal(recv(it.client, request, sizeof(request), 0), 6);
	assert_string_equal(request, "events");
	say(answer);
}

static void die(void)
{
	hang_up(&it.client);
	hang_up(&it.listening);
}

#define QUEUES "\"virtqueues\":[{\"index\":0,\"running\":true,\"size\":256},{\"index\":1}]"
#define IDLE(pid) "{\"pid\":" #pid ",\"vq_size\":256,\"link\":\"up\",\"virtqueues\":[{},{}]}"
#define LIVE(pid) "{\"pid\":" #pid ",\"vq_size\":256,\"link\":\"up\",\"live\":true,\"status\":15," \
		  "\"features\":\"0x100000000\"," QUEUES "}"
#define STARTED(pid) "[virtio,start] lo0 vq_size 256 pid " #pid "\n"
#define STATUS "[virtio,status] lo0 ACKNOWLEDGE DRIVER FEATURES_OK DRIVER_OK\n"
#define REST "[virtio,features] lo0 VERSION_1\n[virtio,vq] lo0 index 0 size 256\n"
#define RESET "[virtio,status] lo0 reset\n"
#define LINK "[virtio,link] lo0 up\n"
#define EXIT "[virtio,exit] lo0\n"
#define CREATED "[vduse,create] lo0\n"

/* It is there before the monitor is, whose reader knows of it by the listing. */
static void serve_and_begin(const char *answer, const char *told)
{
	tree_vduse(&it.tree, "lo0", false);
	serve();
	begin(true, NULL);
	accept_one(answer);
	reads(told);
}

static void a_server_that_comes_and_goes(void **state)
{
	(void)state;
	begin(true, NULL);
	serve();
	turns(2);
	accept_one(IDLE(7));
	reads(STARTED(7));
	say("{\"event\":\"status\",\"status\":15}");
	say("{\"event\":\"of the future\"}");
	say("{\"event\":\"exit\"}");
	reads(STATUS);
	die();
	reads("[virtio,exit] lo0 clean true\n");
}

static void one_that_is_killed_or_talks_nonsense(void **state)
{
	(void)state;
	serve_and_begin(LIVE(7), CREATED STARTED(7) STATUS REST);
	die();
	reads("[virtio,exit] lo0 clean false\n");
	serve();
	turns(2);
	accept_one(IDLE(8));
	reads(STARTED(8));
	say("{\"event\":\"status\",\"status\":\"15\"}");
	reads("[virtio,exit] lo0 clean false\n");
}

/* What it found out before anybody could follow it. */
static void one_that_takes_over_a_driver(void **state)
{
	(void)state;
	serve_and_begin("{\"pid\":7,\"vq_size\":64,\"link\":\"down\",\"live\":true,\"resumed\":true,"
			"\"status\":15,\"features\":\"0x100000000\",\"error\":\"virtqueue 1 waits\","
			QUEUES "}",
			CREATED "[virtio,start] lo0 vq_size 64 pid 7\n"
			"[virtio,reconnect] lo0 ACKNOWLEDGE DRIVER FEATURES_OK DRIVER_OK\n" REST
			"[virtio,link] lo0 down\n[virtio,error] lo0 message virtqueue 1 waits\n");
}

/* Without "initial" what is there is known, and not told; what comes then is. */
static void what_is_there_is_not_told_unless_it_is_asked_for(void **state)
{
	(void)state;
	tree_vduse(&it.tree, "lo0", false);
	serve();
	begin(false, NULL);
	accept_one(LIVE(7));
	reads("");
	die();
	reads("[virtio,exit] lo0 clean false\n");
}

/* The next one replaces the socket when the last one has just said that it ends. */
static void last_words_are_heard(void **state)
{
	(void)state;
	serve_and_begin(IDLE(7), CREATED STARTED(7));
	close(it.listening);
	serve();	/* before its words: the one is heard of before the other */
	say("{\"event\":\"exit\"}");
	hang_up(&it.client);
	turns(3);
	accept_one(IDLE(8));
	reads("[virtio,exit] lo0 clean true\n" STARTED(8));
}

/* The server dropped events, and says so; what is so then is told, the link as well. */
static void a_server_that_lost_events(void **state)
{
	(void)state;
	serve_and_begin(LIVE(7), CREATED STARTED(7) STATUS REST);
	say("{\"event\":\"link\",\"link\":\"down\"}");
	say("{\"event\":\"resync\",\"lost\":12}");
	reads("[virtio,link] lo0 down\n[virtio,resync] lo0 lost 12\n");
	hang_up(&it.client);
	accept_one(IDLE(7));
	reads(RESET LINK);
	die();
	reads("[virtio,exit] lo0 clean false\n");
}

/* The file of a long name does not carry it, and the device is heard of later. */
static void a_server_of_a_device_that_is_not_known_yet(void **state)
{
	char name[101], line[300];
	unsigned int i;

	(void)state;
	memset(name, 'l', 100);
	name[100] = '\0';
	it.device = name;
	begin(true, NULL);
	for (i = 0; i < 6000 && it.monitor.verify_due != INT64_MAX; i++) {
		turns(1);
		usleep(10000);
	}
	assert_true(it.monitor.verify_due == INT64_MAX);
	serve();
	turns(1);
	tree_vduse(&it.tree, name, false);
	for (i = 0; i < 6000 && it.client < 0; i++) {
		usleep(10000);
		turns(1);
		it.client = accept4(it.listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	assert_true(it.client >= 0);
	say(IDLE(7));
	snprintf(line, sizeof(line), "[vduse,create] %s\n[virtio,start] %s vq_size 256 pid 7\n",
		 name, name);
	reads(line);
}

/* -- an overrun ------------------------------------------------------------------------ */

static void overrun(void)
{
	struct source *source = it.monitor.sources;

	source->discard(source);
	assert_int_equal(source->tell(source, &it.monitor), 0);
}

static void after_an_overrun_the_state_is_told(void **state)
{
	(void)state;
	serve_and_begin(IDLE(7), CREATED STARTED(7));
	say("{\"event\":\"status\",\"status\":15}");
	overrun();
	hang_up(&it.client);
	accept_one(LIVE(7));
	reads(STATUS REST LINK);
}

static void a_server_that_ended_during_an_overrun(void **state)
{
	(void)state;
	serve_and_begin(IDLE(7), CREATED STARTED(7));
	die();
	overrun();
	reads(EXIT);
	overrun();
	reads("");
}

static void a_server_that_was_replaced_during_an_overrun(void **state)
{
	(void)state;
	serve_and_begin(IDLE(7), CREATED STARTED(7));
	die();
	serve();
	overrun();
	accept_one(IDLE(8));
	reads(EXIT STARTED(8));
}

/* -- who cannot be followed --------------------------------------------------------------- */

#define BUSY "{\"error\":{\"errno\":\"EBUSY\",\"message\":\"\"}}"

/* Said once, also by a monitor that does not tell what is there; later there is a place. */
static void a_server_without_a_place(void **state)
{
	(void)state;
	tree_vduse(&it.tree, "lo0", false);
	serve();
	begin(false, NULL);
	accept_one(BUSY);
	reads("[virtio,error] lo0 message its server cannot be followed: "
	      "it has no place for one more\n");
	hang_up(&it.client);
	overrun();
	accept_one(BUSY);
	reads("");
	hang_up(&it.client);
	overrun();
	accept_one(LIVE(7));
	reads(STARTED(7) STATUS REST);
}

/* Many wait for one that is stopped: so does a monitor not. */
static void a_server_that_takes_nobody(void **state)
{
	int fd[64], count = 0;

	(void)state;
	tree_vduse(&it.tree, "lo0", false);
	serve();
	while (count < 64 && (fd[count] = control_socket_connect(it.folder, "lo0", 0)) >= 0)
		count++;
	assert_true(count < 64);
	begin(false, NULL);
	reads("[virtio,error] lo0 message its server cannot be followed: "
	      "Connection timed out\n");
	while (count--)
		close(fd[count]);
}

static void nobody_comes(void)
{
	turns(5);
	assert_int_equal(accept4(it.listening, NULL, NULL, SOCK_NONBLOCK), -1);
}

static void others_are_left_alone(void **state)
{
	(void)state;
	tree_vduse(&it.tree, "lo0", false);
	serve();
	begin(true, "lo1");
	nobody_comes();
	close(it.listening);
	serve();
	nobody_comes();
	reads("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_comes_and_goes),
		TEST(one_that_is_killed_or_talks_nonsense),
		TEST(one_that_takes_over_a_driver),
		TEST(what_is_there_is_not_told_unless_it_is_asked_for),
		TEST(last_words_are_heard),
		TEST(a_server_that_lost_events),
		TEST(a_server_of_a_device_that_is_not_known_yet),
		TEST(after_an_overrun_the_state_is_told),
		TEST(a_server_that_ended_during_an_overrun),
		TEST(a_server_that_was_replaced_during_an_overrun),
		TEST(a_server_without_a_place),
		TEST(a_server_that_takes_nobody),
		TEST(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
