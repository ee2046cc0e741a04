"""The cells engine: against the line and plane engines, closed forms, budgets, the filter."""

from __future__ import annotations

from math import comb, inf

import numpy as np
import pytest

import plica
from plica.engines.cells import Cells, bounds_and_rows
from plica.engines.walk import Budget
from plica.exact import RationalChain
from tests.twins.networks import LINE, PLANE, Case, he, integer, max_pool

CASES = [*PLANE, *LINE]


def walked(cells: Cells) -> Cells:
    for _ in cells.chunks():
        pass
    return cells


def total(net: plica.Network, domain: plica.Domain, filter_scale: float = 1.0) -> int:
    return int(walked(Cells(net, domain, filter_scale=filter_scale)).counters["regions"])


def patterns(net: plica.Network, domain: plica.Domain, engine: str) -> list[tuple[int, ...]]:
    found = plica.map_regions(net, domain, engine=engine)
    return sorted(map(tuple, found.patterns.tolist()))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_regions_are_those_of_the_line_and_plane_engines(case: Case) -> None:
    assert patterns(case.net, case.domain, "cells") == patterns(case.net, case.domain, "auto")


@pytest.mark.parametrize("case", CASES[::3], ids=repr)
def test_the_filter_changes_no_answer(case: Case) -> None:
    if len(plica.map_regions(case.net, case.domain)) > 150:
        pytest.skip("many regions: slow in exact arithmetic throughout")
    exact = walked(Cells(case.net, case.domain, filter_scale=inf))
    assert exact.counters["regions"] == total(case.net, case.domain)
    assert exact.counters["certificates"] == 0


@pytest.mark.parametrize("case", CASES[::2], ids=repr)
def test_witnesses_lie_in_their_regions(case: Case) -> None:
    found = plica.map_regions(case.net, case.domain, engine="cells")
    A, b = case.domain.halfspaces()
    scale = np.abs(A).sum(axis=1) * max(1.0, float(np.abs(found.witnesses).max())) + np.abs(b)
    assert (found.witnesses @ A.T <= b + 1e-12 * scale).all()
    exact = RationalChain(case.domain.restrict(case.net))
    outside = {
        tuple(pattern)
        for point, pattern in zip(found.witnesses.tolist(), found.patterns.tolist(), strict=True)
        if exact.pattern(point) != tuple(pattern)
    }
    if outside:  # only in slivers that hold no floating-point numbers
        atlas = plica.map_regions(case.net, case.domain)
        sizes = dict(zip(map(tuple, atlas.patterns.tolist()), atlas.sizes.tolist(), strict=True))
        assert max(sizes[pattern] for pattern in outside) < 1e-14 * sum(sizes.values())


# of two to four independent programs
KNOWN = {
    (3, 16, 2): 2200,
    (4, 16, 2): 11286,
    (5, 16, 2): 62675,
    (6, 12, 2): 34456,
    (8, 10, 2): 27354,
    (64, 8, 2): 13934,
}


@pytest.mark.parametrize("shape", KNOWN, ids="d{0[0]}-w{0[1]}x{0[2]}".format)
def test_counts_of_the_benchmark_and_the_work_they_take(shape: tuple[int, int, int]) -> None:
    n, width, depth = shape
    cells = walked(Cells(plica.Network.mlp(he([n, *[width] * depth, 1])), plica.Box.cube(n)))
    counters, regions = cells.counters, KNOWN[shape]
    assert counters["regions"] == regions
    # work for each region; a change that raises these figures must say why
    assert counters["programs"] <= 5.4 * regions
    assert counters["pivots"] <= (3 if n < 10 else 8) * counters["programs"]
    assert counters["arbitrated"] <= 2e-3 * regions


def layer(n: int, width: int, seed: int, bias: bool) -> plica.Network:
    """Hyperplanes in general position near the origin; through it where there is no bias."""
    rng = np.random.default_rng(seed)
    W = rng.integers(-99, 100, (width, n)).astype(float)
    b = rng.integers(-50, 51, width).astype(float) if bias else np.zeros(width)
    return plica.Network.mlp([(W, b), (np.ones((1, width)), [0])])


@pytest.mark.parametrize(("n", "width"), [(1, 4), (2, 5), (3, 6), (4, 7), (5, 7)])
def test_arrangements_in_all_of_space(n: int, width: int) -> None:
    """Zaslavsky 1975: general position, and all hyperplanes through one point."""
    space = plica.Space(n)
    generic = sum(comb(width, j) for j in range(n + 1))
    central = 2 * sum(comb(width - 1, j) for j in range(n))
    assert plica.count_regions(layer(n, width, 1, True), space) == generic
    assert plica.count_regions(layer(n, width, 1, False), space) == central
    assert total(layer(n, width, 1, True), space, inf) == generic
    assert plica.count_regions(layer(n, width, 1, False), plica.Box.cube(n)) == central


@pytest.mark.parametrize("n", [2, 3])
def test_several_breakpoints_in_all_of_space(n: int) -> None:
    """Families of p parallel hyperplanes: sum over j of C(width, j) p^j."""
    rng = np.random.default_rng(n)
    f = plica.PiecewiseLinear([-1.0, 0.0, 2.0], [0.0, 1.0, -1.0, 0.5])
    W, b = rng.integers(-99, 100, (4, n)).astype(float), rng.integers(-9, 10, 4).astype(float)
    net = plica.Network.mlp([(W, b), (np.ones((1, 4)), [0])], f)
    expected = sum(comb(4, j) * 3**j for j in range(n + 1))
    assert plica.count_regions(net, plica.Space(n)) == expected


@pytest.mark.parametrize("g", [1, 2, 3])
def test_folds_of_a_cube(g: int) -> None:
    """Each coordinate folded g times by rectifiers, twice: boxes of a grid."""
    n = 3
    W, b = np.zeros((n * g, n)), np.zeros(n * g)
    for c in range(n):
        for i in range(g):
            W[c * g + i, c], b[c * g + i] = (g if i == 0 else 2 * g), -2.0 * i
    net = plica.Network.mlp([(W, b), (np.ones((1, n * g)), [0])])
    assert plica.count_regions(net, plica.Box([0] * n, [1] * n)) == g**n


def test_max_units_and_pooling_in_three_dimensions() -> None:
    W, b = integer([3, 6], 5)[0]
    maxout = plica.Network.mlp([(W, b), (np.ones((1, 2)), [0])], maxout=3)
    box = plica.Box.cube(3)
    grid = np.random.default_rng(0).uniform(-1, 1, (200_000, 3))
    sampled = len(np.unique(maxout.pattern(grid), axis=0))
    assert total(maxout, box) == total(maxout, box, inf) >= sampled > 1
    flat = plica.Slice(np.zeros(2), np.eye(2))  # the same network by way of a slice
    assert total(max_pool(0), flat) == plica.count_regions(max_pool(0), plica.Box.cube(2))


def test_a_product_with_an_interval_changes_nothing() -> None:
    for net in (plica.Network.mlp(integer([2, 6, 5, 1], 3)), plica.Network.mlp(he([2, 8, 8, 1]))):
        wider = net.before(np.eye(2, 4), np.zeros(2))
        expected = plica.count_regions(net, plica.Box.cube(2))
        assert plica.count_regions(wider, plica.Box.cube(4)) == expected
        unbounded = plica.count_regions(net, plica.Space(2))
        assert plica.count_regions(wider, plica.Space(4)) == unbounded


def test_halves_of_a_domain_add_up() -> None:
    net = plica.Network.mlp(he([4, 8, 6, 1], 2))
    row = np.array([[0.5, -1.0, 0.25, 2.0]])
    box_rows = np.vstack([np.eye(4), -np.eye(4)])
    halves = [
        plica.Polytope(np.vstack([box_rows, side * row]), [*np.ones(8), side * 0.3])
        for side in (1, -1)
    ]
    ways = [set(patterns(net, half, "cells")) for half in halves]
    assert ways[0] | ways[1] == set(patterns(net, plica.Box.cube(4), "cells"))


def test_a_polytope_without_bounds_for_its_coordinates() -> None:
    net = plica.Network.mlp(integer([2, 6, 5, 1], 3))
    triangle = plica.Polytope([[-1, -1], [2, -1], [-1, 2]], [1, 1, 1])
    assert bounds_and_rows(triangle)[0].size == 0
    assert patterns(net, triangle, "cells") == patterns(net, triangle, "plane")


def test_bounds_of_a_polytope_are_exact() -> None:
    lower, upper, A, b = bounds_and_rows(plica.Polytope([[3], [-1], [1]], [1, 1, 0.5]))
    assert (lower, A.tolist(), b.tolist()) == ([-1.0], [[3.0]], [1.0])
    assert upper[0] == np.nextafter(1 / 3, 1)


def test_domains_without_interior_are_refused() -> None:
    net = plica.Network.mlp(he([3, 4, 1]))
    rows = np.array([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])
    for bound in ([0, 0], [0, -1]):
        with pytest.raises(plica.DomainError, match="no interior"):
            plica.count_regions(net, plica.Polytope(rows, bound))


def test_budgets_stop_and_the_walk_goes_on() -> None:
    net, box = plica.Network.mlp(he([5, 16, 16, 1])), plica.Box.cube(5)
    count = plica.count_regions(net, box, budget=1000)
    assert 1000 <= count <= 1001
    assert count.status == "lower_bound"
    cells = Cells(net, box, patterns=True)
    parts = [c["patterns"] for c in cells.chunks(Budget(regions=500), size=7)]
    parts += [c["patterns"] for c in cells.chunks(size=10_000)]
    assert cells.complete
    whole = Cells(net, box, patterns=True).collect()["patterns"]
    assert np.array_equal(np.concatenate(parts), whole.reshape(-1))
    assert len(np.unique(whole)) == KNOWN[5, 16, 2]


def test_regions_of_many_inputs_one_after_another() -> None:
    net, box = plica.Network.mlp(he([12, 6, 4, 2])), plica.Box.cube(12)
    restricted = box.restrict(net)
    regions = list(plica.iter_regions(net, box))
    assert len(regions) == plica.count_regions(net, box)
    for region in regions[::37]:
        J, c = region.affine
        assert np.allclose(J @ region.witness + c, restricted(region.witness)[0])
        assert (restricted.pattern(region.witness)[0] == region.pattern).all()


def test_engines_are_chosen_by_the_domain() -> None:
    net = plica.Network.mlp(he([2, 4, 1]))
    assert plica.count_regions(net, plica.Space(2)).engine == "cells"
    assert plica.count_regions(net, plica.Polytope([[1, 0]], [1])).engine == "cells"
    assert plica.count_regions(net, plica.Box.cube(2)).engine == "plane"
    assert plica.count_regions(net, plica.Box.cube(2), engine="cells").engine == "cells"
    assert plica.count_regions(net, plica.Space(2), kind="linear").engine == "cells"


@pytest.mark.parametrize("form", ["vertices", "dictionary"])
def test_finding_each_region_is_counting(form: str) -> None:
    net = plica.Network.mlp(he([4, 9, 7, 1]))
    box = plica.Box.cube(4)
    walks = [Cells(net, box, form=form), Cells(net, box, form=form, each=True)]
    for walk in walks:
        for chunk in walk.chunks():
            assert all(column.size == 0 for column in chunk.values())
    assert walks[0].counters["regions"] == walks[1].counters["regions"] > 300
    some = Cells(net, box, form=form, each=True)
    assert not some.complete
    next(some.chunks(Budget(regions=100)))
    assert some.counters["regions"] == 100
