#!/usr/bin/env python3
# A worker in Python, with nothing but its standard library; written from docs/protocol.md, part 2.
#
#     procpool --private --worker ./worker.py map root -- 2 -2 '"two"'
#     procpool --private --worker ./worker.py map --strings reverse hello
#
# Functions are plain Python: they take a value and return one, and what they raise is the error of their item.
import json
import math
import mmap
import os
import socket
import time
import traceback


def nap(seconds):
    time.sleep(seconds)
    return seconds


FUNCTIONS = {"root": math.sqrt, "reverse": lambda text: text[::-1], "nap": nap}

daemon = socket.socket(fileno=int(os.environ["PROCPOOL_WORKER_FD"]))
# The page, as words of 64 bits: progress is word 0, limit word 8. To assign one is a single store.
page = memoryview(mmap.mmap(int(os.environ["PROCPOOL_WORKER_PAGE_FD"]), 4096)).cast("Q")


def encode(value):
    # Python would write NaN, and half of a surrogate pair. Neither is JSON: the daemon would stop this worker.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def run(function, item):
    """Returns the result as JSON and None, or null and what is wrong."""
    try:
        return encode(function(item)), None
    except Exception as e:
        return b"null", {"exception": type(e).__name__, "message": str(e), "trace": traceback.format_exc()}


def report(chunk, results, errors, since, **rest):
    busy = int((time.monotonic() - since) * 1e6)
    head = encode({"chunk": chunk["chunk"], "errors": errors, "busyUs": busy, **rest})
    daemon.sendall(head[:-1] + b',"results":[' + b",".join(results) + b"]}\0")


def serve(chunk):
    results, errors, since = [], [], time.monotonic()
    for offset, item in enumerate(chunk["items"]):
        if results and time.monotonic() - since > 0.001:  # what is done does not wait for what is not
            report(chunk, results, errors, since)
            results, errors, since = [], [], time.monotonic()
        position = chunk["chunk"] << 21 | offset << 1
        page[0] = position + 1  # this item is running: it is blamed if the process dies now
        if page[8] <= position:  # the daemon wants this one back, and those behind it
            page[0] = position
            return report(chunk, results, errors, since, returned=offset)
        result, error = run(FUNCTIONS[chunk["function"]], item)
        page[0] = position + 2  # the next one is not running yet: nobody is blamed
        results.append(result)
        if error:
            errors.append({"offset": offset, **error})
    report(chunk, results, errors, since)


hello = {"protocol": 1, "runtime": "python", "page": True, "functions": [{"name": name} for name in FUNCTIONS]}
daemon.sendall(encode({"hello": hello}) + b"\0")
pending = b""
while received := daemon.recv(1 << 20):
    *messages, pending = (pending + received).split(b"\0")
    for message in map(json.loads, messages):
        if "items" in message:  # other messages bring common values, which no function here looks at
            serve(message)
