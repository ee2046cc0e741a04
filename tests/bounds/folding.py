"""Networks that fold: units that map pieces of an interval onto [0, 1], in dyadic numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plica import Network, PiecewiseLinear


@dataclass(frozen=True)
class Group:
    """Units ``act(w tau + b)`` whose combination ``c0 + c . units`` folds ``[0, length]``.

    ``w`` and ``b`` have one entry a row of the affine map: several a unit for maxout.
    """

    w: Sequence[float]
    b: Sequence[float]
    c: Sequence[float]
    c0: float
    length: float
    pieces: int


def montufar(g: int) -> Group:
    """g rectifiers, g pieces."""
    w = [1.0, *[2.0] * (g - 1)]
    b = [0.0, *(-2.0 * i for i in range(1, g))]
    return Group(w, b, [(-1.0) ** i for i in range(g)], 0.0, g, g)


def relu(g: int) -> Group:
    """Serra et al. 2018: g >= 3 rectifiers, g + 1 pieces; else as many as units."""
    if g < 3:
        return montufar(g)
    kinks = [2.0 * i - 1 for i in range(1, g + 1)]
    w = [1.0] * g
    b = [-t for t in kinks]
    c = [(-1.0) ** i for i in range(1, g + 1)]
    c[0] = -1.5
    w[2], b[2], c[2] = -1.0, kinks[2], -1.0
    return Group(w, b, c, 5.0, 2.0 * g + 1, g + 1)


def leaky(g: int) -> Group:
    """Slopes 1/2 and 1: g + 1 pieces for g >= 2."""
    if g == 1:
        return Group([1.0], [0.0], [1.0], 0.0, 1.0, 1)
    slopes = [(-1.0) ** i for i in range(g)] + [2.0 if g % 2 == 0 else -4.0]
    c = [2 * (slopes[i + 1] - slopes[i]) for i in range(g)]
    w, b = [1.0] * g, [-float(i) for i in range(1, g + 1)]
    if g % 2:
        w[0], b[0] = -1.0, 1.0
    at_zero = sum(x * (t if t > 0 else t / 2) for x, t in zip(c, b, strict=True))
    return Group(w, b, c, -at_zero, g + 1 / abs(slopes[-1]), g + 1)


def absolute(g: int) -> Group:
    """g + 1 pieces for odd g; one unit is left out for even g."""
    odd = g - 1 + g % 2
    c = [(-1.0) ** i for i in range(1, odd + 1)] + [0.0] * (g - odd)
    b = [-float(i) for i in range(1, odd + 1)] + [0.0] * (g - odd)
    w = [1.0] * odd + [0.0] * (g - odd)
    return Group(w, b, c, -sum(x * abs(t) for x, t in zip(c, b, strict=True)), odd + 1, odd + 1)


def clip(g: int) -> Group:
    """Hard tanh: g pieces."""
    c = [0.5 * (-1.0) ** i for i in range(g)]
    return Group([2.0] * g, [-2.0 * i - 1 for i in range(g)], c, sum(c), g, g)


def suitable(p: int, m: int) -> tuple[PiecewiseLinear, Group]:
    """An activation with p breakpoints, m copies of which make p m + 1 pieces."""
    u = -1.0 / m if p % 2 == 0 else (-1.0 if m % 2 else -1.5)
    sigma = PiecewiseLinear(range(p), [u + 2.0 * (i % 2) for i in range(p + 1)])
    w, b = [1.0] * m, [-1.0 - p * i for i in range(m)]
    c = [1.0 if p % 2 == 0 else (-1.0) ** i for i in range(m)]
    if p % 2 and m % 2 == 0:
        w[-1], b[-1], c[-1] = -1.0, float(p * m), -1.0
    start = float(np.dot(c, sigma(b)))
    return sigma, Group(w, b, c, 1 - start, p * m + 1, p * m + 1)


def maxout(g: int, k: int) -> Group:
    """g units of rank k: kinks where the slope falls and where it rises, in turn."""
    falling, rising = (g + 1) // 2, g // 2
    kinks = g * (k - 1) if g % 2 == 0 else (g - 1) * (k - 1) + 1
    down, up = list(range(1, kinks + 1, 2)), list(range(2, kinks + 1, 2))
    w: list[float] = []
    b: list[float] = []
    c: list[float] = []
    for sign, units, at in ((-1.0, falling, down), (1.0, rising, up)):
        for i in range(units):
            mine = at[i * (k - 1) : (i + 1) * (k - 1)]
            slope, start = (-1.0 if not w else 0.0), 0.0
            for j in range(k):
                w.append(slope)
                b.append(start)
                if j < len(mine):
                    slope, start = slope + 2, start - 2.0 * mine[j]
            c.append(sign)
    return Group(w, b, c, 0.0, kinks + 1, kinks + 1)


def split(n: int, d: int) -> list[int]:
    """n units in d groups as equal as can be."""
    return [n // d + (i < n % d) for i in range(d)]


def folding(
    n0: int,
    groups: Sequence[Sequence[Group]],
    last: tuple[np.ndarray, np.ndarray],
    activation: str | PiecewiseLinear = "relu",
    rank: int | None = None,
) -> tuple[Network, np.ndarray]:
    """Layers that fold, a last layer ``last`` on the unit cube, generic weights to read it out.

    Returns the network and the upper corner of the box ``[0, corner]`` that is folded.
    """
    layers = []
    Z, z0 = np.eye(n0), np.zeros(n0)  # coordinates in [0, 1], or the inputs
    corner = np.ones(n0)
    for i, layer in enumerate(groups):
        rows, bias = [], []
        k = rank or 1
        back = np.zeros((len(layer), sum(len(g.c) for g in layer)))
        at = 0
        for j, g in enumerate(layer):
            if i == 0:
                corner[j] = g.length
            scale = 1.0 if i == 0 else g.length
            rows += [scale * w * Z[j] for w in g.w]
            bias += [scale * w * z0[j] + b for w, b in zip(g.w, g.b, strict=True)]
            back[j, at : at + len(g.c)] = g.c
            at += len(g.c)
            assert len(g.w) == k * len(g.c)
        layers.append((np.array(rows), np.array(bias)))
        Z, z0 = back, np.array([g.c0 for g in layer])
    W, b = last
    layers.append((W @ Z[: W.shape[1]], b + W @ z0[: W.shape[1]]))
    m = W.shape[0] // (rank or 1)
    layers.append((np.random.default_rng(1).normal(size=(1, m)), np.zeros(1)))
    return Network.mlp(layers, activation, maxout=rank), corner


def cutting(d: int, n: int, copies: Sequence[float] = (0.0,)) -> tuple[np.ndarray, np.ndarray]:
    """n generic families of hyperplanes that all meet near the centre of the unit cube.

    Where possible they are turned so that one of any unit is on everywhere. ``copies`` are the
    breakpoints of the activation; the families are as narrow as the cube asks for.
    """
    rng = np.random.default_rng([d, n])
    W = rng.normal(size=(n, d))
    b = 2.0**-8 * rng.normal(size=n)
    if n > d and len(copies) == 1:
        lam = np.linalg.svd(W[: d + 1].T)[2][-1]
        turn = lam * (lam @ b[: d + 1]) < 0
        W[: d + 1][turn] *= -1
        b[: d + 1][turn] *= -1
    stretch = 2.0**6
    return stretch * W, stretch * (b - W @ np.full(d, 0.5)) + np.mean(copies)
