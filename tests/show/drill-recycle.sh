#!/bin/bash
# Workers that are replaced every 500 items, all through a map of 20 000 of half a millisecond: no item is lost, and
# what it costs is printed. With a limit that is reached sooner than a worker starts, the recycling stops by itself.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

items=20000
# Every item is another number of seconds (about half a millisecond), so a result in the wrong place is seen.
items() {
  seq "$items" | awk '{ printf "0.0005%05d\n", $1 }'
}

now() {
  date +%s%N
}

# map WHAT: all results are right; sets $elapsed.
map() {
  local since
  since=$(now)
  items | timeout 300 "$show_build/client/procpool" map sleep >"$show_scratch/out" || fail "the map of $1"
  elapsed=$((($(now) - since) / 1000000))
  items | cmp -s - "$show_scratch/out" || fail "$1: a result is wrong"
  echo "  $1: $items results, all right, $elapsed ms"
}

log_count() {
  grep -c "$1" "$show_scratch/daemon.log" || true
}

echo "\$ procpool map sleep, $items items of half a millisecond"
start_daemon
map 'no limit'
undisturbed=$elapsed
stop_daemon

start_daemon --set default.max_items=500
map 'max_items = 500'
replaced=$(log_count 'is to be replaced for max_items')
expect 'deaths' 0 "$(status_field restarts)"
stop_daemon
echo "  $replaced workers replaced"
storm=$(log_count recycle_storm)
# A machine that is so slow, or a start that is, is no reason to fail: then the recycling has stopped.
[ "$replaced" -ge 10 ] || [ "$storm" -eq 1 ] || fail "only $replaced workers were replaced"
below '% of the time' 1700 $((100 * elapsed / (undisturbed + 1)))

start_daemon --set default.max_items=1
map 'max_items = 1'
expect 'warnings of a recycle_storm' 1 "$(log_count recycle_storm)"
stop_daemon
echo "  $(log_count 'is to be replaced for max_items') workers replaced before that"
below '% of the time' 1700 $((100 * elapsed / (undisturbed + 1)))
