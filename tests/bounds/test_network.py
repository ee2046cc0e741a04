from itertools import pairwise
from math import prod

import numpy as np
import pytest

import plica
from plica import Network, PiecewiseLinear, Stage, Units, bounds
from plica.bounds.intervals import box_of, propagate
from plica.exact import RationalChain

from ..twins import networks as twins
from .test_upper import random_net

BOX = plica.Box([-1, -1], [1, 1])


def check(net, domain=None, **options):
    """The table, after comparing every bound with the exact count; the count."""
    where = plica.Space(net.n_inputs) if domain is None else domain
    count = int(plica.count_regions(net, where))
    table = bounds.of_network(net, domain, **options)
    assert all(b.kind == "upper" and b.counts == "activation" for b in table)
    wrong = [(b.name, b.value) for b in table if b.value < count]
    assert not wrong, f"{count} regions, but {wrong}"
    return table, count


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed):
    widths = [(2, 4, 4), (3, 4, 3), (1, 5, 5), (2, 3, 3, 3)][seed % 4]
    net = random_net(widths, seed)
    table, _ = check(net)
    # nothing is stable, so the bounds are those of the widths
    assert table.of("naive").value == bounds.naive(widths)
    assert table.of("dimension").value <= bounds.montufar_2017(widths)
    assert table.of("histogram").value <= bounds.serra_2018(widths)
    assert table.of("refined").value <= bounds.refined_plane(widths)
    small = plica.Box.cube(widths[0], -0.2, 0.2)
    near, _ = check(net, small)
    assert near.upper() <= table.upper()
    exact, _ = check(net, small, units=plica.units_report(net, small))
    assert exact.upper() <= near.of("refined").value


@pytest.mark.parametrize("case", [*twins.PLANE, *twins.LINE], ids=repr)
def test_degenerate_networks(case):
    check(case.net, case.domain)


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky_relu", "hardtanh"])
@pytest.mark.parametrize("seed", range(4))
def test_residual_networks(activation, seed):
    net = twins.residual(seed, width=3, blocks=2, activation=activation)
    check(net)
    check(net, BOX)


def test_skips_keep_dimensions():
    # one unit a block: without the skips the second block would see a line at most
    rng = np.random.default_rng(3)
    stages = []
    for _ in range(4):
        w, v = rng.normal(size=(1, 2)), rng.normal(size=(2, 1))
        units = Units.concat([Units.relu(1), Units.identity(2)])
        stages += [Stage(np.vstack([w, np.eye(2)]), [0.1, 0, 0], units)]
        stages += [Stage(np.hstack([v, np.eye(2)]), [0, 0])]
    net = Network([*stages, Stage([[1, 1]], [0])])
    table, count = check(net)
    assert table.of("dimension").value == 2**4
    assert count > 5


def test_narrow_layers_without_skips_lose_dimensions():
    W = np.array([[1.0], [1.0], [-1.0]])
    net = Network.mlp([(np.ones((1, 4)), [0]), (W, [-1, -2, 3]), (np.ones((1, 3)), [0])])
    table, count = check(net)
    assert table.of("dimension").value == bounds.montufar_2017((4, 1, 3)) == 2 * 4
    assert table.of("histogram").value == bounds.serra_2018((4, 1, 3)) == 4 + 1
    assert count == 5


@pytest.mark.parametrize("seed", range(6))
def test_mixed_units(seed):
    check(twins.mixed(seed), BOX)
    check(twins.max_pool(seed), BOX)
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(9, 2))
    net = Network.mlp(
        [(W, rng.normal(size=9)), (rng.normal(size=(6, 3)), np.zeros(6)), ([[1, 1]], [0])], maxout=3
    )
    table, _ = check(net)
    assert table.of("dimension").value == bounds.maxout_upper((2, 3, 2), 3)


@pytest.mark.parametrize("seed", range(6))
def test_without_biases(seed):
    widths = (2, 4, 4) if seed % 2 else (3, 4, 3)
    net = random_net(widths, seed, bias=0)
    table, _ = check(net)
    assert table.of("dimension").value <= bounds.without_biases(widths)


@pytest.mark.parametrize("widths", [(1, 2), (2, 1), (3, 1), (3, 2), (3, 3), (2, 1, 2), (3, 2, 1)])
@pytest.mark.parametrize("k", [2, 3])
def test_maxout_without_biases(widths, k):
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(k * b, a)), np.zeros(k * b)) for a, b in pairwise(widths)]
    net = Network.mlp([*pairs, (np.ones((1, widths[-1])), [0])], maxout=k)
    table, _ = check(net)
    if len(widths) == 2:
        n0, n1 = widths
        exact = bounds.maxout_layer(n0, [k] * n1, biases=False)
        assert table.of("dimension").value == exact


def test_equal_and_opposite_units_are_one():
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(3, 2)), rng.normal(size=3)
    crelu = Network.mlp([(np.vstack([W, -W]), [*b, *-b]), (np.ones((1, 6)), [0])])
    table, count = check(crelu)
    assert table.upper() == count == 7
    # one of each pair is on: all dimensions stay
    deep = Network.mlp(
        [
            (np.vstack([W, -W]), [*b, *-b]),
            (rng.normal(size=(4, 6)), rng.normal(size=4)),
            (np.ones((1, 4)), [0]),
        ]
    )
    table, _ = check(deep)
    assert table.of("histogram").value == 7 * bounds.one_layer(2, 4)
    shifted = PiecewiseLinear([1.0], [0.0, 1.0])
    same = Network.mlp([([[1, 0], [2, 0], [4, 0]], [0, -1, 0]), ([[1, 1, 1]], [0])], shifted)
    table, _ = check(same)  # the first two bend at x = 1, the last at x = 1/4
    assert table.of("stable").value == 2**2


def test_low_rank():
    net = random_net((4, 6, 6), 1, ranks=(1, 2))
    table, count = check(net)
    assert count <= table.of("dimension").value <= bounds.montufar_2017((4, 6, 6), (1, 2))
    assert bounds.montufar_2017((4, 6, 6), (1, 2)) == 7 * 7


def test_activation_based_bound_uses_the_numbers_of_active_units():
    # a unit of the second layer needs two active units of the first
    W = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]
    net = Network.mlp([(W, [0, 0, -0.5]), ([[1, 1, 0]], [-1.5]), ([[1.0]], [0])])
    box = plica.Box([-1, -1], [1, 1])
    table, count = check(net, box)
    by_number = table.of("serra_ramalingam_2020").value
    assert by_number < table.of("histogram").value
    assert count <= by_number


@pytest.mark.parametrize("seed", range(30))
def test_activation_based_bound_on_random_boxes(seed):
    rng = np.random.default_rng(seed)
    widths = (2, 5, 4, 3)
    layers = [
        (rng.normal(size=(b, a)), rng.normal(-0.5, 0.5, b)) for a, b in pairwise((*widths, 1))
    ]
    net = Network.mlp(layers)
    low = rng.uniform(-1, 0.5, 2)
    table, _ = check(net, plica.Box(low, low + rng.uniform(0.1, 1, 2)))
    assert table.of("serra_ramalingam_2020").value <= bounds.serra_2018(widths)


def test_activation_based_bound_needs_rectifiers():
    table = bounds.of_network(twins.mixed(0), BOX)
    with pytest.raises(plica.UnsupportedError, match="rectifiers"):
        table.of("serra_ramalingam_2020")


def test_slices_and_segments():
    net = random_net((5, 6, 6), 2)
    plane = plica.Slice(np.zeros(5), np.eye(5)[:2])
    table, _ = check(net, plane)
    assert table.upper() <= bounds.refined_plane((2, 6, 6))
    line = plica.Segment(-np.ones(5), np.ones(5))
    table, _ = check(net, line)
    assert table.upper() <= 7 * 7
    flat = plica.Box([-1, -1, 0, 0, 0], [1, 1, 0, 0, 0])
    check(net, flat)
    half = plica.Polytope([[1.0, 1, 0, 0, 0]], [0.0])
    table = bounds.of_network(net, half)
    assert table.of("naive").value == 2**12


@pytest.mark.parametrize("seed", range(8))
def test_intervals_are_certain(seed):
    net = twins.mixed(seed) if seed % 2 else random_net((2, 5, 5), seed, activation="hardtanh")
    found = propagate(net, *box_of(BOX))
    chain = RationalChain(net)
    rng = np.random.default_rng(seed)
    points = [*rng.uniform(-1, 1, (20, 2)), [1, 1], [-1, 1], [1, -1], [-1, -1]]
    for x in points:
        for i, interval in enumerate(found):
            z = chain.pre_at(i, map(float, x))
            assert all(
                lo <= v <= hi for lo, v, hi in zip(interval.pre[0], z, interval.pre[1], strict=True)
            )


def test_intervals_without_bounds():
    net = Network.mlp(
        [([[1.0, 0], [0, 1]], [0, 0]), ([[-1.0, -1], [1, 1]], [-1, 1]), ([[1, 1]], [0])]
    )
    found = propagate(net, *box_of(plica.Space(2)))
    low, high = found[1].pre
    assert low[0] == -np.inf
    assert low[1] == pytest.approx(1)
    assert high[0] == pytest.approx(-1)
    assert high[1] == np.inf
    table, count = check(net)  # the second layer is stable on the whole plane
    assert table.upper() == count == 4


TINY, HUGE = 1e-200, 1e200


@pytest.mark.parametrize(
    ("layers", "low", "high"),
    [
        ([([[TINY]], [0])], -TINY, TINY),
        ([([[HUGE], [HUGE]], [0, -1.5 * HUGE]), ([[HUGE, -3 * HUGE]], [0])], 1, 8),
    ],
    ids=["underflow", "overflow"],
)
def test_products_that_float64_does_not_hold(layers, low, high):
    net = Network.mlp([*layers, (np.ones((1, 1)), [0])])
    _, count = check(net, plica.Box([low], [high]))
    assert count > 1


def test_a_report_must_fit():
    net = random_net((2, 4, 4), 0)
    with pytest.raises(plica.DomainError, match="report"):
        bounds.of_network(net, BOX, units=plica.units_report(random_net((2, 3, 4), 0), BOX))
    with pytest.raises(plica.DomainError, match="dimensions"):
        bounds.of_network(net, plica.Box.cube(3))
    with pytest.raises(plica.DomainError, match=r"expected a plica\.Box"):
        bounds.of_network(net, [[0, 1], [0, 1]])


def test_stable_units_leave_patterns():
    net = Network.mlp([([[1.0], [1.0], [1.0]], [0, 5, -5]), ([[1, 1, 1]], [0])])
    table, count = check(net, plica.Box([-1], [1]))
    assert table.of("stable").value == count == 2
    assert table.of("naive").value == prod([2] * 3)


def test_networks_without_units():
    net = Network([Stage([[1.0, 2.0]], [0.5])])
    table, count = check(net)
    assert table.upper() == count == 1


def test_the_table_says_what_it_found():
    net = Network.mlp([([[1.0], [1.0], [1.0]], [0, 5, -5]), ([[1, 1, 1]], [0])])
    table = bounds.of_network(net, plica.Box([-1], [1]))
    assert table.of("stable").hypothesis == "1 of 3 units cut"
    assert table.of("dimension").hypothesis == "layers cut in dimension 1"
    assert "3 units> on plica.Box" in repr(table)
