"""Speed of the cells engine: regions a second, and the linear programs that they take.

    python benchmarks/cells.py [--quick] [--highs REGIONS] [--callgrind] [--memory]

`--highs` compares with the same search by the solver HiGHS, one linear program a question, on the
first so many regions (needs highspy, and a clone of the project for the oracle of its tests).
`--callgrind` counts instructions with valgrind, which must be installed; valgrind knows no AVX-512,
so the core must not have been compiled for the instructions of one machine that has it. `--memory`
shows the peak memory of counting 10^5, 10^6 and 10^7 regions.

Networks: He-normal weights, biases N(0, 0.3^2), NumPy's default_rng(0) drawn layer by layer (first
weights, then biases), on [-1, 1]^n; `d3-w32x3` has 3 inputs, three hidden layers of 32 and one
output. Times are CPU seconds of one thread, the best of several runs. Counting looks at the parts
of a cell together; *each found* takes a point in every region and keeps none, and *written out*
gives patterns and these points, in chunks of at most 4 MB, as a program would read them. Above the
table stands a yardstick of the machine: the rate of a large matrix product on one thread.
"""

from __future__ import annotations

import argparse
import re
import subprocess
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
#: Bytes of a chunk of regions that are written out.
CHUNK = 1 << 22
#: CPU seconds that are spent on a network, at least one run of it.
SPAN = 6.0


def walk(
    net: plica.Network, box: plica.Box, *, write: bool = False, each: bool = False
) -> tuple[float, dict[str, Any]]:
    """CPU seconds of one walk, and its counters, with the bytes that it wrote."""
    start = time.process_time()
    engine = Cells(net, box, patterns=write, witnesses=write, each=each)
    most = CHUNK // (8 * (engine.words + box.dim)) if write else 1 << 62
    size = sum(c.nbytes for chunk in engine.chunks(size=most) for c in chunk.values())
    seconds = time.process_time() - start
    return seconds, {**engine.counters, "form": engine.form, "bytes": size}


def best(net: plica.Network, box: plica.Box) -> list[tuple[float, dict[str, Any]]]:
    """The quickest of several walks that count, find each region, and write them out.

    The three take turns, so that what else the machine does falls upon all of them.
    """
    kinds: list[dict[str, bool]] = [{}, {"each": True}, {"write": True}]
    rounds, spent = [], 0.0
    while not rounds or spent < SPAN:
        rounds.append([walk(net, box, **kind) for kind in kinds])
        spent += sum(seconds for seconds, _ in rounds[-1])
    return [min(walks, key=lambda run: run[0]) for walks in zip(*rounds, strict=True)]


def by_highs(net: plica.Network, box: plica.Box, limit: int) -> float:
    """Regions a CPU second of a depth-first search that asks HiGHS."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.twins import linear_programs

    start = time.process_time()
    found = linear_programs.patterns(net, box, limit=limit)
    return len(found.patterns) / (time.process_time() - start)


CHILD = """
import sys
sys.path.insert(0, {folder!r})
from suite import network
import plica
count = plica.count_regions(
    network({n}, {width}, {depth}), plica.Box.cube({n}), engine="cells", budget={budget}
)
"""


def child(n: int, width: int, depth: int, budget: int, after: str = "", run: str = "") -> str:
    """What a fresh process that counts so many regions prints; `run`: under this command."""
    folder = str(Path(__file__).parent)
    program = CHILD.format(folder=folder, n=n, width=width, depth=depth, budget=budget) + after
    command = [*run.split(), sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def instructions(n: int, width: int, depth: int, regions: int) -> float:
    """Instructions a region: those of a longer count less those of a shorter one."""
    few, many = regions // 10, regions // 2
    command = "valgrind --tool=callgrind --callgrind-out-file=/dev/null"
    found = []
    for budget in (few, many):
        text = child(n, width, depth, budget, run=command)
        match = re.search(r"Collected : (\d+)", text)
        if match is None:
            raise SystemExit(f"valgrind printed no number of instructions:\n{text}")
        found.append(int(match[1]))
    return (found[1] - found[0]) / (many - few)


#: Prints the peak memory in kilobytes: of this program alone, where the system tells that.
PEAK = """
import resource
from pathlib import Path
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
own = [line.split()[1] for line in lines if line.startswith("VmHWM")]
print(own[0] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory() -> None:
    """Print the peak memory of counting more and more regions of one network."""
    print("\n| regions of d4-w64x3 counted | peak memory, MB |\n| ---: | ---: |")
    for budget in (10**5, 10**6, 10**7):
        peak = int(child(4, 64, 3, budget, PEAK)) / 1024
        print(f"| {budget:,} | {peak:.0f} |", flush=True)


def main() -> None:
    """Run the suite and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the slowest networks")
    parser.add_argument("--highs", type=int, metavar="REGIONS", help="compare with HiGHS")
    parser.add_argument("--callgrind", action="store_true", help="count instructions, slowly")
    parser.add_argument("--memory", action="store_true", help="peak memory of counting")
    arguments = parser.parse_args()
    quick, limit = arguments.quick, arguments.highs
    if limit is not None and limit < 1:
        parser.error(f"--highs needs 1 or more regions, got {limit}")
    print(f"matrix product on one thread: {yardstick():.1f} G multiply-adds/s\n")
    print(
        "| network | form | regions | count, s | regions/s | each found, regions/s "
        "| written out, s | regions/s | written / counted "
        "| bytes a region | programs a region | pivots a program | instructions a region "
        "| arbitrated | HiGHS, regions/s | ratio |"
    )
    print("| --- | --- |" + " ---: |" * 14)
    for n, width, depth, expected in SUITE:
        if quick and (expected or 0) > 200_000:
            continue
        net, box, name = network(n, width, depth), plica.Box.cube(n), f"d{n}-w{width}x{depth}"
        (seconds, counters), (visited, _), (written, columns) = best(net, box)
        found = counters["regions"]
        if expected is not None and found != expected:
            raise SystemExit(f"{name}: {found} regions, but there are {expected}")
        highs = ratio = steps = ""
        if arguments.callgrind and found < 100_000:
            steps = f"{instructions(n, width, depth, found):,.0f}"
        if limit is not None and 3 <= n <= 10:
            rate = by_highs(net, box, limit)
            highs, ratio = f"{rate:,.0f}", f"{found / seconds / rate:,.0f}"
        print(
            f"| {name} | {counters['form']} | {found:,} | {seconds:.4f} | "
            f"{found / seconds:,.0f} | {found / visited:,.0f} | {written:.4f} | "
            f"{found / written:,.0f} | {written / seconds:.2f} | {columns['bytes'] / found:.0f} | "
            f"{counters['programs'] / found:.2f} | "
            f"{counters['pivots'] / max(counters['programs'], 1):.2f} | {steps} | "
            f"{counters['arbitrated']} | {highs} | {ratio} |",
            flush=True,
        )
    if arguments.memory:
        memory()


if __name__ == "__main__":
    main()
