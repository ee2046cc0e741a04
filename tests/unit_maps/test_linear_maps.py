"""The distinct maps of a unit, against exact maps pattern by pattern."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica import DomainError, Network, NetworkError, Stage, Units, UnsupportedError
from plica.exact.distinct import distinct, unresolved
from plica.exact.rational import RationalChain
from plica.unit_maps import linear_maps
from plica.unit_maps.rows import rows_on
from plica.units import MAX
from tests.properties.chains import few_cells, networks, question, some
from tests.twins.networks import fold, he, integer, residual

SQUARE = plica.Box([-1, -1], [1, 1])


def row_of(net: Network, layer: int, unit: int) -> tuple[int, int]:
    """Stage and unit of a pattern column."""
    at = net.hidden[layer - 1]
    return at, int(net.stages[at].units.nonlinear[unit])


def exact_maps(
    net: Network, layer: int, unit: int, patterns: list[tuple[int, ...]], of: str, constants: bool
) -> Counter:
    """How many of the patterns have each exact map."""
    at, k = row_of(net, layer, unit)
    units = net.stages[at].units
    reads = units.reads[units.start[k] : units.start[k + 1]]
    before = sum(net.widths[1:layer])
    chain = RationalChain(net)
    found: Counter = Counter()
    size = before + (of == "value")
    own = {p[:before] + ((p[before + unit],) if of == "value" else ()) for p in patterns}
    assert all(len(p) == size for p in own)
    for p in own:
        J, c = chain.rows(at, p[:before])
        slope, row = Fraction(1), reads[0]
        intercept = Fraction(0)
        if of == "value":
            if units.function[k] == MAX:
                row = reads[p[-1]]
            else:
                f = units.functions[units.function[k]]
                slope = Fraction(float(f.slopes[p[-1]]))
                intercept = f.exact_intercepts[p[-1]]
                if slope == 0:
                    continue
        coefficients = tuple(slope * x for x in J[row])
        found[(*coefficients, slope * c[row] + intercept) if constants else coefficients] += 1
    return found


def asked(net: Network, layer: int, unit: int) -> str:
    at, k = row_of(net, layer, unit)
    return "value" if net.stages[at].units.function[k] == MAX else "pre"


@some(60)
@given(st.data())
def test_domain_against_exact_cells(data: st.DataObject) -> None:
    n = data.draw(st.sampled_from([1, 2, 3]))
    net, domain = question(data, n, {1: (3, 5), 2: (3, 5), 3: (2, 4)})
    if not net.depth:
        return
    layer = data.draw(st.integers(1, net.depth))
    unit = data.draw(st.integers(0, net.widths[layer] - 1))
    of = data.draw(st.sampled_from(sorted({"value", asked(net, layer, unit)})))
    constants = data.draw(st.booleans())
    cells = few_cells(net, domain, 60)
    found = linear_maps(net, layer, unit, domain, of=of, constants=constants)
    expected = exact_maps(net, layer, unit, [c.pattern for c in cells], of, constants)
    assert sorted(found.counts.tolist()) == sorted(expected.values())
    exact = {}
    for k in range(len(found)):
        w, c = found.exact(k)
        key = (*w, c) if constants else w
        exact[key] = int(found.counts[k])
        assert np.allclose(found.maps[k], [float(x) for x in w], rtol=1e-12, atol=1e-12)
    assert exact == dict(expected)
    assert found.counts.tolist() == sorted(found.counts.tolist(), reverse=True)
    assert found.counts.sum() + found.off == found.labels.size == len(found.atlas)


@some(40)
@given(st.data())
def test_data_against_the_network(data: st.DataObject) -> None:
    net = data.draw(networks(n_inputs=2))
    if not net.depth:
        return
    layer = data.draw(st.integers(1, net.depth))
    unit = data.draw(st.integers(0, net.widths[layer] - 1))
    of = asked(net, layer, unit)
    points = np.random.default_rng(0).integers(-8, 9, (40, 2)) / 4
    found = linear_maps(net, layer, unit, points, of=of, constants=True)
    at, k = row_of(net, layer, unit)
    chain = RationalChain(net)
    units = net.stages[at].units
    for i, x in enumerate(points.tolist()):
        if found.labels[i] < 0:
            continue
        w, c = found.exact(int(found.labels[i]))
        z = chain.pre_at(at, x)
        value = max(z[r] for r in units.reads[units.start[k] : units.start[k + 1]])
        assert sum(a * Fraction(b) for a, b in zip(w, x, strict=True)) + c == value
    assert np.array_equal(np.bincount(found.labels[found.labels >= 0]), found.counts)
    for k in range(len(found)):
        assert np.array_equal(found.examples[k], points[found.members(k)[0]])


@some(60)
@given(networks(n_inputs=3), st.integers(0, 2**32 - 1))
def test_bounds_hold_and_keys_are_right(net: Network, seed: int) -> None:
    net = net.select(0)
    rng = np.random.default_rng(seed)
    patterns = np.stack([rng.integers(0, p, 12) for p in net.unit_pieces], axis=1)
    rows = rows_on(net, patterns.astype(net.pattern_dtype))
    chain = RationalChain(net)
    by_key = {}
    for p, pattern in enumerate(patterns.tolist()):
        exact = chain.output_on(0, pattern).fractions()
        J, c = chain.affine_on(pattern)
        assert [*J[0], c[0]] == exact.tolist()
        for value, error, true in zip(rows.values[p], rows.errors[p], exact, strict=True):
            assert abs(Fraction(float(value)) - true) <= Fraction(float(error))
        key = rows.keys[p].tobytes()
        assert by_key.setdefault(key, exact.tolist()) == exact.tolist()


def test_bounds_are_tight_where_nothing_cancels() -> None:
    net = Network.mlp(he([8, 20, 20, 20, 1]))
    rng = np.random.default_rng(0)
    rows = rows_on(net, rng.integers(0, 2, (50, net.n_units), dtype=np.uint8))
    assert rows.errors.max() < 1e-12


def test_patterns_with_one_map_are_one() -> None:
    # the third unit is read with weight zero; the first two are read by their sum
    net = Network.mlp(
        [
            ([[1, 0], [1, 0], [0, 1]], [0, 0, 0]),
            ([[1, 1, 0], [1, -1, 0]], [0, 0]),
            ([[1, 1]], [0]),
        ]
    )
    found = linear_maps(net, 2, 0, SQUARE)
    assert found.maps.tolist() == [[0, 0], [2, 0]]
    assert found.counts.tolist() == [2, 2]
    assert found.sizes.tolist() == [2, 2]
    assert found.arbitrated == 0  # nothing but keys was needed
    cancelled = linear_maps(net, 2, 1, SQUARE)
    assert cancelled.maps.tolist() == [[0, 0]]
    assert cancelled.arbitrated == 2  # 1 - 1 = 0 takes arithmetic
    assert np.isnan(cancelled.cosines()).all()


def test_maps_closer_than_rounding_are_told_apart() -> None:
    tiny = 2.0**-70
    net = Network.mlp(
        [([[1, 0], [0, tiny]], [0, 0]), ([[1, 0], [1, 1]], [0, 0]), ([[1, 1]], [0])], "abs"
    )
    stretched = Network.mlp(
        [([[1.0], [1.0]], [0, 0]), ([[2.0**60, tiny]], [0]), ([[1]], [0])],
        plica.PiecewiseLinear([0.5], [1.0, 1.0 + 2.0**-52], 0.0),
    )
    assert len(linear_maps(net, 2, 1, SQUARE)) == 4
    found = linear_maps(stretched, 2, 0, plica.Box([0], [1]))
    assert len(found) == 2
    assert found.exact(0)[0] != found.exact(1)[0]


def test_constants() -> None:
    step = plica.PiecewiseLinear([0.0, 1.0], [1.0, 0.0, 1.0])
    net = Network.mlp([([[1.0]], [0.0]), ([[2.0]], [0.0]), ([[1.0]], [0.0])], step)
    box = plica.Box([-1], [2])
    found = linear_maps(net, 2, 0, box)
    assert (found.maps[:, 0].tolist(), found.counts.tolist()) == ([2, 0], [2, 1])
    assert found.constants is None
    found = linear_maps(net, 2, 0, box, constants=True)
    assert sorted(zip(found.maps[:, 0], found.constants, strict=True)) == [(0, 0), (2, -2), (2, 0)]


def test_value_leaves_out_where_a_relu_is_off() -> None:
    net = Network.mlp(he([2, 6, 5, 3]))
    pre = linear_maps(net, 2, 1, SQUARE)
    value = linear_maps(net, 2, 1, SQUARE, of="value")
    inside = {tuple(w) for w in pre.maps}
    assert 0 < len(value) <= len(pre)
    assert {tuple(w) for w in value.maps} <= inside
    on = value.atlas.patterns[:, -1] == 1
    assert np.array_equal(value.labels >= 0, on)
    assert value.off == (~on).sum()
    assert pre.off == 0
    assert pre.sizes.sum() == pytest.approx(4)
    assert value.sizes.sum() == pytest.approx(value.atlas.sizes[on].sum())


def test_the_first_layer_has_one_map() -> None:
    net = Network.mlp(he([5, 7, 3]))
    found = linear_maps(net, 1, 4, np.zeros((3, 5)))
    assert np.array_equal(found.maps, net.stages[0].A[[4]])
    assert found.counts.tolist() == [3]
    space = linear_maps(net, 1, 4, plica.Space(5))
    assert np.array_equal(space.maps, found.maps)


def test_residual_networks() -> None:
    net = residual(seed=3, width=4, blocks=2)
    found = linear_maps(net, 2, 0, SQUARE)
    # x + V relu(W x + b): the identity alone where all units are off
    cells = plica.map_regions(net.until(2).select(0), SQUARE)
    rows = {tuple(J[0]) for J in cells.affine()[0]}
    assert {tuple(w) for w in found.maps} == rows
    assert len(rows) > 1


def test_a_slice_has_the_maps_of_the_full_input() -> None:
    net = Network.mlp(he([4, 6, 5, 2]))
    domain = plica.Slice.through([0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1])
    found = linear_maps(net, 2, 3, domain)
    assert found.maps.shape == (len(found), 4)
    for x, k in zip(domain.embed(found.atlas.witnesses), found.labels, strict=True):
        J, _ = net.until(2).affine(x[None])
        assert np.allclose(J[0, 3], found.maps[k])
    assert found.examples.shape == (len(found), 4)


def test_convolutions() -> None:
    """A one-dimensional convolution with pooling, as sparse stages."""
    rng = np.random.default_rng(1)
    n, w = 8, rng.normal(size=(2, 3))
    rows = [
        sp.csr_array((w[c], (np.zeros(3, int), np.arange(i, i + 3))), shape=(1, n))
        for c in range(2)
        for i in range(n - 2)
    ]
    conv = Stage(sp.vstack(rows, format="csr"), np.full(12, 0.1), Units.relu(12))
    pool = Stage(
        sp.eye_array(12, format="csr"), np.zeros(12), Units.max(np.arange(12).reshape(6, 2), 12)
    )
    last = Stage(rng.normal(size=(4, 6)), np.zeros(4), Units.relu(4))
    net = Network([conv, pool, last, Stage(np.ones((1, 4)), [0.0])])
    data = rng.normal(size=(200, n))
    J, _ = net.until(3).affine(data)
    found = linear_maps(net, 3, 2, data)
    assert np.allclose(found.maps[found.labels], J[:, 2])
    # a pooling unit sees one window, moved or not: its map is one of two filters, or nothing
    pooled = linear_maps(net, 2, 0, data, of="value")
    assert len(pooled) == 3
    with pytest.raises(UnsupportedError, match="maximum of 2"):
        linear_maps(net, 2, 0, data)


def test_torch_convolutions() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 5),
        torch.nn.ReLU(),
        torch.nn.Linear(5, 2),
    ).double()
    net = plica.load(module, example=torch.zeros(1, 1, 8, 8, dtype=torch.float64))
    images = torch.randn(20, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    module[:7](images)[:, 3].sum().backward()
    found = linear_maps(net, net.depth, 3, images.detach().numpy())
    gradients = images.grad.reshape(20, 64).numpy()
    assert np.allclose(found.maps[found.labels], gradients, atol=1e-12)
    assert found.plot(shape=(8, 8), maps=4) is not None
    with pytest.raises(DomainError, match="shape"):
        linear_maps(net, 1, 0, np.zeros((2, 8, 9)))


def test_too_many_maps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plica.unit_maps.maps.LIMIT", 100)
    with pytest.raises(plica.SizeError, match="budget"):
        linear_maps(Network.mlp(he([2, 6, 5, 3])), 2, 0, SQUARE)


def test_a_budget_gives_maps_that_occur() -> None:
    net = Network.mlp(he([2, 16, 16, 2]))
    full, part = (linear_maps(net, 2, 0, SQUARE, budget=b) for b in (None, 5))
    assert full.complete
    assert not part.complete
    assert {tuple(w) for w in part.maps} <= {tuple(w) for w in full.maps}


def test_the_fold_has_few_maps() -> None:
    net = fold(2, 2, 4)
    found = linear_maps(net, 2, 0, plica.Box([0, 0], [1, 1]))
    # four mirror images of one unit
    assert len(found) == 2
    assert found.counts.sum() == len(found.atlas) == 4
    assert np.allclose(np.abs(found.cosines()), 1)


def test_unresolved_groups_hold_what_may_be_equal() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.integers(0, 4, (30, 2)).astype(float)
        errors = rng.choice([0.0, 0.2, 0.6, np.inf], (30, 2), p=[0.5, 0.3, 0.15, 0.05])
        groups = unresolved(values, errors)
        close = (np.abs(values[:, None] - values[None]) <= errors[:, None] + errors[None]).all(
            axis=2
        )
        assert (groups[:, None] == groups[None])[close].all()
        labels, _ = distinct(values, errors, lambda p, values=values: tuple(values[p]))
        same = (values[:, None] == values[None]).all(axis=2)
        assert np.array_equal(labels[:, None] == labels[None], same)


def test_bad_input() -> None:
    net = Network.mlp(integer([2, 3, 3, 1]))
    for layer, unit in ((0, 0), (3, 0), (1, 3), (1, -1)):
        with pytest.raises(NetworkError, match="does not exist"):
            linear_maps(net, layer, unit, SQUARE)
    for unit in (1.0, "0", None, True):
        with pytest.raises(NetworkError, match="does not exist"):
            linear_maps(net, 1, unit, SQUARE)
    with pytest.raises(NetworkError, match="by its number"):
        linear_maps(net, 1.0, 0, SQUARE)
    for over in (np.zeros((3, 4)), [[np.nan, 0.0]], "somewhere", plica.Box([0], [1])):
        with pytest.raises(DomainError):
            linear_maps(net, 1, 0, over)
    with pytest.raises(DomainError, match="pre, value"):
        linear_maps(net, 1, 0, SQUARE, of="gradient")
    with pytest.raises(DomainError, match="no volumes"):
        _ = linear_maps(net, 1, 0, np.zeros((1, 2))).sizes
    with pytest.raises(UnsupportedError):
        _ = linear_maps(net, 2, 0, plica.Space(2)).sizes
