#!/bin/bash
# A standard stream that the caller closed is one that cannot be read or written, and not whatever file of
# the tool's own happens to get its number.
. "$(dirname "$0")/lib.sh"

# expect CODE SENTENCE, of what the last command left in $scratch/err and $?.
expect() {
  local code=$?
  sed 's/^/  2> /' "$scratch/err"
  is 'exit code' "$1" "$code"
  has stderr "$2" "$(cat "$scratch/err")"
}

echo '$ procpool --private map square <&-'
timeout 20 "$procpool" --private map square <&- 2>"$scratch/err"
expect 74 'cannot read the input: Bad file descriptor'

echo '$ procpool --private map square 1 >&-'
timeout 20 "$procpool" --private map square 1 >&- 2>"$scratch/err"
expect 74 'cannot write the results: Bad file descriptor'

echo '$ procpool --private status >&-'
timeout 20 "$procpool" --private status >&- 2>"$scratch/err"
expect 74 'Bad file descriptor'

echo '$ procpool --version >/dev/full'
"$procpool" --version >/dev/full 2>"$scratch/err"
expect 74 'cannot write the output: No space left on device'

echo '$ procpool --private map square 3 <&- 2>&-'
out=$(timeout 20 "$procpool" --private map square 3 <&- 2>&-)
is 'exit code' 0 $?
is stdout 9 "$out"
nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"
