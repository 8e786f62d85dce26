"""A row: what is measured side by side, in rounds A B C, A B C, … and what it is compared with."""

import time

import verdict
from lab import Failed, Missing


def grouped(n):
    """10000 as 10 000."""
    return f"{n:,}".replace(",", " ")


class Contestant:
    """run() measures once and returns {quantity: number}; with choices, run(choice).

    who: the language of the program that has the work done, and of the function. choices: settings of which the fastest is
    taken, after two tries of each. own: it is procpool.
    """

    def __init__(self, label, run, who="", note="", choices=None, own=False):
        self.label, self.run, self.who, self.note, self.choices, self.own = label, run, who, note, choices, own
        self.choice = None
        self.samples = []

    def measure(self):
        return self.run() if self.choices is None else self.run(self.choice)

    def choose(self):
        if self.choices is None:
            return
        taken = {choice: min(self.run(choice)["s"] for _ in range(2)) for choice in self.choices}
        self.choice = min(taken, key=taken.get)
        self.note = f"{self.note} {self.choice}"

    def kept(self):
        return {"label": self.label, "who": self.who, "note": self.note, "own": self.own, "samples": self.samples}


class Row:
    """items or megabytes: what one sample of "s" has done, so that a rate can be shown. any_of: one met goal is enough.

    budget_s: how long all rounds may take together, if there have been enough.
    """

    def __init__(self, name, title, items=None, megabytes=None, budget_s=20, rounds=(3, 9), warm=True, any_of=False,
                 note=""):
        self.name, self.title, self.items, self.megabytes = name, title, items, megabytes
        self.budget_s, self.rounds, self.warm, self.any_of, self.note = budget_s, rounds, warm, any_of, note
        self.contestants, self.comparisons, self.missing = [], [], []
        self.skipped = None

    def add(self, label, run, **more):
        self.contestants.append(Contestant(label, run, **more))

    def try_add(self, label, prepare, **more):
        """As add(), with what prepare() returns; a peer that is not installed is listed as missing."""
        try:
            self.add(label, prepare(), **more)
        except Missing as missing:
            self.missing.append({"label": label, "how": str(missing)})

    def compare(self, ours, theirs=None, of="s", how="faster", goal=None, unit="", headline=False):
        """how: "faster" = theirs / ours, "share" = ours / theirs, "value" = ours alone, "rate" = as faster, per item.
        goal: (">=" or "<=", number), None = published only; headline: among the goals all the same."""
        self.comparisons.append(
            {"ours": ours, "theirs": theirs, "of": of, "how": how, "goal": goal, "unit": unit,
             "headline": headline})

    def kept(self):
        names = {contestant.label: contestant.samples for contestant in self.contestants}
        gone = {missing["label"]: missing["how"] for missing in self.missing}
        return {
            "name": self.name, "title": self.title, "items": self.items, "megabytes": self.megabytes,
            "note": self.note, "any_of": self.any_of, "missing": self.missing, "skipped": self.skipped,
            "contestants": [contestant.kept() for contestant in self.contestants],
            "comparisons": [verdict.judge(comparison, names, gone) for comparison in self.comparisons],
        }


def measure(row, say, quick=False, rounds=None):
    """Runs the row's rounds. Returns how many there were."""
    least, most = (1, 1) if quick else row.rounds
    if rounds:
        least = most = rounds
    begin = time.monotonic()
    for contestant in row.contestants:
        contestant.choose()
    if row.warm and not quick:
        for contestant in row.contestants:
            if contestant.choices is None:
                contestant.measure()
    warmed = time.monotonic()
    done = 0
    while done < most:
        for contestant in row.contestants:
            try:
                contestant.samples.append(contestant.measure())
            except Failed as failure:
                raise Failed(f"{row.name}, {contestant.label}: {failure}") from None
            say(f"{row.name}: round {done + 1}, {contestant.label}")
        done += 1
        now = time.monotonic()
        if done >= least and (now - begin) + (now - warmed) / done > row.budget_s:
            break
    return done
