#!/bin/bash
# Writes docs/reliability.md: each way in which pools of processes fail, and what the test of it here showed, just now.
#
#     make reliability        in a built tree; the tests must have been built (make check builds them)
#
# The figures of the longer runs are those that record.sh left in long/ of the tree (or in $LONG_RUNS); where it left none the
# document keeps what it had.
set -euo pipefail
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
top=$(readlink -f "$here/../..")
build=$PWD
document=$top/docs/reliability.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
long=${LONG_RUNS:-$PWD/long}
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
    case $1 in
      show/drill-*.sh | show/peers-that-hang.sh) cp "$scratch/log" "$scratch/$(basename "$1" .sh).said" ;;
    esac
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

# What the drills printed.
drills() {
  local said
  for said in "$scratch"/*.said; do
    printf '`tests/show/%s.sh`:\n\n' "$(basename "$said" .said)"
    # Where the tree is, is no news.
    sed "s|$build/||g; s|$top/||g; s/^/    /; s/ *\$//" "$said"
    echo
  done
}

# long_run NAME COMMAND: its figures, of the last run that was kept.
long_run() {
  echo "<!-- $1 -->"
  if [ -e "$long/$1.txt" ]; then
    printf '\n`%s`, %s:\n\n' "$2" "$(head -n 1 "$long/$1.txt")"
    sed 1d "$long/$1.txt" | figures "$1" | sed 's/^/    /; s/ *$//'
    echo
  else
    sed -n "/^<!-- $1 -->$/,/^<!-- end -->$/p" "$document" | sed '1d;$d'
  fi
  echo "<!-- end -->"
}

figures() {
  case $1 in
    soak) grep -E '^(did|before|after):|passed' ;;
    fuzz) grep -E '^target|^[a-z_]+ +[0-9]+ +[0-9]+$' ;;
    mutants) tail -n 1 ;;
    coverage) grep -E '^(pure|whole) ' ;;
  esac
}

rows >"$scratch/rows"
{
  sed '/^<!-- table -->$/q' "$here/head.md"
  printf '| elsewhere | here | shown by |\n|---|---|---|\n'
  cat "$scratch/rows"
  printf '\nThe last run: commit %s, %s tests passed, %s failed, on %s.\n' \
    "$(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)" "$passed" "$failed" "$(date -u +%F)"
  sed '1,/^<!-- table -->$/d; /^<!-- drills -->$/,$d' "$here/head.md"
  drills
  sed '1,/^<!-- drills -->$/d' "$here/head.md"
  long_run soak 'make soak'
  long_run fuzz 'make fuzz FUZZ_TIME=600'
  long_run mutants 'make mutants'
  long_run coverage 'make coverage'
} >"$scratch/document"
cp "$scratch/document" "$document"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
