"""Convolution and pooling: which entries a sliding window reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from ..errors import NetworkError
from .affine import Float, Int, Shape, Sparse, Tensor, allocate, linear, weighted_sum
from .nonlinear import max_units

if TYPE_CHECKING:
    from collections.abc import Sequence

PADDING = -1
BEYOND = -2  # past the padding, where a window was rounded up


def windows(
    shape: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    dilations: Sequence[int],
    ceil: bool = False,
) -> tuple[Int, Shape]:
    """Flat positions that each window reads, shape (windows, kernel entries), and the grid's shape.

    Entries in the padding are ``PADDING``, entries past it ``BEYOND``.
    """
    position = np.zeros((1, 1), dtype=np.int64)
    outside = np.zeros((1, 1), dtype=np.int64)
    grid = []
    for n, k, s, lo, hi, d in zip(shape, kernel, strides, before, after, dilations, strict=True):
        room = n + lo + hi - d * (k - 1) - 1
        if room < 0:
            raise NetworkError(
                f"a window of {k} (dilation {d}) does not fit {n} entries with padding {lo} + {hi}"
            )
        count = (-(-room // s) if ceil else room // s) + 1
        if ceil and (count - 1) * s >= n + lo:  # no window starts in the padding behind
            count -= 1
        at = np.arange(count)[:, None] * s - lo + np.arange(k) * d
        code = np.where((at >= 0) & (at < n), 0, np.where(at < n + hi, PADDING, BEYOND))
        m = position.shape[0] * count
        position = (position[:, None, :, None] * n + at[None, :, None, :]).reshape(m, -1)
        outside = np.minimum(outside[:, None, :, None], code[None, :, None, :]).reshape(m, -1)
        grid.append(count)
    return np.where(outside < 0, outside, position), tuple(grid)


def same_padding(
    shape: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    upper: bool,
) -> tuple[list[int], list[int]]:
    """Padding with which the grid has ``ceil(n / stride)`` entries an axis."""
    before, after = [], []
    for n, k, s, d in zip(shape, kernel, strides, dilations, strict=True):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        small, large = total // 2, total - total // 2
        before.append(small if upper else large)
        after.append(large if upper else small)
    return before, after


def _channels(reads: Int, copies: int, stride: int) -> Int:
    """The windows of one channel, repeated for every channel."""
    shifted = reads[None] + stride * np.arange(copies)[:, None, None]
    return np.where(reads[None] < 0, reads[None], shifted).reshape(-1, reads.shape[1])


def conv(
    x: Tensor,
    W: Float,
    bias: Float | None,
    strides: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    dilations: Sequence[int],
    groups: int,
) -> Tensor:
    """Cross-correlation of ``x`` (batch, channels, ...) with ``W`` (out, channels/groups, ...)."""
    batch, channels, *space = x.shape
    outputs, per_group, *kernel = W.shape
    if channels != per_group * groups or outputs % groups:
        raise NetworkError(
            f"a convolution with weights {W.shape} in {groups} groups reads {per_group * groups} "
            f"channels, but its input has shape {x.shape}"
        )
    reads, grid = windows(space, kernel, strides, before, after, dilations)
    real = reads >= 0
    allocate(int(real.sum()) * per_group * outputs, f"a convolution with weights {W.shape}")
    pixels, entries = int(np.prod(space)), int(np.prod(kernel))
    blocks: list[Sparse] = []
    each = outputs // groups
    for g in range(groups):
        block = W[g * each : (g + 1) * each].reshape(each, 1, per_group, entries)
        full = (each, reads.shape[0], per_group, entries)
        mask = np.broadcast_to(real[None, :, None, :], full)
        first = (g * per_group + np.arange(per_group)) * pixels
        column = np.broadcast_to((first[:, None] + reads[:, None, :])[None], full)[mask]
        count = np.tile(real.sum(axis=1) * per_group, each)
        start = np.concatenate(([0], np.cumsum(count)))
        value = np.broadcast_to(block, full)[mask]
        size = (each * reads.shape[0], channels * pixels)
        blocks.append(sp.csr_array((value, column, start), shape=size))
    M = sp.csr_array(sp.vstack(blocks, format="csr")) if groups > 1 else blocks[0]
    if batch != 1:
        M = sp.csr_array(sp.block_diag([M] * batch, format="csr"))
    shift = None if bias is None else np.tile(np.repeat(bias, reads.shape[0]), batch)
    return linear(x, M, shift, (batch, outputs, *grid))


def max_pool(
    x: Tensor,
    kernel: Sequence[int],
    strides: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    dilations: Sequence[int],
    ceil: bool = False,
) -> Tensor:
    """Maximum over windows of the axes behind the first two; padding is never the maximum."""
    batch, channels, *space = x.shape
    reads, grid = windows(space, kernel, strides, before, after, dilations, ceil)
    every = _channels(reads, batch * channels, int(np.prod(space)))
    return max_units(x, every, (batch, channels, *grid))


def average_pool(
    x: Tensor,
    kernel: Sequence[int],
    strides: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    dilations: Sequence[int],
    ceil: bool = False,
    count_padding: bool = False,
    divisor: int | None = None,
) -> Tensor:
    """Mean over windows of the axes behind the first two."""
    batch, channels, *space = x.shape
    reads, grid = windows(space, kernel, strides, before, after, dilations, ceil)
    every = _channels(reads, batch * channels, int(np.prod(space)))
    count = (every > BEYOND if count_padding else every >= 0).sum(axis=1)
    weight = 1.0 / (count if divisor is None else np.full(count.size, divisor))
    return weighted_sum(x, every, weight, (batch, channels, *grid))


def adaptive_pool(x: Tensor, size: Sequence[int | None], kind: str) -> Tensor:
    """Max or mean over windows that split each axis behind the first two into ``size`` parts."""
    batch, channels, *space = x.shape
    position = np.zeros((1, 1), dtype=np.int64)
    grid = []
    for n, m in zip(space, size, strict=True):
        m = n if m is None else m
        first, end = np.arange(m) * n // m, -(-(np.arange(m) + 1) * n // m)
        at = first[:, None] + np.arange((end - first).max())
        at = np.where(at < end[:, None], at, BEYOND)
        missing = (position[:, None, :, None] < 0) | (at[None, :, None, :] < 0)
        both = position[:, None, :, None] * n + at[None, :, None, :]
        position = np.where(missing, BEYOND, both).reshape(position.shape[0] * m, -1)
        grid.append(m)
    every = _channels(position, batch * channels, int(np.prod(space)))
    shape = (batch, channels, *grid)
    if kind == "max":
        return max_units(x, every, shape)
    return weighted_sum(x, every, 1.0 / (every >= 0).sum(axis=1), shape)
