#include "daemon/conn.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/api.h"
#include "daemon/bytes.h"
#include "daemon/channel.h"
#include "daemon/configuration.h"
#include "daemon/delivery.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "daemon/service.h"
#include "daemon/status.h"
#include "daemon/watch.h"
#include "protocol/parameters.h"
#include "tests/fuzz/fuzz.h"

/*
 * A whole connection: the real conn, channel, methods and dispatch over a socketpair. The first byte chooses what
 * else happens (enum mode), the rest is sent in pieces of at most 143 bytes. There is one pool, which offers f and
 * g.* and has no worker, so requests wait until they are cancelled; beside io.procpool there is an interface t whose
 * methods do what procpool's never do. Promises: what comes back is NUL-ended JSON objects, each a reply or an
 * object of a stream; every error is one of the list; without a stream there are no more final replies than
 * messages; the connection frees itself, and all that came of it, when its peer is gone.
 */
enum {
	PIECE_MAX = 143,
	PASSES = 3 /* of the loop: what one activates, the kernel tells in the next */
};

enum mode {
	MODE_HALF_CLOSE = 1, /* the peer stops sending first, and goes later */
	MODE_IMPATIENT = 2,  /* the time for a message is over at once */
	MODE_SHUT = 4,       /* the daemon drains after half of the input */
	MODE_SMALL = 8,      /* limits that inputs reach */
	MODE_DEAF = 16,      /* the peer reads nothing before the end */
	MODE_HURRIED = 32,   /* the time for a whole message is over at once */
	MODE_FULL = 64,      /* the user may hold next to nothing */
	MODE_LEAVE = 128     /* the daemon goes first */
};

struct fixture {
	struct channel_loop loop;
	struct configuration configuration;
	struct dispatch *dispatch;
	struct api api;
	struct reload reload;
	struct service service;
	struct conn_interface interfaces[3];
	struct intake_limits limits;
	struct conn_list all;
	struct conn_setup setup;
	struct quota quota;
	bool closed;
	struct pool_setup pool_setup;
	uint64_t next_worker;
	struct conn *later; /* has a call of t.Later that was not answered */
	struct conn *stream;

	int fd; /* the peer's end */
	bool upgraded, ended;
	size_t nuls, finals; /* sent; received */
	char *output;
	size_t size;
};

/* -------- the interface t -------- */

static void on_hung_up(void *owner) {
	struct fixture *f = owner;

	f->later = f->stream = NULL;
}

static void on_drained(void *owner) {
	FUZZ_CHECK(owner);
}

static const struct conn_ops later_ops = {.hung_up = on_hung_up, .drained = on_drained};

static void run_later(void *context, struct conn *conn, struct conn_call *call) {
	struct fixture *f = context;

	if (call->call->oneway)
		return; /* its owner would not be told when the connection goes */
	f->later = conn;
	conn_own(conn, &later_ops, f);
}

static void run_twice(void *context, struct conn *conn, struct conn_call *call) {
	(void) context;
	if (call->call->more)
		conn_reply(conn, json_pack("{si}", "n", 1), true);
	conn_reply(conn, NULL, false);
}

static void run_refuse(void *context, struct conn *conn, struct conn_call *call) {
	(void) context, (void) call;
	conn_fail_as(conn, "t.Refused", json_pack("{ss}", "reason", "because"));
}

/* Answers with the very bytes of the parameter `common`. */
static void run_echo(void *context, struct conn *conn, struct conn_call *call) {
	struct run_parameters run = {0};
	struct error error = {0};
	struct bytes *bytes;

	(void) context;
	if (run_parameters_decode(&run, RUN_APPLY, call->doc, call->text, &error) != 0) {
		conn_fail(conn, &error);
	} else {
		bytes = call->take(call);
		FUZZ_CHECK(bytes);
		conn_write(conn, "{\"parameters\":{\"e\":", 19);
		if (span_size(run.common) > 0)
			conn_write_bytes(conn, bytes, run.common.begin, run.common.end);
		else
			conn_write(conn, "0", 1);
		conn_write(conn, "}}", 3);
		bytes_unref(bytes);
		conn_call_over(conn);
	}
	run_parameters_done(&run);
}

static void end_stream(struct fixture *f) {
	struct conn *conn = f->stream;

	f->stream = NULL;
	conn_close_stream(conn);
}

static void on_object(void *owner, struct conn_call *call) {
	struct fixture *f = owner;
	struct stream_object object = {0};
	struct error error = {0};

	if (stream_object_decode(&object, call->doc, call->text, &error) != 0) {
		error_done(&error);
		conn_pause_stream(f->stream, true);
		conn_write(f->stream, "{}", 3);
		conn_pause_stream(f->stream, false);
		return;
	}
	json_decref(object.cancel);
	conn_write(f->stream, "{\"got\":1}", 10);
	if (object.end)
		end_stream(f);
}

static void on_input_ended(void *owner, struct error *error) {
	struct fixture *f = owner;

	if (error->id != ERROR_NONE)
		conn_write(f->stream, "{\"cut\":1}", 10);
	error_done(error);
	end_stream(f);
}

static const struct conn_ops stream_ops = {.object = on_object,
					   .input_ended = on_input_ended,
					   .hung_up = on_hung_up,
					   .drained = on_drained};

static void run_stream(void *context, struct conn *conn, struct conn_call *call) {
	struct fixture *f = context;

	(void) call;
	f->stream = conn;
	conn_upgrade(conn, json_object(), &stream_ops, f);
}

static const struct conn_method methods[] = {
	{.name = "Later", .run = run_later},
	{.name = "Twice", .more = true, .run = run_twice},
	{.name = "Refuse", .run = run_refuse},
	{.name = "Echo", .run = run_echo},
	{.name = "Stream", .upgrade = true, .run = run_stream},
	{.name = "Missing"},
	{0},
};

/* -------- the daemon's side -------- */

static void state_facts(void *context, struct status_facts *ret) {
	struct fixture *f = context;

	*ret = (struct status_facts) {.state = "running", .connections = conn_count(&f->all)};
}

static void add_pool(struct fixture *f) {
	static char *words[] = {"none", NULL};
	const struct pool_configuration configuration = {.name = "p",
							 .command = words,
							 .workers = {1, 1},
							 .slots = true,
							 .start_timeout = UINT64_MAX};
	struct offer *offer;
	struct pool *pool;

	f->pool_setup = (struct pool_setup) {
		.loop = &f->loop,
		.launcher = "/nonexistent",
		.environment = words + 1,
		.auto_workers = 1,
		.max_message = LIMIT_WORKER_MESSAGE,
		.max_result = LIMIT_ITEM,
		.next_worker = &f->next_worker,
	};
	FUZZ_CHECK(pool_new(&pool, &configuration, &f->pool_setup, &dispatch_pool_ops,
			    f->dispatch) == 0);
	offer = (struct offer *) pool->offer; /* as if a worker had said hello */
	offer->functions = json_pack("{snsn}", "f", "g.*");
	offer->unpack[UNPACK_BOTH] = true;
	dispatch_add_pool(f->dispatch, pool);
}

static void on_pumped(void *context) {
	struct fixture *f = context;

	FUZZ_CHECK(!dispatch_is_stuck(f->dispatch));
	watch_wake(&f->api.watches);
	reload_wake(&f->reload);
}

/* -------- reloads: all of them are refused -------- */

static int read_nothing(void *context, struct configuration *ret,
			struct configuration_error *error) {
	(void) context, (void) ret;
	snprintf(error->text, sizeof error->text, "there is nothing to read");
	return 1;
}

static void do_nothing(void *context) {
	(void) context;
}

static const struct reload_ops reload_ops = {
	.read = read_nothing, .began = do_nothing, .ended = do_nothing, .changed = do_nothing};

static void on_closed(void *context) {
	struct fixture *f = context;

	f->closed = true;
}

static const struct dispatch_ops dispatch_ops = {.progressed = delivery_progressed,
						 .pumped = on_pumped};

/* What waits for room is looked after by turn(), as the daemon's timer does. */
static void init_quota(struct fixture *f, int mode) {
	const bool full = mode & MODE_FULL;

	quota_init(&f->quota, &(struct quota_limits) {
				      .connections = 1,
				      .user_connections = 1,
				      .user_items = full ? 2 : UINT64_MAX,
				      .user_bytes = full ? 3000 : UINT64_MAX,
				      .total_bytes = full ? 4000 : UINT64_MAX,
			      });
}

/* Half of what is fuzzed comes from one of them: root, or not. */
static const struct permission administrators;

static void fixture_init(struct fixture *f, struct event_base *base, char *scratch, int mode) {
	*f = (struct fixture) {.loop = {base, scratch}};
	configuration_init(&f->configuration);
	if (mode & MODE_SMALL)
		f->configuration.limits.window_items = 2;
	FUZZ_CHECK(dispatch_new(&f->dispatch, &f->loop, 1, &dispatch_ops, f) == 0);
	add_pool(f);
	init_quota(f, mode);
	f->api = (struct api) {.loop = &f->loop,
			       .dispatch = f->dispatch,
			       .configuration = &f->configuration,
			       .quota = &f->quota,
			       .facts = state_facts,
			       .reload = &f->reload,
			       .context = f};
	TAILQ_INIT(&f->api.watches);
	operations_init(&f->api.operations, &f->loop, f->dispatch, &administrators);
	reload_init(&f->reload, &(struct reload_setup) {.dispatch = f->dispatch,
							.operations = &f->api.operations,
							.pools = &f->pool_setup,
							.configuration = &f->configuration,
							.ops = &reload_ops,
							.context = f});
	f->service = (struct service) {
		.product = "fuzz", .interfaces = f->interfaces, .n_interfaces = 3};
	f->interfaces[0] = (struct conn_interface) {.name = SERVICE_NAME,
						    .description = service_description,
						    .methods = service_methods,
						    .context = &f->service};
	f->interfaces[1] = api_interface(&f->api);
	f->interfaces[2] = (struct conn_interface) {
		.name = "t", .description = "interface t\n", .methods = methods, .context = f};
	f->limits = (struct intake_limits) {
		.call = {.message = mode & MODE_SMALL ? 300 : LIMIT_MESSAGE,
			 .envelope = mode & MODE_SMALL ? 200 : LIMIT_ENVELOPE,
			 .items = mode & MODE_SMALL ? 4 : LIMIT_ITEMS,
			 .item = mode & MODE_SMALL ? 32 : LIMIT_ITEM},
		.message_timeout = mode & MODE_IMPATIENT ? 0 : UINT64_MAX,
		.message_timeout_total = mode & MODE_HURRIED ? 0 : UINT64_MAX,
	};
	TAILQ_INIT(&f->all);
	f->setup = (struct conn_setup) {.loop = &f->loop,
					.interfaces = f->interfaces,
					.n_interfaces = 3,
					.limits = &f->limits,
					.quota = &f->quota,
					.all = &f->all,
					.closed = on_closed,
					.context = f};
}

static void connect_peer(struct fixture *f) {
	const struct peer peer = {.uid = getuid(), .pid = 1};
	int fds[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	FUZZ_CHECK(conn_new(&f->setup, fds[0], &peer) == 0);
	f->fd = fds[1];
}

/* -------- the peer -------- */

static void turn(struct fixture *f) {
	struct quota_waiter *waiter;

	for (int i = 0; i < PASSES; i++) {
		event_base_loop(f->loop.base, EVLOOP_NONBLOCK);
		waiter = quota_next(&f->quota);
		if (waiter)
			intake_go_on(waiter);
	}
	if (f->later) {
		struct conn *conn = f->later;

		f->later = NULL;
		conn_reply(conn, NULL, false);
		event_base_loop(f->loop.base, EVLOOP_NONBLOCK);
	}
}

static void check_object(struct fixture *f, const char *text, size_t size) {
	json_t *object = json_loadb(text, size, JSON_ALLOW_NUL, NULL), *member;
	const char *key;

	FUZZ_CHECK(json_is_object(object));
	f->finals += !json_is_true(json_object_get(object, "continues"));
	member = json_object_get(object, "error");
	if (member) {
		FUZZ_CHECK(json_is_string(member));
		FUZZ_CHECK(error_from_name(json_string_value(member)) != ERROR_NONE ||
			   strcmp(json_string_value(member), "t.Refused") == 0);
		member = json_object_get(object, "parameters");
		FUZZ_CHECK(!member || json_is_object(member));
		FUZZ_CHECK(json_object_size(object) == (member ? 2 : 1));
	} else if (!f->upgraded) {
		/* A reply; what a stream says has other members. */
		json_object_foreach(object, key, member)
			FUZZ_CHECK(strcmp(key, "parameters") == 0 || strcmp(key, "continues") == 0);
	}
	json_decref(object);
}

/* Reads what there is; checks each object that is whole. */
static void receive(struct fixture *f) {
	char piece[4096];
	ssize_t n;
	char *nul;

	while (!f->ended && (n = recv(f->fd, piece, sizeof piece, MSG_DONTWAIT)) >= 0) {
		f->ended = n == 0;
		f->output = realloc(f->output, f->size + (size_t) n + 1);
		FUZZ_CHECK(f->output);
		memcpy(f->output + f->size, piece, (size_t) n);
		f->size += (size_t) n;
		while ((nul = memchr(f->output, '\0', f->size))) {
			size_t length = (size_t) (nul - f->output);

			check_object(f, f->output, length);
			f->size -= length + 1;
			memmove(f->output, nul + 1, f->size);
		}
	}
	FUZZ_CHECK(!f->ended || f->size == 0);
}

/* Whether any message could be an upgrade: then there may be more objects than messages. */
static bool may_upgrade(const uint8_t *data, size_t size) {
	return memmem(data, size, "upgrade", 7) || memchr(data, '\\', size);
}

static void send_all(struct fixture *f, const uint8_t *data, size_t size, int mode) {
	uint32_t seed = fuzz_seed(data, size);
	size_t sent = 0, n;

	while (sent < size) {
		n = 1 + fuzz_next(&seed, PIECE_MAX);
		n = n < size - sent ? n : size - sent;
		if (send(f->fd, data + sent, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return; /* it was refused, or drained */
		for (size_t i = 0; i < n; i++)
			f->nuls += data[sent + i] == '\0';
		sent += n;
		if ((mode & MODE_SHUT) && sent >= size / 2) {
			event_base_loop(f->loop.base, EVLOOP_NONBLOCK);
			FUZZ_CHECK(conn_count(&f->all) <= 1);
			conn_shut_all(&f->all);
			mode &= ~MODE_SHUT;
		}
		turn(f);
		if (!(mode & MODE_DEAF))
			receive(f);
	}
}

static void finish(struct fixture *f, int mode) {
	if (mode & MODE_HALF_CLOSE) {
		shutdown(f->fd, SHUT_WR);
		turn(f);
		receive(f);
		turn(f);
		receive(f);
	}
	FUZZ_CHECK(f->upgraded || f->finals <= f->nuls + 1);
	if (mode & MODE_LEAVE)
		conn_free_all(&f->all);
	close(f->fd);
	turn(f);
	turn(f);
	/* oneway calls that wait for room keep their connection; each that ends makes some. */
	for (size_t i = 0; (mode & MODE_FULL) && !(mode & MODE_LEAVE) && !f->closed; i++) {
		FUZZ_CHECK(i <= f->nuls);
		dispatch_cancel_all(f->dispatch);
		turn(f);
	}
	FUZZ_CHECK((f->closed || (mode & MODE_LEAVE)) && conn_count(&f->all) == 0 &&
		   conn_all_sent(&f->all));
	FUZZ_CHECK(!f->later && !f->stream && TAILQ_EMPTY(&f->api.watches));
	dispatch_cancel_all(f->dispatch);
	turn(f);
	FUZZ_CHECK(!dispatch_has_requests(f->dispatch));
	reload_done(&f->reload);
	dispatch_free(f->dispatch);
	quota_done(&f->quota);
	configuration_done(&f->configuration);
	free(f->output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	/* One for all inputs: they are the dearest part of one. */
	static struct event_base *base;
	static char *scratch;
	struct fixture f;

	if (!base) {
		log_set_level(-1);
		base = event_base_new();
		scratch = malloc(CHANNEL_SCRATCH);
		FUZZ_CHECK(base && scratch);
	}
	if (size < 2)
		return 0;
	fixture_init(&f, base, scratch, data[0]);
	f.upgraded = may_upgrade(data, size);
	connect_peer(&f);
	send_all(&f, data + 1, size - 1, data[0]);
	finish(&f, data[0]);
	return 0;
}
