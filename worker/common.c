#include "worker/common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void commons_init(struct commons *commons) {
	TAILQ_INIT(commons);
}

void commons_done(struct commons *commons) {
	struct common *common;

	while ((common = TAILQ_FIRST(commons)))
		commons_forget(common, commons);
}

int commons_add(struct commons *commons, uint64_t id, const char *text, size_t size) {
	struct common *common;

	if (commons_find(commons, id))
		return -EEXIST;
	common = malloc(sizeof *common + size);
	if (!common)
		return -ENOMEM;
	*common = (struct common) {.id = id, .size = size};
	memcpy(common->text, text, size);
	TAILQ_INSERT_HEAD(commons, common, entry);
	return 0;
}

struct common *commons_find(struct commons *commons, uint64_t id) {
	struct common *common;

	TAILQ_FOREACH (common, commons, entry)
		if (common->id == id)
			return common;
	return NULL;
}

void commons_forget(struct common *common, struct commons *commons) {
	TAILQ_REMOVE(commons, common, entry);
	json_decref(common->value);
	free(common);
}

json_t *common_value(struct common *common, json_error_t *error) {
	if (!common->value)
		common->value = json_loadb(common->text, common->size,
					   JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
	return common->value;
}
