"""Sequences of known torch layers, read directly without tracing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import NetworkError, PlicaError, UnsupportedError
from ..units import PiecewiseLinear
from . import affine, nonlinear
from . import torch_ops as ops
from .affine import Tensor
from .notices import READOUTS, array, warn_dropped

Layer = Callable[[Any, Tensor], Tensor]


def _w(layer: Any, name: str) -> Any:
    value = getattr(layer, name)
    return None if value is None else array(value, name)


def _function(make: Callable[[Any], PiecewiseLinear]) -> Layer:
    return lambda m, x: nonlinear.apply(x, make(m))


def _linear(m: Any, x: Tensor) -> Tensor:
    if not x.shape or x.shape[-1] != m.in_features:
        raise NetworkError(f"it reads {m.in_features} features, but its input has shape {x.shape}")
    return ops.linear(x, _w(m, "weight"), _w(m, "bias"))


def _conv(m: Any, x: Tensor) -> Tensor:
    if m.padding_mode != "zeros":
        raise UnsupportedError(f"padding_mode={m.padding_mode!r}; only zeros are handled here")
    weight, bias = _w(m, "weight"), _w(m, "bias")
    return ops.convolution(x, weight, bias, m.stride, m.padding, m.dilation, m.groups)


def _batch_norm(m: Any, x: Tensor) -> Tensor:
    names = ("running_mean", "running_var", "weight", "bias")
    values: ops.Arguments = {name: _w(m, name) for name in names}
    found = ops.OPS["batch_norm"]({"input": x, "eps": m.eps, **values})
    assert isinstance(found, Tensor)
    return found


def _pool(n: int, kind: str) -> Layer:
    def run(m: Any, x: Tensor) -> Tensor:
        if getattr(m, "return_indices", False):
            raise UnsupportedError("return_indices=True")
        return ops.pooling(x, n, kind, vars(m))

    return run


def _adaptive(n: int, kind: str) -> Layer:
    return lambda m, x: ops.adaptive_pooling(x, n, kind, m.output_size)


def _flatten(m: Any, x: Tensor) -> Tensor:
    rank = len(x.shape)
    first, last = m.start_dim % rank, m.end_dim % rank
    return affine.take(x, x.positions.reshape(*x.shape[:first], -1, *x.shape[last + 1 :]))


def _unflatten(m: Any, x: Tensor) -> Tensor:
    dim = m.dim % len(x.shape)
    return affine.take(
        x, x.positions.reshape(*x.shape[:dim], *m.unflattened_size, *x.shape[dim + 1 :])
    )


def _maxout(m: Any, x: Tensor) -> Tensor:
    dim = m.dim % len(x.shape)
    if x.shape[dim] % m.k:
        raise NetworkError(f"{x.shape[dim]} channels do not split into groups of {m.k}")
    split = x.positions.reshape(*x.shape[:dim], -1, m.k, *x.shape[dim + 1 :])
    return nonlinear.reduce_max(affine.take(x, split), [dim + 1], keepdims=False)


def _crelu(m: Any, x: Tensor) -> Tensor:
    dim = m.dim % len(x.shape)
    if x.shape[dim] % m.groups:
        raise NetworkError(f"{x.shape[dim]} channels do not split into {m.groups} groups")
    groups = affine.take(x, x.positions.reshape(*x.shape[:dim], m.groups, -1, *x.shape[dim + 1 :]))
    both = affine.concat([groups, affine.negative(groups)], dim + 1)
    doubled = (*x.shape[:dim], 2 * x.shape[dim], *x.shape[dim + 1 :])
    return nonlinear.apply(
        affine.take(both, both.positions.reshape(doubled)), PiecewiseLinear.relu()
    )


def _same(_: Any, x: Tensor) -> Tensor:
    return x


def table() -> dict[type, Layer]:
    """What each known layer does; found by exact type, as a subclass may do anything."""
    from torch import nn

    from .. import nn as own

    return {
        nn.AdaptiveAvgPool1d: _adaptive(1, "mean"),
        nn.AdaptiveAvgPool2d: _adaptive(2, "mean"),
        nn.AdaptiveMaxPool1d: _adaptive(1, "max"),
        nn.AdaptiveMaxPool2d: _adaptive(2, "max"),
        nn.AvgPool1d: _pool(1, "mean"),
        nn.AvgPool2d: _pool(2, "mean"),
        nn.BatchNorm1d: _batch_norm,
        nn.BatchNorm2d: _batch_norm,
        nn.Conv1d: _conv,
        nn.Conv2d: _conv,
        nn.Dropout: _same,
        nn.Dropout1d: _same,
        nn.Dropout2d: _same,
        nn.Flatten: _flatten,
        nn.Hardsigmoid: _function(lambda _: PiecewiseLinear.hard_sigmoid()),
        nn.Hardtanh: _function(lambda m: PiecewiseLinear.clip(m.min_val, m.max_val)),
        nn.Identity: _same,
        nn.LeakyReLU: _function(lambda m: PiecewiseLinear.leaky_relu(m.negative_slope)),
        nn.Linear: _linear,
        nn.MaxPool1d: _pool(1, "max"),
        nn.MaxPool2d: _pool(2, "max"),
        nn.PReLU: lambda m, x: ops.prelu(x, array(m.weight, "weight")),
        nn.ReLU: _function(lambda _: PiecewiseLinear.relu()),
        nn.ReLU6: _function(lambda _: PiecewiseLinear.clip(0.0, 6.0)),
        nn.Softshrink: _function(lambda m: ops.soft_shrink(m.lambd)),
        nn.Threshold: _function(lambda m: ops.threshold(m.threshold, m.value)),
        nn.Unflatten: _unflatten,
        own.CReLU: _crelu,
        own.Maxout: _maxout,
    }


def leaves(module: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of nested Sequentials with their names, in order."""
    from torch import nn

    for name, child in module.named_children():
        full = f"{path}{name}"
        if type(child) is nn.Sequential:
            yield from leaves(child, full + ".")
        else:
            yield full, child


def plain_sequence(module: Any) -> list[tuple[str, Any]] | None:
    """The layers, if the module is nothing but a sequence of known ones; otherwise None."""
    from torch import nn

    if type(module) is not nn.Sequential:
        return None
    # named_children leaves out a layer that occurs a second time, so count the entries
    nested = [m for m in module.modules() if type(m) is nn.Sequential]
    if any(len(m) != len(dict(m.named_children())) for m in nested):
        return None
    if any(m._forward_hooks or m._forward_pre_hooks for m in module.modules()):
        return None
    layers = list(leaves(module))
    known = table()
    last = len(layers) - 1
    for i, (_, layer) in enumerate(layers):
        droppable = i == last and type(layer).__name__.lower() in READOUTS
        if type(layer) not in known and not droppable:
            return None
    return layers


def run(layers: list[tuple[str, Any]], x: Tensor) -> tuple[Tensor, str | None]:
    """The layers on the network's input; also the note on a last layer that was dropped."""
    known = table()
    for name, layer in layers:
        kind = type(layer).__name__
        if type(layer) not in known:
            return x, warn_dropped(f"module {name!r} ({kind})", kind.lower())
        try:
            x = known[type(layer)](layer, x)
        except (UnsupportedError, NetworkError) as error:
            raise type(error)(f"module {name!r} ({layer}): {error}") from error
        except PlicaError:
            raise
        except (ValueError, IndexError) as error:
            raise NetworkError(
                f"module {name!r} ({layer}) does not fit its input of shape {x.shape}: {error}"
            ) from error
    return x, None


def first_shape(module: Any) -> tuple[int, ...] | None:
    """The input's shape with its batch axis, where the first layer of a sequence fixes it."""
    from torch import nn

    for _, layer in leaves(module) if type(module) is nn.Sequential else ():
        if isinstance(layer, nn.Linear):
            return 1, layer.in_features
        if not isinstance(layer, nn.Identity | nn.Dropout | nn.Flatten):
            return None
    return None


def finite_parameters(module: Any) -> None:
    """Refuse NaN or infinite parameters, by name."""
    for name, p in module.named_parameters():
        if p.is_floating_point():
            array(p, name)
