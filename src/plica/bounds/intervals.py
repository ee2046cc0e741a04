"""Certain intervals for everything that a network computes on a domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network
from ..domains import Domain
from ..stage import Stage
from ..units import MAX, Units

__all__ = ["Intervals", "box_of", "propagate"]

Float = NDArray[np.float64]

#: Half the distance from 1 to the next float64, rounded up a little: one rounding's relative error.
UNIT = 2.0**-53 * (1 + 2.0**-20)
#: What may be lost to underflow in one operation.
TINY = 2.0**-1074


@dataclass(frozen=True, eq=False)
class Intervals:
    """What a stage reads and computes: certain bounds, infinite where there are none.

    Attributes
    ----------
    state : tuple of ndarray, shape (n_state,)
        Lower and upper bounds on the state before the stage.
    pre : tuple of ndarray, shape (n_pre,)
        Those on its pre-activations.
    """

    state: tuple[Float, Float]
    pre: tuple[Float, Float]


def box_of(domain: Domain) -> tuple[Float, Float]:
    """Bounds on a domain's own coordinates; infinite where it has none of its own."""
    bounds = getattr(domain, "bounds", None)
    if bounds is None:
        return np.full(domain.dim, -np.inf), np.full(domain.dim, np.inf)
    low, high = bounds
    return low, high


def propagate(net: Network, low: Float, high: Float) -> list[Intervals]:
    """Intervals for every stage, by interval arithmetic with rounding errors added.

    Parameters
    ----------
    net : Network
    low, high : ndarray, shape (n_inputs,)
        Bounds on the inputs, perhaps infinite.
    """
    found = []
    for stage in net.stages:
        pre = affine(stage, low, high)
        found.append(Intervals((low, high), pre))
        low, high = _after(stage.units, *pre)
    return found


def affine(stage: Stage, low: Float, high: Float) -> tuple[Float, Float]:
    """Bounds on ``A h + a`` for ``low <= h <= high``."""
    A: Any = stage.A if stage.sparse else np.asarray(stage.A)
    plus, minus = (A.maximum(0), A.minimum(0)) if stage.sparse else (A.clip(0), A.clip(None, 0))
    if stage.sparse:
        plus, minus = sp.csr_array(plus), sp.csr_array(minus)
    # sums that overflow are open ends
    with np.errstate(over="ignore", invalid="ignore"):
        lower = _sum(((plus, low), (minus, high)), stage.a, -1)
        upper = _sum(((plus, high), (minus, low)), stage.a, 1)
    return lower, upper


def _sum(parts: Any, a: Float, side: int) -> Float:
    total, size, terms = a.copy(), np.abs(a), np.zeros(a.size)
    open_end = np.zeros(a.size, dtype=bool)
    for A, h in parts:
        finite = np.isfinite(h)
        held = np.where(finite, h, 0.0)
        total += A @ held
        size += abs(A) @ np.abs(held)
        terms += (A != 0) @ (held != 0).astype(np.float64)
        if not finite.all():
            open_end |= ((A != 0) @ (~finite).astype(np.float64)) > 0
    # one multiplication and one addition a term, in any order; a bias alone is exact
    n = terms + 2
    error = np.where(terms > 0, 2.0 * n * UNIT * size + n * TINY, 0.0)
    total += side * error
    # the last addition rounds, too
    total = np.where(error > 0, np.nextafter(total, side * np.inf), total)
    return np.where(open_end | ~np.isfinite(size), side * np.inf, total)


def _after(units: Units, low: Float, high: Float) -> tuple[Float, Float]:
    below, above = np.empty(units.n_out), np.empty(units.n_out)
    for k in range(units.n_out):
        reads = units.reads[units.start[k] : units.start[k + 1]]
        f = int(units.function[k])
        if f == MAX:
            below[k], above[k] = low[reads].max(), high[reads].max()
        elif f < 0:
            below[k], above[k] = low[reads[0]], high[reads[0]]
        else:
            below[k], above[k] = _image(units, f, float(low[reads[0]]), float(high[reads[0]]))
    return below, above


def _image(units: Units, f: int, low: float, high: float) -> tuple[float, float]:
    """Bounds on a scalar function over an interval: at its ends and at the kinks inside."""
    function = units.functions[f]
    t = function.breakpoints
    values, doubt = [], 0.0
    for z in (low, *t[(t > low) & (t < high)].tolist(), high):
        q = int(function.piece(z))
        slope, c = float(function.slopes[q]), float(function.intercepts[q])
        term = slope * z if slope else 0.0
        values.append(term + c)
        # a slope of 1 or 0 without intercept rounds nothing
        if c or slope not in (0.0, 1.0):
            size = 4 * UNIT * abs(term) + 4 * UNIT * abs(c)
            doubt = max(doubt, 4 * TINY + (size if np.isfinite(size) else 0.0))
    if not doubt:
        return min(values), max(values)
    return (
        float(np.nextafter(min(values) - doubt, -np.inf)),
        float(np.nextafter(max(values) + doubt, np.inf)),
    )
