#!/bin/bash
# A restart of the service is a pause: twenty clients with one connection each go on calling while it is restarted ten
# times, and no call fails. Half of the calls are maps of one to three seconds.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

install_procpool
# As many workers as clients: what sleeps takes no CPU, and a map then takes as long as its items.
printf 'pool default { command = {"%s"} workers = 20 slots = no }\n' "$worker" >"$conf/procpool.conf"
enable_socket

echo "twenty clients, each: a call of one item, a map of 1 to 3 s, and so on; calls are not idempotent"
start_load "" "" "" "" "" "" "" "" "" "" "" "" "" "" "" "" "" "" "" ""
started() {
  load_goes_on 0
}
until_true 30 "each client had calls" started

for n in {1..10}; do
  before=$(daemon) lines=$(load_lines) since=$EPOCHREALTIME
  systemctl restart procpool.service || fail "the restart failed" "$(systemctl status --no-pager procpool.service)"
  after=$(daemon)
  printf '  restart %2d: %s s, pid %s -> %s\n' "$n" "$(seconds "$since")" "$before" "$after"
  [ -n "$before" ] && [ -n "$after" ] && [ "$before" != "$after" ] || fail "it is no other daemon"
  goes_on() {
    load_goes_on "$lines"
  }
  until_true 30 "the load goes on" goes_on
done
stop_load

expect 'calls that failed' 0 "$(count_calls '(failed|lost)')"
expect 'unexpected lines' '' "$(cat "$load"/* | grep -vE '^(apply [0-9]+|map [0-9]+ -?[0-9]+)$' || true)"
applies=$(count_calls apply) maps=$(count_calls map)
echo "  calls that succeeded: $applies of one item, $maps maps"
[ "$applies" -ge 200 ] && [ "$maps" -ge 200 ] || fail "that is too little load"
expect 'exit status of each daemon before' '' \
  "$(journalctl --no-pager --output=cat --unit=procpool.service | grep -E 'status=|Failed|killed' || true)"
longest() { # PATTERN FIELD
  cat "$load"/* | awk -v pattern="^$1 " -v field="$2" '$0 ~ pattern && $field > most { most = $field } END { printf "%.1f", most / 1000 }'
}
echo "  the longest pause: a call of one item took $(longest apply 2) s, a map $(longest map 3) s longer than its items"
