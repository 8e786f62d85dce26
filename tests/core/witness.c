#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/core/fake_loop.h"
#include "tests/core/play.h"
#include "tests/core/transcript.h"

/*
 * What must hold whenever the loop rests. Where an item is, the witness finds out by itself: in the chunks of the
 * workers, among the results that the request keeps, delivered, or else it waits. What the daemon's own books say of
 * that (what waits, counts, what could run) is what is checked.
 */

static struct client *client_of(struct play *play, uint64_t id) {
	for (unsigned i = 0; i < play->n_clients; i++)
		if (play->clients[i].id == id)
			return &play->clients[i];
	broken("there is no request %" PRIu64, id);
}

static struct play_item *item_of(struct play *play, uint64_t value) {
	struct client *client = client_of(play, value / PLAY_VALUE);

	if (value % PLAY_VALUE >= client->n)
		broken("there is no item %" PRIu64, value);
	return &client->items[value % PLAY_VALUE];
}

static struct fake_process *process_of(const struct worker *worker) {
	struct fake_process *process;

	TAILQ_FOREACH (process, fake_processes(), link)
		if (process->pid == worker->pid)
			return process;
	broken("worker %" PRIu64 " has no process", worker->id);
}

static bool is_gone(const struct fake_process *process) {
	return process->reaped && !process->ops && !process->page;
}

static bool is_with(const struct play_item *item, const struct fake_process *process) {
	return item->state == ITEM_HELD && item->holder == process->number;
}

/* -------- what happened -------- */

void witness_begin(struct play *play, const struct fake_process *process, uint64_t value) {
	const struct client *client = client_of(play, value / PLAY_VALUE);
	struct play_item *item = item_of(play, value);

	item->starts++;
	item->ignored = 0;
	if (client->request && !client->request->stopped && !process->liar &&
	    !is_with(item, process))
		broken("process %d begins item %" PRIu64 ", which it does not have any more",
		       process->number, value);
}

/* The evidence of a process that is gone, for each chunk that was not over: as the daemon knew it when the loop rested
 * the last time, and what it was given since then. */
static void note_death(struct play *play, const struct fake_process *process) {
	const struct fake_chunk *chunk;

	TAILQ_FOREACH (chunk, &process->chunks, link) {
		bool ignored = chunk->done == 0 && !chunk->running;

		for (uint32_t i = chunk->reported; i < chunk->count; i++) {
			struct play_item *item = item_of(play, chunk->values[i]);
			bool runs = chunk->running && i == chunk->done;

			if (chunk->noted && !is_with(item, process))
				continue;
			item->came_back = true;
			item->ignored += ignored;
			/* It passed those that it returned, and had no time to say so. */
			item->murky |=
				chunk->returned || (runs && (process->told || process->kill));
			item->blamed |= runs || item->ignored >= 3;
			item->lost |= i < chunk->done;
			/* Who does not begin is late, too. */
			if (process->told &&
			    client_of(play, chunk->values[i] / PLAY_VALUE)->limited)
				item->murky = item->blamed = true;
			if (process->liar || !process->keeps_page)
				item->murky = item->blamed = true;
		}
	}
	/* What it reported in vain, too. */
	for (unsigned i = 0; process->liar && i < play->n_clients; i++) {
		for (uint64_t k = 0; k < play->clients[i].n; k++) {
			struct play_item *item = &play->clients[i].items[k];

			if (is_with(item, process))
				item->murky = item->blamed = true;
		}
	}
}

/* What a worker was given since the last look must be what the daemon's books say it has. */
static void note_chunks(struct play *play, struct fake_process *process) {
	struct fake_chunk *chunk;

	fake_process_read(process);
	TAILQ_FOREACH (chunk, &process->chunks, link) {
		if (chunk->noted)
			continue;
		chunk->noted = true;
		for (uint32_t i = 0; i < chunk->count; i++) {
			const struct play_item *item = item_of(play, chunk->values[i]);

			if (chunk->values[i] % PLAY_VALUE != chunk->first + i)
				broken("item %" PRIu64 " is sent as number %" PRIu64,
				       chunk->values[i], chunk->first + i);
			if (!is_gone(process) &&
			    client_of(play, chunk->values[i] / PLAY_VALUE)->request &&
			    !is_with(item, process))
				broken("process %d is given item %" PRIu64 ", and nobody knows",
				       process->number, chunk->values[i]);
		}
	}
}

/* -------- where items are -------- */

static void hold(struct client *client, struct play_item *now, const struct chunk *chunk,
		 uint32_t offset, int holder) {
	uint64_t index = chunk->first + offset;
	const struct play_item *before = &client->items[index];

	if (index >= client->n)
		broken("client %" PRIu64 " has no item %" PRIu64, client->id, index);
	if (now[index].state == ITEM_HELD)
		broken("item %" PRIu64 " of client %" PRIu64 " is held twice", index, client->id);
	if (before->state >= ITEM_RESULT)
		broken("item %" PRIu64 " of client %" PRIu64
		       " has its result, and is started again",
		       index, client->id);
	now[index].state = ITEM_HELD;
	now[index].holder = holder;
	client->held++;
}

static void look_into(struct client *client, struct play_item *now, const struct worker *worker) {
	const struct chunk *chunk;
	bool any = false;

	TAILQ_FOREACH (chunk, &worker->chunks, link) {
		if (chunk->request != client->id)
			continue;
		any = true;
		client->chunks++;
		for (uint32_t i = chunk->reported; i < chunk->count; i++)
			hold(client, now, chunk, i, process_of(worker)->number);
	}
	client->workers += any;
}

static void count_results(struct client *client, struct play_item *now) {
	const struct run *run;

	TAILQ_FOREACH (run, &client->request->results.runs, link) {
		client->ready += run->count;
		client->ready_bytes += run->size;
		for (uint64_t i = run->first; i < run->first + run->count; i++) {
			if (i >= client->n || now[i].state != ITEM_WAITING)
				broken("item %" PRIu64 " of client %" PRIu64 " has two outcomes", i,
				       client->id);
			now[i].state = ITEM_RESULT;
		}
	}
}

/* A process that runs gives an item back only when it is asked to. */
static void check_return(const struct client *client, uint64_t index) {
	const struct play_item *item = &client->items[index];
	uint64_t value = client->id * PLAY_VALUE + index;
	const struct fake_process *process;

	TAILQ_FOREACH (process, fake_processes(), link) {
		const struct fake_chunk *chunk = fake_process_running(process);

		if (process->number != item->holder)
			continue;
		if (!process->reaped && chunk && chunk->values[chunk->done] == value)
			broken("item %" PRIu64 " is taken back while it runs", value);
		if (process->reaped && process->keeps_page && !process->liar && !process->told &&
		    !process->kill && !client->persistent && chunk &&
		    chunk->values[chunk->done] == value)
			broken("item %" PRIu64 " killed its worker, and is to be run again", value);
	}
}

static void learn_items(struct client *client, const struct play_item *now) {
	uint64_t first_waiting = UINT64_MAX, last_taken = 0;
	bool any = false;

	for (uint64_t i = 0; i < client->n; i++) {
		struct play_item *item = &client->items[i];
		bool taken = item->state == ITEM_WAITING && now[i].state == ITEM_HELD;

		if (item->state == ITEM_DELIVERED)
			continue;
		if (item->state == ITEM_HELD && now[i].state == ITEM_WAITING &&
		    !client->request->stopped)
			check_return(client, i);
		if (item->state == ITEM_WAITING && now[i].state == ITEM_RESULT &&
		    !item->cancelled && !item->blamed)
			broken("item %" PRIu64 " of client %" PRIu64 " has a result, and never ran",
			       i, client->id);
		if (taken) {
			last_taken = i;
			any = true;
		} else if (item->state == ITEM_WAITING && now[i].state == ITEM_WAITING &&
			   !item->came_back && first_waiting == UINT64_MAX) {
			first_waiting = i;
		}
		item->came_back = false;
		item->state = now[i].state;
		if (now[i].state == ITEM_HELD)
			item->holder = now[i].holder;
	}
	if (any && first_waiting < last_taken && !client->request->stopped)
		broken("client %" PRIu64 ": item %" PRIu64 " is started before %" PRIu64,
		       client->id, last_taken, first_waiting);
}

static void learn_client(struct play *play, struct client *client) {
	struct play_item now[PLAY_ITEMS] = {0};
	const struct worker *worker;

	client->held = client->ready = client->ready_bytes = 0;
	client->chunks = client->workers = 0;
	for (unsigned i = 0; i < play->n_pools; i++)
		for (enum worker_state state = 0; state < WORKER_GONE; state++)
			TAILQ_FOREACH (worker, &play->pools[i]->workers[state], link)
				look_into(client, now, worker);
	if (!client->request)
		return;
	count_results(client, now);
	learn_items(client, now);
}

void witness_deaths(struct play *play) {
	struct fake_process *process;

	TAILQ_FOREACH (process, fake_processes(), link) {
		if (!is_gone(process) || process->noted)
			continue;
		process->noted = true;
		fake_process_read(process);
		note_death(play, process);
	}
}

void witness_learn(struct play *play) {
	struct fake_process *process, *next;

	witness_deaths(play);
	for (unsigned i = 0; i < play->n_clients; i++)
		learn_client(play, &play->clients[i]);
	for (process = TAILQ_FIRST(fake_processes()); process; process = next) {
		next = TAILQ_NEXT(process, link);
		note_chunks(play, process);
		if (is_gone(process))
			fake_process_free(process);
	}
}
