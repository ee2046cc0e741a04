"""The affine map of one output on many patterns, in floating point with certain error bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network
from ..stage import Stage

__all__ = ["Rows", "rows_on"]

Float = NDArray[np.float64]
#: Unit roundoff of float64, and what underflow may lose.
UNIT = 2.0**-53
TINY = 1e-300
#: Floating-point numbers of one stage that are held at a time.
CHUNK = 1 << 22


@dataclass(frozen=True)
class Rows:
    """Affine maps of the only output of a network, one for each of P patterns.

    Attributes
    ----------
    values, errors : ndarrays, shape (P, n_inputs + 1)
        Coefficients, then the constant; each is off by at most its error, which may be infinite.
    keys : ndarray of int, shape (P, n_units)
        One more than the piece of each unit from which a path of non-zero weights and slopes leads
        to the output, 0 for the others. Patterns with equal keys have the same map.
    """

    values: Float
    errors: Float
    keys: NDArray[Any]


def rows_on(net: Network, patterns: NDArray[Any]) -> Rows:
    """The maps of a network with one output on patterns, shape (P, n_units)."""
    n, P = net.n_inputs, patterns.shape[0]
    widest = max(max(s.n_pre, s.n_out, s.n_state) for s in net.stages)
    step = max(1, CHUNK // widest)
    values, errors = np.empty((P, n + 1)), np.empty((P, n + 1))
    keys = np.zeros(patterns.shape, dtype=np.min_scalar_type(int(net.unit_pieces.max(initial=1))))
    # beyond the range of float64 errors become infinite, and nothing is certain: that is an answer
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(0, P, step):
            part = slice(i, i + step)
            values[part], errors[part] = _pull_back(net, patterns[part], keys[part])
    lost = ~(np.isfinite(values) & np.isfinite(errors))
    values[lost], errors[lost] = 0.0, np.inf
    return Rows(values, errors, keys)


def _pull_back(net: Network, patterns: NDArray[Any], keys: NDArray[Any]) -> tuple[Float, Float]:
    """The output's row, carried backwards through the stages; writes the keys."""
    P = patterns.shape[0]
    row, off = np.ones((P, 1)), np.zeros((P, 1))
    live = np.ones((P, 1), dtype=bool)  # whether a path leads to the output
    constant, drift = np.zeros(P), np.zeros(P)
    for stage, columns in _backwards(net):
        piece = np.zeros((P, stage.n_out), dtype=np.int64)
        some = stage.units.nonlinear
        piece[:, some] = patterns[:, columns]
        keys[:, columns] = np.where(live[:, some], piece[:, some] + 1, 0)
        source, slope, intercept = stage.units.linearise(piece)
        terms = max(stage.n_out, stage.n_pre) + 4
        more = 1 + 4 * terms * UNIT  # covers what is rounded in computing the bounds
        constant, drift = _add(constant, drift, row, off, intercept, terms)
        z, error = np.zeros((P, stage.n_pre)), np.zeros((P, stage.n_pre))
        reached = np.zeros((P, stage.n_pre), dtype=bool)
        at = (np.arange(P)[:, None], source)
        size = np.abs(slope)
        np.add.at(z, at, row * slope)
        np.add.at(error, at, off * size + terms * UNIT * np.abs(row) * size)
        np.logical_or.at(reached, at, live & (slope != 0))
        error = error * more + TINY * reached
        constant, drift = _add(constant, drift, z, error, stage.a, terms)
        # a sum of k products is off by at most k unit roundoffs of the sum of their sizes (Higham
        # 2002, section 3.1)
        row = _times(z, stage.A)
        off = _times(error + terms * UNIT * np.abs(z), abs(stage.A)) * more
        live = _times(reached.astype(np.float64), abs(stage.A) > 0) > 0
        row[~live], off[~live] = 0.0, 0.0
        off += TINY * live
    return np.column_stack((row, constant)), np.column_stack((off, drift))


def _backwards(net: Network) -> Iterator[tuple[Stage, slice]]:
    """Stages from the last to the first, and the pattern columns of their units."""
    column = net.n_units
    for stage in reversed(net.stages):
        size = stage.units.nonlinear.size
        yield stage, slice(column - size, column)
        column -= size


def _times(rows: Float, A: Any) -> Float:
    return np.ascontiguousarray((A.T @ rows.T).T)


def _add(
    total: Float, drift: Float, row: Float, off: Float, factors: Float, terms: int
) -> tuple[Float, Float]:
    """``total + row . factors`` and a bound on its error; each factor is rounded once."""
    size = np.abs(factors)
    total = total + (row * factors).sum(axis=1)
    spread = ((2 * off + terms * UNIT * np.abs(row)) * size).sum(axis=1)
    return total, (drift + spread + 2 * UNIT * np.abs(total)) * (1 + 4 * terms * UNIT) + TINY
