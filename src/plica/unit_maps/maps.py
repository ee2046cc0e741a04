"""The distinct linear maps that one unit computes over a data set or a domain."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, require_layer, require_network
from ..domains import Domain
from ..errors import DomainError, NetworkError, SizeError, UnsupportedError
from ..exact.distinct import distinct
from ..exact.patterns import exact_patterns
from ..exact.rational import RationalChain
from ..regions.ask import map_regions
from ..stage import Stage
from ..units import MAX, PiecewiseLinear, Units
from .rows import rows_on

if TYPE_CHECKING:
    from ..engines.running import Budget, Progress
    from ..regions.atlas import Atlas

__all__ = ["UnitMaps", "linear_maps"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]
OF = ("pre", "value")
#: Largest size, in bytes, of the maps on all patterns and their errors.
LIMIT = 4 << 30


@dataclass(frozen=True, eq=False)
class UnitMaps:
    """The K distinct linear maps of one unit, the most frequent first.

    What is counted are the N points of a data set, or the N activation regions that the layers
    before the unit (with ``of="value"``, and the unit itself) make of a domain.

    Attributes
    ----------
    layer, unit : int
        Hidden layer, from 1, and the unit's number in it, from 0.
    of : {"pre", "value"}
        Whether these are maps of what the unit reads, or of its value.
    maps : ndarray, shape (K, n_inputs)
        Coefficients of the inputs, rounded to float64.
    constants : ndarray, shape (K,), or None
        Constants of the affine maps, where they were told apart by them, too.
    counts : ndarray of int64, shape (K,)
        How many points or regions have each map.
    labels : ndarray of int64, shape (N,)
        Map of each point or region; -1 where the unit is on a flat piece, with ``of="value"``.
    patterns : ndarray of unsigned int, shape (P, units)
        The distinct activation patterns, of the hidden layers before the unit's (with
        ``of="value"``, and of the unit itself).
    pattern_labels : ndarray of int64, shape (P,)
        Map of each pattern, or -1: several patterns may give one map.
    examples : ndarray, shape (K, n_inputs)
        For each map an input where the unit computes it: the first data point; the witness of
        the first region.
    atlas : Atlas or None
        The regions, if a domain was asked about.
    arbitrated : int
        Maps that were compared in exact arithmetic; floating point is certain of the others.
    """

    layer: int
    unit: int
    of: str
    maps: Float
    constants: Float | None
    counts: Int
    labels: Int
    patterns: NDArray[Any]
    pattern_labels: Int
    examples: Float
    atlas: Atlas | None
    arbitrated: int
    _chain: RationalChain

    def __len__(self) -> int:
        return int(self.counts.size)

    def __repr__(self) -> str:
        what = "points" if self.atlas is None else "regions"
        state = "" if self.complete else ", so far"
        return (
            f"<plica.UnitMaps: unit {self.unit} of layer {self.layer} computes {len(self)} linear "
            f"maps on {self.labels.size} {what}{state}>"
        )

    @property
    def complete(self) -> bool:
        """Whether all of the data set or domain was looked at."""
        return self.atlas is None or self.atlas.count.complete

    @property
    def off(self) -> int:
        """Points or regions where the unit is on a flat piece; they count for no map."""
        return int((self.labels < 0).sum())

    @cached_property
    def norms(self) -> Float:
        """Euclidean norms of the maps, shape (K,)."""
        norms: Float = np.linalg.norm(self.maps, axis=1)
        return norms

    def cosines(self, top: int | None = None) -> Float:
        """Cosines of the angles between the maps, shape (K, K); NaN with a map that is zero.

        Parameters
        ----------
        top : int, optional
            Only the so many most frequent maps.
        """
        maps = self.maps[:top]
        with np.errstate(invalid="ignore"):
            unit = maps / self.norms[:top, None]
        found: Float = np.clip(unit @ unit.T, -1.0, 1.0)
        return found

    @cached_property
    def sizes(self) -> Float:
        """Total length, area or volume of the regions with each map, shape (K,).

        Raises
        ------
        DomainError
            If the maps are those of a data set.
        UnsupportedError
            If a region is not bounded, or has more dimensions than corners are computed for.
        """
        if self.atlas is None:
            raise DomainError(
                "the maps of a data set have counts, but no volumes; ask about a domain"
            )
        found = np.zeros(len(self))
        some = self.labels >= 0
        np.add.at(found, self.labels[some], self.atlas.sizes[some])
        return found

    def members(self, k: int) -> Int:
        """Numbers of the points or regions that have map ``k``."""
        return np.flatnonzero(self.labels == range(len(self))[k])

    def exact(self, k: int) -> tuple[tuple[Fraction, ...], Fraction]:
        """Coefficients and constant of map ``k``, as rational numbers.

        Without ``constants`` several affine maps may share their coefficients; the constant is
        then that of the first pattern.
        """
        p = int(np.flatnonzero(self.pattern_labels == range(len(self))[k])[0])
        row = self._chain.output_on(0, self.patterns[p].tolist()).fractions()
        return tuple(row[:-1]), row[-1]

    def plot(self, shape: tuple[int, int] | None = None, **options: Any) -> Any:
        """Draw the maps, as images if the input is one, and their cosines.

        Parameters
        ----------
        shape : (int, int), optional
            Height and width of the input image.
        **options
            As for `plica.draw.plot_unit_maps`.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from ..draw.unit_maps import plot_unit_maps

        return plot_unit_maps(self, shape, **options)


def linear_maps(
    net: Network,
    layer: int,
    unit: int,
    over: Domain | ArrayLike,
    *,
    of: str = "pre",
    constants: bool = False,
    budget: Budget | int | float | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> UnitMaps:
    """The distinct linear maps of the input that one unit computes, and how often each occurs.

    On each activation pattern of the layers before it, what a unit reads is an affine function of
    the network's input, ``w . x + c``; its linear map is ``w``. Two patterns may give the same
    one. Which maps are the same is decided exactly: patterns that agree on all units from which a
    path of non-zero weights and slopes leads to the unit have the same map; maps whose
    floating-point values differ by more than their error bounds are different; all others are
    compared in rational arithmetic.

    Parameters
    ----------
    net : Network
    layer : int
        Hidden layer, from 1.
    unit : int
        Number of the unit among the layer's units with more than one piece, from 0: the order of
        the layer's columns in a pattern.
    over : Domain or array_like, shape (N, n_inputs)
        A domain, all of whose regions are enumerated, or a data set. Of a slice, a segment or a
        flat box, the maps are those of the full input all the same.
    of : {"pre", "value"}
        ``"pre"``: the maps of what the unit reads, everywhere. ``"value"``: the maps of its value,
        where its piece is not flat: of a ReLU, where it is on. A max unit has only the second.
    constants : bool
        Whether maps that differ in the constant ``c`` alone are different.
    budget : int, float or Budget, optional
        For a domain: stop after so many regions (int) or seconds (float). The maps found until
        then do occur, and counts are lower bounds.
    n_jobs : int
        Threads, for a domain of three dimensions and more.
    progress : callable, optional
        Called about ten times a second with (regions found, seconds).

    Returns
    -------
    UnitMaps

    Raises
    ------
    NetworkError
        If the layer or unit does not exist.
    UnsupportedError
        If ``of="pre"`` and the unit reads several coordinates.
    DomainError
        If the domain does not fit the network, the data are not finite points of its input, or
        there are no maps ``of`` that kind.
    SizeError
        If the maps of all patterns would not fit.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp(
    ...     [([[1, 0], [0, 1]], [0, 0]), ([[1, -1], [1, 1]], [0, 0]), ([[1, 1]], [0])]
    ... )
    >>> found = plica.unit_maps.linear_maps(net, 2, 0, plica.Box([-1, -1], [1, 2]))
    >>> found.maps.tolist(), found.sizes.tolist()
    ([[0.0, 0.0], [0.0, -1.0], [1.0, -1.0], [1.0, 0.0]], [1.0, 2.0, 2.0, 1.0])
    """
    require_network(net)
    if of not in OF:
        raise DomainError(f"maps of {of!r} do not exist; choose one of {', '.join(OF)}")
    sub, flat = _alone(net, layer, unit, of)
    atlas: Atlas | None = None
    if isinstance(over, Domain):
        over.check(net)
        atlas = map_regions(sub, over, budget=budget, n_jobs=n_jobs, progress=progress)
        patterns, which = atlas.patterns, np.arange(len(atlas))
        points = atlas.witnesses
    else:
        points = _points(net, over)
        patterns, _, which = _unique_rows(exact_patterns(sub, points))
    size = 16 * patterns.shape[0] * (sub.n_inputs + 1)
    if size > LIMIT:
        raise SizeError(
            f"the maps of {patterns.shape[0]:,} patterns would take {size / 2**30:.1f} GiB (limit "
            f"{LIMIT / 2**30:.0f} GiB); set a budget, or take a smaller domain or less data"
        )
    rows = rows_on(sub, patterns)
    _, first, of_key = _unique_rows(rows.keys)
    chain = RationalChain(sub)
    k = sub.n_inputs + bool(constants)

    def exact(p: int) -> tuple[Any, ...]:
        form = chain.output_on(0, patterns[first[p]].tolist()).fractions()
        return tuple(form[:k])

    labels, asked = distinct(rows.values[first, :k], rows.errors[first, :k], exact)
    labels = labels[of_key]
    if flat is not None:
        labels = np.where(flat[patterns[:, -1].astype(np.int64)], -1, labels)
    pattern_labels, counts = _by_frequency(labels, which)
    shown = pattern_labels[which]
    own, where = _first(pattern_labels), _first(shown)
    examples = points[where]
    return UnitMaps(
        layer,
        unit,
        of,
        rows.values[own, :-1],
        rows.values[own, -1] if constants else None,
        counts,
        shown,
        patterns,
        pattern_labels,
        examples if atlas is None else atlas.domain.embed(examples),
        atlas,
        asked,
        chain,
    )


def _alone(
    net: Network, layer: int, unit: int, of: str
) -> tuple[Network, NDArray[np.bool_] | None]:
    """The network up to one unit, as its only output, and which of the unit's pieces are flat."""
    at = net.hidden[require_layer(layer, net.depth) - 1]
    stage = net.stages[at]
    units = stage.units
    width = units.nonlinear.size
    if isinstance(unit, bool) or not isinstance(unit, Integral) or not 0 <= unit < width:
        raise NetworkError(
            f"unit {unit} of layer {layer} does not exist: the layer has units 0 to {width - 1}"
        )
    k = int(units.nonlinear[unit])
    reads = units.reads[units.start[k] : units.start[k + 1]]
    f = int(units.function[k])
    if of == "pre":
        if reads.size > 1:
            raise UnsupportedError(
                f"unit {unit} of layer {layer} is the maximum of {reads.size} coordinates, so it "
                'reads no single function; ask for the maps of its value: of="value"'
            )
        return Network((*net.stages[:at], Stage(stage.A[reads], stage.a[reads]))), None
    function: PiecewiseLinear | None = units.functions[f] if f >= 0 else None
    alone = Units(
        reads.size,
        np.array([0, reads.size]),
        np.arange(reads.size),
        np.array([MAX if function is None else 0]),
        () if function is None else (function,),
    )
    flat = np.zeros(reads.size, dtype=bool) if function is None else function.slopes == 0
    return Network((*net.stages[:at], Stage(stage.A[reads], stage.a[reads], alone))), flat


def _points(net: Network, over: ArrayLike) -> Float:
    try:
        points = np.asarray(over, dtype=np.float64)
    except (TypeError, ValueError):
        raise DomainError(
            "over must be a domain or an array of points, shape (N, n_inputs), got "
            f"{type(over).__name__}"
        ) from None
    if points.ndim > 2:  # images
        points = points.reshape(points.shape[0], -1)
    if points.ndim != 2 or points.shape[1] != net.n_inputs or not np.isfinite(points).all():
        raise DomainError(
            f"the data must be finite points of shape (N, {net.n_inputs}), got shape "
            f"{np.shape(over)}"
        )
    return points


def _unique_rows(rows: NDArray[Any]) -> tuple[NDArray[Any], Int, Int]:
    """Distinct rows by first occurrence, where each occurs first, and which each row is."""
    if rows.shape[1] == 0 or rows.shape[0] == 0:
        some = min(rows.shape[0], 1)
        return rows[:some], np.arange(some), np.zeros(rows.shape[0], dtype=np.int64)
    rows = np.ascontiguousarray(rows)
    flat = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
    _, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return rows[first[order]], first[order], rank[inverse]


def _first(labels: Int) -> Int:
    """Where each label that is not negative occurs first."""
    names, first = np.unique(labels, return_index=True)
    found: Int = first[names >= 0]
    return found


def _by_frequency(labels: Int, which: Int) -> tuple[Int, Int]:
    """Labels of patterns renumbered so that the most frequent is 0, and how often each occurs.

    Among equals the one that occurs first comes first; -1 stays.
    """
    found = np.full(labels.size, -1)
    of_point = labels[which]
    names, first, counts = np.unique(of_point[of_point >= 0], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    known = labels >= 0
    found[known] = rank[np.searchsorted(names, labels[known])]
    return found.astype(np.int64), counts[order].astype(np.int64)
