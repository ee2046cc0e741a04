import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plica.draw.pieces import Scores, scores_of, split

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def area(polygon):
    x, y = polygon.T
    return (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2


def polygons(pieces):
    return [pieces.vertices[i:j] for i, j in zip(pieces.offsets, pieces.offsets[1:], strict=False)]


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_pieces_cover_their_regions_and_are_won(k, seed):
    rng = np.random.default_rng(seed)
    # two squares side by side, with scores of their own
    vertices = np.vstack((SQUARE, SQUARE + np.array((1.0, 0.0))))
    scores = Scores(rng.normal(size=(2, k, 2)), rng.normal(size=(2, k)))
    pieces = split(vertices, np.array([0, 4, 8]), scores)
    areas = np.array([area(p) for p in polygons(pieces)])
    assert (areas > 0).all()  # still counter-clockwise
    assert np.allclose(np.bincount(pieces.regions, areas, minlength=2), 1.0)
    centre = scores.at(pieces.centres(), pieces.regions)
    assert (centre.argmax(axis=1) == pieces.winner).all()
    slope, offset = scores.margin(pieces.regions, pieces.winner)
    margin = (slope * pieces.centres()).sum(axis=1) + offset
    others = (centre.sum(axis=1) - centre.max(axis=1)) / (k - 1)
    assert np.allclose(margin, centre.max(axis=1) - others)


def test_no_cut_where_one_class_wins():
    scores = Scores(np.zeros((1, 3, 2)), np.array([[0.0, 2.0, 1.0]]))
    pieces = split(SQUARE, np.array([0, 4]), scores)
    assert pieces.winner.tolist() == [1]
    assert np.array_equal(pieces.vertices, SQUARE)


def test_boundary_through_vertices_makes_no_slivers():
    # y = x passes through two corners; y = 0 along a whole edge
    for row, n in (([1.0, -1.0], 2), ([0.0, 1.0], 1)):
        scores = scores_of(np.array([[row]]), np.zeros((1, 1)), True)
        pieces = split(SQUARE, np.array([0, 4]), scores)
        assert len(pieces.regions) == n
        assert np.isclose(sum(area(p) for p in polygons(pieces)), 1.0)


def test_ties_go_to_the_lowest_class():
    pieces = split(SQUARE, np.array([0, 4]), Scores(np.zeros((1, 3, 2)), np.zeros((1, 3))))
    assert pieces.winner.tolist() == [0]


def test_intervals():
    ends = np.array([[0.0], [1.0], [1.0], [2.0]])
    scores = scores_of(np.array([[[2.0]], [[2.0]]]), np.array([[-1.0], [-1.0]]), True)
    pieces = split(ends, np.array([0, 2, 4]), scores)
    found = sorted(
        zip(pieces.vertices[::2, 0], pieces.vertices[1::2, 0], pieces.winner, strict=True)
    )
    assert found == [(0.0, 0.5, 0), (0.5, 1.0, 1), (1.0, 2.0, 1)]


@pytest.mark.parametrize(("boundary", "classes"), [(True, 3), (0.5, 2), ((0, 2), 3)])
def test_scores_of(boundary, classes):
    J, c = np.arange(6.0).reshape(1, 3, 2), np.array([[1.0, 2.0, 4.0]])
    scores = scores_of(J, c, boundary)
    assert scores.n_classes == classes
    if boundary == 0.5:
        assert scores.c.tolist() == [[-0.5, 0.5]]
