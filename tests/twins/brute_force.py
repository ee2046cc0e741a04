"""An oracle that shares nothing with the engines: all patterns, tested by rational elimination.

It works on boxes of any dimension, for tiny networks. Every prefix of a pattern is a system of
strict inequalities; Fourier-Motzkin elimination says exactly whether it has a solution.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import gcd, lcm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import plica
    from plica.domains import Domain

Row = tuple[int, ...]  # (a_1, ..., a_d, c): a . x + c > 0


def patterns(net: plica.Network, domain: Domain) -> set[tuple[int, ...]]:
    """Patterns of all activation regions of a network on a domain given by half-spaces."""
    chain = domain.restrict(net)
    A, b = domain.halfspaces()
    inside = [
        [-Fraction(v) for v in row] + [Fraction(r)]
        for row, r in zip(A.tolist(), b.tolist(), strict=True)
    ]
    n = chain.n_inputs
    identity = [[Fraction(i == j) for j in range(n + 1)] for i in range(n)]
    rows = {_row(r) for r in inside if any(r[:-1]) or r[-1] < 0}  # 0 <= 0 says nothing
    return set(_extend(list(chain.stages), identity, rows))


def _extend(stages: list, state: list, system: set[Row]) -> Iterator[tuple[int, ...]]:
    if not stages:
        yield ()
        return
    stage, *rest = stages
    A = stage.A.toarray() if stage.sparse else stage.A
    z = [
        [
            sum((Fraction(w) * h[j] for w, h in zip(row, state, strict=True)), Fraction(0))
            for j in range(len(state[0]))
        ]
        for row in A.tolist()
    ]
    for row, bias in zip(z, stage.a.tolist(), strict=True):
        row[-1] += Fraction(bias)
    units = stage.units
    partial: list[tuple[tuple[int, ...], list, set[Row]]] = [((), [], system)]
    for k in range(units.n_out):
        read = [z[i] for i in units.reads[units.start[k] : units.start[k + 1]]]
        f = int(units.function[k])
        shown = k in units.nonlinear
        partial = [
            (some + (piece,) * shown, [*after, out], more)
            for some, after, grown in partial
            for piece, conditions, out in _options(read, units.functions[f] if f >= 0 else None)
            if (more := _with(grown, conditions)) is not None
        ]
    for some, after, grown in partial:
        for more in _extend(rest, after, grown):
            yield some + more


def _options(read: list, function: plica.PiecewiseLinear | None) -> Iterator[tuple]:
    """``(piece, conditions, output)``; a condition is ``(form, holds at a tie)``."""
    if function is None:
        for q, z in enumerate(read):
            yield q, [(_minus(z, other), q < j) for j, other in enumerate(read) if j != q], z
        return
    (z,) = read
    t = [Fraction(v) for v in function.breakpoints.tolist()]
    slopes = [Fraction(v) for v in function.slopes.tolist()]
    shift = [Fraction(0)] * (len(z) - 1)
    constant = Fraction(function.intercept)
    for q, slope in enumerate(slopes):
        conditions = []
        if q:
            conditions.append((_minus(z, [*shift, t[q - 1]]), False))
            constant += (slopes[q - 1] - slope) * t[q - 1]
        if q < len(t):
            conditions.append((_minus([*shift, t[q]], z), True))
        yield q, conditions, [slope * v for v in z[:-1]] + [slope * z[-1] + constant]


def _minus(p: list, q: list) -> list:
    return [x - y for x, y in zip(p, q, strict=True)]


def _with(system: set[Row], conditions: list) -> set[Row] | None:
    """The system with more conditions, or None if no open set satisfies all."""
    grown = set(system)
    for form, at_tie in conditions:
        if any(form[:-1]):
            grown.add(_row(form))
        elif form[-1] < 0 or (form[-1] == 0 and not at_tie):
            return None
    return grown if len(grown) == len(system) or feasible(grown) else None


def _row(form: list) -> Row:
    scale = lcm(*(x.denominator for x in form))
    ints = [int(x * scale) for x in form]
    common = gcd(*ints) or 1
    return tuple(x // common for x in ints)


def feasible(system: set[Row]) -> bool:
    """Whether some point satisfies all strict inequalities (Fourier-Motzkin elimination)."""
    rows = set(system)
    while rows and len(next(iter(rows))) > 1:
        up = [r for r in rows if r[0] > 0]
        down = [r for r in rows if r[0] < 0]
        rows = {r[1:] for r in rows if r[0] == 0}
        for u, d in product(up, down):
            mixed = [u[0] * y - d[0] * x for x, y in zip(u[1:], d[1:], strict=True)]
            common = gcd(*mixed) or 1
            rows.add(tuple(x // common for x in mixed))
        rows = _strongest(rows)
    return all(r[0] > 0 for r in rows)


def _strongest(rows: set[Row]) -> set[Row]:
    """Of rows with the same normal, the one with the smallest constant."""
    best: dict[tuple[Fraction, ...], tuple[Fraction, Row]] = {}
    for r in rows:
        scale = next((abs(x) for x in r[:-1] if x), 1)
        key = tuple(Fraction(x, scale) for x in r[:-1])
        value = Fraction(r[-1], scale)
        if key not in best or value < best[key][0]:
            best[key] = (value, r)
    return {r for _, r in best.values()}
