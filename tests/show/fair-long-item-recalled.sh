#!/bin/bash
# An item of 10 s at the head of a chunk of 20, and a second worker that is idle: it gets the other 19.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

limit=5000 # ms; anything near 10 s would be the long item

# delay WHAT: how much longer the 19 take behind the long one than they do alone.
delay() {
  local alone behind
  alone=$("$caller" calls sleep 0.001 1)
  alone=${alone%% *}
  behind=$("$caller" behind sleep 10 0.001 19)
  echo "$1:"
  echo "  19 items of 1 ms behind one of 10 s: all there after $behind ms (one alone: $alone ms)"
  below 'delay, whole ms' "$limit" "$(awk -v a="$alone" -v b="$behind" \
    'BEGIN { delay = b - 19 * a; printf "%d", (delay > 0 ? delay : 0) }')"
  until_true 60 'both workers are idle again' idle
}

idle() {
  [ "$(status_field idle)" = 2 ]
}

caller=$show_build/tests/show/caller
start_daemon --set daemon.slots=2
until_true 20 'both workers are there' idle
delay 'A function of which the daemon knows nothing but one call'
"$caller" map sleep 0.001 200
delay 'A function whose items took 1 ms so far'
stop_daemon
