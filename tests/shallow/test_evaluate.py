"""Both ways to evaluate a form give the values that exact arithmetic gives."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica import Network
from plica.engines.terms import TermTable
from plica.shallow import class_shift, max_of_shallow, random_network
from plica.shallow.evaluate import Dense, single
from tests.shallow.cases import NETWORKS, cube
from tests.twins.networks import he

every_network = pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS.keys())


@every_network
@pytest.mark.parametrize("method", ["patterns", "minimal"])
@pytest.mark.parametrize("n_points", [1, 15, 16, 17, 300])
def test_ways_agree(net: Network, method: str, n_points: int) -> None:
    form = max_of_shallow(net, cube(net), method=method)
    x = np.random.default_rng(n_points).uniform(-1, 1, (n_points, net.n_inputs))
    one = np.concatenate([x, np.ones((n_points, 1))], axis=1)
    hidden = np.maximum(form.hidden.floats @ one.T, 0.0)
    expected = np.einsum("tmk,pk->pmt", form.affine.floats, one)
    for t in range(len(form.terms)):
        for e in range(form.start[t], form.start[t + 1]):
            expected[:, :, t] += np.multiply.outer(hidden[form.reads[e]], form.weights.floats[e])
    for way in (Dense(form), single(form)):
        np.testing.assert_allclose(way.each(x), expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(way.largest(x), way.each(x).max(axis=2))


def test_several_blocks() -> None:
    net = random_network(2, 24, 2)
    form = max_of_shallow(net, plica.Box.cube(2), method="patterns")
    table, dense = single(form), Dense(form)
    assert table.term.size > 2
    assert len(dense.blocks) > 1
    assert np.diff(table.listed).max() <= 256 + form.units_per_term.max()
    x = np.random.default_rng(0).uniform(-1, 1, (5000, 2))
    for way in (table, dense):
        np.testing.assert_allclose(way.largest(x), net(x), rtol=1e-11, atol=1e-11)


def test_the_cheaper_way_is_taken() -> None:
    sparse = max_of_shallow(random_network(2, 12, 3), plica.Box.cube(2), method="patterns")
    assert isinstance(sparse.evaluator, TermTable)
    images = class_shift(Network.mlp(he([50, 12, 6, 5])))
    full = max_of_shallow(images, prune=False, method="subsets")
    assert isinstance(full.evaluator, Dense)
    # terms that are constant but for their hidden units multiply no input
    assert full.evaluator.products < len(full.terms) * 5 * 50


def test_no_points_and_no_numbers() -> None:
    form = max_of_shallow(NETWORKS["deep"], cube(NETWORKS["deep"]), method="patterns")
    for way in (Dense(form), single(form)):
        assert way.largest(np.zeros((0, 2))).shape == (0, 1)
        assert np.isnan(way.largest(np.array([[np.nan, 0.0], [0.0, 0.0]]))).tolist() == [
            [True],
            [False],
        ]


def test_tables_that_do_not_fit_are_refused() -> None:
    form = max_of_shallow(NETWORKS["deep"], cube(NETWORKS["deep"]), method="patterns")
    table = single(form)
    for name, value in (
        ("reads", table.reads + 1000),
        ("unit", table.unit - 1),
        ("start", table.start + 1),
        ("weights", table.weights[1:]),
    ):
        broken = TermTable(**{**table.__dict__, name: np.ascontiguousarray(value)})
        with pytest.raises(ValueError, match="do not fit"):
            broken.largest(np.zeros((1, 2)))
