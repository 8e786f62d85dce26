#!/bin/bash
# Results as they are asked for: a line each, bare strings, tagged, in one array, as they come.
. "$(dirname "$0")/lib.sh"

echo 'Numbers, escapes and the order of keys are as the worker wrote them:'
private map echo 0.1 -- -0 1e2 1180591620717411303424 '"\u0000\u00e4"' '{"b":1,"a":2}'
expect 0 $'0.1\n-0\n1e2\n1180591620717411303424\n"\\u0000\\u00e4"\n{"b":1,"a":2}' ''

echo 'A value that has line ends between its parts is still one line:'
private map echo $'{\r\n  "a": [1,\n 2]\n}'
expect 0 '{  "a": [1, 2]}' ''

private map --raw echo '"a\tb\u20ac"' '""' '[""]' 7
expect 0 $'a\tb€\n\n[""]\n7' ''

echo 'A failed item is null, a line on stderr, and exit code 1:'
private map fail null '{"exception": "ValueError", "message": "two\nlines"}'
is 'exit code' 1 "$status"
is stdout $'null\nnull' "$out"
has stderr 'item 1: ValueError: two lines' "$err"

private map --tag square 3 '"x"'
is 'exit code' 1 "$status"
has stdout '{"index": 0, "result": 9}' "$out"
has stdout '{"index": 1, "error": {"index":1,"kind":"Exception"' "$out"

private map --array square 3 '"x"' 4
is 'exit code' 1 "$status"
is stdout '[9,null,16]' "$out"

echo 'Unordered: the quick one first.'
private map --unordered --chunk-size 1 sleep 0.5 0
expect 0 $'0\n0.5' ''

echo 'A worker that dies costs its item, with the signal:'
private map --chunk-size 1 crash null '"segv"' null
is 'exit code' 1 "$status"
is stdout $'null\nnull\nnull' "$out"
has stderr 'item 1: WorkerDied' "$err"
has stderr 'signal 11' "$err"

echo 'The first failure ends it where that is asked for:'
seq 100000 | sed '3s/.*/"x"/' >"$scratch/in"
private map --fail-fast --chunk-size 1 square <"$scratch/in"
is 'exit code' 1 "$status"
has stderr 'item 2: ValueError' "$err"
has stderr 'stopped at the first failure' "$err"
[ "$(wc -l <"$scratch/out")" -lt 100000 ] || fail 'all items ran'
