"""A sheet of paper that is being folded: the domain of a network whose layers fold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PlicaError
from .files import own_axes
from .palette import Theme, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..regions.atlas import Atlas
    from ..regions.polygons import PolygonAtlas

__all__ = ["plot_paper"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Distance of two sheets that lie on each other, as a share of the side of the paper.
THICKNESS = 0.012
#: Where the paper is seen from: turned and from above, in degrees.
TURN, HEIGHT = -64.0, 38.0
LIGHT = np.array([-0.35, -0.25, 0.9]) / np.linalg.norm([-0.35, -0.25, 0.9])


@dataclass(frozen=True, eq=False)
class _Stack:
    """The faces of a sheet that is folded flat.

    Attributes
    ----------
    points : ndarray, shape (V, 2)
        Corners of all faces, where they lie now.
    owner : ndarray of int, shape (V,)
        Face of each corner.
    level : ndarray of int, shape (F,)
        How many sheets lie under each face.
    turned : ndarray of bool, shape (F,)
        Whether the back of the paper looks up.
    size : ndarray, shape (2,)
    sheets : int
    """

    points: Float
    owner: Int
    level: Int
    turned: NDArray[np.bool_]
    size: Float
    sheets: int

    def parts(self, axis: int, parts: int) -> Int:
        """The part that each face belongs to, if the sheets are folded into equal ones."""
        place = self.points[:, axis] / self.size[axis] * parts
        count = np.bincount(self.owner)
        middle = np.bincount(self.owner, place) / count
        found: Int = np.clip(np.floor(middle), 0, parts - 1).astype(np.int64)
        off = np.abs(place - (found + 0.5)[self.owner]).max()
        if off > 0.5 + 1e-6:
            raise PlicaError(
                f"a region of the atlas lies across a fold into {parts} parts; the folds must be "
                "those of the network's layers"
            )
        return found

    def folded(self, axis: int, parts: int) -> _Stack:
        """The sheets folded flat: every other part turned over, on the one before it."""
        part = self.parts(axis, parts)
        odd = part % 2 == 1
        width = self.size[axis] / parts
        points = self.points.copy()
        across = points[:, axis] - (part * width)[self.owner]
        points[:, axis] = np.where(odd[self.owner], width - across, across)
        inner = np.where(odd, self.sheets - 1 - self.level, self.level)
        size = self.size.copy()
        size[axis] = width
        return _Stack(
            points,
            self.owner,
            part * self.sheets + inner,
            self.turned ^ odd,
            size,
            self.sheets * parts,
        )


def plot_paper(
    atlas: Atlas,
    folds: Sequence[tuple[int, int]],
    progress: float,
    ax: Axes | None = None,
    *,
    colors: ArrayLike | None = None,
    theme: str | Theme = "light",
    linewidth: float = 1.0,
) -> Axes:
    """Draw the domain as a sheet of paper that is being folded.

    Parameters
    ----------
    atlas : Atlas
        Of a rectangle; its regions are printed on the paper.
    folds : sequence of (axis, parts)
        One fold after another: along coordinate 0 or 1, into so many equal parts, to and fro. No
        region may lie across a fold, as is so for the network of `plica.constructions.folding`,
        whose layers make the folds ``(0, n_l // 2)`` and ``(1, n_l // 2)``.
    progress : float
        How many folds are done; 2.5 is in the middle of the third.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own if not given.
    colors : array_like, shape (N, 3), optional
        sRGB colours of the regions; one for each pattern if not given.
    theme : {"dark", "light"} or Theme
    linewidth : float
        Factor on the width of all lines.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    PlicaError
        If a fold does not fit the regions, or an option is wrong.
    UnsupportedError
        If the atlas is not one of polygons.

    References
    ----------
    After figure 2 of G. Montufar, R. Pascanu, K. Cho, Y. Bengio, "On the number of linear regions
    of deep neural networks", NIPS 2014.
    """
    from matplotlib.collections import PolyCollection

    from ..regions.polygons import require_polygons
    from .palette import hashed

    plane = require_polygons(atlas)
    if plane.dim != 2:
        raise PlicaError("a sheet of paper needs a domain of two dimensions")
    if not 0 <= progress <= len(folds):
        raise PlicaError(f"progress must lie between 0 and {len(folds)}, got {progress}")
    for axis, parts in folds:
        if axis not in (0, 1) or parts < 1:
            raise PlicaError(f"fold ({axis}, {parts}) is not along axis 0 or 1, into 1 or more")
    style = theme_of(theme)
    ink = hashed(plane.patterns) if colors is None else np.asarray(colors, dtype=np.float64)
    if ink.shape != (len(plane), 3):
        raise PlicaError(f"colors must have shape ({len(plane)}, 3), got {ink.shape}")
    stack = _flat(plane)
    done = int(progress)
    for axis, parts in folds[:done]:
        stack = stack.folded(axis, parts)
    axis, parts = folds[done] if done < len(folds) else (0, 1)
    points, normals, part = _in_space(stack, axis, parts, np.pi * (progress - done))

    view, right, up = _camera()
    flat = np.stack((points @ right, points @ up), axis=1)
    seen = normals @ view > 0
    # parts lie over those before them; in a part that is seen from below, the lowest sheet is first
    order = np.lexsort((np.where(seen, stack.level, -stack.level), part))
    faces = np.split(flat, np.flatnonzero(np.diff(stack.owner)) + 1)
    fills = _shaded(ink, seen != stack.turned, np.abs(normals @ LIGHT))
    ax = own_axes((6.0, 4.5), (0, 0, 1, 1), style) if ax is None else ax
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.add_collection(
        PolyCollection(
            [faces[i] for i in order],
            facecolors=fills[order],
            edgecolors=[(*style.ink, 0.6)],
            linewidths=0.4 * linewidth,
            joinstyle="round",
        ),
        autolim=False,
    )
    low, high = flat.min(axis=0), flat.max(axis=0)
    gap = 0.02 * (high - low).max()
    ax.set_xlim(low[0] - gap, high[0] + gap)
    ax.set_ylim(low[1] - gap, high[1] + gap)
    return ax


def _flat(atlas: PolygonAtlas) -> _Stack:
    low, high = atlas.vertices.min(axis=0), atlas.vertices.max(axis=0)
    n = len(atlas)
    owner = np.repeat(np.arange(n), np.diff(atlas.offsets))
    nothing = np.zeros(n, dtype=np.int64)
    return _Stack(atlas.vertices - low, owner, nothing, nothing.astype(bool), high - low, 1)


def _in_space(stack: _Stack, axis: int, parts: int, angle: float) -> tuple[Float, Float, Int]:
    """Corners and normals of the faces in space, every other part turned by an angle; the parts."""
    part = stack.parts(axis, parts)
    width = stack.size[axis] / parts
    across = np.array([1.0, 0.0])
    tilted = np.array([np.cos(angle), np.sin(angle)])
    steps = np.where((np.arange(parts) % 2 == 1)[:, None], tilted, across) * width
    hinges = np.concatenate((np.zeros((1, 2)), np.cumsum(steps, axis=0)))[:-1]
    odd = part % 2 == 1
    along = np.where(odd[:, None], tilted, across)
    upward = np.stack((-along[:, 1], along[:, 0]), axis=1)
    # sheets have a thickness; folded parts come to lie above those before them
    thickness = THICKNESS * float(stack.size.max()) / max(1, stack.sheets * parts) ** 0.5
    base = part * stack.sheets + np.where(odd, stack.sheets - 1, 0)
    lift = thickness * np.sin(angle / 2) ** 2 * base
    profile = hinges[part] + thickness * stack.level[:, None] * upward
    profile[:, 1] += lift
    s = stack.points[:, axis] - (part * width)[stack.owner]
    place = profile[stack.owner] + s[:, None] * along[stack.owner]
    points = np.empty((len(place), 3))
    points[:, axis], points[:, 1 - axis], points[:, 2] = (
        place[:, 0],
        stack.points[:, 1 - axis],
        place[:, 1],
    )
    normals = np.zeros((len(part), 3))
    normals[:, axis], normals[:, 2] = upward[:, 0], upward[:, 1]
    return points, normals, part


def _camera() -> tuple[Float, Float, Float]:
    """Unit vectors towards the eye, to the right and up."""
    a, h = np.radians(TURN), np.radians(HEIGHT)
    view = np.array([np.cos(h) * np.cos(a), np.cos(h) * np.sin(a), np.sin(h)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    return view, right, np.cross(view, right)


def _shaded(ink: Float, front: NDArray[np.bool_], light: Float) -> Float:
    """Colours of the faces: print on the front, paler on the back, darker where light grazes."""
    paper = np.array([0.97, 0.96, 0.92])
    shown = np.where(front[:, None], ink, 0.35 * ink + 0.65 * paper)
    dim = 0.70 + 0.30 * np.clip(light / float(LIGHT[2]), 0.0, 1.0)
    return np.asarray(shown * dim[:, None])
