// SPDX-License-Identifier: GPL-2.0-or-later
#include "vdpa_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vdpa/vdpa.h"

struct command_result vdpa_result;

void vdpa_run(const char *line)
{
	char words[4096], *arguments[64], *save = NULL, *word;
	struct vdpa_session session = { .open = false };
	const struct command_host host = { .session = &session };
	int count = 0;

	vdpa_run_end();
	snprintf(words, sizeof(words), "%s", line);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		arguments[count++] = word;
	command_run(&vdpa_command, count, arguments, &host, &vdpa_result);
	vdpa_session_end(&session);
}

void vdpa_prints(const char *line, const char *expected)
{
	vdpa_run(line);
	assert_string_equal(vdpa_result.diagnostics, "");
	assert_string_equal(vdpa_result.text, expected);
	assert_int_equal(vdpa_result.status, 0);
}

void vdpa_fails(const char *line, enum exit_status status, const char *words)
{
	vdpa_run(line);
	assert_int_equal(vdpa_result.status, status);
	if (!strstr(vdpa_result.diagnostics, words))
		fail_msg("%s: %s", line, vdpa_result.diagnostics);
}

void vdpa_run_end(void)
{
	command_result_free(&vdpa_result);
}
