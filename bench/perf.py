"""Which functions of the daemon the CPU time goes to, by perf."""

import re
import shutil
import subprocess
import time

EVENT = "cpu-clock"  # what virtual machines have, too


def record(lab, seconds=4):
    """Maps a million squares again and again while perf looks at the daemon."""
    if not shutil.which("perf"):
        return {"missing": "perf is not installed: apt-get install linux-perf"}
    daemon = lab.daemon()
    path = lab.scratch + "/perf.data"
    perf = subprocess.Popen(["perf", "record", "-q", "-e", EVENT, "-F", "2999", "-o", path, "-p", str(daemon.pid)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end and perf.poll() is None:
        lab.client("map", 1_000_000, daemon=daemon)
    perf.send_signal(2)
    error = perf.communicate()[1]
    shown = subprocess.run(["perf", "report", "-i", path, "--stdio", "-q", "--sort", "symbol,dso", "--percent-limit", "1"],
                           capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return read(shown.stdout) or {"missing": "perf cannot look here: " + (error or shown.stderr).strip().split("\n")[0]}


def read(text):
    """The lines of a report: 12.3%  [.] symbol  object."""
    symbols = []
    for line in text.split("\n"):
        found = re.match(r"\s*([\d.]+)%\s+\[(.)\]\s+(\S+)\s+(\S+)", line)
        if found:
            where = "kernel" if found[2] == "k" else found[4]
            symbols.append((float(found[1]), found[3].split("@")[0], where))
    return {"event": EVENT, "symbols": symbols[:20], "samples": "4 s of"} if symbols else None
