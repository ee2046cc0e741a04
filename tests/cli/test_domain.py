import numpy as np
import pytest

import plica
from plica.cli.domain import choose_domain, leading_plane, parse_domain

from .conftest import random_net


def test_box_for_all_inputs_and_for_each():
    box = parse_domain("box:-1,2", 3)
    assert box.lower.tolist() == [-1] * 3
    assert box.upper.tolist() == [2] * 3
    box = parse_domain("box: -1, 1 ; 0.5 ; 0,1e-3", 3)
    assert box.lower.tolist() == [-1, 0.5, 0]
    assert box.upper.tolist() == [1, 0.5, 1e-3]
    assert box.dim == 2


def test_segment():
    segment = parse_domain("segment:0,0;1,2", 2)
    assert segment.start.tolist() == [0, 0]
    assert segment.end.tolist() == [1, 2]


def test_slice_by_directions():
    cut = parse_domain("slice:0,0,1;1,0,0;0,1,1", 3)
    assert cut.origin.tolist() == [0, 0, 1]
    assert cut.directions.tolist() == [[1, 0, 0], [0, 1, 1]]
    assert cut.box.upper.tolist() == [1, 1]
    assert parse_domain("slice:0,0,1;1,0,0;0,1,1;-2,3", 3).box.upper.tolist() == [3, 3]
    assert parse_domain("slice:0,0,1;1,0,0;0,1,1;-2,3;0,5", 3).box.lower.tolist() == [-2, 0]


def test_slice_of_two_inputs_lies_in_the_box():
    cut = parse_domain("slice:2,0", 3, plica.Box([0, 1, 2], [4, 1.5, 4]))
    corner = cut.embed(cut.box.upper)
    assert corner.tolist() == [[4, 1.25, 4]]
    assert cut.directions.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_files(tmp_path):
    points = np.arange(12.0).reshape(3, 2, 2) ** 2
    np.save(tmp_path / "three.npy", points)
    cut = parse_domain(f"slice:{tmp_path}/three.npy", 4)
    assert np.allclose(cut.embed(cut.points), points.reshape(3, 4))
    np.save(tmp_path / "two.npy", points[:2])
    assert parse_domain(f"segment:{tmp_path}/two.npy", 4).end.tolist() == points[1].ravel().tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not understood"),
        ("box", "not understood"),
        ("box:", "not understood"),
        ("ball:1", "not understood"),
        ("box:a,b", "'a' is not a number"),
        ("box:1,2,3", "LOWER,UPPER"),
        ("box:0,1;0,1;0,1", "3 inputs, but the network has 2"),
        ("box:1,-1", "inverted in coordinate 0"),
        ("box:1,1", "single point"),
        ("box:0,nan", "NaN"),
        ("box:0,inf", "NaN or infinite"),
        ("segment:0,0", "two points"),
        ("segment:0,0;1", "segment's end has 1 coordinates, but the network has 2"),
        ("segment:1,1;1,1", "length 0"),
        ("slice:0,0", "two different inputs"),
        ("slice:0,2", "two different inputs"),
        ("slice:0,x", "names no two inputs"),
        ("slice:0,0;1,0", "2 parts"),
        ("slice:0,0;1,0;2,0", "linearly dependent"),
        ("slice:0,0;1,0;0,1;1,0", "inverted"),
        ("slice:0,0;1,0;0,1,0", "second direction has 3 coordinates"),
        ("slice:missing.npy", "no such file"),
    ],
)
def test_bad_texts(text, words):
    with pytest.raises(plica.DomainError, match=words):
        parse_domain(text, 2)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 2)), "expected 3 points of 2 numbers"),
        (np.zeros((3, 5)), "expected 3 points of 2 numbers"),
        (np.zeros(6), "one point a row"),
        (np.full((3, 2), np.nan), "NaN or infinite"),
        (np.array([["a", "b"]] * 3), "not a .npy file of numbers"),
        (np.array([[0.0, 0], [1, 1], [2, 2]]), "lie on a line"),
    ],
)
def test_bad_files(tmp_path, array, words):
    np.save(tmp_path / "points.npy", array)
    with pytest.raises(plica.DomainError, match=words):
        parse_domain(f"slice:{tmp_path}/points.npy", 2)


def test_file_that_is_no_array(tmp_path):
    (tmp_path / "points.npy").write_text("hello")
    with pytest.raises(plica.DomainError, match=r"not a \.npy file"):
        parse_domain(f"slice:{tmp_path}/points.npy", 2)


def test_default_is_the_models_box():
    net = random_net((2, 3, 1))
    assert choose_domain(net).domain.upper.tolist() == [1, 1]
    net.meta["metadata"] = {"plica.domain": "box:0,5"}
    chosen = choose_domain(net)
    assert chosen.domain.upper.tolist() == [5, 5]
    assert "metadata" in chosen.why
    net.meta["metadata"] = {"plica.domain": "segment:0,0;1,1"}
    with pytest.raises(plica.DomainError, match="must be a box"):
        choose_domain(net)


def test_domain_and_through_exclude_each_other(tmp_path):
    with pytest.raises(plica.DomainError, match="not both"):
        choose_domain(random_net((2, 3, 1)), "box:-1,1", str(tmp_path / "p.npy"))


def test_leading_plane_finds_the_directions_that_matter():
    # outputs depend on two directions only, the first of them more
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.normal(size=(7, 7)))[0].T
    first = np.concatenate([basis[:1] * 3, basis[1:2], -basis[:1] * 3, -basis[1:2]])
    net = plica.Network.mlp([(first, np.full(4, 0.1)), (np.ones((1, 4)), [0.0])])
    cut = leading_plane(net, plica.Box.cube(7))
    assert np.allclose(cut.directions @ cut.directions.T, np.eye(2), atol=1e-12)
    assert np.allclose(np.abs(cut.directions @ basis[:2].T), np.eye(2), atol=0.35)
    assert np.allclose(cut.directions @ basis[2:].T, 0, atol=1e-9)
    corners = cut.embed(cut.box.upper[0] * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]))
    assert np.isclose(np.abs(corners).max(), 1.0)  # as large as fits
    assert np.array_equal(cut.directions, leading_plane(net, plica.Box.cube(7)).directions)


@pytest.mark.parametrize("weights", [[[0.0] * 4], [[0.0, 2.0, 0.0, 0.0]]])
def test_leading_plane_where_outputs_vary_along_fewer_than_two_directions(weights):
    net = plica.Network.mlp([(weights, [0.5]), ([[1.0]], [0.0])])
    cut = leading_plane(net, plica.Box.cube(4))
    assert np.allclose(cut.directions @ cut.directions.T, np.eye(2))


def test_leading_plane_keeps_fixed_inputs_fixed():
    net = random_net((5, 6, 2))
    cut = leading_plane(net, plica.Box([0, 3, 0, 0, 1], [1, 3, 1, 2, 1]))
    assert (cut.directions[:, [1, 4]] == 0).all()
    assert cut.origin[[1, 4]].tolist() == [3, 1]
