#!/bin/bash
# reload: another configuration for a daemon that runs.
. "$(dirname "$0")/lib.sh"

conf=$scratch/procpool.conf
printf 'pool default { environment = {"GENERATION=1"} }\n' >"$conf"
# What is set on the command line stays: two workers, and their command.
start_daemon "$scratch/socket" --config "$conf"
export PROCPOOL_SOCKET=$socket
workers_idle() { "$procpool" status --json | grep -q "\"idle\":$1"; }
until_true 20 'two workers are warm' workers_idle 2

run reload
expect 0 'the configuration is in force' ''
run reload --restart --wait
expect 0 "the configuration is in force
1 of 2 workers are replaced
2 of 2 workers are replaced" ''

printf 'pool default { environment = {"GENERATION=2"} workers = 7 }\n' >"$conf"
run reload --wait
expect 0 "the configuration is in force
1 of 2 workers are replaced
2 of 2 workers are replaced" ''
run apply square 3
expect 0 9 ''
grep -q 'worker 1 goes: it is replaced' "$scratch/daemon.log" || fail 'the first worker did not go'

printf 'pool default { environment = {"GENERATION=3"} }\n' >"$conf"
run reload
is 'exit code' 0 "$status"
[[ $out =~ ^"the configuration is in force"$'\n'[12]" of 2 workers are replaced"$ ]] || fail "not how far it is: $out"

printf 'pool default {\n  worker = 3\n}\n' >"$conf"
run reload
is 'exit code' 78 "$status"
has stderr "$conf:2: no such option 'worker'" "$err"
has stderr 'the one before stays in force' "$err"

printf 'pool other { command = {"/nonexistent/worker"} }\n' >"$conf"
run reload --wait
is 'exit code' 78 "$status"
has stderr '/nonexistent/worker' "$err"
has stderr 'the configuration before stays in force' "$err"
run apply other/square 3
has stderr 'there is no such pool' "$err"
run apply square 3
expect 0 9 ''

printf 'pool second { command = {"%s"} workers = 1 }\n' "$cli_build/worker/procpool-worker" >"$conf"
run reload
is 'exit code' 0 "$status"
run apply second/square 4
expect 0 16 ''
printf '' >"$conf"
kill -HUP "$daemon_pid"
pool_is_gone() { ! "$procpool" status --json | grep -q '"name":"second"'; }
until_true 20 'the pool is gone' pool_is_gone
run apply second/square 4
is 'exit code' 2 "$status"
has stderr 'there is no such pool' "$err"
run reload now
is 'exit code' 2 "$status"
