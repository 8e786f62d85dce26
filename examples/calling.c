/*
 * A function that has others run on its own pool: libprocpool has its worker run them on the spot, one after the other. In
 * any other program the same code has them run side by side.
 *
 *     procpool apply sum_of_squares '[1, 2, 3]'
 */
#include <procpool/client_json.h>
#include <procpool/worker.h>

static int add(void *userdata, const struct procpool_batch *batch) {
	double *sum = userdata;

	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		const struct procpool_item_error *error;
		json_t *square;

		if (procpool_batch_json(batch, i, &square, &error) < 0 || error)
			return 1;
		*sum += json_number_value(square);
		json_decref(square);
	}
	return 0;
}

static int sum_of_squares(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	struct procpool *procpool;
	double sum = 0;
	int r;

	if (!json_is_array(argument))
		return procpool_fail(item, "TypeError", "sum_of_squares takes an array");
	procpool = procpool_new(NULL);
	if (!procpool)
		return procpool_fail(item, "MemoryError", "there is no memory for a handle");
	r = procpool_map_json(procpool, "square", argument, NULL, add, &sum, NULL);
	if (r == PROCPOOL_E_STOPPED)
		procpool_fail(item, "ValueError", "an element has no square");
	else if (r != 0)
		procpool_fail(item, "PoolError", "%s", procpool_last_error(procpool)->message);
	procpool_free(procpool);
	if (r == 0)
		*ret_result = json_real(sum);
	return r == 0 ? 0 : -1;
}

static const struct procpool_function functions[] = {
	{.name = "sum_of_squares",
	 .description = "Squares the numbers of an array by `square`, and adds them up.",
	 .call = sum_of_squares},
	{.name = NULL},
};

const struct procpool_table procpool_functions = {
	.abi = PROCPOOL_WORKER_ABI,
	.functions = functions,
};
