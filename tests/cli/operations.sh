#!/bin/bash
# resize, drain, resume and why.
. "$(dirname "$0")/lib.sh"

start_daemon
export PROCPOOL_SOCKET=$socket
status_has() { "$procpool" status --json | grep -q "$1"; }

run resize default 3
expect 0 'default: 2 -> 3 workers' ''
until_true 20 'three workers are warm' status_has '"idle":3'
run resize default none
is 'exit code' 2 "$status"
has stderr "WORKERS is a number from 1 on, not 'none'" "$err"
run resize default
is 'exit code' 2 "$status"
run resize other 3
is 'exit code' 2 "$status"
has stderr 'other' "$err"
run resize default 1
until_true 20 'one worker is left' status_has '"idle":1'

"$procpool" map wait_for "\"$scratch/go\"" >"$scratch/map.out" 2>"$scratch/map.err" &
map=$!
runs() { "$procpool" requests --json | grep -q '"running":1'; }
until_true 20 'a request runs' runs
id=$("$procpool" requests --json | sed -E 's/.*"id":"([0-9]+)".*/\1/')
run why "$id"
is 'exit code' 0 "$status"
[[ $out =~ ^"request $id (wait_for, "[^\)]*" old) is running: 0 of 1 items are finished, 1 are with workers"$ ]] ||
  fail "not what it does: $out"
"$procpool" apply square 3 >"$scratch/apply.out" 2>"$scratch/apply.err" &
apply=$!
waits() { "$procpool" requests --json | grep -q waitsFor; }
until_true 20 'a request waits' waits
run why $((id + 1))
[[ $out =~ "waits for an idle worker of its pool"$ ]] || fail "not why: $out"
run why 999
is 'exit code' 1 "$status"
has stderr 'there is no such request (request 999)' "$err"

run drain --timeout 0.1
is 'exit code' 1 "$status"
has stderr '2 items are left' "$err"
run apply square 4
is 'exit code' 69 "$status"
run resume
expect 0 '' ''
touch "$scratch/go"
wait "$map" || fail 'the map failed'
wait "$apply" || fail 'the call that waited failed'
is result 9 "$(cat "$scratch/apply.out")"
run drain
expect 0 '' ''
run resume
run apply square 4
expect 0 16 ''
run drain --timeout never
is 'exit code' 2 "$status"
