"""The convex pieces of the linear regions of a network, exactly.

Activation regions with one affine map are merged. A linear region whose facets all bound it on one
side only is convex, and is one piece. In others two neighbours are merged as long as the union is
convex, in the order of their facets: a partition that no merging of two makes smaller, not always
the smallest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..exact import linear_program
from ..exact.generators import Ray, generators
from ..exact.linear_program import Row, integer_row
from ..exact.rational import Dyadic, RationalChain, all_pieces
from ..units import MAX
from .numbers import minus

if TYPE_CHECKING:
    from ..engines.running import Clock
    from ..stage import Stage
    from .plan import Setting

__all__ = ["Complex", "Piece", "convex_pieces", "value"]

#: Corners and directions of a region beyond which linear programs take their place.
GENERATORS = 512
#: Such regions in a row after which none is looked at any more.
GIVE_UP = 8
#: Bits of the unit below the last one of all maps: penalties may be as fine.
FINE = 32
#: Coefficients of an affine map, constants last, in integers; shape (m, n + 1).
Map = tuple[tuple[int, ...], ...]


@dataclass
class Piece:
    """A convex set on which the network is one affine map.

    Attributes
    ----------
    map : tuple of tuple of int
        The outputs, constants last, in units of the complex.
    rows : dict of Row to tuple of int
        Facets that are not the domain's, as half-spaces ``a . x <= b``. Beyond, the network is at
        least ``map - drop * (a . x - b)``, near the facet, with these drops, one an output.
    points : frozenset of int, or None
        Corners and directions, by their numbers in the complex; others of the piece may be among
        them. None if there would be too many.
    region : int
        Number of its linear region.
    """

    map: Map
    rows: dict[Row, tuple[int, ...]] = field(default_factory=dict)
    points: frozenset[int] | None = None
    region: int = 0


@dataclass
class Complex:
    """All pieces of a network on a domain.

    Attributes
    ----------
    pieces : list of Piece
    exponent : int
        The unit of all maps is ``2**exponent``.
    points : list of Ray
        Corners and directions of all pieces, each once.
    domain : list of Row
        Half-spaces of the domain.
    """

    pieces: list[Piece]
    exponent: int
    points: list[Ray]
    domain: list[Row]

    def halfspaces(self, piece: Piece) -> list[Row]:
        """All half-spaces of a piece."""
        return [*piece.rows, *self.domain]

    def below(self, piece: Piece, form: Sequence[int]) -> bool:
        """Whether an affine form, constant last, is positive nowhere on a piece, exactly."""
        if piece.points is not None:
            return all(value(form, self.points[p]) <= 0 for p in piece.points)
        rows = self.halfspaces(piece)
        A, b = [row[:-1] for row in rows], [row[-1] for row in rows]
        most = linear_program.maximise(form[:-1], A, b).value
        return most is not None and most + form[-1] <= 0

    def inside(self, piece: Piece, rows: Iterable[Row]) -> bool:
        """Whether a piece lies in all of some half-spaces, exactly."""
        return all(row in piece.rows or self.below(piece, beyond(row)) for row in rows)


def value(form: Sequence[int], point: Ray) -> int:
    """A form at a point times its ``w``, or along a direction."""
    return sum(map(mul, form, point))


def beyond(row: Row) -> tuple[int, ...]:
    """The form, constant last, that is positive outside a half-space."""
    return (*row[:-1], -row[-1])


def opposite(row: Row) -> Row:
    """The half-space on the other side."""
    return tuple(-x for x in row)


def convex_pieces(setting: Setting) -> Complex:
    """The convex pieces of the linear regions on the domain, by the clock of the setting.

    Raises
    ------
    BudgetError
        If not all activation regions are known, or no time is left.
    """
    atlas = setting.all_regions()
    facets = atlas.facets()
    maps, exponent, creases = _exact_forms(setting, facets.regions, facets.unit)
    labels = atlas.linear_regions().labels.tolist()
    cells = [Piece(f, region=r) for f, r in zip(maps, labels, strict=True)]
    within: list[tuple[int, int, Row]] = []
    for (i, j), row in zip(facets.regions.tolist(), creases, strict=True):
        drop = _drop(maps[i], maps[j], row)
        for k, side in ((i, row), (j, opposite(row))):
            _add(cells[k].rows, side, drop)
        if labels[i] == labels[j]:
            within.append((i, j, row))
    ends = linear_program.integer_rows(*(v.tolist() for v in setting.domain.halfspaces()))
    found = Complex(cells, exponent, [], ends)
    _find_points(found, setting)
    _merge(found, within, setting.clock)
    return found


def _add(rows: dict[Row, tuple[int, ...]], row: Row, drop: tuple[int, ...]) -> None:
    rows[row] = tuple(map(max, rows.get(row, drop), drop))


def _drop(f: Map, g: Map, row: Row) -> tuple[int, ...]:
    """The multiples of ``a . x - b`` that ``f - g`` is: integers, as the row is primitive."""
    at = next(i for i, a in enumerate(row[:-1]) if a)
    return tuple((p[at] - q[at]) // row[at] for p, q in zip(f, g, strict=True))


def _exact_forms(
    setting: Setting, pairs: NDArray[np.int64], units: NDArray[np.int32]
) -> tuple[list[Map], int, list[Row]]:
    """The map of every region, their unit's exponent, and the half-space of every facet.

    A facet's half-space is that of the first of its two regions. Regions with the same pieces up to
    a stage share what is computed there.
    """
    net, patterns = setting.net, setting.all_regions().patterns
    chain = RationalChain(net)
    start, one = chain.start()
    group = np.zeros(patterns.shape[0], dtype=np.int64)
    states, column = [start], 0
    creases: list[Row] = [()] * units.size
    for i, stage in enumerate(net.stages):
        z = [chain.pre(i, state, one) for state in states]
        nonlinear = stage.units.nonlinear
        known: dict[Any, Row] = {}
        here = (units >= column) & (units < column + nonlinear.size)
        for e in np.flatnonzero(here).tolist():
            unit = int(units[e])
            k = int(nonlinear[unit - column])
            for sign, r, s in ((1, *pairs[e]), (-1, *pairs[e][::-1])):
                key = (int(group[r]), unit, int(patterns[r, unit]), int(patterns[s, unit]))
                row = known.get(key)
                if row is None:
                    row = known[key] = _crease(stage, k, key[2], key[3], z[key[0]])
                if any(row[:-1]):  # else the unit is tied on all of this side
                    creases[e] = row if sign > 0 else opposite(row)
                    break
        keys = np.column_stack((group, patterns[:, column : column + nonlinear.size]))
        children, group = np.unique(keys, axis=0, return_inverse=True)
        group = group.reshape(-1)
        states = []
        for parent, *pieces in children.tolist():
            setting.clock.tick()
            states.append(chain.post(i, z[parent], one, all_pieces(stage.units, pieces)))
        column += nonlinear.size
    exponent = min(state.exponent for state in states) - FINE
    maps = [
        tuple(map(tuple, (state.ints << (state.exponent - exponent)).tolist())) for state in states
    ]
    return [maps[g] for g in group.tolist()], exponent, creases


def _crease(stage: Stage, k: int, own: int, other: int, z: Dyadic) -> Row:
    """The half-space in which a unit is on one piece rather than on a neighbouring one."""
    units = stage.units
    reads = units.reads[units.start[k] : units.start[k + 1]]
    if units.function[k] == MAX:
        ints = z.ints[reads[other]] - z.ints[reads[own]]
    else:
        t = units.functions[int(units.function[k])].breakpoints[own if other > own else own - 1]
        ints = minus(z[reads[0]], Fraction(float(t))).ints
        ints = ints if other > own else -ints
    return integer_row([*ints[:-1].tolist(), -ints[-1]])


def _find_points(found: Complex, setting: Setting) -> None:
    """The points of every piece; none for the rest once so many have had too many in a row."""
    number: dict[Ray, int] = {}
    without = 0
    for piece in found.pieces:
        setting.clock.tick()
        if without == GIVE_UP:
            break
        rays = generators(found.halfspaces(piece), setting.net.n_inputs, GENERATORS)
        without = without + 1 if rays is None else 0
        if rays is not None:
            piece.points = frozenset(number.setdefault(ray, len(number)) for ray in rays)
    found.points = list(number)


# -- merging ---------------------------------------------------------------------------------


def _merge(found: Complex, within: list[tuple[int, int, Row]], clock: Clock) -> None:
    """Make neighbours with the same map one piece while that is convex.

    Parameters
    ----------
    found : Complex
        Its pieces are activation regions.
    within : list of (int, int, Row)
        Pairs of neighbours with the same map, and the half-space of the first at their facet.
    clock : Clock
    """
    if not within:
        return
    cells = found.pieces
    inner: set[tuple[int, Row]] = set()
    members: dict[int, set[int]] = {}
    for i, j, row in within:
        inner |= {(i, row), (j, opposite(row))}
        members.setdefault(cells[i].region, set()).update((i, j))
    owner = list(range(len(cells)))
    for some in members.values():
        clock.tick()
        first, *others = sorted(some)
        whole = _whole(found, sorted(some), inner)
        if whole is not None:
            cells[first] = whole
            for i in others:
                owner[i] = first
    pairs = [(i, j) for i, j, _ in within if owner[i] != owner[j]]
    _merge_pairs(found, owner, pairs, clock)
    found.pieces = [cells[i] for i in range(len(cells)) if owner[i] == i]


def _whole(found: Complex, some: list[int], inner: set[tuple[int, Row]]) -> Piece | None:
    """A linear region as one piece, if it is convex.

    It is if all of it lies on one side of each of its facets: what lies on that side of all is then
    in the region, since a segment to there from the inside meets none.
    """
    rows: dict[Row, tuple[int, ...]] = {}
    for i in some:
        for row, drop in found.pieces[i].rows.items():
            if (i, row) not in inner:
                _add(rows, row, drop)
    parts = [found.pieces[i] for i in some]
    if not all(found.inside(part, rows) for part in parts):
        return None
    return Piece(parts[0].map, rows, _union(parts), parts[0].region)


def _union(parts: Sequence[Piece]) -> frozenset[int] | None:
    points: set[int] = set()
    for part in parts:
        if part.points is None:
            return None
        points |= part.points
    return frozenset(points)


def _merge_pairs(
    found: Complex, owner: list[int], pairs: list[tuple[int, int]], clock: Clock
) -> None:
    """Merge two by two.

    Two neighbours on both sides of ``r`` are one convex piece if each lies in all half-spaces of
    the other one but ``r``: what lies in all of these is in the first piece or in the second.
    """
    cells = found.pieces

    def find(i: int) -> int:
        while owner[i] != i:
            i = owner[i]
        return i

    tried: set[tuple[int, int, int, int]] = set()
    changed = True
    while changed:
        changed = False
        for i, j in pairs:
            a, b = find(i), find(j)
            A, B = cells[a], cells[b]
            key = (a, b, len(A.rows), len(B.rows))
            if a == b or key in tried:
                continue
            tried.add(key)
            clock.tick()
            common = [r for r in A.rows if opposite(r) in B.rows]
            if len(common) != 1:
                continue
            (r,), s = common, opposite(common[0])
            rest_a, rest_b = ({x: c for x, c in P.rows.items() if x not in (r, s)} for P in (A, B))
            if found.inside(B, rest_a) and found.inside(A, rest_b):
                for row, drop in rest_b.items():
                    _add(rest_a, row, drop)
                cells[a] = Piece(A.map, rest_a, _union((A, B)), A.region)
                owner[b] = a
                changed = True
