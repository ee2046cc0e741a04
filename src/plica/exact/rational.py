"""The chain in exact rational arithmetic.

Every weight is a binary floating-point number, so all affine maps of a chain are matrices of
integers times one power of two: they are computed with Python's integers, without fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from plica.errors import NetworkError
from plica.units import MAX, PiecewiseLinear, Units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plica.chain import Network, Stage

__all__ = ["Dyadic", "RationalChain", "intersect"]

Exact = NDArray[Any]  # of Python integers, or of Fraction


@dataclass(frozen=True, eq=False)
class Dyadic:
    """An array of dyadic rationals, ``ints * 2**exponent``.

    Parameters
    ----------
    ints : ndarray of object
        Python integers, of any size.
    exponent : int
        The same for all entries.
    """

    ints: Exact
    exponent: int

    @classmethod
    def of(cls, numbers: ArrayLike) -> Dyadic:
        """The exact values of finite floating-point numbers."""
        mantissa, exponent = np.frexp(np.asarray(numbers, dtype=np.float64))
        whole = (mantissa * 2.0**53).astype(np.int64)
        # odd mantissas keep the integers short: small integer weights stay small
        zeros = np.where(whole == 0, 0, np.frexp((whole & -whole).astype(np.float64))[1] - 1)
        whole, exponent = whole >> zeros, exponent - 53 + zeros
        low = int(exponent[whole != 0].min()) if (whole != 0).any() else 0
        shift = np.where(whole == 0, 0, exponent - low)
        return cls(whole.astype(object) << shift.astype(object), low)

    @classmethod
    def of_fractions(cls, numbers: Sequence[Fraction]) -> Dyadic:
        """The same for fractions whose denominators are powers of two."""
        common = lcm(*(f.denominator for f in numbers))
        if common & (common - 1):
            raise ValueError("a denominator is not a power of two")
        ints = np.empty(len(numbers), dtype=object)
        ints[:] = [int(f * common) for f in numbers]
        return cls(ints, 1 - common.bit_length())

    def __add__(self, other: Dyadic) -> Dyadic:
        low = min(self.exponent, other.exponent)
        return Dyadic(
            (self.ints << (self.exponent - low)) + (other.ints << (other.exponent - low)), low
        )

    def dot(self, other: Dyadic) -> Dyadic:
        """The scalar product of two vectors, shape (1,)."""
        product = np.array([sum((self.ints * other.ints).tolist())], dtype=object)
        return Dyadic(product, self.exponent + other.exponent)

    def __getitem__(self, rows: Any) -> Dyadic:
        return Dyadic(self.ints[rows], self.exponent)

    def fractions(self) -> Exact:
        """The entries as an array of `Fraction`."""
        scale = Fraction(2) ** self.exponent
        found = np.empty(self.ints.shape, dtype=object)
        found.reshape(-1)[:] = [int(i) * scale for i in self.ints.reshape(-1)]
        return found


def intersect(first: Sequence[Any], second: Sequence[Any]) -> tuple[Fraction, Fraction] | None:
    """The point where two lines of the plane meet, or None if they are parallel.

    Parameters
    ----------
    first, second : sequence of three rational numbers
        ``(a, b, c)`` is the line ``a x + b y + c = 0``.

    Examples
    --------
    >>> intersect((3, 0, -1), (0, 2, -1))
    (Fraction(1, 3), Fraction(1, 2))
    """
    a, b, c = map(Fraction, first)
    d, e, f = map(Fraction, second)
    det = a * e - b * d
    return None if det == 0 else ((b * f - c * e) / det, (c * d - a * f) / det)


class RationalChain:
    """A network as a function over the rationals.

    States are carried as columns: ``k`` columns of a `Dyadic` matrix and a row ``one`` of ``k``
    integers that the constants multiply. With ``one = (0, ..., 0, 1)`` the columns are an affine
    map, its constants last; with the single entry ``one = (q,)`` they are ``q`` times a point.

    Parameters
    ----------
    net : Network

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[0.5], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    >>> chain = RationalChain(net)
    >>> chain.value([Fraction(1, 3)]), chain.pattern([Fraction(1, 3)])
    ((Fraction(1, 6),), (1, 0))
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        self._A = [_Matrix(stage) for stage in net.stages]
        self._a = [Dyadic.of(stage.a) for stage in net.stages]
        #: What the units of each stage do on each of their pieces.
        self.tables = [PieceTable.of(stage.units) for stage in net.stages]

    # -- one stage ---------------------------------------------------------------------------

    def start(self) -> tuple[Dyadic, Exact]:
        """``(state, one)`` of the identity map of the input space."""
        n = self.net.n_inputs
        one = np.array([0] * n + [1], dtype=object)
        return Dyadic(np.eye(n, n + 1, dtype=np.int64).astype(object), 0), one

    def pre(self, stage: int, state: Dyadic, one: Exact) -> Dyadic:
        """Pre-activations of a stage (0-based), for a state before it."""
        a = self._a[stage]
        return self._A[stage] @ state + Dyadic(a.ints[:, None] * one, a.exponent)

    def post(self, stage: int, z: Dyadic, one: Exact, pieces: Iterable[int]) -> Dyadic:
        """State after a stage, all of whose units are on the given pieces."""
        table = self.tables[stage]
        at = table.first + np.fromiter(pieces, dtype=np.int64, count=table.first.size)
        slope, intercept = table.slope[at], table.intercept[at]
        scaled = Dyadic(slope.ints[:, None] * z.ints[table.source[at]], slope.exponent + z.exponent)
        return scaled + Dyadic(intercept.ints[:, None] * one, intercept.exponent)

    # -- points ------------------------------------------------------------------------------

    def _walk(self, x: Iterable[Any]) -> tuple[list[list[Fraction]], list[list[int]]]:
        """Pre-activations and pieces of all units, stage after stage, at a point."""
        point = [Fraction(v) for v in x]
        if len(point) != self.net.n_inputs:
            raise NetworkError(
                f"expected a point of {self.net.n_inputs} coordinates, got {len(point)}"
            )
        q = lcm(*(v.denominator for v in point))
        state = Dyadic(np.array([[int(v * q)] for v in point], dtype=object), 0)
        one = np.array([q], dtype=object)
        values, pieces = [], []
        for i, stage in enumerate(self.net.stages):
            z = self.pre(i, state, one)
            values.append([v / q for v in z.fractions()[:, 0]])
            pieces.append(_pieces(stage.units, values[-1]))
            state = self.post(i, z, one, pieces[-1])
        return values, pieces

    def value(self, x: Iterable[Any]) -> tuple[Fraction, ...]:
        """Values of the network at a rational point, shape (n_outputs,)."""
        return tuple(self._walk(x)[0][-1])

    def pre_at(self, stage: int, x: Iterable[Any]) -> tuple[Fraction, ...]:
        """Pre-activations of a stage (0-based) at a rational point, shape (n_pre,)."""
        return tuple(self._walk(x)[0][stage])

    def pattern(self, x: Iterable[Any]) -> tuple[int, ...]:
        """Piece of every unit with more than one, at a rational point.

        At ties a scalar unit is on the piece left of its breakpoint, a max unit on its lowest
        index.
        """
        found = self._walk(x)[1]
        return tuple(
            pieces[k]
            for stage, pieces in zip(self.net.stages, found, strict=True)
            for k in stage.units.nonlinear
        )

    # -- affine maps -------------------------------------------------------------------------

    def forms(self, stage: int, pattern: Sequence[int]) -> Dyadic:
        """Pre-activations of a stage as affine forms, shape (n_pre, n_inputs + 1).

        Parameters
        ----------
        stage : int
            0-based.
        pattern : sequence of int
            Pieces of the units with more than one; those of later stages may be left out.
        """
        state, one = self.start()
        used = 0
        for i in range(stage):
            units = self.net.stages[i].units
            size = units.nonlinear.size
            if used + size > len(pattern):
                raise NetworkError(
                    f"the pattern has {len(pattern)} entries, stage {stage} needs more"
                )
            pieces = all_pieces(units, pattern[used : used + size])
            state = self.post(i, self.pre(i, state, one), one, pieces)
            used += size
        return self.pre(stage, state, one)

    def rows(self, stage: int, pattern: Sequence[int]) -> tuple[Exact, Exact]:
        """``(J, c)``, as `Fraction`: the pre-activations of a stage are ``J x + c``.

        Parameters
        ----------
        stage, pattern
            As in `forms`.

        Returns
        -------
        J : ndarray of Fraction, shape (n_pre, n_inputs)
        c : ndarray of Fraction, shape (n_pre,)
        """
        rows = self.forms(stage, pattern).fractions()
        return rows[:, :-1], rows[:, -1]

    def affine_on(self, pattern: Sequence[int]) -> tuple[Exact, Exact]:
        """``(J, c)``, as `Fraction`, of the outputs wherever the network has this pattern."""
        # the last stage has identity units: its pre-activations are the outputs
        return self.rows(len(self.net.stages) - 1, pattern)

    def output_on(self, output: int, pattern: Sequence[int]) -> Dyadic:
        """One output as an affine form, coefficients then constant, shape (n_inputs + 1,).

        The row is carried backwards through the stages: for one output of many inputs this is far
        less work than `affine_on`.
        """
        ints = np.array([int(i == output) for i in range(self.net.n_outputs)], dtype=object)
        row, constant = Dyadic(ints, 0), Dyadic(np.array([0], dtype=object), 0)
        column = len(pattern)
        for i in reversed(range(len(self.net.stages))):
            units, table = self.net.stages[i].units, self.tables[i]
            size = units.nonlinear.size
            pieces = all_pieces(units, pattern[column - size : column])
            column -= size
            at = table.first + np.array(pieces, dtype=np.int64)
            slope, intercept = table.slope[at], table.intercept[at]
            constant += row.dot(intercept)
            # several units may read one coordinate
            ints = np.array([0] * units.n_pre, dtype=object)
            np.add.at(ints, table.source[at], row.ints * slope.ints)
            z = Dyadic(ints, row.exponent + slope.exponent)
            constant += z.dot(self._a[i])
            row = self._A[i].pull(z)
        low = min(row.exponent, constant.exponent)
        parts = [part.ints << (part.exponent - low) for part in (row, constant)]
        return Dyadic(np.concatenate(parts), low)


class _Matrix:
    """The affine map of a stage, in integers; sparse maps stay sparse."""

    def __init__(self, stage: Stage) -> None:
        self.shape = (stage.n_pre, stage.n_state)
        self.sparse = stage.sparse
        if self.sparse:
            A = sp.csr_array(stage.A)
            self.filled = np.flatnonzero(np.diff(A.indptr))
            self.starts, self.columns = A.indptr[self.filled], A.indices
            self.data = Dyadic.of(A.data)
        else:
            self.data = Dyadic.of(stage.A)

    def __matmul__(self, state: Dyadic) -> Dyadic:
        exponent = self.data.exponent + state.exponent
        if not self.sparse:
            return Dyadic(self.data.ints @ state.ints, exponent)
        found = np.full((self.shape[0], state.ints.shape[1]), 0, dtype=object)
        if self.filled.size:
            products = self.data.ints[:, None] * state.ints[self.columns]
            found[self.filled] = np.add.reduceat(products, self.starts, axis=0)
        return Dyadic(found, exponent)

    def pull(self, row: Dyadic) -> Dyadic:
        """``row @ A``."""
        exponent = self.data.exponent + row.exponent
        if not self.sparse:
            return Dyadic(row.ints @ self.data.ints, exponent)
        found = np.array([0] * self.shape[1], dtype=object)
        ends = np.append(self.starts[1:], self.columns.size)
        np.add.at(
            found,
            self.columns,
            np.repeat(row.ints[self.filled], ends - self.starts) * self.data.ints,
        )
        return Dyadic(found, exponent)


@dataclass(frozen=True, eq=False)
class PieceTable:
    """The pieces of the units of a stage, one row each, unit after unit.

    On row ``r`` a unit writes ``slope[r] * z[source[r]] + intercept[r]``.

    Attributes
    ----------
    first : ndarray of int64, shape (n_out,)
        Row of each unit's piece 0.
    source : ndarray of int64, shape (n_rows,)
    slope, intercept, end : Dyadic, shape (n_rows,)
        ``end`` is the breakpoint on the right of a scalar unit's piece, 0 where there is none.
    """

    first: NDArray[np.int64]
    source: NDArray[np.int64]
    slope: Dyadic
    intercept: Dyadic
    end: Dyadic

    @classmethod
    def of(cls, units: Units) -> PieceTable:
        source: list[int] = []
        slope: list[float] = []
        end: list[float] = []
        intercept: list[Fraction] = []
        for k in range(units.n_out):
            reads = units.reads[units.start[k] : units.start[k + 1]].tolist()
            f = int(units.function[k])
            function = units.functions[f] if f >= 0 else PiecewiseLinear.linear()
            source += reads if f == MAX else reads * function.n_pieces
            repeat = len(reads) if f == MAX else 1
            slope += function.slopes.tolist() * repeat
            intercept += function.exact_intercepts * repeat
            end += [*function.breakpoints.tolist(), 0.0] * repeat
        return cls(
            np.cumsum(units.n_pieces) - units.n_pieces,
            np.array(source, dtype=np.int64),
            Dyadic.of(slope),
            Dyadic.of_fractions(intercept),
            Dyadic.of(end),
        )


def _pieces(units: Units, z: Sequence[Fraction]) -> list[int]:
    """Piece of every unit, for exact pre-activations."""
    found = []
    for k in range(units.n_out):
        read = [z[i] for i in units.reads[units.start[k] : units.start[k + 1]]]
        f = int(units.function[k])
        if f == MAX:
            found.append(read.index(max(read)))
        elif f >= 0:
            found.append(sum(read[0] > t for t in units.functions[f].breakpoints.tolist()))
        else:
            found.append(0)
    return found


def all_pieces(units: Units, some: Sequence[int]) -> list[int]:
    """Pieces of all units of a stage, from those of the units with more than one."""
    pieces = [0] * units.n_out
    for k, piece in zip(units.nonlinear, some, strict=True):
        pieces[k] = int(piece)
    return pieces
