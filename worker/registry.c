#include "worker/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/work.h"

struct registry *registry_new(void) {
	return calloc(1, sizeof(struct registry));
}

struct registry *registry_free(struct registry *registry) {
	if (!registry)
		return NULL;
	for (size_t i = 0; i < registry->n_sources; i++)
		free(registry->sources[i].name);
	free(registry->sources);
	free(registry->entries);
	free(registry);
	return NULL;
}

#define bad(registry, ...) \
	(snprintf((registry)->reason, sizeof(registry)->reason, __VA_ARGS__), REGISTRY_E_BAD)

static int check_function(struct registry *registry, const struct procpool_function *function,
			  const char *source) {
	const struct entry *other;

	if (!function_name_valid(function->name, false))
		return bad(registry,
			   "%s: '%.256s' is no function's name: that has 1 to %d of "
			   "A-Z a-z 0-9 _ . : -",
			   source, function->name, LIMIT_FUNCTION_NAME);
	if (!function->call == !function->call_raw)
		return bad(registry, "%s: the function %s has %s of call and call_raw", source,
			   function->name, function->call ? "both" : "neither");
	other = registry_find(registry, function->name);
	if (other)
		return bad(registry, "two functions are called %s: one of %s, one of %s",
			   function->name, registry->sources[other->source].name, source);
	return 0;
}

static int by_name(const void *a, const void *b) {
	return strcmp(((const struct entry *) a)->function->name,
		      ((const struct entry *) b)->function->name);
}

/* Finds a name that a table has twice, which looking at the others does not. */
static int check_twins(struct registry *registry, const struct entry *entries, size_t n,
		       const char *source) {
	for (size_t i = 1; i < n; i++)
		if (by_name(&entries[i - 1], &entries[i]) == 0)
			return bad(registry, "two functions are called %s: both of %s",
				   entries[i].function->name, source);
	return 0;
}

static int check_table(struct registry *registry, const struct procpool_table *table,
		       const char *source, size_t *ret_n) {
	size_t n = 0;
	int r = 0;

	/* Nothing behind abi may be read before it is known. */
	if (table->abi != PROCPOOL_WORKER_ABI)
		return bad(
			registry,
			"%s is built for version %u of <procpool/worker.h>; this worker knows %u: "
			"build it again",
			source, table->abi, PROCPOOL_WORKER_ABI);
	if (!table->functions)
		return bad(registry, "%s: its table has no functions", source);
	while (r == 0 && table->functions[n].name)
		r = check_function(registry, &table->functions[n++], source);
	if (r == 0 && registry->n_entries + n > LIMIT_FUNCTIONS)
		r = bad(registry, "%s: with it there are more than %d functions", source,
			LIMIT_FUNCTIONS);
	*ret_n = n;
	return r;
}

int registry_add(struct registry *registry, const struct procpool_table *table,
		 const char *source) {
	struct source *sources;
	struct entry *entries;
	char *name;
	size_t n = 0;
	int r = check_table(registry, table, source, &n);

	if (r != 0)
		return r;
	sources = realloc(registry->sources, (registry->n_sources + 1) * sizeof *sources);
	if (!sources)
		return -ENOMEM;
	registry->sources = sources;
	entries = realloc(registry->entries, (registry->n_entries + n + 1) * sizeof *entries);
	if (!entries)
		return -ENOMEM;
	registry->entries = entries;

	for (size_t i = 0; i < n; i++)
		entries[registry->n_entries + i] = (struct entry) {.function = &table->functions[i],
								   .source = registry->n_sources};
	qsort(entries + registry->n_entries, n, sizeof *entries, by_name);
	r = check_twins(registry, entries + registry->n_entries, n, source);
	if (r != 0)
		return r;
	name = strdup(source);
	if (!name)
		return -ENOMEM;
	sources[registry->n_sources++] = (struct source) {.name = name, .table = table};
	registry->n_entries += n;
	qsort(entries, registry->n_entries, sizeof *entries, by_name);
	return 0;
}

int registry_start(struct registry *registry) {
	for (size_t i = 0; i < registry->n_sources; i++) {
		struct source *source = &registry->sources[i];
		int r = source->table->init ? source->table->init(&source->state) : 0;

		if (r != 0)
			return bad(registry, "%s: its init returned %d", source->name, r);
		source->started = true;
	}
	return 0;
}

void registry_stop(struct registry *registry) {
	for (size_t i = registry->n_sources; i-- > 0;) {
		struct source *source = &registry->sources[i];

		if (source->started && source->table->exit)
			source->table->exit(source->state);
		source->started = false;
	}
}

static int compare_name(const void *name, const void *entry) {
	return strcmp(name, ((const struct entry *) entry)->function->name);
}

const struct entry *registry_find(const struct registry *registry, const char *name) {
	if (registry->n_entries == 0)
		return NULL;
	return bsearch(name, registry->entries, registry->n_entries, sizeof *registry->entries,
		       compare_name);
}

void registry_hello(const struct registry *registry, bool page, struct buffer *buffer) {
	buffer_append_text(buffer, "{\"hello\":{\"protocol\":1,\"runtime\":\"c\",\"page\":");
	buffer_append_text(buffer, page ? "true" : "false");
	buffer_append_text(buffer, ",\"unpack\":[\"none\"],\"functions\":[");
	for (size_t i = 0; i < registry->n_entries; i++) {
		const struct procpool_function *function = registry->entries[i].function;

		buffer_append_text(buffer, i > 0 ? ",{\"name\":\"" : "{\"name\":\"");
		buffer_append_text(buffer, function->name);
		buffer_append_text(buffer, "\"");
		if (function->description) {
			buffer_append_text(buffer, ",\"description\":");
			buffer_append_string(buffer, function->description,
					     strlen(function->description));
		}
		buffer_append_text(buffer, "}");
	}
	buffer_append(buffer, "]}}", sizeof "]}}");
}
