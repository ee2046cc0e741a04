r"""Into how many pieces a group of units folds an interval, and the best way to divide a layer.

A group of ``g`` units that read one coordinate ``t`` in ``[0, 1]`` *folds* it into ``q`` pieces if
an affine combination of the units is affine on each of ``q`` intervals of ``[0, 1]`` and maps each
of them onto ``[0, 1]``. Layers that fold ``d`` coordinates map as many boxes onto ``[0, 1]^d`` as
the numbers of pieces multiply to; what the last layer does on ``[0, 1]^d`` happens in every box.

How many pieces there are, by the activation (each is a zig-zag, slopes of alternating signs, whose
kinks may lie where they like):

``"relu"``
    ``g + 1`` for ``g >= 3``, ``g`` for 1 and 2. With ``g + 1`` pieces every unit bends once, and
    the units that face left give the first slope: ``s_0 = -(sum of the changes of slope of
    those)``. Changes alternate in sign, ``s_1 - s_0 < 0`` first. Facing left at a kink where the
    slope falls by ``s_0`` will do, which must not be the first kink (the slope would fall to 0
    only); with three kinks the third can be it. With ``g`` pieces all face right and the first
    starts at 0.
``"leaky_relu"``
    ``g + 1`` for ``g >= 2``, 1 for 1 (of positive slope ``a`` on the left). If all units face
    right, ``s_0 = a s_g``, which has the right signs for even ``g``; for odd ``g >= 3`` let the
    first unit face left, which asks for ``a |s_g| = (1 + a) |s_1| + a s_0``.
``"abs"``
    ``g + 1`` for odd ``g``, ``g`` for even ``g`` (one unit is left out): ``s_0 = -s_g``. The same
    for any two slopes of opposite signs, whose ratio ``a < 0`` gives ``s_0 = a s_g``.
``"clip"``
    ``g``: every unit is one ramp, in turn up and down.
``maxout of rank k``
    ``g (k - 1) + 1`` for even ``g``, ``(g - 1)(k - 1) + 2`` for odd ``g``: half of the units are
    added, with their convex kinks, half are subtracted, and the kinks alternate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from operator import mul

from ..errors import UnsupportedError
from .counting import balanced, check_count, power

__all__ = [
    "Split",
    "absolute",
    "best_fold",
    "clip",
    "leaky",
    "maxout",
    "need",
    "relu",
    "relu_pieces",
    "wide",
]

#: ``split(n, d)``: the largest product of pieces of ``d`` groups of ``n`` units together.
Split = Callable[[int, int], int]


def _even(pieces: Callable[[int], int]) -> Split:
    """Equal groups are best where the ratios ``pieces(g + 1) / pieces(g)`` do not grow."""

    def split(n: int, d: int) -> int:
        q, r = balanced(n, d)
        return power(pieces(q), d - r) * power(pieces(q + 1), r)

    return split


def relu_pieces(g: int) -> int:
    """Pieces of a group of ``g`` rectifiers."""
    return g + 1 if g >= 3 else g


relu: Split = _even(relu_pieces)
leaky: Split = _even(lambda g: g + 1 if g >= 2 else g)
clip: Split = _even(lambda g: g)


def absolute(n: int, d: int) -> int:
    """Groups of ``2 a_i - 1`` units make ``2 a_i`` pieces, with ``2 sum a_i <= n + d``."""
    q, r = balanced((n + d) // 2, d)
    return power(2, d) * power(q, d - r) * power(q + 1, r)


def maxout_pieces(g: int, rank: int) -> int:
    """Pieces of a group of ``g`` maxout units."""
    return g * (rank - 1) + 1 if g % 2 == 0 else (g - 1) * (rank - 1) + 2


def maxout(rank: int) -> Split:
    """The split for maxout units of a rank, at least 2.

    Two groups of odd size, at least one of them of size 3 or more, gain when one gives a unit to
    the other and both give their last to the smaller: so all groups are even but for at most one,
    or there are fewer than two units a group, and they are ones and twos.
    """
    check_count(rank, "the rank of maxout units", 2)
    if rank == 2:
        return _even(lambda g: g + 1)

    def split(n: int, d: int) -> int:
        if n < 2 * d:
            return power(2, 2 * d - n) * power(2 * rank - 1, n - d)
        q, r = balanced(n // 2, d)
        even = power(2 * (rank - 1) * q + 1, d - r - 1)
        last = 2 * (rank - 1) * q + 1 + n % 2  # an odd unit adds a piece to one of the smallest
        return even * last * power(2 * (rank - 1) * (q + 1) + 1, r)

    return split


def best_fold(
    widths: Sequence[int], split: Split, last: Callable[[int, int], int], spare: int | None = None
) -> int:
    """Most cells that layers which fold and one layer which cuts can make.

    Some layer cuts ``[0, 1]^d``, those before it fold, and those after it pass its values on: their
    units stay on one piece all over a ball that all the cells meet.

    Parameters
    ----------
    widths : sequence of int
    split : callable
        ``split(n, d)``: the factor of a layer of ``n`` units that folds ``d`` coordinates.
    last : callable
        ``last(d, n)``: cells that a layer of ``n`` units makes of ``[0, 1]^d``.
    spare : int, optional
        For linear regions: all layers fold the same ``d`` coordinates, and a layer that cuts after
        others have folded has at least ``d + spare`` units. If not given, activation regions are
        counted, and a layer may drop some of the coordinates that the layer before it folded.
    """
    n0, *hidden = widths
    # best[d]: most boxes that are mapped onto [0, 1]^d; no layer folds more than it has units
    best = [1] * (min(n0, hidden[0]) + 1)
    found = last(n0, hidden[0])
    factors: dict[int, list[int]] = {}
    for n, after in pairwise(hidden):
        top = min(n, len(best) - 1)
        known = factors.setdefault(n, [])
        known += [split(n, d) for d in range(len(known) + 1, top + 1)]
        best = [0, *map(mul, best[1 : top + 1], known)]
        if spare is None:
            best[1:] = [*accumulate(reversed(best[1:]), max)][::-1]
        most = top if spare is None else min(top, after - spare)
        cells = [last(d, after) for d in range(most + 1)]
        sizes = [a.bit_length() + b.bit_length() for a, b in zip(best, cells, strict=False)]
        largest = max(sizes[1:], default=0)
        # a product of numbers of so many bits together has as many, or one less
        found = max(
            [found, *(best[d] * cells[d] for d in range(1, most + 1) if sizes[d] >= largest - 1)]
        )
    return found


def wide(widths: Sequence[int], factor: int = 1, every: bool = False) -> None:
    """Ask for at least ``factor * n0`` units in all hidden layers, or in all but the last.

    Raises
    ------
    UnsupportedError
        If a layer has fewer.
    """
    least = factor * widths[0]
    bound = f"{factor} n0" if factor > 1 else "n0"
    where = "all layers" if every else "all layers but the last"
    for layer, n in enumerate(widths[1:] if every else widths[1:-1], start=1):
        need(n >= least, f"needs n_l >= {bound} in {where}; layer {layer} has {n} < {least}")


def need(condition: bool, reason: str) -> None:
    """Say that a bound does not apply.

    Raises
    ------
    UnsupportedError
        If the condition is false.
    """
    if not condition:
        raise UnsupportedError(reason)
