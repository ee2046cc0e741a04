"""What bends in a network, and how large a penalty every bend needs.

Follow a pattern s linearly through the chain: ``u^s`` are its pre-activations, ``f_s`` its outputs,
affine in x. The true network is F, its pre-activations are u. For a unit with slopes ``g_q`` on its
pieces, and ``d_j = g_{j+1} - g_j`` at the breakpoint ``t_j``,

    sigma(u) - sigma_s(u^s) = theta (u - u^s) + sum_j d_j p_j(x),    theta between its slopes,

with ``p_j = relu(u^s - t_j)`` right of the piece s and ``relu(t_j - u^s)`` left of it. A max unit
on its member s has ``max(z) - z^s_s = theta . (z - z^s) + r``, theta in the unit simplex and ``0 <=
r <= sum_j p_j`` with ``p_j = relu(z^s_j - z^s_s)``. So ``F - f_s`` is ``sum_j c_j p_j``: ``c_j`` is
``d_j`` times what reaches the outputs from there through all the theta's, and lies in an interval
found backwards (`bends`). With ``K_j = max(0, -inf c_j)`` the function ``f_s - sum_j K_j p_j`` is
nowhere above F, and it is F on the closed cell of s, where all p_j are zero. Hence F is the maximum
of these functions over any set of patterns whose cells cover the domain (An, Boussaid, Bennamoun
and Hu 2017, for ReLU).

A unit that takes some of its pieces only, everywhere on the domain, is there the function that has
no others: with this in its place, the same argument gives fewer kinks and narrower intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..exact.rational import Dyadic
from ..units import MAX, PiecewiseLinear
from .numbers import rounded_up

__all__ = ["Bend", "Kink", "bends", "used_pieces"]

Exact = NDArray[Any]


@dataclass(frozen=True)
class Kink:
    """One breakpoint of a unit.

    Attributes
    ----------
    at : Fraction
        The breakpoint; 0 for a max unit, whose kinks compare two members.
    jump : Fraction
        By how much the slope grows there.
    penalty : tuple of float
        K for each output: a float not below the smallest that the intervals prove.
    """

    at: Fraction
    jump: Fraction
    penalty: tuple[float, ...]

    @property
    def free(self) -> bool:
        """Whether no output needs a penalty."""
        return not any(self.penalty)


@dataclass(frozen=True)
class Bend:
    """A unit with more than one piece.

    Attributes
    ----------
    column : int
        Its column of a pattern.
    unit : int
        Its number in the stage.
    reads : tuple of int
        Rows of the stage's affine map.
    function : PiecewiseLinear or None
        None for a max unit.
    pieces : tuple of int
        The pieces that it may be on, in order; of a scalar unit without gaps.
    kinks : tuple of Kink
        Of a scalar unit one between each two of its pieces; of a max unit a single one.
    gain : tuple of Fraction or None
        What the outputs gain by one more of the unit's value, where that is one number.
    """

    column: int
    unit: int
    reads: tuple[int, ...]
    function: PiecewiseLinear | None
    pieces: tuple[int, ...]
    kinks: tuple[Kink, ...]
    gain: tuple[Fraction, ...] | None

    @property
    def free(self) -> bool:
        """Whether no kink needs a penalty, for any output."""
        return all(kink.free for kink in self.kinks)

    @property
    def concave(self) -> bool:
        """Whether the unit can stay as it is: it only ever lowers the outputs, by known factors.

        Then ``gain * jump`` in place of ``-K`` gives the same term on all of its pieces.
        """
        return (
            self.function is not None
            and self.gain is not None
            and not self.free
            and all(g * kink.jump <= 0 for g in self.gain for kink in self.kinks)
        )


def used_pieces(net: Network, patterns: NDArray[Any] | None = None) -> list[tuple[int, ...]]:
    """Pieces that every unit may be on: those that occur in the patterns, or all."""
    if patterns is None:
        return [tuple(range(int(n))) for n in net.unit_pieces]
    found = [np.unique(column).tolist() for column in patterns.T]
    scalar = np.concatenate(
        [np.zeros(0, dtype=bool)] + [s.units.function[s.units.nonlinear] != MAX for s in net.stages]
    )
    return [
        tuple(range(p[0], p[-1] + 1)) if plain else tuple(p)
        for p, plain in zip(found, scalar.tolist(), strict=True)
    ]


def bends(net: Network, used: Sequence[tuple[int, ...]]) -> list[list[Bend]]:
    """The bends of every stage, with their penalties.

    Parameters
    ----------
    net : Network
    used : sequence of tuple of int
        For each column of a pattern the pieces that the unit may be on; see `used_pieces`.
    """
    m = net.n_outputs
    low = high = Dyadic(np.eye(m, dtype=np.int64).astype(object), 0)
    found: list[list[Bend]] = []
    column = net.n_units
    for stage in reversed(net.stages):
        column -= stage.units.nonlinear.size
        found.append(_of_stage(stage, used, column, low, high))
        low, high = _through(stage, used, column, low, high)
    return found[::-1]


def _of_stage(
    stage: Stage, used: Sequence[tuple[int, ...]], column: int, low: Dyadic, high: Dyadic
) -> list[Bend]:
    units = stage.units
    found = []
    for c, k in enumerate(units.nonlinear.tolist(), start=column):
        pieces = used[c]
        if len(pieces) < 2:
            continue
        ends = low[:, k].fractions(), high[:, k].fractions()
        f = int(units.function[k])
        if f == MAX:
            kinks = [Kink(Fraction(0), Fraction(1), _penalty(ends, Fraction(1)))]
        else:
            at = [Fraction(t) for t in units.functions[f].breakpoints.tolist()]
            slope = [Fraction(s) for s in units.functions[f].slopes.tolist()]
            jumps = [(at[q], slope[q + 1] - slope[q]) for q in pieces[:-1]]
            kinks = [Kink(t, d, _penalty(ends, d)) for t, d in jumps]
        found.append(
            Bend(
                c,
                k,
                tuple(units.reads[units.start[k] : units.start[k + 1]].tolist()),
                None if f == MAX else units.functions[f],
                pieces,
                tuple(kinks),
                tuple(ends[0]) if (ends[0] == ends[1]).all() else None,
            )
        )
    return found


def _penalty(ends: tuple[Exact, Exact], jump: Fraction) -> tuple[float, ...]:
    least = ends[0] * jump if jump > 0 else ends[1] * jump
    return tuple(rounded_up(max(Fraction(0), -x)) for x in least)


def _through(
    stage: Stage, used: Sequence[tuple[int, ...]], column: int, low: Dyadic, high: Dyadic
) -> tuple[Dyadic, Dyadic]:
    """The intervals of the coefficients before a stage, from those behind it."""
    units = stage.units
    least, most = np.ones(units.n_out), np.ones(units.n_out)
    unit, source = [], []
    column_of = {k: column + i for i, k in enumerate(units.nonlinear.tolist())}
    for k in range(units.n_out):
        reads = units.reads[units.start[k] : units.start[k + 1]]
        f = int(units.function[k])
        if f == MAX:
            members = reads[list(used[column_of[k]])]
            least[k] = 0.0 if members.size > 1 else 1.0
        else:
            members = reads
            if f >= 0:
                pieces = list(used[column_of[k]]) if k in column_of else [0]
                slopes = units.functions[f].slopes[pieces]
                least[k], most[k] = slopes.min(), slopes.max()
        unit += [k] * members.size
        source += members.tolist()
    ends = Dyadic.of(np.stack((least, most)))
    products = [x.ints * ends.ints[e] for x in _aligned(low, high) for e in range(2)]
    exponent = min(low.exponent, high.exponent) + ends.exponent
    at = np.array(unit, dtype=np.int64)
    below, above = (
        _gather(_extreme(products, pick)[:, at], source, stage.n_pre)
        for pick in (np.minimum, np.maximum)
    )
    return _times(stage, below, above, exponent)


def _aligned(low: Dyadic, high: Dyadic) -> tuple[Dyadic, Dyadic]:
    e = min(low.exponent, high.exponent)
    return Dyadic(low.ints << (low.exponent - e), e), Dyadic(high.ints << (high.exponent - e), e)


def _extreme(arrays: list[Exact], pick: Any) -> Exact:
    found = arrays[0]
    for other in arrays[1:]:
        found = pick(found, other)
    return found


def _gather(values: Exact, source: list[int], n: int) -> Exact:
    """Sums over the columns with one source, shape (m, n)."""
    found = np.zeros((values.shape[0], n), dtype=np.int64).astype(object)
    np.add.at(found.T, np.array(source, dtype=np.int64), values.T)
    return found


def _times(stage: Stage, low: Exact, high: Exact, exponent: int) -> tuple[Dyadic, Dyadic]:
    """Intervals of ``row @ A``, where the entries of the row lie in intervals."""
    if stage.sparse:
        A = sp.csc_array(stage.A)
        filled = np.flatnonzero(np.diff(A.indptr))
        weights = Dyadic.of(A.data)
        positive = np.maximum(weights.ints, 0)
        negative = weights.ints - positive
        found = []
        for up, down in ((low, high), (high, low)):
            total = np.zeros((low.shape[0], stage.n_state), dtype=np.int64).astype(object)
            if filled.size:
                terms = up[:, A.indices] * positive + down[:, A.indices] * negative
                total[:, filled] = np.add.reduceat(terms, A.indptr[filled], axis=1)
            found.append(Dyadic(total, exponent + weights.exponent))
        return found[0], found[1]
    weights = Dyadic.of(stage.A)
    positive = np.maximum(weights.ints, 0)
    negative = weights.ints - positive
    e = exponent + weights.exponent
    return (
        Dyadic(low @ positive + high @ negative, e),
        Dyadic(high @ positive + low @ negative, e),
    )
