# shellcheck shell=bash disable=SC2154
# What the tests with foreign Varlink programs share, on top of the shows' lib.sh: the certification server and
# the descriptions of interfaces. Sourced.
PROCPOOL_BUILD=${PROCPOOL_BUILD-$PWD}
. "$(dirname "${BASH_SOURCE[0]}")/../show/lib.sh"

unable() {
  echo "$*" >&2
  exit 77
}

# need PROGRAM PACKAGE
need() {
  command -v "$1" >/dev/null || unable "$1 is missing: apt-get install $2"
}

# Starts it; sets $socket and $daemon_pid, as start_daemon does. End it with stop_daemon.
start_certification_server() {
  socket=$show_scratch/certification
  "$show_build/tests/varlink/certification-server" "$socket" >"$show_scratch/daemon.log" 2>&1 </dev/null &
  daemon_pid=$!
  until_true 20 "the certification server listens" certification_server_answers
}

certification_server_answers() {
  kill -0 "$daemon_pid" 2>/dev/null || fail "the certification server ended" "$(cat "$show_scratch/daemon.log")"
  [ "$(printf '%s\n' '{"method":"org.varlink.service.GetInfo"}' | by_hand 2>/dev/null | grep -c org.varlink.certification)" -eq 1 ]
}

# description INTERFACE: as the service at $socket gives it.
description() {
  printf '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"%s"}}\n' "$1" |
    by_hand | sed -e 's/^{"parameters":{"description":"//; s/"}}$//' -e 's/\\n/\n/g; s/\\"/"/g; s/\\\\/\\/g' | sed '$ { /^$/ d }'
}
