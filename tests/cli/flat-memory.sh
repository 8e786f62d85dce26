#!/bin/bash
# Input of any length goes through the same memory, in every form it can have.
. "$(dirname "$0")/lib.sh"

start_daemon
export PROCPOOL_SOCKET=$socket

# peak COMMAND…: of the tool, in KiB, with $items on stdin; its output is counted.
peak() {
  "$cli_build/tests/show/peak" "$scratch/peak" "$procpool" "$@" | wc -c >"$scratch/count"
  cat "$scratch/peak"
}

compare() { # WHAT SHORT LONG
  echo "  $1: $2 KiB, with ten times the items $3 KiB"
  [ $(($3 - $2)) -lt 4096 ] || fail "memory grows with the input"
}

compare 'lines of JSON' "$(seq 50000 | peak map square)" "$(seq 500000 | peak map square)"
compare 'strings' "$(seq 50000 | peak map --lines --raw echo)" "$(seq 500000 | peak map --lines --raw echo)"
array() { seq -s, "$1" | sed 's/.*/[&]/'; }
compare 'an array' "$(array 50000 | peak map --array echo)" "$(array 500000 | peak map --array echo)"
compare 'a slow reader' \
  "$(seq 50000 | "$cli_build/tests/show/peak" "$scratch/peak" "$procpool" map echo | { sleep 0.2; wc -c >"$scratch/count"; }; cat "$scratch/peak")" \
  "$(seq 500000 | "$cli_build/tests/show/peak" "$scratch/peak" "$procpool" map echo | { sleep 1; wc -c >"$scratch/count"; }; cat "$scratch/peak")"
