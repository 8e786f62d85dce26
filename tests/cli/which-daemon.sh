#!/bin/bash
# Which daemon: --socket, else $PROCPOOL_SOCKET and nothing else, else the user's, else the system's.
. "$(dirname "$0")/lib.sh"

mkdir "$XDG_RUNTIME_DIR/procpool"
start_daemon "$XDG_RUNTIME_DIR/procpool/io.procpool"
first=$daemon_pid
run status --json
is 'exit code' 0 "$status"
has 'the user'\''s daemon' "\"pid\":$first," "$out"

start_daemon "$scratch/other"
export PROCPOOL_SOCKET=$scratch/other
run status --json
has "the variable's daemon" "\"pid\":$daemon_pid," "$out"

run --socket "$XDG_RUNTIME_DIR/procpool/io.procpool" status --json
has "the option's daemon" "\"pid\":$first," "$out"
run status --json --socket "$XDG_RUNTIME_DIR/procpool/io.procpool"
has 'the same, said after the command' "\"pid\":$first," "$out"

export PROCPOOL_SOCKET=$scratch/none
run ping
is 'no other daemon is tried' 69 "$status"
has stderr "$scratch/none" "$err"

kill_daemon "$first"
unset PROCPOOL_SOCKET
echo 'Without the user'\''s daemon the system'\''s is looked for:'
run ping
[ "$status" -eq 0 ] || has stderr '/run/procpool/io.procpool' "$err"
