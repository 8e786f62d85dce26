#!/bin/bash
# Who holds too much, or is one too many, is told so: exit code and what to do.
. "$(dirname "$0")/lib.sh"

start_daemon "$scratch/socket" --set limits.user_items=3 --set limits.user_connections=2
export PROCPOOL_SOCKET=$socket

"$procpool" map wait_for "\"$scratch/go\"" "\"$scratch/go\"" "\"$scratch/go\"" >"$scratch/map.out" 2>"$scratch/map.err" &
map=$!
holds() { "$procpool" requests --json | grep -q '"items":3'; }
until_true 20 'three items are held' holds
run apply square 3
is 'exit code' 75 "$status"
has stderr 'too much is held already (limit 3, scope user)' "$err"
has stderr 'procpool requests' "$err"
has stderr 'procpool cancel' "$err"
run map square 3
is 'exit code' 75 "$status"
has stderr 'too much is held already (limit 3, scope user)' "$err"

"$procpool" status --watch >"$scratch/watch" 2>&1 &
watch=$!
# Not before: a ping could take its place.
until_true 20 'status is watched' grep -q '^slots' "$scratch/watch"
refused() { ! "$procpool" ping >"$scratch/ping" 2>&1; }
until_true 20 'two are connected' refused
run ping
is 'exit code' 75 "$status"
has stderr 'too many connections are open (limit 2, scope user)' "$err"
has stderr 'limits.user_connections' "$err"
kill "$watch"
touch "$scratch/go"
wait "$map" || fail 'the map failed'
until_true 20 'there is room again' ping
run apply square 3
expect 0 9 ''
