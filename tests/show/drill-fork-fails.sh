#!/bin/bash
# No process can be started: the daemon's user has as many as RLIMIT_NPROC lets it have. Calls are told so while there is no
# worker, and are served by those that there are; the daemon lives, and goes on as soon as it may start workers again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# A user that nobody is.
user=54321

# limit NUMBER: how many processes the daemon's user may have, from now on.
limit() {
  echo "\$ prlimit --nproc=$1 --pid (the daemon)"
  # As that user, who may do it to its own: not every root may to others.
  setpriv --reuid="$user" --regid="$user" --clear-groups prlimit --nproc="$1": --pid "$daemon_pid"
}

if [ "$(id -u)" -ne 0 ]; then
  echo 'only root can start a daemon of another user, for whom the limit counts'
  exit 77
fi
if pgrep -u "$user" >/dev/null; then
  echo "there are processes of user $user: the limit would count them"
  exit 77
fi

workers() {
  pgrep -P "$daemon_pid" | wc -l
}

are_workers() {
  [ "$(workers)" -eq "$1" ] && [ "$(status_field idle)" -eq "$1" ]
}

log_has() {
  grep -q "$1" "$show_scratch/daemon.log"
}

chmod 711 "$show_scratch"
install -d -o "$user" "$show_scratch/run"
socket=$show_scratch/run/socket
# The program itself: what libtool puts in its place in a built tree is a script, which forks.
worker=$show_build/worker/.libs/procpool-worker
[ -e "$worker" ] || worker=$show_build/worker/procpool-worker
echo "\$ prlimit --nproc=1 setpriv --reuid=$user procpoold"
prlimit --nproc=1: setpriv --reuid="$user" --regid="$user" --clear-groups \
  "$show_build/daemon/procpoold" --socket "$socket" \
  --set "default.command={\"$worker\"}" --set default.workers=2 \
  --set "default.environment={\"LD_LIBRARY_PATH=$show_build/worker/.libs\"}" \
  >"$show_scratch/daemon.log" 2>&1 </dev/null &
daemon_pid=$!
export PROCPOOL_SOCKET=$socket
until_true 20 'the daemon answers' answers

echo 'a call:'
error=$(by_hand <<<'{"method":"io.procpool.Apply","parameters":{"function":"square","argument":3}}')
echo "  $error"
expect 'error' io.procpool.ResourceExhausted "$(error_of <<<"$error")"
status=0
procpool apply square 3 2>"$show_scratch/errors" || status=$?
sed 's/^/  /' "$show_scratch/errors"
[ "$status" -ne 0 ] || fail 'the call did not fail'
grep -o 'a worker could not start: .*' "$show_scratch/daemon.log" | head -n 1 | sed 's/^/  log: /' | grep 'Resource temporarily unavailable' ||
  fail 'the log does not say why' "$(cat "$show_scratch/daemon.log")"

limit 3
until_true 40 'both workers are there' are_workers 2
expect 'procpool map square 1 2 3' '1 4 9' "$(procpool map square 1 2 3 | paste -sd' ')"

limit 2
items=400
echo "\$ procpool map sleep, $items items of 5 ms; kill -9 (a worker)"
status=0
(seq "$items" | sed 's/.*/0.005/' | procpool map --no-rerun sleep >"$show_scratch/out" 2>"$show_scratch/errors") &
mapping=$!
is_busy() {
  [ -n "$(busy_workers)" ]
}
until_true 10 'the map runs' is_busy
before=$(grep -c 'Resource temporarily unavailable' "$show_scratch/daemon.log" || true)
kill -9 "$(busy_workers | head -n 1)"
tried_again() {
  [ "$(grep -c 'Resource temporarily unavailable' "$show_scratch/daemon.log")" -gt "$before" ]
}
until_true 20 'another worker is tried' tried_again
wait "$mapping" || status=$?
sed 's/^/  /' "$show_scratch/errors"
results=$(grep -c 0.005 "$show_scratch/out" || true)
failed=$(grep -cE 'WorkerDied|ResultLost' "$show_scratch/errors" || true)
echo "  exit status $status, results: $results, items that failed: $failed"
[ "$failed" -ge 1 ] || fail 'nobody died'
expect 'outcomes' "$items" $((results + failed))
expect 'workers, of two' 1 "$(workers)"

limit 10
until_true 40 'both workers are there again' are_workers 2
expect 'procpool map square 1 2 3' '1 4 9' "$(procpool map square 1 2 3 | paste -sd' ')"
stop_daemon
