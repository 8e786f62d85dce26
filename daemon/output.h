#pragma once

#include <stddef.h>

struct channel_loop;
struct entry_fields;
struct rate;

/* What a worker prints: read line by line, logged under the worker's name, its end kept for the post-mortem. */

struct output;

/* Who prints. */
struct output_source {
	const char *label;                 /* in front of each line */
	const struct entry_fields *fields; /* of each line, as they are then */
	int priority;
};

/* fd: non-blocking read end of the worker's stdout or stderr, the output's from now on; source: copied, what it points
 * to must outlive the output; rate: how many lines are logged, shared by all outputs of the worker, which it must outlive. What is
 * beyond is counted and told once a second. Returns 0 and *ret, or -ENOMEM (fd stays open). */
int output_new(struct output **ret, const struct channel_loop *loop, int fd,
	       const struct output_source *source, struct rate *rate);
/* Logs an unfinished line. Always returns NULL. */
struct output *output_free(struct output *output);

/* Reads what is in the pipe now. */
void output_read(struct output *output);

/* The last lines, logged or not, cut to OUTPUT_TAIL bytes; "" if there are none. Valid until more is read. */
#define OUTPUT_TAIL 2048
const char *output_tail(struct output *output);

/* Forgets the tail: what comes from here on belongs to another user's work. */
void output_cut(struct output *output);
