"""Boxes, polytopes, segments and slices: what they are, and what they refuse."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

import plica
from plica import Box, DomainError, Network, Polytope, Segment, Slice, Space
from plica.exact import RationalChain

from .twins.networks import he

if TYPE_CHECKING:
    from plica.domains import Domain

NAN, INF = float("nan"), float("inf")


def net(n: int = 3) -> Network:
    return Network.mlp(he([n, 4, 2], 1))


DOMAINS: dict[str, Domain] = {
    "box": Box([0, -1, 2], [1, 1, 3]),
    "flat box": Box([0.1, -1, 2], [0.1, 1, 3]),
    "line box": Box([0.1, -1, 0.3], [0.1, 1, 0.3]),
    "polytope": Polytope(np.vstack([np.eye(3), -np.eye(3)]), np.ones(6)),
    "space": Space(3),
    "segment": Segment([0.1, 0.2, 0.3], [1, -1, 0.7]),
    "slice": Slice([0.1, 0.2, 0.3], [[1, 0, 1], [0.5, 1, 0]], ([-2, 0], [1, 3])),
    "line slice": Slice([0.1, 0.2, 0.3], [1, 2, 3]),
    "through": Slice.through([0, 0, 1], [1, 0, 0], [0, 2, 0]),
}


@pytest.mark.parametrize("name", DOMAINS)
def test_restrict_is_the_network_on_embedded_points(name: str) -> None:
    domain = DOMAINS[name]
    u = np.random.default_rng(0).uniform(-1, 1, (20, domain.dim))
    restricted = domain.restrict(net())
    assert restricted.n_inputs == domain.dim
    assert domain.embed(u).shape == (20, 3)
    np.testing.assert_allclose(restricted(u), net()(domain.embed(u)), rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(restricted.pattern(u), net().pattern(domain.embed(u)))


@pytest.mark.parametrize("name", DOMAINS)
def test_wrong_dimension(name: str) -> None:
    with pytest.raises(DomainError, match="space of 3 dimensions but the network has 5 inputs"):
        DOMAINS[name].restrict(net(5))


@pytest.mark.parametrize("name", [n for n in DOMAINS if n != "space"])
def test_halfspaces_are_the_bounds(name: str) -> None:
    domain = DOMAINS[name]
    A, b = domain.halfspaces()
    assert A.shape == (b.size, domain.dim)
    if hasattr(domain, "bounds"):
        low, high = domain.bounds
        middle = (low + high) / 2
        assert (A @ middle < b).all()
        for i in range(domain.dim):
            for end in (low[i], high[i]):
                on = middle.copy()
                on[i] = end
                assert (A @ on <= b).all()
                assert (A @ on == b).sum() == 1
                on[i] = end + (end - middle[i])
                assert (A @ on > b).sum() == 1


def test_space_has_no_halfspaces() -> None:
    A, b = Space(4).halfspaces()
    assert A.shape == (0, 4)
    assert b.shape == (0,)


def test_flat_box_is_a_slice_of_the_free_coordinates() -> None:
    box = Box([0, 0.5, -1, 2], [1, 0.5, 1, 2])
    assert (box.n_inputs, box.dim, box.free.tolist()) == (4, 2, [0, 2])
    assert box.embed([[0.25, -0.5]]).tolist() == [[0.25, 0.5, -0.5, 2]]
    assert [v.tolist() for v in box.bounds] == [[0, -1], [1, 1]]
    assert box.restrict(net(4)).n_inputs == 2


def test_a_full_box_leaves_the_network_alone() -> None:
    assert Box.cube(3).restrict(net()) == net()
    assert [v.tolist() for v in Box.cube(2, 0, 2).bounds] == [[0, 0], [2, 2]]


def test_the_ends_of_a_segment_are_hit_exactly() -> None:
    start, end = np.array([0.1, 1e17, -3.7]), np.array([0.3, 1.0, 1e-30])
    segment = Segment(start, end)
    identity = RationalChain(segment.restrict(Network.mlp([(np.eye(3), np.zeros(3))])))
    assert identity.value([0]) == tuple(map(Fraction, start.tolist()))
    assert identity.value([1]) == tuple(map(Fraction, end.tolist()))
    third = identity.value([Fraction(1, 3)])
    assert third[0] == (2 * Fraction(0.1) + Fraction(0.3)) / 3
    assert segment.embed([0, 1]).tolist() == [start.tolist(), end.tolist()]


def test_segment_length_and_bounds() -> None:
    segment = Segment([0, 0], [3, 4])
    assert segment.length == 5
    assert [v.tolist() for v in segment.bounds] == [[0], [1]]


def test_slice_through_three_points() -> None:
    points = np.random.default_rng(3).normal(size=(3, 50))
    s = Slice.through(*points, margin=0.5)
    np.testing.assert_allclose(s.directions @ s.directions.T, np.eye(2), atol=1e-14)
    np.testing.assert_allclose(s.embed(s.points), points, atol=1e-13)
    low, high = s.bounds
    assert (s.points > low).all()
    assert (s.points < high).all()
    pad = 0.5 * (s.points.max(axis=0) - s.points.min(axis=0)).max()
    np.testing.assert_allclose(low, s.points.min(axis=0) - pad)


def test_slice_box_forms() -> None:
    assert Slice([0, 0, 0], np.eye(2, 3)).bounds[0].tolist() == [-1, -1]
    box = Box([0, 0], [1, 2])
    assert Slice([0, 0, 0], np.eye(2, 3), box).box is box


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box([0, 2], [1, 1]), r"inverted in coordinate 1: lower 2\.0 > upper 1\.0"),
        (lambda: Box([0, 1], [0, 1]), "single point"),
        (lambda: Box([0], [1, 2]), "1 lower and 2 upper"),
        (lambda: Box([], []), "0 lower"),
        (lambda: Box([NAN], [1]), "NaN or infinite"),
        (lambda: Box([0], [INF]), "NaN or infinite"),
        (lambda: Box(["a"], [1]), "list of numbers"),
        (lambda: Box([[0, 1], [2]], [1]), "list of numbers"),
        (lambda: Polytope([1, 2], [1]), "must be a matrix"),
        (lambda: Polytope(np.zeros((2, 0)), [1, 1]), "must be a matrix"),
        (lambda: Polytope([[1, NAN]], [1]), "NaN or infinite"),
        (lambda: Polytope([[1, 1]], [INF]), "NaN or infinite"),
        (lambda: Polytope([[1, 1]], [1, 2]), "1 rows in A but 2 in b"),
        (lambda: Space(0), "at least one dimension"),
        (lambda: Segment([1, 2], [1, 2]), "length 0"),
        (lambda: Segment([0.0], [-0.0]), "length 0"),
        (lambda: Segment([1, 2], [1]), "2 and 1 coordinates"),
        (lambda: Segment([], []), "0 and 0 coordinates"),
        (lambda: Segment([1, NAN], [1, 2]), "NaN or infinite"),
        (lambda: Slice([0, 0, 0], [[1, 2, 3], [2, 4, 6]]), "linearly dependent"),
        (lambda: Slice([0, 0, 0], [[1, 2, 3], [0, 0, 0]]), "linearly dependent"),
        (lambda: Slice([0, 0], np.eye(3, 2)), "linearly dependent"),
        (lambda: Slice([0, 0], [[1e-200, 0], [1e200, 0]]), "linearly dependent"),
        (lambda: Slice([0, 0, 0], np.eye(2)), "3 coordinates, its directions have shape"),
        (lambda: Slice([0, 0], [[1, NAN]]), "NaN or infinite"),
        (lambda: Slice([0, INF], [[1, 0]]), "NaN or infinite"),
        (lambda: Slice([0, 0], np.eye(2), ([0], [1])), "2 directions but its box has dimension 1"),
        (lambda: Slice([0, 0], np.eye(2), ([0, 1], [1, 1])), "box has dimension 1"),
        (lambda: Slice([0, 0], np.eye(2), ([0, 2], [1, 1])), "inverted"),
        (lambda: Slice.through([0, 0], [1, 1], [2, 2]), "on a line"),
        (lambda: Slice.through([0, 0], [0, 0], [2, 2]), "on a line"),
        (lambda: Slice.through([1, 1], [1, 1], [1, 1]), "on a line"),
        (lambda: Slice.through([0.1] * 9, [0.2] * 9, [0.7] * 9), "on a line"),
        (lambda: Slice.through([0, 0], [1, 1], [2]), "2, 2 and 1 coordinates"),
        (lambda: Slice.through([0, NAN], [1, 1], [2, 0]), "NaN"),
    ],
)
def test_bad_domains(make: object, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        make()  # type: ignore[operator]
    assert issubclass(DomainError, plica.PlicaError)


def test_directions_of_very_different_lengths_are_independent() -> None:
    assert Slice([0, 0], [[1e-200, 0], [0, 1e200]]).dim == 2


def test_domains_are_immutable() -> None:
    lower = np.zeros(2)
    box = Box(lower, [1, 1])
    lower[0] = 5
    assert box.lower.tolist() == [0, 0]
    with pytest.raises(ValueError, match="read-only"):
        box.lower[0] = 1
    with pytest.raises(AttributeError):
        box.lower = lower  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        DOMAINS["slice"].directions[0] = 1


@pytest.mark.parametrize("name", DOMAINS)
def test_repr_is_short_and_names_the_class(name: str) -> None:
    text = repr(DOMAINS[name])
    assert type(DOMAINS[name]).__name__ in text
    assert len(text) < 100
