#!/bin/bash
# The sandbox of the service: how systemd rates it, and what a worker inside tries in vain; the drop-ins that widen it.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

install_procpool
install_functions
useradd --groups procpool member
useradd --create-home --home-dir /home/ada ada
enable_socket

# rated LIMIT: the exposure of the service as it is configured now is LIMIT at most.
rated() {
  local exposure
  systemd-analyze security --offline=true --no-pager procpool.service >"$show_scratch/security" ||
    fail "systemd-analyze" "$(cat "$show_scratch/security")"
  exposure=$(sed -n 's/.*Overall exposure level for procpool.service: \([0-9.]*\) .*/\1/p' "$show_scratch/security")
  awk -v is="$exposure" -v limit="$1" 'BEGIN { exit !(is != "" && is <= limit) }' ||
    fail "its exposure is '$exposure', more than $1" "$(cat "$show_scratch/security")"
  echo "  exposure as systemd-analyze security rates it: $exposure (at most $1)"
}

# in_worker COMMAND: sets $out to what it prints in a worker, and its exit status.
pool=default
in_worker() {
  echo "\$ $1   (in a worker)"
  printf 'exec 2>&1\n(%s)\necho "status $?"\n' "$1" >/usr/local/bin/in-worker
  out=$(as member procpool apply "$pool/shell" '"sh /usr/local/bin/in-worker"') || fail "the call failed"
  out=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1]), end="")' "$out")
  sed 's/^/  /' <<<"$out"
}

# refuses WORDS COMMAND
refuses() {
  in_worker "$2"
  [[ $out =~ $1 ]] && [[ $out != *'status 0' ]] || fail "it was not refused as '$1'"
}

# allows COMMAND
allows() {
  in_worker "$1"
  [[ $out == *'status 0' ]] || fail "it was not allowed"
}

echo "The unit as it is shipped:"
rated 1.2

echo 'It writes nowhere but to a /tmp, /var/tmp and /dev/shm of its own:'
for place in /tmp /var/tmp /dev/shm; do
  allows "echo mine >$place/procpool-mine && cat $place/procpool-mine"
  [ ! -e "$place/procpool-mine" ] || fail "that is everybody's $place"
done
mkdir -m 777 /srv/open
# Where it may by its modes:
chmod 777 /home/ada
for place in /srv/open /home/ada /run/lock; do
  expect "$place, for others" yes "$(as ada touch "$place/ada" && echo yes)"
  refuses 'Read-only file system' "touch $place/mine"
done
refuses 'Permission denied|Read-only file system' 'touch /etc/mine'
# /proc takes no files, of /dev only what was tried above, and control groups only those that were delegated to it.
allows "awk '\$6 ~ /^rw/ && \$5 !~ /^.(proc|dev)(\/|\$)|\/procpool.service\$/ { print \$5 }' /proc/self/mountinfo | sort -u"
expect 'file systems that are not read-only' '/tmp /var/tmp' "$(grep -v '^status' <<<"$out" | paste -sd' ')"

echo 'It gains no privileges:'
allows 'id -un'
[[ $out == procpool$'\n'* ]] || fail "it runs as another user"
install -m 4755 /usr/bin/id /usr/local/bin/setuid-id
expect 'setuid for ada, outside' 'root' "$(as ada setuid-id -un)"
in_worker 'setuid-id -un'
[[ $out == procpool$'\n'* ]] || fail "it is another user"
allows 'grep -E "^(CapEff|CapBnd|NoNewPrivs):" /proc/self/status'
expect 'it has no capabilities, and none to come' 'CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 status 0' \
  "$(tr '\t' ' ' <<<"$out" | paste -sd' ')"
refuses 'Operation not permitted' 'unshare --user --map-root-user id -u'
refuses 'Operation not permitted' 'chmod 4755 /tmp/procpool-mine'

echo 'It sees no processes of others:'
as ada sleep 1000 &
seen() {
  # ada runs nothing else.
  stranger=$(find /proc -maxdepth 1 -user ada -name '[0-9]*' -printf '%f\n')
  [[ $stranger =~ ^[0-9]+$ ]]
}
until_true 10 "ada runs something" seen
allows 'stat --format=%U /proc/[0-9]* | sort | uniq -c'
[[ $out =~ ^' '*[0-9]+' procpool'$'\n''status 0'$ ]] || fail "it sees others"
refuses 'No such file' "cat /proc/$stranger/comm"
refuses 'Operation not permitted' "kill $stranger"

echo 'It has no network:'
cat >/usr/local/bin/listener <<'END'
import socket
s = socket.create_server(("127.0.0.1", 4711))
open("/run/listens", "w")
while True:
    c, _ = s.accept()
    c.sendall(b"hello\n")
    c.close()
END
python3 /usr/local/bin/listener &
listens() {
  [ -e /run/listens ]
}
until_true 10 "something listens on 127.0.0.1:4711" listens
cat >/usr/local/bin/connect <<'END'
import socket
print(socket.create_connection(("127.0.0.1", 4711), 5).recv(99).decode(), end="")
END
connect="python3 /usr/local/bin/connect"
# shellcheck disable=SC2086
expect 'from outside' hello "$(as ada $connect)"
refuses 'Address family not supported' "$connect"

echo 'With the drop-in network.conf:'
mkdir -p /etc/systemd/system/procpool.service.d
cp "$examples/network.conf" /etc/systemd/system/procpool.service.d/
systemctl daemon-reload
systemctl restart procpool.service
rated 1.8
allows "$connect"
[[ $out == hello$'\n'* ]] || fail "nobody answered"
refuses 'Read-only file system' 'touch /srv/open/mine'

echo 'With the drop-in users.conf, and a pool that runs as ada:'
rm /etc/systemd/system/procpool.service.d/network.conf
cp "$examples/users.conf" /etc/systemd/system/procpool.service.d/
systemctl daemon-reload
printf 'pool ada { command = {"%s", "--load", "%s"} workers = 1 user = "ada" max_rss = 64M }\n' "$worker" "$functions" >"$conf/procpool.conf"
systemctl restart procpool.service
rated 1.8
pool=ada
expect 'the daemon runs as' root "$(stat --format=%U "/proc/$(daemon)")"
allows 'id -un; id -Gn'
[[ $out == $'ada\nada\n'* ]] || fail "it is another user, or has other groups"
allows 'grep -E "^(CapEff|CapPrm|NoNewPrivs):" /proc/self/status'
[[ $out =~ CapEff:[^1-9]*0$'\n'.*NoNewPrivs:[^0]*1 ]] || fail "it has more than ada has"
refuses 'Read-only file system' 'touch /home/ada/mine'
# For max_rss.
as root procpool status --json | grep -qE '"pool":"ada"[^}]*"rssBytes":[0-9]' || fail "it does not see the memory of its worker"
echo '  it sees the memory of its worker'
echo '$ procpool map --item-timeout 0.5 hang   (the daemon stops a worker of another user)'
status=0
as member procpool map --item-timeout 0.5 hang '"stubborn"' >"$show_scratch/hang" 2>&1 || status=$?
sed 's/^/  /' "$show_scratch/hang"
expect 'exit status' 1 "$status"
expect 'the next call' '"ada"' "$(as member procpool apply shell '"echo -n $(id -un)"')"
before=$(daemon)
mapfile -t old < <(processes)
kill -9 "$before"
back() {
  another_daemon "$before"
}
until_true 20 "the service comes back after kill -9" back
left() {
  none_alive "${old[@]}"
}
until_true 10 "nothing of the daemon before is left" left
systemctl stop procpool.service || fail "it does not stop"
expect 'result of systemctl stop' success "$(property Result)"
