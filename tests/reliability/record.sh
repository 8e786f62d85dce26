#!/bin/bash
# Runs one of the longer tests, and keeps what it said for docs/reliability.md.
#
#     record.sh NAME COMMAND…
#
# Output goes to the terminal as well. If COMMAND succeeds, long/NAME.txt (below the current directory, or $LONG_RUNS) has a
# first line with commit, date and time taken, and then the output; `make reliability` takes it from there.
set -euo pipefail
name=$1
shift
top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
out=${LONG_RUNS:-$PWD/long}
commit=$(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)
begin=$SECONDS
mkdir -p "$out"
rm -f "$out/$name.txt"
"$@" 2>&1 | tee "$out/$name.log"
{
  printf 'commit %s, %s, %d min\n' "$commit" "$(date -u +%F)" $(((SECONDS - begin + 59) / 60))
  cat "$out/$name.log"
} >"$out/$name.txt"
