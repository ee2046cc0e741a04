"""Larger penalties beyond some facets only.

Where a term needs ``K > 1``, it is above the network at some corners with ``K = 1``. Often a few
facets have all of these beyond them, and it is enough to penalise those more. Beyond the others the
term then goes on as the network does, and it can be the network on neighbouring pieces too.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np

from .penalties import Term

__all__ = ["raised"]

#: Changes of a penalty for a facet, and attempts.
STEPS, ATTEMPTS = 8, 2
#: Room that floating point is given.
MARGIN = 1e-9
#: No factor is larger.
HUGE = 1e100


def raised(term: Term) -> Term | None:
    """The term with larger penalties beyond some of its facets, for which K = 1 is enough.

    Parameters
    ----------
    term : Term
        One that needs ``K > 1``.

    Returns
    -------
    Term or None
        None if no such penalties are found, or all facets would need a larger one, or some pieces
        have no known corners. That K = 1 is enough is decided exactly.
    """
    if term.bounds.unknown:
        return None  # pieces without corners would take a linear program each
    parts = np.maximum(term.parts, 0.0)
    gap = np.where(term.own, 0.0, term.gap)
    if not (np.isfinite(parts).all() and np.isfinite(gap).all()):
        return None
    factor = np.ones(len(term.units))
    above = np.flatnonzero(gap > (1 + MARGIN) * parts.sum(axis=0))
    some = _facets(parts[:, above] > 0)
    if not some:
        return None
    for _ in range(STEPS * len(some)):
        lack = gap[above] - factor @ parts[:, above]
        most = float(lack.max(initial=0.0))
        if most <= 0.0:
            break
        worst = above[np.argmax(lack)]
        j = max(some, key=lambda j: float(parts[j, worst]))
        factor[j] = min(factor[j] + (1 + MARGIN) * most / float(parts[j, worst]), HUGE)
    for _ in range(ATTEMPTS):
        units = [
            (row, _larger(drop, factor[j]) if j in some else drop)
            for j, (row, drop) in enumerate(term.units)
        ]
        found = Term(term.bounds, term.patch, term.c, units)
        K = found.smallest()
        if K is None or K > HUGE:
            return None
        if K <= 1:
            return found
        # pieces that creases of the term cut need more
        factor[some] = np.minimum(factor[some] * float(K) ** 2, HUGE)
    return None


def _facets(beyond: np.ndarray) -> list[int] | None:
    """Few facets that have all points beyond them, from (facets, points); None if it takes all."""
    left = np.ones(beyond.shape[1], dtype=bool)
    found: list[int] = []
    while left.any():
        counts = beyond[:, left].sum(axis=1)
        j = int(np.argmax(counts))
        if not counts[j]:
            return None
        found.append(j)
        left &= ~beyond[j]
    return found if len(found) < beyond.shape[0] else None


def _larger(drop: int, factor: float) -> int:
    """A number not less than ``drop * factor`` that has few digits."""
    number = ceil(drop * Fraction(factor))
    bits = max(number.bit_length() - 40, 0)
    return -(-number >> bits) << bits
