#include "daemon/obituary.h"

#include <stdio.h>
#include <string.h>

#include "daemon/entry.h"
#include "daemon/scale.h"
#include "daemon/worker.h"

char *obituary_text(const struct worker *worker, const struct worker_end *end) {
	size_t tail = strlen(end->stderr_tail);
	char how[64], *text;

	if (end->signal)
		snprintf(how, sizeof how, "killed by signal %d (%s)", end->signal,
			 sigabbrev_np(end->signal) ? sigabbrev_np(end->signal) : "?");
	else
		snprintf(how, sizeof how, "exited with status %d", end->status);
	while (tail > 0 && end->stderr_tail[tail - 1] == '\n')
		tail--;
	if (asprintf(&text, "%s%s%s%s%s%.*s", end->reason ? end->reason : "a worker ",
		     end->reason ? ", " : "", how,
		     end->reason || worker->warm ? "" : " before its hello", tail ? ": " : "",
		     (int) tail, end->stderr_tail) < 0)
		return NULL;
	return text;
}

struct entry_fields obituary_fields(const struct worker *worker, const struct worker_end *end) {
	struct entry_fields about = *worker_fields(worker);

	about.exit_code = (struct entry_number) {!end->signal, (uint64_t) end->status};
	about.signal = (struct entry_number) {end->signal, (uint64_t) end->signal};
	/* Not what it ran at any time before: what its end was the end of. */
	about.request = (struct entry_number) {end->blamed, end->request};
	about.item = (struct entry_number) {end->blamed, end->item};
	return about;
}

bool obituary_of_start(const struct worker *worker, const struct worker_end *end, uint64_t now) {
	if (!worker->warm)
		return true;
	return (!end->ours || worker->over_memory) && worker->uid == (uid_t) -1 &&
	       now - worker->warm < SCALE_SETTLED;
}
