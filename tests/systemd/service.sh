#!/bin/bash
# procpool as a service of a real systemd: installed from the built tree, started by its socket, used by a
# member of the group procpool and refused to others, restarted, stopped.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

echo "\$ make install && systemd-sysusers && systemctl enable --now procpool.socket"
install_built
useradd --groups procpool member
useradd stranger
enable_socket
# "The service listens on `/run/procpool/io.procpool`."
# "Who may connect to the service are root and the members of the group `procpool`: its socket has mode 0660."
expect 'socket' 'srw-rw---- root procpool' "$(stat --format='%A %U %G' /run/procpool/io.procpool)"
expect 'service, before anybody asked' inactive "$(systemctl is-active procpool.service || true)"

echo '$ procpool map square 1 2 3 4 5      (as a member of the group procpool)'
expect 'prints' '1 4 9 16 25' "$(as member procpool map square 1 2 3 4 5 | paste -sd' ')"
expect 'service' active "$(systemctl is-active procpool.service)"
expect 'user of the daemon' procpool "$(stat --format=%U "/proc/$(property MainPID)")"

echo '$ systemctl status procpool'
status_said() {
  [ -n "$(property StatusText)" ]
}
until_true 10 "the status line" status_said
systemctl status --no-pager --lines=5 procpool.service | sed 's/^/  /'

echo '$ procpool map square 1              (as somebody else)'
status=0
as stranger procpool map square 1 >"$show_scratch/stranger" 2>&1 || status=$?
sed 's/^/  /' "$show_scratch/stranger"
expect 'exit status' 77 "$status"
grep -q 'group procpool' "$show_scratch/stranger" || fail "it does not say what to do"

echo '$ systemctl reload procpool.service    (with another environment for the workers, then with a mistake)'
before=$(property MainPID)
printf 'pool default { command = {"%s"} environment = {"GENERATION=2"} }\n' "$worker" >"$conf/conf.d/test.conf"
systemctl reload procpool.service || fail "the reload failed" "$(systemctl status --no-pager procpool.service)"
expect 'the same daemon' "$before" "$(property MainPID)"
expect 'the next map' '36' "$(as member procpool map square 6)"
replaced() {
  journalctl --no-pager --unit=procpool.service | grep -q 'reload: done, [1-9][0-9]* workers were replaced'
}
until_true 20 "all workers are replaced" replaced
printf 'pool default {\n  worker = 2\n}\n' >"$conf/conf.d/test.conf"
! systemctl reload procpool.service 2>"$show_scratch/reload" || fail "a mistake was taken"
expect 'service' active "$(systemctl is-active procpool.service)"
told() {
  journalctl --no-pager --unit=procpool.service | grep -q "procpool\[.*test.conf:2: no such option 'worker'"
}
until_true 10 "the reason in the journal" told
expect 'the next map' '49' "$(as member procpool map square 7)"
rm "$conf/conf.d/test.conf"

echo '$ kill -9 (the daemon)'
kill -9 "$before"
expect 'the next map' '36' "$(as member procpool map square 6)"
expect 'restarts' 1 "$(property NRestarts)"

echo '$ systemctl stop procpool.service    (while a map runs)'
as member procpool map sleep 1 1 1 >"$show_scratch/last" 2>&1 &
last=$!
running() {
  systemctl status procpool.service | grep -q 'Status: .*[1-9][0-9]*/[0-9]* busy'
}
until_true 10 "the map runs" running
systemctl stop procpool.service procpool.socket
expect 'result' success "$(property Result)"
expect 'exit status of the daemon' 0 "$(property ExecMainStatus)"
wait "$last" || fail "the map that ran was cut off" "$(cat "$show_scratch/last")"
expect 'the map that ran' '1 1 1' "$(paste -sd' ' "$show_scratch/last")"
[ ! -e /run/procpool/io.procpool ] || fail "the socket is still there"
for process in /proc/[0-9]*; do
  [ "$(stat --format=%U "$process" 2>/dev/null)" != procpool ] || fail "a process is left: $(tr "\0" " " <"$process/cmdline")"
done
echo "  nothing is left of it"
