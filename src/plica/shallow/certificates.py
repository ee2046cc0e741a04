"""Proofs that an affine function is nowhere above a sum of penalties, found in floating point.

By Farkas' lemma ``gap <= K sum_j relu(form_j)`` holds on ``{x : a_i . x <= b_i}`` if, and only if,
``gap - K sum_j lambda_j form_j = sum_i y_i (a_i . x - b_i) - s`` with ``lambda_j`` in [0, 1] and
``y_i, s >= 0``. A linear program in floating point says which of these numbers are neither 0 nor 1;
they are then the solution of a system of equations in integers, and their signs are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..exact.linear_program import Row
from .numbers import nearest
from .pieces import beyond

__all__ = ["proved", "solution"]

#: Numbers nearer to 0, or to 1, are taken for it at first.
NEAR = 1e-10
#: Powers of two by which the numbers of a program may differ.
RANGE = 40


def proved(
    gap: Sequence[int], rows: Sequence[Row], forms: Sequence[Sequence[int]], K: Fraction
) -> bool:
    """Whether ``gap <= K sum_j relu(form_j)`` on a polyhedron has been proved.

    Parameters
    ----------
    gap : sequence of n + 1 integers
        An affine function, its constant last.
    rows : sequence of Row
        The half-spaces.
    forms : sequence of sequence of n + 1 integers
    K : Fraction
        Not negative.

    Returns
    -------
    bool
        False says nothing.

    Examples
    --------
    >>> square = [(1, 0, 1), (-1, 0, 0), (0, 1, 1), (0, -1, 0)]
    >>> proved([2, 0, -1], square, [[2, 0, -1]], Fraction(1))
    True
    >>> proved([2, 0, -1], square, [[2, 0, -1]], Fraction(1, 2))
    False
    """
    from scipy.optimize import linprog

    goal = [K.denominator * x for x in gap]
    some = forms if K else ()
    columns = [[K.numerator * x for x in form] for form in some]
    columns += [list(beyond(row)) for row in rows]
    columns.append([*[0] * (len(gap) - 1), -1])  # s
    size = [-max(map(abs, column)).bit_length() for column in (*columns, goal)]
    scaled = [
        [nearest(x, e) for x in column] for column, e in zip((*columns, goal), size, strict=True)
    ]
    most = [size[-1] - e for e in size[: len(some)]]  # of a lambda, as a power of two
    if any(abs(e) > RANGE for e in most):
        return False
    ends = np.full(len(columns), np.inf)
    ends[: len(some)] = np.ldexp(1.0, np.array(most, dtype=int))
    found = linprog(
        [0.0] * (len(columns) - 1) + [-1.0],
        A_eq=np.array(scaled[:-1]).T,
        b_eq=scaled[-1],
        bounds=np.column_stack((np.zeros(ends.size), ends)),
        method="highs",
    )
    if found.x is None:
        return False
    full = [j for j in range(len(some)) if found.x[j] >= ends[j] * (1 - NEAR)]
    between = [c for c in range(len(columns)) if c not in full and found.x[c] > NEAR]
    rest = [x - sum(columns[j][k] for j in full) for k, x in enumerate(goal)]
    exact = solution([columns[c] for c in between], rest)
    return exact is not None and all(
        x >= 0 and (c >= len(some) or x <= 1) for c, x in zip(between, exact, strict=True)
    )


def solution(columns: Sequence[Sequence[int]], goal: Sequence[int]) -> list[Fraction] | None:
    """Numbers ``x`` with ``sum_c x_c columns[c] = goal``, exactly; None if none, or several.

    Examples
    --------
    >>> solution([[1, 0, 2], [0, 3, 1]], [2, 1, 13])
    >>> solution([[1, 0, 2], [0, 3, 1]], [6, 3, 13])
    [Fraction(6, 1), Fraction(1, 1)]
    """
    table = [list(row) for row in zip(*columns, goal, strict=True)]
    last = 1
    for c in range(len(columns)):
        at = next((r for r in range(c, len(table)) if table[r][c]), None)
        if at is None:
            return None
        table[c], table[at] = table[at], table[c]
        pivot = table[c]
        p = pivot[c]
        for r, row in enumerate(table):
            if r != c:
                f = row[c]  # every division is exact (Bareiss 1968)
                table[r] = [(p * x - f * y) // last for x, y in zip(row, pivot, strict=True)]
        last = p
    if any(row[-1] for row in table[len(columns) :]):
        return None
    return [Fraction(table[c][-1], last) for c in range(len(columns))]
