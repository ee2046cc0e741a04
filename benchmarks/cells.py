"""Speed of the cells engine: regions a second, and the linear programs that they take.

    python benchmarks/cells.py [--quick] [--highs REGIONS]

`--highs` compares with the same search by the solver HiGHS, one linear program a question, on the
first so many regions (needs highspy, and a clone of the project for the oracle of its tests).

Networks: He-normal weights, biases N(0, 0.3^2), NumPy's default_rng(0) drawn layer by layer (first
weights, then biases), on [-1, 1]^n; `d3-w32x3` has 3 inputs, three hidden layers of 32 and one
output. Times are CPU seconds of one thread, the best of several runs. Above the table stands a
yardstick of the machine: the rate of a large matrix product on one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from suite import network, yardstick

import plica
from plica.engines.cells import Cells

#: Inputs, width, depth, and the number of regions that several independent programs found.
SUITE = [
    (3, 16, 2, 2_200),
    (3, 32, 3, 87_517),
    (4, 16, 2, 11_286),
    (4, 24, 3, 272_103),
    (5, 16, 2, 62_675),
    (6, 12, 2, 34_456),
    (8, 10, 2, 27_354),
    (10, 20, 1, 288_959),
    (64, 8, 2, 13_934),
    (784, 8, 2, 11_286),
    (784, 11, 2, 836_202),
]
#: CPU seconds that are spent on a network, at least one run of it.
SPAN = 2.0


def walk(net: plica.Network, box: plica.Box, *, write: bool) -> tuple[float, dict[str, Any]]:
    """CPU seconds of one walk, and its counters."""
    start = time.process_time()
    engine = Cells(net, box, patterns=write, witnesses=write)
    for _ in engine.chunks():
        pass
    return time.process_time() - start, {**engine.counters, "form": engine.form}


def best(net: plica.Network, box: plica.Box, *, write: bool) -> tuple[float, dict[str, Any]]:
    """The quickest of several walks."""
    runs, spent = [], 0.0
    while not runs or spent < SPAN:
        runs.append(walk(net, box, write=write))
        spent += runs[-1][0]
    return min(runs, key=lambda run: run[0])


def by_highs(net: plica.Network, box: plica.Box, limit: int) -> float:
    """Regions a CPU second of a depth-first search that asks HiGHS."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.twins import linear_programs

    start = time.process_time()
    found = linear_programs.patterns(net, box, limit=limit)
    return len(found.patterns) / (time.process_time() - start)


def main() -> None:
    """Run the suite and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the slowest networks")
    parser.add_argument("--highs", type=int, metavar="REGIONS", help="compare with HiGHS")
    arguments = parser.parse_args()
    quick, limit = arguments.quick, arguments.highs
    print(f"matrix product on one thread: {yardstick():.1f} G multiply-adds/s\n")
    print(
        "| network | form | regions | count, s | regions/s | written out, s | regions/s "
        "| programs a region | pivots a program | arbitrated | HiGHS, regions/s | ratio |"
    )
    print("| --- | --- |" + " ---: |" * 10)
    for n, width, depth, expected in SUITE:
        if quick and (expected or 0) > 200_000:
            continue
        net, box, name = network(n, width, depth), plica.Box.cube(n), f"d{n}-w{width}x{depth}"
        seconds, counters = best(net, box, write=False)
        written, _ = best(net, box, write=True)
        found = counters["regions"]
        if expected is not None and found != expected:
            raise SystemExit(f"{name}: {found} regions, but there are {expected}")
        highs = ratio = ""
        if limit is not None and 3 <= n <= 10:
            rate = by_highs(net, box, limit)
            highs, ratio = f"{rate:,.0f}", f"{found / seconds / rate:,.0f}"
        print(
            f"| {name} | {counters['form']} | {found:,} | {seconds:.4f} | "
            f"{found / seconds:,.0f} | {written:.4f} | "
            f"{found / written:,.0f} | {counters['programs'] / found:.2f} | "
            f"{counters['pivots'] / max(counters['programs'], 1):.2f} | "
            f"{counters['arbitrated']} | {highs} | {ratio} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
