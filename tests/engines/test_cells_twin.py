"""The cells engine against its exact twin, theorems, and itself on networks rewritten."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import plica
from plica import Network
from plica.engines import reference_cells
from tests.twins import closed_forms
from tests.twins.cell_cases import CUBES, DOMAINS
from tests.twins.networks import LINE, PLANE, STAIRCASE, Case, he, integer

from .cells import FAST, cells_of, count, engines, needs_cells, patterns

DATA = Path(os.environ.get("PLICA_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
FLAT = [c for c in [*PLANE[::2], *LINE[::9]] if c.name != "generic-16-16"]


# -- the exact twin --------------------------------------------------------------------------


@needs_cells
@pytest.mark.parametrize("case", [*CUBES, *DOMAINS, *FLAT], ids=repr)
def test_the_twin_finds_the_same_patterns(case: Case) -> None:
    expected = {cell.pattern for cell in cells_of(case)}
    assert count(case.net, case.domain, FAST) == len(expected)
    assert patterns(case.net, case.domain, FAST) == expected


@needs_cells
@pytest.mark.parametrize("case", [*CUBES[::4], *DOMAINS[::4]], ids=repr)
def test_the_twin_finds_the_same_linear_regions(case: Case) -> None:
    labels = reference_cells.linear_regions(case.net, case.domain, cells_of(case))
    assert count(case.net, case.domain, FAST, "linear") == len(set(labels))


@needs_cells
@pytest.mark.parametrize("case", FLAT, ids=repr)
def test_the_other_engines_agree(case: Case) -> None:
    found = plica.count_regions(case.net, case.domain)
    assert found.engine in ("line", "plane")
    assert count(case.net, case.domain, FAST) == found


# -- theorems --------------------------------------------------------------------------------


@engines
@pytest.mark.parametrize(("n", "m"), [(1, 4), (2, 5), (3, 6), (4, 6), (5, 6), (6, 7)])
def test_hyperplanes_in_general_position(engine: str, n: int, m: int) -> None:
    everything = plica.Space(n)
    for make in (closed_forms.one_layer, closed_forms.moment_curve):
        assert count(make(n, m), everything, engine) == closed_forms.generic(n, m)
    leaky = closed_forms.one_layer(n, m, "leaky_relu", seed=1)
    assert count(leaky, everything, engine) == closed_forms.generic(n, m)


@engines
@pytest.mark.parametrize(("n", "m"), [(1, 4), (2, 5), (3, 6), (4, 6), (5, 6), (6, 7)])
def test_hyperplanes_through_the_origin(engine: str, n: int, m: int) -> None:
    for domain in (plica.Space(n), plica.Box.cube(n)):
        for make in (closed_forms.one_layer, closed_forms.moment_curve):
            net = make(n, m, biases=False)
            assert count(net, domain, engine) == closed_forms.central(n, m)


@engines
@pytest.mark.parametrize(("activation", "p"), [("hardtanh", 2), (STAIRCASE, 4), ("abs", 1)])
@pytest.mark.parametrize(("n", "m"), [(1, 3), (2, 4), (3, 4), (4, 3)])
def test_units_with_several_breakpoints(
    engine: str, activation: str | plica.PiecewiseLinear, p: int, n: int, m: int
) -> None:
    net = closed_forms.one_layer(n, m, activation)
    assert count(net, plica.Space(n), engine) == closed_forms.parallel(n, [p + 1] * m)


@engines
@pytest.mark.parametrize(("n", "m", "k"), [(1, 3, 4), (2, 4, 3), (3, 4, 3), (3, 3, 4), (4, 5, 2)])
def test_maxout_units_that_bend_in_parallel(engine: str, n: int, m: int, k: int) -> None:
    net = closed_forms.collinear_maxout(n, m, k)
    assert count(net, plica.Space(n), engine) == closed_forms.parallel(n, [k] * m)


@engines
@pytest.mark.parametrize(("n", "m", "k"), [(2, 1, 3), (3, 3, 2), (4, 2, 3), (6, 2, 4)])
def test_maxout_units_with_independent_slopes(engine: str, n: int, m: int, k: int) -> None:
    assert closed_forms.parallel(n, [k] * m) == k**m
    assert count(closed_forms.simplex_maxout(n, m, k), plica.Space(n), engine) == k**m


@engines
@pytest.mark.parametrize(("n", "k", "m"), [(2, 3, 3), (2, 5, 2), (3, 4, 3)])
def test_maxout_units_without_biases(engine: str, n: int, k: int, m: int) -> None:
    net = closed_forms.circular_maxout(n, k, m)
    for domain in (plica.Space(n), plica.Box.cube(n)):
        assert count(net, domain, engine) == closed_forms.polygons([k] * m)


@engines
@pytest.mark.parametrize(
    ("n", "pieces", "last"),
    [(1, (3, 2), 3), (2, (2, 2), 3), (3, (2,), 4), (3, (3,), 4), (3, (2, 2), 3), (4, (2,), 5)],
)
def test_folding_networks(engine: str, n: int, pieces: tuple[int, ...], last: int) -> None:
    net = closed_forms.folding(n, pieces, last)
    cube = plica.Box(np.zeros(n), np.ones(n))
    assert count(net, cube, engine) == closed_forms.folded(n, pieces, last)


# -- networks rewritten ----------------------------------------------------------------------

LAYERS = {
    "generic": he([3, 5, 4, 1], 3),
    "integer": integer([3, 5, 4, 1], 3),
    "no-bias": he([4, 4, 3, 1], 9, bias=0),
}
#: A cube with edges of its own, and all of space.
SHAPES = {"cube": plica.Box.cube, "space": plica.Space}

all_layers = pytest.mark.parametrize("name", LAYERS)
all_shapes = pytest.mark.parametrize("shape", SHAPES)
all_activations = pytest.mark.parametrize("activation", ["relu", "leaky_relu", "hardtanh"])


def inputs(name: str) -> int:
    return LAYERS[name][0][0].shape[1]


@engines
@all_layers
@all_shapes
@all_activations
def test_neurons_in_another_order(engine: str, name: str, shape: str, activation: str) -> None:
    domain = SHAPES[shape](inputs(name))
    rng = np.random.default_rng(1)
    changed, columns, before = [], [], 0
    order = np.arange(inputs(name))
    for W, b in LAYERS[name][:-1]:
        new = rng.permutation(len(b))
        changed.append((W[new][:, order], b[new]))
        columns += (new + before).tolist()
        before += len(b)
        order = new
    W, b = LAYERS[name][-1]
    moved = Network.mlp([*changed, (W[:, order], b)], activation)
    original = patterns(Network.mlp(LAYERS[name], activation), domain, engine)
    assert patterns(moved, domain, engine) == {tuple(p[i] for i in columns) for p in original}


@engines
@all_layers
@all_shapes
def test_rescaled_rectifiers(engine: str, name: str, shape: str) -> None:
    """A row times 2^k and the next column times 2^-k: the same function, exactly."""
    domain = SHAPES[shape](inputs(name))
    rng = np.random.default_rng(2)
    changed = [(W.copy(), b.copy()) for W, b in LAYERS[name]]
    for (W, b), (V, _) in pairwise(changed):
        factor = 2.0 ** rng.integers(-30, 31, len(b))
        W *= factor[:, None]
        b *= factor
        V /= factor
    original = patterns(Network.mlp(LAYERS[name]), domain, engine)
    assert patterns(Network.mlp(changed), domain, engine) == original


@engines
@all_layers
@pytest.mark.parametrize(("coordinate", "at"), [(0, 0.0), (1, 0.3), (2, 2.0**-30)])
def test_a_domain_cut_in_two(engine: str, name: str, coordinate: int, at: float) -> None:
    n = inputs(name)
    net, cut = Network.mlp(LAYERS[name]), np.eye(n)[coordinate]
    low, high = np.full(n, -1.0), np.full(n, 1.0)
    low[coordinate] = high[coordinate] = at
    cube = patterns(net, plica.Box.cube(n), engine)
    halves = (plica.Box(np.full(n, -1.0), high), plica.Box(low, np.full(n, 1.0)))
    below, above = (patterns(net, half, engine) for half in halves)
    assert below | above == cube
    space = patterns(net, plica.Space(n), engine)
    sides = (plica.Polytope([cut], [at]), plica.Polytope([-cut], [-at]))
    under, over = (patterns(net, side, engine) for side in sides)
    assert under | over == space
    # a cell with a share of both halves is there on the plane between them, too
    plane = plica.Slice(at * cut, np.delete(np.eye(n), coordinate, axis=0))
    assert below & above <= patterns(net, plane, engine)


@engines
@all_layers
@all_shapes
def test_a_dead_unit_more(engine: str, name: str, shape: str) -> None:
    domain = SHAPES[shape](inputs(name))
    (W, b), (V, c), *rest = LAYERS[name]
    dead = [
        (np.vstack([W, np.zeros(W.shape[1])]), np.append(b, 0.0)),  # tied everywhere: off
        (np.hstack([V, np.ones((len(c), 1))]), c),
    ]
    n = len(b)
    original = patterns(Network.mlp(LAYERS[name]), domain, engine)
    found = patterns(Network.mlp([*dead, *rest]), domain, engine)
    assert found == {(*p[:n], 0, *p[n:]) for p in original}


@engines
@all_layers
@all_activations
def test_an_invertible_map_in_front(engine: str, name: str, activation: str) -> None:
    """``x = M u + v``: the network on the space of u, or on the polytope that becomes the cube."""
    n = inputs(name)
    net = Network.mlp(LAYERS[name], activation)
    M = np.tril(np.arange(n * n).reshape(n, n) % 3 - 1.0, -1) + np.diag(2.0 ** np.arange(n))
    v = np.arange(n) - 0.5
    moved = net.before(M, v)
    everything = plica.Space(n)
    assert patterns(moved, everything, engine) == patterns(net, everything, engine)
    cube = plica.Polytope([*M, *-M], [*(1 - v), *(1 + v)])
    assert patterns(moved, cube, engine) == patterns(net, plica.Box.cube(n), engine)


@engines
@all_layers
@pytest.mark.parametrize("fixed", [{0: 0.0}, {1: 0.3}, {2: -1.0}])
def test_flat_boxes_are_slices(engine: str, name: str, fixed: dict[int, float]) -> None:
    n = inputs(name)
    low, high = np.full(n, -1.0), np.full(n, 1.0)
    origin = np.zeros(n)
    for i, at in fixed.items():
        low[i] = high[i] = origin[i] = at
    net = Network.mlp(LAYERS[name])
    flat = patterns(net, plica.Box(low, high), engine)
    free = [i for i in range(n) if i not in fixed]
    assert patterns(net, plica.Slice(origin, np.eye(n)[free]), engine) == flat
    substituted = [
        (LAYERS[name][0][0][:, free], LAYERS[name][0][1]),
        *LAYERS[name][1:],
    ]
    if not any(fixed.values()):  # no bias is rounded
        assert patterns(Network.mlp(substituted), plica.Box.cube(len(free)), engine) == flat


@engines
@all_layers
def test_a_coordinate_that_nothing_reads(engine: str, name: str) -> None:
    """The cells become prisms, without a vertex in all of space."""
    n = inputs(name)
    (W, b), *rest = LAYERS[name]
    net = Network.mlp([(np.insert(W, 1, 0.0, axis=1), b), *rest])
    for make in SHAPES.values():
        original = patterns(Network.mlp(LAYERS[name]), make(n), engine)
        assert patterns(net, make(n + 1), engine) == original


# -- a trained network -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "box", "share"), [("1_1", "property_3", 0.12), ("2_1", "property_1", 0.02)]
)
def test_small_boxes_of_acas_xu(file: str, box: str, share: float) -> None:
    """The linear programs' verdicts are clear on these boxes."""
    pytest.importorskip("highspy")
    from tests.twins import linear_programs

    folder = DATA / "acasxu"
    path = folder / f"ACASXU_run2a_{file}_batch_2000.onnx"
    if not path.is_file():
        pytest.skip("the optional real networks are not at hand")
    net = plica.load(path)
    bounds = json.loads((folder / "property_boxes.json").read_text("utf-8"))[box]
    low, high = np.array(bounds["lower"]), np.array(bounds["upper"])
    middle, width = (low + high) / 2, share / 2 * (high - low)
    small = plica.Box(middle - width, middle + width)
    verdict = linear_programs.patterns(net, small)
    assert verdict.clear, (verdict.accepted, verdict.refused)
    assert len(verdict.patterns) > 10
    points = np.random.default_rng(0).uniform(small.lower, small.upper, (2000, net.n_inputs))
    assert {tuple(p) for p in net.pattern(points).tolist()} <= verdict.patterns
    if FAST not in plica.regions.ask.ENGINES:
        pytest.skip("this build has no cells engine")
    assert count(net, small, FAST) == len(verdict.patterns)
    assert patterns(net, small, FAST) == verdict.patterns
