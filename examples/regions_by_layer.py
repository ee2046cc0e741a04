"""Regions layer by layer: straight creases, bent creases, and what all of them cut the plane into.

The creases of the first layer are straight lines. Those of a deeper layer bend wherever they cross
an earlier one, for there the map before them changes; so each layer cuts many regions at a time.
The picture shows a random network of three layers of ten units after one, two and three layers,
with the number of regions in the square and an upper bound on it::

    python examples/regions_by_layer.py [--widths 10 10 10] [--seed 2] [--out regions_by_layer.png]
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from math import comb
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import plica

SQUARE = plica.Box([-1, -1], [1, 1])
PAGE, INK = (0.035, 0.045, 0.10), (1.0, 1.0, 1.0)


def random_network(widths: list[int], seed: int) -> plica.Network:
    """Gaussian weights, and biases with which each unit has its bend at a point of the square."""
    rng = np.random.default_rng(seed)
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    for n, m in pairwise([2, *widths]):
        W = rng.normal(0, np.sqrt(2 / n), (m, n))
        h = rng.uniform(-0.8, 0.8, (m, 2))  # one point for each unit
        for V, c in layers:
            h = np.maximum(h @ V.T + c, 0)
        layers.append((W, -(W * h).sum(axis=1)))
    return plica.Network.mlp([*layers, (rng.normal(size=(1, widths[-1])), [0.0])])


def upper_bound(widths: list[int], inputs: int = 2) -> int:
    """Most activation regions of a ReLU network (Serra, Tjandraatmadja and Ramalingam 2018)."""
    cells = {inputs: 1}  # dimension of the image: how many cells have it
    for n in widths:
        after: dict[int, int] = {}
        for d, count in cells.items():
            for j in range(min(d, n) + 1):
                image = min(d, n - j)
                after[image] = after.get(image, 0) + count * comb(n, j)
        cells = after
    return sum(cells.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=[10, 10, 10])
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("regions_by_layer.png"))
    options = parser.parse_args()

    net = random_network(options.widths, options.seed)
    depth = net.depth
    figure = Figure((5.2 * depth, 5.7), facecolor=PAGE)
    FigureCanvasAgg(figure)
    for layers in range(1, depth + 1):
        # what the next layer reads; the colours are those of one combination of it
        part = net if layers == depth else net.until(layers + 1)
        atlas = plica.map_regions(part, SQUARE)
        most = upper_bound(options.widths[:layers])
        print(f"{layers} layers: {int(atlas.count)} regions in the square, at most {most}")
        ax = figure.add_axes(((layers - 0.985) / depth, 0.02, 0.97 / depth, 0.9))
        atlas.plot(ax, boundary=False, linewidth=1.1)
        ax.set_axis_off()
        title = (
            ("one layer", "two layers", "three layers")[layers - 1]
            if layers < 4
            else f"{layers} layers"
        )
        ax.set_title(title, color=INK, fontsize=15, loc="left", pad=8)
        note = f"{int(atlas.count):,} regions, at most {most:,}"
        ax.set_title(note, color=INK, fontsize=11, loc="right", pad=8, alpha=0.7)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=100, facecolor=PAGE)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
