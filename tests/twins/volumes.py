"""Exact volumes of bounded polyhedra, to see that cells fill their domain."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plica.exact.linear_program import Row


def volume(rows: Sequence[Row]) -> Fraction:
    """Volume of a bounded polyhedron ``{x : a . x <= b}``, by Lasserre's recursion (1983).

    A facet with normal ``a`` adds ``b / |a_k|`` times the volume of its shadow along coordinate k,
    divided by the dimension: the signed cone over it with its apex at the origin.
    """
    exact = [[Fraction(x) for x in row] for row in rows]
    return _volume(exact)


def _volume(rows: list[list[Fraction]]) -> Fraction:
    if any(row[-1] < 0 for row in rows if not any(row[:-1])):
        return Fraction(0)
    rows = _distinct(rows)
    n = len(rows[0]) - 1
    if n == 1:
        high = min(b / a for a, b in rows if a > 0)
        low = max(b / a for a, b in rows if a < 0)
        return max(high - low, Fraction(0))
    total = Fraction(0)
    for row in rows:
        k = next(i for i, a in enumerate(row) if a)
        shadow = [
            [
                x - other[k] / row[k] * y
                for j, (x, y) in enumerate(zip(other, row, strict=True))
                if j != k
            ]
            for other in rows
            if other is not row
        ]
        if row[-1]:
            total += row[-1] / abs(row[k]) * _volume(shadow)
    return total / n


def _distinct(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Of rows with the same normal the tightest; rows without a normal are gone."""
    best: dict[tuple[Fraction, ...], Fraction] = {}
    for row in rows:
        if any(row[:-1]):
            scale = sum(abs(a) for a in row[:-1])
            normal = tuple(a / scale for a in row[:-1])
            best[normal] = min(best.get(normal, row[-1] / scale), row[-1] / scale)
    return [[*normal, b] for normal, b in best.items()]
