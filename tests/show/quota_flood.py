"""quota_flood.py SOCKET oneway|unread N: clients that take more than their share; what others are told meanwhile."""

import json
import os
import socket
import sys
import time

path, what, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
STRANGER = 65534


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


def message(method, parameters, **flags):
    return json.dumps({"method": "io.procpool." + method, "parameters": parameters, **flags}).encode() + b"\0"


def receive(s):
    text = b""
    while not text.endswith(b"\0"):
        piece = s.recv(65536)
        if not piece:
            return None
        text += piece
    return json.loads(text[:-1])


def ask(s, method, parameters):
    s.sendall(message(method, parameters))
    reply = receive(s)
    return reply.get("error") or reply["parameters"]


def another(whose, uid=None):
    """Another program, of the same user or of another one, makes a call."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        if uid is not None:
            os.setuid(uid)
        begin = time.monotonic()
        answer = ask(connect(), "Apply", {"function": "square", "argument": 12})
        print(f"  {whose} gets {answer} after {time.monotonic() - begin:.1f} s", flush=True)
        os._exit(0)
    os.waitpid(child, 0)


def oneway():
    """Sends until nothing more is taken for a second."""
    s, call, sent = connect(), message("Apply", {"function": "sleep", "argument": 5}, oneway=True), 0
    s.setblocking(False)
    calls, deadline = memoryview(call * n), time.monotonic() + 1
    while sent < len(calls) and time.monotonic() < deadline:
        try:
            sent += s.send(calls[sent : sent + 65536])
            deadline = time.monotonic() + 1
        except BlockingIOError:
            time.sleep(0.01)
    print(f"  sent: {sent // len(call)} of {n}; the rest was not read")
    return s


def unread():
    """Each asks for 15 results of 1 MB in one reply."""
    call = message("Map", {"function": "big", "items": [1000000] * 15})
    waiting = [connect() for _ in range(n)]
    for s in waiting:
        s.sendall(call)
    return waiting


def settle():
    """Waits until the daemon's numbers do not change any more."""
    s, before = connect(), None
    while True:
        status = ask(s, "Status", {})
        now = [status[key] for key in ("itemsQueued", "itemsRunning", "itemsFinished")]
        if now == before:
            print(f"  queued: {now[0]} items, running: {now[1]}")
            return
        before = now
        time.sleep(1)


clients = oneway() if what == "oneway" else unread()
settle()
if what == "unread":
    answers = {}
    for client in clients:
        client.settimeout(0.2)
        # An error is short; of a reply only the beginning is taken.
        kind = "an error" if client.recv(64).startswith(b'{"error"') else "a reply that they do not read"
        answers[kind] = answers.get(kind, 0) + 1
    print("  they have: " + ", ".join(f"{number} {kind}" for kind, number in sorted(answers.items())))
another("another program of the same user")
if os.getuid() == 0:
    another("another user", STRANGER)
