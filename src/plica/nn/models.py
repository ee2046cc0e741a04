"""Deep networks to compare: plain, batch-normalised, residual, concatenated, looks-linear."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from ..errors import PlicaError
from .layers import CReLU, Residual

__all__ = ["KINDS", "convnet", "looks_linear_convnet", "looks_linear_mlp", "mlp"]

#: Kinds of `mlp` and `convnet`.
KINDS = ("plain", "batchnorm", "crelu", "residual", "residual_batchnorm")


def mlp(
    n_inputs: int,
    n_outputs: int,
    width: int,
    depth: int,
    *,
    kind: str = "plain",
    beta: float = 1.0,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """A fully connected network of ``depth`` rectifier layers, with He's initialisation.

    Parameters
    ----------
    n_inputs, n_outputs, width, depth : int
    kind : {"plain", "batchnorm", "crelu", "residual", "residual_batchnorm"}
        - plain: linear, ReLU, linear, ReLU, ..., linear
        - batchnorm: batch normalisation before every ReLU
        - crelu: `CReLU` in the place of ReLU; layers behind it read twice the width
        - residual: ``depth`` blocks ``x + beta W relu(x)`` between two linear layers
        - residual_batchnorm: blocks ``x + beta W relu(BN x)``
    beta : float
        Weight of residual branches.
    generator : torch.Generator, optional

    Returns
    -------
    torch.nn.Sequential
        Weights have variance 2 / inputs behind rectifiers and 1 / inputs elsewhere, biases are 0.

    Raises
    ------
    PlicaError
        If an argument is out of range.

    Examples
    --------
    >>> import plica
    >>> len(plica.nn.mlp(2, 1, width=8, depth=3))
    7
    """
    _check(kind, depth, n_inputs, n_outputs, width)

    def layer(n: int, m: int) -> nn.Module:
        return nn.Linear(n, m)

    body = _body(kind, depth, width, beta, layer, nn.BatchNorm1d)
    last = 2 * width if kind == "crelu" else width
    module = nn.Sequential(nn.Linear(n_inputs, width), *body, nn.Linear(last, n_outputs))
    return _he(module, generator)


def convnet(
    n_channels: int,
    n_outputs: int,
    channels: int,
    depth: int,
    *,
    kind: str = "plain",
    beta: float = 1.0,
    pool: int = 2,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """A convolutional network of ``depth`` rectifier layers, with He's initialisation.

    Convolutions are 3 by 3, of stride 1, with zero padding. Average pooling by 2 stands ``pool``
    times, at equal distances; the mean over positions and a linear layer follow.

    Parameters
    ----------
    n_channels, n_outputs, channels, depth : int
    kind, beta, generator
        As for `mlp`.
    pool : int
        How often the resolution is halved.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    PlicaError
        If an argument is out of range.
    """
    _check(kind, depth, n_channels, n_outputs, channels)
    if not 0 <= pool < depth:
        raise PlicaError(f"pool must be 0 or more and less than the depth, {depth}; got {pool}")

    def layer(n: int, m: int) -> nn.Module:
        return nn.Conv2d(n, m, 3, padding=1)

    body = _body(kind, depth, channels, beta, layer, nn.BatchNorm2d)
    ends = [k for k, part in enumerate(body) if isinstance(part, nn.ReLU | CReLU | Residual)]
    for k in reversed(range(1, pool + 1)):
        body.insert(ends[k * depth // (pool + 1) - 1] + 1, nn.AvgPool2d(2))
    last = 2 * channels if kind == "crelu" else channels
    module = nn.Sequential(
        nn.Conv2d(n_channels, channels, 3, padding=1),
        *body,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(last, n_outputs),
    )
    return _he(module, generator)


def looks_linear_mlp(
    n_inputs: int,
    n_outputs: int,
    width: int,
    depth: int,
    *,
    weights: Literal["orthogonal", "gaussian"] = "orthogonal",
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """The network of `mlp` with ``kind="crelu"``, initialised to be a linear map.

    Parameters
    ----------
    n_inputs, n_outputs, width, depth : int
    weights, generator
        As for `plica.init.looks_linear_`.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    PlicaError
        If an argument is out of range.
    """
    from ..init import looks_linear_

    module = mlp(n_inputs, n_outputs, width, depth, kind="crelu", generator=generator)
    looks_linear_(module, weights=weights, generator=generator, verify=False)
    return module


def looks_linear_convnet(
    n_channels: int,
    n_outputs: int,
    channels: int,
    depth: int,
    *,
    pool: int = 2,
    weights: Literal["orthogonal", "gaussian"] = "orthogonal",
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """The network of `convnet` with ``kind="crelu"``, initialised to be a linear map.

    Parameters
    ----------
    n_channels, n_outputs, channels, depth, pool : int
    weights, generator
        As for `plica.init.looks_linear_`.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    PlicaError
        If an argument is out of range.
    """
    from ..init import looks_linear_

    module = convnet(
        n_channels, n_outputs, channels, depth, kind="crelu", pool=pool, generator=generator
    )
    looks_linear_(module, weights=weights, generator=generator, verify=False)
    return module


def _check(kind: str, depth: int, *sizes: int) -> None:
    if kind not in KINDS:
        raise PlicaError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    if depth < 1 or min(sizes) < 1:
        raise PlicaError("depth, width and numbers of inputs and outputs must be positive")


def _body(
    kind: str,
    depth: int,
    width: int,
    beta: float,
    layer: Callable[[int, int], nn.Module],
    norm: Callable[[int], nn.Module],
) -> list[nn.Module]:
    """What stands between the first layer and the last."""
    if kind.startswith("residual"):
        blocks: list[nn.Module] = []
        for _ in range(depth):
            first = [norm(width)] if kind == "residual_batchnorm" else []
            branch = nn.Sequential(*first, nn.ReLU(), layer(width, width))
            blocks.append(Residual(branch, beta))
        return blocks
    parts: list[nn.Module] = []
    for k in range(depth):
        if kind == "batchnorm":
            parts.append(norm(width))
        parts.append(CReLU() if kind == "crelu" else nn.ReLU())
        if k < depth - 1:
            parts.append(layer(2 * width if kind == "crelu" else width, width))
    return parts


def _he(module: nn.Sequential, generator: torch.Generator | None) -> nn.Sequential:
    """Weights of variance 2 / inputs, and of 1 / inputs in the first layer and behind a sum."""
    layers = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    stream = any(isinstance(m, Residual) for m in module)
    with torch.no_grad():
        for k, layer in enumerate(layers):
            plain = k == 0 or (stream and layer is layers[-1])
            gain = 1.0 if plain else 2.0
            layer.weight.normal_(0, math.sqrt(gain / layer.weight[0].numel()), generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
    return module
