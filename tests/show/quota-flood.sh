#!/bin/bash
# What one user's clients can make the daemon hold: a flood of oneway calls, and replies that nobody reads. Meanwhile
# another user, or the same one on another connection, is answered.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
command -v python3 >/dev/null || { echo 'python3 plays the clients, and is not there'; exit 77; }

plugin=$show_build/tests/functions/.libs/functions.so
[ -e "$plugin" ] || { echo "$plugin is not built: make check TESTS="; exit 77; }

# Peak resident memory of the daemon, KiB.
peak() { awk '/^VmHWM/ { print $2 }' "/proc/$daemon_pid/status"; }

# Its socket is its user's own; here others use it too.
start() {
  start_daemon --set "default.command={\"$show_build/worker/procpool-worker\",\"--load\",\"$plugin\"}" "$@"
  chmod 755 "$show_scratch"
  chmod 666 "$socket"
}

# What is left to do would take hours.
end() {
  kill -9 "$daemon_pid"
  wait "$daemon_pid" 2>/dev/null || true
  daemon_pid=
}

clients() { python3 "$show_top/tests/show/quota_flood.py" "$socket" "$@"; }

echo '20 000 oneway calls of "sleep 5" on one connection, with the limits as shipped:'
start
clients oneway 20000
below 'peak of the daemon, KiB' $((64 * 1024)) "$(peak)"
end

echo '1 000 000 of them, where a user may hold 16 MiB:'
start --set limits.user_bytes=16M
clients oneway 1000000
below 'peak of the daemon, KiB' $((32 * 1024)) "$(peak)"
end

echo '40 clients that ask for 15 MB each and read nothing, where a user may hold 64 MiB (results may take twice that):'
start --set limits.user_bytes=64M
clients unread 40
below 'peak of the daemon, KiB' $((160 * 1024)) "$(peak)"
end

echo '80 of them with the limits as shipped (256 MiB):'
start
clients unread 80
below 'peak of the daemon, KiB' $((600 * 1024)) "$(peak)"
end
