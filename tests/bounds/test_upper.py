import random
from fractions import Fraction
from itertools import combinations, pairwise, product
from math import comb, prod

import numpy as np
import pytest

import plica
from plica import _core, bounds
from plica.bounds import modular
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


def recursive(base, n, m):
    """Cells by the number of idle units, from the recursion and its basis alone."""
    if n >= m:
        return [comb(m, k) for k in range(m + 1)]
    if n == 0:
        return [1] + [0] * m
    if n <= base:
        if n < base:
            return recursive(1, n, m)
        step = 2 if n == 1 else m
        below = [min(1 + k * step, generic_cells(n, m)) for k in range(m + 1)]
        return [1, *(b - a for a, b in pairwise(below))]
    old, cut = recursive(base, n, m - 1), recursive(base, n - 1, m - 1)
    return [a + b for a, b in zip([*old, 0], [0, *cut], strict=True)]


@pytest.mark.parametrize(("base", "histogram"), [(1, bounds.line), (2, bounds.plane)])
def test_refined_histograms_solve_their_recursion(base, histogram):
    for m in range(1, 13):
        for n in range(m + 2):
            idle = list(histogram(n, m))[::-1]
            assert idle == recursive(base, n, m)
            if n < base:
                continue
            for k in range(n, m + 1):  # the tails that the core uses
                assert sum(idle[k:]) == refined_tail(base, n, m, m - 2 * (k - n))


def refined_tail(base, n, m, s):
    """Cells with at least k idle units, s = m - 2 (k - n)."""
    here, before = (comb(t, n) if t >= 0 else 0 for t in (s, s - 1))
    if base == 1:
        return here
    return Fraction((m + 2 - n) * here - m * before, 2)


REFINED = [
    ("most_active", bounds.serra_2018),
    ("line", bounds.refined_line),
    ("plane", bounds.refined_plane),
]


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize(("name", "function"), REFINED)
def test_many_primes(name, function, seed):
    """Bounds of hundreds of bits, with repeated widths, against the machine itself."""
    rng = random.Random(seed)
    n0, m = rng.randint(1, 40), rng.randint(1, 40)
    widths = (n0, *([m] * rng.randint(1, 8)), *(rng.randint(1, 40) for _ in range(seed % 4)))
    ranks = [rng.randint(0, 40) for _ in widths[1:]] if seed % 3 == 0 else None
    expected = bounds.histogram_bound(widths, getattr(bounds, name), ranks)
    assert function(widths, ranks) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("name", "function"), REFINED[1:])
def test_sums_of_many_products(name, function):
    """More than 256 products of residues are reduced in between."""
    widths = (600, 1100, 1090)
    assert function(widths) == bounds.histogram_bound(widths, getattr(bounds, name))


def test_modulo_a_prime_as_the_integer():
    """Also where the Chinese remainder theorem is not asked."""
    primes = modular._moduli(40).primes
    assert len(set(primes.tolist())) == 40
    assert all(2**27 < p < 2**28 and pow(3, p - 1, p) == 1 for p in primes.tolist())
    units, dims = np.array([7, 9, 8], np.int32), np.array([6, 6, 5], np.int32)
    for kind, name in enumerate(modular.HISTOGRAMS):
        found = _core.histogram_bound(units, dims, kind, primes)
        expected = bounds.histogram_bound((6, 7, 9, 8), getattr(bounds, name), [6, 6, 5])
        assert found.tolist() == [expected % p for p in primes.tolist()]


@pytest.mark.parametrize("residue", [0, 1, 2**700 + 12345])
def test_chinese_remainders(residue):
    moduli = modular._moduli(26)
    assert moduli.product == prod(moduli.primes.tolist())
    number = residue % moduli.product
    assert modular._combined([number % p for p in moduli.primes.tolist()], moduli) == number
    assert modular._combined([p - 1 for p in moduli.primes.tolist()], moduli) == moduli.product - 1


def test_wide_and_deep():
    table = bounds.table((150, *[200] * 50))
    assert 2**1000 < table.lower() < table.upper() < 2 ** (200 * 50)
    line, plane = table.of("refined_line").value, table.of("refined_plane").value
    assert plane < line < table.of("serra_2018").value < table.of("montufar_2017").value
    digits = table.as_dict()["bounds"][-1]["value"]
    assert len(digits) > 3000
    assert str(table).count("e") > 10


def test_long_numbers_are_written_out():
    table = bounds.table((30, *[300] * 60))  # more digits than Python writes in one go
    found = {b["name"]: b["value"] for b in table.as_dict()["bounds"]}
    assert len(found["naive"]) == 5419
    assert found["naive"].startswith(str(2**18000 // 10**5400))
    assert "e5418" in str(table)


def test_too_wide_for_the_core():
    with pytest.raises(plica.UnsupportedError, match="units"):
        bounds.serra_2018((2, 2**30))
    with pytest.raises(plica.UnsupportedError, match="dimensions"):
        bounds.refined_line((9000, 9000))
    assert bounds.refined_line((2, 2**29)) == bounds.one_layer(2, 2**29)


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
