"""Single layers with the largest number of regions."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from ..bounds.counting import central_cells, check_widths, elementary, parallel_cells
from ..domains import Space
from ..errors import NetworkError
from ..units import PiecewiseLinear, Units, named_function
from .arrangements import maxout_layer, planes, scalar_layer
from .construction import Construction, Layer, matrix, zeros

__all__ = ["maxout_one_layer", "one_layer"]


def one_layer(
    n: int, m: int, activation: str | PiecewiseLinear = "relu", *, biases: bool = True
) -> Construction:
    """One layer of ``m`` units whose hyperplanes are in general position.

    Each of the ``p`` breakpoints of the activation gives each unit a hyperplane, and those of one
    unit are parallel. On R^n, and on the unit cube, there are

        ``sum_{j <= n} C(m, j) p^j``

    activation regions, and as many linear regions: every facet lies in one hyperplane only, across
    which the gradient changes. No layer of ``m`` units with ``p`` breakpoints has more. Without
    biases the activation bends at 0 only, and there are

        ``2 sum_{j < n} C(m - 1, j)``

    regions on R^n.

    Parameters
    ----------
    n, m : int
        Numbers of inputs and of units.
    activation : str or PiecewiseLinear
        As for `Network.mlp`.
    biases : bool

    Returns
    -------
    Construction

    Raises
    ------
    NetworkError
        If a number is not positive, or there are no biases and the activation bends elsewhere.
    UnsupportedError
        If no float64 holds a weight exactly.

    References
    ----------
    T. Zaslavsky, "Facing up to arrangements", Memoirs of the AMS 154, 1975. For several
    breakpoints, and networks: Q. Hu, H. Zhang, "Nearly-tight bounds on linear regions of
    piecewise linear neural networks", 2018.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.one_layer(2, 4, "hardtanh")
    >>> built.regions, int(plica.count_regions(built.network, built.domain))
    (33, 33)
    """
    n, m = check_widths([n, m])
    function = named_function(activation)
    p = int(function.breakpoints.size)
    if biases:
        regions = parallel_cells(n, m, p)
        layer = scalar_layer(n, m, function)
    else:
        if function.breakpoints.tolist() != [0.0]:
            raise NetworkError(
                "without biases the activation must bend at 0 and nowhere else; its breakpoints "
                f"are {function.breakpoints.tolist()}"
            )
        regions = central_cells(n, m)
        W, b = planes(n - 1, m)
        layer = Layer(
            np.column_stack((W, b)),
            zeros(m),
            Units.scalar(function, m),
            matrix([[1] * m]),
            zeros(1),
        )
    return Construction.of([layer], Space(n), regions, regions, "Zaslavsky 1975")


def maxout_one_layer(n: int, ranks: Sequence[int], *, biases: bool = True) -> Construction:
    """One layer of maxout units with the largest number of regions.

    A unit of rank ``k`` bends on ``k - 1`` parallel hyperplanes. On R^n, and on the unit cube,
    there are

        ``sum_{j <= n} e_j(k_1 - 1, ..., k_m - 1)``

    activation regions, with the elementary symmetric polynomials ``e_j``, and as many linear ones.
    Without biases, on R^n, there are

        ``sum_{j < n} e_j(k_1 - 1, ..., k_m - 1) + C(m - 1, n - 1)``

    where ``m`` counts the units of rank two and more: the first sum counts the regions of the upper
    half-space, where the last input takes the part of the bias. In the lower one the units are
    maxima of only two, so that the regions there which do not reach up are the bounded cells of
    ``m`` hyperplanes of R^(n-1). This is the largest number of vertices that a sum of ``m``
    polytopes of R^n with ``k_i`` vertices has (Weibel 2012).

    Parameters
    ----------
    n : int
        Number of inputs.
    ranks : sequence of int
        One a unit.
    biases : bool

    Returns
    -------
    Construction

    Raises
    ------
    NetworkError
        If there is no unit, or a number is not positive.
    UnsupportedError
        If no float64 holds a weight exactly.

    References
    ----------
    G. Montufar, Y. Ren, L. Zhang, "Sharp bounds for the number of regions of maxout networks and
    vertices of Minkowski sums", SIAM Journal on Applied Algebra and Geometry, 2022.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.maxout_one_layer(3, [3, 3, 3], biases=False)
    >>> built.regions, int(plica.count_regions(built.network, built.domain))
    (20, 20)
    """
    n, *some = check_widths([n, *ranks])
    layer = maxout_layer(n if biases else n - 1, some)
    bends = [k - 1 for k in some]
    if biases:
        regions = sum(elementary(n, bends))
    else:
        layer = Layer(
            np.column_stack((layer.A, layer.a)), zeros(layer.a.size), layer.units, layer.C, layer.c
        )
        m = sum(k > 1 for k in some)
        regions = sum(elementary(n - 1, bends)) + (comb(m - 1, n - 1) if m else 0)
    source = "Montufar, Ren and Zhang 2022"
    return Construction.of([layer], Space(n), regions, regions, source)
