#!/bin/bash
# procpool is installed into a directory, and the examples are built there with nothing but pkg-config and
# their own Makefile. They print what they should, through the installed tool, daemon and worker.
set -euo pipefail

build=$PWD
source=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$scratch/root

failures=0
# expect WHAT EXPECTED ACTUAL
expect() {
  if [ "$2" != "$3" ]; then
    printf 'FAILED: %s\n  expected: %s\n  actual:   %s\n' "$@"
    failures=$((failures + 1))
  fi
}

# What make check may have in its environment for this build is not for another one.
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR
make -C "$build" install DESTDIR="$root" >"$scratch/install.log" 2>&1 || {
  cat "$scratch/install.log"
  exit 1
}

# variable NAME: of the build, without other variables in it.
variable() {
  make -s -C "$build" --eval "show: ; @echo '\$($1)'" show
}
bindir=$root$(variable bindir)
sbindir=$root$(variable sbindir)
libdir=$root$(variable libdir)
pkglibexecdir=$root$(variable pkglibexecdir)
export LD_LIBRARY_PATH=$libdir

# The daemon looks for procpool-launch beside itself, then where it will be installed: not below $root.
ln -s "$pkglibexecdir/procpool-launch" "$sbindir/"

# The .pc files say where the libraries will be; DESTDIR stands before that, but not before those of the system.
export PKG_CONFIG_PATH=$libdir/pkgconfig
cat >"$scratch/pkg-config" <<END
#!/bin/bash
exec pkg-config --define-variable=prefix="$root$(variable prefix)" "\$@"
END
chmod +x "$scratch/pkg-config"

# In a tree with sanitizers a program must have them from its start; plugins are loaded by one that has.
sanitizers=$(variable SANITIZER_CFLAGS)

cp -r "$source/examples" "$scratch/examples"
chmod -R u+w "$scratch/examples"
cd "$scratch/examples"
make CC="${CC:-gcc}" CFLAGS="-Wall -Wextra -Werror -O2 $sanitizers" PKG_CONFIG="$scratch/pkg-config"

# The installed tool: not with --private, for which it would look for the daemon where that will be installed.
procpool() {
  "$bindir/procpool" "$@"
}
# pool COMMAND…: with a daemon of the installation, whose workers are COMMAND. Sets $PROCPOOL_SOCKET.
pool() {
  local words
  stop_pool
  words=$(printf ',"%s"' "$@")
  export PROCPOOL_SOCKET=$scratch/socket
  "$sbindir/procpoold" --socket "$PROCPOOL_SOCKET" --set "default.command={${words:1}}" --set default.workers=2 \
    --set "default.environment={\"LD_LIBRARY_PATH=$libdir\"}" \
    >>"$scratch/daemon.log" 2>&1 </dev/null &
  daemon=$!
  local tries=200
  until procpool ping >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ] || ! kill -0 "$daemon" 2>/dev/null; then
      cat "$scratch/daemon.log"
      exit 1
    fi
    sleep 0.05
  done
}
daemon=
stop_pool() {
  local status=0
  [ -n "$daemon" ] || return 0
  kill "$daemon"
  wait "$daemon" || status=$?
  daemon=
  expect 'the daemon ends well' 0 "$status"
}
trap 'stop_pool; rm -rf "$scratch"' EXIT

# run STATUS COMMAND…: what it writes to stdout, then what it writes to stderr; its exit status is STATUS.
run() {
  local wanted=$1 status=0
  shift
  "$@" 2>"$scratch/stderr" || status=$?
  cat "$scratch/stderr"
  [ "$status" -eq "$wanted" ] || echo "exit status $status, not $wanted"
}

# wait_for FILE: until something is in it.
wait_for() {
  local tries=1000
  until [ -s "$1" ] || [ "$tries" -eq 0 ]; do
    tries=$((tries - 1))
    sleep 0.01
  done
  [ "$tries" -gt 0 ] || echo '"too late"'
}

pool "$pkglibexecdir/procpool-worker"
expect 'client: results and an error' \
  $'0: 1\n1: 4\n2: failed: ValueError: square takes a number, not a string\n3: 16\n3 of 4 succeeded' \
  "$(run 1 ./client square 1 2 '"two"' 4)"
expect 'client: nothing wrong' $'0: 81\n1 of 1 succeeded' "$(run 0 ./client square 9)"
expect 'client: a function that is nowhere' \
  'client: the daemon said io.procpool.NoSuchFunction {"function":"sqare"}' "$(run 2 ./client sqare 1 | tail -n 1)"
expect 'client: no JSON' 'client: the array of items is not JSON' "$(run 2 ./client square two | cut -d : -f 1-2)"
expect 'client: no daemon' "client: no daemon listens on $scratch/none" \
  "$(PROCPOOL_SOCKET=$scratch/none run 2 ./client square 1 | cut -d : -f 1-2)"

seq 100000 >numbers
expect 'client-loop: in order' "$(awk '{ printf "%.0f\n", $1 * $1 }' numbers | md5sum)" \
  "$(run 0 ./client-loop square <numbers 2>/dev/null | grep -v succeeded | md5sum)"
expect 'client-loop: lines that are no items' \
  $'1\nfailed: ValueError: square takes a number, not a string\n9\nclient-loop: a line is left out\n2 of 3 succeeded' \
  "$(printf '1\nbad\n"x"\n3' | run 1 ./client-loop square | sed 's/\(left out\): .*/\1/')"
expect 'client-loop: a line without an end' 'client-loop: stdin: line too long' \
  "$(head -c 100000 /dev/zero | tr '\0' 1 | run 2 timeout 20 ./client-loop square)"
expect 'client-loop: output while input still comes' 49 \
  "$({ echo 7; wait_for early; } | ./client-loop square 2>/dev/null | tee early)"

pool "$pkglibexecdir/procpool-worker" --load "$PWD/plugin.so"
expect 'plugin: values and common values' $'1.5\nnull\n-0.25\nprocpool: item 1: TypeError: scale takes a number' \
  "$(run 1 procpool map --common '{"per": 1000}' scale -- 1500 '"x"' -250)"
expect 'plugin: text' '"HE\tL\u00e9L"' "$(run 0 procpool map shout '"he\tl\u00e9l"')"
expect 'plugin: its list' $'scale\nshout' "$(procpool functions | awk '/^s(cale|hout) / { print $1 }')"

pool "$pkglibexecdir/procpool-worker" --load "$PWD/calling.so"
expect 'calling: on its own pool' $'14.0\nnull\n0.0\nprocpool: item 1: ValueError: an element has no square' \
  "$(run 1 procpool map sum_of_squares '[1, 2, 3]' '[1, "x"]' '[]')"

pool "$PWD/worker"
expect 'worker: prepared' $'false\ntrue\ntrue\nfalse' "$(run 0 procpool map prime 91 97 2 0)"
expect 'worker: errors' $'null\nprocpool: item 0: ValueError: 2000000 is not from 0 to 1999999' \
  "$(run 1 procpool map prime 2000000)"

pool "$PWD/worker.py"
expect 'worker.py: results' $'4.0\n0.5' "$(run 0 procpool map root 16 0.25)"
expect 'worker.py: text' '"́olléh 𝄞"' "$(run 0 procpool map --strings reverse '𝄞 hélló')"
expect 'worker.py: errors' $'null\nprocpool: item 0: ValueError: math domain error' "$(run 1 procpool map root -- -2)"
expect 'worker.py: their trace' 1 "$(procpool map --tag root '"x"' 2>/dev/null | grep -c 'Traceback (most recent call last)')"
expect 'worker.py: many' "$(awk '{ s += sqrt($1) } END { printf "%.3f\n", s }' numbers)" \
  "$(procpool map root <numbers | awk '{ s += $1 } END { printf "%.3f\n", s }')"

pool "$PWD/worker.pl"
expect 'worker.pl: text' '"Hello, wörld!"' "$(run 0 procpool map --strings rot13 'Uryyb, jöeyq!')"
expect 'worker.pl: common values' $'2.5\n0.3' "$(run 0 procpool map --common '{"per": 10}' divide 25 3)"
expect 'worker.pl: errors' \
  $'null\nprocpool: item 0: Error: divide takes a number, and another as "per" in the common value' \
  "$(run 1 procpool map --common '{"per": 10}' divide '"25"')"
expect 'worker.pl: many' 50005000 \
  "$(seq 10000 | procpool map --common '{"per": 1}' divide | awk '{ s += $1 } END { printf "%d\n", s }')"
stop_pool

# The lines of the README of the examples, as they stand there; "procpool --private" is the one of the built tree.
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' README.md >lines.sh
expect 'the README' "$(cat <<'END'
0: 1
1: 4
2: failed: ValueError: square takes a number, not a string
3: 16
3 of 4 succeeded
1
4
9
16
25
1.5
0.25
"HELLO"
false
true
1.4142135623730951
4.0
"olleh"
2.5
0.3
END
)" "$(PATH=$build/client:$PATH sh lines.sh 2>/dev/null)"

[ "$failures" -eq 0 ] && echo "the examples do what they say"
