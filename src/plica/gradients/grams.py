"""Inner products between the samples' gradients of the parameters, without the gradients.

A linear layer's gradient at sample ``i`` is the outer product of what came back, ``b_i``, and what
went in, ``a_i``, so that ``<G_i, G_j> = <b_i, b_j> <a_i, a_j>``: two small products in the place of
M matrices. A convolution sums over positions; its gradients are formed for a few output channels at
a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PlicaError, UnsupportedError
from .modes import batch_of
from .trace import run

if TYPE_CHECKING:
    import torch

__all__ = ["LayerCalls", "parameter_grams"]

Float = NDArray[np.float64]

#: Numbers of one block of gradients that is formed at a time.
BLOCK = 4_000_000


def parameter_grams(
    module: torch.nn.Module,
    batch: Any,
    *,
    readout: Any = "random",
    bn: str = "frozen",
    seed: int = 0,
) -> dict[str, Float]:
    """Gram matrices of the samples' gradients with respect to the parameters, layer by layer.

    Parameters
    ----------
    module, batch, readout, bn, seed
        As for `diagnose`, with one readout; ``bn`` may not be ``"through"``. A loss with
        ``reduction="none"`` as the readout gives the gradients that a minibatch averages.

    Returns
    -------
    dict of str to ndarray, shape (M, M)
        For each linear, convolution and batch normalisation layer that has parameters, weight and
        bias together. Their sum belongs to the gradient of all these parameters. `correlation_of`
        makes correlations of them.

    Raises
    ------
    PlicaError
        If an argument is not understood.
    UnsupportedError
        If another kind of layer has parameters of its own, or the module mixes samples.
    """
    import torch

    x = batch_of(module, batch).detach().clone().requires_grad_()
    layers = LayerCalls(module, bn)
    _, (value,) = run(module, x, readout, 1, bn, seed, layers.watch())
    torch.autograd.grad(value.sum(), x)
    return {name: gram for name, gram, _ in layers.grams()}


class LayerCalls:
    """What goes into the layers of a module and what comes back to them, run by run."""

    def __init__(self, module: torch.nn.Module, bn: str) -> None:
        if bn == "through":
            raise PlicaError(
                'bn="through" mixes samples: there are no parameter gradients of single samples'
            )
        self.bn = bn
        self.layers = _layers(module)
        self.calls: dict[str, list[list[Any]]] = {}

    def watch(self) -> list[Any]:
        """Hooks for one forward pass; what they leave sees every backward pass of it."""
        return [
            layer.register_forward_hook(self._remember(name)) for name, layer in self.layers.items()
        ]

    def _remember(self, name: str) -> Any:
        def hook(_module: Any, inputs: Any, output: torch.Tensor) -> None:
            if not output.requires_grad:
                return
            call = [inputs[0].detach(), None]
            self.calls.setdefault(name, []).append(call)

            def arrive(gradient: torch.Tensor) -> None:
                call[1] = gradient.detach()

            output.register_hook(arrive)  # type: ignore[no-untyped-call]

        return hook

    def grams(self) -> Iterator[tuple[str, Float, int]]:
        """Of the last backward pass: layer, Gram matrix, number of its parameters."""
        for name, layer in self.layers.items():
            used = [(a, b) for a, b in self.calls.get(name, []) if b is not None]
            for call in self.calls.get(name, []):
                call[1] = None
            if used:
                size = sum(p.numel() for p in layer.parameters(recurse=False))
                yield name, _gram(layer, used, self.bn), size


def _layers(module: torch.nn.Module) -> dict[str, Any]:
    import torch

    nn = torch.nn
    known = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.modules.batchnorm._BatchNorm)
    layers = {}
    for name, layer in module.named_modules():
        if not list(layer.parameters(recurse=False)):
            continue
        if not isinstance(layer, known):
            raise UnsupportedError(
                f"layer {name or '(the module itself)'}, {type(layer).__name__}, has parameters "
                "whose gradients are not known; linear, convolution and batch normalisation are"
            )
        layers[name] = layer
    return layers


def _gram(layer: Any, calls: list[tuple[Any, Any]], bn: str) -> Float:
    import torch

    M = len(calls[0][0])
    G = torch.zeros(M, M, dtype=torch.float64)
    if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
        parts = [_norm_rows(layer, a, b, bn) for a, b in calls]
        rows = torch.stack(parts).sum(0)
        return np.asarray((rows @ rows.T).double().cpu().numpy())
    bias = layer.bias is not None
    if isinstance(layer, torch.nn.Linear):
        groups = 1
        # features before positions: (M, n, T)
        A = torch.cat([a.reshape(M, -1, a.shape[-1]) for a, _ in calls], 1).transpose(1, 2)
        B = torch.cat([b.reshape(M, -1, b.shape[-1]) for _, b in calls], 1).transpose(1, 2)
    else:
        groups = layer.groups
        A = torch.cat([_patches(layer, a) for a, _ in calls], 2)
        B = torch.cat([b.flatten(2) for _, b in calls], 2)
    if A.shape[2] == 1 and groups == 1:
        a, b = A[:, :, 0], B[:, :, 0]
        return np.asarray(((a @ a.T + float(bias)) * (b @ b.T)).double().cpu().numpy())
    for part, back in zip(A.chunk(groups, 1), B.chunk(groups, 1), strict=True):
        step = max(1, BLOCK // (M * part.shape[1]))
        for some in torch.split(back, step, 1):
            rows = torch.bmm(some, part.transpose(1, 2)).reshape(M, -1)
            G += (rows @ rows.T).double().cpu()
    if bias:
        rows = B.sum(2)
        G += (rows @ rows.T).double().cpu()
    return np.asarray(G.numpy())


def _patches(conv: Any, x: torch.Tensor) -> torch.Tensor:
    """What each position of a convolution's output reads, shape (M, channels * taps, positions).

    Channels come first among the rows, so that groups are consecutive.
    """
    import torch

    padding = conv._reversed_padding_repeated_twice
    mode = "constant" if conv.padding_mode == "zeros" else conv.padding_mode
    x = torch.nn.functional.pad(x, padding, mode=mode)
    spatial = x.ndim - 2
    for axis in range(spatial):
        reach = conv.dilation[axis] * (conv.kernel_size[axis] - 1) + 1
        x = x.unfold(2 + axis, reach, conv.stride[axis])[..., :: conv.dilation[axis]]
    # (M, C, positions..., taps...) -> (M, C, taps..., positions...)
    order = [0, 1, *range(2 + spatial, 2 + 2 * spatial), *range(2, 2 + spatial)]
    taps = int(np.prod(conv.kernel_size))
    return x.permute(order).reshape(x.shape[0], x.shape[1] * taps, -1)


def _norm_rows(norm: Any, a: torch.Tensor, b: torch.Tensor, bn: str) -> torch.Tensor:
    """Gradients of weight and bias of a batch normalisation, shape (M, 2 * channels)."""
    import torch

    axes = [k for k in range(a.ndim) if k != 1]
    if bn == "frozen" or norm.running_mean is None:
        mean, variance = a.mean(axes), a.var(axes, correction=0)
    else:
        mean, variance = norm.running_mean, norm.running_var
    shape = [1, -1] + [1] * (a.ndim - 2)
    scaled = (a - mean.reshape(shape)) / torch.sqrt(variance.reshape(shape) + norm.eps)
    rows = [(b * scaled).reshape(*a.shape[:2], -1).sum(2), b.reshape(*a.shape[:2], -1).sum(2)]
    return torch.cat(rows, 1)
