"""The atlas of a line or a plane: its regions are intervals or polygons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network
from ..domains import Domain
from ..errors import UnsupportedError
from .atlas import Atlas
from .facets import PolygonFacets, match, next_vertex
from .region import HalfSpaces, Region, coordinates

if TYPE_CHECKING:
    from .levels import LevelSet

__all__ = ["PolygonAtlas", "PolygonRegion", "require_polygons"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class PolygonAtlas(Atlas):
    """The activation regions of a network on a bounded domain of dimension 1 or 2.

    Region ``r`` is the polygon ``vertices[offsets[r]:offsets[r + 1]]``, counter-clockwise (on a
    line: its two ends, left then right, regions in order). The other attributes are those of
    `Atlas`.

    Attributes
    ----------
    offsets : ndarray of int64, shape (N + 1,)
    vertices : ndarray, shape (V, dim)
    edges : ndarray of int64, shape (V,)
        For the side from each vertex to the next: ``2 * cut + side``, or ``-1 - k`` on facet ``k``
        of the domain (on a line: of the end itself).
    places : ndarray of uint64, shape (V,)
        Order of the sides along their cut.
    cut_units : ndarray of int32
        Pattern column of the unit of each cut.
    """

    offsets: NDArray[np.int64]
    vertices: Float
    edges: NDArray[np.int64]
    places: NDArray[np.uint64]
    cut_units: NDArray[np.int32]

    def region(self, r: int) -> PolygonRegion:
        """Region number ``r`` as an object."""
        return PolygonRegion(self, r)

    @cached_property
    def edge_units(self) -> NDArray[np.int32]:
        """Pattern column of the unit whose crease each side lies on; ``-1 - k`` on facet ``k``."""
        inner = self.edges >= 0
        found = self.edges.astype(np.int32, copy=True)
        found[inner] = self.cut_units[self.edges[inner] // 2]
        return found

    @cached_property
    def sizes(self) -> Float:
        """Lengths or areas of the regions, in the metric of the input space, shape (N,)."""
        if self.dim == 1:
            own = self.vertices[1::2, 0] - self.vertices[0::2, 0]
        else:
            own = self._own_areas
        return self.scale * np.maximum(own, 0.0)  # a sliver may round to less than nothing

    @cached_property
    def _own_areas(self) -> Float:
        # shoelace formula about each polygon's first vertex, which keeps small polygons accurate
        counts = np.diff(self.offsets)
        first = np.repeat(self.offsets[:-1], counts)
        p = self.vertices - self.vertices[first]
        q = p[self._following]
        return 0.5 * np.add.reduceat(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0], self.offsets[:-1])

    @cached_property
    def _following(self) -> NDArray[np.int64]:
        return next_vertex(self.offsets)

    @cached_property
    def witnesses(self) -> Float:
        """A point inside each region (the mean of its vertices), shape (N, dim)."""
        counts = np.diff(self.offsets)[:, None]
        return np.add.reduceat(self.vertices, self.offsets[:-1], axis=0) / counts

    @property
    def _extent(self) -> Float:
        bounds: Float = np.abs(self.vertices).max(axis=0)
        return bounds

    def facets(self) -> PolygonFacets:
        """Facets between two regions, found without comparing coordinates.

        Raises
        ------
        BudgetError
            If the atlas is not complete: the other side of a crease may be missing.
        """
        self.require_complete()
        if "facets" not in self._kept:
            self._kept["facets"] = match(
                self.offsets, self.vertices, self.edges, self.places, self.cut_units
            )
        return self._kept["facets"]  # type: ignore[no-any-return]

    # -- level sets --------------------------------------------------------------------------

    def level_set(self, output: int = 0, value: float = 0.0) -> LevelSet:
        """Where an output has a value, ``{network(x)[output] = value}``. See `LevelSet`."""
        from .levels import level_set

        return level_set(self, output, value)

    def decision_boundary(self, i: int | None = None, j: int | None = None) -> LevelSet:
        """Where the decision of the network changes, as exact segments. See `LevelSet`.

        Parameters
        ----------
        i, j : int, optional
            Two outputs: the boundary between the points where output ``i`` is the largest and those
            where ``j`` is. Without them, all changes of the largest output; for a network with one
            output, the level set at 0.
        """
        from .levels import decision_boundary

        return decision_boundary(self, i, j)


@dataclass(frozen=True)
class PolygonRegion(Region):
    """An activation region on a line or a plane: a view into a `PolygonAtlas`."""

    atlas: PolygonAtlas
    index: int

    def __repr__(self) -> str:
        return f"<plica.Region {self.index} of {len(self.atlas)}, size {self.volume():.4g}>"

    def _part(self, column: NDArray[Any]) -> NDArray[Any]:
        offsets = self.atlas.offsets
        return column[offsets[self.index] : offsets[self.index + 1]]

    @property
    def network(self) -> Network:
        return self.atlas.network

    @property
    def domain(self) -> Domain:
        return self.atlas.domain

    @property
    def pattern(self) -> NDArray[Any]:
        """The piece that every unit is on, shape (n_units,)."""
        row: NDArray[Any] = self.atlas.patterns[self.index]
        return row

    @property
    def affine(self) -> tuple[Float, Float]:
        """``(J, c)``, shapes (n_outputs, dim) and (n_outputs,): the network is ``J u + c`` here."""
        if self.atlas.maps is not None:
            rows = self.atlas.maps[self.index]
            return rows[:-1].T, rows[-1]
        restricted = self.atlas.domain.restrict(self.atlas.network)
        J, c = restricted.affine_on(self.pattern[None])
        return J[0], c[0]

    @property
    def witness(self) -> Float:
        """A point inside, shape (dim,)."""
        centre: Float = self.vertices().mean(axis=0)
        return centre

    def vertices(self) -> Float:
        """Corners, counter-clockwise (on a line: left and right end), shape (k, dim)."""
        return self._part(self.atlas.vertices)

    @property
    def edge_units(self) -> NDArray[np.int32]:
        """Unit of the crease that each side lies on; ``-1 - k`` for facet ``k`` of the domain."""
        return self._part(self.atlas.edge_units)

    def volume(self) -> float:
        """Length or area in the metric of the input space."""
        return float(self.atlas.sizes[self.index])

    def halfspaces(self, minimal: bool = True) -> HalfSpaces:  # noqa: ARG002
        """One half-space for each side: all of them are facets, whatever ``minimal`` says."""
        v, units = self.vertices(), self.edge_units
        together = tuple(units[i : i + 1] for i in range(units.size))
        if self.atlas.dim == 1:
            b = np.array([-v[0, 0], v[1, 0]])
            return HalfSpaces(np.array([[-1.0], [1.0]]), b, units, together)
        along = np.roll(v, -1, axis=0) - v
        A = np.stack((along[:, 1], -along[:, 0]), axis=1)
        A /= np.linalg.norm(A, axis=1, keepdims=True)
        return HalfSpaces(A, np.einsum("ij,ij->i", A, v), units, together)

    def contains(self, u: ArrayLike) -> NDArray[np.bool_]:
        A, b = self.halfspaces()
        inside: NDArray[np.bool_] = np.all(coordinates(u, self.dim) @ A.T <= b, axis=1)
        return inside

    def neighbours(self) -> NDArray[np.int64]:
        """Regions across the sides of this one."""
        graph = self.atlas.adjacency()
        start, stop = graph.indptr[self.index : self.index + 2]
        return np.array(graph.indices[start:stop], dtype=np.int64)


def require_polygons(atlas: Atlas) -> PolygonAtlas:
    """The atlas, if its regions are polygons or intervals, with their corners.

    Raises
    ------
    UnsupportedError
        If it is another one.
    """
    if isinstance(atlas, PolygonAtlas):
        return atlas
    if atlas.dim > 2:
        raise UnsupportedError(
            f"only lines and planes can be drawn; the atlas has dimension {atlas.dim}: map a "
            "bounded slice of one or two dimensions (plica.Segment, plica.Slice)"
        )
    raise UnsupportedError(
        'the cells engine gives no polygons to draw: map a bounded line or plane with engine="auto"'
    )
