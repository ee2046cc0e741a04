"""The reference engine: what it says beyond the patterns, and the domains it refuses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import plica
from plica import DomainError, Network, PlicaError
from plica.engines import reference
from tests.twins.networks import LINE, PLANE, SQUARE, Case

F = Fraction


def _cross() -> Network:
    """Two lines that cross in the centre of the square; the output is relu(x) + relu(y)."""
    return Network.mlp([(np.eye(2), [0, 0]), ([[1, 1]], [0])])


def test_cells_of_a_cross() -> None:
    cells = {cell.pattern: cell for cell in reference.enumerate_cells(_cross(), SQUARE)}
    assert set(cells) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    cell = cells[1, 0]
    assert set(cell.vertices) == {(0, -1), (1, -1), (1, 0), (0, 0)}
    assert (cell.J, cell.c) == (((1, 0),), (0,))
    assert reference.size(cell.vertices) == 1


def test_facets_of_a_cross() -> None:
    cells = reference.enumerate_cells(_cross(), SQUARE)
    facets = {
        frozenset(cells[i].pattern for i in facet.cells): facet.ends
        for facet in reference.facets(cells)
    }
    assert facets == {
        frozenset([(0, 0), (1, 0)]): ((0, -1), (0, 0)),
        frozenset([(0, 1), (1, 1)]): ((0, 0), (0, 1)),
        frozenset([(0, 0), (0, 1)]): ((-1, 0), (0, 0)),
        frozenset([(1, 0), (1, 1)]): ((0, 0), (1, 0)),
    }


def test_facets_where_edges_overlap_in_part() -> None:
    # right of x = 0 a second crease at y = 0, left of it one at y = 1/2
    first = ([[1, 0], [-1, 0], [0, 1], [0, 1]], [0, 0, 2, 0])
    second = ([[0, 0, 0, 1], [-64, 0, 1, 0], [0, -64, 1, 0]], [0, -2, -2.5])
    net = Network.mlp([first, second, ([[1, 1, 1]], [0])])
    cells = reference.enumerate_cells(net, SQUARE)
    for facet in reference.facets(cells):
        (p, q), (i, j) = facet.ends, facet.cells
        assert p < q
        middle = tuple((a + b) / 2 for a, b in zip(p, q, strict=True))
        for cell in (cells[i], cells[j]):
            assert _on_boundary(middle, cell.vertices)
    assert _euler(cells, SQUARE) == 1


def _on_boundary(point: tuple, vertices: tuple) -> bool:
    turns = [
        (q[0] - p[0]) * (point[1] - p[1]) - (q[1] - p[1]) * (point[0] - p[0])
        for p, q in zip(vertices, (*vertices[1:], vertices[0]), strict=True)
    ]
    return min(turns) == 0


def _euler(cells: list[reference.Cell], domain: plica.domains.Domain) -> int:
    """V - E + F of the subdivision of a polygon: an edge is a facet, or lies on the outline."""
    A, b = (np.vectorize(F, otypes=[object])(v) for v in domain.halfspaces())
    on: dict[tuple, set[int]] = {}
    for v in {v for cell in cells for v in cell.vertices}:
        on[v] = set(np.flatnonzero(A @ np.array(v, dtype=object) == b).tolist())
    outline = sum(
        bool(on[p] & on[q])
        for cell in cells
        for p, q in zip(cell.vertices, (*cell.vertices[1:], cell.vertices[0]), strict=True)
    )
    return len(on) - (len(reference.facets(cells)) + outline) + len(cells)


@pytest.mark.parametrize("case", [c for c in PLANE if c.name != "generic-16-16"], ids=repr)
def test_euler_characteristic(case: Case) -> None:
    cells = reference.enumerate_cells(case.net, case.domain)
    assert _euler(cells, case.domain) == 1


@pytest.mark.parametrize("case", [c for c in PLANE if c.name != "generic-16-16"], ids=repr)
def test_polygons_are_strictly_convex(case: Case) -> None:
    for cell in reference.enumerate_cells(case.net, case.domain):
        ring = cell.vertices
        for p, q, r in zip(ring, (*ring[1:], ring[0]), (*ring[2:], *ring[:2]), strict=True):
            assert (q[0] - p[0]) * (r[1] - q[1]) > (q[1] - p[1]) * (r[0] - q[0])


@pytest.mark.parametrize("case", [*PLANE, *LINE], ids=repr)
def test_cells_are_what_the_chain_says_inside(case: Case) -> None:
    chain = plica.exact.RationalChain(case.domain.restrict(case.net))
    cells = reference.enumerate_cells(case.net, case.domain)
    for cell in cells[:: 1 + len(cells) // 10]:
        inside = [sum(x) / len(cell.vertices) for x in zip(*cell.vertices, strict=True)]
        assert chain.pattern(inside) == cell.pattern
        value = [
            sum(a * x for a, x in zip(row, inside, strict=True)) + c
            for row, c in zip(cell.J, cell.c, strict=True)
        ]
        assert chain.value(inside) == tuple(value)


def test_linear_regions_merge_across_facets_only() -> None:
    # relu(x) + relu(-x) bends at x = 0; relu(y) - relu(y) does not bend at y = 0
    first = ([[1, 0], [-1, 0], [0, 1], [0, 1]], [0, 0, 0, 0])
    net = Network.mlp([first, ([[1, 1, 1, -1]], [0])])
    assert reference.count(net, SQUARE) == 4
    assert reference.count(net, SQUARE, kind="linear") == 2
    # a ridge: the output is 0 on both sides of it, which do not touch
    ridge = Network.mlp([([[1, 0]] * 3, [0.5, 0, -0.5]), ([[1, -2, 1]], [0])])
    assert reference.count(ridge, SQUARE, kind="linear") == 4
    # opposite quadrants carry the same map 0 but meet in a point only
    quadrants = Network.mlp(
        [([[1, 1], [1, -1]], [0, 0]), ([[1, -1], [-1, 1]], [0, 0]), ([[1, 1]], [0])]
    )
    labels = reference.linear_regions(reference.enumerate_cells(quadrants, SQUARE))
    assert labels[0] == 0
    assert sorted(set(labels)) == list(range(max(labels) + 1))


def test_count_refuses_other_kinds() -> None:
    with pytest.raises(PlicaError, match="kind must be 'activation' or 'linear'"):
        reference.count(_cross(), SQUARE, kind="affine")  # type: ignore[arg-type]


def test_level_sets() -> None:
    cells = reference.enumerate_cells(_cross(), SQUARE)
    found = {cells[i].pattern: ends for i, ends in reference.level_set(cells, 0, F(1, 3))}
    third = F(1, 3)
    assert found == {
        (1, 0): ((third, -1), (third, 0)),
        (0, 1): ((-1, third), (0, third)),
        (1, 1): ((0, third), (third, 0)),
    }
    assert reference.level_set(cells, 0, 2) == []  # touches one corner only
    # at 0 the flat cell is left out, its edges are listed for their other cells
    at_zero = {cells[i].pattern: ends for i, ends in reference.level_set(cells, 0, 0)}
    assert at_zero == {(1, 0): ((0, -1), (0, 0)), (0, 1): ((-1, 0), (0, 0))}


def test_level_sets_on_a_line() -> None:
    segment = plica.Segment([-1, -1], [1, 1])
    cells = reference.enumerate_cells(_cross(), segment)
    assert reference.level_set(cells, 0, 1) == [(1, ((F(3, 4),),))]
    assert [f.ends for f in reference.facets(cells)] == [((F(1, 2),),)]


def test_corners_of_a_polytope_with_rows_that_say_nothing() -> None:
    A = [[-1, 0], [0, -1], [3, 3], [1, 1], [0, 0], [1, 0]]
    triangle = plica.Polytope(A, [0, 0, 1, 2, 0, 5])
    corners = reference.domain_vertices(triangle)
    assert set(corners) == {(0, 0), (F(1, 3), 0), (0, F(1, 3))}
    assert reference.size(corners) == F(1, 18)
    assert reference.domain_vertices(plica.Polytope([[-3], [2], [1]], [2, 5, 7])) == (
        (F(-2, 3),),
        (F(5, 2),),
    )


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        (plica.Box.cube(3), "dimension 1 and 2, not 3"),
        (plica.Space(2), "not bounded"),
        (plica.Space(1), "not bounded"),
        (plica.Polytope([[1, 0], [-1, 0]], [1, 1]), "not bounded"),  # a strip
        (plica.Polytope([[1, 0], [0, 1]], [1, 1]), "not bounded"),  # a quadrant
        (plica.Polytope([[1, 1]], [1]), "not bounded"),
        (plica.Polytope([[0, 0]], [1]), "not bounded"),
        (plica.Polytope([[-1, 1e-30], [0, -1], [-1, 1]], [0, 0, 1]), "not bounded"),
        (plica.Polytope([[1]], [1]), "not bounded"),
        (plica.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 0]), "no interior"),  # a point
        (plica.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, -1]), "no interior"),  # empty
        (plica.Polytope([[1, 1], [-1, -1], [1, -1], [-1, 1]], [0, 0, 1, 1]), "no interior"),
        (plica.Polytope([[-1, 0], [0, -1], [1, 1], [0, 0]], [0, 0, 1, -1]), "no interior"),
        (plica.Polytope([[1], [-1]], [1, -1]), "no interior"),
        (plica.Polytope([[1], [-1]], [1, -2]), "no interior"),
    ],
)
def test_domains_refused(domain: plica.domains.Domain, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        reference.domain_vertices(domain)


def test_a_wedge_that_closes_very_far_away_is_bounded() -> None:
    wedge = plica.Polytope([[-1, 0], [0, -1], [2.0**-60, 1]], [0, 0, 1])
    assert reference.size(reference.domain_vertices(wedge)) == 2**59


def test_wrong_number_of_inputs() -> None:
    with pytest.raises(DomainError, match="3 dimensions but the network has 2 inputs"):
        reference.enumerate_cells(_cross(), plica.Segment([0, 0, 0], [1, 1, 1]))
