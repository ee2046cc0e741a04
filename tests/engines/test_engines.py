"""The line and plane engines against the exact twin, on every named network."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

import plica
from plica import PlicaError
from plica.engines import reference
from plica.exact import RationalChain
from tests.twins.networks import LINE, NETWORKS, PLANE, SQUARE, Case

from .comparison import (
    CLOSE,
    atlas_of,
    exact_vertices,
    interesting_values,
    matched,
    metric,
    polygon,
    scale,
    total_length,
    twin_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from plica.domains import Domain

everywhere = pytest.mark.parametrize("case", [*PLANE, *LINE], ids=repr)
on_planes = pytest.mark.parametrize("case", PLANE, ids=repr)
on_lines = pytest.mark.parametrize("case", LINE, ids=repr)


@everywhere
@pytest.mark.parametrize("kind", ["activation", "linear"])
def test_count(case: Case, kind: str) -> None:
    cells = twin_of(case)
    expected = len(cells) if kind == "activation" else len(set(reference.linear_regions(cells)))
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
    assert len(matched(atlas, twin_of(case))) == len(atlas) == atlas.count
    assert atlas.dim == case.domain.dim
    assert atlas.patterns.shape == (len(atlas), case.net.n_units)
    assert atlas.count.exact
    assert (atlas.network, atlas.domain) == (case.net, case.domain)


@everywhere
def test_vertices(case: Case) -> None:
    atlas = atlas_of(case)
    assert len(exact_vertices(atlas, twin_of(case))) == len(atlas.vertices)
    assert atlas.offsets.tolist() == sorted(atlas.offsets.tolist())
    assert (atlas.offsets[0], atlas.offsets[-1]) == (0, len(atlas.vertices))


@everywhere
def test_sizes(case: Case) -> None:
    atlas, cells = atlas_of(case), twin_of(case)
    factor = metric(case.domain)
    whole = factor * float(reference.size(reference.domain_vertices(case.domain)))
    exact = [factor * float(reference.size(cells[i].vertices)) for i in matched(atlas, cells)]
    np.testing.assert_allclose(atlas.sizes, exact, rtol=1e-6, atol=CLOSE * whole)
    assert atlas.sizes.sum() == pytest.approx(whole, rel=CLOSE)
    assert (atlas.sizes >= 0).all()


@everywhere
def test_affine_maps(case: Case) -> None:
    atlas, cells = atlas_of(case), twin_of(case)
    J, c = atlas.affine()
    order = matched(atlas, cells)
    J_exact = np.array([cells[i].J for i in order], dtype=float)
    c_exact = np.array([cells[i].c for i in order], dtype=float)
    # the maps of deep units are sums of large terms that may cancel
    size = max(np.abs(J_exact).max(), np.abs(c_exact).max(), 1e-300)
    np.testing.assert_allclose(J, J_exact, rtol=1e-9, atol=1e-9 * size)
    np.testing.assert_allclose(c, c_exact, rtol=1e-9, atol=1e-9 * size)


@everywhere
def test_facets(case: Case) -> None:
    atlas, cells = atlas_of(case), twin_of(case)
    order = matched(atlas, cells)
    expected = {frozenset(f.cells): f.ends for f in reference.facets(cells)}
    facets = atlas.facets()
    pairs = [frozenset(order[r] for r in pair) for pair in facets.regions.tolist()]
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) == set(expected)
    tolerance = CLOSE * scale(cells)
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
    atlas, cells = atlas_of(case), twin_of(case)
    labels = reference.linear_regions(cells)
    linear = atlas.linear_regions()
    assert len(linear) == len(set(labels))
    pairs = {
        (int(ours), labels[i]) for ours, i in zip(linear.labels, matched(atlas, cells), strict=True)
    }
    assert len(pairs) == len(linear)  # the same partition


@everywhere
def test_witnesses_and_locate(case: Case) -> None:
    atlas, cells = atlas_of(case), twin_of(case)
    chain = RationalChain(case.domain.restrict(case.net))
    order = matched(atlas, cells)
    wide = [r for r, i in enumerate(order) if _width(cells[i]) > 1e-7 * scale(cells)]
    for r in wide[:40]:
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
    atlas, cells = atlas_of(case), twin_of(case)
    order = matched(atlas, cells)
    where = exact_vertices(atlas, cells)
    region = {i: r for r, i in enumerate(order)}
    across: dict[int, list[tuple]] = {r: [] for r in range(len(order))}
    for f in reference.facets(cells):
        i, j = f.cells
        across[region[i]].append((f.ends, region[j]))
        across[region[j]].append((f.ends, region[i]))
    A, b = (v.tolist() for v in case.domain.halfspaces())
    edges = outline = 0
    for r in range(len(atlas)):
        first, last = int(atlas.offsets[r]), int(atlas.offsets[r + 1])
        for v in range(first, last):
            p, q = where[v], where[v + 1 if v + 1 < last else first]
            unit = int(atlas.edge_units[v])
            beyond = [s for ends, s in across[r] if _on(ends, p, q)]
            if unit < 0:
                row, right = A[-1 - unit], b[-1 - unit]
                assert all(_dot(row, x) == right for x in (p, q))
                assert not beyond
                outline += 1
            else:
                assert beyond
                assert all(atlas.patterns[r, unit] != atlas.patterns[s, unit] for s in beyond)
                edges += 1
    # Euler: vertices - edges + faces of a disc
    n_edges = len(atlas.facets().unit) + outline
    assert len(set(where)) - n_edges + len(atlas) == 1


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
    atlas, cells = atlas_of(case), twin_of(case)
    assert matched(atlas, cells) == list(range(len(cells)))
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


@on_planes
def test_level_sets(case: Case) -> None:
    atlas, cells = atlas_of(case), twin_of(case)
    for output in range(case.net.n_outputs):
        for value in interesting_values(cells, output):
            _check_level_set(atlas.level_set(output, value), atlas, cells, output, value, case)


#: Without biases two outputs are equal, namely 0, wherever all units of a layer are off.
FLAT = {"no-bias-6-6-3"}


@pytest.mark.parametrize(
    "case", [c for c in PLANE if c.net.n_outputs > 1 and c.name not in FLAT], ids=repr
)
def test_decision_boundary(case: Case) -> None:
    atlas = atlas_of(case)
    difference = Case(case.name, case.net.difference(0, 1), case.domain)
    cells = twin_of(difference)
    assert not any(not any(c.J[0]) and c.c[0] == 0 for c in cells)
    _check_level_set(atlas.decision_boundary(0, 1), atlas, cells, 0, 0.0, case)
    if case.net.n_outputs == 2:
        _check_level_set(atlas.decision_boundary(), atlas, cells, 0, 0.0, case)


def _check_level_set(
    found: object, atlas: plica.Atlas, cells: tuple, output: int, value: float, case: Case
) -> None:
    """Every segment is the twin's in that region, and the whole has the twin's length.

    A segment along an edge of the subdivision belongs to either of its regions, and is given once.
    """
    order = matched(atlas, cells)
    expected: dict[int, tuple] = dict(reference.level_set(cells, output, value))
    tolerance = CLOSE * scale(cells)
    assert found.segments.shape == (len(found.regions), 2, 2)
    assert len(set(found.regions.tolist())) == len(found.regions)
    for ends, r in zip(found.segments, found.regions.tolist(), strict=True):
        assert order[r] in expected, (value, r, ends)
        exact = np.array(expected[order[r]], dtype=float)
        error = min(np.abs(ends - exact).max(), np.abs(ends[::-1] - exact).max())
        assert error <= tolerance, (value, r, ends, exact)
    union = total_length(list(expected.values()))
    given = float(np.linalg.norm(found.segments[:, 1] - found.segments[:, 0], axis=1).sum())
    assert given == pytest.approx(union, rel=CLOSE, abs=tolerance)
    if case.domain.dim == case.domain.n_inputs:
        assert found.length == pytest.approx(union, rel=CLOSE, abs=tolerance)


# -- other engines, budgets, bad questions -------------------------------------------------------

SOME = [c for c in [*PLANE, *LINE[::9]] if c.name != "generic-16-16"][::4]


@pytest.mark.parametrize("case", SOME, ids=repr)
def test_the_reference_engine_through_the_same_door(case: Case) -> None:
    count = plica.count_regions(case.net, case.domain, engine="reference")
    assert count == len(twin_of(case))
    assert count.engine == "reference"
    assert count.exact
    linear = plica.count_regions(case.net, case.domain, kind="linear", engine="reference")
    assert linear == len(set(reference.linear_regions(twin_of(case))))


@pytest.mark.parametrize("name", ["generic-16-16", "integer-8-6", "staircase"])
@pytest.mark.parametrize("budget", [1, 7])
def test_a_budget_gives_a_certified_lower_bound(name: str, budget: int) -> None:
    count = plica.count_regions(NETWORKS[name], SQUARE, budget=budget)
    assert not count.complete
    assert count.status == "lower_bound"
    assert 1 <= count <= len(twin_of(next(c for c in PLANE if c.name == name)))


def test_a_budget_that_suffices_changes_nothing() -> None:
    count = plica.count_regions(NETWORKS["integer-8-6"], SQUARE, budget=10_000)
    assert count.complete
    assert count == plica.count_regions(NETWORKS["integer-8-6"], SQUARE)


@pytest.mark.parametrize(
    "domain",
    [
        plica.Box.cube(3),  # another number of inputs
        plica.Segment([0, 0, 0], [1, 1, 1]),
        plica.Space(2),
        plica.Polytope([[1, 0], [-1, 0]], [1, 1]),
        plica.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, -1]),
        plica.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 0]),
    ],
    ids=["dimension", "segment", "space", "strip", "empty", "point"],
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
