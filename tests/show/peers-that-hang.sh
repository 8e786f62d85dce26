#!/bin/bash
# What happens in Python's own pools when a worker dies, or cannot start, and what happens here: side by side, each with
# a time limit of some seconds.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

limit=5

# peer TITLE: the Python program on stdin, under the limit; prints what it did.
peer() {
  local status=0
  cat >"$show_scratch/peer.py"
  setsid timeout -k 1 "$limit" python3 "$show_scratch/peer.py" >"$show_scratch/peer.out" 2>"$show_scratch/peer.err" || status=$?
  pkill -KILL -f "$show_scratch/peer.py" || true
  printf '%s\n' "$1"
  sed 's/^/    /' "$show_scratch/peer.out" | tail -n 5
  case $status in
    124 | 137) printf '    -> no end within %s s\n' "$limit" ;;
    0) printf '    -> ended\n' ;;
    *) printf '    -> exit status %s: %s\n' "$status" "$(tail -n 1 "$show_scratch/peer.err" | cut -c1-100)" ;;
  esac
  peer_status=$status
}

# ours TITLE COMMAND…: of procpool's tool; prints what it did.
ours() {
  local status=0
  printf '%s\n' "$1"
  shift
  timeout "$limit" "$show_build/client/procpool" "$@" >"$show_scratch/out" 2>"$show_scratch/err" || status=$?
  sed 's/^/    /' "$show_scratch/out" "$show_scratch/err" | tail -n 5
  [ "$status" -ne 124 ] || fail "procpool did not end within $limit s"
  printf '    -> exit status %s\n' "$status"
  our_status=$status
}

plugin=$show_build/tests/functions/.libs/functions.so
[ -e "$plugin" ] || plugin=
[ -n "$plugin" ] || fail "the tests' functions are not built: make check builds them"

echo 'A worker is killed in the middle of a map'
peer '  multiprocessing.Pool(2).map' <<'END'
import multiprocessing, os, signal
def f(x):
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(pool.map(f, range(8), chunksize=1))
END
[ "$peer_status" -ge 124 ] || echo '    (this Python has learnt it)'
peer '  concurrent.futures.ProcessPoolExecutor(2).map' <<'END'
import concurrent.futures, os, signal
def f(x):
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x
if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        done = 0
        try:
            for x in pool.map(f, range(1000)):
                done += 1
        except Exception as e:
            print(f"{done} of 1000 results, then {type(e).__name__}")
        try:
            print(pool.submit(f, 1).result())
        except Exception as e:
            print(f"afterwards: {type(e).__name__}")
END
ours '  procpool map' --private --workers 2 --load "$plugin" map --common 3 crash_if 0 1 2 3 4 5 6 7
expect 'exit status' 1 "$our_status"
expect 'results' '0 1 2 null 4 5 6 7' "$(paste -sd ' ' "$show_scratch/out")"

echo 'Workers cannot start'
peer '  multiprocessing.Pool(2, initializer=…).map' <<'END'
import multiprocessing
def f(x):
    return x
def broken():
    raise RuntimeError("no database")
if __name__ == "__main__":
    with multiprocessing.Pool(2, initializer=broken) as pool:
        print(pool.map(f, range(8)))
END
echo "    workers started in $limit s: $(grep -c 'RuntimeError: no database' "$show_scratch/peer.err" || true)"
PROCPOOL_TEST_INIT=fail ours '  procpool map' --private --workers 2 --load "$plugin" map square 1 2 3
[ "$our_status" -ne 0 ] || fail 'a pool without workers mapped'
grep -q 'cannot start' "$show_scratch/err" || fail 'it does not say why'

echo 'One item of many raises'
peer '  multiprocessing.Pool(2).map' <<'END'
import multiprocessing
def f(x):
    if x == 3:
        raise ValueError("three")
    return x
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        try:
            print(pool.map(f, range(8)))
        except ValueError as e:
            print("no results, but ValueError:", e)
END
ours '  procpool map' --private --workers 2 map square 0 1 2 '"three"' 4 5 6 7
expect 'results' '0 1 4 null 16 25 36 49' "$(paste -sd ' ' "$show_scratch/out")"
