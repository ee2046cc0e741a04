r"""Bounds for maxout networks, every unit the maximum of ``k`` affine functions (its rank)."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, prod

from .counting import (
    check_count,
    check_counts,
    check_widths,
    dimensions,
    elementary,
    generic_cells,
    parallel_cells,
    power,
)
from .folds import best_fold, maxout, need, wide

__all__ = [
    "kaleidoscope",
    "maxout_fold",
    "maxout_layer",
    "maxout_layer_montufar_2014",
    "maxout_montufar_2014",
    "maxout_serra_2018",
    "maxout_upper",
]


def _rank(rank: int) -> int:
    return check_count(rank, "the rank of maxout units", 2)


def maxout_layer(n0: int, ranks: Sequence[int], biases: bool = True) -> int:
    r"""One hidden layer of maxout units: the exact maximum.

    With biases, and the elementary symmetric polynomials ``e_j``,

    .. math:: \sum_{j=0}^{n_0} e_j(k_1 - 1, \ldots, k_m - 1).

    Without, the regions are the normal cones of the vertices of a Minkowski sum of ``m`` polytopes
    with ``k_i`` vertices each: ``prod k_i`` at most for ``m < n0``, else

    .. math:: a + \sum_{j=1}^{n_0 - 1} (-1)^{n_0 - 1 - j} \binom{m - 1 - j}{n_0 - 1 - j}
              \sum_{|S| = j} \left(\prod_{i \in S} k_i - a\right),
              \qquad a = 2 \text{ for odd } n_0, \; 0 \text{ for even } n_0

    Units are supposed to have rank at least 2.

    Parameters
    ----------
    n0 : int
        Number of inputs.
    ranks : sequence of int
        Rank of each unit.
    biases : bool
        Whether the units have biases.

    References
    ----------
    G. Montufar, Y. Ren and L. Zhang, Sharp bounds for the number of regions of maxout networks and
    vertices of Minkowski sums, SIAM J. Appl. Algebra Geom. 6 (2022). C. Weibel, Maximal f-vectors
    of Minkowski sums of large numbers of polytopes, Discrete Comput. Geom. 47 (2012).

    Examples
    --------
    >>> maxout_layer(2, (3, 3)), maxout_layer(2, (3, 3), biases=False)
    (9, 6)
    """
    n0, *_ = check_widths((n0, len(ranks)))
    k = [_rank(r) for r in ranks]
    m = len(k)
    if biases:
        return sum(elementary(n0, [r - 1 for r in k]))
    if n0 == 1:
        return 2
    if m < n0:
        return prod(k)
    a = 2 * (n0 % 2)
    e = elementary(n0 - 1, k)
    return a + sum(
        power(-1, n0 - 1 - j) * comb(m - 1 - j, n0 - 1 - j) * (e[j] - a * comb(m, j))
        for j in range(1, n0)
    )


def maxout_layer_montufar_2014(n0: int, n1: int, rank: int) -> tuple[int, int]:
    r"""One hidden layer, the bounds of 2014: lower and upper.

    .. math:: k^{\min(n_0, n_1)} \le \max \le \min\left(\sum_{j=0}^{n_0} \binom{k^2 n_1}{j},
              k^{n_1}\right)

    Kept for comparison; `maxout_layer` is exact.

    Parameters
    ----------
    n0, n1 : int
        Numbers of inputs and of units.
    rank : int

    Returns
    -------
    lower, upper : int

    References
    ----------
    Montufar, Pascanu, Cho and Bengio, NeurIPS 2014, section on maxout networks.

    Examples
    --------
    >>> maxout_layer_montufar_2014(2, 3, 2), maxout_layer(2, (2, 2, 2))
    ((4, 8), 7)
    """
    n0, n1 = check_widths((n0, n1))
    k = _rank(rank)
    return power(k, min(n0, n1)), min(generic_cells(n0, k * k * n1), power(k, n1))


def maxout_serra_2018(widths: Sequence[int], rank: int) -> int:
    r"""Upper bound from the hyperplanes on which two entries of a unit agree.

    .. math:: \prod_{l=1}^{L} \sum_{j=0}^{d_l} \binom{\frac{k (k - 1)}{2} n_l}{j}, \qquad
              d_l = \min(n_0, \ldots, n_{l-1})

    Parameters
    ----------
    widths : sequence of int
    rank : int

    References
    ----------
    Theorem 10 of Serra, Tjandraatmadja and Ramalingam, ICML 2018.

    Examples
    --------
    >>> maxout_serra_2018((2, 3, 3), 3), maxout_upper((2, 3, 3), 3)
    (2116, 361)
    """
    widths = check_widths(widths)
    k = _rank(rank)
    pairs = zip(dimensions(widths), widths[1:], strict=True)
    return prod(generic_cells(d, k * (k - 1) // 2 * m) for d, m in pairs)


def maxout_upper(widths: Sequence[int], rank: int) -> int:
    r"""The exact number of one layer, layer by layer.

    .. math:: \prod_{l=1}^{L} \sum_{j=0}^{d_l} \binom{n_l}{j} (k - 1)^j, \qquad
              d_l = \min(n_0, \ldots, n_{l-1})

    Never above `maxout_serra_2018`.

    Parameters
    ----------
    widths : sequence of int
    rank : int

    References
    ----------
    Montufar, Ren and Zhang 2022.

    Examples
    --------
    >>> maxout_upper((2, 4, 4), 3)
    1089
    """
    widths = check_widths(widths)
    k = _rank(rank)
    pairs = zip(dimensions(widths), widths[1:], strict=True)
    return prod(parallel_cells(d, m, k - 1) for d, m in pairs)


def maxout_montufar_2014(widths: Sequence[int], rank: int) -> int:
    r"""Deep maxout networks as wide as their input.

    .. math:: k^{L - 1} k^{n_0}, \qquad n_l \ge n_0

    Parameters
    ----------
    widths : sequence of int
    rank : int

    Raises
    ------
    UnsupportedError
        If a layer is narrower than the input, or there is one input and the rank is above 2.

    Notes
    -----
    **As printed, the statement is false for one input and rank above 2**: a chain of two units of
    rank ``k`` and width 1 has at most ``3 k - 2 < k^2`` pieces, as the first unit is a convex
    function, which takes each value at most twice. For more inputs it follows from `kaleidoscope`,
    whose factor a layer is larger.

    References
    ----------
    Montufar, Pascanu, Cho and Bengio, NeurIPS 2014, on deep maxout networks.

    Examples
    --------
    >>> maxout_montufar_2014((2, 2, 2), 3), kaleidoscope((2, 2, 2), 3)
    (27, 54)
    """
    widths = check_widths(widths)
    k = _rank(rank)
    wide(widths, every=True)
    n0 = widths[0]
    deep = len(widths) > 2
    need(
        n0 > 1 or k == 2 or not deep,
        "false as printed for one input and rank above 2 (see plica.bounds.maxout_montufar_2014)",
    )
    return power(k, len(widths) - 2 + n0)


def kaleidoscope(widths: Sequence[int], rank: int) -> int:
    r"""Lower bound by folding planes like a kaleidoscope.

    .. math:: \left((2 k)^{\lfloor n_0 / 2 \rfloor} \, 2^{n_0 \bmod 2}\right)^{L - 1}
              \sum_{j=0}^{n_0} \binom{n_L}{j} (k - 1)^j

    For ``n_l >= n0`` in the layers before the last. Two units map a plane by ``x -> (max_q <e(2 pi
    q / k), x>, max_q <e(2 pi q / k + pi / k), x>)`` with unit vectors ``e``. On each of the ``2 k``
    cones between neighbouring directions ``u`` and ``v`` this is ``x -> (<u, x>, <v, x>)``, and as
    ``a u + b v`` goes to ``(a + b c, a c + b)`` with ``c = cos(pi / k)`` all cones are mapped onto
    the same one, linearly. The next layer does the same around a point inside that cone; an odd
    coordinate is folded by an absolute value. The last layer makes its cells in a small ball. If no
    slope of the last layer is 0 the maps across a fold differ: these are linear regions.

    Parameters
    ----------
    widths : sequence of int
    rank : int

    Raises
    ------
    UnsupportedError
        If a layer before the last is narrower than the input.

    Examples
    --------
    >>> kaleidoscope((2, 2, 2), 3)
    54
    """
    widths = check_widths(widths)
    k = _rank(rank)
    wide(widths)
    n0 = widths[0]
    factor = power(2 * k, n0 // 2) * power(2, n0 % 2)
    return power(factor, len(widths) - 2) * parallel_cells(n0, widths[-1], k - 1)


def maxout_fold(widths: Sequence[int], rank: int, counts: str = "activation") -> int:
    r"""Lower bound by zig-zags of maxout units, for any widths.

    As `plica.bounds.best_fold`: the maximum, over all layers ``k`` and all ``d_1 >= ... >=
    d_{k-1}`` with ``d_1 <= n0`` and ``d_l <= n_l``, of

    .. math:: \prod_{l=1}^{k-1} \max_{g_1 + \cdots + g_{d_l} = n_l} \prod_i f(g_i)
              \cdot \sum_{j=0}^{d_{k-1}} \binom{n_k}{j} (r - 1)^j

    for units of rank ``r``, with ``f(g) = g (r - 1) + 1`` pieces for even ``g`` and ``(g - 1)(r -
    1) + 2`` for odd ``g``. With ``k = L``, ``d_l = n0`` and even ``n_l / n0`` it is the lower bound
    of Montufar, Ren and Zhang 2022. For linear regions all layers fold the same number of
    coordinates.

    Parameters
    ----------
    widths : sequence of int
    rank : int
    counts : {"activation", "linear"}

    Examples
    --------
    >>> maxout_fold((1, 2, 2), 3), maxout_upper((1, 2, 2), 3)
    (25, 25)
    """
    widths = check_widths(widths)
    k = _rank(rank)
    spare = 0 if check_counts(counts) == "linear" else None
    return best_fold(widths, maxout(k), lambda d, n: parallel_cells(d, n, k - 1), spare)
