"""The boundary of a line or plane domain: its sides in order, found in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..domains import Box, Domain, Segment, Slice
from ..errors import DomainError, UnsupportedError

__all__ = ["ordered_facets"]

Half = tuple[Fraction, Fraction, Fraction, int]  # a x + b y <= c, and the row it comes from


def ordered_facets(
    domain: Domain,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Sides of a bounded domain of dimension 1 or 2.

    Returns
    -------
    normals, bounds : ndarrays, shapes (F, dim) and (F,)
        ``{u : normals u <= bounds}``, without redundant rows; left then right for an interval,
        counter-clockwise for a polygon.
    rows : ndarray of int, shape (F,)
        Which row of ``domain.halfspaces()`` each side is.

    Raises
    ------
    DomainError
        If the domain has no interior.
    UnsupportedError
        If it is unbounded.
    """
    A, b = domain.halfspaces()
    if isinstance(domain, (Box, Segment, Slice)):
        rows = [0, 1] if domain.dim == 1 else [1, 2, 3, 0]
    elif domain.dim == 1:
        rows = _interval(A[:, 0], b)
    else:
        rows = _polygon(A, b)
    order = np.array(rows, dtype=np.int64)
    return A[order], b[order], order


def _interval(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[int]:
    ends: dict[bool, tuple[Fraction, int]] = {}
    for i, (slope, bound) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        if slope == 0:
            _check_empty_row(bound, i)
            continue
        at, right = Fraction(bound) / Fraction(slope), slope > 0
        if right not in ends or (at < ends[right][0] if right else at > ends[right][0]):
            ends[right] = (at, i)
    if len(ends) < 2:
        raise _unbounded()
    if ends[False][0] >= ends[True][0]:
        raise _no_interior()
    return [ends[False][1], ends[True][1]]


def _polygon(A: NDArray[np.float64], b: NDArray[np.float64]) -> list[int]:
    halves: list[Half] = []
    for i, ((x, y), bound) in enumerate(zip(A.tolist(), b.tolist(), strict=True)):
        if x == 0 and y == 0:
            _check_empty_row(bound, i)
        else:
            halves.append((Fraction(x), Fraction(y), Fraction(bound), i))
    halves = _by_angle(halves)
    for before, after in zip(halves, halves[1:] + halves[:1], strict=True):
        if not _cross(before, after) > 0:
            raise _unbounded()
    # drop redundant sides until each one is cut by its neighbours in order
    changed = True
    while changed:
        changed = False
        for i in range(len(halves)):
            before, here, after = halves[i - 1], halves[i], halves[(i + 1) % len(halves)]
            if len(halves) < 3:
                raise _no_interior()
            if _cross(before, after) > 0:
                if _excess(_meet(before, after), here) <= 0:  # where its neighbours meet, it holds
                    del halves[i]
                    changed = True
                    break
    corners = [_meet(halves[i - 1], h) for i, h in enumerate(halves)]
    for corner in corners:
        if any(_excess(corner, h) > 0 for h in halves):
            raise _no_interior()
    if len(set(corners)) < 3:
        raise _no_interior()
    return [h[3] for h in halves]


def _by_angle(halves: list[Half]) -> list[Half]:
    """Sorted by the angle of the normal; of parallel ones the tightest."""
    from functools import cmp_to_key

    def compare(p: Half, q: Half) -> int:
        sides = [(h[1] < 0 or (h[1] == 0 and h[0] < 0)) for h in (p, q)]
        if sides[0] != sides[1]:
            return 1 if sides[0] else -1
        cross = _cross(p, q)
        return -1 if cross > 0 else 1 if cross < 0 else 0

    kept: list[Half] = []
    for half in sorted(halves, key=cmp_to_key(compare)):
        if kept and compare(kept[-1], half) == 0:
            # the same direction: bounds compare after scaling to the same normal
            scale = (abs(kept[-1][0]) + abs(kept[-1][1])) / (abs(half[0]) + abs(half[1]))
            if half[2] * scale < kept[-1][2]:
                kept[-1] = half
        else:
            kept.append(half)
    return kept


def _cross(p: Half, q: Half) -> Fraction:
    return p[0] * q[1] - p[1] * q[0]


def _meet(p: Half, q: Half) -> tuple[Fraction, Fraction]:
    det = _cross(p, q)
    return (p[2] * q[1] - q[2] * p[1]) / det, (p[0] * q[2] - q[0] * p[2]) / det


def _excess(point: tuple[Fraction, Fraction], half: Half) -> Fraction:
    return half[0] * point[0] + half[1] * point[1] - half[2]


def _check_empty_row(bound: float, i: int) -> None:
    if bound < 0:
        raise DomainError(f"the polytope is empty: its row {i} says 0 <= {bound}")


def _no_interior() -> DomainError:
    return DomainError("the polytope has no interior; its half-spaces contradict or only touch")


def _unbounded() -> UnsupportedError:
    return UnsupportedError(
        "the polytope is unbounded; the line and plane engines need a bounded domain: add bounds "
        "(plica.Box, or more rows in plica.Polytope)"
    )
