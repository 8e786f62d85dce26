#!/bin/bash
# The Varlink client of Python's package index, which knows nothing of procpool but what the daemon says of itself,
# gets what our own tool gets.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_python_client

# same WHAT FUNCTION [--more]: a map of $show_scratch/items prints the same, errors included, and ends with the same
# status, whether it is ours or theirs.
same() {
  local ours=0 theirs=0
  procpool map "$2" <"$show_scratch/items" >"$show_scratch/ours" 2>"$show_scratch/ours.errors" || ours=$?
  # shellcheck disable=SC2086
  python_client map ${3-} "$2" <"$show_scratch/items" >"$show_scratch/theirs" 2>"$show_scratch/theirs.errors" || theirs=$?
  sed -i 's/^procpool: //' "$show_scratch/ours.errors"
  diff "$show_scratch/ours" "$show_scratch/theirs" || fail "$1: other results"
  diff "$show_scratch/ours.errors" "$show_scratch/theirs.errors" || fail "$1: other errors"
  expect "$1" "$(wc -l <"$show_scratch/ours") results, status $ours" \
    "$(wc -l <"$show_scratch/theirs") results, status $theirs"
}

# stable: a status without what changes from one look to the next.
stable() {
  sed -E 's/"(uptimeUs|ageUs|rssBytes|connections|loopLagUs)":[0-9]+/"\1":0/g'
}

start_daemon

# "The conventions are Varlink's (varlink.org), so any Varlink library can be used."
# "The daemon describes itself: `org.varlink.service.GetInterfaceDescription` returns the file
# `protocol/io.procpool.varlink`, with every type and comment."
echo 'It introspects us:'
expect 'GetInfo' 'org.varlink.service io.procpool' "$(python_client interfaces)"
python_client describe io.procpool | cmp - "$show_top/protocol/io.procpool.varlink" || fail 'another description'
expect 'the methods it found' "$(sed -nE 's/^method ([A-Za-z]+).*/\1/p' "$show_top/protocol/io.procpool.varlink" | paste -sd' ')" \
  "$(python_client methods)"
expect 'no such interface' 'org.varlink.service.InterfaceNotFound {"interface": "org.example"}' \
  "$(python_client describe org.example || true)"

echo 'It maps:'
seq 20000 >"$show_scratch/items"
same 'Map' square
same 'Map with more' square --more
printf '%s\n' 1 '"two"' 3 null '[4]' 5 >"$show_scratch/items"
same 'Map with items that fail' square
same 'Map with more and items that fail' square --more
printf '%s\n' 0.5 -7 null true '""' '"é\n😀"' '[[],{}]' '{"b":1,"a":{"of":[null]}}' >"$show_scratch/items"
same 'Map of every kind of value' echo
same 'Map with more of every kind of value' echo --more
: >"$show_scratch/items"
same 'Map of nothing' square
same 'Map with more of nothing' square --more

echo 'It calls one at a time:'
expect 'Apply' "$(procpool apply square 12)" "$(python_client apply square 12)"
# "Success is the absence of `error`, never the presence of a value."
expect 'Apply whose result is null' null "$(python_client apply echo null)"
expect 'behind a oneway call' 144 "$(python_client after-oneway square 12)"

echo 'Errors come by name, with their parameters:'
expect 'an unknown function' 'io.procpool.NoSuchFunction {"function": "sing"}' "$(python_client apply sing 1 || true)"
expect 'no function at all' 'org.varlink.service.InvalidParameter {"parameter": "function"}' "$(python_client apply '' 1 || true)"
failure=$(python_client apply square '"x"' || true)
expect 'an item that fails' 'io.procpool.ItemFailed ValueError: square takes a number, not a string' \
  "$(sed -E 's/^([^ ]*) .*"exception": "([^"]*)", "message": "([^"]*)".*/\1 \2: \3/' <<<"$failure")"

echo 'It asks how we are:'
status=$(python_client status)
expect 'Status' "$(procpool status --json | stable)" "$(stable <<<"$status")"
expect 'the daemon it names' "$daemon_pid" "$(grep -oE '"pid":[0-9]+' <<<"$status" | head -n 1 | cut -d: -f2)"

echo 'And passes the certification with our server:'
stop_daemon
start_certification_server
"$python" -m varlink.tests.test_certification --client "--varlink=unix:$socket" >"$show_scratch/certification.log" 2>&1 ||
  fail 'it does not' "$(tail -n 20 "$show_scratch/certification.log")"
expect 'the end' "End: {'all_ok': True}" "$(grep '^End:' "$show_scratch/certification.log")"
stop_daemon
