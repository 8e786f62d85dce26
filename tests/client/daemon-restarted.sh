#!/bin/bash
# A daemon that is killed in the middle of an idempotent map, and started again: who called it sees all results, each
# once.
. "$(dirname "$0")/../cli/lib.sh"
map_again=$cli_build/tests/client/map_again

lines() { [ "$(wc -l <"$scratch/out")" -eq "$1" ]; }
paths=("$scratch"/item-{0,1,2,3,4})
allow() {
  local item
  for item; do touch "${paths[$item]}"; done
}
results() {
  for item; do echo "$item ${paths[$item]}"; done
}
# begin ORDER: the map runs, and no item may end yet.
begin() {
  rm -f "${paths[@]}"
  start_daemon
  PROCPOOL_SOCKET=$socket "$map_again" "$1" wait_for "${paths[@]}" >"$scratch/out" 2>"$scratch/err" &
  map=$!
}
# finish EXPECTED: it ends well, with this output.
finish() {
  wait "$map"
  is 'exit code' 0 $?
  sed "s,$scratch/,,; s/^/  /" "$scratch/out"
  is stdout "$1" "$(cat "$scratch/out")"
  is stderr '' "$(cat "$scratch/err")"
  kill "$daemon_pid"
  wait "$daemon_pid"
  is 'end of the daemon' 0 $?
  daemon_pid=
}

# An item that finds its file at once takes no time: more of them would be sent ahead, and what is finished be reported
# only when the next one is, or a millisecond is over.
at_work() { "$procpool" --socket "$socket" status --json | grep -q '"itemsRunning":[1-9]'; }

echo 'Two results came, the daemon is killed; the others come from the next one:'
begin ordered
until_true 20 "items run" at_work
allow 0 1
until_true 20 'two results are printed' lines 2
kill_daemon
kill -0 "$map" || fail 'the map ended with its daemon'
start_daemon
until_true 20 "items run" at_work
allow 2 3 4
finish "$(results 0 1 2 3 4; echo 5 of 5 succeeded)"

echo 'The same twice over:'
begin ordered
for n in 0 1; do
  until_true 20 "items run" at_work
  allow "$n"
  until_true 20 'the next result is printed' lines $((n + 1))
  kill_daemon
  start_daemon
done
until_true 20 "items run" at_work
allow 2 3 4
finish "$(results 0 1 2 3 4; echo 5 of 5 succeeded)"

echo 'Unordered, with a gap: two workers, and the second item is done first:'
begin unordered
until_true 20 "items run" at_work
allow 1
until_true 20 'one result is printed' lines 1
kill_daemon
rm "${paths[1]}" # would not end again
start_daemon
until_true 20 "items run" at_work
allow 0
until_true 20 'two results are printed' lines 2
allow 2
until_true 20 'three results are printed' lines 3
allow 3
until_true 20 'four results are printed' lines 4
allow 4
finish "$(results 1 0 2 3 4; echo 5 of 5 succeeded)"
