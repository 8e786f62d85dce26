#!/bin/bash
# apply runs a function once.
. "$(dirname "$0")/lib.sh"

private apply square 12
expect 0 144 ''
private apply echo
expect 0 null ''
private apply --raw echo '"a b"'
expect 0 'a b' ''
private apply --strings echo 'a"b'
expect 0 '"a\"b"' ''
private apply --common '[7]' common
expect 0 '[7]' ''
private apply --pool default square 3
expect 0 9 ''
private apply square '"x"'
is 'exit code' 1 "$status"
has stderr 'ValueError: ' "$err"
private apply square foo
is 'exit code' 2 "$status"
has stderr 'the argument is not JSON' "$err"
private apply square 1 2
is 'exit code' 2 "$status"
has stderr 'one argument at most' "$err"
