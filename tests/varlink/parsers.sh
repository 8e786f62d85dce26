#!/bin/bash
# The interface parser of others takes every description that we serve, and refuses what is none.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need varlink-go-interface-generator varlink-go

# generate INTERFACE: the Go code for the description in INTERFACE.varlink, made beside it. No Go is needed for it.
generate() {
  varlink-go-interface-generator "$show_scratch/$1.varlink"
}

# takes INTERFACE MEMBER…: the description at $socket; the code has a type or a method for each member.
takes() {
  local interface=$1 code member
  shift
  description "$interface" >"$show_scratch/$interface.varlink"
  code=$show_scratch/$(tr -d . <<<"$interface").go
  generate "$interface" || fail "$interface is refused"
  for member; do
    grep -qwE "$member|${member}_(methods|error)" "$code" || fail "$interface: nothing was made of $member"
  done
  printf '  %s: taken, with %s\n' "$interface" "$*"
}

# members: the types, methods and errors of the description on stdin.
members() {
  sed -nE 's/^(type|method|error) ([A-Za-z0-9]+).*/\2/p' | tr '\n' ' '
}

start_daemon
description io.procpool | cmp - "$show_top/protocol/io.procpool.varlink" || fail "the daemon serves another description"
interface=$(cat "$show_top/protocol/io.procpool.varlink")
# shellcheck disable=SC2046
takes io.procpool $(members <<<"$interface")
takes org.varlink.service GetInfo GetInterfaceDescription InvalidParameter
stop_daemon

start_certification_server
takes org.varlink.certification Start Test10 End CertificationError
stop_daemon

sed 's/^method Apply(function: string,/method Apply(function string,/' <<<"$interface" >"$show_scratch/broken.varlink"
if generate broken 2>"$show_scratch/errors"; then
  fail 'a broken description was taken'
fi
printf '  a broken one is refused: %s\n' "$(sed "s|$show_scratch/||" "$show_scratch/errors")"
