from itertools import combinations, product
from math import comb, prod

import numpy as np
import pytest

import plica
from plica import Network, bounds
from plica.bounds import Convolution


def by_subsets(fields, m):
    """The sum of Xiong et al. 2020, every condition of K looked at."""
    n = len(fields)
    unions = {
        J: len(set().union(*(fields[i] for i in J)))
        for size in range(1, n + 1)
        for J in combinations(range(n), size)
    }
    return sum(
        prod(comb(m, x) for x in t)
        for t in product(range(m + 1), repeat=n)
        if all(sum(t[i] for i in J) <= size for J, size in unions.items())
    )


@pytest.mark.parametrize("seed", range(25))
def test_sum_over_feasible_vectors(seed):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    fields = [set(rng.choice(6, int(rng.integers(1, 5)), replace=False).tolist()) for _ in range(n)]
    assert bounds.fields_layer(fields, m) == by_subsets(fields, m)


@pytest.mark.parametrize(
    ("length", "channels", "kernel", "stride", "m"),
    [(5, 1, 2, 1, 3), (5, 2, 3, 1, 2), (6, 1, 3, 2, 2)],
)
def test_intervals(length, channels, kernel, stride, m):
    fields = Convolution(m, kernel, stride).fields((channels, length))
    shuffled = [fields[i] for i in np.random.default_rng(0).permutation(len(fields))]
    assert bounds.fields_layer(shuffled, m) == by_subsets(fields, m)
    # other names of the inputs: no intervals any more, so it is done by matchings
    names = np.random.default_rng(1).permutation(channels * length)
    renamed = [{int(names[x]) for x in field} for field in fields]
    assert bounds.fields_layer(renamed, m) == by_subsets(fields, m)


def convolve(shape, layers, seed):
    """Stages of a convolutional network with generic filters, one output."""
    rng = np.random.default_rng(seed)
    pairs = []
    for layer in layers:
        fields = layer.fields(shape)
        extents = shape[1:]
        size = max(map(len, fields))
        filters, bias = rng.normal(size=(layer.filters, size)), rng.normal(0, 0.5, layer.filters)
        W = np.zeros((len(fields) * layer.filters, prod(shape)))
        for i, field in enumerate(fields):
            W[i * layer.filters : (i + 1) * layer.filters, sorted(field)] = filters
        pairs.append((W, np.tile(bias, len(fields))))
        shape = (layer.filters, *layer.positions(extents))
    return Network.mlp([*pairs, (rng.normal(size=(1, prod(shape))), [0])])


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((1, 3), Convolution(2, 2)),
        ((1, 4), Convolution(2, 2)),
        ((2, 3), Convolution(2, 2)),
        ((1, 2, 3), Convolution(2, (2, 2))),
        ((1, 3, 3), Convolution(1, 2)),
        ((1, 2, 2), Convolution(3, (1, 2))),
    ],
)
def test_one_layer_is_exact(shape, layer):
    net = convolve(shape, [layer], 0)
    exact = bounds.fields_layer(layer.fields(shape), layer.filters)
    assert int(plica.count_regions(net, plica.Space(prod(shape)))) == exact
    assert exact <= bounds.one_layer(prod(shape), net.n_units)
    assert bounds.convolution_upper(shape, [layer]) == exact
    assert bounds.convolution_lower(shape, [layer]) == exact


def test_deep_networks_stay_below():
    shape, layers = (1, 3), [Convolution(2, 2), Convolution(2, 2)]
    upper = bounds.convolution_upper(shape, layers)
    for seed in range(4):
        net = convolve(shape, layers, seed)
        assert int(plica.count_regions(net, plica.Space(3))) <= upper
    assert bounds.convolution_lower(shape, layers) <= upper
    # folding each of two pixels twice, then two lines in the plane of the pixels
    assert bounds.convolution_lower(shape, layers) == 2**2 * bounds.one_layer(2, 2)


def test_folding_convolution_attains_the_lower_bound():
    # pixels 0 and 1 of three, both folded: 2 t, then relu pairs; the last layer reads both
    first = np.zeros((4, 3))
    first[[0, 1], 0], first[[2, 3], 1] = [2.0, 4.0], [2.0, 4.0]
    back = np.array([[1.0, -1, 0, 0], [0, 0, 1, -1]])
    lines = np.array([[1.0, 1.3], [1.0, -0.7]])
    net = Network.mlp(
        [
            (first, [0, -2, 0, -2]),
            (lines @ back, -lines @ [0.5, 0.5] + [0.01, 0.02]),
            (np.ones((1, 2)), [0]),
        ]
    )
    box = plica.Box([0, 0, 0], [1, 1, 1])
    assert int(plica.count_regions(net, box)) == bounds.convolution_lower(
        (1, 3), [Convolution(2, 2), Convolution(2, 2)]
    )


def test_long_signals_are_quick():
    layer = Convolution(8, 5)
    found = bounds.fields_layer(layer.fields((3, 200)), 8)
    assert found.bit_length() > 600
    assert found <= bounds.one_layer(600, 8 * 196)


def test_what_is_refused():
    with pytest.raises(plica.UnsupportedError, match="overlap"):
        bounds.fields_layer(Convolution(3, 3).fields((1, 12, 12)), 3)
    with pytest.raises(plica.UnsupportedError, match="filters"):
        bounds.convolution_lower((3, 4), [Convolution(2, 2), Convolution(2, 2)])
    with pytest.raises(plica.NetworkError, match="larger than the image"):
        Convolution(2, 5).positions((4,))
    with pytest.raises(plica.NetworkError, match="one number for each"):
        Convolution(2, (2, 2)).positions((4,))
    with pytest.raises(plica.NetworkError, match="field"):
        bounds.fields_layer([set()], 2)
    with pytest.raises(plica.NetworkError, match="at least one layer"):
        bounds.convolution_upper((1, 3), [])
