"""Which layers get which weights, read off a module's trace."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import NetworkError, UnsupportedError

__all__ = ["Job", "Plan", "Split", "plan_for"]


class Split(NamedTuple):
    """A rectified value: ``blocks`` times positive parts, as many negative parts, and left-overs.

    Of ``whole`` channels of a block, ``part`` are positive parts. Only the ratio of the two counts:
    flattening makes several numbers of a channel.
    """

    blocks: int
    part: int
    whole: int


@dataclass(eq=False)
class Job:
    """A layer, and how its weights are mirrored.

    ``split`` is what it reads, None if that is not rectified; ``mirrored`` says in how many blocks
    its outputs are ``(v, -v)``, 0 if they are not.
    """

    name: str
    layer: Any
    split: Split | None
    mirrored: int = 0
    ends_branch: bool = False

    @property
    def groups(self) -> int:
        return int(getattr(self.layer, "groups", 1))

    @property
    def blocks(self) -> int:
        """Blocks of outputs whose rows are filled apart."""
        return self.mirrored or self.groups

    @property
    def rows(self) -> int:
        """Rows of a block that are free to choose."""
        size = int(self.layer.weight.shape[0]) // self.blocks
        return size // 2 if self.mirrored else size

    @property
    def read(self) -> Split:
        """What the layer reads, with the numbers of columns of its weights."""
        columns = int(self.layer.weight.shape[1]) * self.groups
        if self.split is None:
            return Split(self.groups, columns // self.groups, columns // self.groups)
        blocks, part, whole = self.split
        if columns % (blocks * whole):
            raise NetworkError(
                f"{self.name} reads {columns} numbers, which are not the {blocks * whole} channels "
                "of the rectifier before it"
            )
        return Split(blocks, columns // blocks // whole * part, columns // blocks)


def plan_for(module: Any, batchnorm: str) -> Plan:
    """Read a module, as often as it takes to find blocks of pairs that suit all layers."""
    graph = _trace(module)
    needs: dict[str, int] = {}
    while True:
        plan = Plan(module, batchnorm, dict(needs))
        plan.read(graph)
        if plan.needs == needs:
            return plan
        needs = plan.needs


@dataclass(eq=False)
class Plan:
    """Which layers get which weights, from a trace of the module."""

    module: Any
    batchnorm: str
    #: Blocks in which the outputs of layers have to be paired, by name.
    needs: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    norms: dict[str, Any] = field(default_factory=dict)
    sums: int = 0
    #: What each value is: how it is split, or None if it is not rectified.
    splits: dict[Any, Split | None] = field(default_factory=dict)
    #: The layers whose outputs were paired to make a split value.
    writers: dict[Any, set[str]] = field(default_factory=dict)
    #: Layers on the longest way to each value.
    depths: dict[Any, int] = field(default_factory=dict)
    #: What kind of operation made each value.
    made_by: dict[Any, str] = field(default_factory=dict)

    def read(self, graph: Any) -> None:
        """Fill in everything, operation by operation."""
        ask = {"call_module": self._kind_of_module}
        for node in graph.nodes:
            if node.op in ("get_attr", "placeholder"):
                kind = "constant" if node.op == "get_attr" else "input"
            elif node.op == "output":
                kind = "output"
            else:
                kind = ask.get(node.op, _kind_of_call)(node)
            self.made_by[node] = kind
            inputs = [
                n for n in node.all_input_nodes if self.made_by[n] not in ("constant", "size")
            ]
            self.depths[node] = max((self.depths[n] for n in inputs), default=0)
            self.writers[node] = set().union(*(self.writers[n] for n in inputs))
            self.splits[node] = getattr(self, f"_{kind}")(node, inputs)

    def _kind_of_module(self, node: Any) -> str:
        import torch

        from ..nn import CReLU

        nn = torch.nn
        layer = self.module.get_submodule(node.target)
        kinds: tuple[tuple[str, tuple[type, ...]], ...] = (
            ("layer", (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)),
            ("crelu", (CReLU,)),
            ("relu", (nn.ReLU,)),
            ("norm", (nn.modules.batchnorm._BatchNorm,)),
            (
                "pool",
                (
                    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
                    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
                ),
            ),
            ("drop", (nn.modules.dropout._DropoutNd,)),
            ("same", (nn.Identity, nn.Flatten, nn.Unflatten)),
        )  # fmt: skip
        for kind, types in kinds:
            if isinstance(layer, types):
                return kind
        why = ""
        if "MaxPool" in type(layer).__name__:
            why = "; take average pooling"
        raise UnsupportedError(
            f"{node.target}, {type(layer).__name__}, cannot be part of a linear map{why}"
        )

    # -- one method a kind: the split of the value -------------------------------------------

    def _input(self, _node: Any, _inputs: list[Any]) -> None:
        return None

    _constant = _size = _input

    def _same(self, _node: Any, inputs: list[Any]) -> Split | None:
        return self.splits[inputs[0]] if inputs else None

    def _pool(self, node: Any, inputs: list[Any]) -> Split | None:
        self.note("average pooling shortens vectors")
        return self._same(node, inputs)

    def _drop(self, node: Any, inputs: list[Any]) -> Split | None:
        self.note("dropout makes the module random in training; it is linear in evaluation mode")
        return self._same(node, inputs)

    def _layer(self, node: Any, inputs: list[Any]) -> None:
        split, writers = self.splits[inputs[0]], self.writers[node]
        self.writers[node] = set()
        layer = self.module.get_submodule(node.target)
        if not _owns_weight(layer):
            raise UnsupportedError(
                f"the weights of {node.target} are not parameters of its own (not there before the "
                "first batch, or computed from others): they cannot be written"
            )
        self.depths[node] += 1
        job = self.jobs.setdefault(node.target, Job(node.target, layer, split))
        if job.split != split:
            raise UnsupportedError(
                f"{node.target} is used behind a rectifier and elsewhere: one set of weights "
                "cannot be mirrored and not"
            )
        if split is None or split.blocks % job.groups == 0:
            return
        if not writers:
            raise UnsupportedError(
                f"{node.target} has {job.groups} groups, and the positive and negative part of a "
                "channel lie in different ones, which never meet: put "
                f"plica.nn.CReLU(groups={job.groups}) before it, which doubles every group by "
                "itself"
            )
        self._need(writers, job.groups)

    def _need(self, writers: set[str], blocks: int) -> None:
        """Ask that all of these layers pair their outputs within so many blocks, or more."""
        common = math.lcm(blocks, *(self.needs.get(name, 1) for name in writers))
        self.needs.update(dict.fromkeys(writers, common))

    def _norm(self, node: Any, inputs: list[Any]) -> Split | None:
        if self.batchnorm == "refuse":
            raise UnsupportedError(
                f"{node.target} is a batch normalisation, which is not linear in training: pass "
                'batchnorm="remove" (replace by identities) or "neutral" (identities in '
                "evaluation mode)"
            )
        self.norms[node.target] = self.module.get_submodule(node.target)
        return self._same(node, inputs)

    def _crelu(self, node: Any, inputs: list[Any]) -> Split:
        if self.splits[inputs[0]] is not None:
            raise UnsupportedError(f"{node.name} rectifies what was rectified before")
        return Split(self.module.get_submodule(node.target).groups, 1, 2)

    def _relu(self, node: Any, inputs: list[Any]) -> Split:
        known = self.splits[inputs[0]]
        if known is not None:  # nothing left to rectify
            return known
        jobs = self._mirror(inputs[0], node.name)
        widths = {int(job.layer.weight.shape[0]) for job in jobs}
        if len(widths) != 1:
            raise UnsupportedError(f"{node.name} rectifies a sum of different widths: {widths}")
        (width,) = widths
        names = {job.name for job in jobs}
        self._need(names, math.lcm(*(job.groups for job in jobs)))
        self.writers[node] = names
        blocks = self.needs[jobs[0].name]
        size = width // blocks
        if width % blocks or size < 2:
            raise UnsupportedError(
                f"{jobs[0].name}: its {width} units cannot be paired within {blocks} blocks, as "
                "groups of convolutions ask: take groups of two units or more, or "
                f"plica.nn.CReLU(groups={blocks})"
                if blocks > 1
                else f"{jobs[0].name} has one unit only: there is nothing to pair"
            )
        for job in jobs:
            job.mirrored = blocks
            if size % 2:
                self.note(f"{job.name}: {blocks} of {width} units have no partner and are left out")
        return Split(blocks, size // 2, size)

    def _mirror(self, node: Any, rectifier: str) -> list[Job]:
        """The layers that write a value, whose outputs are to be paired."""
        kind = self.made_by[node]
        if kind == "layer":
            return [self.jobs[node.target]]
        if kind in ("sum", "same", "pool", "drop", "norm", "scale"):
            inputs = [
                n for n in node.all_input_nodes if self.made_by[n] not in ("constant", "size")
            ]
            return [job for n in inputs for job in self._mirror(n, rectifier)]
        raise UnsupportedError(
            f"{rectifier} rectifies a value whose units cannot be paired (from {node.name}): put "
            "a layer before it, or use plica.nn.CReLU"
        )

    def _sum(self, node: Any, inputs: list[Any]) -> Split | None:
        if len(inputs) != 2:
            raise UnsupportedError(f"{node.name} adds a constant: the module is not linear")
        first, second = inputs
        one, other = self.splits[first], self.splits[second]
        if one and other and one != other and self.writers[first] and self.writers[second]:
            self._need(self.writers[node], math.lcm(one.blocks, other.blocks))
        elif one != other:
            raise UnsupportedError(
                f"{_place(node)} adds two rectified values of different groups: put a layer between"
                if one and other
                else f"{_place(node)} adds a layer's output to a rectified value, as residual "
                "blocks with a rectifier behind the sum do (ResNet): such a sum cannot be linear. "
                "Put a layer on the path that is added (a 1 x 1 convolution), or the rectifiers "
                "into the branches only"
            )
        self.sums += 1
        self.note(
            "sums of branches lengthen vectors, by a bounded factor at any depth with the default "
            "branch_gain"
        )
        branch = max(inputs, key=lambda n: self.depths[n])
        while self.made_by[branch] in ("same", "pool", "drop", "norm", "scale"):
            branch = branch.all_input_nodes[0]
        if self.made_by[branch] == "layer":
            self.jobs[branch.target].ends_branch = True
        return self.splits[first]

    def _scale(self, node: Any, inputs: list[Any]) -> Split | None:
        if len(inputs) != 1:
            raise UnsupportedError(f"{node.name} multiplies two values: that is not linear")
        return self._same(node, inputs)

    def _output(self, _node: Any, inputs: list[Any]) -> None:
        if len(inputs) != 1:
            raise UnsupportedError("the module must return one tensor")
        if self.splits[inputs[0]] is not None:
            raise UnsupportedError(
                "the module ends with a rectifier: its output cannot be linear; put a layer "
                "behind it"
            )

    def note(self, text: str) -> None:
        """Add to the notes, once."""
        if text not in self.notes:
            self.notes.append(text)


def _owns_weight(layer: Any) -> bool:
    """Whether the weights are parameters that are there (not lazy, not computed from others)."""
    import torch

    # asking the layer itself may compute the weights, and change what they are computed from
    own = dict(layer.named_parameters(recurse=False)).get("weight")
    return own is not None and not torch.nn.parameter.is_lazy(own)


def _trace(module: Any) -> Any:
    import torch

    from ..nn import CReLU

    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, m: torch.nn.Module, name: str) -> bool:
            return isinstance(m, CReLU) or bool(super().is_leaf_module(m, name))

    if isinstance(module, torch.nn.Linear | torch.nn.modules.conv._ConvNd):
        raise UnsupportedError("the module is a single layer: put it in a torch.nn.Sequential")
    try:
        return Tracer().trace(module)
    except Exception as error:
        raise UnsupportedError(
            f"torch.fx cannot trace the module ({error}): its forward pass depends on values. "
            "Initialise the parts that it can"
        ) from error


def _place(node: Any) -> str:
    """An operation, and the module whose forward pass it is in."""
    inside = list(node.meta.get("nn_module_stack", {}))
    return f"{node.name} in {inside[-1]}" if inside else str(node.name)


def _over_positions(node: Any) -> bool:
    """Whether a mean is over axes behind the channels, counted from the front or both images'."""
    axes = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    axes = (axes,) if isinstance(axes, int) else axes
    if not isinstance(axes, tuple | list) or not all(isinstance(a, int) for a in axes):
        return False
    return bool(axes) and (min(axes) >= 2 or set(axes) == {-1, -2})


def _kind_of_call(node: Any) -> str:
    """What a function or method does to a value."""
    import torch

    F = torch.nn.functional
    name = node.target if node.op == "call_method" else getattr(node.target, "__name__", "")
    target: Callable[..., Any] | str = node.target
    if target in (operator.add, operator.iadd, torch.add) or name in ("add", "add_"):
        return "sum"
    if target in (operator.mul, operator.imul, operator.truediv, torch.mul, torch.div) or (
        node.op == "call_method" and name in ("mul", "div", "mul_", "div_")
    ):
        return "scale"
    if target in (torch.relu, F.relu) or name in ("relu", "relu_"):
        return "relu"
    if target in (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d) or name.startswith("adaptive_avg_pool"):
        return "pool"
    if name == "mean" and _over_positions(node):
        return "pool"
    if name in ("flatten", "reshape", "view", "contiguous"):
        return "same"
    if name.startswith("dropout"):
        return "drop"
    if name in ("size", "getattr", "getitem"):
        return "size"
    raise UnsupportedError(f"{node.name} ({name}) cannot be part of a linear map, or is not known")
