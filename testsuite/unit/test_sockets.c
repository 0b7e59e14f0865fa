// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The netlink sockets against the kernel that runs this. Nothing is changed: what is asked is
 * the family that every kernel has, and what is sent as a stranger goes to ourselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "lib/kernel_socket.h"
#include "lib/netlink.h"
#include "lib/netlink_socket.h"

/* Any message that the kernel answers: none, to be acknowledged. */
static struct nlmsghdr nothing(void)
{
	return (struct nlmsghdr){
		.nlmsg_len = sizeof(struct nlmsghdr),
		.nlmsg_type = NLMSG_NOOP,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlmsg_seq = 42,
	};
}

/* -- what the kernel multicasts ---------------------------------------------------------- */

static uint32_t port_of(int fd)
{
	struct sockaddr_nl address = { 0 };
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	assert_true(address.nl_pid > 0);
	return address.nl_pid;
}

static void the_kernel_is_heard(void **state)
{
	struct nlmsghdr message = nothing();
	char bytes[256];
	int fd = kernel_socket_open(NETLINK_ROUTE, 0, 1 << 16);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(kernel_socket_receive(fd, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(send(fd, &message, sizeof(message), 0), sizeof(message));
	assert_true(kernel_socket_receive(fd, bytes, sizeof(bytes)) > (ssize_t)sizeof(message));
	memcpy(&message, bytes, sizeof(message));
	assert_int_equal(message.nlmsg_type, NLMSG_ERROR);
	assert_int_equal(message.nlmsg_seq, 42);
	assert_int_equal(kernel_socket_receive(fd, bytes, sizeof(bytes)), -EAGAIN);
	close(fd);
}

/* What does not fit is passed over, not cut. */
static void nl_84_what_does_not_fit(void **state)
{
	struct nlmsghdr message = nothing();
	char bytes[256];
	int fd = kernel_socket_open(NETLINK_ROUTE, 0, SIZE_MAX);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(send(fd, &message, sizeof(message), 0), sizeof(message));
	assert_int_equal(kernel_socket_receive(fd, bytes, sizeof(message)), 0);
	assert_int_equal(kernel_socket_receive(fd, bytes, sizeof(bytes)), -EAGAIN);
	close(fd);
}

/* A process that sends as the kernel does, to our port, is nobody. */
static void nl_79_a_process_is_not_the_kernel(void **state)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int to = kernel_socket_open(NETLINK_USERSOCK, 0, 1 << 16);
	int from = kernel_socket_open(NETLINK_USERSOCK, 0, 1 << 16);
	char bytes[256];

	(void)state;
	assert_true(to >= 0 && from >= 0);
	address.nl_pid = port_of(to);
	assert_int_equal(sendto(from, "forged", 6, 0, (struct sockaddr *)&address,
				sizeof(address)), 6);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(kernel_socket_receive(to, bytes, sizeof(bytes)), 0);
	assert_int_equal(kernel_socket_receive(to, bytes, sizeof(bytes)), -EAGAIN);
	close(from);
	close(to);
}

static void a_protocol_that_is_none(void **state)
{
	(void)state;
	assert_int_equal(kernel_socket_open(MAX_LINKS, 0, 4096), -EPROTONOSUPPORT);
	assert_int_equal(kernel_socket_receive(-1, NULL, 0), -EBADF);
}

/* -- questions ---------------------------------------------------------------------------- */

/* "nlctrl" knows itself. */
static void put_question(union netlink_request *request, uint16_t flags)
{
	struct genlmsghdr *generic;

	memset(request, 0, sizeof(*request));
	mnl_nlmsg_put_header(request);
	request->header.nlmsg_type = GENL_ID_CTRL;
	request->header.nlmsg_flags = NLM_F_REQUEST | flags;
	request->header.nlmsg_seq = 7;
	generic = mnl_nlmsg_put_extra_header(&request->header, sizeof(*generic));
	generic->cmd = CTRL_CMD_GETFAMILY;
	generic->version = 1;
	mnl_attr_put_strz(&request->header, CTRL_ATTR_FAMILY_NAME, "nlctrl");
}

static void a_family_is_found(void **state)
{
	union netlink_request request;
	struct netlink netlink;
	struct buffer answer = { 0 };
	size_t offset = 0, length;

	(void)state;
	assert_int_equal(netlink_open(&netlink, "nlctrl", 2), 0);
	assert_int_equal(netlink.family, GENL_ID_CTRL);
	netlink_start(&netlink, &request, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(&request.header, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	assert_int_equal(netlink_ask(&netlink, &request, true, &answer), 0);
	assert_non_null(netlink_next(&answer, &offset, &length));
	buffer_free(&answer);
	netlink_close(&netlink);
}

static void nl_81_a_family_that_is_not_there(void **state)
{
	struct netlink netlink;

	(void)state;
	assert_int_equal(netlink_open(&netlink, "no such family", 1), -ENOENT);
}

static struct netlink_wire open_wire(void)
{
	struct netlink_wire wire;

	assert_int_equal(netlink_socket_wire(&wire), 0);
	assert_true(wire.descriptor >= 0);
	return wire;
}

static void ask(const struct netlink_wire *wire, uint16_t flags)
{
	union netlink_request request;

	put_question(&request, flags);
	assert_int_equal(wire->send(wire->context, &request, request.header.nlmsg_len), 0);
}

/* After a restart nothing of before comes, and the port is one of its own. */
static void a_restart_forgets(void **state)
{
	struct netlink_wire wire = open_wire();
	uint32_t sender;
	char bytes[8192];

	(void)state;
	ask(&wire, 0);
	assert_int_equal(wire.restart(&wire), 0);
	assert_int_equal(recv(wire.descriptor, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(wire.port, port_of(wire.descriptor));
	wire.pause(wire.context, 1);
	ask(&wire, 0);
	assert_true(wire.receive(wire.context, bytes, sizeof(bytes), &sender) > 0);
	assert_int_equal(sender, 0);
	wire.close(wire.context);
}

/* It waits, also where the socket does not; and what did not fit is told. */
static void nl_78_an_answer_that_does_not_fit(void **state)
{
	struct netlink_wire wire = open_wire();
	uint32_t sender;
	char bytes[8192];

	(void)state;
	assert_int_equal(fcntl(wire.descriptor, F_SETFL, O_NONBLOCK), 0);
	ask(&wire, NLM_F_ACK);
	assert_int_equal(wire.receive(wire.context, bytes, 20, &sender), -EMSGSIZE);
	assert_true(wire.receive(wire.context, bytes, sizeof(bytes), &sender) > 0);
	wire.close(wire.context);
}

/* Where there is no descriptor for the new socket, the wire is without one, and says so. */
static void proc_65_no_descriptor_for_a_restart(void **state)
{
	struct netlink_wire wire = open_wire(), more;
	struct rlimit limit, none;
	int restarted, opened;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	opened = netlink_socket_wire(&more);
	restarted = wire.restart(&wire);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(opened, -EMFILE);
	assert_int_equal(restarted, -EMFILE);
	assert_int_equal(wire.send(wire.context, "", 0), -ENOTCONN);
	assert_int_equal(wire.restart(&wire), 0);
	wire.close(wire.context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_is_heard),
		cmocka_unit_test(nl_84_what_does_not_fit),
		cmocka_unit_test(nl_79_a_process_is_not_the_kernel),
		cmocka_unit_test(a_protocol_that_is_none),
		cmocka_unit_test(a_family_is_found),
		cmocka_unit_test(nl_81_a_family_that_is_not_there),
		cmocka_unit_test(a_restart_forgets),
		cmocka_unit_test(nl_78_an_answer_that_does_not_fit),
		cmocka_unit_test(proc_65_no_descriptor_for_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
