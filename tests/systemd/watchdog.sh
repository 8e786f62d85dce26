#!/bin/bash
# The watchdog of the service: a daemon that hangs is killed and restarted, one that has much to do is not.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

install_procpool
printf 'pool default { command = {"%s"} workers = 2 }\n' "$worker" >"$conf/procpool.conf"
useradd --groups procpool member
enable_socket
expect 'the first map' '1 4' "$(as member procpool map square 1 2 | paste -sd' ')"
expect 'WatchdogSec as it is shipped' 30s "$(property WatchdogUSec)"
drop_in watchdog '[Service]' 'WatchdogSec=1s'
systemctl restart procpool.service
before=$(daemon)

echo 'All slots are full of items of four seconds, four times WatchdogSec, and more items wait:'
as member procpool map --chunk-size 1 sleep 4 4 0.1 0.1 >"$show_scratch/map" 2>&1 &
map=$!
full() {
  systemctl status --no-pager --lines=0 procpool.service >"$show_scratch/status" || true
  grep -q 'Status: "2/2 busy, 1 clients, 2 queued' "$show_scratch/status"
}
until_true 10 "all slots are busy" full
grep 'Status:' "$show_scratch/status"
wait "$map" || fail "the map failed" "$(cat "$show_scratch/map")"
expect 'prints' '4 4 0.1 0.1' "$(paste -sd' ' "$show_scratch/map")"
expect 'the daemon' "$before" "$(daemon)"
expect 'restarts' 0 "$(property NRestarts)"

echo '$ kill -STOP (the daemon)'
mapfile -t old < <(processes)
since=$EPOCHREALTIME
kill -STOP "$before"
back() {
  another_daemon "$before"
}
until_true 20 "the service comes back" back
echo "  another daemon is ready after $(seconds "$since") s: pid $before -> $(daemon)"
expect 'restarts' 1 "$(property NRestarts)"
told() {
  journalctl --no-pager --output=cat --unit=procpool.service >"$show_scratch/journal"
  grep 'Watchdog timeout (limit 1s)' "$show_scratch/journal" >"$show_scratch/sentence"
}
until_true 10 "the reason in the journal" told
sed 's/^/  /' "$show_scratch/sentence"
left() {
  none_alive "${old[@]}"
}
until_true 10 "all processes of the one before are gone" left
expect 'the next map' 36 "$(as member procpool map square 6)"

echo '$ kill -STOP (the daemon), and a call meanwhile'
kill -STOP "$(daemon)"
expect 'prints' 49 "$(as member procpool apply square 7)"
expect 'restarts' 2 "$(property NRestarts)"
