"""The line and plane engines against the exact twin, on every named network."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

import plica
from plica import Network, PlicaError, Stage, Units
from plica.engines import reference
from plica.exact import RationalChain
from tests.twins.networks import LINE, NETWORKS, PLANE, SQUARE, Case

from .comparison import (
    CLOSE,
    atlas_of,
    interesting_values,
    level_crossings,
    metric,
    order_of,
    polygon,
    rings_of,
    total_length,
    twin_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from plica.domains import Domain
    from plica.regions.levels import LevelSet

everywhere = pytest.mark.parametrize("case", [*PLANE, *LINE], ids=repr)
on_planes = pytest.mark.parametrize("case", PLANE, ids=repr)
on_lines = pytest.mark.parametrize("case", LINE, ids=repr)


@everywhere
@pytest.mark.parametrize("kind", ["activation", "linear"])
def test_count(case: Case, kind: str) -> None:
    twin = twin_of(case)
    expected = len(twin.cells) if kind == "activation" else len(set(twin.labels))
    count = plica.count_regions(case.net, case.domain, kind=kind)
    assert count == expected
    assert isinstance(count, int)
    assert (count.exact, count.complete, count.status) == (True, True, "exact")
    assert count.kind == kind
    assert count.engine == ("line" if case.domain.dim == 1 else "plane")
    assert count.arbitrated >= 0
    assert count.seconds >= 0


@everywhere
def test_patterns(case: Case) -> None:
    atlas = atlas_of(case)
    assert len(order_of(case)) == len(atlas) == atlas.count
    assert atlas.dim == case.domain.dim
    assert atlas.patterns.shape == (len(atlas), case.net.n_units)
    assert atlas.count.exact
    assert (atlas.network, atlas.domain) == (case.net, case.domain)


@everywhere
def test_vertices(case: Case) -> None:
    atlas = atlas_of(case)
    assert sum(len(ways[0]) for ways in rings_of(case)) == len(atlas.vertices)
    assert atlas.offsets.tolist() == sorted(atlas.offsets.tolist())
    assert (atlas.offsets[0], atlas.offsets[-1]) == (0, len(atlas.vertices))


@everywhere
def test_sizes(case: Case) -> None:
    atlas, twin = atlas_of(case), twin_of(case)
    factor = metric(case.domain)
    whole = factor * float(reference.size(reference.domain_vertices(case.domain)))
    exact = [factor * float(reference.size(twin.cells[i].vertices)) for i in order_of(case)]
    np.testing.assert_allclose(atlas.sizes, exact, rtol=1e-6, atol=CLOSE * whole)
    assert atlas.sizes.sum() == pytest.approx(whole, rel=CLOSE)
    assert (atlas.sizes >= 0).all()


@everywhere
def test_affine_maps(case: Case) -> None:
    atlas, twin = atlas_of(case), twin_of(case)
    J, c = atlas.affine()
    order = order_of(case)
    J_exact = np.array([twin.cells[i].J for i in order], dtype=float)
    c_exact = np.array([twin.cells[i].c for i in order], dtype=float)
    # the maps of deep units are sums of large terms that may cancel
    size = max(np.abs(J_exact).max(), np.abs(c_exact).max(), 1e-300)
    np.testing.assert_allclose(J, J_exact, rtol=1e-9, atol=1e-9 * size)
    np.testing.assert_allclose(c, c_exact, rtol=1e-9, atol=1e-9 * size)


@everywhere
def test_facets(case: Case) -> None:
    atlas, twin = atlas_of(case), twin_of(case)
    order = order_of(case)
    expected = {frozenset(f.cells): f.ends for f in twin.facets}
    facets = atlas.facets()
    pairs = [frozenset(order[r] for r in pair) for pair in facets.regions.tolist()]
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) == set(expected)
    tolerance = CLOSE * twin.scale
    for pair, (r, s), unit, ends in zip(
        pairs, facets.regions.tolist(), facets.unit.tolist(), facets.ends, strict=True
    ):
        assert atlas.patterns[r, unit] != atlas.patterns[s, unit]
        if case.domain.dim == 2:
            exact = np.array(expected[pair], dtype=float)
            error = min(np.abs(ends - exact).max(), np.abs(ends[::-1] - exact).max())
            assert error <= tolerance, (pair, ends, exact)


@everywhere
def test_adjacency_is_the_facets(case: Case) -> None:
    atlas = atlas_of(case)
    facets = atlas.facets()
    graph = atlas.adjacency()
    n = len(atlas)
    assert graph.shape == (n, n)
    assert graph.nnz == 2 * len(facets.unit)
    dense = np.zeros((n, n), dtype=int)
    r, s = facets.regions.T
    dense[r, s] = dense[s, r] = facets.unit + 1
    assert (graph.toarray() == dense).all()


@everywhere
def test_linear_regions(case: Case) -> None:
    atlas, twin = atlas_of(case), twin_of(case)
    labels = twin.labels
    linear = atlas.linear_regions()
    assert len(linear) == len(set(labels))
    pairs = {(int(ours), labels[i]) for ours, i in zip(linear.labels, order_of(case), strict=True)}
    assert len(pairs) == len(linear)  # the same partition


@everywhere
def test_witnesses_and_locate(case: Case) -> None:
    atlas, twin = atlas_of(case), twin_of(case)
    chain = RationalChain(case.domain.restrict(case.net))
    order = order_of(case)
    wide = [r for r, i in enumerate(order) if _width(twin.cells[i]) > 1e-7 * twin.scale]
    for r in wide[:: 1 + len(wide) // 15]:
        assert chain.pattern(atlas.witnesses[r]) == tuple(atlas.patterns[r].tolist())
    located = atlas.locate(case.domain.embed(atlas.witnesses[wide]))
    assert located.tolist() == wide


def _width(cell: reference.Cell) -> float:
    """A number below the width of a cell: its size by its diameter."""
    size = reference.size(cell.vertices)
    if len(cell.vertices[0]) == 1:
        return float(size)
    return float(size / max(max(x) - min(x) for x in zip(*cell.vertices, strict=True)))


@on_planes
def test_edges_name_their_creases(case: Case) -> None:
    atlas, twin = atlas_of(case), twin_of(case)
    region = {i: r for r, i in enumerate(order_of(case))}
    across: dict[int, list[tuple]] = {r: [] for r in range(len(atlas))}
    for f in twin.facets:
        for i, j in (f.cells, f.cells[::-1]):
            across[region[i]].append((f.ends, atlas.patterns[region[j]]))
    A, b = (v.tolist() for v in case.domain.halfspaces())

    def fits(r: int, p: tuple, q: tuple, unit: int) -> bool:
        beyond = [pattern for ends, pattern in across[r] if _on(ends, p, q)]
        if unit < 0:
            return not beyond and all(_dot(A[-1 - unit], x) == b[-1 - unit] for x in (p, q))
        return bool(beyond) and all(atlas.patterns[r, unit] != other[unit] for other in beyond)

    for r, ways in enumerate(rings_of(case)):
        units = atlas.edge_units[atlas.offsets[r] : atlas.offsets[r + 1]].tolist()
        assert any(
            all(map(fits, [r] * len(way), way, (*way[1:], way[0]), units)) for way in ways
        ), (r, units, ways)


@on_planes
def test_euler_characteristic(case: Case) -> None:
    atlas = atlas_of(case)
    vertices = {v for ways in rings_of(case) for v in ways[0]}
    edges = len(atlas.facets().unit) + (atlas.edge_units < 0).sum()
    assert len(vertices) - edges + len(atlas) == 1


def _dot(row: list[float], x: tuple) -> Fraction:
    return sum((Fraction(a) * v for a, v in zip(row, x, strict=True)), Fraction(0))


def _on(ends: tuple, p: tuple, q: tuple) -> bool:
    """Whether a facet lies on the edge from p to q."""
    u = (q[0] - p[0], q[1] - p[1])
    return all(
        u[0] * (x[1] - p[1]) == u[1] * (x[0] - p[0]) and min(p, q) <= x <= max(p, q) for x in ends
    )


@on_lines
def test_pieces_run_along_the_segment(case: Case) -> None:
    atlas, twin = atlas_of(case), twin_of(case)
    assert order_of(case) == list(range(len(twin.cells)))
    assert (np.diff(atlas.offsets) == 2).all()
    ends = atlas.vertices[:, 0]
    assert (ends[1:-1:2] == ends[2::2]).all()
    low, high = reference.domain_vertices(case.domain)
    assert (ends[0], ends[-1]) == (float(low[0]), float(high[0]))
    # the crease at an inner breakpoint is where that unit changes its piece
    units = atlas.edge_units
    A, _ = case.domain.halfspaces()
    assert A[-1 - units[0], 0] < 0 < A[-1 - units[-1], 0]
    for r in range(len(atlas) - 1):
        for unit in (units[2 * r + 1], units[2 * r + 2]):
            assert atlas.patterns[r, unit] != atlas.patterns[r + 1, unit]


@everywhere
def test_level_sets(case: Case) -> None:
    """``{output = value}``: the twin's segments, those along a side of two regions once."""
    atlas, twin = atlas_of(case), twin_of(case)
    order = order_of(case)
    tolerance = CLOSE * twin.scale
    for output in range(case.net.n_outputs):
        for value in interesting_values(twin, output):
            found = atlas.level_set(output, value)
            expected = dict(reference.level_set(twin.cells, output, value))
            assert found.segments.shape == (len(found.regions), 2, atlas.dim)
            for ends, r in zip(found.segments, found.regions.tolist(), strict=True):
                assert order[r] in expected, (value, r, ends)
                assert _distance(ends, expected[order[r]]) <= tolerance, (value, r, ends)
            if atlas.dim == 1:
                assert len(found) == len(set(expected.values())), (value, found.segments)
            else:
                lengths = np.linalg.norm(found.segments[:, 1] - found.segments[:, 0], axis=1)
                union = total_length(list(expected.values()))
                assert lengths.sum() == pytest.approx(union, rel=CLOSE, abs=tolerance), value
            flat = [not any(c.J[output]) and c.c[output] == Fraction(value) for c in twin.cells]
            assert found.flat.tolist() == [r for r, i in enumerate(order) if flat[i]]


def _distance(ends: np.ndarray, exact: tuple) -> float:
    """How far the end points lie from exact ones, in either order."""
    there = np.array([exact[0], exact[-1]], dtype=float)
    return float(min(np.abs(ends - there).max(), np.abs(ends[::-1] - there).max()))


@pytest.mark.parametrize("case", [c for c in [*PLANE, *LINE] if c.net.n_outputs == 2], ids=repr)
def test_decision_boundary_of_two_outputs(case: Case) -> None:
    atlas = atlas_of(case)
    difference = Case(case.name, case.net.difference(1, 0), case.domain)
    expected = level_crossings(twin_of(difference), 0, 0.0)
    for found in (atlas.decision_boundary(), atlas.decision_boundary(0, 1)):
        _compare_boundary(found, expected, case)


@pytest.mark.parametrize("case", [c for c in PLANE if c.net.n_outputs > 2], ids=repr)
def test_decision_boundary_of_several_outputs(case: Case) -> None:
    atlas, m = atlas_of(case), case.net.n_outputs
    largest = Stage(np.eye(m), np.zeros(m), Units.max([range(m)], m))
    fine = twin_of(Case(case.name, Network([*case.net.stages, largest]), case.domain))
    number = twin_of(case).number
    expected = []
    for facet in fine.facets:
        patterns = [fine.cells[i].pattern for i in facet.cells]
        if {p[-1] for p in patterns} == {0, 1}:
            expected.append(({number[p[:-1]] for p in patterns}, facet.ends))
    _compare_boundary(atlas.decision_boundary(0, 1), expected, case)


def _compare_boundary(
    found: LevelSet,
    expected: list[tuple[set[int], tuple]],
    case: Case,
) -> None:
    """The same segments (points), each once and for one of the regions that it borders on."""
    atlas, order = atlas_of(case), order_of(case)
    tolerance = CLOSE * twin_of(case).scale
    assert found.segments.shape == (len(expected), 2, atlas.dim)
    left = list(expected)
    for ends, r in zip(found.segments, found.regions.tolist(), strict=True):
        fits = [
            k
            for k, (owners, exact) in enumerate(left)
            if order[r] in owners and _distance(ends, exact) <= tolerance
        ]
        assert fits, (ends, r, left)
        left.pop(fits[0])
    lengths = np.linalg.norm(found.segments[:, 1] - found.segments[:, 0], axis=1)
    if atlas.domain.dim == atlas.domain.n_inputs:
        assert found.length == pytest.approx(lengths.sum())


# -- other engines, budgets, bad questions -------------------------------------------------------

SOME = [c for c in [*PLANE, *LINE[::9]] if c.name != "generic-16-16"][::4]


@pytest.mark.parametrize("case", SOME, ids=repr)
def test_the_reference_engine_through_the_same_door(case: Case) -> None:
    count = plica.count_regions(case.net, case.domain, engine="reference")
    assert count == len(twin_of(case).cells)
    assert count.engine == "reference"
    assert count.exact
    linear = plica.count_regions(case.net, case.domain, kind="linear", engine="reference")
    assert linear == len(set(twin_of(case).labels))


@pytest.mark.parametrize("name", ["generic-16-16", "integer-8-6", "staircase"])
@pytest.mark.parametrize("budget", [1, 7])
def test_a_budget_gives_a_certified_lower_bound(name: str, budget: int) -> None:
    count = plica.count_regions(NETWORKS[name], SQUARE, budget=budget)
    assert not count.complete
    assert count.status == "lower_bound"
    assert 1 <= count <= len(twin_of(next(c for c in PLANE if c.name == name)).cells)


def test_a_budget_that_suffices_changes_nothing() -> None:
    count = plica.count_regions(NETWORKS["integer-8-6"], SQUARE, budget=10_000)
    assert count.complete
    assert count == plica.count_regions(NETWORKS["integer-8-6"], SQUARE)


@pytest.mark.parametrize(
    "domain",
    [
        plica.Box.cube(3),  # another number of inputs
        plica.Segment([0, 0, 0], [1, 1, 1]),
        plica.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, -1]),
        plica.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 0]),
    ],
    ids=["dimension", "segment", "empty", "point"],
)
def test_domains_refused(domain: Domain) -> None:
    with pytest.raises(PlicaError):
        plica.count_regions(NETWORKS["integer-4-4"], domain)
    with pytest.raises(PlicaError):
        plica.map_regions(NETWORKS["integer-4-4"], domain)


@pytest.mark.parametrize("arguments", [{"kind": "affine"}, {"engine": "fast"}, {"engine": "line"}])
def test_questions_refused(arguments: dict) -> None:
    with pytest.raises(PlicaError):
        plica.count_regions(NETWORKS["integer-4-4"], SQUARE, **arguments)


def test_save_and_open(tmp_path: Path) -> None:
    case = next(c for c in PLANE if c.name == "slice-integer")
    atlas = atlas_of(case)
    atlas.save(tmp_path / "atlas")
    again = plica.Atlas.open(tmp_path / "atlas")
    assert again.network == case.net
    for name in ("patterns", "offsets", "vertices", "edge_units", "sizes", "witnesses"):
        np.testing.assert_array_equal(getattr(again, name), getattr(atlas, name))
    np.testing.assert_array_equal(again.domain.origin, case.domain.origin)
    assert len(polygon(again, 0)) >= 3
    assert again.count == atlas.count
