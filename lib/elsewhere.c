// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/elsewhere.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS 3	/* of a listing that was interrupted */

struct search {
	struct elsewhere *elsewhere;
	const char *netns;
	int home;		/* descriptor of our own namespace */
};

static bool take_name(char *name, size_t size, const struct nlattr *attribute)
{
	size_t length = strnlen(mnl_attr_get_payload(attribute),
				mnl_attr_get_payload_len(attribute));

	if (!length || length >= size)
		return false;
	memcpy(name, mnl_attr_get_payload(attribute), length);
	name[length] = '\0';
	return true;
}

bool elsewhere_parse(const struct nlmsghdr *message, struct elsewhere_interface *interface)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	size_t length = mnl_nlmsg_get_payload_len(message);
	const struct nlattr *attr;
	char bus[16] = "";

	*interface = (struct elsewhere_interface){ 0 };
	if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
	    length < sizeof(*info))
		return false;
	interface->ifindex = info->ifi_index;
	/* not mnl_attr_for_each(), which goes on to the next multiple of four bytes */
	mnl_attr_for_each_payload((const void *)(info + 1), length - sizeof(*info)) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			take_name(interface->netdev, sizeof(interface->netdev), attr);
			break;
		case IFLA_PARENT_DEV_NAME:
			take_name(interface->virtio, sizeof(interface->virtio), attr);
			break;
		case IFLA_PARENT_DEV_BUS_NAME:
			take_name(bus, sizeof(bus), attr);
			break;
		}
	}
	return !strcmp(bus, "virtio") && interface->virtio[0] && interface->netdev[0];
}

static int note_link(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;
	struct elsewhere *elsewhere = search->elsewhere;
	struct elsewhere_interface interface, *list;

	if (!elsewhere_parse(message, &interface))
		return MNL_CB_OK;
	list = realloc(elsewhere->list, (elsewhere->count + 1) * sizeof(*list));
	if (!list) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	snprintf(interface.netns, sizeof(interface.netns), "%s", search->netns);
	elsewhere->list = list;
	list[elsewhere->count++] = interface;
	return MNL_CB_OK;
}

/* One listing of @socket's namespace; -EINTR where it was interrupted. */
static int list_links(struct mnl_socket *socket, unsigned int sequence, struct search *search)
{
	_Alignas(struct nlmsghdr) char bytes[32768];
	struct nlmsghdr *request = mnl_nlmsg_put_header(bytes);
	struct ifinfomsg *info;
	int rc = MNL_CB_OK;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = sequence;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (rc > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(socket, bytes, sizeof(bytes));

		if (n < 0)
			return -errno;
		rc = mnl_cb_run(bytes, n, sequence, mnl_socket_get_portid(socket), note_link,
				search);
	}
	return rc < 0 ? -errno : 0;
}

static int search_socket(struct mnl_socket *socket, struct search *search)
{
	size_t before = search->elsewhere->count;
	unsigned int attempt;
	int rc = -EINTR;

	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (attempt = 1; rc == -EINTR && attempt <= ATTEMPTS; attempt++) {
		search->elsewhere->count = before;
		rc = list_links(socket, attempt, search);
	}
	return rc;
}

/* A socket stays in the namespace that it was made in, whoever uses it. *@rc is
 * negative where we could not come back. */
static struct mnl_socket *socket_in(int netns, int home, int *rc)
{
	struct mnl_socket *socket;

	*rc = 0;
	if (setns(netns, CLONE_NEWNET) < 0)
		return NULL;
	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (setns(home, CLONE_NEWNET) < 0)
		*rc = -errno;
	return socket;
}

static int search_namespace(void *context, int fd, const char *name)
{
	struct search *search = context;
	struct mnl_socket *socket;
	int back, rc, netns = openat(fd, name, O_RDONLY | O_CLOEXEC);

	if (netns < 0)
		return 0;
	socket = socket_in(netns, search->home, &back);
	close(netns);
	if (!socket)
		return back;
	search->netns = name;
	rc = search_socket(socket, search);
	mnl_socket_close(socket);
	return rc == -ENOMEM ? rc : back;
}

int elsewhere_list(const struct sysfs *fs, struct elsewhere *elsewhere)
{
	struct search search = { .elsewhere = elsewhere };
	int rc;

	*elsewhere = (struct elsewhere){ 0 };
	search.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (search.home < 0)
		return -errno;
	rc = sysfs_each(fs, search_namespace, &search, "run/netns");
	close(search.home);
	if (rc == -ENOENT)	/* no namespace was ever named */
		rc = 0;
	if (rc < 0)
		elsewhere_free(elsewhere);
	return rc;
}

void elsewhere_free(struct elsewhere *elsewhere)
{
	free(elsewhere->list);
	*elsewhere = (struct elsewhere){ 0 };
}

const struct elsewhere_interface *elsewhere_find(const struct elsewhere *elsewhere,
						 const char *virtio)
{
	size_t i;

	for (i = 0; i < elsewhere->count; i++)
		if (!strcmp(elsewhere->list[i].virtio, virtio))
			return &elsewhere->list[i];
	return NULL;
}
