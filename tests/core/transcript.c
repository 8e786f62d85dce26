#include "tests/core/transcript.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_shown;

void transcript_show(bool shown) {
	is_shown = shown;
}

bool transcript_is_shown(void) {
	return is_shown;
}

static void print(const char *before, const char *format, va_list arguments) {
	fputs(before, stderr);
	vfprintf(stderr, format, arguments);
	fputs("\n", stderr);
}

void say(const char *format, ...) {
	va_list arguments;

	if (!is_shown)
		return;
	va_start(arguments, format);
	print("  ", format, arguments);
	va_end(arguments);
}

void broken(const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	print("broken: ", format, arguments);
	va_end(arguments);
	abort();
}
