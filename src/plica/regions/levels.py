"""Level sets and decision boundaries as exact segments.

A level set comes from the exact signs of ``output - value`` at the vertices of every region. A
decision boundary is the creases of one more unit: the largest output is the piece of a max unit
appended to the chain, and the same walk finds where it changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..engines.walk import Walk
from ..errors import NetworkError
from ..units import Units
from .facets import match, next_vertex

if TYPE_CHECKING:
    from .atlas import Atlas

__all__ = ["LevelSet", "decision_boundary", "level_set"]


@dataclass(frozen=True)
class LevelSet:
    """Segments of a level set or a decision boundary in a plane, or points on a line.

    A level set is ``{output = value}``; segments along a side of two regions are given once. Where
    the output equals the value on a whole region, the region is in `flat` and its sides are not
    among the segments unless they border on another region. A decision boundary is where the
    largest output changes; points where outputs tie without a change are not part of it.

    Attributes
    ----------
    segments : ndarray, shape (S, 2, dim)
        End points in the domain's own coordinates (on a line, the point twice).
    regions : ndarray of int64, shape (S,)
        Activation region of the atlas that the segment lies in, or on the border of.
    pieces : ndarray of int, shape (S, 2)
        For a decision boundary, the largest output on either side; for a level set, the sign of
        ``output - value`` on either side (twice the same where it is only touched).
    flat : ndarray of int64
        Regions on which the output equals the value; empty for a decision boundary.
    gram : ndarray, shape (dim, dim)
        Metric of the input space in own coordinates.
    """

    segments: NDArray[np.float64]
    regions: NDArray[np.int64]
    pieces: NDArray[Any]
    flat: NDArray[np.int64]
    gram: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.segments.shape[0])

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Lengths of the segments in the metric of the input space, shape (S,)."""
        d = self.segments[:, 1] - self.segments[:, 0]
        squares: NDArray[np.float64] = np.einsum("si,ij,sj->s", d, self.gram, d)
        return np.sqrt(squares)

    @property
    def length(self) -> float:
        """Total length in the metric of the input space."""
        return float(self.lengths.sum())


def _gram(atlas: Atlas) -> NDArray[np.float64]:
    ends = atlas.domain.embed(np.concatenate((np.zeros((1, atlas.dim)), np.eye(atlas.dim))))
    D = ends[1:] - ends[:1]
    return D @ D.T


def level_set(atlas: Atlas, output: int, value: float) -> LevelSet:
    """See `Atlas.level_set`."""
    atlas.require_complete()
    net = atlas.network.select(output)
    if not np.isfinite(value):
        raise NetworkError(f"the level must be a finite number, got {value}")
    shifted = net.after(np.ones((1, 1)), [-float(value)])
    walk = Walk(shifted, atlas.domain, patterns=True, polygons=True, sides=True, signs=True)
    found = walk.collect()
    offsets, vertices, sign = found["offsets"], found["points"], found["signs"].astype(np.int64)
    dim, n = atlas.dim, offsets.size - 1
    region = np.repeat(np.arange(n), np.diff(offsets))
    highest = np.maximum.reduceat(sign, offsets[:-1])
    lowest = np.minimum.reduceat(sign, offsets[:-1])
    flat = (highest == 0) & (lowest == 0)

    # a region meets the level in the vertices of sign 0, and in one point of each side between
    # vertices of opposite signs: at most `dim` points, unless it is flat
    following = next_vertex(offsets)
    zero = np.flatnonzero((sign == 0) & ~flat[region])
    cross = found["crossed"]
    points = np.concatenate((vertices[zero], found["crossings"]))
    where = np.concatenate((region[zero], region[cross]))
    order = np.argsort(where, kind="stable")
    points, where = points[order], where[order]
    vertex = np.concatenate((zero, np.full(cross.size, -1)))[order]
    if dim == 1:
        first = second = np.arange(where.size)
    else:
        first = np.flatnonzero(where[1:] == where[:-1])
        second = first + 1
    segments = np.stack((points[first], points[second]), axis=1)
    owner, p, q = where[first], vertex[first], vertex[second]

    # a segment along a side may be found from both regions there: keep it once
    facets = match(offsets, vertices, found["edges"], found["places"], walk.cut_units)
    neighbour = np.full(vertices.shape[0], -1)
    neighbour[facets.sides[:, 0]] = facets.regions[:, 1]
    neighbour[facets.sides[:, 1]] = facets.regions[:, 0]
    if dim == 2:
        side = np.where(following[p] == q, p, np.where(following[q] == p, q, -1))
        side[(p < 0) | (q < 0)] = -1
    else:
        side = p
    other = np.where(side >= 0, neighbour[side], -1)
    keep = (other < owner) | flat[other]
    own = highest + lowest  # of a region that a level only borders on, its sign
    pieces = np.where(
        (side >= 0)[:, None],
        np.stack((np.where(other >= 0, own[other], own[owner]), own[owner]), axis=1),
        np.array([-1, 1]),
    )
    region_in_atlas = _coarse(atlas, found["patterns"])
    return LevelSet(
        segments[keep],
        region_in_atlas[owner[keep]],
        pieces[keep],
        np.sort(region_in_atlas[np.flatnonzero(flat)]),
        _gram(atlas),
    )


def decision_boundary(atlas: Atlas, i: int | None, j: int | None) -> LevelSet:
    """See `Atlas.decision_boundary`."""
    net = atlas.network
    if (i is None) != (j is None):
        raise NetworkError("a decision boundary needs both outputs i and j, or neither")
    m = net.n_outputs
    if m == 1:
        if i is not None:
            raise NetworkError(
                "the network has one output; use level_set(value=...) or decision_boundary() for "
                "the level 0"
            )
        sign = Stage(np.ones((1, 1)), [0.0], Units.relu(1))
        return _boundary(atlas, Network((*net.stages, sign)), None)
    pair = None
    if i is not None and j is not None:
        pair = (net.output_index(i), net.output_index(j))
        if pair[0] == pair[1]:
            raise NetworkError(f"a decision boundary needs two different outputs, got {i} twice")
    unit = Stage(np.eye(m), np.zeros(m), Units.max([range(m)], m))
    return _boundary(atlas, Network((*net.stages, unit)), pair)


def _boundary(atlas: Atlas, net: Network, pair: tuple[int, int] | None) -> LevelSet:
    """Facets across which the last unit of ``net`` changes its piece."""
    atlas.require_complete()
    walk = Walk(net, atlas.domain, patterns=True, polygons=True, sides=True)
    found = walk.collect()
    facets = match(
        found["offsets"], found["points"], found["edges"], found["places"], walk.cut_units
    )
    packed = found["patterns"]
    bit, width = (int(b) for b in walk.bits[-2:])  # of the last unit
    word, mask = bit // 64, np.uint64((1 << width) - 1)
    last = (packed[:, word] >> np.uint64(bit % 64)) & mask
    packed[:, word] &= ~(mask << np.uint64(bit % 64))
    pieces = last.astype(np.int64)[facets.regions]
    crossed = pieces[:, 0] != pieces[:, 1]
    if pair is not None:
        crossed &= np.isin(pieces, pair).all(axis=1)
    at = np.flatnonzero(crossed)
    return LevelSet(
        facets.ends[at],
        _coarse(atlas, packed[facets.regions[at, 0], : atlas.packed.shape[1]]),
        pieces[at],
        np.zeros(0, dtype=np.int64),
        _gram(atlas),
    )


def _coarse(atlas: Atlas, packed: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Region of the atlas with each of the packed patterns."""
    if atlas.packed.shape[1] == 0:
        return np.zeros(packed.shape[0], dtype=np.int64)
    table = np.concatenate((atlas.packed, packed))
    keys = table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1])))[:, 0]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first[inverse[len(atlas) :]].astype(np.int64)
