"""How much the parameters of a network may move before regions can vanish, certainly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, require_network
from ..domains import Box, Domain, Segment, Slice, require_domain
from ..engines.cells import Cells
from ..engines.running import Budget, Progress
from ..engines.walk import unpack
from ..errors import DomainError, NetworkError
from ..exact import linear_program
from ..exact.distinct import unresolved
from .perturbed import Frozen, Perturbed, masks_of

__all__ = ["Stability", "stable_regions"]

Float = NDArray[np.float64]
#: Floating-point numbers of one stage that are held at a time.
CHUNK = 1 << 20
#: Halvings of the mantissa of a radius: it is within this share of what the recursion allows.
HALVINGS = 24
#: No radius is sought beyond two to this power, or below its inverse.
EXPONENT = 900
#: A round of better witnesses that gains less than this share is the last one of a region.
GAIN = 0.01


@dataclass(frozen=True, eq=False)
class Stability:
    """Certified radii of the regions of a network under perturbation of its parameters.

    Attributes
    ----------
    radii : ndarray, shape (N,)
        If every perturbed parameter changes by at most ``radii[r]``, the perturbed network has a
        region with the pattern of region ``r`` in the domain. Zero where nothing could be
        certified.
    witnesses : ndarray, shape (N, dim)
        In the domain's own coordinates: a point that keeps the pattern.
    patterns : ndarray of unsigned int, shape (N, n_units)
    complete : bool
        Whether all regions were looked at; all numbers are valid lower bounds without that.
    seconds : float
    """

    radii: Float
    witnesses: Float
    patterns: NDArray[Any]
    complete: bool
    seconds: float
    _perturbed: Perturbed

    def __len__(self) -> int:
        return int(self.radii.size)

    def __repr__(self) -> str:
        middle = float(np.median(self.radii)) if len(self) else 0.0
        return f"<plica.Stability of {len(self)} regions, median certified radius {middle:.3g}>"

    @cached_property
    def _sorted(self) -> Float:
        return np.sort(self.radii)

    def surviving(self, e: float, kind: str = "activation") -> int:
        """How many regions the network certainly has after any perturbation of size ``e``.

        Parameters
        ----------
        e : float
            No perturbed parameter changes by more.
        kind : {"activation", "linear"}
            For linear regions: how many surviving activation regions there are whose affine maps
            certainly stay different from one another, for then they lie in different linear
            regions.

        Returns
        -------
        int
            A lower bound on the count of the perturbed network.

        Raises
        ------
        DomainError
            If there is no such kind.
        NetworkError
            If ``e`` is not a number, or negative.
        """
        if kind not in ("activation", "linear"):
            raise DomainError(f"kind {kind!r} does not exist; choose one of activation, linear")
        if not isinstance(e, Real) or not e >= 0:
            raise NetworkError(f"the size of a perturbation is a number from 0 on, got {e!r:.40}")
        if kind == "activation":
            return len(self) if e == 0 else int((self.radii >= e).sum())
        alive = np.flatnonzero(self.radii >= e) if e > 0 else np.arange(len(self))
        values, errors = self._maps(alive, e)
        return _different(values, errors)

    def _maps(self, alive: NDArray[np.int64], e: float) -> tuple[Float, Float]:
        """Affine maps of some regions, and how far those of the perturbed network may lie."""
        p = self._perturbed
        size = (p.net.n_inputs + 1) * p.net.n_outputs
        values, errors = np.empty((alive.size, size)), np.empty((alive.size, size))
        for part in _chunks(alive.size, p.net):
            frozen = p.forms(self.patterns[alive[part]])
            moved = p.moves(frozen, np.full(frozen.output.shape[0], float(e)))[0]
            values[part] = frozen.output.reshape(-1, size)
            errors[part] = ((frozen.error + moved) * (1 + 2.0**-50)).reshape(-1, size)
        lost = ~(np.isfinite(values) & np.isfinite(errors))
        values[lost], errors[lost] = 0.0, np.inf
        return values, errors

    def radius(self, regions: int, kind: str = "activation") -> float:
        """The largest certified perturbation under which at least so many regions survive.

        Returns
        -------
        float
            Infinite for one region or none; zero where nothing could be certified.

        Raises
        ------
        DomainError
            If there is no such kind.
        NetworkError
            If the number of regions is not an integer.
        """
        if kind not in ("activation", "linear"):
            raise DomainError(f"kind {kind!r} does not exist; choose one of activation, linear")
        if not isinstance(regions, Integral):
            raise NetworkError(f"a number of regions is an integer, got {regions!r:.40}")
        if regions <= 1:
            return float("inf")
        if regions > len(self):
            return 0.0
        best = float(self._sorted[len(self) - regions])
        if kind == "activation" or self.surviving(best, "linear") >= regions:
            return best
        low, high = 0.0, best
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if middle > 0 and self.surviving(middle, "linear") >= regions:
                low = middle
            else:
                high = middle
        return low

    def curve(self) -> tuple[Float, NDArray[np.int64]]:
        """Certified number of regions against the size of the perturbation.

        Returns
        -------
        e : ndarray, shape (k,)
            Increasing: the distinct radii that are not zero.
        counts : ndarray of int64, shape (k,)
            Regions that survive any perturbation up to ``e``.
        """
        e = np.unique(self.radii[self.radii > 0])
        counts = len(self) - np.searchsorted(self._sorted, e, side="left")
        return e, counts.astype(np.int64)

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the curve with matplotlib; see `plica.draw.plot_stability`."""
        from ..draw.stability import plot_stability

        return plot_stability(self, ax, **options)


def stable_regions(
    net: Network,
    domain: Domain,
    *,
    perturbed: str | Sequence[tuple[Any, ArrayLike]] = "parameters",
    refine: int = 2,
    budget: Budget | int | float | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Stability:
    """How far the parameters of a network may move before regions can vanish.

    Region counts are lower semicontinuous in the parameters (Montufar et al. 2014): a region
    whose interior holds a point at which every unit is off its breakpoints survives small
    changes. For a witness in each region this computes a radius, rounded down at every step, so
    that for all perturbations up to it every unit stays on its piece at the witness. It is a lower
    bound: what the region bears is at least as much.

    Parameters
    ----------
    net : Network
    domain : Domain
        Not perturbed, nor is the embedding of a slice.
    perturbed : {"parameters", "all"} or sequence of (M, m)
        Which entries of the stages' affine maps move, each independently of the others.

        ``"parameters"``
            All entries of dense matrices, the stored entries of sparse ones, and all biases; but
            not the entries of rows that copy a coordinate for an identity unit (a single 1, bias
            0), nor the entries 0 and 1 that multiply a coordinate copied by such a row. These are
            the skip connections of residual networks, and the readout of a network that ends with
            its units. Breakpoints and slopes of units do not move.
        ``"all"``
            Those, too.
        masks
            For every stage of the network a pair of arrays of 0 and 1, of the shapes of its
            affine map and bias.
    refine : int
        Rounds in which a linear program looks for a better witness in every region; 0 takes the
        points that the engine found.
    budget : int, float or Budget, optional
        Stop listing regions after so many (int) or seconds (float). Ctrl-C does the same.
    n_jobs : int
        Threads that list the regions.
    progress : callable, optional
        Called about ten times a second with (regions found, seconds).

    Returns
    -------
    Stability

    Raises
    ------
    DomainError
        If the domain does not fit the network, or has no interior.
    NetworkError
        If masks do not fit the network, or ``refine`` is not an integer.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1.0], [1.0]], [0.0, -1.0]), ([[1.0, -1.0]], [0.0])])
    >>> stable = plica.stable_regions(net, plica.Box([-1], [2]))
    >>> stable.radius(3) <= 1 / 3 <= stable.radius(3) * 1.001  # the middle one, at x = 1/2
    True
    >>> stable.surviving(0.1)
    3
    """
    require_network(net)
    require_domain(domain)
    if not isinstance(refine, Integral):
        raise NetworkError(f"refine is a number of rounds, got {refine!r:.40}")
    masks = masks_of(net, perturbed)
    start = time.perf_counter()
    cells = Cells(net, domain, patterns=True, witnesses=True, n_jobs=n_jobs)
    columns = cells.collect(Budget.of(budget), progress)
    patterns = unpack(net, cells.bits, cells.words, columns["patterns"])
    chain = Perturbed(domain.restrict(net), masks)
    points = np.ascontiguousarray(columns["witnesses"])
    radii = np.zeros(len(points))
    for part in _chunks(len(points), chain.net):
        radii[part], points[part] = _refined(chain, domain, patterns[part], points[part], refine)
    seconds = time.perf_counter() - start
    return Stability(radii, points, patterns, cells.complete, seconds, chain)


def _chunks(n: int, net: Network) -> list[slice]:
    widest = max(max(s.n_pre, s.n_out, s.n_state) for s in net.stages)
    step = max(1, CHUNK // (widest * (net.n_inputs + 1)))
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


def _refined(
    chain: Perturbed, domain: Domain, patterns: NDArray[Any], points: Float, rounds: int
) -> tuple[Float, Float]:
    """Certified radii, and the points that bear them: those given, or better ones."""
    radii, points = _radii(chain, domain, patterns, points), points.copy()
    active = np.arange(len(points))
    for _ in range(rounds):
        if not active.size:
            break
        better = _better(chain, domain, patterns[active], points[active], radii[active])
        # the best point is often on the domain's boundary, and beyond it by rounding
        beyond = ~_inside(domain, better)
        better[beyond] += 2.0**-20 * (points[active[beyond]] - better[beyond])
        found = _radii(chain, domain, patterns[active], better)
        gain = found > radii[active]
        again = found > radii[active] * (1 + GAIN)
        radii[active[gain]], points[active[gain]] = found[gain], better[gain]
        active = active[again]
    return radii, points


def _radii(chain: Perturbed, domain: Domain, patterns: NDArray[Any], points: Float) -> Float:
    """Certified radius at each point of the domain: `Perturbed.holds` is true there; else 0."""
    frozen = chain.points(patterns, points)
    N = len(points)
    low = np.full(N, -EXPONENT - 1)  # the largest exponent that is known to hold
    high = np.full(N, EXPONENT + 1)
    while (high - low > 1).any():
        middle = (low + high) // 2
        good = chain.holds(frozen, np.ldexp(1.0, middle))
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    radius = np.where(low < -EXPONENT, 0.0, np.ldexp(1.0, low))
    if (low >= EXPONENT).any():
        radius[(low >= EXPONENT) & _unmoved(chain, frozen)] = np.inf
    finite = np.isfinite(radius) & (radius > 0)
    step = np.where(finite, radius, 0.0)
    for _ in range(HALVINGS):
        step = step / 2
        good = finite & chain.holds(frozen, radius + step)
        radius = np.where(good, radius + step, radius)
    return np.where(_inside(domain, points), radius, 0.0)


def _unmoved(chain: Perturbed, frozen: Frozen) -> NDArray[np.bool_]:
    """At which points no bend moves, however large the perturbation."""
    N = frozen.output.shape[0]
    little = chain.moves(frozen, np.ones(N))[1]
    much = chain.moves(frozen, np.full(N, np.ldexp(1.0, EXPONENT)))[1]
    same = [(a == b).all(axis=1) for a, b in zip(little, much, strict=True)]
    return np.all(same, axis=0)  # type: ignore[no-any-return]


def _inside(domain: Domain, points: Float) -> NDArray[np.bool_]:
    """Which points lie in the closed domain, exactly."""
    if isinstance(domain, (Box, Segment, Slice)):
        low, high = domain.bounds
        return np.asarray(((low <= points) & (points <= high)).all(axis=1))
    rows = linear_program.integer_rows(*(part.tolist() for part in domain.halfspaces()))
    return np.array(
        [linear_program.contains(rows, [Fraction(v) for v in p]) for p in points.tolist()],
        dtype=bool,
    )


def _better(
    chain: Perturbed, domain: Domain, patterns: NDArray[Any], points: Float, radii: Float
) -> Float:
    """Points that may bear more: the largest margins, in units of how fast each one is used up.

    How fast is taken at the present points, where it is a little off; what comes out is checked.
    """
    from scipy.optimize import linprog

    e = np.where((radii > 0) & np.isfinite(radii), radii, 1e-9)
    used = chain.moves(chain.points(patterns, points), e)[1]
    forms = chain.forms(patterns)
    A, b = domain.halfspaces()
    n = domain.dim
    better = points.copy()
    for r, point in enumerate(points):
        speeds = [bends[r] / e[r] for bends in used]
        values = [layer.value[r] for layer in forms.layers]
        rows, limits, fast = _margin_rows(chain, patterns[r], values, speeds)
        lower, upper = _bounds(domain, point)
        table = np.concatenate((np.column_stack((-rows, fast)), np.column_stack((A, 0 * b))))
        if not (np.isfinite(table).all() and np.isfinite(limits).all()):
            continue  # beyond the range of float64
        size = np.abs(table).max(axis=1, initial=0.0)
        size[size == 0] = 1.0
        found = linprog(
            np.append(np.zeros(n), -1.0),
            A_ub=table / size[:, None],
            b_ub=np.concatenate((limits, b)) / size,
            bounds=[*zip(lower.tolist(), upper.tolist(), strict=True), (0.0, None)],
            method="highs",
        )
        if found.status == 0:  # else it is thin beyond the solver's tolerance
            better[r] = np.clip(found.x[:n], lower, upper)
    return better


def _bounds(domain: Domain, point: Float) -> tuple[Float, Float]:
    if isinstance(domain, (Box, Segment, Slice)):
        return domain.bounds
    scale = max(1.0, float(np.abs(point).max()))
    # far out parameters are multiplied by large numbers: nothing is to be gained there
    return point - 10 * scale, point + 10 * scale


def _margin_rows(
    chain: Perturbed, pattern: NDArray[Any], values: list[Float], used: list[Float]
) -> tuple[Float, Float, Float]:
    """Margins as affine functions ``rows . u + limits`` of the point, and how fast they shrink.

    ``values`` are the pre-activations as affine forms, ``used`` how fast the bends of each stage
    move.
    """
    rows, speeds, column = [], [], 0
    for i, stage in enumerate(chain.net.stages):
        units, bends = stage.units, chain.bends[i]
        some = units.nonlinear
        piece = np.zeros(units.n_out, dtype=np.int64)
        piece[some] = pattern[column : column + some.size]
        column += some.size
        z = values[i]  # (dim + 1, n_pre)
        shift = np.zeros(z.shape[0])
        shift[-1] = 1.0
        for c, k in enumerate(bends.scalar.tolist()):
            ends = units.functions[int(units.function[k])].breakpoints
            q = int(piece[k])
            own = z[:, bends.reads[c]]
            sides = [own - ends[q - 1] * shift] if q > 0 else []
            sides += [ends[q] * shift - own] if q < ends.size else []
            rows += sides
            speeds += [used[i][c]] * len(sides)
        for c, (k, left, right) in enumerate(bends.pairs.tolist(), start=bends.scalar.size):
            if piece[k] in (left, right):
                pair = c - bends.scalar.size
                gap = z[:, bends.left[pair]] - z[:, bends.right[pair]]
                rows.append(gap if piece[k] == left else -gap)
                speeds.append(used[i][c])
    table = np.array(rows).reshape(-1, chain.net.n_inputs + 1)
    return table[:, :-1], table[:, -1], np.array(speeds)


def _different(values: Float, errors: Float) -> int:
    """How many of some maps certainly differ from one another, each off by at most its errors.

    A lower bound on the largest such set: maps are taken in turn, the most certain ones first, if
    they differ from all that were taken.
    """
    low = np.nextafter(values - errors, -np.inf)
    high = np.nextafter(values + errors, np.inf)
    groups = unresolved(values, errors)  # maps of two groups differ
    order = np.lexsort((errors.max(axis=1, initial=0.0), groups))
    total = 0
    for group in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        below, above = np.empty((2, group.size, values.shape[1]))
        taken = 0
        for i in group.tolist():
            apart = (low[i] > above[:taken]) | (high[i] < below[:taken])
            if apart.any(axis=1).all():
                below[taken], above[taken] = low[i], high[i]
                taken += 1
        total += taken
    return total
