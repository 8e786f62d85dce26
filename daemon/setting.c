#include "daemon/setting.h"

#include <string.h>
#include <syslog.h>

#include "daemon/quantity.h"
#include "daemon/rlimit.h"

#define WORKERS_MAX 4096
#define SIZE_MOST   (UINT64_C(2) << 30)
/* µs; what is told in milliseconds is at least one. */
#define LIMIT_LEAST 1000
/* The kernel's. */
#define OOM_SCORE_MOST 1000

const struct setting *setting_find(const struct setting *settings, const char *key) {
	for (; settings->key; settings++)
		if (strcmp(settings->key, key) == 0)
			return settings;
	return NULL;
}

bool setting_is_list(const struct setting *setting) {
	return setting->type == SETTING_LIST || setting->type == SETTING_ENVIRONMENT ||
	       setting->type == SETTING_RLIMITS;
}

/* A number from min on, or auto. Returns 0 and *ret, or 1. */
static int take_count(const char *text, uint64_t min, uint64_t *ret) {
	if (strcmp(text, "auto") != 0)
		return quantity_count(text, min, WORKERS_MAX, ret);
	*ret = SETTING_AUTO;
	return 0;
}

const char *setting_range(const char *text, struct setting_range *ret) {
	static const char form[] =
		"takes a number from 1 to 4096, auto, or MIN..MAX such as 1..4 or 0..auto";
	const char *dots = strstr(text, "..");
	char first[8];

	if (!dots) {
		if (take_count(text, 1, &ret->min) != 0)
			return form;
		ret->max = ret->min;
		return NULL;
	}
	if ((size_t) (dots - text) >= sizeof first)
		return form;
	memcpy(first, text, (size_t) (dots - text));
	first[dots - text] = '\0';
	if (quantity_count(first, 0, WORKERS_MAX, &ret->min) != 0 ||
	    take_count(dots + 2, 1, &ret->max) != 0)
		return form;
	return ret->min > ret->max ? "takes MIN..MAX with a MIN that is not above MAX" : NULL;
}

static const char *take_log_level(const char *text, uint64_t *ret) {
	static const struct {
		const char *name;
		uint64_t level;
	} levels[] = {{"error", LOG_ERR},
		      {"warning", LOG_WARNING},
		      {"info", LOG_INFO},
		      {"debug", LOG_DEBUG}};

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*ret = levels[i].level;
			return NULL;
		}
	}
	return "takes error, warning, info or debug";
}

const char *setting_number(const struct setting *setting, const char *text, uint64_t *ret) {
	switch (setting->type) {
	case SETTING_TIME:
		return quantity_time(text, ret) ? "takes a time such as 30s or infinity" : NULL;
	case SETTING_TIME_LIMIT:
		return quantity_time(text, ret) || *ret < LIMIT_LEAST
			       ? "takes a time from 1ms on such as 30s, or infinity"
			       : NULL;
	case SETTING_SIZE:
		return quantity_size(text, ret) || *ret < 16 || *ret > SIZE_MOST
			       ? "takes a size from 16 bytes to 2G, such as 16M"
			       : NULL;
	case SETTING_AUTO_SIZE:
		*ret = 0;
		if (strcmp(text, "auto") == 0)
			return NULL;
		return quantity_size(text, ret) || *ret < 16
			       ? "takes a size from 16 bytes on such as 1G, infinity or auto"
			       : NULL;
	case SETTING_LARGE_SIZE:
		return quantity_size(text, ret) || *ret < 16
			       ? "takes a size from 16 bytes on such as 256M, or infinity"
			       : NULL;
	case SETTING_LARGE_COUNT:
		*ret = UINT64_MAX;
		if (strcmp(text, "infinity") == 0)
			return NULL;
		return quantity_count(text, 1, UINT32_MAX / 2, ret)
			       ? "takes a whole number from 1 on, or infinity"
			       : NULL;
	case SETTING_OOM_SCORE:
		*ret = SETTING_AUTO;
		return strcmp(text, "auto") == 0 ||
				       quantity_count(text, 0, OOM_SCORE_MOST, ret) == 0
			       ? NULL
			       : "takes a number from 0 to 1000, or auto";
	case SETTING_AUTO_COUNT:
		return take_count(text, 1, ret) ? "takes a number from 1 to 4096, or auto" : NULL;
	case SETTING_LOG_LEVEL: return take_log_level(text, ret);
	default:
		return quantity_count(text, 1, UINT32_MAX / 2, ret)
			       ? "takes a whole number from 1 on"
			       : NULL;
	}
}

const char *setting_check(const struct setting *setting, const char *text) {
	uint64_t number;

	struct setting_range range;
	bool yes;

	switch (setting->type) {
	case SETTING_LATER: return "is not supported yet";
	case SETTING_LIST: return *text ? NULL : "takes no empty word";
	case SETTING_PATH: return *text == '/' ? NULL : "takes an absolute path";
	case SETTING_NAME: return *text && !strpbrk(text, " /:") ? NULL : "takes a name";
	case SETTING_AUTO_RANGE: return setting_range(text, &range);
	case SETTING_BOOL: return quantity_bool(text, &yes) ? "takes yes or no" : NULL;
	case SETTING_ENVIRONMENT:
		return strchr(text, '=') > text ? NULL : "takes words of the form KEY=value";
	case SETTING_RLIMITS: return rlimit_check(text);
	default: return setting_number(setting, text, &number);
	}
}
