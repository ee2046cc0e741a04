"""The picture of a line: the graph of the outputs along it, and its creases, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .palette import hashed, ramp, strokes
from .picture import Picture, Style
from .pieces import Scores, scores_of, split

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection

    from ..regions.atlas import Atlas

__all__ = ["draw_line"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Share of the axes' height that the strokes of the creases take.
RUG = 0.26


def draw_line(atlas: Atlas, ax: Axes, style: Style, marks: Float, classes: Int | None) -> Picture:
    """Draw into ``ax``; see `plica.draw.plot_atlas`."""
    from matplotlib.collections import LineCollection

    J, c = atlas.affine()
    start, end = float(atlas.vertices[0, 0]), float(atlas.vertices[-1, 0])
    ax.set_facecolor(style.theme.background)
    ax.set_xlim(start, end)

    segments, colours = _graph(J[:, :, 0], c, atlas, style)
    regions = LineCollection(
        list(segments), colors=colours, linewidths=2.2 * style.linewidth, capstyle="round", zorder=3
    )
    ax.add_collection(regions, autolim=False)
    low, high = float(segments[..., 1].min()), float(segments[..., 1].max())
    room = (high - low) or max(1.0, abs(high))
    rug = RUG if style.edges else 0.0
    bottom, top = low - 0.06 * room, high + 0.06 * room
    ax.set_ylim(bottom - rug / (1 - rug) * (top - bottom), top)
    ax.set_yticks([y for y in ax.get_yticks() if bottom <= y <= top])

    creases = _rug(atlas, ax, style) if style.edges else None
    boundary = points = None
    if style.boundary is not False:
        at = _crossings(atlas, J, c, style)
        boundary = LineCollection(
            [[(t, rug), (t, 1.0)] for t in at],
            colors=[style.theme.boundary],
            linewidths=1.0 * style.linewidth,
            linestyles="dotted",
            transform=ax.get_xaxis_transform(),
            zorder=2,
        )
        ax.add_collection(boundary, autolim=False)
    if len(marks):
        points = ax.scatter(
            marks[:, 0],
            np.full(len(marks), rug or 0.02),
            s=18.0 * style.linewidth,
            c=[style.theme.boundary] if classes is None else ramp(classes),
            transform=ax.get_xaxis_transform(),
            zorder=4,
        )
        ax.set_xlim(start, end)
    return Picture(ax, regions, creases, boundary, points)


def _graph(slope: Float, c: Float, atlas: Atlas, style: Style) -> tuple[Float, NDArray[np.float64]]:
    """Segments of the graph, shape (S, 2, 2), output after output, and their colours."""
    n, m = c.shape
    ends = atlas.vertices[:, 0].reshape(-1, 2)
    region, output = np.tile(np.arange(n), m), np.repeat(np.arange(m), n)
    t, family = ends[region], output
    if m == 1 and style.boundary is not False and isinstance(style.color, str):
        # above and below the level, like the two sides of a plane
        pieces = split(atlas.vertices, atlas.offsets, _scores(slope[..., None], c, style))
        region, family = pieces.regions, pieces.winner
        output = np.zeros_like(region)
        t = pieces.vertices[:, 0].reshape(-1, 2)
    steep = slope[region, output]
    y = steep[:, None] * t + c[region, output][:, None]
    segments = np.stack((t, y), axis=-1)
    if not isinstance(style.color, str):
        one = style.color if style.color.ndim == 2 else ramp(style.color, cmap=style.cmap)
    elif style.color == "affine":
        usual = np.sqrt(np.average((slope**2).sum(axis=1), weights=atlas.sizes)) or 1.0
        return segments, strokes(steep / usual, family, style.theme)
    elif style.color == "pattern":
        one = hashed(atlas.patterns)
    elif style.color == "layer":
        one = ramp(_mean_layer(atlas), cmap=style.cmap)
    else:
        k = style.output
        one = ramp(slope[:, k] * atlas.witnesses[:, 0] + c[:, k], cmap=style.cmap)
    return segments, one[region]


def _scores(J: Float, c: Float, style: Style) -> Scores:
    k = style.output
    if not isinstance(style.boundary, bool | tuple):
        J, c = J[:, k : k + 1], c[:, k : k + 1]
    return scores_of(J, c, style.boundary)


def _layers(atlas: Atlas, units: NDArray[np.int32]) -> Int:
    layer = np.concatenate((np.asarray(atlas.network.unit_layers), [0]))
    return np.asarray(layer[np.where(units < 0, len(layer) - 1, units)])


def _mean_layer(atlas: Atlas) -> Float:
    """Mean hidden layer of the creases at the ends of each piece; NaN where there is none."""
    layers = _layers(atlas, atlas.edge_units).reshape(-1, 2)
    ends = (layers > 0).sum(axis=1)
    mean: Float = np.divide(
        layers.sum(axis=1), ends, out=np.full(len(ends), np.nan), where=ends > 0
    )
    return mean


def _rug(atlas: Atlas, ax: Axes, style: Style) -> LineCollection:
    """Strokes at the creases, one row a layer, the first layer on top."""
    from matplotlib.collections import LineCollection

    start = atlas.edge_units[::2][1:]  # the crease between two neighbours, at the later one's start
    at = atlas.vertices[::2, 0][1:]
    layer = _layers(atlas, start)
    depth = max(1, atlas.network.depth)
    order = np.argsort(-layer, kind="stable")
    at, layer = at[order], layer[order]
    row = (RUG - 0.04) / depth
    top = RUG - 0.02 - row * (layer - 1)
    strokes = np.stack(
        (np.stack((at, top - 0.82 * row), axis=1), np.stack((at, top), axis=1)), axis=1
    )
    crowd = float(np.clip(np.sqrt(300 / max(1, at.size)), 0.3, 1.0))
    rug = LineCollection(
        list(strokes),
        colors=[style.theme.ink],
        alpha=style.theme.crease + 0.2,
        linewidths=np.maximum(1.3 * 0.8 ** (layer - 1), 0.5) * crowd * style.linewidth,
        capstyle="butt",
        transform=ax.get_xaxis_transform(),
        zorder=2,
    )
    ax.add_collection(rug, autolim=False)
    if depth <= 10:
        for k in range(depth):
            ax.text(
                1.01,
                RUG - 0.02 - row * (k + 0.41),
                f"layer {k + 1}",
                transform=ax.transAxes,
                color=style.theme.ink,
                fontsize=min(8.0, 200.0 * row),
                va="center",
                alpha=0.8,
            )
    return rug


def _crossings(atlas: Atlas, J: Float, c: Float, style: Style) -> Float:
    """Where the winner changes: inside a piece or between two, ascending."""
    pieces = split(atlas.vertices, atlas.offsets, _scores(J, c, style))
    ends = pieces.vertices[:, 0].reshape(-1, 2)
    order = np.argsort(ends[:, 0], kind="stable")
    winner = pieces.winner[order]
    at: Float = ends[order][1:, 0][winner[1:] != winner[:-1]]
    return at
