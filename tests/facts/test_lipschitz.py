"""Exact Lipschitz constants: against exact Jacobians of all cells, and sampled slopes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.engines.reference_cells import enumerate_cells
from plica.errors import DomainError, UnsupportedError
from plica.facts.metric import Metric, nearest_root
from tests.properties.chains import some
from tests.twins.networks import he, integer

from .cases import NAMED, SQUARE, bends, cells_of, each_dimension, question, rewritten

NORMS = (1, 2, math.inf)


def size(J: np.ndarray, p: float) -> Fraction:
    """Operator norm of a rational matrix on R^n; of one row and p = 2 its square."""
    if p == 1:
        return max(sum(map(abs, column)) for column in J.T)
    if p == 2:
        return sum(x * x for x in J[0])
    return max(sum(map(abs, row)) for row in J)


def jacobians(net: plica.Network, cells) -> list[np.ndarray]:
    return [np.array(cell.J, dtype=object).reshape(net.n_outputs, -1) for cell in cells]


def check(net: plica.Network, domain, cells) -> None:
    """All three norms on a domain whose coordinates are inputs."""
    maps = jacobians(net, cells)
    for p in NORMS:
        found = plica.lipschitz(net, domain, p)
        assert found.complete
        assert found.lower <= found.value <= found.upper
        if p == 2 and net.n_outputs > 1 and domain.dim > 1:
            best = max(np.linalg.norm(J.astype(float), 2) for J in maps)
            assert found.value == pytest.approx(best, rel=1e-12, abs=1e-300)
            assert found.upper - found.lower <= 1e-12 * max(best, 1e-300)
            continue
        if p == 2 and domain.dim == 1:
            best = max(sum(x * x for x in J[:, 0]) for J in maps)
        else:
            best = max(size(J, p) for J in maps)
        exact = found.squared if p == 2 else found.exact
        assert exact == best
        if p == 2:
            assert found.value == nearest_root(best)
        else:
            assert found.value == float(best)
        where = next(c for c in cells if c.pattern == tuple(found.pattern.tolist()))
        (there,) = jacobians(net, [where])
        assert (
            sum(x * x for x in there[:, 0]) if p == 2 == domain.dim + 1 else size(there, p)
        ) == best


@pytest.mark.parametrize(("net", "domain"), NAMED)
def test_named_networks(net: plica.Network, domain: plica.Box) -> None:
    check(net, domain, list(enumerate_cells(net, domain)))


@each_dimension
@some(20)
@given(data=st.data())
def test_random_chains(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    if isinstance(domain, plica.Slice) or (isinstance(domain, plica.Box) and domain.dim < n):
        domain = plica.Box.cube(n)
    check(net, domain, cells_of(net, domain))


@pytest.mark.parametrize("seed", range(2))
def test_every_kind_of_unit(seed: int) -> None:
    for net in bends(3, seed):
        domain = plica.Box.cube(3)
        check(net, domain, list(enumerate_cells(net, domain)))


def test_flat_boxes_leave_columns_out() -> None:
    net = plica.Network.mlp(integer([3, 6, 5, 2], 1))
    domain = plica.Box([-1, 0.5, -1], [1, 0.5, 1])
    check(net, domain, list(enumerate_cells(net, domain)))


@pytest.mark.parametrize("p", NORMS)
def test_slices_have_the_metric_of_the_input_space(p: float) -> None:
    """A slice with scaled, skew directions has the constant of the same slice with other ones."""
    rng = np.random.default_rng(0)
    net = plica.Network.mlp(integer([4, 6, 5, 2], 3))
    o, D = rng.integers(-2, 3, 4), np.array([[1.0, 0, 1, 0], [0, 2, 0, 1], [0, 0, 1, 1]])
    for k in (1, 2, 3):
        box = plica.Box.cube(k, -8, 8)
        low = plica.lipschitz(net, plica.Slice(o, D[:k], box), p)
        # the same plane, cut by a larger parallelogram, so that all the same regions are met
        S = np.triu(np.ones((k, k))) * 4
        high = plica.lipschitz(net, plica.Slice(o, S @ D[:k], plica.Box.cube(k, -64, 64)), p)
        assert low.value <= high.value * (1 + 1e-12)
        space = plica.lipschitz(net, plica.Space(4), p)
        assert high.value <= space.value * (1 + 1e-12)
        whole = [
            plica.lipschitz(
                net, plica.Slice(o, M @ D[:k], plica.Box.cube(k, -(2.0**20), 2.0**20)), p
            )
            for M in (np.eye(k), S)
        ]
        assert whole[0].value == pytest.approx(whole[1].value, rel=1e-12)


@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_no_slope_is_larger_and_one_is_as_large(p: float, k: int) -> None:
    rng = np.random.default_rng(k)
    net = plica.Network.mlp(he([5, 8, 6, 3], k))
    domain = plica.Slice(rng.normal(size=5), rng.normal(size=(k, 5)))
    found = plica.lipschitz(net, domain, p)
    u = rng.uniform(-1, 1, (2, 20_000, k))
    x, y = domain.embed(u[0]), domain.embed(u[1])
    slopes = np.linalg.norm(net(x) - net(y), p, axis=1) / np.linalg.norm(x - y, p, axis=1)
    assert slopes.max() <= found.upper * (1 + 1e-9)
    # around the witness the constant is attained in some direction: the best of many comes close
    J, _ = net.affine(found.witness)
    D = domain.directions
    v = rng.normal(size=(200_000, k))
    if p != 2:  # corners of the ball lie where coordinates vanish or have equal sizes
        v[: k * 50_000 : 2] = np.sign(v[: k * 50_000 : 2])
    rates = np.linalg.norm(v @ D @ J[0].T, p, axis=1) / np.linalg.norm(v @ D, p, axis=1)
    assert rates.max() == pytest.approx(found.value, rel=0.03)
    assert rates.max() <= found.upper * (1 + 1e-9)


def test_segments() -> None:
    absolute = plica.Network.mlp([([[3.0, 4.0]], [-1.0]), ([[2.0]], [0.0])], "abs")
    along = plica.Segment([0, 0], [3, 4])
    assert plica.lipschitz(absolute, along).value == 10.0
    assert plica.lipschitz(absolute, along, 1).exact == Fraction(50, 7)
    assert plica.lipschitz(absolute, along, math.inf).exact == Fraction(50, 4)


def test_rewriting_changes_nothing() -> None:
    layers, domain = integer([3, 6, 5, 2], 4), plica.Box([-1, -2, 0], [1, 1, 3])
    net, same = rewritten(layers)
    for norm in NORMS:
        found, again = plica.lipschitz(net, domain, norm), plica.lipschitz(same, domain, norm)
        assert (found.exact, found.squared) == (again.exact, again.squared)
        assert found.value == pytest.approx(again.value, rel=1e-14)
    # outputs scaled, inputs moved
    scaled = plica.lipschitz(net.after(-4 * np.eye(2)), domain, 1)
    assert scaled.exact == 4 * plica.lipschitz(net, domain, 1).exact
    moved = net.before(np.eye(3), [1, 0, -2])
    there = plica.Box(domain.lower - [1, 0, -2], domain.upper - [1, 0, -2])
    assert plica.lipschitz(moved, there, 1).exact == plica.lipschitz(net, domain, 1).exact


@pytest.mark.parametrize("budget", [1, 7, 1e-9])
def test_a_budget_leaves_a_lower_bound(budget: float) -> None:
    net, domain = plica.Network.mlp(he([4, 16, 12, 1], 0)), plica.Box.cube(4)
    found = plica.lipschitz(net, domain, budget=budget)
    assert not found.complete
    assert found.upper == math.inf
    assert found.lower <= plica.lipschitz(net, domain).upper


def test_norms_are_checked() -> None:
    net = plica.Network.mlp(he([2, 3, 1], 0))
    with pytest.raises(DomainError, match="norm"):
        plica.lipschitz(net, SQUARE, 3)
    rng = np.random.default_rng(0)
    wide = plica.Network.mlp(he([200, 3, 1], 0))
    plane = plica.Slice(rng.normal(size=200), rng.normal(size=(4, 200)))
    with pytest.raises(UnsupportedError, match="vertices"):
        plica.lipschitz(wide, plane, 1)


@pytest.mark.parametrize(
    "square",
    [
        Fraction(0),
        Fraction(2),
        Fraction(25),
        Fraction(1, 3),
        Fraction(10**40 + 1),
        Fraction(1, 10**50),
    ],
)
def test_nearest_root(square: Fraction) -> None:
    root = nearest_root(square)
    low, high = (Fraction(math.nextafter(root, end)) for end in (0.0, math.inf))
    middle = Fraction(root)
    assert ((low + middle) / 2) ** 2 <= square <= ((high + middle) / 2) ** 2


@pytest.mark.parametrize("p", NORMS)
def test_bounds_in_floating_point_hold(p: float) -> None:
    """For any slice and any Jacobian, the exact norm lies between its bounds."""
    rng = np.random.default_rng(1)
    for k, n in ((1, 3), (2, 2), (2, 4), (3, 5)):
        D = [tuple(map(Fraction, row)) for row in rng.normal(size=(k, n)).tolist()]
        metric = Metric(D, p)
        J = rng.normal(size=(20, 2, k)) * 10.0 ** rng.integers(-8, 8, (20, 1, 1))
        error = np.full(k, 1e-14)
        low, high = metric.bounds(J, error)
        for i, matrix in enumerate(J):
            near = matrix + rng.uniform(-1, 1, matrix.shape) * error
            exact = metric.exact(np.array([[Fraction(x) for x in row] for row in near.tolist()]))
            bottom, top = exact.low, exact.high
            if p == 2:
                assert Fraction(max(low[i], 0.0)) ** 2 <= top
                assert bottom <= Fraction(high[i]) ** 2
            else:
                assert Fraction(low[i]) <= bottom <= Fraction(high[i])
