"""The smallest penalty that keeps a term below the network, and where the term is the network.

A term is ``f - K P`` with ``P = sum_j drop_j relu(r_j)``. On a piece that no ``r_j`` changes its
sign in, it is affine, as the network is: it is below the network there if it is at the corners and
along the directions. So K is at least the largest quotient ``(f - F) / P`` over all corners of the
complex. Where an ``r_j`` cuts a piece into two, the term is at most ``f - K sum_j lambda_j drop_j
r_j``, with any ``lambda_j`` in [0, 1], and that is affine again; where no ``lambda`` is found for
which this is below the network, K is at least the largest quotient at the corners of the parts. For
pieces with too many corners the smallest K is the value of a linear program over the cone of the
piece, by the scaling of Charnes and Cooper (1962).

Floating point only says which corners need a look: with a bound on its error that leaves room for
all rounding. The quotients, and every sign that the bound leaves open, are computed in integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..engines.running import Clock
from ..exact import linear_program
from ..exact.generators import Marked, Ray, extreme_rays, subdivided
from ..exact.linear_program import Row
from .certificates import proved
from .numbers import as_float, nearest
from .pieces import Complex, Map, beyond, value

__all__ = ["Patch", "Penalties", "Term", "Unit"]

#: Share of the sizes of the numbers in a sum that rounding changes it by, with room to spare.
SLACK = 1e-12
#: Added where numbers so small could be lost altogether.
TINY = np.finfo(np.float64).tiny
#: Numbers that are kept of creases seen before.
KEPT = 1 << 26
#: Corners and directions of a piece beyond which it is not cut into parts.
CORNERS = 64
#: Rounds of a game, and how strongly each weighs.
STEPS, RATE = 40, 5.0
Float = NDArray[np.float64]
#: A facet's half-space, and the factor of its penalty in units of the complex.
Unit = tuple[Row, int]


@dataclass(frozen=True)
class Patch:
    """Where a term has to be the network: a piece, or several with one map.

    Attributes
    ----------
    map : tuple of tuple of int
    pieces : tuple of int
        Their numbers.
    """

    map: Map
    pieces: tuple[int, ...]


@dataclass(frozen=True)
class Crease:
    """The zeros of a form: its values at all points, and the pieces that it cuts.

    The signs of the values are exact.
    """

    values: Float
    cut: NDArray[np.int64]


class Penalties:
    """Finds penalties of the terms of a complex.

    Parameters
    ----------
    complex_ : Complex

    Attributes
    ----------
    clock : Clock
        Looked at between two pieces; may be changed.
    """

    def __init__(self, complex_: Complex) -> None:
        self.complex, self.clock = complex_, Clock()
        pieces, points = complex_.pieces, complex_.points
        n = len(pieces[0].map[0]) - 1
        self.points = np.array([_coordinates(p) for p in points]).reshape(-1, n + 1)
        self.size = np.abs(self.points) + TINY
        #: Pieces whose corners are known, and these one piece after another.
        self.known = np.array([q for q, p in enumerate(pieces) if p.points is not None], dtype=int)
        lists = [sorted(pieces[q].points or ()) for q in self.known.tolist()]
        self.unknown = [q for q, p in enumerate(pieces) if p.points is None]
        self.corners = np.array([p for some in lists for p in some], dtype=np.int64)
        counts = np.array([len(some) for some in lists], dtype=np.int64)
        self.first = np.cumsum(counts) - counts
        self.counts = counts
        self.place = np.full(len(pieces), -1)
        self.place[self.known] = np.arange(self.known.size)
        #: A piece that each point lies in.
        self.owner = np.zeros(len(points), dtype=np.int64)
        self.owner[self.corners] = np.repeat(self.known, counts)
        self.maps = np.array([[_floats(row, complex_.exponent) for row in p.map] for p in pieces])
        own = self.maps[self.owner]  # (P, m, n + 1)
        with np.errstate(over="ignore", invalid="ignore"):
            self.values = np.einsum("pk,pmk->pm", self.points, own)
            self.sizes = np.einsum("pk,pmk->pm", self.size, np.abs(own) + TINY)
        self._creases: dict[Row, Crease] = {}
        self._rays: dict[int, Marked | None] = {}

    # -- creases -----------------------------------------------------------------------------

    def crease(self, row: Row) -> Crease:
        """Of the form that is positive outside a half-space."""
        other = tuple(-x for x in row)
        if row in self._creases:
            return self._creases[row]
        if other in self._creases:
            known = self._creases[other]
            return Crease(-known.values, known.cut)
        form = beyond(row)
        coefficients = _floats(form, self.scale(row))
        values = self.points @ coefficients
        doubt = SLACK * (self.size @ (np.abs(coefficients) + TINY))
        for p in np.flatnonzero(~(np.abs(values) > doubt)).tolist():
            sign = _sign(value(form, self.complex.points[p]))
            values[p] = sign * max(abs(values[p]), TINY) if sign else 0.0
        at = values[self.corners]
        if self.first.size:
            low, high = (f.reduceat(at, self.first) for f in (np.minimum, np.maximum))
            cut = self.known[(low < 0) & (high > 0)]
        else:
            cut = self.known
        if len(self._creases) >= max(KEPT // max(values.size, 1), 64):
            self._creases.pop(next(iter(self._creases)))  # the oldest
        found = self._creases[row] = Crease(values, cut)
        return found

    def rays(self, q: int) -> Marked | None:
        """The extreme rays of a piece, kept; None if they are too many to cut it into parts."""
        piece = self.complex.pieces[q]
        if piece.points is None or len(piece.points) > CORNERS:
            return None
        if q not in self._rays:
            rows = self.complex.halfspaces(piece)
            self._rays[q] = extreme_rays(rows, self.points.shape[1] - 1, CORNERS)
        return self._rays[q]

    @staticmethod
    def scale(row: Row) -> int:
        """An exponent that makes the largest coefficient of a row about one."""
        return -max(abs(a) for a in row[:-1]).bit_length()


class Term:
    """One output of one term: ``f`` and the facets that carry a penalty.

    Parameters
    ----------
    bounds : Penalties
    patch : Patch
    c : int
        Output.
    units : sequence of Unit
    """

    def __init__(self, bounds: Penalties, patch: Patch, c: int, units: Sequence[Unit]) -> None:
        self.bounds, self.patch, self.c, self.units = bounds, patch, c, units
        complex_ = bounds.complex
        self.own = np.zeros(len(complex_.points), dtype=bool)
        for q in patch.pieces:
            self.own[list(complex_.pieces[q].points or ())] = True
        f = _floats(patch.map[c], complex_.exponent)
        self.creases = [bounds.crease(row) for row, _ in units]
        scales = [bounds.scale(row) for row, _ in units]
        factors = [
            nearest(d, complex_.exponent - e) for (_, d), e in zip(units, scales, strict=True)
        ]
        forms = [_floats(beyond(row), e) for (row, _), e in zip(units, scales, strict=True)]
        #: What each facet adds to P at every point, negative where it adds nothing.
        self.parts = np.zeros((0, len(complex_.points)))
        size = np.full(f.size, TINY)
        with np.errstate(over="ignore", invalid="ignore"):
            if units:
                self.parts = np.array(
                    [k * c.values for k, c in zip(factors, self.creases, strict=True)]
                )
                size += np.abs(np.array(factors)[:, None] * np.array(forms)).sum(axis=0)
            self.gap = bounds.points @ f - bounds.values[:, c]
            self.doubt = SLACK * (bounds.size @ (np.abs(f) + TINY) + bounds.sizes[:, c])
            self.penalty = np.maximum(self.parts, 0.0).sum(axis=0)
            self.penalty_doubt = SLACK * (bounds.size @ size) + TINY
        self.gap[self.own] = self.doubt[self.own] = 0.0
        #: Whether P is positive, exactly.
        self.outside = np.zeros(self.own.size, dtype=bool)
        for crease in self.creases:
            self.outside |= crease.values > 0
        self._gaps: dict[int, int] = {}

    # -- exact values ------------------------------------------------------------------------

    def _gap_at(self, p: int) -> int:
        """``f - F`` at a point."""
        if p not in self._gaps:
            complex_ = self.bounds.complex
            other = complex_.pieces[self.bounds.owner[p]].map[self.c]
            point = complex_.points[p]
            self._gaps[p] = value(self.patch.map[self.c], point) - value(other, point)
        return self._gaps[p]

    def _penalty_at(self, p: int) -> int:
        point = self.bounds.complex.points[p]
        return sum(d * max(value(beyond(row), point), 0) for row, d in self.units)

    # -- the smallest penalty ----------------------------------------------------------------

    def above(self) -> list[int]:
        """Points at which the term is above the network whatever K is."""
        open_ = ~self.outside & ~self.own & ~(self.gap < -self.doubt)
        sure = self.gap > self.doubt
        return [p for p in np.flatnonzero(open_).tolist() if sure[p] or self._gap_at(p) > 0]

    def smallest(self) -> Fraction | None:
        """The smallest K; None if there is none."""
        if self.above():
            return None
        K: Fraction | None = self._at_points()
        if K and self.units:
            K = self._where_cut(K)
        for q in self.bounds.unknown:
            if q not in self.patch.pieces and K is not None:
                self.bounds.clock.tick()
                if self._proved(q, K):
                    continue
                more = self._on_piece(q)
                K = None if more is None else max(K, more)
        return K

    def _at_points(self) -> Fraction:
        """The largest ``(f - F) / P`` at a point."""
        at = np.flatnonzero(self.outside)
        gap, doubt = self.gap[at], self.doubt[at]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            low = (gap - doubt) / (self.penalty[at] + self.penalty_doubt[at])
            least = self.penalty[at] - self.penalty_doubt[at]
            high = np.where(least > 0, (gap + doubt) / least, np.inf)
        best = max(float(np.nanmax(low, initial=0.0)), 0.0)
        best = best if np.isfinite(best) else 0.0
        open_ = ~(gap + doubt <= 0) & ~(high < best)
        quotients = [Fraction(self._gap_at(p), self._penalty_at(p)) for p in at[open_].tolist()]
        return max(quotients, default=Fraction(0))

    def _where_cut(self, K: Fraction) -> Fraction | None:
        """The smallest K, at least a given one, on the pieces that creases of the term cut."""
        pieces = np.unique(np.concatenate([crease.cut for crease in self.creases]))
        while pieces.size:
            pieces, choices = self._undecided(pieces, K)
            for q, chosen in zip(pieces.tolist(), choices, strict=True):
                pieces = pieces[1:]
                self.bounds.clock.tick()
                if any(self._fits(q, some, K) for some in chosen):
                    continue
                if self.bounds.rays(q) is None and self._proved(q, K):
                    continue
                more = self._on_piece(q)
                if more is None:
                    return None
                if more > K:
                    K = more
                    break  # which may be enough for others
        return K

    def _undecided(
        self, pieces: NDArray[np.int64], K: Fraction
    ) -> tuple[NDArray[np.int64], list[list[NDArray[np.int64]]]]:
        """Pieces for which floating point finds no ``lambda`` that shows K to be enough.

        Returns
        -------
        pieces : ndarray of int64
            The ones with the least room first.
        choices : list of list of ndarray of int64
            For each of them, sets of facets with ``lambda = 1`` that may just do.
        """
        at = _Corners(self, pieces, as_float(K))
        choices = at.whole()
        shares = [some.astype(float) for some in choices]
        for last in (False, True):
            room = np.max([at.room(share) for share in shares], axis=0)
            left = np.flatnonzero(~(room > 0))
            left = left[np.argsort(room[left], kind="stable")]
            pieces, choices = pieces[left], [some[:, left] for some in choices]
            if last or not pieces.size:
                break
            at = _Corners(self, pieces, as_float(K))
            shares = [at.played()]
        each = range(pieces.size)
        return pieces, [[np.flatnonzero(some[:, i]) for some in choices] for i in each]

    def _fits(self, q: int, chosen: NDArray[np.int64], K: Fraction) -> bool:
        """Whether penalties on some facets, as if linear, are enough on a piece, exactly."""
        units = [self.units[j] for j in chosen.tolist()]
        for p in self.bounds.complex.pieces[q].points or ():
            point = self.bounds.complex.points[p]
            total = sum(d * value(beyond(row), point) for row, d in units)
            if self._gap_at(p) * K.denominator > K.numerator * total:
                return False
        return True

    def _gap_on(self, q: int) -> list[int]:
        """``f - F`` on a piece."""
        other = self.bounds.complex.pieces[q].map[self.c]
        return [a - b for a, b in zip(self.patch.map[self.c], other, strict=True)]

    def _proved(self, q: int, K: Fraction) -> bool:
        """Whether there is a quick proof that K is enough on a piece."""
        rows = self.bounds.complex.halfspaces(self.bounds.complex.pieces[q])
        forms = [[d * x for x in beyond(row)] for row, d in self.units]
        return proved(self._gap_on(q), rows, forms, K)

    def _on_piece(self, q: int) -> Fraction | None:
        """The smallest K on a piece; None if there is none.

        The largest quotient at the corners of the parts that the creases cut it into; the value of
        a linear program where there are too many corners.
        """
        complex_ = self.bounds.complex
        piece = complex_.pieces[q]
        gap = self._gap_on(q)
        if complex_.below(piece, gap):
            return Fraction(0)
        forms, whole = [], [0] * len(gap)
        for crease, (row, d) in zip(self.creases, self.units, strict=True):
            form = [d * x for x in beyond(row)]
            values = crease.values[list(piece.points or ())]
            if piece.points is None or (values.min() < 0 < values.max()):
                forms.append(form)
            elif values.max() > 0:  # positive on all of the piece
                whole = [a + b for a, b in zip(whole, form, strict=True)]
        if any(whole):
            forms.append(whole)
        if not forms:
            return None
        rays = self.bounds.rays(q)
        if rays is None:
            return _ratio(gap, complex_.halfspaces(piece), forms)
        most = Fraction(0)
        for ray in subdivided(rays, forms, len(gap) - 1, 1 + len(complex_.halfspaces(piece))):
            up = value(gap, ray)
            if up > 0:
                total = sum(max(value(form, ray), 0) for form in forms)
                if not total:
                    return None
                most = max(most, Fraction(up, total))
        return most

    # -- where the term is the network -------------------------------------------------------

    def covered(self, K: Fraction) -> list[int]:
        """Pieces on which the term with penalty K is this output of the network, exactly.

        Where P is not zero, only K = 1 is looked at: other penalties are rounded up.
        """
        bounds = self.bounds
        gap = self.gap
        if K == 1:
            gap = gap - self.penalty
        near = ~(np.abs(gap) > self.doubt + (self.penalty_doubt if K == 1 else 0.0))
        if K not in (0, 1):
            near &= ~self.outside
        found = set(self.patch.pieces)
        if bounds.first.size:
            near_pieces = np.logical_and.reduceat(near[bounds.corners], bounds.first)
            cut: set[int] = set().union(*(c.cut.tolist() for c in self.creases)) if K else set()
            for q in set(bounds.known[near_pieces].tolist()) - found - cut:
                corners = bounds.complex.pieces[q].points or ()
                if all(self._gap_at(p) == K * (self._penalty_at(p) if K else 0) for p in corners):
                    found.add(q)
        return sorted(found)


class _Corners:
    """The corners of some pieces that creases of a term cut, one piece after another.

    Parameters
    ----------
    term : Term
    pieces : ndarray of int64, shape (Q,)
    K : float
    """

    def __init__(self, term: Term, pieces: NDArray[np.int64], K: float) -> None:
        bounds = term.bounds
        at = bounds.place[pieces]
        self.counts = bounds.counts[at]
        self.first = np.cumsum(self.counts) - self.counts
        begin = np.repeat(bounds.first[at] - self.first, self.counts)
        p = bounds.corners[begin + np.arange(begin.size)]
        parts = term.parts[:, p]
        #: Corners of the term's own pieces. There the term touches the network, and only facets
        #: that contain them are allowed.
        self.own = term.own[p]
        self.allowed = np.logical_and.reduceat(~self.own | (parts == 0), self.first, axis=1)
        self.signs = parts
        with np.errstate(over="ignore", invalid="ignore"):
            doubt = term.doubt[p] + (K * (1 + SLACK)) * term.penalty_doubt[p]
            need = term.gap[p] + doubt
            size = np.abs(K * parts).sum(axis=0) + np.abs(need) + TINY
            #: What each facet gives, and what is needed, shapes (h, I) and (I,); at most one.
            self.gives = K * parts / size
            self.needs = np.where(self.own, -np.inf, need / size)

    def whole(self) -> list[NDArray[np.bool_]]:
        """Shares of zero and one that may do, each of shape (h, Q)."""
        return [
            self.allowed & (np.add.reduceat(self.signs, self.first, axis=1) > 0),
            self.allowed & (np.maximum.reduceat(self.signs, self.first, axis=1) > 0),
            np.minimum.reduceat(self.signs, self.first, axis=1) >= 0,
        ]

    def room(self, share: Float) -> Float:
        """By how much a share in [0, 1], shape (h, Q), gives more than is needed, shape (Q,)."""
        each = np.repeat(share, self.counts, axis=1)
        return np.minimum.reduceat((each * self.gives).sum(axis=0) - self.needs, self.first)

    def played(self) -> Float:
        """Nearly the share with the most room, shape (h, Q).

        For each piece a game of a share against a corner, played again and again with
        multiplicative weights (Freund and Schapire 1999).
        """
        room = np.zeros(self.needs.size)
        total = np.zeros(self.allowed.shape)
        for _ in range(STEPS):
            weights = np.exp(np.repeat(np.minimum.reduceat(room, self.first), self.counts) - room)
            share = self.allowed & (np.add.reduceat(self.gives * weights, self.first, axis=1) > 0)
            total += share
            each = np.repeat(share, self.counts, axis=1)
            gained = (each * self.gives).sum(axis=0) - self.needs
            room += RATE * np.where(self.own, np.inf, gained)
        return total / STEPS


def _coordinates(point: Ray) -> Float:
    """The floats nearest to a point, with a one behind, or a direction, with a zero."""
    w = point[-1] or max(map(abs, point))
    return np.array([_quotient(x, w) for x in point])


def _quotient(x: int, w: int) -> float:
    try:
        return x / w
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def _floats(form: Sequence[int], exponent: int) -> Float:
    return np.array([nearest(x, exponent) for x in form])


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _ratio(
    gap: Sequence[int], rows: Sequence[Row], forms: Sequence[Sequence[int]]
) -> Fraction | None:
    """Supremum of ``gap(x) / sum_j relu(form_j(x))`` over a polyhedron; None if infinite.

    The variables are ``x`` and 1, both times a positive number, and a bound on each ``relu``.
    """
    n, h = len(gap) - 1, len(forms)
    A: list[list[int]] = [[*row[:-1], -row[-1], *[0] * h] for row in rows]
    A.append([*[0] * n, -1, *[0] * h])
    for j, form in enumerate(forms):
        own = [-int(j == k) for k in range(h)]
        A += [[*form, *own], [*[0] * (n + 1), *own]]
    A.append([*[0] * (n + 1), *[1] * h])
    b = [0] * (len(A) - 1) + [1]
    return linear_program.maximise([*gap, *[0] * h], A, b).value
