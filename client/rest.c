#include "client/rest.h"

#include "protocol/json_scan.h"
#include "protocol/limits.h"

void rest_done(struct rest *rest) {
	free(rest->runs);
	free(rest->origin);
	*rest = (struct rest) {0};
}

/* ---- what was handed out ---- */

int rest_note(struct rest *rest, struct run run) {
	struct run *last = rest->n_runs > 0 ? &rest->runs[rest->n_runs - 1] : NULL;

	if (last && last->first + last->count == run.first) {
		last->count += run.count;
	} else {
		if (rest->n_runs == rest->capacity) {
			size_t capacity = rest->capacity ? 2 * rest->capacity : 4;
			struct run *grown = reallocarray(rest->runs, capacity, sizeof(*rest->runs));

			if (!grown)
				return -ENOMEM;
			rest->runs = grown;
			rest->capacity = capacity;
		}
		rest->runs[rest->n_runs++] = run;
	}
	rest->tally.items += run.count;
	return 0;
}

static int compare_runs(const void *a, const void *b) {
	const struct run *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* ---- what was not ---- */

/* Puts one item into the call at hand. */
static int keep_item(struct rest *rest, uint64_t index, const char *text, size_t size,
		     struct bytes *out) {
	if (rest->n_origin % 1024 == 0) {
		uint64_t *grown =
			reallocarray(rest->origin, rest->n_origin + 1024, sizeof(*rest->origin));

		if (!grown)
			return -ENOMEM;
		rest->origin = grown;
	}
	if ((rest->n_origin > 0 && bytes_add(out, ",", 1) < 0) || bytes_add(out, text, size) < 0)
		return -ENOMEM;
	rest->origin[rest->n_origin++] = index;
	return 0;
}

/* Goes through all items, and beside them through the runs, which are in order. */
static int keep_items(struct rest *rest, const char *items, size_t size, struct bytes *out) {
	struct json_scan scan;
	struct json_scan_token token = {.event = JSON_SCAN_MORE};
	const struct run *run = rest->runs, *end = rest->runs + rest->n_runs;
	int r = 0;

	json_scan_init(&scan, LIMIT_DEPTH, LIMIT_NUMBER, 1);
	for (uint64_t index = 0; r == 0 && token.event != JSON_SCAN_END;) {
		/* It is an array: the call with all of it was sent. */
		r = json_scan_next(&scan, items, size, true, &token) == 0 ? 0 : -EINVAL;
		if (r == 0 && token.event == JSON_SCAN_OPEN)
			json_scan_enter(&scan);
		if (r < 0 || token.event != JSON_SCAN_VALUE)
			continue;
		while (run < end && run->first + run->count <= index)
			run++;
		if (run == end || index < run->first)
			r = keep_item(rest, index, items + token.begin, token.end - token.begin,
				      out);
		index++;
	}
	return r;
}

int rest_cut(struct rest *rest, const char *items, size_t size, struct bytes *ret) {
	struct bytes out = {0};
	int r;

	if (rest->n_runs > 0)
		qsort(rest->runs, rest->n_runs, sizeof(*rest->runs), compare_runs);
	free(rest->origin);
	rest->n_origin = 0;
	/* Also for no items at all: NULL means all of them. */
	rest->origin = calloc(1, sizeof(*rest->origin));
	r = rest->origin ? bytes_add(&out, "[", 1) : -ENOMEM;
	if (r == 0)
		r = keep_items(rest, items, size, &out);
	if (r == 0)
		r = bytes_add(&out, "]", 1);
	if (r == 0)
		*ret = out;
	else
		bytes_done(&out);
	return r;
}

/* ---- from one to the other ---- */

bool rest_has(const struct rest *rest, uint64_t first, size_t count) {
	return !rest->origin || (first <= rest->n_origin && count <= rest->n_origin - first);
}

struct run rest_piece(const struct rest *rest, uint64_t first, size_t count) {
	const uint64_t *origin = rest->origin;
	struct run piece = {first, count};

	if (!origin)
		return piece;
	piece.first = origin[first];
	for (piece.count = 1; piece.count < count; piece.count++)
		if (origin[first + piece.count] != piece.first + piece.count)
			break;
	return piece;
}

void rest_renumber(const struct rest *rest, json_t *object) {
	json_t *index = json_object_get(object, "index");

	if (rest->origin && json_is_integer(index) && json_integer_value(index) >= 0 &&
	    rest_has(rest, (uint64_t) json_integer_value(index), 1))
		json_integer_set(index, (json_int_t) rest->origin[json_integer_value(index)]);
}
