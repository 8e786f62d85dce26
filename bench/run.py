#!/usr/bin/python3
"""Runs procpool and its peers side by side, and says what came of it.

All of it is `make bench`; it takes about twelve minutes, on a machine that does nothing else. A row's contestants take turns,
A B C A B C …, so that what slows the machine down slows all of them; the ratio is taken in each round, and its median,
least and greatest are printed. No row can fail: what comes out is what there is.
"""

import argparse
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True  # the source is left as it is

import growth
import machine
import perf
import place
import plots
import report
import rounds
import rows_calls
import rows_fair
import rows_maps
import rows_memory
from lab import Failed, Lab

RESULTS = os.path.join(place.HERE, "results", "last.json")
DOCUMENT = os.path.join(place.SOURCE, "docs", "performance.md")
PICTURES = os.path.join(place.SOURCE, "docs", "performance")
BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
# By the name that --only takes, in the order they run.
ROWS = {
    "million": rows_maps.million, "chunk1": rows_maps.one_by_one, "strings": rows_maps.large,
    "scaling": rows_maps.costly, "pinned": rows_calls.pinned, "apply": rows_calls.unpinned,
    "shell3": rows_calls.three, "shell10k": rows_calls.ten_thousand, "fair-user": rows_fair.other_user,
    "fair-program": rows_fair.other_program, "head": rows_fair.head, "memory-stream": rows_memory.streamed,
    "memory-idle": rows_memory.idle,
}
CURVES = {make.__name__: make for make in growth.CURVES}
CURVE_ROUNDS = 3


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="this row or curve; repeatable")
    parser.add_argument("--list", action="store_true", help="name the rows and curves")
    parser.add_argument("--quick", action="store_true", help="one round of each, shorter where it can be: for trying out")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many rounds of each")
    parser.add_argument("--built", metavar="DIR", help="measure the tree that was built there, instead of building and "
                        "installing one")
    parser.add_argument("--base", metavar="DIR", help="where to build and install (build/bench)",
                        default=os.path.join(place.SOURCE, "build", "bench"))
    parser.add_argument("--document", action="store_true", help=f"keep the samples and write {os.path.relpath(DOCUMENT)}")
    parser.add_argument("--again", metavar="FILE", help="measure nothing: take the samples of FILE")
    arguments = parser.parse_args()
    known = {*ROWS, *CURVES}
    for name in arguments.only or ():
        if name not in known:
            parser.error(f"there is no row or curve {name}; there are: {', '.join(sorted(known))}")
    if arguments.document and (arguments.quick or arguments.only or arguments.built):
        parser.error("only a whole run is documented: no --document with --quick, --only or --built")
    return arguments


def progress(text):
    """On a terminal, the line that is overwritten."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def measure_rows(lab, arguments):
    kept = []
    for name, make in ROWS.items():
        if arguments.only and name not in arguments.only:
            continue
        try:
            row = make(lab)
            if not row.skipped:
                rounds.measure(row, progress, arguments.quick, arguments.rounds)
            kept.append(row.kept())
        finally:
            lab.clean()
        progress("")
        print(report.text_row(kept[-1]) + "\n", flush=True)
    return kept


def measure_curves(lab, arguments):
    kept = []
    for name, make in CURVES.items():
        if arguments.only and name not in arguments.only:
            continue
        try:
            curve = make(lab)
            few = curve.xs[:2] if arguments.quick else None
            growth.measure(curve, progress, arguments.rounds or (1 if arguments.quick else CURVE_ROUNDS), few)
            kept.append(curve.kept())
        finally:
            lab.clean()
        progress("")
        print(report.text_curve(kept[-1]) + "\n", flush=True)
    return kept


def measure(arguments):
    # The peers have two processes each; so all of it has two CPUs.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    where = place.built(arguments.built) if arguments.built else place.installed(arguments.base)
    begin = time.monotonic()
    lab = Lab(where, sys.executable, arguments.quick)
    kept = {"machine": machine.describe(where, sys.executable)}
    try:
        kept["rows"] = measure_rows(lab, arguments)
        kept["curves"] = measure_curves(lab, arguments)
        kept["profile"] = None if arguments.only else perf.record(lab)
    finally:
        lab.close()
    kept["machine"]["took_s"] = round(time.monotonic() - begin)
    return kept


def write_document(kept):
    """Replaces what stands between the markers; the text around them is written by hand."""
    try:
        pictures = plots.draw_all(kept["curves"], PICTURES)
    except ImportError:
        raise SystemExit("bench: the plots need matplotlib: apt-get install python3-matplotlib; then: "
                         f"bench/run.py --again {os.path.relpath(RESULTS)} --document")
    with open(DOCUMENT) as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    made = report.document(kept, [(f"performance/{name}", title, note) for name, title, note in pictures])
    with open(DOCUMENT, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}")
    print(f"bench: wrote {os.path.relpath(DOCUMENT)} and {len(pictures)} plots")


def keep(kept):
    os.makedirs(os.path.dirname(RESULTS), exist_ok=True)
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    # One line for each innermost list or object, so that a sample is a line.
    text = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text)
    text = re.sub(r"\{\s+([^{}]*?)\s+\}", lambda found: "{" + re.sub(r"\s+", " ", found[1]) + "}", text)
    with open(RESULTS, "w") as file:
        file.write(text + "\n")


def main():
    arguments = read_arguments()
    if arguments.list:
        print("\n".join([*ROWS, *CURVES]))
        return
    if arguments.again:
        with open(arguments.again) as file:
            kept = json.load(file)
        for row in kept["rows"]:
            print(report.text_row(row) + "\n")
    else:
        kept = measure(arguments)
        if arguments.document:
            keep(kept)
    if arguments.document:
        write_document(kept)


if __name__ == "__main__":
    try:
        main()
    except (Failed, FileNotFoundError) as failure:
        raise SystemExit(f"bench: {failure}")
