/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of the command vdpa, and what they share. */
#ifndef VT_VDPA_VDPA_H
#define VT_VDPA_VDPA_H

#include "lib/command.h"
#include "lib/netlink.h"
#include "lib/vdpa_attached.h"
#include "lib/vdpa_message.h"

/* The whole grammar (table.c). */
extern const struct cli_command vdpa_command;

/* The words of "vdpa dev add", in the order of its table (add.c). */
enum add_word {
	ADD_NAME,
	ADD_MGMTDEV,
	ADD_FEATURES,
	ADD_MAC,
	ADD_MTU,
	ADD_MAX_VQP,
	ADD_DRIVER,
};

/* The words of "vdpa dev set" and "vdpa dev vstats show", in the order of their tables. */
enum set_word { SET_NAME, SET_MAC };
enum vstats_word { VSTATS_DEVICE, VSTATS_QUEUE };

/* The bus drivers as choices of the word "driver", ends with NULL (table.c). */
extern const char *const vdpa_driver_choices[];

/* What the lines of a batch share (struct command_host). */
struct vdpa_session {
	struct netlink netlink;
	bool open;
};

/* The family's socket in @netlink, opened the first time; it stays open, and is the
 * session's. 0, or negative with @failure, as vdpa_family_open(). */
int vdpa_session_open(struct call *call, struct netlink **netlink, struct failure *failure);
void vdpa_session_end(struct vdpa_session *session);

/* The verbs: see struct cli_verb for what they return. */
int vdpa_mgmtdev_show(struct call *call, struct failure *failure);
int vdpa_dev_show(struct call *call, struct failure *failure);
int vdpa_dev_add(struct call *call, struct failure *failure);
int vdpa_dev_del(struct call *call, struct failure *failure);
int vdpa_dev_set(struct call *call, struct failure *failure);
int vdpa_dev_vstats_show(struct call *call, struct failure *failure);
int vdpa_dev_config_show(struct call *call, struct failure *failure);
int vdpa_dev_bind(struct call *call, struct failure *failure);
int vdpa_dev_unbind(struct call *call, struct failure *failure);
int vdpa_dev_cdi(struct call *call, struct failure *failure);

/* explain_timeout of the verbs whose first word is a device, and of the others. */
void vdpa_explain_device(struct call *call, struct failure *failure);
void vdpa_explain_any(struct call *call, struct failure *failure);

/* "network" or "block" as iproute2 prints it; "<unknown type>". */
const char *vdpa_type_text(uint32_t type);

/* What the kernel said beside the success of the last question becomes a warning, about
 * @object (may be NULL). */
void vdpa_pass_on(struct call *call, const struct netlink *netlink, const char *object);

/* A record of the kernel that is left out because it lacks what it is about. */
void vdpa_warn_record(struct call *call);

#endif
