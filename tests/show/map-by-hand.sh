#!/bin/bash
# Without our client: printf and socat are enough.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_daemon
cat <<'END'
$ printf '{"method":"io.procpool.Map","parameters":{"function":"square","items":[1,2,3,4,5]}}\0' |
    socat -t 10 - UNIX-CONNECT:SOCKET | tr '\0' '\n'
END
reply=$(printf '{"method":"io.procpool.Map","parameters":{"function":"square","items":[1,2,3,4,5]}}\0' |
  socat -t 10 - "UNIX-CONNECT:$socket" | tr '\0' '\n')
echo "$reply"
expect 'results' '"results":[1,4,9,16,25]' "$(grep -oE '"results":\[[^]]*\]' <<<"$reply" | tr -d ' ')"

echo 'Several calls on one connection are answered in their order:'
replies=$(by_hand <<'END'
{"method":"org.varlink.service.GetInfo"}
{"parameters":{"items":["a",null],"function":"echo"},"method":"io.procpool.Map","more":true}
{"method":"io.procpool.Apply","parameters":{"function":"square","argument":12}}
END
)
echo "$replies"
expect 'first' 'procpool' "$(sed -n 's/.*"vendor": *"\([^"]*\)".*/\1/p' <<<"$replies")"
expect 'last' '144' "$(tail -n 1 <<<"$replies" | grep -oE '"result": *[0-9]+' | grep -oE '[0-9]+')"
stop_daemon
