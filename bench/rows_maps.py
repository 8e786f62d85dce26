"""Many items at once: small ones, small ones one by one, large ones, costly ones."""

from rounds import Row

MILLION = 1_000_000
# What one million squares are as text: the request, the results. For the bare limit.
REQUEST_BYTES, REPLY_BYTES = 6_888_891, 12_592_500
POOL = "multiprocessing.Pool"
EXECUTOR = "ProcessPoolExecutor"
BEST = "at its best"
C, PYTHON = "C client, C function", "Python program, Python function"


def own_map(lab, n, *options):
    """A measure of procpool that also says where CPU time went, per item."""
    daemon = lab.daemon()

    def run():
        before = daemon.cpu()
        sample = lab.client("map", *options, n, daemon=daemon)
        after = daemon.cpu()
        return {**sample, "items": n, "client_s_item": sample["cpu_s"] / n, "daemon_s_item": (after[0] - before[0]) / n,
                "workers_s_item": (after[1] - before[1]) / n}

    return run


def peer_map(lab, kind, n, chunk=None):
    peer = lab.peer(kind)
    return lambda: {**peer.ask("map", n=n, chunk=chunk), "items": n}


def peer_best(lab, kind, n):
    peer = lab.peer(kind)
    return lambda chunk: {**peer.ask("map", n=n, chunk=chunk), "items": n}


def million(lab):
    few = 100_000
    row = Row("million", "1 000 000 × `square`, default chunks, from the program's numbers to their squares", items=MILLION,
              budget_s=40, rounds=(5, 15), any_of=True)
    row.add("procpool", own_map(lab, MILLION), who=C, own=True)
    row.add("procpool, json_t", own_map(lab, MILLION, "--function", "square_json"), who=C, own=True,
            note="the function gets values of jansson, not text")
    row.try_add(POOL, lambda: peer_map(lab, "pool", MILLION), who=PYTHON)
    row.try_add(f"{POOL}, {BEST}", lambda: peer_best(lab, "pool", MILLION), who=PYTHON, note="chunksize",
                choices=[1000, 10000, 50000, 250000])
    row.try_add(f"{EXECUTOR}, {BEST}", lambda: peer_best(lab, "executor", MILLION), who=PYTHON, note="chunksize",
                choices=[10000, 100000, 500000])
    row.try_add(f"joblib (loky), {BEST}", lambda: peer_best(lab, "loky", few), who=PYTHON,
                note=f"{few} items, its cost per item is the same; batch_size", choices=[10000, 50000])
    row.try_add("map() in one process", lambda: peer_map(lab, "serial", MILLION), who=PYTHON, note="no pool at all")
    row.add("bare pipe-through", lambda piece: lab.client("bare", "pipe", REQUEST_BYTES, REPLY_BYTES, piece),
            who="C", note="the same bytes over the same two hops; bytes a read and write:",
            choices=[65536, 262144])
    row.compare("procpool", POOL, goal=(">=", 3.0))
    row.compare("procpool", "bare pipe-through", goal=(">=", 0.8))
    row.compare("procpool", f"{POOL}, {BEST}")
    row.compare("procpool", f"{EXECUTOR}, {BEST}")
    row.compare("procpool", f"joblib (loky), {BEST}", how="rate")
    row.compare("procpool", "map() in one process")
    row.compare("procpool, json_t", POOL)
    row.compare("procpool", of="daemon_s_item", how="value", unit="s", headline=True)
    row.compare("procpool", of="workers_s_item", how="value", unit="s")
    row.compare("procpool", of="client_s_item", how="value", unit="s")
    row.compare("procpool", of="convert_s", how="value", unit="s")
    return row


def one_by_one(lab):
    n = 50_000
    few = 10_000  # for those that are slow: the rate counts
    row = Row("chunk1", "50 000 × `square`, chunk size 1", items=n, budget_s=75, rounds=(3, 7), warm=False)
    row.add("procpool", own_map(lab, n, "--chunk", 1), who=C, own=True)
    row.add("procpool, json_t", own_map(lab, n, "--chunk", 1, "--function", "square_json"), who=C, own=True)
    row.add("procpool, default chunks", own_map(lab, n), who=C, own=True)
    row.try_add(f"{POOL}, chunksize=1", lambda: peer_map(lab, "pool", n, 1), who=PYTHON)
    row.try_add(EXECUTOR, lambda: peer_map(lab, "executor", n), who=PYTHON)
    row.try_add("joblib (loky), batch_size=1", lambda: peer_map(lab, "loky", few, 1), who=PYTHON,
                note=f"{few} items")
    row.try_add("gearmand, all in flight", lambda: gearmand(lab, few), who=C,
                note=f"{few} items: libgearman's cost grows with the square of the tasks in flight, 50 000 take a "
                     "minute and more")
    row.try_add(f"gearmand, {BEST}", lambda: gearmand(lab, n, window=1000, threads=1), who=C,
                note="1 I/O thread, 1000 tasks in flight")
    row.try_add("gearmand, tasks of 1000 items", lambda: gearmand(lab, n, batch=1000, threads=1), who=C,
                note="the program makes chunks of its own")
    row.compare("procpool", f"{POOL}, chunksize=1", goal=(">=", 5.0))
    row.compare("procpool", EXECUTOR, goal=(">=", 20.0))
    row.compare("procpool", "gearmand, all in flight", how="rate", goal=(">=", 20.0))
    row.compare("procpool", f"gearmand, {BEST}")
    row.compare("procpool", "joblib (loky), batch_size=1", how="rate")
    row.compare("procpool, default chunks", "gearmand, tasks of 1000 items")
    return row


def gearmand(lab, n, batch=1, window=0, threads=None):
    peer = lab.gearmand(threads)
    return lambda: {**peer.map(n, batch, window), "items": n}


def large(lab):
    n, size = 200, 1_000_000
    row = Row("strings", "200 strings of 1 MB to `echo`", megabytes=200, budget_s=30, rounds=(3, 9))
    daemon = lab.daemon()
    row.add("procpool", lambda: lab.client("strings", n, size, daemon=daemon), who=C, own=True)

    def pool_echo(kind):
        peer = lab.peer(kind)
        return lambda chunk=None: peer.ask("echo", n=n, size=size, chunk=chunk)

    row.try_add(POOL, lambda: pool_echo("pool"), who=PYTHON)
    row.try_add(f"{POOL}, {BEST}", lambda: pool_echo("pool"), who=PYTHON, note="chunksize", choices=[1, 4, 12])
    row.try_add(EXECUTOR, lambda: pool_echo("executor"), who=PYTHON)
    row.try_add("joblib (loky)", lambda: pool_echo("loky"), who=PYTHON)
    row.add("bare pipe-through", lambda piece: lab.client("bare", "pipe", n * size, n * size, piece), who="C",
            note="bytes a read and write:", choices=[65536, 262144])
    row.compare("procpool", POOL, goal=(">=", 2.0))
    for peer in (f"{POOL}, {BEST}", EXECUTOR, "joblib (loky)", "bare pipe-through"):
        row.compare("procpool", peer)
    return row


def costly(lab):
    """CPU-bound items: whether two workers are twice one."""
    n, ms = 200, 10
    row = Row("scaling", "200 CPU-bound items of 10 ms, two workers against one", items=n, budget_s=30, rounds=(3, 7),
              warm=False)
    turns = int(lab.client("bare", "rate")["turns"] * ms)
    for workers in (2, 1):
        daemon = lab.daemon(f"default.workers={workers}")
        row.add(f"procpool, {workers} worker" + "s" * (workers > 1),
                lambda daemon=daemon: lab.client("map", "--function", "turns", "--same", turns, n, daemon=daemon),
                who=C, own=True)
    for processes in (2, 1):
        row.add(f"bare, {processes} process" + "es" * (processes > 1),
                lambda processes=processes: lab.client("bare", "turns", turns, n, processes), who="C",
                note="the same loop without a pool: what the machine gives")
    row.compare("procpool, 2 workers", "procpool, 1 worker", goal=(">=", 1.95))
    row.compare("bare, 2 processes", "bare, 1 process")
    return row
