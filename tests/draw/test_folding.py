"""Pictures of folding show what the networks compute."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica import constructions, draw, folding
from plica.draw.paper import _flat, _in_space

SQUARE = plica.Box.cube(2, 0, 1)


@pytest.fixture(scope="module")
def folded() -> constructions.Construction:
    return constructions.folding([2, 4, 6, 3])


FOLDS = [(0, 2), (1, 2), (0, 3), (1, 3)]


def test_paper_is_folded_as_the_network_folds_it(folded: constructions.Construction) -> None:
    atlas = plica.map_regions(folded.network, SQUARE)
    stack = _flat(atlas)
    for step, (axis, parts) in enumerate(FOLDS, start=1):
        stack = stack.folded(axis, parts)
        if step % 2 == 0:
            # the network stretches the folded sheet to the unit square again
            values = folded.folded(step // 2)(atlas.vertices)
            assert np.allclose(stack.points / stack.size, values, atol=1e-9)
    assert stack.sheets == 36
    assert np.allclose(stack.size, 1 / 6)
    # every sheet once, and neighbours across a fold show different sides
    places = np.rint(atlas.witnesses * 6 - 0.5).astype(int)
    levels = {tuple(p): int(k) for p, k in zip(places.tolist(), stack.level, strict=True)}
    assert sorted(levels.values()) == list(range(36))
    assert (stack.turned == (places.sum(axis=1) % 2 == 1)).all()


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0, np.pi])
@pytest.mark.parametrize(("axis", "parts"), [(0, 2), (1, 4)])
def test_paper_is_not_stretched(axis: int, parts: int, angle: float) -> None:
    built = constructions.folding([2, 8, 3])
    atlas = plica.map_regions(built.network, SQUARE)
    stack = _flat(atlas)
    points, normals, _ = _in_space(stack, axis, parts, angle)
    for k, region in enumerate(np.split(np.arange(len(points)), atlas.offsets[1:-1])):
        flat, bent = atlas.vertices[region], points[region]
        flat = np.linalg.norm(flat[:, None] - flat, axis=2)
        assert np.allclose(np.linalg.norm(bent[:, None] - bent, axis=2), flat, atol=1e-9)
        assert np.allclose((bent - bent[0]) @ normals[k], 0, atol=1e-9)


def test_pictures_of_paper(folded: constructions.Construction) -> None:
    atlas = plica.map_regions(folded.network, SQUARE)
    for progress in (0, 0.5, 3.3, 4):
        ax = draw.plot_paper(atlas, FOLDS, progress)
        assert len(ax.collections[0].get_paths()) == len(atlas)
    red = np.tile([1.0, 0.0, 0.0], (len(atlas), 1))
    ax = draw.plot_paper(atlas, FOLDS, 0, colors=red, theme="dark")
    assert np.allclose(ax.collections[0].get_facecolor()[:, :3], [1, 0, 0])
    with pytest.raises(plica.PlicaError, match="across a fold"):
        draw.plot_paper(atlas, [(0, 5)], 0.5)
    with pytest.raises(plica.PlicaError, match="axis 0 or 1"):
        draw.plot_paper(atlas, [(2, 2)], 0)
    with pytest.raises(plica.PlicaError, match="between 0 and 4"):
        draw.plot_paper(atlas, FOLDS, 5)
    with pytest.raises(plica.PlicaError, match="colors"):
        draw.plot_paper(atlas, FOLDS, 1, colors=red[:5])
    line = plica.map_regions(folded.network, plica.Segment([0, 0], [1, 1]))
    with pytest.raises(plica.PlicaError, match="two dimensions"):
        draw.plot_paper(line, FOLDS, 1)


def area(path: object) -> float:
    x, y = path.vertices[:-1].T  # type: ignore[attr-defined]
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_pictures_of_preimages(folded: constructions.Construction) -> None:
    own = folded.folded(2)
    targets = [plica.Box([0.25, 0.25], [0.5, 0.75]), plica.Segment([0, 0.5], [1, 0.5]), (0.3, 0.2)]
    found = [folding.preimages(own, 2, target, SQUARE) for target in targets]
    ax = draw.plot_preimages(found)
    creases, *shapes, points = ax.collections
    cells = shapes[0].get_paths()
    assert len(creases.get_segments()) > 0
    assert len(cells) == 36
    assert np.allclose([area(path) for path in cells], 0.125 / 36)
    assert len(np.unique(shapes[0].get_facecolor(), axis=0)) == 2  # front and back
    assert len(shapes[3].get_segments()) == 36
    assert len(points.get_offsets()) == 36
    assert np.allclose(own(points.get_offsets()), targets[2])
    plain = draw.plot_preimages(found[0], creases=False, theme="light", families=[3])
    assert len(plain.collections) == 2
    elsewhere = folding.preimages(own, 2, targets[0], plica.Box.cube(2, 0, 0.5))
    with pytest.raises(plica.PlicaError, match="one domain"):
        draw.plot_preimages([found[0], elsewhere])
    with pytest.raises(plica.PlicaError, match="one domain"):
        draw.plot_preimages([])
    solid = constructions.folding([3, 6, 4])
    with pytest.raises(plica.PlicaError, match="dimension 3"):
        draw.plot_preimages(folding.identified(solid.network, 1, [0.3] * 3, solid.domain))


def test_pictures_of_sheets(folded: constructions.Construction) -> None:
    own = folded.folded(1)
    ax = draw.plot_sheet(own, SQUARE)
    paths = ax.collections[0].get_paths()
    assert len(paths) == 4
    assert np.allclose([area(path) for path in paths], 1.0)  # all over the unit square
    sides, count = np.unique(ax.collections[0].get_facecolor(), axis=0, return_counts=True)
    assert len(sides) == 2
    assert count.tolist() == [2, 2]
    other = draw.plot_sheet(own, SQUARE, colors=[[1, 0, 0], [0, 1, 0]])
    assert set(map(tuple, other.collections[0].get_facecolor()[:, :3])) == {(1, 0, 0), (0, 1, 0)}
    with pytest.raises(plica.PlicaError, match="two outputs"):
        draw.plot_sheet(folded.network, SQUARE)
