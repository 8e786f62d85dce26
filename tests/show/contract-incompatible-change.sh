#!/bin/bash
# A change that would break the programs of others makes a test fail that says which: tried with a copy of the tree, its
# libraries built again after each change, and the tests of tests/abi.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

copy=$show_scratch/copy
mkdir "$copy"
(cd "$show_top" && cp -r Makefile.am configure.ac client worker protocol tests "$copy")
public=$copy/client/include/procpool/client.h

# build FOLDER LIBRARY: one alone, without Automake; the tests look at nothing else.
build() {
  mkdir -p "$show_scratch/out/$1/.libs"
  # shellcheck disable=SC2046
  gcc -g -O0 -shared -fPIC -std=gnu11 -include "$show_build/config.h" -I"$copy" -I"$copy/client/include" -I"$copy/worker/include" \
    -Wl,--version-script="$copy/$1/$2.sym" -Wl,-soname,"$2.so.0" \
    $(find "$copy/$1" -maxdepth 1 -name '*.c' ! -name main.c) $(find "$copy/protocol" -name '*.c') \
    -ljansson -ldl -o "$show_scratch/out/$1/.libs/$2.so" || fail "$2 of the copy cannot be built"
}

# verdict TEST: passes, or fails and why, in a line.
verdict() {
  local out status=0
  out=$(PROCPOOL_BUILD=$show_scratch/out "$copy/tests/abi/$1" 2>&1) || status=$?
  if [ "$status" -eq 0 ]; then echo passes; else
    echo fails
    echo "$out" | grep -E "$2" | head -n 3 | sed 's/^ */    | /' >&2
  fi
}

# breaks FOLDER LIBRARY WHAT TEST PATTERN: the test fails, naming PATTERN; then the copy is as it was.
breaks() {
  echo "* $3"
  build "$1" "$2"
  expect "tests/abi/$4" fails "$(verdict "$4" "$5")"
  rm -rf "$show_scratch/out" "${copy:?}/$1"
  cp -r "$show_scratch/good" "$show_scratch/out"
  cp -r "$show_top/$1" "$copy"
}

echo '* nothing is changed'
build client libprocpool
build worker libprocpool-worker
cp -r "$show_scratch/out" "$show_scratch/good"
expect tests/abi/symbols.sh passes "$(verdict symbols.sh .)"
expect tests/abi/compatible.sh passes "$(verdict compatible.sh .)"

sed -i 's/int64_t items, succeeded/int64_t added, items, succeeded/' "$public"
breaks client libprocpool 'a field goes before others in struct procpool_summary' compatible.sh 'insertion|added'
sed -i 's/int timeout_ms/int64_t timeout_ms/' "$public" "$copy/client/stream.c"
breaks client libprocpool 'a parameter of procpool_stream_receive() gets another type' compatible.sh 'parameter .* changed|procpool_stream_receive'
sed -i 's/^\(\tPROCPOOL_E_\)NO_DAEMON,/\1NEW,\n&/' "$public"
breaks client libprocpool 'a number goes between those of PROCPOOL_E_*' compatible.sh 'PROCPOOL_E_NO_DAEMON was'
sed -i '/procpool_stream_cancel;/d' "$copy/client/libprocpool.sym"
breaks client libprocpool 'a function is not exported any more' compatible.sh 'procpool_stream_cancel'
sed -i 's/LIBPROCPOOL_WORKER_0/LIBPROCPOOL_WORKER_1/' "$copy/worker/libprocpool-worker.sym"
breaks worker libprocpool-worker 'the functions get another version' compatible.sh 'procpool_fail'
sed -i 's/const void \*reserved\[2\];/const void *reserved[3];/' "$copy/worker/include/procpool/worker.h"
breaks worker libprocpool-worker 'struct procpool_function grows, of which plugins have arrays' compatible.sh 'size changed|reserved'
printf 'int procpool_helper(void);\n' >>"$copy/worker/include/procpool/worker.h"
breaks worker libprocpool-worker 'a function is declared and not exported' symbols.sh procpool_helper
