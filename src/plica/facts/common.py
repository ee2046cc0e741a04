"""What the facts share: exact points of a domain, exact cells of a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..domains import Box, Domain, Segment, Slice
from ..errors import DomainError
from ..exact import linear_program
from ..exact.halfspaces import pattern_rows
from ..exact.rational import RationalChain

__all__ = ["Point", "Region", "ascend", "inputs_at", "inside", "interior", "samples"]

Float = NDArray[np.float64]
#: Shares of the way to a corner of the domain that a step of `ascend` may take.
STEPS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01)
Point = tuple[Fraction, ...]


def inputs_at(domain: Domain, u: Sequence[Any]) -> Point:
    """The input at a point of the domain's own coordinates, exactly."""
    n = domain.n_inputs
    identity = Network([Stage(sp.eye_array(n, format="csr"), np.zeros(n))])
    return RationalChain(domain.restrict(identity)).value(u)


def _rows(domain: Domain) -> list[linear_program.Row]:
    return linear_program.integer_rows(*(v.tolist() for v in domain.halfspaces()))


def inside(domain: Domain, u: Sequence[Any]) -> bool:
    """Whether a point in own coordinates lies in the closed domain, exactly."""
    return linear_program.contains(_rows(domain), [Fraction(x) for x in u])


def interior(domain: Domain) -> Point:
    """A point of the domain's interior, in own coordinates."""
    if isinstance(domain, (Box, Segment, Slice)):
        lower, upper = domain.bounds
        ends = zip(lower.tolist(), upper.tolist(), strict=True)
        return tuple((Fraction(low) + Fraction(high)) / 2 for low, high in ends)
    point = linear_program.interior_point(_rows(domain), domain.dim)
    if point is None:
        raise DomainError("the domain has no interior; its half-spaces contradict or only touch")
    return point


def samples(domain: Domain, n: int = 256) -> Float:
    """Some points of the domain, shape (N, dim), in own coordinates; always the same ones."""
    if not isinstance(domain, (Box, Segment, Slice)):
        return np.zeros((0, domain.dim))
    lower, upper = domain.bounds
    share = np.random.default_rng(0).random((n, domain.dim))
    points: Float = np.clip(lower * (1 - share) + upper * share, lower, upper)
    return points


def ascend(net: Network, domain: Domain, points: Float, output: int, sign: int) -> Float:
    """A point near a local maximum of ``sign * output``, in floating point.

    Parameters
    ----------
    net : Network
        On the domain's own coordinates.
    domain : Domain
        With bounds.
    points : ndarray, shape (N, dim)
        Where to begin.
    """
    lower, upper = domain.bounds  # type: ignore[attr-defined]
    net = net.select(output)
    x: Float = points
    values = sign * net(x)[:, 0]
    for _ in range(20):
        slopes = sign * net.affine(x)[0][:, 0]
        corner = np.where(slopes > 0, upper, np.where(slopes < 0, lower, x))
        steps = x + np.array(STEPS)[:, None, None] * (corner - x)
        steps = np.clip(steps, lower, upper)
        reached = sign * net(steps.reshape(-1, domain.dim)).reshape(len(STEPS), -1)
        best = reached.argmax(axis=0)
        better = reached.max(axis=0) > values
        if not better.any():
            break
        x = np.where(better[:, None], steps[best, np.arange(len(x))], x)
        values = np.where(better, reached.max(axis=0), values)
    found: Float = x[int(values.argmax())]
    return found


class Region:
    """The closed cell of an activation pattern, in exact arithmetic.

    Parameters
    ----------
    net : Network
    domain : Domain
    pattern : sequence of int
    """

    def __init__(self, net: Network, domain: Domain, pattern: Sequence[int]) -> None:
        self.chain = RationalChain(domain.restrict(net))
        self.domain = domain
        self.pattern = tuple(int(p) for p in pattern)

    def affine(self) -> tuple[Any, Any]:
        """``(J, c)`` of the outputs in own coordinates, as `Fraction`."""
        return self.chain.affine_on(self.pattern)

    def rows(self) -> list[linear_program.Row]:
        """Half-spaces of the cell: the domain's, and what each unit's piece asks for."""
        rows = [*_rows(self.domain), *pattern_rows(self.chain.net, self.pattern)]
        return [row for row in rows if any(row[:-1])]

    def interior(self) -> Point:
        """A point of the cell's interior, in own coordinates."""
        point = linear_program.interior_point(self.rows(), self.domain.dim)
        if point is None:
            raise DomainError(f"no region of the network on the domain has pattern {self.pattern}")
        return point
