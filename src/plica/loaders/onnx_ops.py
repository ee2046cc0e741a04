"""The ONNX operations that plica reads, one small function each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..errors import UnsupportedError
from ..units import PiecewiseLinear
from . import affine, nonlinear
from .affine import Array, Float, Tensor, Value
from .nonlinear import Comparison
from .notices import finite
from .windows import average_pool, conv, max_pool, same_padding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = Value | Comparison


@dataclass
class Call:
    """One node with its inputs: constants as arrays, everything else as tensors."""

    node: Any
    where: str
    opset: int
    inputs: list[Result | None]

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value; text as ``str``."""
        from onnx import helper

        for a in self.node.attribute:
            if a.name == name:
                value = helper.get_attribute_value(a)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def number(self, name: str, default: float) -> float:
        """A floating-point attribute; ONNX keeps them, and their defaults, in float32."""
        return float(np.float32(self.attribute(name, default)))

    def refuse(self, why: str) -> NoReturn:
        raise UnsupportedError(f"{self.where}: {why}")

    def has(self, i: int) -> bool:
        return i < len(self.inputs) and self.inputs[i] is not None

    def value(self, i: int) -> Value:
        """Input ``i``, a tensor or a constant."""
        v = self.inputs[i] if self.has(i) else None
        if v is None:
            self.refuse(f"its input {i} is missing")
        if isinstance(v, Comparison):
            self.refuse("a comparison can only choose between two branches (Where)")
        return v if isinstance(v, Tensor) else finite(v, self.node.input[i])

    def values(self) -> list[Value]:
        return [self.value(i) for i in range(len(self.inputs))]

    def tensor(self, i: int = 0) -> Tensor:
        """Input ``i``, which must depend on the network's input."""
        v = self.value(i)
        if not isinstance(v, Tensor):
            self.refuse(f"its input {self.node.input[i]!r} must not be constant here")
        return v

    def constant(self, i: int, default: Any = None) -> Any:
        """Input ``i``, which must be constant."""
        if not self.has(i):
            return default
        v = self.inputs[i]
        if not isinstance(v, np.ndarray | np.generic):
            self.refuse(
                f"its input {self.node.input[i]!r} depends on the network's input; only a "
                "constant is piecewise linear here"
            )
        return np.asarray(v)

    def weight(self, i: int) -> Float:
        """Input ``i`` as a finite constant in float64."""
        if not self.has(i):
            self.refuse(f"its input {i} is missing")
        return finite(self.constant(i), self.node.input[i])


# -- affine --------------------------------------------------------------------------------------


def _gemm(c: Call) -> Value:
    x, alpha, beta = c.value(0), c.number("alpha", 1.0), c.number("beta", 1.0)
    y = c.value(1)
    if c.attribute("transA", 0):
        x = affine.take(x, x.positions.T) if isinstance(x, Tensor) else x.T
    if c.attribute("transB", 0):
        y = affine.take(y, y.positions.T) if isinstance(y, Tensor) else y.T
    product = _product(c, x, y, alpha)
    if not c.has(2) or beta == 0:
        return product
    z = c.value(2)
    if beta != 1:
        z = affine.multiply(z, np.asarray(beta)) if isinstance(z, Tensor) else z * beta
    return affine.add(product, z)


def _product(c: Call, x: Value, y: Value, alpha: float = 1.0) -> Tensor:
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        c.refuse("a product of two branches that both depend on the input (as in attention)")
    if isinstance(x, Tensor):
        assert not isinstance(y, Tensor)
        return affine.matmul(x, y if alpha == 1 else y * alpha)
    assert isinstance(y, Tensor)
    return affine.matmul_left(x if alpha == 1 else x * alpha, y)


def _matmul(c: Call) -> Value:
    return _product(c, c.value(0), c.value(1))


def _sum(c: Call) -> Value:
    total, *more = c.values()
    for v in more:
        total = affine.add(total, v)
    return total


def _mean(c: Call) -> Value:
    total = _sum(c)
    assert isinstance(total, Tensor)
    return affine.multiply(total, np.asarray(float(len(c.inputs))), divide=True)


def _mul(c: Call) -> Value:
    for gate, other in ((0, 1), (1, 0)):
        g = c.inputs[gate]
        if isinstance(g, Comparison):  # x * (x > 0)
            return nonlinear.where(g, c.value(other), np.zeros(()))
    x, y = c.value(0), c.value(1)
    if not isinstance(x, Tensor):
        x, y = y, x
    if isinstance(y, Tensor):
        c.refuse("a product of two branches that both depend on the input")
    assert isinstance(x, Tensor)
    return affine.multiply(x, y)


def _div(c: Call) -> Value:
    if not isinstance(c.inputs[0], Tensor) or isinstance(c.inputs[1], Tensor):
        c.refuse("a division by something that depends on the input")
    by = c.weight(1)
    if (by == 0).any():
        c.refuse("a division by zero")
    return affine.multiply(c.tensor(0), by, divide=True)


def _batch_norm(c: Call) -> Value:
    if c.attribute("training_mode", 0) or not c.attribute("spatial", 1):
        c.refuse(
            "batch normalisation must be exported in evaluation mode, with one statistic a channel"
        )
    scale, shift, mean, variance = (c.weight(i) for i in (1, 2, 3, 4))
    epsilon = c.number("epsilon", 1e-5)
    return affine.batch_norm(c.tensor(), scale, shift, mean, variance, epsilon)


def _window(c: Call, x: Tensor, kernel: Sequence[int]) -> dict[str, Any]:
    """Strides, padding and dilations of a convolution or pooling node."""
    k = len(kernel)
    if len(x.shape) != k + 2:
        c.refuse(f"its input has shape {x.shape}, expected a batch, channels and {k} more axes")
    strides = list(c.attribute("strides", [1] * k))
    dilations = list(c.attribute("dilations", [1] * k))
    auto = c.attribute("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        before, after = same_padding(x.shape[2:], kernel, strides, dilations, auto == "SAME_UPPER")
    else:
        pads = list(c.attribute("pads", [0] * 2 * k)) if auto == "NOTSET" else [0] * 2 * k
        before, after = pads[:k], pads[k:]
    return {"strides": strides, "before": before, "after": after, "dilations": dilations}


def _conv(c: Call) -> Value:
    x, W = c.tensor(), c.weight(1)
    bias = c.weight(2) if c.has(2) else None
    return conv(x, W, bias, groups=int(c.attribute("group", 1)), **_window(c, x, W.shape[2:]))


def _average_pool(c: Call) -> Value:
    x, kernel = c.tensor(), list(c.attribute("kernel_shape"))
    return average_pool(
        x,
        kernel,
        **_window(c, x, kernel),
        ceil=bool(c.attribute("ceil_mode", 0)),
        count_padding=bool(c.attribute("count_include_pad", 0)),
    )


def _max_pool(c: Call) -> Value:
    x, kernel = c.tensor(), list(c.attribute("kernel_shape"))
    return max_pool(x, kernel, **_window(c, x, kernel), ceil=bool(c.attribute("ceil_mode", 0)))


def _global(kind: str) -> Callable[[Call], Value]:
    def pool(c: Call) -> Value:
        x = c.tensor()
        axes = range(2, len(x.shape))
        if kind == "max":
            return nonlinear.reduce_max(x, axes, True)
        return affine.reduce_sum(x, axes, True, mean=True)

    return pool


def _axes(c: Call, x: Tensor) -> list[int]:
    axes = c.constant(1) if c.has(1) else c.attribute("axes")
    if axes is None or len(np.atleast_1d(axes)) == 0:
        return [] if c.attribute("noop_with_empty_axes", 0) else list(range(len(x.shape)))
    return [int(a) for a in np.atleast_1d(axes)]


def _reduce(kind: str) -> Callable[[Call], Value]:
    def reduce(c: Call) -> Value:
        x = c.tensor()
        axes, keep = _axes(c, x), bool(c.attribute("keepdims", 1))
        if not axes:
            return x
        if kind in ("max", "min"):
            return nonlinear.reduce_max(x, axes, keep, smallest=kind == "min")
        return affine.reduce_sum(x, axes, keep, mean=kind == "mean")

    return reduce


def _concat(c: Call) -> Value:
    return affine.concat(c.values(), int(c.attribute("axis", 1)))


def _pad(c: Call) -> Value:
    x, mode = c.tensor(), c.attribute("mode", "constant")
    pads = c.constant(1) if c.has(1) else c.attribute("pads", c.attribute("paddings"))
    if pads is None:
        c.refuse("the padding is missing")
    pads = [int(p) for p in np.asarray(pads).reshape(-1)]
    fill = float(c.constant(2)) if c.has(2) else c.number("value", 0.0)
    rank = len(x.shape)
    axes = [int(a) % rank for a in c.constant(3)] if c.has(3) else list(range(rank))
    width = [(0, 0)] * rank
    for i, a in enumerate(axes):
        width[a] = (pads[i], pads[i + len(axes)])
    cut = tuple(
        slice(max(0, -lo), n - max(0, -hi)) for (lo, hi), n in zip(width, x.shape, strict=True)
    )
    grow = [(max(0, lo), max(0, hi)) for lo, hi in width]
    kept = x.positions[cut]
    if mode == "constant":
        return affine.take(x, np.pad(kept, grow, constant_values=-1), fill)
    if mode not in ("reflect", "edge", "wrap"):
        c.refuse(f"padding mode {mode!r}")
    return affine.take(x, np.pad(kept, grow, mode=mode))


def _same(c: Call) -> Value:
    return c.tensor()


def _dropout(c: Call) -> Value:
    if c.has(2) and bool(c.constant(2)):
        c.refuse("dropout in training mode is random; export the model in evaluation mode")
    return c.tensor()


def _cast(c: Call) -> Result:
    from onnx import TensorProto as T

    v = c.inputs[0]
    if c.attribute("to") not in (T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16):
        c.refuse("a cast to a type that is not floating point rounds: it is not piecewise linear")
    return v if isinstance(v, Comparison) else c.tensor()


# -- nonlinear -----------------------------------------------------------------------------------


def _scalar(make: Callable[[Call], PiecewiseLinear]) -> Callable[[Call], Value]:
    return lambda c: nonlinear.apply(c.tensor(), make(c))


def _prelu(c: Call) -> Value:
    return nonlinear.prelu(c.tensor(), c.weight(1))


def _clip(c: Call) -> Value:
    low = c.constant(1) if c.has(1) else c.attribute("min")
    high = c.constant(2) if c.has(2) else c.attribute("max")
    large = float(np.finfo(np.float32).max)  # old exporters' way to say "no bound"
    low = None if low is None or float(low) <= -large else float(low)
    high = None if high is None or float(high) >= large else float(high)
    return nonlinear.clip(c.tensor(), low, high)


def _thresholded(c: Call) -> PiecewiseLinear:
    alpha = c.number("alpha", 1.0)
    if alpha != 0:
        c.refuse(f"it jumps from 0 to {alpha} at {alpha}; only a continuous activation is handled")
    return PiecewiseLinear.relu()


def _shrink(c: Call) -> PiecewiseLinear:
    bias, edge = c.number("bias", 0.0), c.number("lambd", 0.5)
    if bias != edge:
        c.refuse("it jumps at its thresholds; only lambd = bias is continuous")
    return PiecewiseLinear([-edge, edge], [1.0, 0.0, 1.0], edge)


def _hard_sigmoid(c: Call) -> PiecewiseLinear:
    return PiecewiseLinear.hard_sigmoid(c.number("alpha", 0.2), c.number("beta", 0.5))


def _leaky(c: Call) -> PiecewiseLinear:
    return PiecewiseLinear.leaky_relu(c.number("alpha", 0.01))


def _compare(greater: bool) -> Callable[[Call], Result]:
    return lambda c: nonlinear.compare(c.value(0), c.value(1), greater)


def _where(c: Call) -> Value:
    choice = c.inputs[0]
    if not isinstance(choice, Comparison):
        c.refuse("its condition must be a comparison of a branch with a constant")
    return nonlinear.where(choice, c.value(1), c.value(2))


OPS: dict[str, Callable[[Call], Result]] = {
    "Abs": _scalar(lambda _: PiecewiseLinear.absolute()),
    "Add": _sum,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Div": _div,
    "Dropout": _dropout,
    "Gemm": _gemm,
    "GlobalAveragePool": _global("mean"),
    "GlobalMaxPool": _global("max"),
    "Greater": _compare(True),
    "GreaterOrEqual": _compare(True),
    "HardSigmoid": _scalar(_hard_sigmoid),
    "Identity": _same,
    "LeakyRelu": _scalar(_leaky),
    "Less": _compare(False),
    "LessOrEqual": _compare(False),
    "MatMul": _matmul,
    "Max": lambda c: nonlinear.maximum(c.values()),
    "MaxPool": _max_pool,
    "Mean": _mean,
    "Min": lambda c: nonlinear.maximum(c.values(), smallest=True),
    "Mul": _mul,
    "Neg": lambda c: affine.negative(c.tensor()),
    "PRelu": _prelu,
    "Pad": _pad,
    "ReduceMax": _reduce("max"),
    "ReduceMean": _reduce("mean"),
    "ReduceMin": _reduce("min"),
    "ReduceSum": _reduce("sum"),
    "Relu": _scalar(lambda _: PiecewiseLinear.relu()),
    "Shrink": _scalar(_shrink),
    "Sub": lambda c: affine.subtract(c.value(0), c.value(1)),
    "Sum": _sum,
    "ThresholdedRelu": _scalar(_thresholded),
    "Where": _where,
}

#: Operations that only move entries: what they do to the positions says which entry goes where.
MOVES = frozenset(
    [
        "DepthToSpace",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    ]
)


#: The same with two inputs: entries of the third input replace some of the first.
SCATTERS = frozenset({"ScatterElements", "ScatterND"})


def scattered(c: Call, evaluate: Callable[[list[Array | None]], list[Array]]) -> list[Tensor]:
    """A node of ``SCATTERS``, evaluated on the positions of its inputs' entries."""
    if c.attribute("reduction", "none") != "none":
        c.refuse("only reduction 'none' is handled")
    values = [c.value(0), c.value(2)]
    both = [v if isinstance(v, Tensor) else affine.constant(v) for v in values]
    joined = affine.concat([affine.take(v, v.positions.reshape(-1)) for v in both], 0)
    moves = [both[0].positions, c.constant(1), both[1].positions + both[0].size]
    return [affine.take(joined, places) for places in evaluate(moves)]


def moved(c: Call, evaluate: Callable[[list[Array | None]], list[Array]]) -> list[Tensor]:
    """A node of ``MOVES``, evaluated on the positions of its input's entries."""
    x = c.tensor()
    rest = [c.constant(i) for i in range(1, len(c.inputs))]
    return [affine.take(x, places) for places in evaluate([x.positions, *rest])]
