"""Which regions survive when the parameters move: a certified radius for each.

A network with two hidden layers learns a flower. Every one of its regions gets a radius: as long
as no weight and no bias changes by more, the region is there. The picture shows the radii as a map
and how many regions certainly survive; a dot is how many did, under one random change::

    python examples/stability.py [--out stability.png]

It needs ``scikit-learn`` and takes under a minute.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import plica

SQUARE = plica.Box([-1, -1], [1, 1])
PAGE, INK = (0.035, 0.045, 0.10), (1.0, 1.0, 1.0)


def inside(points: np.ndarray) -> np.ndarray:
    """Whether points, shape (N, 2), lie in a flower of seven petals."""
    x, y = points.T
    return np.hypot(x, y) < 0.62 + 0.2 * np.sin(7 * np.arctan2(y, x))


def train(x: np.ndarray, y: np.ndarray) -> plica.Network:
    model = MLPClassifier((10, 10), solver="lbfgs", alpha=1e-4, max_iter=1500, random_state=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
        print(f"right on {model.score(x, y):.1%} of the points")
        return plica.load(model)


def moved(net: plica.Network, e: float, rng: np.random.Generator) -> plica.Network:
    """Every weight and bias moved by less than ``e``, up or down."""
    return plica.Network(
        plica.Stage(
            stage.A + 0.999 * e * rng.choice([-1, 1], stage.A.shape),
            stage.a + 0.999 * e * rng.choice([-1, 1], stage.a.shape),
            stage.units,
        )
        for stage in net.stages
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("stability.png"))
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (1500, 2))
    net = train(x, inside(x))
    atlas = plica.map_regions(net, SQUARE)
    stable = plica.stable_regions(net, SQUARE)
    print(stable)
    for share in (1.0, 0.5, 0.1):
        k = int(share * len(stable))
        print(f"{k} of {len(stable)} regions survive any change up to {stable.radius(k):.2g}")

    figure = Figure((14, 6.6), facecolor=PAGE)
    FigureCanvasAgg(figure)
    left = figure.add_axes((0.02, 0.04, 0.43, 0.43 * 14 / 6.6))
    # regions in the atlas's order
    number = {pattern.tobytes(): r for r, pattern in enumerate(stable.patterns)}
    order = [number[pattern.tobytes()] for pattern in atlas.patterns]
    shades = np.sqrt(stable.radii[order])
    atlas.plot(left, color=shades, linewidth=0.7)
    left.set_axis_off()
    left.set_title("certified radius of every region: lighter bears more", color=INK, loc="left")

    right = figure.add_axes((0.53, 0.13, 0.45, 0.78))
    stable.plot(right, linear=True)
    finite = stable.radii[np.isfinite(stable.radii) & (stable.radii > 0)]
    sizes = np.geomspace(finite.min(), finite.max(), 9)
    for i, e in enumerate(sizes):
        counts = []
        for _ in range(6):
            after = plica.map_regions(moved(net, e, rng), SQUARE)
            counts.append(len(number.keys() & {pattern.tobytes() for pattern in after.patterns}))
        label = "of these regions, there after a random change" if i == 0 else None
        right.scatter(
            [e] * len(counts), counts, s=14, color=[INK], alpha=0.8, label=label, zorder=5
        )
    right.legend(frameon=False, labelcolor=[INK], loc="lower left")

    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=100, facecolor=PAGE)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
