"""The ATen operations that plica reads from an exported torch program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..units import PiecewiseLinear
from . import affine, nonlinear
from .affine import Float, Tensor, Value
from .nonlinear import Comparison
from .notices import array
from .windows import adaptive_pool, average_pool, conv, max_pool

Arguments = dict[str, Any]
Result = Any  # Tensor, Comparison, or a list of tensors


def value(v: Any) -> Value:
    if isinstance(v, Comparison):
        raise UnsupportedError("a comparison can only choose between two branches (where)")
    return v if isinstance(v, Tensor) else array(v)


def tensor(v: Any) -> Tensor:
    if not isinstance(v, Tensor):
        raise UnsupportedError("this argument must depend on the network's input")
    return v


def fixed(v: Any, what: str = "this argument") -> Float:
    if isinstance(v, Tensor | Comparison):
        raise UnsupportedError(f"{what} depends on the network's input; only a constant is handled")
    return array(v)


def spread(v: Any, n: int) -> list[int]:
    """A number, or a list of one or ``n`` numbers, as ``n`` numbers."""
    found = [int(i) for i in v] if isinstance(v, Sequence) else [int(v)]
    return found * n if len(found) == 1 else found


def unbatched(x: Tensor, n: int) -> tuple[Tensor, bool]:
    """``x`` with a batch axis, for layers over ``n`` axes that also take inputs without one."""
    if len(x.shape) == n + 1:
        return affine.take(x, x.positions[None]), True
    return x, False


def rebatched(y: Tensor, alone: bool) -> Tensor:
    return affine.take(y, y.positions[0]) if alone else y


# -- affine --------------------------------------------------------------------------------------


def _add(a: Arguments, sign: float = 1.0) -> Result:
    x, y = value(a["self"]), value(a["other"])
    alpha = sign * float(a.get("alpha", 1))
    if alpha == -1:
        return affine.subtract(x, y)
    if alpha != 1:
        y = affine.multiply(y, np.asarray(alpha)) if isinstance(y, Tensor) else y * alpha
    return affine.add(x, y)


def _rsub(a: Arguments) -> Result:
    return _add({**a, "self": a["other"], "other": a["self"]}, -1.0)


def _mul(a: Arguments) -> Result:
    x, y = a["self"], a["other"]
    for gate, other in ((x, y), (y, x)):
        if isinstance(gate, Comparison):  # x * (x > 0)
            return nonlinear.where(gate, value(other), np.zeros(()))
    x, y = value(x), value(y)
    if not isinstance(x, Tensor):
        x, y = y, x
    if isinstance(y, Tensor):
        raise UnsupportedError("a product of two branches that both depend on the input")
    return affine.multiply(tensor(x), y)


def _div(a: Arguments) -> Result:
    if a.get("rounding_mode"):
        raise UnsupportedError("a division that rounds jumps: it is not piecewise linear")
    by = fixed(a["other"], "the divisor")
    if (by == 0).any():
        raise UnsupportedError("a division by zero")
    return affine.multiply(tensor(a["self"]), by, divide=True)


def product(x: Any, y: Any) -> Tensor:
    x, y = value(x), value(y)
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        raise UnsupportedError(
            "a product of two branches that both depend on the input (as in attention)"
        )
    if isinstance(x, Tensor):
        assert not isinstance(y, Tensor)
        return affine.matmul(x, y)
    return affine.matmul_left(x, tensor(y))


def linear(x: Tensor, weight: Float, bias: Float | None) -> Tensor:
    y = affine.matmul(x, weight.T)
    return y if bias is None else tensor(affine.add(y, bias))


def _linear(a: Arguments) -> Result:
    bias = None if a["bias"] is None else fixed(a["bias"])
    return linear(tensor(a["input"]), fixed(a["weight"], "the weight"), bias)


def _addmm(a: Arguments) -> Result:
    y = product(a["mat1"], a["mat2"])
    alpha, beta = float(a.get("alpha", 1)), float(a.get("beta", 1))
    if alpha != 1:
        y = affine.multiply(y, np.asarray(alpha))
    z = value(a["self"])
    if beta != 1:
        z = affine.multiply(z, np.asarray(beta)) if isinstance(z, Tensor) else z * beta
    return affine.add(y, z)


def convolution(
    x: Tensor, W: Float, bias: Float | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    n = W.ndim - 2
    x, alone = unbatched(x, n)
    strides, dilations = spread(stride, n), spread(dilation, n)
    if isinstance(padding, str):
        total = [d * (k - 1) for d, k in zip(dilations, W.shape[2:], strict=True)]
        total = [0] * n if padding == "valid" else total
        before = [t // 2 for t in total]
        after = [t - b for t, b in zip(total, before, strict=True)]
    else:
        before = after = spread(padding, n)
    return rebatched(conv(x, W, bias, strides, before, after, dilations, groups), alone)


def _convolution(a: Arguments) -> Result:
    if a.get("transposed"):
        raise UnsupportedError("transposed convolution")
    bias = None if a["bias"] is None else fixed(a["bias"])
    weight = fixed(a["weight"], "the weight")
    return convolution(
        tensor(a["input"]), weight, bias, a["stride"], a["padding"], a["dilation"], a["groups"]
    )


def _batch_norm(a: Arguments) -> Result:
    if a.get("training"):
        raise UnsupportedError(
            "batch normalisation in training mode; call .eval() on the module first"
        )
    mean, variance = a["running_mean"], a["running_var"]
    if mean is None or variance is None:
        raise UnsupportedError(
            "batch normalisation without running statistics depends on the batch"
        )
    mean, variance = fixed(mean), fixed(variance)
    scale = np.ones_like(mean) if a["weight"] is None else fixed(a["weight"])
    shift = np.zeros_like(mean) if a["bias"] is None else fixed(a["bias"])
    return affine.batch_norm(tensor(a["input"]), scale, shift, mean, variance, float(a["eps"]))


def pooling(x: Tensor, n: int, kind: str, a: Arguments) -> Tensor:
    """Max or average pooling over the last ``n`` axes, with torch's arguments."""
    x, alone = unbatched(x, n)
    kernel = spread(a["kernel_size"], n)
    stride = spread(a["stride"], n) if a.get("stride") not in (None, [], ()) else kernel
    pad = spread(a.get("padding", 0), n)
    ceil = bool(a.get("ceil_mode", False))
    if kind == "max":
        y = max_pool(x, kernel, stride, pad, pad, spread(a.get("dilation", 1), n), ceil)
    else:
        y = average_pool(
            x,
            kernel,
            stride,
            pad,
            pad,
            [1] * n,
            ceil,
            bool(a.get("count_include_pad", True)),
            a.get("divisor_override"),
        )
    return rebatched(y, alone)


def adaptive_pooling(x: Tensor, n: int, kind: str, size: Any) -> Tensor:
    x, alone = unbatched(x, n)
    sizes = list(size) if isinstance(size, Sequence) else [size] * n
    return rebatched(adaptive_pool(x, sizes, kind), alone)


def _pool(n: int, kind: str, pair: bool = False) -> Callable[[Arguments], Result]:
    def run(a: Arguments) -> Result:
        y = pooling(tensor(a["self"]), n, kind, a)
        return [y, None] if pair else y

    return run


def _adaptive(n: int, kind: str, pair: bool = False) -> Callable[[Arguments], Result]:
    def run(a: Arguments) -> Result:
        y = adaptive_pooling(tensor(a["self"]), n, kind, a["output_size"])
        return [y, None] if pair else y

    return run


def _axes(x: Tensor, dim: Any) -> list[int]:
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(len(x.shape)))
    return [int(d) for d in dim] if isinstance(dim, Sequence) else [int(dim)]


def _reduce(kind: str, pair: bool = False) -> Callable[[Arguments], Result]:
    def run(a: Arguments) -> Result:
        x = tensor(a["self"])
        axes, keep = _axes(x, a.get("dim")), bool(a.get("keepdim", False))
        if kind in ("max", "min"):
            y = nonlinear.reduce_max(x, axes, keep, smallest=kind == "min")
            return [y, None] if pair else y
        return affine.reduce_sum(x, axes, keep, mean=kind == "mean")

    return run


def _pad(a: Arguments) -> Result:
    x, pad = tensor(a["self"]), [int(p) for p in a["pad"]]
    if a.get("mode", "constant") != "constant":
        raise UnsupportedError(f"padding mode {a['mode']!r}")
    width = [(0, 0)] * len(x.shape)
    for i in range(len(pad) // 2):
        width[-1 - i] = (pad[2 * i], pad[2 * i + 1])
    return padded(x, width, float(a.get("value") or 0.0))


def padded(x: Tensor, width: Sequence[tuple[int, int]], fill: float) -> Tensor:
    cut = tuple(
        slice(max(0, -lo), n - max(0, -hi)) for (lo, hi), n in zip(width, x.shape, strict=True)
    )
    grow = [(max(0, lo), max(0, hi)) for lo, hi in width]
    return affine.take(x, np.pad(x.positions[cut], grow, constant_values=-1), fill)


def _cat(a: Arguments) -> Result:
    return affine.concat([value(v) for v in a["tensors"]], int(a.get("dim", 0)))


def _stack(a: Arguments) -> Result:
    parts = [value(v) for v in a["tensors"]]
    dim = int(a.get("dim", 0))
    grown = [
        affine.take(p, np.expand_dims(p.positions, dim))
        if isinstance(p, Tensor)
        else np.expand_dims(p, dim)
        for p in parts
    ]
    return affine.concat(grown, dim)


def _same(a: Arguments) -> Result:
    x = a["self"] if "self" in a else a["input"]
    return x if isinstance(x, Comparison) else tensor(x)


def _to_copy(a: Arguments) -> Result:
    dtype = a.get("dtype")
    if dtype is not None and not dtype.is_floating_point:
        raise UnsupportedError(f"a conversion to {dtype} rounds: it is not piecewise linear")
    return _same(a)


def _dropout(a: Arguments) -> Result:
    if a.get("train") and float(a["p"]) > 0:
        raise UnsupportedError(
            "dropout in training mode is random; call .eval() on the module first"
        )
    return tensor(a["input"])


# -- nonlinear -----------------------------------------------------------------------------------


def _scalar(make: Callable[[Arguments], PiecewiseLinear]) -> Callable[[Arguments], Result]:
    return lambda a: nonlinear.apply(tensor(a["self"]), make(a))


def prelu(x: Tensor, slope: Float) -> Tensor:
    """PReLU: one slope, or one for each entry of axis 1."""
    if slope.size > 1:
        slope = slope.reshape((-1,) + (1,) * max(0, len(x.shape) - 2))
    return nonlinear.prelu(x, slope)


def threshold(at: float, below: float) -> PiecewiseLinear:
    """``z`` where it is above ``at``, else ``below``; continuous only if the two are equal."""
    if at != below:
        raise UnsupportedError(
            f"a threshold at {at} with value {below} below it jumps; only value = threshold is "
            "continuous"
        )
    return PiecewiseLinear.clip(at, np.inf)


def soft_shrink(edge: float) -> PiecewiseLinear:
    return PiecewiseLinear([-edge, edge], [1.0, 0.0, 1.0], edge)


def _clamp(a: Arguments) -> Result:
    low, high = a.get("min"), a.get("max")
    x = tensor(a["self"])
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        if low is not None:
            x = nonlinear.maximum([x, value(low)])
        return x if high is None else nonlinear.maximum([x, value(high)], smallest=True)
    return nonlinear.clip(x, _bound(low), _bound(high))


def _bound(v: Any) -> Any:
    """A bound of a clamp may be infinite."""
    return v.detach().cpu().double().numpy() if hasattr(v, "detach") else v


def _extreme(smallest: bool) -> Callable[[Arguments], Result]:
    return lambda a: nonlinear.maximum([value(a["self"]), value(a["other"])], smallest)


def _compare(greater: bool) -> Callable[[Arguments], Result]:
    return lambda a: nonlinear.compare(value(a["self"]), value(a["other"]), greater)


def _where(a: Arguments) -> Result:
    if not isinstance(a["condition"], Comparison):
        raise UnsupportedError("its condition must be a comparison of a branch with a constant")
    return nonlinear.where(a["condition"], value(a["self"]), value(a["other"]))


_RELU = _scalar(lambda _: PiecewiseLinear.relu())
_HARDTANH = _scalar(lambda a: PiecewiseLinear.clip(float(a["min_val"]), float(a["max_val"])))
_LEAKY = _scalar(lambda a: PiecewiseLinear.leaky_relu(float(a["negative_slope"])))

OPS: dict[str, Callable[[Arguments], Result]] = {
    "_adaptive_avg_pool2d": _adaptive(2, "mean"),
    "_native_batch_norm_legit_no_training": lambda a: [_batch_norm(a), None, None],
    "_to_copy": _to_copy,
    "abs": _scalar(lambda _: PiecewiseLinear.absolute()),
    "adaptive_avg_pool1d": _adaptive(1, "mean"),
    "adaptive_avg_pool2d": _adaptive(2, "mean"),
    "adaptive_max_pool1d": _adaptive(1, "max", pair=True),
    "adaptive_max_pool2d": _adaptive(2, "max", pair=True),
    "add.Scalar": _add,
    "add.Tensor": _add,
    "addmm": _addmm,
    "amax": _reduce("max"),
    "amin": _reduce("min"),
    "avg_pool1d": _pool(1, "mean"),
    "avg_pool2d": _pool(2, "mean"),
    "batch_norm": _batch_norm,
    "bmm": lambda a: product(a["self"], a["mat2"]),
    "cat": _cat,
    "clamp": _clamp,
    "clamp.Tensor": _clamp,
    "clamp_max": _clamp,
    "clamp_min": _clamp,
    "constant_pad_nd": _pad,
    "convolution": _convolution,
    "conv1d": _convolution,
    "conv1d.padding": _convolution,
    "conv2d": _convolution,
    "conv2d.padding": _convolution,
    "div.Scalar": _div,
    "div.Tensor": _div,
    "dropout": _dropout,
    "ge.Scalar": _compare(True),
    "ge.Tensor": _compare(True),
    "gt.Scalar": _compare(True),
    "gt.Tensor": _compare(True),
    "hardsigmoid": _scalar(lambda _: PiecewiseLinear.hard_sigmoid()),
    "hardtanh": _HARDTANH,
    "le.Scalar": _compare(False),
    "le.Tensor": _compare(False),
    "leaky_relu": _LEAKY,
    "linear": _linear,
    "lt.Scalar": _compare(False),
    "lt.Tensor": _compare(False),
    "matmul": lambda a: product(a["self"], a["other"]),
    "max": _reduce("max"),
    "max.dim": _reduce("max", pair=True),
    "max.other": _extreme(False),
    "max_pool1d": _pool(1, "max"),
    "max_pool2d": _pool(2, "max"),
    "max_pool2d_with_indices": _pool(2, "max", pair=True),
    "maximum": _extreme(False),
    "mean": _reduce("mean"),
    "mean.dim": _reduce("mean"),
    "min": _reduce("min"),
    "min.dim": _reduce("min", pair=True),
    "min.other": _extreme(True),
    "minimum": _extreme(True),
    "mm": lambda a: product(a["self"], a["mat2"]),
    "mul.Scalar": _mul,
    "mul.Tensor": _mul,
    "mv": lambda a: product(a["self"], a["vec"]),
    "neg": lambda a: affine.negative(tensor(a["self"])),
    "pad": _pad,
    "prelu": lambda a: prelu(tensor(a["self"]), fixed(a["weight"], "the slope")),
    "relu": _RELU,
    "relu6": _scalar(lambda _: PiecewiseLinear.clip(0.0, 6.0)),
    "rsub.Scalar": _rsub,
    "rsub.Tensor": _rsub,
    "softshrink": _scalar(lambda a: soft_shrink(float(a["lambd"]))),
    "stack": _stack,
    "sub.Scalar": lambda a: _add(a, -1.0),
    "sub.Tensor": lambda a: _add(a, -1.0),
    "sum": _reduce("sum"),
    "sum.dim_IntList": _reduce("sum"),
    "threshold": _scalar(lambda a: threshold(float(a["threshold"]), float(a["value"]))),
    "where.self": _where,
    "where.ScalarOther": _where,
    "where.ScalarSelf": _where,
    "where.Scalar": _where,
}

#: Operations that pass their input on.
SAME = frozenset(
    [
        "alias",
        "clone",
        "contiguous",
        "detach",
        "detach_",
        "lift_fresh",
        "lift_fresh_copy",
        "positive",
        "to.dtype",
    ]
)
OPS.update({name: _to_copy if name == "to.dtype" else _same for name in SAME})

#: Operations that only move entries: what they do to the positions says which entry goes where.
MOVES = frozenset(
    [
        "_reshape_alias",
        "_unsafe_view",
        "as_strided",
        "chunk",
        "diagonal",
        "expand",
        "flatten.using_ints",
        "flip",
        "gather",
        "index.Tensor",
        "index_select",
        "movedim.int",
        "narrow",
        "permute",
        "pixel_shuffle",
        "pixel_unshuffle",
        "repeat",
        "reshape",
        "roll",
        "select.int",
        "slice.Tensor",
        "split.Tensor",
        "split_with_sizes",
        "squeeze",
        "squeeze.dim",
        "squeeze.dims",
        "t",
        "tile",
        "transpose.int",
        "unbind.int",
        "unflatten.int",
        "unfold",
        "unsqueeze",
        "view",
    ]
)

#: The same with two inputs: entries of the second replace some of the first.
SCATTERS = frozenset({"diagonal_scatter", "select_scatter", "slice_scatter"})

#: Operations that may be dropped at the very end.
LAST = {
    "_softmax": "softmax",
    "softmax.int": "softmax",
    "_log_softmax": "logsoftmax",
    "log_softmax.int": "logsoftmax",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "log_sigmoid": "logsigmoid",
}

#: Refused as they are, so that the error names them and not what they would be taken apart into.
SMOOTH = frozenset(
    [
        "celu",
        "elu",
        "gelu",
        "glu",
        "group_norm",
        "hardswish",
        "instance_norm",
        "layer_norm",
        "mish",
        "native_group_norm",
        "native_layer_norm",
        "rms_norm",
        "rrelu",
        "scaled_dot_product_attention",
        "selu",
        "silu",
        "tanh",
    ]
)
