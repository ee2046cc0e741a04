"""The exact twin for any dimension, against independent oracles and its own geometry."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

import plica
from plica import DomainError, Network, PlicaError
from plica.engines import reference, reference_cells
from plica.exact import RationalChain
from plica.exact import linear_program as lp
from tests.twins import brute_force
from tests.twins.cell_cases import CUBES, DOMAINS
from tests.twins.networks import LINE, PLANE, Case, he
from tests.twins.volumes import volume

from .cells import cells_of

everywhere = pytest.mark.parametrize("case", [*CUBES, *DOMAINS], ids=repr)
#: Cases with many cells, whose volumes take long.
SLOW = {"hardtanh-3", "staircase-3", "times-1e6-3", "residual-leaky-3", "mixed-3"}
FLAT = [c for c in [*PLANE[::3], *LINE[::9]] if c.name != "generic-16-16"]


@everywhere
def test_patterns_against_elimination(case: Case) -> None:
    cells = cells_of(case)
    found = [cell.pattern for cell in cells]
    assert found == sorted(set(found))
    if case.domain.dim <= 3 and len(cells) <= 24:
        assert set(found) == brute_force.patterns(case.net, case.domain)


@everywhere
def test_cells_are_what_the_chain_says_inside(case: Case) -> None:
    chain = RationalChain(case.domain.restrict(case.net))
    for cell in cells_of(case):
        assert lp.contains(cell.rows, cell.witness, strictly=True)
        assert chain.pattern(cell.witness) == cell.pattern
        value = [
            sum((a * x for a, x in zip(row, cell.witness, strict=True)), c)
            for row, c in zip(cell.J, cell.c, strict=True)
        ]
        assert chain.value(cell.witness) == tuple(value)


@everywhere
def test_rows_name_their_units(case: Case) -> None:
    A, b = case.domain.halfspaces()
    own = lp.integer_rows(A.tolist(), b.tolist())
    for cell in cells_of(case):
        assert len(cell.units) == len(cell.rows)
        for unit, row in zip(cell.units, cell.rows, strict=True):
            assert any(row[:-1])
            assert own[-1 - unit] == row if unit < 0 else unit < case.net.n_units
        # the order of the cuts: the domain, then unit after unit
        units = [u for u in cell.units if u >= 0]
        assert units == sorted(units)


@pytest.mark.parametrize("case", [*CUBES[::4], *DOMAINS[1::4]], ids=repr)
def test_facets_join_cells_that_touch_there_and_nowhere_else(case: Case) -> None:
    """A point inside a facet lies in the closures of its two cells and of no other."""
    cells = cells_of(case)
    found = reference_cells.facets(case.net, case.domain, cells)
    pairs = [facet.cells for facet in found]
    assert len(set(pairs)) == len(pairs)
    for facet in found[:: 1 + len(found) // 15]:
        touching = [i for i, cell in enumerate(cells) if lp.contains(cell.rows, facet.point)]
        assert tuple(touching) == facet.cells
        i, j = facet.cells
        assert cells[i].pattern[facet.unit] != cells[j].pattern[facet.unit]


@pytest.mark.parametrize("case", [*CUBES[:28:4], *DOMAINS[::9]], ids=repr)
def test_facets_are_all_the_pairs_whose_intersection_is_a_facet(case: Case) -> None:
    """By brute force: two closed cells meet in dimension n - 1."""
    cells = cells_of(case)
    cells = cells[:: 1 + len(cells) // 25]
    everything = cells_of(case)
    listed = {frozenset(f.cells) for f in reference_cells.facets(case.net, case.domain, everything)}
    number = {cell.pattern: i for i, cell in enumerate(everything)}
    for one, two in combinations(cells, 2):
        pair = frozenset((number[one.pattern], number[two.pattern]))
        assert _share_a_facet(one, two) == (pair in listed)


def _share_a_facet(one: reference_cells.Cell, two: reference_cells.Cell) -> bool:
    """Whether rows say ``a . x <= b`` of one and ``a . x >= b`` of the other, and meet inside."""
    facing = {tuple(-x for x in row) for row in two.rows}
    n = len(one.witness)
    for row in one.rows:
        if row in facing:
            # the plane a . x = b in coordinates of its own: x_k is an affine form of the others
            k = next(i for i, a in enumerate(row) if a)
            sign = 1 if row[k] > 0 else -1
            on = [
                tuple(
                    sign * (row[k] * a - other[k] * c)
                    for i, (a, c) in enumerate(zip(other, row, strict=True))
                    if i != k
                )
                for other in (*one.rows, *two.rows)
            ]
            if n == 1:
                return all(r[-1] >= 0 for r in on)
            if lp.interior_point(on, n - 1) is not None:
                return True
    return False


@pytest.mark.parametrize("case", [c for c in CUBES[1:28] if c.name not in SLOW], ids=repr)
def test_cells_fill_the_cube(case: Case) -> None:
    cells = cells_of(case)
    own = [[c.rows[f.row] for f in lp.facets(c.rows, c.witness)] for c in cells]
    assert sum(map(volume, own)) == 8


def test_volumes() -> None:
    cube = lp.integer_rows([*np.eye(3).tolist(), *(-np.eye(3)).tolist()], [1, 2, 3, 0, 0, 0])
    assert volume(cube) == volume([*cube, cube[0], (1, 0, 0, 5), (0, 0, 0, 1)]) == 6
    assert volume([*cube, (1, 1, 1, 1)]) == Fraction(1, 6)
    assert volume([*cube, (-1, -1, -1, -1)]) == 6 - Fraction(1, 6)
    assert volume([*cube, (0, 0, 0, -1)]) == volume([*cube, (1, 1, 1, -1)]) == 0


@pytest.mark.parametrize("case", FLAT, ids=repr)
def test_the_twin_for_polygons_agrees(case: Case) -> None:
    """Vertices there, linear programs here: the same cells, maps, facets and linear regions."""
    flat = reference.enumerate_cells(case.net, case.domain)
    cells = cells_of(case)
    assert {c.pattern: (c.J, c.c) for c in flat} == {c.pattern: (c.J, c.c) for c in cells}
    assert len(flat) == len(cells)
    ours = [
        frozenset(cells[i].pattern for i in facet.cells)
        for facet in reference_cells.facets(case.net, case.domain, cells)
    ]
    assert len(set(ours)) == len(ours)
    assert set(ours) == {
        frozenset(flat[i].pattern for i in facet.cells) for facet in reference.facets(flat)
    }
    labels = reference_cells.linear_regions(case.net, case.domain, cells)
    number = {cell.pattern: label for cell, label in zip(cells, labels, strict=True)}
    theirs = reference.linear_regions(flat)
    pairs = {(number[cell.pattern], label) for cell, label in zip(flat, theirs, strict=True)}
    assert len(pairs) == len(set(labels)) == len(set(theirs))


def test_linear_regions_merge_across_facets_only() -> None:
    # relu(x) + relu(-x) bends at x = 0; relu(y) - relu(y) does not bend at y = 0
    first = ([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 1, 0]], [0, 0, 0, 0])
    net = Network.mlp([first, ([[1, 1, 1, -1]], [0])])
    for domain in (plica.Space(3), plica.Box.cube(3)):
        assert reference_cells.count(net, domain) == 4
        assert reference_cells.count(net, domain, "linear") == 2
    # the map is 0 in two opposite octants, which meet in a point only: three units say which
    octants = Network.mlp(
        [
            ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0]),
            ([[1, 1, 1], [1, 1, 1]], [0, 0]),
            ([[1, -1]], [0]),
        ]
    )
    assert reference_cells.count(octants, plica.Space(3), "linear") == 1
    # a ridge: the output is 0 on both sides of it, which do not touch
    ridge = Network.mlp([([[1, 0, 0]] * 3, [0.5, 0, -0.5]), ([[1, -2, 1]], [0])])
    assert reference_cells.count(ridge, plica.Space(3), "linear") == 4


def test_the_same_door() -> None:
    net = Network.mlp(he([3, 4, 3, 1], 1))
    cube = plica.Box.cube(3)
    found = plica.count_regions(net, cube, engine="reference")
    assert found == len(list(reference_cells.enumerate_cells(net, cube)))
    assert (found.engine, found.dim, found.exact) == ("reference", 3, True)
    linear = plica.count_regions(net, cube, engine="reference", kind="linear")
    assert linear == reference_cells.count(net, cube, "linear") <= found
    plane = Network.mlp([(np.eye(2), [0, 0]), ([[1, 1]], [0])])
    assert plica.count_regions(plane, plica.Space(2), engine="reference") == 4
    assert plica.count_regions(plane, plica.Polytope([[-1, 0]], [1]), engine="reference") == 4


@pytest.mark.parametrize(
    ("A", "b"),
    [
        ([[1, 1, 1], [-1, -1, -1]], [0, 0]),  # flat
        ([[1, 0, 0], [-1, 0, 0]], [0, -1]),  # empty
        ([[0, 0, 0]], [-1]),
        ([[1, 0, 0], [-1, 2.0**-60, 0], [0, -1, 0]], [0, 0, 0]),  # the line x = y = 0
    ],
)
def test_domains_refused(A: list, b: list) -> None:
    net = Network.mlp(he([3, 3, 1]))
    domain = plica.Polytope(A, b)
    with pytest.raises(DomainError, match="no interior"):
        plica.count_regions(net, domain, engine="reference")


def test_bad_questions() -> None:
    net = Network.mlp(he([3, 3, 1]))
    with pytest.raises(PlicaError, match="kind must be 'activation' or 'linear'"):
        reference_cells.count(net, plica.Space(3), "affine")
    with pytest.raises(DomainError, match="4 dimensions but the network has 3 inputs"):
        reference_cells.count(net, plica.Space(4))


@pytest.mark.parametrize(
    ("domain", "bounded"),
    [
        (plica.Box.cube(3), True),
        (plica.Segment([0, 0], [1, 1]), True),
        (plica.Space(1), False),
        (plica.Polytope([[1, 0], [-1, 0]], [1, 1]), False),
        (plica.Polytope([[-1, 0], [0, -1], [2.0**-60, 1]], [0, 0, 1]), True),
        (plica.Polytope([[-1, 0], [0, -1], [-(2.0**-60), 1]], [0, 0, 1]), False),
    ],
)
def test_bounds_of_domains(domain: plica.domains.Domain, bounded: bool) -> None:
    assert reference_cells.is_bounded(domain) == bounded
