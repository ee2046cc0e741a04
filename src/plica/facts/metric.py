"""Operator norms of Jacobians on an affine slice, in floating point with bounds and exactly.

A domain has coordinates ``u`` of its own; its inputs are ``o + D^T u``. The norm of a Jacobian
``J`` in these coordinates is the largest ``|J v|_p`` over the ball ``{v : |D^T v|_p <= 1}``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedError

__all__ = ["Metric", "Norm", "nearest_root"]

Float = NDArray[np.float64]
Vector = tuple[Fraction, ...]
#: Largest number of candidates for a vertex of the ball of a slice.
VERTEX_LIMIT = 20_000
UNIT = 2.0**-53
_SKEW = (
    "the directions of the slice are too close to parallel to measure in; choose orthogonal ones"
)


@dataclass(frozen=True)
class Norm:
    """An operator norm: between two rational numbers, which are the same where it is rational.

    For ``p = 2`` the numbers are bounds on its square.
    """

    low: Fraction
    high: Fraction


class Metric:
    """Norm ``p`` on a slice.

    Parameters
    ----------
    D : sequence of k tuples of n Fractions
        The directions.
    p : 1, 2 or infinity

    Raises
    ------
    UnsupportedError
        If the ball of the slice has too many vertices.
    """

    def __init__(self, D: Sequence[Vector], p: float) -> None:
        self.p, self.k = p, len(D)
        if p == 2:
            self.gram = [[_dot(d, e) for e in D] for d in D]
            self._whiten()
        else:
            self.ball = _ball(D, p)
            self.T = np.array([[float(x) for x in row] for row in self.ball.vectors]).T

    # -- floating point ----------------------------------------------------------------------

    def _whiten(self) -> None:
        """``T`` with ``T^T G T`` near the identity, and how near, certainly."""
        G = np.array([[float(x) for x in row] for row in self.gram])
        try:
            self.T = np.linalg.inv(np.linalg.cholesky(G)).T
        except np.linalg.LinAlgError as error:
            raise UnsupportedError(_SKEW) from error
        exact = [[Fraction(x) for x in row] for row in self.T.tolist()]
        GT = [[_dot(row, column) for column in zip(*exact, strict=True)] for row in self.gram]
        off = Fraction(0)
        for i, t in enumerate(zip(*exact, strict=True)):
            for j, g in enumerate(zip(*GT, strict=True)):
                off += (_dot(t, g) - (i == j)) ** 2
        self.off = float(np.sqrt(float(off))) * (1 + 1e-10)
        if self.off > 0.5:
            raise UnsupportedError(_SKEW)

    def bounds(self, J: Float, error: Float) -> tuple[Float, Float]:
        """Certain lower and upper bounds on the norms of N Jacobians.

        Parameters
        ----------
        J : ndarray, shape (N, m, k)
        error : ndarray, shape (k,)
            Bound on the error of the entries in each column.
        """
        m = J.shape[1]
        K = J @ self.T
        # entry by entry: of J, of the product, of T
        spread = (error + (self.k + 4) * UNIT * np.abs(J)) @ np.abs(self.T)
        if self.p == 2:
            size = np.sqrt((K * K).sum(axis=(1, 2)))
            if m == 1:
                norm, slack = size, 4 * (self.k + 4) * UNIT * size
            else:
                norm = np.linalg.norm(K, 2, axis=(1, 2))
                slack = 1e-10 * size  # far more than the error of a singular value
            slack = slack + np.sqrt((spread * spread).sum(axis=(1, 2))) * (1 + 1e-10)
            low = (norm - slack) / math.sqrt(1 + self.off)
            high = (norm + slack) / math.sqrt(1 - self.off)
        else:
            norm, slack = self._sums(np.abs(K)), self._sums(spread)
            slack = slack + 4 * (self.k + m + 4) * UNIT * norm
            low, high = norm - slack, norm + slack
        return low - 1e-300, high + 1e-300

    def _sums(self, K: Float) -> Float:
        """Largest row or column sum of each matrix of numbers that are not negative."""
        if self.p == 1:
            found: Float = K.sum(axis=1).max(axis=1)
        elif self.ball.standard:
            found = K.sum(axis=2).max(axis=1)
        else:
            found = K.max(axis=(1, 2))
        return found

    # -- exactly -----------------------------------------------------------------------------

    def exact(self, J: Any) -> Norm:
        """The norm of a Jacobian, an array of Fractions of shape (m, k)."""
        rows = [tuple(row) for row in J]
        if self.p == 2:
            return self._two(rows)
        images = [[_dot(row, v) for row in rows] for v in self.ball.vectors]  # (q, m)
        sizes = [[abs(x) for x in column] for column in images]
        if self.p == 1:
            norm = max(sum(column, Fraction(0)) for column in sizes)
        elif self.ball.standard:
            norm = max(sum(row, Fraction(0)) for row in zip(*sizes, strict=True))
        else:
            norm = max(max(column) for column in sizes)
        return Norm(norm, norm)

    def _two(self, rows: list[Vector]) -> Norm:
        """Bounds on the largest ``|J v|^2 / v^T G v``.

        From below by a vector, from above by ``high G - J^T J``, or ``high - J G^-1 J^T`` where
        that is smaller, being positive semidefinite.
        """
        m, k = len(rows), self.k
        if m <= k:
            solved = [_solve(self.gram, row) for row in rows]
            square = [[_dot(row, x) for x in solved] for row in rows]
            metric = [[Fraction(i == j) for j in range(m)] for i in range(m)]
        else:
            columns = list(zip(*rows, strict=True))
            square = [[_dot(c, d) for d in columns] for c in columns]
            metric = self.gram
        n = len(square)
        if n == 1:
            norm = square[0][0] / metric[0][0]
            return Norm(norm, norm)
        if not any(any(row) for row in square):
            return Norm(Fraction(0), Fraction(0))
        scale = max(square[i][i] for i in range(n))
        S = np.array([[float(x / scale) for x in row] for row in square])
        M = np.array([[float(x) for x in row] for row in metric])
        half = np.linalg.inv(np.linalg.cholesky(M))
        _, vectors = np.linalg.eigh(half @ S @ half.T)
        v = tuple(Fraction(float(x)) for x in half.T @ vectors[:, -1])
        over = _dot(v, tuple(_dot(row, v) for row in square))
        low = over / _dot(v, tuple(_dot(row, v) for row in metric))
        share = Fraction(1, 2**52)
        while True:
            high = low * (1 + share)
            gap = [[high * metric[i][j] - square[i][j] for j in range(n)] for i in range(n)]
            if _positive(gap):
                return Norm(low, high)
            share *= 4


@dataclass(frozen=True)
class _Ball:
    """The ball of a slice: vectors that, with their negatives, are its vertices.

    Where it is ``standard``, the vectors are the columns of a matrix that takes the standard ball
    of the same norm to it.
    """

    vectors: list[Vector]
    standard: bool


def _ball(D: Sequence[Vector], p: float) -> _Ball:
    k = len(D)
    # |D^T v| is the norm of the numbers weight * (d . v), d running over the columns of D up to
    # multiples
    weights: dict[Vector, Fraction] = {}
    for column in zip(*D, strict=True):
        lead = next((x for x in column if x), None)
        if lead is None:
            continue
        d = tuple(x / lead for x in column)
        size, old = abs(lead), weights.get(d, Fraction(0))
        weights[d] = old + size if p == 1 else max(old, size)
    forms = [tuple(w * x for x in d) for d, w in weights.items()]
    if len(forms) == k:
        return _Ball([_solve(forms, _unit(k, i)) for i in range(k)], True)
    candidates = math.comb(len(forms), k - 1) if p == 1 else math.comb(len(forms), k) << (k - 1)
    if candidates > VERTEX_LIMIT:
        raise UnsupportedError(
            f"the ball of this norm in a slice of dimension {k} of {len(D[0])} inputs may have "
            f"{candidates} vertices; use norm=2, or a slice along coordinate axes"
        )
    vectors: list[Vector] = []
    if p == 1:
        for some in combinations(forms, k - 1):
            v = _orthogonal(some, k)
            if v is not None:
                size = sum((abs(_dot(f, v)) for f in forms), Fraction(0))
                vectors.append(tuple(x / size for x in v))
    else:
        for some in combinations(forms, k):
            for signs in product((1, -1), repeat=k - 1):
                v = _solve(some, tuple(map(Fraction, (1, *signs))))
                if v is not None and all(abs(_dot(f, v)) <= 1 for f in forms):
                    vectors.append(v)
    return _Ball(vectors, False)


# -- linear algebra over the rationals -------------------------------------------------------


def _dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _unit(k: int, i: int) -> Vector:
    return tuple(Fraction(i == j) for j in range(k))


def _solve(A: Sequence[Sequence[Fraction]], b: Vector) -> Any:
    """The solution of a square system; None if it is singular."""
    n = len(b)
    rows = [[*row, right] for row, right in zip(A, b, strict=True)]
    for c in range(n):
        r = next((r for r in range(c, n) if rows[r][c]), None)
        if r is None:
            return None
        rows[c], rows[r] = rows[r], rows[c]
        pivot = rows[c] = [x / rows[c][c] for x in rows[c]]
        for i in range(n):
            if i != c and rows[i][c]:
                f = rows[i][c]
                rows[i] = [x - f * y for x, y in zip(rows[i], pivot, strict=True)]
    return tuple(row[-1] for row in rows)


def _orthogonal(forms: Sequence[Vector], k: int) -> Vector | None:
    """The direction orthogonal to k - 1 vectors; None if they leave more than one."""
    for c in range(k):  # with coordinate c equal to 1
        v = _solve([*forms, _unit(k, c)], (*[Fraction(0)] * (k - 1), Fraction(1)))
        if v is not None:
            return v  # type: ignore[no-any-return]
    return None


def _positive(A: list[list[Fraction]]) -> bool:
    """Whether a symmetric matrix is positive definite."""
    rows = [list(row) for row in A]
    n = len(rows)
    for c in range(n):
        if rows[c][c] <= 0:
            return False
        for i in range(c + 1, n):
            f = rows[i][c] / rows[c][c]
            for j in range(c, n):
                rows[i][j] -= f * rows[c][j]
    return True


def nearest_root(square: Fraction) -> float:
    """The float nearest to the square root of a rational number."""
    if not square:
        return 0.0
    # 2^(2 e) square has more than 120 bits, its root more than 60
    e = max(0, (square.denominator.bit_length() - square.numerator.bit_length() + 130) // 2)
    whole = (square.numerator << (2 * e)) // square.denominator
    root = math.isqrt(whole)
    # a root between two integers is told from a tie by half a unit more
    exact = root * root == whole and whole * square.denominator == square.numerator << (2 * e)
    return float(Fraction(2 * root + (not exact), 2 << e))
