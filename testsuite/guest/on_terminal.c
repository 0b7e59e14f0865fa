// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * on_terminal COMMAND [ARGUMENT]...
 *
 * Runs COMMAND on a terminal of its own; what it prints there goes to standard output as it is.
 * Ends as COMMAND does (128 + n for a signal).
 */
#include <pty.h>
#include <stdio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void run(char **command)
{
	struct termios attributes;

	/* no line feed becomes two characters */
	if (tcgetattr(STDOUT_FILENO, &attributes) == 0) {
		cfmakeraw(&attributes);
		tcsetattr(STDOUT_FILENO, TCSANOW, &attributes);
	}
	execvp(command[0], command);
	_exit(127);
}

int main(int argc, char **argv)
{
	int terminal, status;
	char bytes[4096];
	ssize_t n;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = forkpty(&terminal, NULL, NULL, NULL);
	if (pid == 0)
		run(argv + 1);
	if (pid < 0) {
		perror("forkpty");
		return 1;
	}
	/* EIO when the last one on the terminal has gone */
	while ((n = read(terminal, bytes, sizeof(bytes))) > 0)
		if (write(STDOUT_FILENO, bytes, (size_t)n) != n)
			return 1;
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
