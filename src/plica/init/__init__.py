"""The looks-linear initialisation: a rectifier network that starts as a linear map.

Balduzzi et al., *The Shattered Gradients Problem*, ICML 2017: with weights in mirrored blocks,
``(W, -W) (relu(x), relu(-x)) = W x``, so that a network of concatenated rectifiers is linear until
training makes the blocks differ. Gradients then do not shatter, whatever the depth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import NetworkError, PlicaError, UnsupportedError
from .plan import Plan, plan_for
from .weights import fill, settle_norms, shrinking, undone_on_error

if TYPE_CHECKING:
    import torch

__all__ = ["LooksLinear", "looks_linear_"]


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

    A grouped convolution must read both parts of every channel in one group. Behind a plain ReLU
    the units are paired group by group, which takes two units a group or more (so not a depthwise
    convolution); behind concatenated rectifiers, ``plica.nn.CReLU(groups=g)`` doubles every group
    by itself.

    Parameters
    ----------
    module : torch.nn.Module
        Of Linear, Conv1d, Conv2d, Conv3d, ReLU, CReLU, average pooling, means over positions,
        flatten, dropout, sums of branches and multiplication by constants.
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
        Check superposition on random inputs.

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
        rectifiers' channels are not the next layer's. Whatever is raised, the module is as it was:
        weights, statistics and layers.
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
    plan = plan_for(module, batchnorm)
    if not plan.jobs:
        raise UnsupportedError("the module has no linear or convolution layer to initialise")
    probe = _probe(plan, example) if verify else None
    if branch_gain is None:
        branch_gain = 1.0 / math.sqrt(max(1, plan.sums))
    error = None
    with undone_on_error(module, plan):
        for job in plan.jobs.values():
            factor = gain * (branch_gain if job.ends_branch else 1.0)
            fill(job, factor, weights == "orthogonal", generator)
        settle_norms(module, plan, batchnorm)
        if probe is not None:
            error = _verified(module, probe)
    notes = plan.notes + [
        f"{why}: {n} of {len(plan.jobs)} layers" for why, n in shrinking(plan).items()
    ]
    if weights == "gaussian":
        notes.append("Gaussian weights keep lengths in the mean only")
    if gain != 1:
        notes.append(f"every layer multiplies lengths by {gain:g}")
    return LooksLinear(len(plan.jobs), error, not notes, tuple(notes))


def _probe(plan: Plan, example: Any) -> torch.Tensor:
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


def _verified(module: Any, probe: Any) -> float:
    """The error of superposition, if it is that of a linear map."""
    import torch

    try:
        error = _superposition(module, probe)
    except (RuntimeError, PlicaError) as cause:
        raise NetworkError(
            f"the module cannot be run on inputs of shape {tuple(probe[:1].shape)}, to verify it: "
            f"{cause}. Give an example of the right shape"
        ) from cause
    if not error <= 1e4 * torch.finfo(probe.dtype).eps:
        raise NetworkError(
            f"the module is not linear after all: superposition fails by {error:.2g}. Does a "
            "rectifier's channel axis (CReLU's dim) differ from the axis that the next layer "
            "reads, or is an input changed in place?"
        )
    return error


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
