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

echo 'libprocpool, in the worker itself, has it run the items on the spot:'
run map map_here '{"function": "square", "items": [3, -2, 1.5]}' '{"function": "index", "items": [[], " ", {}]}'
expect 0 '["0: 9","1: 4","2: 2.25","3 items, 0 failed"]
["0: 0","1: 1","2: 2","3 items, 0 failed"]' ''
run map map_here '{"function": "pid", "items": [0]}' --joblog "$scratch/log"
inner=$(grep -oE '0: [0-9]+' <<<"$out")
run status --json
[[ $out == *"${inner#0: }"* ]] || fail 'not run by a worker'
run apply map_here '{"function": "pair", "items": [1], "common": {"a": [2]}}'
expect 0 '["0: [1,{\"a\":[2]}]","1 items, 0 failed"]' ''
run apply map_here '{"function": "common", "items": [1, 2], "common": {"a": 2}}'
has 'the common value' '"0: {\n \"a\": 2\n}"' "$out"
run apply map_here '{"function": "square", "items": []}'
expect 0 '["0 items, 0 failed"]' ''

echo 'Items fail each by itself, or end the map:'
fails='[{}, {"exception": "KeyError", "message": "not \"this\""}, {}]'
run apply map_here "{\"function\": \"fail\", \"items\": $fails}"
expect 0 '["0: ValueError: it was to fail, attempt 1","1: KeyError: not \"this\", attempt 1","2: ValueError: it was to fail, attempt 1","3 items, 3 failed"]' ''
run apply map_here "{\"function\": \"fail\", \"items\": $fails, \"abort\": true}"
expect 1 '' 'io.procpool.ItemFailed: item 0: ValueError: it was to fail'

echo 'Apply, and a function in a function in a function:'
run apply apply_here '{"function": "square", "argument": 12}'
expect 0 144 ''
run apply apply_here '{"function": "echo"}'
expect 0 null ''
run apply apply_here '{"function": "fail", "argument": {"message": "inside"}}'
expect 1 '' 'io.procpool.ItemFailed: item 0: ValueError: inside'
run apply apply_here '{"function": "apply_here", "argument": {"function": "square", "argument": 3}}'
expect 0 9 ''

echo 'The item outside keeps its place and its results, whatever is run inside, and however many:'
for i in {1..40}; do
  echo '{"function": "square", "items": ['"$(seq -s , 20)"']}'
  echo '{"function": "fail", "items": [{}]}'
done >"$scratch/many"
run map --chunk-size 10 --joblog "$scratch/log" map_here <"$scratch/many"
is 'exit code' 0 "$status"
is 'all of them' 80 "$(grep -cE '"(20 items, 0|1 items, 1) failed"\]$' "$scratch/out")"
is 'each once in the job log' "$(seq 0 79)" "$(tail -n +2 "$scratch/log" | cut -f 1 | sort -n)"
run map crash_if --common 1 0 1 2
is 'the one that died is the one that is named' 'null' "$(sed -n 2p <<<"$out")"
run map --tag map_here '{"function": "square", "items": [1]}' '{"function": "crash", "items": ["segv"]}' '{"function": "square", "items": [2]}'
has 'a worker that dies inside costs the item outside' '"index": 1, "error": {"index":1,"kind":"WorkerDied"' "$out"

echo 'What is not in this worker, or cannot be kept here, is refused as ever:'
run apply map_here '{"function": "nobody", "items": [1]}'
has 'why' 'io.procpool.Nested: a worker cannot call its own pool' "$err"
run apply map_here '{"function": "square", "items": [1], "timeout": 1000}'
has 'why' 'io.procpool.Nested: a worker cannot call its own pool' "$err"
run apply map_here '{"function": "default/square", "items": [1]}'
has 'why' 'io.procpool.Nested: a worker cannot call its own pool' "$err"
