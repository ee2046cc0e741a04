"""The zigzags that units of one layer make, in rational arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, pairwise

import pytest

from plica import PiecewiseLinear
from plica.bounds.folds import relu_pieces
from plica.constructions import arrangements, folds
from plica.constructions.folds import Fold

Unit = Callable[[list[Fraction]], Fraction]


def scalar(function: PiecewiseLinear) -> Unit:
    def value(z: list[Fraction]) -> Fraction:
        piece = sum(z[0] > Fraction(t) for t in function.breakpoints.tolist())
        return Fraction(float(function.slopes[piece])) * z[0] + function.exact_intercepts[piece]

    return value


def check(fold: Fold, unit: Unit, bends: list[Fraction]) -> None:
    """Pieces on [0, 1] cover it, up and down in turn; ``bends`` are those of scalar units."""

    def f(t: Fraction) -> Fraction:
        rows = ([slope * t + b for slope, b in unit_rows] for unit_rows in fold.units)
        return fold.constant + sum(w * unit(z) for w, z in zip(fold.weights, rows, strict=True))

    where = {Fraction(0), Fraction(1)}
    for rows in fold.units:
        where |= {Fraction(r - b) / slope for slope, b in rows for r in bends if slope}
        for (s, b), (u, c) in combinations(rows, 2):
            where |= {Fraction(c - b) / (s - u)} if s != u else set()
    places = sorted(t for t in where if 0 <= t <= 1)
    slopes = [(f(t) - f(s)) / (t - s) for s, t in pairwise(places)]
    turns = [t for t, s, u in zip(places[1:], slopes, slopes[1:], strict=False) if s != u]
    assert len(turns) == fold.pieces - 1
    values = [f(t) for t in (Fraction(0), *turns, Fraction(1))]
    for s, t in pairwise(values):
        assert min(s, t) <= 0
        assert max(s, t) >= 1
    for s, t, u in zip(values, values[1:], values[2:], strict=False):
        assert (t - s) * (u - t) < 0


RELU = scalar(PiecewiseLinear.relu())


@pytest.mark.parametrize("g", range(1, 13))
def test_rectifiers(g: int) -> None:
    check(folds.montufar_fold(g), RELU, [Fraction(0)])
    check(folds.best_fold(g), RELU, [Fraction(0)])
    assert folds.best_fold(g).pieces == relu_pieces(g)


@pytest.mark.parametrize("p", range(1, 7))
@pytest.mark.parametrize("m", range(1, 8))
def test_several_breakpoints(p: int, m: int) -> None:
    sigma = folds.bent_function(p, m)
    assert sigma.breakpoints.tolist() == list(range(p))
    check(folds.bent_fold(p, m), scalar(sigma), [Fraction(t) for t in range(p)])


@pytest.mark.parametrize("k", range(2, 7))
@pytest.mark.parametrize("g", range(1, 8))
def test_maxout(g: int, k: int) -> None:
    check(folds.maxout_fold(g, k), max, [])


@pytest.mark.parametrize(("d", "n"), [(1, 6), (2, 6), (3, 5), (4, 6), (3, 3)])
@pytest.mark.parametrize("reach", [0, 1, 3])
@pytest.mark.parametrize("multiple", [1, 3])
def test_hyperplanes_in_general_position(d: int, n: int, reach: int, multiple: int) -> None:
    from plica.folding.equations import solve

    W, b = arrangements.planes(d, n, reach, multiple)
    assert (W > 0).all()
    for some in combinations(range(n), d):
        for shift in ([reach] * d, [(-1) ** i * reach for i in range(d)]):
            right = [r - b[i] for i, r in zip(some, shift, strict=True)]
            point, directions = solve(W[list(some)].tolist(), right, d)
            assert not directions
            assert all(0 < y < 1 for y in point)
            others = [i for i in range(n) if i not in some]
            assert all(abs(W[i] @ point + b[i]) > reach for i in others)


@pytest.mark.parametrize(("d", "n"), [(1, 2), (2, 3), (3, 4), (3, 7)])
def test_last_units_are_never_all_off(d: int, n: int) -> None:
    from plica.exact.linear_program import integer_rows, interior_point

    layer = arrangements.relu_layer(d, n)
    off = integer_rows(layer.A.tolist(), (-layer.a).tolist())
    assert interior_point(off, d) is None
    # the sum of the units grows in every coordinate
    assert (layer.C[0][:, None] * layer.A > 0).all()
