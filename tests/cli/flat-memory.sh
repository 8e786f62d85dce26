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
echo 'With --idempotent what is on its way is kept, and no more: 3 million items in all would be 140 MiB.'
short=$(seq 300000 | peak map --idempotent square)
long=$(seq 3000000 | peak map --idempotent square)
echo "  $short KiB, with ten times the items $long KiB"
[ $((long - short)) -lt 49152 ] || fail 'it keeps what has its result'

echo 'A reader that does not read yet: nothing is read for it, either.'
slow() { # ITEMS
  # shellcheck disable=SC2016
  yes "\"$(printf '%0100d' 0)\"" | head -n "$1" |
    "$cli_build/tests/show/peak" "$scratch/peak" "$procpool" map echo | { sleep 1; wc -c >"$scratch/count"; }
  cat "$scratch/peak"
}
compare 'a slow reader' "$(slow 50000)" "$(slow 500000)"

echo 'A daemon that does not read on, for its workers wait for a file: nothing is read for it.'
waiting() { # ITEMS
  rm -f "$scratch/go"
  yes "\"$scratch$(printf '%060d' 0 | tr 0 /)go\"" | head -n "$1" |
    "$cli_build/tests/show/peak" "$scratch/peak" "$procpool" map wait_for 2>"$scratch/err" | wc -c >"$scratch/count" &
  until_true 20 'the window is full' window_full
  touch "$scratch/go"
  wait $!
  cat "$scratch/peak"
}
window_full() {
  items=$("$procpool" requests --json | grep -oE '"items":[0-9]+' | cut -d: -f2)
  [ "${items:-0}" -ge 60000 ]
}
compare 'slow workers' "$(waiting 70000)" "$(waiting 400000)"
