#!/bin/bash
# Each library exports the functions of its public headers and nothing else, every one of them under a version: the
# list is the version script, *.sym.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# declared HEADER…: the functions they declare, without comments.
declared() {
  sed -E 's,/\*.*\*/,,; /^[[:space:]]*\/?\*/d; /^[[:space:]]*#/d' "$@" | grep -oE '\bprocpool_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

# listed FILE: name@@version, as nm prints it.
listed() {
  awk '/^[A-Z_0-9]+ \{/ { version = $1 } /^\t[a-z_0-9]+;/ { gsub(/[\t;]/, ""); print $0 "@@" version }' "$1" | sort
}

exported() {
  nm -D --defined-only --with-symbol-versions "$1" | awk '$2 != "A" { print $3 }' | sort
}

# same WHAT A WHAT B
same() {
  local difference
  difference=$(diff <(echo "$2") <(echo "$4")) || fail "$1 (<) and $3 (>) differ:" "$difference"
}

while read -r folder library headers; do
  script=$folder/$library.sym
  names=$(listed "$source/$script")
  # shellcheck disable=SC2086
  same "<procpool/${headers// />, <procpool/}>" "$(cd "$source/$folder/include/procpool" && declared $headers)" "$script" "$(sed 's/@@.*//' <<<"$names")"
  same "$script" "$names" "what $library.so exports" "$(exported "$build/$folder/.libs/$library.so")"
  echo "$library: $(wc -l <<<"$names") symbols"
done < <(libraries)
[ "$failures" -eq 0 ]
