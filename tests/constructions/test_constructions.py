"""Every construction has the number of regions that its theorem promises, as the engines count."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from math import comb, prod

import numpy as np
import pytest

import plica
from plica import PiecewiseLinear
from plica.bounds.folds import maxout_pieces, relu_pieces
from plica.constructions import (
    Construction,
    best_split,
    folding,
    folds,
    kaleidoscope,
    maxout_one_layer,
    maxout_zigzag,
    one_layer,
    several_breakpoints,
    zigzag,
    zonotope,
)


def cells(d: int, m: int, p: int = 1) -> int:
    """Of ``m`` families of ``p`` parallel hyperplanes in R^d."""
    return sum(comb(m, j) * p**j for j in range(d + 1))


def cones(d: int, m: int) -> int:
    return 2 * sum(comb(m - 1, j) for j in range(d))


def check(built: Construction, expected: int, linear: bool | None = True) -> None:
    """Count in both definitions; ``linear`` says whether as many linear regions are promised."""
    assert built.regions == expected
    assert built.linear_regions == (expected if linear else None)
    found = plica.count_regions(built.network, built.domain)
    merged = plica.count_regions(built.network, built.domain, kind="linear")
    assert found.exact
    assert found == expected
    if linear:
        assert merged == expected
    elif linear is False:  # the trap: units that are all off on both sides of a fold
        assert merged < expected


@pytest.mark.parametrize(
    "widths",
    [[1, 2, 2], [1, 3, 4], [1, 4, 3, 5], [2, 4, 4, 3], [2, 5, 3], [2, 2, 6], [3, 6, 4], [3, 5]],
)
def test_folding(widths: list[int]) -> None:
    n, *inner, last = widths
    check(folding(widths), prod(w // n for w in inner) ** n * cells(n, last))


@pytest.mark.parametrize("widths", [[1, 3, 3, 2], [1, 4, 5, 6], [2, 7, 3], [2, 6, 6, 3], [3, 9, 4]])
def test_zigzag(widths: list[int]) -> None:
    n, *inner, last = widths
    built = zigzag(widths)
    expected = prod(w // n + 1 for w in inner) ** n * cells(n, last)
    check(built, expected)
    assert plica.count_regions(built.network, plica.Space(n)) == expected


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ([2, 7, 3], 4 * 5 * 7),
        ([2, 8, 7, 3], 5 * 5 * 4 * 5 * 7),
        ([2, 3, 3], 4 * 4),  # one coordinate, four times: more than both, one and two times
        ([2, 1, 1, 3], 4),
        ([3, 5, 4], 4 * 2 * 11),
        ([1, 2, 2, 2], 2 * 2 * 3),
        ([2, 4], 11),
        ([2, 2, 5], 16),
        ([5, 1, 3], 4),
        ([3, 10, 4], 4 * 4 * 5 * 15),
    ],
)
def test_best_split(widths: list[int], expected: int) -> None:
    for counts in ("activation", "linear"):
        check(best_split(widths, counts), expected)


def test_best_split_may_drop_coordinates() -> None:
    check(best_split([2, 6, 3, 2]), 4 * 4 * 4 * 3, linear=False)
    check(best_split([2, 6, 3, 2], "linear"), 7 * 4 * 3)
    check(best_split([3, 6, 4, 1]), 4 * 4 * 5 * 2, linear=False)
    with pytest.raises(plica.NetworkError, match="counts"):
        best_split([2, 6, 3], "regions")


def test_what_the_bounds_promise_is_attained() -> None:
    b = plica.bounds
    for widths in ([1, 3, 4], [2, 4, 4, 3], [2, 5, 3], [3, 7, 11, 4]):
        assert folding(widths).regions == b.montufar_2014(widths)
    for widths in ([1, 3, 3, 2], [2, 7, 3], [2, 6, 6, 3], [3, 9, 4]):
        assert zigzag(widths).regions == b.serra_2018_fold(widths)
        assert b.uneven_fold(widths) <= best_split(widths).regions
    for widths in ([2, 7, 3], [2, 6, 3, 2], [3, 5, 4], [4, 9, 9, 8], [2, 1, 1, 3], [6, 4, 9, 12]):
        for counts in ("activation", "linear"):
            built = best_split(widths, counts)
            promised = b.best_fold(widths, counts=counts)
            # which may also cut before the last layer, and pass the cells on
            assert built.regions <= promised <= b.serra_2018(widths)
    assert best_split([2, 6, 3, 2]).regions == b.best_fold([2, 6, 3, 2]) == 192
    for widths in ([2, 6, 3, 2], [3, 8, 3], [2, 4, 2, 2], [2, 4, 2, 3, 2, 4]):
        assert zonotope(widths).regions == b.zonotope_fold(widths)
    for widths, p in (([1, 3, 3, 2], 2), ([2, 4, 1], 3), ([2, 6, 7, 2], 1)):
        built = several_breakpoints(widths, p)
        assert built.regions == b.piecewise_fold(widths, p) <= b.piecewise_upper(widths, p)
    for n, ranks in ((2, [3, 4, 2]), (3, [3, 3, 3, 3]), (5, [2, 3, 2]), (1, [3, 3])):
        for biases in (True, False):
            built = maxout_one_layer(n, ranks, biases=biases)
            assert built.regions == b.maxout_layer(n, ranks, biases)
    for widths, k in (([2, 4, 3], 3), ([2, 3, 2], 4), ([3, 3, 4], 3), ([1, 5, 2, 2], 5)):
        promised = b.maxout_fold(widths, k, counts="linear")
        assert maxout_zigzag(widths, k).regions <= promised <= b.maxout_upper(widths, k)
        if widths[0] <= 2:
            assert maxout_zigzag(widths, k).regions == promised
        if widths[1] >= widths[0]:
            assert kaleidoscope(widths, k).regions == b.kaleidoscope(widths, k)
    for n, m in ((2, 5), (4, 3), (3, 9)):
        for biases in (True, False):
            assert one_layer(n, m, biases=biases).regions == b.one_layer(n, m, biases)


@pytest.mark.parametrize("widths", [[2, 6, 7, 4], [3, 9, 11, 4], [2, 4, 9], [1, 5, 3, 2]])
def test_best_split_is_the_largest(widths: list[int]) -> None:
    n, *inner, last = widths
    value = best_split(widths).regions
    assert value >= folding(widths).regions
    # the form with remainders, where every layer has three units a coordinate
    if min(inner) >= 3 * n:
        assert value >= zigzag(widths).regions
        even = [(w // n + 1) ** (n - w % n) * (w // n + 2) ** (w % n) for w in inner]
        assert value >= prod(even) * cells(n, last)


@pytest.mark.parametrize("width", range(1, 15))
def test_divisions_are_the_best(width: int) -> None:
    for parts, even in enumerate(folds.balanced(width, width), start=1):
        every = [
            tuple(np.diff([0, *cuts, width]).tolist())
            for cuts in combinations(range(1, width), parts - 1)
        ]
        assert max(prod(map(relu_pieces, s)) for s in every) == prod(map(relu_pieces, even))
        for k in (2, 3, 5):
            pieces = partial(maxout_pieces, rank=k)
            best = folds.divisions(width, parts, pieces)[-1]
            assert sum(best) == width
            assert max(prod(map(pieces, s)) for s in every) == prod(map(pieces, best))


def test_pieces_are_those_of_the_folds() -> None:
    for g in range(1, 8):
        assert folds.best_fold(g).pieces == relu_pieces(g)


@pytest.mark.parametrize(
    "built", [folding([1, 3, 1]), folding([2, 6, 2]), zigzag([2, 6, 2]), zonotope([2, 4, 3, 1])]
)
def test_without_enough_last_units_regions_merge(built: Construction) -> None:
    check(built, built.regions, linear=False)


@pytest.mark.parametrize(
    ("n", "m", "activation", "p"),
    [
        (1, 4, "relu", 1),
        (2, 6, "relu", 1),
        (4, 6, "relu", 1),
        (5, 3, "abs", 1),
        (2, 4, "hardtanh", 2),
        (3, 4, "hardsigmoid", 2),
        (3, 3, PiecewiseLinear([-7.0, 0.25, 5.0], [1.0, 2.0, 0.0, -1.0]), 3),
        (2, 3, "identity", 0),
    ],
)
def test_one_layer(n: int, m: int, activation: str, p: int) -> None:
    built = one_layer(n, m, activation)
    check(built, cells(n, m, p))
    # all corners lie in the cube
    assert plica.count_regions(built.network, plica.Box.cube(n, 0, 1)) == built.regions


@pytest.mark.parametrize(("n", "m"), [(1, 3), (2, 5), (3, 6), (4, 3)])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_one_layer_without_biases(n: int, m: int, activation: str) -> None:
    check(one_layer(n, m, activation, biases=False), cones(n, m))


@pytest.mark.parametrize(
    "widths",
    [[2, 6, 3, 2], [3, 8, 3], [2, 4, 2, 2], [2, 4, 2, 3, 2, 4], [3, 6], [1, 2, 4, 4], [4, 8, 3]],
)
def test_zonotope(widths: list[int]) -> None:
    n, first, *rest = widths
    pieces = [2 if w == 2 else w + 1 for w in rest[:-1]] + [w + 1 for w in rest[-1:]]
    built = zonotope(widths)
    check(built, cones(n, first // 2) * prod(pieces))
    assert built.regions >= cones(n, first // 2) * prod(rest)


@pytest.mark.parametrize("p", [1, 2, 3, 4])
@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [1, 2])
def test_several_breakpoints_of_one_input(p: int, m: int, depth: int) -> None:
    built = several_breakpoints([1, *[m] * depth, 2], p)
    check(built, (p * m + 1) ** depth * (2 * p + 1))


@pytest.mark.parametrize(
    ("widths", "p"),
    [
        ([2, 2, 3], 2),
        ([2, 5, 3], 1),
        ([2, 4, 1], 3),
        ([3, 3, 2], 2),
        ([2, 6, 7, 2], 1),
        ([2, 4], 3),
    ],
)
def test_several_breakpoints(widths: list[int], p: int) -> None:
    n, *inner, last = widths
    expected = prod(p * (w // n) + 1 for w in inner) ** n * cells(n, last, p)
    check(several_breakpoints(widths, p), expected)


def elementary(numbers: list[int], j: int) -> int:
    return sum(prod(some) for some in combinations(numbers, j))


@pytest.mark.parametrize(
    ("n", "ranks"), [(1, [5, 4]), (2, [3, 4, 2]), (3, [3, 3, 3, 3]), (4, [3, 1, 2]), (3, [2, 5])]
)
def test_one_maxout_layer(n: int, ranks: list[int]) -> None:
    built = maxout_one_layer(n, ranks)
    check(built, sum(elementary([k - 1 for k in ranks], j) for j in range(n + 1)))
    assert plica.count_regions(built.network, plica.Box.cube(n, 0, 1)) == built.regions


def vertices_of_a_sum(d: int, ranks: list[int]) -> int:
    """Largest number of vertices of a sum of polytopes of R^d with so many vertices (Weibel)."""
    m = len(ranks)
    if m < d:
        return prod(ranks)
    a = 2 if d % 2 else 0
    return a + sum(
        (-1) ** (d - 1 - j)
        * comb(m - 1 - j, d - 1 - j)
        * sum(prod(some) - a for some in combinations(ranks, j))
        for j in range(1, d)
    )


@pytest.mark.parametrize(
    ("n", "ranks"),
    [
        (1, [3, 3]),
        (2, [3, 4, 2]),
        (3, [3, 4]),
        (3, [3, 4, 2, 5]),
        (4, [3, 4, 2]),
        (4, [3, 3, 3, 3]),
        (4, [3, 2, 4, 2, 3]),
        (5, [2, 3, 2, 2, 3]),
    ],
)
def test_one_maxout_layer_without_biases(n: int, ranks: list[int]) -> None:
    check(maxout_one_layer(n, ranks, biases=False), vertices_of_a_sum(n, ranks))


def test_maxout_units_of_rank_one_have_no_pieces() -> None:
    check(maxout_one_layer(3, [1, 4, 1], biases=False), 4)
    check(maxout_one_layer(2, [1, 1], biases=False), 1)


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("g", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [1, 2])
def test_maxout_zigzag_of_one_input(k: int, g: int, depth: int) -> None:
    pieces = g * (k - 1) + 1 if g % 2 == 0 else (g - 1) * (k - 1) + 2
    check(maxout_zigzag([1, *[g] * depth, 2], k), pieces**depth * (2 * k - 1))


@pytest.mark.parametrize(
    ("widths", "k", "expected"),
    [
        ([2, 4, 3], 3, 5**2 * cells(2, 3, 2)),
        ([2, 3, 2], 4, 14 * 16),  # one and two units: 2 and 7 pieces
        ([3, 3, 2], 3, 10 * 9),  # two coordinates, 2 and 5 pieces
        ([2, 1, 2], 3, 2 * 5),
    ],
)
def test_maxout_zigzag(widths: list[int], k: int, expected: int) -> None:
    check(maxout_zigzag(widths, k), expected)


@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize("widths", [[2, 2, 2], [2, 3, 3], [1, 1, 2], [3, 3, 3]])
def test_kaleidoscope(widths: list[int], k: int) -> None:
    n, *inner, last = widths
    factor = (2 * k) ** (n // 2) * 2 ** (n % 2)
    check(kaleidoscope(widths, k), factor ** len(inner) * cells(n, last, k - 1))


@pytest.mark.parametrize(
    ("widths", "k"), [([2, 2, 2, 2, 2], 3), ([4, 5, 4], 2), ([2, 2, 2, 3], 4), ([2, 3], 3)]
)
def test_deep_kaleidoscope(widths: list[int], k: int) -> None:
    n, *inner, last = widths
    factor = (2 * k) ** (n // 2) * 2 ** (n % 2)
    built = kaleidoscope(widths, k)
    check(built, factor ** len(inner) * cells(n, last, k - 1))
    if last >= n:
        assert built.regions >= k ** len(inner) * k**n  # Montufar and others 2014


def test_a_kaleidoscope_with_few_last_units_promises_no_linear_regions() -> None:
    check(kaleidoscope([2, 2, 1], 3), 6 * 3, linear=None)


def test_kaleidoscopes_of_high_rank_have_room_for_the_next_layer() -> None:
    for k in (9, 16, 31):
        built = kaleidoscope([2, 2, 1], k)
        assert plica.count_regions(built.network, built.domain) == 2 * k * k


@pytest.mark.parametrize(
    "built",
    [
        folding([2, 7, 4, 3]),
        several_breakpoints([2, 6, 3], 3),
        several_breakpoints([2, 6, 3], 4),
        maxout_zigzag([2, 5, 3], 3),
    ],
)
def test_weights_are_halves_of_integers(built: Construction) -> None:
    for stage in built.network.stages:
        for numbers in (stage.A, stage.a):
            # the readout alone divides by the number of units, where it does
            assert np.array_equal(2 * numbers, np.round(2 * numbers))


def test_numbers_beyond_53_bits_are_refused() -> None:
    with pytest.raises(plica.UnsupportedError, match="53 bits"):
        one_layer(12, 40)
    with pytest.raises(plica.UnsupportedError, match="53 bits"):
        one_layer(300, 300)


@pytest.mark.parametrize(
    "make",
    [
        lambda: folding([2]),
        lambda: folding([2, 0, 3]),
        lambda: folding([2, 4.5, 3]),  # type: ignore[list-item]
        lambda: folding([3, 2, 3]),
        lambda: zigzag([2, 5, 3]),
        lambda: zonotope([2, 5]),
        lambda: zonotope([2, 4, 1, 3]),
        lambda: several_breakpoints([2, 4, 6, 3], 2),
        lambda: several_breakpoints([2, 1, 3], 2),
        lambda: several_breakpoints([2, 4, 3], 0),
        lambda: one_layer(2, 3, "hardtanh", biases=False),
        lambda: maxout_one_layer(2, []),
        lambda: maxout_zigzag([2, 4, 3], 1),
        lambda: kaleidoscope([2, 1, 3], 3),
        lambda: kaleidoscope([2, 2, 3], 1),
    ],
)
def test_what_does_not_fit_is_refused(make: object) -> None:
    with pytest.raises(plica.NetworkError):
        make()  # type: ignore[operator]


def test_the_printed_form() -> None:
    assert repr(folding([1, 2, 2])) == "<plica Construction 1-2-2-1, 6 activation regions>"
