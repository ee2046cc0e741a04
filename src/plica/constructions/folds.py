"""Functions of one coordinate that a few units make: zigzags whose pieces all cover [0, 1].

A layer with such a function for each coordinate folds the space: its boxes are all mapped over the
unit cube. What later layers do there they do in every box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from ..bounds.folds import maxout_pieces
from ..units import PiecewiseLinear, Units
from .construction import Layer, matrix, zeros

__all__ = [
    "Fold",
    "balanced",
    "bent_fold",
    "bent_function",
    "best_division",
    "best_fold",
    "divisions",
    "fold_layer",
    "maxout_fold",
    "montufar_fold",
    "zigzag_fold",
]

Row = tuple[Fraction | int, Fraction | int]


@dataclass(frozen=True)
class Fold:
    """``f(t) = constant + sum_i weights[i] * unit_i(t)``.

    Its breakpoints lie in [0, 1], and each of its pieces covers [0, 1] at least, going up and down
    in turn.

    Attributes
    ----------
    units : tuple of tuple of (slope, intercept)
        The affine functions of ``t`` that each unit reads: one, or those that it takes the
        maximum of.
    weights : tuple of Fraction
    constant : Fraction
    pieces : int
    """

    units: tuple[tuple[Row, ...], ...]
    weights: tuple[Fraction | int, ...]
    constant: Fraction | int
    pieces: int


def montufar_fold(g: int) -> Fold:
    """``g`` rectifiers, ``g`` pieces of equal length on [0, 1], each mapped onto [0, 1]."""
    # slopes g, -g, g, ...
    rows: list[Row] = [(g, 0), *((2 * g, -2 * i) for i in range(1, g))]
    return _of_rows(rows, [(-1) ** i for i in range(g)], 0, g)


def zigzag_fold(g: int) -> Fold:
    """``g >= 3`` rectifiers, ``g + 1`` pieces.

    The breakpoints are ``1, 3, 5, ..., 2 g - 1`` over ``q = 2 g + 1``. The third unit faces left:
    it alone makes the first piece rise with slope ``q``; all the other pieces have half of it.
    """
    q = 2 * g + 1
    rows: list[Row] = [(q, -(2 * i - 1)) for i in range(1, g + 1)]
    rows[2] = (-q, 5)
    weights: list[Fraction | int] = [Fraction(-3, 2), 1, -1]
    weights += [(-1) ** i for i in range(4, g + 1)]
    return _of_rows(rows, weights, 5, g + 1)


def best_fold(g: int) -> Fold:
    """``g`` rectifiers with as many pieces as is known: ``g + 1``, or ``g`` for one and two.

    One unit is the identity on the nonnegative numbers. Two make ``|2 t - 1|``. They cannot make a
    zigzag of three pieces: if they face each other, the middle slope is the sum of the outer ones,
    and otherwise one of the slopes is zero.
    """
    if g == 1:
        return _of_rows([(1, 0)], [1], 0, 1)
    if g == 2:
        return _of_rows([(2, -1), (-2, 1)], [1, 1], 0, 2)
    return zigzag_fold(g)


def bent_function(p: int, m: int) -> PiecewiseLinear:
    """The activation with breakpoints ``0, 1, ..., p - 1`` that `bent_fold` needs for ``m`` units.

    Its slopes are ``u, u + v, u, u + v, ...``, all of them odd multiples of one number.
    """
    if p % 2 == 0:
        u, v = -1.0, 2.0 * m
    else:
        u, v = (-1.0 if m % 2 else -1.5), 2.0
    return PiecewiseLinear(range(p), [u + v * (i % 2) for i in range(p + 1)])


def bent_fold(p: int, m: int) -> Fold:
    """``m`` units with the activation `bent_function`, ``p m + 1`` pieces."""
    sigma = bent_function(p, m)
    # in z = scale * t the breakpoints are 1, 2, ..., p m, and f goes down and up by `height`
    height = m if p % 2 == 0 else 1
    scale = (p + 1) * m if p % 2 == 0 else p * m + 1
    rows: list[Row] = [(scale, -1 - p * i) for i in range(m)]
    signs = [1] * m if p % 2 == 0 else [(-1) ** i for i in range(m)]
    if p % 2 and m % 2 == 0:  # the last copy is mirrored
        rows[-1] = (-scale, p * m)
    values = [s * _value(sigma, Fraction(at)) for s, (_, at) in zip(signs, rows, strict=True)]
    weights = [Fraction(s, height) for s in signs]
    return _of_rows(rows, weights, 1 - sum(values, Fraction(0)) / height, p * m + 1)


def _value(f: PiecewiseLinear, z: Fraction) -> Fraction:
    piece = sum(z > Fraction(t) for t in f.breakpoints.tolist())
    return Fraction(float(f.slopes[piece])) * z + f.exact_intercepts[piece]


def maxout_fold(g: int, k: int) -> Fold:
    """``g`` maxout units of rank ``k``: ``g (k - 1) + 1`` pieces, or ``(g - 1) (k - 1) + 2``.

    Half of the units bend up, at every other breakpoint, and half, subtracted, bend down. If ``g``
    is odd, one unit is left that bends up once, at the end.
    """
    half = g // 2
    scale = maxout_pieces(g, k)
    kinks = scale - 1
    units, weights = [], []
    for i in range(2 * half):
        # in z = scale * t: up at 1, 3, 5, ..., down at 2, 4, 6, ...
        down, own = divmod(i, half)
        at = [2 * (own * (k - 1) + r) + 1 + down for r in range(k - 1)]
        units.append(_bending(at, k, scale))
        weights.append(-1 if down else 1)
    if g % 2:
        units.append(_bending([kinks], k, scale))
        weights.append(1)
    # the first unit begins with slope -1 instead of 0: f goes from 0 down to -1 and up again
    units[0] = tuple((slope - scale, intercept) for slope, intercept in units[0])
    return Fold(tuple(units), tuple(weights), 1, scale)


def _bending(at: Sequence[int], k: int, scale: int) -> tuple[Row, ...]:
    """``k`` rows whose maximum is 0 at first and gains slope 2 at some places; others repeat."""
    rows: list[Row] = [(2 * q * scale, -2 * sum(at[:q])) for q in range(len(at) + 1)]
    return tuple(rows + rows[:1] * (k - len(rows)))


def balanced(width: int, most: int) -> list[tuple[int, ...]]:
    """The divisions of some units into 1, 2, ... parts that differ by one at most.

    They have the largest products of pieces of `best_fold`: the ratio of the pieces of ``g + 1``
    and of ``g`` units never grows, so that a unit moved from a larger part to a smaller one never
    loses.
    """
    return [tuple((width + i) // d for i in range(d)) for d in range(1, most + 1)]


def divisions(width: int, most: int, pieces: Callable[[int], int]) -> list[tuple[int, ...]]:
    """The divisions of some units into 1, 2, ... parts with the largest products of pieces."""
    numbers = [pieces(g) for g in range(1, width + 1)]
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (1, ())}
    found = []
    for _ in range(most):
        grown: dict[int, tuple[int, tuple[int, ...]]] = {}
        for used, (value, parts) in best.items():
            for g, number in enumerate(numbers[: width - used], start=1):
                if value * number > grown.get(used + g, (0,))[0]:
                    grown[used + g] = (value * number, (*parts, g))
        best = grown
        found.append(best[width][1])
    return found


def best_division(
    sizes: Sequence[int],
    divide: Callable[[int, int], list[tuple[int, ...]]],
    pieces: Callable[[int], int],
    cells: Callable[[int], int],
    drop: bool,
) -> tuple[int, list[tuple[int, ...]]]:
    """How many coordinates the last layer cuts, and how to divide the units of those before it.

    Parameters
    ----------
    sizes : sequence of int
        ``[n0, n1, ..., nL]``.
    divide : callable
        The best divisions of a number of units into 1, 2, ... parts, up to a number of parts.
    pieces : callable
        Number of pieces that ``g`` units fold a coordinate into.
    cells : callable
        Number of cells that the last layer cuts the cube of ``d`` dimensions into.
    drop : bool
        Whether a layer may fold fewer coordinates than the one before it.
    """
    n, *inner, _ = sizes
    # by the number of coordinates that are left: the number of boxes, and the divisions
    best: dict[int, tuple[int, list[tuple[int, ...]]]] = {n: (1, [])}
    for width in inner:
        grown: dict[int, tuple[int, list[tuple[int, ...]]]] = {}
        for d, split in enumerate(divide(width, min(max(best), width)), start=1):
            # the first layer always has the choice
            before = [b for e, b in best.items() if e == d or (e > d and (drop or not b[1]))]
            if before:
                boxes, splits = max(before, key=lambda b: b[0])
                grown[d] = (boxes * prod(map(pieces, split)), [*splits, split])
        best = grown
    d = max(best, key=lambda d: best[d][0] * cells(d))
    return d, best[d][1]


def _of_rows(
    rows: Sequence[Row], weights: Sequence[Fraction | int], constant: Fraction | int, pieces: int
) -> Fold:
    return Fold(tuple((row,) for row in rows), tuple(weights), constant, pieces)


def fold_layer(
    folds: Sequence[Fold],
    activation: str | PiecewiseLinear | None = "relu",
    width: int = 0,
    read: int = 0,
) -> Layer:
    """The layer that folds each coordinate on its own.

    Parameters
    ----------
    folds : sequence of Fold
        One a coordinate.
    activation : str, PiecewiseLinear or None
        None for maxout units.
    width : int
        Units that are left are idle: they read zeros.
    read : int
        Coordinates that the layer reads, if it drops the last ones.
    """
    d = len(folds)
    rows: list[tuple[int, Row]] = []
    groups: list[list[int]] = []
    owner: list[tuple[int, Fraction | int]] = []
    for j, fold in enumerate(folds):
        for unit, weight in zip(fold.units, fold.weights, strict=True):
            groups.append(list(range(len(rows), len(rows) + len(unit))))
            rows += [(j, row) for row in unit]
            owner.append((j, weight))
    rank = len(groups[0])
    for _ in range(width - len(groups)):
        groups.append(list(range(len(rows), len(rows) + rank)))
        rows += [(0, (0, 0))] * rank
    A, C = zeros(len(rows), max(d, read)), zeros(d, len(groups))
    for i, (j, (slope, _)) in enumerate(rows):
        A[i, j] = Fraction(slope)
    for i, (j, weight) in enumerate(owner):
        C[j, i] = Fraction(weight)
    if activation is None:
        units = Units.max(groups, len(rows))
    else:
        units = Units.scalar(activation, len(rows))
    intercepts = matrix([intercept for _, (_, intercept) in rows])
    return Layer(A, intercepts, units, C, matrix([fold.constant for fold in folds]))
