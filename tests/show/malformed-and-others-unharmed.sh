#!/bin/bash
# Each kind of malformed and oversized input gets its named error, while another client's map runs through all
# of it and notices nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# repeat COUNT TEXT
repeat() {
  head -c "$(($1 * ${#2}))" < <(yes "$2" | tr -d '\n')
}

apply() { # the argument comes from stdin
  printf '{"method":"io.procpool.Apply","parameters":{"function":"echo","argument":'
  cat
  printf '}}\0'
}

map_items() {
  printf '{"method":"io.procpool.Map","parameters":{"function":"echo","items":['
  cat
  printf ']}}\0'
}

# One line each: the error, and what makes the message. Sizes are the default limits and a little more.
cases() {
  cat <<'END'
MalformedMessage no JSON at all|printf 'GET / HTTP/1.1\r\n\r\n\0'
MalformedMessage half an object|printf '{"method":"io.procpool.Status"\0'
MalformedMessage an empty message|printf '\0'
MalformedMessage an array|printf '[]\0'
MalformedMessage text after the object|printf '{"method":"io.procpool.Status"} {}\0'
MalformedMessage no method|printf '{"parameters":{}}\0'
MalformedMessage a method that is no string|printf '{"method":1}\0'
MalformedMessage an unknown member|printf '{"method":"io.procpool.Status","colour":"red"}\0'
MalformedMessage a member twice|printf '{"method":"io.procpool.Status","method":"io.procpool.Status"}\0'
MalformedMessage a flag that is no boolean|printf '{"method":"io.procpool.Status","more":1}\0'
MalformedMessage two flags|printf '{"method":"io.procpool.Status","more":true,"upgrade":true}\0'
MalformedMessage a comma too many|printf '[1,2,]' | apply
MalformedMessage a number with a leading zero|printf '01' | apply
MalformedMessage NaN|printf 'NaN' | apply
MalformedMessage a control character in a string|printf '"\001"' | apply
MalformedMessage bytes that are not UTF-8|printf '"\377"' | apply
MalformedMessage an overlong UTF-8 sequence|printf '"\300\200"' | apply
MalformedMessage half a surrogate pair|printf '"\\ud800"' | apply
MalformedMessage a number of 1025 characters|repeat 1025 1 | apply
MalformedMessage an envelope over 64 KiB|printf '{"method":"io.procpool.Status","x.y":"%s"}\0' "$(repeat 65536 x)"
TooDeep 300 brackets|(repeat 300 '['; repeat 300 ']') | apply
TooDeep 32 MiB of brackets|repeat 33554432 '[' | apply
MessageTooLarge a message over 16 MiB|repeat 4300000 '1234,' | sed 's/,$//' | map_items
TooManyItems 1 000 001 items|repeat 1000001 '1,' | sed 's/,$//' | map_items
ItemTooLarge an item over 4 MiB|(printf '1,"'; repeat 4194304 x; printf '"') | map_items
ReplyTooLarge results over 8 MiB, as set|repeat 100000 '"'"$(repeat 97 x)"'",' | sed 's/,$//' | map_items
MethodNotFound an unknown method|printf '{"method":"io.procpool.Sing"}\0'
InterfaceNotFound an unknown interface|printf '{"method":"org.example.Sing"}\0'
MethodNotFound a method without an interface|printf '{"method":"Sing"}\0'
NoSuchFunction an unknown function|printf '{"method":"io.procpool.Apply","parameters":{"function":"sing"}}\0'
InvalidParameter an unknown parameter|printf '{"method":"io.procpool.Apply","parameters":{"function":"echo","colour":1}}\0'
InvalidParameter a parameter of the wrong type|printf '{"method":"io.procpool.Apply","parameters":{"function":7}}\0'
InvalidParameter a missing parameter|printf '{"method":"io.procpool.Apply","parameters":{}}\0'
InvalidParameter an option nobody knows|printf '{"method":"io.procpool.Apply","parameters":{"function":"echo","options":{"nice":2}}}\0'
ExpectedUpgrade a stream without upgrade|printf '{"method":"io.procpool.Stream","parameters":{"function":"echo"}}\0'
NoSuchRequest a request that is not there|printf '{"method":"io.procpool.Cancel","parameters":{"request":"999999"}}\0'
END
}

# The limit of replies is set below that of messages, or no echo could pass it.
start_daemon --set limits.reply=8M

echo 'Another client maps all the while:'
echo '$ (seq 1 1000; …; seq 1 1000) | procpool map square'
mkfifo "$show_scratch/input"
procpool map square <"$show_scratch/input" >"$show_scratch/results" 2>"$show_scratch/errors" &
other=$!
# It gets items until the last case is through, so it is in the middle of its work in each of them.
(
  rounds=0
  exec 8>"$show_scratch/input"
  until [ -e "$show_scratch/enough" ]; do
    seq 1 1000 >&8
    rounds=$((rounds + 1))
    sleep 0.01 # 100 000 items a second are enough
  done
  echo "$rounds" >"$show_scratch/rounds"
) &
feeder=$!

tried=0
while IFS='|' read -r promise command; do
  tried=$((tried + 1))
  reply=$(eval "$command" 2>/dev/null | socat -t 20 - "UNIX-CONNECT:$socket" 2>/dev/null | tr '\0' '\n' | head -c 400)
  error=$(error_of <<<"$reply")
  [ "${error##*.}" = "${promise%% *}" ] || fail "${promise#* }: ${promise%% *} was promised" "${reply:-no reply}"
  printf '  %-36s %s\n' "${promise#* }" "$error"
  kill -0 "$other" || fail "the other client ended" "$(cat "$show_scratch/errors")"
done < <(cases)

echo 'And on a stream:'
reply=$(printf '%s\0' '{"method":"io.procpool.Stream","parameters":{"function":"square"},"upgrade":true}' \
  '{"items":[1,2]}' '{"items":[3,}' | socat -t 10 - "UNIX-CONNECT:$socket" | tr '\0' '\n')
expect 'bad JSON' io.procpool.MalformedMessage "$(error_of <<<"$reply")"

touch "$show_scratch/enough"
wait "$feeder"
wait "$other" || fail "the other client failed" "$(cat "$show_scratch/errors")"
rounds=$(cat "$show_scratch/rounds")
for ((round = 0; round < rounds; round++)); do seq 1 1000; done | awk '{ print $1 * $1 }' |
  cmp - "$show_scratch/results" || fail "the other client's results differ"
[ ! -s "$show_scratch/errors" ] || fail "the other client complained" "$(cat "$show_scratch/errors")"
echo "The other client got all its $((rounds * 1000)) results through $tried bad messages, each right."
stop_daemon
