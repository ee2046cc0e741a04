"""Families of parallel hyperplanes in general position, with integer coefficients.

The hyperplanes ``sum_j t^j x_j = t^d``, one for each of some numbers ``t > 0``, are in general
position: ``d`` of them meet in the point of the coefficients of the polynomial with these ``d``
roots, and no ``d + 1`` of them meet, as no polynomial has so many.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..bounds.counting import elementary
from ..units import PiecewiseLinear, Units
from .construction import Exact, Layer, matrix, too_long, zeros

__all__ = [
    "maxout_layer",
    "planes",
    "relu_layer",
    "scalar_layer",
]


def planes(d: int, n: int, reach: Fraction | int = 0, multiple: int = 1) -> tuple[Exact, Exact]:
    """Affine forms ``u_i(y) = W_i y + b_i`` in general position, with integers or halves.

    So are the hyperplanes ``u_i = r_i``, whatever the numbers ``|r_i| <= reach``, and all points
    where ``d`` of them meet lie inside the open cube (0, 1)^d. With fewer than ``d`` hyperplanes,
    what they have in common meets the open cube.

    Parameters
    ----------
    d, n : int
        Dimension of the space, number of forms.
    reach : Fraction or int
    multiple : int
        Odd numbers times a power of two times this are the entries of ``W``; all are positive.

    Returns
    -------
    W, b : ndarray of Fraction, shapes (n, d) and (n,)

    Raises
    ------
    UnsupportedError
        If no float64 can hold the weights exactly.
    """
    nodes = [2 * i + 1 for i in range(max(n, d))]
    if d and nodes[n - 1] ** (d - 1) >> 53:  # odd, and a factor of the largest weight
        raise too_long()
    # of d + 1 forms, the combination with Lagrange's weights, at most 1, is the constant -scale:
    # they cannot all be within the reach if the scale is larger than d + 1 times that
    scale = multiple * _power_of_two((d + 1) * Fraction(reach) + 1)
    # d of them meet at a polynomial's coefficients: those with d roots, up to sign, moved by
    # the Lagrange polynomials of r_i / scale
    first, last = elementary(d, nodes[:d]), elementary(d, nodes[len(nodes) - d :])
    others = elementary(d, nodes[len(nodes) - d + 1 :])
    stretch, shift = [], []
    for j in range(d):
        sign = -1 if (d - j) % 2 == 0 else 1
        moved = d * Fraction(reach) / scale * others[d - 1 - j]
        stretch.append(_power_of_two(last[d - j] - first[d - j] + 2 * moved + 1))
        # x_j = middle_j + stretch_j (y_j - 1/2)
        shift.append(Fraction(sign * (first[d - j] + last[d - j]) - stretch[j], 2))
    W = zeros(n, d)
    for j in range(d):
        W[:, j] = [Fraction(scale * t**j * stretch[j]) for t in nodes[:n]]
    heights = [sum((t**j * shift[j] for j in range(d)), Fraction(-(t**d))) for t in nodes[:n]]
    return W, scale * matrix(heights)


def _power_of_two(x: Fraction | int) -> int:
    """The smallest power of two that is not below a number of at least 1."""
    power = 1
    while power < x:
        power *= 2
    return power


def relu_layer(d: int, n: int) -> Layer:
    """Rectifiers whose hyperplanes are in general position, and their sum with signs.

    With more than ``d`` units they are never all off. The gradient of the output is positive in
    every coordinate wherever a unit is on, and changes across every hyperplane.
    """
    W, b = planes(d, n)
    signs = matrix([1] * n)
    if n > d:
        # the combination of d + 1 forms that is negative, with its signs turned round, is positive
        signs[: d + 1] = [Fraction((-1) ** (d - i + 1)) for i in range(d + 1)]
    return Layer(signs[:, None] * W, signs * b, Units.relu(n), signs[None], zeros(1))


def scalar_layer(d: int, n: int, function: PiecewiseLinear, multiple: int = 1) -> Layer:
    """Units with the same activation, all of whose hyperplanes are in general position.

    If all slopes of the activation are odd multiples of one number, the gradient of the output has
    no entry that is zero: one odd multiple and some even ones add up to an odd one.
    """
    reach = max((abs(Fraction(t)) for t in function.breakpoints.tolist()), default=Fraction(0))
    W, b = planes(d, n, reach, multiple)
    return Layer(W, b, Units.scalar(function, n), matrix([[1] + [2] * (n - 1)]), zeros(1))


def maxout_layer(d: int, ranks: Sequence[int]) -> Layer:
    """Maxout units that each bend on parallel hyperplanes, and their sum.

    Unit ``i`` is ``max_q (q u_i - (0 + 1 + ... + q - 1))`` over ``q = 1, ..., k_i``, which bends
    where ``u_i`` is ``1, ..., k_i - 1``. The gradient of the sum is positive in every coordinate.
    """
    W, b = planes(d, len(ranks), max(ranks))
    rows: list[Exact] = []
    heights, groups = [], []
    for i, k in enumerate(ranks):
        groups.append(range(len(rows), len(rows) + k))
        for q in range(1, k + 1):
            rows.append(q * W[i])
            heights.append(q * b[i] - q * (q - 1) // 2)
    A = zeros(len(rows), d)
    A[:] = rows
    units = Units.max([list(g) for g in groups], len(rows))
    return Layer(A, matrix(heights), units, matrix([[1] * len(ranks)]), zeros(1))
