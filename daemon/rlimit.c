#include "daemon/rlimit.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/quantity.h"

enum unit { BYTES, SECONDS, NUMBER };

static const struct {
	const char *name;
	int resource;
	enum unit unit;
} resources[] = {
	{"as", RLIMIT_AS, BYTES},          {"core", RLIMIT_CORE, BYTES},
	{"cpu", RLIMIT_CPU, SECONDS},      {"data", RLIMIT_DATA, BYTES},
	{"fsize", RLIMIT_FSIZE, BYTES},    {"memlock", RLIMIT_MEMLOCK, BYTES},
	{"nofile", RLIMIT_NOFILE, NUMBER}, {"nproc", RLIMIT_NPROC, NUMBER},
	{"stack", RLIMIT_STACK, BYTES},
};

#define SECOND UINT64_C(1000000)
/* More descriptors or processes than any kernel has. */
#define NUMBER_MOST (UINT64_C(1) << 40)

/* Where none would be of use, the value is from 1 on. */
static int parse_value(enum unit unit, const char *text, uint64_t *ret) {
	if (unit == BYTES)
		return quantity_size(text, ret);
	if (unit == NUMBER) {
		*ret = UINT64_MAX;
		return strcmp(text, "infinity") == 0 ? 0
						     : quantity_count(text, 1, NUMBER_MOST, ret);
	}
	if (quantity_time(text, ret) != 0 || *ret < SECOND)
		return 1;
	/* The kernel counts whole seconds. */
	if (*ret != UINT64_MAX)
		*ret = *ret / SECOND + (*ret % SECOND != 0);
	return 0;
}

int rlimit_parse(const char *text, int *ret_resource, uint64_t *ret_value) {
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t) (equals - text) : 0;

	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		if (strlen(resources[i].name) != length ||
		    memcmp(resources[i].name, text, length) != 0)
			continue;
		if (parse_value(resources[i].unit, equals + 1, ret_value) != 0)
			return 1;
		*ret_resource = resources[i].resource;
		return 0;
	}
	return 1;
}

const char *rlimit_check(const char *text) {
	int resource;
	uint64_t value;

	return rlimit_parse(text, &resource, &value) == 0
		       ? NULL
		       : "takes words such as as=4G, core=0, cpu=1h, data=1G, fsize=1G, "
			 "memlock=64K, nofile=256, nproc=64 and stack=8M, or NAME=infinity";
}
