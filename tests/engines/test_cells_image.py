"""The image form: regions over the space of the first stage's pre-activations."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import plica
from plica.chain import Stage
from plica.engines.cells import Cells
from plica.engines.image import image_of
from plica.engines.packing import pack
from plica.errors import DomainError
from plica.units import PiecewiseLinear, Units
from tests.twins import linear_programs
from tests.twins import networks as layers


def he(widths: list[int], seed: int = 0, bias: float = 0.3) -> plica.Network:
    return plica.Network.mlp(layers.he(widths, seed, bias))


def listed(net: plica.Network, domain: plica.Domain, form: str, **options: object) -> set[bytes]:
    found = Cells(net, domain, patterns=True, form=form, **options).collect()["patterns"]
    patterns = {row.tobytes() for row in found}
    assert len(patterns) == len(found)
    return patterns


NETWORKS = {
    "two layers": he([12, 4, 5, 1], seed=1),
    "three layers": he([9, 3, 6, 4, 2], seed=2),
    "far bias": he([10, 3, 4, 1], seed=3, bias=4.0),
    "no bias": he([10, 4, 4, 1], seed=4, bias=0.0),
}


@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS.keys())
def test_regions_are_those_of_dictionaries(net: plica.Network) -> None:
    box = plica.Box.cube(net.n_inputs)
    assert listed(net, box, "image") == listed(net, box, "dictionary")


@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS.keys())
def test_all_in_exact_arithmetic(net: plica.Network) -> None:
    small = plica.Box(np.full(net.n_inputs, -0.25), np.linspace(0.05, 0.5, net.n_inputs))
    exact = listed(net, small, "image", filter_scale=np.inf)
    assert exact == listed(net, small, "image")


def test_regions_are_those_of_the_oracle() -> None:
    net = he([7, 2, 3, 1], seed=5)
    box = plica.Box.cube(7)
    count = Cells(net, box, form="image")
    for _ in count.chunks():
        pass
    assert count.counters["regions"] == len(linear_programs.patterns(net, box).patterns)


@pytest.mark.parametrize("units", ["absolute", "three pieces", "maxima"])
def test_other_units(units: str) -> None:
    rng = np.random.default_rng(6)
    weights, bias = rng.normal(size=(6, 15)), rng.normal(size=6)
    kinds = {
        "absolute": Units.scalar("abs", 6),
        "three pieces": Units.scalar(PiecewiseLinear([-0.5, 0.75], [0.0, 1.0, 0.25]), 6),
        "maxima": Units.max([[0, 1, 2], [3, 4, 5]], 6),
    }
    hidden = kinds[units]
    first = Stage(weights, bias, hidden)
    second = Stage(rng.normal(size=(3, hidden.n_out)), rng.normal(size=3), Units.relu(3))
    last = Stage(rng.normal(size=(1, 3)), np.zeros(1), Units.identity(1))
    net = plica.Network([first, second, last])
    box = plica.Box.cube(15)
    assert listed(net, box, "image") == listed(net, box, "dictionary")


def touching(offset: float) -> plica.Network:
    """A unit of the second layer that is positive beyond a corner of the image, or at it."""
    weights = np.kron(np.eye(2), np.ones(6))  # |y_k| <= 6
    first = Stage(weights, np.zeros(2), Units.relu(2))
    second = Stage(np.ones((1, 2)), np.array([-12.0 + offset]), Units.relu(1))
    return plica.Network([first, second, Stage(np.eye(1), np.zeros(1), Units.identity(1))])


@pytest.mark.parametrize(
    "offset", [0.0, 1e-15, -1e-15, 2.0**-49, -(2.0**-49), 1e-9, -1e-9, 1e-3], ids=str
)
def test_hyperplanes_that_touch_the_image(offset: float) -> None:
    """A plane that cuts the image makes a region, however small; one that touches it does not."""
    net = touching(offset)
    bias = Fraction(float(net.stages[1].a[0]))
    expected = 4 + (bias > -12)
    found = Cells(net, plica.Box.cube(12), form="image")
    for _ in found.chunks():
        pass
    assert found.counters["regions"] == expected


def test_slabs_of_the_image() -> None:
    """y1 = y0 + small: the image is thin, and close to one side of a hyperplane."""
    rng = np.random.default_rng(7)
    row = rng.normal(size=10)
    thin = row.copy()
    thin[3] += 2.0**-30
    first = Stage(np.stack([row, thin]), np.zeros(2), Units.relu(2))
    difference = Stage(np.array([[1.0, -1.0]]), np.zeros(1), Units.relu(1))
    last = Stage(np.eye(1), np.zeros(1), Units.identity(1))
    net = plica.Network([first, difference, last])
    box = plica.Box.cube(10)
    assert listed(net, box, "image") == listed(net, box, "dictionary")


def test_witnesses_lie_in_their_regions() -> None:
    net = he([20, 3, 4, 1], seed=8)
    box = plica.Box(np.full(20, -1.0), np.linspace(0.5, 2, 20))
    walk = Cells(net, box, patterns=True, witnesses=True, form="image")
    found = walk.collect()
    points = found["witnesses"]
    assert points.shape == (walk.counters["regions"], 20)
    assert np.all((points >= box.lower) & (points <= box.upper))
    assert np.array_equal(pack(walk.bits, walk.words, net.pattern(points)), found["patterns"])


def test_chosen_where_inputs_are_many_and_the_first_stage_is_narrow() -> None:
    box = plica.Box.cube(40)
    assert Cells(he([40, 4, 3, 1]), box).form == "image"
    assert Cells(he([40, 20, 3, 1]), box).form == "dictionary"
    assert Cells(he([40, 4, 3, 1]), box, maps=True).form == "dictionary"
    assert Cells(he([40, 4, 3, 1]), plica.Polytope(*box.halfspaces())).form == "image"
    one_more = plica.Polytope(np.ones((1, 40)), np.array([3.0]))
    assert Cells(he([40, 4, 3, 1]), one_more).form == "dictionary"


def test_dependent_rows_are_left_to_dictionaries() -> None:
    net = he([40, 3, 3, 1], seed=9)
    A = np.array(net.stages[0].A)
    A[2] = A[0] + A[1]
    first = Stage(A, net.stages[0].a, net.stages[0].units)
    dependent = plica.Network([first, *net.stages[1:]])
    box = plica.Box.cube(40)
    assert image_of(dependent, box.lower, box.upper) is None
    assert Cells(dependent, box).form == "dictionary"
    with pytest.raises(DomainError, match="independent rows"):
        Cells(dependent, box, form="image")


def test_two_threads() -> None:
    net = he([48, 6, 6, 1], seed=10)
    box = plica.Box.cube(48)
    assert listed(net, box, "image", n_jobs=2) == listed(net, box, "image")


def test_a_ball_of_values_is_taken() -> None:
    """Points of the ball have preimages in the box: those of the right inverse, in rationals."""
    net = he([30, 3, 2, 1], seed=11)
    box = plica.Box(np.full(30, -0.5), np.linspace(0.25, 1, 30))
    image = image_of(net, box.lower, box.upper)
    assert image is not None
    A, a = np.array(net.stages[0].A), net.stages[0].a
    middle = box.lower / 2 + box.upper / 2
    rng = np.random.default_rng(12)
    for _ in range(200):
        direction = rng.normal(size=3)
        direction *= image.radius / np.linalg.norm(direction)
        x = middle + np.linalg.lstsq(A, direction / image.weight, rcond=None)[0]
        assert np.all((x > box.lower - 1e-12) & (x < box.upper + 1e-12))
        y = A @ x + a
        assert np.all((y > image.low) & (y < image.high))
