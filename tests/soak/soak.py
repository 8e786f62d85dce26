#!/usr/bin/env python3
"""Mixed load for a while: maps, streams and single calls of several processes, of which some vanish, while workers are killed
and the pool is resized and reloaded. Every request must be answered exactly once, rightly; and afterwards the daemon must have the
descriptors, children and memory that it had before.

    soak.py BUILD SECONDS [SEED]
"""
import atexit
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

build, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1
CLIENTS = 6


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(path)
        self.rest = b""

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def call(self, method, parameters, **flags):
        self.send({"method": "io.procpool." + method, "parameters": parameters, **flags})

    def receive(self):
        while b"\0" not in self.rest:
            more = self.socket.recv(1 << 20)
            if not more:
                raise EOFError(self.rest[:200])
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)


class Tally(dict):
    def add(self, key, n=1):
        self[key] = self.get(key, 0) + n


def check(items, results, errors, tally):
    """Every item has one outcome: the right result, or an error that a kill explains."""
    failed = {error["index"]: error for error in errors}
    assert len(failed) == len(errors) and len(results) == len(items), "not one outcome for each item"
    for index, (item, result) in enumerate(zip(items, results)):
        if index in failed:
            assert failed[index]["kind"] == "WorkerDied", failed[index]
        else:
            assert result == item * item, (index, item, result)
    tally.add("items", len(items))
    tally.add("WorkerDied", len(errors))


def collect(connection, first, tally):
    """The batches of a stream, or of a Map with more, that begin with this message."""
    results, errors, message = [], [], first
    while True:
        reply = message.get("parameters", message) if "summary" not in message else message
        if "error" in message:
            raise AssertionError(message)
        if "results" in reply:
            assert reply["first"] == len(results), "a batch is missing, or came twice"
            results += reply["results"]
            errors += reply.get("errors", [])
        if "summary" in reply:
            return results, errors
        message = connection.receive()


def numbers(random_):
    return [random_.randrange(10**6) for _ in range(random_.choice([0, 1, 2, 30, 1000, 20000]))]


def act_map(connection, random_, tally):
    items = numbers(random_)
    connection.call("Map", {"function": "square", "items": items})
    reply = connection.receive()["parameters"]
    check(items, reply["results"], reply.get("errors", []), tally)


def act_batches(connection, random_, tally):
    items = numbers(random_)
    options = random_.choice([{}, {"chunkSize": 1}, {"maxWorkers": 1}, {"retries": 1}, {"priority": 5}])
    connection.call("Map", {"function": "square", "items": items, "options": options}, more=True)
    check(items, *collect(connection, connection.receive(), tally), tally)


def act_apply(connection, random_, tally):
    for _ in range(random_.randrange(50)):
        item = random_.randrange(10**6)
        connection.call("Apply", {"function": "square", "argument": item})
        reply = connection.receive()
        if "error" in reply:
            assert reply["parameters"]["item"]["kind"] == "WorkerDied", reply
            tally.add("WorkerDied")
        else:
            assert reply["parameters"]["result"] == item * item, reply
        tally.add("items")


def act_stream(connection, random_, tally):
    items = numbers(random_)
    connection.call("Stream", {"function": "square"}, upgrade=True)
    assert "request" in connection.receive()["parameters"]
    at = 0
    while at < len(items):
        n = random_.randrange(1, 3000)
        connection.send({"items": items[at : at + n]})
        at += n
    connection.send({"end": True})
    check(items, *collect(connection, connection.receive(), tally), tally)
    return "over"


def act_vanish(connection, random_, tally):
    connection.call("Map", {"function": "sleep", "items": [0.001] * random_.randrange(1, 300)})
    time.sleep(random_.random() * 0.02)
    tally.add("vanished")
    return "over"


def client(path, number, until):
    random_ = random.Random(f"{seed} {number}")
    actions = [act_map, act_batches, act_apply, act_apply, act_stream, act_vanish]
    tally, connection = Tally(), None
    while time.monotonic() < until:
        connection = connection or Connection(path)
        if random_.choice(actions)(connection, random_, tally) == "over" or random_.random() < 0.05:
            connection.socket.close()
            connection = None
        tally.add("requests")
    return tally


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return f.read().split()


def busy(path):
    """Workers at work: one that is killed before it was given anything counts as one that cannot start."""
    connection = Connection(path)
    connection.call("Status", {"workers": True})
    workers = connection.receive()["parameters"]["workers"]
    connection.socket.close()
    return [worker["pid"] for worker in workers if worker["state"] == "busy"]


def measure(pid):
    with open(f"/proc/{pid}/status") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
    return {"fds": len(os.listdir(f"/proc/{pid}/fd")), "children": len(children(pid)), "rss KiB": rss}


def settle(path, pid, workers):
    """Waits until nothing runs and the workers are there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = Connection(path)
        connection.call("Status", {})
        status = connection.receive()["parameters"]
        connection.socket.close()
        pool = status["pools"][0]
        if status["itemsRunning"] == 0 and status["connections"] == 1 and pool["idle"] == workers == len(children(pid)):
            time.sleep(1.5)  # the daemon gives memory back a second after it was busy
            return measure(pid)
        time.sleep(0.1)
    sys.exit(f"nothing settles: {status}")


def configure(conf, generation):
    """Another environment: all workers are replaced."""
    with open(conf + ".new", "w") as f:
        f.write('pool default {\n command = {"%s/worker/procpool-worker"}\n workers = 2\n environment = {"GENERATION=%d"}\n}\n'
                % (os.path.realpath(build), generation))
    os.rename(conf + ".new", conf)


def trouble(path, daemon, until, tally, conf):
    random_ = random.Random(f"{seed} trouble")
    while time.monotonic() < until:
        time.sleep(random_.random() * 0.2)
        kind = random_.random()
        if kind < 0.8:
            victims = busy(path)
            if victims:
                try:
                    os.kill(random_.choice(victims), signal.SIGKILL)
                    tally.add("kills")
                except ProcessLookupError:
                    pass
        elif kind < 0.9:
            connection = Connection(path)
            connection.call("Resize", {"pool": "default", "workers": random_.randrange(1, 5)})
            assert "before" in connection.receive()["parameters"]
            connection.socket.close()
            tally.add("resizes")
        else:
            configure(conf, tally.get("reloads", 0) + 1)
            daemon.send_signal(signal.SIGHUP)
            tally.add("reloads")


def main():
    directory = tempfile.mkdtemp()
    path, conf = directory + "/socket", directory + "/conf"
    configure(conf, 0)
    log = open(directory + "/log", "w")
    daemon = subprocess.Popen([build + "/daemon/procpoold", "--config", conf, "--socket", path], stderr=log)
    atexit.register(daemon.kill)
    while not os.path.exists(path):
        time.sleep(0.02)

    # What a first round of everything leaves is there for good.
    tally = Tally()
    for warm_up in (True, False):
        until = time.monotonic() + (min(5, seconds / 4) if warm_up else seconds)
        pids = []
        for number in range(CLIENTS):
            end, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                try:
                    os.write(write, json.dumps(client(path, number, until)).encode())
                    os._exit(0)
                except BaseException as e:
                    print(f"client {number}: {type(e).__name__}: {str(e)[:500]}", file=sys.stderr)
                    os._exit(1)
            os.close(write)
            pids.append((pid, end))
        trouble(path, daemon, until, tally, conf)
        for pid, end in pids:
            text = os.read(end, 65536)
            if os.waitpid(pid, 0)[1] != 0 or not text:
                sys.exit("a client failed: see above")
            for key, n in json.loads(text).items():
                tally.add(key, n)
            os.close(end)
        connection = Connection(path)
        connection.call("Resize", {"pool": "default", "workers": 2})
        connection.receive()
        connection.socket.close()
        now = settle(path, daemon.pid, 2)
        if warm_up:
            before = now
    print("did:   ", ", ".join(f"{n} {key}" for key, n in sorted(tally.items())))
    print("before:", before)
    print("after: ", now)
    daemon.terminate()
    status = daemon.wait(60)
    assert status == 0, f"the daemon ended with {status}: see {log.name}"
    assert now["fds"] == before["fds"] and now["children"] == before["children"]
    assert now["rss KiB"] <= before["rss KiB"] * 1.25 + 4096, "memory grew"
    for name in ("conf", "log"):
        os.unlink(f"{directory}/{name}")
    os.rmdir(directory)
    print("1 passed, 0 failed")


main()
