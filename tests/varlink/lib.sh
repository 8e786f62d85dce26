# shellcheck shell=bash disable=SC2154
# What the tests with foreign Varlink programs share, on top of the shows' lib.sh: the certification server, and a
# Python that has the Varlink client of the package index. Sourced.
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

# Sets $python to one that has the client. It lives in the built tree and is made once.
need_python_client() {
  local home=$show_build/tests/varlink/python log=$show_scratch/pip.log
  need python3 python3-venv
  python=$home/bin/python
  (
    flock 9
    cmp -s "$show_top/tests/varlink/requirements.txt" "$home/requirements.txt" && exit
    rm -rf "$home"
    python3 -m venv "$home" && "$python" -m pip install --disable-pip-version-check --no-input --require-hashes \
      --only-binary :all: -r "$show_top/tests/varlink/requirements.txt" &&
      cp "$show_top/tests/varlink/requirements.txt" "$home/"
  ) 9>"$home.lock" >"$log" 2>&1 && return
  # Not there at all is one thing, there and not as expected another.
  if grep -qE 'Retrying \(Retry\(|NewConnectionError|Temporary failure in name resolution' "$log"; then
    unable "the Python package index cannot be reached: $(tail -n 1 "$log")"
  fi
  fail "the Python client cannot be installed" "$(tail -n 20 "$log")"
}

# python_client COMMAND…: client.py at $socket.
python_client() {
  "$python" "$show_top/tests/varlink/client.py" "unix:$socket" "$@"
}
