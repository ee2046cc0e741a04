"""Linear programs over the rationals: optima, interior points and facets, decided exactly.

The primal simplex method on dictionaries of integers over one common denominator. Every pivot
divides exactly (Edmonds 1967; Bareiss 1968), so that no fraction is ever reduced. A polyhedron
is a list of rows ``(a_1, ..., a_n, b)`` of integers, each the half-space ``a . x <= b``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from operator import mul
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Facet",
    "Point",
    "Row",
    "Solution",
    "contains",
    "facets",
    "integer_row",
    "integer_rows",
    "interior_point",
    "maximise",
    "reach",
    "recession_direction",
]

Point = tuple[Fraction, ...]
#: ``(a_1, ..., a_n, b)``: the half-space ``a . x <= b``; as a form, ``a . x + b``.
Row = tuple[int, ...]


@dataclass(frozen=True)
class Solution:
    """What a linear program has for an answer.

    Attributes
    ----------
    status : {"optimal", "unbounded", "infeasible"}
    value : Fraction or None
        The maximum.
    point : tuple of Fraction or None
        A feasible point: where the maximum is, or where the ray starts.
    ray : tuple of Fraction or None
        A direction along which the objective grows without end inside the polyhedron.
    multipliers : tuple of Fraction or None
        One nonnegative number ``y`` a row. Optimal: ``y A = c`` and ``y . b`` is the maximum.
        Infeasible: ``y A = 0`` and ``y . b < 0``, a contradiction.
    """

    status: str
    value: Fraction | None = None
    point: Point | None = None
    ray: Point | None = None
    multipliers: tuple[Fraction, ...] | None = None


@dataclass(frozen=True)
class Facet:
    """A facet of a polyhedron with an interior.

    Attributes
    ----------
    row : int
        Number of the row whose hyperplane it lies in: the first, where several say the same.
    point : tuple of Fraction
        A point of its relative interior.
    """

    row: int
    point: Point


# -- rows ------------------------------------------------------------------------------------


def integer_row(numbers: Iterable[Any]) -> Row:
    """The positive multiple of a row of rational numbers in integers without a common factor."""
    exact = [x if isinstance(x, int) else Fraction(x) for x in numbers]
    scale = lcm(*(x.denominator for x in exact))
    ints = [x.numerator * (scale // x.denominator) for x in exact]
    common = gcd(*ints) or 1
    return tuple(x // common for x in ints)


def integer_rows(A: Iterable[Iterable[Any]], b: Iterable[Any]) -> list[Row]:
    """The rows of ``A x <= b``, for finite numbers of any kind, exactly."""
    return [integer_row((*row, right)) for row, right in zip(A, b, strict=True)]


def contains(rows: Iterable[Row], point: Sequence[Fraction], strictly: bool = False) -> bool:
    """Whether a point lies in a polyhedron, or in its interior."""
    X, q = _homogeneous(point)
    for row in rows:
        gap = row[-1] * q - _dot(row, X)
        if gap < 0 or (strictly and gap == 0 and any(row[:-1])):
            return False
    return True


def _dot(row: Sequence[int], X: Sequence[Any]) -> Any:
    return sum(map(mul, row, X))  # the row may have its constant behind


def _homogeneous(point: Sequence[Fraction]) -> tuple[list[int], int]:
    """``(X, q)`` in integers, ``q > 0``, with the point ``X / q``."""
    q = lcm(*(x.denominator for x in point))
    return [x.numerator * (q // x.denominator) for x in point], q


# -- the simplex method ----------------------------------------------------------------------


class _Dictionary:
    """Basic variables as affine functions of the others, which are zero.

    Variables ``0 .. n - 1`` are the coordinates, free in sign; ``n + i`` is the slack of row
    ``i`` and must not be negative. Row ``r`` of the table says ``scale * basis[r] = table[r] .
    (columns, 1)``, its last row the same of the objective.
    """

    def __init__(self, rows: Sequence[Row], goal: Sequence[int]) -> None:
        self.n = len(goal) - 1
        self.table = [[*(-a for a in row[:-1]), row[-1]] for row in rows]
        self.table.append(list(goal))
        self.basis = list(range(self.n, self.n + len(rows)))
        self.columns = list(range(self.n))
        self.scale = 1

    def pivot(self, r: int, c: int) -> None:
        """Column ``c`` enters the basis, row ``r`` leaves it."""
        leaving = self.table[r]
        sign = 1 if leaving[c] > 0 else -1
        p, scale = sign * leaving[c], self.scale
        if sign < 0:
            leaving = [-x for x in leaving]
        for i, row in enumerate(self.table):
            f = row[c]
            if i == r:
                continue
            if f:
                new = [(x * p - f * y) // scale for x, y in zip(row, leaving, strict=True)]
                new[c] = sign * f
                self.table[i] = new
            elif p != scale:
                self.table[i] = [x * p // scale for x in row]
        new = [-y for y in leaving]
        new[c] = sign * scale
        self.table[r] = new
        self.basis[r], self.columns[c] = self.columns[c], self.basis[r]
        self.scale = p

    def _entering(self, bland: bool) -> tuple[int, int] | None:
        """Column and direction along which the objective grows."""
        best, found = 0, None
        for c, growth in enumerate(self.table[-1][:-1]):
            if growth > 0 or (growth < 0 and self.columns[c] < self.n):
                size = -self.columns[c] - 1 if bland else abs(growth)
                if found is None or size > best:
                    best, found = size, (c, 1 if growth > 0 else -1)
        return found

    def _leaving(self, c: int, sign: int) -> int | None:
        """The row that stops column ``c``: the first at its bound, of ties the lowest variable."""
        best: tuple[int, int] | None = None  # the step is best[0] / best[1]
        row = None
        for r, variable in enumerate(self.basis):
            fall = -sign * self.table[r][c]
            if variable >= self.n and fall > 0:
                room = self.table[r][-1]
                order = -1 if best is None else room * best[1] - best[0] * fall
                if order < 0 or (order == 0 and row is not None and variable < self.basis[row]):
                    best, row = (room, fall), r
        return row

    def maximise(self, enough: bool = False) -> tuple[int, int] | None:
        """Pivot to a maximum, from a feasible dictionary.

        The steepest column enters; after a step of length zero Bland's rule holds until the next
        step of positive length, so that no dictionary comes back.

        Parameters
        ----------
        enough : bool
            Stop as soon as the objective is positive.

        Returns
        -------
        (int, int) or None
            Column and direction of a ray along which the objective has no bound, if so.
        """
        bland = False
        while not (enough and self.table[-1][-1] > 0):
            entering = self._entering(bland)
            if entering is None:
                return None
            r = self._leaving(*entering)
            if r is None:
                return entering
            bland = self.table[r][-1] == 0
            self.pivot(r, entering[0])
        return None

    @property
    def value(self) -> Fraction:
        return Fraction(self.table[-1][-1], self.scale)

    def point(self) -> list[Fraction]:
        """The coordinates, where all variables outside the basis are zero."""
        found = [Fraction(0)] * self.n
        for variable, row in zip(self.basis, self.table, strict=False):
            if variable < self.n:
                found[variable] = Fraction(row[-1], self.scale)
        return found

    def ray(self, c: int, sign: int) -> list[Fraction]:
        """The direction in which the coordinates move along column ``c``."""
        found = [Fraction(0)] * self.n
        if self.columns[c] < self.n:
            found[self.columns[c]] = Fraction(sign)
        for variable, row in zip(self.basis, self.table, strict=False):
            if variable < self.n:
                found[variable] = Fraction(sign * row[c], self.scale)
        return found

    def multipliers(self) -> list[Fraction]:
        """Of the rows, at a maximum: what the objective loses by a unit of each slack."""
        found = [Fraction(0)] * len(self.basis)
        for c, variable in enumerate(self.columns):
            if variable >= self.n:
                found[variable - self.n] = Fraction(-self.table[-1][c], self.scale)
        return found

    def restrict(self, goal: Sequence[int]) -> None:
        """Take the last coordinate and the last slack, both zero, away; set another objective."""
        self.n -= 1
        t, cap = self.n, self.n + len(self.basis)
        if cap in self.basis:  # pivots at a bound that is met change no value
            r = self.basis.index(cap)
            self.pivot(r, next(c for c, x in enumerate(self.table[r][:-1]) if x))
        r, c = self.basis.index(t), self.columns.index(cap)
        del self.table[r], self.basis[r], self.columns[c]
        for row in self.table:
            del row[c]
        self.basis = [v - (v > t) for v in self.basis]
        self.columns = [v - (v > t) for v in self.columns]
        self.table[-1] = [0] * len(self.columns) + [goal[-1] * self.scale]
        for v, weight in enumerate(goal[:-1]):
            if v in self.columns:
                self.table[-1][self.columns.index(v)] += weight * self.scale
            else:
                row = self.table[self.basis.index(v)]
                self.table[-1] = [x + weight * y for x, y in zip(self.table[-1], row, strict=True)]


def _lifted(rows: Sequence[Row], n: int, cap: int) -> _Dictionary:
    """A feasible dictionary of ``a . x + |a| t <= b, t <= cap`` over (x, t); the goal is t.

    With the 1-norm of ``a`` for ``|a|``, ``t`` is how deep ``x`` lies inside, in the maximum norm.
    """
    deep = [(*row[:-1], sum(map(abs, row[:-1])) or 1, row[-1]) for row in rows]
    lifted = _Dictionary([*deep, (*[0] * n, 1, cap)], (*[0] * n, 1, 0))
    # at x = 0 the largest t that every row allows
    limits = [Fraction(row[-1], row[-2]) for row in [*deep, (1, cap)]]
    lifted.pivot(limits.index(min(limits)), n)
    return lifted


# -- questions -------------------------------------------------------------------------------


def maximise(c: Sequence[Any], A: Sequence[Sequence[Any]], b: Sequence[Any]) -> Solution:
    """Maximise ``c . x`` over ``{x : A x <= b}``, exactly.

    Parameters
    ----------
    c : sequence of n rational numbers
        Integers, fractions or finite floating-point numbers, each taken exactly.
    A : sequence of m rows of n rational numbers
    b : sequence of m rational numbers

    Returns
    -------
    Solution

    Examples
    --------
    >>> maximise([1, 1], [[1, 0], [0, 3], [-1, -1]], [1, 2, 0]).value
    Fraction(5, 3)
    """
    rows, goal = integer_rows(A, b), integer_row((*c, 0))
    # by how much the integers are larger than the numbers given
    factors = [_ratio(row, (*a, right)) for row, a, right in zip(rows, A, b, strict=True)]
    n = len(goal) - 1
    program = _Dictionary(rows, goal)
    if any(row[-1] < 0 for row in rows):
        program = _lifted(rows, n, 0)
        program.maximise()
        if program.value < 0:
            contradiction = zip(program.multipliers(), factors, strict=False)
            return Solution("infeasible", multipliers=tuple(y * f for y, f in contradiction))
        program.restrict(goal)
    ray = program.maximise()
    point = tuple(program.point())
    if ray is not None:
        return Solution("unbounded", point=point, ray=tuple(program.ray(*ray)))
    scale = _ratio(goal, (*c, 0))
    y = zip(program.multipliers(), factors, strict=True)
    return Solution(
        "optimal",
        value=program.value / scale,
        point=point,
        multipliers=tuple(m * f / scale for m, f in y),
    )


def _ratio(ints: Row, numbers: Sequence[Any]) -> Fraction:
    return next((i / Fraction(x) for i, x in zip(ints, numbers, strict=True) if i), Fraction(1))


def interior_point(rows: Sequence[Row], n: int) -> Point | None:
    """A point of the interior of a polyhedron in ``n`` dimensions; None if it has no interior."""
    if any(row[-1] < 0 for row in rows if not any(row[:-1])):
        return None
    rows = [row for row in rows if any(row[:-1])]
    program = _lifted(rows, n, 1)
    program.maximise(enough=True)
    return _rounded(program.point()[:-1], rows) if program.value > 0 else None


def reach(form: Sequence[int], rows: Sequence[Row], inside: Point) -> Point | None:
    """An interior point where an affine form is positive; None if there is no such point.

    Parameters
    ----------
    form : sequence of n + 1 integers
        ``(f, f0)`` stands for ``f . x + f0``.
    rows : sequence of Row
    inside : tuple of Fraction
        A point of the polyhedron's interior: the simplex method starts from it.
    """
    X, q = _homogeneous(inside)
    start = _dot(form, X) + form[-1] * q
    if start > 0:
        return inside
    # in the coordinates q (x - inside)
    shifted = [(*row[:-1], row[-1] * q - _dot(row, X)) for row in rows]
    program = _Dictionary(shifted, (*form[:-1], start))
    ray = program.maximise(enough=True)
    y = program.point()
    if ray is not None:
        along = program.ray(*ray)
        steps = 1 - program.value / sum(
            (f * r for f, r in zip(form, along, strict=False)), Fraction(0)
        )
        y = [v + steps * r for v, r in zip(y, along, strict=True)]
    elif program.value <= 0:
        return None
    # the form is positive at y, which may be on the boundary: come back from it towards inside
    half_plane = (*(-f for f in form[:-1]), form[-1])
    share = Fraction(1, 2)
    while True:
        point = [x + (1 - share) * v / q for x, v in zip(inside, y, strict=True)]
        if contains([half_plane], point, strictly=True):
            return _rounded(point, [*rows, half_plane])
        share /= 2


def _rounded(point: Sequence[Fraction], rows: Sequence[Row]) -> Point:
    """A point with few digits inside all rows, near one that is inside."""
    bits = 4
    while True:
        near = tuple(Fraction(round(x * 2**bits), 2**bits) for x in point)
        if contains(rows, near, strictly=True):
            return near
        bits *= 2


def facets(rows: Sequence[Row], inside: Point) -> list[Facet]:
    """The facets of a polyhedron with an interior, in the order of its rows.

    A row is a facet where the others alone would allow more. Of rows with the same half-space the
    first one counts; rows without a normal never do.

    Parameters
    ----------
    rows : sequence of Row
    inside : tuple of Fraction
        A point of the interior.
    """
    tightest: dict[Row, tuple[Fraction, int]] = {}
    for i, row in enumerate(rows):
        common = gcd(*row[:-1])
        if common:
            normal, bound = tuple(a // common for a in row[:-1]), Fraction(row[-1], common)
            if normal not in tightest or bound < tightest[normal][0]:
                tightest[normal] = bound, i
    kept = sorted(i for _, i in tightest.values())
    found = []
    for i in tuple(kept):
        others = [rows[j] for j in kept if j != i]
        excess = (*rows[i][:-1], -rows[i][-1])
        beyond = reach(excess, others, inside)
        if beyond is None:
            kept.remove(i)
        else:
            found.append(Facet(i, _crossing(excess, inside, beyond)))
    return found


def _crossing(form: Row, p: Point, q: Point) -> Point:
    """Where the segment from p to q meets the zeros of a form that changes its sign on it."""
    s, t = (_dot(form, x) + form[-1] for x in (p, q))
    return tuple((x * t - y * s) / (t - s) for x, y in zip(p, q, strict=True))


def recession_direction(rows: Sequence[Row], n: int) -> Point | None:
    """A direction in which a polyhedron that is not empty has no end; None if it is bounded."""
    cone = [(*row[:-1], 0) for row in rows]
    for j in range(n):
        for sign in (1, -1):
            program = _Dictionary(cone, [sign * (i == j) for i in range(n + 1)])
            ray = program.maximise()
            if ray is not None:
                return tuple(program.ray(*ray))
    return None
