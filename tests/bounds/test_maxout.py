from itertools import combinations, pairwise
from math import prod

import numpy as np
import pytest

import plica
from plica import Network, bounds


def layer(n, ranks, seed, bias):
    """One layer of maxout units of several ranks, generic, slopes on spheres."""
    rng = np.random.default_rng(seed)
    size = sum(ranks)
    W = rng.normal(size=(size, n))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    ends = np.cumsum([0, *ranks])
    groups = [range(a, b) for a, b in pairwise(ends)]
    units = plica.Units.max(groups, size)
    stage = plica.Stage(W, bias * rng.normal(size=size), units)
    return Network([stage, plica.Stage(np.ones((1, len(ranks))), [0])])


@pytest.mark.parametrize(
    ("n", "ranks"), [(1, (3, 2)), (2, (3, 3)), (2, (2, 3, 4)), (3, (3, 3, 3)), (3, (2, 4, 3, 2))]
)
@pytest.mark.parametrize("biases", [True, False])
def test_random_layers_stay_below(n, ranks, biases):
    bound = bounds.maxout_layer(n, ranks, biases=biases)
    counts = [
        int(plica.count_regions(layer(n, ranks, seed, float(biases)), plica.Space(n)))
        for seed in range(25)
    ]
    assert max(counts) <= bound
    if not biases and n < 3:  # generic polygons: every corner counts
        assert max(counts) == bound


def test_without_biases_is_attained_in_space():
    counts = [
        int(plica.count_regions(layer(3, (3, 3, 3), seed, 0.0), plica.Space(3)))
        for seed in range(120)
    ]
    assert max(counts) == bounds.maxout_layer(3, (3, 3, 3), biases=False) == 20


def test_with_biases_is_attained_by_parallel_lines():
    rng = np.random.default_rng(0)
    ranks = (3, 2, 4)
    w = rng.normal(size=(3, 1, 2))
    rows, bias = [], []
    for i, k in enumerate(ranks):
        q = np.arange(k)
        rows.append(q[:, None] * w[i])
        bias.append(rng.normal() * q - q * q / 2)
    ends = np.cumsum([0, *ranks])
    units = plica.Units.max([range(a, b) for a, b in pairwise(ends)], 9)
    net = Network(
        [
            plica.Stage(np.concatenate(rows), np.concatenate(bias), units),
            plica.Stage(np.ones((1, 3)), [0]),
        ]
    )
    for kind in ("activation", "linear"):
        found = int(plica.count_regions(net, plica.Space(2), kind=kind))
        assert found == bounds.maxout_layer(2, ranks)


def test_special_cases():
    for n in range(1, 6):
        for m in range(1, 8):
            twos = [2] * m
            for biases in (True, False):
                exact = bounds.one_layer(n, m, biases=biases)
                assert bounds.maxout_layer(n, twos, biases=biases) == exact
            assert bounds.maxout_layer(n, [4] * m) == bounds.piecewise_layer(n, m, 3)
    # elementary symmetric polynomials, written out
    ranks = (3, 5, 2, 4)
    e = [sum(prod(k - 1 for k in s) for s in combinations(ranks, j)) for j in range(5)]
    for n in range(1, 6):
        assert bounds.maxout_layer(n, ranks) == sum(e[: n + 1])


def test_more_dimensions_do_no_harm():
    for ranks in [(3, 3, 3, 3), (2, 5, 3), (2, 2, 2, 2, 2), (4, 3)]:
        for biases in (True, False):
            values = [bounds.maxout_layer(n, ranks, biases=biases) for n in range(1, 8)]
            assert values == sorted(values)
            assert values[-1] == prod(ranks)


def test_bounds_of_2014():
    for n, m, k in [(2, 3, 3), (3, 2, 4), (1, 4, 2)]:
        lower, upper = bounds.maxout_layer_montufar_2014(n, m, k)
        assert lower <= bounds.maxout_layer(n, [k] * m) <= upper


def test_order():
    for widths in [(2, 3, 3), (3, 4, 2, 5)]:
        for k in (2, 3, 5):
            sharper, weaker = bounds.maxout_upper(widths, k), bounds.maxout_serra_2018(widths, k)
            assert sharper <= weaker
            assert sharper <= bounds.naive(widths, k)
