"""Speed of the cells engine: regions a second, and the linear programs that they take.

    python benchmarks/cells.py [--quick]

Networks: He-normal weights, biases N(0, 0.3^2), NumPy's default_rng(0) drawn layer by layer (first
weights, then biases), on [-1, 1]^n; `d3-w32x3` has 3 inputs, three hidden layers of 32 and one
output. Times are CPU seconds of one thread, the best of several runs. Above the table stands a
yardstick of the machine: the rate of a large matrix product on one thread.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import pairwise

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np

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
    (784, 8, 2, None),
]
#: CPU seconds that are spent on a network, at least one run of it.
SPAN = 2.0


def network(n: int, width: int, depth: int) -> plica.Network:
    """A network of the suite."""
    rng = np.random.default_rng(0)
    layers = []
    for before, after in pairwise([n, *[width] * depth, 1]):
        W = rng.normal(0.0, np.sqrt(2 / before), (after, before))
        layers.append((W, rng.normal(0.0, 0.3, after)))
    return plica.Network.mlp(layers)


def walk(net: plica.Network, box: plica.Box, *, write: bool) -> tuple[float, dict[str, int]]:
    """CPU seconds of one walk, and its counters."""
    engine = Cells(net, box, patterns=write, witnesses=write)
    start = time.process_time()
    for _ in engine.chunks():
        pass
    return time.process_time() - start, engine.counters


def best(net: plica.Network, box: plica.Box, *, write: bool) -> tuple[float, dict[str, int]]:
    """The quickest of several walks."""
    runs, spent = [], 0.0
    while not runs or spent < SPAN:
        runs.append(walk(net, box, write=write))
        spent += runs[-1][0]
    return min(runs, key=lambda run: run[0])


def yardstick() -> float:
    """Fused multiply-adds a second, in billions, of a product of 1000 x 1000 matrices."""
    A = np.random.default_rng(0).normal(size=(1000, 1000))
    seconds = []
    for _ in range(5):
        start = time.process_time()
        A @ A
        seconds.append(time.process_time() - start)
    return 1.0 / min(seconds)


def main() -> None:
    """Run the suite and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the slowest networks")
    quick = parser.parse_args().quick
    print(f"matrix product on one thread: {yardstick():.1f} G multiply-adds/s\n")
    print(
        "| network | regions | count, s | regions/s | written out, s | regions/s "
        "| programs a region | pivots a program | arbitrated |"
    )
    print("| --- |" + " ---: |" * 8)
    for n, width, depth, expected in SUITE:
        if quick and (n == 784 or (expected or 0) > 200_000):
            continue
        net, box, name = network(n, width, depth), plica.Box.cube(n), f"d{n}-w{width}x{depth}"
        seconds, counters = best(net, box, write=False)
        written, _ = best(net, box, write=True)
        found = counters["regions"]
        if expected is not None and found != expected:
            raise SystemExit(f"{name}: {found} regions, but there are {expected}")
        print(
            f"| {name} | {found:,} | {seconds:.4f} | {found / seconds:,.0f} | {written:.4f} | "
            f"{found / written:,.0f} | {counters['programs'] / found:.2f} | "
            f"{counters['pivots'] / counters['programs']:.2f} | {counters['arbitrated']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
