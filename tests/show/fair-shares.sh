#!/bin/bash
# Who gets how much of two workers: one connection against fifty of another user, one process against fifty of the same
# user, and priorities. All items take as long, so that counting them is counting time. Only grossly wrong shares fail.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

seconds=4
pids=()

stop_clients() {
  [ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  pids=()
}

clean() {
  stop_clients
  show_clean
}
trap clean EXIT

idle() {
  [ "$(status_field idle)" = 2 ] && [ "$(status_field itemsQueued)" = 0 ]
}

# request_lines: a line "UID PID FINISHED" for each request.
request_lines() {
  "$show_build/client/procpool" requests --json | python3 -c '
import json, sys
for request in json.load(sys.stdin)["requests"]:
    print(request["uid"], request["pid"], request["finished"])'
}

all_there() {
  [ "$(request_lines | wc -l)" = "$1" ]
}

# share WHAT PERCENT LEAST MOST COLUMN VALUE: of those with VALUE in the column.
share() {
  local got
  request_lines >"$show_scratch/before"
  sleep $seconds
  request_lines >"$show_scratch/after"
  got=$(awk -v column="$5" -v value="$6" '
    NR == FNR { before[$2] = $3; next }
    { all += $3 - before[$2]; if ($column == value) some += $3 - before[$2] }
    END { printf "%.1f", 100 * some / all }' "$show_scratch/before" "$show_scratch/after")
  echo "$1: $got % (by right: $2 %)"
  awk -v got="$got" -v least="$3" -v most="$4" 'BEGIN { exit !(got > least && got < most) }' ||
    fail "$1: not between $3 and $4 %"
  stop_clients
  until_true 60 'the workers are idle again' idle
}

# Where every user may run it.
chmod 755 "$show_scratch"
caller=$show_scratch/caller
install -m 755 "$show_build/tests/show/caller" "$caller"
start_daemon --set daemon.slots=2
chmod 777 "$socket"
until_true 20 'both workers are there' idle

many() {
  for _ in {1..50}; do
    "$caller" map sleep 0.001 10000 &
    pids+=($!)
  done
}

if [ "$(id -u)" = 0 ]; then
  setpriv --reuid 65534 --clear-groups --no-new-privs "$caller" map sleep 0.001 200000 &
  pids+=($!)
  many
  until_true 60 'all maps are there' all_there 51
  share 'a user with one connection, beside one with 50' 50 35 65 1 65534
else
  echo 'two users: not tried, only root can be'
fi

"$caller" map sleep 0.001 200000 &
pids+=($!)
"$caller" map sleep 0.001 200000 &
pids+=($!)
one=$!
until_true 60 'both maps are there' all_there 2
share 'one of two processes of a user' 50 35 65 2 "$one"

yes 0.001 2>/dev/null | "$show_build/client/procpool" map sleep >/dev/null 2>&1 &
pids+=($!)
yes 0.001 2>/dev/null | "$show_build/client/procpool" map --priority 5 sleep >/dev/null 2>&1 &
pids+=($!)
one=$!
until_true 60 'both maps are there' all_there 2
share 'one of two processes of a user, at priority 5 (1.25^5 = 3.05 to 1)' 24.7 17 35 2 "$one"
stop_daemon
