"""Regions of lines and planes have what regions of any dimension have."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.regions.cells import CellAtlas
from plica.regions.polygons import PolygonAtlas
from tests.twins.networks import he


@pytest.fixture(scope="module")
def net() -> plica.Network:
    return plica.Network.mlp(he([2, 6, 5, 2], 3))


def test_polygons_and_cells_agree(net: plica.Network) -> None:
    box = plica.Box.cube(2)
    plane, cells = plica.map_regions(net, box), plica.map_regions(net, box, engine="cells")
    assert isinstance(plane, PolygonAtlas)
    assert isinstance(cells, CellAtlas)
    number = cells.index_of(plane.packed)
    assert np.allclose(plane.sizes, cells.sizes[number])
    for r, polygon in enumerate(plane):
        cell = cells.region(int(number[r]))
        assert isinstance(polygon, plica.Region)
        assert isinstance(cell, plica.Region)
        assert set(polygon.halfspaces().units) == set(cell.halfspaces().units)
        assert np.allclose(_sorted(polygon.vertices()), _sorted(cell.vertices()))
        assert np.isclose(polygon.inradius(), cell.inradius())
        u = cell.witness
        assert polygon.contains(u)[0]
        for norm in (2, np.inf):
            want, unit = cell.distance(u, norm)
            got, same = polygon.distance(u, norm)
            assert np.isclose(got, want)
            assert unit == same
        assert set(number[polygon.neighbours()].tolist()) == set(cell.neighbours().tolist())
        J, c = polygon.affine
        assert np.allclose(cell.affine[0], J)
        assert np.allclose(cell.affine[1], c)


def _sorted(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort(np.round(points, 9).T)]


def test_a_segment(net: plica.Network) -> None:
    segment = plica.Segment([-1, -1], [1, 0.5])
    line = plica.map_regions(net, segment)
    cells = plica.map_regions(net, segment, engine="cells")
    assert np.allclose(line.sizes, cells.sizes[cells.index_of(line.packed)])
    region = plica.region_at(net, [0.3], segment)
    r = int(line.index_of(region.packed[None])[0])
    assert np.allclose(region.vertices(), line.region(r).vertices())
    assert np.isclose(region.volume(), line.sizes[r])
    assert np.isclose(region.inradius(), line.region(r).inradius())
    with pytest.raises(plica.DomainError, match="norms"):
        region.distance([0.3], norm=1)


def test_points_are_located_exactly() -> None:
    # the crease passes between 0.1 + 0.2 and the 0.3 that it rounds to
    net = plica.Network.mlp([([[1, 1]], [-0.30000000000000004]), ([[1]], [0])])
    atlas = plica.map_regions(net, plica.Box.cube(2))
    off = int(np.flatnonzero(atlas.patterns[:, 0] == 0)[0])
    assert net.pattern([[0.1, 0.2]]).tolist() == [[0]]
    assert atlas.locate([[0.1, 0.2], [0.5, 0.5], [2, 2]]).tolist() == [off, 1 - off, -1]


def test_convolutions_with_many_inputs() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, stride=2),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(12, 5),
    )
    x = torch.rand(1, 1, 11, 11)
    net = plica.load(model, example=x)
    point = x.numpy().astype(np.float64).reshape(-1)
    region = plica.region_at(net, point)
    J, c = region.affine
    assert np.allclose(J @ point + c, net(point)[0])
    distance, unit = region.distance(point)
    crossed = region.halfspaces(minimal=False)
    row = crossed.A[(crossed.units == unit).nonzero()[0]]
    gap = crossed.b[(crossed.units == unit).nonzero()[0]] - row @ point
    nearest = int(gap.argmin())
    for share, same in ((0.999, True), (1.001, False)):
        there = point + share * distance * row[nearest]
        assert region.contains(there)[0] == same
        assert ((net.pattern(there)[0] == region.pattern).all()) == same
    found = region.halfspaces()
    assert len(found) <= len(crossed)
    others = region.neighbours()
    assert len(others) == len(found)
    for other, changed in zip(others, found.units, strict=True):
        assert other.pattern[changed] != region.pattern[changed]
