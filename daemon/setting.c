#include "daemon/setting.h"

#include <string.h>

#include "daemon/quantity.h"

#define WORKERS_MAX 4096
#define SIZE_MOST   (UINT64_C(2) << 30)

const struct setting *setting_find(const struct setting *settings, const char *key) {
	for (; settings->key; settings++)
		if (strcmp(settings->key, key) == 0)
			return settings;
	return NULL;
}

bool setting_is_list(const struct setting *setting) {
	return setting->type == SETTING_LIST || setting->type == SETTING_ENVIRONMENT ||
	       setting->type == SETTING_LATER_LIST;
}

const char *setting_number(const struct setting *setting, const char *text, uint64_t *ret) {
	switch (setting->type) {
	case SETTING_TIME:
		return quantity_time(text, ret) ? "takes a time such as 30s or infinity" : NULL;
	case SETTING_SIZE:
		return quantity_size(text, ret) || *ret < 16 || *ret > SIZE_MOST
			       ? "takes a size from 16 bytes to 2G, such as 16M"
			       : NULL;
	case SETTING_AUTO_COUNT:
		*ret = 0;
		if (strcmp(text, "auto") == 0)
			return NULL;
		if (strstr(text, ".."))
			return "takes one number or auto: MIN..MAX is not supported yet";
		return quantity_count(text, 1, WORKERS_MAX, ret)
			       ? "takes a number from 1 to 4096, or auto"
			       : NULL;
	default:
		return quantity_count(text, 1, UINT32_MAX / 2, ret)
			       ? "takes a whole number from 1 on"
			       : NULL;
	}
}

const char *setting_check(const struct setting *setting, const char *text) {
	uint64_t number;

	bool yes;

	switch (setting->type) {
	case SETTING_LATER:
	case SETTING_LATER_LIST: return "is not supported yet";
	case SETTING_LIST: return *text ? NULL : "takes no empty word";
	case SETTING_PATH: return *text == '/' ? NULL : "takes an absolute path";
	case SETTING_BOOL: return quantity_bool(text, &yes) ? "takes yes or no" : NULL;
	case SETTING_ENVIRONMENT:
		return strchr(text, '=') > text ? NULL : "takes words of the form KEY=value";
	default: return setting_number(setting, text, &number);
	}
}
