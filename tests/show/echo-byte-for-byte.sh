#!/bin/bash
# A value comes back as the very bytes it was sent as: nothing on the way reads it as a number or a string.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

values=$show_scratch/values
cat >"$values" <<'END'
0.1
-0
-0.0
1e2
1E+2
1180591620717411303424
0.1000000000000000055511151231257827021181583404541015625
"\u0000"
"\u00e9é\ud83d\ude00😀\/"
{"b":1,"a":2,"B":{"z":0,"y":[]}}
[[],{},null,true,false,""]
END

start_daemon
echo '$ procpool map echo'
procpool map echo <"$values" | tee "$show_scratch/results"
cmp "$values" "$show_scratch/results" || fail "the bytes differ"
echo '  every byte the same'

echo 'By hand, in one message and without our client:'
items=$(paste -sd, "$values")
reply=$(printf '{"method":"io.procpool.Map","parameters":{"function":"echo","items":[%s]}}\n' "$items" | by_hand)
case $reply in
*"\"results\":[$items]"*) echo '  every byte the same' ;;
*) fail "the bytes differ" "$reply" ;;
esac
stop_daemon
