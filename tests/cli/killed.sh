#!/bin/bash
# kill -9 of the tool: the private daemon, its workers and its directory go, too.
. "$(dirname "$0")/lib.sh"

"$procpool" --private --workers 2 map sleep 100 100 100 >"$scratch/out" 2>&1 &
tool=$!
sockets=()
serves() {
  sockets=("$XDG_RUNTIME_DIR"/procpool-*/io.procpool)
  "$procpool" --socket "${sockets[0]}" status --json 2>/dev/null | grep -q '"itemsRunning":[1-9]'
}
until_true 20 'a private daemon serves' serves
pids=$("$procpool" --socket "${sockets[0]}" status --json | grep -oE '"pid":[0-9]+' | cut -d: -f2 | sort -u)
echo "  daemon and workers:" $pids
is 'how many' 3 "$(wc -w <<<"$pids")"
# The real process, where libtool put a script around it (which execs it).
kill -9 "$tool"
wait "$tool" 2>/dev/null
all_gone() { for pid in $pids; do gone "$pid" || return 1; done; }
until_true 10 'all of them are gone' all_gone
until_true 10 'the directory is gone' nothing_left
echo '  gone, all of them'
