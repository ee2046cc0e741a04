from itertools import pairwise, product
from math import comb, prod

import numpy as np
import pytest

import plica
from plica import Network, bounds
from plica.bounds import folds

from . import folding as make
from .test_upper import random_net, regions


def counts(net, corner, *kinds):
    box = plica.Box(np.zeros(corner.size), corner)
    return tuple(int(plica.count_regions(net, box, kind=kind)) for kind in kinds)


def knapsack(pieces, n, d):
    """The largest product of pieces over all splits of n units into d groups."""
    best = {(0, 0): 1}
    for k in range(1, d + 1):
        for m in range(k, n + 1):
            best[m, k] = max(
                (pieces(g) * best[m - g, k - 1] for g in range(1, m + 1) if (m - g, k - 1) in best),
                default=0,
            )
    return max(best[m, d] for m in range(d, n + 1))


@pytest.mark.parametrize("d", range(1, 6))
@pytest.mark.parametrize(
    ("split", "pieces"),
    [
        (folds.relu, lambda g: g + 1 if g > 2 else g),
        (folds.leaky, lambda g: g + 1 if g > 1 else g),
        (folds.absolute, lambda g: g + g % 2),
        (folds.clip, lambda g: g),
        *((folds.maxout(k), lambda g, k=k: folds.maxout_pieces(g, k)) for k in (2, 3, 5)),
    ],
    ids=["relu", "leaky", "abs", "clip", "maxout 2", "maxout 3", "maxout 5"],
)
def test_the_best_split(split, pieces, d):
    for n in range(d, 21):
        assert split(n, d) == knapsack(pieces, n, d)


def best_fold_by_search(widths, linear):
    """All sequences of dimensions, all layers that may cut."""
    best = comb(widths[1], 0)
    for k in range(1, len(widths)):
        for dims in product(range(1, widths[0] + 1), repeat=k - 1):
            falling = all(a >= b for a, b in pairwise(dims))
            fits = all(d <= n for d, n in zip(dims, widths[1:], strict=False))
            d = dims[-1] if dims else widths[0]
            if linear and dims and (len(set(dims)) > 1 or widths[k] <= d):
                continue
            if falling and fits:
                cells = bounds.one_layer(d, widths[k])
                folded = prod(folds.relu(n, e) for n, e in zip(widths[1:k], dims, strict=True))
                best = max(best, folded * cells)
    return best


@pytest.mark.parametrize(
    "widths",
    [(3, 9, 9), (3, 4, 7, 2), (4, 10, 1, 1), (2, 6, 3, 2), (5, 3, 3, 3), (1, 1, 1)],
    ids=str,
)
def test_best_fold_is_the_best(widths):
    assert bounds.best_fold(widths) == best_fold_by_search(widths, False)
    assert bounds.best_fold(widths, "linear") == best_fold_by_search(widths, True)


# -- networks that attain the bounds, counted --------------------------------------------------


@pytest.mark.parametrize("widths", [(2, 4, 4, 3), (2, 6, 5), (1, 3, 4, 3), (3, 6, 4)], ids=str)
def test_montufar_2014_is_attained(widths):
    n0, *hidden, last = widths
    groups = [[make.montufar(n // n0)] * n0 for n in hidden]
    net, corner = make.folding(n0, groups, make.cutting(n0, last))
    found = counts(net, corner, "activation", "linear")
    assert found == (bounds.montufar_2014(widths),) * 2
    assert bounds.counts_linear(widths)


@pytest.mark.parametrize("widths", [(2, 6, 3), (2, 6, 7, 3), (1, 3, 4, 3), (1, 5, 2)], ids=str)
def test_zigzags_are_attained(widths):
    n0, *hidden, last = widths
    groups = [[make.relu(g) for g in make.split(n, n0)] for n in hidden]
    net, corner = make.folding(n0, groups, make.cutting(n0, last))
    found = counts(net, corner, "activation", "linear")
    assert found == (bounds.uneven_fold(widths),) * 2
    assert bounds.serra_2018_fold(widths) <= found[0] <= bounds.refined_plane(widths)


def test_dropping_coordinates_is_attained():
    widths = (2, 6, 3, 2)
    groups = [[make.relu(3), make.relu(3)], [make.relu(3)]]
    net, corner = make.folding(2, groups, make.cutting(1, 2))
    assert net.widths == (*widths, 1)
    activation, linear = counts(net, corner, "activation", "linear")
    assert activation == bounds.best_fold(widths) == 192
    assert linear < 192


def test_passing_on_keeps_the_cells_of_an_earlier_layer():
    # (2, 5, 1, 1): the first layer cuts, the others pass on
    W, b = make.cutting(2, 5)
    net = Network.mlp([(W, b), (np.ones((1, 5)), [64.0]), ([[1.0]], [0]), ([[1.0]], [0])])
    found = counts(net, np.ones(2), "activation", "linear")
    assert found[0] == bounds.one_layer(2, 5) <= bounds.best_fold((2, 5, 1, 1), "linear")


def test_one_unit_at_the_end_merges_linear_regions():
    widths = (1, 10, 1)
    zigzag = make.relu(10)
    net, _ = make.folding(1, [[zigzag]], (np.array([[1.0]]), np.array([-0.5])))
    space = plica.Space(1)
    assert int(plica.count_regions(net, space)) >= bounds.montufar_2014(widths) == 20
    assert int(plica.count_regions(net, space, kind="linear")) == 17
    assert not bounds.counts_linear(widths)
    table = bounds.table(widths)
    assert table.of("montufar_2014").counts == "activation"
    assert table.lower("linear") <= 17 < table.lower()


@pytest.mark.parametrize(
    ("name", "group", "widths"),
    [
        ("leaky", make.leaky, (1, 2, 2)),
        ("leaky", make.leaky, (1, 5, 3, 2)),
        ("leaky", make.leaky, (2, 5, 2)),
        ("abs", make.absolute, (1, 3, 1, 2)),
        ("abs", make.absolute, (2, 2, 4, 2)),
        ("hardtanh", make.clip, (2, 4, 3)),
        ("hardtanh", make.clip, (1, 3, 3, 2)),
    ],
)
def test_named_folds_are_attained(name, group, widths):
    n0, *hidden, last = widths
    groups = [[group(g) for g in make.split(n, n0)] for n in hidden]
    activation = plica.PiecewiseLinear.leaky_relu(0.5) if name == "leaky" else name
    copies = (-1.0, 1.0) if name == "hardtanh" else (0.0,)
    net, corner = make.folding(n0, groups, make.cutting(n0, last, copies), activation)
    name = "leaky_relu" if name == "leaky" else name
    found, linear = counts(net, corner, "activation", "linear")
    p = len(copies)
    pieces = prod(g.pieces for layer in groups for g in layer)
    assert found == pieces * bounds.piecewise_layer(n0, last, p)
    assert found <= bounds.named_fold(widths, name) <= bounds.piecewise_upper(widths, p)
    if name != "hardtanh":
        assert linear == found
        assert found <= bounds.named_fold(widths, name, "linear")
    if n0 == 1:
        assert found == bounds.named_fold(widths, name)


@pytest.mark.parametrize(
    ("p", "widths"),
    [
        (2, (1, 1, 1, 2)),
        (2, (1, 2, 2)),
        (2, (2, 4, 2)),
        (3, (1, 3, 2)),
        (3, (1, 2, 2, 1)),
        (4, (1, 2, 1)),
        (1, (1, 2, 2, 2)),
        (3, (2, 2, 1)),
    ],
)
def test_suitable_activations_attain_the_bound(p, widths):
    n0, *hidden, last = widths
    m = min(n // n0 for n in hidden)
    sigma, group = make.suitable(p, m)
    assert sigma.n_pieces == p + 1
    W, b = make.cutting(n0, last, range(p))
    net, corner = make.folding(
        n0, [[group] * n0] * len(hidden), (4 * W, 4 * b - 3 * (p - 1) / 2), sigma
    )
    found = counts(net, corner, "activation", "linear")
    assert found == (bounds.piecewise_fold(widths, p),) * 2
    assert found[0] <= bounds.piecewise_upper(widths, p)


@pytest.mark.parametrize(
    ("n0", "k", "hidden"),
    [(1, 3, (2,)), (1, 3, (3, 1)), (1, 4, (2, 2)), (2, 3, (4,)), (2, 2, (3,))],
)
def test_maxout_folds_are_attained(n0, k, hidden):
    groups = [[make.maxout(g, k) for g in make.split(n, n0)] for n in hidden]
    rng = np.random.default_rng(0)
    last = 2
    # collinear slopes, none of them 0: families of k - 1 parallel lines near the centre
    w, q = rng.normal(size=(last, 1, n0)), np.arange(k)
    W = 64 * ((q + 0.5)[None, :, None] * w).reshape(last * k, n0)
    shift = 0.2 * rng.normal(size=(last, 1)) + (k - 1) / 2
    b = (q * shift - q * q / 2).reshape(last * k) - W @ np.full(n0, 0.5)
    net, corner = make.folding(n0, groups, (W, b), rank=k)
    widths = (n0, *hidden, last)
    found = counts(net, corner, "activation", "linear")
    pieces = prod(g.pieces for layer in groups for g in layer)
    assert found == (pieces * bounds.piecewise_layer(n0, last, k - 1),) * 2
    for kind in ("activation", "linear"):
        assert found[0] <= bounds.maxout_fold(widths, k, kind) <= bounds.maxout_upper(widths, k)
    if n0 == 1:
        assert found[0] == bounds.maxout_fold(widths, k)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_kaleidoscope(k):
    turn = 2 * np.pi * np.arange(k) / k
    e = np.array([np.stack((np.cos(turn + s), np.sin(turn + s)), axis=1) for s in (0, np.pi / k)])
    W = e.reshape(2 * k, 2)
    t = 0.2
    rng = np.random.default_rng(0)
    q = np.arange(k)
    V = np.concatenate([np.outer(q + 0.5, rng.normal(size=2)) for _ in range(2)])
    b = np.concatenate([-(q * q) / 2 * 2.0**-9 + 2.0**-9 * q * (k / 2 - 0.5)] * 2)
    net = Network.mlp(
        [(W, np.zeros(2 * k)), (V, b - V @ [t, t]), (rng.normal(size=(1, 2)), [0])], maxout=k
    )
    bound = bounds.kaleidoscope((2, 2, 2), k)
    assert bound == 2 * k * k * k
    for kind in ("activation", "linear"):
        assert int(plica.count_regions(net, plica.Space(2), kind=kind)) >= bound
    assert bounds.maxout_montufar_2014((2, 2, 2), k) <= bound <= bounds.maxout_upper((2, 2, 2), k)


def test_kaleidoscope_of_three_layers():
    k, t = 3, 0.2
    turn = 2 * np.pi * np.arange(k) / k
    e = np.array([np.stack((np.cos(turn + s), np.sin(turn + s)), axis=1) for s in (0, np.pi / k)])
    W = e.reshape(2 * k, 2)
    V = np.kron(np.eye(2), (np.arange(k) + 0.5)[:, None])
    b = np.tile(2.0**-9 * np.array([0, 0.5, 0]), 2)
    net = Network.mlp(
        [(W, np.zeros(2 * k)), (W, -W @ [t, t]), (V, b - V @ [t * t, t * t]), ([[1, 2]], [0])],
        maxout=k,
    )
    assert regions(net) >= bounds.kaleidoscope((2, 2, 2, 2), k) == 36 * 9


@pytest.mark.parametrize(("n0", "m", "last"), [(2, 3, 3), (2, 2, 4), (3, 3, 2), (1, 1, 5)])
def test_zonotopes(n0, m, last):
    rng = np.random.default_rng(n0)
    a = rng.normal(size=(m, n0))
    cones = 2 * sum(comb(m - 1, j) for j in range(n0))
    ones = np.ones((1, 2 * m))
    first = (np.concatenate((a, -a)), np.zeros(2 * m))
    fold = make.montufar(last)
    net = Network.mlp([first, (np.outer(fold.w, ones), fold.b), ([fold.c], [0])])
    space = plica.Space(n0)
    widths = (n0, 2 * m, last)
    found = [int(plica.count_regions(net, space, kind=kind)) for kind in ("activation", "linear")]
    assert found == [bounds.arora_2018(widths)] * 2 == [cones * last] * 2
    lines = Network.mlp(
        [first, (np.outer([1.0] * last, ones), -1.0 - np.arange(last)), (np.ones((1, last)), [0])]
    )
    assert regions(lines) == bounds.serra_2018_zonotope(widths) == cones * (last + 1)
    assert bounds.zonotope_fold(widths) == cones * (last + 1) <= bounds.refined_plane(widths)


def test_deep_zonotope():
    a = np.random.default_rng(5).normal(size=(2, 2))
    fold = make.relu(3)
    length = fold.length
    first = (np.concatenate((a, -a)), np.zeros(4))
    W = np.outer(fold.w, np.ones(4))
    back = np.array([fold.c])
    second = (
        length * np.outer(fold.w, back),
        np.array(fold.b) + length * np.array(fold.w) * fold.c0,
    )
    net = Network.mlp([first, (W, fold.b), second, (back, [0])])
    widths = (2, 4, 3, 3)
    assert regions(net) >= bounds.serra_2018_zonotope(widths) == 4 * 4 * 4
    assert bounds.serra_2018_zonotope(widths) >= bounds.arora_2018(widths)


def test_one_layer_is_exact():
    for n0, n1 in [(1, 4), (2, 5), (3, 5), (4, 3)]:
        for bias in (1.0, 0.0):
            net = random_net((n0, n1), 3, bias=bias)
            space = plica.Space(n0)
            exact = bounds.one_layer(n0, n1, biases=bool(bias))
            for kind in ("activation", "linear"):
                assert int(plica.count_regions(net, space, kind=kind)) == exact


def test_order_of_the_bounds():
    for widths in [(2, 6, 6), (2, 7, 9, 4), (1, 5, 5), (3, 9, 12, 10)]:
        chain = [
            bounds.pascanu_2013(widths),
            bounds.montufar_2014(widths),
            bounds.serra_2018_fold(widths),
            bounds.uneven_fold(widths),
            bounds.best_fold(widths),
            bounds.refined_plane(widths),
        ]
        assert chain == sorted(chain)
        assert bounds.best_fold(widths, "linear") <= bounds.best_fold(widths)


# -- statements that are wrong or doubtful as printed --------------------------------------------


def test_zonotopes_with_two_units_in_the_middle_are_not_claimed():
    with pytest.raises(plica.UnsupportedError, match="doubtful"):
        bounds.serra_2018_zonotope((1, 2, 2, 2))
    assert bounds.zonotope_fold((1, 2, 2, 2)) == 12  # at most 15 are possible; printed are 18
    excluded = {e.name: e.reason for e in bounds.table((1, 2, 2, 2)).excluded}
    assert "doubtful" in excluded["serra_2018_zonotope"]


def test_maxout_chains_of_width_one_have_few_pieces():
    k = 3
    with pytest.raises(plica.UnsupportedError, match="false as printed"):
        bounds.maxout_montufar_2014((1, 1, 1), k)
    most = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pairs = [(rng.normal(size=(k, 1)), rng.normal(size=k)) for _ in range(2)]
        net = Network.mlp([*pairs, ([[1.0]], [0])], maxout=k)
        most = max(most, regions(net))
    assert most <= 3 * k - 2 < k * k
    assert bounds.maxout_fold((1, 1, 1), k) <= 3 * k - 2
    assert bounds.maxout_montufar_2014((1, 1, 1), 2) == 4 <= bounds.maxout_upper((1, 1, 1), 2)


def test_two_units_make_no_three_pieces_of_an_interval():
    # the maximum for (1, 2, 2) is 7; three pieces from two units would give 9
    most = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        layers = [(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in [(1, 2), (2, 2)]]
        most = max(most, regions(Network.mlp([*layers, ([[1, 1]], [0])])))
    assert bounds.best_fold((1, 2, 2)) == 6 <= most <= 7
