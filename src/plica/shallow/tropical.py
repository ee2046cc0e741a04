"""A network as the difference of two convex functions, each a maximum of affine ones.

Both are tropical polynomials: the network is a tropical rational function (Zhang, Naitzat and Lim
2018). Every coordinate of every state is ``max P - max Q`` with finite sets of affine functions: a
weight of either sign scales and exchanges them, a sum adds sets pairwise, ``relu(p - q) = max(p, q)
- q``. The sets grow fast; this is a view of small networks, and a check of the other forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, Stage, as_batch, require_network
from ..domains import Domain, Space
from ..errors import SizeError
from ..exact import linear_program
from ..exact.linear_program import Row
from ..units import MAX
from .numbers import Dyadics, rational_point

if TYPE_CHECKING:
    from .lattice import MaxMin

__all__ = ["DifferenceOfConvex", "difference_of_convex"]

Form = tuple[Fraction, ...]
#: A finite set of affine functions, for their maximum.
Polynomial = frozenset[Form]
#: Sets above this size are freed of functions that are nowhere the largest.
THIN = 6
#: Largest set of affine functions on the way.
LIMIT = 5000


@dataclass(frozen=True, eq=False, repr=False)
class DifferenceOfConvex:
    """Every output is ``max(plus) - max(minus)``.

    Attributes
    ----------
    plus, minus : tuple of Dyadics, shapes (k, n + 1)
        For each output its affine functions, constants last, exactly.
    """

    plus: tuple[Dyadics, ...]
    minus: tuple[Dyadics, ...]

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.plus[0].shape[1] - 1

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """How many affine functions each output has, in ``plus`` and in ``minus``."""
        pairs = zip(self.plus, self.minus, strict=True)
        return tuple((p.shape[0], q.shape[0]) for p, q in pairs)

    def __repr__(self) -> str:
        parts = ", ".join(f"{p} - {q}" for p, q in self.sizes)
        return f"<plica.DifferenceOfConvex of {self.n_inputs} inputs: {parts}>"

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """Values, shape (N, n_outputs), at points of shape (N, n_inputs), in float64."""
        points = as_batch(x, self.n_inputs)
        columns = [
            (points @ p.floats[:, :-1].T + p.floats[:, -1]).max(axis=1)
            - (points @ q.floats[:, :-1].T + q.floats[:, -1]).max(axis=1)
            for p, q in zip(self.plus, self.minus, strict=True)
        ]
        return np.stack(columns, axis=1)

    def value(self, x: Iterable[Any]) -> tuple[Fraction, ...]:
        """The exact values at a rational point."""
        one = np.array([*rational_point(x, self.n_inputs), Fraction(1)], dtype=object)
        return tuple(
            max(p.fractions() @ one) - max(q.fractions() @ one)
            for p, q in zip(self.plus, self.minus, strict=True)
        )

    def class_shift(self, *, limit: int = LIMIT) -> DifferenceOfConvex:
        """All outputs raised by the sum of all ``max(minus)``: each is then convex.

        ``P_c - Q_c + sum_d Q_d = P_c + sum_{d != c} Q_d`` is a maximum of affine functions. The
        function that is added is the same for all outputs: differences, the arg max and the
        softmax stay the same. A single output, the score of one class against another, becomes two
        whose difference (second minus first) it is.

        Parameters
        ----------
        limit : int
            Largest set of affine functions on the way.

        Raises
        ------
        SizeError
            If a set would grow beyond the limit; it is not built then.
        """
        sets = _Sets(self.n_inputs, [], limit)
        plus, minus = (
            [frozenset(map(tuple, p.fractions())) for p in some] for some in (self.plus, self.minus)
        )
        if len(plus) == 1:
            plus, minus = [sets.zero, *plus], [sets.zero, *minus]
        found = []
        for c, total in enumerate(plus):
            for q in minus[:c] + minus[c + 1 :]:
                total = sets.plus(total, q)
            found.append(Dyadics.of_rows(sorted(total), self.n_inputs + 1))
        zero = Dyadics.of_rows(sorted(sets.zero), self.n_inputs + 1)
        return DifferenceOfConvex(tuple(found), (zero,) * len(found))

    def max_min(self, output: int = 0) -> MaxMin:
        """``max_i min_j (p_i - q_j)``: the max-min form of an output."""
        from .lattice import MaxMin

        p, q = self.plus[output].fractions(), self.minus[output].fractions()
        maps: dict[Form, int] = {}
        groups = {
            tuple(sorted({maps.setdefault(tuple(a - b), len(maps)) for b in q})): None for a in p
        }
        return MaxMin(Dyadics.of_rows(list(maps), self.n_inputs + 1), tuple(groups))


def difference_of_convex(
    net: Network, domain: Domain | None = None, *, limit: int = LIMIT
) -> DifferenceOfConvex:
    """A network as the difference of two maxima of affine functions.

    Parameters
    ----------
    net : Network
        A small one, of any chain.
    domain : Domain, optional
        Functions that are nowhere on it the largest of their maximum are left out, exactly; the
        form holds there, in own coordinates. All of the input space if not given.
    limit : int
        Largest set of affine functions on the way.

    Raises
    ------
    SizeError
        If a set would grow beyond the limit; it is not built then.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1], [1]], [0, -1]), ([[1, -1]], [0])])  # clip to [0, 1]
    >>> form = plica.shallow.difference_of_convex(net)
    >>> form.sizes, form([[-3.0], [0.5], [2.0]]).ravel().tolist()
    (((2, 2),), [0.0, 0.5, 1.0])
    """
    require_network(net)
    domain = Space(net.n_inputs) if domain is None else domain
    net = domain.restrict(net)
    rows = linear_program.integer_rows(*(v.tolist() for v in domain.halfspaces()))
    sets = _Sets(net.n_inputs, rows, limit)
    state = [(sets.single(sets.coordinate(i)), sets.zero) for i in range(net.n_inputs)]
    for stage in net.stages:
        state = _stage(sets, stage, state)
    plus, minus = zip(*state, strict=True)
    width = net.n_inputs + 1
    return DifferenceOfConvex(
        tuple(Dyadics.of_rows(sorted(s), width) for s in plus),
        tuple(Dyadics.of_rows(sorted(s), width) for s in minus),
    )


class _Sets:
    """Arithmetic with maxima of affine functions on a domain."""

    def __init__(self, n: int, rows: Sequence[Row], limit: int) -> None:
        self.n, self.rows, self.limit = n, list(rows), limit
        self.zero = self.single(tuple([Fraction(0)] * (n + 1)))

    def coordinate(self, i: int) -> Form:
        return tuple(Fraction(i == j) for j in range(self.n + 1))

    def constant(self, c: Fraction) -> Polynomial:
        return self.single((*[Fraction(0)] * self.n, c))

    @staticmethod
    def single(form: Form) -> Polynomial:
        return frozenset([form])

    @staticmethod
    def scaled(p: Polynomial, factor: Fraction) -> Polynomial:
        return frozenset(tuple(factor * x for x in form) for form in p)

    def plus(self, p: Polynomial, q: Polynomial) -> Polynomial:
        """The sum of two maxima."""
        self._allow(len(p) * len(q))
        sums = {tuple(x + y for x, y in zip(a, b, strict=True)) for a in p for b in q}
        return self._thin(frozenset(sums))

    def maximum(self, *parts: Polynomial) -> Polynomial:
        """The maximum of several."""
        return self._thin(frozenset().union(*parts))

    def _allow(self, size: int) -> None:
        if size > self.limit:
            raise SizeError(
                f"a sum of two maxima would have {size:,} affine functions (limit "
                f"{self.limit:,}); take a smaller network or domain, or a larger limit"
            )

    def _thin(self, p: Polynomial) -> Polynomial:
        if len(p) <= THIN:
            return p
        kept = sorted(p)
        for form in sorted(p):
            others = [f for f in kept if f != form]
            gaps = [[a - b for a, b in zip(f, form, strict=True)] for f in others]
            rows = [linear_program.integer_row([*g[:-1], -g[-1]]) for g in gaps]
            if linear_program.interior_point([*rows, *self.rows], self.n) is None:
                kept = others
        return frozenset(kept)


Pair = tuple[Polynomial, Polynomial]


def _stage(sets: _Sets, stage: Stage, state: list[Pair]) -> list[Pair]:
    A, a = stage.dense(), stage.a
    z = [_combination(sets, row, c, state) for row, c in zip(A.tolist(), a.tolist(), strict=True)]
    units, found = stage.units, []
    for k in range(units.n_out):
        reads = units.reads[units.start[k] : units.start[k + 1]].tolist()
        f = int(units.function[k])
        if f == MAX:
            found.append(_max(sets, [z[i] for i in reads]))
        elif f < 0:
            found.append(z[reads[0]])
        else:
            g = units.functions[f]
            slope = [Fraction(s) for s in g.slopes.tolist()]
            parts = [(slope[0], z[reads[0]])]
            for q, t in enumerate(g.breakpoints.tolist()):
                p, m = z[reads[0]]
                moved = sets.plus(p, sets.constant(-Fraction(t)))
                parts.append((slope[q + 1] - slope[q], (sets.maximum(moved, m), m)))
            found.append(_sum(sets, parts, g.exact_intercepts[0]))
    return found


def _max(sets: _Sets, parts: list[Pair]) -> Pair:
    """``max(p - q, p' - q', ...)``, two at a time."""
    p, q = parts[0]
    for r, s in parts[1:]:
        p, q = sets.maximum(sets.plus(p, s), sets.plus(r, q)), sets.plus(q, s)
    return p, q


def _combination(sets: _Sets, row: list[float], constant: float, state: list[Pair]) -> Pair:
    parts = [(Fraction(w), pair) for w, pair in zip(row, state, strict=True) if w]
    return _sum(sets, parts, Fraction(constant))


def _sum(sets: _Sets, parts: Iterable[tuple[Fraction, Pair]], constant: Fraction) -> Pair:
    plus, minus = sets.constant(constant), sets.zero
    for w, (p, q) in parts:
        if w < 0:
            p, q = q, p
        if w:
            plus = sets.plus(plus, sets.scaled(p, abs(w)))
            minus = sets.plus(minus, sets.scaled(q, abs(w)))
    return plus, minus
