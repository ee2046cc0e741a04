"""A smaller network with exactly the same function on a domain.

Nothing is rounded: two maps are folded into one, a constant into a bias, twins into one unit, only
where every number that comes out is a float64; elsewhere the chain keeps its shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..domains import Domain
from ..engines.running import Budget, Progress
from ..errors import BudgetError
from ..exact.rational import Dyadic
from ..units import IDENTITY, MAX, PiecewiseLinear, Units
from .units import UnitsReport, units_report

__all__ = ["simplify"]

Float = NDArray[np.float64]
#: Multiplications that folding two stages into one may take, in exact arithmetic.
FOLD_LIMIT = 1 << 24
LINEAR = PiecewiseLinear.linear()


@dataclass
class _Unit:
    """A unit that reads rows of its layer; ``function`` is None for a max unit."""

    reads: list[int]
    function: PiecewiseLinear | None

    @property
    def linear(self) -> bool:
        return self.function is not None and self.function.n_pieces == 1


@dataclass
class _Layer:
    """A stage that may be changed."""

    A: Any  # ndarray, or scipy.sparse.csc_array
    a: Float
    units: list[_Unit]

    @classmethod
    def of(cls, stage: Stage) -> _Layer:
        units = []
        u = stage.units
        for k in range(u.n_out):
            f = int(u.function[k])
            function = None if f == MAX else LINEAR if f == IDENTITY else u.functions[f]
            units.append(_Unit(u.reads[u.start[k] : u.start[k + 1]].tolist(), function))
        return cls(sp.csc_array(stage.A) if stage.sparse else stage.A.copy(), stage.a.copy(), units)

    def stage(self) -> Stage:
        table: dict[PiecewiseLinear, int] = {}
        function = []
        for unit in self.units:
            if unit.function is None:
                function.append(MAX)
            elif unit.function == LINEAR:
                function.append(IDENTITY)
            else:
                function.append(table.setdefault(unit.function, len(table)))
        start = np.cumsum([0, *(len(unit.reads) for unit in self.units)])
        reads = [i for unit in self.units for i in unit.reads]
        units = Units(
            self.a.size,
            start,
            np.array(reads, dtype=np.int64),
            np.array(function, dtype=np.int64),
            tuple(table),
        )
        return Stage(sp.csr_array(self.A) if sp.issparse(self.A) else self.A, self.a, units)

    def column(self, k: int) -> Float:
        """Weights of state ``k``, shape (n_pre,)."""
        some = self.A[:, [k]]
        dense: Float = (some.toarray() if sp.issparse(some) else some)[:, 0]
        return dense

    def row(self, i: int) -> Float:
        some = self.A[[i]]
        dense: Float = (some.toarray() if sp.issparse(some) else some)[0]
        return dense

    def add_to_column(self, k: int, change: Float) -> bool:
        """Add to the weights of a state, if no sum rounds."""
        total = _sum(self.column(k), change)
        if total is None:
            return False
        if sp.issparse(self.A):
            A = self.A.tolil()
            A[:, [k]] = total[:, None]
            self.A = sp.csc_array(A)
        else:
            self.A[:, k] = total
        return True

    def keep_units(self, keep: Sequence[int], after: _Layer) -> None:
        """Keep some units only, and the columns of the next layer that read them."""
        self.units = [self.units[k] for k in keep]
        after.A = after.A[:, list(keep)]

    def drop_rows(self) -> None:
        """Drop the rows that no unit reads."""
        used = sorted({i for unit in self.units for i in unit.reads})
        if len(used) == self.a.size:
            return
        place = {i: new for new, i in enumerate(used)}
        self.A, self.a = self.A[used], self.a[used]
        for unit in self.units:
            unit.reads = [place[i] for i in unit.reads]


def simplify(
    net: Network,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> Network:
    """See `Network.simplify`."""
    report = units_report(net, domain, budget=budget, progress=progress)
    if not report.complete:
        raise BudgetError(
            f"stopped after {report.regions} regions; a unit may only be simplified when all of "
            "them are known: raise the budget, or take a smaller domain",
            partial=report,
        )
    layers = [_Layer.of(stage) for stage in net.stages]
    _restrict(net, layers, report)
    size = None
    while size != (size := [(layer.A.shape, len(layer.units)) for layer in layers]):
        for layer, after in pairwise(layers):
            _drop_constants(layer, after)
            _merge_twins(layer, after)
        for layer, after in zip(layers[-2::-1], layers[:0:-1], strict=True):
            _drop_unread(layer, after)
            layer.drop_rows()
        _fold(layers)
    return Network([layer.stage() for layer in layers], net.meta)


# -- units -----------------------------------------------------------------------------------


def _restrict(net: Network, layers: list[_Layer], report: UnitsReport) -> None:
    """Leave each unit the pieces that it takes."""
    pieces = iter(report.pieces)
    for layer, stage in zip(layers, net.stages, strict=True):
        for k in stage.units.nonlinear:
            unit, taken = layer.units[k], next(pieces)
            if unit.function is None:
                unit.reads = [unit.reads[q] for q in taken]
                unit.function = LINEAR if len(taken) == 1 else None
            else:
                unit.function = _part(unit.function, taken[0], taken[-1])


def _part(function: PiecewiseLinear, low: int, high: int) -> PiecewiseLinear:
    """The pieces from ``low`` to ``high``; those before, too, where going without would round."""
    intercept = _exact_float(function.exact_intercepts[low])
    if intercept is None:
        low, intercept = 0, function.intercept
    return PiecewiseLinear(
        function.breakpoints[low:high], function.slopes[low : high + 1], intercept
    )


def _drop_constants(layer: _Layer, after: _Layer) -> None:
    """Take units with one value into the bias of the next layer."""
    keep = []
    for k, unit in enumerate(layer.units):
        value = _constant(layer, unit)
        bias = None if value is None else _biased(after.a, after.column(k), value)
        if bias is None:
            keep.append(k)
        else:
            after.a = bias
    if len(keep) < len(layer.units):
        layer.keep_units(keep, after)


def _constant(layer: _Layer, unit: _Unit) -> Fraction | None:
    """The value of a unit that does not depend on the state."""
    if unit.function is None or not unit.linear:
        return None
    slope = Fraction(float(unit.function.slopes[0]))
    if slope and layer.row(unit.reads[0]).any():
        return None
    return slope * Fraction(float(layer.a[unit.reads[0]])) + Fraction(unit.function.intercept)


def _biased(a: Float, weights: Float, value: Fraction) -> Float | None:
    """``a + weights * value``, unless it rounds."""
    bias = a.copy()
    for i in np.flatnonzero(weights) if value else ():
        total = _exact_float(Fraction(float(a[i])) + Fraction(float(weights[i])) * value)
        if total is None:
            return None
        bias[i] = total
    return bias


def _merge_twins(layer: _Layer, after: _Layer) -> None:
    """Leave one of the units that are the same up to a power of two."""
    first: dict[Any, tuple[int, float]] = {}
    keep = []
    for k, unit in enumerate(layer.units):
        key, scale = _signature(layer, unit)
        if key in first:
            twin, size = first[key]
            weights = after.column(k)
            scaled = weights * (scale / size)
            exact = np.array_equal(scaled * (size / scale), weights)
            if exact and after.add_to_column(twin, scaled):
                continue
        first.setdefault(key, (k, scale))
        keep.append(k)
    if len(keep) < len(layer.units):
        layer.keep_units(keep, after)


def _signature(layer: _Layer, unit: _Unit) -> tuple[Any, float]:
    """What tells a unit from others, and by which power of two it is larger than its kind."""
    rows = np.stack([np.append(layer.row(i), layer.a[i]) for i in unit.reads]) + 0.0
    f, scale = unit.function, 1.0
    if f is None or (not f.intercept and not f.breakpoints.any()):  # positively homogeneous
        exponent = int(np.frexp(np.abs(rows).max(initial=0.0))[1])
        unscaled = np.ldexp(rows, -exponent)
        if abs(exponent) < 1000 and np.array_equal(np.ldexp(unscaled, exponent), rows):
            rows, scale = unscaled, float(np.ldexp(1.0, exponent))
    return (f, rows.shape, rows.tobytes()), scale


def _drop_unread(layer: _Layer, after: _Layer) -> None:
    """Drop units whose weights in the next layer are all zero."""
    keep = [k for k in range(len(layer.units)) if after.column(k).any()]
    if len(keep) < len(layer.units):
        layer.keep_units(keep, after)


# -- whole layers ----------------------------------------------------------------------------


def _fold(layers: list[_Layer]) -> None:
    """Multiply a layer of linear units into the next one, where that rounds nothing."""
    i = 0
    while i + 1 < len(layers):
        if all(unit.linear for unit in layers[i].units):
            folded = _product(layers[i], layers[i + 1])
            if folded is not None:
                layers[i : i + 2] = [folded]
                continue
        i += 1


def _product(first: _Layer, second: _Layer) -> _Layer | None:
    """Two layers as one, if the first has linear units only and no number rounds."""
    reads = [unit.reads[0] for unit in first.units]
    functions = [unit.function for unit in first.units if unit.function is not None]
    B, C = second.A, first.A[reads]
    weights = np.count_nonzero if not sp.issparse(B) else (lambda M: M.nnz)
    wide = C.shape[1] + 1
    if weights(B) * wide > FOLD_LIMIT or first.a.size * wide > FOLD_LIMIT:
        return None
    dense = [M.toarray() if sp.issparse(M) else M for M in (B, C)]
    slopes = Dyadic.of([float(f.slopes[0]) for f in functions])
    intercepts = Dyadic.of([f.intercept for f in functions])
    rows = Dyadic.of(np.column_stack((dense[1], first.a[reads])))
    scaled = Dyadic(slopes.ints[:, None] * rows.ints, slopes.exponent + rows.exponent)
    shift = np.zeros(rows.ints.shape, dtype=object)
    shift[:, -1] = intercepts.ints
    state = scaled + Dyadic(shift, intercepts.exponent)
    weight, bias = Dyadic.of(dense[0]), np.zeros((second.a.size, wide), dtype=object)
    own = Dyadic.of(second.a)
    bias[:, -1] = own.ints
    products = weight.ints @ state.ints if functions else np.zeros_like(bias)
    exact = Dyadic(products, weight.exponent + state.exponent) + Dyadic(bias, own.exponent)
    found = _floats(exact)
    if found is None:
        return None
    A: Any = found[:, :-1]
    if sp.issparse(B) and sp.issparse(first.A):
        A = sp.csc_array(A)
    return _Layer(A, found[:, -1].copy(), second.units)


# -- numbers ---------------------------------------------------------------------------------


def _exact_float(x: Fraction) -> float | None:
    """The float64 that a rational number is, if it is one."""
    try:
        near = float(x)
    except OverflowError:
        return None
    return near if Fraction(near) == x else None


def _floats(numbers: Dyadic) -> Float | None:
    """Dyadic numbers as float64, if none is rounded."""
    found = np.empty(numbers.ints.shape)
    scale = Fraction(2) ** numbers.exponent
    for at, x in np.ndenumerate(numbers.ints):
        near = _exact_float(int(x) * scale) if x else 0.0
        if near is None:
            return None
        found[at] = near
    return found


def _sum(x: Float, y: Float) -> Float | None:
    """``x + y``, unless it rounds: the error of a sum is a float64 that can be computed (Knuth)."""
    total = x + y
    part = total - x
    error = (x - (total - part)) + (y - part)
    return total if np.isfinite(total).all() and not error.any() else None
