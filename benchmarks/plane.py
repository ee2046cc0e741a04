"""Speed of the plane engine: regions a second, against the slow twin in rational arithmetic.

    python benchmarks/plane.py [--quick]

Networks: He-normal weights, biases N(0, 0.3^2), NumPy's default_rng(0) drawn layer by layer (first
weights, then biases), on [-1, 1]^2; `d2-w32x3` has 2 inputs, three hidden layers of 32 and one
output. Rates are regions a CPU second of one thread, the best of several runs: counting; with
patterns and polygons written out as arrays; and with the crease and place of every side too, as
`plica.map_regions` asks for. Above the table stands a yardstick of the machine: the rate of a large
matrix product on one thread.
"""

from __future__ import annotations

import argparse
import time

from suite import network, yardstick

import plica
from plica.engines import reference
from plica.engines.walk import Walk

#: What is written: nothing, the regions, and what neighbours are found from.
TIMED = ((), ("patterns", "polygons"), ("patterns", "polygons", "sides"))
SUITE = [(16, 2), (32, 3), (64, 3), (128, 4), (256, 4)]
#: Regions that the slow twin is given at most, by the network's count.
TWIN_LIMIT = 3_000


def walk(net: plica.Network, box: plica.Box, columns: tuple[str, ...]) -> tuple[float, dict]:
    """CPU seconds of one walk that writes these columns, and its counters."""
    engine = Walk(net, box, **dict.fromkeys(columns, True))
    start = time.process_time()
    for _ in engine.chunks():
        pass
    return time.process_time() - start, engine.counters


def best(
    net: plica.Network, box: plica.Box, columns: tuple[str, ...], repeats: int
) -> tuple[float, dict]:
    """The quickest of several walks."""
    return min((walk(net, box, columns) for _ in range(repeats)), key=lambda run: run[0])


def main() -> None:
    """Run the suite and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the widest networks")
    suite = SUITE[:3] if parser.parse_args().quick else SUITE
    print(f"matrix product on one thread: {yardstick():.1f} G multiply-adds/s\n")
    print(
        "| network | regions | count, regions/s | written, regions/s | with sides, regions/s "
        "| twin, regions/s | ratio | arbitrated | products, updates, tests a region |"
    )
    print("| --- |" + " ---: |" * 8)
    box = plica.Box.cube(2)
    for width, depth in suite:
        net = network(2, width, depth)
        repeats = 1000 if width < 64 else 100 if width < 128 else 8
        runs = [best(net, box, columns, repeats) for columns in TIMED]
        seconds, counters = runs[0]
        n = counters["regions"]
        rates = " | ".join(f"{n / spent:,.0f}" for spent, _ in runs)
        twin = ratio = ""
        if n <= TWIN_LIMIT:
            start = time.process_time()
            expected = len(reference.enumerate_cells(net, box))
            slow = time.process_time() - start
            if expected != n:
                raise SystemExit(f"d2-w{width}x{depth}: {n} regions, but the twin has {expected}")
            twin, ratio = f"{n / slow:,.0f}", f"{slow / seconds:,.0f}"
        work = ", ".join(f"{counters[name] / n:.2f}" for name in ("products", "updates", "tests"))
        print(
            f"| d2-w{width}x{depth} | {n:,} | {rates} | {twin} | {ratio} "
            f"| {counters['arbitrated']} | {work} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
