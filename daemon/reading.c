#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/configuration.h"
#include "daemon/keys.h"
#include "daemon/section.h"
#include "daemon/syntax.h"
#include "protocol/work.h"

/* What files and --set say, put into a configuration: one on top of the other. */

/* -------- sections -------- */

/* For messages. NULL without memory. */
static char *where(const char *file, int line) {
	char *text;

	/* libconfuse's name for a text that is no file. */
	if (strcmp(file, "[buf]") == 0)
		return strdup("--set");
	return asprintf(&text, "%s:%d", file, line) < 0 ? NULL : text;
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
		pool = configuration_add_pool(configuration, name, where(file, section->line));
	return pool ? section_apply(keys_of("pool"), pool, section) : -ENOMEM;
}

static int apply(struct configuration *configuration, cfg_t *cfg,
		 struct configuration_error *error) {
	int r = 0;

	for (unsigned i = 0; r == 0 && i < cfg_size(cfg, "daemon"); i++)
		r = section_apply(keys_of("daemon"), configuration, cfg_getnsec(cfg, "daemon", i));
	for (unsigned i = 0; r == 0 && i < cfg_size(cfg, "limits"); i++)
		r = section_apply(keys_of("limits"), configuration, cfg_getnsec(cfg, "limits", i));
	for (unsigned i = 0; r == 0 && i < cfg_size(cfg, "pool"); i++)
		r = apply_pool(configuration, cfg_getnsec(cfg, "pool", i), error);
	if (r == -ENOMEM)
		snprintf(error->text, sizeof error->text, "not enough memory");
	return r == 0 ? 0 : 1;
}

/* -------- a file -------- */

int configuration_read(struct configuration *configuration, const char *path,
		       struct configuration_error *error) {
	int saved = 0, r;
	cfg_t *cfg;

	error->text[0] = '\0';
	cfg = syntax_parse(path, NULL, error, &saved);
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

/* -------- an assignment -------- */

#define COUNT(table) (sizeof(table) / sizeof *(table))

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
	if (asprintf(&text, "%s%.*s%s { %.*s = %s\n}\n" SYNTAX_END " {}\n", whole ? "" : "pool \"",
		     section, assignment, whole ? "" : "\"", (int) (equals - dot - 1), dot + 1,
		     equals + 1) < 0) {
		snprintf(error->text, sizeof error->text, "not enough memory");
		return NULL;
	}
	return text;
}

/* Keys that the text set, in all its sections. */
static unsigned count_keys(cfg_t *cfg) {
	static const char *const sections[] = {"daemon", "limits", "pool"};
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(sections); i++)
		for (unsigned j = 0; j < cfg_size(cfg, sections[i]); j++)
			n += section_count(keys_of(sections[i]), cfg_getnsec(cfg, sections[i], j));
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
	cfg = text ? syntax_parse(NULL, text, error, &saved) : NULL;
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
