#include "client/tool/bar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "client/tool/interrupt.h"

/* Nobody wants a bar for what is over at once, */
#define FIRST_US 400000
/* nor reads more than so many a second. */
#define EACH_US 100000

static int64_t now_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

void bar_init(struct bar *bar) {
	const char *term = getenv("TERM");

	*bar = (struct bar) {.shown =
				     isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0)};
	progress_init(&bar->progress, now_us());
	bar->drawn_us = bar->progress.started_us + FIRST_US - EACH_US;
}

int bar_timeout(const struct bar *bar) {
	int64_t left = bar->drawn_us + EACH_US - now_us();

	if (!bar->shown)
		return -1;
	return left > 0 ? (int) (left / 1000) + 1 : 0;
}

static size_t terminal_width(void) {
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u
									       : 79;
}

static void put(const char *text, size_t size) {
	/* What a terminal does not take is not worth a word. */
	ssize_t n = write(STDERR_FILENO, text, size);

	(void) n;
}

void bar_draw(struct bar *bar, const struct progress_state *state) {
	char line[512] = "\r";
	size_t width = terminal_width(), n;
	int64_t now = now_us();

	if (bar_timeout(bar) != 0)
		return;
	progress_update(&bar->progress, now, state->done);
	n = progress_format(&bar->progress, now, state,
			    width < sizeof(line) - 16 ? width : sizeof(line) - 16, line + 1,
			    sizeof(line) - 8);
	strcpy(line + 1 + n, "\033[K");
	interrupt_wipe(true);
	put(line, n + 4);
	bar->visible = true;
	bar->drawn_us = now;
}

void bar_wipe(struct bar *bar) {
	if (!bar->visible)
		return;
	put("\r\033[K", 4);
	bar->visible = false;
	interrupt_wipe(false);
}
