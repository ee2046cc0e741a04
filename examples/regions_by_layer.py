"""Regions layer by layer: straight creases, bent creases, and what all of them cut the plane into.

The creases of a first layer of ReLU units are straight lines; those of a maxout unit are where the
largest of its affine functions changes, lines that end where three meet. Creases of a deeper layer
bend wherever they cross an earlier one, for there the map before them changes; so each layer cuts
many regions at a time. The picture shows a random ReLU network and a random maxout network after
one, two and three layers::

    python examples/regions_by_layer.py [--units 10] [--seed 2] [--out regions_by_layer.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import plica

SQUARE = plica.Box([-1, -1], [1, 1])
PAGE, INK = (0.035, 0.045, 0.10), (1.0, 1.0, 1.0)
DEPTH = 3
NUMBERS = ("one layer", "two layers", "three layers")


def random_network(units: int, rank: int, seed: int) -> plica.Network:
    """Gaussian weights, and biases with which each unit has its bend at a point of the square.

    Rank 1 are ReLU units; a maxout unit is the largest of ``rank`` affine functions.
    """
    rng = np.random.default_rng(seed)
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    maxout = None if rank == 1 else rank
    before = 2
    for _ in range(DEPTH):
        W = rng.normal(0, np.sqrt(2 / before), (units * rank, before))
        h = np.repeat(rng.uniform(-0.8, 0.8, (units, 2)), rank, axis=0)  # one point for each unit
        if layers:
            # what the layers so far make of the points
            readout = (np.eye(units), np.zeros(units))
            h = plica.Network.mlp([*layers, readout], maxout=maxout)(h)
        layers.append((W, -(W * h).sum(axis=1)))
        before = units
    return plica.Network.mlp([*layers, (rng.normal(size=(1, units)), [0.0])], maxout=maxout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=10)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("regions_by_layer.png"))
    options = parser.parse_args()

    figure = Figure((15.6, 11.2), facecolor=PAGE)
    FigureCanvasAgg(figure)
    kinds = (("ReLU", options.units, 1), ("maxout of rank 3", options.units // 2, 3))
    for row, (kind, units, rank) in enumerate(kinds):
        net = random_network(units, rank, options.seed)
        for layers in range(1, DEPTH + 1):
            # colours: of what the next layer reads, the combination that varies most
            part = net if layers == DEPTH else net.until(layers + 1)
            atlas = plica.map_regions(part, SQUARE)
            print(f"{kind}, {layers} layers: {int(atlas.count)} regions in the square")
            ax = figure.add_axes(((layers - 0.985) / DEPTH, 0.51 - 0.5 * row, 0.97 / DEPTH, 0.4502))
            atlas.plot(ax, boundary=False, linewidth=1.1)
            ax.set_axis_off()
            title = f"{NUMBERS[layers - 1]} of {units}" + f" {kind}" * (layers == 1)
            ax.set_title(title, color=INK, fontsize=15, loc="left", pad=8)
            note = f"{int(atlas.count):,} regions"
            ax.set_title(note, color=INK, fontsize=12, loc="right", pad=8, alpha=0.7)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=90, facecolor=PAGE)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
