#include "tests/unit/sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/call.h"
#include "tests/unit/unit.h"

static struct bytes *read_document(struct document *doc, const struct document_shape *shape,
				   size_t limit, const char *json) {
	const struct limits limits = {.item = limit};
	size_t size = strlen(json) + 1;
	struct bytes *bytes = bytes_new(unit_copy(json, size), size);

	document_init(doc, shape, &limits);
	cr_assert_eq(document_feed(doc, bytes->data, size), DOCUMENT_WHOLE, "%s", json);
	return bytes;
}

void sample_read(struct sample *sample, const char *array, size_t limit) {
	char *json;

	cr_assert_gt(asprintf(&json, "{\"items\":%s}", array), 0);
	sample->bytes = read_document(&sample->doc, &stream_shape, limit, json);
	free(json);
}

void sample_done(struct sample *sample) {
	document_done(&sample->doc);
	bytes_unref(sample->bytes);
}

void sample_add(struct request *request, const char *array) {
	struct sample sample;

	sample_read(&sample, array, 0);
	cr_assert_eq(request_add_items(request, sample.bytes, &sample.doc), 0);
	sample_done(&sample);
}

struct request *sample_request(const char *array, const struct run_options *options,
			       bool windowed) {
	const struct run_options none = {0};
	const struct request_limits limits = {windowed ? 4 : UINT64_MAX,
					      windowed ? 100 : UINT64_MAX};
	struct request *request =
		request_new(17, "f", 1000, 42, options ? options : &none, &limits, 5);

	cr_assert_not_null(request);
	sample_add(request, array);
	request->input_ended = true;
	return request;
}

void report_read(struct report *report, const char *json, size_t limit) {
	const char *reason = NULL;
	int r;

	report->bytes = read_document(&report->doc, &worker_shape, limit, json);
	r = worker_message_decode(&report->message, &report->doc, report->bytes->data, &reason);
	cr_assert_eq(r, 0, "%s: %s", json, reason);
	cr_assert_eq(report->message.type, WORKER_RESULTS);
	report->report = (struct worker_report) {
		.results = &report->message.results,
		.doc = &report->doc,
		.text = report->bytes->data,
		.bytes = report->bytes,
	};
}

void report_done(struct report *report) {
	worker_message_done(&report->message);
	document_done(&report->doc);
	bytes_unref(report->bytes);
}

int sample_results(struct request *request, uint64_t first, uint64_t count, const char *text) {
	return request_add_results(request, first, count, text,
				   (struct span) {0, (uint32_t) strlen(text)}, NULL, NULL, NULL, 1);
}

static void print_run(FILE *out, const struct run *run) {
	const json_t *error;
	size_t i;

	fprintf(out, "%" PRIu64 ":%.*s", run->first, (int) (run->end - run->begin),
		run->bytes->data + run->begin);
	json_array_foreach(run->errors, i, error)
		fprintf(out, "!%d %s %d", (int) json_integer_value(json_object_get(error, "index")),
			json_string_value(json_object_get(error, "kind")),
			(int) json_integer_value(json_object_get(error, "attempts")));
}

const char *deliver(struct request *request) {
	static char text[65536];
	FILE *out = fmemopen(text, sizeof text, "w");
	const char *space = "";

	text[0] = '\0';
	while (results_ready(&request->results)) {
		struct run *run = results_deliver(&request->results);

		fputs(space, out);
		print_run(out, run);
		run_free(run);
		space = " ";
	}
	fclose(out);
	return text;
}

const char *take(struct request *request, uint32_t max) {
	static char text[4096];
	struct items_cut cut;

	if (!request_startable(request))
		return "-";
	cut = request_take(request, max);
	cr_assert_leq(cut.count, max);
	snprintf(text, sizeof text, "%" PRIu64 ":%.*s", cut.first, (int) span_size(cut.span),
		 cut.bytes->data + cut.span.begin);
	return text;
}
