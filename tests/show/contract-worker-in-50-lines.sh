#!/bin/bash
# A worker in another language, at most 50 lines of code without any library of ours, serves a map in which items fail,
# while its siblings are killed with SIGKILL: that costs the item that each was running, and nothing else.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$show_top/examples/worker.py
items=400

echo "\$ grep -cv '^ *\(#.*\|\"\"\".*\)\?\$' examples/worker.py"
below 'lines of code' 51 "$(grep -cv '^ *\(#.*\|""".*\)\?$' "$program")"

start_daemon --set "default.command={\"$program\"}" --set default.workers=4

# Every 8th item fails by itself; the others take 20 ms and give themselves back.
awk -v n="$items" 'BEGIN { for (i = 0; i < n; i++) print i % 8 == 0 ? "\"no number\"" : 0.02 + i / 1e6 }' >"$show_scratch/items"
echo "\$ procpool map --tag nap <items    # $items of them, every 8th wrong"
procpool map --tag nap <"$show_scratch/items" >"$show_scratch/out" 2>/dev/null &
map=$!

busy_worker() {
  [ -n "$(busy_workers)" ]
}
killed=0
while [ "$killed" -lt 3 ]; do
  until_true 20 "a worker is busy" busy_worker
  victim=$(busy_workers | head -n 1)
  [ -n "$victim" ] || continue # it has just become idle
  kill -0 "$map" 2>/dev/null || fail "the map ended before three workers were killed"
  kill -9 "$victim"
  echo "  \$ kill -9 $victim"
  killed=$((killed + 1))
  until_true 20 "it is gone" eval "! kill -0 $victim 2>/dev/null"
done
status=0
wait "$map" || status=$?
expect 'the status of a map with failures' 1 "$status"
expect 'answers, in the order of the input' "$items" \
  "$(grep -oE '^\{"index": ?[0-9]+' "$show_scratch/out" | grep -oE '[0-9]+$' | awk '$1 == NR - 1' | wc -l)"
died=$(grep -c '"WorkerDied"' "$show_scratch/out" || true)
below 'items that a death cost' $((killed + 1)) "$died"

# Whatever did not die is as it must be: the number itself, or the TypeError of that item.
paste "$show_scratch/items" "$show_scratch/out" | awk -F '\t' '
  /"WorkerDied"/ { next }
  $1 ~ /"no number"/ { if ($2 ~ /"exception": ?"TypeError"/) failed++; else wrong++; next }
  { sub(/.*"result": ?/, "", $2); if ($2 + 0 == $1 + 0) right++; else wrong++ }
  END { print right + 0, failed + 0, wrong + 0 }' >"$show_scratch/counts"
read -r right failed wrong <"$show_scratch/counts"
expect 'wrong answers' 0 "$wrong"
expect 'results, errors of their own and deaths together' "$items" $((right + failed + died))
echo "  $right results, $failed errors of Python, $died deaths"
grep -m 1 '"TypeError"' "$show_scratch/out" | cut -c 1-150 | sed 's/^/  /'
grep -m 1 '"WorkerDied"' "$show_scratch/out" | cut -c 1-150 | sed 's/^/  /'
stop_daemon
