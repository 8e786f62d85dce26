#include "tests/core/play.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "tests/core/fake_loop.h"
#include "tests/core/transcript.h"

#define SECOND UINT64_C(1000000)

/* -------- the setting -------- */

static void on_pumped(void *context) {
	struct play *play = context;

	play->pumps++;
}

static void on_rested(void *context) {
	witness(context);
}

static const struct dispatch_ops dispatch_ops = {
	.progressed = client_progressed,
	.pumped = on_pumped,
};

static void set(struct play *play, const char *format, ...) {
	struct configuration_error error;
	char text[64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (configuration_set(&play->configuration, text, &error) != 0)
		broken("%s: %s", text, error.text);
}

static void add_pools(struct play *play, const struct step *setting) {
	play->n_pools = 1 + setting->arg[1] % PLAY_POOLS;
	for (unsigned i = 0; i < play->n_pools; i++) {
		set(play, "p%u.command=fake", i);
		set(play, "p%u.workers=%u", i, 1 + setting->arg[2] / (i + 1) % 4);
		set(play, "p%u.start_timeout=3s", i);
		play->configuration.pools[i].allowed.everybody = true;
		set(play, "p%u.slots=%s", i, setting->arg[3] & 1 << i ? "no" : "yes");
	}
	for (unsigned i = 0; i < play->n_pools; i++) {
		if (pool_new(&play->pools[i], &play->configuration.pools[i], &play->pool_setup,
			     &dispatch_pool_ops, play->dispatch) != 0)
			broken("no memory");
		dispatch_add_pool(play->dispatch, play->pools[i]);
	}
}

static void set_up(struct play *play, const struct step *setting) {
	static char *const environment[] = {NULL};

	*play = (struct play) {.next_worker = 1};
	play->loop.base = fake_loop_new(on_rested, play);
	fake_processes_init(play->loop.base);
	configuration_init(&play->configuration);
	play->pool_setup = (struct pool_setup) {
		.loop = &play->loop,
		.launcher = "/nonexistent",
		.environment = environment,
		.auto_workers = 2,
		.max_message = 16384,
		.max_result = FAKE_RESULT_MAX,
		.next_worker = &play->next_worker,
	};
	if (dispatch_new(&play->dispatch, &play->loop, 1 + setting->arg[0] % 4, &dispatch_ops,
			 play) != 0)
		broken("no memory");
	add_pools(play, setting);
	for (unsigned i = 0; i < play->n_pools; i++) {
		say("pool %s has %u workers%s", play->pools[i]->name, play->pools[i]->min,
		    play->pools[i]->slots ? "" : " beside the slots");
		pool_start(play->pools[i]);
	}
	say("there are %u slots", play->dispatch->slots);
}

/* -------- the steps -------- */

static struct client *client_at(struct play *play, unsigned nth) {
	static struct client nobody;

	return play->n_clients > 0 ? &play->clients[nth % play->n_clients] : &nobody;
}

static uint64_t duration(const struct step *step) {
	uint64_t us = 1 + step->arg[0];

	for (unsigned i = step->arg[1] % 6; i > 0; i--)
		us *= 10;
	return us;
}

static void fail_something(struct play *play, const struct step *step) {
	if (step->arg[0] & 1) {
		fake_spawn_fail(EAGAIN);
		play->short_of_processes = true;
	} else {
		fake_write_fail(1 + step->arg[1] % 8);
		play->short_of_memory = true;
	}
}

static void resize(struct play *play, const struct step *step) {
	struct pool *pool = play->pools[step->arg[3] % play->n_pools];
	unsigned n = 1 + step->arg[1] % 4;

	if (step->arg[0] & 1) {
		say("there are %u slots now", n);
		dispatch_set_slots(play->dispatch, n);
	} else {
		say("pool %s shall have %u workers", pool->name, n);
		pool_resize(pool, n);
	}
}

static void of_client(struct play *play, const struct step *step) {
	/* Rather one of the last: the first ones are over. */
	struct client *client =
		client_at(play, play->n_clients - 1 - step->arg[0] % (play->n_clients ? 8 : 1));

	switch (step->op % 32) {
	case 4:
	case 5: return client_input(client, step->arg[1] % 12);
	case 6: return client_end_input(client);
	case 7: return client_hear(client, step->arg[1] & 1);
	case 8: return client_cancel(client);
	case 9: return client_cancel_item(client, step->arg[1] % (client->n + 2));
	case 10: return client_hang_up(client);
	}
}

static void of_process(struct play *play, const struct step *step) {
	struct fake_process *process = crew_choose(step->arg[0], true);

	if (!process)
		return;
	switch (step->op % 32) {
	case 13 ... 18:
		crew_work(play, process, 1 + step->arg[1] % 12);
		if (step->arg[1] & 0x80)
			crew_report(process, UINT32_MAX, PLAY_ITEMS, SIZE_MAX);
		return;
	case 19 ... 22:
		return crew_report(
			process, step->arg[1] & 0x80 ? UINT32_MAX : 1u + step->arg[1] % 8,
			1 + step->arg[2] % 4, step->arg[3] & 1 ? SIZE_MAX : step->arg[3]);
	case 23: return fake_process_flush(process, step->arg[1]);
	case 24: process->liar = true; return crew_violate(play, process, step->arg[1]);
	case 25:
		return step->arg[1] % 4 == 0 ? fake_process_hang_up(process)
					     : crew_deny(play, process);
	}
}

static void play_step(struct play *play, const struct step *step) {
	switch (step->op % 32) {
	case 0 ... 3: client_submit(play, step); break;
	case 4 ... 10: of_client(play, step); break;
	case 11 ... 12: crew_say_hello(play, step); break;
	case 13 ... 25: of_process(play, step); break;
	case 26: crew_die(step); break;
	case 27: crew_obey(play, step->arg[0] & 1); break;
	case 28 ... 30: fake_loop_advance(play->loop.base, duration(step)); break;
	case 31:
		if (step->arg[2] % 16 == 0)
			dispatch_cancel_all(play->dispatch);
		else if (step->arg[2] % 4 == 0)
			fail_something(play, step);
		else
			resize(play, step);
		break;
	}
	if (step->arg[6] % 4 > 0)
		fake_loop_run(play->loop.base);
}

/* -------- the end -------- */

static bool all_over(const struct play *play) {
	for (unsigned i = 0; i < play->n_clients; i++)
		if (play->clients[i].request)
			return false;
	return !dispatch_has_requests(play->dispatch);
}

/* Everybody does what is expected, for a while. */
static void behave(struct play *play, uint64_t us) {
	struct fake_process *process;

	while ((process = crew_choose(0, false)))
		crew_hello(play, process, true, false);
	fake_loop_run(play->loop.base);
	TAILQ_FOREACH (process, fake_processes(), link) {
		if (process->exited)
			continue;
		if (process->hung_up)
			fake_process_exit(process, 0, 1);
		crew_work(play, process, 4);
		crew_report(process, UINT32_MAX, PLAY_ITEMS, SIZE_MAX);
	}
	crew_obey(play, true);
	fake_loop_advance(play->loop.base, us);
}

static bool all_empty(const struct play *play) {
	for (unsigned i = 0; i < play->n_pools; i++)
		if (!pool_is_empty(play->pools[i]))
			return false;
	return true;
}

/* What was begun comes to its end: by itself, within two minutes. */
void play_finish(struct play *play) {
	say("everybody behaves");
	fake_write_fail(0);
	fake_loop_run(play->loop.base);
	for (unsigned i = 0; i < play->n_clients; i++) {
		client_hear(&play->clients[i], false);
		client_end_input(&play->clients[i]);
	}
	for (unsigned i = 0; !all_over(play); i++) {
		if (i > 3000)
			broken("it never ends");
		behave(play, 40000);
	}
	for (unsigned i = 0; i < play->n_pools; i++)
		pool_stop(play->pools[i], 5 * SECOND);
	for (unsigned i = 0; !all_empty(play); i++) {
		if (i > 100)
			broken("the workers never go");
		behave(play, SECOND);
	}
}

struct play *play_begin(const struct step *setting) {
	struct play *play = malloc(sizeof *play);

	if (!play)
		broken("no memory");
	log_set_level(-1);
	set_up(play, setting);
	fake_loop_run(play->loop.base);
	return play;
}

struct play *play_free(struct play *play) {
	dispatch_free(play->dispatch);
	fake_processes_done();
	configuration_done(&play->configuration);
	fake_loop_free(play->loop.base);
	free(play);
	return NULL;
}

void play_steps(const struct step *steps, size_t n) {
	struct play *play = play_begin(&steps[0]);

	for (size_t i = 1; i < n; i++)
		play_step(play, &steps[i]);
	play_finish(play);
	play_free(play);
}
