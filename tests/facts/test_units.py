"""Pieces that units take over a domain, against the exact cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.engines.reference_cells import enumerate_cells
from plica.exact import RationalChain
from tests.properties.chains import some
from tests.twins.networks import he

from .cases import NAMED, cells_of, each_dimension, question


def check(net: plica.Network, domain, cells) -> None:
    report = plica.units_report(net, domain)
    columns = zip(*(cell.pattern for cell in cells), strict=True)
    assert report.pieces == tuple(tuple(sorted(set(column))) for column in columns)
    assert report.complete
    several = [len(p) for p in report.pieces]
    assert report.stable.tolist() == [k for k, n in enumerate(several) if n == 1]
    assert sorted([*report.dead, *report.always_on]) == report.stable.tolist()


@pytest.mark.parametrize(("net", "domain"), NAMED)
def test_named_networks(net: plica.Network, domain: plica.Box) -> None:
    check(net, domain, list(enumerate_cells(net, domain)))


@each_dimension
@some(20)
@given(data=st.data())
def test_random_chains(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    check(net, domain, cells_of(net, domain))


def test_dead_and_always_on() -> None:
    W, b = np.eye(4, 2), np.array([0.0, 2.0, 1.0, -1.0])
    net = plica.Network.mlp([(W, b), (np.ones((1, 4)), [0])])
    report = plica.units_report(net, plica.Box([-1, -1], [1, 1]))
    # two rows of the identity, then two units of constants
    assert (report.dead.tolist(), report.always_on.tolist()) == ([3], [1, 2])
    assert report.layers.tolist() == [1, 1, 1, 1]
    assert "1 dead, 2 always on" in repr(report)
    clipped = plica.Network.mlp([([[1.0]], [0.0]), ([[1.0]], [0.0])], "hardtanh")
    report = plica.units_report(clipped, plica.Box([0], [2]))
    assert (report.pieces, report.partial.tolist()) == (((1, 2),), [0])


def test_a_budget_leaves_a_subset() -> None:
    net, domain = plica.Network.mlp(he([4, 16, 12, 1], 0)), plica.Box.cube(4)
    some_pieces = plica.units_report(net, domain, budget=3)
    every = plica.units_report(net, domain)
    assert not some_pieces.complete
    assert "so far" in repr(some_pieces)
    assert (every.taken | ~some_pieces.taken).all()
    assert (every.taken != some_pieces.taken).any()


def test_points_take_the_pieces_listed() -> None:
    net, domain = plica.Network.mlp(he([3, 10, 8, 2], 1)), plica.Box.cube(3)
    report = plica.units_report(net, domain)
    chain = RationalChain(net)
    for x in np.random.default_rng(0).uniform(-1, 1, (50, 3)):
        assert report.taken[np.arange(net.n_units), list(chain.pattern(x.tolist()))].all()
