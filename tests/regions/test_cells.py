"""Regions and atlases of any dimension against the exact twin."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.engines import reference_cells
from plica.exact import linear_program as lp
from plica.exact.rational import RationalChain
from plica.regions.cells import CellAtlas
from tests.engines.cells import cells_of
from tests.twins.cell_cases import CUBES, DOMAINS
from tests.twins.networks import LINE, PLANE, Case, he, integer

#: Those whose exact cells are few enough to be compared with.
SMALL = [
    case
    for case in [*CUBES, *DOMAINS]
    if plica.count_regions(case.net, case.domain, engine="cells", budget=151) <= 150
]

THIN = next(case for case in DOMAINS if case.name.startswith("thin-box"))


def atlas_of(case: Case) -> CellAtlas:
    atlas = plica.map_regions(case.net, case.domain, engine="cells")
    assert isinstance(atlas, CellAtlas)
    return atlas


def twin_graph(case: Case) -> dict[frozenset, int]:
    """Pairs of patterns that share a facet."""
    cells = cells_of(case)
    found = reference_cells.facets(case.net, case.domain, cells)
    return {frozenset(cells[i].pattern for i in facet.cells): facet.unit for facet in found}


@pytest.mark.parametrize("case", SMALL, ids=repr)
def test_facets_against_the_twin(case: Case) -> None:
    atlas = atlas_of(case)
    patterns = [tuple(p) for p in atlas.patterns.tolist()]
    facets = atlas.facets()
    found = {frozenset((patterns[i], patterns[j])) for i, j in facets.regions}
    assert len(found) == len(facets)
    assert found == set(twin_graph(case))
    for (i, j), unit in zip(facets.regions, facets.unit, strict=True):
        assert unit == np.flatnonzero(atlas.patterns[i] != atlas.patterns[j])[0]
    graph = atlas.adjacency()
    assert (graph != graph.T).nnz == 0
    assert graph.nnz == 2 * len(facets)


@pytest.mark.parametrize("case", SMALL[::2], ids=repr)
def test_linear_regions_against_the_twin(case: Case) -> None:
    cells = cells_of(case)
    atlas = atlas_of(case)
    labels = atlas.linear_regions().labels
    by_pattern = {tuple(p): n for p, n in zip(atlas.patterns.tolist(), labels, strict=True)}
    want = reference_cells.linear_regions(case.net, case.domain, cells)
    pairs = {(by_pattern[cell.pattern], n) for cell, n in zip(cells, want, strict=True)}
    assert len(pairs) == len(set(want)) == len(set(labels))
    count = plica.count_regions(case.net, case.domain, kind="linear", engine="cells")
    assert (int(count), count.kind, count.exact) == (len(set(want)), "linear", True)


@pytest.mark.parametrize("case", SMALL[::3], ids=repr)
def test_halfspaces_are_the_facets_of_the_twin(case: Case) -> None:
    atlas = atlas_of(case)
    number = {tuple(p): r for r, p in enumerate(atlas.patterns.tolist())}
    n = case.domain.dim
    for cell in cells_of(case)[:: max(1, len(atlas) // 12)]:
        region = atlas.region(number[cell.pattern])
        found = region.halfspaces()
        want = lp.facets(cell.rows, cell.witness)
        assert len(found) == len(want)
        rows = [cell.rows[facet.row] for facet in want]
        exact = {tuple(np.round(_unit(row), 6) + 0.0) for row in rows}
        assert {tuple(np.round([*a, b], 6) + 0.0) for a, b in zip(*found, strict=True)} == exact
        # a domain's own facet is known as such
        for facet in want:
            if cell.units[facet.row] < 0:
                assert any(-1 in np.sign(t) for t in found.together)
        loose = region.halfspaces(minimal=False)
        assert len(loose) >= len(found)
        point = np.array([float(v) for v in cell.witness])
        assert (loose.A @ point <= loose.b + 1e-9 * (1 + np.abs(loose.b))).all()
        assert point.shape == (n,)


def _unit(row: tuple[int, ...]) -> np.ndarray:
    scale = max(abs(v) for v in row[:-1])
    a = np.array([v / scale for v in row])  # integers of any size divide well
    return a / np.linalg.norm(a[:-1])


@pytest.mark.parametrize("case", SMALL[::3], ids=repr)
def test_region_at_agrees_with_locate(case: Case) -> None:
    net, domain = case.net, case.domain
    atlas = atlas_of(case)
    exact = RationalChain(domain.restrict(net))
    for r in range(0, len(atlas), max(1, len(atlas) // 10)):
        u = atlas.witnesses[r]
        if exact.pattern(u.tolist()) != tuple(atlas.patterns[r].tolist()):
            continue  # a region too thin for its point
        region = plica.region_at(net, u, domain)
        assert (region.pattern == atlas.patterns[r]).all()
        assert region.contains(u)[0]
        if not isinstance(domain, (plica.Slice, plica.Segment)):
            assert atlas.locate(domain.embed(u[None]))[0] == r
        others = region.neighbours()
        packed = np.array([other.packed for other in others], dtype=np.uint64)
        own = atlas.index_of(packed.reshape(len(others), atlas.packed.shape[1]))
        assert (own == atlas.region(r).neighbours()).all()
        assert set(own.tolist()) == set(atlas.adjacency()[[r]].indices.tolist())
        # what the point's neighbours see of it
        for other in own:
            assert r in atlas.region(int(other)).neighbours()


@pytest.mark.parametrize("case", [*PLANE[::3], *LINE[::6]], ids=repr)
def test_cells_of_a_plane_are_its_polygons(case: Case) -> None:
    plane = plica.map_regions(case.net, case.domain)
    cells = atlas_of(case)
    order = cells.index_of(plane.packed)
    assert sorted(order.tolist()) == list(range(len(cells)))
    a, b = plane.adjacency(), cells.adjacency()[order][:, order]
    assert ((a != 0) != (b != 0)).nnz == 0
    assert len(plane.linear_regions()) == len(cells.linear_regions())


def test_exact_arithmetic_alone_finds_the_same_facets() -> None:
    from plica.engines.outline import Outline

    for case in SMALL[::5]:
        atlas = atlas_of(case)
        packed = atlas.packed[:: max(1, len(atlas) // 6)]
        fast = Outline(case.net, case.domain).trace(packed, rows=True, beyond=True)
        slow = Outline(case.net, case.domain, filter_scale=np.inf).trace(
            packed, rows=True, beyond=True
        )
        assert (fast.counts == slow.counts).all()
        ends = np.cumsum(fast.counts)
        for stop, count in zip(ends, fast.counts, strict=True):
            part = slice(stop - count, stop)
            assert set(map(bytes, fast.beyond[part])) == set(map(bytes, slow.beyond[part]))
            assert set(fast.columns[part]) == set(slow.columns[part])


def test_a_pattern_without_a_region() -> None:
    net = plica.Network.mlp([([[1, 0], [1, 0], [0, 1]], [0, -1, 0]), ([[1, 1, 1]], [0])])
    from plica.engines.outline import Outline
    from plica.engines.packing import pack

    outline = Outline(net, plica.Space(2))
    packed = pack(outline.bits, outline.words, np.array([[0, 1, 0], [1, 0, 1], [1, 1, 1]]))
    assert outline.trace(packed).counts.tolist() == [-1, 3, 2]


def test_the_subdivision_of_a_cube_is_a_ball() -> None:
    # Euler: the cells that hyperplanes cut a cube into, and the facets between them, give
    # 1 = sum (-1)^(n - k) f_k over the relatively open faces of the interior; for generic planes
    # every k of them meet in one flat, so that all f_k are known where the flats cross the cube
    n, m = 3, 5
    rng = np.random.default_rng(1)
    W = rng.standard_normal((m, n))
    b = 0.01 * rng.standard_normal(m)  # every vertex of the arrangement lies in the cube
    net = plica.Network.mlp([(W, b), (np.ones((1, m)), [0.0])])
    atlas = plica.map_regions(net, plica.Box.cube(n))
    # one more for every flat: regions of an arrangement of m planes, m (m - 1) / 2 lines, C(m, 3)
    assert len(atlas) == 1 + 5 + 10 + 10
    # each plane is cut by the m - 1 others into 1 + 4 + 6 polygons
    assert len(atlas.facets()) == m * 11
    assert (np.bincount(atlas.facets().unit) == 11).all()


@pytest.mark.parametrize(("n", "widths"), [(3, (6, 5)), (4, (5, 3))])
def test_volumes_add_up(n: int, widths: tuple[int, int]) -> None:
    net = plica.Network.mlp(he([n, *widths, 1], n))
    atlas = plica.map_regions(net, plica.Box.cube(n))
    assert np.isclose(atlas.sizes.sum(), 2.0**n, rtol=1e-9)
    slanted = plica.Slice(np.zeros(n + 1), np.eye(n, n + 1) + 0.5 * np.eye(n, n + 1, 1))
    wide = plica.Network.mlp(he([n + 1, *widths, 1], n))
    atlas = plica.map_regions(wide, slanted)
    D = slanted.directions
    assert np.isclose(atlas.sizes.sum(), 2.0**n * np.sqrt(np.linalg.det(D @ D.T)), rtol=1e-9)


@pytest.mark.parametrize("case", [*CUBES[::3], THIN], ids=repr)
def test_volumes_of_degenerate_networks_add_up(case: Case) -> None:
    atlas = atlas_of(case)
    if len(atlas) > 60:
        atlas = plica.map_regions(case.net, case.domain, engine="cells", budget=60)
        assert 0 < np.nansum(atlas.sizes) < 2.0**case.domain.dim
        return
    lower, upper = case.domain.bounds
    assert np.isclose(np.nansum(atlas.sizes), (upper - lower).prod(), rtol=1e-9)
    thin = np.flatnonzero(np.isnan(atlas.sizes))
    assert all(atlas.region(int(r)).inradius() < 1e-9 for r in thin)


def test_geometry_of_a_simplex() -> None:
    # x, y, z > 0 and x + y + z < 1, cut out of space by four rectifiers
    net = plica.Network.mlp([([*np.eye(3), [1, 1, 1]], [0, 0, 0, -1]), (np.ones((1, 4)), [0])])
    region = plica.region_at(net, [0.2, 0.2, 0.2])
    assert region.pattern.tolist() == [1, 1, 1, 0]
    assert region.bounded
    assert np.isclose(region.volume(), 1 / 6)
    assert {tuple(v) for v in np.round(region.vertices(), 9) + 0.0} == {
        (0, 0, 0),
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
    }
    r = 1 / (3 + np.sqrt(3))
    assert np.isclose(region.inradius(), r)
    assert np.allclose(region.centre(), r)
    assert np.allclose(np.linalg.norm(region.halfspaces().A, axis=1), 1)
    assert region.halfspaces().units.tolist() == [0, 1, 2, 3]
    distance, unit = region.distance([0.3, 0.2, 0.25])
    assert np.isclose(distance, 0.25 / np.sqrt(3))
    assert unit == 3
    distance, unit = region.distance([0.3, 0.2, 0.25], np.inf)
    assert np.isclose(distance, 0.25 / 3)
    assert unit == 3
    assert region.contains([[0, 0, 0], [0.2, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]]).tolist() == [
        True,
        False,
        True,
    ]
    outer = plica.region_at(net, [1, 1, 1])
    assert not outer.bounded
    assert outer.inradius() == np.inf
    with pytest.raises(plica.UnsupportedError, match="not bounded"):
        outer.volume()
    with pytest.raises(plica.DomainError, match="not in the region"):
        region.distance([1, 1, 1])


def test_points_on_creases() -> None:
    net = plica.Network.mlp([([[1, 0], [0, 1], [1, -1]], [0, 0, 0]), ([[1, 1, 1]], [0])])
    # on one crease: the side where the unit is off
    assert plica.region_at(net, [0.0, 0.5]).pattern.tolist() == [0, 1, 0]
    assert plica.region_at(net, [0.5, 0.5]).pattern.tolist() == [1, 1, 0]
    # at the corner all are off: x < 0, y < 0 and x < y
    corner = plica.region_at(net, [0.0, 0.0])
    assert corner.pattern.tolist() == [0, 0, 0]
    assert corner.halfspaces().units.tolist() == [1, 2]
    with pytest.raises(plica.DomainError, match="no interior"):
        plica.region_at(plica.Network.mlp([([[1], [-1]], [0, 0]), ([[1, 1]], [0])]), [0.0])
    with pytest.raises(plica.DomainError, match="not in the domain"):
        plica.region_at(net, [2.0, 0.0], plica.Box.cube(2))
    with pytest.raises(plica.DomainError, match="coordinates"):
        plica.region_at(net, [2.0, 0.0, 1.0])


def test_units_with_one_hyperplane_are_named_together() -> None:
    W = [[1, 0, 0], [2, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]
    net = plica.Network.mlp([(W, [0, 0, 0, 1, 0, -1]), (np.ones((1, 6)), [0])])
    region = plica.region_at(net, [0.5, 0.5, 0.5], plica.Box.cube(3))
    found = region.halfspaces()
    assert sorted(found.units.tolist()) == [-6, -5, -4, -3, -2, 0]
    together = {int(u): t.tolist() for u, t in zip(found.units, found.together, strict=True)}
    assert together[0] == [0, 1, 2]
    assert together[-2] == [3, -2]
    assert together[-6] == [5, -6]
    (other,) = region.neighbours()
    assert other.pattern.tolist() == [0, 0, 1, 1, 0, 0]
    assert region.pattern.tolist() == [1, 1, 0, 1, 0, 0]


def test_many_inputs() -> None:
    rng = np.random.default_rng(0)
    net = plica.Network.mlp(he([60, 40, 30, 10], 0))
    x = rng.standard_normal(60)
    region = plica.region_at(net, x)
    found = region.halfspaces()
    assert 60 <= len(region.halfspaces(minimal=False)) == 70 >= len(found)
    J, c = region.affine
    assert np.allclose(J @ x + c, net(x)[0])
    for r, norm in ((region.distance(x)[0], 2), (region.distance(x, np.inf)[0], np.inf)):
        step = rng.standard_normal((50, 60))
        near = x + 0.999 * r * step / np.linalg.norm(step, ord=norm, axis=1, keepdims=True)
        assert region.contains(near).all()
    for neighbour in region.neighbours()[:5]:
        assert any((other.pattern == region.pattern).all() for other in neighbour.neighbours())
    with pytest.raises(plica.UnsupportedError, match="60 dimensions"):
        region.vertices()


def test_atlases_are_saved(tmp_path) -> None:
    net = plica.Network.mlp(integer([3, 5, 4, 1], 2))
    for name, domain in {
        "box": plica.Box.cube(3),
        "space": plica.Space(3),
        "wedge": plica.Polytope([[1, 1, 1]], [1]),
    }.items():
        atlas = plica.map_regions(net, domain)
        atlas.save(tmp_path / name)
        again = plica.Atlas.open(tmp_path / name)
        assert isinstance(again, CellAtlas)
        assert repr(again.domain) == repr(domain)
        assert (again.patterns == atlas.patterns).all()
        assert (again.adjacency() != atlas.adjacency()).nnz == 0
        assert (again.linear_regions().labels == atlas.linear_regions().labels).all()
        assert (again.witnesses == atlas.witnesses).all()
    (tmp_path / "box" / "inside.npy").unlink()
    with pytest.raises(plica.LoadError, match="damaged"):
        plica.Atlas.open(tmp_path / "box")


def test_an_atlas_that_is_not_complete_has_no_facets() -> None:
    net = plica.Network.mlp(he([3, 8, 8, 1], 0))
    atlas = plica.map_regions(net, plica.Box.cube(3), budget=20)
    with pytest.raises(plica.BudgetError):
        atlas.adjacency()
    with pytest.raises(plica.BudgetError):
        plica.count_regions(net, plica.Box.cube(3), kind="linear", budget=20)
    missing = [(region.neighbours() < 0).any() for region in atlas]
    assert any(missing)


def test_cells_are_not_drawn() -> None:
    net = plica.Network.mlp(he([3, 4, 1], 0))
    with pytest.raises(plica.UnsupportedError, match="dimension 3"):
        plica.map_regions(net, plica.Box.cube(3)).plot()
    flat = plica.Network.mlp(he([2, 4, 1], 0))
    with pytest.raises(plica.UnsupportedError, match="engine"):
        plica.map_regions(flat, plica.Box.cube(2), engine="cells").plot()


def test_points_outside_the_domain_are_nowhere() -> None:
    net = plica.Network.mlp(he([3, 4, 1], 0))
    atlas = plica.map_regions(net, plica.Box.cube(3))
    assert atlas.locate([[0, 0, 0], [1, 1, 1], [0, 0, 1 + 2**-52]])[2] == -1
    A = [[3, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
    atlas = plica.map_regions(net, plica.Polytope(A, [1, 1, 1, 1, 1, 1]))
    third = 1 / 3  # rounded down: 3 * third < 1, though it rounds to 1
    assert (atlas.locate([[third, 0, 0], [np.nextafter(third, 1), 0, 0]]) < 0).tolist() == [
        False,
        True,
    ]
