#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/core/play.h"
#include "tests/core/transcript.h"

/* The processes of a play: who is chosen, and what one of them does. */

struct fake_process *crew_choose(unsigned nth, bool said_hello) {
	struct fake_process *process;
	unsigned n = 0;

	TAILQ_FOREACH (process, fake_processes(), link)
		n += !process->exited && process->said_hello == said_hello;
	if (n == 0)
		return NULL;
	nth %= n;
	TAILQ_FOREACH (process, fake_processes(), link)
		if (!process->exited && process->said_hello == said_hello && nth-- == 0)
			break;
	return process;
}

void crew_hello(const struct play *play, struct fake_process *process, bool page, bool wrong) {
	const char *n = process->pool + 1; /* "p0" */
	char functions[128];

	wrong = wrong && play->pools[atoi(n)]->offer->functions;

	snprintf(functions, sizeof functions,
		 "[{\"name\":\"f%s\"},{\"name\":\"g%s.*\"},{\"name\":\"%s\"}]", n, n,
		 wrong ? "wrong" : "shared");
	process->liar |= wrong;
	fake_process_hello(process, functions, page);
	fake_process_flush(process, SIZE_MAX);
}

void crew_say_hello(const struct play *play, const struct step *step) {
	struct fake_process *process = crew_choose(step->arg[0], false);

	if (step->arg[1] % 2 == 0)
		while (process) {
			crew_hello(play, process, true, false);
			process = crew_choose(0, false);
		}
	else if (process)
		crew_hello(play, process, step->arg[1] % 8 != 1, step->arg[2] % 16 == 0);
}

static void begin(struct play *play, struct fake_process *process) {
	const struct fake_chunk *chunk;

	if (!fake_process_begin(process))
		return;
	chunk = fake_process_running(process);
	if (chunk)
		witness_begin(play, process, chunk->values[chunk->done]);
}

void crew_work(struct play *play, struct fake_process *process, unsigned moves) {
	fake_process_read(process);
	for (unsigned i = 0; i < moves; i++)
		if (!fake_process_end(process))
			begin(play, process);
}

void crew_report(struct fake_process *process, uint32_t most, unsigned messages, size_t flushed) {
	while (messages-- > 0 && fake_process_report(process, most))
		;
	fake_process_flush(process, flushed);
}

/* Whatever the page could say. */
static void lie(struct fake_process *process, const struct step *step) {
	uint64_t chunk = process->last_chunk + step->arg[3] % 4 - 1;

	if (!process->page || step->arg[3] % 32 == 0)
		return;
	process->liar = true;
	atomic_store(&process->page->progress,
		     step->arg[3] == 0xff
			     ? UINT64_MAX
			     : position_pack(chunk, step->arg[4] % 16, step->arg[5] & 1));
	say("process %d lies: chunk %" PRIu64 ", offset %u%s", process->number, chunk,
	    step->arg[4] % 16, step->arg[5] & 1 ? ", running" : "");
}

void crew_die(const struct step *step) {
	struct fake_process *process = crew_choose(step->arg[0], step->arg[1] % 4 > 0);

	if (!process)
		return;
	if (step->arg[1] & 0x10)
		lie(process, step);
	if (step->arg[1] & 0x20)
		fake_process_flush(process, SIZE_MAX);
	if (step->arg[1] & 0x40)
		fake_process_hang_up(process);
	fake_process_exit(process, step->arg[2] & 1 ? SIGSEGV : 0, step->arg[2] % 8);
}

void crew_violate(const struct play *play, struct fake_process *process, unsigned kind) {
	const struct fake_chunk *chunk = TAILQ_FIRST(&process->chunks);
	char text[128];

	switch (kind % 6) {
	case 0: snprintf(text, sizeof text, "{\"chunk\":77,\"results\":[1]}"); break;
	case 1: snprintf(text, sizeof text, "nonsense"); break;
	case 2: return crew_hello(play, process, true, false);
	case 3:
		snprintf(text, sizeof text,
			 "{\"chunk\":%" PRIu64 ",\"results\":[7],\"errors\":[{\"offset\":%u}]}",
			 chunk ? chunk->number : 0, chunk ? chunk->reported : 0);
		break;
	case 4:
		snprintf(text, sizeof text,
			 "{\"chunk\":%" PRIu64 ",\"results\":[],\"returned\":99}",
			 chunk ? chunk->number : 1);
		break;
	default:
		snprintf(text, sizeof text,
			 "{\"chunk\":%" PRIu64
			 ",\"results\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,"
			 "17,18,19,20,21,22,23,24,25,26]}",
			 chunk ? chunk->number : 1);
	}
	fake_process_say(process, text);
	fake_process_flush(process, SIZE_MAX);
}

void crew_deny(struct play *play, struct fake_process *process) {
	struct fake_chunk *chunk = TAILQ_FIRST(&process->chunks);
	char text[64];

	if (!chunk || chunk->done > 0 || chunk->running || !chunk->noted || chunk->returned ||
	    process->hung_up)
		return;
	play->clients[chunk->values[0] / PLAY_VALUE - 1].failing = true;
	snprintf(text, sizeof text, "{\"chunk\":%" PRIu64 ",\"unknown\":true}", chunk->number);
	TAILQ_REMOVE(&process->chunks, chunk, link);
	free(chunk->values);
	free(chunk);
	fake_process_say(process, text);
	fake_process_flush(process, SIZE_MAX);
}

void crew_obey(struct play *play, bool willing) {
	struct fake_process *process;

	TAILQ_FOREACH (process, fake_processes(), link) {
		if (process->exited)
			continue;
		if (process->kill) {
			fake_process_exit(process, SIGKILL, 0);
		} else if (process->told && willing) {
			fake_process_exit(process, SIGTERM, 0);
		} else if (process->finished && willing) {
			crew_work(play, process, 2 * PLAY_ITEMS);
			crew_report(process, UINT32_MAX, PLAY_ITEMS, SIZE_MAX);
			fake_process_exit(process, 0, 0);
		}
	}
}
