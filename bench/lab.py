"""What a measure needs: daemons, clients and peers, started for it and ended after it."""

import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
PATIENCE_S = 600  # no single measurement takes longer; one that hangs must not hang all
NOBODY = 65534


class Missing(Exception):
    """A peer that is not installed; the text says how it can be."""


class Failed(Exception):
    """A program of a measure that did not do what it should."""


def latencies(ns):
    """What is kept of many times: sorted nanoseconds to seconds at some points."""
    ns = sorted(ns)

    def at(share):
        return ns[min(len(ns) - 1, int(share * len(ns)))] / 1e9

    kept = {"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": ns[-1] / 1e9, "n": len(ns)}
    kept["quantiles"] = [round(at(i / 10), 9) for i in range(10)]
    return kept


def cpu_ns(pid):
    """CPU time of a process, from the scheduler: clock ticks are too coarse."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0])


def memory(pid):
    """Resident bytes of a process, now and at most."""
    sizes = {}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(("VmRSS", "VmHWM")):
                sizes[line.split(":")[0]] = int(line.split()[1]) * 1024
    return sizes["VmRSS"], sizes["VmHWM"]


def child_setup(cpus, files):
    """What a child process does before its program: CPUs it may use, descriptors it may open."""
    if cpus is None and files is None:
        return None

    def setup():
        if cpus is not None:
            os.sched_setaffinity(0, cpus)
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    return setup


def as_user(uid):
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


class Daemon:
    """procpoold with shipped defaults, but for what settings say."""

    def __init__(self, lab, settings=(), cpus=None, files=None):
        self.directory = tempfile.mkdtemp(dir=lab.scratch)
        os.chmod(self.directory, 0o755)
        self.socket = self.directory + "/socket"
        command = [lab.place.procpoold, "--socket", self.socket]
        for setting in lab.place.settings(settings):
            command += ["--set", setting]
        self.log = open(self.directory + "/log", "w")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=lab.environment,
            preexec_fn=child_setup(cpus, files))
        self._wait()
        self.pid = self.process.pid
        self.workers = [worker["pid"] for worker in self.status()["workers"]]
        os.chmod(self.socket, 0o666)  # for clients of another user

    def _wait(self):
        until = time.monotonic() + 30
        while True:
            try:
                if self.status()["state"] == "running":
                    return
            except (FileNotFoundError, ConnectionRefusedError):
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                with open(self.directory + "/log") as log:
                    raise Failed("procpoold does not start: " + log.read().strip())
            time.sleep(0.01)

    def status(self):
        call = {"method": "io.procpool.Status", "parameters": {"workers": True}}
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(30)
            peer.connect(self.socket)
            peer.sendall(json.dumps(call).encode() + b"\0")
            reply = b""
            while not reply.endswith(b"\0"):
                piece = peer.recv(65536)
                if not piece:
                    raise Failed("procpoold closed the connection")
                reply += piece
        return json.loads(reply[:-1])["parameters"]

    def cpu(self):
        """CPU seconds so far: of the daemon, and of all its workers."""
        return cpu_ns(self.pid) / 1e9, sum(cpu_ns(pid) for pid in self.workers) / 1e9

    def close(self):
        self.process.kill() if self.process.poll() is None else None
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory)


class Peer:
    """A pool of Python's in a process of its own; see peer.py."""

    def __init__(self, lab, kind, processes):
        self.process = subprocess.Popen(
            [lab.python, HERE + "/peer.py", kind, str(processes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed("peer.py ended")
        return json.loads(line)

    def ask(self, do, **request):
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        return latencies(answer["ns"]) if "ns" in answer else answer

    def close(self):
        # The pool's processes are in the session that was made for it.
        os.killpg(self.process.pid, 9)
        self.process.wait()


class Gearmand:
    """gearmand, and two workers of libgearman."""

    def __init__(self, lab, threads=None):
        try:
            self.program = shutil.which("gearmand") and lab.place.program("gearman")
        except FileNotFoundError:
            self.program = None
        if not self.program:
            raise Missing("apt-get install gearman-job-server libgearman-dev")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        command = ["gearmand", "--listen", "127.0.0.1", "--port", self.port, "--log-file", "none", "--http-port", "0",
                   "--pid-file", lab.scratch + "/gearmand.pid", "--user", "root" if os.getuid() == 0 else ""]
        if os.getuid() != 0:
            command = command[:-2]
        if threads:
            command += ["--threads", str(threads)]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes = [subprocess.Popen(command, **quiet)]
        self._wait()
        for _ in range(2):
            self.processes.append(subprocess.Popen([self.program, "worker", self.port], **quiet))

    def _wait(self):
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", int(self.port))).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise Failed("gearmand does not listen")

    def map(self, n, batch=1, window=0):
        return run_json([self.program, "client", self.port, str(n), str(batch), str(window)])

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def run_json(command, **options):
    """Runs a program of bench/ that prints one JSON object."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
                          **options)
    if done.returncode != 0:
        raise Failed(f"{os.path.basename(command[0])}: status {done.returncode}: {done.stderr.strip()}")
    answer = json.loads(done.stdout)
    if "ns" in answer:
        answer = {**latencies(answer.pop("ns")), **answer}
    return answer


class Lab:
    def __init__(self, place, python, quick=False):
        self.place = place
        self.python = python
        self.quick = quick
        self.scratch = tempfile.mkdtemp(prefix="procpool-bench-")
        os.chmod(self.scratch, 0o755)
        self.environment = {**os.environ, **place.environment}
        self.environment.pop("PROCPOOL_SOCKET", None)
        self.started = {}

    def _once(self, key, make):
        if key not in self.started:
            self.started[key] = make()
        return self.started[key]

    def daemon(self, *settings, cpus=None, files=None):
        """A daemon with these settings, the same one as long as the row lasts."""
        key = ("daemon", settings, str(cpus), files)
        return self._once(key, lambda: Daemon(self, settings, cpus, files))

    def fresh_daemon(self, *settings, files=None):
        """One that the caller closes."""
        return Daemon(self, settings, files=files)

    def peer(self, kind, processes=2):
        if kind == "loky":
            probe = subprocess.run([self.python, "-c", "import joblib"], stderr=subprocess.DEVNULL)
            if probe.returncode != 0:
                raise Missing("apt-get install python3-joblib")
        return self._once(("peer", kind, processes), lambda: Peer(self, kind, processes))

    def gearmand(self, threads=None):
        return self._once(("gearmand", threads), lambda: Gearmand(self, threads))

    def tool(self, name, package):
        """The path of a program of the system."""
        path = shutil.which(name)
        if not path:
            raise Missing("apt-get install " + package)
        return path

    def _client_environment(self, daemon):
        return {**self.environment, "PROCPOOL_SOCKET": daemon.socket} if daemon else self.environment

    def client(self, name, *arguments, daemon=None, cpus=None, uid=None):
        """Runs a client of bench/ to its end."""
        return run_json([self.place.program(name), *map(str, arguments)], env=self._client_environment(daemon),
                        preexec_fn=child_setup(cpus, None), **as_user(uid))

    def start_client(self, name, *arguments, daemon=None, uid=None, files=None):
        """Starts one; the caller ends it."""
        return subprocess.Popen(
            [self.place.program(name), *map(str, arguments)], env=self._client_environment(daemon), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=child_setup(None, files), **as_user(uid))

    def whole(self, n, command, daemon=None):
        """Whole processes, each from its start to its end."""
        return run_json([self.place.program("spawn"), str(n), *command], env=self._client_environment(daemon))

    def clean(self):
        """Between two rows."""
        for thing in self.started.values():
            thing.close()
        self.started = {}

    def close(self):
        self.clean()
        shutil.rmtree(self.scratch)
