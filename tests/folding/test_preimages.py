"""Which inputs are identified: against closed forms, against exact vertices, at ties."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import plica
from plica import constructions, folding
from plica.engines import reference
from plica.exact.rational import RationalChain
from plica.folding.equations import determinant

SQUARE = plica.Box([-1, -1], [1, 1])


def random_net(seed: int, widths: list[int], integers: bool = False) -> plica.Network:
    rng = np.random.default_rng(seed)
    layers = []
    for n, m in pairwise(widths):
        W, b = rng.normal(size=(m, n)), rng.normal(size=m) / 2
        if integers:
            W, b = rng.integers(-2, 3, size=(m, n)), rng.integers(-1, 2, size=m)
        layers.append((W, b))
    return plica.Network.mlp(layers)


# -- closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("built", "numbers"),
    [
        (constructions.folding([2, 4, 6, 3]), [2**2, 2**2 * 3**2]),
        (constructions.folding([1, 3, 2, 4]), [3, 6]),
        (constructions.zigzag([2, 6, 3]), [4**2]),
        (constructions.best_split([2, 7, 3]), [4 * 5]),
        (constructions.folding([3, 6, 4]), [2**3]),
        (constructions.zonotope([2, 6, 3, 2]), [None, None]),  # rays are identified, not regions
    ],
)
def test_the_sheets_of_a_folded_cube(
    built: constructions.Construction, numbers: list[int | None]
) -> None:
    n = built.network.n_inputs
    x = np.array([0.3, 0.6, 0.45])[:n]
    for layer, number in enumerate(numbers, start=1):
        domain = plica.Box.cube(n, 0, 1)
        if number is None:
            found = folding.identified(built.network, layer, x - 0.4, domain)
            assert found.multiplicity == 0
            assert {piece.dim for piece in found} == {n - 1}
            continue
        found = folding.identified(built.network, layer, x, domain)
        assert found.multiplicity == len(found) == number
        # the same in the coordinates that are folded, and for a cell there
        own = built.folded(layer)
        y = own([x])[0]
        assert folding.identified(own, layer, x, domain).multiplicity == number
        assert folding.preimages(own, layer, y, domain).multiplicity == number
        cell = plica.Box(y - 2.0**-10, y + 2.0**-10)
        pieces = folding.preimages(own, layer, cell, domain)
        assert pieces.multiplicity == len(pieces) == number
        assert {piece.dim for piece in pieces} == {n}


def test_the_number_is_a_sum_over_the_layer_before() -> None:
    built = constructions.folding([2, 4, 6, 3])
    first, second = built.folded(1), built.folded(2)
    both = folding.identified(second, 2, [0.3, 0.6], built.domain)
    # the points that the second layer identifies, and the inputs of each of them
    points = {RationalChain(first).value(piece.witness) for piece in both}
    assert len(points) == 9
    numbers = [folding.preimages(first, 1, y, built.domain).multiplicity for y in points]
    assert sum(numbers) == both.multiplicity == 36


@pytest.mark.parametrize(
    "built", [constructions.folding([2, 4, 3]), constructions.zigzag([2, 6, 4])]
)
def test_regions_are_the_sum_of_what_is_identified(built: constructions.Construction) -> None:
    # the lemma behind the lower bounds: every cell of the last layer, once for each sheet
    own = built.folded(1)
    A, a = built.layers[-1].A.astype(float), built.layers[-1].a.astype(float)
    last = plica.Network([plica.Stage(A, a, built.layers[-1].units)])
    cells = plica.map_regions(last, built.domain).witnesses
    sheets = [folding.preimages(own, 1, y, built.domain).multiplicity for y in cells]
    assert sum(sheets) == built.regions


def test_a_cell_that_a_fold_cuts_is_not_covered() -> None:
    own = constructions.folding([2, 4, 3]).folded(1)
    domain = plica.Box.cube(2, 0, 1)
    across = folding.preimages(own, 1, plica.Box([0.5, 0.5], [1.5, 0.75]), domain)
    assert len(across) == 4
    assert across.multiplicity == 0
    edge = folding.preimages(own, 1, plica.Box([0.5, 0.5], [1.0, 0.75]), domain)
    assert edge.multiplicity == 4


# -- against exact corners -----------------------------------------------------------------------


def values_at_corners(net: plica.Network, domain: plica.Domain) -> dict[tuple[int, ...], list]:
    chain = RationalChain(domain.restrict(net))
    return {
        tuple(int(p) for p in cell.pattern): [chain.value(v)[0] for v in cell.vertices]
        for cell in reference.enumerate_cells(net, domain)
    }


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("integers", [False, True])
def test_levels_of_one_output(seed: int, integers: bool) -> None:
    net = random_net(seed, [2, 4, 3, 1], integers)
    corners = values_at_corners(net, SQUARE)
    for y in (Fraction(float(net([[0.25, -0.5]])[0, 0])), Fraction(0), Fraction(1)):
        found = folding.preimages(net, 2, [y], SQUARE)
        inside = {p for p, v in corners.items() if min(v) < y < max(v) or min(v) == y == max(v)}
        touched = {p for p, v in corners.items() if y in (min(v), max(v))} - inside
        assert {piece.pattern for piece in found} == inside
        assert set(found.touching) == touched
        chain = RationalChain(net)
        for piece in found:
            assert chain.value(piece.witness) == (y,)
            assert chain.pattern(piece.witness) == piece.pattern
            constant = min(corners[piece.pattern]) == max(corners[piece.pattern])
            assert piece.dim == (2 if constant else 1)
            assert not piece.onto


@pytest.mark.parametrize("seed", range(4))
def test_cells_of_one_output(seed: int) -> None:
    net = random_net(seed, [2, 4, 3, 1], integers=seed % 2 == 0)
    corners = values_at_corners(net, SQUARE)
    low, high = Fraction(-1), Fraction(1, 2)
    found = folding.preimages(net, 2, plica.Box([-1], [0.5]), SQUARE)
    inside = {
        p
        for p, v in corners.items()
        if (min(v) < high and max(v) > low and min(v) < max(v)) or low < min(v) == max(v) < high
    }
    assert {piece.pattern for piece in found} == inside
    segment = folding.preimages(net, 2, plica.Segment([0.5], [-1]), SQUARE)
    polytope = folding.preimages(net, 2, plica.Polytope([[1], [-2]], [0.5, 2]), SQUARE)
    for other in (segment, polytope):
        assert [piece.pattern for piece in other] == [piece.pattern for piece in found]


@pytest.mark.parametrize("seed", range(5))
def test_pieces_of_a_function_of_one_input(seed: int) -> None:
    net = random_net(seed, [1, 6, 5, 1])
    line = plica.Box([-2], [2])
    corners = values_at_corners(net, line)
    y = Fraction(float(net([[0.1]])[0, 0])) + Fraction(1, 1000)
    found = folding.preimages(net, 2, [y], line)
    covering = [v for v in corners.values() if min(v) < y < max(v)]
    assert found.multiplicity == len(found) == len(covering)
    low, high = y - Fraction(1, 64), y + Fraction(1, 64)
    cell = plica.Box([float(low)], [float(high)])
    low, high = (Fraction(v[0]) for v in (cell.lower.tolist(), cell.upper.tolist()))
    found = folding.preimages(net, 2, cell, line)
    assert found.multiplicity == sum(min(v) <= low and max(v) >= high for v in corners.values())


@pytest.mark.parametrize("seed", range(5))
def test_an_input_is_among_those_identified_with_it(seed: int) -> None:
    net = random_net(seed, [2, 5, 4, 2])
    rng = np.random.default_rng(seed)
    for x in rng.uniform(-1, 1, size=(5, 2)):
        found = folding.identified(net, 2, x, SQUARE)
        exact = tuple(Fraction(v) for v in x.tolist())
        pattern = RationalChain(net).pattern(exact)
        assert pattern in {piece.pattern for piece in found}
        for piece in found:
            if piece.dim == 0 and piece.pattern == pattern:
                assert piece.witness == exact
        values = net([[float(v) for v in piece.witness] for piece in found])
        assert np.allclose(values, net([x]), atol=1e-9)


# -- corner cases --------------------------------------------------------------------------------


ABSOLUTE = plica.Network.mlp([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])


def test_a_point_on_a_crease_touches() -> None:
    found = folding.identified(ABSOLUTE, 1, [0.0], plica.Box([-1], [1]))
    assert len(found) == found.multiplicity == 0
    assert len(found.touching) == 2
    assert folding.identified(ABSOLUTE, 1, [0.5], plica.Box([-1], [1])).multiplicity == 2
    assert folding.identified(ABSOLUTE, 1, [0.5], plica.Space(1)).multiplicity == 2
    # 1 is reached at the ends of the domain alone
    assert len(folding.identified(ABSOLUTE, 1, [1.0], plica.Box([-1], [1])).touching) == 2


def test_a_region_that_is_mapped_to_a_point_is_not_a_sheet() -> None:
    net = plica.Network.mlp([([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), (np.eye(2), [0.0, 0.0])])
    found = folding.identified(net, 1, [-0.5, -0.5], SQUARE)
    assert [piece.dim for piece in found] == [2]
    assert found.multiplicity == 0
    assert np.allclose(sorted(found[0].vertices().tolist()), [[-1, -1], [-1, 0], [0, -1], [0, 0]])
    assert len(found.touching) == 3
    # an open cell whose boundary it is mapped to has no part in it
    assert len(folding.preimages(net, 1, plica.Box([0, 0], [0.5, 0.5]), SQUARE)) == 1


def test_sheets_in_different_flats_do_not_count_together() -> None:
    # the line is bent at 0 in the plane of two outputs, and comes back to (1, 0) on another line
    net = plica.Network.mlp(
        [
            ([[1.0], [1.0], [-1.0]], [0.0, -1.0, 0.0]),
            ([[1.0, -2.0, 0.0], [1.0, -1.0, 1.0]], [0.0, 0.0]),
        ]
    )
    line = plica.Box([-3], [3])
    assert net([[1.5]]).tolist() == [[0.5, 1.0]]
    found = folding.preimages(net, 1, [Fraction(0), Fraction(1)], line)
    assert len(found) == 2
    assert found.multiplicity == 1


def test_mirrored_sheets() -> None:
    own = constructions.folding([2, 4, 3]).folded(1)
    found = folding.identified(own, 1, [0.3, 0.6], plica.Box.cube(2, 0, 1))
    assert sorted(piece.mirrored for piece in found) == [False, False, True, True]
    net = constructions.folding([2, 4, 3]).network
    assert determinant([[1, 2, 3], [4, 5, 6], [7, 8, 10]]) == -3
    assert determinant([[0, 1], [1, 0]]) == -1
    assert determinant([[1, 2], [2, 4]]) == 0
    deeper = folding.identified(net, 1, [0.3, 0.6], plica.Box.cube(2, 0, 1))
    assert {piece.mirrored for piece in deeper} == {None}


def test_corners() -> None:
    own = constructions.folding([2, 4, 3]).folded(1)
    domain = plica.Box.cube(2, 0, 1)
    target = plica.Box([0.5, 0.25], [0.75, 0.5])
    areas = []
    for piece in folding.preimages(own, 1, target, domain):
        x, y = piece.vertices().T
        areas.append(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
        assert len(x) == 4
    assert np.allclose(areas, 1 / 64)
    axis = folding.preimages(own, 1, plica.Segment([0.5, 0.0], [0.5, 1.0]), domain)
    ends = sorted(sorted(piece.vertices().tolist()) for piece in axis)
    assert np.allclose(
        ends,
        [
            [[0.25, 0], [0.25, 0.5]],
            [[0.25, 0.5], [0.25, 1]],
            [[0.75, 0], [0.75, 0.5]],
            [[0.75, 0.5], [0.75, 1]],
        ],
    )
    flat_box = folding.preimages(own, 1, plica.Box([0.5, 0.0], [0.5, 1.0]), domain)
    assert [p.witness for p in flat_box] == [p.witness for p in axis]
    point = folding.preimages(own, 1, [0.5, 0.5], domain)
    assert all(piece.vertices().shape == (1, 2) for piece in point)


def test_preimages_without_end() -> None:
    found = folding.preimages(ABSOLUTE, 1, plica.Polytope([[-1]], [-1]), plica.Space(1))
    assert len(found) == found.multiplicity == 2
    with pytest.raises(plica.UnsupportedError, match="bounded"):
        found[0].vertices()


def test_slices_have_coordinates_of_their_own() -> None:
    built = constructions.folding([3, 6, 4])
    plane = plica.Slice([0.5, 0.5, 0.3], [[1, 0, 0], [0, 1, 0]], plica.Box([-0.5] * 2, [0.5] * 2))
    found = folding.identified(built.folded(1), 1, [-0.2, 0.1], plane)
    assert found.multiplicity == len(found) == 4
    assert len(found[0].witness) == 2


def test_what_does_not_fit_is_refused() -> None:
    net = random_net(0, [2, 4, 3, 1])
    with pytest.raises(plica.NetworkError, match="layer 3"):
        folding.preimages(net, 3, [0.0], SQUARE)
    with pytest.raises(plica.DomainError, match="dimensions"):
        folding.preimages(net, 1, [0.0], SQUARE)
    with pytest.raises(plica.DomainError, match="dimensions"):
        folding.preimages(net, 2, SQUARE, SQUARE)
    with pytest.raises(plica.DomainError, match="finite"):
        folding.preimages(net, 2, [np.inf], SQUARE)
    with pytest.raises(plica.DomainError, match="finite"):
        folding.preimages(net, 2, 1.0, SQUARE)
    for layer in (None, "1", 1.5):
        with pytest.raises(plica.NetworkError, match="by its number, from 1 to 2"):
            folding.folded(net, layer)
    for x in ("here", {}):
        with pytest.raises(plica.DomainError, match="x must be"):
            folding.identified(net, 2, x, SQUARE)
    with pytest.raises(plica.DomainError, match=r"expected a plica\.Box"):
        folding.identified(net, 2, [0.0, 0.0], [[-1, 1], [-1, 1]])
    with pytest.raises(plica.DomainError, match=r"expected a plica\.Box"):
        folding.preimages(net, 2, [0.0] * folding.folded(net, 2).n_outputs, None)
    with pytest.raises(plica.DomainError, match="2 coordinates"):
        folding.identified(net, 2, [0.0], SQUARE)
    with pytest.raises(plica.DomainError, match="inputs"):
        folding.identified(net, 2, [0.0], plica.Box([0], [1]))
    with pytest.raises(plica.BudgetError):
        folding.preimages(net, 2, [0.0], SQUARE, budget=1)
