#!/bin/bash
# A function that uses the pool it runs in.
. "$(dirname "$0")/lib.sh"

start_daemon
export PROCPOOL_SOCKET=$socket

echo 'A call from inside a worker would wait for the slot that the worker itself holds:'
# "`io.procpool.Nested` | `worker` | the call comes from inside that worker, whose slot it would wait for | stays"
run apply shell "\"$procpool --socket $socket apply square 3 2>&1; echo \$?\""
is 'exit code' 0 "$status"
[[ $out =~ "a worker cannot call its own pool" ]] || fail "not why: $out"
echo 'To look is allowed:'
run apply shell "\"$procpool --socket $socket ping\""
[[ $out =~ procpoold ]] || fail 'no answer'
echo 'And so is another daemon:'
run apply shell "\"$procpool --private apply square 3\""
expect 0 '"9\n"' ''
