"""The curves as SVG, with matplotlib."""

import os

import verdict

# Ours, then the others: to be told apart in print and by those who see colours differently.
OURS = [("#0b5394", "o"), ("#674ea7", "s")]
OTHERS = [("#cc4125", "^"), ("#e69138", "v"), ("#6aa84f", "D"), ("#a64d79", "P"), ("#999999", "x")]


def drawn(curve):
    """Each series with its look: label, xs, medians, lows, highs, colour, marker."""
    ours, others = iter(OURS), iter(OTHERS)
    for series in curve["series"]:
        colour, marker = next(ours if series["own"] else others)
        xs = [x for x, _ in series["points"]]
        values = [ys for _, ys in series["points"]]
        if xs:
            yield (series["label"], xs, [verdict.median(ys) for ys in values], [min(ys) for ys in values],
                   [max(ys) for ys in values], colour, marker)


def draw(curve, path):
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, and the same figures make the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "procpool", "font.size": 9})
    import matplotlib.pyplot as plot

    figure, axes = plot.subplots(figsize=(7.2, 3.8))
    for label, xs, medians, lows, highs, colour, marker in drawn(curve):
        axes.plot(xs, medians, color=colour, marker=marker, markersize=4, linewidth=1.4, label=label)
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel=curve["x"], ylabel=curve["y"], title=curve["title"])
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plot.close(figure)


def draw_all(curves, directory):
    """Returns (file name, title, note) of each."""
    os.makedirs(directory, exist_ok=True)
    made = []
    for curve in curves:
        name = f"{curve['name']}.svg"
        draw(curve, os.path.join(directory, name))
        note = curve["note"]
        made.append((name, curve["title"], f"{note[0].upper()}{note[1:]}." if note else ""))
    return made
