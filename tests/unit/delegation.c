#include "daemon/delegation.h"

#include "tests/unit/unit.h"

UNIT_TEST(delegation, takes_a_mark_a_main_process_and_nobody_else) {
	static const struct {
		struct delegation_facts facts;
		const char *refusal;
	} table[] = {
		{{.self = 12, .exec_pid = "12", .mark = "1", .processes = "12\n"}, NULL},
		{{.self = 12, .exec_pid = "12", .mark = "1", .processes = "12"}, NULL},
		{{.private = true, .self = 12, .exec_pid = "12", .mark = "1", .processes = "12\n"},
		 "the daemon is private"},
		{{.self = 12, .mark = "1", .processes = "12\n"},
		 "the daemon is not the main process of a service"},
		{{.self = 12, .exec_pid = "", .mark = "1", .processes = "12\n"},
		 "the daemon is not the main process of a service"},
		/* Started by a shell, or a script, of a service. */
		{{.self = 12, .exec_pid = "11", .mark = "1", .processes = "12\n"},
		 "the daemon is not the main process of a service"},
		{{.self = 12, .exec_pid = "12x", .mark = "1", .processes = "12\n"},
		 "the daemon is not the main process of a service"},
		{{.self = 12, .exec_pid = "12", .processes = "12\n"},
		 "the service does not delegate it (Delegate=)"},
		{{.self = 12, .exec_pid = "12", .mark = "0", .processes = "12\n"},
		 "the service does not delegate it (Delegate=)"},
		{{.self = 12, .exec_pid = "12", .mark = "", .processes = "12\n"},
		 "the service does not delegate it (Delegate=)"},
		{{.self = 12, .exec_pid = "12", .mark = "1"}, "other processes are in it"},
		{{.self = 12, .exec_pid = "12", .mark = "1", .processes = ""},
		 "other processes are in it"},
		{{.self = 12, .exec_pid = "12", .mark = "1", .processes = "11\n12\n"},
		 "other processes are in it"},
		{{.self = 12, .exec_pid = "12", .mark = "1", .processes = "12\n13\n"},
		 "other processes are in it"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *refusal = delegation_refusal(&table[i].facts);

		if (table[i].refusal)
			cr_assert_str_eq(refusal ? refusal : "(taken)", table[i].refusal, "row %zu",
					 i);
		else
			cr_assert_null(refusal, "row %zu: %s", i, refusal);
	}
}

UNIT_TEST(delegation, controllers_are_found_in_their_list) {
	enum {
		CPU = 1 << CONTROLLER_CPU,
		MEMORY = 1 << CONTROLLER_MEMORY,
		PIDS = 1 << CONTROLLER_PIDS
	};
	static const struct {
		const char *text;
		unsigned found;
	} table[] = {
		{"", 0},
		{"\n", 0},
		{"hugetlb\n", 0},
		{"cpuset cpu io memory hugetlb pids rdma misc\n", CPU | MEMORY | PIDS},
		{"memory pids\n", MEMORY | PIDS},
		{"cpu", CPU},
		{"cpuset io\n", 0},
		{"cpux xpids memoryx\n", 0},
		{" pids  memory ", MEMORY | PIDS},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		cr_assert_eq(delegation_controllers(table[i].text), table[i].found, "row %zu", i);
	cr_assert_str_eq(controller_name(CONTROLLER_MEMORY), "memory");
}

UNIT_TEST(delegation, counts_have_a_line_each) {
	static const char events[] = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
	static const struct {
		const char *text, *key;
		uint64_t count;
	} table[] = {
		{events, "oom_kill", 2},
		{events, "oom", 3},
		{events, "oom_group_kill", 1},
		{events, "low", 0},
		{events, "kill", 0},
		{events, "oom_k", 0},
		/* Of version 1. */
		{"oom_kill_disable 0\nunder_oom 0\noom_kill 4\n", "oom_kill", 4},
		{"oom_kill_disable 1\nunder_oom 0\n", "oom_kill", 0},
		{"populated 1\nfrozen 0\n", "populated", 1},
		{"oom_kill", "oom_kill", 0},
		{"oom_kill ", "oom_kill", 0},
		{"oom_kill x", "oom_kill", 0},
		{"oom_kill 5", "oom_kill", 5},
		{"", "oom", 0},
		{NULL, "oom", 0},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		cr_assert_eq(delegation_count(table[i].text, table[i].key), table[i].count,
			     "row %zu", i);
}
