"""Equality of networks on a domain: proofs for rewritten ones, real counterexamples for others."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.engines.reference_cells import enumerate_cells
from plica.errors import DomainError, NetworkError
from plica.exact import RationalChain
from plica.facts.equality import difference
from tests.properties.chains import networks, some
from tests.twins.networks import NETWORKS, he, integer

from .cases import LIMIT, SIZES, SQUARE, bends, each_dimension, question


def check_counterexample(a, b, found: plica.Equality) -> None:
    assert found.equal is False
    x = found.exact_point
    assert found.values == (RationalChain(a).value(x), RationalChain(b).value(x))
    assert found.values[0] != found.values[1]
    assert found.point.tolist() == [float(v) for v in x]


def check(a: plica.Network, b: plica.Network, domain, cells) -> None:
    found = plica.equal_on(a, b, domain)
    assert found.equal is all(not any(map(any, cell.J)) and not any(cell.c) for cell in cells)
    if not found:
        check_counterexample(a, b, found)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_itself_rewritten(name: str) -> None:
    net = NETWORKS[name]
    n = net.n_inputs
    padded = plica.Network([plica.Stage(np.eye(n), np.zeros(n)), *net.stages])
    assert plica.equal_on(net, padded, SQUARE)
    assert plica.equal_on(padded, net, SQUARE)
    found = plica.equal_on(
        net, net.after(np.eye(net.n_outputs), [2.0**-60] * net.n_outputs), SQUARE
    )
    check_counterexample(net, net.after(np.eye(net.n_outputs), [2.0**-60] * net.n_outputs), found)


@each_dimension
@some(20)
@given(data=st.data())
def test_random_pairs(n: int, data: st.DataObject) -> None:
    a, domain = question(data, n)
    layers, width = SIZES[n]
    b = data.draw(networks(n_inputs=n, layers=layers - 1, width=width - 1))
    a, b = a.select(0), b.select(0)
    cells = []
    for cell in enumerate_cells(difference(a, b), domain):
        cells.append(cell)
        if len(cells) > LIMIT:
            return
    check(a, b, domain, cells)
    check(a, a, domain, [])


@pytest.mark.parametrize("seed", range(3))
def test_permuted_and_scaled_units(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (W, b), (V, c), (U, d) = he([3, 8, 6, 2], seed)
    p, q = rng.permutation(8), rng.permutation(6)
    s, t = 2.0 ** rng.integers(-3, 4, 8), 2.0 ** rng.integers(-3, 4, 6)
    a = plica.Network.mlp([(W, b), (V, c), (U, d)])
    twin = [((s[:, None] * W)[p], (s * b)[p]), (((t[:, None] * V)[q] / s)[:, p], (t * c)[q])]
    same = plica.Network.mlp([*twin, ((U / t)[:, q], d)])
    for domain in (plica.Box.cube(3), plica.Space(3), plica.Slice([0, 0, 0], np.eye(2, 3))):
        assert plica.equal_on(a, same, domain)
    # a weight that differs in its last bit
    twin[1][0][2, 3] = np.nextafter(twin[1][0][2, 3], 9)
    other = plica.Network.mlp([*twin, ((U / t)[:, q], d)])
    found = plica.equal_on(a, other, plica.Box.cube(3))
    check_counterexample(a, other, found)
    assert all(-1 <= x <= 1 for x in found.exact_point)


def test_a_difference_in_one_small_corner() -> None:
    """No random point shows it: the two differ on a triangle with sides of 2^-30 only."""
    peak = [([[-1.0, -1.0]], [-2 + 2.0**-30]), ([[1.0]], [0.0])]
    a = plica.Network.mlp(peak)
    zero = plica.Network.mlp([(np.zeros((1, 2)), [0.0])])
    found = plica.equal_on(a, zero, SQUARE)
    check_counterexample(a, zero, found)
    assert all(Fraction(-1) <= x < -1 + Fraction(1, 2**20) for x in found.exact_point)
    assert plica.equal_on(a, zero, plica.Box([-0.5, -0.5], [1, 1]))


def test_known_identities() -> None:
    """``max(x, y) = x + relu(y - x)``, ``|x| = relu(x) + relu(-x)``, clip as two rectifiers."""
    largest = plica.Network.mlp([(np.eye(2), [0, 0]), ([[1.0]], [0])], maxout=2)
    units = plica.Units.concat([plica.Units.identity(1), plica.Units.relu(1)])
    relu = plica.Network(
        [plica.Stage([[1, 0], [-1, 1]], [0, 0], units), plica.Stage([[1, 1]], [0])]
    )
    assert plica.equal_on(largest, relu, plica.Space(2))
    smallest = plica.Network(
        [plica.Stage([[1, 0], [1, -1]], [0, 0], units), plica.Stage([[1, -1]], [0])]
    )
    check_counterexample(largest, smallest, plica.equal_on(largest, smallest, SQUARE))
    clip = plica.Network.mlp([([[1.0]], [0.0]), ([[1.0]], [0.0])], "hardtanh")
    pair = plica.Network.mlp([([[1.0], [1.0]], [1.0, -1.0]), ([[1.0, -1.0]], [-1.0])])
    assert plica.equal_on(clip, pair, plica.Space(1))


def test_every_kind_of_unit() -> None:
    for net in bends(3, 1):
        domain = plica.Box.cube(3)
        assert plica.equal_on(net, plica.Network(net.stages), domain)
        shifted = net.after(np.eye(net.n_outputs), np.full(net.n_outputs, 0.5))
        check_counterexample(net, shifted, plica.equal_on(net, shifted, domain))


def test_budget_and_shape() -> None:
    net = plica.Network.mlp(integer([3, 8, 6, 1], 0))
    same = net.before(np.eye(3), [0] * 3)
    found = plica.equal_on(net, same, plica.Box.cube(3), budget=2)
    assert found.equal is None
    assert not found
    with pytest.raises(NetworkError, match="outputs"):
        plica.equal_on(net, plica.Network.mlp(integer([3, 2], 0)), plica.Box.cube(3))
    with pytest.raises(DomainError, match="dimensions"):
        plica.equal_on(net, same, SQUARE)
