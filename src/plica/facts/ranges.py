"""The exact range of each output over a domain, and where its ends are attained."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, require_network
from ..domains import Domain
from ..engines.running import Budget, Progress
from ..engines.seek import Seek
from ..exact.rational import RationalChain
from .common import Point, ascend, inputs_at, interior, samples

__all__ = ["Extremum", "OutputRange", "output_range"]

#: Samples from which a local maximum is sought, before the search proper.
STARTS = 8


@dataclass(frozen=True)
class Extremum:
    """The largest or smallest value of an output over a domain.

    Attributes
    ----------
    value : float
        The float nearest to the exact value; infinite where there is no bound.
    exact : Fraction or None
        The exact value, None where there is no bound.
    point : ndarray, shape (n_inputs,), or None
        Where it is attained, an input rounded to float64.
    exact_point : tuple of Fraction, or None
        The same input, exactly: the network's value there is ``exact``.
    pattern : ndarray of int, shape (n_units,)
        An activation region whose closure contains the point.
    complete : bool
        Whether the whole domain was searched. If not, the value is attained but may not be the
        extreme one: of a maximum a certified lower bound, of a minimum an upper bound.
    """

    value: float
    exact: Fraction | None
    point: NDArray[np.float64] | None
    exact_point: Point | None
    pattern: NDArray[Any]
    complete: bool

    def __float__(self) -> float:
        return self.value


@dataclass(frozen=True)
class OutputRange:
    """Exact ranges of outputs.

    Attributes
    ----------
    outputs : tuple of int
    minimum, maximum : tuple of Extremum
        One for each of the outputs.
    regions : int
        Activation regions that were looked at.
    pruned : int
        Parts of the domain that a bound ruled out before they fell into regions.
    arbitrated : int
        Questions that exact arithmetic decided.
    seconds : float
    """

    outputs: tuple[int, ...]
    minimum: tuple[Extremum, ...]
    maximum: tuple[Extremum, ...]
    regions: int
    pruned: int
    arbitrated: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every end of a range is the exact one, and not only a bound."""
        return all(e.complete for e in (*self.minimum, *self.maximum))

    @property
    def lower(self) -> NDArray[np.float64]:
        """Smallest value of each output, shape (k,)."""
        return np.array([e.value for e in self.minimum])

    @property
    def upper(self) -> NDArray[np.float64]:
        """Largest value of each output, shape (k,)."""
        return np.array([e.value for e in self.maximum])

    def __repr__(self) -> str:
        ends = zip(self.outputs, self.minimum, self.maximum, strict=True)
        parts = [f"{i}: [{a.value:.6g}, {b.value:.6g}]" for i, a, b in ends]
        state = "exact" if self.complete else "inner bounds"
        return f"<plica.OutputRange {', '.join(parts)}, {state}>"


def output_range(
    net: Network,
    domain: Domain,
    output: int | Sequence[int] | None = None,
    *,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> OutputRange:
    """The exact minimum and maximum of each output over the closed domain.

    On each activation region the network is affine, so an extreme value is that of a linear program
    over a region. Floating point rules regions out by certain bounds, and whole parts of the domain
    by linear bounds on the units that are still open; the programs of the others are solved in
    exact arithmetic.

    Parameters
    ----------
    net : Network
    domain : Domain
        Of any dimension. Where it is not bounded, an output may have no maximum or minimum; a
        supremum that is finite on a polyhedron is attained.
    output : int or sequence of int, optional
        All outputs if not given.
    budget : int, float or Budget, optional
        Stop after so many regions (int) or seconds (float) in all. What was found is then attained
        and a certified inner bound of the range, with ``complete == False``. Ctrl-C does the same.
    progress : callable, optional
        Called about ten times a second with (regions looked at, seconds).

    Returns
    -------
    OutputRange

    Raises
    ------
    DomainError
        If the domain does not fit the network, or has no interior.
    NetworkError
        If an output does not exist.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1, 0], [0, 1], [1, 1]], [0, 0, 1]), ([[1, -3, 1]], [0])])
    >>> found = plica.output_range(net, plica.Box([-1, -1], [1, 1]))
    >>> found.maximum[0].exact, found.maximum[0].exact_point
    (Fraction(3, 1), (Fraction(1, 1), Fraction(0, 1)))
    >>> found.minimum[0].value
    -2.0
    """
    require_network(net)
    wanted = range(net.n_outputs) if output is None else np.atleast_1d(np.asarray(output))
    outputs = tuple(net.output_index(int(i)) for i in wanted)
    limits = Budget.of(budget)
    search = _Search(net, domain, limits, progress, 2 * len(outputs))
    ends = [(search.extremum(i, -1), search.extremum(i, 1)) for i in outputs]
    return OutputRange(
        outputs,
        tuple(low for low, _ in ends),
        tuple(high for _, high in ends),
        search.regions,
        search.pruned,
        search.arbitrated,
        time.perf_counter() - search.start,
    )


class _Search:
    """Several extrema of one network on one domain, under one budget."""

    def __init__(
        self, net: Network, domain: Domain, limits: Budget, progress: Progress | None, searches: int
    ) -> None:
        self.net, self.domain = net, domain
        self.chain = RationalChain(domain.restrict(net))
        self.limits, self.progress, self.left = limits, progress, searches
        self.start = time.perf_counter()
        self.regions = self.arbitrated = self.pruned = 0
        self.interrupted = False
        points = samples(domain)
        self.points = points
        self.values = self.chain.net(points)

    def share(self) -> Budget:
        """What the next search may use of the budget."""
        regions, seconds = self.limits.regions, self.limits.seconds
        if regions is not None:
            regions = max(0, regions - self.regions) // self.left
        if seconds is not None:
            seconds = (seconds - (time.perf_counter() - self.start)) / self.left
        return Budget(regions, seconds)

    def extremum(self, output: int, sign: int) -> Extremum:
        if len(self.points):
            first = np.argsort(-sign * self.values[:, output])[:STARTS]
            start = ascend(self.chain.net, self.domain, self.points[first], output, sign)
            point = tuple(map(Fraction, start.tolist()))
        else:
            point = interior(self.domain)
        value = self.chain.value(point)[output]
        bar = _below(sign * value)  # what the search finds is above it
        seek = Seek(self.net.select(output), self.domain, 0, sign, bar)
        if not self.interrupted:
            seek.finish(self.share(), self._progress)
        self.left -= 1
        self.regions += seek.counters["regions"]
        self.arbitrated += seek.counters["arbitrated"]
        self.pruned += seek.pruned
        self.interrupted |= seek.interrupted
        best, at = seek.best if seek.found else (None, point)
        if seek.found and best is None:
            return Extremum(sign * math.inf, None, None, None, seek.pattern, True)
        if best is None or best < sign * value:  # out of budget: the sample is what is known
            pattern = np.array(self.chain.pattern(point), dtype=self.net.pattern_dtype)
            return self._extremum(value, point, pattern, False)
        return self._extremum(sign * best, at, seek.pattern, seek.complete)

    def _progress(self, regions: int, _: float) -> None:
        if self.progress is not None:
            self.progress(self.regions + regions, time.perf_counter() - self.start)

    def _extremum(
        self, value: Fraction, u: Point, pattern: NDArray[Any], complete: bool
    ) -> Extremum:
        x = inputs_at(self.domain, u)
        point = np.array([_nearest(v) for v in x])
        return Extremum(_nearest(value), value, point, x, pattern, complete)


def _nearest(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.copysign(math.inf, x)


def _below(x: Fraction) -> float:
    """The largest float below a rational number."""
    near = _nearest(x)
    if near == -math.inf:
        return near
    while math.isinf(near) or Fraction(near) >= x:
        near = math.nextafter(near, -math.inf)
    return near
