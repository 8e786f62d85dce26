#include "daemon/environment.h"
#include "daemon/strings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define LIST(...) \
	(char *[]) { \
		__VA_ARGS__, NULL \
	}

#define THREADS \
	"OMP_NUM_THREADS=1\nOPENBLAS_NUM_THREADS=1\nMKL_NUM_THREADS=1\nBLIS_NUM_THREADS=1\n" \
	"VECLIB_MAXIMUM_THREADS=1\nNUMEXPR_NUM_THREADS=1\n"
#define PATH_WORD  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
#define OURS(pool) "PROCPOOL_POOL=" pool "\nPROCPOOL_WORKER_FD=3\nPROCPOOL_WORKER_PAGE_FD=4\n"

static void expect(char **environment, const char *expected) {
	char text[4096] = "";

	cr_assert_not_null(environment);
	for (char **word = environment; *word; word++) {
		strcat(text, *word);
		strcat(text, "\n");
	}
	cr_assert_str_eq(text, expected, "the environment is\n%s and not\n%s", text, expected);
	strings_free(environment);
}

/* "environment | `PATH`, `HOME` and `LANG`; `PROCPOOL_SOCKET`, where the daemon listens; `OMP_NUM_THREADS=1` and its
 * relatives; then the pool's `environment`, which may replace all of these" */
UNIT_TEST(environment, a_worker_of_the_service_gets_a_clean_one) {
	expect(environment_new(LIST("HOME=/root", "LANG=de_DE.UTF-8", "SECRET=1", "HOMER=x",
				    "PATH=/opt", "NOTIFY_SOCKET=/run/n", "OMP_NUM_THREADS=8",
				    "PROCPOOL_SOCKET=/run/s"),
			       false, NULL, "default"),
	       PATH_WORD "HOME=/root\nLANG=de_DE.UTF-8\n" THREADS
			 "PROCPOOL_SOCKET=/run/s\n" OURS("default"));
	expect(environment_new(LIST(NULL), false, NULL, "p"),
	       PATH_WORD "HOME=/\nLANG=C.UTF-8\n" THREADS OURS("p"));
}

UNIT_TEST(environment, a_worker_of_a_private_daemon_gets_the_starters) {
	expect(environment_new(LIST("PATH=/opt", "VIRTUAL_ENV=/venv", "OMP_NUM_THREADS=8",
				    "EMPTY=", "PROCPOOL_SOCKET=/x"),
			       true, NULL, "default"),
	       "PATH=/opt\nHOME=/\nLANG=C.UTF-8\n"
	       "OMP_NUM_THREADS=8\nOPENBLAS_NUM_THREADS=1\nMKL_NUM_THREADS=1\nBLIS_NUM_THREADS=1\n"
	       "VECLIB_MAXIMUM_THREADS=1\nNUMEXPR_NUM_THREADS=1\n"
	       "VIRTUAL_ENV=/venv\nEMPTY=\nPROCPOOL_SOCKET=/x\n" OURS("default"));
}

UNIT_TEST(environment, what_is_the_daemons_own_is_never_passed_on) {
	expect(environment_new(LIST("NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=1", "WATCHDOG_PID=1",
				    "LISTEN_FDS=1", "LISTEN_PID=1", "LISTEN_FDNAMES=a",
				    "PROCPOOL_WORKER_FD=9", "JOURNAL_STREAM=1:2"),
			       true, NULL, "default"),
	       PATH_WORD "HOME=/\nLANG=C.UTF-8\n" THREADS OURS("default"));
}

/* "environment | `PATH`, `HOME` and `LANG`; `PROCPOOL_SOCKET`, where the daemon listens; `OMP_NUM_THREADS=1` and its
 * relatives; then the pool's `environment`, which may replace all of these" */
UNIT_TEST(environment, the_settings_of_the_pool_win_but_for_the_protocols_own) {
	expect(environment_new(LIST("HOME=/root", "A=1"), true,
			       LIST("A=2", "HOME=/srv", "B=x=y", "OMP_NUM_THREADS=4", "B=z",
				    "PROCPOOL_WORKER_FD=7", "PROCPOOL_POOL=lie"),
			       "default"),
	       PATH_WORD "HOME=/srv\nLANG=C.UTF-8\n"
			 "OMP_NUM_THREADS=4\nOPENBLAS_NUM_THREADS=1\nMKL_NUM_THREADS=1\n"
			 "BLIS_NUM_THREADS=1\nVECLIB_MAXIMUM_THREADS=1\nNUMEXPR_NUM_THREADS=1\n"
			 "A=2\nB=z\nPROCPOOL_WORKER_FD=3\nPROCPOOL_POOL=default\n"
			 "PROCPOOL_WORKER_PAGE_FD=4\n");
}

UNIT_TEST(environment, it_has_room_for_any_number_of_words) {
	char *words[101], expected[4096] = PATH_WORD "HOME=/\nLANG=C.UTF-8\n" THREADS;

	for (int i = 0; i < 100; i++) {
		cr_assert_gt(asprintf(&words[i], "KEY%d=%d", i, i), 0);
		strcat(strcat(expected, words[i]), "\n");
	}
	words[100] = NULL;
	expect(environment_new(words, true, NULL, "p"), strcat(expected, OURS("p")));
	for (int i = 0; i < 100; i++)
		free(words[i]);
}

UNIT_TEST(environment, without_memory_there_is_none) {
	size_t n = 0;
	bool failed;

	do {
		char **environment;

		unit_fail(++n);
		environment = environment_new(LIST("HOME=/root", "A=1"), true, LIST("A=2"), "p");
		failed = unit_failed();
		cr_assert_eq(environment == NULL, failed, "allocation %zu", n);
		strings_free(environment);
		cr_assert_eq(unit_live(), 0, "allocation %zu", n);
	} while (failed);
	cr_assert_gt(n, 15);
}
