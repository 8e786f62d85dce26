#!/bin/bash
# Our Varlink, certified by others: varlink-go's client goes through org.varlink.certification, which a server made of
# the daemon's own listener, channel and conn offers, and the same client through a server that breaks one rule fails.
. "$(dirname "${BASH_SOURCE[0]}")/../varlink/lib.sh"
need varlink-go-certification varlink-go

# certify SOCKET: the transcript; the exit status of the client says nothing, its last line everything.
certify() {
  timeout 60 varlink-go-certification -client -varlink "unix:$1" 2>&1 | cut -c 1-100 || true
}

start_certification_server
echo '$ varlink-go-certification -client -varlink unix:SOCKET'
certify "$socket" | tee "$show_scratch/transcript"
expect 'it ends with' "End: 'true'" "$(tail -n 1 "$show_scratch/transcript")"
expect 'steps' 13 "$(grep -cE "^(Start|Test(0[1-9]|10|11)|End):" "$show_scratch/transcript")"

# relay PROGRAM: a socket between the two, with a program of sed that alters the calls. Serves one client.
relay() {
  rm -f "$show_scratch/relay"
  printf '%s\n' "$1" >"$show_scratch/program"
  printf '%s\n' "sed -u -z -f '$show_scratch/program' | socat -t 10 - 'UNIX-CONNECT:$socket'" >"$show_scratch/relay.sh"
  socat "UNIX-LISTEN:$show_scratch/relay" "EXEC:bash $show_scratch/relay.sh" 2>/dev/null &
  relay_pid=$!
  until_true 10 'the relay listens' test -S "$show_scratch/relay"
}

# falters WHAT PROGRAM: the same client, its calls changed on the way.
falters() {
  relay "$2"
  certify "$show_scratch/relay" >"$show_scratch/transcript"
  wait "$relay_pid" || true
  ! grep -q "^End: 'true'" "$show_scratch/transcript" || fail "$1 went unnoticed" "$(cat "$show_scratch/transcript")"
  printf '  %s: %s\n' "$1" "$(tail -n 1 "$show_scratch/transcript")"
}

echo 'The same client, when something changes its calls on their way:'
relay ''
certify "$show_scratch/relay" >"$show_scratch/transcript"
expect 'nothing' "End: 'true'" "$(tail -n 1 "$show_scratch/transcript")"
falters 'another value' 's/"int":1}/"int":2}/'
falters 'more taken away' 's/,"more":true//'
falters 'oneway taken away' 's/,"oneway":true//'
falters 'one of the replies it got' 's/"Reply number 7"/"Reply number 8"/'
falters 'a step left out' 's/certification.Test06/certification.Test07/'
falters "another client's id" 's/"client_id":"[0-9a-f]/"client_id":"x/'
stop_daemon
