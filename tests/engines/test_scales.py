"""Weights so small or large that products overflow and underflow: the same regions as without."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.engines.walk import unpack
from tests.engines.test_refined_maps import walked


def scaled(n_inputs: int, factors: list[float]) -> plica.Network:
    """A fixed network whose weights are multiplied layer by layer by powers of 2."""
    W = np.random.default_rng(0).integers(-4, 5, (3, n_inputs)).astype(float)
    mixed = np.array([[1.0, 2.0, -1.0], [1.0, -1.0, 3.0], [-2.0, 1.0, 1.0]])
    weights = [W, mixed, mixed, mixed, np.ones((1, 3))]
    biases = [np.zeros(3), np.zeros(3), np.zeros(3), np.array([-0.25, 0.5, -1.0]), np.zeros(1)]
    return plica.Network.mlp(
        [(A * f, a) for A, f, a in zip(weights, factors, biases, strict=True)], "leaky_relu"
    )


@pytest.mark.parametrize("n_inputs", [1, 2, 3])
def test_what_underflows_on_the_way_is_not_lost(n_inputs: int) -> None:
    # after two layers all entries of the maps are 0 in float64; later layers make them large again
    domain = (
        plica.Segment([-1.0], [1.0])
        if n_inputs == 1
        else plica.Box([-1.0] * n_inputs, [1.0] * n_inputs)
    )
    tiny = scaled(n_inputs, [2.0**-600, 2.0**-600, 2.0**1000, 2.0**200, 1.0])
    same = scaled(n_inputs, [1.0] * 5)
    assert int(plica.count_regions(tiny, domain)) == int(plica.count_regions(same, domain))


@pytest.mark.parametrize("seed", range(40, 60))
def test_weights_of_any_size(seed: int) -> None:
    # products of coefficients overflow and underflow: no such number may decide anything
    rng = np.random.default_rng(seed)
    layers = []
    for n in (2, 4, 4):
        W = rng.normal(size=(4, n)) * 2.0 ** rng.integers(-500, 500)
        layers.append((W, rng.normal(size=4) * 2.0 ** rng.integers(-500, 500)))
    net = plica.Network.mlp([*layers, (np.ones((1, 4)), np.zeros(1))], "leaky_relu")
    size = 2.0 ** rng.integers(-400, 400)
    domain = plica.Box([-size, -size], [size, 2 * size])
    walk, found = walked(net, domain, 1.0)
    exact_walk, exact = walked(net, domain, float("inf"))
    here = unpack(net, walk.bits, walk.words, found["patterns"])
    there = unpack(net, exact_walk.bits, exact_walk.words, exact["patterns"])
    assert {p.tobytes() for p in here} == {p.tobytes() for p in there}
