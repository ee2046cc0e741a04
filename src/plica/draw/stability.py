"""The picture of stability: how many regions survive a perturbation of the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PlicaError
from .files import own_axes
from .palette import Theme, oklab_to_rgb, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_stability"]


def plot_stability(
    stable: Any,
    ax: Axes | None = None,
    *,
    linear: bool = False,
    points: int = 40,
    theme: str | Theme = "dark",
) -> Axes:
    """Draw the certified number of surviving regions against the size of the perturbation.

    Parameters
    ----------
    stable : plica.Stability
    ax : matplotlib.axes.Axes, optional
        Where to draw; axes of a figure of their own if not given.
    linear : bool
        Whether to draw the same for linear regions, at ``points`` sizes.
    points : int
    theme : {"dark", "light"} or Theme

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    PlicaError
        If no region has a radius that is positive and finite.
    """
    style = theme_of(theme)
    e, counts = stable.curve()
    e, counts = e[np.isfinite(e)], counts[np.isfinite(e)]
    if not e.size:
        raise PlicaError("no region has a radius that is positive and finite: there is no curve")
    if ax is None:
        ax = own_axes((8, 5), (0.1, 0.13, 0.86, 0.8), style)
    base, other = oklab_to_rgb(np.array([style.families[1], style.families[5]]))
    # a step ends where the last perturbation is that the region bears
    left = np.concatenate(([e[0] / 3], e, [e[-1] * 1.5]))
    right = np.concatenate(([counts[0]], counts, [counts[-1] - (stable.radii == e[-1]).sum()]))
    ax.step(left, right, where="pre", color=base, lw=2, label="activation regions")
    ax.fill_between(left, right, step="pre", color=base, alpha=0.18, lw=0)
    if linear:
        sizes = np.geomspace(e[0], e[-1], points)
        known = [stable.surviving(float(size), "linear") for size in sizes]
        # what is known at a size holds for all smaller ones
        ax.step(sizes, known, where="pre", color=other, lw=1.8, ls="--", label="linear regions")
    ax.set_xscale("log")
    ax.set(xlim=(left[0], left[-1]), ylim=(0, 1.05 * len(stable)), facecolor=style.background)
    ax.set_xlabel("largest change of a parameter", color=style.ink)
    ax.set_ylabel("regions that certainly survive", color=style.ink)
    ax.tick_params(colors=style.ink, which="both")
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(style.ink)
    if linear:
        ax.legend(frameon=False, labelcolor=[style.ink])
    return ax
