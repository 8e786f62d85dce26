#!/bin/bash
# The way of a function's author: one C file, one compiler command, one option. And what procpool-worker says when
# something is wrong with that file.
set -euo pipefail

build=$PWD
source=$(cd "$(dirname "$0")/../.." && pwd)
worker=$build/worker/procpool-worker
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

failures=0
# expect WHAT EXPECTED ACTUAL
expect() {
  if [ "$2" != "$3" ]; then
    printf 'FAILED: %s\n  expected: %s\n  actual:   %s\n' "$@"
    failures=$((failures + 1))
  fi
}

# refuses WHAT STATUS TEXT ARGUMENT…: the worker exits so and says so, on stderr, before any hello.
refuses() {
  local what=$1 status=$2 text=$3 actual=0
  shift 3
  "$worker" "$@" >stdout 2>stderr || actual=$?
  expect "$what: status" "$status" "$actual"
  expect "$what: stdout" '' "$(cat stdout)"
  case $(cat stderr) in
  *"$text"*) ;;
  *) expect "$what: stderr" "$text" "$(cat stderr)" ;;
  esac
}

# The flags of the tree that is built, by the very file that is installed.
flags() {
  PKG_CONFIG_PATH=$build/worker pkg-config --define-variable=includedir="$source/worker/include" \
    --define-variable=libdir="$build/worker/.libs" --cflags --libs procpool-worker
}

# In a tree with sanitizers a program must have them from its start.
sanitizers=()
if nm -D "$build/worker/.libs/libprocpool-worker.so" | grep __asan_ >/dev/null; then
  sanitizers=(-fsanitize=address -fsanitize=undefined)
fi

# compile NAME: NAME.c from stdin, then NAME.so.
compile() {
  cat >"$1.c"
  # shellcheck disable=SC2046
  ${CC:-gcc} -Wall -Werror -shared -fPIC $(flags) "$1.c" -o "$1.so"
}

# The example of the header's own comment.
sed -n 's/^ \*     //p' "$source/worker/include/procpool/worker.h" |
  sed -n '/^#include/,/^const struct procpool_table/p; /^        \.abi/,/^};/p' | grep -v '^gcc\|^seq' | compile half

expect 'the list' $'half\tHalf of a number.' "$("$worker" --load ./half.so --list | grep half)"
expect 'a name without a slash is a file too' 1 "$("$worker" --load half.so --list | grep -c '^half')"
expect 'the stock functions are there as well' 'echo half sleep square wordcount' \
  "$("$worker" --load ./half.so --list | cut -f 1 | tr '\n' ' ' | sed 's/ $//')"
expect 'it runs' '0.5 1.0 1.5 ' \
  "$(printf '1\n2\n3\n' | "$build/tests/worker/feed" half "$worker" --load ./half.so | tr '\n' ' ')"
expect 'it fails' 'item 1: TypeError: half takes a number' \
  "$(printf '1\n"x"\n' | "$build/tests/worker/feed" half "$worker" --load ./half.so 2>&1 >/dev/null)"

# One directory, several files; what is no .so in it is left alone.
mkdir functions
cp half.so functions/a.so
sed 's/"half"/"other"/' half.c | compile other
cp other.so functions/b.so
echo 'no plugin' >functions/README
expect 'a directory' 'half other ' \
  "$("$worker" --load functions --list | cut -f 1 | grep 'half\|other' | tr '\n' ' ')"
mkdir empty
expect 'an empty directory' 4 "$("$worker" --load empty --list | wc -l)"

refuses 'nothing there' 78 'cannot load nowhere.so: No such file or directory' --load nowhere.so --list
refuses 'no shared object' 78 'cannot load half.c: invalid ELF header' --load half.c --list
echo 'int x;' | compile nothing
refuses 'no table' 78 'cannot load nothing.so: it exports no procpool_functions' --load nothing.so --list
sed 's/PROCPOOL_WORKER_ABI/99/' half.c | compile future
refuses 'a version to come' 78 'future.so is built for version 99' --load future.so --list
sed 's/"half"/"square"/' half.c | compile square
refuses 'a stock name' 78 'two functions are called square: one of the program itself, one of ./square.so' \
  --load ./square.so --list
cp half.so functions/c.so
refuses 'a name twice' 78 'two functions are called half: one of functions/a.so, one of functions/c.so' \
  --load functions --list
rm functions/c.so
printf '#include <procpool/worker.h>\nint missing(void);\n' >undefined.part
sed '1d; s/json_number_value(argument)/missing()/' half.c | cat undefined.part - | compile undefined
refuses 'a symbol that is nowhere' 78 'cannot load undefined.so: undefined symbol: missing' \
  --load undefined.so --list

refuses 'by hand' 64 'this is a procpool worker, which procpoold starts'
refuses 'an argument' 64 "'half'" half
refuses 'an unknown option' 64 'unrecognized option' --lost
PROCPOOL_WORKER_FD=99 refuses 'no such fd' 64 'PROCPOOL_WORKER_FD does not name a stream socket'
PROCPOOL_WORKER_FD=x refuses 'no fd at all' 64 'PROCPOOL_WORKER_FD does not name a stream socket'
PROCPOOL_WORKER_FD=1 refuses 'no socket' 64 'PROCPOOL_WORKER_FD does not name a stream socket'

# Hooks of the plugin for tests.
functions=$build/tests/functions/.libs/functions.so
feed() { "$build/tests/worker/feed" "$@"; }
expect 'init and exit run once each' 'init exit' \
  "$(seq 100 | PROCPOOL_TEST_LOG=$scratch/log feed calls "$worker" --load "$functions" >/dev/null &&
    cut -d ' ' -f 1 log | tr '\n' ' ' | sed 's/ $//')"
expect 'the state is there' '1 2 3 ' "$(seq 3 | feed calls "$worker" --load "$functions" | tr '\n' ' ')"
status=0
seq 1 | PROCPOOL_TEST_INIT=fail feed calls "$worker" --load "$functions" >stdout 2>stderr || status=$?
expect 'an init that fails: no hello' 2 "$status"
expect 'and it says so' 1 "$(grep -c "functions.so: its init returned -1" stderr)"

# A worker of one's own.
{
  cat half.c
  echo 'int main(int argc, char *argv[]) { return procpool_worker_main(argc, argv, &procpool_functions); }'
} >main.c
# shellcheck disable=SC2046
${CC:-gcc} -Wall -Werror "${sanitizers[@]}" main.c $(flags) -ljansson -Wl,-rpath,"$build/worker/.libs" -o main
expect 'a program of its own' $'half\tHalf of a number.' "$(./main --list)"
expect 'which works' '2.0' "$(echo 4 | feed half ./main)"

[ "$failures" -eq 0 ] && echo "all as promised"
