"""How far the values of a network can move when its parameters do, with certain bounds.

Let every perturbed entry of every affine map and bias move by at most ``e``. If the state before a
stage moves by at most ``d`` (coordinate by coordinate), its pre-activations ``A h + a`` move by at
most ``|A| d + e (M (|h| + d) + m)``, where ``M`` and ``m`` are 1 on the entries that are perturbed:
``A' h' - A h = A (h' - h) + (A' - A) h'``. As long as no unit leaves its piece, units multiply
this by the sizes of their slopes; a unit on a flat piece moves by nothing. Columns of affine forms
move in the same way, with the bias in the column of constants alone.

All numbers here are nonnegative and rounded up, margins down: ``moves < margin`` is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from ..chain import Network
from ..errors import NetworkError
from ..stage import Stage
from ..units import IDENTITY, MAX

__all__ = ["Frozen", "Masks", "Perturbed", "masks_of"]

Float = NDArray[np.float64]
#: For each stage, which entries of the matrix and of the bias are perturbed (1) or not (0).
Masks = tuple[tuple[Any, Float], ...]
#: Unit roundoff of float64, and what underflow may lose.
UNIT = 2.0**-53
TINY = 1e-300


def masks_of(net: Network, perturbed: str | Sequence[tuple[Any, ArrayLike]]) -> Masks:
    """Which entries of a network are perturbed; see `plica.stable_regions`."""
    if isinstance(perturbed, str):
        if perturbed not in ("parameters", "all"):
            raise NetworkError(
                f'perturbed={perturbed!r} is not known; use "parameters", "all", or one pair of '
                "masks (M, m) a stage"
            )
        return _default_masks(net, copies=perturbed == "parameters")
    try:
        pairs = [(M, m) for M, m in perturbed]
    except (TypeError, ValueError):
        raise NetworkError(
            f'perturbed is "parameters", "all", or one pair of masks (M, m) a stage; got '
            f"{perturbed!r:.40}"
        ) from None
    if len(pairs) != len(net.stages):
        raise NetworkError(
            f"the network has {len(net.stages)} stages, but masks for {len(pairs)} were given"
        )
    found = []
    for i, (stage, (M, m)) in enumerate(zip(net.stages, pairs, strict=True)):
        matrix = sp.csr_array(M, dtype=np.float64) if sp.issparse(M) else np.asarray(M, float)
        vector = np.asarray(m, dtype=np.float64).reshape(-1)
        entries = matrix.data if sp.issparse(matrix) else matrix
        if matrix.shape != stage.A.shape or vector.shape != stage.a.shape:
            raise NetworkError(
                f"stage {i}: the masks have shapes {matrix.shape} and {vector.shape}, but the "
                f"affine map has {stage.A.shape} and {stage.a.shape}"
            )
        if not (np.isin(entries, (0, 1)).all() and np.isin(vector, (0, 1)).all()):
            raise NetworkError(f"stage {i}: a mask has entries other than 0 and 1")
        found.append((matrix, vector))
    return tuple(found)


def _default_masks(net: Network, copies: bool) -> Masks:
    """All entries of dense matrices and stored ones of sparse; without copies, if asked so."""
    found = []
    carried = np.zeros(net.n_inputs, dtype=bool)  # coordinates that are copies
    for stage in net.stages:
        A = stage.A
        if stage.sparse:
            M: Any = sp.csr_array((np.ones(A.nnz), A.indices, A.indptr), shape=A.shape)
        else:
            M = np.ones(A.shape)
        m = np.ones(A.shape[0])
        if copies:
            copy = _copies(stage)
            kept = (~copy).astype(np.float64)
            if stage.sparse:
                row = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
                M.data[copy[row] | (carried[A.indices] & (A.data == 1))] = 0.0
            else:
                M *= kept[:, None]
                M[:, carried] *= (A[:, carried] != 0) & (A[:, carried] != 1)
            m *= kept
            units = stage.units
            first = units.reads[units.start[:-1]]
            carried = (units.function == IDENTITY) & copy[first]
        found.append((M, m))
    return tuple(found)


def _copies(stage: Stage) -> NDArray[np.bool_]:
    """Rows that copy a coordinate of the state, and are read by identity units alone."""
    units = stage.units
    other = np.zeros(stage.n_pre, dtype=bool)
    bends = np.repeat(units.function != IDENTITY, np.diff(units.start))
    other[units.reads[bends]] = True
    size = abs(stage.A)
    # of a row with a single entry, the sum is that entry
    single = np.asarray((size != 0).sum(axis=1)).reshape(-1) == 1
    one = np.asarray(stage.A.sum(axis=1)).reshape(-1) == 1
    found: NDArray[np.bool_] = single & one & (stage.a == 0) & ~other
    return found


@dataclass(frozen=True, eq=False)
class _Bends:
    """Where a stage must keep its pieces: scalar units, and pairs of coordinates of max units.

    Attributes
    ----------
    scalar : ndarray of int64, shape (s,)
        Units, ``reads`` what they read.
    pairs : ndarray of int64, shape (q, 3)
        Unit and two places in it; ``left`` and ``right`` are the coordinates there.
    gap : matrix, shape (q, n_state)
        Sizes of the differences of the two rows of ``A``.
    """

    scalar: NDArray[np.int64]
    reads: NDArray[np.int64]
    pairs: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    gap: Any

    @classmethod
    def of(cls, stage: Stage) -> _Bends:
        units = stage.units
        some = units.nonlinear
        scalar = some[units.function[some] != MAX]
        pairs = [
            (k, i, j)
            for k in some[units.function[some] == MAX].tolist()
            for i in range(int(units.n_pieces[k]))
            for j in range(i)
        ]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        left = units.reads[units.start[table[:, 0]] + table[:, 1]]
        right = units.reads[units.start[table[:, 0]] + table[:, 2]]
        gap = abs(stage.A[left] - stage.A[right])
        return cls(scalar, units.reads[units.start[scalar]], table, left, right, gap)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A stage at N points, or on N patterns: what does not depend on ``e``.

    Attributes
    ----------
    size : ndarray, shape (N, k, n_state)
        Sizes of the state, rounded up.
    source, slope : ndarrays, shape (N, n_out)
        What each unit reads on its piece, and the size of its slope there.
    margin : ndarray, shape (N, s + q), or None
        How far each scalar unit is from leaving its piece, and each pair from a change of the
        larger one, rounded down; infinite for pairs without the winner.
    value : ndarray, shape (N, k, n_pre)
        Pre-activations, in floating point.
    """

    size: Float
    source: NDArray[np.int64]
    slope: Float
    margin: Float | None
    value: Float


@dataclass(frozen=True, eq=False)
class Frozen:
    """A network at N points, or its affine forms on N patterns.

    Attributes
    ----------
    layers : list
        One a stage.
    output, error : ndarrays, shape (N, k, n_outputs)
        What the network writes, and a bound on the error.
    """

    layers: list[_Layer]
    output: Float
    error: Float


class Perturbed:
    """A network on a domain, some of whose entries are perturbed.

    Parameters
    ----------
    net : Network
        Restricted to a domain: further stages in front are not perturbed.
    masks : Masks
        For the last stages.
    """

    def __init__(self, net: Network, masks: Masks) -> None:
        self.net = net
        front = net.stages[: len(net.stages) - len(masks)]
        none = [(sp.csr_array(s.A.shape), np.zeros(s.n_pre)) for s in front]
        self.masks = (*none, *masks)
        self.sizes = [abs(s.A) for s in net.stages]
        self.bends = [_Bends.of(s) for s in net.stages]

    # -- at e = 0 ------------------------------------------------------------------------------

    def points(self, patterns: NDArray[Any], points: Float) -> Frozen:
        """At points, shape (N, dim), on patterns that they are thought to have."""
        return self._freeze(patterns, points[:, None, :], np.ones(1), margins=True)

    def forms(self, patterns: NDArray[Any]) -> Frozen:
        """The affine forms on patterns: coefficients, then constants, shape (N, dim + 1, m)."""
        n = self.net.n_inputs
        start = np.broadcast_to(np.eye(n + 1, n), (patterns.shape[0], n + 1, n))
        return self._freeze(patterns, start, np.append(np.zeros(n), 1.0), margins=False)

    @np.errstate(over="ignore", invalid="ignore")  # what overflows is not certain: an answer
    def _freeze(self, patterns: NDArray[Any], h: Float, one: Float, margins: bool) -> Frozen:
        N = patterns.shape[0]
        error = np.zeros_like(h)
        layers, column = [], 0
        for stage, size, bends in zip(self.net.stages, self.sizes, self.bends, strict=True):
            terms = stage.n_state + 4
            more = 1 + 4 * terms * UNIT
            z = _times(h, stage.A) + one[:, None] * stage.a
            # a sum of k products is off by at most k unit roundoffs of the sum of their sizes
            # (Higham 2002, section 3.1)
            rounded = terms * UNIT * (_times(np.abs(h), size) + one[:, None] * np.abs(stage.a))
            doubt = (_times(error, size) + rounded) * more + TINY
            upper = (np.abs(h) + error) * (1 + 4 * UNIT)
            some = stage.units.nonlinear
            piece = np.zeros((N, stage.n_out), dtype=np.int64)
            piece[:, some] = patterns[:, column : column + some.size]
            column += some.size
            source, slope, intercept = stage.units.linearise(piece)
            margin = _margins(stage, bends, piece, z[:, 0], doubt[:, 0]) if margins else None
            layers.append(_Layer(upper, source, np.abs(slope), margin, z))
            at = np.broadcast_to(source[:, None, :], (N, h.shape[1], stage.n_out))
            read, off = np.take_along_axis(z, at, 2), np.take_along_axis(doubt, at, 2)
            shift = one[:, None] * intercept[:, None, :]
            steep = np.abs(slope)[:, None, :]
            h = slope[:, None, :] * read + shift
            rounded = 4 * UNIT * (steep * np.abs(read) + np.abs(shift))
            error = (steep * off + rounded) * (1 + 16 * UNIT) + TINY
        return Frozen(layers, h, error)

    # -- at e > 0 ------------------------------------------------------------------------------

    @np.errstate(over="ignore", invalid="ignore")  # what overflows is not certain: an answer
    def moves(self, frozen: Frozen, e: Float) -> tuple[Float, list[Float]]:
        """How far outputs and bends move at most.

        Parameters
        ----------
        frozen : Frozen
        e : ndarray, shape (N,)

        Returns
        -------
        output : ndarray, shape (N, k, n_outputs)
            How far the outputs move, while no unit leaves its piece.
        bends : list of ndarray, shape (N, s + q)
            For each stage with margins, how far they move.
        """
        first = frozen.layers[0].size
        one = np.zeros(first.shape[1])
        one[-1] = 1.0
        step = e[:, None, None]
        d = np.zeros_like(first)
        bends = []
        for i, layer in enumerate(frozen.layers):
            M, m = self.masks[i]
            up = 1 + 4 * (layer.size.shape[2] + 8) * UNIT
            spread = step * ((_times(layer.size + d, M) + one[:, None] * m) * up)
            z = (_times(d, self.sizes[i]) + spread) * up + TINY
            if layer.margin is not None:
                b = self.bends[i]
                apart = _times(d, b.gap)[:, 0] + spread[:, 0, b.left] + spread[:, 0, b.right]
                bends.append(np.concatenate((z[:, 0, b.reads], apart * up + TINY), axis=1))
            at = np.broadcast_to(layer.source[:, None, :], (*z.shape[:2], layer.source.shape[1]))
            slope = layer.slope[:, None, :]
            d = slope * np.take_along_axis(z, at, 2) * (1 + 4 * UNIT) + TINY * (slope > 0)
        return d, bends

    def holds(self, frozen: Frozen, e: Float) -> NDArray[np.bool_]:
        """At which points no unit can leave its piece, certainly; ``e`` of shape (N,)."""
        good = np.ones(e.size, dtype=bool)
        moved = self.moves(frozen, e)[1]
        for layer, b in zip(frozen.layers, moved, strict=True):
            if layer.margin is not None:
                good &= (b < layer.margin).all(axis=1)
        return good


def _times(h: Float, A: Any) -> Float:
    """``h @ A.T`` for states of shape (N, k, n)."""
    if sp.issparse(A):
        flat = (A @ h.reshape(-1, h.shape[2]).T).T
        return np.ascontiguousarray(flat).reshape(*h.shape[:2], A.shape[0])
    product: Float = h @ A.T
    return product


def _margins(
    stage: Stage, bends: _Bends, piece: NDArray[np.int64], z: Float, doubt: Float
) -> Float:
    """Certain lower bounds on the distances of scalar units and pairs from their bends."""
    N = z.shape[0]
    found = np.full((N, bends.scalar.size + len(bends.pairs)), np.inf)
    value, off = z[:, bends.reads], doubt[:, bends.reads]
    for c, k in enumerate(bends.scalar.tolist()):
        ends = stage.units.functions[int(stage.units.function[k])].breakpoints
        low = np.append(-np.inf, ends)[piece[:, k]]
        high = np.append(ends, np.inf)[piece[:, k]]
        gap = np.minimum(value[:, c] - low, high - value[:, c])
        found[:, c] = gap - off[:, c] - 4 * UNIT * np.abs(gap)
    winner = piece[:, bends.pairs[:, 0]]
    ahead = z[:, bends.left] - z[:, bends.right]
    ahead = np.where(winner == bends.pairs[:, 1], ahead, -ahead)
    ahead = ahead - doubt[:, bends.left] - doubt[:, bends.right] - 8 * UNIT * np.abs(ahead)
    plays = (winner == bends.pairs[:, 1]) | (winner == bends.pairs[:, 2])
    found[:, bends.scalar.size :] = np.where(plays, ahead, np.inf)
    return found
