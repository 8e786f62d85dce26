#include "daemon/ticket.h"

#include <event2/event.h>
#include <search.h>
#include <stddef.h>
#include <stdlib.h>

static int compare_ids(const void *a, const void *b) {
	uint64_t x = ((const struct ticket *) a)->id, y = ((const struct ticket *) b)->id;

	return x < y ? -1 : x > y;
}

void ticket_table_init(struct ticket_table *table) {
	*table = (struct ticket_table) {0};
	TAILQ_INIT(&table->all);
	TAILQ_INIT(&table->dirty);
	TAILQ_INIT(&table->waiting);
}

struct ticket *ticket_new(struct ticket_table *table, struct request *request, void *owner) {
	struct ticket *ticket = calloc(1, sizeof *ticket);

	if (!ticket)
		return NULL;
	ticket->id = request->id;
	ticket->request = request;
	ticket->owner = owner;
	if (!tsearch(ticket, &table->tree, compare_ids)) {
		free(ticket);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&table->all, ticket, link);
	return ticket;
}

struct ticket *ticket_free(struct ticket_table *table, struct ticket *ticket) {
	if (ticket->sched)
		sched_remove(ticket->sched, &ticket->node);
	ticket_clear_dirty(table, ticket);
	ticket_set_waiting(table, ticket, 0);
	TAILQ_REMOVE(&table->all, ticket, link);
	tdelete(ticket, &table->tree, compare_ids);
	if (ticket->unrouted)
		event_free(ticket->unrouted);
	deadline_done(&ticket->deadline);
	request_free(ticket->request);
	free(ticket->function);
	free(ticket);
	return NULL;
}

struct ticket *ticket_find(const struct ticket_table *table, uint64_t id) {
	struct ticket key = {.id = id};
	void *node = tfind(&key, &table->tree, compare_ids);

	return node ? *(struct ticket **) node : NULL;
}

struct ticket *ticket_of_node(struct sched_node *node) {
	return (struct ticket *) ((char *) node - offsetof(struct ticket, node));
}

void ticket_mark_dirty(struct ticket_table *table, struct ticket *ticket) {
	if (!ticket->is_dirty)
		TAILQ_INSERT_TAIL(&table->dirty, ticket, dirty_link);
	ticket->is_dirty = true;
}

void ticket_clear_dirty(struct ticket_table *table, struct ticket *ticket) {
	if (ticket->is_dirty)
		TAILQ_REMOVE(&table->dirty, ticket, dirty_link);
	ticket->is_dirty = false;
}

void ticket_set_waiting(struct ticket_table *table, struct ticket *ticket, uint64_t since) {
	if (ticket->is_waiting == (since > 0))
		return;
	if (since)
		TAILQ_INSERT_TAIL(&table->waiting, ticket, waiting_link);
	else
		TAILQ_REMOVE(&table->waiting, ticket, waiting_link);
	ticket->is_waiting = since > 0;
	ticket->waiting_since = since;
	ticket->helped = ticket->starved = false;
}
