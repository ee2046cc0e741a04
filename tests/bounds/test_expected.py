from itertools import pairwise
from math import comb, factorial, pi, sqrt

import numpy as np
import pytest

import plica
from plica import bounds

from .test_upper import random_net


def random_nets(widths, n, bias_std=1.0, seed=100):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        pairs = [
            (rng.normal(0, sqrt(2 / a), (b, a)), rng.normal(0, bias_std, b))
            for a, b in pairwise(widths)
        ]
        yield plica.Network.mlp([*pairs, (np.ones((1, widths[-1])), [0])])


@pytest.mark.parametrize("widths", [(1, 10), (1, 8, 8), (1, 5, 5, 5)])
def test_expected_breakpoints_are_the_mean_of_exact_counts(widths):
    box = plica.Box([-1], [1])
    found = bounds.expected_creases(widths, box, networks=400, seed=1)
    counts = [int(plica.count_regions(net, box)) - 1 for net in random_nets(widths, 400)]
    stderr = np.hypot(found.stderr, np.std(counts) / sqrt(len(counts)))
    assert abs(np.mean(counts) - found.mean) < 4 * stderr
    assert 0 < stderr < 0.1 * found.mean


def test_expected_length_of_creases_in_a_square():
    box = plica.Box.cube(2)
    found = bounds.expected_creases((2, 6, 4), box, networks=300, seed=2)
    lengths = []
    for net in random_nets((2, 6, 4), 150, seed=3):
        atlas = plica.map_regions(net, box)
        facets = atlas.facets()
        lengths.append(np.linalg.norm(facets.ends[:, 1] - facets.ends[:, 0], axis=1).sum())
    stderr = np.hypot(found.stderr, np.std(lengths) / sqrt(len(lengths)))
    assert abs(np.mean(lengths) - found.mean) < 4 * stderr


@pytest.mark.parametrize("widths", [(1, 8, 8), (2, 8, 8)])
def test_the_bound_is_above_the_mean_count(widths):
    box = plica.Box.cube(widths[0], -2, 2)
    nets = list(random_nets(widths, 20))
    mean = np.mean([int(plica.count_regions(net, box)) for net in nets])
    constants = [bounds.estimate_constants(net, box) for net in nets]
    c_grad, c_bias = max(c.c_grad for c in constants), max(c.c_bias for c in constants)
    n0, n = widths[0], sum(widths[1:])
    assert constants[0].n_units == n
    bound = bounds.hanin_rolnick_2019(n0, n, c_grad, c_bias, volume=4.0**n0)
    assert mean <= bound
    T = 32 * c_grad * c_bias
    assert bound == pytest.approx((T * n) ** n0 / factorial(n0) * 4**n0)


def test_maxout():
    n0, n, k, c_grad, c_bias = 3, 12, 4, 0.7, 0.4
    T = 32 * c_grad * c_bias
    assert bounds.tseran_montufar_2021(n0, n, k, c_grad, c_bias) == pytest.approx(
        (T * k * n) ** n0 * comb(k * n0, 2 * n0) / factorial(n0)
    )
    assert bounds.tseran_montufar_2021_boundary(n0, n, k, c_grad, c_bias) == pytest.approx(
        (T / 2) ** n0 * (2 * k * n) ** 2 * comb(2 * k, 4) / 2
    )
    # a rectifier is a maxout unit of rank 2, and the maxout bound is the weaker one
    relu = bounds.hanin_rolnick_2019(n0, n, c_grad, c_bias)
    assert bounds.tseran_montufar_2021(n0, n, 2, c_grad, c_bias) >= relu


def test_fewer_units_than_inputs():
    assert bounds.hanin_rolnick_2019(5, 3, 1.0, 1.0) == 8
    assert bounds.tseran_montufar_2021(5, 3, 3, 1.0, 1.0) == 27


def test_constants():
    W = np.array([[3.0, 4.0], [0.0, 1.0]])
    net = plica.Network.mlp([(W, [1.0, -1.0]), ([[1.0, 1.0]], [0])])
    found = bounds.estimate_constants(net, plica.Box.cube(2))
    assert found.c_grad == pytest.approx(5)
    assert found.c_bias == pytest.approx(1 / sqrt(2 * pi))
    with pytest.raises(plica.UnsupportedError, match="biases"):
        bounds.estimate_constants(random_net((2, 4), 0, bias=0), plica.Box.cube(2))
    with pytest.raises(plica.UnsupportedError, match="box"):
        bounds.estimate_constants(net, plica.Space(2))


def test_what_is_refused():
    with pytest.raises(plica.NetworkError, match="c_grad must be a positive"):
        bounds.hanin_rolnick_2019(2, 4, -1.0, 1.0)
    with pytest.raises(plica.NetworkError, match="standard error"):
        bounds.expected_creases((1, 4), plica.Box([0], [1]), networks=1)
    with pytest.raises(plica.NetworkError, match="extent"):
        bounds.expected_creases((2, 4), plica.Box([0, 0], [1, 0]))
