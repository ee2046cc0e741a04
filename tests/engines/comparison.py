"""An atlas beside its exact twin: regions matched by pattern, vertices by position."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

import plica
from plica.engines import reference

if TYPE_CHECKING:
    from tests.twins.networks import Case

#: Tolerance for positions, as a share of the domain's largest coordinate.
CLOSE = 1e-9


class Twin:
    """The exact cells of a case, and what they say."""

    def __init__(self, case: Case) -> None:
        self.cells = reference.enumerate_cells(case.net, case.domain)
        #: Number of the cell with each pattern.
        self.number = {cell.pattern: i for i, cell in enumerate(self.cells)}
        #: Largest coordinate of any vertex.
        self.scale = float(max(abs(x) for c in self.cells for v in c.vertices for x in v))

    @cached_property
    def facets(self) -> list[reference.Facet]:
        return reference.facets(self.cells)

    @cached_property
    def labels(self) -> list[int]:
        return reference.linear_regions(self.cells)


@cache
def twin_of(case: Case) -> Twin:
    return Twin(case)


@cache
def atlas_of(case: Case) -> plica.Atlas:
    return plica.map_regions(case.net, case.domain)


@cache
def order_of(case: Case) -> list[int]:
    """Number of the twin's cell of every region; the patterns must be the same."""
    patterns = [tuple(p) for p in atlas_of(case).patterns.tolist()]
    number = twin_of(case).number
    assert len(set(patterns)) == len(patterns)
    assert set(patterns) == set(number)
    return [number[p] for p in patterns]


def polygon(atlas: plica.Atlas, r: int) -> np.ndarray:
    return np.asarray(atlas.vertices[atlas.offsets[r] : atlas.offsets[r + 1]])


@cache
def rings_of(case: Case) -> list[list[tuple]]:
    """The exact vertices that the rows of each region stand for, which must lie close to them.

    A region smaller than the tolerance may be matched in several ways: all of them are listed.
    """
    atlas, twin = atlas_of(case), twin_of(case)
    found = []
    tolerance = CLOSE * twin.scale
    for r, i in enumerate(order_of(case)):
        ours, exact = polygon(atlas, r), twin.cells[i].vertices
        assert len(ours) == len(exact), (r, ours, exact)
        floats = np.array(exact, dtype=float)
        turns = range(1 if atlas.dim == 1 else len(exact))  # both run counter-clockwise
        errors = [np.abs(np.roll(floats, -k, axis=0) - ours).max() for k in turns]
        assert min(errors) <= tolerance, (r, min(errors), ours, floats)
        found.append([exact[k:] + exact[:k] for k in turns if errors[k] <= tolerance])
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
        end = min(parts)[0]
        for p, q in sorted(parts):
            if q > end:
                length += float(
                    np.linalg.norm(np.array(q, dtype=float) - np.array(max(p, end), dtype=float))
                )
                end = q
    return length


def level_crossings(twin: Twin, output: int, value: float) -> list[tuple[set[int], tuple]]:
    """The boundary of ``{output > value}``, exactly: ``(cells it may be listed for, ends)``.

    Either it crosses a cell, or it is a facet with larger values on one side only.
    """
    target, cells = Fraction(value), twin.cells
    values = [[value_at(cell, v, output) - target for v in cell.vertices] for cell in cells]
    crossed = {i for i, g in enumerate(values) if min(g) < 0 < max(g)}
    found = [({i}, ends) for i, ends in reference.level_set(cells, output, target) if i in crossed]
    for facet in twin.facets:
        i, j = facet.cells
        level = all(value_at(cells[i], v, output) == target for v in facet.ends)
        if level and (max(values[i]) > 0) != (max(values[j]) > 0):
            found.append(({i, j}, facet.ends))
    return found


def interesting_values(twin: Twin, output: int) -> list[float]:
    """Levels that cross cells, that pass through vertices, and that whole cells lie at."""
    values: list[Fraction] = [Fraction(0)]
    cells = twin.cells
    for cell in cells[:: max(1, len(cells) // 4)]:
        at = [value_at(cell, v, output) for v in cell.vertices]
        values += [sum(at, Fraction(0)) / len(at), at[0]]
    values += [cell.c[output] for cell in cells if not any(cell.J[output])][:2]
    return sorted({float(v) for v in values})


def value_at(cell: reference.Cell, point: tuple, output: int) -> Fraction:
    row = cell.J[output]
    return sum((a * x for a, x in zip(row, point, strict=True)), cell.c[output])
