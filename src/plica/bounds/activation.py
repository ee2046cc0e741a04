r"""The bound of Serra and Ramalingam: how many units can be active, given how many were.

Let ``A_l(k)`` and ``I_l(k)`` be bounds on the numbers of units of layer ``l`` that can be active,
and that can be both active and inactive (are unstable) on the domain, where ``k`` units of layer
``l - 1`` are active. They grow with ``k``. Then

.. math:: R(l, k, d) = \sum_{j=0}^{\min(I_l(k), d)} \binom{I_l(k)}{j}
          R(l + 1, A_l(k) - j, \min(d, A_l(k) - j)), \qquad R(L + 1, k, d) = 1

bounds the cells that layers ``l, ..., L`` make of a cell whose image has dimension ``d``: where
``j`` unstable units are off at most ``A_l(k) - j`` are active, and with ``d`` dimensions the
largest histogram of cells has ``C(I, j)`` of them for each ``j <= d``.

T. Serra and S. Ramalingam, Empirical bounds on linear regions of deep rectifier networks, AAAI
2020 (arXiv 1810.03370). There ``A`` and ``I`` come from mixed-integer programs; here from interval
arithmetic: ``k`` active units add at most the ``k`` largest of their possible contributions to a
pre-activation, and at least the ``k`` smallest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..chain import Network
from ..errors import UnsupportedError
from ..stage import Stage
from ..units import IDENTITY, Units
from .counting import binomials
from .folds import need
from .intervals import TINY, UNIT, Intervals

__all__ = ["activation_based"]

#: Steps of the recursion beyond which the bound is not computed.
WORK = 1_000_000

Int = NDArray[np.int64]


def activation_based(
    net: Network, intervals: Sequence[Intervals], ranks: Sequence[tuple[int, int]]
) -> int:
    """``R(1, n0, n0)``; identities that are carried along add to the dimension.

    Parameters
    ----------
    net : Network
        Of rectifiers and identities.
    intervals : sequence of Intervals
        One a stage.
    ranks : sequence of (int, int)
        For each stage, bounds on the rank of its matrix and on that of the rows that its cutting
        units read.

    Raises
    ------
    UnsupportedError
        If there are other units, or it would take too long.
    """
    state = {(0, net.n_inputs): 1}
    work = 0
    before: Stage | None = None
    for stage, interval, (rank, cut_rank) in zip(net.stages, intervals, ranks, strict=True):
        rectifiers = _rectifiers(stage.units)
        carried = stage.n_out - rectifiers.size
        # beyond a stage without rectifiers nothing is known of how many were active
        active, unstable = _numbers(stage, before, interval, rectifiers)
        rows = {int(n): list(binomials(int(n))) for n in np.unique(unstable)}
        after: dict[tuple[int, int], int] = {}
        for (k, d), cells in state.items():
            k = min(k, active.size - 1)
            A, I = int(active[k]), int(unstable[k])
            for j, ways in enumerate(rows[I][: min(d, cut_rank) + 1]):
                to = (A - j, min(d, rank, carried + A - j))
                after[to] = after.get(to, 0) + cells * ways
            work += min(I, d, cut_rank) + 1
            need(work <= WORK, "would take too long for a network of this size")
        state = after
        before = stage
    return sum(state.values())


def _rectifiers(units: Units) -> Int:
    """Indices of the units that are rectifiers; the others must be identities."""
    some = units.nonlinear
    for f in set(units.function[some].tolist()):
        relu = f >= 0 and (
            units.functions[f].breakpoints.tolist() == [0.0]
            and units.functions[f].intercept == 0
            and units.functions[f].slopes[0] == 0
            and units.functions[f].slopes[1] > 0
        )
        if not relu:
            raise UnsupportedError("needs rectifiers: some unit is neither that nor an identity")
    linear = np.setdiff1d(np.arange(units.n_out), some)
    if (units.function[linear] != IDENTITY).any():
        raise UnsupportedError("needs rectifiers: some unit is neither that nor an identity")
    return some


def _numbers(
    stage: Stage, before: Stage | None, interval: Intervals, rectifiers: Int
) -> tuple[Int, Int]:
    """``A(k)`` and ``I(k)`` for k = 0, 1, ...; one entry if they do not depend on k."""
    reads = stage.units.reads[stage.units.start[rectifiers]]
    low, high = interval.pre[0][reads], interval.pre[1][reads]
    source = before.units.nonlinear if before is not None else np.zeros(0, dtype=np.int64)
    can, cannot = high > 0, low < 0
    if not source.size or not rectifiers.size:
        return np.array([can.sum()]), np.array([(can & cannot).sum()])
    lower, upper = interval.state
    rest = np.setdiff1d(np.arange(stage.n_state), source)
    A = stage.A[reads]
    A = A.toarray() if stage.sparse else np.asarray(A)
    bias = stage.a[reads]
    on = _least(A, bias, rest, source, (lower, upper)) + np.where(can, 0, stage.n_state + 1)
    off = _least(-A, -bias, rest, source, (lower, upper)) + np.where(cannot, 0, stage.n_state + 1)
    k = np.arange(source.size + 1)[:, None]
    return (on <= k).sum(axis=1), (np.maximum(on, off) <= k).sum(axis=1)


def _least(
    A: NDArray[np.float64],
    bias: NDArray[np.float64],
    rest: Int,
    source: Int,
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Int:
    """The least number of active units with which each pre-activation can be positive.

    More than there are where it never can.
    """
    low, high = bounds
    largest = np.maximum(high[source], 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        gain = np.where(A[:, source] > 0, A[:, source] * largest, 0.0)
        fixed = np.where(
            A[:, rest] > 0,
            A[:, rest] * high[rest],
            np.where(A[:, rest] < 0, A[:, rest] * low[rest], 0.0),
        )
        gain = -np.sort(-gain, axis=1)
        base = (bias + fixed.sum(axis=1))[:, None]
        total = base + np.concatenate((np.zeros_like(base), np.cumsum(gain, axis=1)), axis=1)
        size = np.abs(bias) + np.abs(fixed).sum(axis=1) + gain.sum(axis=1)
        terms = A.shape[1] + 3
        # a bias alone is exact, and terms may vanish by underflow
        doubt = np.where((A != 0).any(axis=1), 2 * terms * (UNIT * size + TINY), 0.0)[:, None]
        possible = ~(total + doubt <= 0)  # also where a sum overflows
    return np.where(possible.any(axis=1), possible.argmax(axis=1), source.size + 1)
