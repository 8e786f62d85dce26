#include "worker/report.h"

#include <assert.h>
#include <string.h>

void report_done(struct report *report) {
	buffer_done(&report->out);
	buffer_done(&report->errors);
	buffer_done(&report->times);
	*report = (struct report) {0};
}

static void put_chunk(struct report *report, uint64_t chunk) {
	buffer_append_text(&report->out, "{\"chunk\":");
	buffer_append_uint(&report->out, chunk);
}

bool report_begin(struct report *report, uint64_t chunk) {
	if (report->results > 0) {
		buffer_append_text(&report->out, ",");
	} else {
		report->begin = report->out.size;
		put_chunk(report, chunk);
		buffer_append_text(&report->out, ",\"results\":[");
	}
	report->result = report->out.size;
	return !report->out.failed;
}

void report_value(struct report *report) {
	assert(report->out.size > report->result || report->out.failed);
	report->results++;
}

static void put_text(struct buffer *errors, const char *name, const char *text) {
	if (*text == '\0')
		return;
	buffer_append_text(errors, name);
	buffer_append_string(errors, text, strlen(text));
}

void report_error(struct report *report, uint32_t offset, const struct procpool_item *item) {
	struct buffer *errors = &report->errors;

	buffer_cut(&report->out, report->result);
	buffer_append_text(&report->out, "null");
	report->results++;

	buffer_append_text(errors, errors->size > 0 ? ",{\"offset\":" : "{\"offset\":");
	buffer_append_uint(errors, offset);
	put_text(errors, ",\"exception\":", item->exception);
	put_text(errors, ",\"message\":", item->message);
	put_text(errors, ",\"trace\":", item->trace);
	buffer_append_text(errors, "}");
}

void report_times(struct report *report, uint64_t start_us, uint64_t duration_us) {
	if (report->times.size > 0)
		buffer_append_text(&report->times, ",");
	buffer_append_uint(&report->times, start_us);
	buffer_append_text(&report->times, ",");
	buffer_append_uint(&report->times, duration_us);
}

size_t report_size(const struct report *report) {
	if (report->results == 0)
		return 0;
	return report->out.size - report->begin + report->errors.size + report->times.size;
}

/* Appends what waited beside the message, and empties it. */
static void put_list(struct report *report, const char *name, struct buffer *list) {
	if (list->size > 0) {
		buffer_append_text(&report->out, name);
		buffer_append(&report->out, list->bytes, list->size);
		buffer_append_text(&report->out, "]");
	}
	list->size = 0;
}

void report_close(struct report *report, uint64_t busy_us) {
	if (report->results == 0)
		return;
	buffer_append_text(&report->out, "]");
	put_list(report, ",\"errors\":[", &report->errors);
	put_list(report, ",\"us\":[", &report->times);
	buffer_append_text(&report->out, ",\"busyUs\":");
	buffer_append_uint(&report->out, busy_us);
	buffer_append(&report->out, "}", sizeof "}");
	report->results = 0;
}

void report_returned(struct report *report, uint64_t chunk, uint32_t offset) {
	assert(report->results == 0);
	put_chunk(report, chunk);
	buffer_append_text(&report->out, ",\"returned\":");
	buffer_append_uint(&report->out, offset);
	buffer_append(&report->out, "}", sizeof "}");
}

void report_unknown(struct report *report, uint64_t chunk) {
	assert(report->results == 0);
	put_chunk(report, chunk);
	buffer_append(&report->out, ",\"unknown\":true}", sizeof ",\"unknown\":true}");
}

bool report_failed(const struct report *report) {
	return report->out.failed || report->errors.failed || report->times.failed;
}
