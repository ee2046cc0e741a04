"""Level sets and decision boundaries: creases of one more unit.

The set ``{output > value}`` is what one more rectifier behind the output would be active on, and
the largest output is the piece of one more max unit. So the boundaries are found by the same walk,
with the same exactness, on the chain with that unit appended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..errors import BudgetError, NetworkError
from ..units import Units

if TYPE_CHECKING:
    from .atlas import Atlas

__all__ = ["LevelSet", "decision_boundary", "level_set"]


@dataclass(frozen=True)
class LevelSet:
    """A boundary in a plane, or points on a line.

    A level set is the boundary of ``{output > value}``, a decision boundary the boundary between the
    sets where different outputs are the largest. Where the output equals the value on a whole
    region, that region counts to ``{output <= value}``: its border to larger outputs belongs to the
    boundary. Points where the output touches the value without crossing it do not.

    Attributes
    ----------
    segments : ndarray, shape (S, 2, dim)
        End points in the domain's own coordinates (on a line, the point twice).
    regions : ndarray of int64, shape (S,)
        Activation region of the atlas that the segment lies in, or on the border of.
    pieces : ndarray, shape (S, 2)
        What is on either side: 0 below and 1 above the level, or the largest output.
    gram : ndarray, shape (dim, dim)
        Metric of the input space in own coordinates.
    """

    segments: NDArray[np.float64]
    regions: NDArray[np.int64]
    pieces: NDArray[Any]
    gram: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.segments.shape[0])

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Lengths of the segments in the metric of the input space, shape (S,)."""
        d = self.segments[:, 1] - self.segments[:, 0]
        return np.sqrt(np.einsum("si,ij,sj->s", d, self.gram, d))

    @property
    def length(self) -> float:
        """Total length in the metric of the input space."""
        return float(self.lengths.sum())


def level_set(atlas: Atlas, output: int, value: float) -> LevelSet:
    """See `Atlas.level_set`."""
    net = atlas.network.select(output)
    if not np.isfinite(value):
        raise NetworkError(f"the level must be a finite number, got {value}")
    unit = Stage(np.ones((1, 1)), [-float(value)], Units.relu(1))
    return _boundary(atlas, Network((*net.stages, unit)), None)


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
        return level_set(atlas, 0, 0.0)
    pair = None
    if i is not None and j is not None:
        pair = (net.output_index(i), net.output_index(j))
        if pair[0] == pair[1]:
            raise NetworkError(f"a decision boundary needs two different outputs, got {i} twice")
    unit = Stage(np.eye(m), np.zeros(m), Units.max([range(m)], m))
    return _boundary(atlas, Network((*net.stages, unit)), pair)


def _boundary(atlas: Atlas, net: Network, pair: tuple[int, int] | None) -> LevelSet:
    """Facets across which the last unit of ``net`` changes its piece."""
    from .ask import map_regions

    if not atlas.count.complete:
        raise BudgetError(
            "the atlas is not complete, so its level sets are not known; raise the budget",
            partial=atlas,
        )
    fine = map_regions(net, atlas.domain)
    facets = fine.facets()
    last = fine.patterns[:, -1]
    pieces = last[facets.regions]
    crossed = pieces[:, 0] != pieces[:, 1]
    if pair is not None:
        crossed &= np.isin(pieces, pair).all(axis=1)
    at = np.flatnonzero(crossed)
    gram = np.eye(atlas.dim)
    ends = atlas.domain.embed(np.concatenate((np.zeros((1, atlas.dim)), gram)))
    D = ends[1:] - ends[:1]
    return LevelSet(
        facets.ends[at],
        _coarse(atlas, fine, facets.regions[at, 0]),
        pieces[at],
        D @ D.T,
    )


def _coarse(atlas: Atlas, fine: Atlas, regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Region of the atlas whose pattern is that of a finer region without its last unit."""
    patterns = atlas.patterns
    if patterns.shape[1] == 0:
        return np.zeros(regions.size, dtype=np.int64)
    wanted = np.ascontiguousarray(fine.patterns[regions, :-1].astype(patterns.dtype))
    table = np.concatenate((np.ascontiguousarray(patterns), wanted))
    keys = table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1])))[:, 0]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first[inverse[patterns.shape[0] :]].astype(np.int64)
