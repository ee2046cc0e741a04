"""A torch module held still for a measurement: no dropout, batch statistics as chosen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import PlicaError

if TYPE_CHECKING:
    import torch

__all__ = ["MODES", "THROUGH", "batch_of", "held"]

MODES = ("frozen", "eval", "through")

THROUGH = (
    "gradients went through the batch statistics: the gradients of the samples before a batch "
    "normalisation then sum to zero, and their mean pair correlation is -1/(M-1) whatever the "
    'network is. It says nothing about shattering; use bn="frozen"'
)


def batch_of(module: Any, batch: Any, least: int = 2) -> torch.Tensor:
    """The batch as a tensor of the module's type and device.

    Raises
    ------
    PlicaError
        If the module is not one of torch's, or the batch has no batch axis, too few samples, or an
        entry that is not finite.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise PlicaError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    x = torch.as_tensor(batch)
    if x.ndim < 2 or x.shape[0] < least:
        raise PlicaError(
            f"batch must have a batch axis of at least {least} samples and an axis of features, "
            f"got shape {tuple(x.shape)}"
        )
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise PlicaError("batch: an entry is NaN or infinite")
    like = next((p for p in module.parameters() if p.is_floating_point()), None)
    if like is None:
        return x.to(torch.float32) if not x.is_floating_point() else x
    return x.to(device=like.device, dtype=like.dtype)


@contextlib.contextmanager
def held(module: torch.nn.Module, bn: str) -> Iterator[None]:
    """Evaluation mode, with batch normalisation as ``bn`` says; everything is put back after.

    ``frozen``: by the statistics of the batch, held constant in the backward pass. ``eval``: by the
    running statistics. ``through``: by the statistics of the batch, differentiated. No running
    statistic is updated.
    """
    if bn not in MODES:
        raise PlicaError(f"bn must be one of {', '.join(MODES)}, got {bn!r}")
    import torch

    training = {m: m.training for m in module.modules()}
    own: dict[torch.nn.Module, Any] = {}  # forward methods that were set on the objects themselves
    norms = [m for m in module.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    module.eval()
    try:
        if bn != "eval":
            for norm in norms:
                own[norm] = norm.__dict__.get("forward")
                norm.__dict__["forward"] = _by_batch(norm, bn == "frozen")
        yield
    finally:
        for changed, before in own.items():
            del changed.__dict__["forward"]
            if before is not None:
                changed.__dict__["forward"] = before
        for m, was in training.items():
            m.training = was


def _by_batch(norm: Any, frozen: bool) -> Any:
    import torch

    def forward(x: torch.Tensor) -> torch.Tensor:
        norm._check_input_dim(x)
        mean = variance = None
        if frozen:
            mean, variance = torch.batch_norm_update_stats(x.detach(), None, None, 0.0)
        return torch.nn.functional.batch_norm(
            x, mean, variance, norm.weight, norm.bias, not frozen, 0.0, norm.eps
        )

    return forward
