"""Tensors as affine functions of atoms: the inputs and the outputs of nonlinear units.

A model is a graph of tensors. While it is lowered, every tensor is an affine function of *groups*
of atoms: the network's inputs, or the units that one nonlinear operation made. Affine operations
only compose sparse matrices; operations that move entries only pick rows, and are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..errors import NetworkError, SizeError
from ..units import Units

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[Any]
Float = NDArray[np.float64]
Int = NDArray[np.int64]
Sparse = Any  # scipy.sparse.csr_array
Shape = tuple[int, ...]

#: Bytes that the sparse matrix of one operation may take.
SPARSE_LIMIT = 4 << 30


@dataclass(eq=False, repr=False)
class Group:
    """Atoms made together; ``depth`` is the stage that makes them (0: the network's inputs)."""

    size: int
    depth: int = 0
    pre: Tensor | None = None
    units: Units | None = None


@dataclass(eq=False, repr=False)
class Tensor:
    """``bias + sum of terms[group] @ atoms(group)``, flattened in C order.

    ``root`` remembers, for tensors that are ``slope * other + shift`` entry by entry, the other
    tensor, the slopes and the shifts; a selection between two such tensors can then be recognised.
    """

    shape: Shape
    bias: Float
    terms: dict[Group, Sparse]
    root: tuple[Tensor, Float, Float] | None = None
    _own: Tensor | None = None

    @property
    def size(self) -> int:
        return int(self.bias.size)

    @property
    def depth(self) -> int:
        return max((g.depth for g in self.terms), default=0)

    @property
    def positions(self) -> Int:
        """Flat positions of the entries, in the tensor's shape."""
        return np.arange(self.size).reshape(self.shape)


Value = Tensor | Array


def eye(n: int) -> Sparse:
    return sp.csr_array(sp.eye_array(n, format="csr"))


def atoms(group: Group, shape: Shape) -> Tensor:
    """The atoms of a group, as a tensor."""
    return Tensor(shape, np.zeros(group.size), {group: eye(group.size)})


def network_input(shape: Shape) -> Tensor:
    """The tensor that the network reads."""
    return atoms(Group(int(np.prod(shape))), shape)


def own_units(x: Tensor) -> Tensor:
    """``x`` computed once, by identity units of its own, not composed wherever it is used."""
    if x._own is None:
        group = Group(x.size, x.depth + 1, x, Units.identity(x.size))
        x._own = atoms(group, x.shape)
    return x._own


def allocate(entries: int, what: str) -> None:
    """Refuse a sparse matrix that would not fit, before it is made."""
    size = 12 * entries
    if size > SPARSE_LIMIT:
        raise SizeError(
            f"{what} has {entries} weights as a sparse matrix ({size / 2**30:.1f} GiB, limit "
            f"{SPARSE_LIMIT / 2**30:.0f} GiB); load the network at a smaller input shape"
        )


# -- moving entries: exact -----------------------------------------------------------------------


def take(x: Tensor, positions: Int, fill: float = 0.0) -> Tensor:
    """The entries of ``x`` at flat positions; a negative position stands for ``fill``."""
    flat = np.asarray(positions, dtype=np.int64).reshape(-1)
    shape = tuple(int(n) for n in np.shape(positions))
    if flat.size == x.size and np.array_equal(flat, np.arange(x.size)):
        return Tensor(shape, x.bias, x.terms, _reshaped_root(x, shape))
    missing = flat < 0
    if missing.any():
        bias = np.append(x.bias, fill)[np.where(missing, x.size, flat)]
        rows = np.where(missing, x.size, flat)
        blank = {g: sp.csr_array((1, g.size)) for g in x.terms}
        terms = {
            g: sp.csr_array(sp.vstack([M, blank[g]], format="csr"))[rows]
            for g, M in x.terms.items()
        }
        return Tensor(shape, bias, terms)
    terms = {g: M[flat] for g, M in x.terms.items()}
    return Tensor(shape, x.bias[flat], {g: M for g, M in terms.items() if M.nnz})


def _reshaped_root(x: Tensor, shape: Shape) -> tuple[Tensor, Float, Float] | None:
    """A view of the same shape is the same entry-by-entry function of the tensor it views."""
    if shape != x.shape:
        return None
    return x.root or (x, np.ones(x.size), np.zeros(x.size))


def broadcast(x: Value, shape: Shape) -> Value:
    """``x`` repeated to ``shape`` by NumPy's rules."""
    if not isinstance(x, Tensor):
        return np.broadcast_to(np.asarray(x, dtype=np.float64), shape)
    return x if x.shape == shape else take(x, np.broadcast_to(x.positions, shape))


def concat(parts: Sequence[Value], axis: int) -> Tensor:
    """Tensors and constants one after another along an axis."""
    pieces = [p if isinstance(p, Tensor) else constant(p) for p in parts]
    places, offset = [], 0
    for p in pieces:
        places.append(p.positions + offset)
        offset += p.size
    order = np.concatenate(places, axis=axis)
    groups = dict.fromkeys(g for p in pieces for g in p.terms)
    terms = {
        g: sp.csr_array(
            sp.vstack(
                [p.terms.get(g, sp.csr_array((p.size, g.size))) for p in pieces], format="csr"
            )
        )
        for g in groups
    }
    bias = np.concatenate([p.bias for p in pieces])
    return take(Tensor((offset,), bias, terms), order)


def constant(value: Array) -> Tensor:
    """A constant, as a tensor that depends on no atom."""
    value = np.asarray(value, dtype=np.float64)
    return Tensor(value.shape, value.reshape(-1).copy(), {})


# -- arithmetic ----------------------------------------------------------------------------------


def linear(x: Tensor, M: Sparse, bias: Float | None, shape: Shape) -> Tensor:
    """``M @ x + bias``.

    Two affine maps in a row are multiplied together unless that takes clearly more weights than
    keeping them apart; then ``x`` gets identity units of its own.
    """
    M = sp.csr_array(M)
    if _product_grows(M, x):
        x = own_units(x)
    total = M @ x.bias if x.bias.any() else np.zeros(M.shape[0])
    if bias is not None:
        total = total + np.asarray(bias, dtype=np.float64).reshape(-1)
    return Tensor(shape, total, {g: sp.csr_array(M @ T) for g, T in x.terms.items()})


def _product_grows(M: Sparse, x: Tensor) -> bool:
    apart, together = M.nnz, 0
    for T in x.terms.values():
        apart += T.nnz
        work = int(np.diff(T.indptr).astype(np.int64)[M.indices].sum())
        together += min(work, M.shape[0] * T.shape[1])
    return bool(together > 2 * apart)


def rowwise(x: Tensor, factor: Float, divide: bool = False) -> Tensor:
    """``x * factor`` or ``x / factor``, entry by entry; each weight rounds once."""
    factor = np.asarray(factor, dtype=np.float64).reshape(-1)
    combine = np.divide if divide else np.multiply
    terms = {}
    for g, T in x.terms.items():
        data = combine(T.data, np.repeat(factor, np.diff(T.indptr)))
        terms[g] = sp.csr_array((data, T.indices, T.indptr), shape=T.shape)
    base, slope, shift = x.root or (x, np.ones(x.size), np.zeros(x.size))
    root = (base, combine(slope, factor), combine(shift, factor))
    return Tensor(x.shape, combine(x.bias, factor), terms, root)


def negative(x: Tensor) -> Tensor:
    """``-x``."""
    return rowwise(x, np.full(x.size, -1.0))


def multiply(x: Tensor, factor: Array, divide: bool = False) -> Tensor:
    """``x * factor`` or ``x / factor`` for a constant, with broadcasting."""
    shape = np.broadcast_shapes(x.shape, np.shape(factor))
    full = broadcast(x, shape)
    assert isinstance(full, Tensor)
    return rowwise(full, np.broadcast_to(factor, shape), divide)


def add(x: Value, y: Value) -> Value:
    """``x + y`` of tensors and constants, with broadcasting."""
    if not isinstance(x, Tensor):
        x, y = y, x
    if not isinstance(x, Tensor):
        assert not isinstance(y, Tensor)
        return np.add(x, y)
    shape = np.broadcast_shapes(x.shape, np.shape(y) if not isinstance(y, Tensor) else y.shape)
    x, y = broadcast(x, shape), broadcast(y, shape)
    assert isinstance(x, Tensor)
    if not isinstance(y, Tensor):
        shift = y.reshape(-1)
        base, slope, before = x.root or (x, np.ones(x.size), np.zeros(x.size))
        return Tensor(shape, x.bias + shift, x.terms, (base, slope, before + shift))
    # A shallow branch that reads more atoms than it has entries is cheaper to carry computed.
    if x.depth < y.depth and _reads(x) > x.size:
        x = own_units(x)
    elif y.depth < x.depth and _reads(y) > y.size:
        y = own_units(y)
    terms = dict(x.terms)
    for g, T in y.terms.items():
        terms[g] = sp.csr_array(terms[g] + T) if g in terms else T
    return Tensor(shape, x.bias + y.bias, terms)


def _reads(x: Tensor) -> int:
    return sum(int(np.unique(T.indices).size) for T in x.terms.values())


def subtract(x: Value, y: Value) -> Value:
    """``x - y`` of tensors and constants."""
    return add(x, negative(y) if isinstance(y, Tensor) else np.negative(y))


def matmul(x: Tensor, W: Float) -> Tensor:
    """``x @ W`` for a constant, as ``numpy.matmul`` has it."""
    W = np.asarray(W, dtype=np.float64)
    if not x.shape or W.ndim == 0 or x.shape[-1] != W.shape[-2 if W.ndim > 1 else 0]:
        raise NetworkError(f"a matrix of shape {W.shape} does not fit a tensor of shape {x.shape}")
    shape = np.matmul(np.broadcast_to(0.0, x.shape), np.broadcast_to(0.0, W.shape)).shape
    if W.ndim == 1:
        W = W[:, None]
    if W.ndim == 2 and x.size == x.shape[-1]:  # one row, the usual case
        allocate(W.size, f"a matrix product of shape {W.shape}")
        return linear(x, sp.csr_array(W.T), None, shape)
    place = x.positions if len(x.shape) > 1 else x.positions[None]
    column, value = place[..., :, None, :], np.swapaxes(W, -1, -2)[..., None, :, :]
    full = np.broadcast_shapes(column.shape, value.shape)
    count = int(np.prod(full))
    allocate(count, f"a matrix product of {x.shape} by {W.shape}")
    column = np.broadcast_to(column, full).reshape(-1)
    value = np.broadcast_to(value, full).reshape(-1)
    rows = count // full[-1]
    start = np.arange(rows + 1) * full[-1]
    return linear(x, sp.csr_array((value, column, start), shape=(rows, x.size)), None, shape)


def matmul_left(W: Float, x: Tensor) -> Tensor:
    """``W @ x`` for a constant, as ``numpy.matmul`` has it."""
    W = np.asarray(W, dtype=np.float64)
    if len(x.shape) == 1:
        y = matmul(x, W.T if W.ndim < 3 else np.swapaxes(W, -1, -2))
        return y if W.ndim < 3 else take(y, y.positions.reshape(W.shape[:-1]))
    if W.ndim == 1:
        y = matmul_left(W[None], x)
        return take(y, y.positions[..., 0, :])
    y = matmul(take(x, np.swapaxes(x.positions, -1, -2)), np.swapaxes(W, -1, -2))
    return take(y, np.swapaxes(y.positions, -1, -2))


def weighted_sum(x: Tensor, reads: Int, weight: Float, shape: Shape) -> Tensor:
    """Row ``i``: ``weight[i]`` times the sum of the entries ``reads[i]``, less negative ones."""
    real = reads >= 0
    allocate(int(real.sum()), "a sum over a window")
    count = real.sum(axis=1)
    start = np.concatenate(([0], np.cumsum(count)))
    M = sp.csr_array((np.repeat(weight, count), reads[real], start), shape=(reads.shape[0], x.size))
    return linear(x, M, None, shape)


def fibres(x: Tensor, axes: Sequence[int], keepdims: bool) -> tuple[Int, Shape]:
    """What a reduction over ``axes`` combines: positions (outputs, entries), and its shape."""
    axes = tuple(sorted({a % len(x.shape) for a in axes}))
    kept = [a for a in range(len(x.shape)) if a not in axes]
    moved = x.positions.transpose(*kept, *axes)
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes)
    return moved.reshape(int(np.prod([x.shape[a] for a in kept])), -1), shape


def reduce_sum(x: Tensor, axes: Sequence[int], keepdims: bool, mean: bool = False) -> Tensor:
    """Sum or mean over axes."""
    reads, shape = fibres(x, axes, keepdims)
    weight = 1.0 / reads.shape[1] if mean else 1.0
    return weighted_sum(x, reads, np.full(reads.shape[0], weight), shape)


def batch_norm(
    x: Tensor, scale: Float, shift: Float, mean: Float, variance: Float, epsilon: float
) -> Tensor:
    """Batch normalisation with fixed statistics over axis 1; folded in float64."""
    if len(x.shape) < 2 or any(np.size(v) != x.shape[1] for v in (scale, shift, mean, variance)):
        raise NetworkError(f"batch normalisation of {np.size(scale)} channels got shape {x.shape}")
    factor = scale / np.sqrt(variance + epsilon)
    column = (-1,) + (1,) * (len(x.shape) - 2)
    y = multiply(x, factor.reshape(column))
    found = add(y, (shift - mean * factor).reshape(column))
    assert isinstance(found, Tensor)
    return found
