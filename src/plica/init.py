"""The looks-linear initialisation: a rectifier network that starts as a linear map.

Balduzzi et al., *The Shattered Gradients Problem*, ICML 2017: with weights in mirrored blocks,
``(W, -W) (relu(x), relu(-x)) = W x``, so that a network of concatenated rectifiers is linear until
training makes the blocks differ. Gradients then do not shatter, whatever the depth.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .errors import NetworkError, PlicaError, UnsupportedError

if TYPE_CHECKING:
    import torch

__all__ = ["LooksLinear", "looks_linear_"]

#: The part of a split value: (channels of each part, all channels).
_Split = tuple[int, int]


@dataclass(frozen=True)
class LooksLinear:
    """What `looks_linear_` did.

    Attributes
    ----------
    layers : int
        Linear and convolution layers that were initialised.
    superposition : float or None
        ``max |f(a x + b y) - a f(x) - b f(y)| / max |f|`` over random inputs; None if it was not
        verified.
    isometric : bool
        Whether every layer keeps lengths: no narrowing, no stride, no cropping, no pooling, no sum
        of branches, gain 1 and orthogonal weights.
    notes : tuple of str
        Where it does not, and what else to know.
    """

    layers: int
    superposition: float | None
    isometric: bool
    notes: tuple[str, ...]

    def __str__(self) -> str:
        if self.superposition is None:
            error = "superposition was not verified"
        else:
            error = f"superposition holds to {self.superposition:.2g}"
        head = f"looks linear: {self.layers} layers, {error}"
        head += ", every layer keeps lengths" if self.isometric else ""
        return "\n".join([head, *(f"note: {note}" for note in self.notes)])


def looks_linear_(
    module: torch.nn.Module,
    example: Any = None,
    *,
    weights: Literal["orthogonal", "gaussian"] = "orthogonal",
    gain: float = 1.0,
    branch_gain: float | None = None,
    batchnorm: Literal["refuse", "remove", "neutral"] = "refuse",
    generator: torch.Generator | None = None,
    verify: bool = True,
) -> LooksLinear:
    """Initialise a rectifier network, in place, so that it is a linear map.

    Layers behind concatenated rectifiers (`plica.nn.CReLU`) get weights ``(O, -O)``. Plain ReLU
    networks keep their architecture: the units of a layer before a ReLU are paired, with rows
    ``(A; -A)``, and the layer behind it gets ``(O, -O)`` (Burkholz and Dubatovka, 2019); with an
    odd number of units one of them is left out. Which layer stands where is read off the module's
    trace by ``torch.fx``. Biases are set to 0.

    Parameters
    ----------
    module : torch.nn.Module
        Of Linear, Conv1d, Conv2d, Conv3d, ReLU, CReLU, average pooling, flatten, dropout, sums of
        branches and multiplication by constants.
    example : tensor or sequence of int, optional
        A batch, or its shape, to verify with. Needed unless the first layer is Linear.
    weights : {"orthogonal", "gaussian"}
        ``O`` with orthonormal rows or columns (of a convolution: at the centre of the kernel, the
        other entries 0), or of independent normal numbers of variance 1 / inputs.
    gain : float
        Factor on every layer.
    branch_gain : float, optional
        Factor on the last layer of every residual branch; ``1 / sqrt(sums)`` if not given, with
        which the length of what goes through grows by a bounded factor at any depth.
    batchnorm : {"refuse", "remove", "neutral"}
        A batch normalisation divides by what it sees, and so is not linear in training. Refuse the
        module; replace the layers by identities; or make them identities in evaluation mode.
    generator : torch.Generator, optional
        For reproducible weights.
    verify : bool
        Check superposition on random inputs; if it fails the module is put back as it was.

    Returns
    -------
    LooksLinear

    Raises
    ------
    UnsupportedError
        If there is a layer that cannot be part of a linear map (max-pooling, other activations or
        normalisations), if the module cannot be traced, or in a batch normalisation's presence.
    NetworkError
        If the module is not linear afterwards: an operation is not what its name says, or the
        rectifiers' channels are not the next layer's.
    PlicaError
        If an argument is not understood.

    Notes
    -----
    Deep networks want smaller steps: of 1e-3 (Adam) at depth 10, of 2e-4 at depth 100 and more.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise PlicaError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    for what, value, known in (
        ("weights", weights, ("orthogonal", "gaussian")),
        ("batchnorm", batchnorm, ("refuse", "remove", "neutral")),
    ):
        if value not in known:
            raise PlicaError(f"{what} must be one of {', '.join(known)}, got {value!r}")
    plan = _Plan(module, batchnorm)
    plan.read()
    if not plan.jobs:
        raise UnsupportedError("the module has no linear or convolution layer to initialise")
    probe = _probe(plan, example) if verify else None
    if branch_gain is None:
        branch_gain = 1.0 / math.sqrt(max(1, plan.sums))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    for job in plan.jobs.values():
        factor = gain * (branch_gain if job.ends_branch else 1.0)
        _fill(job, factor, weights == "orthogonal", generator)
    _settle_norms(module, plan, batchnorm)
    error = None
    if probe is not None:
        error = _superposition(module, probe)
        limit = 1e4 * torch.finfo(probe.dtype).eps
        if not error <= limit:
            if batchnorm != "remove":
                module.load_state_dict(before)
            raise NetworkError(
                f"the module is not linear after all: superposition fails by {error:.2g}. Does a "
                "rectifier's channel axis (CReLU's dim) differ from the axis that the next layer "
                "reads, or is an input changed in place?"
            )
    notes = plan.notes + [f"{n} layers {why}" for why, n in _shrinking(plan).items()]
    if weights == "gaussian":
        notes.append("Gaussian weights keep lengths in the mean only")
    if gain != 1:
        notes.append(f"every layer multiplies lengths by {gain:g}")
    return LooksLinear(len(plan.jobs), error, not notes, tuple(notes))


@dataclass(eq=False)
class _Job:
    """A layer, and how its weights are mirrored."""

    name: str
    layer: Any
    split: _Split | None
    mirrored: bool = False
    ends_branch: bool = False


@dataclass(eq=False)
class _Plan:
    """Which layers get which weights, from a trace of the module."""

    module: Any
    batchnorm: str
    jobs: dict[str, _Job] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    norms: dict[str, Any] = field(default_factory=dict)
    sums: int = 0
    #: What each value is: (u+, u-) with so many channels each, or None for anything else.
    splits: dict[Any, _Split | None] = field(default_factory=dict)
    #: Layers on the longest way to each value.
    depths: dict[Any, int] = field(default_factory=dict)
    #: What kind of operation made each value.
    made_by: dict[Any, str] = field(default_factory=dict)

    def read(self) -> None:
        """Fill in everything, operation by operation."""
        graph = _trace(self.module)
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
            self.splits[node] = getattr(self, f"_{kind}")(node, inputs)

    def _kind_of_module(self, node: Any) -> str:
        import torch

        from .nn import CReLU

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

    def _same(self, _node: Any, inputs: list[Any]) -> _Split | None:
        return self.splits[inputs[0]] if inputs else None

    def _pool(self, node: Any, inputs: list[Any]) -> _Split | None:
        self._note("average pooling shortens vectors")
        return self._same(node, inputs)

    def _drop(self, node: Any, inputs: list[Any]) -> _Split | None:
        self._note("dropout makes the module random in training; it is linear in evaluation mode")
        return self._same(node, inputs)

    def _layer(self, node: Any, inputs: list[Any]) -> None:
        split = self.splits[inputs[0]]
        layer = self.module.get_submodule(node.target)
        self.depths[node] += 1
        job = self.jobs.setdefault(node.target, _Job(node.target, layer, split))
        if job.split != split:
            raise UnsupportedError(
                f"{node.target} is used behind a rectifier and elsewhere: one set of weights "
                "cannot be mirrored and not"
            )
        if split is not None and getattr(layer, "groups", 1) > 1:
            raise UnsupportedError(
                f"{node.target} has {layer.groups} groups behind a rectifier: positive and "
                "negative parts lie in different groups, which never meet"
            )

    def _norm(self, node: Any, inputs: list[Any]) -> _Split | None:
        if self.batchnorm == "refuse":
            raise UnsupportedError(
                f"{node.target} is a batch normalisation, which is not linear in training: pass "
                'batchnorm="remove" (replace by identities) or "neutral" (identities in '
                "evaluation mode)"
            )
        self.norms[node.target] = self.module.get_submodule(node.target)
        return self._same(node, inputs)

    def _crelu(self, node: Any, inputs: list[Any]) -> _Split:
        if self.splits[inputs[0]] is not None:
            raise UnsupportedError(f"{node.name} rectifies what was rectified before")
        return (1, 2)

    def _relu(self, node: Any, inputs: list[Any]) -> _Split:
        known = self.splits[inputs[0]]
        if known is not None:  # nothing left to rectify
            return known
        widths = self._mirror(inputs[0], node.name)
        if len(widths) != 1:
            raise UnsupportedError(f"{node.name} rectifies a sum of different widths: {widths}")
        return (next(iter(widths)) // 2, next(iter(widths)))

    def _mirror(self, node: Any, rectifier: str) -> set[int]:
        """Make the value ``(v, -v)``; returns the widths of the layers that write it."""
        kind = self.made_by[node]
        if kind == "layer":
            job = self.jobs[node.target]
            job.mirrored = True
            width = int(job.layer.weight.shape[0])
            if getattr(job.layer, "groups", 1) > 1:
                raise UnsupportedError(
                    f"{node.target} has groups and plain ReLU behind it: its units cannot be "
                    "paired; use plica.nn.CReLU"
                )
            if width < 2:
                raise UnsupportedError(f"{node.target} has one unit only: there is nothing to pair")
            if width % 2:
                self._note(f"{node.target}: one of {width} units has no partner and is left out")
            return {width}
        if kind in ("sum", "same", "pool", "drop", "norm", "scale"):
            inputs = [
                n for n in node.all_input_nodes if self.made_by[n] not in ("constant", "size")
            ]
            return set().union(*(self._mirror(n, rectifier) for n in inputs))
        raise UnsupportedError(
            f"{rectifier} rectifies a value whose units cannot be paired (from {node.name}): put "
            "a layer before it, or use plica.nn.CReLU"
        )

    def _sum(self, node: Any, inputs: list[Any]) -> _Split | None:
        if len(inputs) != 2:
            raise UnsupportedError(f"{node.name} adds a constant: the module is not linear")
        first, second = inputs
        if self.splits[first] != self.splits[second]:
            raise UnsupportedError(
                f"{node.name} adds what was rectified to what was not: put a layer between"
            )
        self.sums += 1
        self._note(
            "sums of branches lengthen vectors, by a bounded factor at any depth with the default "
            "branch_gain"
        )
        branch = max(inputs, key=lambda n: self.depths[n])
        while self.made_by[branch] in ("same", "pool", "drop", "norm", "scale"):
            branch = branch.all_input_nodes[0]
        if self.made_by[branch] == "layer":
            self.jobs[branch.target].ends_branch = True
        return self.splits[first]

    def _scale(self, node: Any, inputs: list[Any]) -> _Split | None:
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

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _trace(module: Any) -> Any:
    import torch

    from .nn import CReLU

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
    if name in ("flatten", "reshape", "view", "contiguous"):
        return "same"
    if name.startswith("dropout"):
        return "drop"
    if name in ("size", "getattr", "getitem"):
        return "size"
    raise UnsupportedError(f"{node.name} ({name}) cannot be part of a linear map, or is not known")


def _fill(job: _Job, factor: float, orthogonal: bool, generator: Any) -> None:
    """Write a layer's weights: mirrored over what it reads, over what it writes, or over both."""
    import torch

    layer = job.layer
    weight = layer.weight
    outputs, inputs = int(weight.shape[0]), int(weight.shape[1])
    groups = int(getattr(layer, "groups", 1))
    taps = tuple(int(k) for k in weight.shape[2:])
    rows = outputs // 2 if job.mirrored else outputs
    columns = inputs
    if job.split is not None:
        part, whole = job.split
        if inputs % whole:
            raise NetworkError(f"{job.name} reads {inputs} inputs, of a rectifier's {whole}")
        columns = inputs // whole * part
    full = torch.zeros(weight.shape, dtype=torch.float64)
    if orthogonal:
        centre = tuple(k // 2 for k in taps)
        per_group = rows // groups
        for g in range(groups):
            some = _orthogonal(per_group, columns, generator)
            block = full[g * per_group : (g + 1) * per_group, :columns]
            for k in centre:
                block = block.select(2, k)
            block.copy_(some)
    else:
        shape = (rows, columns, *taps)
        some = torch.randn(shape, dtype=torch.float64, generator=generator)
        full[:rows, :columns] = some / math.sqrt(columns * math.prod(taps))
    if job.split is not None:
        full[:rows, columns : 2 * columns] = -full[:rows, :columns]
    if job.mirrored:
        full[rows : 2 * rows] = -full[:rows]
    with torch.no_grad():
        weight.copy_(factor * full)
        if layer.bias is not None:
            layer.bias.zero_()


def _orthogonal(rows: int, columns: int, generator: Any) -> Any:
    """A uniformly random matrix with orthonormal rows or columns."""
    import torch

    tall = torch.randn(
        max(rows, columns), min(rows, columns), dtype=torch.float64, generator=generator
    )
    q, r = torch.linalg.qr(tall)
    q = q * torch.where(torch.diagonal(r) < 0, -1.0, 1.0)
    return q if rows >= columns else q.T


def _shrinking(plan: _Plan) -> dict[str, int]:
    """Why layers do not keep lengths, and how many of them."""
    found: dict[str, int] = {}

    def count(why: str) -> None:
        found[why] = found.get(why, 0) + 1

    for job in plan.jobs.values():
        layer = job.layer
        outputs, inputs = layer.weight.shape[:2]
        inputs *= getattr(layer, "groups", 1)
        own = outputs // 2 if job.mirrored else outputs
        read = inputs if job.split is None else inputs // job.split[1] * job.split[0]
        if own < read:
            count("write fewer numbers than they read, and project")
        kernel = getattr(layer, "kernel_size", ())
        if not kernel:
            continue
        if any(s != 1 for s in layer.stride):
            count("have a stride, and leave out positions")
        if any(k % 2 == 0 for k in kernel):
            count("have even kernels, and shift")
        padding = layer.padding
        if padding == "valid" or (
            not isinstance(padding, str)
            and any(
                p < d * (k // 2) for p, k, d in zip(padding, kernel, layer.dilation, strict=True)
            )
        ):
            count("have too little padding, and crop")
    return found


def _settle_norms(module: Any, plan: _Plan, batchnorm: str) -> None:
    import torch

    for name, norm in plan.norms.items():
        if batchnorm == "remove":
            parent, _, own = name.rpartition(".")
            setattr(module.get_submodule(parent), own, torch.nn.Identity())
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
        plan._note("batch normalisations are identities in evaluation mode only")


def _probe(plan: _Plan, example: Any) -> torch.Tensor:
    """Random inputs, shape (2 P, ...)."""
    import torch

    like = next(iter(plan.jobs.values())).layer.weight
    if example is None:
        first = next(iter(plan.jobs.values())).layer
        if not isinstance(first, torch.nn.Linear):
            raise PlicaError(
                "the shape of an input does not follow from the first layer: give an example, or "
                "its shape as (1, channels, height, width), or verify=False"
            )
        shape: tuple[int, ...] = (1, first.in_features)
    elif hasattr(example, "shape"):
        shape = tuple(int(n) for n in example.shape)
    else:
        shape = tuple(int(n) for n in example)
    random = torch.Generator().manual_seed(0)
    return torch.randn(8, *shape[1:], dtype=torch.float64, generator=random).to(like)


def _superposition(module: Any, probe: Any) -> float:
    """Relative error of ``f(a x + b y) = a f(x) + b f(y)``, in evaluation mode."""
    import torch

    training = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            x, y = probe.chunk(2)
            fx, fy, both = module(x.clone()), module(y.clone()), module(0.6 * x - 1.7 * y)
    finally:
        for m, was in training.items():
            m.training = was
    size = float(torch.maximum(fx.abs().max(), fy.abs().max()))
    error = float((both - (0.6 * fx - 1.7 * fy)).abs().max())
    if size == 0:
        return 0.0 if error == 0 else float("inf")
    return error / size
