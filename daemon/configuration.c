#include "daemon/configuration.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/quantity.h"
#include "daemon/setting.h"
#include "daemon/strings.h"
#include "protocol/work.h"

#define SECOND UINT64_C(1000000)

/* -------- what keys there are -------- */

static const struct setting daemon_settings[] = {
	{"slots", SETTING_AUTO_COUNT, offsetof(struct configuration, slots)},
	{"drain_timeout", SETTING_TIME, offsetof(struct configuration, drain_timeout)},
	{"log_level", SETTING_LOG_LEVEL, offsetof(struct configuration, log_level)},
	{"admin_users", SETTING_LIST, offsetof(struct configuration, admin_users)},
	{"admin_groups", SETTING_LIST, offsetof(struct configuration, admin_groups)},
	{.key = NULL},
};

#define LIMIT(key, type) \
	{ #key, type, offsetof(struct configuration, limits.key) }

static const struct setting limits_settings[] = {
	LIMIT(message, SETTING_SIZE),
	LIMIT(envelope, SETTING_SIZE),
	LIMIT(reply, SETTING_SIZE),
	LIMIT(items, SETTING_COUNT),
	LIMIT(item, SETTING_SIZE),
	LIMIT(worker_message, SETTING_SIZE),
	LIMIT(window_items, SETTING_COUNT),
	LIMIT(window_bytes, SETTING_SIZE),
	LIMIT(connections, SETTING_COUNT),
	LIMIT(user_connections, SETTING_COUNT),
	LIMIT(user_items, SETTING_COUNT),
	LIMIT(user_bytes, SETTING_LARGE_SIZE),
	LIMIT(total_bytes, SETTING_AUTO_SIZE),
	LIMIT(message_timeout, SETTING_TIME_LIMIT),
	LIMIT(message_timeout_total, SETTING_TIME_LIMIT),
	{.key = NULL},
};

#define POOL(key, type) \
	{ #key, type, offsetof(struct pool_configuration, key) }
#define LATER(key) \
	{ #key, SETTING_LATER, 0 }

static const struct setting pool_settings[] = {
	POOL(command, SETTING_LIST),
	POOL(workers, SETTING_AUTO_RANGE),
	POOL(idle_timeout, SETTING_TIME),
	POOL(slots, SETTING_BOOL),
	POOL(start_timeout, SETTING_TIME_LIMIT),
	POOL(environment, SETTING_ENVIRONMENT),
	POOL(directory, SETTING_PATH),
	LATER(template),
	POOL(user, SETTING_NAME),
	POOL(item_timeout, SETTING_TIME_LIMIT),
	POOL(queue_timeout, SETTING_TIME_LIMIT),
	POOL(slow_item, SETTING_TIME),
	{"max_items", SETTING_LARGE_COUNT, offsetof(struct pool_configuration, wear.items)},
	{"max_age", SETTING_TIME, offsetof(struct pool_configuration, wear.age)},
	{"max_rss", SETTING_LARGE_SIZE, offsetof(struct pool_configuration, wear.rss)},
	POOL(memory_max, SETTING_LARGE_SIZE),
	POOL(pids_max, SETTING_LARGE_COUNT),
	POOL(limits, SETTING_RLIMITS),
	POOL(oom_score_adj, SETTING_OOM_SCORE),
	POOL(stderr_rate, SETTING_COUNT),
	POOL(allow_users, SETTING_LIST),
	POOL(allow_groups, SETTING_LIST),
	{.key = NULL},
};

static const struct setting *settings_of(const char *section) {
	if (strcmp(section, "daemon") == 0)
		return daemon_settings;
	return strcmp(section, "limits") == 0 ? limits_settings : pool_settings;
}

/* -------- one section -------- */

/* libconfuse does not tell = from += afterwards, but the first throws a list's default away. So this is the default of
 * every list: where it is still in front, the rest was appended. */
#define LIST_MARK "..as-before.."

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

/* Copies what the section sets into the struct that its settings describe. */
static int apply_section(const struct setting *settings, void *target, cfg_t *section) {
	int r = 0;

	for (; r == 0 && settings->key; settings++) {
		cfg_opt_t *opt = cfg_getopt(section, settings->key);

		if (is_set(settings, opt))
			r = apply_setting(settings, target, opt);
	}
	return r;
}

/* -------- libconfuse -------- */

/* libconfuse takes the end of a file for the end of every open section. So a section of this name is put there: it
 * is known at the top, and unknown in a section that was not closed. */
#define END_MARK "end-of-file"

/* libconfuse hands its error function nothing but the section; this is where the sentence goes. */
static struct configuration_error *current_error;

__attribute__((format(printf, 2, 0))) static void take_error(cfg_t *cfg, const char *format,
							     va_list args) {
	char sentence[400];

	if (current_error->text[0])
		return;
	vsnprintf(sentence, sizeof sentence, format, args);
	if (strstr(sentence, END_MARK))
		snprintf(sentence, sizeof sentence, "a section is not closed with '}'");
	if (cfg->filename)
		snprintf(current_error->text, sizeof current_error->text, "%s:%d: %s",
			 cfg->filename, cfg->line, sentence);
	else
		snprintf(current_error->text, sizeof current_error->text, "%s", sentence);
}

static int validate(cfg_t *section, cfg_opt_t *opt) {
	const struct setting *setting =
		setting_find(settings_of(cfg_name(section)), cfg_opt_name(opt));
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	bool as_before = setting_is_list(setting) && strcmp(text, LIST_MARK) == 0;
	const char *wrong = as_before ? NULL : setting_check(setting, text);

	if (wrong)
		cfg_error(section, "%s = %s: %s %s", setting->key, text, setting->key, wrong);
	return wrong ? -1 : 0;
}

/* libconfuse's description of a section; settings has its terminator. */
static void describe(cfg_opt_t *opts, const struct setting *settings) {
	for (; settings->key; settings++, opts++) {
		*opts = setting_is_list(settings)
				? (cfg_opt_t) CFG_STR_LIST(settings->key, "{" LIST_MARK "}",
							   CFGF_NONE)
				: (cfg_opt_t) CFG_STR(settings->key, NULL, CFGF_NODEFAULT);
		opts->validcb = validate;
	}
	*opts = (cfg_opt_t) CFG_END();
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The file's text with the mark behind it, to be read; NULL and errno if that cannot be had. */
static FILE *open_marked(const char *path, char **ret_text) {
	FILE *file = fopen(path, "re"), *copy;
	char buffer[4096];
	size_t size, n;

	if (!file)
		return NULL;
	copy = open_memstream(ret_text, &size);
	while (copy && (n = fread(buffer, 1, sizeof buffer, file)) > 0)
		fwrite(buffer, 1, n, copy);
	/* A directory opens, but does not read. */
	if (ferror(file) && copy) {
		n = (size_t) errno;
		fclose(copy);
		errno = (int) n;
		copy = NULL;
	}
	fclose(file);
	if (!copy)
		return NULL;
	fputs("\n" END_MARK " {}\n", copy);
	fclose(copy);
	return fmemopen(*ret_text, size, "r");
}

/* Returns libconfuse's verdict; CFG_FILE_ERROR with errno if the file cannot be read. */
static int parse_file(cfg_t *cfg, const char *path) {
	char *text = NULL;
	FILE *file = open_marked(path, &text);
	int r = CFG_FILE_ERROR, saved;

	if (file) {
		cfg->filename = strdup(path);
		r = cfg_parse_fp(cfg, file);
		if (r == CFG_SUCCESS && cfg_size(cfg, END_MARK) == 0) {
			cfg_error(cfg, "a comment or a string is not closed");
			r = CFG_PARSE_ERROR;
		}
	}
	saved = errno;
	if (file)
		fclose(file);
	free(text);
	errno = saved;
	return r;
}

/* Parses a file, or a text where path is NULL. Returns the tree (free with cfg_free()), or NULL with
 * *error set (a mistake) or untouched (*ret_errno). */
static cfg_t *parse(const char *path, const char *text, struct configuration_error *error,
		    int *ret_errno) {
	cfg_opt_t daemon_opts[COUNT(daemon_settings)], limits_opts[COUNT(limits_settings)],
		pool_opts[COUNT(pool_settings)], end_opts[] = {CFG_END()};
	cfg_opt_t root_opts[] = {
		/* MULTI also because libconfuse knows where in the file a section stands only then. */
		CFG_SEC("daemon", daemon_opts, CFGF_MULTI),
		CFG_SEC("limits", limits_opts, CFGF_MULTI),
		CFG_SEC("pool", pool_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC(END_MARK, end_opts, CFGF_MULTI),
		CFG_END(),
	};
	cfg_t *cfg;
	int r;

	describe(daemon_opts, daemon_settings);
	describe(limits_opts, limits_settings);
	describe(pool_opts, pool_settings);

	cfg = cfg_init(root_opts, CFGF_NONE);
	if (!cfg) {
		*ret_errno = ENOMEM;
		return NULL;
	}
	cfg_set_error_function(cfg, take_error);
	current_error = error;
	r = path ? parse_file(cfg, path) : cfg_parse_buf(cfg, text);
	*ret_errno = errno;
	current_error = NULL;
	if (r == CFG_SUCCESS)
		return cfg;
	if (r == CFG_PARSE_ERROR && !error->text[0])
		snprintf(error->text, sizeof error->text, "%s: syntax error", path ? path : text);
	cfg_free(cfg);
	return NULL;
}

/* -------- pools -------- */

struct pool_configuration *configuration_pool(const struct configuration *configuration,
					      const char *name) {
	for (size_t i = 0; i < configuration->n_pools; i++)
		if (strcmp(configuration->pools[i].name, name) == 0)
			return &configuration->pools[i];
	return NULL;
}

static struct pool_configuration *add_pool(struct configuration *configuration, const char *name,
					   const char *file, int line) {
	struct pool_configuration *pools =
		reallocarray(configuration->pools, configuration->n_pools + 1, sizeof *pools);
	struct pool_configuration *pool;

	if (!pools)
		return NULL;
	configuration->pools = pools;
	pool = &pools[configuration->n_pools];
	*pool = (struct pool_configuration) {
		.name = strdup(name),
		.workers = {SETTING_AUTO, SETTING_AUTO},
		.slots = true,
		.idle_timeout = 60 * SECOND,
		.start_timeout = 30 * SECOND,
		.item_timeout = UINT64_MAX,
		.queue_timeout = UINT64_MAX,
		.slow_item = UINT64_MAX,
		.stderr_rate = 200,
		.wear = {UINT64_MAX, UINT64_MAX, UINT64_MAX},
		.memory_max = UINT64_MAX,
		.pids_max = UINT64_MAX,
		.oom_score_adj = SETTING_AUTO,
	};
	/* libconfuse's name for a text that is no file. */
	if (strcmp(file, "[buf]") == 0)
		pool->where = strdup("--set");
	else if (asprintf(&pool->where, "%s:%d", file, line) < 0)
		pool->where = NULL;
	if (!pool->name || !pool->where) {
		free(pool->name);
		free(pool->where);
		return NULL;
	}
	configuration->n_pools++;
	return pool;
}

static int apply_pool(struct configuration *configuration, cfg_t *section,
		      struct configuration_error *error) {
	const char *name = cfg_title(section),
		   *file = section->filename ? section->filename : "[buf]";
	struct pool_configuration *pool = configuration_pool(configuration, name);

	if (!function_name_valid(name, false) || strcmp(name, "daemon") == 0 ||
	    strcmp(name, "limits") == 0) {
		snprintf(error->text, sizeof error->text,
			 "%s:%d: '%.64s' cannot be a pool's name: it takes letters, digits and "
			 "_.:-, "
			 "and is neither daemon nor limits",
			 file, section->line, name);
		return 1;
	}
	if (!pool)
		pool = add_pool(configuration, name, file, section->line);
	return pool ? apply_section(pool_settings, pool, section) : -ENOMEM;
}

static int apply(struct configuration *configuration, cfg_t *cfg,
		 struct configuration_error *error) {
	int r = 0;

	for (unsigned i = 0; r == 0 && i < cfg_size(cfg, "daemon"); i++)
		r = apply_section(daemon_settings, configuration, cfg_getnsec(cfg, "daemon", i));
	for (unsigned i = 0; r == 0 && i < cfg_size(cfg, "limits"); i++)
		r = apply_section(limits_settings, configuration, cfg_getnsec(cfg, "limits", i));
	for (unsigned i = 0; r == 0 && i < cfg_size(cfg, "pool"); i++)
		r = apply_pool(configuration, cfg_getnsec(cfg, "pool", i), error);
	if (r == -ENOMEM)
		snprintf(error->text, sizeof error->text, "not enough memory");
	return r == 0 ? 0 : 1;
}

/* -------- the interface -------- */

void configuration_init(struct configuration *configuration) {
	*configuration = (struct configuration) {
		.slots = SETTING_AUTO,
		.drain_timeout = 60 * SECOND,
		.log_level = SETTING_AUTO,
		.limits =
			{
				.message = LIMIT_MESSAGE,
				.envelope = LIMIT_ENVELOPE,
				.reply = LIMIT_REPLY,
				.items = LIMIT_ITEMS,
				.item = LIMIT_ITEM,
				.worker_message = LIMIT_WORKER_MESSAGE,
				.window_items = LIMIT_WINDOW_ITEMS,
				.window_bytes = LIMIT_WINDOW_BYTES,
				.connections = LIMIT_CONNECTIONS,
				.user_connections = LIMIT_USER_CONNECTIONS,
				.user_items = LIMIT_USER_ITEMS,
				.user_bytes = LIMIT_USER_BYTES,
				.message_timeout = 30 * SECOND,
				.message_timeout_total = 600 * SECOND,
			},
	};
}

void configuration_done(struct configuration *configuration) {
	for (size_t i = 0; i < configuration->n_pools; i++) {
		struct pool_configuration *pool = &configuration->pools[i];

		free(pool->name);
		strings_free(pool->command);
		strings_free(pool->environment);
		strings_free(pool->limits);
		free(pool->directory);
		free(pool->user);
		strings_free(pool->allow_users);
		strings_free(pool->allow_groups);
		permission_done(&pool->allowed);
		free(pool->where);
	}
	free(configuration->pools);
	strings_free(configuration->admin_users);
	strings_free(configuration->admin_groups);
	permission_done(&configuration->administrators);
	*configuration = (struct configuration) {0};
}

int configuration_read(struct configuration *configuration, const char *path,
		       struct configuration_error *error) {
	int saved = 0, r;
	cfg_t *cfg;

	error->text[0] = '\0';
	cfg = parse(path, NULL, error, &saved);
	if (!cfg && error->text[0])
		return 1;
	if (!cfg) {
		snprintf(error->text, sizeof error->text, "%s: %s", path, strerror(saved));
		return -saved;
	}
	r = apply(configuration, cfg, error);
	cfg_free(cfg);
	return r;
}

/* "pool.key=value" as the text of a file; NULL and *error if it has no such form. */
static char *assignment_text(const char *assignment, struct configuration_error *error) {
	const char *equals = strchr(assignment, '='), *dot = NULL;
	char *text = NULL;
	int section, whole;

	/* A pool's name may have dots; a key has none. */
	for (const char *p = assignment; equals && p < equals; p++)
		if (*p == '.')
			dot = p;
	if (!dot || dot == assignment || dot + 1 == equals) {
		snprintf(error->text, sizeof error->text,
			 "takes SECTION.KEY=VALUE, such as daemon.slots=4");
		return NULL;
	}
	section = (int) (dot - assignment);
	whole = strncmp(assignment, "daemon.", section + 1) == 0 ||
		strncmp(assignment, "limits.", section + 1) == 0;
	if (asprintf(&text, "%s%.*s%s { %.*s = %s\n}\n" END_MARK " {}\n", whole ? "" : "pool \"",
		     section, assignment, whole ? "" : "\"", (int) (equals - dot - 1), dot + 1,
		     equals + 1) < 0) {
		snprintf(error->text, sizeof error->text, "not enough memory");
		return NULL;
	}
	return text;
}

static unsigned count_section_keys(const struct setting *settings, cfg_t *section) {
	unsigned n = 0;

	for (; settings->key; settings++)
		n += is_set(settings, cfg_getopt(section, settings->key));
	return n;
}

/* Keys that the text set, in all its sections. */
static unsigned count_keys(cfg_t *cfg) {
	static const char *const sections[] = {"daemon", "limits", "pool"};
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(sections); i++)
		for (unsigned j = 0; j < cfg_size(cfg, sections[i]); j++)
			n += count_section_keys(settings_of(sections[i]),
						cfg_getnsec(cfg, sections[i], j));
	return n;
}

/* Puts what was typed before the error. */
static void name_assignment(struct configuration_error *error, const char *assignment) {
	struct configuration_error copy = *error;
	/* libconfuse calls a text "[buf]:1:"; people know it as what they typed. */
	const char *what = strncmp(copy.text, "[buf]:", 6) == 0 ? strchr(copy.text, ' ') : NULL;

	snprintf(error->text, sizeof error->text, "--set %.100s: %.380s", assignment,
		 what ? what + 1 : copy.text);
}

int configuration_set(struct configuration *configuration, const char *assignment,
		      struct configuration_error *error) {
	char *text;
	int saved, r = 1;
	cfg_t *cfg;

	error->text[0] = '\0';
	text = assignment_text(assignment, error);
	cfg = text ? parse(NULL, text, error, &saved) : NULL;
	free(text);
	if (cfg && count_keys(cfg) == 1)
		r = apply(configuration, cfg, error);
	else if (cfg)
		snprintf(error->text, sizeof error->text, "takes one key and one value");
	if (cfg)
		cfg_free(cfg);
	if (r != 0)
		name_assignment(error, assignment);
	return r;
}

int configuration_check(const struct configuration *configuration,
			struct configuration_error *error) {
	if (configuration->n_pools == 0) {
		snprintf(
			error->text, sizeof error->text,
			"the configuration has no pool; add: pool default { command = {\"...\"} }");
		return 1;
	}
	for (size_t i = 0; i < configuration->n_pools; i++) {
		const struct pool_configuration *pool = &configuration->pools[i];

		if (pool->command && pool->command[0])
			continue;
		snprintf(error->text, sizeof error->text, "%s: pool '%s' has no command",
			 pool->where, pool->name);
		return 1;
	}
	return 0;
}
