"""The part of one region that is mapped into a target."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedError
from ..exact import linear_program
from ..exact.linear_program import Row
from ..regions.geometry import Frame, chebyshev, require_dimension
from .equations import determinant, solve

__all__ = ["Point", "Preimage"]

Float = NDArray[np.float64]
Point = tuple[Fraction, ...]


@dataclass(frozen=True, eq=False)
class Preimage:
    """The part of one region that is mapped into a target: ``{start + basis . t : rows}``.

    Coordinates are the domain's own.

    Attributes
    ----------
    pattern : tuple of int
        Pieces of the units up to the layer: the region.
    J, c : ndarray of Fraction, shapes (m, dim) and (m,)
        The layer is ``J u + c`` on the region.
    witness : tuple of Fraction
        A point of it, inside the region and the target.
    onto : bool
        Whether the region maps its part one to one onto the whole target, as far as the target lies
        in the flat that the region is mapped into.
    """

    pattern: tuple[int, ...]
    J: Any
    c: Any
    witness: Point
    onto: bool
    start: Point
    basis: tuple[Point, ...]
    rows: tuple[Row, ...]

    @property
    def dim(self) -> int:
        """Dimension: 0 for a point."""
        return len(self.basis)

    @property
    def mirrored(self) -> bool | None:
        """Whether the layer turns the orientation round here.

        None where its space has another dimension than the domain, or it flattens the region.
        """
        m, n = self.J.shape
        value = determinant(self.J) if m == n else Fraction(0)
        return value < 0 if value else None

    def vertices(self) -> Float:
        """Corners, shape (v, dim of the domain), in floating point; around it, in the plane.

        Raises
        ------
        UnsupportedError
            If it is not bounded, or has too many dimensions.
        """
        start = np.array([float(x) for x in self.start])
        if not self.basis:
            return start[None]
        require_dimension(self.dim, "the corners")
        inside = self._parameters()
        if linear_program.recession_direction(self.rows, self.dim) is not None:
            raise UnsupportedError("the preimage is not bounded; take a bounded domain or target")
        exact = [self.rows[f.row] for f in linear_program.facets(self.rows, inside)]
        rows = np.array(exact, dtype=object)
        size = np.array([Fraction(sum(map(abs, row[:-1]))) for row in exact], dtype=object)
        scaled = (rows / size[:, None]).astype(np.float64)
        length = np.linalg.norm(scaled[:, :-1], axis=1)
        A, b = scaled[:, :-1] / length[:, None], scaled[:, -1] / length
        middle = chebyshev(A, b)[0]
        corners = Frame.around(A, b, middle).vertices
        basis = np.array([[float(x) for x in v] for v in self.basis])
        points: Float = start + corners @ basis
        if self.dim == 2:
            offset = corners - corners.mean(axis=0)
            points = points[np.argsort(np.arctan2(offset[:, 1], offset[:, 0]))]
        return points

    def _parameters(self) -> Point:
        """The witness in the coordinates of the basis."""
        offset = [x - y for x, y in zip(self.witness, self.start, strict=True)]
        found = solve(list(zip(*self.basis, strict=True)), offset, self.dim)
        assert found is not None  # the witness is one of the points
        return found[0]

    def __repr__(self) -> str:
        return f"<plica Preimage of dimension {self.dim}, onto: {self.onto}>"
