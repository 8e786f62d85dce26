#!/bin/bash
# Sabotages the sources, one line at a time, in a copy, and sees that the tests notice.
#
#     mutants.sh [NAME…]      all of mutants.txt, or these; MUTANTS_BUILD: a directory for the copy and its build
#
# Prints a line for each. Fails if one is not noticed, or does not apply any more.
set -euo pipefail
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
top=$(readlink -f "$here/../..")
out=$(readlink -m "${MUTANTS_BUILD:-mutants}")
copy=$out/source build=$out/build
failures=0 noticed=0

complain() {
  printf 'NOT NOTICED  %-28s %s\n' "$@"
  failures=$((failures + 1))
}

prepare() {
  rm -rf "$copy"
  mkdir -p "$copy" "$build"
  tar -C "$top" --exclude=./build --exclude=./.git -cf - . | tar -C "$copy" -xf -
  [ -e "$build/Makefile" ] || (cd "$build" && "$copy/configure" CFLAGS='-O1 -g' >configure.log)
  make -C "$build" -s -j"$(nproc)" >"$out/make.log" 2>&1 || { tail "$out/make.log"; exit 1; }
}

# program NAME: what make has to build for it.
program() {
  case $1 in
    unit/* | core/*) echo "tests/$1" ;;
    system) echo tests/system/system tests/system/fake-worker ;;
    *) echo tests/functions/functions.la ;;
  esac
}

# run PROGRAM TESTS: exit status 0 if it notices nothing.
run() {
  case $1 in
    unit/* | core/* | system)
      local binary=tests/$1
      [ "$1" != system ] || binary=tests/system/system
      (cd "$build" && timeout 120 "$binary" --filter "$2")
      ;;
    *) (cd "$build" && PROCPOOL_BUILD=$build timeout 60 bash "$copy/tests/$1") ;;
  esac
}

try() {
  local name=$1 file=$2 change=$3 program=$4 tests=$5
  sed -E "$change" "$top/$file" >"$out/changed"
  if cmp -s "$out/changed" "$top/$file"; then
    complain "$name" "it does not apply to $file any more"
    return
  fi
  cp "$out/changed" "$copy/$file"
  # shellcheck disable=SC2046
  if ! make -C "$build" -s -j"$(nproc)" all >"$out/make.log" 2>&1 ||
    ! make -C "$build" -s -j"$(nproc)" $(program "$program") >>"$out/make.log" 2>&1; then
    complain "$name" "it does not compile: $(grep -m 1 error: "$out/make.log")"
  elif run "$program" "$tests" >"$out/run.log" 2>&1; then
    complain "$name" "$program $tests passes"
  else
    noticed=$((noticed + 1))
    printf 'noticed      %-28s by %s\n' "$name" \
      "$(grep -oE '\[FAIL\] [a-z_:0-9]+|\[CRASH\] [a-z_:0-9]+|NOT AS IT SHOULD BE: .*' "$out/run.log" | head -n 1 | sed -E 's/^\[(FAIL|CRASH)\] //' || true)"
  fi
  cp "$top/$file" "$copy/$file"
}

prepare
while IFS='|' read -r name file rest; do
  name=${name// /}
  case $name in '' | '#'*) continue ;; esac
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
    continue
  fi
  file=${file// /}
  # The change may have bars of its own; the two columns behind it have none.
  tests=${rest##*|} rest=${rest%|*}
  program=${rest##*|} change=${rest%|*}
  change=${change# }
  try "$name" "$file" "${change% }" "${program// /}" "${tests// /}"
done <"$here/mutants.txt"
echo "$noticed sabotages noticed, $failures not"
[ "$failures" -eq 0 ]
