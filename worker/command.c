#include <procpool/worker.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "worker/nested.h"
#include "worker/plugin.h"
#include "worker/registry.h"
#include "worker/runtime.h"

/* procpool_worker_main(): the command line, and what the daemon hands a worker that it starts. */

#define FD_VARIABLE   "PROCPOOL_WORKER_FD"
#define PAGE_VARIABLE "PROCPOOL_WORKER_PAGE_FD"

#define complain(...) \
	(fprintf(stderr, "%s: ", program_invocation_short_name), fprintf(stderr, __VA_ARGS__), \
	 fputc('\n', stderr))

static void print_help(void) {
	printf("Usage: %s [--load FILE|DIRECTORY]... [--list]\n"
	       "\n"
	       "A procpool worker: procpoold starts it, as the `command` of a pool, and it runs\n"
	       "functions for procpool's clients.\n"
	       "\n"
	       "  --load FILE       load the functions of a shared object (see "
	       "<procpool/worker.h>)\n"
	       "  --load DIRECTORY  load every *.so in it, in the order of their names\n"
	       "  --list            print the functions, and end\n"
	       "  --help            print this, and end\n"
	       "  --version         print the version, and end\n",
	       program_invocation_short_name);
}

static void print_list(const struct registry *registry) {
	for (size_t i = 0; i < registry->n_entries; i++) {
		const struct procpool_function *function = registry->entries[i].function;

		printf("%s%s%s\n", function->name, function->description ? "\t" : "",
		       function->description ? function->description : "");
	}
}

/* Ends a printing option: what nobody could read was not printed. */
static int end_output(void) {
	if (fflush(stdout) == 0)
		return EX_OK;
	complain("cannot write to stdout: %s", strerror(errno));
	return EX_IOERR;
}

/* Returns an exit status: what registry_…() returned, said on stderr. */
static int refused(const struct registry *registry, int r, int status) {
	if (r < 0) {
		complain("%s", strerror(-r));
		return EX_OSERR;
	}
	complain("%s", registry->reason);
	return status;
}

/* The number of an inherited fd; -1 if the variable is not set, -2 if it says no such number. */
static int inherited_fd(const char *variable) {
	const char *text = getenv(variable);
	char *end;
	long fd;

	if (!text)
		return -1;
	errno = 0;
	fd = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || fd < 0 || fd > INT32_MAX)
		return -2;
	/* Programs that a function starts must neither hold the conversation nor look for it. */
	if (fcntl((int) fd, F_SETFD, FD_CLOEXEC) < 0)
		return -2;
	unsetenv(variable);
	return (int) fd;
}

static bool is_socket(int fd) {
	int type;
	socklen_t size = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* Returns 0 and *ret, NULL if there is no page; -errno. */
static int map_page(struct page **ret) {
	int fd = inherited_fd(PAGE_VARIABLE);
	struct stat stat_;
	void *page;

	*ret = NULL;
	if (fd == -1)
		return 0;
	if (fd < 0 || fstat(fd, &stat_) < 0)
		return -EBADF;
	if (stat_.st_size < PAGE_SIZE)
		return -EINVAL;
	page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	close(fd);
	*ret = page;
	return 0;
}

/* Ctrl-C is for the caller's terminal; SIGTERM ends a worker whatever its starter had ignored. */
static void set_signals(void) {
	sigset_t term;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static int run_worker(int fd, struct page *page, const struct registry *registry) {
	const char *reason = NULL;
	int r;

	nested_serve(registry);
	r = runtime_run(fd, page, registry, &reason);
	nested_serve(NULL);

	if (r < 0)
		complain("%s", strerror(-r));
	else if (r > 0)
		complain("cannot understand the daemon: %s", reason);
	return r == 0 ? EX_OK : r > 0 ? EX_PROTOCOL : EX_OSERR;
}

static int serve(struct registry *registry) {
	struct page *page;
	int status, r, fd = inherited_fd(FD_VARIABLE);

	if (fd == -1) {
		complain("this is a procpool worker, which procpoold starts as the `command` of a "
			 "pool; by hand it only does --list and --help");
		return EX_USAGE;
	}
	if (fd < 0 || !is_socket(fd)) {
		complain("%s does not name a stream socket that is open", FD_VARIABLE);
		return EX_USAGE;
	}
	r = map_page(&page);
	if (r < 0) {
		complain("%s does not name the worker's page: %s", PAGE_VARIABLE, strerror(-r));
		return EX_USAGE;
	}
	set_signals();
	setlinebuf(stdout);
	r = registry_start(registry);
	status = r == 0 ? run_worker(fd, page, registry) : refused(registry, r, 1);
	registry_stop(registry);
	if (page)
		munmap(page, PAGE_SIZE);
	return status;
}

/* Reads the command line; loads what it names. Returns -1 to go on with *ret_list, or the exit status. */
static int read_options(struct registry *registry, int argc, char *argv[], bool *ret_list) {
	static const struct option options[] = {{"load", required_argument, NULL, 'l'},
						{"list", no_argument, NULL, 'L'},
						{"help", no_argument, NULL, 'h'},
						{"version", no_argument, NULL, 'v'},
						{0}};
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			r = plugin_load(registry, optarg);
			if (r != 0)
				return refused(registry, r, EX_CONFIG);
			break;
		case 'L': *ret_list = true; break;
		case 'h': print_help(); return end_output();
		case 'v': printf("%s %s\n", PACKAGE_NAME, PACKAGE_VERSION); return end_output();
		default: return EX_USAGE; /* getopt_long() has said it */
		}
	}
	if (optind == argc)
		return -1;
	complain("'%s': there is nothing to do with an argument; see --help", argv[optind]);
	return EX_USAGE;
}

int procpool_worker_main(int argc, char *argv[], const struct procpool_table *table) {
	struct registry *registry = registry_new();
	bool list = false;
	int r, status;

	if (!registry) {
		complain("%s", strerror(ENOMEM));
		return EX_OSERR;
	}
	r = table ? registry_add(registry, table, "the program itself") : 0;
	status = r == 0 ? read_options(registry, argc, argv, &list)
			: refused(registry, r, EX_CONFIG);
	if (status == -1 && list) {
		print_list(registry);
		status = end_output();
	} else if (status == -1) {
		status = serve(registry);
	}
	registry_free(registry);
	return status;
}
