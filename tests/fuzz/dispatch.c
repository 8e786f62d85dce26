#include "tests/core/play.h"
#include "tests/core/transcript.h"
#include "tests/fuzz/fuzz.h"

/*
 * A play of the daemon's core (tests/core/play.h): every eight bytes are one step of clients, workers or clock, the first
 * ones choose slots and pools. Promises: those of the witness. FUZZ_TRANSCRIPT in the environment tells what happens.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char *steps = fuzz_copy(data, size);

	transcript_show(getenv("FUZZ_TRANSCRIPT") != NULL);
	if (size >= sizeof(struct step))
		play_steps((const struct step *) steps, size / sizeof(struct step));
	free(steps);
	return 0;
}
