"""Which regions touch along which crease.

Every cut of the walk leaves a crease between two sets of cells, and both sets divide the crease at
the same points: a unit that changes sign along the crease cuts the cells on both sides of it, since
its pre-activation is continuous. So the pieces of the crease on one side match those on the other
in order, one for one, and no coordinates need to be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import PlicaError

__all__ = ["Facets", "PolygonFacets", "match", "next_vertex"]


@dataclass(frozen=True)
class Facets:
    """Facets that two regions share.

    Attributes
    ----------
    regions : ndarray of int64, shape (E, 2)
        The two regions.
    unit : ndarray of int32, shape (E,)
        Pattern column of a unit whose crease the facet lies on (the first one, if several).
    """

    regions: NDArray[np.int64]
    unit: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.unit.size)


@dataclass(frozen=True)
class PolygonFacets(Facets):
    """Facets that two regions of a line or a plane share; see `Facets`.

    Attributes
    ----------
    ends : ndarray, shape (E, 2, dim)
        End points in the domain's own coordinates (for a line, the breakpoint twice).
    sides : ndarray of int64, shape (E, 2)
        Index of the vertex where the facet starts, in either region (for a line, the vertex
        itself).
    """

    ends: NDArray[np.float64]
    sides: NDArray[np.int64]


def next_vertex(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the vertex that follows each vertex around its polygon."""
    following = np.arange(1, offsets[-1] + 1)
    following[offsets[1:] - 1] = offsets[:-1]
    return following


def match(
    offsets: NDArray[np.int64],
    vertices: NDArray[np.float64],
    edges: NDArray[np.int64],
    places: NDArray[np.uint64],
    cut_units: NDArray[np.int32],
) -> PolygonFacets:
    """Pair the sides of regions along each cut.

    Parameters
    ----------
    offsets, vertices : ndarrays
        Polygons (or intervals) as in `Atlas`.
    edges : ndarray of int64, shape (V,)
        ``2 * cut + side`` of the side that starts at each vertex, negative on the domain's
        boundary.
    places : ndarray of uint64, shape (V,)
        Order of the sides along their cut (empty for intervals: a cut is one point there).
    cut_units : ndarray of int32
        Pattern column of the unit of each cut.
    """
    dim = vertices.shape[1]
    region = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    following = next_vertex(offsets) if dim == 2 else np.arange(edges.size)
    sides = []
    for side in (0, 1):
        at = np.flatnonzero((edges >= 0) & (edges % 2 == side))
        order = np.lexsort((places[at], edges[at])) if dim == 2 else np.argsort(edges[at])
        sides.append(at[order])
    first, second = sides
    if first.size != second.size or not (edges[first] // 2 == edges[second] // 2).all():
        raise PlicaError(
            "the two sides of a crease are divided differently; this is a defect of plica: please "
            "report the network and the domain"
        )
    start = vertices[first]
    end = vertices[following[first]]
    return PolygonFacets(
        np.stack((region[first], region[second]), axis=1),
        cut_units[edges[first] // 2],
        np.stack((start, end), axis=1),
        np.stack((first, second), axis=1),
    )
