"""Shallow forms: what building the minimal form takes, and evaluation against bare products.

    python benchmarks/shallow.py [--quick]

Networks: He-normal weights, biases N(0, 0.3^2), NumPy's default_rng(0) drawn layer by layer, on
[-1, 1]^n; `d2-w16x2` has 2 inputs, two hidden layers of 16 and one output; `residual` is
`plica.shallow.random_network(2, 24, 3, residual=True)`, `demo` the shipped network, `classes` a
784-32-8-10 classifier after `plica.shallow.class_shift`.

First table: CPU seconds of `max_of_shallow(net, box, method=...)`, with finding the regions. Second
table: microseconds of CPU time a point for batches of 20,000 points (2,000 for the demo), best of
several runs, on one thread. ``products`` are those that the form needs for a point: of hidden
units, of their weights and of affine parts, zeros left out. ``bare`` is the time that so many take
in a product of 1000 x 1000 matrices on the same thread, and ``GEMM`` that of the bare matrix
products, without relu or maximum, in the blocks that the form is cut into where it is evaluated by
matrix products.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from suite import network, yardstick

import plica
from plica.engines.terms import TermTable
from plica.shallow import MaxOfShallow, class_shift, max_of_shallow, random_network
from plica.shallow.evaluate import Dense

DEMO = Path(__file__).resolve().parents[1] / "examples" / "models" / "demo.onnx"


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """CPU seconds of the quickest of several runs."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds)


def needed(form: MaxOfShallow) -> int:
    """Products for a point."""
    affine = np.count_nonzero(form.affine.floats)
    return form.hidden.ints.size + form.total_units * form.n_outputs + affine


def bare_products(dense: Dense, count: int) -> Callable[[], None]:
    """The matrix products of a dense form alone, on ``count`` points at a time."""
    pairs = []
    for block in dense.blocks:
        n, h = block.U.shape[1], block.V.shape[1]
        one, read = np.ones((n, count)), np.ones((h, count))
        pairs.append(
            (block, one, read, np.empty((len(block.U), count)), np.empty((len(block.V), count)))
        )

    def run() -> None:
        for block, one, read, first, second in pairs:
            np.matmul(block.U, one, out=first)
            np.matmul(block.V, read, out=second)

    return run


def classifier() -> plica.Network:
    """A random classifier of images."""
    rng = np.random.default_rng(0)
    sizes = ((784, 32), (32, 8), (8, 10))
    layers = [(rng.normal(0, a**-0.5, (b, a)), rng.normal(0, 0.1, b)) for a, b in sizes]
    return class_shift(plica.Network.mlp(layers))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the largest networks")
    quick = parser.parse_args().quick
    rate = yardstick()
    print(f"matrix product on one thread: {rate:.1f} G multiply-adds/s\n")
    forms: dict[str, MaxOfShallow] = {}
    print("| network | regions | method | terms | hidden units in all | distinct | seconds |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |")
    suite = [(2, 8, 2), (2, 16, 2), (3, 8, 2), (2, 32, 2), (3, 16, 2), (2, 64, 2)]
    cases = [(f"d{n}-w{w}x{d}", network(n, w, d)) for n, w, d in (suite[:3] if quick else suite)]
    cases.append(("residual", random_network(2, 24, 3, residual=True)))
    cases.append(("d4-w6x3", network(4, 6, 3)))
    if not quick:
        cases.append(("demo", plica.load(DEMO)))
    for name, net in cases:
        box = plica.Box.cube(net.n_inputs)
        for method in ("minimal", "patterns"):
            start = time.process_time()
            form = max_of_shallow(net, box, method=method)
            seconds = time.process_time() - start
            forms[f"{name}, {method}"] = form
            print(
                f"| {name} | {int(plica.count_regions(net, box)):,} | {method} "
                f"| {len(form.terms):,} | {form.total_units:,} | {form.distinct_units:,} "
                f"| {seconds:.1f} |",
                flush=True,
            )
    forms["classes, subsets"] = max_of_shallow(classifier(), prune=False, method="subsets")
    print("\n| form | by | products | us a point | bare, us | ratio | GEMM, us | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, form in forms.items():
        n_points = 2_000 if "demo" in name else 20_000
        x = np.random.default_rng(0).uniform(-1, 1, (n_points, form.n_inputs))
        how = "terms" if isinstance(form.evaluator, TermTable) else "blocks"
        spent = best(lambda: form(x)) / n_points * 1e6  # noqa: B023
        bare = needed(form) / rate / 1e3
        gemm = best(bare_products(Dense(form), 200)) / 200 * 1e6
        print(
            f"| {name} | {how} | {needed(form):,} | {spent:.2f} | {bare:.2f} | {spent / bare:.1f} "
            f"| {gemm:.2f} | {spent / gemm:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
