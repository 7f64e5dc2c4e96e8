"""What all Python peers share: the standard workload's constants, its data, the rules of timing, and the rows.

The cells come from `scorefield bench --list --json`, so that every program runs the same ones.
"""

import argparse
import json
import math
import os
import statistics
import time

import numpy as np

ROWS, FEATURES, T0, T1, REVERSE_STEPS = 10_000, 32, 1e-3, 3.0, 250
FREQUENCIES = [1000.0 ** (k / (FEATURES // 2 - 1)) for k in range(FEATURES // 2)]
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def arguments(about):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("cells", help="output of `scorefield bench --list --json`")
    parser.add_argument("rows", help="file that rows are appended to")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--window", type=float, default=0.7, help="seconds")
    return parser.parse_args()


def sizes(cell):
    """(inputs, outputs) of each layer."""
    d, width = cell["D"], cell["W"]
    return [(d + FEATURES, width)] + [(width, width)] * (cell["L"] - 1) + [(width, d)]


def moons(d, seed=0):
    """(ROWS, d) float32: two interleaved half circles, standardised; the other coordinates have deviation 0.1."""
    draw = np.random.default_rng(seed)
    angle, upper = draw.uniform(0, math.pi, ROWS), draw.integers(0, 2, ROWS) == 1
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x, y], 1) + 0.05 * draw.standard_normal((ROWS, 2))
    points = (points - points.mean(0)) / points.std(0)
    rest = 0.1 * draw.standard_normal((ROWS, d - 2))
    return np.concatenate([points, rest], 1).astype(np.float32)


def processor_seconds():
    """(used by this process, used by all), or None where the system does not tell."""
    try:
        with open("/proc/stat") as f:
            fields = [int(v) for v in f.readline().split()[1:8]]
    except OSError:
        return None
    used = os.times()
    everything = sum(fields[i] for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK")
    return used.user + used.system, everything


def measure(run, options):
    """Times `run(n)`, which does n steps and returns when they are done: a first call alone, 0.3 s of warm-up, windows."""
    start = time.perf_counter()
    run(1)
    first = time.perf_counter() - start
    start, done = time.perf_counter(), 0
    while done < 2 or time.perf_counter() - start < 0.3:
        run(1)
        done += 1
    n = max(1, int(0.25 * options.window * done / (time.perf_counter() - start)))
    rates, before, begin = [], processor_seconds(), time.perf_counter()
    while len(rates) < options.repeats and (not rates or time.perf_counter() - begin < 30):
        start, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() - start < options.window:
            run(n)
            done += n
        rates.append(done / (time.perf_counter() - start))
    wall, after = time.perf_counter() - begin, processor_seconds()
    row = {"median": statistics.median(rates), "min": min(rates), "max": max(rates), "repeats": len(rates),
           "first_call_s": first, "wall_s": wall}
    if before and after:
        own, everything = after[0] - before[0], after[1] - before[1]
        row.update(cpu_used=own / wall, cpu_others=max(0.0, (everything - own) / wall))
    return row


def every_cell(options, peer, variant, prepare):
    """Times `prepare(cell)` for every cell and appends the rows; a cell that fails is a row with its error."""
    with open(options.cells) as f:
        cells = json.load(f)["cells"]
    for cell in cells:
        row = {"peer": peer, "variant": variant, **cell}
        try:
            row.update(measure(prepare(cell), options))
            flops = (6 if cell["kind"] == "train" else 2) * cell["params"] * cell["B"]
            row["gflops"] = flops * row["median"] / 1e9
            row["samples_per_s" if cell["kind"] == "train" else "samplesteps_per_s"] = row["median"] * cell["B"]
        except Exception as fault:  # the other cells can still be timed
            row["error"] = repr(fault)
        with open(options.rows, "a") as f:
            f.write(json.dumps(row) + "\n")
        said = row.get("error") or f"{row['median']:.1f} steps/s, {row['gflops']:.1f} GFLOP/s, first {row['first_call_s']:.2f} s"
        print(f"{peer} {variant}: {cell['label']}: {said}", flush=True)
