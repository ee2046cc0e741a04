"""Exact linear programs: every answer carries a certificate, which is checked here by itself."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plica.exact import linear_program as lp

F = Fraction
FLOATS = [-1.0, 0.1, 2.0**-40, 1 + 2.0**-52, -3e20, 0.0, 1.0]
numbers = st.one_of(st.integers(-3, 3), st.sampled_from(FLOATS))

quick = settings(derandomize=True, deadline=None, max_examples=150, database=None)


@st.composite
def systems(draw: st.DrawFn) -> tuple[list, list, list]:
    """``(c, A, b)`` with few dimensions and many ties."""
    n = draw(st.integers(1, 4))
    row = st.lists(numbers, min_size=n, max_size=n)
    A = draw(st.lists(row, max_size=8))
    b = [draw(numbers) for _ in A]
    return draw(row), A, b


def dot(u: list, v: list) -> F:
    return sum((F(x) * F(y) for x, y in zip(u, v, strict=True)), F(0))


def combination(y: tuple, A: list, n: int) -> list[F]:
    return [sum((w * F(row[j]) for w, row in zip(y, A, strict=True)), F(0)) for j in range(n)]


def check(c: list, A: list, b: list) -> lp.Solution:
    """Solve, and prove the answer right from the certificate that comes with it."""
    found = lp.maximise(c, A, b)
    if found.multipliers is not None:
        assert len(found.multipliers) == len(A)
        assert all(y >= 0 for y in found.multipliers)
    if found.status == "infeasible":
        assert not any(combination(found.multipliers, A, len(c)))
        assert dot(found.multipliers, b) < 0
        return found
    assert all(dot(row, found.point) <= F(right) for row, right in zip(A, b, strict=True))
    if found.status == "unbounded":
        assert all(dot(row, found.ray) <= 0 for row in A)
        assert dot(c, found.ray) > 0
        return found
    assert found.status == "optimal"
    assert found.value == dot(c, found.point) == dot(found.multipliers, b)
    assert combination(found.multipliers, A, len(c)) == [F(x) for x in c]
    return found


@quick
@given(systems())
def test_certificates(system: tuple) -> None:
    check(*system)


@quick
@given(systems())
def test_interiors(system: tuple) -> None:
    """An interior point lies inside; none is missing where the largest ball has a radius."""
    _, A, b = system
    n = len(system[0])
    rows = lp.integer_rows(A, b)
    inside = lp.interior_point(rows, n)
    if inside is not None:
        for row, right in zip(A, b, strict=True):
            assert dot(row, inside) < F(right) or (not any(row) and right >= 0)
        return
    wide = [[*row, sum(abs(F(x)) for x in row)] for row in A]
    ball = check([0] * n + [1], [*wide, [0] * n + [1]], [*b, 1])
    assert ball.status == "infeasible" or ball.value <= 0


@quick
@given(systems())
def test_reach(system: tuple) -> None:
    """A form that the interior does not reach has a maximum that proves it."""
    c, A, b = system
    rows = lp.integer_rows(A, b)
    inside = lp.interior_point(rows, len(c))
    if inside is None:
        return
    form = lp.integer_row((*c, b[0] if b else -1))
    point = lp.reach(form, rows, inside)
    if point is None:
        best = check(list(form[:-1]), A, b)
        assert best.status == "optimal"
        assert best.value + form[-1] <= 0
    else:
        assert lp.contains(rows, point, strictly=True)
        assert dot(form[:-1], point) + form[-1] > 0


@quick
@given(systems())
def test_facets(system: tuple) -> None:
    """The facets alone are the polyhedron, and each of them has a point that is its own."""
    c, A, b = system
    n = len(c)
    rows = lp.integer_rows(A, b)
    inside = lp.interior_point(rows, n)
    if inside is None:
        return
    found = lp.facets(rows, inside)
    assert [f.row for f in found] == sorted({f.row for f in found})
    for facet in found:
        assert dot(A[facet.row], facet.point) == F(b[facet.row])
        on = [i for i, row in enumerate(rows) if dot(row[:-1], facet.point) == row[-1]]
        same = [i for i in on if any(A[i]) and parallel(A[i], A[facet.row])]
        assert facet.row == min(same)
        assert [i for i in on if i not in same and any(A[i])] == []
        assert lp.contains(rows, facet.point)
    few = [rows[f.row] for f in found]
    for row in rows:
        if any(row[:-1]):
            beyond = (*row[:-1], -row[-1])
            assert lp.reach(beyond, few, inside) is None


def parallel(u: list, v: list) -> bool:
    return all(
        F(a) * F(q) == F(b) * F(p) for (a, p), (b, q) in product(zip(u, v, strict=True), repeat=2)
    )


@quick
@given(systems())
def test_directions_without_end(system: tuple) -> None:
    _, A, b = system
    n = len(system[0])
    rows = lp.integer_rows(A, b)
    direction = lp.recession_direction(rows, n)
    if direction is not None:
        assert any(direction)
        assert all(dot(row, direction) <= 0 for row in A)
        return
    for j, sign in product(range(n), (1, -1)):
        assert check([sign * (i == j) for i in range(n)], A, b).status != "unbounded"


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6])
def test_a_cube_and_its_corner(n: int) -> None:
    A = [*np.eye(n).tolist(), *(-np.eye(n)).tolist()]
    found = check([1 + i for i in range(n)], A, [1] * n + [0] * n)
    assert found.point == (1,) * n
    assert found.value == n * (n + 1) // 2
    rows = lp.integer_rows(
        [*A, [1] * n, [1] * n, [1] * n], [1] * n + [0] * n + [n, F(1, 2), F(1, 2)]
    )
    inside = lp.interior_point(rows, n)
    cut = [f.row for f in lp.facets(rows, inside)]
    # the corner cut off at 1/2 leaves a simplex, of whose two equal rows the first one counts
    assert cut == [*range(n, 2 * n), 2 * n + 1]
    assert lp.recession_direction(rows, n) is None


def test_flat_and_empty_sets_have_no_interior() -> None:
    for A, b in (
        ([[1, 1], [-1, -1]], [0, 0]),
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 0, 0, 0]),
        ([[1, 0], [-1, 0]], [0, -1]),
        ([[0, 0]], [-1]),
        ([[1, 2.0**-40], [-1, 2.0**-40], [0, -1]], [0, 0, 0]),
    ):
        assert lp.interior_point(lp.integer_rows(A, b), 2) is None
    thin = lp.integer_rows([[1, 2.0**-40], [-1, 2.0**-40], [0, -1]], [0, 2.0**-60, 0])
    assert lp.contains(thin, lp.interior_point(thin, 2), strictly=True)
    assert lp.interior_point(lp.integer_rows([[0, 0]], [0]), 2) is not None
    assert lp.interior_point([], 3) is not None


def test_a_flat_set_has_a_maximum() -> None:
    found = check([1, 2, 0], [[1, 1, 0], [-1, -1, 0], [0, 1, 0]], [1, -1, 5])
    assert (found.status, found.value) == ("optimal", 6)
    assert check([0, 0, 1], [[1, 1, 0], [-1, -1, 0]], [1, -1]).status == "unbounded"


def test_cycling_ends() -> None:
    """Beale's program, on which the steepest column alone goes round in circles."""
    A = [[F(1, 4), -60, -F(1, 25), 9], [F(1, 2), -90, -F(1, 50), 3], [0, 0, 1, 0]]
    positive = (-np.eye(4, dtype=int)).tolist()
    found = check([F(3, 4), -150, F(1, 50), -6], [*A, *positive], [0, 0, 1, 0, 0, 0, 0])
    assert found.value == F(1, 20)


def test_klee_minty() -> None:
    n = 6
    A = [[2 ** (i - j + 1) if j < i else int(i == j) for j in range(n)] for i in range(n)]
    found = check(
        [2 ** (n - 1 - j) for j in range(n)],
        [*A, *(-np.eye(n)).tolist()],
        [5 ** (i + 1) for i in range(n)] + [0] * n,
    )
    assert found.value == 5**n


def test_numbers_are_taken_exactly() -> None:
    assert check([1], [[3]], [0.1]).value == F(0.1) / 3
    assert check([0.1], [[1]], [0.1]).value == F(0.1) ** 2
    assert lp.integer_row([0.5, F(1, 3), 2]) == (3, 2, 12)
    assert lp.integer_row([0, 0]) == (0, 0)
