"""The reference engine for any dimension: the subdivision of a polyhedron, slow and exact.

A cell is a polyhedron, bounded or not, given by rational half-spaces and a rational point of its
interior. Every unit cuts the cells of the units before it by the exact affine forms of its
pre-activations; an exact linear program says whether a form has both signs on a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from plica.engines.reference import merge
from plica.errors import DomainError, PlicaError
from plica.exact import linear_program
from plica.exact.linear_program import Point, Row
from plica.exact.rational import Dyadic, Exact, PieceTable, RationalChain, all_pieces
from plica.units import MAX, Units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plica.chain import Network
    from plica.domains import Domain

__all__ = [
    "Cell",
    "Facet",
    "count",
    "enumerate_cells",
    "facets",
    "is_bounded",
    "linear_regions",
    "pattern_behind",
]


@dataclass(frozen=True)
class Cell:
    """An activation region in the domain's own coordinates.

    Attributes
    ----------
    pattern : tuple of int
        Piece of every unit with more than one.
    rows : tuple of Row
        Half-spaces ``(a, b)`` in integers, ``a . u <= b``, that the closed cell is the intersection
        of: the domain's, then those of the units that cut on the way here. Later cuts may have
        made some of them redundant.
    units : tuple of int
        Where each row comes from: the pattern column of a unit, or ``-1 - i`` for row ``i`` of the
        domain.
    witness : tuple of Fraction
        A point of the interior.
    J, c : tuples of Fraction, shapes (n_outputs, dim) and (n_outputs,)
        The outputs are ``J u + c``.
    """

    pattern: tuple[int, ...]
    rows: tuple[Row, ...]
    units: tuple[int, ...]
    witness: Point
    J: tuple[tuple[Fraction, ...], ...]
    c: tuple[Fraction, ...]


@dataclass(frozen=True)
class Facet:
    """What two cells share: a set of dimension ``dim - 1``.

    Attributes
    ----------
    cells : tuple of int
        Numbers of the two cells, the lower first.
    unit : int
        Pattern column of the unit that cut here first.
    point : tuple of Fraction
        A point of the facet's relative interior.
    """

    cells: tuple[int, int]
    unit: int
    point: Point


@dataclass(frozen=True)
class _Part:
    """A polyhedron with an interior; see `Cell`."""

    rows: tuple[Row, ...]
    units: tuple[int, ...]
    witness: Point


def enumerate_cells(net: Network, domain: Domain) -> Iterator[Cell]:
    """All activation regions of a network on a domain of any dimension, bounded or not, exactly.

    Parameters
    ----------
    net : Network
    domain : Domain

    Yields
    ------
    Cell
        In the order of their patterns.

    Raises
    ------
    DomainError
        If the domain does not fit the network, or has no interior.
    """
    chain = RationalChain(domain.restrict(net))
    rows = linear_program.integer_rows(*(v.tolist() for v in domain.halfspaces()))
    inside = linear_program.interior_point(rows, domain.dim)
    if inside is None:
        raise DomainError(
            "the domain has no interior: its half-spaces contradict one another or leave it flat"
        )
    kept = [i for i, row in enumerate(rows) if any(row[:-1])]
    whole = _Part(tuple(rows[i] for i in kept), tuple(-1 - i for i in kept), inside)
    state, one = chain.start()
    yield from _descend(chain, 0, state, one, whole, ())


def _descend(
    chain: RationalChain, stage: int, state: Dyadic, one: Any, part: _Part, pattern: tuple[int, ...]
) -> Iterator[Cell]:
    """Cells inside ``part``, on which all stages before this one are affine."""
    z = chain.pre(stage, state, one)
    if stage == len(chain.net.stages) - 1:
        rows = z.fractions()
        J = tuple(tuple(row) for row in rows[:, :-1])
        yield Cell(pattern, part.rows, part.units, part.witness, J, tuple(rows[:, -1]))
        return
    units, table = chain.net.stages[stage].units, chain.tables[stage]
    parts: list[tuple[tuple[int, ...], _Part]] = [((), part)]
    for column, k in enumerate(units.nonlinear, start=len(pattern)):
        parts = [
            ((*some, piece), smaller)
            for some, larger in parts
            for piece, smaller in _split(units, int(k), z, one, table, larger, column)
        ]
    for some, smaller in parts:
        after = chain.post(stage, z, one, all_pieces(units, some))
        yield from _descend(chain, stage + 1, after, one, smaller, (*pattern, *some))


def _split(
    units: Units, k: int, z: Dyadic, one: Any, table: PieceTable, part: _Part, column: int
) -> Iterator[tuple[int, _Part]]:
    """The pieces of one unit that have an interior in ``part``, each with its share of it."""
    reads = units.reads[units.start[k] : units.start[k + 1]]
    if units.function[k] == MAX:
        for piece, i in enumerate(reads):
            leads = [(z[i] + Dyadic(-z.ints[j], z.exponent)).ints for j in reads]
            largest = _where_largest(piece, leads, part, column)
            if largest is not None:
                yield piece, largest
        return
    rest, last = part, int(units.n_pieces[k]) - 1
    for piece in range(last):
        end = table.end[table.first[k] + piece]
        beyond = (z[reads[0]] + Dyadic(-end.ints * one, end.exponent)).ints
        left, right = _sides(rest, beyond, column)
        if left is not None:
            yield piece, left
        if right is None:
            return
        rest = right
    yield last, rest


def _where_largest(piece: int, leads: Sequence[Exact], part: _Part, column: int) -> _Part | None:
    """The share of a part where no lead of a piece over another one is negative."""
    for other, lead in enumerate(leads):
        if any(lead):
            _, ahead = _sides(part, lead, column)
            if ahead is None:
                return None
            part = ahead
        elif other < piece:  # tied everywhere: the lowest index has the cell
            return None
    return part


def _sides(part: _Part, form: Exact, column: int) -> tuple[_Part | None, _Part | None]:
    """The shares of a part where an affine form is not positive, and where it is not negative.

    A share without interior is None. A form that is zero everywhere is taken for negative: a tied
    unit is on its left piece.
    """
    over = linear_program.integer_row(form.tolist())
    under = tuple(-x for x in over)
    high = linear_program.reach(over, part.rows, part.witness)
    low = linear_program.reach(under, part.rows, part.witness)
    if low is None or high is None:
        return (part, None) if high is None else (None, part)
    units = (*part.units, column)
    # {form <= 0} is the half-space a . u <= -form[-1]
    left = _Part((*part.rows, (*over[:-1], under[-1])), units, low)
    right = _Part((*part.rows, (*under[:-1], over[-1])), units, high)
    return left, right


def is_bounded(domain: Domain) -> bool:
    """Whether a domain that is not empty has no direction without end."""
    rows = linear_program.integer_rows(*(v.tolist() for v in domain.halfspaces()))
    return linear_program.recession_direction(rows, domain.dim) is None


# -- what the cells say ----------------------------------------------------------------------


def count(net: Network, domain: Domain, kind: str = "activation") -> int:
    """Number of activation regions, or of linear regions, exactly.

    Parameters
    ----------
    net : Network
    domain : Domain
    kind : {"activation", "linear"}
    """
    cells = enumerate_cells(net, domain)
    if kind == "activation":
        return sum(1 for _ in cells)
    if kind == "linear":
        return len(set(linear_regions(net, domain, list(cells))))
    raise PlicaError(f"kind must be 'activation' or 'linear', got {kind!r}")


def facets(net: Network, domain: Domain, cells: Sequence[Cell]) -> list[Facet]:
    """All pairs of cells that share a facet.

    The subdivision is face to face, since the pre-activations are continuous: a unit that is at a
    breakpoint somewhere in the relative interior of a facet is so on all of it. So each facet
    inside the domain has one cell beyond it, whose pattern is that of the points right behind.

    Parameters
    ----------
    net : Network
    domain : Domain
    cells : sequence of Cell
        All of them.
    """
    chain = RationalChain(domain.restrict(net))
    number = {cell.pattern: i for i, cell in enumerate(cells)}
    found = []
    for i, cell in enumerate(cells):
        for facet in linear_program.facets(cell.rows, cell.witness):
            unit = cell.units[facet.row]
            if unit >= 0:
                outwards = cell.rows[facet.row][:-1]
                j = number[pattern_behind(chain, facet.point, outwards)]
                if i < j:
                    found.append(Facet((i, j), unit, facet.point))
    return found


def pattern_behind(chain: RationalChain, x: Point, d: Sequence[int]) -> tuple[int, ...]:
    """The pattern at ``x + s d`` for every ``s > 0`` that is small enough.

    Pre-activations along the ray are ``value + s slope`` there: they compare in this order.
    """
    q = lcm(*(v.denominator for v in x))
    columns = [[int(v * q), int(step)] for v, step in zip(x, d, strict=True)]
    state = Dyadic(np.array(columns, dtype=object), 0)
    one = np.array([q, 0], dtype=object)  # constants move the point, not the direction
    pattern: list[int] = []
    for i, stage in enumerate(chain.net.stages):
        z = chain.pre(i, state, one)
        pieces = [_piece(stage.units, k, z, one, chain.tables[i]) for k in range(stage.n_out)]
        pattern += [pieces[k] for k in stage.units.nonlinear]
        state = chain.post(i, z, one, pieces)
    return tuple(pattern)


def _piece(units: Units, k: int, z: Dyadic, one: Exact, table: PieceTable) -> int:
    """Piece of a unit for pre-activations whose columns compare one after another."""
    reads = units.reads[units.start[k] : units.start[k + 1]]
    if units.function[k] == MAX:
        read = [tuple(z.ints[i]) for i in reads]
        return read.index(max(read))
    ends = [table.end[table.first[k] + piece] for piece in range(int(units.n_pieces[k]) - 1)]
    beyond = [(z[reads[0]] + Dyadic(-end.ints * one, end.exponent)).ints for end in ends]
    return sum(tuple(form) > (0, 0) for form in beyond)


def linear_regions(net: Network, domain: Domain, cells: Sequence[Cell]) -> list[int]:
    """Label of the linear region of every cell, numbered from 0 in the order of the cells.

    Cells are merged across facets where their affine maps are equal.
    """
    pairs = (
        (i, j)
        for i, j in (facet.cells for facet in facets(net, domain, cells))
        if cells[i].J == cells[j].J and cells[i].c == cells[j].c
    )
    return merge(len(cells), pairs)
