"""What a forward pass did, read off torch's graph: rectifiers, normalisations, joins of branches.

The graph of the backward pass knows the operations that were run, whatever the modules are called
and whether an activation was a module or a function.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .statistics import Coactivation

if TYPE_CHECKING:
    import torch

__all__ = ["Block", "Rectifier", "Structure", "read_graph"]

#: Operations by the names of their nodes, up to "Backward"; in-place forms have the same.
RECTIFIERS = {
    "Relu": "relu",
    "LeakyRelu": "leaky_relu",
    "PreluKernel": "prelu",
    "Hardtanh": "hardtanh",
}
SMOOTH = {
    name: name.lower()
    for name in ("Gelu", "Silu", "Tanh", "Sigmoid", "Softplus", "Elu", "Mish", "Hardswish")
}
SUMS = ("Add", "Sub")
#: Linear in the one of their inputs that depends on the batch.
# fmt: off
LINEAR = {
    "Addmm", "Mm", "Bmm", "Mv", "Dot", "Addmv", "T", "Transpose", "Permute", "Convolution",
    "ConvolutionOverrideable", "MkldnnConvolution", "ThnnConv2D", "SlowConv2D", "View",
    "Reshape", "ReshapeAlias", "UnsafeView", "Squeeze", "Unsqueeze", "Expand", "Clone", "Alias",
    "ToCopy", "Contiguous", "Slice", "Select", "Index", "IndexSelect", "Narrow", "Split",
    "Unbind", "Unfold", "Im2Col", "Neg", "Mul", "Div", "Add", "Sub", "Mean", "Sum", "AvgPool2D",
    "AvgPool3D", "MkldnnAdaptiveAvgPool2D", "AdaptiveAvgPool2D", "AdaptiveAvgPool3D",
    "ConstantPadNd", "ReflectionPad2D", "ReplicationPad2D", "Flip", "Roll", "UpsampleNearest2D",
    "UpsampleBilinear2D", "AsStrided",
}
# fmt: on
SAME = ("View", "Reshape", "ReshapeAlias", "UnsafeView")
TOGETHER = ("Cat", "Stack", *SUMS)


@dataclass(eq=False)
class Rectifier:
    """An activation: its node, where it stands in the order of execution, and its state.

    ``active`` has shape (M, units); None for smooth activations. ``halves`` is the axis along
    which the input was ``(z, -z)``, for concatenated rectifiers.
    """

    node: Any
    order: int
    what: str
    active: torch.Tensor | None
    normalised: bool
    halves: int | None = None

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Share of units that are active for both of two samples, shape (M, M)."""
        import torch

        assert self.active is not None
        a = self.active.to(torch.float32)
        return np.asarray((a @ a.T).cpu().numpy() / a.shape[1], dtype=np.float64)

    @property
    def mean_shares(self) -> Coactivation:
        """Shares of active units, and of units that are active for both of two samples."""
        P, M = self.shares, len(self.shares)
        own = float(np.trace(P))
        return Coactivation(own / M, (float(P.sum()) - own) / (M * (M - 1)))


@dataclass(eq=False)
class Block:
    """A join: a sum of a path without activations, from the ``fork`` on, and of a branch.

    ``fork`` is None if it could not be told; ``rectifiers`` are those of the branch; ``skip`` is
    the first node of the path without activations, None if the fork is added as it is.
    """

    node: Any
    order: int
    fork: Any = None
    skip: Any = None
    fork_order: int = -1  # the batch itself
    rectifiers: list[Rectifier] = field(default_factory=list)


@dataclass(eq=False)
class Structure:
    """Rectifiers and joins in the order of execution; ``simple`` if joins do not nest.

    ``others`` are operations that are not linear, nor known.
    """

    rectifiers: list[Rectifier]
    blocks: list[Block]
    norms: int
    other_norms: int
    others: tuple[str, ...]
    simple: bool

    @property
    def outside(self) -> list[Rectifier]:
        """Rectifiers on the stream: in no branch."""
        inside = {id(r) for b in self.blocks for r in b.rectifiers}
        return [r for r in self.rectifiers if id(r) not in inside]


def _order(node: Any) -> int:
    """Place in the order of execution; that of a leaf is -1."""
    return -1 if hasattr(node, "variable") else int(node._sequence_nr())


def _name(node: Any) -> str:
    return str(node.name()).rpartition("::")[2].partition("Backward")[0]


def _next(node: Any, among: set[Any]) -> list[Any]:
    return [n for n, _ in node.next_functions if n is not None and n in among]


def read_graph(output: Any, leaf: torch.Tensor) -> Structure:
    """The structure of what was computed between a leaf tensor and an output's node.

    Parameters
    ----------
    output : node
        ``grad_fn`` of the output.
    leaf : torch.Tensor
        The batch.
    """
    nodes = _between(output, leaf)
    found: list[Rectifier] = []
    blocks: list[Block] = []
    norms = other_norms = 0
    others = set()
    for node in sorted(nodes, key=lambda n: (_order(n), n.name())):
        name = _name(node)
        inputs = _next(node, nodes)
        if name in RECTIFIERS or name in SMOOTH:
            found.append(_rectifier(node, inputs, len(leaf)))
        elif "BatchNorm" in name:
            norms += 1
        elif "LayerNorm" in name or "GroupNorm" in name:
            other_norms += 1
        elif name in SUMS and len(inputs) == 2:
            blocks.append(Block(node, _order(node)))
        elif _order(node) >= 0 and (
            name not in TOGETHER and (name not in LINEAR or len(inputs) > 1)
        ):
            others.add(name)
    activations = {r.node for r in found}
    for block in blocks:
        _find_fork(block, nodes, activations)
    simple = all(b.fork is not None for b in blocks)
    for before, after in pairwise(blocks):
        simple &= after.fork_order >= before.order
    for block in blocks:
        block.rectifiers = [r for r in found if block.fork_order < r.order < block.order]
    return Structure(found, blocks, norms, other_norms, tuple(sorted(others)), bool(simple))


def _between(output: Any, leaf: torch.Tensor) -> set[Any]:
    """Nodes on a path from the output to the leaf, both included."""
    order: list[Any] = []
    seen, stack = {output}, [output]
    while stack:
        node = stack.pop()
        order.append(node)
        for n, _ in node.next_functions:
            if n is not None and n not in seen:
                seen.add(n)
                stack.append(n)
    reached = {n for n in order if getattr(n, "variable", None) is leaf}
    users: dict[Any, list[Any]] = {}
    for node in order:
        for n, _ in node.next_functions:
            if n is not None:
                users.setdefault(n, []).append(node)
    stack = list(reached)
    while stack:
        for user in users.get(stack.pop(), []):
            if user not in reached:
                reached.add(user)
                stack.append(user)
    return reached


def _rectifier(node: Any, inputs: list[Any], M: int) -> Rectifier:
    name = _name(node)
    before = _name(inputs[0]) if inputs else ""
    halves = None
    if name in SMOOTH:
        return Rectifier(node, _order(node), SMOOTH[name], None, "BatchNorm" in before)
    what = RECTIFIERS[name]
    if what == "relu":
        active = node._saved_result > 0
        if inputs and before == "Cat" and _is_mirrored(inputs[0]):
            what, halves = "crelu", int(_signed(inputs[0]._saved_dim))
            own = _parts(inputs[0])[0]
            while _name(own) in SAME:  # groups that are doubled each by itself
                own = _parts(own)[0]
            before = _name(own)
    else:  # what is done in place keeps its result, which tells as much
        z = node._saved_self if hasattr(node, "_saved_self") else node._saved_result
        active = z > 0
        if what == "hardtanh":
            active = (z > node._saved_min_val) & (z < node._saved_max_val)
    active = active.detach().reshape(M, -1) if active.shape[0] == M else None
    return Rectifier(node, _order(node), what, active, "BatchNorm" in before, halves)


def _signed(dim: int) -> int:
    """Axes before 0 are saved as unsigned 64-bit numbers."""
    return dim - 2**64 if dim >= 2**63 else dim


def _parts(cat: Any) -> list[Any]:
    return [n for n, _ in cat.next_functions if n is not None]


def _is_mirrored(cat: Any) -> bool:
    parts = _parts(cat)
    return len(parts) == 2 and _name(parts[1]) == "Neg" and _parts(parts[1])[0] is parts[0]


def _find_fork(block: Block, nodes: set[Any], activations: set[Any]) -> None:
    """Where the two ways into a join part: one of them must have no activation up to there."""
    first, second = _next(block.node, nodes)
    for skip, branch in ((first, second), (second, first)):
        ahead = _ancestors(branch, nodes)
        at, last = skip, None
        while at not in ahead:
            before = _next(at, nodes)
            if at in activations or len(before) != 1:
                break
            at, last = before[0], at
        else:
            if at is not branch:
                block.fork, block.fork_order, block.skip = at, _order(at), last
                return


def _ancestors(node: Any, nodes: set[Any]) -> set[Any]:
    seen, stack = {node}, [node]
    while stack:
        for n in _next(stack.pop(), nodes):
            if n not in seen:
                seen.add(n)
                stack.append(n)
    return seen


def all_relu(rectifiers: Iterable[Rectifier]) -> bool:
    """Whether the laws speak of these activations."""
    return all(r.what in ("relu", "crelu") and r.active is not None for r in rectifiers)
