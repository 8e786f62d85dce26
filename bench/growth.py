"""How cost grows: the same work with more of one thing."""

from lab import Missing
from rows_maps import POOL, gearmand

POWERS = [10**k for k in range(3, 8)]
SIZES = [1, 16, 256, 4096, 65536, 1 << 20]
CLIENTS = [1, 3, 10, 30, 100, 300, 1000]
WORKERS = [1, 2, 4, 8, 16, 32, 64]
# What 1000 clients and a few more need.
CONNECTIONS = "limits.user_connections=2000"


class Curve:
    def __init__(self, name, title, x, y, xs, note=""):
        self.name, self.title, self.x, self.y, self.xs, self.note = name, title, x, y, xs, note
        self.series, self.missing = [], []

    def add(self, label, run, most=None, own=False):
        """run(x) → y, for x up to most."""
        self.series.append({"label": label, "run": run, "most": most, "own": own, "points": {}})

    def try_add(self, label, prepare, **more):
        try:
            self.add(label, prepare(), **more)
        except Missing as missing:
            self.missing.append({"label": label, "how": str(missing)})

    def kept(self):
        series = [{"label": each["label"], "own": each["own"], "points": sorted(each["points"].items())}
                  for each in self.series]
        return {"name": self.name, "title": self.title, "x": self.x, "y": self.y, "note": self.note, "series": series,
                "missing": self.missing}


def measure(curve, say, rounds, xs=None):
    for i in range(rounds):
        for x in xs or curve.xs:
            for series in curve.series:
                if series["most"] is None or x <= series["most"]:
                    series["points"].setdefault(x, []).append(series["run"](x))
            say(f"{curve.name}: round {i + 1}, {x} {curve.x}")


def items(lab):
    curve = Curve("items", "Items per second, by the number of items", "items", "items/s", POWERS,
                  note="square; procpool's points above a million items are of a stream")
    daemon = lab.daemon()

    def own(n):
        options = ["--stream"] if n > 1_000_000 else []
        return n / lab.client("map", *options, n, daemon=daemon)["s"]

    curve.add("procpool", own, own=True)

    def python(kind):
        peer = lab.peer(kind)
        return lambda n: n / peer.ask("map", n=n)["s"]

    curve.try_add(f"{POOL}, default", lambda: python("pool"))
    curve.try_add("ProcessPoolExecutor, default", lambda: python("executor"), most=10_000)
    curve.try_add("joblib (loky), default", lambda: python("loky"), most=100_000)

    def gear():
        return lambda n: n / gearmand(lab, n)()["s"]

    curve.try_add("gearmand, all in flight", lambda: lab.gearmand() and gear(), most=10_000)
    curve.add("bare pipe-through", lambda n: n / lab.client("bare", "pipe", 7 * n, 13 * n)["s"])
    return curve


def sizes(lab):
    curve = Curve("sizes", "Bytes per second, by the size of one item", "bytes an item", "MB/s", SIZES,
                  note="strings to echo and back; counted one way")
    daemon = lab.daemon()

    def count(size):
        return max(32, min(200_000, (48 << 20) // size))

    curve.add("procpool", lambda size: count(size) * size / 1e6 /
              lab.client("strings", count(size), size, daemon=daemon)["s"], own=True)

    def python(kind):
        peer = lab.peer(kind)
        return lambda size: count(size) * size / 1e6 / peer.ask("echo", n=count(size), size=size)["s"]

    curve.try_add(f"{POOL}, default", lambda: python("pool"))
    curve.add("bare pipe-through", lambda size: count(size) * size / 1e6 /
              lab.client("bare", "pipe", count(size) * size, count(size) * size)["s"])
    return curve


def clients(lab):
    curve = Curve("clients", "One-item calls per second, by the number of clients", "clients", "calls/s", CLIENTS,
                  note="each client calls again as soon as it is answered")
    call = calling(lab)

    def own(n):
        sample = call(n)
        return sample["n"] / sample["s"]

    curve.add("procpool", own, own=True)
    return curve


def calling(lab):
    daemon = lab.daemon(CONNECTIONS, files=4000)
    return lambda n: lab.client("calls", "--clients", n, "--seconds", 0.7, daemon=daemon)


def latency(lab):
    curve = Curve("latency", "How long a one-item call takes, by the number of clients", "clients", "ms", CLIENTS,
                  note="each client calls again as soon as it is answered")
    call, last = calling(lab), {}

    def p50(n):
        last[n] = call(n)
        return last[n]["p50"] * 1000

    curve.add("p50", p50, own=True)
    curve.add("p99", lambda n: last[n]["p99"] * 1000, own=True)
    return curve


def workers(lab):
    curve = Curve("workers", "Items per second, by the number of workers", "workers", "items/s", WORKERS,
                  note="slots as many as workers; on two CPUs")

    def daemon(n):
        return lab.daemon(f"default.workers={n}", f"daemon.slots={n}")

    curve.add("square, 300 000 items", lambda n: 300_000 / lab.client("map", 300_000, daemon=daemon(n))["s"], own=True)

    def sleeping(n):
        count = 300 * n
        return count / lab.client("map", "--function", "sleep_ms", "--same", 1, count, daemon=daemon(n))["s"]

    curve.add("items that wait 1 ms each", sleeping, own=True)
    curve.add(f"the same, {POOL} of as many", lambda n: 300 * n / lab.peer("pool", n).ask("wait", n=300 * n)["s"])
    return curve


CURVES = [items, sizes, clients, latency, workers]
