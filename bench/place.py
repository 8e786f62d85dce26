"""Where the programs are that are measured: installed for it, or in a built tree."""

import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.dirname(HERE)


class Place:
    """procpool, procpoold: paths. command: of workers; needed: the daemon does not find it itself. terms: in words."""

    def __init__(self, procpool, procpoold, tree, command, needed, environment, terms):
        self.procpool, self.procpoold, self.tree = procpool, procpoold, tree
        self.command = "default.command={" + ",".join(f'"{word}"' for word in command) + "}"
        self.needed, self.environment, self.terms = needed, environment, terms

    def settings(self, more):
        """What --set is given. Who says anything about the pool must name its command as well."""
        command = self.needed or any(setting.startswith("default.") for setting in more)
        return ([self.command] if command else []) + list(more)

    def program(self, name):
        """A program of bench/. Libtool's own scripts around them are avoided where we can."""
        for path in (f"{self.tree}/bench/.libs/{name}", f"{self.tree}/bench/{name}"):
            if os.access(path, os.X_OK) and (self.environment or "/.libs/" not in path):
                return path
        raise FileNotFoundError(f"{self.tree}/bench/{name} is not built: make bench-programs")


def built(tree):
    """A tree that is only built: for trying a measure out."""
    tree = os.path.realpath(tree)
    command = [tree + "/worker/procpool-worker", "--load", tree + "/bench/.libs/functions.so"]
    return Place(tree + "/client/procpool", tree + "/daemon/procpoold", tree, command, True, {},
                 f"as built in {os.path.relpath(tree)}, not installed: for trying out")


def run(command, log, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)} failed; see {log.name}")


def installed(base):
    """Configures with -O2 and no sanitizer in base/tree, builds, and installs to base/installed."""
    tree, prefix = base + "/tree", base + "/installed"
    os.makedirs(tree, exist_ok=True)
    if not os.path.exists(SOURCE + "/configure"):
        raise SystemExit("bench: there is no configure yet: run ./autogen.sh")
    if os.path.exists(SOURCE + "/config.status"):
        raise SystemExit("bench: the source is configured in place; it must be built in a directory of its own "
                         "(mkdir -p build/gcc && cd build/gcc && ../../configure)")
    with open(base + "/build.log", "w") as log:
        if not os.path.exists(tree + "/config.status"):
            run([SOURCE + "/configure", "--prefix=" + prefix, "--with-systemdsystemunitdir=no", "CC=gcc", "CFLAGS=-O2"],
                log, cwd=tree)
        jobs = f"-j{len(os.sched_getaffinity(0))}"
        shutil.rmtree(prefix, ignore_errors=True)
        run(["make", jobs], log, cwd=tree)
        run(["make", "install"], log, cwd=tree)
        run(["make", jobs, "bench-programs"], log, cwd=tree)
        if os.path.exists(tree + "/bench/gearman"):
            os.unlink(tree + "/bench/gearman")
        # Without libgearman this fails, and the rows of gearmand say so.
        subprocess.run(["make", "bench/gearman"], cwd=tree, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    functions = prefix + "/lib/procpool/functions"
    os.makedirs(functions, exist_ok=True)
    shutil.copy(tree + "/bench/.libs/functions.so", functions)
    command = [prefix + "/libexec/procpool/procpool-worker", "--load", functions]
    return Place(prefix + "/bin/procpool", prefix + "/sbin/procpoold", tree, command, False,
                 {"LD_LIBRARY_PATH": prefix + "/lib"}, "gcc -O2, no sanitizers, installed, the daemon's defaults")
