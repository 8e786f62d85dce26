#!/bin/bash
# wordcount counts as `LC_ALL=C.UTF-8 wc` does: over the machine's own texts and programs, random bytes, every
# code point, and sequences cut where one of them ends a read.
set -euo pipefail
export LC_ALL=C.UTF-8

feed=$PWD/tests/worker/feed
worker=$PWD/worker/procpool-worker
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# bytes SEED COUNT LOW HIGH: random bytes, the same on every machine.
bytes() {
  LC_ALL=C awk -v state="$1" -v n="$2" -v low="$3" -v high="$4" 'BEGIN {
    for (; n > 0; n--) {
      state = (state * 16807) % 2147483647
      printf "%c", low + int(state / 65536) % (high - low + 1)
    }
  }'
}

# code_points FROM TO: a line for each, between two letters, so that it shows whether it parts words; surrogates
# are bytes that are no UTF-8.
code_points() {
  LC_ALL=C awk -v from="$1" -v to="$2" 'BEGIN {
    for (c = from; c <= to; c++) {
      printf "a"
      if (c < 128)
        printf "%c", c
      else if (c < 2048)
        printf "%c%c", 192 + int(c / 64), 128 + c % 64
      else if (c < 65536)
        printf "%c%c%c", 224 + int(c / 4096), 128 + int(c / 64) % 64, 128 + c % 64
      else
        printf "%c%c%c%c", 240 + int(c / 262144), 128 + int(c / 4096) % 64, 128 + int(c / 64) % 64, 128 + c % 64
      printf "b "
    }
  }'
}

make_files() {
  local i
  : >empty
  printf 'no newline' >no-newline
  for i in 1 2 3 4; do
    bytes "$i" 50000 0 255 >"random-$i"
    bytes "$i" 50000 128 255 >"random-high-$i"
    bytes "$i" 50000 0 40 >"random-low-$i"
  done
  # 272 files of 4096 code points: a mistake in one cannot hide behind another.
  for ((i = 0; i < 272; i++)); do
    code_points $((i * 4096)) $((i * 4096 + 4095)) >"code-points-$i"
  done
  # wc reads 16 KiB at a time and wordcount 64: an end within, before and after a sequence, whole or not.
  for i in {16379..16386} {65531..65538}; do
    bytes 7 "$i" 97 97 >"cut-$i"
    cp "cut-$i" "cut-bad-$i"
    printf '\342\202\254 x\n' >>"cut-$i"
    printf '\342\202 x \342\nb\360\237\230 c\342' >>"cut-bad-$i"
  done
}

# list FILE…: regular files that can be read, by absolute path.
list() {
  local file
  for file; do
    file=$(realpath "$file")
    if [ -f "$file" ] && [ -r "$file" ]; then echo "$file"; fi
  done
}

make_files
{
  list "$scratch"/*
  list /usr/share/doc/*/copyright
  # shellcheck disable=SC2012,SC2046
  list $(ls -S /usr/bin/* | sed -n '20,80p')
} >paths

sed 's/.*/"&"/' paths | "$feed" --chunk-size 20 wordcount "$worker" >counted
tr '\n' '\0' <paths | wc -lwc --files0-from=- | sed '$d' |
  awk '{printf "{\"lines\":%d,\"words\":%d,\"bytes\":%d}\n", $1, $2, $3}' >expected

n=$(wc -l <paths)
echo "$n files, $(wc -l <counted) counts"
[ "$n" -gt 400 ] || { echo "too few files to be sure"; exit 1; }
paste -d ' ' paths counted >a
paste -d ' ' paths expected >b
diff a b
