"""A network folds its input space: figures 2 to 4 of Montufar and others (2014), drawn anew.

G. Montufar, R. Pascanu, K. Cho, Y. Bengio, "On the number of linear regions of deep neural
networks", NIPS 2014. Run it from anywhere::

    python examples/folding.py --out folding

It takes some seconds and writes, into the folder:

``paper.png``
    The input square as a sheet of paper that two layers fold, with what the last layer cuts.
``preimages.png``
    One cell and the axes of the last layer's space, and their preimages, layer by layer.
``sheet.png``
    The input square as a layer of absolute values folds it, and what it identifies.
``kaleidoscope.png``
    What two maxout units identify.
``zigzag.png``
    How the units of one layer fold one coordinate.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import plica
from plica.draw import plot_paper, plot_preimages, plot_sheet
from plica.draw.palette import THEMES, Theme, oklab_to_rgb

SQUARE = plica.Box.cube(2, 0, 1)
LIGHT, DARK = THEMES["light"], THEMES["dark"]


def figure(width: float, height: float, theme: Theme) -> Figure:
    page = Figure((width, height), dpi=120, facecolor=theme.background)
    FigureCanvasAgg(page)
    return page


def star() -> tuple[np.ndarray, np.ndarray]:
    """Five lines ``W y + b = 0`` that make a star in the unit square, on the positive side."""
    angle = 2 * np.pi * (np.arange(5) / 5 + 0.02)
    W = -np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return W, 0.155 - W @ (0.53, 0.47)


def folded_star(layers: int) -> plica.Network:
    """Layers that fold the square in two both ways, and the star on what comes out."""
    built = plica.constructions.folding([2, *[4] * layers, 3])
    W, b = star()
    cut = [plica.Stage(W, b, plica.Units.relu(5)), plica.Stage(np.ones((1, 5)), [0.0])]
    return plica.Network([*built.folded(layers).stages, *cut])


def paper(path: Path) -> None:
    """Two layers fold the square like a sheet of paper, the third cuts a star."""
    atlas = plica.map_regions(folded_star(2), SQUARE)
    inside = atlas.patterns[:, -5:].sum(axis=1)
    lab = {5: (0.82, 0.03, 0.13), 4: (0.70, 0.09, 0.12)}
    colours = oklab_to_rgb([lab.get(int(k), (0.37, -0.01, -0.095)) for k in inside])
    folds = [(0, 2), (1, 2), (0, 2), (1, 2)]
    steps = [
        (0.0, "the input square", 1.5),
        (0.36, "layer 1 folds\none coordinate ...", 1.3),
        (1.38, "... and the other", 1.2),
        (2.0, "four sheets\non each other", 1.0),
        (2.36, "layer 2 does\nthe same again", 0.8),
        (3.38, "", 0.75),
        (4.0, "sixteen sheets,\none star", 0.65),
    ]
    page = figure(14, 2.9, LIGHT)
    total = sum(width for _, _, width in steps)
    left = 0.0
    for progress, text, width in steps:
        share = width / total
        ax = page.add_axes((left + 0.004, 0.02, share - 0.008, 0.78))
        plot_paper(atlas, folds, progress, ax, colors=colours)
        ax.set_anchor("S")
        page.text(left + share / 2, 0.88, text, ha="center", va="center", color=LIGHT.ink, size=10)
        left += share
    page.savefig(path)


def preimages(path: Path) -> None:
    """What is one cell, and two axes, for the last layer, is many for the layers before it."""
    W, b = star()
    targets = [
        plica.Polytope(-W, b),
        plica.Segment([0.5, 0.0], [0.5, 1.0]),
        plica.Segment([0.0, 0.5], [1.0, 0.5]),
        (0.625, 0.5625),
    ]
    page = figure(13, 3.6, DARK)
    names = ["the inputs", "after layer 1", "after layer 2", "after layer 3"]
    for i, name in enumerate(names):
        # what the three layers together do, then the last two, then the last alone
        layers = len(names) - 1 - i
        if layers:
            net = plica.constructions.folding([2, *[4] * layers, 3]).folded(layers)
        else:  # on the square itself a rectifier changes nothing
            net = plica.Network([plica.Stage(np.eye(2), np.zeros(2), plica.Units.relu(2))])
        found = [plica.folding.preimages(net, net.depth, t, SQUARE) for t in targets]
        ax = page.add_axes((0.004 + 0.25 * i, 0.02, 0.242, 0.87))
        plot_preimages(found, ax, families=[1, 5, 2, 3], linewidth=1.3 - 0.2 * layers)
        times = "once" if len(found[0]) == 1 else f"{found[0].multiplicity} times"
        ax.set_title(f"{name}: {times}", size=11, color=DARK.ink)
    page.savefig(path)


def sheet(path: Path) -> None:
    """A layer of absolute values folds the square along three lines, in no special way."""
    angle = np.array([0.10, 1.17, 2.42])
    W = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    b = (-0.20, 0.05, 0.11) - W @ (0.5, 0.5)
    # the next layer reads two sums of the three units
    readout = np.linalg.pinv(W) * (-1, 1, 1)
    net = plica.Network.mlp([(W, b), (readout, [0.0, 0.0])], "abs")
    y = net([(0.81, 0.25)])[0]
    sides = np.array([[1, 0.3], [-0.4, 1], [-0.8, -1]])
    cell = plica.Polytope(sides, sides @ y + 0.012)
    same = [plica.folding.preimages(net, 1, target, SQUARE) for target in (cell, y)]
    page = figure(9, 4.8, LIGHT)
    left = page.add_axes((0.01, 0.02, 0.48, 0.88))
    plot_preimages(same, left, theme="light", families=[4, 3])
    text = f"{same[0].multiplicity} parts of the square ..."
    left.set_title(text, size=11, color=LIGHT.ink)
    right = page.add_axes((0.51, 0.02, 0.48, 0.88))
    right.set_anchor("S")
    plot_sheet(net, SQUARE, right)
    corners = [np.linalg.solve(cell.A[[i, j]], cell.b[[i, j]]) for i, j in ((0, 1), (1, 2), (2, 0))]
    right.fill(*np.transpose(corners), color=oklab_to_rgb(LIGHT.families[4]), zorder=3)
    right.set_title("... are one for the next layer", size=11, color=LIGHT.ink)
    page.savefig(path)


def kaleidoscope(path: Path) -> None:
    """Two maxout units of rank six map twelve cones onto one: one star there is twelve."""
    box = plica.Box.cube(2, -1.15, 1.15)
    net = plica.constructions.kaleidoscope([2, 2, 3], 6).folded(1)
    centre = 0.66 * np.array([np.cos(np.pi / 12), np.sin(np.pi / 12)])
    J, c = (part[0] for part in net.affine([centre]))
    W, b = star()
    # the star around the centre, nine tenths as large, in the coordinates of the cone's image
    W, b = W @ np.linalg.inv(J), 0.9 * (b + W @ (0.53, 0.47)) - W @ centre
    b = b - W @ c
    targets = []
    for tip in (None, *range(5)):
        sides = np.where(np.arange(5) == tip, 1.0, -1.0)
        targets.append(plica.Polytope(sides[:, None] * W, -sides * b))
    found = [plica.folding.preimages(net, 1, target, box) for target in targets]
    page = figure(5, 5, DARK)
    ax = page.add_axes((0.01, 0.01, 0.98, 0.98))
    plot_preimages(found, ax, families=[3, 1, 1, 1, 1, 1])
    page.savefig(path)


def zigzag(path: Path) -> None:
    """The units of one layer, and the function of one coordinate that they add up to."""
    built = [
        (plica.constructions.folding([1, 4, 2]), 1.0, "4 rectifiers, 4 pieces"),
        (plica.constructions.zigzag([1, 4, 2]), 1.0, "4 rectifiers, 5 pieces"),
        (
            plica.constructions.several_breakpoints([1, 3, 2], 2),
            7 / 9,
            "3 units that bend twice, 7 pieces",
        ),
        (
            plica.constructions.maxout_zigzag([1, 2, 2], 4),
            1.0,
            "2 maxout units of rank 4, 7 pieces",
        ),
    ]
    page = figure(13, 3.2, LIGHT)
    for i, (construction, end, text) in enumerate(built):
        net = construction.folded(1)
        kinks = plica.map_regions(net, plica.Segment([0.0], [end])).vertices[:, 0]
        t = end * np.unique(np.append(kinks, 1.0))[:, None]
        first, last = net.stages
        parts = first.units(first.pre(t)) * last.A[0]
        ax = page.add_axes((0.01 + 0.2475 * i, 0.03, 0.235, 0.84))
        scale = np.ptp(net(t))
        shift = net(t).min()
        colours = oklab_to_rgb([(0.72, -0.03, -0.07)] * parts.shape[1])
        for part, colour in zip(parts.T, colours, strict=True):
            ax.plot(t, part / scale, color=colour, lw=1.1)
        ax.plot(t, (net(t)[:, 0] - shift) / scale, color=oklab_to_rgb((0.62, 0.12, 0.1)), lw=2.4)
        ax.set_xlim(0, end)
        ax.set_ylim(-1.3, 2.3)
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_color((*LIGHT.ink, 0.4))
        ax.set_title(text, size=11, color=LIGHT.ink)
    page.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("folding"), help="folder of the pictures")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (paper, preimages, sheet, kaleidoscope, zigzag):
        path = folder / f"{draw.__name__}.png"
        draw(path)
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
