"""The picture of what one unit computes: its linear maps, and the angles between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PlicaError
from .palette import Theme, diverging, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_unit_maps"]

Float = NDArray[np.float64]
#: Largest number of maps that a picture shows without being asked for more.
SHOWN = 48


def plot_unit_maps(
    found: Any,
    shape: tuple[int, int] | None = None,
    *,
    maps: int = SHOWN,
    cosines: int | None = None,
    captions: Sequence[str] | None = None,
    scale: str = "common",
    title: str | None = None,
    width: float = 12.0,
    dpi: float = 100.0,
    theme: str | Theme = "dark",
) -> Figure:
    """Draw the linear maps of a unit, the most frequent first, and the matrix of their cosines.

    Parameters
    ----------
    found : plica.unit_maps.UnitMaps
    shape : (int, int), optional
        Height and width of the input image; each map is drawn as an image. Without it, a map is a
        row of a table.
    maps : int
        At most so many maps are drawn.
    cosines : int, optional
        At most so many maps are compared; as many as are drawn if not given.
    captions : sequence of str, optional
        What is written below the images; their counts if not given.
    scale : {"common", "own"}
        Whether all maps share one scale of colours, or each has its own.
    title : str, optional
    width : float
        In inches.
    dpi : float
    theme : {"dark", "light"} or Theme

    Returns
    -------
    matplotlib.figure.Figure
        Blue is negative, orange positive; strength is how far from the page's colour.

    Raises
    ------
    PlicaError
        If the shape does not fit the input, there is no map, or an option is not known.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = theme_of(theme)
    if not len(found):
        raise PlicaError("there is nothing to draw: the unit is on a flat piece everywhere")
    n = found.maps.shape[1]
    if shape is not None:
        sides = np.asarray(shape)
        whole = sides.shape == (2,) and sides.dtype.kind in "iu" and min(shape) > 0
        if not whole or shape[0] * shape[1] != n:
            raise PlicaError(f"the network has {n} inputs: no image of shape {shape!r:.40}")
    if scale not in ("common", "own"):
        raise PlicaError(f'scale {scale!r} is not known; use "common" or "own"')
    if maps < 1 or (cosines is not None and cosines < 1):
        raise PlicaError("at least one map must be drawn")
    top = min(maps, len(found))
    if captions is not None and len(captions) < top:
        raise PlicaError(f"there are {top} images to draw, but {len(captions)} captions")
    height = 0.5 * width + 0.05 * width
    figure = Figure((width, height), dpi=dpi, facecolor=style.background)
    FigureCanvasAgg(figure)
    what = "points" if found.atlas is None else "regions"
    _text(
        figure,
        style,
        0.02,
        0.965,
        title or f"Unit {found.unit} of layer {found.layer}",
        size=width * 1.15,
    )
    share = found.counts[:top].sum() / max(1, found.counts.sum())
    shown = f"the {top} most frequent ones" if top < len(found) else "all of them"
    _text(
        figure,
        style,
        0.02,
        0.915,
        f"{len(found):,} linear maps on {found.counts.sum():,} {what}; {shown} ({share:.0%})",
        size=width * 0.78,
        alpha=0.7,
    )
    # two squares of the same size side by side
    side = 0.86
    left = (0.02, 0.025, side * height / width, side)
    right = (0.98 - side * height / width, 0.025, side * height / width, side)
    colours = diverging(style)
    if shape is None:
        _table(figure.add_axes(left), found.maps[:top], colours)
    else:
        captions = captions or [f"{count:,}" for count in found.counts[:top]]
        _images(figure, left, found.maps[:top], captions, shape, colours, scale, style)
    k = top if cosines is None else min(cosines, len(found))
    _cosines(figure.add_axes(right), found.cosines(k), colours, style, k < len(found))
    _scale(
        figure.add_axes((right[0] + 0.7 * right[2], 0.925, 0.3 * right[2], 0.016)), colours, style
    )
    return figure


def _text(
    figure: Figure, style: Theme, x: float, y: float, text: str, size: float, **options: Any
) -> None:
    figure.text(x, y, text, color=style.ink, fontsize=size, va="center", **options)


def _reach(values: Float) -> float:
    """The value of the strongest colour: one in a thousand numbers may lie beyond it."""
    size = np.abs(values)
    return float(np.quantile(size, 0.999)) or float(size.max()) or 1.0


def _images(
    figure: Figure,
    where: tuple[float, float, float, float],
    maps: Float,
    captions: Sequence[str],
    shape: tuple[int, int],
    colours: Any,
    scale: str,
    style: Theme,
) -> None:
    """A grid of images, each with its caption."""
    x, y, w, h = where
    top = len(maps)
    caption = 0.25  # height of the text below an image, as a share of the image's height
    aspect = shape[0] / shape[1] * (1 + caption)
    columns = max(1, round(math.sqrt(top * aspect)))
    rows = math.ceil(top / columns)
    while rows * aspect > columns:  # the grid must fit into a square
        columns += 1
        rows = math.ceil(top / columns)
    cell_w, cell_h = w / columns, h / rows
    image_w, image_h = 0.92 * cell_w, 0.92 * h / columns * shape[0] / shape[1]
    common = _reach(maps)
    for i in range(top):
        r, c = divmod(i, columns)
        image = maps[i].reshape(shape)
        limit = common if scale == "common" else _reach(image)
        ax = figure.add_axes(
            (x + (c + 0.04) * cell_w, y + h - r * cell_h - image_h, image_w, image_h)
        )
        ax.imshow(image, cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest")
        _frame(ax, style)
        ax.set_xlabel(
            captions[i],
            color=style.ink,
            fontsize=max(4.0, min(9.0, 115 * cell_w)),
            labelpad=2,
            alpha=0.75,
        )


def _table(ax: Axes, maps: Float, colours: Any) -> None:
    """One row a map."""
    limit = _reach(maps)
    ax.imshow(maps, cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest", aspect="auto")
    ax.set_axis_off()


def _cosines(ax: Axes, matrix: Float, colours: Any, style: Theme, part: bool) -> None:
    ax.imshow(matrix, cmap=colours, vmin=-1, vmax=1, interpolation="nearest", aspect="equal")
    _frame(ax, style)
    k = len(matrix)
    ax.set_title(
        f"cosines of the {k} most frequent maps" if part else f"cosines of all {k} maps",
        color=style.ink,
        fontsize=9,
        loc="left",
        alpha=0.75,
    )


def _scale(ax: Axes, colours: Any, style: Theme) -> None:
    """What the colours of cosines mean."""
    ax.imshow([np.linspace(-1, 1, 201)], cmap=colours, aspect="auto", extent=(-1, 1, 0, 1))
    _frame(ax, style)
    ax.set_xticks([-1, 0, 1], ["−1", "0", "1"], color=style.ink, fontsize=7.5)
    ax.tick_params(length=0, pad=2, top=True, labeltop=True, labelbottom=False)


def _frame(ax: Axes, style: Theme) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color((*style.ink, 0.25))
        spine.set_linewidth(0.6)
