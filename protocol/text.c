#include "protocol/text.h"

#include "protocol/json_string.h"

size_t utf8_length(const char *text, size_t size) {
	const unsigned char *c = (const unsigned char *) text;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t length;

	if (c[0] < 0x80)
		return 1;
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return 0;
	length = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	/* No overlong forms, no surrogates, nothing above U+10FFFF. */
	if (c[0] == 0xe0)
		low = 0xa0;
	else if (c[0] == 0xed)
		high = 0x9f;
	else if (c[0] == 0xf0)
		low = 0x90;
	else if (c[0] == 0xf4)
		high = 0x8f;
	if (size < length || c[1] < low || c[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

size_t text_plain(const char *text, size_t size) {
	const unsigned char *begin = (const unsigned char *) text, *end = begin + size, *at, *next;

	for (at = skip_plain(begin, end); at < end && *at >= 0x80; at = skip_plain(next, end)) {
		next = skip_utf8(at, end);
		if (next == at)
			next += utf8_length((const char *) at, (size_t) (end - at));
		if (next == at)
			break;
	}
	return (size_t) (at - begin);
}
