#!/bin/bash
# The documents say what the tree holds: links lead somewhere, every package is named with its reason, every
# error of the wire and every file of the layers is described.
set -euo pipefail
cd "$(dirname "$0")/.."

failures=0
complain() {
  echo "$*"
  failures=$((failures + 1))
}

check_links() {
  local document target
  for document in *.md docs/*.md docs/api/*.md examples/*.md; do
    [ -e "$document" ] || continue
    while read -r target; do
      case $target in
      http*://* | '#'*) continue ;;
      esac
      [ -e "$(dirname "$document")/${target%%#*}" ] || complain "$document: the link $target leads nowhere"
    done < <(grep -oE '\]\([^) ]+\)' "$document" | sed 's/^](//; s/)$//')
  done
}

check_packages() {
  local package
  while read -r _ package _; do
    grep -qE "(^|[^a-z0-9-])$package([^a-z0-9-]|\$)" README.md || complain "README.md does not name the package $package"
  done < <(./quickstart packages)
}

# names LIST: the wire names in one of the lists of protocol/error.h.
names() {
  sed -n "/^#define $1(X)/,/[^\\\\]\$/p" protocol/error.h | grep -oE '"[A-Za-z.]*"' | tr -d '"' | grep -E '^(io|org)\.|^[A-Z][A-Za-z]*$'
}

check_errors() {
  local name
  while read -r name; do
    grep -qF "\`$name\`" docs/protocol.md || complain "docs/protocol.md does not describe the error $name"
  done < <(names ERROR_LIST; names ITEM_ERROR_LIST)
}

# The architecture's table has one line for each noun: protocol/work stands for work.c and work.h.
check_files() {
  local file noun
  while read -r file; do
    noun=${file%.*}
    grep -qF "\`$noun" docs/architecture.md || complain "docs/architecture.md does not say what $file is for"
  done < <(find protocol daemon client worker \( -name '*.[ch]' -o -name '*.varlink' \) | sort)
}

# The picture of daemon/ shows the order that tests/check-layers.sh keeps.
check_order() {
  local line
  while read -r line; do
    grep -qE "^ *${line// / +}( |\$)" docs/architecture.md || complain "docs/architecture.md does not show the line '$line' of daemon/"
  done < <(tests/check-layers.sh --order | grep .)
}

# The reference is what the headers' comments say now.
check_api() {
  local face
  for face in client/client client/client_json worker/worker; do
    docs/api.pl "${face%/*}/include/procpool/${face#*/}.h" | cmp -s - "docs/api/${face#*/}.md" ||
      complain "docs/api/${face#*/}.md is not what ${face#*/}.h says: run make keep-api"
  done
}

check_links
check_api
check_order
check_packages
check_errors
check_files
[ "$failures" -eq 0 ] || exit 1
echo "the documents name every link, package, error and file"
