"""The figures as text: for the terminal, and as tables of Markdown. Takes what run.py keeps, and nothing else."""

import verdict

QUANTITIES = {
    "s": "time", "p50": "p50", "p99": "p99", "max": "slowest", "starved": "calls that took more than a second",
    "mib": "memory", "peak_mib": "memory at most", "kib_each": "memory a connection",
    "daemon_s_item": "CPU of the daemon an item", "workers_s_item": "CPU of the workers an item",
    "client_s_item": "CPU of the client an item", "convert_s": "of the time, text and numbers in the client",
}


def number(value, digits=3):
    """Three digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    text = f"{value:.{digits}g}"
    return text if "e" not in text else f"{value:.3f}"


def seconds(value):
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
        if value * factor >= 1 or unit == "ns":
            return f"{number(value * factor)} {unit}"


def quantity(value, unit):
    return seconds(value) if unit == "s" else f"{number(value)} {unit}".strip()


def goal(comparison):
    if not comparison["goal"]:
        return "–"
    sign, wanted = {">=": "≥", "<=": "≤"}[comparison["goal"][0]], comparison["goal"][1]
    if comparison["how"] == "value":
        return f"{sign} {quantity(wanted, comparison['unit'])}"
    return f"{sign} {number(wanted)}×"


def figure(comparison):
    """Median (min–max)."""
    if "ratios" not in comparison:
        return "–"
    middle, low, high = (comparison[name] for name in ("median", "min", "max"))
    if comparison["how"] == "value":
        unit = comparison["unit"]
        return f"{quantity(middle, unit)} ({quantity(low, unit)} – {quantity(high, unit)})"
    return f"{number(middle)}× ({number(low)} – {number(high)})"


def against(comparison, who=None):
    """who: in which language each contestant is written, to be said where they differ."""
    of = QUANTITIES[comparison["of"]]
    if comparison["how"] == "value":
        return f"{comparison['ours']}: {of}"
    speed = {"faster": "speed", "rate": "speed", "share": of}[comparison["how"]]
    ours, theirs = (f"{label} ({who[label]})" if who and who.get(label) else label
                    for label in (comparison["ours"], comparison["theirs"]))
    return f"{ours} / {theirs}: {speed}"


def languages(row):
    """The first word of what each is written in, if that is not the same for all."""
    words = {contestant["label"]: contestant["who"].split(",")[0].split(" ")[0] for contestant in row["contestants"]}
    return words if len(set(words.values())) > 1 else {}


def middle(contestant, of):
    values = [sample[of] for sample in contestant["samples"] if of in sample]
    return verdict.median(values) if values else None


def time_of(row, contestant):
    """What one contestant took, in the row's natural unit."""
    shown = []
    if middle(contestant, "p50") is not None:
        shown.append(f"p50 {seconds(middle(contestant, 'p50'))}, p99 {seconds(middle(contestant, 'p99'))}")
    elif middle(contestant, "s") is not None:
        took = middle(contestant, "s")
        shown.append(seconds(took))
        items = middle(contestant, "items") or row["items"]
        if items:
            shown.append(f"{number(items / took)} items/s")
        if row["megabytes"]:
            shown.append(f"{number(row['megabytes'] / took)} MB/s")
    for of, unit in (("peak_mib", "MiB"),):
        if middle(contestant, of) is not None:
            shown.append(f"{number(middle(contestant, of))} {unit}")
    return ", ".join(shown)


def rounds(row):
    return max((len(contestant["samples"]) for contestant in row["contestants"]), default=0)


# ---- the terminal ----

def text_row(row):
    lines = [f"{row['name']}: {row['title'].replace('`', '')} — {rounds(row)} rounds"]
    if row["skipped"]:
        return "\n".join(lines + [f"    skipped: {row['skipped']}"])
    for contestant in row["contestants"]:
        note = f"  [{contestant['note']}]" if contestant["note"] else ""
        lines.append(f"    {contestant['label']:<32} {time_of(row, contestant)}{note}")
    for missing in row["missing"]:
        lines.append(f"    {missing['label']:<32} not installed: {missing['how']}")
    for comparison in row["comparisons"]:
        wanted = f"  goal {goal(comparison)}: {comparison['verdict']}" if comparison["goal"] else ""
        if "ratios" in comparison or comparison["goal"]:
            lines.append(f"      {against(comparison):<62} {figure(comparison)}{wanted}")
    word = verdict.of_row(row)
    return "\n".join(lines + ([f"    => {word}"] if word else []))


def text_curve(curve):
    lines = [f"{curve['name']}: {curve['title']} ({curve['y']})"]
    for series in curve["series"]:
        points = "  ".join(f"{number(x)}: {number(verdict.median(ys))}" for x, ys in series["points"])
        lines.append(f"    {series['label']:<32} {points}")
    for missing in curve["missing"]:
        lines.append(f"    {missing['label']:<32} not installed: {missing['how']}")
    return "\n".join(lines)


# ---- Markdown ----

def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows])


def goals_table(rows):
    cells = []
    for row in rows:
        wanted = [comparison for comparison in row["comparisons"]
                  if comparison["goal"] or comparison.get("headline")]
        word = verdict.of_row(row)
        if row["skipped"] or not wanted:
            cells.append([f"[{row['title']}](#{row['name']})", "", "–", "–", f"**{word}**" if word else "published"])
        for i, comparison in enumerate(wanted if not row["skipped"] else []):
            name = f"[{row['title']}](#{row['name']})" if i == 0 else (
                "or" if row["any_of"] and comparison["goal"] else "")
            word = f"**{comparison['verdict']}**" if comparison["goal"] else "published"
            cells.append([name, against(comparison, languages(row)), figure(comparison), goal(comparison), word])
    return table(["work", "compared", "median (min – max)", "goal", ""], cells)


def row_section(row):
    lines = [f"<a id=\"{row['name']}\"></a>", f"**{row['title']}**; {rounds(row)} rounds."]
    if row["note"]:
        lines[-1] += f" {row['note'][0].upper()}{row['note'][1:]}."
    lines.append("")
    cells = [[contestant["label"], contestant["who"], time_of(row, contestant), contestant["note"]]
             for contestant in row["contestants"] if contestant["samples"]]
    cells += [[missing["label"], "", f"not installed: `{missing['how']}`", ""] for missing in row["missing"]]
    lines.append(table(["", "written in", "median", ""], cells))
    shown = [comparison for comparison in row["comparisons"] if "ratios" in comparison]
    lines += ["", table(["compared", "median (min – max)", "goal", ""],
                        [[against(each), figure(each), goal(each), each["verdict"]] for each in shown])]
    return "\n".join(lines).replace("..", ".")


def machine_list(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    names = {"date": "date", "commit": "commit", "terms": "terms", "processor": "processor", "cpus": "CPUs",
             "hypervisor": "virtual machine", "memory": "memory", "kernel": "kernel", "system": "system",
             "nice": "niceness of all processes", "load": "load when it began"}
    rows = [[names[key], str(machine[key])] for key in names]
    return table(["", ""], rows + [["versions", versions], ["took", f"{machine['took_s'] / 60:.1f} minutes"]])


def profile_section(profile):
    if not profile:
        return ""
    if "missing" in profile:
        return f"No profile: {profile['missing']}."
    parts = [f"Where CPU time goes while a million squares are mapped again and again (`perf record -e {profile['event']}`); "
             "shares of each program's own time, kernel included, above 1 %."]
    for process in profile["processes"]:
        rows = [[f"{share:.1f} %", f"`{symbol}`", where] for share, symbol, where in process["symbols"]]
        parts.append(table([process["name"], "function", "in"], rows))
    return "\n\n".join(parts)


def document(kept, plots):
    """The part between the markers. plots: (file, title, note)."""
    parts = [machine_list(kept["machine"]), "### Goals", goals_table(kept["rows"]), "### How cost grows"]
    parts += [f"![{title}]({file})\n\n{note}" for file, title, note in plots]
    parts += ["### Each row"] + [row_section(row) for row in kept["rows"] if not row["skipped"]]
    parts += ["### Profile", profile_section(kept.get("profile"))]
    return "\n\n".join(part for part in parts if part)
