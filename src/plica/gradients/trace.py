"""Gradients of all samples at all layers, from one forward pass and one backward pass a readout.

Samples do not mix once batch statistics are held constant, so the gradient of ``sum_i v f(x_i)``
with respect to a layer holds in row ``i`` the gradient of sample ``i``. What a hook sees is boiled
down to M numbers and an M x M matrix at once; gradients are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import PlicaError, UnsupportedError
from .graph import Block, Rectifier, Structure, read_graph
from .modes import batch_of, held
from .statistics import Correlation, gaussian_rank, pair_correlation

if TYPE_CHECKING:
    import torch

__all__ = ["Recorder", "Site", "Trace", "run", "sample_gradients", "trace"]

Float = NDArray[np.float64]


@dataclass(eq=False)
class Site:
    """A place in a network, and what the gradients of the samples are like there.

    Sums over the readouts of ``|g_i|^2`` (``own``), and of ``<g_i, sum_j g_j>`` (``with_sum``);
    ``ranks`` and ``row_ranks`` hold effective ranks, relative to Gaussian noise, one a readout,
    the latter of rows scaled to length 1; ``cosine`` sums the mean cosines between samples.
    """

    name: str
    kind: str
    order: int
    shape: tuple[int, ...] = ()
    own: Float = field(default_factory=lambda: np.zeros(0))
    with_sum: Float = field(default_factory=lambda: np.zeros(0))
    ranks: list[float] = field(default_factory=list)
    row_ranks: list[float] = field(default_factory=list)
    cosines: list[float] = field(default_factory=list)
    rectifier: Rectifier | None = None
    block: Block | None = None

    def add(self, gradient: torch.Tensor) -> None:
        """Take the gradients of one readout into account, shape (M, ...)."""
        self.shape = tuple(gradient.shape[1:])
        g = gradient.detach().reshape(gradient.shape[0], -1)
        self.add_gram(np.asarray((g @ g.T).cpu().numpy(), dtype=np.float64), g.shape[1])

    def add_gram(self, gram: Float, d: int) -> None:
        """The same, for gradients of d numbers of which only the inner products are known."""
        if not np.isfinite(gram).all():
            raise PlicaError(
                f"the gradients at {self.name} overflow: measure a copy of the module in float64 "
                "(module.double())"
            )
        own, with_sum = np.diag(gram).copy(), gram.sum(axis=1)
        self.own = own if not self.own.size else self.own + own
        self.with_sum = with_sum if not self.with_sum.size else self.with_sum + with_sum
        M = len(gram)
        size = np.sqrt(np.where(own > 0, own, 1.0))
        scaled = gram / np.outer(size, size)
        for values, matrix in ((self.ranks, gram), (self.row_ranks, scaled)):
            top = np.linalg.eigvalsh(matrix)[-1] if matrix.any() else 0.0
            values.append(
                float(np.trace(matrix) / top / gaussian_rank(M, d)) if top > 0 else np.nan
            )
        alive = np.count_nonzero(own)
        if alive > 1:
            self.cosines.append((scaled.sum() - np.trace(scaled)) / (alive * (alive - 1)))

    @property
    def correlation(self) -> Correlation:
        """Mean pair correlation of the gradients, over samples and readouts."""
        return pair_correlation(self.own, self.with_sum)

    @property
    def variance(self) -> float:
        """Mean over samples of ``|g_i|^2``, summed over readouts."""
        return float(self.own.mean())


@dataclass(eq=False)
class Trace:
    """What `trace` saw: sites in the order of execution, and the structure of the network.

    ``forks`` and ``skips`` belong to the blocks of the structure: the site where the two ways part,
    and the mean of ``|g_i|^2`` there of what came back by the path without activations; ``eps`` is
    the machine epsilon of the batch.
    """

    sites: list[Site]
    structure: Structure
    readouts: int
    M: int
    forks: list[Site | None]
    skips: list[float]
    eps: float


class Recorder(Protocol):
    """Sees the layers of a module in one forward pass and the backward passes behind it."""

    def watch(self) -> list[Any]: ...

    def grams(self) -> Iterable[tuple[str, Float, int]]: ...


def trace(
    module: torch.nn.Module,
    batch: Any,
    *,
    readout: Any,
    draws: int,
    bn: str,
    seed: int,
    layers: Recorder | None = None,
) -> Trace:
    """Run the module once forward, and once backward a readout; see `diagnose`.

    With ``layers`` the sites are these, for the gradients of their parameters, behind one for all
    parameters together.
    """
    import torch

    x = batch_of(module, batch).detach().clone().requires_grad_()
    names: dict[Any, str] = {}

    def remember(name: str) -> Callable[[Any, Any, Any], None]:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            node = getattr(output, "grad_fn", None)
            if node is not None and name:
                names.setdefault(node, name)

        return hook

    hooks = [m.register_forward_hook(remember(name)) for name, m in module.named_modules()]
    hooks += layers.watch() if layers is not None else []
    output, values = run(module, x, readout, draws, bn, seed, hooks)
    # of the module's own output: what a readout adds behind it is not part of the network
    structure = read_graph(output.grad_fn, x)
    eps = float(torch.finfo(x.dtype).eps)
    if layers is not None:
        own = _parameter_sites(layers, values, x)
        return Trace(own, structure, len(values), len(x), [], [], eps)
    first = Site("input", "input", -1)
    sites, forks, skips, recording = _watch(structure, names, first, len(x))
    try:
        for k, value in enumerate(values):
            (gradient,) = torch.autograd.grad(value.sum(), x, retain_graph=k + 1 < len(values))
            first.add(gradient)
    finally:
        for handle in recording:
            handle.remove()
    kept = [s for s in sites if s.own.size]
    return Trace([first, *kept], structure, len(values), len(x), forks, skips, eps)


def _parameter_sites(layers: Recorder, values: list[torch.Tensor], x: torch.Tensor) -> list[Site]:
    import torch

    everything = Site("all parameters", "parameters", -1)
    sites: dict[str, Site] = {}
    for k, value in enumerate(values):
        torch.autograd.grad(value.sum(), x, retain_graph=k + 1 < len(values))
        total, size = np.zeros((len(x), len(x))), 0
        for name, gram, n in layers.grams():
            site = sites.setdefault(name, Site(name or "module", "parameters", len(sites), (n,)))
            site.add_gram(gram, n)
            total, size = total + gram, size + n
        everything.shape = (size,)
        everything.add_gram(total, max(1, size))
    return [everything, *sites.values()]


def run(
    module: torch.nn.Module,
    x: torch.Tensor,
    readout: Any,
    draws: int,
    bn: str,
    seed: int,
    hooks: Iterable[Any] = (),
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Outputs of a module on a batch, and the values to differentiate; hooks are for this run.

    Raises
    ------
    PlicaError
        If an argument is not understood, or the module cannot be run on the batch.
    UnsupportedError
        If the module mixes samples, or does not return one tensor that depends on the batch.
    """
    import torch

    try:
        with held(module, bn), torch.enable_grad():
            output = module(x)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise PlicaError(
            f"the module cannot be run on a batch of shape {tuple(x.shape)}: {error}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(output, torch.Tensor) or output.shape[:1] != x.shape[:1]:
        raise UnsupportedError(
            "the module must return one tensor with the batch axis first; wrap it in a module "
            "that does"
        )
    if output.grad_fn is None:
        raise UnsupportedError("the module's output does not depend on its input differentiably")
    with held(module, bn), torch.enable_grad():
        values = _readouts_of(output, readout, draws, seed)
        if bn != "through" and len(x) > 1:
            _check_apart(module, x, output, values[0])
    return output, values


def _readouts_of(output: torch.Tensor, readout: Any, draws: int, seed: int) -> list[torch.Tensor]:
    """Values of shape (M,), one for each readout."""
    import torch

    flat = output.reshape(len(output), -1)
    if callable(readout):
        value = readout(output)
        if value.shape != (len(output),):
            raise PlicaError(
                f"readout must give one value a sample, shape ({len(output)},), got "
                f"{tuple(value.shape)}: of a loss, ask for reduction='none'"
            )
        return [value]
    if isinstance(readout, str):
        if readout != "random":
            raise PlicaError(
                f"readout {readout!r} is not understood; give 'random', a vector with one weight "
                "an output, or a callable"
            )
        if draws < 1:
            raise PlicaError(f"draws must be positive, got {draws}")
        if flat.shape[1] == 1:
            return [flat[:, 0]]
        random = torch.Generator().manual_seed(seed)
        weights = torch.randn(draws, flat.shape[1], generator=random, dtype=torch.float64)
        return [flat @ w.to(flat) for w in weights]
    vector = torch.as_tensor(readout).reshape(-1).to(flat)
    if vector.numel() != flat.shape[1]:
        raise PlicaError(f"readout has {vector.numel()} weights for {flat.shape[1]} outputs")
    return [flat @ vector]


def _check_apart(module: torch.nn.Module, x: torch.Tensor, output: Any, value: Any) -> None:
    """Refuse modules and readouts whose value for one sample depends on the others.

    Whether a module does is seen on a few samples, at a fraction of the cost of the batch (of all
    of them, where it takes no other number).
    """
    import torch

    (by_output,) = torch.autograd.grad(value[0], output, retain_graph=True)
    if by_output[1:].abs().max() > 0:
        raise UnsupportedError(
            "the readout mixes samples: its value for one of them depends on the outputs of others"
        )
    few = x[:4].detach().requires_grad_()
    try:
        seen = module(few)
    except RuntimeError:  # made for batches of one size
        few, seen = x, output
    weights = torch.linspace(1.0, 2.0, seen[0].numel()).to(seen).reshape(seen[0].shape)
    (gradient,) = torch.autograd.grad((seen[0] * weights).sum(), few, retain_graph=True)
    if gradient[1:].abs().max() > 0:
        raise UnsupportedError(
            "the module mixes samples: its value for one of them depends on the others (a "
            "normalisation over the batch of its own?). Per-sample gradients do not exist then"
        )


def _watch(
    structure: Structure, names: dict[Any, str], first: Site, M: int
) -> tuple[list[Site], list[Site | None], list[float], list[Any]]:
    """Hooks on the nodes of a graph that hand their gradients to sites."""
    import torch

    handles: list[Any] = []
    sites: list[Site] = []
    forks: list[Site | None] = []
    skips = [0.0] * len(structure.blocks)
    seen: dict[str, int] = {}

    def name_of(node: Any, what: str) -> str:
        if node in names:
            return names[node]
        seen[what] = seen.get(what, 0) + 1
        return f"{what} {seen[what]}"

    def rectify(site: Site, halves: int | None) -> Callable[[Any, Any], None]:
        def hook(grad_inputs: Any, _grad_outputs: Any) -> None:
            g = grad_inputs[0]
            if g is None or g.shape[0] != M:
                return
            if halves is not None:
                plus, minus = g.chunk(2, halves)
                g = plus - minus
            site.add(g)

        return hook

    def arrive(site: Site) -> Callable[[Any], None]:
        def hook(grad_outputs: Any) -> None:
            g = grad_outputs[0]
            if g is not None and g.shape[0] == M:
                site.add(g)

        return hook

    def measure(k: int, at: int | None) -> Callable[..., None]:
        def hook(grads: Any, _grad_outputs: Any = None) -> None:
            g = grads[at or 0]
            sizes = torch.linalg.vector_norm(g.reshape(M, -1), dim=1)
            skips[k] += float((sizes.double() ** 2).sum()) / M

        return hook

    for r in structure.rectifiers:
        site = Site(name_of(r.node, r.what), "rectifier", r.order, rectifier=r)
        sites.append(site)
        handles.append(r.node.register_hook(rectify(site, r.halves)))
    for b in structure.blocks:
        site = Site(name_of(b.node, "sum"), "sum", b.order, block=b)
        sites.append(site)
        handles.append(b.node.register_prehook(arrive(site)))
    known = {s.block.node: s for s in sites if s.block is not None}
    for k, b in enumerate(structure.blocks):
        if b.fork is None:
            forks.append(None)
            continue
        if b.fork_order < 0:
            known[b.fork] = first
        elif b.fork not in known:
            known[b.fork] = site = Site(name_of(b.fork, "fork"), "fork", b.fork_order)
            sites.append(site)
            handles.append(b.fork.register_prehook(arrive(site)))
        forks.append(known[b.fork])
        if b.skip is None:
            handles.append(b.node.register_prehook(measure(k, None)))
        else:
            at = next(i for i, (n, _) in enumerate(b.skip.next_functions) if n is b.fork)
            handles.append(b.skip.register_hook(measure(k, at)))
    sites.sort(key=lambda s: s.order)
    return sites, forks, skips, handles


def sample_gradients(
    module: torch.nn.Module,
    batch: Any,
    *,
    readout: Any = "random",
    bn: str = "frozen",
    seed: int = 0,
) -> Float:
    """Gradients of a readout of a module with respect to its input, one a sample.

    Parameters
    ----------
    module, batch, readout, bn, seed
        As for `diagnose`; a random readout is drawn once.

    Returns
    -------
    ndarray, shape (M, d)
        Inputs flattened.

    Raises
    ------
    PlicaError
        If an argument is not understood.
    UnsupportedError
        If the module mixes samples, or does not return one tensor.
    """
    import torch

    x = batch_of(module, batch, least=1).detach().clone().requires_grad_()
    _, (value,) = run(module, x, readout, 1, bn, seed)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return np.asarray(gradient.reshape(len(x), -1).cpu().numpy(), dtype=np.float64)
