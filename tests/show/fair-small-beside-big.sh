#!/bin/bash
# One-item calls beside a map of a million items of 1 ms, on two workers: of another process of the same user, and of
# another user. What the times come to depends on the machine; only grossly wrong ones fail.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

limit=1000 # ms
calls=300
map_pid=

clean() {
  [ -z "$map_pid" ] || kill "$map_pid" 2>/dev/null || true
  show_clean
}
trap clean EXIT

# as_user UID COMMAND…: of the user, or of ourselves if that is empty.
as_user() {
  local uid=$1
  shift
  if [ -n "$uid" ]; then
    setpriv --reuid "$uid" --clear-groups --no-new-privs "$@"
  else
    "$@"
  fi
}

busy() {
  [ "$(status_field slotsBusy)" = 2 ]
}

idle() {
  [ "$(status_field idle)" = 2 ]
}

# measure WHOSE UID
measure() {
  local times
  "$caller" map sleep 0.001 1000000 2>"$show_scratch/map.err" &
  map_pid=$!
  until_true 60 'the map runs' busy
  times=$(as_user "$2" "$caller" calls sleep 0.001 $calls)
  read -r p50 p99 most <<<"$times"
  echo "$calls calls of one item of 1 ms, $1:"
  echo "  p50: $p50 ms, p99: $p99 ms, longest: $most ms"
  below 'p99, whole ms' "$limit" "${p99%.*}"
  expect 'the map meanwhile' "still running, $(status_field slotsBusy) of 2 slots" "$(
    kill -0 "$map_pid" 2>/dev/null && echo "still running, $(status_field slotsBusy) of 2 slots"
  )"
  kill "$map_pid" 2>/dev/null || true
  wait "$map_pid" 2>/dev/null || true
  map_pid=
  until_true 60 'the workers are idle again' idle
}

# Where every user may run it.
chmod 755 "$show_scratch"
caller=$show_scratch/caller
install -m 755 "$show_build/tests/show/caller" "$caller"
start_daemon --set daemon.slots=2
chmod 777 "$socket"
until_true 20 'both workers are there' idle

echo 'Nobody else:'
read -r p50 p99 most <<<"$("$caller" calls sleep 0.001 $calls)"
echo "  p50: $p50 ms, p99: $p99 ms, longest: $most ms"
measure 'another process of the same user' ''
if [ "$(id -u)" = 0 ]; then
  measure 'another user' 65534
else
  echo 'another user: not tried, only root can be two users'
fi
stop_daemon
