"""Colours: where they come from and why they can be told apart.

All colours are chosen in OKLab (B. Ottosson, *A perceptual color space for image processing*,
2020), where equal distances look about equally large. People who cannot tell red from green keep
two of its three axes: lightness ``L`` and blue-yellow ``b``. So everything a picture says is said
in ``(L, b)``; the red-green axis ``a`` only repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PlicaError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "THEMES",
    "Theme",
    "diverging",
    "hashed",
    "oklab_to_rgb",
    "ramp",
    "relief",
    "strokes",
    "theme_of",
]

Float = NDArray[np.float64]

#: Where the light comes from in a relief: from the upper left, as on maps.
LIGHT = np.array([-0.5, 0.866])
ACROSS = np.array([0.866, 0.5])


@dataclass(frozen=True)
class Theme:
    """Colours of everything in a picture that is not a region.

    Attributes
    ----------
    background, ink, boundary : tuple of float
        sRGB colours of the page, of creases and text, and of the decision boundary.
    families : tuple of (L, a, b)
        OKLab base colour of every class; the negative and the positive side of a single output are
        the first two.
    plain : (L, a, b)
        Base colour where no decision boundary is drawn.
    crease : float
        Opacity of a first-layer crease where the map bends much.
    light : float
        How much the relief changes the lightness.
    """

    background: tuple[float, float, float]
    ink: tuple[float, float, float]
    boundary: tuple[float, float, float]
    families: tuple[tuple[float, float, float], ...]
    plain: tuple[float, float, float]
    crease: float
    light: float


THEMES = {
    "dark": Theme(
        background=(0.035, 0.045, 0.10),
        ink=(1.0, 1.0, 1.0),
        boundary=(1.0, 1.0, 1.0),
        families=(
            (0.38, -0.005, -0.095),  # deep blue
            (0.76, 0.050, 0.105),  # orange
            (0.62, -0.085, 0.000),  # green
            (0.90, -0.020, 0.120),  # yellow
            (0.53, 0.095, -0.015),  # plum
            (0.74, -0.050, -0.080),  # sky
            (0.58, 0.110, 0.070),  # vermilion
            (0.68, 0.000, 0.000),  # grey
        ),
        plain=(0.58, 0.0, 0.0),
        crease=0.6,
        light=0.13,
    ),
    "light": Theme(
        background=(1.0, 1.0, 1.0),
        ink=(0.08, 0.10, 0.22),
        boundary=(0.06, 0.07, 0.16),
        families=(
            (0.84, -0.015, -0.045),  # pale blue
            (0.70, 0.080, 0.105),  # orange
            (0.66, -0.085, 0.010),  # green
            (0.88, -0.015, 0.120),  # yellow
            (0.48, 0.090, -0.040),  # plum
            (0.62, -0.030, -0.110),  # blue
            (0.60, 0.120, 0.070),  # vermilion
            (0.72, 0.000, 0.000),  # grey
        ),
        plain=(0.76, 0.0, 0.0),
        crease=0.7,
        light=0.09,
    ),
}


def theme_of(name: str | Theme) -> Theme:
    """The theme of a name: ``"dark"``, ``"light"``, or a theme itself."""
    if isinstance(name, Theme):
        return name
    if name not in THEMES:
        raise PlicaError(f"theme {name!r} is not known; use one of {', '.join(THEMES)}")
    return THEMES[name]


def oklab_to_rgb(lab: ArrayLike) -> Float:
    """SRGB colours in [0, 1], shape (..., 3), of OKLab colours, shape (..., 3).

    Colours outside sRGB keep lightness and hue; their chroma shrinks until they fit.
    """
    lab = np.asarray(lab, dtype=np.float64).copy()
    lab[..., 0] = np.clip(lab[..., 0], 0.0, 1.0)
    low = np.zeros(lab.shape[:-1])
    high = np.ones(lab.shape[:-1])
    fits = _fits(_linear(lab))
    low[fits] = 1.0
    for _ in range(8):  # bisection on the chroma; 2^-8 of it cannot be seen
        middle = (low + high) / 2
        inside = _fits(_linear(_faded(lab, middle)))
        low = np.where(inside, np.maximum(low, middle), low)
        high = np.where(inside, high, middle)
    linear = np.clip(_linear(_faded(lab, low)), 0.0, 1.0)
    encoded: Float = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return np.clip(encoded, 0.0, 1.0)


def _faded(lab: Float, chroma: Float) -> Float:
    return lab * np.stack((np.ones_like(chroma), chroma, chroma), axis=-1)


def _fits(linear: Float) -> NDArray[np.bool_]:
    return np.asarray(((linear >= -1e-6) & (linear <= 1 + 1e-6)).all(axis=-1))


_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def _linear(lab: Float) -> Float:
    return np.asarray((lab @ _TO_LMS.T) ** 3 @ _TO_LINEAR.T)


def relief(
    slope: ArrayLike, depth: ArrayLike, family: ArrayLike | None = None, theme: str | Theme = "dark"
) -> Float:
    """Colours of facets that the light of a map falls on.

    A facet that looks towards the light (from the upper left) is lighter, one that looks away is
    darker; one that looks across it is warmer or cooler. Nearby slopes have nearby colours.

    Parameters
    ----------
    slope : array_like, shape (N, 2)
        Gradients, in units of their usual length.
    depth : array_like, shape (N,)
        Heights in units of the usual height; far from the boundary colours are a little deeper.
    family : array_like of int, shape (N,), optional
        Class of each facet: the base colour. Without it all share the theme's plain colour, and
        the relief is stronger.

    Returns
    -------
    ndarray, shape (N, 3)
        sRGB.
    """
    theme = theme_of(theme)
    g = np.asarray(slope, dtype=np.float64).reshape(-1, 2)
    length = np.linalg.norm(g, axis=1, keepdims=True)
    # steep is steep: lengths saturate, so that one cliff does not flatten everything else
    g = g * np.divide(np.tanh(length), length, out=np.ones_like(length), where=length > 0) / 0.76
    toward, across = -g @ LIGHT, -g @ ACROSS
    lab = np.empty((len(g), 3))
    if family is None:
        lab[:] = theme.plain
        lab[:, 0] += 1.6 * theme.light * toward
        lab[:, 1] += 0.035 * across - 0.01
        lab[:, 2] += 0.10 * across
    else:
        bases = np.array(theme.families)
        kind = np.asarray(family, dtype=np.int64)
        lab[:] = bases[kind % len(bases)]
        # a second round of the same families is lighter or darker, where there is room for it
        lab[:, 0] += np.where(lab[:, 0] > 0.6, -0.12, 0.12) * (kind // len(bases))
        lab[:, 0] += theme.light * toward
        lab[:, 1] += 0.025 * across
        lab[:, 2] += 0.038 * across
    lab[:, 0] -= 0.05 * np.tanh(np.asarray(depth, dtype=np.float64) - 1)
    return oklab_to_rgb(lab)


def strokes(slope: ArrayLike, family: ArrayLike, theme: str | Theme = "dark") -> Float:
    """Colours of the pieces of a graph: its class, lighter where it rises, darker where it falls.

    Parameters
    ----------
    slope : array_like, shape (N,)
        In units of the usual slope.
    family : array_like of int, shape (N,)

    Returns
    -------
    ndarray, shape (N, 3)
        sRGB.
    """
    theme = theme_of(theme)
    bases = np.array(theme.families)
    lab = bases[np.asarray(family, dtype=np.int64) % len(bases)]
    # lines are thin: they must stand out from the page more than areas do
    page = sum(theme.background) / 3
    lab[:, 0] += 0.45 * ((0.85 if page < 0.5 else 0.5) - lab[:, 0])
    lab[:, 1:] *= 1.4
    lab[:, 0] += 0.8 * theme.light * np.tanh(np.asarray(slope, dtype=np.float64))
    return oklab_to_rgb(lab)


_RAMPS: dict[str, Sequence[tuple[float, float, float]]] = {
    # from the darkest to the lightest: order is told by lightness alone
    "ramp": ((0.25, 0.02, -0.09), (0.50, 0.02, -0.03), (0.72, 0.02, 0.07), (0.94, -0.02, 0.12)),
    # two arms of different hue that meet at a light middle
    "signed": ((0.32, -0.01, -0.12), (0.93, 0.0, 0.0), (0.52, 0.11, 0.10)),
    # the same on a dark page: a dark middle, and arms that shine
    "signed dark": (
        (0.93, -0.05, -0.05),
        (0.70, -0.05, -0.13),
        (0.42, -0.01, -0.13),
        (0.20, 0.0, -0.035),
        (0.45, 0.10, 0.08),
        (0.72, 0.07, 0.14),
        (0.95, -0.01, 0.10),
    ),
}


def ramp(values: ArrayLike, signed: bool = False, cmap: Any = None) -> Float:
    """Colours of values: a ramp of growing lightness, or one with two arms that meet at zero.

    Parameters
    ----------
    values : array_like, shape (N,)
        Values that are not finite become grey. The largest 1 % and the smallest 1 % share a colour
        each, so that a few extreme regions do not use up the ramp.
    cmap : str or matplotlib colormap, optional
        To be used instead.

    Returns
    -------
    ndarray, shape (N, 3)
        sRGB.
    """
    v = np.asarray(values, dtype=np.float64)
    good = np.isfinite(v)
    colours = np.full((v.size, 3), 0.5)
    if not good.any():
        return colours
    low, high = np.quantile(v[good], (0.01, 0.99))
    if signed:
        high = max(abs(low), abs(high))
        low = -high
    if not high > low:
        low, high = float(v[good].min()), float(v[good].max())
    t = (
        np.clip((v[good] - low) / (high - low), 0.0, 1.0)
        if high > low
        else np.full(good.sum(), 0.5)
    )
    if cmap is not None:
        from matplotlib import colormaps

        colours[good] = (colormaps[cmap] if isinstance(cmap, str) else cmap)(t)[:, :3]
        return colours
    knots = np.array(_RAMPS["signed" if signed else "ramp"])
    at = np.linspace(0, 1, len(knots))
    colours[good] = oklab_to_rgb(np.stack([np.interp(t, at, k) for k in knots.T], axis=1))
    return colours


def diverging(theme: str | Theme = "dark") -> Any:
    """A scale of colours for signed numbers, blue below zero and orange above it.

    Zero has nearly the colour of the page, and lightness tells the size: on a dark page larger is
    lighter, on a light page darker.

    Returns
    -------
    matplotlib.colors.ListedColormap
    """
    from matplotlib.colors import ListedColormap

    dark = sum(theme_of(theme).background) / 3 < 0.5
    knots = np.array(_RAMPS["signed dark" if dark else "signed"])
    at = np.linspace(0, 1, len(knots))
    t = np.linspace(0, 1, 511)
    colours = oklab_to_rgb(np.stack([np.interp(t, at, k) for k in knots.T], axis=1))
    missing = (*theme_of(theme).ink, 0.15)
    return ListedColormap(colours, name="plica diverging").with_extremes(bad=missing)


def hashed(keys: NDArray[Any]) -> Float:
    """A colour for every row of small integers: equal rows, equal colours; no other meaning.

    Parameters
    ----------
    keys : ndarray of unsigned int, shape (N, k)

    Returns
    -------
    ndarray, shape (N, 3)
        sRGB, spread over lightness and blue-yellow.
    """
    # a fixed random weight a column and arithmetic modulo 2^64: the high bits are well mixed
    rng = np.random.default_rng(20)
    weights = rng.integers(1, 2**63, size=(2, keys.shape[1]), dtype=np.uint64) | np.uint64(1)
    mixed = np.stack([(keys.astype(np.uint64) * w).sum(axis=1, dtype=np.uint64) for w in weights])
    u, v = (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
    return oklab_to_rgb(np.stack((0.38 + 0.5 * u, 0.06 * (u - v), 0.2 * (v - 0.5)), axis=1))
