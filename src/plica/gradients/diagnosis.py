"""`diagnose`: whether and where the gradients of a torch module shatter, and what theory says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PlicaError
from .grams import LayerCalls
from .modes import THROUGH
from .predict import Applied, apply_law, from_coactivation, mean_shares, structure_words
from .report import LayerGradients, ShatterReport
from .trace import trace

if TYPE_CHECKING:
    import torch

__all__ = ["WRT", "diagnose"]

WRT = ("activations", "parameters")


def diagnose(
    module: torch.nn.Module,
    batch: Any,
    *,
    readout: Any = "random",
    wrt: str = "activations",
    bn: str = "frozen",
    draws: int = 4,
    seed: int = 0,
) -> ShatterReport:
    """Whether the gradients of different samples still agree, layer by layer.

    One forward pass, and one backward pass a readout, give the gradients of all samples at all
    layers. The module may be any that takes a batch and returns one tensor; activations and sums of
    branches are found in the graph of the computation. The module is measured in evaluation mode
    (dropout is off), batch normalisation apart, and is left as it was.

    Parameters
    ----------
    module : torch.nn.Module
    batch : tensor or array, shape (M, ...)
        Inputs. Converted to the type and device of the module's parameters.
    readout : "random", array_like of shape (n_outputs,), or callable
        The number whose gradients are looked at: outputs weighted by normal random numbers
        (the mean over them is that over all outputs), by given weights, or what a callable makes of
        the outputs: one value a sample, such as a loss with ``reduction="none"``. A single output
        is taken as it is.
    wrt : {"activations", "parameters"}
        Gradients with respect to the input, to what enters every rectifier, and to sums of
        branches; or with respect to the parameters, of all layers together (the first row) and of
        each: these are what a minibatch averages, if the readout is a loss. They are not formed;
        see `parameter_grams`. The laws are about activations.
    bn : {"frozen", "eval", "through"}
        Batch normalisation by the batch's statistics, held constant in the backward pass; by the
        running statistics; or by the batch's statistics, differentiated. Under the last, the
        gradients of the samples before a batch normalisation sum to zero, and the mean pair
        correlation is -1/(M-1) whatever the network.
    draws : int
        Number of random readouts.
    seed : int
        Of the random readouts.

    Returns
    -------
    ShatterReport

    Raises
    ------
    PlicaError
        If an argument is not understood, or gradients overflow.
    UnsupportedError
        If the module mixes samples, or does not return one tensor.

    Examples
    --------
    >>> import plica
    >>> import torch  # doctest: +SKIP
    >>> net = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
    ... # doctest: +SKIP
    >>> plica.gradients.diagnose(net, torch.randn(32, 8)).state  # doctest: +SKIP
    'coherent'
    """
    if wrt not in WRT:
        raise PlicaError(f"wrt must be one of {', '.join(WRT)}, got {wrt!r}")
    layers_of = LayerCalls(module, bn) if wrt == "parameters" else None
    seen = trace(module, batch, readout=readout, draws=draws, bn=bn, seed=seed, layers=layers_of)
    by_coactivation = {}
    if wrt == "parameters":
        applied = Applied("none", "the laws are about the gradients of activations", {})
    else:
        applied = apply_law(seen, bn)
        if bn != "through" and applied.name != "linear":  # there, weights are not independent
            by_coactivation = from_coactivation(seen)
    layers = []
    for k, site in enumerate(seen.sites):
        value, stderr = site.correlation
        active, coactive = mean_shares(site)
        layers.append(
            LayerGradients(
                site.name,
                site.kind,
                site.shape,
                float(np.sqrt(site.variance / seen.readouts)),
                value,
                stderr,
                float(np.mean(site.cosines)) if site.cosines else float("nan"),
                float(np.mean(site.ranks)),
                float(np.mean(site.row_ranks)),
                active,
                coactive,
                by_coactivation.get(k),
                applied.correlations.get(k),
            )
        )
    notes = [THROUGH] if bn == "through" and seen.structure.norms else []
    if seen.M < 16:
        notes.append(f"{seen.M} samples are few: take 32 or more")
    state = _state(layers[0].correlation, layers[0].stderr)
    if bn == "through" and seen.structure.norms:
        state = "unknown"
    return ShatterReport(
        tuple(layers),
        seen.M,
        seen.readouts,
        bn,
        structure_words(seen.structure),
        applied.name,
        applied.why,
        state,
        tuple(notes),
    )


def _state(correlation: float, stderr: float) -> str:
    if not np.isfinite(correlation):
        return "unknown"
    if correlation < 0.02 or (np.isfinite(stderr) and correlation < 3 * stderr):
        return "shattered"
    return "fading" if correlation < 0.25 else "coherent"
