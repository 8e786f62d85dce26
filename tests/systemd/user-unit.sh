#!/bin/bash
# A pool of a user's own: the units under the service manager of that user, used by that user and nobody else.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

install_procpool
useradd --create-home --shell /bin/bash alice
useradd --groups procpool member
uid=$(id -u alice)

user() {
  systemctl --user -M alice@ "$@"
}

user_property() {
  user show procpool.service --property="$1" --value
}

# as_alice COMMAND…: as in a session of hers.
as_alice() {
  as alice env XDG_RUNTIME_DIR="/run/user/$uid" HOME=/home/alice "$@"
}

echo '$ loginctl enable-linger alice           (her service manager runs without a session)'
loginctl enable-linger alice
manager() {
  user is-system-running >"$show_scratch/manager" 2>&1 || grep -qx degraded "$show_scratch/manager"
}
until_true 20 "the service manager of alice runs" manager

echo '$ systemctl --user -M alice@ enable --now procpool.socket'
user enable --now procpool.socket 2>&1 | sed 's/^/  /'
# "A user's own service listens on `$XDG_RUNTIME_DIR/procpool/io.procpool`, and is for that user alone: its socket has
# mode 0600."
expect 'socket' 'srw------- alice alice' "$(stat --format='%A %U %G' "/run/user/$uid/procpool/io.procpool")"
expect 'service, before anybody asked' inactive "$(user is-active procpool.service || true)"

echo '$ procpool map square 1 2 3               (as alice)'
expect 'prints' '1 4 9' "$(as_alice procpool map square 1 2 3 | paste -sd' ')"
expect 'service' active "$(user is-active procpool.service)"
expect 'the daemon runs as' alice "$(stat --format=%U "/proc/$(user_property MainPID)")"
expect 'the service of the system' inactive "$(systemctl is-active procpool.service || true)"
status_said() {
  [ -n "$(user_property StatusText)" ]
}
until_true 10 "the status line" status_said
echo '$ systemctl --user -M alice@ status procpool'
user status --no-pager --lines=0 procpool.service | sed 's/^/  /'

echo 'Her configuration, and a reload:'
before=$(user_property MainPID)
as_alice mkdir -p /home/alice/.config/procpool/conf.d
printf 'pool hers { command = {"%s"} workers = 1 }\n' "$worker" >/home/alice/.config/procpool/conf.d/hers.conf
# What the system has is not for her.
printf 'pool theirs { command = {"/nowhere"} user = "nobody" }\n' >"$conf/procpool.conf"
user reload procpool.service || fail "the reload failed" "$(user status --no-pager procpool.service)"
expect 'the same daemon' "$before" "$(user_property MainPID)"
expect 'pools' hers "$(as_alice procpool functions | awk 'NR > 1 { print $2 }' | sort -u | paste -sd' ')"
printf 'pool hers {\n  worker = 1\n}\n' >/home/alice/.config/procpool/conf.d/mistake.conf
! user reload procpool.service 2>"$show_scratch/reload" || fail "a mistake was taken"
sed 's/^/  /' "$show_scratch/reload"
expect 'the next map' 16 "$(as_alice procpool map square 4)"
rm /home/alice/.config/procpool/conf.d/mistake.conf "$conf/procpool.conf"

echo 'There is no sandbox: her workers may write what she may.'
install -m 644 "$show_build/tests/functions/.libs/functions.so" /home/alice/
printf 'pool hers { command = {"%s", "--load", "/home/alice/functions.so"} workers = 1 }\n' "$worker" \
  >/home/alice/.config/procpool/conf.d/hers.conf
user reload procpool.service || fail "the reload failed"
as_alice procpool apply shell '"touch /home/alice/mine"' >/dev/null
expect 'written by a worker' alice "$(stat --format=%U /home/alice/mine)"
echo 'Nor could there be one:'
in_manager() {
  systemd-run --quiet --user -M alice@ --wait "$@" 2>"$show_scratch/run"
}
in_manager -p ProtectSystem=strict touch /home/alice/strict || fail "ProtectSystem=strict keeps a service from starting"
expect 'written with ProtectSystem=strict' alice "$(stat --format=%U /home/alice/strict)"
! in_manager -p CapabilityBoundingSet= true || fail "it has a capability bounding set"
echo "  CapabilityBoundingSet= keeps a service from starting"

echo '$ procpool map square 1                   (as somebody else, at her socket)'
status=0
as member env PROCPOOL_SOCKET="/run/user/$uid/procpool/io.procpool" procpool map square 1 >"$show_scratch/member" 2>&1 || status=$?
sed 's/^/  /' "$show_scratch/member"
expect 'exit status' 77 "$status"

echo '$ systemctl --user -M alice@ restart procpool, and kill -9 (the daemon)'
as_alice procpool map sleep 1 >"$show_scratch/map" 2>&1 &
map=$!
runs() {
  as_alice procpool requests | grep -q ' alice '
}
until_true 10 "a map runs" runs
user restart procpool.service || fail "the restart failed"
wait "$map" || fail "the map was cut off" "$(cat "$show_scratch/map")"
expect 'the map that ran' 1 "$(cat "$show_scratch/map")"
kill -9 "$(user_property MainPID)"
expect 'the next map' 25 "$(as_alice procpool map square 5)"
expect 'restarts' 1 "$(user_property NRestarts)"

echo '$ systemctl --user -M alice@ stop procpool.socket procpool.service'
user stop procpool.socket procpool.service
expect 'result' success "$(user_property Result)"
[ ! -e "/run/user/$uid/procpool/io.procpool" ] || fail "the socket is still there"
echo 'Without it she is referred to the pool of the system:'
systemctl start procpool.socket
status=0
as_alice procpool map square 1 >"$show_scratch/alice" 2>&1 || status=$?
sed 's/^/  /' "$show_scratch/alice"
expect 'exit status' 77 "$status"
expect 'prints, for a member' 1 "$(as member procpool map square 1)"
