"""Values of many shallow functions with few units each, in the compiled core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TermTable"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TermTable:
    """Terms in blocks; the terms of a block read the units that the block lists.

    Attributes
    ----------
    term : ndarray of int64, shape (B + 1,)
        First term of each block.
    listed : ndarray of int64, shape (B + 1,)
        First entry of each block in ``unit``.
    unit : ndarray of int32, shape (L,)
        Rows of ``hidden``.
    hidden : ndarray, shape (H, n + 1)
        Units ``relu(row . (x, 1))``.
    start : ndarray of int64, shape (T + 1,)
        First entry of each term in ``reads`` and ``weights``.
    reads : ndarray of int32, shape (E,)
        Places in the block's list.
    weights : ndarray, shape (E, m)
    affine : ndarray, shape (T * m, n + 1)
        Affine parts, term after term.
    """

    term: Int
    listed: Int
    unit: NDArray[np.int32]
    hidden: Float
    start: Int
    reads: NDArray[np.int32]
    weights: Float
    affine: Float

    @property
    def products(self) -> int:
        """Products for one point."""
        width, m = self.hidden.shape[1], self.weights.shape[1]
        return int((self.unit.size + (self.start.size - 1) * m) * width + self.weights.size)

    def largest(self, x: Float) -> Float:
        """The largest value over the terms at points of shape (N, n), shape (N, m)."""
        return self._values(x, False).reshape(x.shape[0], self.weights.shape[1])

    def each(self, x: Float) -> Float:
        """The values of all terms at points of shape (N, n), shape (N, m, T)."""
        terms = self.start.size - 1
        return self._values(x, True).reshape(x.shape[0], self.weights.shape[1], terms)

    def _values(self, x: Float, each: bool) -> Float:
        from .. import _core

        found = _core.term_values(
            np.ascontiguousarray(x),
            self.term,
            self.listed,
            self.unit,
            self.hidden,
            self.start,
            self.reads,
            self.weights,
            self.affine,
            each,
        )
        return np.asarray(found)
