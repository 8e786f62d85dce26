#!/bin/bash
# 1 000 clients that vanish in the middle of calls of 1 ms items: no worker is killed for it, nothing of theirs stays, and
# somebody else's map goes on.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

vanish() {
  python3 - "$socket" <<'END'
import json, random, socket, sys, time

random.seed(1)  # the same clients each time
clients = 0
while clients < 1000:
    some = []
    for _ in range(50):
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        call = {"method": "io.procpool.Map", "parameters": {"function": "sleep", "items": [0.001] * random.randrange(2, 200)}}
        if random.random() < 0.5:
            call["more"] = True
        message = json.dumps(call).encode() + b"\0"
        # Some go in the middle of the message, some in the middle of their items.
        s.sendall(message if random.random() < 0.9 else message[: len(message) // 2])
        some.append(s)
    clients += len(some)
    time.sleep(random.random() * 0.03)
    random.shuffle(some)
    for s in some:
        s.close()
print(clients, "clients came and vanished")
END
}

workers() {
  by_hand <<<'{"method":"io.procpool.Status","parameters":{"workers":true}}' |
    grep -o '"pid":[0-9]*,"state":"[a-z]*","items"' | grep -o '[0-9]*' | sort -n | paste -sd ' '
}

nothing_left() {
  [ "$(status_field itemsQueued)" -eq 0 ] && [ "$(status_field itemsRunning)" -eq 0 ]
}

start_daemon
warm() { [ "$(workers | wc -w)" -eq 2 ]; }
until_true 20 'both workers are there' warm
before=$(workers)
echo "workers: $before"
(seq 3000 | sed 's/.*/0.001/' | procpool map sleep >"$show_scratch/out") &
mapping=$!
vanish
wait "$mapping" || fail "another client's map failed"
expect "results of another client's map" 3000 "$(wc -l <"$show_scratch/out")"
until_true 20 'what the clients left is gone' nothing_left
expect 'workers' "$before" "$(workers)"
expect 'connections, with the one that asks' 1 "$(status_field connections)"
stop_daemon
