#!/bin/bash
# Programs of others that know nothing of procpool: Go's interface parser, and Python's Varlink client, which learns
# from the daemon itself what it can be asked. What Python gets is what our own tool gets.
. "$(dirname "${BASH_SOURCE[0]}")/../varlink/lib.sh"
need varlink-go-interface-generator varlink-go
need_python_client

# same COMMAND: ours and theirs print the same; on stdin what both get.
same() {
  cat >"$show_scratch/items"
  # shellcheck disable=SC2086
  procpool $1 <"$show_scratch/items" >"$show_scratch/ours"
  # shellcheck disable=SC2086
  python_client ${2-$1} <"$show_scratch/items" >"$show_scratch/theirs"
  cmp "$show_scratch/ours" "$show_scratch/theirs" || fail "python: ${2-$1}: other results than procpool $1"
  printf '  %s: %s results, each the same byte for byte\n' "${2-$1}" "$(wc -l <"$show_scratch/theirs")"
}

start_daemon
echo '$ varlink-go-interface-generator io.procpool.varlink     # as the daemon serves it'
interface=$show_scratch/io.procpool.varlink
description io.procpool >"$interface"
varlink-go-interface-generator "$interface" || fail 'the parser refuses it'
expect 'methods it made code for' "$(grep -c '^method ' "$interface")" \
  "$(grep -cE '^func \(m [A-Za-z]+_methods\) Call\(' "$show_scratch/ioprocpool.go")"
expect 'errors' "$(grep -c '^error ' "$interface")" "$(grep -cE '^func \(e [A-Za-z]+\) Error\(' "$show_scratch/ioprocpool.go")"

echo "\$ python  # varlink $("$python" -m pip show varlink 2>/dev/null | sed -n 's/^Version: //p')"
echo '>>> client.get_interfaces()'
expect 'interfaces' 'org.varlink.service io.procpool' "$(python_client interfaces)"
expect 'methods of io.procpool' "$(sed -nE 's/^method ([A-Za-z]+).*/\1/p' "$interface" | paste -sd' ')" "$(python_client methods)"

echo ">>> pool.Map('square', [1, 2, 3, 4, 5])"
expect 'results' '1 4 9 16 25' "$(seq 5 | python_client map square | paste -sd' ')"
seq 100000 | same 'map square'
echo ">>> for reply in pool.Map('square', range(1, 100001), _more=True)"
seq 100000 | same 'map square' 'map --more square'
echo ">>> pool.Map('wordcount', the copyright files of this machine)"
find /usr/share/doc -name copyright -readable | sort | sed -n '1,500s/.*/"&"/p' | same 'map wordcount'

echo ">>> pool.Apply('square', 'x')"
failure=$(python_client apply square '"x"' || true)
echo "  $failure"
expect 'the error' io.procpool.ItemFailed "${failure%% *}"

echo '>>> pool.Status()'
status=$(python_client status)
echo "  $status"
for field in itemsFinished itemsFailed pid; do
  expect "$field" "$(status_field $field)" "$(grep -oE "\"$field\":[0-9]+" <<<"$status" | head -n 1 | cut -d: -f2)"
done
stop_daemon
