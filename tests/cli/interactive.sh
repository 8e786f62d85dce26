#!/bin/bash
# A line that arrived is sent, and its result printed, before the next one is there.
. "$(dirname "$0")/lib.sh"

coproc tool { "$procpool" --private map square 2>"$scratch/err"; }
pid=$tool_PID # bash takes the variable away when the tool has ended
for i in 1 2 3 4 5 6 7 8 9 10; do
  echo "$i" >&"${tool[1]}"
  read -r -t 20 result <&"${tool[0]}" || fail "no answer to $i"
  echo "  $i -> $result"
  is result $((i * i)) "$result"
done
eval "exec ${tool[1]}>&-"
wait "$pid"
is 'exit code' 0 $?
is stderr '' "$(cat "$scratch/err")"
