"""From half-spaces to corners and directions, exactly: the double description method.

Motzkin, Raiffa, Thompson and Thrall 1953, with lines (Chernikova 1965) and the combinatorial test
of neighbours (Fukuda and Prodon 1996), in integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd
from operator import mul

from .linear_program import Row

__all__ = ["Ray", "generators"]

#: ``(x_1, ..., x_n, w)``: the point ``x / w`` where ``w > 0``, a direction where ``w`` is 0.
Ray = tuple[int, ...]


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
    half_spaces = [(*[0] * n, 1), *((*(-a for a in row[:-1]), row[-1]) for row in rows)]
    lines = [tuple(int(i == j) for j in range(n + 1)) for i in range(n + 1)]
    rays: list[tuple[Ray, int]] = []  # with a bit for each half-space that it is on the edge of
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
    found = [ray for ray, _ in rays]
    for line in lines:
        found += [_primitive(line), _primitive(-x for x in line)]
    return found


def _cut(
    rays: list[tuple[Ray, int]], a: Sequence[int], bit: int, rank: int
) -> list[tuple[Ray, int]]:
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
