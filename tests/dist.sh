#!/bin/bash
# Whoever gets the tarball gets everything: each file of the tree is in it, and nothing that was only built. make
# distcheck goes further, and builds and tests what is in it.
set -euo pipefail

build=$PWD
source=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The rest of make's environment is for the make that runs this test.
unset MAKEFLAGS MFLAGS MAKELEVEL
make -C "$build" distdir distdir="$scratch/dist" >"$scratch/log" 2>&1 || {
  tail -n 20 "$scratch/log"
  exit 1
}
(cd "$scratch/dist" && find . -type f -printf '%P\n') | sort >"$scratch/packed"

# What git knows or would know; of a tarball that was unpacked, what lies in it, without what distcheck adds.
cd "$source"
if [ -e .git ]; then
  git ls-files --cached --others --exclude-standard | while read -r file; do
    [ ! -e "$file" ] || printf '%s\n' "$file"
  done
else
  find . -path ./build -prune -o -path ./_build -prune -o -path ./_inst -prune -o -path ./autom4te.cache -prune -o -path '*/.git/*' -prune -o -type f -printf '%P\n'
fi | sort >"$scratch/tree"

# What autogen.sh makes, and what only git needs.
made='^(aclocal\.m4|build-aux/.*|config\.h\.in~?|configure~?|Makefile\.in|m4/.*)$'
for_git='(^|/)\.gitignore$'
missing=$(grep -vE "$made|$for_git" "$scratch/tree" | comm -13 "$scratch/packed" -)
extra=$(grep -vE "$made" "$scratch/packed" | comm -23 - "$scratch/tree")
[ -z "$missing" ] || printf 'in the tree, and neither in a local.mk nor in the tarball:\n%s\n' "$missing"
[ -z "$extra" ] || printf 'in the tarball, and not in the tree:\n%s\n' "$extra"
[ -z "$missing$extra" ] || exit 1
echo "the tarball has all $(wc -l <"$scratch/packed") files"
