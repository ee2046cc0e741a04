"""Numbers of regions that theorems give, each with its source, and networks that have them."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, prod

import numpy as np

from plica import Network, PiecewiseLinear


def generic(n: int, m: int) -> int:
    """Zaslavsky 1975: ``m`` hyperplanes in general position cut R^n into ``sum_{j<=n} C(m, j)``."""
    return sum(comb(m, j) for j in range(n + 1))


def central(n: int, m: int) -> int:
    """Zaslavsky 1975: in general position through the origin, ``2 sum_{j<n} C(m - 1, j)``."""
    return 2 * sum(comb(m - 1, j) for j in range(n))


def parallel(n: int, ranks: Sequence[int]) -> int:
    """Families of ``k_i - 1`` parallel hyperplanes: ``sum_{j<=n} e_j(k_1 - 1, ..., k_m - 1)``.

    With ``p`` hyperplanes in each of ``m`` families, ``sum_{j<=n} C(m, j) p^j`` (Hu and Zhang
    2020); also what a layer of maxout units of ranks ``k_i`` has at most (Montufar, Ren and Zhang
    2022). ``e_j`` are the elementary symmetric polynomials.
    """
    e = [1] + [0] * n
    for k in ranks:
        for j in range(n, 0, -1):
            e[j] += (k - 1) * e[j - 1]
    return sum(e)


def polygons(ranks: Sequence[int]) -> int:
    """Maxout units without biases in the plane, slopes on circles: ``sum k_i``.

    A cell is the normal cone of a vertex of the Minkowski sum of the units' polygons, and a sum
    of polygons without parallel sides has as many vertices as they have together.
    """
    return sum(ranks)


def folded(n: int, pieces: Sequence[int], last: int) -> int:
    """Montufar et al. 2014: layers fold [0, 1]^n onto itself ``g^n`` times; generic planes cut."""
    return prod(g**n for g in pieces) * generic(n, last)


# -- networks --------------------------------------------------------------------------------


def one_layer(
    n: int,
    m: int,
    activation: str | PiecewiseLinear = "relu",
    *,
    biases: bool = True,
    seed: int = 0,
) -> Network:
    """``m`` units of ``n`` inputs with normal random weights, generic with probability one."""
    rng = np.random.default_rng([seed, n, m])
    W, b = rng.normal(size=(m, n)), rng.normal(size=m) * biases
    return Network.mlp([(W, b), (np.ones((1, m)), [0])], activation)


def moment_curve(n: int, m: int, *, biases: bool = True) -> Network:
    """Integer hyperplanes ``(1, t, ..., t^(n-1)) . x + t^n``, of which no n + 1 meet in a point."""
    W = np.array([[float(t**i) for i in range(n)] for t in range(1, m + 1)])
    b = np.array([float(t**n) for t in range(1, m + 1)]) * biases
    return Network.mlp([(W, b), (np.ones((1, m)), [0])])


def collinear_maxout(n: int, m: int, k: int, *, seed: int = 0) -> Network:
    """``m`` units ``max_q (q (w . x) - c_q)`` of rank k, each bending on parallel hyperplanes."""
    rng = np.random.default_rng([seed, n, m, k])
    w, q = rng.normal(size=(m, 1, n)), np.arange(k)
    # half squares bend at q + 1/2; the shift makes the families generic
    shift = rng.normal(size=(m, 1))
    W = (q[None, :, None] * w).reshape(m * k, n)
    b = (q * shift - q * q / 2).reshape(m * k)
    return Network.mlp([(W, b), (np.ones((1, m)), [0])], maxout=k)


def simplex_maxout(n: int, m: int, k: int, *, seed: int = 0) -> Network:
    """``m`` generic units of rank k; with ``m (k - 1) <= n`` every pattern occurs, ``k^m``."""
    rng = np.random.default_rng([seed, n, m, k])
    pair = (rng.normal(size=(m * k, n)), rng.normal(size=m * k))
    return Network.mlp([pair, (np.ones((1, m)), [0])], maxout=k)


def circular_maxout(n: int, ranks: int, m: int) -> Network:
    """``m`` units without biases, slopes on circles in the first two of ``n`` inputs."""
    angle = 2 * np.pi * (np.arange(ranks) / ranks + np.arange(m)[:, None] / (ranks * m) + 0.01)
    W = np.zeros((m * ranks, n))
    W[:, 0], W[:, 1] = np.cos(angle).ravel(), np.sin(angle).ravel()
    return Network.mlp([(W, np.zeros(m * ranks)), (np.ones((1, m)), [0])], maxout=ranks)


def folding(n: int, pieces: Sequence[int], last: int, *, seed: int = 0) -> Network:
    """Folds of [0, 1]^n onto itself, then ``last`` planes whose vertices all lie inside it.

    Coordinate ``t`` of a layer with ``g`` pieces is folded by ``g t``, ``2 g t - 2 (i - 1)`` for
    ``i = 2, ..., g``, rectified and added up with alternating signs.
    """
    layers = []
    Z = np.eye(n)  # what the layer before makes of its units
    for g in pieces:
        slopes = np.array([g, *[2.0 * g] * (g - 1)])
        W = np.kron(np.eye(n), slopes[:, None])
        layers.append((W @ Z, np.tile(-2.0 * np.arange(g), n)))
        Z = np.kron(np.eye(n), (-1.0) ** np.arange(g))
    rng = np.random.default_rng([seed, n, last])
    normals = rng.normal(size=(last, n))
    # planes very near the centre meet near the centre
    offset = -normals @ np.full(n, 0.5) + 2.0**-10 * rng.uniform(-1, 1, last)
    return Network.mlp([*layers, (normals @ Z, offset), (np.ones((1, last)), [0])])
