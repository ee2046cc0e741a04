"""Geometry of polyhedra ``{u : A u <= b}`` in floating point: centre, corners, volume.

Which half-spaces are facets, and whether a polyhedron is bounded, has been decided exactly before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import PlicaError, UnsupportedError

__all__ = ["chebyshev", "corners", "hull_volume", "require_dimension", "volume"]

Float = NDArray[np.float64]
#: Corners and volumes are computed up to this dimension: their number grows exponentially with it.
DIMENSIONS = 10
#: Relative disagreement of two computations of the same thing that is put down to rounding.
ROUNDING = 1e-6


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


def corners(A: Float, b: Float, inside: Float) -> Float:
    """Corners of a bounded polytope all of whose half-spaces are facets, shape (v, n).

    Parameters
    ----------
    A : ndarray, shape (k, n)
        Rows of unit length.
    b : ndarray, shape (k,)
    inside : ndarray, shape (n,)
        A point in the interior.

    Raises
    ------
    PlicaError
        If rounding spoils them: a corner lies outside a half-space, or a facet has too few.
    """
    n = A.shape[1]
    if n == 1:
        return np.sort(b / A[:, 0])[:, None]
    from scipy.spatial import HalfspaceIntersection, QhullError

    gap = b - A @ inside
    if not (gap > 0).all():
        raise PlicaError(_THIN)
    # the dual polytope's points are A / gap: of one size, where the point is near the centre
    try:
        found = HalfspaceIntersection(np.column_stack((A, -gap)), np.zeros(n))
    except (QhullError, ValueError) as error:
        raise PlicaError(_THIN) from error
    points = found.intersections
    size = np.abs(points).max(initial=0.0)
    if not np.isfinite(points).all():
        raise PlicaError(_THIN)
    slack = gap[:, None] - A @ points.T
    if (slack < -ROUNDING * size).any() or ((slack < ROUNDING * size).sum(axis=1) < n).any():
        raise PlicaError(_THIN)
    return _distinct(points, 1e-9 * size) + inside


def _distinct(points: Float, near: float) -> Float:
    """Points without those that Qhull gives several times, for several simplices of one corner."""
    from scipy.spatial import cKDTree

    twins = cKDTree(points).query_pairs(near, output_type="ndarray")
    keep = np.ones(len(points), dtype=bool)
    keep[twins.max(axis=1, initial=0) if twins.size else []] = False
    return points[keep]


def hull_volume(vertices: Float) -> float:
    """Volume of the convex hull of points, shape (v, n)."""
    if vertices.shape[1] == 1:
        return float(np.ptp(vertices))
    from scipy.spatial import ConvexHull, QhullError

    try:
        return float(ConvexHull(vertices).volume)
    except QhullError as error:
        raise PlicaError(_THIN) from error


def volume(A: Float, b: Float, vertices: Float) -> float:
    """Volume of a polytope, from its corners and again from its facets.

    Parameters
    ----------
    A, b, vertices
        As in, and from, `corners`.

    Raises
    ------
    PlicaError
        If the two disagree by more than rounding explains.
    """
    n = A.shape[1]
    found = hull_volume(vertices)
    if n == 1:
        return found
    # cones from the mean of the corners over the facets
    centre = vertices.mean(axis=0)
    size = float(np.abs(vertices - centre).max())
    cones = 0.0
    for a, right in zip(A, b, strict=True):
        on = vertices[np.abs(vertices @ a - right) < ROUNDING * size]
        basis = np.linalg.svd(a[None])[2][1:]  # of the facet's hyperplane
        cones += float(right - a @ centre) * hull_volume((on - centre) @ basis.T) / n
    if not np.isclose(cones, found, rtol=1e3 * ROUNDING, atol=0.0):
        raise PlicaError(_THIN)
    return found


_THIN = (
    "the region is too thin for its corners to be computed in floating point; its facets, from "
    "halfspaces(), are exact all the same"
)
