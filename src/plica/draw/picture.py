"""The picture of an atlas: one call, one set of matplotlib artists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PlicaError
from .palette import Theme, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import Collection, LineCollection, PathCollection
    from numpy.typing import ArrayLike, NDArray

    from ..regions.atlas import Atlas

__all__ = ["Picture", "Style", "plot_atlas"]

COLORS = ("affine", "pattern", "layer", "output")


@dataclass(frozen=True)
class Picture:
    """The artists of a picture; those that were not asked for are None.

    Attributes
    ----------
    ax : matplotlib.axes.Axes
    regions : PolyCollection or LineCollection
        On a plane one polygon a region, or several where the decision boundary cuts it; on a line
        the graph of the outputs, one segment a piece and output.
    creases : PathCollection or LineCollection or None
        Deepest layer first, so that the first layer lies on top. On a plane a path holds the
        facets of one unit that are about equally strong, joined into polylines; on a line each
        crease is a stroke.
    boundary : LineCollection or None
        The decision boundary, as polylines; on a line, upright strokes at its points.
    points : PathCollection or None
    """

    ax: Axes
    regions: Collection
    creases: PathCollection | LineCollection | None = None
    boundary: LineCollection | None = None
    points: PathCollection | None = None

    @property
    def artists(self) -> tuple[Any, ...]:
        """The artists that are there, from the lowest to the topmost."""
        layers = (self.regions, self.creases, self.boundary, self.points)
        return tuple(a for a in layers if a is not None)


@dataclass(frozen=True)
class Style:
    """The checked options of `plot_atlas`."""

    color: str | NDArray[Any]
    edges: bool
    boundary: bool | float | tuple[int, int]
    output: int
    cmap: Any
    theme: Theme
    linewidth: float


def plot_atlas(
    atlas: Atlas,
    ax: Axes | None = None,
    *,
    color: str | ArrayLike = "affine",
    edges: bool = True,
    boundary: bool | float | tuple[int, int] = True,
    points: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    output: int = 0,
    cmap: Any = None,
    theme: str | Theme = "dark",
    linewidth: float = 1.0,
) -> Picture:
    """Draw an atlas.

    On a plane: the regions, filled, the creases between them, the decision boundary on top. On a
    line: the graph of the outputs along it, and under it a stroke for each crease, layer by layer.

    Parameters
    ----------
    atlas : Atlas
        Of a plane or a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Without it a `matplotlib.figure.Figure` of its own is made, without axes
        around a plane; pyplot is never touched.
    color : {"affine", "pattern", "layer", "output"} or array_like
        What the colour of a region tells:

        ``"affine"``
            its affine map. With a boundary, the base colour is the class that wins and the shade
            is that of a map lit from the upper left, whose height is how far the winner is above
            the mean of the others; a single output is above or below its level. Without a
            boundary the height is the combination of outputs that varies most. Similar maps have
            similar colours.
        ``"pattern"``
            its activation pattern: equal patterns, equal colours, nothing else.
        ``"layer"``
            the mean hidden layer of the creases around it, weighted by their length.
        ``"output"``
            the value of ``output`` at its interior point.
        array of shape (N,)
            these values; an array of shape (N, 3) or (N, 4) is taken as RGB or RGBA colours.
    edges : bool
        Whether to draw the creases: wider in earlier layers, fainter where the map bends less.
    boundary : bool, float or pair of int
        True: where the winning output changes, or where a single output is 0. A number: where
        output ``output`` has this value. A pair: only between the points where the first of these
        outputs is the largest and those where the second is. False: none.
    points : array_like, shape (P, dim), optional
        Data points, in the domain's own coordinates. A slice marks its own points without being
        asked.
    labels : array_like of int, shape (P,), optional
        Class of each data point.
    output : int
        See ``color`` and ``boundary``.
    cmap : str or matplotlib colormap, optional
        For values; a colour-blind-safe ramp if not given.
    theme : {"dark", "light"} or Theme
    linewidth : float
        Factor on the width of all lines.

    Returns
    -------
    Picture

    Raises
    ------
    PlicaError
        If an option is not known, or an array does not fit the atlas.
    """
    style = _check(atlas, color, edges, boundary, output, cmap, theme, linewidth)
    marks, classes = _marks(atlas, points, labels)
    if ax is None:
        from .files import empty_axes

        ax = empty_axes(atlas, style.theme)
    if atlas.dim == 1:
        from .line import draw_line as draw
    else:
        from .plane import draw_plane as draw
    return draw(atlas, ax, style, marks, classes)


def _check(
    atlas: Atlas,
    color: str | ArrayLike,
    edges: bool,
    boundary: Any,
    output: int,
    cmap: Any,
    theme: str | Theme,
    linewidth: float,
) -> Style:
    m = atlas.network.n_outputs
    if not len(atlas):
        raise PlicaError("there is nothing to draw: the atlas holds no region; raise the budget")
    if atlas.dim not in (1, 2):
        raise PlicaError(f"only lines and planes can be drawn; the atlas has dimension {atlas.dim}")
    if isinstance(color, str):
        if color not in COLORS:
            raise PlicaError(
                f"color {color!r} is not known; use one of {', '.join(COLORS)}, or one value a "
                "region"
            )
        chosen: str | NDArray[Any] = color
    else:
        chosen = np.asarray(color, dtype=np.float64)
        n = len(atlas)
        if chosen.shape not in ((n,), (n, 3), (n, 4)):
            raise PlicaError(
                f"color has shape {chosen.shape}, but the atlas has {n} regions: give shape "
                f"({n},), ({n}, 3) or ({n}, 4)"
            )
    if not 0 <= output < m:
        raise PlicaError(f"output {output} does not exist: the network has outputs 0 to {m - 1}")
    if isinstance(boundary, (tuple, list)):
        pair = tuple(int(i) for i in boundary)
        if len(pair) != 2 or pair[0] == pair[1] or not all(0 <= i < m for i in pair):
            raise PlicaError(
                f"the boundary {boundary!r} is not a pair of different outputs from 0 to {m - 1}"
            )
        boundary = pair
    elif not isinstance(boundary, (bool, np.bool_)):
        boundary = float(boundary)
        if not np.isfinite(boundary):
            raise PlicaError(f"the level of the boundary must be finite, got {boundary}")
    else:
        boundary = bool(boundary)
    if not linewidth > 0:
        raise PlicaError(f"linewidth must be positive, got {linewidth}")
    return Style(chosen, edges, boundary, output, cmap, theme_of(theme), float(linewidth))


def _marks(
    atlas: Atlas, points: ArrayLike | None, labels: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    if points is None:
        if labels is not None:
            raise PlicaError("labels were given without points")
        own = getattr(atlas.domain, "points", None)
        return (np.zeros((0, atlas.dim)) if own is None else own), None
    marks = np.asarray(points, dtype=np.float64)
    if marks.ndim != 2 or marks.shape[1] != atlas.dim:
        raise PlicaError(
            f"points must have shape (P, {atlas.dim}), in the domain's own coordinates; got shape "
            f"{marks.shape}"
        )
    if labels is None:
        return marks, None
    classes = np.asarray(labels)
    if classes.shape != marks.shape[:1]:
        raise PlicaError(f"there are {len(marks)} points but labels of shape {classes.shape}")
    if (classes != np.round(classes)).any() or (classes < 0).any():
        raise PlicaError("labels must be whole numbers from 0: the class of each point")
    return marks, classes.astype(np.int64)
