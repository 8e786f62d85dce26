#include "client/tool/joblog.h"

#include <errno.h>
#include <inttypes.h>

#define US_PER_S 1000000

int joblog_open(struct joblog *joblog, const char *path) {
	joblog->file = fopen(path, "we");
	if (!joblog->file)
		return -errno;
	fputs("index\tstart\tduration\tattempts\tstatus\n", joblog->file);
	return 0;
}

int joblog_close(struct joblog *joblog) {
	bool failed;

	if (!joblog->file)
		return 0;
	failed = fflush(joblog->file) == EOF || ferror(joblog->file);
	if (fclose(joblog->file) == EOF)
		failed = true;
	joblog->file = NULL;
	return failed ? -EIO : 0;
}

static void add_seconds(FILE *file, int64_t us) {
	fprintf(file, "\t%" PRId64 ".%06" PRId64, us / US_PER_S, us % US_PER_S);
}

void joblog_add(struct joblog *joblog, const struct procpool_batch *batch) {
	FILE *file = joblog->file;
	size_t n = file ? procpool_batch_count(batch) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct procpool_item_error *error = procpool_batch_error(batch, i);
		struct procpool_timing timing = {0};

		procpool_batch_timing(batch, i, &timing);
		fprintf(file, "%" PRIu64, procpool_batch_first(batch) + i);
		add_seconds(file, timing.start_us);
		add_seconds(file, timing.duration_us);
		fprintf(file, "\t%" PRId64 "\t%s\n", timing.attempts, error ? error->kind : "ok");
	}
	/* Whoever watches the file sees each batch. */
	if (file)
		fflush(file);
}
