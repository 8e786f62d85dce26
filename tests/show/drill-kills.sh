#!/bin/bash
# kill -9 of a busy worker every 5 ms, 3 000 times, in a map of 20 000 items of half a millisecond: every item has exactly one
# outcome, right or WorkerDied, and at least 2 000 kills landed while an item ran. KILLS: another number of them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

items=20000
# Every item is another number of seconds (about half a millisecond), so a result in the wrong place is seen.
items() {
  seq "$items" | awk '{ printf "0.0005%05d\n", $1 }'
}

# Kills workers of the daemon that sleep in their item, until its standard input ends: one every 5 ms, in turns.
# Prints how many.
killer() {
  python3 - "$daemon_pid" "${KILLS:-3000}" 3<&0 <<'END'
import os, select, signal, sys, time

daemon, most, kills, due = sys.argv[1], int(sys.argv[2]), 0, time.monotonic()
# The numbers of nanosleep and clock_nanosleep where /proc tells the system call a process is in.
SLEEPS = {"x86_64": ("35", "230"), "aarch64": ("101", "115")}[os.uname().machine]

def workers():
    with open(f"/proc/{daemon}/task/{daemon}/children") as f:
        return f.read().split()

def sleeps(pid):
    try:
        with open(f"/proc/{pid}/syscall") as f:
            return f.read().split()[0] in SLEEPS
    except (OSError, IndexError):
        return False

while kills < most and not select.select([3], [], [], max(0, due - time.monotonic()))[0]:
    if time.monotonic() < due:
        continue
    for pid in workers():
        if sleeps(pid):
            os.kill(int(pid), signal.SIGKILL)
            kills += 1
            due = time.monotonic() + 0.005
            break
    else:
        time.sleep(0.0005)
print(kills)
END
}

map() {
  local status=0
  items | timeout 300 "$show_build/client/procpool" map --tag sleep >"$show_scratch/out" 2>"$show_scratch/errors" || status=$?
  echo "$status" >"$show_scratch/status"
}

now() {
  date +%s%N
}

start_daemon
echo "\$ procpool map --tag sleep, $items items of half a millisecond, undisturbed"
since=$(now)
map
echo "  $((($(now) - since) / 1000000)) ms"
expect 'outcomes' "$items" "$(wc -l <"$show_scratch/out")"
if ! cut -d ' ' -f 1 "/proc/$$/syscall" >"$show_scratch/syscall" 2>&1; then
  echo "this kernel does not tell in which system call a process is: $(cat "$show_scratch/syscall")"
  exit 77
fi

echo '$ the same, with a kill -9 every 5 ms of a worker in the middle of an item'
mkfifo "$show_scratch/life"
killer <"$show_scratch/life" >"$show_scratch/kills" &
killing=$!
exec 4>"$show_scratch/life"
since=$(now)
map
elapsed=$((($(now) - since) / 1000000))
exec 4>&-
wait "$killing"
echo "  $elapsed ms, $(cat "$show_scratch/kills") kills"

expect 'outcomes' "$items" "$(wc -l <"$show_scratch/out")"
expect 'items with an outcome' "$items" "$(sed -E 's/^\{"index": ([0-9]+),.*/\1/' "$show_scratch/out" | sort -nu | wc -l)"
died=$(grep -c '"kind": *"WorkerDied"' "$show_scratch/out" || true)
items | awk '{ printf "{\"index\": %d, \"result\": %s}\n", NR - 1, $1 }' | sort >"$show_scratch/right"
right=$(sort "$show_scratch/out" | comm -12 - "$show_scratch/right" | wc -l)
echo "  right: $right, WorkerDied: $died"
expect 'right or WorkerDied' "$items" "$((right + died))"
[ "$died" -ge 2000 ] || fail "only $died kills landed while an item ran"
procpool map square 1 2 3 >"$show_scratch/after" || fail 'the pool does not work any more'
expect 'afterwards' '1 4 9' "$(paste -sd ' ' "$show_scratch/after")"
stop_daemon
