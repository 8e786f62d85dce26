#!/bin/bash
# A million items through a private pool: the right answers, in order, and memory that does not grow with them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

limit=$((64 * 1024)) # KiB

echo '$ seq 1000000 | procpool --private map square | tail -1'
begin=$EPOCHREALTIME
last=$(seq 1000000 | "$show_build/tests/show/peak" "$show_scratch/peak" \
  "$show_build/client/procpool" --private map square | tail -1)
seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
expect 'prints' 1000000000000 "$last"
echo "  took: $seconds s"
below 'peak of the client, and of the daemon it waited for, KiB' "$limit" "$(cat "$show_scratch/peak")"

echo 'The same through a daemon that can be asked afterwards, every result compared:'
start_daemon
seq 1000000 | "$show_build/tests/show/peak" "$show_scratch/peak" "$show_build/client/procpool" map square |
  cmp - <(seq 1000000 | awk '{ printf "%.0f\n", $1 * $1 }') || fail "the results differ"
echo '  results: all 1000000 right, in order'
below 'peak of the client, KiB' "$limit" "$(cat "$show_scratch/peak")"
below 'peak of the daemon, KiB' "$limit" "$(awk '/^VmHWM/ { print $2 }' "/proc/$daemon_pid/status")"
stop_daemon
