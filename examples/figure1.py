"""Shallow against deep on the same two-class data: figure 1 of Montufar et al. 2014.

A network with one hidden layer of 20 ReLU units and one with two layers of 10 learn the same
points: inside or outside a flower. The picture shows every activation region of both, then both
decision boundaries, which are exact, over the data, and a close-up::

    python examples/figure1.py [--search] [--out figure1.png]

It needs ``scikit-learn`` and takes a few seconds. Of six starts each network takes the one with the
fewest errors; their seeds are fixed, and ``--search`` tries all six again (half a minute).
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import plica

SQUARE = plica.Box([-1, -1], [1, 1])
#: Hidden widths, and the seed of the best of six starts.
SHALLOW, DEEP = ((20,), 2), ((10, 10), 4)
PAGE, INK = (0.035, 0.045, 0.10), (1.0, 1.0, 1.0)
ORANGE, BLUE = (1.0, 0.72, 0.32), (0.45, 0.72, 1.0)
CLOSE = ((-0.87, -0.1), 0.56)  # lower left corner and side of the close-up


def inside(points: np.ndarray) -> np.ndarray:
    """Whether points, shape (N, 2), lie in a flower of seven petals."""
    x, y = points.T
    return np.hypot(x, y) < 0.62 + 0.2 * np.sin(7 * np.arctan2(y, x))


def train(widths: tuple[int, ...], seed: int, x: np.ndarray, y: np.ndarray) -> plica.Network:
    model = MLPClassifier(widths, solver="lbfgs", alpha=1e-4, max_iter=1500, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
        return plica.load(model)


def errors(net: plica.Network, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (net(x)[:, 0] > 0) != y


def panel(figure: Figure, place: int, title: str, note: str = "") -> object:
    row, column = divmod(place, 2)
    ax = figure.add_axes((0.02 + 0.49 * column, 0.515 - 0.495 * row, 0.47, 0.4475))
    ax.set_title(title, color=INK, fontsize=13, loc="left", pad=8)
    ax.set_title(note, color=INK, fontsize=10.5, loc="right", pad=8, alpha=0.7)
    ax.set_facecolor(PAGE)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("figure1.png"))
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (1500, 2))
    y = inside(x)
    fresh = np.random.default_rng(1).uniform(-1, 1, (50_000, 2))

    atlases, wrong = [], []
    for widths, best in (SHALLOW, DEEP):
        nets = [train(widths, s, x, y) for s in (range(6) if options.search else [best])]
        net = min(nets, key=lambda net: errors(net, x, y).sum())
        atlases.append(plica.map_regions(net, SQUARE))
        wrong.append(errors(net, x, y))
        name = "-".join(map(str, net.widths))
        new = errors(net, fresh, inside(fresh)).mean()
        print(
            f"{name}: {int(atlases[-1].count)} activation regions, "
            f"{len(atlases[-1].linear_regions())} linear regions in the square, "
            f"{wrong[-1].sum()} of {len(x)} points wrong, {new:.1%} of new ones"
        )

    figure = Figure((12, 12.6), facecolor=PAGE)
    FigureCanvasAgg(figure)
    for place, (atlas, name) in enumerate(
        zip(atlases, ("one layer of 20", "two layers of 10"), strict=True)
    ):
        note = f"{int(atlas.count)} regions, {wrong[place].mean():.1%} errors"
        atlas.plot(panel(figure, place, name, note))

    edges = [atlas.decision_boundary().segments for atlas in atlases]
    corner, side = np.array(CLOSE[0]), CLOSE[1]
    for place, (low, high) in ((2, (-1, 1)), (3, (corner, corner + side))):
        low, high = np.broadcast_to(low, 2), np.broadcast_to(high, 2)
        title = "both decision boundaries" if place == 2 else "close-up"
        notes = "solid: one layer, dashed: two", "full markers: errors of the one layer"
        ax = panel(figure, place, title, notes[place - 2])
        size = 9 if place == 2 else 34
        for kind, colour in ((True, ORANGE), (False, BLUE)):
            right, bad = (y == kind) & ~wrong[0], (y == kind) & wrong[0]
            ax.scatter(*x[right].T, s=size, facecolors="none", edgecolors=[(*colour, 0.55)], lw=0.7)
            ax.scatter(*x[bad].T, s=2 * size, color=[colour], lw=0, zorder=3)
        for segments, style in zip(edges, ("solid", (0, (3, 1.4))), strict=True):
            name = "one layer of 20" if style == "solid" else "two layers of 10"
            lines = LineCollection(segments, colors=[INK], linewidths=1.8, label=name, zorder=4)
            lines.set_linestyle(style)
            ax.add_collection(lines)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        if place == 2:
            ax.add_patch(Rectangle(corner, side, side, fill=False, ec=INK, lw=0.8, alpha=0.6))

    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=100, facecolor=PAGE)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
