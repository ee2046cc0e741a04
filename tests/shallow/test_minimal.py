"""Convex pieces, penalties that are the smallest, and terms that cover several pieces."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import plica
from plica import Network
from plica.exact.generators import generators
from plica.exact.linear_program import maximise
from plica.shallow import max_of_shallow, penalties, pieces, plan, random_network
from plica.shallow.penalties import Patch, Penalties, Term
from plica.shallow.pieces import convex_pieces
from plica.shallow.plan import Setting
from plica.shallow.raised import raised
from tests.shallow.cases import NETWORKS, assert_equal, cube
from tests.twins.networks import SQUARE, he


def setting(net: Network, domain: Any) -> Setting:
    return Setting(net, domain, "minimal", True, None)


def units_of(piece: pieces.Piece, c: int = 0) -> list[penalties.Unit]:
    """The facets where the network bends down."""
    return [(row, drop[c]) for row, drop in piece.rows.items() if drop[c] > 0]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_generators_are_the_polyhedron(n: int) -> None:
    # the largest value of any form over the generators is that of the linear program
    rng = np.random.default_rng(n)
    for m in (n + 1, n + 2, 2 * n + 3):
        rows = [tuple(r) for r in rng.integers(-3, 4, (m, n + 1)).tolist()]
        found = generators(rows, n, 1000)
        assert found is not None
        for c in rng.integers(-3, 4, (10, n)).tolist():
            best = maximise(c, [r[:-1] for r in rows], [r[-1] for r in rows])
            if not any(g[-1] for g in found):
                assert best.status == "infeasible"
                continue
            along = [sum(a * x for a, x in zip(c, g, strict=False)) for g in found]
            ends = [Fraction(v, g[-1]) for v, g in zip(along, found, strict=True) if g[-1]]
            if any(v > 0 for v, g in zip(along, found, strict=True) if not g[-1]):
                assert best.status == "unbounded"
            else:
                assert best.value == max(ends)


def test_generators_give_up() -> None:
    cube_rows = [tuple(s * (i == j) for j in range(6)) + (1,) for i in range(6) for s in (1, -1)]
    assert generators(cube_rows, 6, 63) is None
    assert len(generators(cube_rows, 6, 64) or ()) == 64


@pytest.mark.parametrize("name", ["deep", "integer", "residual abs", "three inputs", "maxout 3"])
def test_pieces_are_a_partition(name: str) -> None:
    net = NETWORKS[name]
    found = convex_pieces(setting(net, cube(net)))
    scale = Fraction(2) ** found.exponent
    x = np.random.default_rng(0).uniform(-1, 1, (200, net.n_inputs))
    chain = plica.exact.RationalChain(net)
    for point in x.tolist():
        exact = [*map(Fraction, point), Fraction(1)]
        inside = [
            piece
            for piece in found.pieces
            if all(
                sum(a * v for a, v in zip(row, exact[:-1], strict=False)) <= row[-1]
                for row in found.halfspaces(piece)
            )
        ]
        assert len(inside) == 1
        values = [sum(a * v for a, v in zip(f, exact, strict=True)) for f in inside[0].map]
        assert [v * scale for v in values] == list(chain.value(point))


def test_a_convex_linear_region_is_one_piece() -> None:
    # every bend of the first unit is taken back by the second, and so for the other two
    W = [[1, 0], [1, 0], [0, 1], [0, 1]]
    net = Network.mlp([(W, [0, 0, 0.5, 0.5]), ([[1, -1, 2, -2]], [0])])
    found = convex_pieces(setting(net, SQUARE))
    assert plica.count_regions(net, SQUARE) == 4
    assert len(found.pieces) == 1
    assert not found.pieces[0].rows


def ell() -> Network:
    """``max(0, min(x, y))``: zero on three quadrants, a linear region that is not convex."""
    return Network.mlp([([[1, 0], [1, -1]], [0, 0]), ([[1, -1]], [0]), ([[1]], [0])])


def test_a_linear_region_that_is_not_convex() -> None:
    # F = relu(relu(x) - relu(x - y)): zero for y <= 0 or x <= 0
    net = ell()
    found = convex_pieces(setting(net, SQUARE))
    regions = int(plica.count_regions(net, SQUARE, kind="linear"))
    assert len({piece.region for piece in found.pieces}) == regions
    assert len(found.pieces) > regions
    form = max_of_shallow(net, SQUARE, method="minimal")
    assert len(form.terms) <= regions  # one term serves both parts: zero is nowhere above F
    assert_equal(form, net, SQUARE)


def test_linear_programs_take_the_place_of_corners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "GENERATORS", 0)
    for name in ("deep", "integer", "three inputs", "residual abs", "hardtanh"):
        net = NETWORKS[name]
        form = max_of_shallow(net, cube(net), method="minimal")
        assert_equal(form, net, cube(net))
        assert plica.equal_on(net, form.to_network(), cube(net)).equal


@pytest.mark.parametrize("widths", [(2, 5, 5, 1), (3, 4, 4, 1), (2, 4, 4, 2)])
def test_penalties_are_those_of_the_linear_programs(
    widths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Network.mlp(he(list(widths), seed=7))
    found = convex_pieces(setting(net, cube(net)))
    bounds = Penalties(found)
    asked = 0
    for q, piece in enumerate(found.pieces):
        for c in range(net.n_outputs):
            term = Term(bounds, Patch(piece.map, (q,)), c, units_of(piece, c))
            K = term.smallest()
            each = [term._on_piece(r) for r in range(len(found.pieces)) if r != q]
            asked += len(each)
            if None in each:
                assert K is None
            else:
                assert max(each) == K
    assert asked
    # linear programs give what corners give
    term = Term(bounds, Patch(found.pieces[0].map, (0,)), 0, units_of(found.pieces[0]))
    by_corners = [term._on_piece(r) for r in range(1, len(found.pieces))]
    monkeypatch.setattr(Penalties, "rays", lambda *_: None)
    assert [term._on_piece(r) for r in range(1, len(found.pieces))] == by_corners
    monkeypatch.undo()
    # without any floating-point decision the answers are the same
    monkeypatch.setattr(penalties, "SLACK", 1e6)
    blind = Penalties(found)
    for q, piece in enumerate(found.pieces):
        two = [Term(b, Patch(piece.map, (q,)), 0, units_of(piece)) for b in (bounds, blind)]
        assert two[0].smallest() == two[1].smallest()
        K = two[0].smallest()
        if K is not None:
            assert two[1].covered(K) == two[0].covered(K)


def test_larger_penalties_for_some_facets() -> None:
    net = random_network(2, 16, 2)
    found = convex_pieces(setting(net, SQUARE))
    bounds = Penalties(found)
    better = 0
    for q, piece in enumerate(found.pieces):
        term = Term(bounds, Patch(piece.map, (q,)), 0, units_of(piece))
        K = term.smallest()
        other = raised(term) if K is not None and K > 1 else None
        if other is None:
            continue
        assert other.smallest() <= 1
        drops = [(d, e) for (_, d), (_, e) in zip(term.units, other.units, strict=True)]
        assert all(d <= e for d, e in drops)
        assert any(d == e for d, e in drops)
        better += len(other.covered(Fraction(1))) > len(term.covered(K))
    assert better > 3


@pytest.mark.parametrize("residual", [False, True])
def test_hundreds_of_pieces(residual: bool) -> None:
    net = random_network(2, 32, 2, residual=residual)
    form = max_of_shallow(net, plica.Box.cube(2), method="minimal")
    assert len(form.terms) > 100
    assert_equal(form, net, plica.Box.cube(2), 10)
    x = np.random.default_rng(0).uniform(-1, 1, (20_000, 2))
    np.testing.assert_allclose(form(x), net(x), rtol=1e-11, atol=1e-11)


def test_everywhere() -> None:
    for name in ("deep", "integer", "residual", "dead", "affine", "three inputs"):
        net = NETWORKS[name]
        form = max_of_shallow(net, method="minimal")
        chain = plica.exact.RationalChain(net)
        for point in np.random.default_rng(0).normal(size=(40, net.n_inputs)).tolist():
            for far in (1, 1000):
                x = [far * Fraction(v) for v in point]
                assert form.value(x) == chain.value(x)


def test_many_dimensions() -> None:
    # a piece of a cube with 2**10 corners has none that are known
    net = Network.mlp(he([10, 3, 2, 1], seed=1))
    box = plica.Box.cube(10)
    sizes = plan(net, box, method="minimal")
    assert sizes.linear_programs == sizes.regions**2
    assert "give a budget" in str(sizes)
    assert plan(net, plica.Box.cube(10), method="patterns").linear_programs == 0
    form = max_of_shallow(net, box, method="minimal")
    assert len(form.terms) <= sizes.terms
    assert_equal(form, net, box, 20)
