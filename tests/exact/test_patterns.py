"""Exact patterns at floating-point points, against the rational chain."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.exact import patterns as module
from plica.exact.patterns import exact_patterns
from plica.exact.rational import RationalChain
from tests.twins.cell_cases import NETWORKS
from tests.twins.networks import he


def _points(net: plica.Network, rng: np.random.Generator) -> np.ndarray:
    """Generic points, points on creases and within rounding of them."""
    n = net.n_inputs
    wide = rng.uniform(-2, 2, (15, n))
    coarse = rng.integers(-4, 5, (15, n)) / 4
    stage = net.stages[0]
    A, a = stage.dense(), stage.a
    near = []
    for w, c in zip(A, a, strict=True):
        x = rng.uniform(-1, 1, n)
        if w @ w > 0:
            x -= (w @ x + c) / (w @ w) * w
        near += [x, np.nextafter(x, 5), np.nextafter(x, -5)]
    return np.concatenate((wide, coarse, near))


@pytest.mark.parametrize("name", NETWORKS[3])
def test_patterns_are_those_of_the_rational_chain(name: str) -> None:
    net = NETWORKS[3][name]
    x = _points(net, np.random.default_rng(len(name)))
    chain = RationalChain(net)
    want = [list(chain.pattern(point)) for point in x.tolist()]
    assert exact_patterns(net, x).tolist() == want


def test_generic_points_need_no_rationals(monkeypatch: pytest.MonkeyPatch) -> None:
    net = plica.Network.mlp(he([3, 20, 20, 1], 0))
    x = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    want = net.pattern(x)

    def refuse(_net: plica.Network) -> None:
        raise AssertionError("a rational chain was made")

    monkeypatch.setattr(module, "RationalChain", refuse)
    assert (exact_patterns(net, x) == want).all()
    monkeypatch.setattr(module, "CHUNK", 40)
    assert (exact_patterns(net, x) == want).all()


def test_rounding_does_not_choose_the_side() -> None:
    # 0.1 + 0.2 - 0.3 is positive in exact arithmetic of these numbers, though it may round to zero
    net = plica.Network.mlp([([[1, 1, -1]], [0]), ([[1]], [0])])
    x = np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.30000000000000004], [0.5, 0.25, 0.75]])
    exact = [RationalChain(net).pre_at(0, row)[0] > 0 for row in x.tolist()]
    assert exact == [True, False, False]
    assert exact_patterns(net, x)[:, 0].astype(bool).tolist() == exact
