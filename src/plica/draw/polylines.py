"""Segments joined end to end, and many lines as one path."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.path import Path

__all__ = ["compound", "join", "straighten"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Length of the lines in one path, in sides of the picture: renderers limit what a path may hold.
LONGEST = 30.0


def straighten(ends: Float, group: Int, line: Int) -> tuple[Float, Int]:
    """One segment for every run of segments that follow each other on a line.

    Parameters
    ----------
    ends : ndarray, shape (S, 2, 2)
    group : ndarray of int, shape (S,)
        Only segments of one group become one.
    line : ndarray of int, shape (S,)
        The straight line that each lies on.

    Returns
    -------
    ends, group : ndarrays
    """
    goes_on = (ends[1:, 0] == ends[:-1, 1]).all(axis=1)
    goes_on &= (group[1:] == group[:-1]) & (line[1:] == line[:-1])
    first = np.flatnonzero(np.r_[np.ones(min(1, len(ends)), dtype=bool), ~goes_on])
    last = np.r_[first[1:], len(ends)][: first.size] - 1
    return np.stack((ends[first, 0], ends[last, 1]), axis=1), group[first]


def join(ends: Float, group: Int, grain: float) -> tuple[Float, Int, Int]:
    """Polylines of segments that meet end to end in twos.

    Where more than two segments of a group meet, all of them end.

    Parameters
    ----------
    ends : ndarray, shape (S, 2, 2)
    group : ndarray of int, shape (S,)
        Only segments of one group are joined.
    grain : float
        End points that round to the same multiple of this are the same. This is for the eye alone:
        where it fails, a line is drawn in two parts.

    Returns
    -------
    points : ndarray, shape (P, 2)
    offsets : ndarray of int, shape (L + 1,)
        Polyline ``l`` is ``points[offsets[l]:offsets[l + 1]]``; a closed one ends in its first
        point.
    group : ndarray of int, shape (L,)
    """
    n = len(ends)
    if not n:
        return np.zeros((0, 2)), np.zeros(1, dtype=np.int64), group
    # end h of the segments, h = 2 * segment + (0 or 1), is next to end mate[h], or to none (-1)
    places = np.rint(ends.reshape(-1, 2) / grain).astype(np.int64)
    keys = np.column_stack((np.repeat(group, 2), places))
    order = np.lexsort(keys.T[::-1])
    new = np.r_[True, (keys[order[1:]] != keys[order[:-1]]).any(axis=1)]
    first = np.flatnonzero(new)
    pairs = first[np.diff(np.r_[first, 2 * n]) == 2]
    mate = np.full(2 * n, -1)
    mate[order[pairs]], mate[order[pairs + 1]] = order[pairs + 1], order[pairs]

    # walk from every loose end, then around what is left: closed lines
    following, done = mate.tolist(), bytearray(n)
    walked: list[int] = []
    starts: list[int] = []
    for begin in np.r_[np.flatnonzero(mate < 0), np.arange(0, 2 * n, 2)].tolist():
        if done[begin >> 1]:
            continue
        starts.append(len(walked))
        h = begin
        while h >= 0 and not done[h >> 1]:
            done[h >> 1] = 1
            walked.append(h)
            h = following[h ^ 1]
    way, at = np.array(walked), np.array(starts)
    flat = ends.reshape(-1, 2)
    # each polyline is the first end of its first segment, then the far ends of all
    points = np.insert(flat[way ^ 1], at, flat[way[at]], axis=0)
    offsets = np.r_[at, n] + np.arange(at.size + 1)
    return points, offsets, group[way[at] // 2]


def compound(points: Float, offsets: Int, group: Int) -> tuple[list[Path], Int]:
    """One path, or a few, for the polylines of each group, in the order of the groups.

    Parameters
    ----------
    points, offsets, group
        As `join` gives them.

    Returns
    -------
    paths : list of matplotlib.path.Path
    group : ndarray of int
        Of each path.
    """
    from matplotlib.path import Path

    order = np.argsort(group, kind="stable")
    size = np.diff(offsets)[order]
    at = np.r_[0, size.cumsum()]
    vertices = points[np.arange(at[-1]) + np.repeat(offsets[:-1][order] - at[:-1], size)]
    codes = np.full(len(vertices), Path.LINETO, dtype=Path.code_type)
    codes[at[:-1]] = Path.MOVETO
    side = np.ptp(points, axis=0) if len(points) else np.ones(2)
    steps = np.diff(vertices, axis=0, prepend=vertices[:1]) / np.where(side > 0, side, 1.0)
    length = np.where(codes == Path.MOVETO, 0.0, np.linalg.norm(steps, axis=1)).cumsum()
    part = (length[at[:-1]] // LONGEST).astype(np.int64)
    owner = group[order]
    first = np.flatnonzero(np.r_[True, (np.diff(owner) != 0) | (np.diff(part) != 0)][: owner.size])
    cuts = at[np.r_[first, owner.size]]
    paths = [Path(vertices[i:j], codes[i:j]) for i, j in pairwise(cuts.tolist())]
    return paths, owner[first]
