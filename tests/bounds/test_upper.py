import random
import time
from itertools import combinations, pairwise, product
from math import comb, prod

import numpy as np
import pytest

import plica
from plica import bounds
from plica.bounds.counting import central_cells, decimal, generic_cells, rounded

ARCHITECTURES = [(1, 4, 4), (2, 3, 3), (2, 6, 2, 5), (3, 4, 4), (3, 2, 5), (4, 5, 3), (2, 4, 4, 4)]


def random_net(widths, seed, bias=0.3, activation="relu", ranks=None):
    rng = np.random.default_rng([seed, *widths])
    layers = []
    for i, (a, b) in enumerate(pairwise((*widths, 1))):
        W = rng.normal(size=(b, a))
        if ranks and i < len(ranks):
            left = rng.integers(-4, 5, (b, ranks[i]))
            W = (left @ rng.integers(-4, 5, (ranks[i], a))).astype(float)
        layers.append((W, rng.normal(0, bias, b) if bias else np.zeros(b)))
    return plica.Network.mlp(layers, activation)


def regions(net):
    return int(plica.count_regions(net, plica.Space(net.n_inputs)))


def enumerated(widths, ranks=None):
    """The sum of Serra et al. 2018, index set by index set."""
    ranks = ranks or widths[1:]

    def rest(layer, caps):
        if layer == len(widths):
            return 1
        n = widths[layer]
        return sum(
            comb(n, j) * rest(layer + 1, [*caps, n - j])
            for j in range(min(*caps, n, ranks[layer - 1]) + 1)
        )

    if ranks is widths[1:]:
        return rest(1, [widths[0], widths[0]])

    # the rank also limits the dimension that is passed on
    def ranked(layer, d):
        if layer == len(widths):
            return 1
        n, d = widths[layer], min(d, ranks[layer - 1])
        return sum(comb(n, j) * ranked(layer + 1, min(d, n - j)) for j in range(min(d, n) + 1))

    return ranked(1, widths[0])


@pytest.mark.parametrize("seed", range(60))
def test_special_cases_of_the_machine(seed):
    rng = random.Random(seed)
    widths = tuple(rng.randint(1, 9) for _ in range(rng.randint(2, 5)))
    ranks = [rng.randint(1, min(a, b)) for a, b in pairwise(widths)] if seed % 2 else None
    machine = bounds.histogram_bound
    assert bounds.naive(widths) == machine(widths, bounds.full)
    assert bounds.montufar_2017(widths, ranks) == machine(widths, bounds.all_active, ranks)
    assert bounds.serra_2018(widths, ranks) == machine(widths, bounds.most_active, ranks)
    assert bounds.serra_2018(widths, ranks) == enumerated(widths, ranks)
    assert bounds.refined_line(widths, ranks) == machine(widths, bounds.line, ranks)
    assert bounds.refined_plane(widths, ranks) == machine(widths, bounds.plane, ranks)
    chain = [
        bounds.refined_plane(widths, ranks),
        bounds.refined_line(widths, ranks),
        bounds.serra_2018(widths, ranks),
        bounds.montufar_2017(widths, ranks),
        bounds.raghu_2017(widths),
        bounds.naive(widths),
    ]
    assert chain == sorted(chain)


def test_refined_bounds_are_better_where_layers_are_narrow():
    assert bounds.refined_plane((8, 10, 10)) < bounds.refined_line((8, 10, 10))
    assert bounds.refined_line((8, 10, 10)) < bounds.serra_2018((8, 10, 10))
    for n in range(1, 8):  # no gain from 3 n - 1 units on
        wide, narrow = (n, 3 * n - 1, 3 * n - 1), (n, 3 * n - 2, 3 * n - 2)
        assert bounds.refined_plane(wide) == bounds.serra_2018(wide)
        assert n == 1 or bounds.refined_line(narrow) < bounds.serra_2018(narrow)


@pytest.mark.parametrize("histogram", [bounds.most_active, bounds.line, bounds.plane])
def test_histograms(histogram):
    for m in range(1, 12):
        below = None
        for n in range(m + 2):
            gamma = histogram(n, m)
            assert len(gamma) == m + 1
            assert sum(gamma) == generic_cells(n, m)
            assert all(0 <= cells <= comb(m, i) for i, cells in enumerate(gamma))
            tails = np.cumsum(gamma[::-1])
            assert below is None or (below <= tails).all()  # grows with n
            below = tails


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("central", [False, True])
def test_arrangements_stay_below_the_histograms(n, central):
    for seed in range(12):
        m = 3 + seed % 5
        net = random_net((n, m), seed, bias=0 if central else 1.0)
        if seed % 3 == 0:  # a pencil: all hyperplanes around one point, on one side
            rng = np.random.default_rng(seed)
            W = rng.normal(size=(m, n))
            net = plica.Network.mlp([(W, np.ones(m)), (np.ones((1, m)), [0])])
        atlas = [r.pattern for r in plica.iter_regions(net, plica.Space(n))]
        found = np.bincount(np.sum(atlas, axis=1), minlength=m + 1)
        for histogram in (bounds.most_active, bounds.line, bounds.plane):
            gamma = histogram(n, m)
            assert (np.cumsum(found[::-1]) <= np.cumsum(gamma[::-1])).all()


def cells_of_lines(lines):
    """Sides of the generic lines ``a x + b y + c = 0`` that each cell is on, shape (cells, m)."""
    found = set()
    for i, j in combinations(range(len(lines)), 2):
        vertex = np.cross(lines[i], lines[j])
        sides = (lines @ vertex / vertex[2] > 0).astype(int)
        for a, b in product((0, 1), repeat=2):
            sides[[i, j]] = a, b
            found.add(tuple(sides))
    return np.array(sorted(found))


@pytest.mark.parametrize("m", [4, 5, 6, 7])
def test_basis_of_planes(m):
    """The quoted theorem, with all signs of many arrangements: never above, and attained."""
    rng = np.random.default_rng(m)
    flips = np.array(list(product((0, 1), repeat=m)))
    most = np.zeros(m + 1, dtype=int)
    for trial in range(150):
        angle = rng.uniform(0, 2 * np.pi, m)
        offset = [-np.ones(m), 0.3 * rng.normal(size=m), rng.standard_cauchy(m)][trial % 3]
        cells = cells_of_lines(np.column_stack((np.cos(angle), np.sin(angle), offset)))
        assert len(cells) == generic_cells(2, m)
        idle = (cells[:, None] ^ flips[None]).sum(axis=2)
        most = np.maximum(most, [(idle <= k).sum(axis=0).max() for k in range(m + 1)])
    gamma = bounds.plane(2, m)
    assert most.tolist() == np.cumsum(gamma[::-1]).tolist()


@pytest.mark.parametrize("widths", ARCHITECTURES, ids=str)
def test_random_networks_stay_below(widths):
    for seed in range(4):
        count = regions(random_net(widths, seed))
        assert 1 < count <= bounds.refined_plane(widths)


@pytest.mark.parametrize("widths", ARCHITECTURES, ids=str)
def test_networks_of_low_rank_stay_below(widths):
    ranks = [max(1, min(a, b) - 1) for a, b in pairwise(widths)]
    for seed in range(4):
        net = random_net(widths, seed, ranks=ranks)
        found = [bounds.exact_rank(stage.A) for stage in net.stages[: len(ranks)]]
        assert all(r <= most for r, most in zip(found, ranks, strict=True))
        assert regions(net) <= bounds.refined_plane(widths, ranks)
    assert bounds.serra_2018(widths, ranks) <= bounds.serra_2018(widths)


@pytest.mark.parametrize("widths", ARCHITECTURES, ids=str)
def test_networks_without_biases_stay_below(widths):
    for seed in range(4):
        assert regions(random_net(widths, seed, bias=0)) <= bounds.without_biases(widths)
    first = widths[:2]
    assert regions(random_net(first, 0, bias=0)) == bounds.without_biases(first)


def test_ranks_are_exact():
    rng = np.random.default_rng(0)
    for r in (1, 2, 5):
        A = rng.integers(-9, 10, (8, r)) @ rng.integers(-9, 10, (r, 7))
        assert bounds.exact_rank(A) <= r
        assert bounds.exact_rank(A) == np.linalg.matrix_rank(A)
    assert bounds.exact_rank(np.zeros((3, 2))) == 0
    # tiny but not zero: floating point calls it singular
    A = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]])
    assert bounds.exact_rank(A) == 2
    assert np.linalg.matrix_rank(A) == 1
    # divisible by the first prime, 2^31 - 1, which alone would say 0
    assert bounds.exact_rank([[2.0**31 - 1, 0], [0, 2.0**31 - 1]]) == 2


def test_sums():
    assert generic_cells(2, 5) == 16
    assert generic_cells(9, 5) == 32
    assert central_cells(2, 5) == 10
    assert central_cells(9, 5) == 32
    assert central_cells(0, 5) == 1


@pytest.mark.parametrize("n", [0, 7, 10**13 - 1, 2**50, 9999999, 10**60 - 1, 99996 * 10**50])
def test_rounded(n):
    text = rounded(n)
    assert float(text.replace(",", "")) == pytest.approx(n, rel=6e-4)


def test_all_digits():
    n = 7**9000
    assert decimal(-12) == "-12"
    text = decimal(n)
    assert len(text) == 7606
    value = 0
    for i in range(0, len(text), 1000):
        piece = text[i : i + 1000]
        value = value * 10 ** len(piece) + int(piece)
    assert value == n


def test_fast():
    start = time.process_time()
    table = bounds.table((100, *[200] * 50))
    assert time.process_time() - start < 2.0
    assert table.upper() < 2 ** (200 * 50)
    assert table.upper() > prod([2] * 1000)


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ((2,), "at least 1 hidden"),
        ((2, 0), "at least one unit"),
        ((2, 3.5), "integers"),
        (7, "int"),
    ],
)
def test_wrong_widths(widths, message):
    with pytest.raises(plica.NetworkError, match=message):
        bounds.montufar_2017(widths)


def test_wrong_ranks():
    with pytest.raises(plica.NetworkError, match="weight matrices into 2"):
        bounds.serra_2018((2, 3, 3), ranks=[1])
    with pytest.raises(plica.NetworkError, match="at least 0"):
        bounds.serra_2018((2, 3), ranks=[-1])
