"""The exact Lipschitz constant of a network over a domain, and where it is attained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, require_network
from ..domains import Domain
from ..engines.cells import Cells, bounds_and_rows
from ..engines.running import Budget, Progress
from ..engines.walk import compile_chain, unpack
from ..errors import DomainError
from ..exact.rational import RationalChain
from .common import inputs_at
from .metric import Metric, Norm, nearest_root

__all__ = ["Lipschitz", "lipschitz"]

Float = NDArray[np.float64]
#: Numbers of Jacobians that are looked at together.
CHUNK = 1 << 18


@dataclass(frozen=True)
class Lipschitz:
    """The Lipschitz constant of a network over a domain.

    Attributes
    ----------
    value : float
        The float nearest to it; for norm 2 and several outputs one between `lower` and `upper`.
    lower, upper : float
        A certain enclosure.
    exact : Fraction or None
        The constant itself, for norms 1 and infinity.
    squared : Fraction or None
        Its square, for norm 2 and one output (or a domain of dimension 1).
    norm : float
        1, 2 or infinity.
    pattern : ndarray of int, shape (n_units,)
        The activation region where it is attained (for norm 2 and several outputs, up to the
        enclosure).
    witness : ndarray, shape (n_inputs,)
        An input inside that region, up to rounding.
    complete : bool
        Whether the whole domain was searched. If not, all numbers are those of the steepest region
        found: certified lower bounds, and `upper` is infinite.
    regions, arbitrated : int
        Activation regions that were looked at; Jacobians that were computed exactly.
    seconds : float
    """

    value: float
    lower: float
    upper: float
    exact: Fraction | None
    squared: Fraction | None
    norm: float
    pattern: NDArray[Any]
    witness: Float
    complete: bool
    regions: int
    arbitrated: int
    seconds: float

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        state = "exact" if self.complete else "lower bound"
        return f"<plica.Lipschitz {self.value:.9g}, norm {self.norm:g}, {state}>"


def lipschitz(
    net: Network,
    domain: Domain,
    norm: float = 2,
    *,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> Lipschitz:
    """The exact Lipschitz constant of a network over a domain.

    This is the smallest ``L`` with ``|f(x) - f(y)|_p <= L |x - y|_p`` for all ``x, y`` of the
    domain. Domains are convex, so it is the largest operator norm of the Jacobian over the
    activation regions: a segment between two points passes through finitely many closed regions,
    on each of which the bound holds, and every region has an interior where its norm is attained.
    The operator norm from p to p is the largest column sum of absolute values (p = 1), the
    largest singular value (p = 2) or the largest row sum (p = infinity).

    On a slice, a segment or a flat box, ``x - y`` runs over the directions of the slice only, and
    is measured in the metric of the input space.

    Parameters
    ----------
    net : Network
    domain : Domain
        Of any dimension, bounded or not.
    norm : {2, 1, inf}
        The norm ``p`` of inputs and outputs.
    budget : int, float or Budget, optional
        Stop after so many regions (int) or seconds (float); the result is then a certified lower
        bound, with ``complete == False``. Ctrl-C does the same.
    progress : callable, optional
        Called about ten times a second with (regions looked at, seconds).

    Returns
    -------
    Lipschitz

    Raises
    ------
    DomainError
        If the norm is not one of these, or the domain does not fit the network or has no interior.
    UnsupportedError
        If the unit ball of norm 1 or infinity in a slice has too many vertices.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[3.0, 0.0], [0.0, 4.0]], [0, 0]), ([[1.0, 1.0]], [0])])
    >>> found = plica.lipschitz(net, plica.Box([-1, -1], [1, 1]))
    >>> found.value, found.squared, found.pattern.tolist()
    (5.0, Fraction(25, 1), [1, 1])
    """
    require_network(net)
    if norm not in (1, 2, math.inf):
        raise DomainError(f"norm must be 1, 2 or infinity, got {norm!r}")
    walk = Cells(net, domain, patterns=True, witnesses=True, maps=True)
    search = _Steepest(net, domain, float(norm), walk)
    size = max(1, min(4096, CHUNK // (net.n_outputs * (domain.dim + 1))))
    try:
        for chunk in walk.chunks(Budget.of(budget), progress, size):
            search.look(walk.shape(chunk))
    except KeyboardInterrupt:  # while a chunk was looked at
        search.interrupted = True
    return search.result()


class _Steepest:
    """The steepest region so far."""

    def __init__(self, net: Network, domain: Domain, p: float, walk: Cells) -> None:
        self.net, self.domain, self.p, self.walk = net, domain, p, walk
        self.restricted = domain.restrict(net)
        self.chain = RationalChain(self.restricted)
        self.compiled = compile_chain(self.restricted)
        origin = inputs_at(domain, [0] * domain.dim)
        ends = [inputs_at(domain, [i == k for i in range(domain.dim)]) for k in range(domain.dim)]
        D = [tuple(x - o for x, o in zip(end, origin, strict=True)) for end in ends]
        self.metric = Metric(D, p)
        lower, upper, _, _ = bounds_and_rows(domain)
        # errors of coefficients, each times the extent of its coordinate, add up to the map's
        self.extent = np.maximum(-lower, upper) if lower.size else np.ones(domain.dim)
        self.best: Norm | None = None
        self.top = Fraction(0)  # not below the norm of any region looked at
        self.bar = -math.inf  # not above the norm of the best
        self.packed = np.zeros((1, max(1, walk.words)), dtype=np.uint64)
        self.witness: Float = np.zeros(domain.dim)
        self.arbitrated = 0
        self.interrupted = False

    def look(self, columns: dict[str, NDArray[Any]]) -> None:
        if not columns["maps"].shape[0]:
            return
        J = columns["maps"][:, :-1].transpose(0, 2, 1)
        error = 2 * self.walk.counters["map_error"] / self.extent
        _, high = self.metric.bounds(J, error)
        for i in np.argsort(-high, kind="stable"):
            if self.best is not None and high[i] < self.bar:
                return
            packed = np.ascontiguousarray(columns["patterns"][i : i + 1])
            if self.best is not None and self._same(packed):
                continue
            norm = self.metric.exact(self.chain.affine_on(self._unpack(packed).tolist())[0])
            self.arbitrated += 1
            self.top = max(self.top, norm.high)
            if self.best is None or norm.low > self.best.low:
                self.best, self.packed, self.witness = norm, packed, columns["witnesses"][i]
                low = math.nextafter(_root(norm.low, self.p), 0.0)
                self.bar = math.nextafter(low, 0.0)

    def _same(self, packed: NDArray[np.uint64]) -> bool:
        """Whether a region has the same map as the steepest one, exactly."""
        from .. import _core

        pair = np.concatenate((self.packed, packed))
        zero, one = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
        return bool(_core.same_maps(self.compiled, pair, self.walk.bits, zero, one)[0])

    def _unpack(self, packed: NDArray[np.uint64]) -> NDArray[Any]:
        row: NDArray[Any] = unpack(self.net, self.walk.bits, self.walk.words, packed)[0]
        return row

    def result(self) -> Lipschitz:
        walk, best = self.walk, self.best
        if best is None:  # stopped before the first region: any one is a lower bound
            first = Cells(self.net, self.domain, patterns=True, witnesses=True, maps=True)
            for chunk in first.chunks(Budget(regions=1), None, 1):
                self.look(first.shape(chunk))
            best = self.best
        assert best is not None
        complete = walk.complete and not self.interrupted
        rational = best.low == self.top
        value = _root(best.low, self.p)
        lower = upper = value
        if not rational or Fraction(value) ** (2 if self.p == 2 else 1) != best.low:
            lower = math.nextafter(value, 0.0)
            upper = math.nextafter(_root(self.top, self.p), math.inf)
        return Lipschitz(
            value,
            lower,
            upper if complete else math.inf,
            best.low if self.p != 2 else None,
            best.low if self.p == 2 and rational else None,
            self.p,
            self._unpack(self.packed),
            self.domain.embed(self.witness)[0],
            complete,
            int(walk.counters["regions"]),
            self.arbitrated,
            walk.seconds,
        )


def _root(x: Fraction, p: float) -> float:
    return nearest_root(x) if p == 2 else float(x)
