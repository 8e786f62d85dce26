#!/bin/bash
# json_scan and jansson take and refuse the same texts, but for the listed differences: over the corpus and ten
# million generated inputs. And how fast each is, in one run.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

number=10000000

echo "json_scan beside jansson, over the corpus and $number inputs:"
make -s -C "$show_build" tests/show/json_agree bench/scan >"$show_scratch/make.log" 2>&1 ||
  fail "the programs do not build" "$(tail -n 20 "$show_scratch/make.log")"
"$show_build/tests/show/json_agree" "$number" "$show_top"/tests/fuzz/corpus/json_scan/* >"$show_scratch/agree" ||
  fail "a disagreement that is not listed" "$(cat "$show_scratch/agree")"
sed 's/^/  /' "$show_scratch/agree"
count() {
  awk -v what="$1" 'substr($0, 12) ~ "^" what { print $1 }' "$show_scratch/agree"
}
for what in 'taken by both' 'refused by both'; do
  [ "$(count "$what")" -gt $((number / 4)) ] || fail "the inputs are one-sided: $(count "$what") $what"
done
all=$(awk 'NR > 2 { all += $1 } END { print all }' "$show_scratch/agree")
files=$(find "$show_top/tests/fuzz/corpus/json_scan" -type f | wc -l)
expect 'inputs that were judged' $((number + files)) "$all"

echo 'Speed, both in one run, turn by turn; medians:'
"$show_build/bench/scan" >"$show_scratch/bench"
sed 's/^/  /' "$show_scratch/bench"
while read -r ratio kind; do
  [ "${ratio%x}" -ge 2 ] || fail "json_scan is not faster with $kind: $ratio"
done < <(awk 'NR > 2 { print $NF, $0 }' "$show_scratch/bench")
