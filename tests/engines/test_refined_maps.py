"""Deep stages in twice the precision: regions as exact arithmetic finds them, true error bounds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import plica
from plica.engines.walk import Walk, unpack


def deep(
    n_inputs: int, width: int, depth: int, seed: int, activation: str = "relu"
) -> plica.Network:
    """A network normalised on random points, so that regions multiply and error bounds explode."""
    rng = np.random.default_rng(seed)
    h = rng.uniform(-1, 1, (200, n_inputs))
    act = {
        "relu": lambda z: np.maximum(z, 0),
        "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
        "abs": np.abs,
        "hardtanh": lambda z: np.clip(z, -1, 1),
    }[activation]
    layers = []
    for _ in range(depth):
        W = rng.normal(size=(width, h.shape[1]))
        z = h @ W.T
        W, b = W / z.std(axis=0)[:, None], -z.mean(axis=0) / z.std(axis=0)
        layers.append((W, b))
        h = act(h @ W.T + b)
    return plica.Network.mlp([*layers, (rng.normal(size=(2, width)), np.zeros(2))], activation)


def walked(
    net: plica.Network, domain: plica.Segment | plica.Box, scale: float
) -> tuple[Walk, dict]:
    walk = Walk(net, domain, patterns=True, polygons=True, maps=True, filter_scale=scale)
    return walk, walk.collect()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs", "hardtanh"])
@pytest.mark.parametrize("n_inputs", [1, 2])
def test_the_same_regions_as_in_exact_arithmetic(n_inputs: int, activation: str) -> None:
    depth = {"relu": 24, "leaky_relu": 16, "abs": 8, "hardtanh": 14}[activation]
    depth = depth if n_inputs == 1 else depth * 2 // 3
    net = deep(n_inputs, 7 if n_inputs == 1 else 5, depth, 1, activation)
    domain = plica.Segment([-1.0], [1.0]) if n_inputs == 1 else plica.Box([-0.6, 0.1], [-0.1, 0.6])
    walk, found = walked(net, domain, 1.0)
    exact_walk, exact = walked(net, domain, float("inf"))
    if activation == "relu":
        assert walk.counters["refined"] > 0
    assert walk.counters["regions"] == exact_walk.counters["regions"] > depth
    assert exact_walk.counters["arbitrated"] > walk.counters["arbitrated"]
    here = unpack(net, walk.bits, walk.words, found["patterns"])
    there = unpack(net, exact_walk.bits, exact_walk.words, exact["patterns"])
    assert {p.tobytes() for p in here} == {p.tobytes() for p in there}


def exact_map(net: plica.Network, pattern: np.ndarray) -> list[list[Fraction]]:
    """Coefficients and constant of every output, in rational arithmetic, of a ReLU network."""
    n = net.n_inputs
    rows = [[Fraction(int(i == k)) for i in range(n + 1)] for k in range(n)]
    column = 0
    for stage in net.stages:
        made = []
        for w, b in zip(stage.A, stage.a, strict=True):
            row = [
                sum(Fraction(float(a)) * r[i] for a, r in zip(w, rows, strict=True) if a)
                for i in range(n + 1)
            ]
            row[n] += Fraction(float(b))
            made.append(row)
        if stage.units.nonlinear.size:
            on = pattern[column : column + len(made)]
            column += len(made)
            made = [row if p else [Fraction(0)] * (n + 1) for row, p in zip(made, on, strict=True)]
        rows = made
    return rows


def test_maps_are_as_near_to_exact_ones_as_is_said() -> None:
    net = deep(1, 20, 22, 3)
    segment = plica.Segment([-1.0], [1.0])
    walk, found = walked(net, segment, 1.0)
    assert walk.counters["refined"] > 0
    patterns = unpack(net, walk.bits, walk.words, found["patterns"])
    bound = walk.counters["map_error"]
    assert bound <= 1e-10 * np.abs(found["maps"]).sum(axis=1).max()
    for k in np.linspace(0, len(patterns) - 1, 12).astype(int):
        expected = exact_map(segment.restrict(net), patterns[k])
        for o, row in enumerate(expected):
            off = sum(
                abs(Fraction(float(m)) - r)
                for m, r in zip(found["maps"][k, :, o], row, strict=True)
            )
            assert off <= bound
