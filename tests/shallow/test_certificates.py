"""Proofs that a penalty is enough: they hold, and they are found."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from plica.shallow.certificates import proved, solution
from plica.shallow.penalties import _ratio


@pytest.mark.parametrize("n", [1, 2, 4, 7])
def test_proofs_are_of_the_smallest_penalty(n: int) -> None:
    rng = np.random.default_rng(n)
    just_less = 1 - Fraction(1, 1 << 100)  # no float tells it from one
    asked = found = 0
    for _ in range(60):
        cube = [[*(s * (i == j) for j in range(n)), 3] for i in range(n) for s in (1, -1)]
        others = np.column_stack((rng.integers(-5, 6, (3, n)), rng.integers(1, 6, 3)))
        rows = [tuple(r) for r in [*cube, *others.tolist()]]
        forms = rng.integers(-9, 10, (3, n + 1)).tolist()
        gap = (rng.integers(0, 4, 3) @ np.array(forms)).tolist()
        gap[-1] -= int(rng.integers(-1, 5))
        K = _ratio(gap, rows, forms)
        if K is None:
            assert not proved(gap, rows, forms, Fraction(10**6))
            continue
        asked += 1
        found += proved(gap, rows, forms, K)
        if K:
            assert not proved(gap, rows, forms, K * just_less)
            assert not proved(gap, rows, forms, Fraction(0))
    assert asked > 20
    assert found > 0.9 * asked


def test_numbers_of_any_size() -> None:
    for bits in (20, 2000):
        far = 1 << bits
        square = [(1, 0, far), (-1, 0, 0), (0, 1, far), (0, -1, 0)]
        assert proved([-1, -1, 0], square, [], Fraction(0))
        assert not proved([far, 0, 0], square, [[1, 0, 0]], Fraction(1))
        # beyond what floats tell apart, nothing is found
        assert proved([1, 1, -far], square, [[1, 1, -far]], Fraction(1)) == (bits == 20)


def test_equations() -> None:
    rng = np.random.default_rng(0)
    for k in range(1, 6):
        columns = rng.integers(-9, 10, (k, 6)).tolist()
        x = [Fraction(int(a), 7) for a in rng.integers(-9, 10, k)]
        goal = [sum(a * c[i] for a, c in zip(x, columns, strict=True)) for i in range(6)]
        assert solution(columns, [int(7 * g) for g in goal]) == [7 * a for a in x]
        assert solution([*columns, columns[0]], [0] * 6) is None
    assert solution([], [0, 0]) == []
    assert solution([], [0, 1]) is None
