#!/bin/bash
# Which lines the tests run: builds a tree of its own under the current directory, runs `make check` there, and prints the
# share of lines run, by file. Fails below 95 % of protocol/ and the pure files of daemon/, and below 85 % of the whole.
#
#     make coverage        in a built tree; the report is coverage/report.txt
set -euo pipefail
top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/..")
out=$PWD/coverage
command -v gcovr >/dev/null || {
  echo "coverage.sh: gcovr is missing: apt-get install gcovr"
  exit 1
}

# The files that the layers call pure, as a pattern of their paths.
pure() {
  "$top/tests/check-layers.sh" --order | awk '/^configuration /, 0' | tr ' ' '\n' | grep . |
    sed 's|.*|daemon/&\\.[ch]|' | paste -sd '|'
}

mkdir -p "$out"
cd "$out"
[ -e Makefile ] || "$top/configure" --enable-werror CFLAGS='-O0 -g --coverage' >configure.log
make -j"$(nproc)" >make.log 2>&1
find . -name '*.gcda' -delete -o -name '*conftest*.gcno' -delete
status=0
make check >check.log 2>&1 || status=$?
grep -E '^# (TOTAL|PASS|FAIL|SKIP|ERROR)' check.log || true

# FILTER LEAST WHAT
least() {
  local percent
  percent=$(gcovr --root "$top" --object-directory "$out" --filter "$top/($1)" --exclude '.*/tests/.*' . 2>gcovr.log |
    tee "report-$3.txt" | awk '$1 == "TOTAL" { print $4 + 0 }')
  printf '%-8s %s %% of the lines, %s at least\n' "$3" "${percent:-0}" "$2"
  [ "${percent:-0}" -ge "$2" ] || status=1
}

least "protocol/|$(pure)" 95 pure
least 'protocol/|daemon/|client/|worker/' 85 whole
cat report-pure.txt report-whole.txt >report.txt
exit "$status"
