#!/bin/bash
# Programs built against the released libraries run with these: signatures, structures and versions of all exported
# functions are compared with those kept in tests/abi/MACHINE, and constants by tests/abi/constants.c.
#
#   compatible.sh          the test
#   compatible.sh --keep   writes the kept files anew (make keep-abi); CONTRIBUTING.md says when
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# describe FOLDER LIBRARY: the library's public face, without what is private to it.
describe() {
  abidw --headers-dir "$source/$1/include" --drop-private-types --drop-undefined-syms --exported-interfaces-only \
    --no-comp-dir-path --no-corpus-path --no-show-locs --no-elf-needed --no-parameter-names --type-id-style hash \
    "$build/$1/.libs/$2.so"
}

unable() {
  echo "not tried: $*"
  exit 77
}

command -v abidw >/dev/null || { echo "abidw is missing: apt-get install abigail-tools" && exit 1; }
readelf --sections --wide "$build/client/.libs/libprocpool.so" | grep -q '\.debug_info' ||
  unable "the libraries were built without -g, which tells about types"

if [ "${1-}" = --keep ]; then
  mkdir -p "$abi"
  while read -r folder library _; do
    describe "$folder" "$library" >"$abi/$library.abi"
  done < <(libraries)
  exit
fi

[ -d "$abi" ] || unable "no files are kept for $(uname -m); make keep-abi of the released version makes them"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
while read -r folder library _; do
  describe "$folder" "$library" >"$scratch/$library.abi"
  if ! report=$(abidiff --no-added-syms "$abi/$library.abi" "$scratch/$library.abi"); then
    fail "$library breaks programs that were built with the released one:" "$report" \
      "Add a function under a new name, or read in CONTRIBUTING.md what else can be done."
  elif ! report=$(abidiff "$abi/$library.abi" "$scratch/$library.abi"); then
    fail "$library has what is not kept yet:" "$report" "Run make keep-abi, and commit what it writes with the change."
  else
    echo "$library: compatible"
  fi
done < <(libraries)

${CC:-gcc} -std=gnu11 -fsyntax-only -I"$source/client/include" -I"$source/worker/include" \
  "$source/tests/abi/constants.c" >"$scratch/constants" 2>&1 ||
  fail "a constant that programs were compiled with has changed:" "$(grep -o 'error: .*' "$scratch/constants")"
[ "$failures" -eq 0 ]
