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

void joblog_add(struct joblog *joblog, uint64_t index, const struct procpool_timing *timing,
		const char *status) {
	FILE *file = joblog->file;

	if (!file)
		return;
	fprintf(file, "%" PRIu64, index);
	add_seconds(file, timing->start_us);
	add_seconds(file, timing->duration_us);
	fprintf(file, "\t%" PRId64 "\t%s\n", timing->attempts, status);
}

void joblog_flush(struct joblog *joblog) {
	if (joblog->file)
		fflush(joblog->file);
}
