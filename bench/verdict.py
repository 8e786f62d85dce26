"""Figures of several rounds, and what they say about a goal. Numbers in, words out."""

import statistics

MET, NOT_MET, NOT_SHOWN = "met", "not met", "not shown"


def median(values):
    return statistics.median(values)


def ratio(comparison, ours, theirs):
    """Of one round."""
    of, how = comparison["of"], comparison["how"]
    if how == "value":
        return ours[of]
    if how == "rate":  # samples that did unequal amounts of work
        return (theirs[of] / theirs["items"]) / (ours[of] / ours["items"])
    return ours[of] / theirs[of] if how == "share" else theirs[of] / ours[of]


def holds(goal, value):
    return value >= goal[1] if goal[0] == ">=" else value <= goal[1]


def word(goal, values):
    """Met if every round meets it, not met if none does; a range that spans the goal shows nothing."""
    met = [holds(goal, value) for value in values]
    return MET if all(met) else NOT_SHOWN if any(met) else NOT_MET


def judge(comparison, samples, missing):
    """The comparison with its ratios and verdict; samples: of each contestant, by label."""
    judged = dict(comparison)
    for side in ("ours", "theirs"):
        label = comparison[side]
        if label and not samples.get(label):
            how = missing.get(label)
            judged["verdict"] = f"{label} not installed: {how}" if how else f"{label}: no figure"
            return judged
    ours = samples[comparison["ours"]]
    theirs = samples[comparison["theirs"]] if comparison["theirs"] else ours
    ratios = [ratio(comparison, mine, other) for mine, other in zip(ours, theirs)]
    judged.update(ratios=ratios, median=median(ratios), min=min(ratios), max=max(ratios))
    judged["verdict"] = word(comparison["goal"], ratios) if comparison["goal"] else ""
    return judged


def of_row(row):
    """One word for a row of several comparisons, or "" if none has a goal."""
    if row["skipped"]:
        return f"not shown ({row['skipped']})"
    words = [comparison["verdict"] for comparison in row["comparisons"] if comparison["goal"]]
    if not words:
        return ""
    if row["any_of"]:
        return MET if MET in words else NOT_SHOWN if set(words) - {NOT_MET} else NOT_MET
    if all(each == MET for each in words):
        return MET
    return NOT_MET if NOT_MET in words else NOT_SHOWN
