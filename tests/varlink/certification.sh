#!/bin/bash
# Certification clients of others pass against daemon/conn, and what is not as it should be does not: neither a wrong
# value, nor a wrong flag, nor a wrong order.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need varlink-go-certification varlink-go

# ask METHOD PARAMETERS [FLAG]: the reply; parameters of the client $id, without their braces.
ask() {
  printf '{"method":"org.varlink.certification.%s","parameters":{"client_id":"%s"%s%s}%s}\n' \
    "$1" "$id" "${2:+,}" "$2" "${3:+,\"$3\":true}" | by_hand
}

# begin: a client of its own that is at Test01.
begin() {
  id=$(printf '{"method":"org.varlink.certification.Start"}\n' | by_hand | sed 's/.*"client_id":"\([^"]*\)".*/\1/')
}

# refused WHAT ERROR METHOD PARAMETERS [FLAG]
refused() {
  expect "$1" "$2" "$(ask "${@:3}" | error_of)"
}

# With as many digits as jansson writes.
struct='"bool":false,"int":2,"float":3.1415926535897931,"string":"a lot of string"'
map='"map":{"bar":"Bar","foo":"Foo"}'
start_certification_server

# "The conventions are Varlink's (varlink.org), so any Varlink library can be used."
echo '$ varlink-go-certification -client -varlink unix:SOCKET'
varlink-go-certification -client -varlink "unix:$socket" >"$show_scratch/go" 2>&1 || true
grep -E "^(Start|Test[0-9]+|End):" "$show_scratch/go" | cut -c 1-100
# Its exit status is 0 whatever happened.
expect 'the last line' "End: 'true'" "$(tail -n 1 "$show_scratch/go")"

echo 'Two at once, each with a client id of its own:'
for n in 1 2; do varlink-go-certification -client -varlink "unix:$socket" >"$show_scratch/go$n" 2>&1 & pids[n]=$!; done
wait "${pids[@]}"
expect 'both' "End: 'true' End: 'true'" "$(tail -q -n 1 "$show_scratch"/go[12] | paste -sd' ')"

echo 'What is wrong is refused:'
certification=org.varlink.certification
begin
refused 'out of order' $certification.CertificationError Test02 '"bool":true'
refused 'a wrong flag' $certification.CertificationError Test01 '' more
expect 'what was wanted' "\"wants\":{\"method\":\"$certification.Test01\",\"parameters\":{\"client_id\":\"$id\"}}" \
  "$(ask Test01 '' more | grep -oE '"wants":\{[^}]*\}\}')"
expect 'what came' "\"got\":{\"method\":\"$certification.Test01\",\"parameters\":{\"client_id\":\"$id\"},\"more\":true}" \
  "$(ask Test01 '' more | grep -oE '"got":\{[^}]*\},"more":true\}')"
expect 'the right one' '{"parameters":{"bool":true}}' "$(ask Test01 '')"
refused 'the same once more' $certification.CertificationError Test01 ''
refused 'a wrong value' $certification.CertificationError Test02 '"bool":false'
refused 'a wrong type' org.varlink.service.InvalidParameter Test02 '"bool":1'
refused 'a parameter too few' org.varlink.service.InvalidParameter Test02 ''
refused 'one too many' org.varlink.service.InvalidParameter Test02 '"bool":true,"colour":"red"'
expect 'the right one' '{"parameters":{"int":1}}' "$(ask Test02 '"bool":true')"
refused 'an int with a fraction' org.varlink.service.InvalidParameter Test03 '"int":1.0'
expect 'the right one' '{"parameters":{"float":1.0}}' "$(ask Test03 '"int":1')"
expect 'a float without one' '{"parameters":{"string":"ping"}}' "$(ask Test04 '"float":1')"
id=nobody refused 'an unknown client' $certification.ClientIdError Test05 '"string":"ping"'

echo 'oneway gets no reply, right or wrong, and what was wrong is not forgotten:'
expect 'wrong and oneway' '' "$(ask Test05 '"string":"pong"' oneway)"
expect 'then rightly' "{\"parameters\":{$struct}}" "$(ask Test05 '"string":"ping"')"
expect 'a struct' "{\"parameters\":{\"struct\":{$struct}}}" "$(ask Test06 "$struct")"
expect 'a map' '{"parameters":{"map":{"foo":"Foo","bar":"Bar"}}}' "$(ask Test07 "\"struct\":{$struct}")"
refused 'a map with more in it' $certification.CertificationError Test08 '"map":{"bar":"Bar","foo":"Foo","baz":null}'
expect 'members in another order' '{"parameters":{"set":{"one":{},"two":{},"three":{}}}}' "$(ask Test08 "$map")"
mytype=$(ask Test09 '"set":{"one":{},"two":{},"three":{}}')
mytype=${mytype#'{"parameters":{'}
mytype=${mytype%'}}'}
refused 'many replies without more' $certification.CertificationError Test10 "$mytype"
refused 'an enum of another value' $certification.CertificationError Test10 "${mytype/'"enum":"two"'/'"enum":"one"'}" more
expect 'a null that may be left out' 10 \
  "$(ask Test10 "${mytype/'"array":'/'"nullable":null,"array":'}" more | grep -c '^{"parameters":{"string":"Reply number [0-9]*"}')"
replies=$(printf '"Reply number %s",' {1..10})
refused 'a oneway call without oneway' $certification.CertificationError Test11 "\"last_more_replies\":[${replies%,}]"
refused 'the end too early' $certification.CertificationError End ''
expect 'the oneway call' '' "$(ask Test11 "\"last_more_replies\":[${replies%,}]" oneway)"
expect 'the end' '{"parameters":{"all_ok":false}}' "$(ask End '')"
refused 'after the end' $certification.ClientIdError End ''
stop_daemon
