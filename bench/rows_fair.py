"""Many at once: whether small things are answered beside large ones."""

import os
import time

from lab import NOBODY, Failed
from rounds import Row
from rows_maps import C

OTHER = NOBODY - 1  # any user but nobody: both only call


def until(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed("not in time: " + what)
        time.sleep(0.02)


def quiet(daemon):
    def idle():
        status = daemon.status()
        return (status["itemsQueued"] + status["itemsRunning"] == 0
                and all(pool["idle"] >= 2 for pool in status["pools"]))
    until("the workers are idle", idle)


def beside_map(lab, daemon, map_uid, call_uid, seconds):
    """One-item calls, one every 10 ms or as soon as the one before is answered, while a million items of 1 ms are mapped."""
    quiet(daemon)
    long = lab.start_client("map", "--function", "burn", "--same", 1000, 1_000_000, daemon=daemon, uid=map_uid)
    try:
        before = daemon.status()["itemsFinished"]
        until("the map runs", lambda: daemon.status()["itemsFinished"] > before + 500)
        sample = lab.client("calls", "--every", 10, "--seconds", seconds, daemon=daemon, uid=call_uid)
        if long.poll() is not None:
            raise Failed("the map has ended: it was not beside the calls")
    finally:
        long.kill()
        long.communicate()
    # One that waits a second for a millisecond of work is starved, whatever the others do.
    return {**sample, "starved": 1 if sample["max"] > 1 else 0}


def beside(lab, name, title, map_uid, call_uid):
    seconds = 1 if lab.quick else 5
    row = Row(name, title, budget_s=32, rounds=(3, 5), warm=False,
              note="2 workers; items of 1 ms of CPU time, so that the map alone keeps both CPUs busy; a call every 10 ms")
    daemon = lab.daemon()
    row.add("calls beside the map", lambda: beside_map(lab, daemon, map_uid, call_uid, seconds), who=C, own=True)
    row.add("calls alone", lambda: lab.client("calls", "--every", 10, "--seconds", 0.5, daemon=daemon, uid=call_uid),
            who=C, own=True)
    row.compare("calls beside the map", of="p50", how="value", unit="s")
    row.compare("calls beside the map", of="p99", how="value", unit="s", goal=("<=", 0.060))
    row.compare("calls beside the map", of="max", how="value", unit="s")
    row.compare("calls beside the map", of="starved", how="value", goal=("<=", 0))
    return row


def other_user(lab):
    row = beside(lab, "fair-user", "one-item calls beside another user's million-item map", NOBODY, OTHER)
    if os.getuid() != 0:
        row.skipped = "only root can act for two users"
    return row


def other_program(lab):
    uid = NOBODY if os.getuid() == 0 else None
    return beside(lab, "fair-program", "one-item calls beside a million-item map of another program of the user", uid, uid)


def head(lab):
    row = Row("head", "a 10 s item at the head of a 20-item chunk, a second worker idle: the other 19", budget_s=25,
              rounds=(3, 5), warm=False)
    daemon = lab.daemon()

    def run():
        quiet(daemon)
        return lab.client("head", 10, 20, daemon=daemon)

    row.add("procpool", run, who=C, own=True)
    row.compare("procpool", how="value", unit="s", goal=("<=", 0.250))
    return row
