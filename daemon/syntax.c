#include "daemon/syntax.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/configuration.h"
#include "daemon/keys.h"
#include "daemon/section.h"

/* libconfuse hands its error function nothing but the section; this is where the sentence goes. */
static struct configuration_error *current_error;

__attribute__((format(printf, 2, 0))) static void take_error(cfg_t *cfg, const char *format,
							     va_list args) {
	char sentence[400];

	if (current_error->text[0])
		return;
	vsnprintf(sentence, sizeof sentence, format, args);
	if (strstr(sentence, SYNTAX_END))
		snprintf(sentence, sizeof sentence, "a section is not closed with '}'");
	if (cfg->filename)
		snprintf(current_error->text, sizeof current_error->text, "%s:%d: %s",
			 cfg->filename, cfg->line, sentence);
	else
		snprintf(current_error->text, sizeof current_error->text, "%s", sentence);
}

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
	fputs("\n" SYNTAX_END " {}\n", copy);
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
		if (r == CFG_SUCCESS && cfg_size(cfg, SYNTAX_END) == 0) {
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

cfg_t *syntax_parse(const char *path, const char *text, struct configuration_error *error,
		    int *ret_errno) {
	cfg_opt_t daemon_opts[KEYS_MOST], limits_opts[KEYS_MOST], pool_opts[KEYS_MOST],
		end_opts[] = {CFG_END()};
	cfg_opt_t root_opts[] = {
		/* MULTI also because libconfuse knows where in the file a section stands only then. */
		CFG_SEC("daemon", daemon_opts, CFGF_MULTI),
		CFG_SEC("limits", limits_opts, CFGF_MULTI),
		CFG_SEC("pool", pool_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC(SYNTAX_END, end_opts, CFGF_MULTI),
		CFG_END(),
	};
	cfg_t *cfg;
	int r;

	section_describe(daemon_opts, keys_of("daemon"));
	section_describe(limits_opts, keys_of("limits"));
	section_describe(pool_opts, keys_of("pool"));

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
