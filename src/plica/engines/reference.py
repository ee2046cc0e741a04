"""The reference engine: the subdivision of an interval or polygon, slow, readable and exact.

A cell is a convex polygon, or an interval, with rational vertices. Every unit cuts the cells of
the units before it by the exact affine forms of its pre-activations. Nothing is rounded.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

from plica.errors import DomainError, PlicaError
from plica.exact.rational import Dyadic, Exact, PieceTable, RationalChain, all_pieces
from plica.units import MAX, Units

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from plica.chain import Network
    from plica.domains import Domain

__all__ = [
    "Cell",
    "Facet",
    "count",
    "domain_vertices",
    "enumerate_cells",
    "facets",
    "level_set",
    "linear_regions",
    "merge",
    "size",
]

Point = tuple[Fraction, ...]
#: A point in homogeneous integers: (X, Y, W) is (X / W, Y / W); W > 0, no common factor.
Homogeneous = tuple[int, ...]
#: A polygon counter-clockwise, or an interval as its left and right end.
Ring = list[Homogeneous]


@dataclass(frozen=True)
class Cell:
    """An activation region in the domain's own coordinates.

    Attributes
    ----------
    pattern : tuple of int
        Piece of every unit with more than one.
    vertices : tuple of points
        A polygon's corners counter-clockwise, or an interval's left and right end.
    J, c : tuples of Fraction, shapes (n_outputs, dim) and (n_outputs,)
        The outputs are ``J u + c``.
    """

    pattern: tuple[int, ...]
    vertices: tuple[Point, ...]
    J: tuple[tuple[Fraction, ...], ...]
    c: tuple[Fraction, ...]


@dataclass(frozen=True)
class Facet:
    """What two cells share: an edge of positive length (two ends), or a breakpoint (one end)."""

    cells: tuple[int, int]
    ends: tuple[Point, ...]


def enumerate_cells(net: Network, domain: Domain) -> list[Cell]:
    """All activation regions of a network on an interval or a polygon, exactly.

    Parameters
    ----------
    net : Network
    domain : Domain
        Of dimension 1 or 2, and bounded.

    Returns
    -------
    list of Cell
        An interval's cells from left to right; a polygon's in the order of their patterns.

    Raises
    ------
    DomainError
        If the domain has another dimension, is not bounded, or has no interior.
    """
    ring = [_homogeneous(v) for v in domain_vertices(domain)]
    chain = RationalChain(domain.restrict(net))
    state, one = chain.start()
    cells = list(_descend(chain, 0, state, one, ring, ()))
    return sorted(cells, key=lambda cell: cell.vertices[0]) if domain.dim == 1 else cells


def _descend(
    chain: RationalChain, stage: int, state: Dyadic, one: Any, ring: Ring, pattern: tuple[int, ...]
) -> Iterator[Cell]:
    """Cells inside ``ring``, on which all stages before this one are affine."""
    z = chain.pre(stage, state, one)
    if stage == len(chain.net.stages) - 1:
        rows = z.fractions()
        J = tuple(tuple(row) for row in rows[:, :-1])
        yield Cell(pattern, tuple(_point(v) for v in ring), J, tuple(rows[:, -1]))
        return
    units, table = chain.net.stages[stage].units, chain.tables[stage]
    parts: list[tuple[tuple[int, ...], Ring]] = [((), ring)]
    for k in units.nonlinear:
        parts = [
            ((*some, piece), smaller)
            for some, part in parts
            for piece, smaller in _split(units, int(k), z, one, table, part)
        ]
    for some, part in parts:
        after = chain.post(stage, z, one, all_pieces(units, some))
        yield from _descend(chain, stage + 1, after, one, part, (*pattern, *some))


def _split(
    units: Units, k: int, z: Dyadic, one: Any, table: PieceTable, ring: Ring
) -> Iterator[tuple[int, Ring]]:
    """The pieces of one unit that have an interior in ``ring``, each with its part of it."""
    reads = units.reads[units.start[k] : units.start[k + 1]]
    if units.function[k] == MAX:
        for piece, i in enumerate(reads):
            leads = [(z[i] + Dyadic(-z.ints[j], z.exponent)).ints for j in reads]
            part = _where_largest(piece, leads, ring)
            if part is not None:
                yield piece, part
        return
    rest, last = ring, int(units.n_pieces[k]) - 1
    for piece in range(last):
        end = table.end[table.first[k] + piece]
        beyond = (z[reads[0]] + Dyadic(-end.ints * one, end.exponent)).ints
        right = _side(rest, beyond)
        if right is None:  # nothing is right of the breakpoint, though all may lie on it
            yield piece, rest
            return
        left = _side(rest, -beyond)
        if left is not None:
            yield piece, left
        rest = right
    yield last, rest


def _where_largest(piece: int, leads: Sequence[Exact], ring: Ring) -> Ring | None:
    """The part of a cell where no lead of a piece over another one is negative."""
    for other, lead in enumerate(leads):
        if any(lead):
            part = _side(ring, lead)
            if part is None:
                return None
            ring = part
        elif other < piece:  # tied everywhere: the lowest index has the cell
            return None
    return ring


def _side(ring: Ring, form: Sequence[int] | Exact) -> Ring | None:
    """The part of a cell where an affine form is not negative; None if it has no interior."""
    values = [sum(f * x for f, x in zip(form, v, strict=True)) for v in ring]
    if max(values) <= 0:
        return None
    if min(values) >= 0:
        return ring
    part: Ring = []
    for i in range(len(ring)):
        if values[i] >= 0:
            part.append(ring[i])
        j = (i + 1) % len(ring)
        if values[i] * values[j] < 0 and not (len(ring) == 2 and i == 1):  # an interval: one edge
            p, q = abs(values[i]), abs(values[j])
            part.append(_reduced([q * x + p * y for x, y in zip(ring[i], ring[j], strict=True)]))
    return part


# -- points ----------------------------------------------------------------------------------


def _reduced(v: Sequence[int]) -> Homogeneous:
    common = gcd(*v)
    return tuple(x // common for x in v)


def _integers(numbers: Sequence[Fraction]) -> list[int]:
    """The smallest positive multiple in integers."""
    scale = lcm(*(x.denominator for x in numbers))
    return [int(x * scale) for x in numbers]


def _homogeneous(point: Point) -> Homogeneous:
    return tuple(_integers((*point, Fraction(1))))


def _point(v: Homogeneous) -> Point:
    return tuple(Fraction(x, v[-1]) for x in v[:-1])


def _cross(p: Sequence[Any], q: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The line through two points, or the point on two lines, in homogeneous coordinates."""
    return (
        p[1] * q[2] - p[2] * q[1],
        p[2] * q[0] - p[0] * q[2],
        p[0] * q[1] - p[1] * q[0],
    )


# -- domains ---------------------------------------------------------------------------------


def domain_vertices(domain: Domain) -> tuple[Point, ...]:
    """Exact corners of a bounded domain of dimension 1 or 2, counter-clockwise.

    Raises
    ------
    DomainError
        If it has another dimension, is not bounded, or has no interior.
    """
    if domain.dim not in (1, 2):
        raise DomainError(
            f"the reference engine works on domains of dimension 1 and 2, not {domain.dim}; take a "
            "plica.Slice or a plica.Segment of it"
        )
    A, b = domain.halfspaces()
    # inside where no form (-a, b) . (u, 1) is negative
    rows = [
        [-Fraction(v) for v in row] + [Fraction(r)]
        for row, r in zip(A.tolist(), b.tolist(), strict=True)
    ]
    forms = [row for row in rows if any(row[:-1])]
    contradiction = any(row[-1] < 0 for row in rows if not any(row[:-1]))
    directions: list[Point]
    corners: list[Point]
    if domain.dim == 1:
        directions = [(Fraction(1),), (Fraction(-1),)]
        corners = [(-f[1] / f[0],) for f in forms]
    else:
        # an unbounded set of this kind has a ray along one of its boundary lines
        directions = [(s * f[1], -s * f[0]) for f in forms for s in (1, -1)]
        meets = [_cross(f, g) for f, g in combinations(forms, 2)]
        corners = [(x / w, y / w) for x, y, w in meets if w]
    still = Fraction(0)
    if not forms or any(all(_at(f, (*d, still)) >= 0 for f in forms) for d in directions):
        raise DomainError(
            "the domain is not bounded; the reference engine needs a bounded one: add half-spaces, "
            "or take a plica.Box"
        )
    inside = [p for p in corners if all(_at(f, (*p, Fraction(1))) >= 0 for f in forms)]
    low, high = [[end(c) for c in zip(*inside, strict=True)] for end in (min, max)]
    ring: Ring = []
    if not contradiction and inside and all(x < y for x, y in zip(low, high, strict=True)):
        if domain.dim == 1:
            return (low[0],), (high[0],)
        x, y = zip(low, high, strict=True)
        ring = [_homogeneous(p) for p in ((x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1]))]
        for f in forms:
            ring = _side(ring, _integers(f)) or [] if ring else []
    if not ring:
        raise DomainError(
            "the domain has no interior: its half-spaces contradict one another or leave it flat"
        )
    return tuple(_point(v) for v in ring)


def _at(form: Sequence[Fraction], point: Point) -> Fraction:
    return sum((a * x for a, x in zip(form, point, strict=True)), Fraction(0))


# -- what the cells say ----------------------------------------------------------------------


def count(net: Network, domain: Domain, kind: str = "activation") -> int:
    """Number of activation regions, or of linear regions, exactly.

    Parameters
    ----------
    net : Network
    domain : Domain
        Of dimension 1 or 2, and bounded.
    kind : {"activation", "linear"}
    """
    cells = enumerate_cells(net, domain)
    if kind == "activation":
        return len(cells)
    if kind == "linear":
        return len(set(linear_regions(cells)))
    raise PlicaError(f"kind must be 'activation' or 'linear', got {kind!r}")


def size(vertices: Sequence[Point]) -> Fraction:
    """Exact area of a polygon, or length of an interval, in own coordinates."""
    if len(vertices[0]) == 1:
        return vertices[1][0] - vertices[0][0]
    around = zip(vertices, (*vertices[1:], vertices[0]), strict=True)
    return sum((p[0] * q[1] - p[1] * q[0] for p, q in around), Fraction(0)) / 2


def facets(cells: Sequence[Cell]) -> list[Facet]:
    """All pairs of cells that share an edge of positive length (1-D: a breakpoint)."""
    if cells and len(cells[0].vertices[0]) == 1:
        return [Facet((i, i + 1), (cells[i].vertices[1],)) for i in range(len(cells) - 1)]
    # on each line the edges of the cells on its two sides run in opposite directions
    sides: dict[Homogeneous, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for i, cell in enumerate(cells):
        for p, q in zip(cell.vertices, (*cell.vertices[1:], cell.vertices[0]), strict=True):
            line = _reduced(_cross(_homogeneous(p), _homogeneous(q)))
            forward = line > (0, 0, 0)
            key = line if forward else tuple(-x for x in line)
            sides[key][forward].append((min(p, q), max(p, q), i))
    found = []
    for one, other in sides.values():
        one.sort()
        other.sort()
        a = b = 0
        while a < len(one) and b < len(other):
            low, high = max(one[a][0], other[b][0]), min(one[a][1], other[b][1])
            if low < high:
                i, j = sorted((one[a][2], other[b][2]))
                found.append(Facet((i, j), (low, high)))
            if one[a][1] < other[b][1]:
                a += 1
            else:
                b += 1
    return found


def linear_regions(cells: Sequence[Cell]) -> list[int]:
    """Label of the linear region of every cell, numbered from 0 in the order of the cells.

    Cells are merged across facets where their affine maps are equal.
    """
    pairs = (
        (i, j)
        for i, j in (facet.cells for facet in facets(cells))
        if cells[i].J == cells[j].J and cells[i].c == cells[j].c
    )
    return merge(len(cells), pairs)


def merge(n: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Label of the component of each of ``n`` things that the pairs join, in their order."""
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in pairs:
        i, j = root(i), root(j)
        parent[max(i, j)] = min(i, j)
    roots = [root(i) for i in range(n)]
    number = {r: label for label, r in enumerate(sorted(set(roots)))}
    return [number[r] for r in roots]


def level_set(
    cells: Sequence[Cell], output: int = 0, value: Fraction | float = 0
) -> list[tuple[int, tuple[Point, ...]]]:
    """Where an output has a value: ``(cell, (p, q))`` for every cell that it meets in a segment.

    In 1-D a point ``(cell, (p,))``. A segment along an edge of the subdivision is listed for
    every cell it bounds; a cell on which the output has the value everywhere is left out.
    """
    target = Fraction(value)
    found = []
    for i, cell in enumerate(cells):
        row, constant = cell.J[output], cell.c[output] - target
        ring = cell.vertices
        g = [sum(a * x for a, x in zip(row, v, strict=True)) + constant for v in ring]
        points = [v for v, s in zip(ring, g, strict=True) if s == 0]
        for k in range(len(ring) if len(ring) > 2 else 1):
            p, q, s, t = ring[k], ring[(k + 1) % len(ring)], g[k], g[(k + 1) % len(ring)]
            if s * t < 0:
                w = s / (s - t)
                points.append(tuple((1 - w) * x + w * y for x, y in zip(p, q, strict=True)))
        if len(points) == len(ring[0]) and any(g):
            found.append((i, tuple(sorted(points))))
    return found
