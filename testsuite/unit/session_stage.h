/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel that is made up, for tests of vduse/device/session*.c. The test that uses it links
 * with --wrap for each of the functions of node.h that session_stage.c defines.
 */
#ifndef VT_UNIT_SESSION_STAGE_H
#define VT_UNIT_SESSION_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vduse/device/session.h"

#define MEMORY_SIZE 0x10000
#define MEMORY_IOVA 0x47ff0000
#define QUEUE_BYTES 0x4000	/* a ring of 256 and room to spare */
#define RING_SIZE 256
#define REQUESTS_MAX 8

/* The kernel's side. */
struct session_stage {
	int memory_fd;
	uint8_t *memory;	/* the driver's view */
	uint64_t skip;		/* of the region's start in the file: not at a page */
	int region_error;
	unsigned int region_fails;	/* so often, and then there is no error; 0: always */
	uint64_t piece;		/* bytes of a region; 0: it is all of the memory */
	unsigned int regions;	/* asked for */
	uint32_t asid;		/* of the address space that the memory is in */
	int bounce;		/* node_is_bounce() of the memory */
	int bring_error;
	uint8_t *brought;	/* memory of the session as the memory's content */
	unsigned int brings, taken_back;
	bool ready[SESSION_QUEUES];
	uint16_t avail_index;
	struct vduse_vq_state_packed packed;
	uint64_t features;
	int interrupt_error;
	unsigned int interrupts;
	int kick[SESSION_QUEUES];
	struct vduse_dev_request requests[REQUESTS_MAX];
	unsigned int request_count, request_next;
	struct vduse_dev_response responses[REQUESTS_MAX];
	unsigned int response_count;
	int response_error;
	int read_error;
	int set_up_error, queue_error, features_error;
	unsigned int set_up_fails;	/* the virtqueue that set_up_error is about */
	int opened[SESSION_QUEUES];	/* the kick descriptors when they were set up */
};

extern struct session_stage kernel;
extern struct session staged;
extern struct journal_port journal;
extern unsigned int quiesced, changes;	/* times that the owner was called */
/* what was there when it was called last: mapped regions, virtqueues at work */
extern unsigned int regions_at_quiesce, running_at_quiesce;
extern char reported[300];		/* the last sentence */
extern char events[200];		/* "s15 q0 ": a letter and a number each */

/* Set-up and teardown: memory of the driver, a new journal, an open staged. */
int session_stage_begin(void **state);
int session_stage_end(void **state);

/* session_open() with the journal as it is. */
int session_stage_open(void);

/* One message; returns the result that it was answered with. */
uint32_t session_stage_message(struct vduse_dev_request request);
uint32_t session_stage_status(uint8_t value);

/* All that a driver writes, up to DRIVER_OK. */
void session_stage_attach(void);

#endif
