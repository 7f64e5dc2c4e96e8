"""Prints the rows of one run as a table: a line a cell, a column a program, and how much faster scorefield is than each.

usage: table.py ROWS.jsonl...     a file a round; figures and ratios are medians over the rounds
"""

import json
import statistics
import sys


def short(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}" if value < 1 else f"{value:.2f}"


def rate(row):
    """Training steps a second, or millions of samples times steps; None where the cell failed."""
    if not row or "error" in row:
        return None
    return row["median"] if row["kind"] == "train" else row["samplesteps_per_s"] / 1e6


def main(paths):
    rounds = []  # per round: {(cell, program): row}
    cells, programs = {}, {}  # in the order they came; dicts as ordered sets
    for path in paths:
        with open(path) as f:
            rows = [json.loads(line) for line in f if line.strip()]
        found = {}
        for row in rows:
            cell = tuple(row[k] for k in ("kind", "D", "L", "W", "act", "B"))
            program = f"{row['peer']} {row['variant']}"
            cells[cell], programs[program] = None, None
            found[cell, program] = row  # a later row of the same cell takes the place of the earlier one
        rounds.append(found)
    ours = [p for p in programs if p.startswith("scorefield")]
    others = [p for p in programs if p not in ours]
    head = ["cell", "unit", *ours, *others, *(f"{o} / {p}" for o in ours for p in others)]
    print("| " + " | ".join(head) + " |\n|---|---|" + "---:|" * (len(head) - 2))

    def figure(cell, program):
        rows = [r[cell, program] for r in rounds if (cell, program) in r]
        good = [row for row in rows if rate(row) is not None]
        if not good:
            return "failed" if rows else ""
        busy = "*" if any((row.get("cpu_others") or 0) > 0.2 for row in good) else ""
        return f"{short(statistics.median(map(rate, good)))}{busy} ({statistics.median(row['gflops'] for row in good):.0f})"

    def ratio(cell, one, other):
        pairs = [(rate(r.get((cell, one))), rate(r.get((cell, other)))) for r in rounds]
        all_of_them = sorted(a / b for a, b in pairs if a and b)
        if not all_of_them:
            return ""
        spread = f" [{short(all_of_them[0])}, {short(all_of_them[-1])}]" if len(all_of_them) > 1 else ""
        return short(statistics.median(all_of_them)) + spread

    for cell in cells:
        kind, d, layers, width, activation, batch = cell
        line = [f"{kind} D={d} {layers}x{width} {activation} B={batch}", "steps/s" if kind == "train" else "M samples steps/s"]
        line += [figure(cell, p) for p in [*ours, *others]] + [ratio(cell, o, p) for o in ours for p in others]
        print("| " + " | ".join(line) + " |")
    print(f"\nMedians of the windows, of which the median over {len(rounds)} rounds; in brackets GFLOP/s by the usual count. "
          "Ratios: the median of those within a round, with the least and the greatest. `*`: other programs kept more than "
          "0.2 cores busy meanwhile, so the figure may be low.")
    for row in (row for found in rounds for row in found.values() if "error" in row):
        print(f"{row['peer']} {row['variant']}, {row['label']}: {row['error'][:300]}")


main(sys.argv[1:])
