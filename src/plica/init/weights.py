"""Mirrored weights, and what is done to batch normalisations; all of it can be taken back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from ..errors import UnsupportedError
from .plan import Job, Plan

__all__ = ["fill", "settle_norms", "shrinking", "undone_on_error"]


@contextlib.contextmanager
def undone_on_error(module: Any, plan: Plan) -> Iterator[None]:
    """Put weights, statistics and normalisation layers back as they were if anything is raised."""
    import torch

    parts = [job.layer for job in plan.jobs.values()] + list(plan.norms.values())
    before = [
        (tensor, tensor.detach().clone())
        for part in parts
        for tensor in (*part.parameters(recurse=False), *part.buffers(recurse=False))
    ]
    places = [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent._modules.items()
        if any(child is norm for norm in plan.norms.values())
    ]
    try:
        yield
    except BaseException:
        for parent, name, child in places:
            setattr(parent, name, child)
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)
        raise


def fill(job: Job, factor: float, orthogonal: bool, generator: Any) -> None:
    """Write a layer's weights: mirrored over what it reads, over what it writes, or over both."""
    import torch

    weight = job.layer.weight
    taps = tuple(int(k) for k in weight.shape[2:])
    read, groups, rows = job.read, job.groups, job.rows
    outs, ins = job.blocks // groups, read.blocks // groups  # blocks of a group
    full = torch.zeros(
        groups, outs, int(weight.shape[0]) // job.blocks, ins, read.whole, *taps,
        dtype=torch.float64,
    )  # fmt: skip
    shape = (outs * rows, ins * read.part)
    for group in full:
        if orthogonal:
            free = torch.zeros(*shape, *taps, dtype=torch.float64)
            centre = free
            for k in taps:
                centre = centre.select(2, k // 2)
            centre.copy_(_orthogonal(*shape, generator))
        else:
            free = torch.randn(*shape, *taps, dtype=torch.float64, generator=generator)
            free /= math.sqrt(shape[1] * math.prod(taps))
        free = free.reshape(outs, rows, ins, read.part, *taps)
        group[:, :rows, :, : read.part] = free
        if job.split is not None:
            group[:, :rows, :, read.part : 2 * read.part] = -free
        if job.mirrored:
            group[:, rows : 2 * rows] = -group[:, :rows]
    with torch.no_grad():
        weight.copy_(factor * full.reshape(weight.shape))
        if job.layer.bias is not None:
            job.layer.bias.zero_()


def _orthogonal(rows: int, columns: int, generator: Any) -> Any:
    """A uniformly random matrix with orthonormal rows or columns."""
    import torch

    tall = torch.randn(
        max(rows, columns), min(rows, columns), dtype=torch.float64, generator=generator
    )
    q, r = torch.linalg.qr(tall)
    q = q * torch.where(torch.diagonal(r) < 0, -1.0, 1.0)
    return q if rows >= columns else q.T


def shrinking(plan: Plan) -> dict[str, int]:
    """Why layers do not keep lengths, and how many of them."""
    found: dict[str, int] = {}

    def count(why: str) -> None:
        found[why] = found.get(why, 0) + 1

    for job in plan.jobs.values():
        layer = job.layer
        if job.blocks * job.rows < job.read.blocks * job.read.part:
            count("fewer numbers written than read, which projects")
        kernel = getattr(layer, "kernel_size", ())
        if not kernel:
            continue
        if any(s != 1 for s in layer.stride):
            count("a stride, which leaves out positions")
        if any(k % 2 == 0 for k in kernel):
            count("an even kernel, which shifts")
        padding = layer.padding
        if padding == "valid" or (
            not isinstance(padding, str)
            and any(
                p < d * (k // 2) for p, k, d in zip(padding, kernel, layer.dilation, strict=True)
            )
        ):
            count("too little padding, which crops")
    return found


def settle_norms(module: Any, plan: Plan, batchnorm: str) -> None:
    """Replace batch normalisations by identities, or make them identities in evaluation mode."""
    import torch

    for name, norm in plan.norms.items():
        if batchnorm == "remove":
            for parent in module.modules():  # it may have several names
                for own, child in list(parent._modules.items()):
                    if child is norm:
                        setattr(parent, own, torch.nn.Identity())
            continue
        if norm.running_mean is None:
            raise UnsupportedError(f'{name} has no running statistics: pass batchnorm="remove"')
        with torch.no_grad():
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0 - norm.eps)
            if norm.weight is not None:
                norm.weight.fill_(1.0)
                norm.bias.zero_()
    if plan.norms and batchnorm == "neutral":
        plan.note("batch normalisations are identities in evaluation mode only")
