#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The commands of the tool, and what all of them share: the options that choose a daemon, and the exit codes.
 */

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* some items, or the call */
	EXIT_BAD_USAGE = 2,
	EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE */
	EXIT_OUTPUT = 74,      /* EX_IOERR */
	EXIT_TRY_AGAIN = 75,   /* EX_TEMPFAIL */
	EXIT_DENIED = 77,      /* EX_NOPERM */
	EXIT_BAD_CONFIG = 78   /* EX_CONFIG */
};

#define EXIT_CODES_DOC \
	"Exit codes:\n" \
	"    0  all went well\n" \
	"    1  some items failed, or the call did\n" \
	"    2  wrong usage or input\n" \
	"   69  no daemon, or it went away; says how many items were done\n" \
	"   74  input or output failed\n" \
	"   75  too much is held, or too many are connected: try again later\n" \
	"   77  no permission\n" \
	"   78  wrong configuration\n" \
	"  130  interrupted\n" \
	"When nobody reads its output it dies of SIGPIPE as other filters do (141 in a shell)."

/* Options before or after the command's name. */
struct common {
	const char *socket;
	bool private;
	const char **loads; /* owned array */
	size_t n_loads;
	const char *worker, *workers;
};

/* A child parser, for struct common as its input. */
extern const struct argp common_argp;

/* An argp_child list for commands that have no options of their own but these: a parser that has it hands
 * struct common on in ARGP_KEY_INIT. */
extern const struct argp_child common_children[];

/* argv[0] is "procpool NAME". Returns the exit code. */
typedef int (*command_run)(struct common *common, int argc, char **argv);

int cmd_map(struct common *common, int argc, char **argv);
int cmd_apply(struct common *common, int argc, char **argv);
int cmd_status(struct common *common, int argc, char **argv);
int cmd_functions(struct common *common, int argc, char **argv);
int cmd_requests(struct common *common, int argc, char **argv);
int cmd_cancel(struct common *common, int argc, char **argv);
int cmd_why(struct common *common, int argc, char **argv);
int cmd_reload(struct common *common, int argc, char **argv);
int cmd_resize(struct common *common, int argc, char **argv);
int cmd_drain(struct common *common, int argc, char **argv);
int cmd_resume(struct common *common, int argc, char **argv);
int cmd_ping(struct common *common, int argc, char **argv);
int cmd_run(struct common *common, int argc, char **argv);
