#include <procpool/client_json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * For tests/client/daemon-restarted.sh: an idempotent map, each result printed with its index as soon as it is
 * there. Exits with 1 if the map failed.
 *
 *     map_again ordered|unordered FUNCTION ITEM…      items are strings
 */
static int print_batch(void *userdata, const struct procpool_batch *batch) {
	(void) userdata;
	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		unsigned long long index = procpool_batch_first(batch) + i;
		const struct procpool_item_error *error;
		json_t *value;

		if (procpool_batch_json(batch, i, &value, &error) < 0)
			return 1;
		printf("%llu %s\n", index, value ? json_string_value(value) : error->text);
		json_decref(value);
	}
	fflush(stdout);
	return 0;
}

int main(int argc, char *argv[]) {
	struct procpool_options options = PROCPOOL_OPTIONS_INIT;
	const struct procpool_summary *summary;
	struct procpool *procpool = procpool_new(NULL);
	json_t *items = json_array();
	int r;

	if (argc < 3 || !procpool || !items)
		return 2;
	for (int i = 3; i < argc; i++)
		json_array_append_new(items, json_string(argv[i]));
	options.idempotent = true;
	options.chunk_size = 1;
	options.unordered = strcmp(argv[1], "unordered") == 0;
	r = procpool_map_json(procpool, argv[2], items, &options, print_batch, NULL, &summary);
	if (r == 0)
		printf("%lld of %lld succeeded\n", (long long) summary->succeeded,
		       (long long) summary->items);
	else
		fprintf(stderr, "%s\n", procpool_last_error(procpool)->message);
	json_decref(items);
	procpool_free(procpool);
	return r == 0 ? 0 : 1;
}
