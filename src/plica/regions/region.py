"""One activation region as an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from .atlas import Atlas

__all__ = ["Region"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """An activation region of a network on a line or a plane: a view into an `Atlas`.

    Coordinates are the domain's own.
    """

    atlas: Atlas
    index: int

    def __repr__(self) -> str:
        return f"<plica.Region {self.index} of {len(self.atlas)}, size {self.volume():.4g}>"

    def _part(self, column: NDArray[Any]) -> NDArray[Any]:
        offsets = self.atlas.offsets
        return column[offsets[self.index] : offsets[self.index + 1]]

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

    def halfspaces(self) -> tuple[Float, Float]:
        """``(A, b)`` with the region ``{u : A u <= b}``: one row of unit length for each side."""
        v = self.vertices()
        if self.atlas.dim == 1:
            return np.array([[-1.0], [1.0]]), np.array([-v[0, 0], v[1, 0]])
        along = np.roll(v, -1, axis=0) - v
        A = np.stack((along[:, 1], -along[:, 0]), axis=1)
        A /= np.linalg.norm(A, axis=1, keepdims=True)
        return A, np.einsum("ij,ij->i", A, v)

    def contains(self, u: ArrayLike) -> NDArray[np.bool_]:
        """Whether points in own coordinates, shape (P, dim), lie in the (closed) region."""
        A, b = self.halfspaces()
        points = np.asarray(u, dtype=np.float64).reshape(-1, self.atlas.dim)
        inside: NDArray[np.bool_] = np.all(points @ A.T <= b, axis=1)
        return inside

    def neighbours(self) -> NDArray[np.int64]:
        """Regions across the sides of this one."""
        graph = self.atlas.adjacency()
        start, stop = graph.indptr[self.index : self.index + 2]
        return np.array(graph.indices[start:stop], dtype=np.int64)
