"""Max-min forms, differences of convex functions, and the way back to networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plica
from plica.exact.rational import RationalChain
from plica.shallow import MaxMin, difference_of_convex, lattice
from tests.shallow.cases import NETWORKS, cube, rationals
from tests.twins.networks import SQUARE

PLANE = NETWORKS["integer"]
SMALL = ["deep", "integer", "three inputs", "hardtanh", "residual", "maxout 3", "dead", "affine"]


@pytest.mark.parametrize("name", SMALL)
def test_lattice_is_the_network(name: str) -> None:
    net = NETWORKS[name]
    domain = cube(net)
    for output in range(net.n_outputs):
        form = lattice(net, domain, output)
        chain = RationalChain(net)
        for x in rationals(domain, 30):
            assert form.value(x) == chain.value(x)[output]
        x = np.random.default_rng(0).uniform(-1, 1, (200, net.n_inputs))
        np.testing.assert_allclose(form(x)[:, 0], net(x)[:, output], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["deep", "integer", "maxout 2"])
def test_and_back(name: str) -> None:
    net = NETWORKS[name].select(0)
    back = lattice(net, SQUARE).to_network()
    relu = plica.PiecewiseLinear.relu()
    assert all(f == relu for stage in back.stages for f in stage.units.functions)
    assert plica.equal_on(net, back, SQUARE).equal


def test_any_list_of_pieces_becomes_a_network() -> None:
    rng = np.random.default_rng(0)
    for n, k in ((1, 1), (1, 4), (2, 5), (3, 7)):
        maps = rng.normal(size=(k, n + 1))
        groups = [rng.choice(k, rng.integers(1, k + 1), replace=False) for _ in range(4)]
        form = MaxMin.of(maps, groups)
        net = form.to_network()
        x = rng.normal(size=(200, n))
        values = x @ maps[:, :-1].T + maps[:, -1]
        expected = np.max([values[:, g].min(axis=1) for g in groups], axis=0)
        np.testing.assert_allclose(net(x)[:, 0], expected, rtol=1e-12, atol=1e-12)
        chain = RationalChain(net)
        for point in rationals(plica.Space(n), 10):
            assert chain.value(point)[0] == form.value(point)


def test_max_min_refuses() -> None:
    with pytest.raises(plica.NetworkError, match="group"):
        MaxMin.of([[1, 2]], [])
    with pytest.raises(plica.NetworkError, match="outside"):
        MaxMin.of([[1, 2]], [[1]])
    with pytest.raises(plica.NetworkError, match="NaN"):
        MaxMin.of([[1, np.nan]], [[0]])
    with pytest.raises(plica.NetworkError, match="shape"):
        MaxMin.of([1, 2], [[0]])


@pytest.mark.parametrize("form", [MaxMin.of([[1, 2, 3]], [[0]]), difference_of_convex(PLANE)])
def test_points_of_other_dimensions_are_refused(form: Any) -> None:
    with pytest.raises(plica.NetworkError, match="points of 2 coordinates"):
        form([[1.0, 2.0, 3.0]])
    with pytest.raises(plica.NetworkError, match="point of 2 coordinates"):
        form.value([1])


@pytest.mark.parametrize("name", ["integer", "residual", "residual abs", "maxout 2", "dead"])
def test_difference_of_convex_is_the_network(name: str) -> None:
    net = NETWORKS[name]
    form = difference_of_convex(net, cube(net))
    chain = RationalChain(net)
    for x in rationals(SQUARE, 20):
        assert form.value(x) == chain.value(x)
    other = form.max_min(0)
    for x in rationals(SQUARE, 20):
        assert other.value(x) == chain.value(x)[0]
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    np.testing.assert_allclose(form(x), net(x), rtol=1e-9, atol=1e-9)


def test_difference_of_convex_refuses_large_sets() -> None:
    with pytest.raises(plica.SizeError, match="limit"):
        difference_of_convex(NETWORKS["deeper"], limit=10)
