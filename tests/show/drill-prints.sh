#!/bin/bash
# A worker prints 1 GiB, in lines as short as they can be, while another client makes calls: the calls are answered as
# ever, the log gets a few thousand lines and how many it did not get, and the printer's call ends well.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bytes=$((1 << 30))
calls=300

# $calls calls of square, one after the other: prints "MEDIAN MAXIMUM" in microseconds.
latencies() {
  timeout 300 python3 - "$socket" "$calls" <<'END'
import socket, sys, time

client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
call = b'{"method":"io.procpool.Apply","parameters":{"function":"default/square","argument":12}}\0'
took = []
for _ in range(int(sys.argv[2])):
    began, reply = time.monotonic(), b""
    client.sendall(call)
    while not reply.endswith(b"\0"):
        reply += client.recv(4096)
    took.append(time.monotonic() - began)
    assert reply.replace(b" ", b"") == b'{"parameters":{"result":144}}\0', reply
    time.sleep(0.002)
took.sort()
print(int(took[len(took) // 2] * 1e6), int(took[-1] * 1e6))
END
}

# What the daemon has used of a CPU, in milliseconds.
daemon_cpu() {
  awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%d\n", ($12 + $13) * 1000 / tick }' "/proc/$daemon_pid/stat"
}

functions=$show_build/tests/functions/.libs/functions.so
[ -e "$functions" ] || { echo "the test functions are not built: make check TESTS="; exit 77; }
start_daemon --set "printer.command={\"$show_build/worker/procpool-worker\", \"--load\", \"$functions\"}" \
  --set printer.workers=1

echo "\$ $calls calls, undisturbed"
read -r median most < <(latencies)
echo "  median $median µs, slowest $most µs"

before=$(daemon_cpu)
printf '"yes | head -c %d >&2"\n' "$bytes" |
  timeout 300 "$show_build/client/procpool" map shell >"$show_scratch/out" 2>"$show_scratch/errors" &
printing=$!
until_true 60 'the log is full' grep -q 'more lines were not logged' "$show_scratch/daemon.log"
echo "\$ the same, while a worker prints $bytes bytes"
read -r median_meanwhile most_meanwhile < <(latencies)
echo "  median $median_meanwhile µs, slowest $most_meanwhile µs"
kill -0 "$printing" 2>/dev/null && echo '  (and it still prints)'
# Generous: a loop that is held answers after seconds.
below 'median in µs' $((20 * median + 50000)) "$median_meanwhile"

status=0
wait "$printing" || status=$?
expect 'the printer ends with status' 0 "$status"
echo "  the daemon used $(($(daemon_cpu) - before)) ms of a CPU in all"

stop_daemon
dropped=$(sed -nE 's/.*printer\/[0-9]+: ([0-9]+) more lines were not logged.*/\1/p' "$show_scratch/daemon.log" | awk '{ n += $1 } END { print n }')
logged=$(grep -c 'printer/[0-9]*: y$' "$show_scratch/daemon.log")
echo "  $logged lines logged, $dropped counted"
expect 'lines logged or counted' $((bytes / 2)) $((logged + dropped))
