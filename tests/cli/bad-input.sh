#!/bin/bash
# Input that is wrong: said with its place, exit code 2; what came before it is done.
. "$(dirname "$0")/lib.sh"

printf '1\n2\nfoo\n4\n' >"$scratch/in"
private map square <"$scratch/in"
expect 2 $'1\n4' "line 3: 'foo' is not JSON; --lines takes lines as strings
stopped there; 2 items before it were done"

printf '1\n\n{"a":}\n' >"$scratch/in"
private map echo <"$scratch/in"
is 'exit code' 2 "$status"
is stdout 1 "$out"
has stderr 'line 3: the item is not JSON: expected a value at byte 5' "$err"

private map echo 1 foo 3
expect 2 1 "argument 2: 'foo' is not JSON; --strings takes items as strings
stopped there; 1 item before it was done"

printf '[1, 2 3]' >"$scratch/in"
private map --array echo <"$scratch/in"
is 'exit code' 2 "$status"
has stderr "the input is not a JSON array: expected ',' or ']', at byte 6, element 3" "$err"

printf 'good\nb\xff\n' >"$scratch/in"
private map --lines echo <"$scratch/in"
is 'exit code' 2 "$status"
is stdout '"good"' "$out"
has stderr 'line 2: the string is not UTF-8' "$err"

echo '(a line of 17 MB after a good one)'
{ echo 1; head -c 17000000 /dev/zero | tr '\0' 1; } >"$scratch/in"
private map echo <"$scratch/in"
expect 2 1 'line 2 is longer than 16 MiB
stopped there; 1 item before it was done'

echo '(an item over 4 MiB is an item error, and the others are done)'
{ echo 1; head -c 5000000 /dev/zero | tr '\0' 1 | sed 's/.*/"&"/'; echo; echo 3; } >"$scratch/in"
private map echo <"$scratch/in"
is 'exit code' 1 "$status"
is stdout $'1\nnull\n3' "$out"
has stderr 'item 1: ItemTooLarge' "$err"

echo '(a directory)'
private map echo <"$scratch"
is 'exit code' 74 "$status"
has stderr 'cannot read the input: Is a directory' "$err"
