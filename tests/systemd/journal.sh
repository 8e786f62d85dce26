#!/bin/bash
# What the service leaves in the journal of a real systemd: what workers print and how they die, with the fields to ask
# for it and the texts of the catalog; and a daemon that goes when nobody needs it, without a lost connection.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# entries FIELD=VALUE…: the daemon's entries with all of these, one in a line, as FIELD=VALUE<tab>… in the order of names.
entries() {
  journalctl --sync
  journalctl --no-pager --output=json --unit=procpool.service "$@" | python3 -c '
import json, sys
for line in sys.stdin:
    entry = json.loads(line)
    fields = {name: value for name, value in entry.items() if name.startswith("PROCPOOL_") or
              name in ("MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER")}
    print("\t".join(f"{name}={value}" for name, value in sorted(fields.items())))'
}

# has WHAT QUERY EXPECTED…: waits for an entry that the query finds and that has all the expected fields; prints it.
has() {
  local what=$1 query=$2 found
  shift 2
  entry_is_there() {
    local field
    # The query is several words.
    # shellcheck disable=SC2086
    found=$(entries $query)
    for field in "$@"; do
      found=$(grep -P "(^|\t)\Q$field\E(\t|$)" <<<"$found") || return 1
    done
  }
  until_true 10 "$what: an entry with $*" entry_is_there "$@"
  printf '  %s:\n' "$what"
  head -n 1 <<<"$found" | tr '\t' '\n' | sed 's/^/    /'
}

# id_of NAME: the MESSAGE_ID of what can happen.
id_of() {
  sed -nE "s/.*X\\($1, \"([0-9a-f]+)\".*/\\1/p" "$show_top/daemon/entry.h"
}

echo "\$ make install && systemd-sysusers && journalctl --update-catalog && systemctl enable --now procpool.socket"
install_procpool
install_functions
journalctl --update-catalog
useradd --groups procpool member
uid=$(id -u member)
cat >"$conf/conf.d/test.conf" <<END
daemon { log_level = debug }
pool default { command = {"$worker", "--load", "$functions"} workers = 1 }
END
enable_socket

echo "\$ procpool apply print '{\"to\": \"stderr\", \"text\": \"hello from a worker\\\\n\"}'      (as uid $uid)"
as member procpool apply print '{"to": "stderr", "text": "hello from a worker\n"}' >/dev/null
echo '$ journalctl -o json PROCPOOL_POOL=default'
has 'what it printed' PROCPOOL_POOL=default 'MESSAGE=hello from a worker' SYSLOG_IDENTIFIER=default/1 PRIORITY=5 \
  "MESSAGE_ID=$(id_of OUTPUT)" PROCPOOL_WORKER=1 PROCPOOL_REQUEST=1 "PROCPOOL_CLIENT_UID=$uid"
has 'the request that is over' "MESSAGE_ID=$(id_of REQUEST_FINISHED)" PROCPOOL_FUNCTION=print PRIORITY=7 PROCPOOL_REQUEST=1
entries "MESSAGE_ID=$(id_of REQUEST_FINISHED)" | grep -qP 'PROCPOOL_RUN_USEC=\d+\t.*PROCPOOL_WAIT_USEC=\d+' ||
  fail "it does not say how long it waited and ran"

echo "\$ procpool map crash null 9 null      (the second item kills its worker)"
as member procpool map crash null 9 null >"$show_scratch/map" 2>&1 || true
sed 's/^/  /' "$show_scratch/map"
has 'the death' "MESSAGE_ID=$(id_of WORKER_DIED)" PROCPOOL_POOL=default PROCPOOL_SIGNAL=9 PROCPOOL_ITEM=1 PROCPOOL_REQUEST=2 \
  PROCPOOL_WORKER=1 PRIORITY=4 "PROCPOOL_CLIENT_UID=$uid" SYSLOG_IDENTIFIER=procpoold

echo "\$ journalctl -x MESSAGE_ID=$(id_of WORKER_DIED)"
journalctl --no-pager --catalog --output=short "MESSAGE_ID=$(id_of WORKER_DIED)" >"$show_scratch/catalog"
sed 's/^/  /' "$show_scratch/catalog"
grep -q 'Subject: A worker of pool default died' "$show_scratch/catalog" || fail "the catalog's subject is not there"
grep -q 'At most one item pays for it' "$show_scratch/catalog" || fail "the catalog's text is not there"
while read -r id; do
  journalctl --list-catalog "$id" 2>/dev/null | grep -q "procpool" || fail "the catalog does not know $id"
done < <(sed -nE 's/.*X\([A-Z_]+, "([0-9a-f]{32})".*/\1/p' "$show_top/daemon/entry.h")
echo "  the catalog knows all $(sed -nE 's/.*X\([A-Z_]+, "([0-9a-f]{32})".*/\1/p' "$show_top/daemon/entry.h" | wc -l) ids"

echo 'exit-on-idle.conf, with one second instead of ten minutes:'
exit_on_idle() {
  grep -q -- '--exit-on-idle=10min$' "$examples/exit-on-idle.conf" || fail "the example says something else"
  drop_in idle "$(sed "s/=10min/=$1/" "$examples/exit-on-idle.conf")"
}
exit_on_idle 1s
systemctl restart procpool.service
inactive() {
  [ "$(systemctl is-active procpool.service)" = inactive ]
}
until_true 20 "it goes when nobody needs it" inactive
expect 'result' success "$(property Result)"
expect 'exit status' 0 "$(property ExecMainStatus)"
expect 'restarts' 0 "$(property NRestarts)"
expect 'socket' active "$(systemctl is-active procpool.socket)"
echo '$ procpool map square 6'
expect 'prints' 36 "$(as member procpool map square 6)"
expect 'service' active "$(systemctl is-active procpool.service)"
echo '$ kill -9 (the daemon)'
kill -9 "$(property MainPID)"
expect 'the next map' 49 "$(as member procpool map square 7)"
expect 'restarts' 1 "$(property NRestarts)"

echo 'A hundred calls, with 100 ms of idleness to the end and about as much between them:'
exit_on_idle 100ms
systemctl restart procpool.service
before=$(entries "MESSAGE_ID=$(id_of DAEMON_IDLE)" | wc -l)
RANDOM=6
for ((call = 0; call < 100; call++)); do
  # So that the call comes before, at, and after the end.
  sleep "0.$(printf '%03d' $((60 + RANDOM % 80)))"
  got=$(as member procpool map square "$call" 2>&1) || fail "call $call failed" "$got"
  [ "$got" = $((call * call)) ] || fail "call $call" "$got"
done
after=$(entries "MESSAGE_ID=$(id_of DAEMON_IDLE)" | wc -l)
[ $((after - before)) -ge 10 ] || fail "the daemon went only $((after - before)) times"
echo "  it went $((after - before)) times in between, and no call failed"
