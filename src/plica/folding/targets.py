"""What preimages are taken of: points, segments and polyhedra of a layer's space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..domains import Box, Polytope, Segment
from ..errors import DomainError

__all__ = ["Target", "target_of"]

Row = tuple[Fraction, ...]


@dataclass(frozen=True)
class Target:
    """``{y : E y = e, A y < b}``, with the right sides behind the rows.

    Attributes
    ----------
    equations, halfspaces : tuple of tuple of Fraction
        Rows ``(a_1, ..., a_n, b)``.
    """

    equations: tuple[Row, ...]
    halfspaces: tuple[Row, ...]


def target_of(given: Any, n: int) -> Target:
    """A point, `Segment`, `Box` or `Polytope` of a space of ``n`` dimensions.

    Raises
    ------
    DomainError
        If it is something else, or has another dimension.
    """
    if isinstance(given, Box):
        _check(given.n_inputs, n)
        equations, rows = [], []
        bounds = zip(given.lower.tolist(), given.upper.tolist(), strict=True)
        for j, (low, high) in enumerate(bounds):
            if low == high:
                equations.append(_row(_unit(j, n), low))
            else:
                rows += [_row(_unit(j, n), high), _row(_unit(j, n, -1), -low)]
        return Target(tuple(equations), tuple(rows))
    if isinstance(given, Polytope):
        _check(given.n_inputs, n)
        rows = [_row(a, right) for a, right in zip(given.A.tolist(), given.b.tolist(), strict=True)]
        return Target((), tuple(rows))
    if isinstance(given, Segment):
        _check(given.n_inputs, n)
        return _segment(given)
    point = _point(given)
    _check(len(point), n)
    return Target(tuple(_row(_unit(j, n), x) for j, x in enumerate(point)), ())


def _segment(segment: Segment) -> Target:
    start = [Fraction(x) for x in segment.start.tolist()]
    along = [Fraction(y) - x for x, y in zip(start, segment.end.tolist(), strict=True)]
    n = len(start)
    main = next(j for j, x in enumerate(along) if x)
    equations = []
    for j in range(n):
        if j != main:  # the point moves in both coordinates in proportion
            a = [Fraction(0)] * n
            a[j], a[main] = along[main], -along[j]
            equations.append(_row(a, along[main] * start[j] - along[j] * start[main]))
    sign = 1 if along[main] > 0 else -1
    low, high = sign * start[main], sign * (start[main] + along[main])
    rows = (_row(_unit(main, n, sign), high), _row(_unit(main, n, -sign), -low))
    return Target(tuple(equations), rows)


def _point(given: Any) -> list[Fraction]:
    try:
        values = given.tolist() if isinstance(given, np.ndarray) else list(given)
        return [Fraction(x) for x in values]
    except (TypeError, ValueError, OverflowError):
        raise DomainError(
            f"expected a point of finite numbers, a Segment, a Box or a Polytope, got {given!r:.80}"
        ) from None


def _check(found: int, n: int) -> None:
    if found != n:
        raise DomainError(
            f"the layer's space has {n} dimensions, what is looked for in it has {found}"
        )


def _unit(j: int, n: int, sign: int = 1) -> list[int]:
    return [sign * (i == j) for i in range(n)]


def _row(a: Sequence[Any], right: Any) -> Row:
    return (*(Fraction(x) for x in a), Fraction(right))
