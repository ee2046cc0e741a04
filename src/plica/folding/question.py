"""What of a region is mapped into a target, decided in rational arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..chain import Network
from ..domains import Domain
from ..exact import linear_program
from ..exact.halfspaces import pattern_rows
from ..exact.linear_program import Row, integer_row
from ..exact.rational import RationalChain
from .equations import reduced, solve
from .preimage import Point, Preimage
from .targets import Target

__all__ = ["Question"]

Pattern = tuple[int, ...]


class _Part(NamedTuple):
    """The points ``start + basis . t`` of a region that satisfy the target's equations.

    ``target`` and ``own`` are the half-spaces of ``t`` that the target and the region ask for.
    """

    J: Any
    c: Any
    start: Point
    basis: list[Point]
    target: list[Row]
    own: list[Row]

    @property
    def rows(self) -> list[Row]:
        return [row for row in (*self.target, *self.own) if any(row[:-1])]

    @property
    def tight(self) -> bool:
        """Whether all points lie on the boundary of the region or of the target."""
        return any(row[-1] == 0 for row in (*self.target, *self.own) if not any(row[:-1]))


class Question:
    """Which part of a region a network maps into a target.

    Parameters
    ----------
    net : Network
    domain : Domain
    goal : Target
        In the space of the network's outputs.
    """

    def __init__(self, net: Network, domain: Domain, goal: Target) -> None:
        self.net = domain.restrict(net)
        self.chain = RationalChain(self.net)
        self.goal = goal
        self.dim = domain.dim
        sides = linear_program.integer_rows(*(part.tolist() for part in domain.halfspaces()))
        self.sides = [row for row in sides if any(row[:-1])]

    def part(self, pattern: Pattern) -> Preimage | None:
        """The part inside the region and inside the target; None if there is none."""
        found = self._part(pattern)
        if found is None or found.tight:
            return None
        start, basis, rows = found.start, found.basis, found.rows
        inside = linear_program.interior_point(rows, len(basis)) if basis else ()
        if inside is None:
            return None
        witness = tuple(
            x + sum(t * v[j] for t, v in zip(inside, basis, strict=True))
            for j, x in enumerate(start)
        )
        injective = len(reduced(found.J, self.dim)[1]) == self.dim
        own = [row for row in found.own if any(row[:-1])]
        onto = injective and all(_redundant(row, found.target) for row in own)
        return Preimage(pattern, found.J, found.c, witness, onto, start, tuple(basis), tuple(rows))

    def touches(self, pattern: Pattern) -> bool:
        """Whether the closed region has a point that is mapped into the closed target."""
        found = self._part(pattern)
        if found is None:
            return False
        rows, k = found.rows, len(found.basis)
        if k == 0:
            return True
        solved = linear_program.maximise([0] * k, [r[:-1] for r in rows], [r[-1] for r in rows])
        return solved.status != "infeasible"

    def _part(self, pattern: Pattern) -> _Part | None:
        """The polyhedron; None where a half-space without a normal contradicts."""
        J, c = self.chain.affine_on(pattern)
        equations = [_pulled(row, J, c) for row in self.goal.equations]
        solved = solve([r[:-1] for r in equations], [r[-1] for r in equations], self.dim)
        if solved is None:
            return None
        start, basis = solved
        target = [_along(_pulled(row, J, c), start, basis) for row in self.goal.halfspaces]
        own = []
        if any(map(_contradiction, target)):
            return None
        for rows in (self.sides, pattern_rows(self.net, pattern, self.chain)):
            for row in rows:
                if any(row[:-1]):  # rows of units that are tied all over say nothing
                    own.append(_along(row, start, basis))
                    if _contradiction(own[-1]):  # most often so: the solution lies elsewhere
                        return None
        return _Part(J, c, start, basis, target, own)


def _pulled(row: Sequence[Fraction], J: Any, c: Any) -> list[Fraction]:
    """The half-space of ``u`` with ``J u + c`` in a half-space; a right side behind each row."""
    a = np.array(row[:-1], dtype=object)
    return [*(a @ J), row[-1] - a @ c]


def _along(row: Sequence[Any], start: Point, basis: Sequence[Point]) -> Row:
    """The half-space of ``t`` with ``start + basis . t`` in a half-space."""

    def times(v: Point) -> Fraction:
        return sum((a * x for a, x in zip(row, v, strict=False)), Fraction(0))

    return integer_row([*map(times, basis), row[-1] - times(start)])


def _contradiction(row: Row) -> bool:
    return row[-1] < 0 and not any(row[:-1])


def _redundant(row: Row, rows: list[Row]) -> bool:
    """Whether a half-space holds wherever some others do."""
    found = linear_program.maximise(row[:-1], [r[:-1] for r in rows], [r[-1] for r in rows])
    return found.value is not None and found.value <= row[-1]
