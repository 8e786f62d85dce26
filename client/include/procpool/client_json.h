#pragma once

#include <jansson.h>

#include <procpool/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The functions of <procpool/client.h> over values of jansson instead of text.
 *
 * This is a header of its own, and not part of client.h, because whoever includes it has jansson in the program: its
 * header, and its library to link with. So a program that wants text alone needs neither, and what json_t is stays
 * jansson's business. Build with
 *
 *     pkg-config --cflags --libs procpool jansson
 *
 * Values that are given are borrowed, values that are returned are new references: json_decref() them.
 *
 * Each result is parsed when it is asked for, alone. C cannot hold all JSON: jansson refuses integers beyond 64
 * bits, real numbers beyond a double, and the character NUL in the name of a member; of members with the same name it
 * keeps the last. What it refuses costs that one value, and can still be read as text.
 *
 * Real numbers are written with the fewest digits that keep them.
 */

/* ---- results as values ---- */

/* The i-th result of the batch, i < count.
 * *ret_value: a new reference; NULL if there is none, and
 * *ret_error: says why then, NULL otherwise. That is what procpool_batch_error() returns; or, of the kind "Unreadable",
 * that jansson refuses the result, whose text procpool_batch_result() has: valid until this is called again.
 * Returns 0, also if there is an error; -ENOMEM. */
int procpool_batch_json(const struct procpool_batch *batch, size_t i, json_t **ret_value,
			const struct procpool_item_error **ret_error);

/* ---- calls with values ----
 *
 * A value that cannot be written is PROCPOOL_E_BAD_INPUT: it holds text that is not UTF-8, is nested too
 * deeply, or contains itself. Else they fail as those without _json do. */

/* procpool_call() with values.
 * parameters: an object; NULL = none.
 * Returns PROCPOOL_E_UNREADABLE, too. */
int procpool_call_json(struct procpool *procpool, const char *method, const json_t *parameters,
		       json_t **ret_parameters);

/* procpool_apply() with values.
 * argument: NULL = null.
 * Returns PROCPOOL_E_UNREADABLE, too. */
int procpool_apply_json(struct procpool *procpool, const char *function, const json_t *argument,
			const struct procpool_options *options, json_t **ret_result);

/* procpool_map() over an array; the callback reads its results with procpool_batch_json(). */
int procpool_map_json(struct procpool *procpool, const char *function, const json_t *items,
		      const struct procpool_options *options, procpool_batch_callback callback,
		      void *userdata, const struct procpool_summary **ret_summary);

/* procpool_stream_add() of a value; its results are read with procpool_batch_json(). */
int procpool_stream_add_json(struct procpool_stream *stream, const json_t *item);

#ifdef __cplusplus
}
#endif
