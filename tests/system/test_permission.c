/* Who may use which pool, and see and do what. */

#include <criterion/criterion.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

TestSuite(permission, .timeout = 60);

enum { EXIT_CONFIG = 78 };

/* Numbers that no list names, and that some do. */
enum { STRANGER = 65533, USER = 4711, GROUP = 4712, ADMINISTRATOR = 4713, ADMINISTRATORS = 4714 };

/* A daemon that others can connect to; %s in the text is replaced by name. */
static struct harness *start(const char *text, const char *name) {
	char conf[1000];

	if (getuid() != 0)
		cr_skip_test("only root can be somebody else");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(conf, sizeof(conf), text, name);
#pragma GCC diagnostic pop
	return harness_start_with(&(struct start) {.conf = conf, .activate = true});
}

#define POOLS \
	"daemon { slots = 4 admin_users = {'4713'} admin_groups = {'4714'} }\n" \
	"pool open { command = FAKE workers = 1 }\n" \
	"pool closed { command = FAKE workers = 1 %s }\n"
#define ALLOW "allow_users = {'4711'} allow_groups = {'4712'}"

/* The pool open has f, the pool closed has g. */
static struct harness *start_pools(struct fake **ret_open, struct fake **ret_closed) {
	struct harness *h = start(POOLS, ALLOW);

	*ret_open = harness_worker_of(h, "open");
	*ret_closed = harness_worker_of(h, "closed");
	worker_hello(*ret_open, "f");
	worker_hello(*ret_closed, "g");
	harness_expect_notify(h, "READY=1");
	return h;
}

static void expect_applies(struct peer *p, const char *function, struct fake *w, unsigned chunk) {
	peer_call(p, "Apply", "{'function':'%s'}", function);
	worker_expect(w, "{'chunk':%u, ...}", chunk);
	worker_answer(w, chunk, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
}

/* ---- pools ---- */

/* "A pool with `allow_users` or `allow_groups` is for these users, for members of these groups, for root and for the
 * daemon's user; for others it does not exist: their calls get `NoSuchFunction` and `NoSuchPool`, and it is in none of
 * the lists of 1.10." */
Test(permission, a_pool_does_not_exist_for_who_may_not_use_it) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	struct peer *p = peer_connect_in(h, STRANGER, STRANGER, STRANGER);

	expect_applies(p, "f", open, 1);
	peer_call(p, "Apply", "{'function':'g'}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'g'}");
	peer_call(p, "Apply", "{'function':'closed/g'}");
	peer_expect_error(p, "NoSuchPool", "{'pool':'closed'}");
	peer_call(p, "ListFunctions", "{}");
	peer_expect_text(p, "{'parameters':{'functions':[{'name':'f','pool':'open','runtime':"
			    "'fake'}]}}");
	peer_call(p, "Status", "{'workers':true}");
	peer_expect(p, "{'parameters':{'pools':[{'name':'open', ...}],"
		       "'workers':[{'pool':'open', ...}], ...}}");
	harness_stop(h);
}

/* "A pool with `allow_users` or `allow_groups` is for these users, for members of these groups, for root and for the
 * daemon's user; for others it does not exist: their calls get `NoSuchFunction` and `NoSuchPool`, and it is in none of
 * the lists of 1.10."
 * "Which groups you are in is what the kernel says, too." */
Test(permission, a_pool_is_for_its_users_and_the_members_of_its_groups) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	struct peer *user = peer_connect_in(h, USER, STRANGER, STRANGER);
	struct peer *member = peer_connect_in(h, STRANGER, GROUP, STRANGER);
	struct peer *further = peer_connect_in(h, STRANGER, STRANGER, GROUP);
	struct peer *root = peer_connect(h);

	expect_applies(user, "g", closed, 1);
	expect_applies(member, "closed/g", closed, 2);
	expect_applies(further, "g", closed, 3);
	expect_applies(root, "g", closed, 4);
	peer_call(further, "ListFunctions", "{}");
	peer_expect(further, "{'parameters':{'functions':[{'name':'f', ...},{'name':'g', ...}]}}");
	peer_call(user, "Status", "{}");
	peer_expect(user, "{'parameters':{'pools':[{'name':'open', ...},{'name':'closed', ...}],"
			  " ...}}");
	harness_stop(h);
}

Test(permission, more_groups_than_most_have_are_all_looked_at) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	gid_t before[128], many[1000];
	int n = getgroups(128, before);
	struct peer *p;

	for (gid_t i = 0; i < 1000; i++)
		many[i] = 10000 + i;
	many[999] = GROUP;
	cr_assert(n >= 0 && setgroups(1000, many) == 0);
	p = peer_connect_as(h, STRANGER);
	cr_assert_eq(setgroups((size_t) n, before), 0);
	expect_applies(p, "g", closed, 1);
	harness_stop(h);
}

Test(permission, users_and_groups_can_be_named) {
	const struct passwd *user;
	const struct group *group;
	struct harness *h;
	struct fake *w;
	char allow[200];

	/* Those that this system has, whatever they are called. */
	while ((user = getpwent()) && user->pw_uid == 0)
		;
	while ((group = getgrent()) && group->gr_gid == 0)
		;
	cr_assert(user && group);
	snprintf(allow, sizeof(allow), "allow_users = {'root', '%s'} allow_groups = {'%s'}",
		 user->pw_name, group->gr_name);
	h = start("pool closed { command = FAKE workers = 1 %s }\n", allow);
	w = harness_ready_worker(h, "f");
	expect_applies(peer_connect_in(h, user->pw_uid, STRANGER, STRANGER), "f", w, 1);
	expect_applies(peer_connect_in(h, STRANGER, STRANGER, group->gr_gid), "f", w, 2);
	peer_call(peer_connect_in(h, STRANGER, STRANGER, STRANGER), "Apply", "{'function':'f'}");
	harness_stop(h);
}

Test(permission, a_pool_for_nobody_is_for_root) {
	struct harness *h =
		start("pool closed { command = FAKE workers = 1 %s }\n", "allow_users = {}");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect_in(h, STRANGER, STRANGER, STRANGER);

	expect_applies(peer_connect(h), "f", w, 1);
	peer_call(p, "Apply", "{'function':'f'}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'f'}");
	harness_stop(h);
}

/* Neither an AmbiguousFunction that names it, nor a wait for its hello. */
Test(permission, nothing_tells_that_there_is_another_pool) {
	struct harness *h = start(POOLS, ALLOW);
	struct fake *open = harness_worker_of(h, "open"), *closed = harness_worker_of(h, "closed");
	struct peer *p = peer_connect_in(h, STRANGER, STRANGER, STRANGER), *root = peer_connect(h);

	worker_hello(open, "f");
	expect_applies(p, "f", open, 1);
	peer_call(p, "Apply", "{'function':'other'}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'other'}");
	worker_hello(closed, "f");
	harness_expect_notify(h, "READY=1");
	expect_applies(p, "f", open, 2);
	peer_call(root, "Apply", "{'function':'f'}");
	peer_expect_error(root, "AmbiguousFunction", "{'function':'f','pools':['open','closed']}");
	harness_stop(h);
}

Test(permission, ambiguity_is_between_pools_that_one_may_use) {
	struct harness *h = start("pool a { command = FAKE workers = 1 }\n"
				  "pool b { command = FAKE workers = 1 }\n"
				  "pool c { command = FAKE workers = 1 %s }\n",
				  ALLOW);
	struct peer *p = peer_connect_in(h, STRANGER, STRANGER, STRANGER);

	for (int i = 0; i < 3; i++)
		worker_hello(harness_worker(h), "f");
	harness_expect_notify(h, "READY=1");
	peer_call(p, "Apply", "{'function':'f'}");
	peer_expect_error(p, "AmbiguousFunction", "{'function':'f','pools':['a','b']}");
	harness_stop(h);
}

Test(permission, who_waits_for_a_pool_gets_one_that_he_may_use) {
	struct harness *h = start(POOLS, ALLOW);
	struct fake *open = harness_worker_of(h, "open"), *closed = harness_worker_of(h, "closed");
	struct peer *p = peer_connect_in(h, STRANGER, STRANGER, STRANGER);

	peer_call(p, "Apply", "{'function':'f'}");
	peer_call(peer_connect(h), "Status", "{}");
	worker_hello(closed, "f");
	peer_expect_nothing(p);
	worker_hello(open, "f");
	worker_expect(open, "{'chunk':1, ...}");
	worker_answer(open, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* ---- requests ---- */

/* "`ListRequests() → (requests)` has one object for each request of your user that is not over, oldest first."
 * "To administrators it shows those of all users." */
Test(permission, one_sees_ones_own_requests) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	struct peer *p = peer_connect_as(h, USER), *q = peer_connect_as(h, STRANGER);

	peer_call_more(q, "ListRequests", "{}");
	peer_expect_text(q, "{'parameters':{'requests':[]},'continues':true}");
	peer_call(p, "Apply", "{'function':'g'}");
	worker_expect(closed, "{'chunk':1, ...}");
	q = peer_connect_as(h, STRANGER);
	peer_call(q, "Map", "{'function':'f','items':[1,2]}");
	worker_expect(open, "{'chunk':1, ...}");
	q = peer_connect_as(h, STRANGER);
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[{'id':'2','uid':%d, ...}]}}", STRANGER);
	q = peer_connect_as(h, USER);
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[{'id':'1','uid':%d, ...}]}}", USER);
	q = peer_connect(h);
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[{'id':'1', ...},{'id':'2', ...}]}}");
	harness_kill(h);
}

/* "`workers` | with `workers: true`, for each worker `id`, `pool`, `pid`, `state`, `items`, `ageUs`, `rssBytes`, and
 * the `function` if it is busy with a request that you see" */
Test(permission, what_others_run_is_not_told) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	struct peer *p = peer_connect_as(h, USER), *q;

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(open, "{'chunk':1, ...}");
	q = peer_connect_as(h, STRANGER);
	peer_call(q, "Status", "{'workers':true}");
	peer_expect(q, "{'parameters':{'workers':[{'id':'~int','pool':'open','pid':'~int',"
		       "'state':'busy','items':0,'ageUs':'~int','rssBytes':'~int'}], ...}}");
	q = peer_connect_as(h, USER);
	peer_call(q, "Status", "{'workers':true}");
	peer_expect(q, "{'parameters':{'workers':[{'function':'f', ...},{'pool':'closed', ...}],"
		       " ...}}");
	harness_kill(h);
}

/* ---- administrators ---- */

/* Sees and cancels what a stranger wants to run as the request of that number, behind request 1, and resizes a pool that
 * it may not use. */
static void expect_administers(struct harness *h, struct peer *admin, unsigned number) {
	struct peer *p = peer_connect_as(h, STRANGER);

	peer_call(p, "Apply", "{'function':'f'}");
	/* Another connection: when this is answered, the call is there. */
	peer_call(admin, "ListFunctions", "{}");
	peer_expect(admin, "{'parameters':{'functions':[{'name':'f', ...},{'name':'g', ...}]}}");
	peer_call(admin, "ListRequests", "{}");
	peer_expect(admin,
		    "{'parameters':{'requests':[{'id':'1', ...},{'id':'%u','uid':%d, ...}]}}",
		    number, STRANGER);
	peer_call(admin, "Cancel", "{'request':'%u'}", number);
	peer_expect_text(admin, "{}");
	peer_expect_error(p, "Cancelled", NULL);
	peer_call(admin, "Status", "{'workers':true}");
	peer_expect(admin, "{'parameters':{'pools':[{'name':'open', ...},{'name':'closed', ...}],"
			   "'workers':[{'pool':'open','function':'f', ...},{'pool':'closed', ...}],"
			   " ...}}");
	peer_call(admin, "Resize", "{'pool':'closed','workers':1}");
	peer_expect_text(admin, "{'parameters':{'before':1}}");
}

/* "Administrators are root, the daemon's user, and the users and groups of `admin_users` and `admin_groups` in the
 * configuration."
 * "One may cancel the requests of one's own user; administrators may cancel any." */
Test(permission, administrators_are_named_by_user_or_group) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(open, "{'chunk':1, ...}");
	expect_administers(h, peer_connect(h), 2);
	expect_administers(h, peer_connect_in(h, ADMINISTRATOR, STRANGER, STRANGER), 3);
	expect_administers(h, peer_connect_in(h, STRANGER + 1, STRANGER, ADMINISTRATORS), 4);
	worker_answer(open, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* "They see all pools, and may use those that are for them." */
Test(permission, administrators_use_the_pools_that_are_for_them) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	struct peer *p = peer_connect_in(h, ADMINISTRATOR, STRANGER, STRANGER);

	peer_call(p, "ListFunctions", "{}");
	peer_expect(p, "{'parameters':{'functions':[{'name':'f', ...},{'name':'g', ...}]}}");
	peer_call(p, "Apply", "{'function':'g'}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'g'}");
	p = peer_connect_in(h, ADMINISTRATOR, GROUP, STRANGER);
	expect_applies(p, "g", closed, 1);
	harness_stop(h);
}

/* ---- the configuration ---- */

Test(permission, who_may_do_what_changes_with_the_configuration) {
	struct fake *open, *closed;
	struct harness *h = start_pools(&open, &closed);
	struct peer *user = peer_connect_as(h, USER), *stranger = peer_connect_as(h, STRANGER);
	struct peer *administrator = peer_connect_as(h, ADMINISTRATOR);

	expect_applies(user, "g", closed, 1);
	harness_configure(h,
			  "daemon { slots = 4 admin_users = {'65533'} }\n"
			  "pool open { command = FAKE workers = 1 }\n"
			  "pool closed { command = FAKE workers = 1 allow_users = {'65533'} }\n");
	peer_call(administrator, "Reload", "{}");
	peer_expect(administrator, "{'parameters':{...}}");
	peer_call(user, "Apply", "{'function':'g'}");
	peer_expect_error(user, "NoSuchFunction", "{'function':'g'}");
	expect_applies(stranger, "g", closed, 2);
	peer_call(administrator, "Resume", "{}");
	peer_expect_error(administrator, "org.varlink.service.PermissionDenied", NULL);
	peer_call(stranger, "Resume", "{}");
	peer_expect_text(stranger, "{}");
	harness_stop(h);
}

static void expect_mistake(const char *conf, const char *sentence) {
	struct harness *h = harness_start_with(&(struct start) {.conf = conf});

	harness_expect_log(h, sentence);
	harness_expect_exit(h, EXIT_CONFIG);
}

Test(permission, names_that_nobody_has_are_told) {
	expect_mistake("pool a {\n\tcommand = FAKE\n\tallow_users = {'root', 'no-such-user'}\n}\n",
		       "procpool.conf:4: pool 'a': there is no user no-such-user");
	expect_mistake("pool a {\n\tcommand = FAKE\n\tallow_groups = {'no-such-group'}\n}\n",
		       "procpool.conf:4: pool 'a': there is no group no-such-group");
	/* The greatest number stands for nobody. */
	expect_mistake("pool a {\n\tcommand = FAKE\n\tallow_users = {'4294967295'}\n}\n",
		       "there is no user 4294967295");
	expect_mistake("daemon { admin_users = {'no-such-user'} }\n" ONE_FAKE,
		       "daemon.admin_users: there is no user no-such-user");
	expect_mistake("daemon { admin_groups = {'-1'} }\n" ONE_FAKE,
		       "daemon.admin_groups: there is no group -1");
}
