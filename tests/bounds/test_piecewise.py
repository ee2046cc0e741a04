import random
import time
from math import comb

import numpy as np
import pytest

import plica
from plica import PiecewiseLinear, bounds
from plica.bounds.histograms import poured

from .test_upper import random_net, regions

STAIRS = PiecewiseLinear([-1.0, -0.5, 0.5, 1.0], [0.0, 1.0, 0.0, 2.0, 0.5])


def flat_by_cells(widths, p, flat):
    """The bound, one product after another."""
    v = {widths[0]: 1}
    for m in widths[1:]:
        after = {}
        caps = [comb(m, i) * flat**i * (p + 1 - flat) ** (m - i) for i in range(m + 1)]
        for d, cells in v.items():
            for i, count in enumerate(poured(caps, bounds.piecewise_layer(d, m, p) if d else 1)):
                to = min(d, m - i)
                after[to] = after.get(to, 0) + cells * count
        v = after
    return sum(v.values())


@pytest.mark.parametrize("seed", range(60))
def test_flat_pieces(seed):
    rng = random.Random(seed)
    widths = tuple(rng.randint(1, 8) for _ in range(rng.randint(2, 5)))
    p = rng.randint(1, 4)
    flat = rng.randint(0, p)
    found = bounds.flat_upper(widths, p, flat)
    assert found == flat_by_cells(widths, p, flat)
    assert found <= bounds.piecewise_upper(widths, p)
    assert bounds.flat_upper(widths, p, 0) == bounds.piecewise_upper(widths, p)
    assert bounds.flat_upper(widths, 1, 1) == bounds.serra_2018(widths)
    assert bounds.piecewise_upper(widths, 1) == bounds.montufar_2017(widths)


@pytest.mark.parametrize(
    ("activation", "p", "flat"),
    [("hardtanh", 2, 2), ("abs", 1, 0), (STAIRS, 4, 2), ("relu6", 2, 2), ("leaky_relu", 1, 0)],
)
@pytest.mark.parametrize("widths", [(1, 4, 4), (2, 3, 3), (3, 2, 3), (2, 2, 2, 2)], ids=str)
def test_random_networks_stay_below(activation, p, flat, widths):
    for seed in range(3):
        net = random_net(widths, seed, activation=activation)
        assert regions(net) <= bounds.flat_upper(widths, p, flat)


@pytest.mark.parametrize(("n0", "n1"), [(1, 3), (2, 3), (3, 2), (3, 4)])
def test_one_layer_is_exact(n0, n1):
    for activation, p in ((STAIRS, 4), ("hardtanh", 2), ("abs", 1)):
        net = random_net((n0, n1), 0, activation=activation)
        for kind in ("activation", "linear"):
            found = int(plica.count_regions(net, plica.Space(n0), kind=kind))
            assert found == bounds.piecewise_layer(n0, n1, p)


def test_widest_layer_is_attained():
    # the first layer has one slope on a ball, the second cuts it
    rng = np.random.default_rng(0)
    bent = PiecewiseLinear([-1.0, 1.0], [1.0, 0.5, 2.0])
    W, b = 0.01 * rng.normal(size=(2, 3)), np.array([-4.0, 4.0])
    V = 1000 * rng.normal(size=(4, 2))
    net = plica.Network.mlp([(W, b), (V, -V @ bent(b)), (np.ones((1, 4)), [0])], bent)
    found = int(plica.count_regions(net, plica.Box.cube(3, -40, 40)))
    assert found == bounds.widest_layer((3, 2, 4), 2) == bounds.piecewise_layer(2, 4, 2)


def test_fast():
    start = time.process_time()
    bounds.table((300, *[200] * 50), activation="hardtanh")
    assert time.process_time() - start < 2.0


def test_what_is_refused():
    with pytest.raises(plica.NetworkError, match="flat pieces"):
        bounds.flat_upper((2, 3), 1, 3)
    with pytest.raises(plica.NetworkError, match="breakpoints"):
        bounds.piecewise_layer(2, 3, 0)
    with pytest.raises(plica.UnsupportedError, match="layer 1 has 1"):
        bounds.piecewise_fold((2, 1, 3), 2)
    with pytest.raises(plica.NetworkError, match="folding bound"):
        bounds.named_fold((2, 3), "relu")
    with pytest.raises(plica.UnsupportedError, match="flat pieces"):
        bounds.named_fold((2, 4, 4), "hardtanh", "linear")
    with pytest.raises(plica.NetworkError, match="counts"):
        bounds.named_fold((2, 4, 4), "abs", "both")
