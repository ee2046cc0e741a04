"""The hidden units of a shallow form: each kept once, however many terms read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domains import Box, Domain, Segment, Slice, Space
from ..exact import linear_program
from ..exact.rational import Dyadic
from .numbers import Dyadics, primitive

__all__ = ["Mixture", "Pool", "Weights", "short"]

#: Floats where the numbers are floats, which they mostly are.
Weights = tuple[float | Fraction, ...]


class Pool:
    """Distinct hidden units ``relu(row . (x, 1))``.

    Rows that are positive multiples of each other are one unit: its row is scaled so that its
    largest coefficient is in [1/2, 1).

    Parameters
    ----------
    n : int
        Number of inputs.
    domain : Domain, optional
        Where the sign of a row decides that its unit is off or linear.
    """

    def __init__(self, n: int, domain: Domain | None = None) -> None:
        self.n = n
        #: Integers and an exponent of each; in one list, which Ctrl-C leaves whole.
        self.rows: list[tuple[tuple[int, ...], int]] = []
        self._index: dict[tuple[int, ...], int] = {}
        self._sign: dict[int, int] = {}
        self._ends = _Ends(domain) if domain is not None else None

    def add(self, row: Iterable[int], exponent: int) -> tuple[int, Fraction]:
        """``(unit, scale)`` with ``row * 2**exponent = scale * (row of the unit)``."""
        ints, factor = primitive(row)
        i = self._index.get(ints)
        if i is None:
            size = max((abs(x) for x in ints[:-1]), default=0) or abs(ints[-1])
            i = len(self.rows)
            self.rows.append((ints, -size.bit_length()))
            self._index[ints] = i
        return i, factor * Fraction(2) ** (exponent - self.rows[i][1])

    def fractions(self, i: int) -> list[Fraction]:
        """The row of a unit."""
        row, exponent = self.rows[i]
        return [x * Fraction(2) ** exponent for x in row]

    def sign(self, i: int) -> int:
        """1 if the unit is linear on the domain, -1 if it is off, 0 if it bends, exactly."""
        if i not in self._sign:
            row, _ = self.rows[i]
            if not any(row[:-1]):
                self._sign[i] = 1 if row[-1] > 0 else -1
            else:
                self._sign[i] = 0 if self._ends is None else self._ends.sign(row)
        return self._sign[i]

    def dyadics(self, keep: Sequence[int]) -> Dyadics:
        """The rows of some units, shape (len(keep), n + 1)."""
        ints = np.empty((len(keep), self.n + 1), dtype=object)
        for to, i in enumerate(keep):
            ints[to] = self.rows[i][0]
        return Dyadics(ints, np.array([self.rows[i][1] for i in keep], dtype=np.int64))


class _Ends:
    """Signs of affine forms on a domain."""

    def __init__(self, domain: Domain) -> None:
        self.bounds: tuple[list[int], list[int], int] | None = None
        if isinstance(domain, (Box, Segment, Slice)):
            ends = Dyadic.of(np.stack(domain.bounds))
            ints = ends.ints << max(ends.exponent, 0)
            self.bounds = ints[0].tolist(), ints[1].tolist(), 1 << max(-ends.exponent, 0)
        self.free = isinstance(domain, Space)
        self.A, self.b = (v.tolist() for v in domain.halfspaces())

    def sign(self, row: Sequence[int]) -> int:
        if self.free:
            return 0
        if self._most(row) <= 0:
            return -1
        return 1 if self._most([-x for x in row]) <= 0 else 0

    def _most(self, row: Sequence[int]) -> Fraction | float:
        """A positive multiple of the largest value."""
        if self.bounds is not None:
            low, high, one = self.bounds
            total = row[-1] * one
            for c, a, b in zip(row, low, high, strict=False):
                total += c * (b if c > 0 else a)
            return total
        found = linear_program.maximise(list(row[:-1]), self.A, self.b)
        return float("inf") if found.value is None else found.value + row[-1]


def short(number: Fraction) -> float | Fraction:
    """The same number as a float, if it is one."""
    try:
        near = float(number)
    except OverflowError:
        return number
    return near if near == number else number


class Mixture:
    """A sum of hidden units; grows, and is copied where terms part.

    Attributes
    ----------
    weights : dict of int to tuple of float or Fraction
        Weight of each unit in each output.
    """

    def __init__(self) -> None:
        self.weights: dict[int, Weights] = {}

    def copy(self) -> Mixture:
        """The same, to grow another way."""
        other = Mixture()
        other.weights = dict(self.weights)
        return other

    def add(self, unit: int, weights: Weights) -> None:
        """Add a unit; one that is there already gets the sum of both weights."""
        before = self.weights.get(unit)
        if before is not None:
            pairs = zip(before, weights, strict=True)
            weights = tuple(short(Fraction(a) + Fraction(b)) for a, b in pairs)
        self.weights[unit] = weights

    def settled(self, pool: Pool, affine: NDArray[Any]) -> dict[int, Weights]:
        """Units that bend on the domain; those that are linear there go into ``affine``.

        Parameters
        ----------
        pool : Pool
        affine : ndarray of Fraction, shape (m, n + 1)
            Changed in place.
        """
        found = {}
        for i, weights in self.weights.items():
            sign = pool.sign(i)
            if sign == 0:
                if any(weights):
                    found[i] = weights
            elif sign > 0:
                factors = np.array([Fraction(w) for w in weights], dtype=object)
                affine += np.multiply.outer(factors, np.array(pool.fractions(i), dtype=object))
        return found
