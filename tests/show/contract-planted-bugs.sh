#!/bin/bash
# A bug is planted in a module; its fuzz target must find it. Three of all here; make fuzz-planted tries the rest.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in clang patch; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
echo 'int main(void) { return 0; }' >"$show_scratch/empty.c"
clang -fsanitize=fuzzer-no-link,address -o "$show_scratch/empty" "$show_scratch/empty.c" 2>/dev/null ||
  { echo "clang has no sanitizers (Debian: libclang-rt-14-dev)"; exit 77; }

for bug in json_scan worker connection; do
  echo "planted in $(sed -n 's|^+++ b/||p' "$show_top/tests/fuzz/planted/$bug.patch"):"
  grep -E '^[-+][^-+]' "$show_top/tests/fuzz/planted/$bug.patch" | sed 's/^/    /'
  FUZZ_BUILD=$show_build FUZZ_TIME=60 "$show_top/tests/fuzz/fuzz.sh" planted "$bug" | sed 's/^/  /'
done
