#!/bin/bash
# "The end of the connection in the middle of a call means that nobody knows what was done: our
# library does not repeat it, unless the caller said that it is idempotent or it only reads."
#
# --idempotent: a daemon that is killed in the middle, and comes back, costs time and nothing else.
. "$(dirname "$0")/lib.sh"

mkfifo "$scratch/in"
lines() { [ "$(wc -l <"$scratch/out")" -ge "$1" ]; }
# The daemon must not hold the input's other end.
restart() {
  kill_daemon
  start_daemon "$socket" 3>&-
}
running() { "$procpool" --socket "$socket" requests --json 2>"$scratch/requests" | grep -q "\"running\":$1"; }

# map ARGUMENT…: in the background, its input on descriptor 3.
map() {
  echo "\$ procpool map $*"
  "$procpool" --socket "$socket" map "$@" <"$scratch/in" >"$scratch/out" 2>"$scratch/err" &
  map=$!
  exec 3>"$scratch/in"
}

ended() {
  wait "$map"
  status=$?
  out=$(cat "$scratch/out")
  err=$(cat "$scratch/err")
  [ -z "$err" ] || sed 's/^/  2> /' "$scratch/err" | head -n 20
}

echo 'A map of items some of which wait, with two daemons killed while they do:'
start_daemon
map --idempotent --joblog "$scratch/log" --lines wait_for
touch "$scratch"/item-{0..9}
for i in {0..29}; do echo "$scratch/item-$i"; done >&3
until_true 20 'some are done' lines 1
until_true 20 'others wait' running 2
began=$(date +%s%3N)
restart
until_true 20 'they wait again' running 2
# One after the other: results of a moment are told with the item that comes next, and that may wait.
next=10
let_go() {
  touch "$scratch/item-$next"
  next=$((next + 1))
  lines 11
}
until_true 20 'some more are done' let_go
restart
waited=$(($(date +%s%3N) - began))
for i in {30..39}; do echo "$scratch/item-$i"; done >&3
exec 3>&-
touch "$scratch"/item-{10..39}
ended
is 'exit code' 0 "$status"
is stderr '' "$err"
is 'every result, once, in order' "$(for i in {0..39}; do echo "\"$scratch/item-$i\""; done)" "$out"
is 'the job log has each item once' "$(seq 0 39)" "$(tail -n +2 "$scratch/log" | cut -f 1)"
is 'all of it well' ok "$(tail -n +2 "$scratch/log" | cut -f 5 | sort -u)"

# Item 39 was read after two daemons had been killed, item 0 was run by the first.
started() { awk -v item="$1" '$1 == item { print int($2 * 1000) }' "$scratch/log"; }
[ "$(started 39)" -gt "$(($(started 0) + waited))" ] || fail 'not counted from the first daemon on' "$(cat "$scratch/log")"

echo 'Unordered, with failures, as text with its indexes:'
map --idempotent --unordered --tag --chunk-size 1 shell
printf '"while [ ! -e %s/go ]; do sleep 0.01; done; echo slow"\n' "$scratch" >&3
seq 1 5 | sed 's/.*/"echo &"/' >&3
until_true 20 'the quick ones are done' lines 5
restart
echo '{}' >&3
echo '"echo 7"' >&3
exec 3>&-
touch "$scratch/go"
ended
sed 's/^/  /' "$scratch/out"
is 'exit code' 1 "$status"
is 'each index once' "$(seq 0 7)" "$(grep -oE '^\{"index": [0-9]+' "$scratch/out" | tr -dc '0-9\n' | sort -n)"
has 'the slow one' '{"index": 0, "result": "slow\n"}' "$out"
grep -qE '^\{"index": 6, "error": .*"index": ?6[,}]' "$scratch/out" || fail 'not the index in the error'
has 'on stderr' 'procpool: item 6: ' "$err"

echo 'Without it a map of which nothing was sent goes on all the same:'
map square
listed() { "$procpool" --socket "$socket" requests --json 2>"$scratch/requests" | grep -q '"function":"square"'; }
until_true 20 'the daemon has it' listed
restart
seq 3 >&3
exec 3>&-
ended
is 'exit code' 0 "$status"
is 'results' $'1\n4\n9' "$out"

echo 'Three million numbers, and one daemon after the other:'
"$procpool" --socket "$socket" map --idempotent square < <(seq 3000000) >"$scratch/out" 2>"$scratch/err" &
map=$!
# Each of them lives until it has done something: three in a row that did nothing are not waited for.
more() { lines $((seen + 20000)) || ! kill -0 "$map" 2>/dev/null; }
restarts=0
while [ "$restarts" -lt 10 ]; do
  seen=$(wc -l <"$scratch/out")
  until_true 60 "more results than $seen" more
  kill -0 "$map" 2>/dev/null || break
  restart
  restarts=$((restarts + 1))
done
ended
echo "  $restarts restarts"
[ "$restarts" -ge 3 ] || fail 'too few restarts to tell'
is 'exit code' 0 "$status"
seq 3000000 | awk '{ printf "%.0f\n", $1 * $1 }' | cmp - "$scratch/out" || fail 'not the squares'

echo 'apply:'
"$procpool" --socket "$socket" apply --idempotent wait_for "\"$scratch/later\"" >"$scratch/out" 2>"$scratch/err" &
map=$!
until_true 20 'the item runs' running 1
restart
touch "$scratch/later"
ended
is 'exit code' 0 "$status"
is 'its result' "\"$scratch/later\"" "$out"

echo 'After a failure with --fail-fast nothing new starts:'
map --idempotent --fail-fast --chunk-size 1 --unordered --lines wait_for
exec 3>&-
ended
is 'no items' 0 "$status"
map --idempotent --fail-fast --max-workers 2 --chunk-size 1 --unordered shell
# A child of the worker, which outlives it where there is no control group.
printf '{}\n"exec sleep 30"\n' >&3
failed() { grep -q 'item 0' "$scratch/err"; }
until_true 20 'the first failed' failed
kill_daemon
ended
exec 3>&-
is 'exit code' 69 "$status"
has stderr 'the connection to the daemon was lost' "$err"

echo 'A daemon of its own does not come back:'
private map --idempotent square 1
expect 2 '' '--idempotent is for a daemon that comes back; one of --private does not'
private apply --idempotent square 1
expect 2 '' '--idempotent is for a daemon that comes back; one of --private does not'
