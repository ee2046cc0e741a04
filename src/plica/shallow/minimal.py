"""The minimal local form: a term for each convex piece of a linear region, units for its facets.

Activation regions with one affine map are merged as long as the union is convex. With the affine
map ``f`` of such a piece and the forms ``r_j`` that are positive beyond some of its facets, the
term is ``f - K sum_j relu(r_j)``. The smallest K that keeps it below the network F is the largest
of

    sup over x in C' of (f - f')(x) / sum_j relu(r_j(x))

over the other pieces C', where F is f': a linear program over the cone of C', by the scaling of
Charnes and Cooper (1962). It is rounded up to a float. First only facets where the network bends
downwards are tried; if no K is enough for these, all facets, for which there always is one (Hoffman
1952).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PlicaError
from ..exact import linear_program
from ..exact.halfspaces import pattern_rows
from ..exact.linear_program import Point, Row
from ..exact.rational import RationalChain, intersect
from ..units import MAX
from .expand import Raw, gather
from .form import MaxOfShallow
from .numbers import as_float, rounded_up
from .pool import Mixture, Pool

if TYPE_CHECKING:
    from ..chain import Network
    from .plan import Setting

__all__ = ["by_pieces", "convex_pieces"]

#: Share of the sizes of the numbers in a sum that rounding changes it by, with room to spare.
SLACK = 1e-12
#: Added where numbers so small could be lost altogether.
TINY = np.finfo(np.float64).tiny
#: Boxes of more dimensions have too many corners.
BOX_DIMENSIONS = 8
Float = NDArray[np.float64]
Map = tuple[tuple[Fraction, ...], ...]


@dataclass
class Piece:
    """A convex set on which the network is one affine map.

    Attributes
    ----------
    map : tuple of tuple of Fraction
        The outputs, constants last.
    rows : dict of Row to tuple of Fraction
        Facets that are not the domain's, as half-spaces ``a . x <= b``, and by how much the slope
        of every output grows beyond, at least: a positive multiple of ``a . x - b``.
    domain : list of Row
        Half-spaces of the domain.
    """

    map: Map
    rows: dict[Row, tuple[Fraction, ...]] = field(default_factory=dict)
    domain: list[Row] = field(default_factory=list)

    @property
    def halfspaces(self) -> list[Row]:
        """All half-spaces of the piece."""
        return [*self.rows, *self.domain]

    def lies_in(self, rows: Sequence[Row]) -> bool:
        """Whether the piece lies in all of some half-spaces, exactly."""
        own = self.halfspaces
        A, b = [r[:-1] for r in own], [r[-1] for r in own]
        for row in rows:
            if row in self.rows:
                continue
            most = linear_program.maximise(row[:-1], A, b).value
            if most is None or most > row[-1]:
                return False
        return True


def convex_pieces(setting: Setting) -> list[Piece]:
    """The convex pieces of the linear regions on the domain.

    Raises
    ------
    BudgetError
        If not all activation regions are known.
    """
    atlas, net = setting.all_regions(), setting.net
    patterns = atlas.patterns.tolist()
    chain, last = RationalChain(net), len(net.stages) - 1
    ends = linear_program.integer_rows(*(v.tolist() for v in setting.domain.halfspaces()))
    pieces, rows = [], []
    for pattern in patterns:
        forms = chain.forms(last, pattern).fractions()
        pieces.append(Piece(tuple(map(tuple, forms.tolist())), domain=ends))
        rows.append(_rows_by_unit(net, pattern))
    shared = []
    facets = atlas.facets()
    for (i, j), unit in zip(facets.regions.tolist(), facets.unit.tolist(), strict=True):
        row = next(r for r in rows[i][unit] if _opposite(r) in rows[j][unit])
        bend = _bend(pieces[i].map, pieces[j].map, row)
        for k, side in ((i, row), (j, _opposite(row))):
            before = pieces[k].rows.get(side, bend)
            pieces[k].rows[side] = tuple(map(min, before, bend))
        if pieces[i].map == pieces[j].map:
            shared.append((i, j))
    return _merged(pieces, shared)


def _opposite(row: Row) -> Row:
    return tuple(-x for x in row)


def _rows_by_unit(net: Network, pattern: Sequence[int]) -> dict[int, list[Row]]:
    """Half-spaces of a region for each column of its pattern."""
    found: dict[int, list[Row]] = {}
    rows = pattern_rows(net, pattern)
    for column, count in enumerate(_row_counts(net, pattern)):
        found[column] = [next(rows) for _ in range(count)]
    return found


def _row_counts(net: Network, pattern: Sequence[int]) -> Iterator[int]:
    column = 0
    for stage in net.stages:
        units = stage.units
        for k in units.nonlinear.tolist():
            if units.function[k] == MAX:
                yield int(units.n_pieces[k]) - 1
            else:
                piece = pattern[column]
                yield (piece > 0) + (piece < int(units.n_pieces[k]) - 1)
            column += 1


def _bend(f: Map, g: Map, row: Row) -> tuple[Fraction, ...]:
    """The multiples of ``a . x - b`` that ``g - f`` is, output by output."""
    at = next(i for i, a in enumerate(row[:-1]) if a)
    return tuple((q[at] - p[at]) / row[at] for p, q in zip(f, g, strict=True))


def _merged(pieces: list[Piece], shared: list[tuple[int, int]]) -> list[Piece]:
    """Pieces with the same map made one while the union of two is convex.

    Two neighbours on both sides of ``r`` are one convex piece if each lies in all half-spaces of
    the other one but ``r``: what lies in all of these is in the first piece or in the second.
    """
    owner = list(range(len(pieces)))

    def find(i: int) -> int:
        while owner[i] != i:
            i = owner[i]
        return i

    tried: set[tuple[int, int, int, int]] = set()
    changed = True
    while changed:
        changed = False
        for i, j in shared:
            a, b = find(i), find(j)
            A, B = pieces[a], pieces[b]
            key = (a, b, len(A.rows), len(B.rows))
            if a == b or key in tried:
                continue
            tried.add(key)
            common = [r for r in A.rows if _opposite(r) in B.rows]
            if len(common) != 1:
                continue
            (r,), s = common, _opposite(common[0])
            if B.lies_in([x for x in A.rows if x != r]) and A.lies_in(
                [x for x in B.rows if x != s]
            ):
                rows = {x: c for x, c in A.rows.items() if x != r}
                for x, c in B.rows.items():
                    if x != s:
                        rows[x] = tuple(map(min, rows.get(x, c), c))
                pieces[a] = Piece(A.map, rows, A.domain)
                owner[b] = a
                changed = True
    return [pieces[i] for i in range(len(pieces)) if owner[i] == i]


# -- penalties -------------------------------------------------------------------------------


def by_pieces(setting: Setting, meta: dict[str, Any]) -> MaxOfShallow:
    """The minimal local form on a domain of any dimension."""
    pieces = convex_pieces(setting)
    pool, search = Pool(setting.net.n_inputs), _Penalties(pieces)
    raw = [_term(i, search, pool) for i in range(len(pieces))]
    return gather(pool, raw, meta, True)


def _term(i: int, search: _Penalties, pool: Pool) -> Raw:
    piece = search.pieces[i]
    m = len(piece.map)
    mixture = Mixture()
    for c in range(m):
        down = [r for r, bend in piece.rows.items() if bend[c] < 0]
        for rows in (down, list(piece.rows)):
            units = [pool.add((*r[:-1], -r[-1]), 0)[0] for r in rows]
            K = search.smallest(i, c, [pool.fractions(u) for u in units])
            if K is not None:
                break
        else:
            raise PlicaError(
                "no penalty keeps a term below the network; this is a defect of plica: please "
                "report the network and the domain"
            )
        if K:
            weight = -rounded_up(K)
            for unit in units:
                mixture.add(unit, tuple(weight if k == c else 0.0 for k in range(m)))
    return np.array(piece.map, dtype=object), mixture


class _Penalties:
    """Smallest penalties; most pieces are ruled out by bounds over points around them.

    Parameters
    ----------
    pieces : sequence of Piece
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.maps = np.array(
            [[[as_float(x) for x in row] for row in piece.map] for piece in pieces]
        )
        n = self.maps.shape[2] - 1
        hulls = [_hull(piece, n) for piece in pieces]
        #: Pieces without points have no bound.
        self.known = np.flatnonzero([len(hull) > 0 for hull in hulls])
        points = [[*map(as_float, v), 1.0] for hull in hulls for v in hull]
        self.points = np.array(points).reshape(-1, n + 1)
        count = np.array([len(hulls[q]) for q in self.known.tolist()], dtype=np.int64)
        self.owner = np.repeat(self.known, count)
        self.first = np.cumsum(count) - count

    def smallest(self, i: int, c: int, forms: Sequence[Sequence[Fraction]]) -> Fraction | None:
        """The smallest K of an output of a piece for penalties on forms; None if there is none."""
        own, best = self.pieces[i].map[c], Fraction(0)
        bound = self._bounds(i, c, forms)
        for q in np.argsort(-bound, kind="stable").tolist():
            if bound[q] <= best:
                break
            other = self.pieces[q]
            if other.map[c] == own:
                continue
            gap = [a - b for a, b in zip(own, other.map[c], strict=True)]
            rows = other.halfspaces
            if not forms:
                most = _most(gap, rows)
                if most is None or most > 0:
                    return None
                continue
            K = _ratio(gap, rows, forms)
            if K is None:
                return None
            best = max(best, K)
        return best

    @np.errstate(over="ignore", invalid="ignore")
    def _bounds(self, i: int, c: int, forms: Sequence[Sequence[Fraction]]) -> Float:
        """Certain upper bounds on the K that each other piece asks for, shape (N,).

        A sum of ``relu`` is at least the sum of its forms' smallest values, where these are
        positive; forms are largest and smallest at corners. In floating point, with room for all
        rounding; what overflows gives no bound.
        """
        bound = np.full(len(self.pieces), np.inf)
        if self.known.size:
            own, others = self.maps[i, c], self.maps[self.owner, c]
            size = np.abs(self.points) + TINY
            doubt = SLACK * ((np.abs(own) + np.abs(others) + TINY) * size).sum(axis=1)
            gap = ((own - others) * self.points).sum(axis=1) + doubt + TINY
            most = np.maximum.reduceat(gap, self.first)
            least = np.zeros(self.known.size)
            for form in forms:
                row = np.array([as_float(x) for x in form])
                value = self.points @ row - SLACK * (size @ (np.abs(row) + TINY)) - TINY
                least += np.maximum(np.minimum.reduceat(value, self.first), 0.0)
            ratio = np.divide(
                most, least, out=np.full(least.size, np.inf), where=(least > 0) & np.isfinite(least)
            )
            bound[self.known] = np.where(most <= 0, 0.0, ratio * (1 + SLACK) + TINY)
        bound[np.isnan(bound)] = np.inf
        bound[i] = 0.0
        return bound


def _hull(piece: Piece, n: int) -> list[Point]:
    """Points whose convex hull holds the piece: its corners in the plane, else those of a box.

    None at all if the piece has no end, or there would be too many.
    """
    if n > BOX_DIMENSIONS:
        return []
    ends = []
    for j in range(n):
        form = [Fraction(k == j) for k in range(n + 1)]
        most, least = _most(form, piece.halfspaces), _most([-x for x in form], piece.halfspaces)
        if most is None or least is None:
            return []
        ends.append((-least, most))
    if n == 2:
        lines = [(*row[:-1], -row[-1]) for row in piece.halfspaces]
        meets = {intersect(p, q) for p, q in combinations(lines, 2)} - {None}
        return [v for v in meets if v and linear_program.contains(piece.halfspaces, v)]
    return list(product(*ends))


def _most(form: Sequence[Fraction], rows: Sequence[Row]) -> Fraction | None:
    """The largest value of an affine form on a polyhedron; None if there is none."""
    A, b = [row[:-1] for row in rows], [row[-1] for row in rows]
    value = linear_program.maximise(form[:-1], A, b).value
    return None if value is None else value + form[-1]


def _ratio(
    gap: Sequence[Fraction], rows: Sequence[Row], forms: Sequence[Sequence[Fraction]]
) -> Fraction | None:
    """Supremum of ``gap(x) / sum_j relu(form_j(x))`` over a polyhedron; None if infinite.

    The variables are ``x`` and 1, both times a positive number, and a bound on each ``relu``.
    """
    n, h = len(gap) - 1, len(forms)
    A: list[list[Any]] = [[*row[:-1], -row[-1], *[0] * h] for row in rows]
    A.append([*[0] * n, -1, *[0] * h])
    for j, form in enumerate(forms):
        own = [-int(j == k) for k in range(h)]
        A += [[*form, *own], [*[0] * (n + 1), *own]]
    A.append([*[0] * (n + 1), *[1] * h])
    b = [0] * (len(A) - 1) + [1]
    found = linear_program.maximise([*gap, *[0] * h], A, b)
    return found.value
