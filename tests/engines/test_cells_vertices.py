"""Both forms of cells, vertices and dictionaries, find the same regions."""

from __future__ import annotations

from itertools import pairwise
from math import comb, inf
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import plica
from plica import Network
from plica.engines.cells import Cells
from plica.engines.running import Budget
from plica.exact.patterns import exact_patterns
from tests.twins.cell_cases import CUBES, DOMAINS
from tests.twins.networks import LINE, PLANE, STAIRCASE, Case, he, integer

if TYPE_CHECKING:
    from plica.domains import Domain

CASES = [*CUBES, *DOMAINS, *PLANE, *LINE[::7]]


def listed(net: Network, domain: Domain, form: str, filter_scale: float = 1.0) -> set[bytes]:
    """Packed patterns of all regions, each of which must come once."""
    cells = Cells(net, domain, patterns=True, form=form, filter_scale=filter_scale)
    patterns = cells.collect()["patterns"]
    found = {row.tobytes() for row in patterns}
    assert len(found) == len(patterns) == cells.counters["regions"]
    return found


def counted(net: Network, domain: Domain, filter_scale: float = 1.0) -> int:
    """Regions that the vertex form counts, most of them without making them."""
    cells = Cells(net, domain, form="vertices", filter_scale=filter_scale)
    for _ in cells.chunks():
        pass
    assert cells.complete
    return int(cells.counters["regions"])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_both_forms_find_the_same_patterns(case: Case) -> None:
    expected = listed(case.net, case.domain, "dictionary")
    assert listed(case.net, case.domain, "vertices") == expected
    assert counted(case.net, case.domain) == len(expected)


@pytest.mark.parametrize("case", CASES[::3], ids=repr)
def test_the_filter_changes_no_answer(case: Case) -> None:
    expected = listed(case.net, case.domain, "vertices")
    if len(expected) > 100:
        pytest.skip("many regions: slow in exact arithmetic throughout")
    assert listed(case.net, case.domain, "vertices", inf) == expected
    # a bound a million times as wide sends many questions, but not all, to the arbiter
    assert listed(case.net, case.domain, "vertices", 1e6) == expected
    assert counted(case.net, case.domain, 1e6) == len(expected)


def random_network(n: int, seed: int) -> Network:
    """Two hidden layers of several kinds of units; some rows repeated, negated or nearly so."""
    rng = np.random.default_rng(100 * n + seed)
    make = integer if seed % 2 else he
    layers = make([n, 5, 4, 1], seed)
    W, b = layers[seed % 2]
    W[1], b[1] = -W[0], -b[0]
    W[3], b[3] = W[2] * (1 + 2.0 ** -rng.integers(20, 54)), b[2]
    kind = ["relu", "leaky_relu", "abs", STAIRCASE][seed % 4]
    return Network.mlp(layers, kind)


# in many dimensions the staircases of every fourth network meet in more points than time allows
SEEDS = [(n, seed) for n in range(2, 7) for seed in range(8) if n <= 3 or seed % 4 != 3]


@pytest.mark.parametrize(("n", "seed"), SEEDS)
def test_random_networks(n: int, seed: int) -> None:
    net = random_network(n, seed)
    domains: list[Domain] = [plica.Box.cube(n)]
    if n < 5:
        rng = np.random.default_rng(seed)
        A = rng.integers(-3, 4, (n + 3, n)).astype(float)
        domains += [plica.Space(n), plica.Polytope(A, np.ones(n + 3))]
    for domain in domains:
        expected = listed(net, domain, "dictionary")
        assert listed(net, domain, "vertices") == expected
        assert counted(net, domain) == len(expected)


@pytest.mark.parametrize(("n", "facets"), [(2, 150), (3, 90), (4, 70)])
def test_more_facets_than_bits_of_a_word(n: int, facets: int) -> None:
    rng = np.random.default_rng(n)
    A = rng.normal(size=(facets, n))
    A /= np.linalg.norm(A, axis=1)[:, None]
    ball = plica.Polytope(A, np.ones(facets))
    net = Network.mlp(he([n, 6, 4, 1], n))
    expected = listed(net, ball, "dictionary")
    assert listed(net, ball, "vertices") == expected
    assert counted(net, ball) == len(expected)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_cells_below_any_tolerance(scale: float) -> None:
    """Weights and biases of different sizes: cells down to a millionth of the domain and below."""
    layers = [(scale * W, 0.3 * b) for W, b in he([3, 5, 5, 1], 2)]
    net = Network.mlp(layers)
    for domain in (plica.Box.cube(3), plica.Box([-1e3, 0, 7], [1e-3, 1e-9, 7.5])):
        expected = listed(net, domain, "dictionary")
        assert listed(net, domain, "vertices") == expected
        assert counted(net, domain) == len(expected)


# counts on which independent programs agree, by inputs, width, depth
KNOWN = {(3, 16, 2): 2200, (3, 32, 3): 87517, (4, 16, 2): 11286, (5, 16, 2): 62675}


@pytest.mark.parametrize("shape", KNOWN, ids="d{0[0]}-w{0[1]}x{0[2]}".format)
def test_counts_of_the_benchmark_and_the_work_they_take(shape: tuple[int, int, int]) -> None:
    n, width, depth = shape
    net = Network.mlp(he([n, *[width] * depth, 1]))
    cells = Cells(net, plica.Box.cube(n), form="vertices")
    for _ in cells.chunks():
        pass
    counters, regions = cells.counters, KNOWN[shape]
    assert counters["regions"] == regions
    # work for each region; a change that raises these figures must say why
    assert counters["asked"] <= 1.2 * regions
    assert counters["rebuilt"] <= 0.05 * regions
    assert counters["arbitrated"] <= 1e-3 * regions


def test_budgets_are_kept_and_the_walk_goes_on() -> None:
    net = Network.mlp(he([3, 16, 16, 1]))
    cells = Cells(net, plica.Box.cube(3), form="vertices")
    seen = [0]
    for budget in (1, 10, 100, 1000):
        for _ in cells.chunks(Budget(regions=budget)):
            pass
        seen.append(cells.counters["regions"])
        # the last two regions of a cell come together
        assert budget <= seen[-1] <= budget + 1
    for _ in cells.chunks():
        pass
    assert cells.counters["regions"] == KNOWN[3, 16, 2]
    assert all(a < b for a, b in pairwise(seen))


def test_witnesses_and_maps() -> None:
    net = Network.mlp(integer([4, 6, 5, 2], 3))
    cells = Cells(net, plica.Box.cube(4), True, True, True, form="vertices")
    found = cells.collect()
    x = found["witnesses"]
    values = np.einsum("ri,rio->ro", np.hstack([x, np.ones((len(x), 1))]), found["maps"])
    np.testing.assert_allclose(values, net(x), rtol=1e-10, atol=1e-10)
    assert len({row.tobytes() for row in net.pattern(x)}) == len(x)


@pytest.mark.parametrize(
    "shape", [(2, 9, 1), (3, 16, 2), (4, 16, 2), (5, 10, 2), (6, 9, 2)], ids=str
)
@pytest.mark.parametrize("kind", ["relu", STAIRCASE], ids=["relu", "staircase"])
def test_witnesses_are_inside_exactly(shape: tuple[int, int, int], kind: Any) -> None:
    n, width, depth = shape
    net = Network.mlp(he([n, *[width // (1 if kind == "relu" else 2)] * depth, 1]), kind)
    cells = Cells(net, plica.Box.cube(n), patterns=True, witnesses=True, form="vertices")
    found = cells.collect()
    x, packed = found["witnesses"], found["patterns"]
    assert (np.abs(x) < 1).all()
    first, size = cells.bits.reshape(-1, 2).T
    columns = packed[:, first // 64] >> (first % 64).astype(np.uint64)
    pieces = columns & ((1 << size) - 1).astype(np.uint64)
    assert np.array_equal(exact_patterns(net, x), pieces)


def test_the_order_of_regions_does_not_depend_on_budgets() -> None:
    net = Network.mlp(he([4, 9, 7, 1]))
    whole = Cells(net, plica.Box.cube(4), True, True, form="vertices").collect()
    cells = Cells(net, plica.Box.cube(4), True, True, form="vertices")
    parts = list(cells.chunks(size=3))
    for name in ("patterns", "witnesses"):
        pieces = np.concatenate([part[name] for part in parts])
        assert np.array_equal(pieces, whole[name].reshape(-1))


@pytest.mark.parametrize("n", range(1, 7))
def test_parts_of_one_layer_of_hyperplanes(n: int) -> None:
    """Zaslavsky (1975): k generic hyperplanes that meet inside make sum C(k, j) parts, j <= n."""
    rng = np.random.default_rng(n)
    for k in range(1, 13):
        W, b = rng.normal(size=(k, n)), 1e-3 * rng.normal(size=k)
        net = Network.mlp([(W, b), (np.ones((1, k)), [0.0])])
        domain = plica.Box.cube(n, -1e3, 1e3)
        expected = sum(comb(k, j) for j in range(n + 1))
        assert counted(net, domain) == len(listed(net, domain, "vertices")) == expected


@pytest.mark.parametrize("offset", [0.0, -1.0])
def test_domains_without_interior_are_refused(offset: float) -> None:
    A = np.array([[1.0, 1, 1], [-1, -1, -1]])
    with pytest.raises(plica.DomainError, match="no interior"):
        Cells(Network.mlp(he([3, 4, 1])), plica.Polytope(A, [0, offset]), form="vertices")
