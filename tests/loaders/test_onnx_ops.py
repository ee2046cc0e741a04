"""Every ONNX operation against ONNX's own implementations, in float32 and float64."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import plica

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(5)


def node(op: str, inputs: str, output: str, **attributes: Any) -> Any:
    names = ["" if i == "-" else i for i in inputs.split()]
    return helper.make_node(op, names, output.split(), **attributes)


def model(
    nodes: list[Any],
    shape: tuple[Any, ...],
    constants: dict[str, Any] | None = None,
    opset: int = 17,
    dtype: type = np.float32,
    outputs: str = "y",
    domains: tuple[str, ...] = (),
) -> Any:
    """A model reading x; floating-point constants get the model's type."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    initializers = []
    for name, value in (constants or {}).items():
        value = np.asarray(value)
        value = value.astype(dtype) if value.dtype.kind == "f" else value
        initializers.append(numpy_helper.from_array(value, name))
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(o, kind, None) for o in outputs.split()],
        initializers,
    )
    sets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=sets, ir_version=8)


@dataclass
class Case:
    name: str
    nodes: list[Any]
    shape: tuple[int, ...]
    constants: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    units: int | None = None


def r(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def ints(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


IMAGE = (1, 2, 7, 6)
BN = {"s": r(2), "t": r(2), "m": r(2), "v": np.abs(r(2)) + 0.1}

CASES = [
    Case(
        "gemm", [node("Gemm", "x w b", "y", transB=1)], (1, 4), {"w": r(3, 4), "b": r(3)}, units=0
    ),
    Case(
        "gemm-scaled",
        [node("Gemm", "x w b", "y", alpha=0.5, beta=2.0, transA=1)],
        (4, 1),
        {"w": r(4, 3), "b": r(1, 3)},
    ),
    Case("gemm-constant-left", [node("Gemm", "w x", "y", transB=1)], (3, 4), {"w": r(2, 4)}),
    Case("gemm-no-bias", [node("Gemm", "x w", "y")], (1, 4), {"w": r(4, 3)}),
    Case("matmul", [node("MatMul", "x w", "y")], (1, 4), {"w": r(4, 3)}),
    Case("matmul-left", [node("MatMul", "w x", "y")], (4, 2), {"w": r(3, 4)}),
    Case("matmul-left-vector", [node("MatMul", "w x", "y")], (4,), {"w": r(3, 4)}),
    Case("matmul-left-batch-vector", [node("MatMul", "w x", "y")], (4,), {"w": r(2, 3, 4)}),
    Case("matmul-vector-left", [node("MatMul", "w x", "y")], (1, 4, 2), {"w": r(4)}),
    Case("matmul-vector", [node("MatMul", "x w", "y")], (1, 3, 4), {"w": r(4)}),
    Case("matmul-rows", [node("MatMul", "x w", "y")], (1, 3, 4), {"w": r(4, 2)}),
    Case("matmul-batched", [node("MatMul", "x w", "y")], (1, 3, 2, 4), {"w": r(3, 4, 2)}),
    Case("matmul-batched-left", [node("MatMul", "w x", "y")], (3, 4, 2), {"w": r(3, 5, 4)}),
    Case("add-constant", [node("Add", "x w", "y")], (1, 2, 3), {"w": r(3)}),
    Case("add-grows", [node("Add", "w x", "y")], (1, 3), {"w": r(2, 2, 1)}),
    Case("sub-constant", [node("Sub", "w x", "y")], (1, 3), {"w": r(3)}),
    Case("sub-branches", [node("Relu", "x", "a"), node("Sub", "a x", "y")], (1, 5), units=5),
    Case("add-self", [node("Add", "x x", "y")], (1, 5)),
    Case("mul", [node("Mul", "w x", "y")], IMAGE, {"w": r(2, 1, 1)}),
    Case("div", [node("Div", "x w", "y")], IMAGE, {"w": 2 + np.abs(r(1, 6))}),
    Case("neg", [node("Neg", "x", "y")], (1, 3)),
    Case("sum", [node("Relu", "x", "a"), node("Sum", "x a w", "y")], (1, 3), {"w": r(3)}),
    Case("mean", [node("Relu", "x", "a"), node("Mean", "x a w", "y")], (1, 3), {"w": r(3)}),
    Case("conv", [node("Conv", "x w b", "y")], IMAGE, {"w": r(3, 2, 3, 2), "b": r(3)}),
    Case(
        "conv-strided",
        [node("Conv", "x w", "y", strides=[2, 1], pads=[1, 0, 2, 3], dilations=[2, 1])],
        IMAGE,
        {"w": r(3, 2, 3, 2)},
    ),
    Case(
        "conv-groups", [node("Conv", "x w b", "y", group=2)], IMAGE, {"w": r(4, 1, 3, 3), "b": r(4)}
    ),
    Case(
        "conv-same-upper",
        [node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[2, 2])],
        IMAGE,
        {"w": r(3, 2, 3, 4)},
    ),
    Case(
        "conv-same-lower",
        [node("Conv", "x w", "y", auto_pad="SAME_LOWER")],
        IMAGE,
        {"w": r(3, 2, 2, 4)},
    ),
    Case("conv-valid", [node("Conv", "x w", "y", auto_pad="VALID")], IMAGE, {"w": r(3, 2, 2, 2)}),
    Case(
        "conv1d",
        [node("Conv", "x w b", "y", strides=[2], pads=[1, 2], dilations=[2])],
        (1, 3, 9),
        {"w": r(4, 3, 3), "b": r(4)},
    ),
    Case("conv-batch", [node("Conv", "x w b", "y")], (2, 1, 4, 4), {"w": r(2, 1, 2, 2), "b": r(2)}),
    Case("batch-norm", [node("BatchNormalization", "x s t m v", "y", epsilon=0.01)], IMAGE, BN),
    Case("batch-norm-flat", [node("BatchNormalization", "x s t m v", "y")], (1, 2), BN),
    Case(
        "conv-bn-relu",
        [
            node("Conv", "x w b", "a"),
            node("BatchNormalization", "a s t m v", "c"),
            node("Relu", "c", "y"),
        ],
        IMAGE,
        {"w": r(2, 2, 3, 3), "b": r(2), **BN},
        units=40,
    ),
    Case("relu", [node("Relu", "x", "y")], (1, 4), units=4),
    Case("leaky", [node("LeakyRelu", "x", "y", alpha=0.25)], (1, 4), units=4),
    Case("leaky-default", [node("LeakyRelu", "x", "y")], (1, 4)),
    Case("prelu", [node("PRelu", "x w", "y")], IMAGE, {"w": r(2, 1, 1)}),
    Case("prelu-one", [node("PRelu", "x w", "y")], (1, 4), {"w": r(1)}),
    Case("abs", [node("Abs", "x", "y")], (1, 4)),
    Case("clip-attributes", [node("Clip", "x", "y", min=-0.5, max=0.25)], (1, 6), opset=9),
    Case("clip-inputs", [node("Clip", "x l h", "y")], (1, 6), {"l": -0.5, "h": 0.25}),
    Case("clip-upper", [node("Clip", "x - h", "y")], (1, 6), {"h": 0.25}),
    Case("clip-lower", [node("Clip", "x l", "y")], (1, 6), {"l": 0.25}),
    Case("hard-sigmoid", [node("HardSigmoid", "x", "y", alpha=0.25, beta=0.4)], (1, 6)),
    Case("shrink", [node("Shrink", "x", "y", lambd=0.5, bias=0.5)], (1, 6)),
    Case("thresholded-at-0", [node("ThresholdedRelu", "x", "y", alpha=0.0)], (1, 6)),
    Case("max-branches", [node("Neg", "x", "a"), node("Max", "a x", "y")], (1, 4), units=4),
    Case("max-constant", [node("Max", "x w", "y")], (1, 4), {"w": r(4)}, units=4),
    Case(
        "max-three",
        [node("Neg", "x", "a"), node("Max", "a x w", "y")],
        (1, 4),
        {"w": r(4)},
        units=4,
    ),
    Case("min-branches", [node("Neg", "x", "a"), node("Min", "a x", "y")], (1, 4)),
    Case("min-constant", [node("Min", "w x", "y")], (1, 4), {"w": r(4)}),
    Case("min-three", [node("Relu", "x", "a"), node("Min", "a x w", "y")], (1, 4), {"w": r(4)}),
    Case(
        "maxout-columns",
        [
            node("Reshape", "x s", "a"),
            node("ReduceMax", "a", "y", axes=[2], keepdims=0),
        ],
        (1, 6),
        {"s": ints(1, 3, 2)},
        units=3,
    ),
    Case(
        "maxpool", [node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2])], IMAGE, units=18
    ),
    Case(
        "maxpool-padded",
        [node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])],
        IMAGE,
    ),
    Case(
        "maxpool-ceil",
        [node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)],
        IMAGE,
    ),
    Case(
        "maxpool-dilated", [node("MaxPool", "x", "y", kernel_shape=[2, 3], dilations=[2, 2])], IMAGE
    ),
    Case("maxpool-overlap", [node("MaxPool", "x", "y", kernel_shape=[3, 2])], IMAGE),
    Case("maxpool1d", [node("MaxPool", "x", "y", kernel_shape=[3], strides=[2])], (1, 2, 9)),
    Case(
        "maxpool-same",
        [node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")],
        IMAGE,
    ),
    Case("avgpool", [node("AveragePool", "x", "y", kernel_shape=[2, 3], strides=[2, 3])], IMAGE),
    Case(
        "avgpool-padded",
        [node("AveragePool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])],
        IMAGE,
    ),
    Case(
        "avgpool-counts-padding",
        [
            node(
                "AveragePool",
                "x",
                "y",
                kernel_shape=[3, 3],
                strides=[2, 2],
                pads=[1, 1, 1, 1],
                count_include_pad=1,
            )
        ],
        IMAGE,
    ),
    Case(
        "avgpool-ceil",
        [node("AveragePool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)],
        IMAGE,
        opset=19,
    ),
    Case("global-average", [node("GlobalAveragePool", "x", "y")], IMAGE),
    Case("global-max", [node("GlobalMaxPool", "x", "y")], IMAGE, units=2),
    Case("reduce-mean", [node("ReduceMean", "x", "y", axes=[2, 3], keepdims=0)], IMAGE),
    Case("reduce-mean-18", [node("ReduceMean", "x a", "y")], IMAGE, {"a": ints(-1)}, 18),
    Case("reduce-sum", [node("ReduceSum", "x a", "y", keepdims=0)], IMAGE, {"a": ints(1)}),
    Case("reduce-all", [node("ReduceSum", "x", "y")], IMAGE),
    Case("reduce-min", [node("ReduceMin", "x", "y", axes=[1])], IMAGE),
    Case("flatten", [node("Flatten", "x", "y")], IMAGE),
    Case("reshape", [node("Reshape", "x s", "y")], IMAGE, {"s": ints(0, -1, 2)}),
    Case("transpose", [node("Transpose", "x", "y", perm=[0, 2, 3, 1])], IMAGE),
    Case("squeeze-old", [node("Squeeze", "x", "y", axes=[0])], (1, 3), opset=9),
    Case("squeeze", [node("Squeeze", "x a", "y")], (1, 3, 1), {"a": ints(2)}),
    Case("unsqueeze", [node("Unsqueeze", "x a", "y")], (1, 3), {"a": ints(0, 3)}),
    Case("unsqueeze-old", [node("Unsqueeze", "x", "y", axes=[1])], (1, 3), opset=9),
    Case(
        "concat",
        [node("Neg", "x", "a"), node("Concat", "x a w", "y", axis=1)],
        (1, 3),
        {"w": r(1, 2)},
    ),
    Case("concat-axis", [node("Relu", "x", "a"), node("Concat", "x a", "y", axis=-1)], IMAGE),
    Case(
        "slice",
        [node("Slice", "x b e a s", "y")],
        IMAGE,
        {"b": ints(1, -1), "e": ints(7, -7), "a": ints(2, 3), "s": ints(2, -2)},
    ),
    Case("slice-old", [node("Slice", "x", "y", starts=[1], ends=[3], axes=[3])], IMAGE, opset=9),
    Case("gather", [node("Gather", "x i", "y", axis=2)], IMAGE, {"i": ints(3, 0, -1)}),
    Case("gather-scalar", [node("Gather", "x i", "y", axis=1)], IMAGE, {"i": np.array(1)}),
    Case(
        "split",
        [node("Split", "x n", "a b", axis=2), node("Concat", "b a", "y", axis=2)],
        IMAGE,
        {"n": ints(3, 4)},
    ),
    Case(
        "split-old",
        [node("Split", "x", "a b", axis=3, split=[2, 4]), node("Concat", "b a", "y", axis=3)],
        IMAGE,
        opset=9,
    ),
    Case(
        "scatter-nd",
        [node("Slice", "x b e a", "u"), node("Mul", "u f", "v"), node("ScatterND", "x i v", "y")],
        (5, 3),
        {"b": ints(0), "e": ints(2), "a": ints(0), "f": 2.0, "i": np.array([[4], [1]])},
    ),
    Case(
        "scatter-elements",
        [node("ScatterElements", "x i u", "y", axis=1)],
        (1, 5),
        {"i": np.array([[3, 0]]), "u": r(1, 2)},
    ),
    Case("expand", [node("Expand", "x s", "y")], (1, 3), {"s": ints(2, 3)}),
    Case("pad", [node("Pad", "x p v", "y")], (1, 3), {"p": ints(0, 2, 1, 1), "v": 0.5}),
    Case("pad-cuts", [node("Pad", "x p", "y")], (1, 5), {"p": ints(0, -1, 0, 2)}),
    Case("pad-reflect", [node("Pad", "x p", "y", mode="reflect")], (1, 5), {"p": ints(0, 2, 0, 2)}),
    Case("pad-old", [node("Pad", "x", "y", pads=[0, 1, 0, 2], value=1.5)], (1, 3), opset=9),
    Case("depth-to-space", [node("DepthToSpace", "x", "y", blocksize=2)], (1, 4, 2, 3)),
    Case("dropout", [node("Dropout", "x", "y")], (1, 3)),
    Case("dropout-old", [node("Dropout", "x", "y", ratio=0.5)], (1, 3), opset=9),
    Case("identity", [node("Identity", "x", "y")], (1, 3)),
    Case(
        "where-leaky",
        [node("Mul", "x k", "a"), node("Greater", "x z", "g"), node("Where", "g x a", "y")],
        (1, 5),
        {"k": 0.125, "z": 0.0},
        units=5,
    ),
    Case(
        "where-less",
        [node("Less", "x z", "g"), node("Where", "g z x", "y")],
        (1, 5),
        {"z": 0.5},
        units=5,
    ),
    Case(
        "shape-arithmetic",
        [
            node("Shape", "x", "s"),
            node("Gather", "s i", "n"),
            node("Unsqueeze", "n z", "u"),
            node("Concat", "u m", "t", axis=0),
            node("Reshape", "x t", "y"),
        ],
        IMAGE,
        {"i": np.array(0), "z": ints(0), "m": ints(-1)},
    ),
    Case(
        "constants-folded",
        [
            helper.make_node(
                "Constant", [], ["c"], value=numpy_helper.from_array(ints(3, 4), "value")
            ),
            node(
                "ConstantOfShape",
                "c",
                "o",
                value=helper.make_tensor("v", TensorProto.INT64, [1], [2]),
            ),
            node("CastLike", "o w", "f"),
            node("Mul", "f w", "k"),
            node("Transpose", "k", "kt", perm=[1, 0]),
            node("MatMul", "x kt", "y"),
        ],
        (1, 4),
        {"w": r(3, 4)},
    ),
    Case(
        "residual",
        [
            node("Gemm", "x w b", "a"),
            node("Relu", "a", "c"),
            node("Gemm", "c w b", "d"),
            node("Add", "d x", "e"),
            node("Relu", "e", "f"),
            node("Gemm", "f w b", "g"),
            node("Add", "g c", "y"),
        ],
        (1, 4),
        {"w": r(4, 4), "b": r(4)},
        units=8,
    ),
    Case(
        "pre-activation-residual",
        [
            node("MatMul", "x w0", "a"),
            *(
                n
                for i in range(3)
                for n in (
                    node("Relu", f"{'a' if i == 0 else f'e{i - 1}'}", f"c{i}"),
                    node("MatMul", f"c{i} w", f"d{i}"),
                    node(
                        "Add", f"d{i} {'a' if i == 0 else f'e{i - 1}'}", "y" if i == 2 else f"e{i}"
                    ),
                )
            ),
        ],
        (1, 6),
        {"w0": r(6, 3), "w": r(3, 3)},
        units=9,
    ),
    Case(
        "unequal-depths",
        [
            node("Relu", "x", "a"),
            node("Relu", "a", "b"),
            node("Abs", "b", "c"),
            node("Max", "c x", "d"),
            node("Concat", "d a", "y", axis=1),
        ],
        (1, 3),
        units=12,
    ),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_operation_agrees(case: Case, dtype: type) -> None:
    built = model(case.nodes, case.shape, case.constants, case.opset, dtype)
    net = plica.load(built, tolerance=1e-5 if dtype is np.float32 else 1e-12)
    assert net.meta["checked_against"].split()[0] in ("onnxruntime", "onnx.reference")
    assert np.dtype(dtype).name in net.meta["checked_against"]
    assert net.n_inputs == int(np.prod(case.shape))
    if case.units is not None:
        assert net.n_units == case.units


def test_positions_are_moved_exactly() -> None:
    steps = [
        node("Transpose", "x", "a", perm=[0, 3, 1, 2]),
        node("Reshape", "a s", "b"),
        node("Slice", "b o e t", "y"),
    ]
    constants = {"s": ints(1, -1), "o": ints(3), "e": ints(20), "t": ints(1)}
    net = plica.load(model(steps, IMAGE, constants))
    x = RNG.standard_normal((5, 84))
    want = x.reshape(5, 2, 7, 6).transpose(0, 3, 1, 2).reshape(5, -1)[:, 3:20]
    assert np.array_equal(net(x), want)
    (stage,) = net.stages
    assert stage.nnz == 17
    assert set(stage.A.data) == {1.0}


def test_carried_state_stays_small() -> None:
    """A residual stream is carried as itself, not as everything that was ever added to it."""
    case = next(c for c in CASES if c.name == "pre-activation-residual")
    net = plica.load(model(case.nodes, case.shape, case.constants))
    assert max(s.n_out for s in net.stages) <= 6 + 3


def test_bottleneck_is_not_multiplied_out() -> None:
    constants = {"u": r(40, 2), "v": r(2, 40)}
    net = plica.load(
        model([node("MatMul", "x u", "a"), node("MatMul", "a v", "y")], (1, 40), constants)
    )
    assert sum(s.nnz for s in net.stages) == 160
    assert net.depth == 0


def test_convolutions_stay_sparse() -> None:
    built = model(
        [node("Conv", "x w", "a"), node("Relu", "a", "y")], (1, 1, 20, 20), {"w": r(2, 1, 3, 3)}
    )
    net = plica.load(built)
    assert net.stages[0].sparse
    assert net.stages[0].nnz == 2 * 18 * 18 * 9


def test_several_outputs_are_concatenated() -> None:
    built = model([node("Relu", "x", "y"), node("Neg", "x", "z")], (1, 2), outputs="y z")
    net = plica.load(built)
    assert net([[1.0, -2.0]]).tolist() == [[1.0, 0.0, -1.0, 2.0]]
    assert net.meta["outputs"] == {"y": [1, 2], "z": [1, 2]}


def test_branches_that_no_output_needs_are_left_out() -> None:
    net = plica.load(model([node("Relu", "x", "y"), node("Tanh", "x", "unused")], (1, 2)))
    assert net.n_units == 2


@pytest.mark.parametrize(
    ("op", "says"),
    [
        ("Softmax", "largest output"),
        ("LogSoftmax", "log-probabilities"),
        ("Sigmoid", "level 0.0"),
        ("Softplus", "softplus"),
    ],
)
def test_last_operation_is_dropped_with_a_warning(op: str, says: str) -> None:
    built = model(
        [node("MatMul", "x w", "logits"), node(op, "logits", "y")], (1, 3), {"w": r(3, 2)}
    )
    with pytest.warns(plica.loaders.PlicaWarning, match=says) as caught:
        net = plica.load(built)
    assert caught[0].filename == __file__
    assert op in net.meta["dropped"]
    assert net.meta["error"] < 1e-5
    assert list(net.meta["outputs"]) == ["logits"]


REFUSED: list[tuple[str, list[Any], dict[str, Any], str]] = [
    ("tanh", [node("Tanh", "x", "a"), node("Relu", "a", "y")], {}, "Tanh"),
    ("gelu", [node("Gelu", "x", "y")], {}, "Gelu"),
    ("hardswish", [node("HardSwish", "x", "y")], {}, "HardSwish"),
    ("softmax-inside", [node("Softmax", "x", "a"), node("Relu", "a", "y")], {}, "very last"),
    ("product", [node("Relu", "x", "a"), node("Mul", "a x", "y")], {}, "product of two branches"),
    ("attention", [node("Relu", "x", "a"), node("MatMul", "x a", "y")], {}, "attention"),
    ("reciprocal", [node("Div", "w x", "y")], {"w": r(1)}, "division"),
    ("thresholded", [node("ThresholdedRelu", "x", "y", alpha=1.0)], {}, "jumps"),
    ("shrink", [node("Shrink", "x", "y", lambd=0.5)], {}, "jumps"),
    ("cast", [node("Cast", "x", "y", to=TensorProto.INT64)], {}, "rounds"),
    (
        "step",
        [node("Greater", "x w", "g"), node("Where", "g w v", "y")],
        {"w": np.zeros(()), "v": np.ones(())},
        "jumps",
    ),
    (
        "selection",
        [node("Abs", "x", "a"), node("Greater", "x w", "g"), node("Where", "g x a", "y")],
        {"w": np.zeros(())},
        "multiple of the compared tensor",
    ),
    ("custom", [helper.make_node("Relu", ["x"], ["y"], domain="mine")], {}, "mine.Relu|mine"),
]


@pytest.mark.parametrize(
    ("nodes", "constants", "says"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_refused_with_the_node_named(
    nodes: list[Any], constants: dict[str, Any], says: str
) -> None:
    built = model(nodes, (3, 3), constants, opset=20, domains=("mine",))
    with pytest.raises(plica.UnsupportedError, match=says) as caught:
        plica.load(built)
    assert "number" in str(caught.value)
    assert "reading" in str(caught.value)


def test_error_lists_what_is_supported() -> None:
    with pytest.raises(
        plica.UnsupportedError, match=r"node 'y' \(Tanh\), number 1 of 1.*Supported: .*MaxPool"
    ):
        plica.load(model([node("Tanh", "x", "y")], (1, 3)))


def test_local_functions_are_inlined() -> None:
    inner = helper.make_function(
        "mine",
        "Twice",
        ["a"],
        ["b"],
        [node("Relu", "a", "c"), node("Add", "c c", "b")],
        [helper.make_opsetid("", 17)],
    )
    built = model(
        [helper.make_node("Twice", ["x"], ["y"], domain="mine")], (1, 3), domains=("mine",)
    )
    built.functions.append(inner)
    net = plica.load(built)
    assert net([[1.0, -1.0, 3.0]]).tolist() == [[2.0, 0.0, 6.0]]
