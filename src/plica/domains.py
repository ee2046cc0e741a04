"""Where a question is asked: boxes, polytopes, segments and slices of the input space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from .errors import DomainError

if TYPE_CHECKING:
    from .chain import Network

__all__ = ["Box", "Domain", "Polytope", "Segment", "Slice", "Space", "require_domain"]

Float = NDArray[np.float64]


def _vector(value: ArrayLike, what: str, finite: bool = True) -> Float:
    try:
        v = np.array(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise DomainError(f"{what} must be a list of numbers, got {value!r:.80}") from None
    if np.isnan(v).any() or (finite and not np.isfinite(v).all()):
        raise DomainError(f"{what} has an entry that is NaN or infinite")
    v.flags.writeable = False
    return v


class Domain(ABC):
    """A convex set of inputs, described in coordinates of its own.

    ``n_inputs`` is the dimension of the space it lies in, ``dim`` its own dimension. A point ``u``
    of its own coordinates is the input ``embed(u)``.
    """

    n_inputs: int
    dim: int

    @abstractmethod
    def restrict(self, net: Network) -> Network:
        """The network on the domain's own coordinates: ``u -> net(embed(u))``."""

    @abstractmethod
    def halfspaces(self) -> tuple[Float, Float]:
        """``(A, b)`` with the domain ``{u : A u <= b}`` in its own coordinates."""

    @abstractmethod
    def embed(self, u: ArrayLike) -> Float:
        """Inputs, shape (N, n_inputs), of points in own coordinates, shape (N, dim)."""

    def check(self, net: Network) -> None:
        """Raise `DomainError` if the network has another number of inputs."""
        if net.n_inputs != self.n_inputs:
            raise DomainError(
                f"the domain lies in a space of {self.n_inputs} dimensions but the network has "
                f"{net.n_inputs} inputs"
            )


@dataclass(frozen=True, eq=False)
class Box(Domain):
    """Axis-parallel box ``{x : lower <= x <= upper}``.

    Coordinates with ``lower == upper`` are fixed: the box is then a slice of lower dimension, and
    its own coordinates are the others, in their order.

    Parameters
    ----------
    lower, upper : array_like, shape (n,)

    Raises
    ------
    DomainError
        If a bound is not finite, ``lower > upper`` somewhere, or the box is a single point.
    """

    lower: Float
    upper: Float

    def __init__(self, lower: ArrayLike, upper: ArrayLike) -> None:
        low, high = _vector(lower, "the box's lower bound"), _vector(upper, "the box's upper bound")
        if low.shape != high.shape or low.size == 0:
            raise DomainError(f"the box has {low.size} lower and {high.size} upper bounds")
        if (low > high).any():
            i = int(np.flatnonzero(low > high)[0])
            raise DomainError(
                f"the box is inverted in coordinate {i}: lower {low[i]} > upper {high[i]}"
            )
        if (low == high).all():
            raise DomainError(
                "the box is a single point; give it an extent in at least one coordinate, or ask "
                "for net.pattern(x) and net.affine(x) there"
            )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @classmethod
    def cube(cls, n: int, lower: float = -1.0, upper: float = 1.0) -> Box:
        """The box with the same bounds in each of ``n`` coordinates."""
        return cls(np.full(n, lower), np.full(n, upper))

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        return int(self.lower.size)

    @property
    def free(self) -> NDArray[np.int64]:
        """The coordinates in which the box has an extent."""
        return np.flatnonzero(self.lower < self.upper)

    @property
    def dim(self) -> int:  # type: ignore[override]
        return int(self.free.size)

    @property
    def bounds(self) -> tuple[Float, Float]:
        """``(lower, upper)`` in own coordinates."""
        return self.lower[self.free], self.upper[self.free]

    def restrict(self, net: Network) -> Network:
        self.check(net)
        if self.dim == self.n_inputs:
            return net
        free = self.free
        entries = (np.ones(free.size), (free, np.arange(free.size)))
        E = sp.csr_array(entries, shape=(self.n_inputs, free.size))
        return net.before(E, np.where(self.lower < self.upper, 0.0, self.lower))

    def halfspaces(self) -> tuple[Float, Float]:
        low, high = self.bounds
        eye = np.eye(self.dim)
        return np.concatenate((-eye, eye)), np.concatenate((-low, high))

    def embed(self, u: ArrayLike) -> Float:
        u = np.asarray(u, dtype=np.float64).reshape(-1, self.dim)
        x = np.repeat(self.lower[None], u.shape[0], axis=0)
        x[:, self.free] = u
        return x

    def __repr__(self) -> str:
        if self.n_inputs <= 4:
            return f"plica.Box({self.lower.tolist()}, {self.upper.tolist()})"
        return f"<plica.Box of dimension {self.dim} in {self.n_inputs} inputs>"


@dataclass(frozen=True, eq=False)
class Polytope(Domain):
    """``{x : A x <= b}``, bounded or not.

    Parameters
    ----------
    A : array_like, shape (k, n)
    b : array_like, shape (k,)
    """

    A: Float
    b: Float

    def __init__(self, A: ArrayLike, b: ArrayLike) -> None:
        matrix = np.array(A, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[1] == 0:
            raise DomainError(f"the polytope's A must be a matrix (k, n), got shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise DomainError("the polytope's A has an entry that is NaN or infinite")
        matrix.flags.writeable = False
        rhs = _vector(b, "the polytope's b")
        if rhs.size != matrix.shape[0]:
            raise DomainError(f"the polytope has {matrix.shape[0]} rows in A but {rhs.size} in b")
        object.__setattr__(self, "A", matrix)
        object.__setattr__(self, "b", rhs)

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        return int(self.A.shape[1])

    @property
    def dim(self) -> int:  # type: ignore[override]
        return self.n_inputs

    def restrict(self, net: Network) -> Network:
        self.check(net)
        return net

    def halfspaces(self) -> tuple[Float, Float]:
        return self.A, self.b

    def embed(self, u: ArrayLike) -> Float:
        return np.asarray(u, dtype=np.float64).reshape(-1, self.dim)

    def __repr__(self) -> str:
        return f"<plica.Polytope of {self.A.shape[0]} half-spaces in {self.n_inputs} inputs>"


@dataclass(frozen=True)
class Space(Domain):
    """All of R^n; unbounded cells count.

    Parameters
    ----------
    n : int
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise DomainError(f"the space needs at least one dimension, got {self.n}")

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def dim(self) -> int:  # type: ignore[override]
        return self.n

    def restrict(self, net: Network) -> Network:
        self.check(net)
        return net

    def halfspaces(self) -> tuple[Float, Float]:
        return np.zeros((0, self.n)), np.zeros(0)

    def embed(self, u: ArrayLike) -> Float:
        return np.asarray(u, dtype=np.float64).reshape(-1, self.n)


@dataclass(frozen=True, eq=False)
class Segment(Domain):
    """The segment from ``start`` to ``end``; its own coordinate ``t`` runs from 0 to 1.

    The input at ``t`` is ``(1 - t) start + t end``, in exact arithmetic: both ends are hit exactly.

    Parameters
    ----------
    start, end : array_like, shape (n,)

    Raises
    ------
    DomainError
        If the ends have different dimensions, or are the same point.
    """

    start: Float
    end: Float

    def __init__(self, start: ArrayLike, end: ArrayLike) -> None:
        p, q = _vector(start, "the segment's start"), _vector(end, "the segment's end")
        if p.shape != q.shape or p.size == 0:
            raise DomainError(f"the segment's ends have {p.size} and {q.size} coordinates")
        if (p == q).all():
            raise DomainError("the segment has length 0: its start and its end are the same point")
        object.__setattr__(self, "start", p)
        object.__setattr__(self, "end", q)

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        return int(self.start.size)

    @property
    def dim(self) -> int:  # type: ignore[override]
        return 1

    @property
    def length(self) -> float:
        """Euclidean length."""
        return float(np.linalg.norm(self.end - self.start))

    @property
    def bounds(self) -> tuple[Float, Float]:
        """``(lower, upper)`` in own coordinates: 0 and 1."""
        return np.zeros(1), np.ones(1)

    def restrict(self, net: Network) -> Network:
        self.check(net)
        # two stages, t -> (1 - t, t) -> (1 - t) start + t end, so that no difference is rounded
        ends = np.stack((self.start, self.end), axis=1)
        return net.before(ends, np.zeros(self.n_inputs)).before([[-1.0], [1.0]], [1.0, 0.0])

    def halfspaces(self) -> tuple[Float, Float]:
        return np.array([[-1.0], [1.0]]), np.array([0.0, 1.0])

    def embed(self, u: ArrayLike) -> Float:
        t = np.asarray(u, dtype=np.float64).reshape(-1, 1)
        return (1 - t) * self.start + t * self.end

    def __repr__(self) -> str:
        return f"<plica.Segment of length {self.length:.4g} in {self.n_inputs} inputs>"


@dataclass(frozen=True, eq=False)
class Slice(Domain):
    """A k-dimensional affine slice ``{origin + directions.T @ u : u in box}`` of the input space.

    Parameters
    ----------
    origin : array_like, shape (n,)
    directions : array_like, shape (k, n)
        Linearly independent rows.
    box : Box or pair of array_like, optional
        Bounds of ``u``; ``[-1, 1]^k`` if not given.
    points : array_like, shape (p, k), optional
        Points of interest in own coordinates; pictures mark them.

    Raises
    ------
    DomainError
        If the directions are parallel (linearly dependent) or dimensions do not fit.
    """

    origin: Float
    directions: Float
    box: Box
    points: Float

    def __init__(
        self,
        origin: ArrayLike,
        directions: ArrayLike,
        box: Box | Sequence[Any] | None = None,
        points: ArrayLike | None = None,
    ) -> None:
        o = _vector(origin, "the slice's origin")
        D = np.array(np.atleast_2d(np.asarray(directions, dtype=np.float64)))
        if D.ndim != 2 or D.shape[1] != o.size:
            raise DomainError(
                f"the slice's origin has {o.size} coordinates, its directions have shape {D.shape}"
            )
        if not np.isfinite(D).all():
            raise DomainError("the slice's directions have an entry that is NaN or infinite")
        k = D.shape[0]
        largest = np.abs(D).max(axis=1, keepdims=True)
        if k > o.size or (largest == 0).any() or np.linalg.matrix_rank(D / largest) < k:
            raise DomainError(
                f"the slice's {k} directions are linearly dependent (parallel or zero); choose "
                "directions that span the slice"
            )
        if box is None:
            box = Box.cube(k)
        elif not isinstance(box, Box):
            box = Box(*box)
        if box.n_inputs != k or box.dim != k:
            raise DomainError(f"the slice has {k} directions but its box has dimension {box.dim}")
        D.flags.writeable = False
        object.__setattr__(self, "origin", o)
        object.__setattr__(self, "directions", D)
        object.__setattr__(self, "box", box)
        marks = np.zeros((0, k)) if points is None else np.array(points, dtype=np.float64)
        object.__setattr__(self, "points", marks.reshape(-1, k))

    @classmethod
    def through(cls, p: ArrayLike, q: ArrayLike, r: ArrayLike, margin: float = 0.25) -> Slice:
        """The plane through three points, with orthonormal directions.

        Parameters
        ----------
        p, q, r : array_like, shape (n,)
        margin : float
            The box is the points' bounding box, wider by this share of its larger side.

        Raises
        ------
        DomainError
            If the points lie on a line.
        """
        a, b, c = (_vector(v, "a point of the slice") for v in (p, q, r))
        if not a.shape == b.shape == c.shape:
            raise DomainError(f"the three points have {a.size}, {b.size} and {c.size} coordinates")
        e, f = b - a, c - a
        size = max(np.linalg.norm(e), np.linalg.norm(f))
        if np.linalg.norm(e) > 0:
            e = e / np.linalg.norm(e)
            f = f - (f @ e) * e
            f = f - (f @ e) * e  # once more, against cancellation
        if not size > 0 or not np.linalg.norm(f) > 1e-12 * size or not np.linalg.norm(e) > 0:
            raise DomainError("the three points lie on a line; choose points that span a plane")
        D = np.stack((e, f / np.linalg.norm(f)))
        marks = np.stack([(v - a) @ D.T for v in (a, b, c)])
        low, high = marks.min(axis=0), marks.max(axis=0)
        pad = margin * float((high - low).max())
        return cls(a, D, Box(low - pad, high + pad), marks)

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        return int(self.origin.size)

    @property
    def dim(self) -> int:  # type: ignore[override]
        return int(self.directions.shape[0])

    @property
    def bounds(self) -> tuple[Float, Float]:
        """``(lower, upper)`` of the box, in own coordinates."""
        return self.box.lower, self.box.upper

    def restrict(self, net: Network) -> Network:
        self.check(net)
        return net.before(self.directions.T, self.origin)

    def halfspaces(self) -> tuple[Float, Float]:
        return self.box.halfspaces()

    def embed(self, u: ArrayLike) -> Float:
        u = np.asarray(u, dtype=np.float64).reshape(-1, self.dim)
        return self.origin + u @ self.directions

    def __repr__(self) -> str:
        return f"<plica.Slice of dimension {self.dim} in {self.n_inputs} inputs>"


def require_domain(domain: Any, name: str = "domain") -> Domain:
    """The argument, if it is a domain.

    Raises
    ------
    DomainError
        If not.
    """
    if not isinstance(domain, Domain):
        raise DomainError(
            f"{name}: expected a plica.Box, Segment, Slice, Polytope or Space, got "
            f"{type(domain).__name__}"
        )
    return domain
