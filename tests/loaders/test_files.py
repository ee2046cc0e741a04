"""Files and arrays: what loads, and what is refused with which words."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plica
from plica.loaders import verify

from .test_onnx_ops import ints, model, node, r

onnx = pytest.importorskip("onnx")

DATA = Path(os.environ.get("PLICA_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
FILES = {
    "acasxu/ACASXU_run2a_1_1_batch_2000.onnx": (5, 50, 50, 50, 50, 50, 50, 5),
    "acasxu/ACASXU_run2a_1_9_batch_2000.onnx": (5, 50, 50, 50, 50, 50, 50, 5),
    "acasxu/ACASXU_run2a_2_1_batch_2000.onnx": (5, 50, 50, 50, 50, 50, 50, 5),
    "acasxu/ACASXU_run2a_3_5_batch_2000.onnx": (5, 50, 50, 50, 50, 50, 50, 5),
    "acasxu/ACASXU_run2a_5_2_batch_2000.onnx": (5, 50, 50, 50, 50, 50, 50, 5),
    "acasxu/test_small.onnx": (1, 2, 2, 1),
    "mnistfc/mnist-net_256x2.onnx": (784, 256, 256, 10),
    "mnistfc/mnist-net_256x4.onnx": (784, 256, 256, 256, 256, 10),
    "cifar/cifar_base_kw.onnx": (3072, 2048, 1024, 100, 10),
    "cifar/resnet_2b.onnx": (3072, 2048, 1024, 1024, 1024, 1024, 100, 10),
    "convnet/Convnet_avgpool.onnx": (784, 23328, 10),
    "convnet/Convnet_maxpool.onnx": (784, 23328, 1152, 10),
}


@pytest.mark.parametrize("name", FILES)
def test_real_networks_load_and_agree(name: str) -> None:
    if not (DATA / name).is_file():
        pytest.skip("the optional data is not here")
    net = plica.load(DATA / name)
    assert net.widths == FILES[name]
    assert net.meta["checked_against"].startswith("onnx")
    assert net.meta["relative_error"] < 1e-5
    assert net.meta["points"] >= 48


def small(**changes: Any) -> Any:
    """Two layers, written the way exporters do."""
    constants = {"w": r(4, 3), "b": r(4), "v": r(2, 4)}
    steps = [
        node("Gemm", "x w b", "a", transB=1),
        node("Relu", "a", "h"),
        node("Gemm", "h v", "y", transB=1),
    ]
    return model(steps, changes.pop("shape", (1, 3)), {**constants, **changes})


def test_path_string_and_model_are_the_same(tmp_path: Path) -> None:
    built = small()
    onnx.save(built, tmp_path / "net.onnx")
    from_path, from_text = plica.load(tmp_path / "net.onnx"), plica.load(str(tmp_path / "net.onnx"))
    assert from_path == from_text == plica.load(built)
    assert from_path.meta["source"] == str(tmp_path / "net.onnx")
    assert from_path.meta["ops"] == {"Gemm": 2, "Relu": 1}


def test_own_file_and_network_pass_through(tmp_path: Path) -> None:
    net = plica.load(small())
    net.save(tmp_path / "net.npz")
    again = plica.load(tmp_path / "net.npz")
    assert again == net
    assert again.meta["relative_error"] == net.meta["relative_error"]
    assert plica.load(net) is net


def test_external_data_beside_the_file(tmp_path: Path) -> None:
    built = model([node("MatMul", "x w", "y")], (1, 40), {"w": r(40, 40)})
    want = plica.load(built)
    onnx.save(
        built, tmp_path / "net.onnx", save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert plica.load(tmp_path / "net.onnx") == want
    (tmp_path / "w.bin").unlink()
    with pytest.raises(plica.LoadError, match=r"net\.onnx"):
        plica.load(tmp_path / "net.onnx")


def test_half_precision_weights() -> None:
    net = plica.load(model([node("MatMul", "x w", "y")], (1, 4), {"w": r(4, 3)}, dtype=np.float16))
    assert "float16" in net.meta["checked_against"]
    assert set(np.unique(net.stages[0].A.astype(np.float16) - net.stages[0].A)) == {0.0}


def test_open_batch_axis_is_one() -> None:
    net = plica.load(small(shape=("batch", 3)))
    assert net.n_inputs == 3
    assert net.meta["input_shape"] == [1, 3]


def test_open_dimension_needs_a_shape() -> None:
    built = model(
        [node("GlobalAveragePool", "x", "y")], ("batch", 2, "height", "width"), outputs="y"
    )
    with pytest.raises(plica.LoadError, match=r"dimension 2 \('height'\).*input_shape"):
        plica.load(built)
    assert plica.load(built, input_shape=(2, 3, 4)).n_inputs == 24
    assert plica.load(built, input_shape=(1, 2, 3, 4)).n_inputs == 24
    with pytest.raises(plica.LoadError, match="does not fit"):
        plica.load(built, input_shape=(5, 3, 4))
    with pytest.raises(plica.LoadError, match="does not fit"):
        plica.load(built, input_shape=(3, 4))


def test_an_example_fixes_the_shape_and_is_compared_on() -> None:
    built = model([node("GlobalAveragePool", "x", "y")], ("batch", 2, "h", "w"))
    example = 100 + r(3, 2, 4, 5)
    net = plica.load(built, example)
    assert net.n_inputs == 40
    assert net.meta["points"] > plica.load(built, input_shape=(2, 4, 5)).meta["points"]
    assert np.allclose(net(example)[:, 0], example[:, 0].mean(axis=(1, 2)))


def test_metadata_of_the_file_is_kept() -> None:
    built = small()
    onnx.helper.set_model_props(built, {"plica.domain": "box:0,1"})
    assert plica.load(built).meta["metadata"] == {"plica.domain": "box:0,1"}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(bad: float) -> None:
    w = r(4, 3)
    w[2, 1] = bad
    with pytest.raises(plica.NetworkError, match=r"tensor 'w' of shape \(4, 3\): 1 of its entries"):
        plica.load(small(w=w))


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises((plica.NetworkError, plica.LoadError), match=r"node 'y' \(Gemm\), number 3"):
        plica.load(small(v=r(2, 5)))


def test_missing_corrupt_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(plica.LoadError, match="no such file"):
        plica.load(tmp_path / "missing.onnx")
    with pytest.raises(plica.LoadError, match="folder"):
        plica.load(tmp_path)
    bad = tmp_path / "bad.onnx"
    for content in (b"", b"not a model at all", small().SerializeToString()[:150]):
        bad.write_bytes(content)
        with pytest.raises(plica.LoadError, match=r"bad\.onnx"):
            plica.load(bad)
    other = tmp_path / "model.pth"
    other.write_bytes(b"")
    with pytest.raises(plica.LoadError, match="build the torch module"):
        plica.load(other)
    with pytest.raises(plica.LoadError, match=r"cannot load a builtins\.int"):
        plica.load(3)


def test_a_graph_with_two_inputs_or_a_dangling_name() -> None:
    built = model([node("Add", "x z", "y")], (1, 3))
    with pytest.raises(plica.LoadError, match="'z', which nothing before it writes"):
        plica.load(built)
    extra = onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, (1, 3))
    built.graph.input.append(extra)
    with pytest.raises(plica.UnsupportedError, match="2 inputs"):
        plica.load(built)


def test_integer_input_and_constant_output_are_refused() -> None:
    built = small()
    built.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    with pytest.raises(plica.UnsupportedError, match="floating point"):
        plica.load(built)
    fixed = model([node("Identity", "w", "y"), node("Relu", "x", "z")], (1, 2), {"w": r(2)})
    with pytest.raises(plica.NetworkError, match="does not depend"):
        plica.load(fixed)


def test_disagreement_fails_with_the_numbers() -> None:
    with pytest.raises(plica.LoadError, match=r"differ by .*tolerance 0"):
        plica.load(small(), tolerance=0.0)
    assert plica.load(small(), check=False).meta["checked_against"] == "nothing: check=False"


def test_a_wrong_chain_is_found_out() -> None:
    right = plica.load(small(), check=False)
    wrong = right.after(np.diag([1.0, 1.001]))
    original = verify.Runner(right, "the right one", "float32")
    with pytest.raises(plica.LoadError, match="differ by"):
        verify.compare(wrong, original, verify.points((3,)), None)
    with pytest.raises(plica.LoadError, match="outputs"):
        verify.compare(right.select(0), original, verify.points((3,)), None)
    nan = verify.Runner(lambda x: right(x) * np.nan, "broken", "float32")
    with pytest.raises(plica.LoadError, match="nan"):
        verify.compare(right, nan, verify.points((3,)), None)


def test_where_nothing_can_run_the_original_it_says_so() -> None:
    def fail(x: Any) -> Any:
        raise RuntimeError("no kernel")

    net = plica.load(small(), check=False)
    with pytest.warns(plica.loaders.PlicaWarning, match="not compared"):
        found = verify.compare(net, verify.Runner(fail, "a runtime"), verify.points((3,)), None)
    assert found == {"checked_against": "nothing: a runtime failed (no kernel)"}
    with pytest.warns(plica.loaders.PlicaWarning, match="not installed"):
        found = verify.compare(net, "not installed", verify.points((3,)), None)
    assert found == {"checked_against": "nothing: not installed"}


def test_without_onnxruntime_the_reference_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    net = plica.load(small())
    assert net.meta["checked_against"].startswith("onnx.reference")
    assert net.meta["relative_error"] < 1e-5


def test_without_onnx_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(small(), tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(plica.LoadError, match="pip install onnx"):
        plica.load(tmp_path / "net.onnx")


def test_an_operation_that_would_not_fit_is_refused_before_it_is_made() -> None:
    built = model([node("Conv", "x w", "y")], (1, 64, 512, 512), {"w": np.zeros((64, 64, 3, 3))})
    with pytest.raises(plica.SizeError, match=r"convolution .* has \d{10} weights"):
        plica.load(built)


def test_arrays_with_an_activation() -> None:
    layers = [(r(3, 2), r(3)), (r(1, 3), r(1))]
    x = r(6, 2)
    (W, b), (V, c) = layers
    assert np.allclose(plica.load(layers)(x), np.maximum(x @ W.T + b, 0) @ V.T + c)
    absolute = plica.load(layers, activation="abs")
    assert np.allclose(absolute(x), np.abs(x @ W.T + b) @ V.T + c)
    with pytest.raises(plica.NetworkError, match="not known"):
        plica.load(layers, activation="tanh")
    with pytest.raises(plica.NetworkError, match="empty"):
        plica.load([])
    with pytest.raises(plica.NetworkError, match="reads 4"):
        plica.load([(r(3, 2), r(3)), (r(1, 4), r(1))])


def test_constant_index_arithmetic_of_a_moved_batch() -> None:
    built = model([node("Reshape", "x s", "y")], (1, 6), {"s": ints(2, 4)})
    with pytest.raises((plica.UnsupportedError, plica.LoadError), match=r"node 'y' \(Reshape\)"):
        plica.load(built)
