#!/bin/bash
# No daemon, or none for this user: exit code and what to do.
. "$(dirname "$0")/lib.sh"

for command in 'map square 1' 'apply square 1' status functions requests 'cancel 1' ping; do
  # shellcheck disable=SC2086
  run --socket "$scratch/none" $command
  is 'exit code' 69 "$status"
  is stdout '' "$out"
  has stderr "no daemon listens on $scratch/none: No such file or directory" "$err"
  has stderr 'systemctl start procpool.socket' "$err"
  has stderr 'procpool --private' "$err"
done

echo 'A socket that nobody listens on any more:'
start_daemon
kill_daemon
run --socket "$socket" map square 1
is 'exit code' 69 "$status"
has stderr 'Connection refused' "$err"

echo 'Where a user without rights looks:'
mkdir -m 700 "$scratch/private"
cp "$cli_build/client/procpool" "$scratch"
chmod 755 "$scratch"
start_daemon "$scratch/private/socket"
if [ "$(id -u)" -eq 0 ]; then
  as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
else
  as_user=()
  chmod 000 "$scratch/private"
fi
"${as_user[@]}" "$scratch/procpool" --socket "$socket" ping \
  >"$scratch/out" 2>"$scratch/err"
is 'exit code' 77 $?
chmod 700 "$scratch/private"
sed 's/^/  2> /' "$scratch/err"
has stderr "you may not use $socket: Permission denied" "$(cat "$scratch/err")"
has stderr 'ask the administrator to add you to group procpool: adduser ' "$(cat "$scratch/err")"
