/* What LeakSanitizer is told when the tests are built with it: Criterion keeps a copy of an argument, which is none
 * of ours. The test that reports a leak would take the end of the output with it. */

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
	return "leak:criterion_handle_args\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
	return "print_suppressions=0";
}
