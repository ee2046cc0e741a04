"""The chain: evaluation, patterns, affine maps, composition, identity, storage, bad input."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.sparse as sp

import plica
from plica import LoadError, Network, NetworkError, PiecewiseLinear, SizeError, Stage, Units
from plica.exact import RationalChain

from .twins.networks import NETWORKS, fold, he, integer, max_pool, residual

if TYPE_CHECKING:
    from pathlib import Path

CHAINS = {**NETWORKS, "fold": fold(3, 2, 3), "three-inputs": Network.mlp(he([3, 5, 4, 2], 1))}


def points(net: Network, n: int = 40, seed: int = 0) -> np.ndarray:
    """Points in general position, and some at ties."""
    x = np.random.default_rng(seed).uniform(-1, 1, (n, net.n_inputs))
    x[: n // 4] = np.round(2 * x[: n // 4]) / 2
    return x


# -- evaluation --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHAINS)
def test_values_are_the_exact_ones_up_to_rounding(name: str) -> None:
    net = CHAINS[name]
    x = points(net, 12)
    exact = np.array([[float(v) for v in RationalChain(net).value(p)] for p in x])
    np.testing.assert_allclose(net(x), exact, rtol=1e-9, atol=1e-9 * (1 + np.abs(exact).max()))


@pytest.mark.parametrize(
    "name", [n for n in CHAINS if "integer" in n or ("max" in n and "generic" not in n)]
)
def test_patterns_at_ties_are_the_exact_ones(name: str) -> None:
    net = CHAINS[name]
    x = np.array([[a, b] for a in np.arange(-1, 1.25, 0.25) for b in np.arange(-1, 1.25, 0.25)])
    chain = RationalChain(net)
    assert net.pattern(x).tolist() == [list(chain.pattern(p)) for p in x]


@pytest.mark.parametrize("name", CHAINS)
def test_affine_maps_reproduce_the_values(name: str) -> None:
    net = CHAINS[name]
    x = points(net)
    J, c = net.affine(x)
    assert J.shape == (40, net.n_outputs, net.n_inputs)
    assert c.shape == (40, net.n_outputs)
    y = net(x)
    np.testing.assert_allclose(
        (J @ x[:, :, None])[..., 0] + c, y, atol=1e-9 * (1 + np.abs(y).max())
    )


@pytest.mark.parametrize("name", CHAINS)
def test_affine_maps_are_the_exact_ones_up_to_rounding(name: str) -> None:
    net = CHAINS[name]
    patterns = np.unique(net.pattern(points(net)), axis=0)[:8]
    J, c = net.affine_on(patterns)
    for pattern, J_float, c_float in zip(patterns.tolist(), J, c, strict=True):
        J_exact, c_exact = RationalChain(net).affine_on(pattern)
        scale = 1e-9 * max(1, np.abs(J_float).max(), np.abs(c_float).max())
        np.testing.assert_allclose(J_float, J_exact.astype(float), atol=scale)
        np.testing.assert_allclose(c_float, c_exact.astype(float), atol=scale)


def test_affine_maps_are_finite_differences() -> None:
    net = Network.mlp(he([3, 8, 8, 2], 5))
    x = np.random.default_rng(1).uniform(-1, 1, (30, 3))
    h = 2.0**-20
    J = net.affine(x)[0]
    for i in range(3):
        step = h * np.eye(3)[i]
        # only where the step crosses no crease
        same = (net.pattern(x + step) == net.pattern(x)).all(axis=1)
        assert same.sum() > 25
        slope = (net(x + step) - net(x)) / h
        np.testing.assert_allclose(J[same, :, i], slope[same], atol=1e-7)


def test_pattern_columns() -> None:
    net = max_pool(0)
    assert net.widths == (2, 6, 3, 3, 1)
    assert net.depth == 3
    assert net.n_units == 12
    assert net.unit_layers.tolist() == [1] * 6 + [2] * 3 + [3] * 3
    assert net.unit_pieces.tolist() == [2] * 12
    assert NETWORKS["maxout-3"].unit_pieces.tolist() == [3] * 5
    assert residual(0).widths == (2, 4, 4, 1)  # the identity units that carry x are no columns


def test_pattern_dtype_holds_every_piece() -> None:
    assert NETWORKS["maxout-4"].pattern([0, 0]).dtype == np.uint8
    wide = Network([Stage(np.ones((300, 1)), np.arange(300.0), Units.max([range(300)], 300))])
    assert wide.pattern_dtype == np.uint16
    assert wide.pattern([1.0]).tolist() == [[299]]


def test_no_hidden_layer() -> None:
    net = NETWORKS["no-hidden-layer"]
    assert (net.depth, net.n_units, net.widths) == (0, 0, (2, 3))
    assert net.pattern(np.zeros((4, 2))).shape == (4, 0)
    assert net.affine([0, 0])[0][0].tolist() == net.stages[0].A.tolist()
    with pytest.raises(NetworkError, match="hidden layer 1 does not exist: there are 0"):
        net.until(1)


def test_batches_of_several_shapes() -> None:
    net = Network.mlp(he([12, 4, 2]))
    images = np.random.default_rng(0).normal(size=(5, 3, 2, 2))
    np.testing.assert_array_equal(net(images), net(images.reshape(5, 12)))
    assert net(images[0].reshape(-1)).shape == (1, 2)
    assert net(np.zeros((0, 12))).shape == (0, 2)
    assert net.pattern(np.zeros((0, 12))).shape == (0, 4)


def test_long_batches_are_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    net = NETWORKS["mixed-units"]
    x = points(net, 50)
    whole = net(x), net.pattern(x), *net.affine(x)
    monkeypatch.setattr("plica.chain.CHUNK", 20)
    for a, b in zip(whole, (net(x), net.pattern(x), *net.affine(x)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 2, 2), ()])
def test_points_of_the_wrong_shape(shape: tuple[int, ...]) -> None:
    net = Network.mlp(he([2, 3, 1]))
    with pytest.raises(NetworkError, match=r"points of 2 coordinates, shape \(N, 2\); got"):
        net(np.zeros(shape))


def test_patterns_of_the_wrong_shape() -> None:
    with pytest.raises(NetworkError, match="patterns of 3 units"):
        Network.mlp(he([2, 3, 1])).affine_on([[0, 1]])


# -- rational arithmetic -----------------------------------------------------------------------


def test_rational_values_patterns_and_rows() -> None:
    net = Network.mlp([([[3.0, 0], [0, 1]], [0, -0.5]), ([[1, 1]], [0.25])])
    chain = RationalChain(net)
    third = Fraction(1, 3)
    assert chain.value([third, third]) == (Fraction(5, 4),)
    assert chain.pattern([third, Fraction(1, 2)]) == (1, 0)  # the second unit is at its tie
    assert chain.pre_at(0, [third, 2 * third]) == (1, Fraction(1, 6))
    J, c = chain.rows(0, ())
    assert J.tolist() == [[3, 0], [0, 1]]
    assert c.tolist() == [0, Fraction(-1, 2)]
    J, c = chain.affine_on((1, 1))
    assert J.tolist() == [[3, 1]]
    assert c.tolist() == [Fraction(-1, 4)]
    with pytest.raises(NetworkError, match="needs more"):
        chain.affine_on((1,))
    with pytest.raises(NetworkError, match="2 coordinates, got 1"):
        chain.value([0])


def test_rational_arithmetic_sees_what_floats_do_not() -> None:
    net = Network.mlp([([[1.0, 1, 1]], [0]), ([[1]], [0])])
    x = [2.0**60, 2.0**-60, -(2.0**60)]
    assert RationalChain(net).value(x) == (Fraction(1, 2**60),)
    assert RationalChain(net).pattern(x) == (1,)
    tiny = Network.mlp([([[5e-324, 1.7e308]], [0]), ([[1]], [0])])
    assert RationalChain(tiny).value([1, 0]) == (Fraction(5e-324),)


def test_intersection_of_lines() -> None:
    assert plica.exact.intersect((0.5, 0, -1), (0, 0.1, -1)) == (2, 1 / Fraction(0.1))
    assert plica.exact.intersect((1, 2, 3), (2, 4, 5)) is None


# -- composition -------------------------------------------------------------------------------


def test_before_and_after() -> None:
    net = Network.mlp(he([3, 4, 2]))
    A, a = np.arange(6.0).reshape(3, 2), np.array([1.0, -1, 2])
    u = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(net.before(A, a)(u), net(u @ A.T + a))
    B = np.array([[1.0, -2], [3, 4], [0, 1]])
    np.testing.assert_allclose(
        net.after(B, [1, 2, 3])(points(net)), net(points(net)) @ B.T + [1, 2, 3]
    )
    np.testing.assert_allclose(net.after(sp.csr_array(B))(points(net)), net(points(net)) @ B.T)
    assert net.before(A, a).stages[1:] == net.stages  # a stage of its own: nothing multiplied
    with pytest.raises(NetworkError, match="writes 2 coordinates but stage 1 reads 3"):
        net.before(np.eye(2), [0, 0])
    with pytest.raises(NetworkError, match="reads 3"):
        net.after(np.eye(3))


def test_difference_and_select() -> None:
    net = Network.mlp(he([2, 5, 3]))
    x = points(net)
    y = net(x)
    np.testing.assert_allclose(net.difference(2, 0)(x)[:, 0], y[:, 2] - y[:, 0], atol=1e-14)
    np.testing.assert_array_equal(net.difference(1, 1)(x), np.zeros((40, 1)))
    np.testing.assert_allclose(net.select([2, 0])(x), y[:, [2, 0]], rtol=1e-14)
    np.testing.assert_allclose(net.select(-1)(x), y[:, [2]], rtol=1e-14)
    for bad in (3, -4):
        with pytest.raises(NetworkError, match=f"output {bad} does not exist: the network has 3"):
            net.select(bad)
    with pytest.raises(NetworkError, match="does not exist"):
        net.difference(0, 3)


def test_until_gives_the_coordinates_that_units_read() -> None:
    net = NETWORKS["mixed-units"]
    first = net.until(1)
    x = points(net)
    z = x @ net.stages[0].A.T + net.stages[0].a
    np.testing.assert_array_equal(first(x), z[:, [3, 0, 2, 1, 2, 1, 1, 3]])
    assert net.until(2).n_units == net.widths[1]
    plain = Network.mlp(he([2, 4, 3, 1]))
    h = np.maximum(x @ plain.stages[0].A.T + plain.stages[0].a, 0)
    np.testing.assert_allclose(plain.until(2)(x), h @ plain.stages[1].A.T + plain.stages[1].a)
    for bad in (0, 3):
        with pytest.raises(NetworkError, match=f"hidden layer {bad} does not exist: there are 2"):
            plain.until(bad)


def test_a_readout_is_appended_after_units() -> None:
    net = Network([Stage([[1.0], [-1]], [0, 0], Units.relu(2))])
    assert len(net.stages) == 2
    assert net.widths == (1, 2, 2)
    assert net([3.0]).tolist() == [[3, 0]]
    shuffled = Units(2, [0, 1, 2], [1, 0], [-1, -1])
    assert len(Network([Stage(np.eye(2), [0, 0], shuffled)]).stages) == 2
    assert len(Network([Stage(np.eye(2), [0, 0])]).stages) == 1


# -- size and immutability ---------------------------------------------------------------------


def test_a_dense_form_that_does_not_fit_is_refused_before_it_is_allocated() -> None:
    n = 200_000
    stage = Stage(sp.eye_array(n, format="csr"), np.zeros(n))
    with pytest.raises(SizeError, match=r"200000 x 200000 would take 298\.0 GiB"):
        stage.dense()
    assert Stage(sp.eye_array(3, format="csr"), np.zeros(3)).dense().tolist() == np.eye(3).tolist()
    with pytest.raises(SizeError):
        Stage(sp.eye_array(3, format="csr"), np.zeros(3)).dense(limit=71)


def test_networks_are_immutable_and_own_their_arrays() -> None:
    W = np.eye(2)
    net = Network.mlp([(W, [0, 0]), (W, [0, 0])])
    W[0, 0] = 7
    assert net.stages[0].A[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        net.stages[0].A[0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        net.stages[0].a[0] = 2
    sparse = NETWORKS["sparse"].stages[0].A
    with pytest.raises(ValueError, match="read-only"):
        sparse.data[0] = 2


# -- identity and storage ----------------------------------------------------------------------


def test_id_is_the_content() -> None:
    layers = integer([2, 4, 3, 1], 1)
    net = Network.mlp(layers)
    dense = Network.mlp(layers)
    sparse = Network.mlp([(sp.csr_array(W), b) for W, b in layers])
    assert net.id == dense.id == sparse.id
    assert net == sparse
    assert hash(net) == hash(dense)
    assert len(net.id) == 64
    dense.meta["source"] = "elsewhere"
    assert net == dense
    negative_zero = [(np.where(W == 0, -0.0, W), b) for W, b in layers]
    assert Network.mlp(negative_zero) == net


def test_id_does_not_depend_on_the_form_of_a_sparse_matrix() -> None:
    rows, columns, values = [0, 0, 1, 1], [1, 1, 1, 0], [1.0, 1, 0, 5]
    odd = sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(2, 2)))
    assert Network.mlp([(odd, [0, 0])]) == Network.mlp([([[0, 2.0], [5, 0]], [0, 0])])
    unsorted = sp.csr_array(([2.0, 1], [1, 0], [0, 2]), shape=(1, 2))
    assert Network.mlp([(unsorted, [0])]) == Network.mlp([([[1.0, 2]], [0])])


@pytest.mark.parametrize("change", ["weight", "bias", "function", "reads", "breakpoint", "order"])
def test_id_changes_with_the_content(change: str) -> None:
    def build(changed: str | None) -> Network:
        W, b = np.array([[1.0, 2], [3, 4]]), np.array([0.5, -1])
        slope = 0.01
        W[0, 0] = np.nextafter(1, 2) if changed == "weight" else 1
        b[1] = np.nextafter(-1, 0) if changed == "bias" else -1
        t = 0.1 if changed == "breakpoint" else 0.0
        function = PiecewiseLinear([t], [slope + 0.01 * (changed == "function"), 1])
        reads = [1, 0] if changed == "reads" else [0, 1]
        units = Units(2, [0, 1, 2], reads, [0, 0], (function,))
        if changed == "order":
            W, b = W[::-1], b[::-1]
        return Network([Stage(W, b, units), Stage([[1, 1]], [0])])

    assert build(change).id != build(None).id
    assert build(None).id == build(None).id


def test_id_is_stable_across_versions() -> None:
    # written down once: files that carry ids must stay readable
    net = Network.mlp([([[1.0, -2]], [0.5]), ([[3]], [0])], "leaky_relu")
    assert net.id == "bbcb5c0a1cc89716b20a8595e863b7b0311285e4ce70d68249f6fe11387775b2"


@pytest.mark.parametrize("name", CHAINS)
def test_save_and_load(name: str, tmp_path: Path) -> None:
    net = CHAINS[name]
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again == net
    assert again.meta == net.meta
    assert again.widths == net.widths
    assert [s.sparse for s in again.stages] == [s.sparse for s in net.stages]
    x = points(net)
    np.testing.assert_array_equal(again(x), net(x))
    np.testing.assert_array_equal(again.pattern(x), net.pattern(x))


def test_save_keeps_the_name_given(tmp_path: Path) -> None:
    net = CHAINS["integer-4-4"]
    net.save(str(tmp_path / "network.plica"))
    assert Network.load(str(tmp_path / "network.plica")) == net


def test_load_refuses_what_is_not_a_network(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no such file"):
        Network.load(tmp_path / "missing.npz")
    with pytest.raises(LoadError, match="no such file"):
        Network.load(tmp_path)
    for content in (b"", b"not a zip", b"PK\x03\x04 broken"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(LoadError, match="not a plica network file, or damaged"):
            Network.load(tmp_path / "bad.npz")
    np.savez(tmp_path / "other.npz", weights=np.ones(3))
    with pytest.raises(LoadError, match="not a plica network file"):
        Network.load(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.ones(3))
    with pytest.raises(LoadError, match="not a plica network file"):
        Network.load(tmp_path / "array.npy")


def test_load_never_unpickles(tmp_path: Path) -> None:
    np.savez(tmp_path / "pickle.npz", header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(LoadError, match="not a plica network file, or damaged"):
        Network.load(tmp_path / "pickle.npz")


def _rewritten(path: Path, **changes: object) -> Path:
    with np.load(path) as data:
        arrays = dict(data)
    for key, value in changes.items():
        key = key.replace("_", ".")
        if value is None:
            del arrays[key]
        else:
            arrays[key] = np.asarray(value)
    np.savez(path, **arrays)
    return path


def test_load_notices_damage(tmp_path: Path) -> None:
    net = CHAINS["integer-4-4"]
    path = tmp_path / "net.npz"

    net.save(path)
    with pytest.raises(LoadError, match="does not match its id"):
        Network.load(_rewritten(path, **{"0_a": net.stages[0].a + 1}))
    net.save(path)
    with pytest.raises(LoadError, match="damaged"):
        Network.load(_rewritten(path, **{"0_a": None}))
    net.save(path)
    with pytest.raises(LoadError, match="damaged"):
        Network.load(_rewritten(path, **{"0_a": [1.0]}))
    net.save(path)
    with pytest.raises(LoadError, match="damaged"):
        Network.load(_rewritten(path, **{"0_A": np.full((4, 2), np.nan)}))
    for header in ({}, [], {"format": "x", "stages": 1}, {"format": 1, "stages": 3, "meta": {}}):
        net.save(path)
        blob = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        with pytest.raises(LoadError):
            Network.load(_rewritten(path, header=blob))
    net.save(path)
    for cut in (0.3, 0.7, 0.95):
        whole = path.read_bytes()
        (tmp_path / "cut.npz").write_bytes(whole[: int(cut * len(whole))])
        with pytest.raises(LoadError, match="damaged"):
            Network.load(tmp_path / "cut.npz")


def test_load_notices_flipped_bytes(tmp_path: Path) -> None:
    net = CHAINS["integer-4-4"]
    path = tmp_path / "net.npz"
    net.save(path)
    whole = path.read_bytes()
    for at in range(40, len(whole), 97):
        broken = bytearray(whole)
        broken[at] ^= 0x55
        path.write_bytes(bytes(broken))
        try:
            again = Network.load(path)
        except LoadError:
            continue
        assert again == net  # the byte carried no content


def test_a_newer_format_says_so(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    CHAINS["integer-4-4"].save(path)
    blob = np.frombuffer(json.dumps({"format": 99}).encode(), dtype=np.uint8)
    with pytest.raises(LoadError, match="written in format 99, this plica reads up to 1"):
        Network.load(_rewritten(path, header=blob))


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "list of layers is empty"),
        ([([[1, np.nan]], [0])], "layer 1: 1 of the weights are NaN or infinite"),
        ([([[1, 2]], [0]), ([[np.inf]], [0])], "layer 2: 1 of the weights are NaN"),
        ([(sp.csr_array([[1, np.nan]]), [0])], "layer 1: 1 of the weights are NaN or infinite"),
        ([([[1, 2]], [np.inf])], "layer 1: 1 of the biases are NaN or infinite"),
        ([([[1, 2]], [0, 1])], "layer 1: the matrix has 1 rows but the bias has 2 entries"),
        ([([1, 2], [0])], "layer 1: the affine map must be a matrix"),
        ([(np.zeros((1, 2, 3)), [0])], "layer 1: the affine map must be a matrix"),
        ([([[1, 2]], [0]), ([[1, 2]], [0])], "layer 2: W reads 2 coordinates but the layer before"),
        ([(np.zeros((0, 2)), [])], "at least one input and one output"),
        ([(np.zeros((1, 0)), [0])], "at least one input and one output"),
        ([3], r"layer 1: expected a pair \(W, b\), got 3"),
        ([([[1]], [0], "relu")], r"layer 1: expected a pair \(W, b\)"),
    ],
)
def test_bad_layers(layers: list, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Network.mlp(layers)


def test_bad_maxout() -> None:
    for k in (0, -1, 2):
        with pytest.raises(NetworkError, match=f"layer 1: 3 rows do not split into groups of {k}"):
            Network.mlp(he([2, 3, 1]), maxout=k)


def test_bad_stages() -> None:
    with pytest.raises(NetworkError, match="at least one stage"):
        Network([])
    with pytest.raises(NetworkError, match="stage 0 writes 2 coordinates but stage 1 reads 3"):
        Network([Stage(np.eye(2), [0, 0]), Stage(np.eye(3), [0, 0, 0])])
    with pytest.raises(NetworkError, match="writes 2 coordinates but the units read from 3"):
        Stage(np.eye(2), [0, 0], Units.relu(3))
