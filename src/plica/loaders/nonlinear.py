"""Operations that bend: each makes a group of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import NetworkError, UnsupportedError
from ..units import MAX, PiecewiseLinear, Units
from .affine import (
    Array,
    Float,
    Group,
    Int,
    Shape,
    Tensor,
    Value,
    atoms,
    broadcast,
    concat,
    constant,
    fibres,
    negative,
    take,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def apply(x: Tensor, function: PiecewiseLinear) -> Tensor:
    """One scalar function, entry by entry."""
    return atoms(Group(x.size, x.depth + 1, x, Units.scalar(function, x.size)), x.shape)


def apply_each(x: Tensor, functions: Sequence[PiecewiseLinear], which: Int) -> Tensor:
    """The function ``functions[which[i]]`` at entry ``i``."""
    n = x.size
    units = Units(n, np.arange(n + 1), np.arange(n), which.reshape(-1), tuple(functions))
    return atoms(Group(n, x.depth + 1, x, units), x.shape)


def prelu(x: Tensor, slope: Array) -> Tensor:
    """Leaky rectifiers whose slopes broadcast to ``x``."""
    slopes, which = np.unique(np.broadcast_to(slope, x.shape), return_inverse=True)
    return apply_each(x, [PiecewiseLinear.leaky_relu(float(s)) for s in slopes], which)


def clip(x: Tensor, lower: Array | float | None, upper: Array | float | None) -> Tensor:
    """``x`` cut off below and above by constants that broadcast to it."""
    if lower is None and upper is None:
        return x
    low = np.broadcast_to(-np.inf if lower is None else np.asarray(lower, dtype=float), x.shape)
    high = np.broadcast_to(np.inf if upper is None else np.asarray(upper, dtype=float), x.shape)
    bounds, which = np.unique(
        np.stack([low.reshape(-1), high.reshape(-1)], axis=1), axis=0, return_inverse=True
    )
    functions = []
    for a, b in bounds.tolist():
        if np.isposinf(a) or np.isneginf(b):
            raise NetworkError(f"clip between {a} and {b}: a bound is infinite on the wrong side")
        functions.append(PiecewiseLinear.clip(a, b))
    return apply_each(x, functions, which)


def max_units(x: Tensor, reads: Int, shape: Shape) -> Tensor:
    """Unit ``i`` is the maximum of the entries ``reads[i]``; negatives are skipped."""
    real = reads >= 0
    if not real.any(axis=1).all():
        raise UnsupportedError("a pooling window lies wholly in the padding")
    used, where = np.unique(reads[real], return_inverse=True)
    start = np.concatenate(([0], np.cumsum(real.sum(axis=1))))
    pre = take(x, used)
    units = Units(used.size, start, where, np.full(reads.shape[0], MAX))
    return atoms(Group(reads.shape[0], x.depth + 1, pre, units), shape)


def maximum(values: Sequence[Value], smallest: bool = False) -> Tensor:
    """Entry-by-entry maximum (minimum) of tensors and constants, with broadcasting."""
    shape = np.broadcast_shapes(
        *(np.shape(v) if not isinstance(v, Tensor) else v.shape for v in values)
    )
    tensors = [broadcast(v, shape) for v in values if isinstance(v, Tensor)]
    fixed = [np.asarray(v, dtype=np.float64) for v in values if not isinstance(v, Tensor)]
    first = tensors[0]
    assert isinstance(first, Tensor)
    if len(tensors) == 1:
        for bound in fixed:
            first = clip(first, None, bound) if smallest else clip(first, bound, None)
        return first
    parts: list[Tensor] = [t for t in tensors if isinstance(t, Tensor)]
    if fixed:
        bound = (np.minimum if smallest else np.maximum).reduce(fixed)
        parts.append(constant(np.broadcast_to(bound, shape)))
    if smallest:
        parts = [negative(p) for p in parts]
    stacked = concat([take(p, p.positions[None]) for p in parts], axis=0)
    n = parts[0].size
    reads = np.arange(n)[:, None] + n * np.arange(len(parts))
    found = max_units(stacked, reads, shape)
    return negative(found) if smallest else found


def reduce_max(x: Tensor, axes: Sequence[int], keepdims: bool, smallest: bool = False) -> Tensor:
    """Maximum (minimum) over axes."""
    reads, shape = fibres(x, axes, keepdims)
    found = max_units(negative(x) if smallest else x, reads, shape)
    return negative(found) if smallest else found


@dataclass(eq=False, repr=False)
class Comparison:
    """``x > at`` (or ``x < at``), entry by entry: usable only to choose between two branches."""

    x: Tensor
    at: Float
    greater: bool


def compare(x: Value, y: Value, greater: bool) -> Comparison:
    """``x > y`` or ``x < y`` for a tensor and a constant.

    Strict or not is the same to a choice that is continuous.
    """
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        raise UnsupportedError("a comparison of two branches; only one with a constant is handled")
    if not isinstance(x, Tensor):
        x, y, greater = y, x, not greater
    assert isinstance(x, Tensor)
    assert not isinstance(y, Tensor)
    return Comparison(
        x, np.broadcast_to(np.asarray(y, dtype=np.float64), x.shape).reshape(-1), greater
    )


def where(choice: Comparison, yes: Value, no: Value) -> Tensor:
    """``yes`` where the comparison holds, else ``no``, if that is continuous.

    Raises
    ------
    UnsupportedError
        If a branch is not a slope times the compared tensor plus a constant, or the result jumps.
    """
    x = choice.x
    right, left = (yes, no) if choice.greater else (no, yes)
    rows = np.stack([choice.at, *_slope_and_shift(left, x), *_slope_and_shift(right, x)], axis=1)
    kinds, which = np.unique(rows, axis=0, return_inverse=True)
    functions = []
    for at, slope, shift, slope_right, shift_right in kinds.tolist():
        try:
            functions.append(
                PiecewiseLinear.from_pieces([at], [slope, slope_right], [shift, shift_right])
            )
        except NetworkError as error:
            raise UnsupportedError(str(error)) from None
    return apply_each(x, functions, which)


def _slope_and_shift(v: Value, x: Tensor) -> tuple[Float, Float]:
    """``v`` as ``slope * x + shift``."""
    if not isinstance(v, Tensor):
        return np.zeros(x.size), np.broadcast_to(np.asarray(v, float), x.shape).reshape(-1)
    base, slope, shift = x.root or (x, np.ones(x.size), np.zeros(x.size))
    if (slope != 1).any() or shift.any():  # not just another name for the tensor it is made of
        base, slope, shift = x, np.ones(x.size), np.zeros(x.size)
    if v is x or v is base:
        return slope, shift
    if v.root is not None and v.root[0] in (x, base):
        return v.root[1], v.root[2]
    raise UnsupportedError(
        "a choice between branches that are not a multiple of the compared tensor; only "
        "activations such as where(x > 0, x, 0.1 * x) are handled"
    )
