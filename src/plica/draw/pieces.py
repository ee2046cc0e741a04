"""Regions cut along the decision boundary, so that a picture can colour both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pieces", "Scores", "scores_of", "split"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """What competes in a picture: an affine score a region for every class; the largest wins.

    A single output ``y`` competes with its level: class 0 scores ``level - y``, class 1 the
    opposite.

    Attributes
    ----------
    J : ndarray, shape (N, k, dim)
    c : ndarray, shape (N, k)
    """

    J: Float
    c: Float

    @property
    def n_classes(self) -> int:
        """Number of classes, k."""
        return int(self.c.shape[1])

    def at(self, points: Float, regions: Int) -> Float:
        """Scores, shape (P, k), at points that lie in the given regions."""
        values: Float = np.einsum("pkd,pd->pk", self.J[regions], points) + self.c[regions]
        return values

    def margin(self, regions: Int, winner: Int) -> tuple[Float, Float]:
        """``(J, c)`` of how far the winner is above the mean of the others, a region each."""
        k = self.n_classes
        rows = np.arange(len(regions))
        J, c = self.J[regions], self.c[regions]
        J_win, c_win = J[rows, winner], c[rows, winner]
        return (
            J_win - (J.sum(axis=1) - J_win) / (k - 1),
            c_win - (c.sum(axis=1) - c_win) / (k - 1),
        )


def scores_of(J: Float, c: Float, boundary: Any) -> Scores:
    """The scores behind a boundary: all outputs, or the first one against a level."""
    level = 0.0 if isinstance(boundary, bool | tuple) else float(boundary)
    if J.shape[1] == 1 or not isinstance(boundary, bool | tuple):
        J, c = J[:, :1], c[:, :1] - level
        J, c = np.concatenate((-J, J), axis=1), np.concatenate((-c, c), axis=1)
    return Scores(J, c)


@dataclass(frozen=True)
class Pieces:
    """Convex polygons (or intervals), each a part of one region where one class wins.

    Attributes
    ----------
    vertices : ndarray, shape (V, dim)
    offsets : ndarray of int, shape (P + 1,)
    regions : ndarray of int, shape (P,)
        The region that each piece is a part of.
    winner : ndarray of int, shape (P,)
    """

    vertices: Float
    offsets: Int
    regions: Int
    winner: Int

    def centres(self) -> Float:
        """Mean of the vertices of each piece, shape (P, dim)."""
        total = np.add.reduceat(self.vertices, self.offsets[:-1], axis=0)
        return np.asarray(total / np.diff(self.offsets)[:, None])


def split(vertices: Float, offsets: Int, scores: Scores) -> Pieces:
    """Cut every region where the winner changes.

    Regions with one winner at all their vertices stay whole.
    """
    n = len(offsets) - 1
    size = np.diff(offsets)
    value = scores.at(vertices, np.repeat(np.arange(n), size))
    # a class wins the whole region where it is nowhere below another one
    short = np.minimum.reduceat(value - value.max(axis=1, keepdims=True), offsets[:-1], axis=0)
    whole = short.max(axis=1) >= 0
    parts = [_take(vertices, offsets, np.flatnonzero(whole), short.argmax(axis=1)[whole])]
    mixed = np.flatnonzero(~whole)
    highest = np.maximum.reduceat(value, offsets[:-1], axis=0)
    lowest = np.minimum.reduceat(value, offsets[:-1], axis=0)
    # only classes that are not below another one at all vertices, bounded crudely, can win a part
    hope = highest >= lowest.max(axis=1, keepdims=True)
    for k in range(scores.n_classes):
        part = _take(vertices, offsets, mixed[hope[mixed, k]], None, k)
        for j in range(scores.n_classes):
            if j == k or not part.regions.size:
                continue
            r = np.repeat(part.regions, np.diff(part.offsets))
            y = scores.at(part.vertices, r)
            part = clip(part, y[:, k] - y[:, j])
        parts.append(part)
    return _join(parts)


def clip(part: Pieces, height: Float) -> Pieces:
    """The pieces cut down to where ``height``, given at the vertices, is not negative."""
    after = np.arange(1, height.size + 1)
    after[part.offsets[1:] - 1] = part.offsets[:-1]
    closed = part.vertices.shape[1] > 1  # an interval has no edge from its end back to its start
    here, there = height, height[after]
    keep = np.flatnonzero(here >= 0)
    crosses = ((here > 0) & (there < 0)) | ((here < 0) & (there > 0))
    if not closed:
        crosses[part.offsets[1:] - 1] = False
    cut = np.flatnonzero(crosses)
    t = here[cut] / (here[cut] - there[cut])
    P, Q = part.vertices[cut], part.vertices[after[cut]]
    order = np.argsort(np.concatenate((keep, cut + 0.5)), kind="stable")
    vertices = np.concatenate((part.vertices[keep], P + t[:, None] * (Q - P)))[order]
    owner = np.repeat(np.arange(part.regions.size), np.diff(part.offsets))
    size = np.bincount(np.concatenate((owner[keep], owner[cut])), minlength=part.regions.size)
    enough = size >= (3 if closed else 2)
    vertices = vertices[np.repeat(enough, size)]
    offsets = np.concatenate(([0], np.cumsum(size[enough])))
    return Pieces(vertices, offsets, part.regions[enough], part.winner[enough])


def _take(vertices: Float, offsets: Int, regions: Int, winner: Int | None, one: int = 0) -> Pieces:
    size = np.diff(offsets)[regions]
    new = np.concatenate(([0], np.cumsum(size)))
    at = np.arange(new[-1]) - np.repeat(new[:-1] - offsets[regions], size)
    won = np.full(regions.size, one, dtype=np.int64) if winner is None else winner
    return Pieces(vertices[at], new, regions, won)


def _join(parts: list[Pieces]) -> Pieces:
    size = np.concatenate([np.diff(p.offsets) for p in parts])
    return Pieces(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate(([0], np.cumsum(size))),
        np.concatenate([p.regions for p in parts]),
        np.concatenate([p.winner for p in parts]),
    )
