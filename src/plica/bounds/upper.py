"""Upper bounds on the activation regions of fully connected rectifier networks.

All of them bound activation regions on ``R^n0``, hence also linear regions, and the regions on any
convex domain. Widths are ``(n0, n1, ..., nL)``: inputs, then hidden layers; the outputs do not
matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from .counting import central_cells, check_count, check_widths, dimensions, generic_cells, power
from .modular import followed
from .ranks import check_ranks

__all__ = [
    "montufar_2017",
    "naive",
    "raghu_2017",
    "refined_line",
    "refined_plane",
    "serra_2018",
    "without_biases",
]


def naive(widths: Sequence[int], pieces: int = 2) -> int:
    r"""All patterns, ``pieces ** (n1 + ... + nL)``: holds for every architecture.

    Parameters
    ----------
    widths : sequence of int
    pieces : int
        Pieces of a unit: 2 for rectifiers, p + 1 for p breakpoints, k for maxout of rank k.

    References
    ----------
    G. Montufar, R. Pascanu, K. Cho and Y. Bengio, On the number of linear regions of deep neural
    networks, NeurIPS 2014.

    Examples
    --------
    >>> naive((2, 3, 3))
    64
    """
    widths = check_widths(widths)
    return power(check_count(pieces, "the number of pieces"), sum(widths[1:]))


def raghu_2017(widths: Sequence[int]) -> int:
    r"""Every layer cuts a piece of an ``n0``-dimensional space.

    .. math:: \prod_{l=1}^{L} \sum_{j=0}^{n_0} \binom{n_l}{j}

    It holds with skip connections, too: on a cell every layer is an affine function of the input.

    Parameters
    ----------
    widths : sequence of int

    Notes
    -----
    The explicit form behind Theorem 1 of Raghu et al., which is printed as ``O(k^(m n))`` for
    ``n`` layers of width ``k`` and ``m`` inputs.

    References
    ----------
    M. Raghu, B. Poole, J. Kleinberg, S. Ganguli and J. Sohl-Dickstein, On the expressive power of
    deep neural networks, ICML 2017.

    Examples
    --------
    >>> raghu_2017((2, 3, 3))
    49
    """
    widths = check_widths(widths)
    return prod(generic_cells(widths[0], m) for m in widths[1:])


def montufar_2017(widths: Sequence[int], ranks: Sequence[int] | None = None) -> int:
    r"""Every layer cuts a piece of a space whose dimension no layer before it exceeds.

    .. math:: \prod_{l=1}^{L} \sum_{j=0}^{d_l} \binom{n_l}{j}, \qquad
              d_l = \min(n_0, \ldots, n_{l-1})

    It holds for any activation with two pieces.

    Parameters
    ----------
    widths : sequence of int
    ranks : sequence of int, optional
        Upper bounds on the ranks of ``W_1, ..., W_L``, which take part in the minimum: the image of
        a cell before the units of layer ``l`` has dimension at most ``min_{i<=l} rank W_i``.

    References
    ----------
    G. Montufar, Notes on the number of linear regions of deep neural networks, SampTA 2017.

    Examples
    --------
    >>> montufar_2017((4, 2, 3)), montufar_2017((4, 2, 3), ranks=(1, 1))
    (28, 12)
    """
    widths = check_widths(widths)
    dims = accumulate(check_ranks(widths, ranks), min)
    return prod(generic_cells(d, m) for d, m in zip(dims, widths[1:], strict=True))


def without_biases(widths: Sequence[int]) -> int:
    r"""All biases are zero: every layer cuts a cone by hyperplanes through the origin.

    .. math:: \prod_{l=1}^{L} 2 \sum_{j=0}^{d_l - 1} \binom{n_l - 1}{j}, \qquad
              d_l = \min(n_0, \ldots, n_{l-1})

    A homogeneous network is linear on each cell, a cone; the units of the next layer pull
    hyperplanes through the origin back into it. Holds for activations that bend at 0 only, with
    value 0 there. Exact for one layer (Zaslavsky 1975; Cover 1965).

    Parameters
    ----------
    widths : sequence of int

    Examples
    --------
    >>> without_biases((2, 3)), without_biases((2, 3, 3))
    (6, 36)
    """
    widths = check_widths(widths)
    return prod(central_cells(d, m) for d, m in zip(dimensions(widths), widths[1:], strict=True))


def serra_2018(widths: Sequence[int], ranks: Sequence[int] | None = None) -> int:
    r"""Where units are off, the image loses dimensions.

    .. math:: \sum_{(j_1, \ldots, j_L) \in J} \prod_{l=1}^{L} \binom{n_l}{j_l}, \qquad
              J = \{0 \le j_l \le \min(n_0, n_1 - j_1, \ldots, n_{l-1} - j_{l-1}, n_l)\}

    ``j_l`` is the number of units of layer ``l`` that are off. With known ranks of the weight
    matrices the last term of the minimum is the rank. For rectifiers, and for other units with two
    pieces one of which is constant.

    Parameters
    ----------
    widths : sequence of int
    ranks : sequence of int, optional
        Upper bounds on the ranks of ``W_1, ..., W_L``.

    Raises
    ------
    UnsupportedError
        If a layer has ``2^30`` units or more.

    Notes
    -----
    Theorem 1 of Serra et al. Attained for one layer, and for one input and widths of at least 3.
    It is ``histogram_bound(widths, most_active)``.

    References
    ----------
    T. Serra, C. Tjandraatmadja and S. Ramalingam, Bounding and counting linear regions of deep
    neural networks, ICML 2018.

    Examples
    --------
    >>> serra_2018((2, 3, 3)), serra_2018((1, 5, 5))
    (40, 36)
    """
    return followed(check_widths(widths), ranks, "most_active")


def refined_line(widths: Sequence[int], ranks: Sequence[int] | None = None) -> int:
    """`serra_2018` sharpened: few cells have few units off.

    ``histogram_bound(widths, line)``. A gain where a layer before the last has fewer than ``3 d -
    1`` units and cuts an image of dimension ``d >= 2``; otherwise mostly equal. The proof is in
    `plica.bounds.line`.

    Parameters
    ----------
    widths : sequence of int
    ranks : sequence of int, optional
        Upper bounds on the ranks of ``W_1, ..., W_L``.

    Raises
    ------
    UnsupportedError
        If a layer has ``2^30`` units or more, or the image of more than 8192 dimensions is refined.

    Examples
    --------
    >>> serra_2018((4, 5, 5)), refined_line((4, 5, 5)), refined_plane((4, 5, 5))
    (636, 636, 636)
    """
    return followed(check_widths(widths), ranks, "line")


def refined_plane(widths: Sequence[int], ranks: Sequence[int] | None = None) -> int:
    """`refined_line` on a better basis, which is quoted from the literature.

    ``histogram_bound(widths, plane)``; see `plica.bounds.plane`.

    Parameters
    ----------
    widths : sequence of int
    ranks : sequence of int, optional
        Upper bounds on the ranks of ``W_1, ..., W_L``.

    Raises
    ------
    UnsupportedError
        If a layer has ``2^30`` units or more, or the image of more than 8192 dimensions is refined.

    References
    ----------
    P. Hinz, Using activation histograms to bound the number of affine regions in ReLU feed-forward
    neural networks, arXiv 2103.17174 (2021).

    Examples
    --------
    >>> refined_line((8, 10, 10)), refined_plane((8, 10, 10))
    (616399, 616354)
    """
    return followed(check_widths(widths), ranks, "plane")
