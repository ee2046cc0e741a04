"""Lossless simplification: the same function, proved, and what should go is gone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica import Network, PiecewiseLinear, Stage, Units
from plica.errors import BudgetError
from tests.properties.chains import some
from tests.twins.networks import he, integer

from .cases import NAMED, SQUARE, bends, cells_of, each_dimension, question

#: Functions whose pieces all have intercepts that are float64.
EXACT = (PiecewiseLinear.relu(), PiecewiseLinear.leaky_relu(), PiecewiseLinear.absolute())


def check(net: Network, domain) -> Network:
    small = net.simplify(domain)
    assert plica.equal_on(net, small, domain)
    assert small.n_units <= net.n_units
    assert len(small.stages) <= len(net.stages)
    # nothing is left to be done
    again = small.simplify(domain)
    assert again.n_units == small.n_units
    return small


@pytest.mark.parametrize(("net", "domain"), NAMED)
def test_named_networks(net: Network, domain: plica.Box) -> None:
    small = check(net, domain)
    stable = plica.units_report(net, domain).stable
    if all(f in EXACT for stage in net.stages for f in stage.units.functions):
        assert small.n_units <= net.n_units - stable.size


@each_dimension
@some(20)
@given(data=st.data())
def test_random_chains(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    cells_of(net, domain)
    check(net, domain)


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_unit(seed: int) -> None:
    for net in bends(3, seed):
        check(net, plica.Box.cube(3))
        check(net, plica.Box([0, 0.25, 0.5], [0.25, 0.5, 0.75]))


def test_dead_unread_and_duplicate_units_go() -> None:
    (W, b), (V, c), (U, d) = integer([2, 4, 3, 1], 7)
    W, b = np.vstack([W, W[0], 4 * W[1], np.eye(2)]), [*b, b[0], 4 * b[1], -9, -9]
    V = np.hstack([V, np.ones((3, 4))])
    V[:, 3] = 0  # nothing reads unit 3
    net = Network.mlp([(W, b), (V, c), (U, d)])
    small = check(net, SQUARE)
    assert small.widths[1] <= 3
    assert plica.equal_on(net, small, SQUARE)


def test_a_linear_region_becomes_one_stage() -> None:
    """Where no crease passes, integer weights fold into one affine map."""
    net = Network.mlp([(np.eye(3), [5, 5, -5]), (np.ones((2, 3)), [1, 2]), ([[1, -1]], [0])])
    small = check(net, plica.Box.cube(3))
    assert len(small.stages) == 1
    assert small.stages[0].A.tolist() == [[0, 0, 0]]
    assert small.stages[0].a.tolist() == [-1]


def test_what_would_round_stays() -> None:
    """Two maps whose product is no float64 are not multiplied, nor constants that round added."""
    net = Network.mlp([([[0.1]], [1.0]), ([[0.3]], [0.0])])
    small = check(net, plica.Box([-1], [1]))
    assert (small.n_units, len(small.stages)) == (0, 2)
    flat = Network.mlp([([[0.0], [1.0]], [0.1, 0.0]), ([[0.3, 1.0]], [0.7])])
    small = check(flat, plica.Box([-1], [1]))
    assert (small.n_units, small.stages[0].n_out) == (1, 2)
    exact = Network.mlp([([[0.0], [1.0]], [0.5, 0.0]), ([[0.25, 1.0]], [0.75])])
    small = check(exact, plica.Box([-1], [1]))
    assert (small.n_units, small.stages[0].n_out) == (1, 1)
    assert small.stages[-1].a.tolist() == [0.875]


def test_unused_breakpoints_go() -> None:
    clipped = Network.mlp([([[1.0]], [0.0]), ([[1.0]], [0.0])], "hardtanh")
    (unit,) = check(clipped, plica.Box([0], [2])).stages[0].units.functions
    assert unit == PiecewiseLinear([1.0], [1.0, 0.0])
    (unit,) = check(clipped, plica.Box([-2], [0.5])).stages[0].units.functions
    assert unit == PiecewiseLinear([-1.0], [0.0, 1.0], -1.0)
    best = Network.mlp([([[1.0], [-1.0], [0.5], [0.0]], [0, 0, 0, -3]), ([[1.0]], [0])], maxout=4)
    assert check(best, plica.Box([-2], [2])).unit_pieces.tolist() == [2]


def test_sparse_maps_stay_sparse() -> None:
    rng = np.random.default_rng(0)
    A = sp.csr_array((rng.random((30, 3)) < 0.4) * rng.normal(size=(30, 3)).round(2))
    B = sp.csr_array((rng.random((20, 30)) < 0.2) * rng.normal(size=(20, 30)).round(2))
    net = Network(
        [
            Stage(A, rng.normal(size=30).round(1), Units.relu(30)),
            Stage(B, rng.normal(size=20).round(1), Units.relu(20)),
            Stage(rng.integers(-2, 3, (2, 20)), [0, 0]),
        ]
    )
    domain = plica.Box([0] * 3, [0.25] * 3)
    small = check(net, domain)
    assert small.stages[0].sparse
    assert small.n_units < net.n_units / 2


def test_outside_the_domain_it_may_differ() -> None:
    net = Network.mlp(he([2, 12, 8, 1], 3))
    corner = plica.Box([0.5, 0.5], [0.75, 0.75])
    small = check(net, corner)
    assert small.n_units < net.n_units
    assert not plica.equal_on(net, small, plica.Box([-9, -9], [9, 9]))


def test_a_budget_that_runs_out_is_an_error() -> None:
    net = Network.mlp(he([4, 16, 12, 1], 0))
    with pytest.raises(BudgetError, match="budget") as caught:
        net.simplify(plica.Box.cube(4), budget=2)
    assert not caught.value.partial.complete
