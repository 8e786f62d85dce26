"""Which functions the CPU time goes to while a million squares are mapped, by perf."""

import re
import shutil
import subprocess
import time

EVENT = "cpu-clock"  # what virtual machines have, too
SHOWN = 12


def record(lab, seconds=5):
    """Maps a million squares again and again while perf looks. Returns what report.py prints."""
    if not shutil.which("perf"):
        return {"missing": "perf is not installed: apt-get install linux-perf"}
    daemon = lab.daemon()
    path = lab.scratch + "/perf.data"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    perf = subprocess.Popen(["perf", "record", "-e", EVENT, "-F", "2999", "-o", path, "-a"], **quiet)
    end = time.monotonic() + seconds
    while time.monotonic() < end and perf.poll() is None:
        lab.client("map", 1_000_000, daemon=daemon)
    perf.send_signal(2)
    error = perf.communicate()[1]
    # Others may run programs of these names, too; clients are gone by now and known by theirs alone.
    whose = {"the daemon": f"--pid={daemon.pid}", "the workers": "--pid=" + ",".join(map(str, daemon.workers)),
             "the client": "--comm=map"}
    processes = [{"name": name, "symbols": symbols_of(path, those)} for name, those in whose.items()]
    if not any(process["symbols"] for process in processes):
        return {"missing": "perf cannot look here: " + error.strip().split("\n")[0]}
    return {"event": EVENT, "processes": processes}


def symbols_of(path, those):
    """(share, symbol, object) of some processes, the largest first."""
    done = subprocess.run(
        ["perf", "report", "-i", path, "--stdio", "-q", those, "--percentage", "relative", "--sort", "symbol,dso"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return read(done.stdout)


def read(text):
    """The lines of a report: 12.3%  [.] symbol  object."""
    symbols = []
    for line in text.split("\n"):
        found = re.match(r"\s*([\d.]+)%\s+\[(.)\]\s+(\S+)\s+(\S+)", line)
        if found and float(found[1]) >= 1:
            where = "kernel" if found[2] == "k" else re.sub(r"\.so.*", "", found[4])
            symbols.append((float(found[1]), found[3].split("@")[0], where))
    return symbols[:SHOWN]
