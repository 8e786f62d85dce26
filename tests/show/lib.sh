# shellcheck shell=bash disable=SC2034
# What the shows share: the built programs from the outside, a daemon of their own, transcripts. Sourced.
#
# PROCPOOL_BUILD: the built tree, build/gcc if unset. A show prints what it does and sees, and exits 0 if that
# is what was promised, 1 with the difference if not, 77 with the reason if it could not be tried.

set -euo pipefail
show_top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
show_build=$(readlink -f "${PROCPOOL_BUILD:-$show_top/build/gcc}")
show_scratch=$(mktemp -d)
daemon_pid=

# The tool under its own name, as in the transcripts.
procpool() {
  "$show_build/client/procpool" "$@"
}

show_clean() {
  [ -z "$daemon_pid" ] || kill "$daemon_pid" 2>/dev/null || true
  rm -rf "$show_scratch"
}
trap show_clean EXIT

fail() {
  printf 'NOT AS PROMISED: %s\n' "$@"
  exit 1
}

# expect WHAT EXPECTED ACTUAL
expect() {
  [ "$2" = "$3" ] || fail "$1" "  expected: $2" "  actual:   $3"
  printf '  %s: %s\n' "$1" "$3"
}

# below WHAT LIMIT ACTUAL: whole numbers.
below() {
  [ "$3" -lt "$2" ] || fail "$1 is $3, not below $2"
  printf '  %s: %s (below %s)\n' "$1" "$3" "$2"
}

# until_true SECONDS WHAT COMMAND…: tries it ten times a second.
until_true() {
  local tries=$(($1 * 10)) what=$2
  shift 2
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "$what: not in time" "$(tail -n 20 "$show_scratch/daemon.log" 2>/dev/null || true)"
    sleep 0.1
  done
}

# Starts a daemon with two stock workers; sets $socket and $daemon_pid. Its arguments are further ones of the daemon.
start_daemon() {
  socket=$show_scratch/socket
  "$show_build/daemon/procpoold" --socket "$socket" \
    --set "default.command={\"$show_build/worker/procpool-worker\"}" \
    --set default.workers=2 "$@" >"$show_scratch/daemon.log" 2>&1 </dev/null &
  daemon_pid=$!
  export PROCPOOL_SOCKET=$socket
  until_true 20 "the daemon answers" answers
}

answers() {
  kill -0 "$daemon_pid" 2>/dev/null || fail "the daemon ended" "$(tail -n 20 "$show_scratch/daemon.log")"
  printf '{"method":"org.varlink.service.GetInfo"}\0' | socat -t 10 - "UNIX-CONNECT:$socket" 2>/dev/null | grep -q procpoold
}

# A daemon that does not end well (a leak under ASan included) spoils the show.
stop_daemon() {
  local status=0
  [ -n "$daemon_pid" ] || return 0
  kill -TERM "$daemon_pid" 2>/dev/null || true
  wait "$daemon_pid" || status=$?
  daemon_pid=
  [ "$status" -eq 0 ] || fail "the daemon ended with status $status" "$(tail -n 20 "$show_scratch/daemon.log")"
}

# by_hand: one call or more on stdin, each a line; the replies, each a line. No client of ours.
by_hand() {
  tr '\n' '\0' | socat -t 10 - "UNIX-CONNECT:$socket" | tr '\0' '\n'
}

# error_of: the name of the error of the reply on stdin, or "none".
error_of() {
  grep -oE '"error": ?"[^"]*"' | head -n 1 | sed -E 's/.*"([^"]*)"$/\1/' | grep . || echo none
}

# busy_workers: the pids of the workers that hold work now.
busy_workers() {
  printf '%s\n' '{"method":"io.procpool.Status","parameters":{"workers":true}}' | by_hand |
    grep -oE '\{[^{}]*"pid": ?[0-9]+[^{}]*"state": ?"busy"[^{}]*\}' | sed -E 's/.*"pid": ?([0-9]+).*/\1/'
}

# status_field NAME: a number of the daemon's status.
status_field() {
  printf '%s\n' '{"method":"io.procpool.Status"}' | by_hand | grep -oE "\"$1\": ?[0-9]+" | head -n 1 | grep -oE '[0-9]+'
}

# make_packages: Debian's packages of this tree are in $show_packages, made anew if a file changed since.
make_packages() {
  local command
  show_packages=$show_build/deb
  for command in dpkg-buildpackage dh scdoc; do
    command -v $command >/dev/null || { echo "$command is missing: install debhelper and scdoc"; exit 77; }
  done
  if ! compgen -G "$show_packages/procpool_*.deb" >/dev/null ||
    [ -n "$(find "$show_top" \( -path "$show_top/build" -o -name .git \) -prune -o \
      -type f -newer "$(ls "$show_packages"/procpool_*.deb)" -print -quit)" ]; then
    env -u MAKEFLAGS -u MAKELEVEL make -C "$show_build" deb >"$show_scratch/deb" 2>&1 || fail "make deb" "$(tail -n 40 "$show_scratch/deb")"
  fi
}
