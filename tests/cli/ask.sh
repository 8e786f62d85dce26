#!/bin/bash
# status, functions, requests, cancel and ping of a daemon that works.
. "$(dirname "$0")/lib.sh"

start_daemon
export PROCPOOL_SOCKET=$socket

run ping
is 'exit code' 0 "$status"
[[ $out =~ ^procpoold\ [0-9.]+\ answered\ in\ [0-9.]+\ ms$ ]] || fail "not an answer: $out"

warm() { "$procpool" status --json | grep -q '"state":"running".*"idle":2'; }
until_true 20 'both workers are warm' warm
run status
has 'the daemon' "pid $daemon_pid" "$out"
[[ $out =~ default\ +running\ +2\ +2\ +2\ +2\ +0\ +yes\ +0 ]] || fail 'not the pool as it is'
run status --json
has 'JSON' '"slots":' "$out"
is lines 1 "$(wc -l <"$scratch/out")"

run functions
[[ $out =~ square\ +default\ +c\ +A\ number\ times\ itself ]] || fail 'square is not listed'
run functions --json
has 'JSON' '{"functions":[{' "$out"

"$procpool" map wait_for "\"$scratch/go\"" 1 >"$scratch/map.out" 2>"$scratch/map.err" &
map=$!
runs() { "$procpool" requests --json | grep -q '"running":[1-9]'; }
until_true 20 'a request runs' runs
run requests
[[ $out =~ ([0-9]+)\ +wait_for\ +$(id -un)\ +[0-9]+\ +[a-z-]*procpool ]] || fail 'the request is not listed'
id=${BASH_REMATCH[1]}
run cancel "$id"
expect 0 '' ''
wait "$map"
is 'exit code of the map' 1 $?
sed 's/^/  map 2> /' "$scratch/map.err"
has 'stderr of the map' 'the call was cancelled' "$(cat "$scratch/map.err")"
run cancel "$id"
is 'exit code' 1 "$status"
has stderr "there is no such request (request $id)" "$err"

echo 'status --watch prints each change:'
"$procpool" status --watch --json >"$scratch/watch" 2>&1 &
watch=$!
until_true 20 'a first line' test -s "$scratch/watch"
"$procpool" map square 1 2 3 >"$scratch/out"
three_more() { grep -q '"itemsFinished":[3-9]' "$scratch/watch"; }
until_true 20 'a line with the new items' three_more
kill "$watch"
wait "$watch"
tail -n 1 "$scratch/watch" | cut -c1-150 | sed 's/^/  /'
