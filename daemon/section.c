#include "daemon/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/keys.h"
#include "daemon/quantity.h"
#include "daemon/strings.h"

/* libconfuse does not tell = from += afterwards, but the first throws a list's default away. So this is the default of
 * every list: where it is still in front, the rest was appended. */
#define LIST_MARK "..as-before.."

/* -------- what libconfuse may take -------- */

static int validate(cfg_t *section, cfg_opt_t *opt) {
	const struct setting *setting = setting_find(keys_of(cfg_name(section)), cfg_opt_name(opt));
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	bool as_before = setting_is_list(setting) && strcmp(text, LIST_MARK) == 0;
	const char *wrong = as_before ? NULL : setting_check(setting, text);

	if (wrong)
		cfg_error(section, "%s = %s: %s %s", setting->key, text, setting->key, wrong);
	return wrong ? -1 : 0;
}

void section_describe(cfg_opt_t *opts, const struct setting *settings) {
	for (; settings->key; settings++, opts++) {
		*opts = setting_is_list(settings)
				? (cfg_opt_t) CFG_STR_LIST(settings->key, "{" LIST_MARK "}",
							   CFGF_NONE)
				: (cfg_opt_t) CFG_STR(settings->key, NULL, CFGF_NODEFAULT);
		opts->validcb = validate;
	}
	*opts = (cfg_opt_t) CFG_END();
}

/* -------- what it took -------- */

/* The option's list, behind what was there before if the file says += and not =. */
static char **new_list(char *const *before, cfg_opt_t *opt) {
	unsigned n = cfg_opt_size(opt), at = 0;
	bool appended = n > 0 && strcmp(cfg_opt_getnstr(opt, 0), LIST_MARK) == 0;
	unsigned n_before = appended ? (unsigned) strings_count(before) : 0;
	char **list = calloc(n_before + n + 1, sizeof *list);

	for (unsigned i = 0; list && i < n_before + n - appended; i++) {
		list[at] = strdup(i < n_before ? before[i]
					       : cfg_opt_getnstr(opt, i - n_before + appended));
		if (!list[at++]) {
			strings_free(list);
			return NULL;
		}
	}
	return list;
}

static int apply_setting(const struct setting *setting, void *target, cfg_opt_t *opt) {
	void *field = (char *) target + setting->offset;

	if (setting_is_list(setting)) {
		char **list = new_list(*(char ***) field, opt);

		if (!list)
			return -ENOMEM;
		strings_free(*(char ***) field);
		*(char ***) field = list;
	} else if (setting->type == SETTING_PATH || setting->type == SETTING_NAME) {
		char *path = strdup(cfg_opt_getstr(opt));

		if (!path)
			return -ENOMEM;
		free(*(char **) field);
		*(char **) field = path;
	} else if (setting->type == SETTING_AUTO_RANGE) {
		setting_range(cfg_opt_getstr(opt), field);
	} else if (setting->type == SETTING_BOOL) {
		quantity_bool(cfg_opt_getstr(opt), field);
	} else {
		setting_number(setting, cfg_opt_getstr(opt), field);
	}
	return 0;
}

static bool is_set(const struct setting *setting, cfg_opt_t *opt) {
	return setting_is_list(setting) ? opt->flags & CFGF_MODIFIED : cfg_opt_size(opt) > 0;
}

int section_apply(const struct setting *settings, void *target, cfg_t *section) {
	int r = 0;

	for (; r == 0 && settings->key; settings++) {
		cfg_opt_t *opt = cfg_getopt(section, settings->key);

		if (is_set(settings, opt))
			r = apply_setting(settings, target, opt);
	}
	return r;
}

unsigned section_count(const struct setting *settings, cfg_t *section) {
	unsigned n = 0;

	for (; settings->key; settings++)
		n += is_set(settings, cfg_getopt(section, settings->key));
	return n;
}
