r"""Laws: how the correlation between gradients decays with depth in random rectifier networks.

Everything follows from two functions of the cosine ``c`` between the pre-activations of two inputs
(Cho and Saul, 2009): with Gaussian weights, both are active with probability ``k0(c) / 2``, and the
cosine between their activations is ``k1(c)``:

.. math:: k_0(c) = 1 - \arccos(c) / \pi, \quad
          k_1(c) = (\sqrt{1 - c^2} + (\pi - \arccos c) c) / \pi.

A layer of weights of variance 2/N multiplies the variance of a gradient by 1 and the covariance of
two gradients by ``k0(c)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PlicaError

__all__ = ["ARCHITECTURES", "KINDS", "Law", "k0", "k1", "law"]

Float = NDArray[np.float64]

ARCHITECTURES = ("plain", "residual", "highway", "linear")
KINDS = ("paper", "paper_batchnorm", "wide", "batchnorm")

#: Share of the second moment of a rectified standard normal that is not its squared mean.
CENTRED = 1.0 - 1.0 / np.pi


def k0(c: ArrayLike) -> Float:
    """Twice the probability that a rectifier is active for both of two inputs at cosine ``c``."""
    return np.asarray(1.0 - np.arccos(np.clip(c, -1.0, 1.0)) / np.pi, dtype=np.float64)


def k1(c: ArrayLike) -> Float:
    """Cosine between the activations of two inputs whose pre-activations have cosine ``c``."""
    c = np.clip(np.asarray(c, dtype=np.float64), -1.0, 1.0)
    t = np.arccos(c)
    return np.asarray((np.sqrt(1.0 - c * c) + (np.pi - t) * c) / np.pi, dtype=np.float64)


@dataclass(frozen=True)
class Law:
    """What a law says of a network of random weights; `law` makes it.

    Layers (of a residual or highway network: blocks) are numbered 0 to ``depth - 1`` from the
    input. The gradients at layer ``l`` are those with respect to what enters it: to the
    pre-activations of rectifier ``l``, or to the stream before block ``l``.

    Attributes
    ----------
    architecture, kind : str
    depth : int
    variances : ndarray, shape (depth + 1,)
        Variance of the gradients at each layer, as a multiple of that at the output (the last
        entry, 1).
    correlations : ndarray, shape (depth + 1, ...)
        Correlation between two inputs' gradients at each layer; the last entry is 1.
    cosines : ndarray, shape (depth, ...)
        Cosine between the pre-activations of the two inputs at each layer.
    """

    architecture: str
    kind: str
    depth: int
    variances: Float
    correlations: Float
    cosines: Float

    @property
    def correlation(self) -> Any:
        """Correlation at layer 0: a float, or an array of the shape of ``cosine``."""
        first = self.correlations[0]
        return float(first) if first.ndim == 0 else first

    @property
    def variance(self) -> float:
        """Variance at layer 0, as a multiple of that at the output."""
        return float(self.variances[0])

    @property
    def coactivation(self) -> Float:
        """Probability that a rectifier of each layer is active for both inputs."""
        return k0(self.cosines) / 2


def law(
    architecture: str,
    depth: int,
    kind: str = "wide",
    *,
    beta: float = 1.0,
    carry: float | None = None,
    cosine: ArrayLike = 0.0,
    batch: int | None = None,
    rectifiers: int = 1,
) -> Law:
    r"""Correlation between the gradients of two inputs in a random network of this depth.

    Parameters
    ----------
    architecture : {"plain", "residual", "highway", "linear"}
        Weights are independent, of mean 0 and variance 2/N.

        - plain: ``x <- W relu(x)``
        - residual: ``x <- x + beta W relu(x)``
        - highway: ``x <- g1 x + g2 W relu(x)``, with ``g1^2 + g2^2 = 1``
        - linear: any network that is linear (as looks-linear networks are at initialisation);
          the correlation is 1
    depth : int
        Number of rectifier layers, or of blocks.
    kind : {"paper", "paper_batchnorm", "wide", "batchnorm"}
        - paper: Balduzzi et al., ICML 2017, who assume that two inputs are both active at a
          quarter of the units: ``2^-L`` for plain networks, ``((1 + b/2) / (1 + b))^L``, with
          ``b = beta^2``, for residual ones. **It does not hold for networks without batch
          normalisation beyond the first layers**: there inputs align and co-activate more and more.
        - paper_batchnorm: the paper's law of residual networks with batch normalisation before the
          rectifiers, ``prod (b (l - 1/2) + 1) / (b l + 1)``, about ``1 / sqrt(b L)``. For plain
          networks the same as ``paper``.
        - wide: exact for infinite width without batch normalisation. The cosine between two inputs
          follows ``c <- k1(c)`` (plain), and the correlation is the product of ``k0(c)``; it decays
          like ``L^-3`` in plain networks.
        - batchnorm: for wide networks with batch normalisation before every rectifier, with
          statistics held constant in the backward pass. Cosines stay at -1/(M-1). The stream of a
          residual network grows by ``(1 - 1/pi) b`` a block, not ``b``, since the next
          normalisation removes the mean of the rectified units: the correlation decays
          like ``L^-0.73``, not ``L^-0.5``. The variance of plain networks grows by
          ``pi / (pi - 1)`` a layer.
    beta : float
        Weight of the branches of a residual network.
    carry : float, optional
        ``g1`` of a highway network; ``sqrt(1 - 1/depth)`` if not given.
    cosine : float or array_like
        Cosine between the pre-activations of the two inputs at layer 0 (``wide`` only).
    batch : int, optional
        Samples in a batch, ``M`` (``batchnorm`` only), at least 4; infinitely many if not given.
        Normalisation by the variance of few samples makes gradients larger, by ``M / (M - 3)`` in
        the mean; the law is good from about 16 samples on.
    rectifiers : int
        Rectifier layers, each with its weights (and normalisation), in a branch.

    Returns
    -------
    Law

    Raises
    ------
    PlicaError
        If an argument is out of range.

    Examples
    --------
    >>> from plica.gradients import law
    >>> law("plain", 10, "paper").correlation == 2**-10
    True
    >>> round(law("plain", 10, "wide").correlation, 4)
    0.0337
    >>> round(law("residual", 50, "batchnorm").correlation, 4)
    0.0941
    """
    if architecture not in ARCHITECTURES:
        raise PlicaError(f"architecture {architecture!r} is none of {', '.join(ARCHITECTURES)}")
    if kind not in KINDS:
        raise PlicaError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    if int(depth) != depth or depth < 0:
        raise PlicaError(f"depth must be a whole number from 0, got {depth}")
    if int(rectifiers) != rectifiers or rectifiers < 1:
        raise PlicaError(f"rectifiers must be a positive whole number, got {rectifiers}")
    if batch is not None and batch < 4:
        raise PlicaError(f"batch must be at least 4, got {batch}")
    c = np.asarray(cosine, dtype=np.float64)
    if not (np.abs(c) <= 1.0).all():
        raise PlicaError("cosine must lie between -1 and 1")
    depth, rectifiers = int(depth), int(rectifiers)
    if carry is None:
        carry = float(np.sqrt(1.0 - 1.0 / max(1, depth)))
    if not 0.0 <= carry <= 1.0:
        raise PlicaError(f"carry must lie between 0 and 1, got {carry}")
    skip, branch = {
        "plain": (0.0, 1.0),
        "residual": (1.0, float(beta) ** 2),
        "highway": (carry**2, 1.0 - carry**2),
        "linear": (1.0, 0.0),
    }[architecture]
    if kind == "wide":
        steps = _wide(depth, skip, branch, c, rectifiers)
    else:
        steps = _normalised(depth, kind, skip, branch, batch, rectifiers)
    gains, shared, cosines = steps
    # gradients run from the output to the input
    variances = np.append(np.cumprod(gains[::-1])[::-1], 1.0)
    ratio = shared / gains.reshape(-1, *[1] * (shared.ndim - 1))
    last = np.ones((1, *shared.shape[1:]))
    correlations = np.concatenate([np.cumprod(ratio[::-1], axis=0)[::-1], last])
    return Law(architecture, kind, depth, variances, correlations, cosines)


def _wide(
    depth: int, skip: float, branch: float, c: Float, rectifiers: int
) -> tuple[Float, Float, Float]:
    """Gain of the variance and of the covariance of gradients in every block, and cosines."""
    shared, cosines = np.empty((depth, *c.shape)), np.empty((depth, *c.shape))
    for l in range(depth):
        cosines[l] = c
        inner, both = c, np.ones_like(c)
        for _ in range(rectifiers):
            both, inner = both * k0(inner), k1(inner)
        shared[l] = skip + branch * both
        c = (skip * c + branch * inner) / (skip + branch)
    return np.full(depth, skip + branch), shared, cosines


def _normalised(
    depth: int, kind: str, skip: float, branch: float, batch: int | None, rectifiers: int
) -> tuple[Float, Float, Float]:
    exact = kind == "batchnorm"
    cosine = -1.0 / (batch - 1) if exact and batch is not None else 0.0
    centred = CENTRED if exact else 1.0
    # mean of 1 / (variance over the batch) of M normal variables of variance 1
    small = batch / (batch - 3) if exact and batch is not None else 1.0
    gains, shared = np.empty(depth), np.empty(depth)
    q = 1.0  # variance over the batch of what enters the block
    for l in range(depth):
        entering = q if kind != "paper" else 1.0
        through = branch / (entering * centred ** (rectifiers - 1))
        through *= small**rectifiers
        gains[l] = skip + through
        shared[l] = skip + through * float(k0(cosine)) ** rectifiers
        q = skip * q + branch * centred
    return gains, shared, np.full(depth, cosine)
