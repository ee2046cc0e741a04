r"""Expected numbers of regions of random networks, and the constants that they depend on.

These are no bounds for one network: they bound the mean over random weights and biases, or estimate
it. Two constants enter: ``c_grad``, a bound on the mean size of the gradients of pre-activations
(``sup E[|grad z|^k]^{1/k}``), and ``c_bias``, the largest density of a bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import comb, factorial, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, require_network
from ..domains import Box, Domain
from ..errors import NetworkError, UnsupportedError
from .counting import check_count, check_widths

__all__ = [
    "Constants",
    "CreaseVolume",
    "estimate_constants",
    "expected_creases",
    "hanin_rolnick_2019",
    "tseran_montufar_2021",
    "tseran_montufar_2021_boundary",
]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Constants:
    """What the expected numbers depend on, estimated from one network.

    Attributes
    ----------
    c_grad : float
        Largest Euclidean norm of the gradient of a pre-activation over the sampled points.
    c_bias : float
        Largest density of a bias, ``1 / (s sqrt(2 pi))``, if the biases of a layer are normally
        distributed; ``s`` is the least standard deviation of the biases of a layer.
    n_units : int
        Units with more than one piece.
    """

    c_grad: float
    c_bias: float
    n_units: int


def _check(**numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 < value < np.inf:
            raise NetworkError(f"{name} must be a positive number, got {value}")


def hanin_rolnick_2019(
    n_inputs: int, n_units: int, c_grad: float, c_bias: float, volume: float = 1.0
) -> float:
    r"""Upper bound on the expected activation regions of a random rectifier network in a cube.

    .. math:: \frac{(T N)^{n_0}}{n_0!} \operatorname{vol}, \qquad T = 2^5 c_{grad} c_{bias}

    for ``N >= n0`` units, ``2^N`` for fewer; for cubes that are not too small (the theorem asks for
    a least side, which depends on the constants), and weights and biases that are independent and
    have densities.

    Parameters
    ----------
    n_inputs, n_units : int
    c_grad, c_bias : float
        See `plica.bounds.expected`.
    volume : float
        Of the cube.

    References
    ----------
    B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, NeurIPS
    2019.

    Examples
    --------
    >>> hanin_rolnick_2019(2, 10, c_grad=1.0, c_bias=0.5)
    12800.0
    """
    n0, n = check_count(n_inputs, "the number of inputs"), check_count(n_units, "units")
    _check(c_grad=c_grad, c_bias=c_bias, volume=volume)
    if n < n0:
        return 2.0**n
    return (32 * c_grad * c_bias * n) ** n0 / factorial(n0) * volume


def tseran_montufar_2021(
    n_inputs: int, n_units: int, rank: int, c_grad: float, c_bias: float, volume: float = 1.0
) -> float:
    r"""The same for maxout units of a rank.

    .. math:: \frac{(T K N)^{n_0} \binom{K n_0}{2 n_0}}{n_0!} \operatorname{vol},
              \qquad T = 2^5 c_{grad} c_{bias}

    for ``N >= n0`` units, ``K^N`` for fewer.

    Parameters
    ----------
    n_inputs, n_units, rank : int
    c_grad, c_bias : float
        See `plica.bounds.expected`.
    volume : float

    Notes
    -----
    The theorem also counts regions of lower dimension, where ``r`` units are tied. Its form for ``r
    > 0`` could not be checked, so only ``r = 0`` is given here.

    References
    ----------
    H. Tseran and G. Montufar, On the expected complexity of maxout networks, NeurIPS 2021.

    Examples
    --------
    >>> tseran_montufar_2021(2, 10, 2, c_grad=1.0, c_bias=0.5)
    51200.0
    """
    n0, n = check_count(n_inputs, "the number of inputs"), check_count(n_units, "units")
    k = check_count(rank, "the rank of maxout units", 2)
    _check(c_grad=c_grad, c_bias=c_bias, volume=volume)
    if n < n0:
        return float(k) ** n
    return (32 * c_grad * c_bias * k * n) ** n0 * comb(k * n0, 2 * n0) / factorial(n0) * volume


def tseran_montufar_2021_boundary(
    n_inputs: int, n_units: int, rank: int, c_grad: float, c_bias: float, volume: float = 1.0
) -> float:
    r"""Upper bound on the expected linear pieces of the decision boundary of a maxout network.

    .. math:: \frac{(2^4 c_{grad} c_{bias})^{n_0} (2 K N)^{n_0 - 1}
              \binom{K (n_0 - 1)}{2 (n_0 - 1)}}
              {(n_0 - 1)!} \operatorname{vol}

    Parameters
    ----------
    n_inputs, n_units, rank : int
    c_grad, c_bias : float
        See `plica.bounds.expected`.
    volume : float

    References
    ----------
    Tseran and Montufar 2021.

    Examples
    --------
    >>> tseran_montufar_2021_boundary(2, 10, 2, c_grad=1.0, c_bias=0.5)
    2560.0
    """
    n0, n = check_count(n_inputs, "the number of inputs"), check_count(n_units, "units")
    k = check_count(rank, "the rank of maxout units", 2)
    _check(c_grad=c_grad, c_bias=c_bias, volume=volume)
    m = n0 - 1
    pieces = (2.0 * k * n) ** m * comb(k * m, 2 * m) / factorial(m)
    return (16 * c_grad * c_bias) ** n0 * pieces * volume


def estimate_constants(
    net: Network, domain: Domain, *, samples: int = 1000, seed: int = 0
) -> Constants:
    """The constants of the expected numbers, estimated from one network.

    Parameters
    ----------
    net : Network
        Its stages are taken to be layers with biases of one distribution each.
    domain : Box, Segment or Slice
        Where points are drawn; gradients are in the domain's own coordinates.
    samples : int
        Number of points.
    seed : int

    Returns
    -------
    Constants

    Raises
    ------
    UnsupportedError
        If the domain has no bounds, or the biases of some layer are all the same: they have no
        density.

    Notes
    -----
    An estimate, no bound: the largest gradient is that of some points, and the distribution of the
    biases is guessed from one draw.
    """
    inner = domain.restrict(require_network(net))
    bounds = getattr(domain, "bounds", None)
    if bounds is None:
        raise UnsupportedError("points are drawn from a box, a segment or a slice; give one")
    low, high = bounds
    rng = np.random.default_rng(seed)
    points = low + (high - low) * rng.random((check_count(samples, "samples"), domain.dim))
    largest, spread = 0.0, np.inf
    for layer in range(1, inner.depth + 1):
        until = inner.until(layer)
        jacobians, _ = until.affine(points)
        largest = max(largest, float(np.linalg.norm(jacobians, axis=2).max()))
        spread = min(spread, float(until.stages[-1].a.std()))
    if not 0 < spread < np.inf or not largest:
        raise UnsupportedError(
            "the biases of some layer are all the same: they have no density, and no expected "
            "number follows from them"
        )
    return Constants(largest, 1 / (spread * sqrt(2 * pi)), inner.n_units)


@dataclass(frozen=True)
class CreaseVolume:
    """A Monte Carlo mean with its standard error."""

    mean: float
    stderr: float


def expected_creases(
    widths: Sequence[int],
    box: Box,
    *,
    weight_gain: float = 2.0,
    bias_std: float = 1.0,
    networks: int = 200,
    points: int = 200,
    seed: int = 0,
) -> CreaseVolume:
    r"""Expected volume of the creases, of dimension n0 - 1, of random rectifier networks in a box.

    .. math:: \sum_i \int_{box} E\left[\|\nabla z_i(x)\| \, \rho(\hat z_i(x))\right] dx

    ``z_i`` is the pre-activation of unit ``i``, ``hat z_i`` the same without its own bias, and
    ``rho`` the density of that bias. For one input this is the expected number of breakpoints, one
    less than that of activation regions. The mean is over normal weights of variance ``weight_gain
    / fan_in`` and normal biases; it is estimated by drawing networks and points.

    Parameters
    ----------
    widths : sequence of int
        ``(n0, n1, ..., nL)``.
    box : Box
    weight_gain, bias_std : float
    networks, points : int
        How many are drawn, points for each network; at least two networks.
    seed : int

    Returns
    -------
    CreaseVolume

    Raises
    ------
    NetworkError
        If a number is out of range, or the box does not extend in all the inputs.

    Notes
    -----
    All creases count, also those that the readout does not see (which has probability 0 unless a
    whole layer is off).

    References
    ----------
    B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, ICML 2019.

    Examples
    --------
    >>> import plica
    >>> found = expected_creases((1, 8), plica.Box([-1], [1]), networks=400)
    >>> abs(found.mean - 8 * 2 / 3.14159 * 0.9553) < 4 * found.stderr  # 8 P(|b / w| < 1)
    True
    """
    widths = check_widths(widths)
    if box.n_inputs != widths[0] or box.dim != widths[0]:
        raise NetworkError(f"the box must have an extent in all of the {widths[0]} inputs")
    _check(weight_gain=weight_gain, bias_std=bias_std)
    check_count(networks, "networks, for a standard error,", 2)
    check_count(points, "points")
    rng = np.random.default_rng(seed)
    low, high = box.bounds
    found = np.zeros(networks)
    for k in range(networks):
        h = low + (high - low) * rng.random((points, widths[0]))
        J = np.broadcast_to(np.eye(widths[0]), (points, widths[0], widths[0]))
        for fan_in, n in pairwise(widths):
            W = rng.normal(0, sqrt(weight_gain / fan_in), (n, fan_in))
            b = rng.normal(0, bias_std, n)
            z, J = h @ W.T, W @ J
            density = np.exp(-((z / bias_std) ** 2) / 2) / (bias_std * sqrt(2 * pi))
            found[k] += (np.linalg.norm(J, axis=2) * density).sum(axis=1).mean()
            z = z + b
            h, J = np.maximum(z, 0), J * (z > 0)[:, :, None]
    found *= float(np.prod(high - low))
    return CreaseVolume(float(found.mean()), float(found.std(ddof=1) / sqrt(networks)))
