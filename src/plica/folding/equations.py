"""Linear equations over the rationals: all solutions, and flats that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

__all__ = ["determinant", "flat", "reduced", "solve"]

Row = list[Fraction]


def reduced(rows: Iterable[Iterable[Any]], columns: int) -> tuple[list[Row], list[int]]:
    """The reduced row echelon form, without its zero rows, and the columns of its pivots.

    Parameters
    ----------
    rows : iterable of rows of rational numbers
    columns : int
        Pivots are looked for in the first so many columns. Rows that are zero there are kept if
        something is left behind them, at the end.
    """
    left = [[Fraction(x) for x in row] for row in rows]
    done: list[Row] = []
    pivots: list[int] = []
    for c in range(columns):
        at = next((i for i, row in enumerate(left) if row[c]), None)
        if at is None:
            continue
        pivot = left.pop(at)
        pivot = [x / pivot[c] for x in pivot]
        left = [_minus(row, row[c], pivot) for row in left]
        done = [_minus(row, row[c], pivot) for row in done]
        done.append(pivot)
        pivots.append(c)
    return done + [row for row in left if any(row)], pivots


def _minus(row: Row, factor: Fraction, pivot: Row) -> Row:
    return [x - factor * y for x, y in zip(row, pivot, strict=True)] if factor else row


def solve(
    A: Sequence[Sequence[Any]], b: Sequence[Any], n: int
) -> tuple[tuple[Fraction, ...], list[tuple[Fraction, ...]]] | None:
    """All solutions of ``A x = b``: one of them, and a basis of the differences; None if none.

    Parameters
    ----------
    A : sequence of rows of n rational numbers
    b : sequence of rational numbers
    n : int

    Examples
    --------
    >>> solve([[1, 1]], [2], 2)
    ((Fraction(2, 1), Fraction(0, 1)), [(Fraction(-1, 1), Fraction(1, 1))])
    """
    rows, pivots = reduced([[*row, right] for row, right in zip(A, b, strict=True)], n)
    if len(rows) > len(pivots):
        return None
    point = [Fraction(0)] * n
    for row, c in zip(rows, pivots, strict=True):
        point[c] = row[-1]
    basis = []
    for free in (c for c in range(n) if c not in pivots):
        direction = [Fraction(int(c == free)) for c in range(n)]
        for row, c in zip(rows, pivots, strict=True):
            direction[c] = -row[free]
        basis.append(tuple(direction))
    return tuple(point), basis


def determinant(rows: Iterable[Iterable[Any]]) -> Fraction:
    """The determinant of a square matrix of rational numbers.

    Examples
    --------
    >>> determinant([[0, 2], [3, 4]])
    Fraction(-6, 1)
    """
    left = [[Fraction(x) for x in row] for row in rows]
    product = Fraction(1)
    for c in range(len(left)):
        at = next((i for i in range(c, len(left)) if left[i][c]), None)
        if at is None:
            return Fraction(0)
        if at != c:
            left[c], left[at] = left[at], left[c]
            product = -product
        product *= left[c][c]
        for i in range(c + 1, len(left)):
            left[i] = _minus(left[i], left[i][c] / left[c][c], left[c])
    return product


def flat(J: Sequence[Sequence[Any]], c: Sequence[Any]) -> tuple[tuple[Fraction, ...], ...]:
    """The flat ``{J x + c}``: equal for equal flats.

    A basis of its directions in reduced form, and the point of it that is zero at their pivots.
    """
    directions, pivots = reduced(zip(*J, strict=True), len(J))
    point = [Fraction(x) for x in c]
    for row, at in zip(directions, pivots, strict=True):
        point = _minus(point, point[at], row)
    return (*(tuple(row) for row in directions), tuple(point))
