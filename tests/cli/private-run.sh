#!/bin/bash
# --private run: a program finds the daemon in $PROCPOOL_SOCKET; its exit code is the tool's.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016
private run -- sh -c 'seq 3 | "$0" map square; echo "$PROCPOOL_SOCKET" >&2' "$procpool"
is 'exit code' 0 "$status"
is stdout $'1\n4\n9' "$out"
has 'the socket' "$XDG_RUNTIME_DIR/procpool-" "$err"
nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"

private run -- sh -c 'exit 7'
is 'exit code' 7 "$status"
# shellcheck disable=SC2016
private run -- sh -c 'kill -9 $$'
is 'exit code' 137 "$status"
private run -- /nonexistent/program
is 'exit code' 127 "$status"
has stderr 'cannot run /nonexistent/program: No such file or directory' "$err"
private run /dev/null
is 'exit code' 126 "$status"
nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"

echo 'A signal for the tool goes on to the program:'
# shellcheck disable=SC2016
"$procpool" --private run -- sh -c 'trap "exit 5" TERM; touch "$0"; while :; do sleep 0.05; done' "$scratch/there" &
tool=$!
until_true 20 'the program runs' test -e "$scratch/there"
kill -TERM "$tool"
wait "$tool"
is 'exit code' 5 $?
nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"
