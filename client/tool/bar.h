#pragma once

#include <stdbool.h>

#include "client/tool/progress.h"

/* The progress line on stderr, if that is a terminal; otherwise everything here does nothing. */
struct bar {
	bool shown;   /* may be drawn */
	bool visible; /* is on the terminal now */
	int64_t drawn_us;
	struct progress progress;
};

void bar_init(struct bar *bar);

/* Milliseconds until bar_draw() has something to do; -1 = never. */
int bar_timeout(const struct bar *bar);
void bar_draw(struct bar *bar, const struct progress_state *state);

/* Wipes it, so that something else can be written; it comes back by itself. */
void bar_wipe(struct bar *bar);
