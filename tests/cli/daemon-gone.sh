#!/bin/bash
# A daemon that goes in the middle: exit code 69, and how many items were done.
. "$(dirname "$0")/lib.sh"

start_daemon
mkfifo "$scratch/in"
"$procpool" --socket "$socket" map square <"$scratch/in" >"$scratch/out" 2>"$scratch/err" &
map=$!
exec 3>"$scratch/in" # stays open
seq 5 >&3
five_lines() { [ "$(wc -l <"$scratch/out")" -eq 5 ]; }
until_true 20 'five results are printed while the input goes on' five_lines
kill_daemon
wait "$map"
is 'exit code' 69 $?
exec 3>&-
sed 's/^/  2> /' "$scratch/err"
is stderr 'procpool: the connection to the daemon was lost
procpool: 5 items were done' "$(cat "$scratch/err")"

echo 'The same of apply:'
start_daemon
"$procpool" --socket "$socket" apply wait_for "\"$scratch/never\"" >"$scratch/out" 2>"$scratch/err" &
apply=$!
running() { "$procpool" --socket "$socket" requests --json | grep -q '"running":1'; }
until_true 20 'the item runs' running
kill_daemon
wait "$apply"
is 'exit code' 69 $?
sed 's/^/  2> /' "$scratch/err"
has stderr 'whether the call ran is not known' "$(cat "$scratch/err")"
