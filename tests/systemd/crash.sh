#!/bin/bash
# The daemon is killed ten times while twenty clients call: it comes back each time, nothing of the one before is left,
# idempotent calls succeed without code of their callers, and others end with the clear error.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

install_procpool
install_functions
printf 'pool default { command = {"%s", "--load", "%s"} workers = 22 slots = no }\n' "$worker" "$functions" >"$conf/procpool.conf"
enable_socket

echo "ten clients whose calls are idempotent, ten whose are not; each: a call of one item, a map of 1 to 3 s, and so on"
start_load "" "" "" "" "" "" "" "" "" ""
start_load idempotent idempotent idempotent idempotent idempotent idempotent idempotent idempotent idempotent idempotent
started() {
  load_goes_on 0
}
until_true 30 "each client had calls" started

for n in {1..10}; do
  # What leaves the process group and the session of its worker.
  # shellcheck disable=SC2016
  as loader procpool apply shell '"setsid sleep 1000 >/dev/null 2>&1 & echo -n $!"' >/dev/null || fail "no child was started"
  before=$(daemon) lines=$(load_lines) since=$EPOCHREALTIME
  mapfile -t old < <(processes)
  kill -9 "$before"
  back() {
    another_daemon "$before"
  }
  until_true 20 "the service comes back" back
  took=$(seconds "$since")
  left() {
    none_alive "${old[@]}"
  }
  until_true 10 "all ${#old[@]} processes of the one before are gone" left
  printf '  kill %2d: of %d processes none is left, ready again after %s s, pid %s -> %s\n' \
    "$n" "${#old[@]}" "$took" "$before" "$(daemon)"
  [ "${#old[@]}" -ge 24 ] || fail "daemon, 22 workers and the child are more"
  goes_on() {
    load_goes_on "$lines"
  }
  until_true 30 "the load goes on" goes_on
done
stop_load

expect 'restarts by the service manager' 10 "$(property NRestarts)"
echo 'Idempotent calls:'
expect 'failed' 0 "$(count_calls '(failed|lost)' .idempotent)"
echo "  succeeded: $(count_calls '(apply|map)' .idempotent)"
echo 'Others:'
lost=$(count_calls lost .plain)
echo "  lost: $lost; succeeded: $(count_calls '(apply|map)' .plain)"
expect 'failed otherwise' 0 "$(count_calls failed .plain)"
[ "$lost" -gt 0 ] || fail "nobody was hit"
expect 'the error' 'the connection to the daemon was lost before its answer; whether the call ran is not known' \
  "$(cat "$load"/*.plain | sed -n 's/^lost [a-z]*: //p' | sort -u)"
echo '$ procpool map sleep 2                 (while the daemon is killed)'
as loader procpool map sleep 2 >"$show_scratch/tool" 2>&1 &
tool=$!
runs() {
  as root procpool requests | grep -q ' loader '
}
until_true 10 "it runs" runs
kill -9 "$(daemon)"
status=0
wait "$tool" || status=$?
sed 's/^/  /' "$show_scratch/tool"
expect 'exit status' 69 "$status"
grep -q 'lost' "$show_scratch/tool" || fail "it does not say why"
