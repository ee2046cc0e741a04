"""The network of Arora and others: a zonotope's support function, folded along the rays."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

from ..bounds.counting import central_cells, check_widths
from ..domains import Space
from ..errors import NetworkError
from ..units import Units
from .arrangements import planes, relu_layer
from .construction import Construction, Layer, matrix, zeros
from .folds import best_fold, fold_layer

__all__ = ["zonotope"]


def zonotope(widths: Iterable[int]) -> Construction:
    """A zonotope's support function, folded along the rays.

    The ``n_1 = 2 m`` units of the first layer are pairs that face each other, and their sum is
    ``S(x) = sum_i |a_i . x|`` with vectors in general position. On each of
    ``2 sum_{j < n0} C(m - 1, j)`` cones it is linear, with values from 0 to infinity. The other
    layers fold this ray: ``w`` units make ``w + 1`` pieces, or two where there are two. On R^n0
    there are

        ``2 sum_{j < n0} C(m - 1, j) * prod_{1 < l < L} pieces(n_l) * (n_L + 1)``

    activation regions, and as many linear regions if ``n_L > 1`` or ``L = 1``. The theorem promises
    ``n_l`` pieces a layer (Arora and others), or ``n_l + 1`` (Serra and others). The latter holds
    for layers of three units and more, and for the last; two units make no zigzag of three pieces.

    Parameters
    ----------
    widths : iterable of int
        ``[n0, 2 m, n2, ..., nL]``; ``n_l >= 2`` for ``1 < l < L``.

    Returns
    -------
    Construction

    Raises
    ------
    NetworkError
        If the first layer has an odd number of units, or a layer in the middle has only one.
    UnsupportedError
        If no float64 holds a weight exactly.

    References
    ----------
    R. Arora, A. Basu, P. Mianjy, A. Mukherjee, "Understanding deep neural networks with rectified
    linear units", ICLR 2018. T. Serra, C. Tjandraatmadja, S. Ramalingam, "Bounding and counting
    linear regions of deep neural networks", ICML 2018.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.zonotope([2, 6, 3, 2])
    >>> built.regions, int(plica.count_regions(built.network, built.domain))
    (72, 72)
    """
    n, first, *rest = check_widths(widths)
    if first % 2:
        raise NetworkError(f"the first layer needs pairs of units, but {first} is odd")
    if min(rest[:-1], default=2) < 2:
        raise NetworkError("a layer between the first and the last needs at least two units")
    W, b = planes(n - 1, first // 2)
    vectors = np.column_stack((W, b))
    sides = np.concatenate((vectors, -vectors))
    layers = [Layer(sides, zeros(first), Units.relu(first), matrix([[1] * first]), zeros(1))]
    folds = [best_fold(width) for width in rest[:-1]]
    layers += [fold_layer([fold]) for fold in folds]
    layers += [relu_layer(1, width) for width in rest[-1:]]
    regions = central_cells(n, first // 2) * prod(fold.pieces for fold in folds)
    regions *= prod(width + 1 for width in rest[-1:])
    linear = None if rest[-1:] == [1] else regions
    source = "Arora, Basu, Mianjy and Mukherjee 2018"
    return Construction.of(layers, Space(n), regions, linear, source)
