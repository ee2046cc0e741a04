"""Pictures of folding: preimages in the input plane, and the sheet as later layers see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PlicaError
from .files import empty_axes, own_axes
from .palette import Theme, oklab_to_rgb, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..chain import Network
    from ..domains import Domain
    from ..folding import Preimage, Preimages

__all__ = ["plot_preimages", "plot_sheet"]

Float = NDArray[np.float64]


def plot_preimages(
    found: Preimages | Sequence[Preimages],
    ax: Axes | None = None,
    *,
    families: Sequence[int] | None = None,
    creases: bool = True,
    theme: str | Theme = "dark",
    linewidth: float = 1.0,
) -> Axes:
    """Draw preimages in the plane of the inputs: cells filled, segments as lines, points as dots.

    Parameters
    ----------
    found : Preimages or sequence of Preimages
        On a domain of two dimensions, each of a target of its own, with a colour of its own. The
        creases are those of the first one's layers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own if not given.
    families : sequence of int, optional
        Number of the theme's colour for each target. Sheets that are turned over have a paler one.
    creases : bool
        Whether to draw the creases of the layers.
    theme : {"dark", "light"} or Theme
    linewidth : float
        Factor on the width of all lines.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    PlicaError
        If the domains differ or are not planes.
    UnsupportedError
        If a preimage or the domain is not bounded.
    """
    from ..folding import Preimages
    from ..regions.ask import map_regions

    each = [found] if isinstance(found, Preimages) else list(found)
    if not each or any(f.domain is not each[0].domain for f in each):
        raise PlicaError("draw preimages on one domain together: give at least one, on the same")
    domain = each[0].domain
    if domain.dim != 2:
        raise PlicaError(f"preimages are drawn in a plane, the domain has dimension {domain.dim}")
    style = theme_of(theme)
    atlas: Any = map_regions(each[0].network, domain)
    low, high = atlas.vertices.min(axis=0), atlas.vertices.max(axis=0)
    if ax is None:
        ax = empty_axes(atlas, style)
    _page(ax, low, high, style)
    if creases:
        _creases(ax, atlas.facets().ends, style, linewidth)
    for i, one in enumerate(each):
        family = i if families is None else families[i]
        _draw(ax, one, family, style, linewidth)
    return ax


def _page(ax: Axes, low: Float, high: Float, style: Theme) -> None:
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal")
    ax.set_facecolor(style.background)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color((*style.ink, 0.5))
        spine.set_linewidth(0.8)


def _creases(ax: Axes, ends: Float, style: Theme, linewidth: float) -> None:
    from matplotlib.collections import LineCollection

    lines = LineCollection(
        list(ends), colors=[(*style.ink, 0.4)], linewidths=0.6 * linewidth, zorder=1
    )
    ax.add_collection(lines, autolim=False)


def _draw(ax: Axes, found: Preimages, family: int, style: Theme, linewidth: float) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    by_dim: dict[int, list[Preimage]] = {0: [], 1: [], 2: []}
    for piece in found:
        by_dim[piece.dim].append(piece)
    colours = [_colour(family, style, bool(piece.mirrored)) for piece in by_dim[2]]
    ax.add_collection(
        PolyCollection(
            [piece.vertices() for piece in by_dim[2]],
            facecolors=colours,
            edgecolors="face",
            linewidths=0.4 * linewidth,
            zorder=2,
        ),
        autolim=False,
    )
    strong = _colour(family, style, False, line=True)
    ax.add_collection(
        LineCollection(
            [piece.vertices() for piece in by_dim[1]],
            colors=[strong],
            linewidths=1.8 * linewidth,
            capstyle="round",
            zorder=3,
        ),
        autolim=False,
    )
    if by_dim[0]:
        points = np.concatenate([piece.vertices() for piece in by_dim[0]])
        ax.scatter(
            points[:, 0],
            points[:, 1],
            s=22 * linewidth,
            c=[strong],
            edgecolors=[style.background],
            linewidths=0.8 * linewidth,
            zorder=4,
        )


def _colour(family: int, style: Theme, mirrored: bool, line: bool = False) -> Float:
    lab = np.array(style.families[family % len(style.families)])
    if line:  # thin things must stand out from the page
        page = sum(style.background) / 3
        lab[0] += 0.45 * ((0.9 if page < 0.5 else 0.45) - lab[0])
        lab[1:] *= 1.3
    if mirrored:
        page = sum(style.background) / 3
        lab[0] += 0.4 * (page - lab[0]) if page > 0.5 else 0.3 * (0.15 - lab[0])
        lab[1:] *= 0.75
    return oklab_to_rgb(lab)


def plot_sheet(
    net: Network,
    domain: Domain,
    ax: Axes | None = None,
    *,
    colors: ArrayLike | None = None,
    theme: str | Theme = "light",
    linewidth: float = 1.0,
) -> Axes:
    """Draw the plane of the inputs as a network of two outputs has folded it, seen from above.

    The sheet lets light through: the more sheets lie on each other, the darker. Its back, where the
    network turns the orientation round, has another colour than its front.

    Parameters
    ----------
    net : Network
        With two outputs, such as ``plica.folding.folded(net, layer).select([0, 1])``.
    domain : Domain
        Of two dimensions, bounded.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own if not given.
    colors : array_like, shape (2, 3), optional
        sRGB colours of front and back; the theme's first two if not given.
    theme : {"dark", "light"} or Theme
    linewidth : float
        Factor on the width of all lines.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    PlicaError
        If the network does not have two outputs, or the domain is not a plane.
    """
    from matplotlib.collections import PolyCollection

    from ..regions.ask import map_regions

    if net.n_outputs != 2 or domain.dim != 2:
        raise PlicaError(
            "a folded sheet is drawn for two outputs on a domain of two dimensions; this network "
            f"has {net.n_outputs}, the domain {domain.dim}: net.select([i, j]) takes two of them"
        )
    style = theme_of(theme)
    atlas: Any = map_regions(net, domain)
    J, c = atlas.affine()
    owner = np.repeat(np.arange(len(atlas)), np.diff(atlas.offsets))
    image = np.einsum("vij,vj->vi", J[owner], atlas.vertices) + c[owner]
    low, high = image.min(axis=0), image.max(axis=0)
    gap = 0.04 * (high - low).max()
    if ax is None:
        ax = own_axes((6.0, 6.0), (0.02, 0.02, 0.96, 0.96), style)
    _page(ax, low - gap, high + gap, style)
    if colors is None:
        sides = np.array([_colour(0, style, False), _colour(1, style, False)])
    else:
        sides = np.asarray(colors, dtype=np.float64)
    turned = np.linalg.det(J) < 0
    faces = np.split(image, atlas.offsets[1:-1])
    fills = np.column_stack((sides[turned.astype(int)], np.full(len(faces), 0.5)))
    ax.add_collection(
        PolyCollection(
            faces,
            facecolors=fills,
            edgecolors=[(*style.ink, 0.35)],
            linewidths=0.5 * linewidth,
            joinstyle="round",
        ),
        autolim=False,
    )
    return ax
