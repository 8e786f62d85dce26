#pragma once

#include <procpool/worker.h>

/* The functions that misbehave; the table in functions.c says what each does. */

int test_crash(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_crash_if(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_exit_(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_garbage(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_half(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_wrong_chunk(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_too_many(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_truncate_page(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_fork_daemon(struct procpool_item *item, json_t *argument, json_t **ret_result);

/* Functions that call their own pool. */
int test_map_here(struct procpool_item *item, json_t *argument, json_t **ret_result);
int test_apply_here(struct procpool_item *item, json_t *argument, json_t **ret_result);

/* Dies of a signal as if nobody (a sanitizer, say) had asked to hear of it. */
__attribute__((noreturn)) void die(int signal_number);
