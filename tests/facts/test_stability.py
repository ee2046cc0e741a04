"""Certified radii, against the recursion in rational numbers and against perturbed networks."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import plica
from plica import Network, NetworkError, Stage, Units
from plica.exact.patterns import exact_patterns
from plica.exact.rational import RationalChain
from plica.facts.perturbed import masks_of
from plica.facts.stability import _different
from plica.units import MAX
from tests.properties.chains import question, some
from tests.twins.networks import fold, he, integer, residual

SQUARE = plica.Box([-1, -1], [1, 1])


def perturb(net: Network, masks: tuple, moves: list[tuple[np.ndarray, np.ndarray]]) -> Network:
    """The network with its perturbed entries moved."""
    stages = []
    for stage, (M, m), (dA, da) in zip(net.stages, masks, moves, strict=True):
        M = M.toarray() if sp.issparse(M) else M
        A = stage.A.toarray() if stage.sparse else stage.A
        stages.append(Stage(A + M * dA, stage.a + m * da, stage.units))
    return Network(stages)


def random_moves(net: Network, e: float, rng: np.random.Generator, signs: bool) -> list[tuple]:
    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return e * (rng.choice([-1.0, 1.0], shape) if signs else rng.uniform(-1, 1, shape))

    return [(draw(s.A.shape), draw(s.a.shape)) for s in net.stages]


def adverse_moves(net: Network, x: np.ndarray, unit: int, e: float) -> list[tuple]:
    """Signs that push one scalar unit towards a breakpoint, to first order at a point."""
    pattern = net.pattern(x[None])
    until = net.until(int(net.unit_layers[unit]))
    column = unit - int((net.unit_layers < net.unit_layers[unit]).sum())
    value = float(until(x[None])[0, column])
    moves = []
    h, states = x[None], []
    for stage in net.stages:
        states.append(h[0])
        h = stage.units(stage.pre(h))
    last = len(until.stages) - 1
    for i, stage in enumerate(net.stages):
        if i > last:
            moves.append((np.zeros(stage.A.shape), np.zeros(stage.a.shape)))
            continue
        if i == last:
            gradient = np.zeros(stage.n_pre)
            gradient[stage.units.nonlinear[column]] = 1.0
        else:
            tail = Network(until.stages[i + 1 :]) if i + 1 <= last else until
            used = sum(s.units.nonlinear.size for s in net.stages[: i + 1])
            J, _ = tail.affine_on(pattern[:, used : used + tail.n_units])
            some = stage.units.nonlinear
            piece = np.zeros((1, stage.n_out), dtype=int)
            piece[:, some] = pattern[:, used - some.size : used]
            _, slope, _ = stage.units.linearise(piece)
            gradient = J[0, column] * slope[0]
        s = -np.sign(value) * np.sign(gradient)
        moves.append((e * np.outer(s, np.where(states[i] >= 0, 1, -1)), e * s))
    return moves


# -- the twin in rational numbers --------------------------------------------------------------


def twin_holds(
    net: Network, front: int, masks: tuple, pattern: tuple, x: list, e: Fraction
) -> bool:
    """The recursion with fractions, unit by unit; the first stages are not perturbed."""
    chain = RationalChain(net)
    d = [Fraction(0)] * net.n_inputs
    h = [Fraction(v) for v in x]
    used = 0
    for i, stage in enumerate(net.stages):
        A = stage.dense().tolist()
        if i < front:
            M, m = [[0] * stage.n_state] * stage.n_pre, [0] * stage.n_pre
        else:
            M, m = masks[i - front]
            M = (M.toarray() if sp.issparse(M) else M).tolist()
        z = list(chain.pre_at(i, x))
        spread = [
            e * (sum(int(t) * (abs(v) + w) for t, v, w in zip(row, h, d, strict=True)) + int(b))
            for row, b in zip(M, m, strict=True)
        ]
        dz = [
            sum(abs(Fraction(a)) * w for a, w in zip(row, d, strict=True)) + s
            for row, s in zip(A, spread, strict=True)
        ]
        u = stage.units
        new_h, new_d = [], []
        for k in range(u.n_out):
            reads = u.reads[u.start[k] : u.start[k + 1]].tolist()
            piece = 0
            if u.n_pieces[k] > 1:
                piece = pattern[used]
                used += 1
            f = int(u.function[k])
            if f == MAX:
                w = reads[piece]
                for o in reads[:piece] + reads[piece + 1 :]:
                    gap = [abs(Fraction(a) - Fraction(b)) for a, b in zip(A[w], A[o], strict=True)]
                    move = sum(g * v for g, v in zip(gap, d, strict=True)) + spread[w] + spread[o]
                    if not move < z[w] - z[o]:
                        return False
                slope, intercept, at = Fraction(1), Fraction(0), w
            elif f >= 0:
                at = reads[0]
                ends = u.functions[f].breakpoints.tolist()
                for t in ends[max(piece - 1, 0) : piece]:
                    if not dz[at] < z[at] - Fraction(t):
                        return False
                for t in ends[piece : piece + 1]:
                    if not dz[at] < Fraction(t) - z[at]:
                        return False
                slope = Fraction(float(u.functions[f].slopes[piece]))
                intercept = u.functions[f].exact_intercepts[piece]
            else:
                slope, intercept, at = Fraction(1), Fraction(0), reads[0]
            new_h.append(slope * z[at] + intercept)
            new_d.append(abs(slope) * dz[at])
        h, d = new_h, new_d
    return True


@some(40)
@given(st.data())
def test_radii_against_the_twin(data: st.DataObject) -> None:
    n = data.draw(st.sampled_from([1, 2, 3]))
    net, domain = question(data, n, {1: (3, 4), 2: (3, 4), 3: (2, 3)})
    found = plica.stable_regions(net, domain, refine=data.draw(st.sampled_from([0, 1])))
    assume(len(found) <= 40)
    restricted = domain.restrict(net)
    front = len(restricted.stages) - len(net.stages)
    masks = masks_of(net, "parameters")
    assert len(found) == plica.count_regions(net, domain)
    for r in range(min(len(found), 6)):
        e = found.radii[r]
        if e == 0 or np.isinf(e):
            continue
        at = restricted, front, masks, found.patterns[r].tolist(), found.witnesses[r].tolist()
        assert twin_holds(*at, Fraction(float(e)))
        assert not twin_holds(*at, Fraction(float(e)) * Fraction(100001, 100000))


# -- perturbed networks ------------------------------------------------------------------------


def cases() -> list:
    rng = np.random.default_rng(5)
    hat = plica.PiecewiseLinear([-1.0, 0.0, 0.5], [0.0, 1.0, -0.5, 0.0], 1.0)
    sparse = Network(
        [
            Stage(
                sp.csr_array(np.eye(4, 2) + np.eye(4, 2, -2)), [0.1, 0.2, -0.3, 0], Units.relu(4)
            ),
            Stage(sp.csr_array(np.tri(4) - np.tri(4, k=-2)), [0.1, -0.2, 0.3, 0.4], Units.relu(4)),
            Stage(rng.normal(size=(1, 4)), [0.0]),
        ]
    )
    maxout = [*he([2, 9], 1), *he([3, 6], 2), *he([2, 2], 3)]
    spread = residual(seed=2)
    nets = {
        "mlp": Network.mlp(he([2, 6, 5, 2])),
        "leaky": Network.mlp(he([2, 5, 5, 1], 4), "leaky_relu"),
        "hardtanh": Network.mlp(he([2, 5, 4, 2], 6), "hardtanh"),
        "hat": Network.mlp(he([2, 4, 3, 1], 7), hat),
        "maxout": Network.mlp(maxout, maxout=3),
        "residual": Network([*spread.stages]),
        "sparse": sparse,
        "integers": Network.mlp(integer([2, 4, 4, 1])),
        "fold": fold(2, 1, 3),
    }
    return [pytest.param(net, id=name) for name, net in nets.items()]


@pytest.mark.parametrize("net", cases())
@pytest.mark.parametrize("perturbed", ["parameters", "all"])
def test_perturbed_networks_keep_their_regions(net: Network, perturbed: str) -> None:
    rng = np.random.default_rng(1)
    stable = plica.stable_regions(net, SQUARE, perturbed=perturbed)
    masks = masks_of(net, perturbed)
    assert len(stable) == stable.surviving(0) == plica.count_regions(net, SQUARE)
    some = np.unique(stable.radii[(stable.radii > 0) & np.isfinite(stable.radii)])
    assert some.size
    for e in some[np.linspace(0, some.size - 1, 4).astype(int)]:
        alive = stable.radii >= e
        bound, linear = stable.surviving(e), stable.surviving(e, "linear")
        assert bound == alive.sum() >= linear >= 1
        x = SQUARE.embed(stable.witnesses[alive])
        for trial in range(4):
            moves = random_moves(net, 0.99 * e, rng, signs=trial < 3)
            moved = perturb(net, masks, moves)
            assert np.array_equal(exact_patterns(moved, x), stable.patterns[alive])
            if trial == 0:
                assert plica.count_regions(moved, SQUARE) >= bound
                assert plica.count_regions(moved, SQUARE, kind="linear") >= linear


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_the_worst_signs_do_no_more(activation: str) -> None:
    net = Network.mlp(he([2, 6, 5, 1], 3), activation)
    stable = plica.stable_regions(net, SQUARE)
    masks = masks_of(net, "parameters")
    broken = 0
    for r in range(len(stable)):
        x, e = stable.witnesses[r], stable.radii[r]
        for unit in range(net.n_units):
            moved = perturb(net, masks, adverse_moves(net, x, unit, 0.99 * e))
            assert np.array_equal(exact_patterns(moved, x[None])[0], stable.patterns[r])
            if unit % 4 == 0:
                assert plica.count_regions(moved, SQUARE) >= stable.surviving(0.99 * e)
            far = perturb(net, masks, adverse_moves(net, x, unit, 2 * e))
            broken += not np.array_equal(exact_patterns(far, x[None])[0], stable.patterns[r])
    assert broken >= len(stable) / 2  # twice the radius breaks most: it is not empty talk


def test_one_layer_is_sharp() -> None:
    """In one layer the radius of a point is margin / (|x|_1 + 1), and it is attained."""
    net = Network.mlp(he([3, 6, 1], 2))
    box = plica.Box.cube(3)
    stable = plica.stable_regions(net, box, refine=0)
    stage = net.stages[0]
    for r in range(len(stable)):
        x = [Fraction(v) for v in stable.witnesses[r].tolist()]
        z = RationalChain(net).pre_at(0, x)
        exact = min(abs(v) for v in z) / (sum(map(abs, x)) + 1)
        assert exact * Fraction(999999, 1000000) <= Fraction(stable.radii[r]) <= exact
        unit = min(range(len(z)), key=lambda i: abs(z[i]))
        moves = adverse_moves(net, stable.witnesses[r], unit, 1.0001 * stable.radii[r])
        moved = perturb(net, masks_of(net, "all"), moves)
        assert not np.array_equal(moved.pattern(stable.witnesses[r][None])[0], stable.patterns[r])
    assert stage.units.nonlinear.size == 6


def test_better_witnesses_are_better() -> None:
    net = Network.mlp(he([2, 8, 8, 1]))
    first, second = (plica.stable_regions(net, SQUARE, refine=k) for k in (0, 2))
    assert np.array_equal(first.patterns, second.patterns)
    assert (second.radii >= first.radii).all()
    assert np.median(second.radii) > 1.3 * np.median(first.radii)


def test_at_least_the_recursion_of_norms() -> None:
    """The recursion in row-sum norms, without regard to which units are off, certifies less."""
    net = Network.mlp(he([2, 5, 4, 3, 1], 8))
    stable = plica.stable_regions(net, SQUARE, refine=0)
    for r in range(len(stable)):
        e = float(stable.radii[r]) * 1.001
        h, d, good = stable.witnesses[r][None], 0.0, True
        for stage in net.stages[:-1]:
            z = stage.pre(h)
            rows = np.abs(stage.A).sum(axis=1).max()
            d = (rows + e * stage.n_state) * d + e * (np.abs(h).sum() + 1)
            good &= d < np.abs(z).min()
            h = np.maximum(z, 0)
        assert not good


def test_linear_regions_that_may_grow_together_are_not_counted_twice() -> None:
    """x plus a small hat: both long pieces are the same map, and the hat can vanish.

    Neighbours have different maps as long as all regions live; yet the outer two become one.
    """
    w = 2.0**-6
    net = Network.mlp(
        [
            ([[1.0], [1.0], [1.0], [1.0]], [2.0, 0.0, -w, -2 * w]),
            ([[1.0, 1.0, -2.0, 1.0]], [0.0]),
        ]
    )
    box = plica.Box([-1], [1])
    stable = plica.stable_regions(net, box)
    assert plica.count_regions(net, box, kind="linear") == 4
    flat = Network.mlp(
        [
            ([[1.0], [1.0], [1.0], [1.0]], [2.0, -w, -w, -w]),
            ([[1.0, 1.0, -2.0, 1.0]], [0.0]),
        ]
    )
    assert plica.count_regions(flat, box, kind="linear") == 1
    assert stable.surviving(w) == 2
    assert stable.surviving(w, "linear") == 1
    assert stable.surviving(0, "linear") == 3  # of four, two share a map
    assert stable.surviving(1e200, "linear") == stable.surviving(np.inf, "linear") == 0


def test_different_maps_are_counted_from_below() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        values = rng.integers(0, 5, (9, 2)).astype(float)
        errors = rng.choice([0.0, 0.3, 0.6, 1.1], (9, 2))
        apart = (np.abs(values[:, None] - values) > errors[:, None] + errors).any(axis=2)
        best = max(
            len(some)
            for k in range(1, 10)
            for some in combinations(range(9), k)
            if all(apart[i, j] for i, j in combinations(some, 2))
        )
        found = _different(values, errors)
        assert best - 1 <= found <= best
    assert _different(np.zeros((0, 3)), np.zeros((0, 3))) == 0
    assert _different(np.zeros((4, 3)), np.zeros((4, 3))) == 1
    assert _different(np.arange(4.0)[:, None], np.zeros((4, 1))) == 4


def test_radius_and_curve_agree() -> None:
    stable = plica.stable_regions(Network.mlp(he([2, 6, 6, 2], 1)), SQUARE)
    e, counts = stable.curve()
    assert (np.diff(e) > 0).all()
    assert (np.diff(counts) < 0).all()
    for value, count in zip(e[:20], counts[:20], strict=True):
        assert stable.surviving(value) == count
        assert stable.radius(int(count)) == value
    assert stable.radius(1) == np.inf
    assert stable.radius(len(stable) + 1) == 0
    half = len(stable) // 2
    linear = stable.radius(half, "linear")
    assert 0 < linear <= stable.radius(half)
    assert stable.surviving(linear, "linear") >= half


def test_skip_connections_are_not_parameters() -> None:
    net = residual(seed=1, width=4, blocks=2)
    masks = masks_of(net, "parameters")
    first, second = masks[0], masks[1]
    assert np.array_equal(first[0], [[1, 1]] * 4 + [[0, 0]] * 2)
    assert first[1].tolist() == [1, 1, 1, 1, 0, 0]
    assert np.array_equal(second[0], [[1, 1, 1, 1, 0, 0]] * 2)
    assert second[1].tolist() == [1, 1]
    everything = masks_of(net, "all")
    assert all(M.all() and m.all() for M, m in everything)
    sparse = Network([Stage(sp.csr_array(s.A), s.a, s.units) for s in net.stages])
    stored = masks_of(sparse, "parameters")
    for (M, m), (dense, vector), stage in zip(stored, masks, net.stages, strict=True):
        assert np.array_equal(M.toarray(), dense * (stage.A != 0))
        assert np.array_equal(m, vector)
    free = plica.stable_regions(net, SQUARE, refine=0)
    bound = plica.stable_regions(net, SQUARE, perturbed="all", refine=0)
    assert (bound.radii <= free.radii).all()
    assert (bound.radii < free.radii).any()


def test_only_some_parameters() -> None:
    net = Network.mlp(he([2, 5, 4, 1]))
    zero = [(np.zeros(s.A.shape), np.zeros(s.a.shape)) for s in net.stages]
    nothing = plica.stable_regions(net, SQUARE, perturbed=zero, refine=0)
    assert np.isinf(nothing.radii).all()
    assert nothing.curve()[0].tolist() == [np.inf]
    biases = [(np.zeros(s.A.shape), np.ones(s.a.shape)) for s in net.stages]
    some = plica.stable_regions(net, SQUARE, perturbed=biases)
    full = plica.stable_regions(net, SQUARE)
    assert (some.radii >= full.radii).all()
    masks = tuple((M, m) for M, m in biases)
    rng = np.random.default_rng(0)
    e = float(np.median(some.radii))
    for _ in range(10):
        moved = perturb(net, masks, random_moves(net, 0.99 * e, rng, signs=True))
        assert plica.count_regions(moved, SQUARE) >= some.surviving(e)


def test_other_domains() -> None:
    net = Network.mlp(he([3, 6, 5, 1], 9))
    rng = np.random.default_rng(3)
    masks = masks_of(net, "parameters")
    domains = [
        plica.Space(3),
        plica.Slice.through([0, 0, 0], [1, 0, 1], [0, 1, 0.5]),
        plica.Segment([-1, -1, 0], [1, 0.5, 1]),
        plica.Box([-1, 0.25, -1], [1, 0.25, 1]),
        plica.Polytope(np.vstack([np.eye(3), -np.ones((1, 3))]), [1, 1, 1, 1]),
    ]
    for domain in domains:
        first = plica.stable_regions(net, domain, refine=0)
        stable = plica.stable_regions(net, domain)
        assert np.median(stable.radii) > 1.2 * np.median(first.radii)
        e = float(np.median(stable.radii))
        assert e > 0
        moved = perturb(net, masks, random_moves(net, 0.99 * e, rng, signs=True))
        assert plica.count_regions(moved, domain) >= stable.surviving(e)


def test_a_tied_region_has_radius_zero() -> None:
    # two equal coordinates: the first wins everywhere, and any change may take that away
    net = Network.mlp([([[1.0, 1.0], [1.0, 1.0]], [0, 0]), ([[1.0]], [0])], maxout=2)
    stable = plica.stable_regions(net, SQUARE)
    assert (len(stable), stable.radii.tolist()) == (1, [0.0])
    assert stable.surviving(0) == 1
    assert stable.surviving(1e-300) == 0


def test_a_budget_gives_a_lower_bound() -> None:
    net = Network.mlp(he([2, 16, 16, 1]))
    stable = plica.stable_regions(net, SQUARE, budget=20, refine=0)
    assert not stable.complete
    assert len(stable) < plica.count_regions(net, SQUARE)


def test_bad_input() -> None:
    net = Network.mlp(he([2, 3, 1]))
    with pytest.raises(NetworkError, match="parameters"):
        plica.stable_regions(net, SQUARE, perturbed="weights")
    with pytest.raises(NetworkError, match="2 stages"):
        plica.stable_regions(net, SQUARE, perturbed=[])
    with pytest.raises(NetworkError, match="shapes"):
        plica.stable_regions(net, SQUARE, perturbed=[(np.ones((2, 2)), np.ones(3))] * 2)
    with pytest.raises(NetworkError, match="other than 0 and 1"):
        plica.stable_regions(
            net,
            SQUARE,
            perturbed=[(2 * np.ones(s.A.shape), np.ones(s.a.shape)) for s in net.stages],
        )
    stable = plica.stable_regions(net, SQUARE)
    with pytest.raises(plica.DomainError):
        stable.surviving(0.1, "convex")
    for e in (-1.0, np.nan, None, "0.1"):
        with pytest.raises(NetworkError, match="perturbation"):
            stable.surviving(e)
    for regions in (1.5, None, "2"):
        with pytest.raises(NetworkError, match="an integer"):
            stable.radius(regions)
    for perturbed in (None, 1.0, [1, 2], [(1, 2, 3)] * 2):
        with pytest.raises(NetworkError, match="parameters"):
            plica.stable_regions(net, SQUARE, perturbed=perturbed)
    with pytest.raises(NetworkError, match="rounds"):
        plica.stable_regions(net, SQUARE, refine=0.5)
    with pytest.raises(plica.DomainError, match=r"expected a plica\.Box"):
        plica.stable_regions(net, [-1, 1])


def test_what_overflows_is_not_certified() -> None:
    net = Network.mlp(
        [
            ([[1e200], [1e200]], [0.0, -1e199]),
            ([[1e200, -1e200], [1.0, 2.0]], [0.0, 1.0]),
            ([[1.0, 1.0]], [0.0]),
        ]
    )
    box = plica.Box([-1], [1])
    stable = plica.stable_regions(net, box)
    assert len(stable) == plica.count_regions(net, box)
    assert (stable.radii == 0).any()
    assert stable.surviving(0, "linear") >= 1
