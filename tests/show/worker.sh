#!/bin/bash
# A worker written from docs/protocol.md with nothing but bash: its function `count` returns the number it gets.
# At the number $DIE_AT it leaves a child behind that holds all its descriptors in a session of its own, and
# is killed. $NOTES is a directory where it says when, and who the child is.

send() {
  printf '%s\0' "$1" >&"$PROCPOOL_WORKER_FD"
}

die() {
  [ ! -e "$NOTES/died" ] || return 0 # one death is enough
  setsid bash -c 'echo $$ >"$NOTES/child.new"; mv "$NOTES/child.new" "$NOTES/child"; exec sleep 30' &
  until [ -e "$NOTES/child" ]; do sleep 0.01; done # it has left the process group
  echo "$EPOCHREALTIME" >"$NOTES/died"
  kill -9 $$
}

send '{"hello":{"protocol":1,"runtime":"bash","functions":[{"name":"count","description":"the number itself"}]}}'
while IFS= read -r -d '' message <&"$PROCPOOL_WORKER_FD"; do
  chunk=${message#*\"chunk\":}
  chunk=${chunk%%[,\}]*}
  items=${message#*\"items\":[}
  items=${items%%]*}
  # What is finished is reported before the item that kills: only that one is without a result then.
  case ,$items, in
  *",$DIE_AT,"*)
    before=,$items,
    before=${before%%",$DIE_AT,"*}
    before=${before#,}
    [ -z "$before" ] || send "{\"chunk\":$chunk,\"results\":[$before]}"
    die
    items=,$items
    [ -z "$before" ] || items=${items#",$before"}
    items=${items#,}
    ;;
  esac
  send "{\"chunk\":$chunk,\"results\":[$items]}"
done
