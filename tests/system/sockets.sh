#!/bin/bash
# shellcheck disable=SC1091,SC2154
# Where the daemon listens when nobody says it, and where our clients look: in a mount namespace with a /run of its
# own, so that neither meets a service of this machine.
if [ "${1-}" != --inside ]; then
  unshare=(unshare --mount)
  [ "$(id -u)" -eq 0 ] || unshare=(unshare --user --map-root-user --mount)
  "${unshare[@]}" sh -c 'mount -t tmpfs none /run && unshare --user true' 2>/dev/null || {
    echo "no namespaces of mounts and users to be had"
    exit 77
  }
  exec "${unshare[@]}" "$0" --inside
fi
mount -t tmpfs none /run || exit 1
PROCPOOL_BUILD=${PROCPOOL_BUILD-$PWD}
. "$(dirname "${BASH_SOURCE[0]}")/../show/lib.sh"
unset PROCPOOL_SOCKET XDG_RUNTIME_DIR LISTEN_FDS

service=/run/procpool/io.procpool
user=$show_scratch/user/procpool/io.procpool
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; show_clean' EXIT

# listen COMMAND…: a daemon without --socket, started by COMMAND. One slot each, so that answers tell them apart.
listen() { # with $slots
  "$@" "$show_build/daemon/procpoold" --set "default.command={\"$show_build/worker/procpool-worker\"}" \
    --set default.workers=1 --set "daemon.slots=$slots" >>"$show_scratch/daemon.log" 2>&1 </dev/null &
  pids+=($!)
}

# who: the slots of the daemon that the tool reaches; or what it says.
who() {
  "$@" "$show_build/client/procpool" status --json 2>&1 | grep -oE '"slots": ?[0-9]+' | grep -oE '[0-9]+' || echo nobody
}

# "Without it that is `/run/procpool/io.procpool` for root, and `$XDG_RUNTIME_DIR/procpool/io.procpool` for other
# users."
slots=11 listen env
until_true 20 "root's daemon listens" [ -S "$service" ]
mkdir -p "$show_scratch/user"
export XDG_RUNTIME_DIR=$show_scratch/user

# "Our clients connect to `$PROCPOOL_SOCKET` if that is set, and to nothing else then; otherwise to the user's own
# socket, and if nobody listens there to the service's."
expect 'without a daemon of the user' 11 "$(who env)"
slots=22 listen unshare --user
until_true 20 "another user's daemon listens" [ -S "$user" ]
expect 'with one' 22 "$(who env)"
expect "with \$PROCPOOL_SOCKET" 11 "$(who env PROCPOOL_SOCKET="$service")"
expect 'with one where nobody listens' nobody "$(who env PROCPOOL_SOCKET="$show_scratch/nowhere")"
