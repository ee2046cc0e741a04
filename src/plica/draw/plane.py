"""The picture of a plane: filled regions, creases, the decision boundary, points."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .palette import hashed, oklab_to_rgb, ramp, relief
from .picture import Picture, Style
from .pieces import Scores, scores_of, split
from .polylines import compound, join, straighten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

    from ..regions.atlas import Atlas

__all__ = ["draw_plane", "own_aspect"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Side of a region, in points, at which creases have their full width.
COMFORT = 4.7
#: Creases of layer l are this factor to the power l - 1 as wide as those of the first.
NARROWER = 0.68
#: Steps of strength between a crease that hardly bends the function and one that bends it much.
LEVELS = 8
#: Width, in points, of what closes the gaps between polygons in a vector file.
SEAM = 0.5
#: Sides of a domain that differ by more than this are both drawn in full length.
LONGEST = 4.0


def draw_plane(atlas: Atlas, ax: Axes, style: Style, marks: Float, classes: Int | None) -> Picture:
    """Draw into ``ax``; see `plica.draw.plot_atlas`."""
    from matplotlib.collections import LineCollection, PathCollection

    from .polygons import Polygons

    (left, bottom), (right, top) = (v.tolist() for v in _bounds(atlas))
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_aspect(own_aspect(atlas))
    ax.set_facecolor(style.theme.background)

    J, c = atlas.affine()
    vertices, offsets, colours = _fill(atlas, J, c, style)
    regions = Polygons(
        vertices, offsets, facecolors=colours, edgecolors="face", linewidths=SEAM, zorder=1
    )
    ax.add_collection(regions, autolim=False)

    creases = boundary = points = None
    scale = style.linewidth * _scale(atlas, ax)
    if style.edges:
        paths, widths, strokes = _creases(atlas, J, style, scale)
        creases = PathCollection(
            paths,
            facecolors="none",
            edgecolors=strokes,
            linewidths=widths,
            capstyle="butt",
            joinstyle="round",
            zorder=2,
        )
        ax.add_collection(creases, autolim=False)
    if style.boundary is not False and atlas.count.complete:
        segments = _boundary(atlas, style)
        points_of, at, _ = join(segments, np.zeros(len(segments), dtype=np.int64), _grain(atlas))
        boundary = LineCollection(
            [points_of[i:j] for i, j in pairwise(at)],
            linewidths=2.0 * style.linewidth * _slimmer(segments, atlas),
            colors=[style.theme.boundary],
            capstyle="round",
            joinstyle="round",
            zorder=3,
        )
        ax.add_collection(boundary, autolim=False)
    if len(marks):
        points = ax.scatter(
            marks[:, 0],
            marks[:, 1],
            s=14.0 * style.linewidth,
            c=_point_colours(classes, len(marks), style),
            edgecolors=[style.theme.background],
            linewidths=0.6 * style.linewidth,
            zorder=4,
        )
        ax.set_xlim(left, right)
        ax.set_ylim(bottom, top)
    return Picture(ax, regions, creases, boundary, points)


def own_aspect(atlas: Atlas) -> float | Literal["auto"]:
    """The aspect at which own coordinates are drawn to scale.

    Domains more than four times as long as wide fill the axes instead: ``"auto"``.
    """
    low, high = _bounds(atlas)
    directions = getattr(atlas.domain, "directions", np.eye(2))
    unit = np.linalg.norm(directions, axis=1)
    sides = (high - low) * unit
    if sides.max() > LONGEST * sides.min():
        return "auto"
    return float(unit[1] / unit[0])


def _bounds(atlas: Atlas) -> tuple[Float, Float]:
    return atlas.vertices.min(axis=0), atlas.vertices.max(axis=0)


def _points_per_pixel(ax: Axes) -> float:
    figure = ax.get_figure(root=True)
    assert figure is not None  # these axes are drawn into
    return 72 / float(figure.dpi)


def _scale(atlas: Atlas, ax: Axes) -> float:
    """Thinner lines where regions are small on paper, so that colours stay visible."""
    box = ax.get_window_extent()
    side = _points_per_pixel(ax) * np.sqrt(box.width * box.height / len(atlas))
    return float(np.clip(np.sqrt(side / COMFORT), 0.25, 1.8))


def _slimmer(segments: Float, atlas: Atlas) -> float:
    """Thinner boundaries where they are long, so that what lies between them stays visible."""
    low, high = _bounds(atlas)
    length = np.linalg.norm((segments[:, 1] - segments[:, 0]) / (high - low), axis=1).sum()
    return float(np.clip(np.sqrt(6.0 / max(length, 6.0)), 0.3, 1.0))


# -- fills ---------------------------------------------------------------------------------------


def _fill(atlas: Atlas, J: Float, c: Float, style: Style) -> tuple[Float, Int, NDArray[np.float64]]:
    """Polygons as ``(vertices, offsets)`` and their colours."""
    whole = (atlas.vertices, atlas.offsets)
    if not isinstance(style.color, str):
        values = style.color
        return *whole, ramp(values, cmap=style.cmap) if values.ndim == 1 else values
    if style.color == "pattern":
        return *whole, hashed(atlas.patterns)
    if style.color == "layer":
        return *whole, ramp(_mean_layer(atlas), cmap=style.cmap)
    if style.color == "output":
        k = style.output
        values = np.einsum("nd,nd->n", J[:, k], atlas.witnesses) + c[:, k]
        both = bool((values > 0).any() and (values < 0).any())
        return *whole, ramp(values, signed=both, cmap=style.cmap)
    if style.boundary is False:
        return *whole, _plain_relief(atlas, J, c, style)
    k = style.output
    if not isinstance(style.boundary, (bool, tuple)):
        J, c = J[:, k : k + 1], c[:, k : k + 1]
    return _split_relief(atlas, scores_of(J, c, style.boundary), style)


def _split_relief(
    atlas: Atlas, scores: Scores, style: Style
) -> tuple[Float, Int, NDArray[np.float64]]:
    pieces = split(atlas.vertices, atlas.offsets, scores)
    slope, offset = scores.margin(pieces.regions, pieces.winner)
    height = np.einsum("pd,pd->p", slope, pieces.centres()) + offset
    weight = atlas.sizes[pieces.regions]
    colours = relief(
        slope / _usual(np.linalg.norm(slope, axis=1), weight),
        height / _usual(height, weight),
        pieces.winner,
        style.theme,
    )
    return pieces.vertices, pieces.offsets, colours


def _plain_relief(atlas: Atlas, J: Float, c: Float, style: Style) -> NDArray[np.float64]:
    """Relief of the combination of outputs whose gradient is largest in the mean."""
    weight = atlas.sizes / atlas.sizes.sum()
    moment = np.einsum("n,nid,njd->ij", weight, J, J)
    lead = np.linalg.eigh(moment)[1][:, -1]
    lead = lead * np.sign(lead[np.abs(lead).argmax()])
    slope = np.einsum("m,nmd->nd", lead, J)
    height = np.einsum("nd,nd->n", slope, atlas.witnesses) + c @ lead
    height = height - weight @ height
    steep = _usual(np.linalg.norm(slope, axis=1), weight)
    return relief(slope / steep, height / _usual(height, weight), None, style.theme)


def _usual(values: Float, weight: Float) -> float:
    """A size that half of the area exceeds; the mean size if that is 0, 1 if all are."""
    size = np.abs(values)
    order = np.argsort(size)
    total = np.cumsum(weight[order])
    middle = float(size[order[np.searchsorted(total, 0.5 * total[-1])]])
    return middle or float(weight @ size / total[-1]) or 1.0


def _mean_layer(atlas: Atlas) -> Float:
    """Mean hidden layer of the creases around each region, by length; NaN where there is none."""
    length = np.linalg.norm(atlas.vertices[_following(atlas)] - atlas.vertices, axis=1)
    length = np.where(atlas.edge_units < 0, 0.0, length)
    layer = np.asarray(atlas.network.unit_layers)[np.maximum(atlas.edge_units, 0)]
    total = np.add.reduceat(length, atlas.offsets[:-1])
    weighted = np.add.reduceat(length * layer, atlas.offsets[:-1])
    mean: Float = np.divide(weighted, total, out=np.full(len(total), np.nan), where=total > 0)
    return mean


def _following(atlas: Atlas) -> Int:
    """The next vertex of the same polygon, for each vertex."""
    after = np.arange(1, len(atlas.vertices) + 1)
    after[atlas.offsets[1:] - 1] = atlas.offsets[:-1]
    return after


# -- lines ---------------------------------------------------------------------------------------


def _creases(
    atlas: Atlas, J: Float, style: Style, scale: float
) -> tuple[list[Path], Float, NDArray[np.float64]]:
    """Paths, widths and RGBA colours, the deepest layer first.

    A path holds all facets of one unit that are about equally strong, as polylines.
    """
    if atlas.count.complete:
        facets = atlas.facets()
        start, unit, ends = facets.sides[:, 0], facets.unit, facets.ends
        bend = _bends(J, facets.regions) / _usual(np.linalg.norm(J, axis=(1, 2)), atlas.sizes)
    else:  # what lies across a crease may not have been found
        start = np.flatnonzero(atlas.edge_units >= 0)
        unit = atlas.edge_units[start]
        ends = np.stack((atlas.vertices[start], atlas.vertices[_following(atlas)[start]]), axis=1)
        bend = np.ones(start.size)
    cut = atlas.edges[start] // 2
    # units are numbered anew, the deepest layer first, and each has one group a level of strength
    layers = np.asarray(atlas.network.unit_layers)
    order = np.argsort(-layers, kind="stable")
    level = np.rint(LEVELS * np.clip(2 * bend, 0.0, 1.0) ** 0.7).astype(np.int64)
    group = np.argsort(order)[unit] * (LEVELS + 1) + level
    paths, group = compound(*join(*straighten(ends, group, cut), _grain(atlas)))
    layer, level = layers[order[group // (LEVELS + 1)]], group % (LEVELS + 1)
    widths = np.maximum(1.1 * NARROWER ** (layer - 1), 0.25) * scale
    colours = np.empty((layer.size, 4))
    colours[:, :3] = style.theme.ink
    strength = 0.15 + 0.85 * level / LEVELS
    colours[:, 3] = style.theme.crease * np.maximum(0.87 ** (layer - 1), 0.4) * strength
    return paths, widths, colours


def _grain(atlas: Atlas) -> float:
    """What no eye can tell apart, in own coordinates: a millionth of the picture."""
    low, high = _bounds(atlas)
    return 1e-6 * float((high - low).min())


def _bends(J: Float, pairs: Int) -> Float:
    """How much the linear part changes across each facet, shape (E,)."""
    found = np.empty(len(pairs))
    step = max(1, (1 << 22) // max(1, J[0].size))
    for i in range(0, len(pairs), step):
        a, b = pairs[i : i + step].T
        found[i : i + step] = np.linalg.norm(J[a] - J[b], axis=(1, 2))
    return found


def _boundary(atlas: Atlas, style: Style) -> Float:
    if isinstance(style.boundary, tuple):
        level: Any = atlas.decision_boundary(*style.boundary)
    elif style.boundary is True:
        level = atlas.decision_boundary()
    else:
        level = atlas.level_set(style.output, style.boundary)
    return np.asarray(level.segments)


def _point_colours(classes: Int | None, n: int, style: Style) -> NDArray[np.float64]:
    """Brighter than the regions of the same class."""
    if classes is None:
        return np.tile(style.theme.boundary, (n, 1))
    bases = np.array(style.theme.families)
    lab = bases[classes % len(bases)]
    lab[:, 0] += 0.6 * (0.92 - lab[:, 0])
    return oklab_to_rgb(lab)
