"""Whether two networks are the same function on a domain, and where they differ if not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network, Stage, require_network
from ..domains import Domain
from ..engines.running import Budget, Progress
from ..engines.seek import Seek
from ..errors import NetworkError
from ..exact.rational import RationalChain
from ..units import Units
from .common import Point, Region, inputs_at, inside, samples

__all__ = ["Equality", "equal_on"]


@dataclass(frozen=True)
class Equality:
    """Whether two networks are equal on a domain; true in a condition only if that is proved.

    Attributes
    ----------
    equal : bool or None
        None where the budget ran out before a difference was found.
    point : ndarray, shape (n_inputs,), or None
        Where they differ, an input rounded to float64.
    exact_point : tuple of Fraction, or None
        The same input, exactly.
    values : pair of tuples of Fraction, or None
        The outputs of both networks there, exactly.
    regions : int
        Regions on which both were compared.
    seconds : float
    """

    equal: bool | None
    point: NDArray[np.float64] | None
    exact_point: Point | None
    values: tuple[Point, Point] | None
    regions: int
    seconds: float

    def __bool__(self) -> bool:
        return self.equal is True


def equal_on(
    a: Network,
    b: Network,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> Equality:
    """Whether two networks are the same function on a domain, in exact arithmetic.

    Both are put side by side into one network; on each of its regions the difference is an affine
    map, which is zero or not. The search ends at the first difference.

    Parameters
    ----------
    a, b : Network
        With the same numbers of inputs and outputs.
    domain : Domain
        Of any dimension, bounded or not.
    budget : int, float or Budget, optional
        Stop after so many regions (int) or seconds (float). Ctrl-C does the same.
    progress : callable, optional
        Called about ten times a second with (regions compared, seconds).

    Returns
    -------
    Equality

    Raises
    ------
    NetworkError
        If the networks do not have the same numbers of inputs and outputs.
    DomainError
        If the domain does not fit the networks, or has no interior.

    Examples
    --------
    >>> import plica
    >>> absolute = plica.Network.mlp([([[1.0]], [0.0]), ([[1.0]], [0.0])], "abs")
    >>> relus = plica.Network.mlp([([[1.0], [-1.0]], [0, 0]), ([[1.0, 1.0]], [0])])
    >>> bool(plica.equal_on(absolute, relus, plica.Space(1)))
    True
    """
    require_network(a, "a")
    require_network(b, "b")
    if (a.n_inputs, a.n_outputs) != (b.n_inputs, b.n_outputs):
        raise NetworkError(
            f"the first network has {a.n_inputs} inputs and {a.n_outputs} outputs, the second "
            f"{b.n_inputs} and {b.n_outputs}; only networks of the same shape can be equal"
        )
    start = time.perf_counter()
    joined = difference(a, b)
    seek = Seek(joined, domain)
    at = _sample(a, b, domain)
    if at is None:
        seek.finish(Budget.of(budget), progress)
        if seek.found:
            at = _differing(joined, domain, seek)
    regions = seek.counters["regions"]
    if at is None:
        equal = True if seek.complete else None
        return Equality(equal, None, None, None, regions, time.perf_counter() - start)
    x = inputs_at(domain, at)
    values = (RationalChain(a).value(x), RationalChain(b).value(x))
    point = np.array([float(v) for v in x])
    return Equality(False, point, x, values, regions, time.perf_counter() - start)


def difference(a: Network, b: Network) -> Network:
    """``x -> a(x) - b(x)`` as one chain: both side by side, the shorter one padded."""
    first, second = list(a.stages), list(b.stages)
    common: list[Stage] = []
    while len(first) > 1 and len(second) > 1 and _same(first[0], second[0]):
        common.append(first.pop(0))
        second.pop(0)
    for short, long in ((first, second), (second, first)):
        while len(short) < len(long):  # pass on what the last stage reads
            n = short[-1].n_state
            short.insert(-1, Stage(sp.eye_array(n, format="csr"), np.zeros(n)))
    stages = [_beside(first[0], second[0], True)]
    stages += [_beside(s, t, False) for s, t in zip(first[1:], second[1:], strict=True)]
    eye = sp.eye_array(a.n_outputs, format="csr")
    minus = Stage(sp.hstack([eye, -eye], format="csr"), np.zeros(a.n_outputs))
    return Network([*common, *stages, minus])


def _same(s: Stage, t: Stage) -> bool:
    return Network([s]) == Network([t])


def _beside(s: Stage, t: Stage, shared: bool) -> Stage:
    """Two stages side by side; they read the same state if it is shared."""
    A: Any
    if s.sparse or t.sparse or not shared:
        parts = [sp.csr_array(s.A), sp.csr_array(t.A)]
        A = sp.vstack(parts, format="csr") if shared else sp.block_diag(parts, format="csr")
    else:
        A = np.concatenate((s.A, t.A))
    return Stage(A, np.concatenate((s.a, t.a)), Units.concat([s.units, t.units]))


def _sample(a: Network, b: Network, domain: Domain) -> Point | None:
    """A point where two networks differ exactly, if a few random ones show one."""
    points = samples(domain)
    if not points.size:
        return None
    first, second = domain.restrict(a), domain.restrict(b)
    gap = np.abs(first(points) - second(points)).max(axis=1)
    u = tuple(Fraction(v) for v in points[int(np.argmax(gap))].tolist())
    return u if RationalChain(first).value(u) != RationalChain(second).value(u) else None


def _differing(joined: Network, domain: Domain, seek: Seek) -> Point:
    """A point of the region that was found where the difference is not zero, in own coordinates."""
    region = Region(joined, domain, seek.pattern.tolist())
    at = tuple(Fraction(v) for v in seek.witness.tolist())
    if inside(domain, at) and any(region.chain.value(at)):
        return at
    at = region.interior()
    if any(region.chain.value(at)):
        return at
    # the difference vanishes here, but not along a coordinate in which its map is not constant
    k = int(np.flatnonzero(region.affine()[0][seek.differing])[0])
    step = Fraction(1)
    while True:
        for x in (at[k] + step, at[k] - step):
            near = (*at[:k], x, *at[k + 1 :])
            if inside(domain, near) and any(region.chain.value(near)):
                return near
        step /= 2
