"""An atlas beside its exact twin: regions matched by pattern, vertices by position."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import plica
from plica.engines import reference

if TYPE_CHECKING:
    from tests.twins.networks import Case

#: Tolerance for positions, as a share of the domain's largest coordinate.
CLOSE = 1e-9


@cache
def twin_of(case: Case) -> tuple[reference.Cell, ...]:
    """The exact cells of a case."""
    return tuple(reference.enumerate_cells(case.net, case.domain))


@cache
def atlas_of(case: Case) -> plica.Atlas:
    return plica.map_regions(case.net, case.domain)


def scale(cells: tuple[reference.Cell, ...]) -> float:
    """Largest coordinate of any vertex."""
    return float(max(abs(x) for cell in cells for v in cell.vertices for x in v))


def matched(atlas: plica.Atlas, cells: tuple[reference.Cell, ...]) -> list[int]:
    """Number of the twin's cell of every region; the patterns must be the same."""
    number = {cell.pattern: i for i, cell in enumerate(cells)}
    patterns = [tuple(p) for p in atlas.patterns.tolist()]
    assert len(set(patterns)) == len(patterns)
    assert set(patterns) == set(number)
    return [number[p] for p in patterns]


def polygon(atlas: plica.Atlas, r: int) -> np.ndarray:
    return np.asarray(atlas.vertices[atlas.offsets[r] : atlas.offsets[r + 1]])


def exact_vertices(atlas: plica.Atlas, cells: tuple[reference.Cell, ...]) -> list[tuple]:
    """The exact point of every row of ``atlas.vertices``, which must lie close to it."""
    found: list[tuple] = []
    size = scale(cells)
    for r, i in enumerate(matched(atlas, cells)):
        ours, exact = polygon(atlas, r), cells[i].vertices
        assert len(ours) == len(exact), (r, ours, exact)
        floats = np.array(exact, dtype=float)
        turns = [0] if atlas.dim == 1 else range(len(exact))  # both run counter-clockwise
        errors = [np.abs(np.roll(floats, -k, axis=0) - ours).max() for k in turns]
        k = int(np.argmin(errors))
        assert errors[k] <= CLOSE * size, (r, errors[k], ours, floats)
        found += exact[k:] + exact[:k]
    return found


def metric(domain: plica.domains.Domain) -> float:
    """How much larger a piece of the domain is than its own coordinates say."""
    moved = domain.embed(np.vstack([np.zeros(domain.dim), np.eye(domain.dim)]))
    directions = moved[1:] - moved[0]
    return float(np.sqrt(np.linalg.det(directions @ directions.T)))


def total_length(segments: list[tuple[tuple, tuple]]) -> float:
    """Length of a union of exact segments: what is listed twice counts once."""
    lines: dict[tuple, list[tuple]] = defaultdict(list)
    for p, q in segments:
        a, b = q[1] - p[1], p[0] - q[0]
        lead = a or b
        lines[a / lead, b / lead, (a * p[0] + b * p[1]) / lead].append((min(p, q), max(p, q)))
    length = 0.0
    for parts in lines.values():
        parts.sort()
        low, high = parts[0]
        for p, q in parts[1:]:
            if p > high:
                length += distance(low, high)
                low, high = p, q
            high = max(high, q)
        length += distance(low, high)
    return length


def distance(p: tuple, q: tuple) -> float:
    return float(np.linalg.norm([float(x - y) for x, y in zip(p, q, strict=True)]))


def interesting_values(cells: tuple[reference.Cell, ...], output: int) -> list[float]:
    """Values at which the level set is not empty and no cell is flat: generic, and at vertices."""
    flat = {float(c.c[output]) for c in cells if not any(c.J[output])}
    values: list[Fraction] = []
    for cell in cells[:: max(1, len(cells) // 4)]:
        at = [value_at(cell, v, output) for v in cell.vertices]
        values += [sum(at, Fraction(0)) / len(at), at[0], Fraction(0)]
    return sorted({float(v) for v in values} - flat)


def value_at(cell: reference.Cell, point: tuple, output: int) -> Any:
    row = cell.J[output]
    return sum(a * x for a, x in zip(row, point, strict=True)) + cell.c[output]
