/*
 * A plugin: functions in a shared object, which procpool's own worker loads.
 *
 *     procpool --private --load ./plugin.so functions
 *     procpool --private --load ./plugin.so map --common '{"per": 1000}' scale 1500 -250
 *     procpool --private --load ./plugin.so map --strings shout hello
 */
#include <ctype.h>
#include <procpool/worker.h>

/*
 * Over values: the item comes as a value of jansson, the result is a new one. The common value is the same for
 * all items of a request.
 */
static int scale(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	json_t *per = json_object_get(procpool_common(item), "per");

	if (!json_is_number(argument))
		return procpool_fail(item, "TypeError", "scale takes a number");
	if (!json_is_number(per) || json_number_value(per) == 0)
		return procpool_fail(item, "ValueError",
				     "the common value has no number \"per\" but 0");
	*ret_result = json_real(json_number_value(argument) / json_number_value(per));
	return 0;
}

/*
 * Over text: the item comes as the JSON that the client wrote, and the result is written as JSON. Faster, exact
 * for any number, and nothing is parsed that the function does not look at.
 */
static int shout(struct procpool_item *item, const char *argument, size_t size) {
	if (*argument != '"')
		return procpool_fail(item, "TypeError", "shout takes a string");
	for (size_t i = 0; i < size; i++) {
		/* A backslash, and the letter after it, are not text but how JSON writes it. */
		size_t escape = argument[i] != '\\' ? 0 : argument[i + 1] == 'u' ? 6 : 2;
		char letter = (char) toupper((unsigned char) argument[i]);

		if (procpool_write(item, escape ? argument + i : &letter, escape ? escape : 1) < 0)
			return -1; /* the result is too large; the item has failed already */
		i += escape ? escape - 1 : 0;
	}
	return 0;
}

static const struct procpool_function functions[] = {
	{.name = "scale", .description = "A number, divided by the common \"per\".", .call = scale},
	{.name = "shout", .description = "A string in capital letters.", .call_raw = shout},
	{.name = NULL},
};

/* What the worker looks for. Nothing else of this file is visible outside. */
const struct procpool_table procpool_functions = {
	.abi = PROCPOOL_WORKER_ABI,
	.functions = functions,
};
