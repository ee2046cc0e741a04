"""The picture of bounds against depth, with counts of networks between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log10
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import own_axes
from .palette import Theme, oklab_to_rgb, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..bounds.growth import AgainstDepth

__all__ = ["plot_depths"]

MARKERS = "os^Dv"


def plot_depths(
    bounds: AgainstDepth,
    counts: Mapping[str, Iterable[tuple[int, int]]] | None = None,
    ax: Axes | None = None,
    *,
    theme: str | Theme = "dark",
    width: float = 8.0,
    dpi: float = 150.0,
) -> Axes:
    """Draw lower and upper bounds against depth, on a logarithmic axis.

    Between the two lies the largest number of activation regions that any network has; a network
    may have as few as one. Counts are drawn as points.

    Parameters
    ----------
    bounds : AgainstDepth
    counts : mapping from str to iterable of (int, int), optional
        Pairs of depth and exact count, with a name for each kind of networks.
    ax : matplotlib.axes.Axes, optional
        Where to draw; without it a figure of its own is made.
    theme : {"dark", "light"} or Theme
    width, dpi : float
        Of a figure of its own, in inches and dots per inch.

    Returns
    -------
    matplotlib.axes.Axes
    """
    theme = theme_of(theme)
    if ax is None:
        ax = own_axes((width, 0.6 * width), (0.1, 0.12, 0.87, 0.78), theme, dpi)
    ax.set_facecolor(theme.background)
    x = np.array(bounds.depths)
    # logarithms are taken of the integers: they need not fit a float
    low, high = ([log10(n) for n in values] for values in (bounds.lower, bounds.upper))
    families = oklab_to_rgb(np.array(theme.families))
    ax.fill_between(x, low, high, color=families[5], alpha=0.25, linewidth=0)
    ax.plot(x, high, color=families[5], linewidth=2, label="largest possible: upper bound")
    ax.plot(
        x,
        low,
        color=families[5],
        linewidth=2,
        linestyle=(0, (4, 2)),
        label="largest possible: lower bound",
    )
    groups = dict(counts or {})
    for i, (name, pairs) in enumerate(groups.items()):
        points = [(depth, log10(int(n))) for depth, n in pairs]
        # side by side, so that kinds do not hide each other
        shift = 0.18 * (i - (len(groups) - 1) / 2)
        ax.scatter(
            [depth + shift for depth, _ in points],
            [y for _, y in points],
            s=26,
            marker=MARKERS[i % len(MARKERS)],
            color=[families[(1, 3, 2, 6)[i % 4]]],
            edgecolors=[theme.background],
            linewidths=0.4,
            label=name,
            zorder=3,
        )
    _label(ax, bounds, theme)
    return ax


def _label(ax: Axes, bounds: AgainstDepth, theme: Theme) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    n0 = bounds.widths[0][0]
    title = f"{bounds.spent}, {n0} input{'s' if n0 > 1 else ''}"
    ax.set_title(title, color=theme.ink, loc="left", fontsize=11)
    ax.set_xlabel("hidden layers", color=theme.ink)
    ax.set_ylabel("activation regions", color=theme.ink)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.tick_params(colors=theme.ink, labelsize=9)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.ink)
    legend = ax.legend(loc="upper left", frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_color(theme.ink)


def _power_of_ten(exponent: float, _position: Any) -> str:
    return rf"$10^{{{exponent:g}}}$"
