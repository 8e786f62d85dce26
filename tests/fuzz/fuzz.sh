#!/bin/bash
# The fuzz targets, built with clang: run them, measure what their corpora reach, and prove that they find bugs.
#   fuzz.sh run [TARGET…]       makes inputs up for $FUZZ_TIME seconds (60) each, and says how many a second
#   fuzz.sh coverage [TARGET…]  lines of the target's module that its corpus runs; less than 90 % is a failure
#   fuzz.sh planted [BUG…]      each bug of planted/ must be found within $FUZZ_TIME seconds (60)
#   fuzz.sh keep TARGET         adds what `run` found to the corpus and leaves out what adds nothing
# FUZZ_BUILD: the configured tree, the current directory if unset; everything is written to its fuzz/.
# An input that breaks a promise is left in fuzz/ too; once the bug is mended it becomes a file of the corpus.
set -euo pipefail
top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
tree=$(readlink -f "${FUZZ_BUILD:-.}")
out=$tree/fuzz
seconds=${FUZZ_TIME:-60}
least=90 # per cent

# Each target, and the files that are its module.
modules() {
  cat <<'END'
call protocol/call.c protocol/parameters.c protocol/member.c
configuration daemon/configuration.c daemon/reading.c daemon/syntax.c daemon/section.c daemon/keys.c daemon/quantity.c
connection daemon/conn.c daemon/channel.c
dispatch daemon/binding.c daemon/ahead.c daemon/handover.c daemon/recall.c daemon/ticket.c daemon/progress.c daemon/sched.c daemon/fair.c
document protocol/document.c
frame protocol/frame.h
json_scan protocol/json_scan.c protocol/json_string.h protocol/json_number.h protocol/json_lane.h protocol/json_numbers.h
reply protocol/reply.c
worker protocol/work.c protocol/work_report.c protocol/fields.c
END
}

die() {
  printf 'fuzz.sh: %s\n' "$@" >&2
  exit 1
}

# chosen NAME…: these, or all targets.
chosen() {
  if [ $# -gt 0 ]; then printf '%s\n' "$@"; else modules | cut -d' ' -f1; fi
}

# build SOURCES MODE TARGET…: builds targets of the source tree SOURCES.
build() {
  local sources=$1 mode=$2
  shift 2
  [ -e "$tree/protocol/interface.c" ] || die "$tree is not built; run make there first"
  make -s -C "$sources" -f tests/fuzz/build.mk -j"$(nproc)" OUT="$out/$mode" MODE="$mode" BUILD="$tree" "$@"
}

# The same inputs in the same order every time, but for their number.
fuzz() { # PROGRAM SECONDS CORPUS…
  local program=$1 time=$2
  shift 2
  "$program" -seed=20260101 -max_total_time="$time" -max_len=2048 -timeout=20 -print_final_stats=1 \
    -dict="$top/tests/fuzz/words.dict" "$@"
}

run() {
  local target inputs
  build "$top" fuzz "${@}"
  printf '%-14s %12s %12s\n' target inputs 'inputs/s'
  for target; do
    mkdir -p "$out/found/$target"
    fuzz "$out/fuzz/$target" "$seconds" -artifact_prefix="$out/$target." "$out/found/$target" \
      "$top/tests/fuzz/corpus/$target" >"$out/$target.log" 2>&1 ||
      { tail -n 40 "$out/$target.log"; die "$target: a promise is broken; the input is in $out/$target.*"; }
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log")
    printf '%-14s %12s %12s\n' "$target" "$inputs" \
      "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$out/$target.log")"
  done
}

# lines TARGET FILE…: "PERCENT RUN ALL" of the lines of these files together.
lines() {
  local target=$1
  shift
  LLVM_PROFILE_FILE=$out/$target.profraw "$out/coverage/$target" "$top/tests/fuzz/corpus/$target"/* \
    >"$out/$target.log" 2>&1 || { tail -n 20 "$out/$target.log" >&2; return 1; }
  "$(clang -print-prog-name=llvm-profdata)" merge -o "$out/$target.profdata" "$out/$target.profraw"
  # llvm-cov knows the files as the compiler was told them, from the top.
  (cd "$top" && "$(clang -print-prog-name=llvm-cov)" report "$out/coverage/$target" \
    -instr-profile="$out/$target.profdata" "$@") |
    awk '$1 == "TOTAL" { printf "%.1f %d %d\n", 100 * ($8 - $9) / $8, $8 - $9, $8 }'
}

coverage() {
  local target files percent reached all low=0
  "$(clang -print-prog-name=llvm-cov)" --version >/dev/null 2>&1 || die "llvm-cov is missing (Debian: llvm-14)"
  build "$top" coverage "$@"
  printf '%-14s %7s %11s %7s  %s\n' target inputs lines '' module
  for target; do
    files=$(modules | sed -n "s/^$target //p")
    # shellcheck disable=SC2086
    read -r percent reached all < <(lines "$target" $files) || die "$target: its corpus does not run"
    printf '%-14s %7s %11s %6s%%  %s\n' "$target" "$(find "$top/tests/fuzz/corpus/$target" -type f | wc -l)" \
      "$reached/$all" "$percent" "$files"
    [ "${percent%.*}" -ge "$least" ] || low=1
  done
  [ "$low" -eq 0 ] || die "a corpus reaches less than $least % of its module"
}

# planted TARGET or TARGET-WHAT: the patch sabotages the module in a copy of the tree.
plant() {
  local bug=$1 target=${1%%-*} copy=$out/planted begin=$EPOCHREALTIME status=0 found input
  rm -rf "$copy"
  mkdir -p "$copy/tests"
  cp -a "$top/protocol" "$top/daemon" "$copy"
  cp -a "$top/tests/fuzz" "$top/tests/core" "$copy/tests"
  chmod -R u+w "$copy"
  patch -s -d "$copy" -p1 <"$top/tests/fuzz/planted/$bug.patch" || die "$bug.patch does not apply any more"
  # Objects are newer than the sources they were made of, but for the sabotaged one.
  cp -a "$out/fuzz" "$copy/objects"
  make -s -C "$copy" -f tests/fuzz/build.mk OUT="$copy/objects" MODE=fuzz BUILD="$tree" "$target"
  mkdir "$copy/found"
  fuzz "$copy/objects/$target" "$seconds" -artifact_prefix="$copy/" "$copy/found" \
    "$top/tests/fuzz/corpus/$target" >"$out/planted.log" 2>&1 || status=$?
  [ "$status" -ne 0 ] || die "$bug: not found in $seconds s, by $(grep number_of_exec "$out/planted.log")"
  found=$(grep -aoE 'broken: .*|ERROR: (AddressSanitizer|LeakSanitizer): [^(]*|runtime error: .*|Assertion .*' "$out/planted.log" | head -n 1 || true)
  [ -n "$found" ] || { tail -n 20 "$out/planted.log"; die "$bug: the target ended with status $status, but no promise is broken"; }
  input=$(grep -aoE '^#[0-9]+' "$out/planted.log" | tail -n 1 | tr -d '#' || true)
  printf '%-20s found in %4.1f s, by %s: %s\n' "$bug" \
    "$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" \
    "$([ -n "$input" ] && echo "input $input" || echo "its corpus")" "${found:0:90}"
}

planted() {
  local bug
  if [ $# -eq 0 ]; then
    set -- "$top"/tests/fuzz/planted/*.patch
  fi
  for bug; do
    bug=$(basename "$bug" .patch)
    build "$top" fuzz "${bug%%-*}"
    plant "$bug"
  done
  rm -rf "$out/planted"
}

# What runs the same code as a smaller input goes.
keep() {
  local target=$1 corpus=$top/tests/fuzz/corpus/$1
  build "$top" fuzz "$target"
  rm -rf "$out/merged"
  mkdir -p "$out/merged" "$out/found/$target"
  "$out/fuzz/$target" -merge=1 -max_len=2048 "$out/merged" "$out/found/$target" >"$out/keep.log" 2>&1 || true
  "$out/fuzz/$target" -merge=1 -max_len=2048 "$corpus" "$out/merged" >>"$out/keep.log" 2>&1
  find "$corpus" -type f | wc -l
}

command=${1-}
shift || true
mkdir -p "$out"
case $command in
run | coverage)
  mapfile -t names < <(chosen "$@")
  "$command" "${names[@]}"
  ;;
planted | keep) "$command" "$@" ;;
*)
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
