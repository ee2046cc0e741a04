"""From groups of units to a chain of stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from ..chain import Network, Stage
from ..units import Units

if TYPE_CHECKING:
    from .affine import Float, Group, Int, Sparse, Tensor

#: A stage is stored dense where more than this share of its weights is not zero.
DENSE_SHARE = 0.25


def to_network(output: Tensor, source: Tensor, meta: dict[str, Any]) -> Network:
    """The chain that computes ``output`` from ``source``, the network's input.

    Every group of units goes into the stage of its depth, the length of the longest path to it.
    Atoms that a later stage still reads are carried along by identity units.
    """
    (inputs,) = source.terms
    groups = _needed(output)
    last = output.depth
    layers: list[list[Group]] = [[] for _ in range(last + 1)]
    for g in groups:
        layers[g.depth].append(g)
    lifetime = _last_uses(groups, output, inputs)
    state: dict[Group, Int] = {inputs: np.arange(inputs.size)}
    stages = []
    for depth in range(1, last + 2):
        made = layers[depth] if depth <= last else []
        tensors = [g.pre for g in made if g.pre is not None] if depth <= last else [output]
        carried = {g: kept[lifetime[g][kept] > depth] for g, kept in state.items() if depth <= last}
        carried = {g: kept for g, kept in carried.items() if kept.size}
        stages.append(_stage(state, tensors, [g.units for g in made if g.units], carried))
        state = {g: np.arange(g.size) for g in made} | carried
    return Network(stages, meta)


def _needed(output: Tensor) -> list[Group]:
    """The groups that the output depends on, each behind those that it depends on itself."""
    found: dict[Group, None] = {}
    stack = [(g, False) for g in reversed(output.terms)]
    while stack:
        g, ready = stack.pop()
        if g in found or g.pre is None:
            continue
        if ready:
            found[g] = None
        else:
            stack.append((g, True))
            stack.extend((h, False) for h in reversed(g.pre.terms))
    return list(found)


def _last_uses(groups: list[Group], output: Tensor, inputs: Group) -> dict[Group, Int]:
    """For every atom the depth of the last stage that reads it."""
    lifetime = {g: np.zeros(g.size, dtype=np.int64) for g in [inputs, *groups]}
    readers = [(g.depth, g.pre) for g in groups if g.pre is not None]
    for depth, tensor in [*readers, (output.depth + 1, output)]:
        for g, T in tensor.terms.items():
            lifetime[g][T.indices] = np.maximum(lifetime[g][T.indices], depth)
    return lifetime


def _stage(
    state: dict[Group, Int], tensors: list[Tensor], units: list[Units], carried: dict[Group, Int]
) -> Stage:
    column: dict[Group, Int] = {}
    width = 0
    for g, kept in state.items():
        column[g] = np.full(g.size, -1)
        column[g][kept] = width + np.arange(kept.size)
        width += kept.size
    rows = [_placed(t, column, width) for t in tensors]
    bias: list[Float] = [t.bias for t in tensors]
    if carried:
        place = np.concatenate([column[g][kept] for g, kept in carried.items()])
        n = place.size
        rows.append(sp.csr_array((np.ones(n), place, np.arange(n + 1)), shape=(n, width)))
        bias.append(np.zeros(n))
        units = [*units, Units.identity(n)]
    A = sp.csr_array(sp.vstack(rows, format="csr")) if len(rows) > 1 else rows[0]
    A.eliminate_zeros()
    if A.nnz > DENSE_SHARE * A.shape[0] * A.shape[1]:
        A = A.toarray()
    return Stage(A, np.concatenate(bias), Units.concat(units) if units else None)


def _placed(tensor: Tensor, column: dict[Group, Int], width: int) -> Sparse:
    """The tensor's matrix with its atoms in the columns that they have in the state."""
    M = sp.csr_array((tensor.size, width))
    for g, T in tensor.terms.items():
        if not T.nnz:  # all its weights are zero, so its atoms need not be in the state
            continue
        part = sp.csr_array((T.data, column[g][T.indices], T.indptr), shape=(tensor.size, width))
        M = sp.csr_array(M + part) if M.nnz else part
    return M
