#!/bin/bash
# A worker leaves a child behind that holds its socket and pipes open in a session of its own, and dies. The death is
# seen all the same, within a second: it costs one item. The worker is a stranger's: a bash script.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

end_child() {
  [ ! -e "$show_scratch/child" ] || kill "$(cat "$show_scratch/child")" 2>/dev/null || true
  show_clean
}
trap end_child EXIT

start_daemon --set "default.command={\"bash\",\"$show_top/tests/show/worker.sh\"}" \
  --set "default.environment={\"NOTES=$show_scratch\",\"DIE_AT=5000\"}"

echo '$ seq 0 9999 | procpool map --tag count          (5000 kills its worker)'
{ seq 0 9999 | procpool map --tag count 2>"$show_scratch/errors" || echo $? >"$show_scratch/status"; } |
  while IFS= read -r line; do
    case $line in
    *'"error"'*) echo "$EPOCHREALTIME" >"$show_scratch/seen" ;;
    esac
    printf '%s\n' "$line"
  done | tr -d ' ' >"$show_scratch/out"

grep '"error"' "$show_scratch/out" || fail "no item failed" "$(tail -n 3 "$show_scratch/out")"
expect 'outcomes' 10000 "$(wc -l <"$show_scratch/out")"
expect 'item errors' 1 "$(grep -c '"error"' "$show_scratch/out")"
expect 'the item' '{"index":5000' "$(grep '"error"' "$show_scratch/out" | grep -oE '^\{"index":[0-9]+')"
expect 'signal' '"exitSignal":9' "$(grep '"error"' "$show_scratch/out" | grep -oE '"exitSignal":[0-9]+')"
expect 'right results' 9999 "$(grep -cE '^\{"index":([0-9]+),"result":\1\}$' "$show_scratch/out")"
expect 'exit status of the client' 1 "$(cat "$show_scratch/status")"
sockets=$(find "/proc/$(cat "$show_scratch/child")/fd" -lname 'socket:*' | wc -l)
[ "$sockets" -gt 0 ] || fail "the child does not hold the worker's socket: this showed nothing"
echo "  sockets that the child, still alive, holds: $sockets"
below 'from the death to its report, ms' 1000 "$(awk -v a="$(cat "$show_scratch/died")" -v b="$(cat "$show_scratch/seen")" \
  'BEGIN { printf "%d", (b - a) * 1000 }')"
stop_daemon
