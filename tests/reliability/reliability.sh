#!/bin/bash
# Writes docs/reliability.md: each way in which pools of processes fail, and what the test of it here showed, just now.
#
#     make reliability        in a built tree; the tests must have been built (make check builds them)
set -euo pipefail
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
top=$(readlink -f "$here/../..")
build=$PWD
document=$top/docs/reliability.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0 passed=0

# run TEST: exit status, and $scratch/log.
run() {
  case $1 in
    show/*) PROCPOOL_BUILD=$build timeout 600 bash "$top/tests/$1" >"$scratch/log" 2>&1 ;;
    cli/*) PROCPOOL_BUILD=$build timeout 120 bash "$top/tests/$1" >"$scratch/log" 2>&1 ;;
    *) timeout 120 tests/system/system --filter "$1" >"$scratch/log" 2>&1 && ! grep -q 'Tested: 0 ' "$scratch/log" ;;
  esac
}

# Said once for each test: a name may stand in several rows.
declare -A results
result() {
  local begin=$EPOCHREALTIME status=0
  if [ -z "${results[$1]-}" ]; then
    run "$1" || status=$?
    results[$1]=$(awk -v s="$status" -v a="$begin" -v b="$EPOCHREALTIME" \
      'BEGIN { printf "%s, %.1f s", s == 0 ? "passed" : s == 77 ? "skipped" : "FAILED", b - a }')
    case $status in
      0) passed=$((passed + 1)) ;;
      77) ;;
      *) failed=$((failed + 1)) && tail -n 20 "$scratch/log" >&2 ;;
    esac
    printf '%s: %s\n' "$1" "${results[$1]}" >&2
  fi
}

rows() {
  local elsewhere here_ tests test cell
  while IFS='|' read -r elsewhere here_ tests; do
    case $elsewhere in '' | '#'*) continue ;; esac
    cell=
    for test in $tests; do
      result "$test"
      cell+="${cell:+<br>}\`$test\` ${results[$test]}"
    done
    printf '| %s | %s | %s |\n' "${elsewhere% }" "$(xargs -0 <<<"$here_" | tr -d '\n')" "$cell"
  done <"$here/rows.txt"
}

rows >"$scratch/rows"
{
  sed '/^<!-- table -->$/q' "$here/head.md"
  printf '| elsewhere | here | shown by |\n|---|---|---|\n'
  cat "$scratch/rows"
  printf '\nThe last run: commit %s, %s tests passed, %s failed, on %s.\n' \
    "$(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)" "$passed" "$failed" "$(date -u +%F)"
  sed '1,/^<!-- table -->$/d' "$here/head.md"
} >"$scratch/document"
cp "$scratch/document" "$document"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
