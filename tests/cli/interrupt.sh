#!/bin/bash
# Ctrl-C: exit code 130 at once, whatever runs; a private daemon, its workers and its directory are gone by then.
. "$(dirname "$0")/lib.sh"

# interrupted SIGNAL CODE ARGUMENT…
interrupted() {
  local signal=$1 code=$2 begin end pids
  shift 2
  echo "\$ procpool $*"
  rm -f "$scratch/pid"
  # A shell starts what is in the background with SIGINT ignored, nohup with SIGHUP.
  env --default-signal=INT,HUP "$procpool" --private --load "$plugin" "$@" >"$scratch/out" 2>"$scratch/err" &
  tool=$!
  until_true 20 'a private daemon serves' private_daemon_busy
  pids=$(private_pids)
  begin=${EPOCHREALTIME/./}
  kill "-$signal" "$tool"
  wait "$tool"
  is 'exit code' "$code" $?
  end=${EPOCHREALTIME/./}
  echo "  $signal: exit code $code after $(((end - begin) / 1000)) ms"
  [ $((end - begin)) -lt 3000000 ] || fail "took $(((end - begin) / 1000)) ms"
  for pid in $pids; do
    gone "$pid" || fail "process $pid is still there: $(ps -o args= -p "$pid")"
  done
  nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"
  is stderr '' "$(cat "$scratch/err")"
}

private_daemon_busy() {
  local sockets=("$XDG_RUNTIME_DIR"/procpool-*/io.procpool)
  "$procpool" --socket "${sockets[0]}" status --json 2>/dev/null | grep -q '"itemsRunning":[1-9]'
}

private_pids() {
  local sockets=("$XDG_RUNTIME_DIR"/procpool-*/io.procpool)
  "$procpool" --socket "${sockets[0]}" status --json | grep -oE '"pid":[0-9]+' | cut -d: -f2
}

interrupted INT 130 map sleep 100 100 100
interrupted INT 130 map hang 1
interrupted INT 130 apply sleep 100
interrupted TERM 143 map sleep 100 100
interrupted HUP 129 map sleep 100 100

echo 'A private daemon that hangs is killed after five seconds:'
"$procpool" --private map sleep 100 >"$scratch/out" 2>"$scratch/err" &
tool=$!
until_true 20 'a private daemon serves' private_daemon_busy
pids=$(private_pids)
daemon=$(pgrep -P "$tool")
kill -STOP "$daemon"
kill -TERM "$tool"
wait "$tool"
is 'exit code' 143 $?
for pid in $pids; do
  until_true 5 "process $pid is gone" gone "$pid"
done
nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"

echo 'On a daemon that stays, the request is cancelled:'
start_daemon
env --default-signal=INT,HUP "$procpool" --socket "$socket" map sleep 100 100 100 >"$scratch/out" 2>&1 &
tool=$!
requests() { "$procpool" --socket "$socket" requests --json; }
runs() { requests | grep -q '"running":[1-9]'; }
until_true 20 'it runs' runs
kill -INT "$tool"
wait "$tool"
is 'exit code' 130 $?
no_requests() { [ "$(requests)" = '{"requests":[]}' ]; }
until_true 20 'the daemon forgot the request' no_requests
requests | sed 's/^/  /'
