"""Figures of their own, and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PlicaError
from .palette import Theme, theme_of

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..regions.atlas import Atlas
    from ..regions.polygons import PolygonAtlas

__all__ = ["check_path", "draw_file", "empty_axes", "figure_of", "own_axes"]

FORMATS = ("png", "svg", "pdf")
#: Margin around a plane, as a share of the picture's longer side.
MARGIN = 0.025


def own_axes(
    size: tuple[float, float],
    place: tuple[float, float, float, float],
    theme: Theme,
    dpi: float = 100.0,
) -> Axes:
    """Axes of a new figure; its size in inches, their place in shares of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(size, dpi=dpi, facecolor=theme.background)
    FigureCanvasAgg(figure)
    return figure.add_axes(place)


def empty_axes(
    atlas: PolygonAtlas,
    theme: Theme,
    width: float = 8.0,
    margin: float = MARGIN,
    dpi: float = 100.0,
) -> Axes:
    """Axes of a new figure, as high as the domain asks for."""
    if atlas.dim == 1:
        ax = own_axes((width, 0.55 * width), (0.085, 0.10, 0.83, 0.85), theme, dpi)
        ax.tick_params(colors=theme.ink, labelsize=8)
        for side, spine in ax.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(theme.ink)
        return ax
    from .plane import own_aspect

    low, high = atlas.vertices.min(axis=0), atlas.vertices.max(axis=0)
    aspect = own_aspect(atlas)
    ratio = 1.0 if aspect == "auto" else float(aspect) * float((high - low)[1] / (high - low)[0])
    # the longer side is the width asked for, the margin is the same on all sides
    inner = np.array([1.0, ratio]) / max(1.0, ratio) * width * (1 - 2 * margin)
    w, h = (inner + 2 * margin * width).tolist()
    gap_x, gap_y = margin * width / w, margin * width / h
    ax = own_axes((w, h), (gap_x, gap_y, 1 - 2 * gap_x, 1 - 2 * gap_y), theme, dpi)
    ax.set_axis_off()
    return ax


def figure_of(
    atlas: Atlas,
    *,
    width: float = 8.0,
    margin: float = MARGIN,
    dpi: float = 100.0,
    theme: str | Theme = "dark",
    **options: Any,
) -> Figure:
    """A figure with the picture of an atlas and nothing else.

    Parameters
    ----------
    atlas : Atlas
    width : float
        Longer side, in inches.
    margin : float
        Margin around a plane, as a share of ``width``.
    dpi : float
        Dots per inch.
    theme : {"dark", "light"} or Theme
    **options
        As for `plot_atlas`.
    """
    from ..regions.polygons import require_polygons
    from .picture import plot_atlas

    atlas = require_polygons(atlas)
    if not (width > 0 and 0 <= margin < 0.5):
        raise PlicaError(
            f"a picture needs a positive width and a margin below 0.5, got {width} and {margin}"
        )
    theme = theme_of(theme)
    picture = plot_atlas(
        atlas, empty_axes(atlas, theme, width, margin, dpi), theme=theme, **options
    )
    figure: Figure = picture.ax.get_figure(root=True)  # type: ignore[assignment]
    return figure


def check_path(path: str | os.PathLike[str]) -> str:
    """The format that a file's ending says.

    Raises
    ------
    PlicaError
        If plica does not write it.
    """
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise PlicaError(f"{path}: the picture's ending must be one of .{', .'.join(FORMATS)}")
    return kind


def draw_file(
    atlas: Atlas, path: str | os.PathLike[str], *, dpi: float = 300.0, **options: Any
) -> Path:
    """Draw an atlas into a PNG, SVG or PDF file.

    The same atlas and options give the same file, byte by byte.

    Parameters
    ----------
    atlas : Atlas
    path : str or path
        Its ending says which format. Missing folders are made.
    dpi : float
        Dots per inch of a PNG, and of the image that the regions are in a PDF or SVG if there are
        many of them. Lines and letters there have no resolution.
    **options
        As for `figure_of` and `plot_atlas`.

    Returns
    -------
    Path
        Where the file is.

    Raises
    ------
    PlicaError
        If the ending is none of png, svg, pdf, or an option is wrong.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    kind = check_path(path)
    if not 10 <= dpi <= 2400:
        raise PlicaError(f"dpi must lie between 10 and 2400, got {dpi}")
    from matplotlib import rc_context

    figure = figure_of(atlas, dpi=dpi, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    # names inside an SVG are random without a salt, and files carry the date unless told not to
    timeless: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with rc_context({"svg.hashsalt": "plica", "svg.fonttype": "none"}):
        figure.savefig(
            path,
            format=kind,
            dpi="figure",
            facecolor=figure.get_facecolor(),
            metadata=timeless or None,
        )
    return path
