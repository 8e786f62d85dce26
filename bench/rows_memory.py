"""What the daemon needs."""

import json
import os
import resource

from lab import Failed, memory
from rounds import Row, grouped
from rows_maps import C

MIB = 1 << 20
RAISED = ("limits.connections=11000", "limits.user_connections=11000")


def streamed(lab):
    n = 100_000 if lab.quick else 10_000_000
    row = Row("memory-stream", f"memory of the daemon after {grouped(n)} items were streamed", items=n,
              budget_s=40, rounds=(3, 3), warm=False)

    def run():
        daemon = lab.fresh_daemon()
        try:
            sample = lab.client("map", "--stream", n, daemon=daemon)
            return {**sample, "peak_mib": memory(daemon.pid)[1] / MIB}
        finally:
            daemon.close()

    row.add("procpool", run, who=C, own=True)
    row.compare("procpool", of="peak_mib", how="value", unit="MiB", goal=("<=", 64))
    return row


def idle(lab):
    n = 200 if lab.quick else 10_000
    row = Row("memory-idle", f"memory of the daemon with {grouped(n)} idle connections of two programs",
              budget_s=20, rounds=(3, 3), warm=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n + 1000 and os.getuid() != 0:
        row.skipped = f"RLIMIT_NOFILE is {hard}"
        return row
    row.note = "with " + " ".join("--set " + setting for setting in RAISED)

    def run():
        daemon = lab.fresh_daemon(*RAISED, files=n + 1000)
        clients = []
        try:
            before = memory(daemon.pid)[0]
            for _ in range(2):
                clients.append(lab.start_client("hold", n // 2, daemon=daemon, files=n))
            for client in clients:
                if json.loads(client.stdout.readline() or "{}").get("connections") != n // 2:
                    raise Failed("a program has not got its connections")
            if daemon.status()["connections"] < n:
                raise Failed("the daemon has not taken the connections")
            now, peak = memory(daemon.pid)
            return {"mib": now / MIB, "peak_mib": peak / MIB, "kib_each": (now - before) / n / 1024}
        finally:
            for client in clients:
                client.kill()
                client.communicate()
            daemon.close()

    row.add("procpool", run, who=C, own=True)
    row.compare("procpool", of="peak_mib", how="value", unit="MiB", goal=("<=", 80))
    row.compare("procpool", of="kib_each", how="value", unit="KiB")
    return row
