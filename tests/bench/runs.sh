#!/bin/bash
# The measures run, and say what they saw: rows with their peers, a missing peer by name, honest verdicts. How fast
# anything is makes no difference here.
set -uo pipefail
source=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$(readlink -f "${PROCPOOL_BUILD:-$PWD}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PYTHONDONTWRITEBYTECODE=1

fail() {
  printf 'NOT AS IT SHOULD BE: %s\n' "$@"
  exit 1
}

# bench ARGUMENT…: sets $out.
bench() {
  echo "\$ bench/run.py $*"
  out=$(timeout 120 python3 "$source/bench/run.py" --built "$build" --quick "$@" 2>&1)
  status=$?
  printf '%s\n' "${out//$'\n'/$'\n'  }"
}

# says REGEX: a line of $out.
says() {
  grep -qE "$1" <<<"$out" || fail "no line like: $1"
}

number='[0-9][0-9 .]*'
bench --only pinned --only memory-stream
[ "$status" -eq 0 ] || fail "exit code $status"
says "^ +procpool +p50 $number µs, p99 $number (µs|ms)\$|^ +procpool +p50 $number ms"
says "^ +bare round trip +p50 $number (µs|ms)"
says "procpool / bare round trip: p50 +$number× \\($number – $number\\)  goal ≤ 1.5×: (met|not met)\$"
says "memory at most +$number MiB .* goal ≤ 64 MiB: (met|not met)\$"

bench --only nosuch
[ "$status" -eq 2 ] || fail "exit code $status for a row that there is not"
says 'there is no row or curve nosuch'

bench --document
[ "$status" -eq 2 ] || fail "exit code $status: a quick run must not be documented"

echo 'A goal that only some rounds meet is not shown; a peer that is not there is named.'
cat >"$scratch/test.py" <<'END'
import sys

sys.path.insert(0, sys.argv[1])
import report
import verdict
from lab import Missing
from rounds import Row, measure

at_least_3 = (">=", 3.0)
assert verdict.word(at_least_3, [3.0, 4.5]) == "met"
assert verdict.word(at_least_3, [2.9, 4.5, 5.0]) == "not shown"
assert verdict.word(("<=", 0.5), [0.6, 0.7]) == "not met"

times = iter([2.0, 8.0, 1.0, 3.0, 1.0, 6.0])
row = Row("row", "a row", rounds=(3, 3), warm=False)
row.add("ours", lambda: {"s": next(times)})
row.add("theirs", lambda: {"s": next(times)})


def absent():
    raise Missing("apt-get install others")


row.try_add("others", absent)
row.compare("ours", "theirs", goal=at_least_3)
row.compare("ours", "theirs", how="share", goal=("<=", 0.5))
row.compare("ours", "others", goal=at_least_3)
assert measure(row, lambda text: None) == 3
kept = row.kept()
# By turns: 8/2, 3/1, 6/1.
assert kept["comparisons"][0]["ratios"] == [4.0, 3.0, 6.0], kept
assert [each["verdict"] for each in kept["comparisons"]][:2] == ["met", "met"], kept
assert verdict.of_row(kept) == "not shown"
text = report.text_row(kept)
assert "others not installed: apt-get install others" in text, text
assert "4× (3 – 6)  goal ≥ 3×: met" in text, text
END
python3 "$scratch/test.py" "$source/bench" || fail 'see above'
[ ! -e "$source/bench/__pycache__" ] || fail 'the source has a __pycache__'
