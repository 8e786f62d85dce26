#include <criterion/criterion.h>

#include "tests/system/harness.h"

/* Which pool a function's name leads to. */

TestSuite(routing, .timeout = 60);

#define TWO_POOLS \
	"daemon { slots = 4 }\n" \
	"pool a { command = FAKE workers = 1 }\n" \
	"pool b { command = FAKE workers = 1 }\n"

/* Starts the two pools; their workers offer these functions. */
static struct harness *start(const char *of_a, const char *of_b, struct fake **ret_a,
			     struct fake **ret_b) {
	struct harness *h = harness_start(TWO_POOLS);

	*ret_a = harness_worker_of(h, "a");
	*ret_b = harness_worker_of(h, "b");
	worker_hello(*ret_a, of_a);
	worker_hello(*ret_b, of_b);
	harness_expect_notify(h, "READY=1");
	return h;
}

static void expect_goes_to(struct peer *p, const char *function, const char *plain, struct fake *w,
			   unsigned chunk) {
	peer_call(p, "Apply", "{'function':'%s','argument':1}", function);
	worker_expect(w, "{'chunk':%u,'function':'%s', ...}", chunk, plain);
	worker_answer(w, chunk, 0, "[true]");
	peer_expect_text(p, "{'parameters':{'result':true}}");
}

/* "If several pools offer it equally well, the call fails with `AmbiguousFunction`, and
 * `pool/name` says which is meant."
 * "`io.procpool.AmbiguousFunction` | `function`, `pools` | several pools offer it: call
 * `pool/name` | stays"
 * "`function` | the name that was called; never a prefix, and without the pool" */
Test(routing, a_function_of_two_pools_is_ambiguous_and_the_pool_chooses) {
	struct fake *a, *b;
	struct harness *h = start("f g", "f", &a, &b);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	peer_expect_error(p, "AmbiguousFunction", "{'function':'f','pools':['a','b']}");
	expect_goes_to(p, "a/f", "f", a, 1);
	expect_goes_to(p, "b/f", "f", b, 1);
	expect_goes_to(p, "g", "g", a, 2);
	harness_stop(h);
}

/* "`io.procpool.NoSuchFunction` | `function` | nobody offers it, or the worker does not know it
 * under its prefix | stays"
 * "`io.procpool.NoSuchPool` | `pool` | there is no pool of the name before the `/` | stays" */
Test(routing, names_that_lead_nowhere_are_told) {
	struct fake *a, *b;
	struct harness *h = start("f", "g h.*", &a, &b);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'nowhere'}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'nowhere'}");
	peer_call(p, "Apply", "{'function':'a/g'}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'~has:g'}");
	peer_call(p, "Apply", "{'function':'c/f'}");
	peer_expect_error(p, "NoSuchPool", "{'pool':'c'}");
	peer_call(p, "Apply", "{'function':'h'}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'h'}");
	harness_stop(h);
}

/* "Workers announce names, and prefixes as `name*`; a name is preferred to a prefix, and a longer
 * prefix to a shorter one."
 * "`function` | the name that was called; never a prefix, and without the pool" */
Test(routing, exact_beats_prefix_and_longer_prefix_beats_shorter) {
	struct fake *a, *b;
	struct harness *h = start("mod.* exact longer.way.*", "exact* mod.sub.* longer.*", &a, &b);
	struct peer *p = peer_connect(h);

	expect_goes_to(p, "exact", "exact", a, 1);
	expect_goes_to(p, "exactly", "exactly", b, 1);
	expect_goes_to(p, "mod.f", "mod.f", a, 2);
	expect_goes_to(p, "mod.sub.f", "mod.sub.f", b, 2);
	expect_goes_to(p, "longer.way.f", "longer.way.f", a, 3);
	expect_goes_to(p, "longer.f", "longer.f", b, 3);
	harness_stop(h);
}

Test(routing, equal_prefixes_are_ambiguous_unless_something_longer_decides) {
	struct fake *a, *b;
	struct harness *h = start("x.* x.y", "x.*", &a, &b);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'x.z'}");
	peer_expect_error(p, "AmbiguousFunction", "{'function':'x.z','pools':['a','b']}");
	expect_goes_to(p, "x.y", "x.y", a, 1);
	expect_goes_to(p, "b/x.z", "x.z", b, 1);
	harness_stop(h);
}

/* "`io.procpool.NoSuchFunction` | `function` | nobody offers it, or the worker does not know it
 * under its prefix | stays"
 * "`unknown` | `true`, instead of results: there is no such function under the announced prefix;
 * ends the chunk" */
Test(routing, a_worker_may_not_know_what_its_prefix_promised) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "mod.*");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'mod.nothing','items':[1,2],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1,'function':'mod.nothing', ...}");
	worker_send(w, "{'chunk':1,'unknown':true}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'mod.nothing'}");
	expect_goes_to(p, "mod.something", "mod.something", w, 2);
	harness_stop(h);
}

/* "While a pool starts for the first time, a call of a name that nobody offers waits for it, but
 * no longer than its `start_timeout`." */
Test(routing, an_unknown_name_waits_for_a_pool_that_has_not_said_hello) {
	struct harness *h = harness_start(TWO_POOLS);
	struct fake *a = harness_worker_of(h, "a"), *b = harness_worker_of(h, "b");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	worker_hello(a, "f");
	peer_call(p, "Apply", "{'function':'late','argument':1}");
	peer_call(q, "Apply", "{'function':'never','argument':1}");
	worker_hello(b, "late");
	worker_expect(b, "{'chunk':1,'function':'late', ...}");
	worker_answer(b, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_expect_error(q, "NoSuchFunction", "{'function':'never'}");
	harness_stop(h);
}

/* "While a pool starts for the first time, a call of a name that nobody offers waits for it, but
 * no longer than its `start_timeout`." */
Test(routing, an_unknown_name_waits_no_longer_than_the_start_timeout) {
	struct harness *h = harness_start("pool default { command = FAKE workers = 1 "
					  "start_timeout = 300ms }");
	struct fake *w = harness_worker(h);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	peer_expect(p, "{'error':'*', ...}");
	worker_expect_gone(w);
	harness_stop(h);
}

/* "All workers of a pool must announce the same functions, descriptions and ways to unpack, in
 * whatever order: one that does not is killed." */
Test(routing, a_worker_whose_functions_differ_from_its_generations_is_refused) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *first = harness_ready_worker(h, "f g"), *second = harness_worker(h), *third;
	struct peer *p = peer_connect(h);

	/* The first one's hello is in force before the second one speaks. */
	peer_call(p, "Apply", "{'function':'g','argument':1}");
	worker_expect(first, "{'chunk':1, ...}");
	worker_hello(second, "f");
	worker_expect_gone(second);
	third = harness_ready_worker(h, "g f");
	harness_expect_notify(h, "READY=1");
	cr_assert_not(worker_is_gone(third));
	worker_answer(first, 1, 0, "[1]");
	harness_stop(h);
}

/* "`ListFunctions() → (functions)` has one object for each name and prefix and each pool that
 * offers it: `name`, `pool`, `runtime`, and `description` if the worker gave one."
 * "`functions` | at most 65 536 objects `{"name", "description"?}`, each name once; a `*` at the
 * end makes a prefix"
 * "All workers of a pool must announce the same functions, descriptions and ways to unpack, in
 * whatever order: one that does not is killed." */
Test(routing, a_worker_that_unpacks_otherwise_is_refused) {
	static const char hello[] = "{'hello':{'protocol':1,'runtime':'c','unpack':[%s],"
				    "'functions':[{'name':'f'%s}]}}";
	static const char *const others[][2] = {
		{"'none'", ""},
		{"'both'", ",'description':'another'"},
	};
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *first = harness_worker(h), *second = harness_worker(h);
	struct peer *p = peer_connect(h);

	worker_send(first, hello, "'both'", "");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(first, "{'chunk':1, ...}");
	for (size_t i = 0; i < 2; i++) {
		worker_send(second, hello, others[i][0], others[i][1]);
		worker_expect_gone(second);
		second = harness_worker(h);
	}
	worker_send(second, hello, "'both','none'", "");
	harness_expect_notify(h, "READY=1");
	worker_answer(first, 1, 0, "[1]");
	harness_stop(h);
}

/* "`ListFunctions() → (functions)` has one object for each name and prefix and each pool that
 * offers it: `name`, `pool`, `runtime`, and `description` if the worker gave one."
 * "`functions` | at most 65 536 objects `{"name", "description"?}`, each name once; a `*` at the
 * end makes a prefix" */
Test(routing, list_functions_names_them_with_their_pools) {
	struct harness *h = harness_start(TWO_POOLS);
	struct fake *a = harness_worker_of(h, "a"), *b = harness_worker_of(h, "b");
	struct peer *p = peer_connect(h);

	worker_send(a,
		    "{'hello':{'protocol':1,'runtime':'c','page':true,'unpack':['none'],"
		    "'functions':[{'name':'square','description':'of a number'},{'name':'m.*'}]}}");
	worker_send(b, "{'hello':{'protocol':1,'runtime':'python','page':false,'unpack':['none'],"
		       "'functions':[{'name':'square'}]}}");
	harness_expect_notify(h, "READY=1");
	peer_call(p, "ListFunctions", "{}");
	peer_expect(p, "{'parameters':{'functions':["
		       "{'name':'square','pool':'a','description':'of a number','runtime':'c'},"
		       "{'name':'m.*','pool':'a','runtime':'c'},"
		       "{'name':'square','pool':'b','runtime':'python'}]}}");
	harness_stop(h);
}
