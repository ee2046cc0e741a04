r"""Histograms of activity, and the machine of Hinz and van de Geer that turns them into bounds.

A layer of ``m`` rectifiers cuts the image of a cell, a piece of an affine space of dimension
``n``, into cells of its own. A *histogram* says how many of them have ``i`` active units, and
whether the histogram ``v`` is below ``w`` is told by the tails: ``v <= w`` if for every ``J``

.. math:: \sum_{i \ge J} v_i \le \sum_{i \ge J} w_i .

Where ``i`` units are active, the image after the layer has dimension at most ``min(n, i)``. If
``gamma(n, m)`` is above the histograms of all arrangements of ``m`` half-spaces in ``R^n``, and
grows with ``n``, then following the dimensions from layer to layer bounds the number of
activation regions.

P. Hinz and S. van de Geer, A framework for the construction of upper bounds on the number of affine
linear regions of ReLU feed-forward neural networks, IEEE Trans. Inf. Theory 65 (2019).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from math import comb

from .counting import binomials, check_widths, generic_cells
from .ranks import check_ranks

__all__ = [
    "Histogram",
    "all_active",
    "full",
    "gathered",
    "histogram_bound",
    "line",
    "most_active",
    "plane",
    "poured",
    "spread",
]

#: ``histogram(n, m)[i]``: how many of the cells that m half-spaces make in R^n have i of them.
Histogram = Callable[[int, int], Sequence[int]]


def poured(caps: Iterable[int], total: int) -> list[int]:
    """The first entries of ``caps``, cut off where their sum reaches ``total``.

    The largest histogram, by tails, with at most ``caps[k]`` cells of ``k`` idle units for every
    ``k`` and ``total`` cells altogether; entries run from the fewest idle units up.
    """
    found = []
    for cap in caps:
        if total <= 0:
            break
        found.append(min(cap, total))
        total -= found[-1]
    return found


def full(n: int, m: int) -> Sequence[int]:
    """``2^m`` cells, all units active: gives `naive`."""
    del n
    return [0] * m + [2**m]


def all_active(n: int, m: int) -> Sequence[int]:
    """``sum_{j<=n} C(m, j)`` cells, all units active: gives `montufar_2017`."""
    return [0] * m + [generic_cells(n, m)]


def most_active(n: int, m: int) -> Sequence[int]:
    """``C(m, j)`` cells with ``j <= n`` idle units: gives `serra_2018`.

    There are at most ``C(m, j)`` patterns with ``j`` idle units, and ``sum_{j<=n} C(m, j)`` cells
    in all; the histogram is the largest one with both properties.
    """
    idle = list(binomials(m, n))
    return [0] * (m + 1 - len(idle)) + idle[::-1]


def line(n: int, m: int) -> Sequence[int]:
    r"""Refined histogram on the basis of lines.

    ``C(m, k)`` cells with ``k < n`` idle units, and with ``k = n - 1 + q``, ``q >= 1``,

    .. math:: \binom{m - 2 q + 1}{n - 1} + \binom{m - 2 q}{n - 1} .

    Adding half-space number ``m`` to an arrangement, every old cell reappears at most once with
    one more active unit, and the cells that are cut reappear once more as they were; these are
    cells of the arrangement in the hyperplane. So

        gamma(n, m) = shift(gamma(n, m - 1)) + gamma(n - 1, m - 1)

    is a histogram if the two on the right are, and for ``n >= m`` all ``2^m`` patterns may occur.
    With ``n = 1``, at most ``min(2 k + 1, m + 1)`` cells have ``k`` idle units or fewer: walking
    along the line, a unit that turns on is idle before and one that turns off is idle after;
    between the first and the last cell with at most ``k`` idle units at most ``k`` units turn
    on and at most ``k`` turn off.

    The formula is the solution: in the recursion ``k`` and ``n`` fall together, so ``q`` stays and
    each binomial coefficient is the sum of two; for ``n = 1`` it is ``2, 2, ...`` and a last 1 if
    ``m`` is odd, for ``n >= m`` all patterns. From ``k`` idle units on these are ``C(m - 2 q + 2,
    n)`` cells.
    """
    if n == 0:
        return [0] * m + [1]
    few = list(binomials(m, n - 1))
    idle = (_choose(m - 2 * q + 1, n - 1) + _choose(m - 2 * q, n - 1) for q in _from(1, n, m))
    return [*few, *idle][::-1]


def plane(n: int, m: int) -> Sequence[int]:
    r"""Refined histogram on the basis of planes: at least as good as `line`.

    ``C(m, k)`` cells with ``k < n`` idle units, and with ``k = n - 2 + q``, ``q >= 2``,

    .. math:: \binom{m - 2 q + 2}{n - 1} + (q - 1) \left(\binom{m - 2 q + 1}{n - 2}
              + \binom{m - 2 q + 2}{n - 2}\right) .

    The recursion of `line`, with this basis for ``n = 2``: at most ``min(1 + k m, 1 + m + C(m,
    2))`` cells have ``k`` idle units or fewer. That is the (<= k)-set theorem of the plane (N. Alon
    and E. Gyori, J. Combin. Theory A 41 (1986)), in the form for half-planes on either side of
    their lines (J. Linhart); P. Hinz, arXiv 2103.17174 (2021), uses it for the same purpose. It is
    quoted here, not proved; `line` is self-contained.

    The formula is the solution, as for `line`: for ``n = 2`` it is ``m, m, ...`` and a last ``m /
    2`` if ``m`` is even. From ``k`` idle units on these are, with ``s = m - 2 q + 4``, ``((m + 2 -
    n) C(s, n) - m C(s - 1, n)) / 2`` cells.
    """
    if n < 2:
        return line(n, m)
    few = list(binomials(m, n - 1))
    idle = (
        _choose(m - 2 * q + 2, n - 1)
        + (q - 1) * (_choose(m - 2 * q + 1, n - 2) + _choose(m - 2 * q + 2, n - 2))
        for q in _from(2, n, m)
    )
    return [*few, *idle][::-1]


def _from(first: int, n: int, m: int) -> range:
    """The ``q`` that stand for ``n, ..., m`` idle units."""
    return range(first, first + m - n + 1)


def _choose(m: int, k: int) -> int:
    """``C(m, k)``, 0 for negative ``m``."""
    return comb(m, k) if m >= 0 else 0


def spread(v: Sequence[int], caps: Sequence[int], totals: Sequence[int]) -> list[int]:
    """The vector of dimensions after a layer of ``m`` units, by the histograms `poured`.

    A cell whose image has dimension ``d`` has at most ``totals[d]`` cells, ``caps[i]`` of them with
    ``i`` idle units, which leave dimension ``min(d, m - i)``. As the caps are the same for all
    ``d`` and ``totals`` grow, sums over ``d`` are taken before they are multiplied.

    Parameters
    ----------
    v : sequence of int
        ``v[d]`` bounds the cells whose image has dimension ``d``; not more entries than caps.
    caps : sequence of int, length m + 1
    totals : sequence of int
        One for each entry of ``v``.
    """
    m = len(caps) - 1
    below = [0, *accumulate(caps)]
    whole = [bisect_right(below, total) - 1 for total in totals]  # caps that are filled
    above = [*accumulate([0, *reversed(v)])][::-1]  # above[d] = v[d] + v[d + 1] + ...
    after = []
    for i in range(len(v)):  # the dimension that is left
        stays = v[i] * below[min(whole[i], m - i + 1)]
        falls = max(i + 1, bisect_right(whole, m - i))  # from here on cap m - i is filled
        after.append(stays + (caps[m - i] * above[falls] if falls < len(v) else 0))
    for d, cells in enumerate(v):
        if rest := totals[d] - below[whole[d]]:
            after[min(d, m - whole[d])] += cells * rest
    return after


def gathered(v: Sequence[int], top: int) -> list[int]:
    """The same vector where no dimension is above ``top``."""
    return [*v[:top], sum(v[top:])]


def histogram_bound(
    widths: Sequence[int], histogram: Histogram, ranks: Sequence[int] | None = None
) -> int:
    r"""Upper bound on activation regions of a rectifier network from histograms.

    .. math:: \| B_{n_L} M_{n_{L-1}, n_L} \cdots B_{n_1} M_{n_0, n_1} e_{n_0 + 1} \|_1

    with ``(M_{n,n'})_{ij} = 1`` if ``i = min(j, n' + 1)``, else 0, and column ``j + 1`` of
    ``B_{n'}`` the histogram ``gamma(j, n')``, all its mass above ``j`` moved to ``j``. In words:
    an entry ``v_d`` bounds the cells whose image has dimension ``d``; a layer of ``m`` units adds
    ``v_d gamma(d, m)_i`` to the entry ``min(d, i)`` of the next vector.

    Parameters
    ----------
    widths : sequence of int
        ``(n0, n1, ..., nL)``, without the outputs.
    histogram : callable
        ``histogram(n, m)`` lists how many cells have ``0, 1, ..., m`` active units; it must be
        above the histogram of every arrangement of ``m`` half-spaces in ``R^n``, and not decrease
        with ``n``. `full`, `all_active`, `most_active`, `line` and `plane` are such.
    ranks : sequence of int, optional
        Upper bounds on the ranks of ``W_1, ..., W_L``.

    Returns
    -------
    int

    Raises
    ------
    NetworkError
        If the widths or the ranks are not positive integers that fit.

    References
    ----------
    Hinz and van de Geer 2019.

    Examples
    --------
    >>> histogram_bound((2, 3, 3), most_active), histogram_bound((2, 3, 3), plane)
    (40, 40)
    """
    widths = check_widths(widths)
    caps = check_ranks(widths, ranks)
    v = {widths[0]: 1}
    last = len(widths) - 2
    for layer, (m, rank) in enumerate(zip(widths[1:], caps, strict=True)):
        after: dict[int, int] = {}
        for d, cells in v.items():
            n = min(d, rank, m)
            gamma = histogram(n, m)
            rest = sum(gamma)
            if layer < last:
                for i in range(n):
                    if gamma[i]:
                        after[i] = after.get(i, 0) + cells * gamma[i]
                        rest -= gamma[i]
            after[n] = after.get(n, 0) + cells * rest
        v = after
    return sum(v.values())
