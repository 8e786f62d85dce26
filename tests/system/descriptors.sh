#!/bin/bash
# shellcheck disable=SC1091,SC2154
# Descriptors for two workers of twenty: the daemon waits longer and longer before it tries again, says so a few
# times, and its two workers serve.
PROCPOOL_BUILD=${PROCPOOL_BUILD-$PWD}
. "$(dirname "${BASH_SOURCE[0]}")/../show/lib.sh"

socket=$show_scratch/io.procpool
trap 'kill -KILL "$pid" 2>/dev/null || true; wait; show_clean' EXIT
(ulimit -n 30 && exec "$show_build/daemon/procpoold" --socket "$socket" --set default.workers=20 \
  --set "default.command={\"$show_build/worker/procpool-worker\"}") >"$show_scratch/log" 2>&1 </dev/null &
pid=$!
until_true 20 'the daemon listens' [ -S "$socket" ]
until_true 20 'a start has failed' grep -q 'Too many open files' "$show_scratch/log"

procpool=$show_build/client/procpool
# A worker that is at work must not make the daemon forget that others cannot start.
sum=$(seq 300 | "$procpool" --socket "$socket" map --chunk-size 1 square | tail -n 1)
echo "300 squares, one by one, end in $sum"
[ "$sum" = 90000 ] || { cat "$show_scratch/log"; exit 1; }

# Fast answers come within the first back-off; let the next ones pass.
"$procpool" --socket "$socket" apply sleep 1.5 >/dev/null || exit 1
lines=$(wc -l <"$show_scratch/log")
echo "the log has $lines lines"
[ "$lines" -lt 100 ] || { head -n 40 "$show_scratch/log"; exit 1; }

kill "$pid"
wait "$pid"
status=$?
echo "after SIGTERM: exit status $status"
[ "$status" -eq 0 ]
