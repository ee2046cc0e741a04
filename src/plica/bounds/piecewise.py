r"""Bounds for piecewise-linear activations with ``p`` breakpoints.

A unit cuts the space along ``p`` parallel hyperplanes. Breakpoints are those where the slope
changes; a *flat* piece is one of slope 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..errors import NetworkError
from .counting import (
    binomials,
    check_count,
    check_counts,
    check_widths,
    dimensions,
    generic_cells,
    parallel_cells,
    power,
)
from .folds import absolute, best_fold, clip, leaky, need, wide
from .histograms import gathered, spread

__all__ = [
    "FOLDING",
    "flat_pieces",
    "flat_upper",
    "named_fold",
    "piecewise_fold",
    "piecewise_layer",
    "piecewise_upper",
    "widest_layer",
]

#: How the named activations other than ReLU fold: breakpoints, the split, and whether every piece
#: has a slope (then the bound holds for linear regions as it stands).
FOLDING = {
    "leaky_relu": (1, leaky, True),
    "abs": (1, absolute, True),
    "hardtanh": (2, clip, False),
    "relu6": (2, clip, False),
    "hardsigmoid": (2, clip, False),
}


def piecewise_layer(n0: int, n1: int, p: int) -> int:
    r"""One hidden layer: the exact maximum.

    .. math:: \sum_{j=0}^{\min(n_0, n_1)} \binom{n_1}{j} p^j

    The cells of ``n1`` families of ``p`` parallel hyperplanes each, their directions in general
    position. Attained by every activation with ``p`` breakpoints, for generic weights; the cells
    are linear regions, too, if no readout weight is 0. (Proof: by deletion and restriction a
    hyperplane adds as many cells as the others cut it into, at most those of ``n1 - 1`` families in
    one dimension less.)

    Parameters
    ----------
    n0, n1 : int
        Numbers of inputs and of units.
    p : int
        Breakpoints of the activation.

    References
    ----------
    The number is that of Q. Hu and H. Zhang, Nearly-tight bounds on linear regions of piecewise
    linear neural networks, arXiv 1810.13192 (2018).

    Examples
    --------
    >>> piecewise_layer(2, 3, 1), piecewise_layer(2, 3, 2)
    (7, 19)
    """
    n0, n1 = check_widths((n0, n1))
    return parallel_cells(n0, n1, check_count(p, "the number of breakpoints"))


def piecewise_upper(widths: Sequence[int], p: int) -> int:
    r"""Every layer cuts a piece of a space whose dimension no layer before it exceeds.

    .. math:: \prod_{l=1}^{L} \sum_{j=0}^{d_l} \binom{n_l}{j} p^j, \qquad
              d_l = \min(n_0, \ldots, n_{l-1})

    Upper bound on activation regions for every activation with ``p`` breakpoints.

    Parameters
    ----------
    widths : sequence of int
    p : int

    Examples
    --------
    >>> piecewise_upper((2, 3, 3), 2)
    361
    """
    widths = check_widths(widths)
    check_count(p, "the number of breakpoints")
    pairs = zip(dimensions(widths), widths[1:], strict=True)
    return prod(parallel_cells(d, m, p) for d, m in pairs)


def flat_pieces(m: int, pieces: int, flat: int) -> list[int]:
    """Patterns with i of m units on flat pieces: ``C(m, i) flat^i (pieces - flat)^(m - i)``."""
    return [c * power(flat, i) * power(pieces - flat, m - i) for i, c in enumerate(binomials(m))]


def flat_upper(widths: Sequence[int], p: int, flat: int) -> int:
    r"""Where units are on flat pieces, the image loses dimensions.

    The vector ``v`` of dimensions starts with ``v_{n0} = 1``. In a layer of ``n`` units a cell of
    dimension ``d`` has at most ``sum_{j<=d} C(n, j) p^j`` cells, and at most ``C(n, i) flat^i
    (p + 1 - flat)^(n - i)`` of them have exactly ``i`` units on flat pieces; the largest histogram
    with these properties is filled from ``i = 0`` on, and goes to dimension ``min(d, n - i)``. The
    sum of the last vector is the bound. Generalises `serra_2018` (``p = flat = 1``); with ``flat =
    0`` it is `piecewise_upper`.

    Parameters
    ----------
    widths : sequence of int
    p : int
        Breakpoints of the activation.
    flat : int
        How many of its ``p + 1`` pieces have slope 0.

    Examples
    --------
    >>> flat_upper((4, 4, 4), 2, 2), piecewise_upper((4, 4, 4), 2)
    (1697, 6561)
    """
    widths = check_widths(widths)
    check_count(p, "the number of breakpoints")
    if not 0 <= check_count(flat, "the number of flat pieces", 0) <= p + 1:
        raise NetworkError(f"an activation with {p} breakpoints cannot have {flat} flat pieces")
    v = [0] * widths[0] + [1]
    caps: dict[int, list[int]] = {}
    for m in widths[1:]:
        v = gathered(v, min(m, len(v) - 1))
        totals = [parallel_cells(d, m, p) for d in range(len(v))]
        if m not in caps:
            caps[m] = flat_pieces(m, p + 1, flat)
        v = spread(v, caps[m], totals)
    return sum(v)


def piecewise_fold(widths: Sequence[int], p: int) -> int:
    r"""Lower bound for a suitable activation with ``p`` breakpoints.

    .. math:: \left(p \, m + 1\right)^{n_0 (L - 1)} \sum_{j=0}^{n_0} \binom{n_L}{j} p^j,
              \qquad m = \min_{l < L} \lfloor n_l / n_0 \rfloor

    For ``n_l >= n0`` in the layers before the last. There is an activation with ``p``
    breakpoints, which depends on ``m``, whose copies fold an interval into ``p m + 1`` pieces:
    slopes ``u, u + 2, u, ...`` between the breakpoints ``0, 1, ..., p - 1``, with ``u = -1/m`` for
    even ``p``, ``u = -1`` for odd ``p`` and ``m``, ``u = -3/2`` for odd ``p`` and even ``m``. As
    one activation has to serve all layers, all fold by the least ``m``. No piece is flat, so these
    are linear regions. For ``p = 1`` this is a bound for some activation with two pieces, say the
    absolute value, not for rectifiers.

    Parameters
    ----------
    widths : sequence of int
    p : int

    Raises
    ------
    UnsupportedError
        If a layer before the last is narrower than the input.

    Examples
    --------
    >>> piecewise_fold((1, 3, 3), 2)
    49
    """
    widths = check_widths(widths)
    check_count(p, "the number of breakpoints")
    n0, *hidden, last = widths
    wide(widths)
    m = min((n // n0 for n in hidden), default=0)
    return power(p * m + 1, n0 * len(hidden)) * parallel_cells(n0, last, p)


def widest_layer(widths: Sequence[int], p: int) -> int:
    r"""Lower bound by the cells of one layer.

    .. math:: \max_{l} \sum_{j=0}^{d_l} \binom{n_l}{j} p^j, \qquad d_l = \min(n_0, \ldots, n_{l-1})

    The layers before it pass ``d_l`` coordinates of a ball on, every unit on a piece that is not
    flat, and the layer makes its cells in the image of the ball. For every activation with ``p``
    breakpoints.

    Parameters
    ----------
    widths : sequence of int
    p : int

    Examples
    --------
    >>> widest_layer((3, 2, 4), 1)
    11
    """
    widths = check_widths(widths)
    check_count(p, "the number of breakpoints")
    pairs = zip(dimensions(widths), widths[1:], strict=True)
    return max(parallel_cells(d, m, p) for d, m in pairs)


def named_fold(widths: Sequence[int], activation: str, counts: str = "activation") -> int:
    r"""Lower bound by folding for a named activation other than ReLU.

    As `best_fold`, with the pieces ``f(g)`` into which ``g`` units fold a coordinate:

    =============================== =========================================
    leaky ReLU (slope > 0)          ``g + 1``, 1 for ``g = 1``
    absolute value                  ``g + 1`` for odd ``g``, ``g`` for even
    hard tanh, ReLU6, hard sigmoid  ``g``
    =============================== =========================================

    and ``sum_j C(n_k, j) p^j`` cells of the layer that cuts. The constructions are in
    `plica.bounds.folds`. No piece of the first two is flat; so all the maps are different, and if
    all layers fold the same coordinates the cells are linear regions, however wide the layer that
    cuts is. Clipped activations are flat at both ends, and cells may merge across folds: no bound
    on linear regions is given.

    Parameters
    ----------
    widths : sequence of int
    activation : {"leaky_relu", "abs", "hardtanh", "relu6", "hardsigmoid"}
    counts : {"activation", "linear"}

    Raises
    ------
    UnsupportedError
        For linear regions of clipped activations with several layers.

    Examples
    --------
    >>> named_fold((1, 2, 2), "leaky_relu"), named_fold((2, 2, 3), "abs")
    (9, 28)
    """
    widths = check_widths(widths)
    if activation not in FOLDING:
        raise NetworkError(
            f"no folding bound for the activation {activation!r:.40}; use one of "
            f"{', '.join(FOLDING)}"
        )
    p, split, sloped = FOLDING[activation]
    linear = check_counts(counts) == "linear" and len(widths) > 2
    need(sloped or not linear, "flat pieces may merge regions across folds: not proved")
    last = generic_cells if p == 1 else (lambda d, n: parallel_cells(d, n, p))
    return best_fold(widths, split, last, 0 if linear else None)
