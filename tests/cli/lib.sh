# shellcheck shell=bash disable=SC2034
# What the tests of the tool share. Sourced. Each test is one behaviour: it prints what it did and saw, and
# exits 0 if that is as it should be, 1 with the difference if not.
#
# PROCPOOL_BUILD: the built tree; the working directory if unset, as in `make check`.

set -uo pipefail
cli_source=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
cli_build=$(readlink -f "${PROCPOOL_BUILD:-$PWD}")
[ -x "$cli_build/client/procpool" ] || cli_build=$(readlink -f "$cli_source/../../build/gcc")
procpool=$cli_build/client/procpool
plugin=$cli_build/tests/functions/.libs/functions.so
scratch=$(mktemp -d)
daemon_pid=
socket=
unset PROCPOOL_SOCKET
# Sockets and private daemons' directories go where they can be counted.
export XDG_RUNTIME_DIR=$scratch/run
mkdir "$XDG_RUNTIME_DIR"
# A sanitizer keeps freed memory for a while, which looks like growth.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"

# A daemon that a test left running must end well, leaks under a sanitizer included.
clean() {
  local code=$?
  if [ -n "$daemon_pid" ]; then
    kill "$daemon_pid"
    wait "$daemon_pid" || {
      echo "NOT AS IT SHOULD BE: the daemon ended with status $?"
      tail -n 40 "$scratch/daemon.log"
      code=1
    }
  fi
  rm -rf "$scratch"
  exit "$code"
}
trap clean EXIT

fail() {
  printf 'NOT AS IT SHOULD BE: %s\n' "$@"
  exit 1
}

# run ARGUMENT…: the tool, its stdin that of the caller; sets $status, $out and $err.
run() {
  echo "\$ procpool $*"
  "$procpool" "$@" >"$scratch/out" 2>"$scratch/err"
  status=$?
  out=$(tr '\0' '~' <"$scratch/out")
  err=$(cat "$scratch/err")
  [ -z "$out" ] || sed 's/^/  /' "$scratch/out" | head -n 20
  [ -z "$err" ] || sed 's/^/  2> /' "$scratch/err" | head -n 20
  [ "$status" -eq 0 ] || echo "  exit code $status"
}

# private ARGUMENT…: the same with a daemon of its own, of two workers with the tests' functions.
private() {
  run --private --workers 2 --load "$plugin" "$@"
}

# is WHAT EXPECTED ACTUAL
is() {
  [ "$2" = "$3" ] || fail "$1" "  expected: $2" "  actual:   $3"
}

# has WHAT PART WHOLE
has() {
  [[ $3 == *"$2"* ]] || fail "$1" "  expected: …$2…" "  actual:   $3"
}

# expect STATUS OUT ERR: of the last run; OUT and ERR whole, ERR without its "procpool: ".
expect() {
  is 'exit code' "$1" "$status"
  is stdout "$2" "$out"
  is stderr "$3" "${err//procpool: /}"
}

# until_true SECONDS WHAT COMMAND…: tries it twenty times a second.
until_true() {
  local tries=$(($1 * 20)) what=$2
  shift 2
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "not in time: $what"
    sleep 0.05
  done
}

# A daemon with two workers and the tests' functions; sets $socket and $daemon_pid, not PROCPOOL_SOCKET.
start_daemon() {
  socket=${1:-$scratch/socket}
  "$cli_build/daemon/procpoold" --socket "$socket" --set default.workers=2 \
    --set "default.command={\"$cli_build/worker/procpool-worker\",\"--load\",\"$plugin\"}" \
    "${@:2}" >"$scratch/daemon.log" 2>&1 </dev/null &
  daemon_pid=$!
  until_true 20 'the daemon answers' ping
}

ping() {
  "$procpool" --socket "$socket" ping >"$scratch/ping" 2>&1
}

# Kills the daemon.
kill_daemon() {
  kill -9 "${1:-$daemon_pid}"
  wait "${1:-$daemon_pid}" 2>/dev/null
  [ -n "${1-}" ] || daemon_pid=
}

# gone PID: also of a zombie, whose parent is not we.
gone() {
  [[ $(ps -o stat= -p "$1" 2>/dev/null) =~ ^(Z.*)?$ ]]
}

# nothing_left: no private daemon's directory.
nothing_left() {
  [ -z "$(ls -A "$XDG_RUNTIME_DIR")" ]
}
