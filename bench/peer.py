#!/usr/bin/python3
"""One of Python's pools, kept warm, that does what lines of JSON on stdin ask for.

    peer.py pool|executor|loky|serial [PROCESSES]

Each line is {"do": WHAT, …}, each answer {"s": seconds} or {"ns": [what each call took]}. The clock runs from Python's
values to Python's values; results are checked after it has stopped. `serial` is no pool: the built-in map().
"""

import json
import sys
import time

PROCESSES = int(sys.argv[2]) if len(sys.argv) > 2 else 2


def square(x):
    return x * x


def echo(x):
    return x


def wait(ms):
    time.sleep(ms / 1000)
    return ms


class Pool:
    """multiprocessing.Pool; chunk None is its own choice."""

    def __init__(self):
        import multiprocessing

        self.pool = multiprocessing.Pool(PROCESSES)

    def map(self, function, items, chunk):
        return self.pool.map(function, items, chunksize=chunk)

    def apply(self, function, item):
        return self.pool.apply(function, (item,))


class Executor:
    """concurrent.futures.ProcessPoolExecutor; its own chunk is 1."""

    def __init__(self):
        import concurrent.futures

        self.executor = concurrent.futures.ProcessPoolExecutor(PROCESSES)

    def map(self, function, items, chunk):
        return list(self.executor.map(function, items, **({"chunksize": chunk} if chunk else {})))

    def apply(self, function, item):
        return self.executor.submit(function, item).result()


class Loky:
    """joblib.Parallel, whose backend is loky."""

    def __init__(self):
        import joblib

        self.delayed = joblib.delayed
        self.make = lambda chunk: joblib.Parallel(n_jobs=PROCESSES, batch_size=chunk or "auto")

    def map(self, function, items, chunk):
        return self.make(chunk)(self.delayed(function)(item) for item in items)

    def apply(self, function, item):
        return self.make(1)([self.delayed(function)(item)])[0]


class Serial:
    def map(self, function, items, chunk):
        return list(map(function, items))

    def apply(self, function, item):
        return function(item)


def do_map(pool, n, chunk=None):
    items = list(range(n))
    begin = time.perf_counter()
    results = pool.map(square, items, chunk)
    seconds = time.perf_counter() - begin
    if len(results) != n or any(result != i * i for i, result in enumerate(results)):
        raise ValueError("a square is wrong")
    return {"s": seconds}


def do_echo(pool, n, size, chunk=None):
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    text = (alphabet * (size // 26 + 1))[:size]
    # Each item is a string of its own: pickle sends a string that comes again only once.
    items = ["".join([text[:-1], alphabet[i % 26]]) for i in range(n)]
    begin = time.perf_counter()
    results = pool.map(echo, items, chunk)
    seconds = time.perf_counter() - begin
    if results != items:
        raise ValueError("a string is wrong")
    return {"s": seconds}


def do_wait(pool, n):
    """n items that wait for a millisecond each."""
    begin = time.perf_counter()
    results = pool.map(wait, [1] * n, None)
    seconds = time.perf_counter() - begin
    if results != [1] * n:
        raise ValueError("a result is wrong")
    return {"s": seconds}


def do_apply(pool, n):
    ns = []
    for _ in range(n):
        begin = time.perf_counter_ns()
        result = pool.apply(square, 12)
        ns.append(time.perf_counter_ns() - begin)
        if result != 144:
            raise ValueError("12 squared is not 144")
    return {"ns": ns}


def main():
    kinds = {"pool": Pool, "executor": Executor, "loky": Loky, "serial": Serial}
    pool = kinds[sys.argv[1]]()
    pool.map(square, [1, 2, 3, 4], None)  # its processes are there from here on
    print(json.dumps({"ready": sys.argv[1]}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        what = {"map": do_map, "echo": do_echo, "wait": do_wait, "apply": do_apply}[request.pop("do")]
        print(json.dumps(what(pool, **request)), flush=True)


if __name__ == "__main__":
    main()
