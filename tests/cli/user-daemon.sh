#!/bin/bash
# procpoold --user: the configuration and the socket of a user, whoever that is.
. "$(dirname "$0")/lib.sh"

unset XDG_CONFIG_HOME
export HOME=$scratch/home
config=$HOME/.config/procpool
mkdir -p "$config/conf.d"

# user_daemon ARGUMENT…: sets $daemon_pid.
user_daemon() {
  "$cli_build/daemon/procpoold" --user "$@" >"$scratch/daemon.log" 2>&1 </dev/null &
  daemon_pid=$!
}

ended() {
  ! kill -0 "$daemon_pid" 2>/dev/null
}

stop_daemon() {
  kill "$daemon_pid"
  wait "$daemon_pid"
  is 'status of the daemon' 0 $?
  daemon_pid=
}

pools() {
  run status --json
  pools=$(grep -oE '"name":"[^"]*"' <<<"$out" | sort | paste -sd' ')
}

echo 'Its files, and its socket:'
# "With `--user` it is the latter for root, too."
stock="command = {\"$cli_build/worker/procpool-worker\"} workers = 1"
printf 'pool main { %s }\n' "$stock" >"$config/procpool.conf"
printf 'pool second { %s }\n' "$stock" >"$config/conf.d/2.conf"
printf 'pool third { %s }\n' "$stock" >"$config/conf.d/3.conf"
printf 'pool second { workers = 2 }\n' >"$config/conf.d/30.conf"
printf 'not for it\n' >"$config/conf.d/.4.conf"
printf 'not for it\n' >"$config/conf.d/4.conf.old"
user_daemon
socket=$XDG_RUNTIME_DIR/procpool/io.procpool
until_true 20 'the daemon answers' ping
pools
is pools '"name":"main" "name":"second" "name":"third"' "$pools"
has 'the later file counts' '"name":"second","state"' "$out"
has 'the later file counts' '"max":2' "$out"
run map main/square 3
expect 0 9 ''
echo 'Another one finds it there:'
status=0
"$cli_build/daemon/procpoold" --user >"$scratch/second.log" 2>&1 || status=$?
is 'status of another one' 69 "$status"
has 'it says' "another daemon listens on $socket" "$(cat "$scratch/second.log")"

echo 'They are read again:'
printf 'pool main {\n  worker = 1\n}\n' >"$config/conf.d/4.conf"
run reload
is 'exit code' 78 "$status"
has stderr "$config/conf.d/4.conf:2: no such option 'worker'" "$err"
rm "$config/conf.d/4.conf"
stop_daemon

echo 'XDG_CONFIG_HOME is preferred:'
mkdir -p "$scratch/xdg/procpool"
printf 'pool elsewhere { %s }\n' "$stock" >"$scratch/xdg/procpool/procpool.conf"
XDG_CONFIG_HOME=$scratch/xdg user_daemon
until_true 20 'the daemon answers' ping
pools
is pools '"name":"elsewhere"' "$pools"
stop_daemon

echo 'A folder that cannot be read, and a mistake, keep it from starting:'
rm -r "$config/conf.d"
touch "$config/conf.d"
user_daemon
until_true 20 'the daemon ends' ended
status=0
wait "$daemon_pid" || status=$?
daemon_pid=
is 'exit status' 78 "$status"
has 'it says' "$config/conf.d: Not a directory" "$(cat "$scratch/daemon.log")"
status=0
env -u HOME "$cli_build/daemon/procpoold" --user >"$scratch/daemon.log" 2>&1 || status=$?
is 'exit status' 78 "$status"
has 'it says' 'neither XDG_CONFIG_HOME nor HOME is set' "$(cat "$scratch/daemon.log")"
