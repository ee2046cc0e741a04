"""Upper bounds for one given network: by its ranks, its skip connections, its stable units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import gcd, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, require_network
from ..domains import Domain, Space, require_domain
from ..errors import DomainError
from ..exact.rational import Dyadic
from ..units import MAX, Units
from .activation import activation_based
from .counting import elementary
from .entries import HERE, Maker, Table
from .folds import need
from .histograms import plane, poured
from .intervals import Intervals, box_of, propagate
from .maxout import maxout_layer
from .piecewise import flat_pieces
from .ranks import exact_rank

if TYPE_CHECKING:
    from ..facts.units import UnitsReport

__all__ = ["of_network"]

#: Multiplications that the rank of a matrix may take; beyond, the smaller side is taken.
RANK_WORK = 1 << 27
#: Entries up to which equal and opposite units are looked for.
MERGE_LIMIT = 1 << 21
#: Products of a stage beyond which the bounds by histograms are not computed.
WORK = 1_000_000
#: Units up to which a stage's histogram is refined.
REFINE_LIMIT = 400


@dataclass(frozen=True)
class Layer:
    """What one stage does to cells.

    Attributes
    ----------
    rank : int
        Bound on the rank of its affine map.
    cut_rank : int
        The same for the rows that its cutting units read.
    carried : int
        The same for the rows that are passed on without a cut: identities, stable units.
    cuts : tuple of (int, int)
        For every unit that cuts: pieces, and how many of them are constant.
    homogeneous : bool
        Whether everything up to here is positively homogeneous: cells are cones.
    """

    rank: int
    cut_rank: int
    carried: int
    cuts: tuple[tuple[int, int], ...]
    homogeneous: bool

    @property
    def pieces(self) -> list[int]:
        """Pieces of the units that cut."""
        return [k for k, _ in self.cuts]

    @cached_property
    def most(self) -> tuple[int, ...]:
        """``most[d]``: bound on the cells that it makes of an image of dimension ``d``."""
        pieces = self.pieces
        found = list(accumulate(elementary(self.cut_rank, [k - 1 for k in pieces])))
        if self.homogeneous and pieces:
            if self.cut_rank > len(pieces):
                # without biases all patterns may take one dimension more than there are units
                found.append(found[-1])
            for d in range(1, len(found)):
                found[d] = min(found[d], maxout_layer(d, pieces, biases=False))
        return tuple(found)

    @cached_property
    def patterns(self) -> list[int]:
        """Patterns with 0, 1, ... units on a constant piece."""
        found = [1]
        for (pieces, flat), m in sorted(Counter(self.cuts).items()):
            same = flat_pieces(m, pieces, flat)
            longer = [0] * (len(found) + m)
            for i, a in enumerate(found):
                for j, b in enumerate(same):
                    longer[i + j] += a * b
            found = longer
        return found

    def cells(self, d: int) -> int:
        """``most[d]``, or the last entry where ``d`` is larger."""
        return self.most[min(d, len(self.most) - 1)]

    def image(self, d: int, idle: int) -> int:
        """Bound on the dimension after it, where ``idle`` of the units that cut are constant."""
        return min(d, self.rank, self.carried + len(self.cuts) - idle)


def of_network(
    net: Network, domain: Domain | None = None, units: UnitsReport | None = None
) -> Table:
    """Upper bounds on the activation regions of a network on a domain.

    A cell of the first stages is mapped by an affine map onto a set of some dimension; a stage cuts
    it by what its units read, and the dimension after it is at most that of

    - its image before the stage,
    - the rank of the stage's matrix,
    - what is carried along, the rank of the rows that identities and stable units read, plus one
      for each cutting unit that is not constant.

    So the bounds hold for skip connections, residual networks, convolutions and mixed units.

    ``naive``
        all patterns;
    ``stable``
        all patterns of the pieces that interval arithmetic, or ``units``, leaves each unit, equal
        and opposite units (the same hyperplane) taken as one;
    ``dimension``
        the product of the largest numbers of cells, in the least dimension so far: `montufar_2017`
        with ranks for the network at hand; cones are cut as in `without_biases` where all the
        biases are zero;
    ``histogram``
        follows the dimensions that are left where units are constant: `serra_2018` with ranks;
    ``refined``
        the same with `plica.bounds.plane` for stages of rectifiers;
    ``serra_ramalingam_2020``
        follows the numbers of active units from layer to layer as well
        (`plica.bounds.activation`).

    Parameters
    ----------
    net : Network
    domain : Domain, optional
        All of the input space if not given. Bounds on the inputs let units be stable.
    units : UnitsReport, optional
        Of the same network and domain, complete: the pieces that the units really take, from
        `plica.units_report`.

    Returns
    -------
    Table
        Upper bounds, all on activation regions.

    Raises
    ------
    DomainError
        If the domain does not fit the network, or the report is not complete or of another network.

    Examples
    --------
    >>> import plica
    >>> W = [[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]]
    >>> net = plica.Network.mlp([(W, [0, 1, 2]), ([[1, 1, 1]], [0])])
    >>> found = plica.bounds.of_network(net)  # three parallel lines
    >>> found.upper(), int(plica.count_regions(net, plica.Space(2)))
    (4, 4)
    """
    require_network(net)
    domain = Space(net.n_inputs) if domain is None else require_domain(domain)
    if units is not None and (
        not units.complete or not np.array_equal(units.n_pieces, net.unit_pieces)
    ):
        raise DomainError(
            "the report on units is not complete, or is one of another network; it must be "
            "plica.units_report(net, domain) without a budget"
        )
    inner = domain.restrict(net)
    intervals = propagate(inner, *box_of(domain))
    layers = list(_layers(inner, intervals, units))
    made = Maker(f"{net!r} on {domain!r}")
    up = ("upper", "activation")
    d = domain.dim
    cutting = sum(len(layer.cuts) for layer in layers)
    left = f"{cutting} of {net.n_units} units cut"
    made.add("naive", *up, lambda: prod(map(int, net.unit_pieces)), "", HERE)
    made.add("stable", *up, lambda: prod(prod(layer.pieces) for layer in layers), left, HERE)
    made.add("dimension", *up, lambda: _dimension(layers, d), _seen(layers, d), HERE)
    made.add("histogram", *up, lambda: _histogram(layers, d, refined=False), "", HERE)
    made.add("refined", *up, lambda: _histogram(layers, d, refined=True), "", HERE)
    made.add(
        "serra_ramalingam_2020",
        *up,
        lambda: activation_based(
            inner, intervals, [(layer.rank, layer.cut_rank) for layer in layers]
        ),
        "rectifiers and identities",
        "Serra, Ramalingam 2020, in the form given in the documentation",
    )
    return made.table()


def _dimension(layers: Sequence[Layer], d: int) -> int:
    found = 1
    for layer in layers:
        found *= layer.cells(d)
        d = layer.image(d, 0)
    return found


def _seen(layers: Sequence[Layer], d: int) -> str:
    """In words: the dimensions in which the stages with units cut."""
    found = []
    for layer in layers:
        if layer.cuts:
            found.append(str(min(d, layer.cut_rank)))
        d = layer.image(d, 0)
    shown = [*found[:6], "..."] if len(found) > 7 else found
    return f"layers cut in dimension {', '.join(shown)}" if found else ""


def _histogram(layers: Sequence[Layer], start: int, refined: bool) -> int:
    v = {start: 1}
    for layer in layers:
        after: dict[int, int] = {}
        work = len(v) * len(layer.cuts)
        need(work <= WORK, "would take too long for a network of this size")
        for d, cells in v.items():
            for idle, count in enumerate(_idle(layer, d, refined)):
                to = layer.image(d, idle)
                after[to] = after.get(to, 0) + cells * count
        v = after
    return sum(v.values())


def _idle(layer: Layer, d: int, refined: bool) -> Sequence[int]:
    """A histogram, over the number of constant units, of the cells that a stage makes."""
    plain = poured(layer.patterns, layer.cells(d))
    m = len(layer.cuts)
    if not refined or m > REFINE_LIMIT or any(cut != (2, 1) for cut in layer.cuts):
        return plain
    fine = list(plane(min(d, layer.cut_rank), m))[::-1]
    plain += [0] * (m + 1 - len(plain))
    # both are bounds on the cells with at most so many constant units, so the smaller one is, too
    tails = [min(a, b) for a, b in zip(accumulate(plain), accumulate(fine), strict=True)]
    return [b - a for a, b in zip([0, *tails], tails, strict=False)]


# -- what each stage does ------------------------------------------------------------------------


def _layers(
    net: Network, intervals: Sequence[Intervals], report: UnitsReport | None
) -> Iterator[Layer]:
    homogeneous = True
    column = 0
    for stage, interval in zip(net.stages, intervals, strict=True):
        units = stage.units
        homogeneous = homogeneous and not stage.a.any() and _bends_at_zero(units)
        taken: list[list[int]] = []
        for k in range(units.n_out):
            pieces = _pieces(units, k, *interval.pre)
            if units.n_pieces[k] > 1:
                if report is not None:
                    pieces = np.flatnonzero(report.taken[column]).tolist()
                column += 1
            taken.append(pieces)
        cutting = [k for k in range(units.n_out) if len(taken[k]) > 1]
        rows = np.zeros(units.n_pre, dtype=bool)
        kept = np.zeros(units.n_pre, dtype=bool)
        for k in range(units.n_out):
            reads = _reads(units, k)
            if len(taken[k]) > 1:
                rows[reads if units.function[k] != MAX else reads[taken[k]]] = True
            elif not _flat(units, k, taken[k]):
                kept[reads[taken[k]] if units.function[k] == MAX else reads] = True
        whole = _rank(stage.A)
        yield Layer(
            whole,
            whole if rows.all() else min(whole, _rank(stage.A[np.flatnonzero(rows)])),
            whole if kept.all() else min(whole, _rank(stage.A[np.flatnonzero(kept)])),
            tuple(_merged(stage.A, stage.a, units, cutting, taken)),
            homogeneous,
        )


def _reads(units: Units, k: int) -> NDArray[np.int64]:
    return units.reads[units.start[k] : units.start[k + 1]]


def _bends_at_zero(units: Units) -> bool:
    return all(
        f.intercept == 0 and f.breakpoints.tolist() in ([], [0.0])
        for f in (units.functions[i] for i in set(units.function.tolist()) if i >= 0)
    )


def _pieces(units: Units, k: int, low: NDArray[np.float64], high: NDArray[np.float64]) -> list[int]:
    """Pieces that a unit can have on cells where what it reads is not constant."""
    reads = _reads(units, k)
    f = int(units.function[k])
    if f == MAX:
        best = int(low[reads].argmax())
        seen: set[int] = set()
        found = []
        for i, j in enumerate(reads.tolist()):
            # an entry that is never above another one, or is read twice, makes no cell of its own
            beaten = i != best and high[j] <= low[reads[best]]
            if not beaten and j not in seen:
                found.append(i)
            seen.add(j)
        return found
    if f < 0:
        return [0]
    t = units.functions[f].breakpoints
    first = int(np.searchsorted(t, low[reads[0]], side="right"))
    last = int(np.searchsorted(t, high[reads[0]], side="left"))
    return list(range(first, last + 1)) or [last]


def _flat(units: Units, k: int, pieces: Sequence[int]) -> int:
    """How many of the pieces are constant."""
    f = int(units.function[k])
    return int(np.count_nonzero(units.functions[f].slopes[list(pieces)] == 0)) if f >= 0 else 0


def _rank(A: Any) -> int:
    m, n = (int(side) for side in A.shape)
    if m * n * min(m, n) > RANK_WORK:
        return min(m, n)
    return exact_rank(A.toarray() if hasattr(A, "toarray") else A)


def _merged(
    A: Any, a: NDArray[np.float64], units: Units, cutting: Sequence[int], taken: list[list[int]]
) -> Iterator[tuple[int, int]]:
    """Pieces and constant pieces of the units that cut; units on one hyperplane are one.

    Units with two pieces whose hyperplanes coincide cut once, and what they write together has rank
    1 on a side unless all of them are constant there.
    """
    alike: dict[tuple[int, ...], list[bool]] = {}
    mergeable = A.shape[0] * A.shape[1] <= MERGE_LIMIT
    ints = _forms(A, a) if mergeable and cutting else None
    for k in cutting:
        f = int(units.function[k])
        if ints is None or f < 0 or units.functions[f].n_pieces != 2:
            yield len(taken[k]), _flat(units, k, taken[k])
            continue
        key, side = _hyperplane(ints, int(_reads(units, k)[0]), units.functions[f].breakpoints[0])
        moves = (units.functions[f].slopes != 0).tolist()[::side]
        before = alike.setdefault(key, [False, False])
        alike[key] = [x or y for x, y in zip(before, moves, strict=True)]
    for moves in alike.values():
        yield 2, moves.count(False)


def _forms(A: Any, a: NDArray[np.float64]) -> Dyadic:
    dense = A.toarray() if hasattr(A, "toarray") else A
    return Dyadic.of(np.column_stack((dense, a)))


def _hyperplane(forms: Dyadic, row: int, t: float) -> tuple[tuple[int, ...], int]:
    """The hyperplane ``row . h + a = t`` in lowest terms, and on which side the form is larger."""
    form = [*forms.ints[row]]
    if t:
        shifted = Dyadic(forms.ints[row][-1:], forms.exponent) + Dyadic.of([-t])
        low = min(forms.exponent, shifted.exponent)
        form = [i << (forms.exponent - low) for i in form]
        form[-1] = int(shifted.ints[0]) << (shifted.exponent - low)
    common = gcd(*form) or 1
    first = next((i for i in form if i), 1)
    side = 1 if first > 0 else -1
    return tuple(side * i // common for i in form), side
