#!/bin/bash
# A worker is killed with -9 in the middle of a map of 10 000 items: the item it was running is lost and named,
# the other 9 999 are right.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Every item is another number of seconds (about a millisecond), so a result in the wrong place is seen.
items() {
  seq 10000 | awk '{ printf "0.001%05d\n", $1 }'
}

map() {
  local status=0
  items | procpool map --tag sleep >"$show_scratch/out" 2>"$show_scratch/errors" || status=$?
  echo "$status" >"$show_scratch/status"
}

far_enough() {
  [ "$(status_field itemsFinished)" -ge "$half" ]
}

start_daemon
# The kill can fall between two items, where nobody is to blame: then nothing is lost, and it is tried again.
for attempt in 1 2 3; do
  echo '$ procpool map --tag sleep, 10 000 items of a millisecond'
  half=$(($(status_field itemsFinished) + 3000))
  map &
  mapping=$!
  until_true 60 "3 000 items are finished" far_enough
  victim=$(busy_workers | head -n 1)
  [ -n "$victim" ] || fail "no worker is busy"
  echo "\$ kill -9 $victim"
  kill -9 "$victim"
  wait "$mapping"
  failures=$(grep -c '"error"' "$show_scratch/out" || true)
  [ "$failures" -eq 0 ] || break
  echo "  it was between two items (attempt $attempt)"
done

grep '"error"' "$show_scratch/out" || true
expect 'outcomes' 10000 "$(wc -l <"$show_scratch/out")"
expect 'item errors' 1 "$failures"
expect 'kind' '"kind":"WorkerDied"' "$(grep '"error"' "$show_scratch/out" | tr -d ' ' | grep -oE '"kind":"[^"]*"')"
expect 'signal' '"exitSignal":9' "$(grep '"error"' "$show_scratch/out" | tr -d ' ' | grep -oE '"exitSignal":[0-9]+')"
right=$(paste -d' ' <(seq 0 9999) <(items) | awk '{ printf "{\"index\":%d,\"result\":%s}\n", $1, $2 }' |
  LC_ALL=C sort | LC_ALL=C comm -12 - <(tr -d ' ' <"$show_scratch/out" | LC_ALL=C sort) | wc -l)
expect 'right results' 9999 "$right"
expect 'exit status of the client' 1 "$(cat "$show_scratch/status")"
echo 'said on stderr:'
sed 's/^/  /' "$show_scratch/errors"

pool_whole() {
  [ "$(printf '%s\n' '{"method":"io.procpool.Status"}' | by_hand | grep -oE '"idle": ?[0-9]+' | grep -oE '[0-9]+')" = 2 ]
}
until_true 10 "the dead worker is replaced" pool_whole
echo '  two workers wait again'
stop_daemon
