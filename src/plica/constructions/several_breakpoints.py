"""Deep networks whose activation has several breakpoints."""

from __future__ import annotations

from collections.abc import Iterable

from ..bounds.counting import check_count, check_widths, parallel_cells
from ..domains import Space
from ..errors import NetworkError
from .arrangements import scalar_layer
from .construction import Construction
from .folds import bent_fold, bent_function, fold_layer

__all__ = ["several_breakpoints"]


def several_breakpoints(widths: Iterable[int], p: int) -> Construction:
    """A deep network whose activation has ``p`` breakpoints.

    Each layer but the last folds the space: of its units, ``m = floor(n_l / n0)`` for each
    coordinate fold it into ``p m + 1`` pieces. The last layer cuts the folded sheets by families of
    ``p`` parallel hyperplanes, otherwise in general position. On R^n0 there are

        ``prod_{l < L} (p floor(n_l / n0) + 1)^{n0} * sum_{j <= n0} C(n_L, j) p^j``

    activation regions, and as many linear regions. The activation, the same for all units, bends
    at ``0, 1, ..., p - 1``, and has two slopes in turn. They depend on ``m``: -1 and ``2 m - 1``
    for even ``p``, -1 and 1 for odd ``p`` and ``m``, -3/2 and 1/2 for odd ``p`` and even ``m``.

    Parameters
    ----------
    widths : iterable of int
        ``[n0, n1, ..., nL]``; ``floor(n_l / n0)`` is the same positive number for all ``l < L``.
    p : int

    Returns
    -------
    Construction
        The weights and slopes are integers or halves of integers.

    Raises
    ------
    NetworkError
        If the layers do not fit, or ``p`` is not positive.
    UnsupportedError
        If no float64 holds a weight exactly.

    References
    ----------
    The form of the bound: Q. Hu, H. Zhang, "Nearly-tight bounds on linear regions of piecewise
    linear neural networks", 2018.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.several_breakpoints([1, 3, 3, 2], 2)
    >>> built.regions, int(plica.count_regions(built.network, built.domain))
    (245, 245)
    """
    n, *inner, last = check_widths(widths)
    groups = {width // n for width in inner} or {1}
    if len(groups) > 1 or 0 in groups:
        raise NetworkError(
            f"every layer but the last must have the same number of units for each of {n} inputs, "
            f"rounded down, and at least one; the widths are {inner}"
        )
    check_count(p, "the number of breakpoints")
    m = groups.pop()
    function, fold = bent_function(p, m), bent_fold(p, m)
    layers = [fold_layer([fold] * n, function, width) for width in inner]
    # the fold's output is divided by m where p is even; the weights that read it must divide too
    layers.append(scalar_layer(n, last, function, multiple=m if p % 2 == 0 else 1))
    regions = fold.pieces ** (n * len(inner)) * parallel_cells(n, last, p)
    source = "Hu and Zhang 2018 (form of the bound)"
    return Construction.of(layers, Space(n), regions, regions, source)
