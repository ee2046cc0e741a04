"""Shallow forms are the networks that they come from, exactly."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import plica
from plica import Network
from plica.engines import reference
from plica.exact.rational import RationalChain
from plica.shallow import MaxOfShallow, class_shift, max_of_shallow, plan
from plica.shallow.numbers import Dyadics
from tests.shallow.cases import NETWORKS, assert_equal, cube, rationals
from tests.twins.networks import SQUARE, he

every_network = pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS.keys())


@every_network
@pytest.mark.parametrize("method", ["auto", "patterns"])
def test_equal_on_box(net: Network, method: str) -> None:
    domain = cube(net)
    form = max_of_shallow(net, domain, method=method)
    assert_equal(form, net, domain)
    x = np.random.default_rng(1).uniform(-1, 1, (500, net.n_inputs))
    np.testing.assert_allclose(form(x), net(x), rtol=1e-12, atol=1e-12)


@every_network
def test_equal_everywhere(net: Network) -> None:
    space = plica.Space(net.n_inputs)
    form = max_of_shallow(net)
    chain = RationalChain(net)
    for x in rationals(space, 30):
        far = [1000 * v for v in x]
        assert form.value(far) == chain.value(far)


@every_network
def test_all_patterns_are_as_exact(net: Network) -> None:
    form = max_of_shallow(net, prune=False, method="patterns")
    assert_equal(form, net, plica.Space(net.n_inputs), 10)


@every_network
def test_no_term_is_above_the_network(net: Network) -> None:
    form = max_of_shallow(net, method="patterns")
    chain = RationalChain(net)
    for x in rationals(plica.Space(net.n_inputs), 5):
        y = chain.value(x)
        one = np.array([*x, Fraction(1)], dtype=object)
        for term in form.terms:
            values = term.affine @ one + term.weights @ np.maximum(term.hidden @ one, 0)
            assert all(values <= y)


@every_network
def test_equal_on_segment(net: Network) -> None:
    start, end = np.full(net.n_inputs, -1.0), np.linspace(0.3, 0.7, net.n_inputs)
    segment = plica.Segment(start, end)
    form = max_of_shallow(net, segment)
    assert len(form.terms) == 1
    assert_equal(form, net, segment)
    kinks = int(plica.count_regions(net, segment, kind="linear")) - 1
    assert form.distinct_units == kinks


@pytest.mark.parametrize("method", ["patterns", "minimal"])
@pytest.mark.parametrize("name", ["deep", "integer", "residual", "residual abs", "maxout 2"])
def test_equal_at_vertices(name: str, method: str) -> None:
    net = NETWORKS[name]
    domain = cube(net)
    form = max_of_shallow(net, domain, method=method)
    chain = RationalChain(net)
    corners = {tuple(v) for cell in reference.enumerate_cells(net, domain) for v in cell.vertices}
    assert len(corners) > 2**net.n_inputs
    for x in corners:
        assert form.value(x) == chain.value(x)


@pytest.mark.parametrize("name", ["deep", "integer", "residual", "leaky", "maxout 3"])
def test_the_chain_is_the_same_function(name: str) -> None:
    net = NETWORKS[name]
    shallow = max_of_shallow(net, SQUARE, method="patterns").to_network()
    assert sum(f.n_pieces > 1 for s in shallow.stages[:-2] for f in s.units.functions) <= 1
    assert plica.equal_on(net, shallow, SQUARE).equal
    deep = plica.count_regions(net, SQUARE, kind="linear")
    assert plica.count_regions(shallow, SQUARE, kind="linear") == deep


@pytest.mark.parametrize("method", ["patterns", "minimal"])
@pytest.mark.parametrize("depth", [2, 3, 4, 5, 6])
def test_floats_far_out(depth: int, method: str) -> None:
    net = Network.mlp(he([2, *[3] * depth, 1], seed=depth))
    form = max_of_shallow(net, method=method)
    x = (
        np.random.default_rng(0).uniform(-1, 1, (100_000, 2))
        * np.geomspace(1, 100, 100_000)[:, None]
    )
    y = net(x)
    scale = np.maximum(np.abs(y), np.abs(x).max(axis=1, keepdims=True))
    assert (np.abs(form(x) - y) / scale).max() < 1e-12


def test_sizes_are_the_theorems() -> None:
    # n+ subsets, n- units: one hidden layer
    W = he([3, 7, 1])[0][0]
    net = Network.mlp([(W, np.zeros(7)), ([[1, 2, 3, -1, -1, -2, 4]], [0])])
    form = max_of_shallow(net, method="patterns", prune=False)
    assert len(form.terms) == 2**4
    assert (form.units_per_term == 3).all()
    assert form.distinct_units == 3


def test_plan_bounds_the_form() -> None:
    for net in NETWORKS.values():
        for method in ("auto", "patterns"):
            predicted = plan(net, cube(net), method=method)
            form = max_of_shallow(net, cube(net), method=method)
            assert predicted.complete
            assert len(form.terms) <= predicted.terms <= predicted.all_terms
            assert form.units_per_term.max() <= predicted.units_per_term
            assert form.total_units <= predicted.total_units
            assert f"terms: at most {predicted.terms:,} (" in str(predicted)


def test_what_does_not_bend_on_the_domain_is_left_out() -> None:
    # -relu(x) - relu(x + y) - relu(2x) - relu(x + 5) - relu(x - 5): the last two are stable, and
    # the third is a multiple of the first
    W = [[1, 0], [1, 1], [2, 0], [1, 0], [1, 0]]
    net = Network.mlp([(W, [0, 0, 0, 5, -5]), ([[-1, -1, -1, -1, -1]], [0])])
    form = max_of_shallow(net, SQUARE, method="patterns")
    assert len(form.terms) == 1
    assert form.distinct_units == 2
    (term,) = form.terms
    assert term.affine.tolist() == [[-1, 0, -5]]
    assert_equal(form, net, SQUARE)


def test_too_large_is_refused_before_it_is_built() -> None:
    net = Network.mlp(he([4, 30, 30, 1]))
    with pytest.raises(plica.SizeError, match="patterns"):
        max_of_shallow(net, prune=False, method="patterns")


def test_outputs_share_hidden_units() -> None:
    net = NETWORKS["leaky"]
    assert net.n_outputs == 2
    for method in ("patterns", "minimal"):
        together = max_of_shallow(net, SQUARE, method=method)
        apart = [max_of_shallow(net.select(c), SQUARE, method=method) for c in range(2)]
        assert all(together.distinct_units == form.distinct_units > 0 for form in apart)


def test_budget_leaves_a_lower_bound() -> None:
    net = Network.mlp(he([2, 8, 8, 1]))
    with pytest.raises(plica.BudgetError) as caught:
        max_of_shallow(net, SQUARE, budget=10, method="patterns")
    form = caught.value.partial
    assert isinstance(form, MaxOfShallow)
    assert not form.complete
    x = np.random.default_rng(0).uniform(-5, 5, (1000, 2))
    gap = net(x) - form(x)
    assert gap.min() > -1e-9
    assert gap.max() > 0.1


def test_subsets_need_no_regions() -> None:
    net = class_shift(Network.mlp(he([6, 10, 4, 3])))
    form = max_of_shallow(net, budget=3, method="subsets")
    assert len(form.terms) == 2**4
    assert_equal(form, net, plica.Space(6), 5)


def test_refusals() -> None:
    net = NETWORKS["deeper"]
    with pytest.raises(plica.UnsupportedError, match="wrong sign"):
        max_of_shallow(net, method="subsets")
    with pytest.raises(plica.UnsupportedError, match="max units"):
        max_of_shallow(NETWORKS["maxout 2"], method="subsets")
    with pytest.raises(plica.PlicaError, match="does not exist"):
        max_of_shallow(net, method="magic")
    with pytest.raises(plica.NetworkError, match="coordinates"):
        max_of_shallow(net, SQUARE)([[1.0, 2.0, 3.0]])


def test_what_is_beyond_the_largest_float() -> None:
    square = [[1e200, -1e200], [-1e200, 1e200]]
    net = Network.mlp([([[1e200], [1e200]], [0, -1e150]), (square, [0, 1e100]), ([[1, -1]], [0])])
    segment = plica.Box([-1], [1])
    with pytest.raises(plica.UnsupportedError, match="largest float"):
        max_of_shallow(net, segment, method="patterns")
    form = max_of_shallow(net, segment, method="minimal")  # one that needs no penalty
    assert_equal(form, net, segment)
    with pytest.raises(plica.UnsupportedError, match="largest float"):
        form([[0.5]])
    for exact in (True, False):
        with pytest.raises(plica.UnsupportedError, match="largest float"):
            form.to_network(exact=exact)


# -- files -----------------------------------------------------------------------------------


def test_save_and_load(tmp_path: Path) -> None:
    form = max_of_shallow(NETWORKS["deeper"], SQUARE)
    form.save(tmp_path / "form.npz")
    again = MaxOfShallow.load(tmp_path / "form.npz")
    assert again.meta == form.meta
    for x in rationals(SQUARE, 10):
        assert again.value(x) == form.value(x)
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    assert (again(x) == form(x)).all()


def test_load_refuses(tmp_path: Path) -> None:
    net = NETWORKS["deep"]
    net.save(tmp_path / "net.npz")
    with pytest.raises(plica.LoadError, match="not a shallow form"):
        MaxOfShallow.load(tmp_path / "net.npz")
    with pytest.raises(plica.LoadError, match="no such file"):
        MaxOfShallow.load(tmp_path / "none.npz")
    form = max_of_shallow(net, SQUARE)
    form.save(tmp_path / "form.npz")
    data = (tmp_path / "form.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(plica.LoadError, match="damaged"):
        MaxOfShallow.load(tmp_path / "cut.npz")


def test_torch_and_onnx(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    ort = pytest.importorskip("onnxruntime")
    gathered = set()
    for name, method in itertools.product(("deeper", "residual", "integer"), ("auto", "minimal")):
        form = max_of_shallow(NETWORKS[name], SQUARE, method=method)
        gathered.add(form.distinct_units > 4 * form.units_per_term.max())
        x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
        module = form.to_torch()
        np.testing.assert_allclose(module(torch.tensor(x)).numpy(), form(x), rtol=1e-12, atol=1e-12)
        form.to_onnx(tmp_path / "form.onnx")
        session = ort.InferenceSession(tmp_path / "form.onnx", providers=["CPUExecutionProvider"])
        (y,) = session.run(None, {"x": x})
        np.testing.assert_allclose(y, form(x), rtol=1e-12, atol=1e-12)
        assert module(torch.tensor(x)).shape == y.shape == (50, form.n_outputs)
    assert gathered == {False, True}


# -- the minimal local form ------------------------------------------------------------------


@every_network
def test_minimal_is_equal(net: Network) -> None:
    domain = cube(net)
    form = max_of_shallow(net, domain, method="minimal")
    assert_equal(form, net, domain)
    assert len(form.terms) <= int(plica.count_regions(net, domain))
    assert form.total_units <= plan(net, domain, method="minimal").total_units


def test_minimal_has_at_most_a_term_for_each_convex_linear_region() -> None:
    # both hidden layers of `deep` have convex linear regions only
    net = NETWORKS["deep"]
    form = max_of_shallow(net, SQUARE, method="minimal")
    assert len(form.terms) < plica.count_regions(net, SQUARE, kind="linear")
    assert form.units_per_term.max() <= max_of_shallow(net, SQUARE).units_per_term.max()
    assert plica.equal_on(net, form.to_network(), SQUARE).equal


def test_minimal_of_a_convex_function_needs_no_hidden_units() -> None:
    net = Network.mlp([(he([2, 5, 1])[0][0], np.ones(5)), (np.ones((1, 5)), [0])])
    form = max_of_shallow(net, SQUARE, method="minimal")
    assert form.total_units == 0
    assert len(form.terms) == plica.count_regions(net, SQUARE)


@pytest.mark.parametrize("name", ["deep", "integer", "three inputs", "maxout 3"])
def test_minimal_penalties_are_smallest(name: str) -> None:
    net = NETWORKS[name]
    form = max_of_shallow(net, cube(net), method="minimal")
    x = np.random.default_rng(0).uniform(-1, 1, (20_000, net.n_inputs))
    terms, y = form.term_values(x), net(x)
    assert (terms - y[:, :, None]).max() < 1e-9
    weights = form.weights
    halved = dataclasses.replace(form, weights=Dyadics(weights.ints, weights.exponents - 1))
    assert form.total_units
    for t in np.flatnonzero(form.units_per_term):
        assert (halved.term_values(x)[:, :, t] - y).max() > 1e-9


# -- larger networks -------------------------------------------------------------------------


def test_convolutional_on_a_slice() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(2, 2, 3),
        torch.nn.LeakyReLU(0.1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 3),
    )
    net = plica.load(module, example=torch.zeros(1, 1, 8, 8))
    rng = np.random.default_rng(0)
    plane = plica.Slice.through(*rng.random((3, 64)))
    own = plane.restrict(net)
    chain = RationalChain(own)
    low, high = plane.bounds
    x = low + (high - low) * rng.random((300, 2))
    for method in ("patterns", "minimal"):
        form = max_of_shallow(net, plane, method=method)
        np.testing.assert_allclose(form(x), own(x), rtol=1e-11, atol=1e-11)
        for point in x[:3].tolist():
            assert form.value(point) == chain.value(point)


def test_polytope_and_flat_box() -> None:
    net = Network.mlp(he([3, 4, 4, 1]))
    simplex = plica.Polytope([[-1, 0, 0], [0, -1, 0], [0, 0, -1], [1, 1, 1]], [0, 0, 0, 1])
    chain = RationalChain(net)
    for method in ("patterns", "minimal"):
        form = max_of_shallow(net, simplex, method=method)
        for x in np.random.default_rng(0).dirichlet(np.ones(4), 20)[:, :3].tolist():
            if sum(map(Fraction, x)) <= 1:
                assert form.value(x) == chain.value(x)
    flat = plica.Box([-1, 0.5, -1], [1, 0.5, 1])
    assert_equal(max_of_shallow(net, flat), net, flat)
