#!/bin/bash
# Output that nobody reads any more ends the tool as it ends other filters: SIGPIPE, and not a word.
. "$(dirname "$0")/lib.sh"

echo '$ seq 1000000 | procpool --private map square | head -n 2'
seq 1000000 2>/dev/null | { "$procpool" --private map square 2>"$scratch/err"; echo $? >"$scratch/code"; } |
  head -n 2 >"$scratch/out"
sed 's/^/  /' "$scratch/out"
is stdout $'1\n4' "$(cat "$scratch/out")"
until_true 10 'the tool has ended' test -s "$scratch/code"
is 'exit code' 141 "$(cat "$scratch/code")"
is stderr '' "$(cat "$scratch/err")"
nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"

echo '$ procpool --private map square 1 >/dev/full'
"$procpool" --private map square 1 >/dev/full 2>"$scratch/err"
is 'exit code' 74 $?
sed 's/^/  2> /' "$scratch/err"
has stderr 'cannot write the results: No space left on device' "$(cat "$scratch/err")"
