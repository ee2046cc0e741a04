"""The minimal local form: few terms, with hidden units for facets only.

For each convex piece C of a linear region, with its affine map ``f``, a term ``f - K sum_j drop_j
relu(r_j)``: the ``r_j`` are positive beyond facets of C, and with ``K = 1`` the term goes on beyond
facet j as the network does there, if it bends down. At first these facets alone carry a penalty;
if no K is enough, others beyond which the term would be above the network are added; with all
facets there always is one (Hoffman 1952). K is the smallest that keeps the term below the network,
see `plica.shallow.penalties`. If it is more than 1, larger penalties beyond some facets only are
tried too, see `plica.shallow.raised`. A linear region of several pieces also gets a term that
carries penalties only beyond facets that have all of it on one side, where there is a K for that.

Every term is then the network on its own piece, often on others too. A few terms that are the
network on all pieces together are enough: they are chosen greedily, the one that adds most first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..errors import PlicaError
from ..exact.linear_program import Row
from .expand import Raw
from .numbers import rounded_up
from .penalties import Patch, Penalties, Term, Unit
from .pieces import beyond, convex_pieces
from .pool import Mixture, Pool, short
from .raised import raised

if TYPE_CHECKING:
    from ..engines.running import Clock
    from .plan import Setting

__all__ = ["ByPieces"]


@dataclass(frozen=True)
class _Candidate:
    """A term that may be taken.

    Attributes
    ----------
    patch : Patch
    penalties : list of (Fraction, sequence of Unit)
        For each output K, and the facets.
    covered : frozenset of (int, int)
        Pieces and outputs for which it is the network.
    """

    patch: Patch
    penalties: list[tuple[Fraction, Sequence[Unit]]]
    covered: frozenset[tuple[int, int]]


class ByPieces:
    """The terms of the minimal local form on a domain of any dimension.

    Each step finds terms for a piece, or for a linear region of several pieces.

    Parameters
    ----------
    setting : Setting
    """

    what = "pieces and linear regions of several pieces"

    def __init__(self, setting: Setting) -> None:
        self.bounds = Penalties(convex_pieces(setting))
        self.complex = self.bounds.complex
        parts: dict[int, list[int]] = {}
        for q, piece in enumerate(self.complex.pieces):
            parts.setdefault(piece.region, []).append(q)
        self._several = [some for some in parts.values() if len(some) > 1]
        self._found: list[list[_Candidate]] = []

    @property
    def total(self) -> int:
        """Number of steps."""
        return len(self.complex.pieces) + len(self._several)

    @property
    def done(self) -> int:
        """Steps that have been made."""
        return len(self._found)

    def step(self, clock: Clock) -> None:
        """Make one more; what stops it leaves everything as it was."""
        self.bounds.clock = clock
        q, count = self.done, len(self.complex.pieces)
        found = self._of_piece(q) if q < count else self._of_region(self._several[q - count])
        self._found.append(found)

    def terms(self) -> tuple[Pool, list[Raw]]:
        """Terms that are the network on all pieces together, as far as they have been found."""
        found = [candidate for some in self._found for candidate in some]
        pieces = self.complex.pieces
        chosen = _cover([candidate.covered for candidate in found])
        covered = len(frozenset().union(*(found[i].covered for i in chosen)))
        if self.done == self.total and covered < len(pieces) * len(pieces[0].map):
            raise PlicaError("a piece has no term; this is a defect of plica: please report it")
        pool = Pool(len(pieces[0].map[0]) - 1)
        return pool, [self._raw(found[i], pool) for i in chosen]

    def _of_piece(self, q: int) -> list[_Candidate]:
        """Terms for a piece: with one K for all facets, and with larger penalties for some."""
        piece = self.complex.pieces[q]
        patch = Patch(piece.map, (q,))
        terms = [self._penalised(patch, c, piece.rows) for c in range(len(piece.map))]
        others = [raised(term) if K > 1 else None for term, K in terms]
        found = [self._candidate(patch, terms)]
        if any(others):
            pairs = zip(others, terms, strict=True)
            mixed = [(term, Fraction(1)) if term else uniform for term, uniform in pairs]
            found.append(self._candidate(patch, mixed))
        return found

    def _penalised(
        self, patch: Patch, c: int, rows: dict[Row, tuple[int, ...]]
    ) -> tuple[Term, Fraction]:
        """An output of a piece's term, and its K."""
        units = [(row, drop[c]) for row, drop in rows.items() if drop[c] > 0]
        others = [
            (row, -drop[c] or self._flat(patch, c, row))
            for row, drop in rows.items()
            if drop[c] <= 0
        ]
        while True:
            term = Term(self.bounds, patch, c, units)
            above = term.above()
            if not above:
                K = term.smallest()
                if K is not None:
                    return term, K
            if not others:
                raise PlicaError(
                    "no penalty keeps a term below the network; this is a defect of plica: please "
                    "report the network and the domain"
                )
            added = self._against(above, others) if above else others
            units = units + added
            others = [unit for unit in others if unit not in added]

    def _flat(self, patch: Patch, c: int, row: Row) -> int:
        """A factor for a facet without a bend, with a slope about as large as the map's."""
        longest = max(abs(x) for x in patch.map[c]).bit_length()
        return 1 << max(longest - max(abs(a) for a in row[:-1]).bit_length(), 0)

    def _against(self, above: Sequence[int], units: list[Unit]) -> list[Unit]:
        """Facets that have some points beyond them, all together; the best one first."""
        left = np.array(above)
        beyond_each = {unit: self.bounds.crease(unit[0]).values > 0 for unit in units}
        found = []
        while left.size:
            unit = max(units, key=lambda u: int(beyond_each[u][left].sum()))
            kept = left[~beyond_each[unit][left]]
            if kept.size == left.size:
                return units  # a point of the piece itself: nothing helps, which is found next
            found.append(unit)
            left = kept
        return found

    def _of_region(self, some: Sequence[int]) -> list[_Candidate]:
        """One term for all pieces of a linear region, if its hull's facets are enough."""
        pieces = [self.complex.pieces[q] for q in some]
        patch = Patch(pieces[0].map, tuple(some))
        rows: dict[Row, tuple[int, ...]] = {}
        for piece in pieces:
            for row, drop in piece.rows.items():
                rows[row] = tuple(map(max, rows.get(row, drop), drop))
        terms = []
        for c in range(len(patch.map)):
            units = [
                (row, drop[c])
                for row, drop in rows.items()
                if drop[c] > 0 and all(self.complex.inside(piece, [row]) for piece in pieces)
            ]
            term = Term(self.bounds, patch, c, units)
            K = term.smallest()
            if K is None:
                return []
            terms.append((term, K))
        return [self._candidate(patch, terms)]

    def _candidate(self, patch: Patch, terms: Iterable[tuple[Term, Fraction]]) -> _Candidate:
        penalties: list[tuple[Fraction, Sequence[Unit]]] = []
        covered: set[tuple[int, int]] = set()
        for c, (term, K) in enumerate(terms):
            penalties.append((K, term.units))
            covered |= {(q, c) for q in term.covered(K)}
        return _Candidate(patch, penalties, frozenset(covered))

    def _raw(self, term: _Candidate, pool: Pool) -> Raw:
        """A term as it is gathered."""
        scale = Fraction(2) ** self.complex.exponent
        mixture = Mixture()
        m = len(term.patch.map)
        for c, (K, units) in enumerate(term.penalties):
            for row, drop in units if K else ():
                unit, size = pool.add(beyond(row), 0)
                least = K * drop * scale * size
                weight = short(-least) if K == 1 else -rounded_up(least)
                mixture.add(unit, tuple(weight if k == c else 0.0 for k in range(m)))
        affine = np.array([[x * scale for x in row] for row in term.patch.map], dtype=object)
        return affine, mixture


def _cover(sets: Sequence[frozenset[tuple[int, int]]]) -> list[int]:
    """Sets with the union of all: always one that adds most; in their order."""
    left = set().union(*sets)
    heap = [(-len(some), i) for i, some in enumerate(sets)]
    heapq.heapify(heap)
    chosen = []
    while left:
        _, i = heapq.heappop(heap)
        gain = len(sets[i] & left)
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, i))
            continue
        chosen.append(i)
        left -= sets[i]
    return sorted(chosen)
