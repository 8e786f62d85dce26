#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a key of the configuration takes. Pure. */

enum setting_type {
	SETTING_TIME,
	SETTING_TIME_LIMIT, /* the same, and not 0 */
	SETTING_SIZE,
	SETTING_LARGE_SIZE,
	SETTING_AUTO_SIZE, /* the same, or auto */
	SETTING_COUNT,
	SETTING_LARGE_COUNT,
	SETTING_AUTO_COUNT,
	SETTING_AUTO_RANGE,
	SETTING_LOG_LEVEL, /* a number of syslog.h */
	SETTING_BOOL,
	SETTING_PATH,
	SETTING_NAME,
	SETTING_LIST,
	SETTING_ENVIRONMENT,
	SETTING_RLIMITS,   /* a list of "core=0" and the like */
	SETTING_OOM_SCORE, /* 0 to 1000, or auto */
	SETTING_LATER
};

/* As many as slots. */
#define SETTING_AUTO UINT64_MAX

/* Either may be SETTING_AUTO. */
struct setting_range {
	uint64_t min, max;
};

struct setting {
	const char *key;
	enum setting_type type;
	size_t offset; /* of its field in the struct that the section describes */
};

/* The entry of that key in a table ended by a NULL key, or NULL. */
const struct setting *setting_find(const struct setting *table, const char *key);
bool setting_is_list(const struct setting *setting);

/* Returns NULL if the text fits, or what is wrong with it: the end of a sentence that begins with the key. Of a list,
 * text is one word. */
const char *setting_check(const struct setting *setting, const char *text);
/* The value of a setting that is a number or a time. Returns as setting_check(); *ret is set if the text fits. */
const char *setting_number(const struct setting *setting, const char *text, uint64_t *ret);
/* "4", "auto", "1..4" or "0..auto". Returns as setting_check(); *ret is set if the text fits. */
const char *setting_range(const char *text, struct setting_range *ret);
