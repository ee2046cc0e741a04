"""Exact ranges of outputs: against rational programs, vertices, HiGHS and rewritten networks."""

from __future__ import annotations

from fractions import Fraction

import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.engines import reference
from plica.engines.reference_cells import enumerate_cells
from plica.engines.seek import Seek
from plica.errors import DomainError, NetworkError
from plica.exact import RationalChain
from plica.exact import linear_program as lp
from tests.properties.chains import some
from tests.twins.networks import he, integer

from .cases import (
    CORNER,
    NAMED,
    SQUARE,
    bends,
    cells_of,
    each_dimension,
    exact_range,
    question,
    rewritten,
)


def check_ends(net: plica.Network, domain, found: plica.OutputRange) -> None:
    """Every finite end is the network's exact value at its point, which lies in the domain."""
    chain = RationalChain(net)
    for i, *ends in zip(found.outputs, found.minimum, found.maximum, strict=True):
        for end in ends:
            if end.exact is None:
                assert np.isinf(end.value)
                assert end.point is None
            else:
                assert chain.value(end.exact_point)[i] == end.exact
                assert end.value == float(end.exact)
                assert end.point.tolist() == [float(x) for x in end.exact_point]
                if isinstance(domain, plica.Box):
                    for x, low, high in zip(
                        end.exact_point, domain.lower, domain.upper, strict=True
                    ):
                        assert Fraction(low) <= x <= Fraction(high)


def exact(end: plica.Extremum) -> Fraction | float:
    return end.value if end.exact is None else end.exact


@pytest.mark.parametrize(("net", "domain"), NAMED)
def test_against_vertices_of_the_plane(net: plica.Network, domain: plica.Box) -> None:
    found = plica.output_range(net, domain)
    cells = reference.enumerate_cells(net, domain)
    for i in range(net.n_outputs):
        values = [
            sum((a * x for a, x in zip(cell.J[i], v, strict=True)), cell.c[i])
            for cell in cells
            for v in cell.vertices
        ]
        assert (found.minimum[i].exact, found.maximum[i].exact) == (min(values), max(values))
    check_ends(net, domain, found)
    assert found.complete


@each_dimension
@some(25)
@given(data=st.data())
def test_against_rational_programs(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    cells = cells_of(net, domain)
    found = plica.output_range(net, domain)
    for i in range(net.n_outputs):
        ends = exact(found.minimum[i]), exact(found.maximum[i])
        assert ends == exact_range(cells, i)
    check_ends(net, domain, found)
    assert found.complete


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_unit(seed: int) -> None:
    for net in bends(3, seed):
        domain = plica.Box.cube(3)
        found = plica.output_range(net, domain, 0)
        ends = found.minimum[0].exact, found.maximum[0].exact
        assert ends == exact_range(list(enumerate_cells(net, domain)), 0)


@pytest.mark.parametrize("filter_scale", [1.0, 1e6, np.inf])
def test_floating_point_decides_nothing(filter_scale: float) -> None:
    for make in (he, integer):
        net, domain = plica.Network.mlp(make([3, 6, 4, 1], 2)), plica.Box.cube(3)
        seek = Seek(net, domain, 0, 1, -1e9, filter_scale=filter_scale)
        seek.finish()
        assert seek.best[0] == exact_range(list(enumerate_cells(net, domain)), 0)[1]


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs", "hardtanh"])
def test_whole_parts_of_the_domain_are_passed_over(activation: str) -> None:
    """Bounds on open units leave most regions out, and the answer as it is without them."""
    net = plica.Network.mlp(he([3, 10, 8, 6, 1], 1), activation)
    domain = plica.Box.cube(3)
    regions = plica.count_regions(net, domain)
    for sign in (1, -1):
        seek = Seek(net, domain, 0, sign, -1e9)
        seek.finish()
        every = Seek(net, domain, 0, sign, -1e9, filter_scale=np.inf)
        every.finish()
        assert seek.pruned > 0 == every.pruned
        assert seek.counters["regions"] < regions / 2
        assert every.counters["regions"] == regions
        assert seek.best[0] == every.best[0]


def test_against_highs() -> None:
    """On a generic network, region by region, up to rounding."""
    net = plica.Network.mlp(he([4, 10, 8, 1], 3))
    domain = plica.Box.cube(4)
    found = plica.output_range(net, domain)
    high = -np.inf
    for region in plica.iter_regions(net, domain, engine="cells"):
        rows = _halfspaces(net, region.pattern)
        J, c = region.affine
        model = highspy.Highs()
        model.setOptionValue("threads", 1)  # one number for the whole process
        model.setOptionValue("output_flag", False)
        for k in range(4):
            model.addVar(-1.0, 1.0)
            model.changeColCost(k, -float(J[0, k]))
        for row in rows:
            model.addRow(-row[-1], highspy.kHighsInf, 4, np.arange(4, dtype=np.int32), row[:-1])
        model.run()
        high = max(high, c[0] - model.getInfo().objective_function_value)
    assert found.maximum[0].value == pytest.approx(high, abs=1e-7)


def _halfspaces(net: plica.Network, pattern: np.ndarray) -> np.ndarray:
    """``row . (x, 1) >= 0`` for every rectifier of a network with a pattern."""
    state, rows, used = np.eye(4, 5), [], 0
    for stage in net.stages[:-1]:
        z = stage.A @ state
        z[:, -1] += stage.a
        on = pattern[used : used + stage.n_out].astype(float)
        used += stage.n_out
        rows.append(z * (2 * on - 1)[:, None])
        state = z * on[:, None]
    return np.concatenate(rows)


def test_one_layer_closed_form() -> None:
    """The largest ``sum |x_i|`` over a box is at its corners, the smallest at the origin."""
    n = 5
    net = plica.Network.mlp([(np.eye(n), np.zeros(n)), (np.ones((1, n)), [0])], "abs")
    found = plica.output_range(net, plica.Box([-3] * n, [2] * n))
    assert (found.minimum[0].exact, found.maximum[0].exact) == (0, 15)
    assert found.maximum[0].point.tolist() == [-3] * n
    unbounded = plica.output_range(net, plica.Space(n))
    assert unbounded.minimum[0].exact == 0
    assert unbounded.maximum[0].value == np.inf
    assert unbounded.complete


def test_supremum_of_an_unbounded_domain_is_attained() -> None:
    """``-|x - 1/3| - |y|`` has its maximum inside; a ratio of rationals, not a vertex of a box."""
    net = plica.Network.mlp([([[3, 0], [0, 1]], [-1, 0]), ([[-1, -1]], [0])], "abs")
    found = plica.output_range(net, plica.Space(2)).maximum[0]
    assert (found.exact, found.exact_point) == (0, (Fraction(1, 3), 0))
    quadrant = plica.Polytope([[-1, 0], [0, -1]], [-5, -7])
    found = plica.output_range(net, quadrant).maximum[0]
    assert (found.exact, found.exact_point) == (-21, (5, 7))


def test_rewriting_changes_nothing() -> None:
    layers, domain = integer([3, 6, 5, 2], 4), plica.Box([-1, -2, 0], [1, 1, 3])
    net, same = rewritten(layers)
    found, again = plica.output_range(net, domain), plica.output_range(same, domain)
    assert [e.exact for e in found.maximum] == [e.exact for e in again.maximum]
    assert [e.exact for e in found.minimum] == [e.exact for e in again.minimum]
    # a domain split in two
    low = plica.output_range(net, plica.Box([-1, -2, 0], [1, 1, 1]))
    high = plica.output_range(net, plica.Box([-1, -2, 1], [1, 1, 3]))
    for i in range(2):
        assert found.maximum[i].exact == max(low.maximum[i].exact, high.maximum[i].exact)
    # an affine map behind
    scaled = plica.output_range(net.after(np.diag([-2.0, 4.0]), [1, 0]), domain)
    assert scaled.minimum[0].exact == 1 - 2 * found.maximum[0].exact
    assert scaled.maximum[1].exact == 4 * found.maximum[1].exact


def test_slices_and_segments() -> None:
    net = plica.Network.mlp(integer([4, 6, 5, 1], 1))
    plane = plica.Slice([0, 1, 0, 0.5], [[1, 0, 1, 0], [0, 1, 0, -1]])
    found = plica.output_range(net, plane)
    check_ends(net, plane, found)
    assert found.maximum[0].exact == exact_range(list(enumerate_cells(net, plane)), 0)[1]
    line = plica.Segment([0, 1, 0, 1], [1, 1, -1, 0.1])
    found = plica.output_range(net, line)
    check_ends(net, line, found)
    ends = [RationalChain(net).value(p)[0] for p in (line.start, line.end)]
    assert found.minimum[0].exact <= min(ends) <= max(ends) <= found.maximum[0].exact


@pytest.mark.parametrize("budget", [1, 20, 1e-9])
def test_a_budget_leaves_inner_bounds(budget: float) -> None:
    net = plica.Network.mlp(he([4, 20, 20, 1], 0))
    domain = plica.Box.cube(4)
    found = plica.output_range(net, domain, budget=budget)
    assert not found.complete
    assert "inner bounds" in repr(found)
    check_ends(net, domain, found)
    whole = plica.output_range(net, domain)
    assert whole.minimum[0].exact <= found.minimum[0].exact
    assert found.maximum[0].exact <= whole.maximum[0].exact


def test_interruption_leaves_inner_bounds() -> None:
    net = plica.Network.mlp(he([4, 40, 40, 1], 0))

    def stop(regions: int, seconds: float) -> None:
        raise KeyboardInterrupt

    found = plica.output_range(net, plica.Box.cube(4), progress=stop)
    assert not found.complete
    check_ends(net, plica.Box.cube(4), found)


def test_outputs_are_chosen() -> None:
    net = plica.Network.mlp(integer([2, 4, 3], 2))
    assert plica.output_range(net, SQUARE, -1).outputs == (2,)
    both = plica.output_range(net, SQUARE, [2, 0])
    every = plica.output_range(net, SQUARE)
    assert both.upper.tolist() == every.upper[[2, 0]].tolist()
    assert both.lower.tolist() == every.lower[[2, 0]].tolist()
    with pytest.raises(NetworkError, match="output 3"):
        plica.output_range(net, SQUARE, 3)
    with pytest.raises(DomainError, match="no interior"):
        plica.output_range(net, plica.Polytope([[1, 0], [-1, 0]], [0, 0]))
    with pytest.raises(DomainError, match="dimensions"):
        plica.output_range(net, plica.Box.cube(3))
    with pytest.raises(plica.PlicaError, match="expected a plica"):
        plica.output_range("net", CORNER)


def test_points_lie_in_the_cell_of_their_pattern() -> None:
    net, domain = plica.Network.mlp(he([3, 8, 6, 1], 5)), plica.Box.cube(3)
    cells = {cell.pattern: cell for cell in list(enumerate_cells(net, domain))}
    for end in (*(r := plica.output_range(net, domain)).minimum, *r.maximum):
        assert lp.contains(cells[tuple(end.pattern.tolist())].rows, end.exact_point)


@pytest.mark.parametrize("at", [-1.0, 0.5])
def test_breakpoints_off_zero_on_unbounded_domains(at: float) -> None:
    bent = plica.PiecewiseLinear([at], [0.0, 1.0])
    net = plica.Network.mlp([([[1.0, 2.0]], [0.25]), ([[-1.0]], [0])], bent)
    found = plica.output_range(net, plica.Space(2))
    assert found.minimum[0].value == -np.inf
    assert found.maximum[0].exact == 0
    assert plica.count_regions(net, plica.Space(2)) == 2
