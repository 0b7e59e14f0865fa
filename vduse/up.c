// SPDX-License-Identifier: GPL-2.0-or-later
/* "vduse up": a device, or a connected pair, from nothing to an interface or a node. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "vduse/bring.h"
#include "vduse/create.h"
#include "vduse/device/session.h"
#include "vduse/server.h"
#include "vduse/stay.h"
#include "vduse/unit_lock.h"
#include "vduse/up.h"
#include "vduse/verbs.h"

enum up_word {
	UP_NAME, UP_TYPE, UP_FEATURES, UP_VQS, UP_VQ_ALIGN, UP_VENDOR, UP_MAC, UP_MTU,
	UP_BOUNCE_SIZE, UP_MSG_TIMEOUT, UP_QUEUE_SIZE, UP_USER, UP_POLL, UP_UMEM, UP_PCAP,
	UP_ISOLATION, UP_DRIVER, UP_FILE, UP_FOREGROUND, UP_PEER, UP_PEER_FEATURES, UP_PEER_VQS,
	UP_PEER_VQ_ALIGN, UP_PEER_VENDOR, UP_PEER_MAC, UP_PEER_MTU, UP_PEER_BOUNCE_SIZE,
	UP_PEER_MSG_TIMEOUT, UP_WORDS,
};

static const char *const types[] = { "net", NULL };
static const char *const drivers[] = { VDPA_DRIVER_VIRTIO, VDPA_DRIVER_VHOST, NULL };

/* Those of "vduse create" that a network device has a use for, of NAME and of NAME2. */
#define WORDS_OF_CREATE(of) \
	[of##FEATURES] = { .keyword = "features", .value = "FEATURES", .kind = CLI_TEXT, \
			   .candidates = CLI_FEATURE_NAMES, \
			   .help = "what it offers: names, a mask, or changes of the default set" }, \
	[of##VQS] = { .keyword = "vqs", .value = "N", .kind = CLI_NUMBER, .min = 1, \
		      .max = VDUSE_VQS_MAX, .help = "the number of virtqueues, 2" }, \
	[of##VQ_ALIGN] = { .keyword = "vq_align", .value = "N", .kind = CLI_NUMBER, \
			   .min = VDUSE_ALIGN_MIN, .max = VDUSE_ALIGN_MAX, \
			   .help = "alignment of the virtqueues, a power of two" }, \
	[of##VENDOR] = { .keyword = "vendor", .value = "ID", .kind = CLI_NUMBER, \
			 .max = UINT32_MAX, .help = "the vendor's number" }, \
	[of##MAC] = { .keyword = "mac", .value = "MAC", .kind = CLI_MAC, \
		      .help = "the address; derived from name and machine unless it is said" }, \
	[of##MTU] = { .keyword = "mtu", .value = "MTU", .kind = CLI_NUMBER, \
		      .min = VDUSE_MTU_MIN, .max = VDUSE_MTU_MAX, \
		      .help = "the largest packet in bytes" }, \
	[of##BOUNCE_SIZE] = { .keyword = "bounce_size", .value = "BYTES", .kind = CLI_NUMBER, \
			      .min = VDUSE_BOUNCE_MIN, .max = VDUSE_BOUNCE_MAX, \
			      .help = "the memory that data passes through, in bytes" }, \
	[of##MSG_TIMEOUT] = { .keyword = "msg_timeout", .value = "SECONDS", .kind = CLI_NUMBER, \
			      .min = VDUSE_TIMEOUT_MIN, .max = VDUSE_TIMEOUT_MAX, \
			      .help = "how long the kernel waits for an answer" }

const struct cli_word up_words[] = {
	[UP_NAME] = { .value = "NAME", .kind = CLI_NEW_NAME, .flags = CLI_REQUIRED,
		      .help = "the device's name" },
	[UP_TYPE] = { .keyword = "type", .kind = CLI_CHOICE, .choices = types,
		      .help = "the kind of device, of which there is one" },
	WORDS_OF_CREATE(UP_),
	[UP_QUEUE_SIZE] = { .keyword = "vq_size", .value = "N", .kind = CLI_NUMBER,
			    .min = SESSION_QUEUE_SIZE_MIN, .max = SESSION_QUEUE_SIZE_MAX,
			    .help = "the most entries of a virtqueue, a power of two" },
	[UP_USER] = { .keyword = "user", .value = "USER", .kind = CLI_TEXT, .candidates = CLI_USERS,
		      .help = "the user that the device process becomes" },
	[UP_POLL] = { .keyword = "poll", .value = "USECS", .kind = CLI_NUMBER, .min = 1,
		      .max = SERVING_POLL_USECS_MAX,
		      .help = "after work, look for more for so long before sleeping" },
	[UP_UMEM] = { .keyword = "umem", .kind = CLI_FLAG,
		      .help = "bring memory of its own as the bounce buffer" },
	[UP_PCAP] = { .keyword = "pcap", .value = "FILE", .kind = CLI_TEXT, .candidates = CLI_FILES,
		      .help = "the file to record all frames in, as pcapng" },
	[UP_ISOLATION] = { .keyword = "isolation", .kind = CLI_CHOICE, .choices = serving_isolations,
			   .help = "what to do where the process cannot be isolated in full" },
	[UP_DRIVER] = { .keyword = "driver", .kind = CLI_CHOICE, .choices = drivers,
			.help = "what it is attached to; virtio_vdpa unless it is said" },
	[UP_FILE] = { .keyword = "file", .value = "FILE", .kind = CLI_TEXT, .candidates = CLI_FILES,
		      .help = "the file that has the words of the device, instead of this line" },
	[UP_FOREGROUND] = { .keyword = "foreground", .kind = CLI_FLAG, .flags = CLI_GOES_ON,
			    .help = "stay, and take it all down when told to end" },
	[UP_PEER] = { .keyword = "peer", .value = "NAME2", .kind = CLI_NEW_NAME,
		      .flags = CLI_SECTION, .help = "the device it is connected to" },
	WORDS_OF_CREATE(UP_PEER_),
	[UP_WORDS] = { .kind = CLI_END },
};

/* -- words -------------------------------------------------------------------------------- */

/* The words of one device as those of "vduse create": @first is its FEATURES. */
static int read_device(const struct cli_value *values, unsigned int name, unsigned int first,
		       struct create_request *request, struct failure *failure)
{
	struct cli_value words[CREATE_WORDS] = { [CREATE_NAME] = values[name] };
	unsigned int i;

	for (i = 0; i <= UP_MTU - UP_FEATURES; i++)
		words[CREATE_FEATURES + i] = values[first + i];
	words[CREATE_BOUNCE_SIZE] = values[first + UP_BOUNCE_SIZE - UP_FEATURES];
	words[CREATE_MSG_TIMEOUT] = values[first + UP_MSG_TIMEOUT - UP_FEATURES];
	return create_read_words(words, request, failure);
}

/* A word that says something of the device, or NULL: all but NAME, "file" and "foreground". */
static const char *device_word(const struct cli_value *values)
{
	unsigned int i;

	for (i = UP_NAME + 1; i < UP_WORDS; i++)
		if (values[i].given && i != UP_FILE && i != UP_FOREGROUND)
			return up_words[i].keyword;
	return NULL;
}

/* How it runs is said by who runs it. */
static int refuse_in_file(const struct cli_value *values, const char *path,
			  struct failure *failure)
{
	if (!values[UP_FILE].given && !values[UP_FOREGROUND].given)
		return 0;
	failure_set(failure, STATUS_USAGE, EINVAL, path, "the word \"%s\" stands in it",
		    up_words[values[UP_FILE].given ? UP_FILE : UP_FOREGROUND].keyword);
	failure_hint(failure, "say it on the command line");
	return -EINVAL;
}

int up_take_file(const struct cli_value **values, struct up_file *file, struct failure *failure)
{
	const char *path = (*values)[UP_FILE].text, *beside = device_word(*values);
	int rc;

	memset(file, 0, sizeof(*file));
	if (!(*values)[UP_FILE].given)
		return 0;
	if (beside) {
		failure_set(failure, STATUS_USAGE, EINVAL, NULL, "\"%s\" is said beside \"file\"",
			    beside);
		failure_hint(failure, "the words of the device are all in %.200s, or all here", path);
		return -EINVAL;
	}
	rc = up_file_read(path, (*values)[UP_NAME].text, file, failure);
	if (rc == 0)
		rc = refuse_in_file(file->line.values, path, failure);
	*values = file->line.values;
	return rc;
}

/* A later "up" may stand in another folder. */
static int read_pcap(const char *text, char path[PATH_MAX], struct failure *failure)
{
	char folder[PATH_MAX];

	if (text[0] != '/' && !getcwd(folder, sizeof(folder)))
		return failure_errno(failure, errno, text, "cannot tell where it would be");
	if (snprintf(path, PATH_MAX, "%s%s%s", text[0] == '/' ? "" : folder,
		     text[0] == '/' ? "" : "/", text) >= PATH_MAX)
		return failure_errno(failure, ENAMETOOLONG, NULL, "pcap");
	return 0;
}

/* What a device process would refuse, without making anything first. */
static int check(const struct unit *unit, struct failure *failure)
{
	const struct serving serving = {
		.verb = "up",
		.plan = {
			.devices = { { .name = unit->names[0] }, { .name = unit->names[1] } },
			.count = unit->count,
			.queue_size = unit->queue_size,
		},
	};

	return serving_check(&serving, failure);
}

int up_read_words(const struct cli_value *values, struct unit *unit, char pcap[PATH_MAX],
		  struct failure *failure)
{
	const struct cli_value *size = &values[UP_QUEUE_SIZE];
	int rc;

	*unit = (struct unit){
		.count = values[UP_PEER].given ? 2 : 1,
		.names = { values[UP_NAME].text, values[UP_PEER].text },
		.driver = drivers[values[UP_DRIVER].number],
		.queue_size = (uint16_t)(size->given ? size->number : SERVING_QUEUE_SIZE),
		.poll_usecs = values[UP_POLL].number,
		.umem = values[UP_UMEM].given,
		.user = values[UP_USER].text,
		.pcap = values[UP_PCAP].given ? pcap : NULL,
		.isolation = (enum serving_isolation)values[UP_ISOLATION].number,
	};
	rc = read_device(values, UP_NAME, UP_FEATURES, &unit->requests[0], failure);
	if (rc == 0 && unit->count == 2)
		rc = read_device(values, UP_PEER, UP_PEER_FEATURES, &unit->requests[1], failure);
	if (rc == 0 && unit->pcap)
		rc = read_pcap(values[UP_PCAP].text, pcap, failure);
	return rc ? rc : check(unit, failure);
}

/* -- the call ----------------------------------------------------------------------------- */

static void put(struct output *out, const struct standing *now)
{
	output_begin_record(out, now->name);
	vdpa_attached_put(out, &now->attached);
	server_put(out, &now->holder, now->supervisor);
	output_end_record(out);
}

static void print(struct call *call, const struct bring *bring)
{
	unsigned int i;

	output_begin_listing(call->out, "vduse");
	for (i = 0; i < bring->names.count; i++)
		put(call->out, &bring->now[i]);
	output_end_listing(call->out);
	bring_warn(call, bring);
}

/* Of the time, some is kept for undoing: a quarter, and no more than is ever needed. */
static int undo_ms(int64_t total)
{
	return total / 4 > 10000 ? 10000 : (int)(total / 4);
}

static int bring_and_stay(struct call *call, struct bring *bring, int64_t total,
			  struct failure *failure)
{
	int rc = bring_up(bring, failure);

	if (rc < 0) {
		bring_undo(bring, undo_ms(total), failure);
	} else {
		print(call, bring);
		if (call->values[UP_FOREGROUND].given)
			rc = stay(call, bring, total, failure);
	}
	unit_unlock(bring->lock);
	bring->lock = -1;
	return rc < 0 ? rc : 0;
}

static int run(struct call *call, const struct cli_value *values, struct failure *failure)
{
	int64_t total = call_seconds(call) * INT64_C(1000);
	char pcap[PATH_MAX];
	struct unit unit;
	struct bring bring = { .unit = &unit, .lock = -1, .errors = -1 };
	unsigned int i;
	int rc = up_read_words(values, &unit, pcap, failure);

	if (rc < 0)
		return rc;
	bring.text = unit_format(&unit);
	if (!bring.text)
		return failure_errno(failure, ENOMEM, unit.names[0], "cannot write it down");
	bring.names.count = unit.count;
	for (i = 0; i < unit.count; i++)
		strcpy(bring.names.names[i], unit.names[i]);
	if (call->values[UP_FOREGROUND].given)
		bring.errors = stay_errors();
	rc = pace_begin(&bring.pace, total - undo_ms(total), failure);
	if (rc == 0) {
		rc = bring_and_stay(call, &bring, total, failure);
		pace_end(&bring.pace);
	}
	if (bring.errors >= 0)
		close(bring.errors);
	free(bring.text);
	return rc;
}

int up_run(struct call *call, struct failure *failure)
{
	const struct cli_value *values = call->values;
	struct up_file file;
	int rc = up_take_file(&values, &file, failure);

	if (rc == 0)
		rc = run(call, values, failure);
	up_file_free(&file);
	return rc;
}
