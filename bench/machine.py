"""What was measured, and where."""

import datetime
import os
import platform
import re
import shutil
import subprocess

from place import SOURCE


def said(*command):
    """The first line a program prints, or ""."""
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""


def field(path, name):
    try:
        with open(path) as file:
            for line in file:
                if line.startswith(name):
                    return re.sub(r"^[^:=]*[:=]\s*", "", line).strip().strip('"')
    except OSError:
        pass
    return ""


def commit():
    here = ["git", "-C", SOURCE]
    name = said(*here, "rev-parse", "--short=12", "HEAD")
    changed = said(*here, "status", "--porcelain", "--untracked-files=no", "--", ":!docs/performance*", ":!bench/results")
    return (name or "unknown, no git") + (" with changes" if changed else "")


def versions(place, python):
    library = said("pkg-config", "--modversion", "libevent_core"), said("pkg-config", "--modversion", "jansson")
    joblib = said(python, "-c", "import joblib; print(joblib.__version__)")
    found = {
        "procpool": said(place.procpool, "--version").replace("procpool ", ""),
        "gcc": said("gcc", "-dumpfullversion"),
        "glibc": platform.libc_ver()[1],
        "libevent": library[0],
        "jansson": library[1],
        "Python": platform.python_version(),
        "joblib": joblib,
        "gearmand": said("gearmand", "--version").replace("gearmand", "").split(" - ")[0].strip(),
        "GNU parallel": said("parallel", "--version").replace("GNU parallel", "").strip(),
        "xargs": said("xargs", "--version").replace("xargs (GNU findutils)", "").strip(),
    }
    return {name: version for name, version in found.items() if version}


def describe(place, python):
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "terms": place.terms,
        "processor": field("/proc/cpuinfo", "model name"),
        "cpus": f"{len(os.sched_getaffinity(0))} used of {os.cpu_count()}",
        "hypervisor": said("systemd-detect-virt", "--vm") or "unknown",
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "system": field("/etc/os-release", "PRETTY_NAME"),
        "nice": os.nice(0),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "versions": versions(place, python),
    }
