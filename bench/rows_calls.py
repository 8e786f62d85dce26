"""One item at a time: from programs, from the shell."""

import os

from lab import Failed
from rounds import Row, grouped
from rows_maps import C, PYTHON

# The bytes of one Apply of square, there and back.
REQUEST = len('{"method":"io.procpool.Apply","parameters":{"function":"square","argument":12}}') + 1
REPLY = len('{"parameters":{"result":144}}') + 1


def pinned(lab):
    """All processes on one CPU: what a round trip costs, without what waking another CPU costs."""
    n, cpus = 5000, {min(os.sched_getaffinity(0))}
    row = Row("pinned", "one `Apply` after the other, all processes on one CPU", budget_s=12, rounds=(5, 11))
    daemon = lab.daemon(cpus=cpus)
    row.add("procpool", lambda: lab.client("calls", n, daemon=daemon, cpus=cpus), who=C, own=True)
    row.add("bare round trip", lambda: lab.client("bare", "round", n, REQUEST, REPLY, cpus=cpus), who="C",
            note="the same bytes over two hops")
    row.compare("procpool", "bare round trip", of="p50", how="share", goal=("<=", 1.5))
    row.compare("procpool", "bare round trip", of="p99", how="share")
    return row


def unpinned(lab):
    n = 5000
    row = Row("apply", "the same, on whatever CPU", budget_s=25, rounds=(5, 11))
    daemon = lab.daemon()
    row.add("procpool", lambda: lab.client("calls", n, daemon=daemon), who=C, own=True)

    def apply(kind, calls):
        peer = lab.peer(kind)
        return lambda: peer.ask("apply", n=calls)

    row.try_add("Pool.apply", lambda: apply("pool", n), who=PYTHON)
    row.try_add("Executor.submit().result()", lambda: apply("executor", n), who=PYTHON)
    row.try_add("joblib (loky), one item", lambda: apply("loky", 200), who=PYTHON, note="200 calls")
    row.add("bare round trip", lambda: lab.client("bare", "round", n, REQUEST, REPLY), who="C")
    row.compare("procpool", "Pool.apply", of="p50", how="share", goal=("<=", 0.5))
    row.compare("procpool", "Pool.apply", of="p99", how="share", goal=("<=", 1.0))
    for peer in ("Executor.submit().result()", "joblib (loky), one item", "bare round trip"):
        row.compare("procpool", peer, of="p50", how="share")
    return row


POOL_PROGRAM = """
from multiprocessing import Pool
def square(x): return x * x
with Pool(2) as pool: print(*pool.map(square, [1, 2, 3]))
"""


def three(lab):
    row = Row("shell3", "`procpool map square 1 2 3`, a whole process, the daemon warm", budget_s=20, rounds=(5, 11))
    daemon = lab.daemon()

    def whole(n, *command, daemon=None):
        return lambda: lab.whole(n, command, daemon)

    row.add("procpool map", whole(50, lab.place.procpool, "map", "square", "1", "2", "3", daemon=daemon),
            who="C tool, C function", own=True)
    row.add("python3 -c, a Pool", whole(3, lab.python, "-c", POOL_PROGRAM), who=PYTHON,
            note="its pool is started each time")
    row.try_add("GNU parallel", lambda: whole(2, lab.tool("parallel", "parallel"), "-k", "-j2", "echo $(({}*{}))", ":::",
                                              "1", "2", "3"), who="Perl, sh", note="a process for each item")
    row.try_add("xargs -P2", lambda: whole(5, "sh", "-c", f"printf '%s\\n' 1 2 3 | {lab.tool('xargs', 'findutils')} "
                                           "-P2 -n1 sh -c 'echo $(($1*$1))' sh"), who="C, sh",
                note="a process for each item; results in any order")
    row.compare("procpool map", "python3 -c, a Pool", of="p50", how="share", goal=("<=", 0.05))
    row.compare("procpool map", "GNU parallel", of="p50", how="share", goal=("<=", 0.05))
    row.compare("procpool map", "xargs -P2", of="p50", how="share")
    return row


def ten_thousand(lab):
    n = 500 if lab.quick else 10_000
    row = Row("shell10k", f"{grouped(n)} trivial jobs from the shell, a line of input each (xargs and parallel "
              "start a process for each, procpool does not)", items=n, budget_s=70, rounds=(3, 5),
              warm=False,
              note="procpool's functions live in workers that are there already; what must be a program of its own for each "
                   "job cannot gain this")
    daemon = lab.daemon()
    few = n // 5

    def pipe(*command, in_order=True, daemon=None, jobs=n):
        """The whole command, from its start to its end; its output is checked."""
        with open(f"{lab.scratch}/{jobs}", "w") as file:
            file.writelines(f"{i + 1}\n" for i in range(jobs))

        def run():
            answer = lab.whole(1, ["sh", "-c", 'cd "$1"; in=$2; shift 2; exec "$@" <"$in" >out', "sh", lab.scratch,
                                   str(jobs), *command], daemon)
            with open(lab.scratch + "/out") as file:
                numbers = [int(word) for word in file.read().split()]
            if (numbers if in_order else sorted(numbers)) != list(range(1, jobs + 1)):
                raise Failed("the output is not the input")
            return {"s": answer["p50"], "items": jobs}
        return run

    row.add("procpool map echo", pipe(lab.place.procpool, "map", "echo", daemon=daemon), who="C tool, C function", own=True)
    row.try_add("xargs -P2 -n1 echo", lambda: pipe(lab.tool("xargs", "findutils"), "-P2", "-n1", "echo", in_order=False),
                who="C", note="results in any order")
    row.try_add("parallel -k -j2 echo", lambda: pipe(lab.tool("parallel", "parallel"), "-k", "-j2", "echo", jobs=few),
                who="Perl", note=f"{grouped(few)} jobs, to save time: each costs it the same")
    row.try_add("xargs -P2 -n5000 echo", lambda: pipe(lab.tool("xargs", "findutils"), "-P2", "-n5000", "echo",
                                                      in_order=False),
                who="C", note="at its best: 2 processes in all, which only a program of many arguments allows")
    row.try_add("parallel -k -j2 -X echo", lambda: pipe(lab.tool("parallel", "parallel"), "-k", "-j2", "-X", "echo"),
                who="Perl", note="at its best: as many arguments a process as fit")
    row.compare("procpool map echo", "xargs -P2 -n1 echo", goal=(">=", 20.0))
    row.compare("procpool map echo", "parallel -k -j2 echo", how="rate", goal=(">=", 50.0))
    row.compare("procpool map echo", "xargs -P2 -n5000 echo")
    row.compare("procpool map echo", "parallel -k -j2 -X echo")
    return row
