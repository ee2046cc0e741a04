"""Deep maxout networks: zigzags of single coordinates, and kaleidoscopes of pairs."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import partial
from itertools import product
from math import cos, pi, prod, sin

from ..bounds.counting import check_count, check_widths, parallel_cells
from ..bounds.folds import maxout_pieces
from ..domains import Space
from ..errors import NetworkError
from ..units import Units
from .arrangements import maxout_layer
from .construction import Construction, Layer, identity, matrix, zeros
from .folds import best_division, divisions, fold_layer, maxout_fold

__all__ = ["kaleidoscope", "maxout_zigzag"]

Vector = tuple[Fraction, Fraction]


def maxout_zigzag(widths: Iterable[int], rank: int) -> Construction:
    """A deep maxout network that folds each coordinate into a zigzag.

    As `best_split`, of maxout units: ``g`` units of rank ``k`` fold a coordinate into
    ``g (k - 1) + 1`` pieces for even ``g``, ``(g - 1) (k - 1) + 2`` for odd ``g``. Half of the
    units bend up and half of them, subtracted, bend down. The last layer cuts the folded sheets by
    families of ``k - 1`` parallel hyperplanes. On R^n0 there are

        ``prod_{l < L} pieces(g_1) ... pieces(g_d) * sum_{j <= d} C(n_L, j) (k - 1)^j``

    activation regions, and as many linear regions, for the best ``d`` and the best divisions of the
    layers. Where all ``n_l / n0`` are even this is at least the bound of the paper, which has
    ``(n_l / n0 (k - 1) + 1)^{n0}`` for each layer.

    Parameters
    ----------
    widths : iterable of int
        ``[n0, n1, ..., nL]``.
    rank : int
        At least two.

    Returns
    -------
    Construction
        All weights are integers.

    Raises
    ------
    NetworkError
        If the rank is less than two.
    UnsupportedError
        If no float64 holds a weight exactly.

    References
    ----------
    G. Montufar, Y. Ren, L. Zhang, "Sharp bounds for the number of regions of maxout networks and
    vertices of Minkowski sums", SIAM Journal on Applied Algebra and Geometry, 2022.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.maxout_zigzag([1, 2, 2, 1], 3)
    >>> built.regions, int(plica.count_regions(built.network, built.domain))
    (75, 75)
    """
    sizes = check_widths(widths)
    check_count(rank, "the rank of maxout units", 2)
    n, *inner, last = sizes
    pieces = partial(maxout_pieces, rank=rank)
    cells = partial(parallel_cells, m=last, p=rank - 1)
    d, splits = best_division(sizes, partial(divisions, pieces=pieces), pieces, cells, drop=False)
    folds = [[maxout_fold(g, rank) for g in split] for split in splits]
    layers = [fold_layer(f, None, width) for f, width in zip(folds, inner, strict=True)]
    layers.append(maxout_layer(d, [rank] * last))
    regions = prod(fold.pieces for layer in folds for fold in layer) * cells(d)
    return Construction.of(layers, Space(n), regions, regions, "Montufar, Ren and Zhang 2022")


def kaleidoscope(widths: Iterable[int], rank: int) -> Construction:
    """A deep maxout network that folds each pair of coordinates like a kaleidoscope.

    For a pair of coordinates, one unit has the corners of a regular polygon for slopes and another
    one those of the polygon turned by half a corner. The plane falls into ``2 k`` cones, all of
    which are mapped onto about the same cone. The next layer has its cones around a point inside
    that one, and so on, nearer and nearer to zero. If ``n0`` is odd, the last coordinate is folded
    in two. The last layer cuts all sheets by families of ``k - 1`` parallel hyperplanes, otherwise
    in general position. On R^n0 there are

        ``((2 k)^{floor(n0 / 2)} 2^{n0 mod 2})^{L - 1} * sum_{j <= n0} C(n_L, j) (k - 1)^j``

    activation regions, and as many linear regions if ``n_L >= n0``; the outputs are the units of
    the last layer. With ``n_L = n0`` the sum is ``k^{n0}``.

    Parameters
    ----------
    widths : iterable of int
        ``[n0, n1, ..., nL]``; ``n_l >= n0`` for ``l < L``, more units are idle.
    rank : int
        At least two.

    Returns
    -------
    Construction
        The corners are rounded to binary numbers of few digits: a small box lies in the image of
        every region of every layer, with what the next layers do inside it, and this is checked
        in rational arithmetic when the network is made.

    Raises
    ------
    NetworkError
        If a layer is too narrow, or the rank is less than two.
    UnsupportedError
        If no float64 holds a weight exactly.

    Notes
    -----
    This is more than ``k^{L - 1} k^{n0}``, which Montufar and others (2014) promise for width
    ``n0``; that number cannot be reached for one input and ``k >= 3``: a convex function takes a
    value twice at most, so that two layers of one unit have at most ``3 k - 2`` pieces.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.kaleidoscope([2, 2, 2], 3)
    >>> built.regions, int(plica.count_regions(built.network, built.domain))
    (54, 54)
    """
    n, *inner, last = check_widths(widths)
    check_count(rank, "the rank of maxout units", 2)
    if min(inner, default=n) < n:
        raise NetworkError(f"every layer but the last needs at least {n} units, one for each input")
    mirrors = _Mirrors(rank)
    layers = [mirrors.layer(n, width, first=i == 0) for i, width in enumerate(inner)]
    cut = maxout_layer(n, [rank] * last)
    A, a = cut.A, cut.a
    if inner:  # the unit cube is moved to the box around (1, ..., 1)
        A = A / (2 * mirrors.half)
        a = a - A.sum(axis=1) * (1 - mirrors.half)
    layers.append(Layer(A, a, cut.units, identity(last), zeros(last)))
    cones = (2 * rank) ** (n // 2) * 2 ** (n % 2)
    regions = cones ** len(inner) * parallel_cells(n, last, rank - 1)
    linear = regions if last >= n or not inner else None
    source = "kaleidoscope; more than Montufar, Pascanu, Cho and Bengio 2014 promise"
    return Construction.of(layers, Space(n), regions, linear, source)


class _Mirrors:
    """Two polygons, and how much smaller each layer must be than the one before it.

    The layer ``y -> max(polygons, y - (1, 1)) / shrink`` maps each of its cones over the box of
    points within ``half`` of (1, 1), already from the part of the cone within ``half`` of (1, 1).

    Attributes
    ----------
    first, second : list of (x, y)
        Corners; corner ``q`` of the second lies between ``q`` and ``q + 1`` of the first.
    half, shrink : Fraction
        Powers of two.
    """

    def __init__(self, k: int) -> None:
        digits = 2 ** (8 + 2 * k.bit_length())

        def corner(angle: float) -> Vector:
            return Fraction(round(digits * cos(angle)), digits), Fraction(
                round(digits * sin(angle)), digits
            )

        self.first = [corner(2 * pi * q / k) for q in range(k)]
        self.second = [corner(2 * pi * (q + 0.5) / k) for q in range(k)]
        cones = [(q, r) for q in range(k) for r in (q, q - 1)]
        self.half = Fraction(1, 2)
        while not all(self._covers(q, r) for q, r in cones):
            self.half /= 2
        # how far from (1, 1) the points lie that a cone maps to the box
        far = max(
            abs(x) for q, r in cones for corner in self._box() for x in self._back(q, r, corner)
        )
        self.shrink = Fraction(1)
        while self.shrink * max(far, 1 + self.half) > self.half:
            self.shrink /= 2

    def _box(self) -> list[Vector]:
        ends = (1 - self.half, 1 + self.half)
        return [(x, y) for x, y in product(ends, ends)]

    def _back(self, q: int, r: int, values: Vector) -> Vector:
        """The point at which corners ``q`` and ``r`` have the given products."""
        (a, b), (c, d) = self.first[q], self.second[r]
        det = a * d - b * c
        return (d * values[0] - b * values[1]) / det, (a * values[1] - c * values[0]) / det

    def _covers(self, q: int, r: int) -> bool:
        """Whether the cone where corners ``q`` and ``r`` are the largest is mapped over the box."""
        for values in self._box():
            x, y = self._back(q, r, values)
            for polygon, own in ((self.first, q), (self.second, r % len(self.second))):
                products = [a * x + b * y for a, b in polygon]
                top = products.pop(own)
                if max(products) >= top:
                    return False
        return True

    def layer(self, n: int, width: int, first: bool) -> Layer:
        k = len(self.first)
        rows: list[list[Fraction | int]] = []
        for j in range(0, n - 1, 2):
            for x, y in self.first + self.second:
                rows.append([0] * j + [x, y] + [0] * (n - j - 2))
        if n % 2:
            # a maximum of two; those that repeat the second never win
            rows += [[*[0] * (n - 1), sign] for sign in (1, *[-1] * (k - 1))]
        rows += [[0] * n] * (k * (width - n))
        A = matrix(rows)
        a = zeros(len(rows)) if first else -A.sum(axis=1)
        groups = [range(k * i, k * i + k) for i in range(width)]
        units = Units.max([list(g) for g in groups], len(rows))
        return Layer(A, a, units, identity(n, width) / self.shrink, zeros(n))
