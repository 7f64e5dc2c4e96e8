"""Prints rows of one run as a table: a line a cell, a column a program, and how much faster scorefield is than each.

usage: table.py ROWS.jsonl
"""

import json
import sys


def short(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}" if value < 1 else f"{value:.2f}"


def main(path):
    with open(path) as f:
        rows = [json.loads(line) for line in f if line.strip()]
    cells, programs = {}, []
    for row in rows:
        program = f"{row['peer']} {row['variant']}"
        if program not in programs:
            programs.append(program)
        key = tuple(row[k] for k in ("kind", "D", "L", "W", "act", "B"))
        cells.setdefault(key, {})[program] = row  # a later row of the same cell takes the place of the earlier one
    ours = [p for p in programs if p.startswith("scorefield")]
    others = [p for p in programs if p not in ours]
    head = ["cell", "unit", *ours, *others, *(f"{o} / {p}" for o in ours for p in others)]
    print("| " + " | ".join(head) + " |\n|---|---|" + "---:|" * (len(head) - 2))
    for (kind, d, layers, width, activation, batch), found in cells.items():
        train = kind == "train"

        def rate(program):
            row = found.get(program, {})
            return row.get("median") if train else row.get("samplesteps_per_s", 0) / 1e6 or None

        def cell(program):
            row, value = found.get(program), rate(program)
            if not row or value is None:
                return "failed" if row else ""
            busy = "*" if (row.get("cpu_others") or 0) > 0.2 else ""
            return f"{short(value)}{busy} ({row['gflops']:.0f})"

        def ratio(one, other):
            a, b = rate(one), rate(other)
            return f"{a / b:.2f}" if a and b else ""

        line = [f"{kind} D={d} {layers}x{width} {activation} B={batch}", "steps/s" if train else "M samples steps/s"]
        line += [cell(p) for p in [*ours, *others]] + [ratio(o, p) for o in ours for p in others]
        print("| " + " | ".join(line) + " |")
    print("\nMedians of the windows, in brackets GFLOP/s by the usual count. `*`: other programs kept more than 0.2 cores busy "
          "meanwhile, so the figure may be low.")
    for row in rows:
        if "error" in row:
            print(f"{row['peer']} {row['variant']}, {row['label']}: {row['error'][:300]}")


main(sys.argv[1])
