#!/bin/bash
# Who may do what with the service: members of the group procpool, at the same time; others not; administrators.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

install_procpool
echo "ada and bob are in the group procpool, chief in procpool and procpool-admin, eve in neither."
useradd --groups procpool ada
useradd --groups procpool bob
useradd --groups procpool,procpool-admin chief
useradd eve
enable_socket
expect 'service, before anybody asked' inactive "$(systemctl is-active procpool.service || true)"

echo '$ procpool map square 1 2 3           (as ada: the first call of all)'
expect 'prints' '1 4 9' "$(as ada procpool map square 1 2 3 | paste -sd' ')"
expect 'service' active "$(systemctl is-active procpool.service)"

echo 'ada and bob run maps at once:'
for user in ada bob; do
  as "$user" procpool map --chunk-size 1 sleep $(printf '0.2 %.0s' {1..10}) >"$show_scratch/$user" 2>&1 &
done
both_run() {
  as root procpool requests >"$show_scratch/requests"
  [ "$(awk 'NR > 1 && $9 > 0 { print $3 }' "$show_scratch/requests" | sort | paste -sd' ')" = 'ada bob' ]
}
until_true 10 "both run" both_run
echo '$ procpool requests                   (as root)'
sed 's/^/  /' "$show_scratch/requests"
# "`program` | the name of that process; left out if the daemon does not see it, as in the sandbox of the service"
! as root procpool requests --json | grep -q '"program"' || fail "the daemon sees the processes of others"
expect 'names of programs, looked up by the tool' 'procpool procpool' "$(awk 'NR > 1 { print $5 }' "$show_scratch/requests" | paste -sd' ')"
echo '$ procpool requests                   (as ada)'
expect 'users whose requests ada sees' 'ada' "$(as ada procpool requests | awk 'NR > 1 { print $3 }' | paste -sd' ')"
wait
for user in ada bob; do
  expect "results of $user" "$(printf '0.2 %.0s' {1..10} | sed 's/ $//')" "$(paste -sd' ' "$show_scratch/$user")"
done

echo '$ procpool map square 1               (as eve)'
status=0
as eve procpool map square 1 >"$show_scratch/eve" 2>&1 || status=$?
sed 's/^/  /' "$show_scratch/eve"
expect 'exit status' 77 "$status"
grep -q 'adduser eve procpool' "$show_scratch/eve" || fail "it does not say what to do"

echo '$ systemctl status procpool           (while ada runs a map)'
as ada procpool map sleep 2 >"$show_scratch/ada" 2>&1 &
said_busy() {
  systemctl status --no-pager --lines=0 procpool.service >"$show_scratch/status" || true
  grep -q 'Status: "1/[0-9]* busy, 1 clients, 0 queued, oldest wait ' "$show_scratch/status"
}
until_true 10 "the status line says what it does" said_busy
grep 'Status:' "$show_scratch/status"
wait

echo '$ procpool resize, drain, reload      (as ada, a plain member)'
for command in 'resize default 1' drain resume reload; do
  status=0
  # shellcheck disable=SC2086
  as ada procpool $command >"$show_scratch/ada" 2>&1 || status=$?
  sed 's/^/  /' "$show_scratch/ada"
  expect "exit status of $command" 77 "$status"
  grep -q 'group procpool-admin' "$show_scratch/ada" || fail "it does not say who may"
done
echo '$ procpool resize, drain, resume, reload (as chief, of the group procpool-admin)'
# "If that does not set `admin_groups`, it is the group `procpool-admin`, where there is one."
expect 'resize' 'default: 2 -> 3 workers' "$(as chief procpool resize default 3 | sed 's/[0-9]* ->/2 ->/')"
as chief procpool drain || fail "chief may not drain"
status=0
as ada procpool map square 1 >"$show_scratch/ada" 2>&1 || status=$?
expect 'a call while it is drained: exit status' 69 "$status"
as chief procpool resume || fail "chief may not resume"
as chief procpool reload | sed 's/^/  /'
expect 'the next map' 4 "$(as ada procpool map square 2)"
echo '$ with admin_groups = {"adm"} in the configuration'
echo 'daemon { admin_groups = {"adm"} }' >"$conf/conf.d/admins.conf"
systemctl reload procpool.service
status=0
as chief procpool drain >"$show_scratch/chief" 2>&1 || status=$?
expect 'exit status of drain, as chief' 77 "$status"

echo '$ systemctl reload procpool           (with a mistake)'
before=$(daemon)
printf 'daemon {\n  slot = 2\n}\n' >"$conf/conf.d/admins.conf"
! systemctl reload procpool.service 2>"$show_scratch/reload" || fail "a mistake was taken"
sed 's/^/  /' "$show_scratch/reload"
told() {
  journalctl --no-pager --output=cat --unit=procpool.service >"$show_scratch/journal"
  grep "admins.conf:2: no such option 'slot'" "$show_scratch/journal" >"$show_scratch/sentence"
}
until_true 10 "the sentence is in the journal" told
sed 's/^/  /' "$show_scratch/sentence"
expect 'the daemon' "$before" "$(daemon)"
expect 'the next map' 9 "$(as bob procpool map square 3)"
