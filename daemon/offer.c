#include "daemon/offer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void offer_done(struct offer *offer) {
	json_decref(offer->functions);
	free(offer->runtime);
}

size_t offer_match(const struct offer *offer, const char *function) {
	size_t best = 0;
	const char *name;
	json_t *description;

	if (!offer->functions)
		return 0;
	json_object_foreach(offer->functions, name, description) {
		size_t length = strlen(name);

		if (strcmp(name, function) == 0)
			return SIZE_MAX;
		if (length > 0 && name[length - 1] == '*' &&
		    strncmp(name, function, length - 1) == 0 && length > best)
			best = length;
	}
	return best;
}

/* The hello's list as {name: description}; NULL without memory or if a name stands twice (*ret_reason). */
static json_t *function_table(const json_t *list, const char **ret_reason) {
	json_t *table = json_object(), *entry;
	size_t i;

	*ret_reason = "the daemon is out of memory";
	json_array_foreach(list, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));
		json_t *description = json_object_get(entry, "description");

		if (json_object_get(table, name)) {
			*ret_reason = "its hello names a function twice";
			json_decref(table);
			return NULL;
		}
		if (json_object_set_new(table, name,
					description ? json_incref(description) : json_null()) < 0) {
			json_decref(table);
			return NULL;
		}
	}
	return table;
}

const char *offer_take(struct offer *offer, struct worker_hello *hello) {
	const char *reason;
	json_t *table = function_table(hello->functions, &reason);
	bool same;

	if (!table)
		return reason;
	if (!offer->functions) {
		offer->functions = table;
		offer->runtime = hello->runtime;
		hello->runtime = NULL;
		memcpy(offer->unpack, hello->unpack, sizeof offer->unpack);
		return NULL;
	}
	same = json_equal(offer->functions, table) &&
	       memcmp(offer->unpack, hello->unpack, sizeof offer->unpack) == 0;
	json_decref(table);
	return same ? NULL : "its functions differ from those of the pool's other workers";
}
