"""Speed of the tables of bounds: CPU seconds for wide and deep architectures.

    python benchmarks/bounds.py [--quick]

`784-300x50` are 784 inputs and fifty hidden layers of 300 units. Times are CPU seconds, the best of
three: the whole `plica.bounds.table`, its text with all digits (`as_dict`), and the upper bounds
that follow the dimensions from layer to layer; then tables for other units. Of the smallest,
`refined_plane` is checked against the machine in plain integers, `plica.bounds.histogram_bound`,
whose time is in the last column. Above the table stands a yardstick of the machine: the rate of a
large matrix product on one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from suite import yardstick

from plica import bounds

SUITE: list[tuple[str, tuple[int, ...]]] = [
    ("100-200x50", (100, *[200] * 50)),
    ("500-200x50", (500, *[200] * 50)),
    ("2-500x50", (2, *[500] * 50)),
    ("784-300x50", (784, *[300] * 50)),
    ("300-300x50", (300, *[300] * 50)),
    ("300-(300..251)", (300, *range(300, 250, -1))),
    ("784-400x50", (784, *[400] * 50)),
    ("784-500x50", (784, *[500] * 50)),
    ("500-500x50", (500, *[500] * 50)),
    ("500-(500..451)", (500, *range(500, 450, -1))),
]
FUNCTIONS = (bounds.serra_2018, bounds.refined_line, bounds.refined_plane)
#: Units of all layers together up to which the plain machine is asked.
PLAIN_LIMIT = 3_000
OTHERS: dict[str, dict[str, Any]] = {
    "leaky": {"activation": "leaky_relu"},
    "hard tanh": {"activation": "hardtanh"},
    "p = 3": {"p": 3},
    "maxout 3": {"rank": 3},
}


def best(work: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """CPU seconds of the quickest of several runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return min(seconds), result


def written(table: bounds.Table) -> int:
    """All that a table says as text; the number of its characters."""
    return len(str(table)) + sum(len(b["value"]) for b in table.as_dict()["bounds"])


def main() -> None:
    """Run the suite and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the widest networks")
    suite = SUITE[:5] if parser.parse_args().quick else SUITE
    suite = [("8-60x20", (8, *[60] * 20)), ("40-60x20", (40, *[60] * 20)), *suite]
    print(f"matrix product on one thread: {yardstick():.1f} G multiply-adds/s\n")
    columns = ["table", "text", *(f.__name__ for f in FUNCTIONS), *OTHERS, "plain"]
    print(f"| widths | {' | '.join(columns)} |")
    print("| --- |" + " ---: |" * len(columns))
    for name, widths in suite:
        tables = [{}, *OTHERS.values()]
        runs = [best(partial(bounds.table, widths, **options)) for options in tables]
        table = runs[0][1]
        rest = [partial(written, table), *(partial(f, widths) for f in FUNCTIONS)]
        whole, *others = [seconds for seconds, _ in runs]
        times = [whole, *(best(work)[0] for work in rest), *others]
        plain = ""
        if sum(widths[1:]) <= PLAIN_LIMIT:
            seconds, value = best(partial(bounds.histogram_bound, widths, bounds.plane), 1)
            plain = f"{seconds:.3f}"
            if value != table.of("refined_plane").value:
                raise SystemExit(f"{name}: refined_plane is not what the plain machine finds")
        print(f"| {name} | {' | '.join(f'{s:.3f}' for s in times)} | {plain} |", flush=True)


if __name__ == "__main__":
    main()
