#!/bin/bash
# The service from its Debian package under a real systemd: one command installs it, users of the group share it at once,
# others are told what to do, an upgrade is a pause, and a purge leaves the system's user and group alone.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
package=$(ls "$show_build"/deb/procpool_*.deb)

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Languages=none "$@" >"$show_scratch/apt" 2>&1 ||
    fail "apt-get $*" "$(tail -n 30 "$show_scratch/apt")"
}

# Every name where packages and services write, but for logs, caches, the package manager's own files and what comes and
# goes by itself.
names() {
  find /boot /etc /home /opt /root /run /srv /usr /var -xdev \( -path '/var/log/*' -o -path '/var/cache/*' -o -path '/var/lib/dpkg/*' \
    -o -path '/var/lib/apt/*' -o -path '/var/lib/PackageKit/*' -o -path '/var/tmp/*' -o -path '/run/systemd/*' -o -path '/run/log/*' \
    -o -path '/run/udev/*' -o -path '/run/user/*' \) -prune -o -print | sort
}

groups_before=$(getent group | cut -d: -f1 | sort)

allow_packages
names >"$show_scratch/before"
echo "\$ apt install ./$(basename "$package")"
apt install "$package"
expect 'socket' 'enabled active' "$(systemctl is-enabled procpool.socket) $(systemctl is-active procpool.socket)"
expect 'service, before anybody asked' inactive "$(systemctl is-active procpool.service || true)"
expect 'mode of the socket' 'srw-rw---- root procpool' "$(stat --format='%A %U %G' /run/procpool/io.procpool)"
expect 'configuration, all of it comments' 0 "$(grep -c '^[^#]' /etc/procpool/procpool.conf || true)"

useradd --groups procpool ada
useradd --groups procpool bob
useradd carl
echo '$ procpool map square 1 2 3 4 5       (as ada, of the group procpool)'
expect 'prints' '1 4 9 16 25' "$(as ada procpool map square 1 2 3 4 5 | paste -sd' ')"
expect 'service' active "$(systemctl is-active procpool.service)"

echo '$ procpool map sleep 2 2 2            (as ada and bob, at once)'
as ada procpool map sleep 2 2 2 >"$show_scratch/ada" 2>&1 &
ada=$!
as bob procpool map sleep 2 2 2 >"$show_scratch/bob" 2>&1 &
bob=$!
both() {
  procpool_requests=$(/usr/bin/procpool requests) && grep -q ' ada ' <<<"$procpool_requests" && grep -q ' bob ' <<<"$procpool_requests"
}
until_true 10 "both have a request" both
echo "$procpool_requests" | sed 's/^/  /'
wait "$ada" && wait "$bob" || fail "a map failed" "$(cat "$show_scratch/ada" "$show_scratch/bob")"
expect 'both got theirs' '2 2 2 2 2 2' "$(cat "$show_scratch/ada" "$show_scratch/bob" | paste -sd' ')"

echo '$ procpool map square 1               (as carl, who is in no group)'
status=0
as carl procpool map square 1 >"$show_scratch/carl" 2>&1 || status=$?
sed 's/^/  /' "$show_scratch/carl"
expect 'exit status' 77 "$status"
grep -q 'adduser carl procpool' "$show_scratch/carl" || fail "it does not say what to do"

echo '$ systemctl status procpool'
status_said() { [ -n "$(systemctl show -P StatusText procpool.service)" ]; }
until_true 10 "the status line" status_said
systemctl status --no-pager --lines=0 procpool.service | grep -E 'Active:|Docs:|Status:' || fail "no status"

for page in procpool procpoold procpool.conf procpool-worker procpool-protocol; do
  MANWIDTH=80 man "$page" >"$show_scratch/page" 2>"$show_scratch/warnings" || fail "man $page" "$(cat "$show_scratch/warnings")"
  expect "man $page, lines" yes "$([ "$(wc -l <"$show_scratch/page")" -gt 50 ] && echo yes)"
done

echo "\$ apt install --reinstall            (while ada calls without end: an upgrade)"
before=$(systemctl show -P MainPID procpool.service)
touch "$show_scratch/go"
chmod 755 "$show_scratch"
calls() {
  local n=0
  while [ -e "$show_scratch/go" ]; do
    [ "$(as ada procpool map square 7 2>"$show_scratch/failed" || true)" = 49 ] || return 1
    n=$((n + 1))
    echo $n >"$show_scratch/calls"
  done
}
calls &
calls=$!
apt install --reinstall "$package"
after=$(systemctl show -P MainPID procpool.service)
so_far=$(cat "$show_scratch/calls")
more() { [ "$(cat "$show_scratch/calls")" -gt $((so_far + 5)) ] || ! kill -0 "$calls" 2>/dev/null; }
until_true 20 "calls after the upgrade" more
rm "$show_scratch/go"
wait "$calls" || fail "a call failed during the upgrade" "$(cat "$show_scratch/failed")"
expect 'another daemon' yes "$([ "$before" != "$after" ] && [ "$after" != 0 ] && echo yes)"
echo "  calls meanwhile: $(cat "$show_scratch/calls"), none failed"

echo '$ apt purge procpool'
made=$(awk '$1 ~ /^[ug]$/ { print $2 }' /usr/lib/sysusers.d/procpool.conf | sort -u | paste -sd' ')
echo 'pool default { command = {"/usr/libexec/procpool/procpool-worker"} workers = 1 }' >/etc/procpool/conf.d/mine.conf
as ada procpool map sleep 1 >"$show_scratch/last" 2>&1 &
last=$!
runs() { /usr/bin/procpool requests | grep -q ' ada '; }
until_true 10 "the map runs" runs
apt purge procpool
wait "$last" || fail "the map that ran was cut off" "$(cat "$show_scratch/last")"
expect 'the map that ran' 1 "$(cat "$show_scratch/last")"
names >"$show_scratch/after"
left=$(comm -13 "$show_scratch/before" "$show_scratch/after" | grep -vE '^/etc/(passwd|shadow|group|gshadow|subuid|subgid)-?$|^/etc/\.pwd\.lock$' || true)
expect 'files that are left' '' "$left"
expect 'user that is left' procpool "$(getent passwd procpool | cut -d: -f1)"
expect 'groups that are left' "$made" "$(getent group | cut -d: -f1 | sort | comm -13 <(echo "$groups_before") - | grep -vxE 'ada|bob|carl' | sort | paste -sd' ')"
expect 'processes that are left' 0 "$(ps -u procpool -o pid= | wc -l)"
expect 'units that are left' '' "$(systemctl list-units --all --no-legend 'procpool*' | grep -v not-found || true)"
