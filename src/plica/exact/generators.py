"""From half-spaces to corners and directions, exactly: the double description method.

Motzkin, Raiffa, Thompson and Thrall 1953, with lines (Chernikova 1965) and the combinatorial test
of neighbours (Fukuda and Prodon 1996), in integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd
from operator import mul

from .linear_program import Row

__all__ = ["Marked", "Ray", "extreme_rays", "generators", "subdivided"]

#: ``(x_1, ..., x_n, w)``: the point ``x / w`` where ``w > 0``, a direction where ``w`` is 0.
Ray = tuple[int, ...]
#: With a bit for each half-space that it is on the edge of.
Marked = list[tuple[Ray, int]]


def generators(rows: Sequence[Row], n: int, limit: int) -> list[Ray] | None:
    """Points and directions that a polyhedron is made of.

    Parameters
    ----------
    rows : sequence of Row
        Half-spaces ``a . x <= b`` in integers.
    n : int
        Dimension.
    limit : int
        Generators that are held at a time.

    Returns
    -------
    list of Ray or None
        The polyhedron is the convex hull of the points plus the cone of the directions. A line in
        it is two opposite directions. All are primitive integer vectors, each once; corners and
        extreme directions only, where there is no line. None if there would be more than ``limit``.

    Examples
    --------
    >>> sorted(generators([(-1, 0, 0), (0, -1, 0), (2, 2, 1)], 2, 100))
    [(0, 0, 1), (0, 1, 2), (1, 0, 2)]
    >>> sorted(generators([(-1, 0, 0)], 2, 100))
    [(0, -1, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    """
    found = _generated(rows, n, limit)
    if found is None:
        return None
    rays, lines = found
    return [ray for ray, _ in rays] + [_signed(s, line) for line in lines for s in (1, -1)]


def extreme_rays(rows: Sequence[Row], n: int, limit: int) -> Marked | None:
    """The same with the half-spaces that each is on the edge of; None also if there are lines.

    Returns
    -------
    list of (Ray, int) or None
        Bit ``k + 1`` of the number is set if the generator is on the edge of half-space ``k``.
    """
    found = _generated(rows, n, limit)
    return None if found is None or found[1] else found[0]


def subdivided(rays: Marked, forms: Sequence[Sequence[int]], n: int, used: int) -> list[Ray]:
    """Generators of all the parts into which the zeros of some forms cut a polyhedron.

    Parameters
    ----------
    rays : list of (Ray, int)
        Its generators; see `extreme_rays`.
    forms : sequence of n + 1 integers
        Affine forms, constants last.
    n : int
        Dimension.
    used : int
        Number of bits that are used in the numbers of ``rays``.

    Examples
    --------
    >>> segment = extreme_rays([(1, 1), (-1, 0)], 1, 10)
    >>> sorted(subdivided(segment, [(2, -1)], 1, 3))
    [(0, 1), (1, 1), (1, 2)]
    """
    parts = [rays]
    for j, form in enumerate(forms):
        split = []
        for part in parts:
            values = [_dot(form, g) for g, _ in part]
            if min(values) < 0 < max(values):
                sides = (form, [-x for x in form])
                split += [_cut(part, side, 1 << (used + j), n - 1) for side in sides]
            else:
                split.append(part)
        parts = split
    return list({g for part in parts for g, _ in part})


def _generated(rows: Sequence[Row], n: int, limit: int) -> tuple[Marked, list[Ray]] | None:
    """Rays and lines; None if there are too many."""
    half_spaces = [(*[0] * n, 1), *((*(-a for a in row[:-1]), row[-1]) for row in rows)]
    lines = [tuple(int(i == j) for j in range(n + 1)) for i in range(n + 1)]
    rays: Marked = []
    for k, a in enumerate(half_spaces):
        bit = 1 << k
        along = [_dot(a, line) for line in lines]
        at = next((i for i, v in enumerate(along) if v), None)
        if at is None:
            rays = _cut(rays, a, bit, n - 1 - len(lines))
            if len(rays) > limit:
                return None
            continue
        v, line = along.pop(at), lines.pop(at)
        if v < 0:
            v, line = -v, tuple(-x for x in line)
        lines = [_mixed(v, g, -u, line) for g, u in zip(lines, along, strict=True)]
        rays = [(_mixed(v, g, -_dot(a, g), line), zero | bit) for g, zero in rays]
        rays.append((_primitive(line), bit - 1))
    return rays, [_primitive(line) for line in lines]


def _signed(sign: int, line: Ray) -> Ray:
    return tuple(sign * x for x in line)


def _cut(rays: Marked, a: Sequence[int], bit: int, rank: int) -> Marked:
    """Rays of what a half-space leaves of a cone.

    Neighbours are both on the edge of ``rank`` independent half-spaces, and no third ray is on the
    edges of all that they share.
    """
    values = [_dot(a, g) for g, _ in rays]
    kept = [
        (g, zero if v else zero | bit) for (g, zero), v in zip(rays, values, strict=True) if v >= 0
    ]
    below = [(g, zero, v) for (g, zero), v in zip(rays, values, strict=True) if v < 0]
    if below:
        above = [(g, zero, v) for (g, zero), v in zip(rays, values, strict=True) if v > 0]
        for p, zero_p, v in above:
            for q, zero_q, u in below:
                shared = zero_p & zero_q
                if shared.bit_count() >= rank and not any(
                    zero & shared == shared and g is not p and g is not q for g, zero in rays
                ):
                    kept.append((_mixed(v, q, -u, p), shared | bit))
    return kept


def _dot(a: Sequence[int], g: Sequence[int]) -> int:
    return sum(map(mul, a, g))


def _mixed(v: int, g: Ray, u: int, line: Ray) -> Ray:
    """``v g + u line``, without a common factor."""
    return _primitive(v * x + u * y for x, y in zip(g, line, strict=True)) if u else g


def _primitive(numbers: Iterable[int]) -> Ray:
    g = tuple(numbers)
    common = gcd(*g)
    return tuple(x // common for x in g) if common > 1 else g
