"""Geometry of polyhedra ``{u : A u <= b}`` in floating point: centre, corners, volume.

Which half-spaces are facets, and whether a polyhedron is bounded, has been decided exactly before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
from numpy.typing import NDArray

from ..errors import PlicaError, UnsupportedError

__all__ = ["Frame", "chebyshev", "require_dimension"]

Float = NDArray[np.float64]
#: Corners and volumes are computed up to this dimension: their number grows exponentially with it.
DIMENSIONS = 10
#: Relative disagreement of two computations of the same thing that is put down to rounding.
ROUNDING = 1e-6
#: Steps of Newton's method towards the analytic centre, at most.
STEPS = 60


def require_dimension(dim: int, what: str) -> None:
    """Raise `UnsupportedError` above the dimension where corners are computed."""
    if dim > DIMENSIONS:
        raise UnsupportedError(
            f"{what} of a region of {dim} dimensions: computed up to {DIMENSIONS}, since a region "
            "has exponentially many corners; take a slice of lower dimension (plica.Slice)"
        )


def chebyshev(A: Float, b: Float) -> tuple[Float, float]:
    """Centre and radius of a largest ball inside.

    Parameters
    ----------
    A : ndarray, shape (k, n)
        Rows of unit length.
    b : ndarray, shape (k,)

    Returns
    -------
    centre : ndarray, shape (n,)
    radius : float
        Infinite (and the centre no more than a point inside) where there are balls of any size.
    """
    from scipy.optimize import linprog

    n = A.shape[1]
    if b.size == 0:
        return np.zeros(n), np.inf
    goal = np.append(np.zeros(n), -1.0)
    rows = np.column_stack((A, np.ones(b.size)))
    bounds = [(None, None)] * n + [(0.0, None)]
    found = linprog(goal, A_ub=rows, b_ub=b, bounds=bounds, method="highs")
    if found.status == 3:  # unbounded
        found = linprog(0 * goal, A_ub=rows, b_ub=b - 1.0, bounds=bounds, method="highs")
        return np.asarray(found.x[:n]), np.inf
    if found.status != 0:
        raise PlicaError(f"the linear program of the largest ball failed: {found.message}")
    return np.asarray(found.x[:n]), float(found.x[n])


@dataclass(frozen=True, eq=False)
class Frame:
    """A bounded polytope in coordinates ``y`` where it is about as wide in all directions.

    ``x = centre + T y``; the centre is near the analytic one, and ``T`` makes the ellipsoid of the
    logarithmic barrier there the unit ball, which lies inside (Dikin 1967).

    Attributes
    ----------
    centre : ndarray, shape (n,)
    T : ndarray, shape (n, n)
        Upper triangular.
    A, b : ndarrays, shapes (k, n) and (k,)
        The polytope is ``{y : A y <= b}``; all rows are facets.
    """

    centre: Float
    T: Float
    A: Float
    b: Float

    @classmethod
    def around(cls, A: Float, b: Float, inside: Float) -> Frame:
        """The frame of ``{x : A x <= b}``, a bounded polytope all of whose rows are facets.

        Raises
        ------
        PlicaError
            If the point is not inside in floating point.
        """
        x = inside
        for _ in range(STEPS):
            gap = b - A @ x
            if not (gap > 0).all():
                raise PlicaError(_THIN)
            scaled = A / gap[:, None]
            R = np.linalg.qr(scaled, mode="r")  # R.T @ R is the barrier's second derivative
            try:
                T = np.linalg.inv(R)
            except np.linalg.LinAlgError as error:
                raise PlicaError(_THIN) from error
            # Newton's method, damped where its decrement is large
            half = -T.T @ scaled.sum(axis=0)
            decrement = float(np.linalg.norm(half))
            if decrement < 0.1:
                break
            x = x + T @ half / (1 + decrement)
        return cls(x, T, A @ T, gap)

    @cached_property
    def corners(self) -> Float:
        """Corners, shape (v, n), in the frame's coordinates; those too near to tell apart are one.

        Raises
        ------
        PlicaError
            If rounding spoils them: one lies outside a half-space.
        """
        A, b = self.A, self.b
        n = A.shape[1]
        if n == 1:
            return np.sort(b / A[:, 0])[:, None]
        from scipy.spatial import HalfspaceIntersection, QhullError

        try:
            with np.errstate(divide="ignore", invalid="ignore"):
                found = HalfspaceIntersection(np.column_stack((A, -b)), np.zeros(n))
        except (QhullError, ValueError) as error:
            raise PlicaError(_THIN) from error
        points = found.intersections
        if not np.isfinite(points).all():
            raise PlicaError(_THIN)
        slack = (b[:, None] - A @ points.T) / b[:, None]
        if (slack < -ROUNDING).any():
            raise PlicaError(_THIN)
        return _distinct(points, 1e-9 * float(np.abs(points).max()))

    @property
    def vertices(self) -> Float:
        """Corners in the polytope's own coordinates, shape (v, n)."""
        return self.centre + self.corners @ self.T.T

    def volume(self) -> float:
        """Volume, as Qhull has it and again from cones over the simplices of the surface.

        Raises
        ------
        PlicaError
            If the two disagree by more than rounding explains.
        """
        points = self.corners
        n = points.shape[1]
        if n == 1:
            found = float(np.ptp(points))
        else:
            from scipy.spatial import ConvexHull, QhullError

            try:
                hull = ConvexHull(points)
            except QhullError as error:
                raise PlicaError(_THIN) from error
            found = float(hull.volume)
            cones = np.abs(np.linalg.det(points[hull.simplices])).sum() / factorial(n)
            if not np.isclose(cones, found, rtol=ROUNDING, atol=0.0):
                raise PlicaError(_THIN)
        return found * float(np.abs(np.diagonal(self.T)).prod())


def _distinct(points: Float, near: float) -> Float:
    """Points without those that Qhull gives several times, for several simplices of one corner."""
    from scipy.spatial import cKDTree

    twins = cKDTree(points).query_pairs(near, output_type="ndarray")
    keep = np.ones(len(points), dtype=bool)
    keep[twins.max(axis=1, initial=0) if twins.size else []] = False
    return points[keep]


_THIN = (
    "the region is too thin for its corners to be computed in floating point; its facets, from "
    "halfspaces(), are exact all the same"
)
