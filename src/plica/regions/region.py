"""A region: a convex polyhedron on which the network is affine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network
from ..domains import Domain
from ..errors import DomainError
from .geometry import chebyshev

__all__ = ["HalfSpaces", "Region", "coordinates"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class HalfSpaces:
    """A polyhedron ``{u : A u <= b}``, and where its half-spaces come from.

    Unpacks as ``A, b = region.halfspaces()``.

    Attributes
    ----------
    A : ndarray, shape (k, dim)
        Rows of unit length.
    b : ndarray, shape (k,)
    units : ndarray of int32, shape (k,)
        Pattern column of the unit that each half-space belongs to, ``-1 - i`` on facet ``i`` of the
        domain. Where several have the same hyperplane: the domain's, else the first unit that
        changes piece across it.
    together : tuple of ndarray of int32
        For each half-space, all units and domain facets with the same hyperplane.
    """

    A: Float
    b: Float
    units: NDArray[np.int32]
    together: tuple[NDArray[np.int32], ...]

    def __iter__(self) -> Iterator[Float]:
        return iter((self.A, self.b))

    def __len__(self) -> int:
        return int(self.b.size)


class Region(ABC):
    """An activation region of a network: a closed convex polyhedron, bounded or not.

    `plica.region_at` makes one, an atlas holds many. Coordinates are the domain's own.
    """

    @property
    @abstractmethod
    def network(self) -> Network:
        """The network."""

    @property
    @abstractmethod
    def domain(self) -> Domain:
        """The domain that the region is a part of."""

    @property
    @abstractmethod
    def pattern(self) -> NDArray[Any]:
        """The piece that every unit is on, shape (n_units,)."""

    @property
    @abstractmethod
    def witness(self) -> Float:
        """A point inside, shape (dim,), up to rounding where no number lies inside."""

    @abstractmethod
    def halfspaces(self, minimal: bool = True) -> HalfSpaces:
        """The half-spaces that the region is the intersection of, as ``{u : A u <= b}``.

        Parameters
        ----------
        minimal : bool
            Whether only facets, which is decided exactly; else all that the pattern gives, faster.
        """

    @abstractmethod
    def vertices(self) -> Float:
        """Corners, shape (v, dim).

        Raises
        ------
        UnsupportedError
            If the region is not bounded, or has more dimensions than corners are computed for.
        """

    @abstractmethod
    def volume(self) -> float:
        """Length, area, volume, ..., in the metric of the input space; see `vertices`."""

    @abstractmethod
    def contains(self, u: ArrayLike) -> NDArray[np.bool_]:
        """Whether points in own coordinates, shape (P, dim), lie in the (closed) region."""

    @abstractmethod
    def neighbours(self) -> Sequence[Region] | NDArray[np.int64]:
        """The regions across the facets: within an atlas their numbers, else regions."""

    @property
    def dim(self) -> int:
        """Dimension of the domain."""
        return self.domain.dim

    @property
    def affine(self) -> tuple[Float, Float]:
        """``(J, c)``, shapes (n_outputs, dim) and (n_outputs,): the network is ``J u + c`` here."""
        J, c = self.domain.restrict(self.network).affine_on(self.pattern[None])
        return J[0], c[0]

    @cached_property
    def _ball(self) -> tuple[Float, float]:
        return chebyshev(*self.halfspaces(minimal=False))

    def inradius(self) -> float:
        """Radius of the largest ball inside, in own coordinates; it may be infinite."""
        return self._ball[1]

    def centre(self) -> Float:
        """Centre of a largest ball inside (a Chebyshev centre), shape (dim,)."""
        return self._ball[0]

    def distance(self, u: ArrayLike, norm: float = 2) -> tuple[float, int | None]:
        """Distance from a point inside to the nearest crease, or facet of the domain.

        Parameters
        ----------
        u : array_like, shape (dim,)
            A point of the region, in own coordinates.
        norm : {2, inf}
            In which norm of the own coordinates.

        Returns
        -------
        distance : float
            Infinite where there is none.
        unit : int or None
            Pattern column of the unit of the crease, or ``-1 - i`` on facet ``i`` of the domain;
            None where there is none.

        Raises
        ------
        DomainError
            If the point is not in the region, or the norm is another one.
        """
        point = coordinates(u, self.dim)[0]
        if norm not in (2, np.inf):
            raise DomainError(f"distances are measured in the norms 2 and inf, not {norm!r}")
        if not self.contains(point)[0]:
            raise DomainError(
                "the point is not in the region: take the region that it lies in, "
                "plica.region_at(net, point), or the one that atlas.locate finds"
            )
        found = self.halfspaces(minimal=False)
        if len(found) == 0:
            return np.inf, None
        # a ball of radius r lies in a . u <= b where a . u + r |a| <= b, |a| in the dual norm
        dual = np.linalg.norm(found.A, ord=2 if norm == 2 else 1, axis=1)
        gaps = np.maximum(found.b - found.A @ point, 0.0) / dual
        nearest = int(gaps.argmin())
        return float(gaps[nearest]), int(found.units[nearest])


def coordinates(u: ArrayLike, dim: int) -> Float:
    """Points in own coordinates, shape (P, dim); one point of shape (dim,) is P = 1."""
    points = np.asarray(u, dtype=np.float64)
    points = points[None] if points.ndim == 1 and points.size == dim else points
    if points.ndim == 1 and dim == 1:
        points = points[:, None]
    if points.ndim != 2 or points.shape[1] != dim or not np.isfinite(points).all():
        raise DomainError(
            f"expected finite points in the {dim} coordinates of the domain, shape (P, {dim}); "
            f"got shape {points.shape}"
        )
    return np.ascontiguousarray(points)
