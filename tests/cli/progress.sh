#!/bin/bash
# On a terminal there is a line with rate and ETA, which is gone at the end; otherwise there is nothing.
. "$(dirname "$0")/lib.sh"

# on_terminal COMMAND: its stderr on a terminal of 70 columns; what came there goes to $seen, a line a piece.
on_terminal() {
  echo "\$ $1"
  TERM=xterm script -qec "stty cols 70; $1" /dev/null </dev/null >"$scratch/seen" 2>&1
  is 'exit code' "${2:-0}" $?
  tr '\r' '\n' <"$scratch/seen" | sed 's/\x1b\[K//g' >"$scratch/lines"
  sed 's/^/  /' "$scratch/lines" | grep '/s' | tail -n 3
}

on_terminal "$procpool --private --workers 2 map sleep 0.4 0.4 0.4 0.4 >$scratch/out"
is stdout $'0.4\n0.4\n0.4\n0.4' "$(cat "$scratch/out")"
grep -Eq '^ *[0-9]+% \[[=> ]+\]  [0-4]/4  [0-9.]+/s  ETA ([0-9:]+|-)$' "$scratch/lines" || fail 'no bar with rate and ETA'
[ "$(awk '{ print length }' "$scratch/lines" | sort -n | tail -n 1)" -lt 70 ] || fail 'a line is too long'
is 'the end wipes the line' $'\r\e[K' "$(tail -c 4 "$scratch/seen")"

echo 'With an input of unknown length: count, rate, time.'
feeder="sh -c 'echo 0.1; until grep -q items $scratch/seen; do sleep 0.05; done'"
on_terminal "$feeder | timeout 20 $procpool --private map sleep >$scratch/out"
grep -Eq '^[0-2] items  [0-9.]+/s  0:0[0-9]$' "$scratch/lines" || fail 'no count with rate and time'

echo 'With a file: its bytes say how much is left.'
for _ in $(seq 40); do echo 0.05; done >"$scratch/in"
on_terminal "$procpool --private --workers 2 map --chunk-size 1 sleep <$scratch/in >$scratch/out"
grep -Eq '^ *[0-9]+% \[.*ETA [0-9:]+$' "$scratch/lines" || fail 'no bar with ETA'

echo 'What is over at once shows nothing, and so does what is not on a terminal:'
on_terminal "$procpool --private map square 1 2 3 >$scratch/out"
is 'the terminal' '' "$(cat "$scratch/seen")"
private map sleep 0.6
expect 0 0.6 ''

echo 'Ctrl-C wipes the line:'
on_terminal "timeout --foreground -s INT 2 $procpool --private map sleep 100" 124
is 'the end' $'\r\e[K' "$(tail -c 4 "$scratch/seen")"
