"""What must not change, or change in a known way, when a network or domain is rewritten."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import plica
from plica import Network, Stage, Units
from plica.engines import reference
from tests.twins.networks import NETWORKS, SQUARE, he, integer

LAYERS = {
    "generic": he([2, 7, 6, 5, 1], 3),
    "integer": integer([2, 7, 6, 5, 1], 3),
    "integer-b": integer([2, 8, 8, 2], 21, bias=1),
    "no-bias": he([2, 6, 6, 1], 9, bias=0),
}
ACTIVATIONS = ["relu", "leaky_relu", "hardtanh"]

all_layers = pytest.mark.parametrize("name", LAYERS)
all_activations = pytest.mark.parametrize("activation", ACTIVATIONS)


def patterns(net: Network, domain: plica.domains.Domain) -> set[tuple[int, ...]]:
    return {tuple(p) for p in plica.map_regions(net, domain).patterns.tolist()}


@all_layers
@all_activations
def test_neurons_in_another_order(name: str, activation: str) -> None:
    layers = LAYERS[name]
    rng = np.random.default_rng(1)
    changed, columns, before = [], [], 0
    order = np.arange(2)
    for i, (W, b) in enumerate(layers):
        new = rng.permutation(len(b)) if i < len(layers) - 1 else np.arange(len(b))
        changed.append((W[new][:, order], b[new]))
        if i < len(layers) - 1:
            columns += (new + before).tolist()
            before += len(b)
        order = new
    original = patterns(Network.mlp(layers, activation), SQUARE)
    moved = patterns(Network.mlp(changed, activation), SQUARE)
    assert moved == {tuple(p[i] for i in columns) for p in original}


@all_layers
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs"])
def test_rescaled_rectifiers(name: str, activation: str) -> None:
    """A row times 2^k and the next column times 2^-k: the same function, exactly."""
    rng = np.random.default_rng(2)
    changed = [(W.copy(), b.copy()) for W, b in LAYERS[name]]
    for (W, b), (V, _) in pairwise(changed):
        factor = 2.0 ** rng.integers(-30, 31, len(b))
        W *= factor[:, None]
        b *= factor
        V /= factor
    original = Network.mlp(LAYERS[name], activation)
    assert patterns(Network.mlp(changed, activation), SQUARE) == patterns(original, SQUARE)


@all_layers
@pytest.mark.parametrize("k", [-200, -20, 20, 200])
def test_rescaled_domain(name: str, k: int) -> None:
    (W, b), *rest = LAYERS[name]
    net = Network.mlp([(W * 2.0**-k, b), *rest])
    box = plica.Box([-(2.0**k)] * 2, [2.0**k] * 2)
    assert patterns(net, box) == patterns(Network.mlp(LAYERS[name]), SQUARE)


@all_layers
@all_activations
@pytest.mark.parametrize(("coordinate", "at"), [(0, 0.0), (0, 0.3), (1, -0.5), (1, 2.0**-30)])
def test_a_domain_cut_in_two(name: str, activation: str, coordinate: int, at: float) -> None:
    net = Network.mlp(LAYERS[name], activation)
    low, high = np.array([-1.0, -1]), np.array([1.0, 1])
    middle_high, middle_low = high.copy(), low.copy()
    middle_high[coordinate] = middle_low[coordinate] = at
    one = plica.map_regions(net, plica.Box(low, middle_high))
    two = plica.map_regions(net, plica.Box(middle_low, high))
    whole = plica.map_regions(net, SQUARE)
    sides = [
        {v[coordinate] > at for v in cell.vertices if v[coordinate] != at}
        for cell in reference.enumerate_cells(net, SQUARE)
    ]
    cut = sum(len(s) == 2 for s in sides)
    assert len(one) + len(two) - cut == len(whole) == len(sides)
    assert one.sizes.sum() + two.sizes.sum() == pytest.approx(whole.sizes.sum(), rel=1e-12)
    both = {tuple(p) for atlas in (one, two) for p in atlas.patterns.tolist()}
    assert both == {tuple(p) for p in whole.patterns.tolist()}


@all_layers
def test_a_dead_unit_more(name: str) -> None:
    (W, b), (V, c), *rest = LAYERS[name]
    dead = [
        (np.vstack([W, [1.0, -1.0]]), np.append(b, -50.0)),
        (np.hstack([V, np.ones((len(c), 1))]), c),
    ]
    n = len(b)
    original = patterns(Network.mlp(LAYERS[name]), SQUARE)
    assert patterns(Network.mlp([*dead, *rest]), SQUARE) == {(*p[:n], 0, *p[n:]) for p in original}


@all_layers
def test_a_unit_twice(name: str) -> None:
    (W, b), (V, c), *rest = LAYERS[name]
    half = np.hstack([V, V[:, :1] / 2])
    half[:, 0] /= 2
    twice = [(np.vstack([W, W[:1]]), np.append(b, b[0])), (half, c)]
    n = len(b)
    original = patterns(Network.mlp(LAYERS[name]), SQUARE)
    assert patterns(Network.mlp([*twice, *rest]), SQUARE) == {
        (*p[:n], p[0], *p[n:]) for p in original
    }


@all_layers
@all_activations
@pytest.mark.parametrize(
    "turn", [[[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [1, 0]], [[1, 0], [0, -1]]]
)
def test_the_square_turned(name: str, activation: str, turn: list) -> None:
    net = Network.mlp(LAYERS[name], activation)
    turned = Network.mlp(
        [(LAYERS[name][0][0] @ np.array(turn), LAYERS[name][0][1]), *LAYERS[name][1:]], activation
    )
    in_front = net.before(turn, [0, 0])
    assert patterns(turned, SQUARE) == patterns(net, SQUARE) == patterns(in_front, SQUARE)


@pytest.mark.parametrize(
    "name", ["integer-8-6", "generic-5-5-5", "staircase", "max-pool-3", "residual"]
)
def test_identity_stages_change_nothing(name: str) -> None:
    net = NETWORKS[name]
    longer = [Stage(np.eye(2), [0, 0])]
    for stage in net.stages:
        longer += [
            stage,
            Stage(np.eye(stage.n_out), np.zeros(stage.n_out), Units.identity(stage.n_out)),
        ]
    assert patterns(Network(longer), SQUARE) == patterns(net, SQUARE)


def test_maxout_with_zero_is_a_rectifier() -> None:
    layers = LAYERS["integer"][:1]
    W, b = layers[0]
    rows = np.zeros((2 * len(b), 2))
    shift = np.zeros(2 * len(b))
    rows[1::2], shift[1::2] = W, b
    readout = (np.ones((1, len(b))), [0])
    maxout = Network.mlp([(rows, shift), readout], maxout=2)
    assert patterns(maxout, SQUARE) == patterns(Network.mlp([(W, b), readout]), SQUARE)


@all_layers
def test_a_line_is_a_cut_through_the_plane(name: str) -> None:
    net = Network.mlp(LAYERS[name])
    for start, end in (([-1, -0.9], [1, 0.8]), ([-0.7, 1], [0.3, -1])):
        line = plica.map_regions(net, plica.Segment(start, end))
        assert {tuple(p) for p in line.patterns.tolist()} <= patterns(net, SQUARE)
        backwards = plica.map_regions(net, plica.Segment(end, start))
        assert backwards.patterns.tolist() == line.patterns[::-1].tolist()


def test_a_slice_of_the_plane_is_the_plane() -> None:
    net = NETWORKS["integer-5-5-5"]
    box = plica.Box([-1, -1], [1, 1])
    whole = plica.Slice([0, 0], [[1, 0], [0, 1]], box)
    slanted = plica.Slice([0, 0], [[2, 0], [0, 0.5]], ([-0.5, -2], [0.5, 2]))
    assert patterns(net, whole) == patterns(net, slanted) == patterns(net, box)
    sizes = [plica.map_regions(net, d).sizes.sum() for d in (whole, slanted, box)]
    assert sizes == pytest.approx([4, 4, 4], rel=1e-12)
