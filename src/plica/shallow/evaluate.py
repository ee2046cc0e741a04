"""Values of a shallow form on batches: matrix products, or term by term, by what costs less.

Terms that follow each other share most of their hidden units. In blocks of them the values are two
products of dense matrices, with zeros where a term does not read a unit. Where zeros prevail, terms
are added up one by one over the units that they read, in the compiled core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..engines.terms import TermTable

if TYPE_CHECKING:
    from .form import MaxOfShallow

__all__ = ["Dense", "evaluator", "single"]

Float = NDArray[np.float64]
#: Dense weights of a block at most so many times those that are not zero, and so many more.
FILL, BLOCK = 2.0, 4096
#: Units of a block that is added up term by term: their values stay in the fastest cache.
UNITS = 256
#: Numbers that are held at a time, so that they stay in the cache.
CACHE = 1 << 16
#: Time of a product of matrices, of one of a term by itself, and of an entry of a matrix that is
#: passed over (as for relu), relative to each other. Measured.
PRODUCT, SINGLE, ENTRY = 1.0, 1.5, 25.0


@dataclass(frozen=True, eq=False)
class _Block:
    """Terms ``first`` to ``last``: hidden rows (h, n + 1), and output weights (m terms, h + 1 + a).

    Behind the weights stand a constant and the coefficients of the inputs in ``linear``, which are
    zero for all others.
    """

    first: int
    last: int
    U: Float
    V: Float
    linear: NDArray[np.int64]


class Dense:
    """A form as blocks of dense matrices.

    Parameters
    ----------
    form : MaxOfShallow
    """

    def __init__(self, form: MaxOfShallow) -> None:
        self.m, self.terms = form.n_outputs, len(form.terms)
        self.blocks = [_dense(form, *ends) for ends in _parts(form, _mostly_zero)]

    @property
    def products(self) -> int:
        """Products for one point."""
        return sum(block.U.size + block.V.size for block in self.blocks)

    @property
    def cost(self) -> float:
        """Time for one point, in arbitrary units."""
        entries = sum(len(block.U) + len(block.V) for block in self.blocks)
        return PRODUCT * self.products + ENTRY * entries

    def _values(self, x: Float) -> Iterator[tuple[slice, slice, Float]]:
        """(points, terms, values (m, terms, points)), block by block."""
        widest = max(x.shape[1], *(sum(block.V.shape) for block in self.blocks))
        step = max(64, CACHE // widest)
        for i in range(0, x.shape[0], step):
            part = x[i : i + step].T
            count = part.shape[1]
            for block in self.blocks:
                h = block.U.shape[0]
                read = np.empty((block.V.shape[1], count))
                np.matmul(block.U[:, :-1], part, out=read[:h])
                read[:h] += block.U[:, -1:]
                np.maximum(read[:h], 0.0, out=read[:h])
                read[h] = 1.0
                read[h + 1 :] = part[block.linear]
                values = block.V @ read
                terms = slice(block.first, block.last)
                yield slice(i, i + step), terms, values.reshape(self.m, -1, count)

    def largest(self, x: Float) -> Float:
        """The largest value over the terms at points of shape (N, n), shape (N, m)."""
        found = np.full((x.shape[0], self.m), -np.inf)
        for part, _, values in self._values(x):
            np.maximum(found[part], values.max(axis=1).T, out=found[part])
        return found

    def each(self, x: Float) -> Float:
        """The values of all terms at points of shape (N, n), shape (N, m, T)."""
        found = np.empty((x.shape[0], self.m, self.terms))
        for part, terms, values in self._values(x):
            found[part, :, terms] = values.transpose(2, 0, 1)
        return found


def evaluator(form: MaxOfShallow) -> Dense | TermTable:
    """What evaluates a form in the least time."""
    dense, table = Dense(form), single(form)
    return dense if dense.cost < SINGLE * table.products else table


def _parts(form: MaxOfShallow, full: Callable[[int, int, int], bool]) -> Iterator[tuple[int, int]]:
    """Ends of blocks of terms; ``full(terms, units, reads)`` says which block is too large."""
    first, union = 0, set[int]()
    for t in range(len(form.terms)):
        own = set(form.reads[form.start[t] : form.start[t + 1]].tolist())
        more = union | own
        if t > first and full(t + 1 - first, len(more), int(form.start[t + 1] - form.start[first])):
            yield first, t
            first, more = t, own
        union = more
    yield first, len(form.terms)


def _mostly_zero(terms: int, units: int, reads: int) -> bool:
    return terms * units > FILL * reads + BLOCK


def _dense(form: MaxOfShallow, first: int, last: int) -> _Block:
    m = form.n_outputs
    part = slice(form.start[first], form.start[last])
    units, place = np.unique(form.reads[part], return_inverse=True)
    V = np.zeros((m, last - first, units.size))
    V[:, np.repeat(np.arange(last - first), form.units_per_term[first:last]), place] = (
        form.weights.floats[part].T
    )
    affine = form.affine.floats[first:last].transpose(1, 0, 2)
    linear = np.flatnonzero(affine[..., :-1].any(axis=(0, 1)))
    V = np.concatenate([V, affine[..., -1:], affine[..., linear]], axis=2)
    return _Block(
        first, last, form.hidden.floats[units], V.reshape(m * (last - first), -1).copy(), linear
    )


def single(form: MaxOfShallow) -> TermTable:
    """A form as terms that are added up one by one."""
    term, listed, unit = [0], [0], []
    reads = np.zeros(form.reads.size, dtype=np.int32)
    for first, last in _parts(form, lambda _terms, units, _reads: units > UNITS):
        part = slice(form.start[first], form.start[last])
        units, reads[part] = np.unique(form.reads[part], return_inverse=True)
        term.append(last)
        listed.append(listed[-1] + units.size)
        unit.append(units)
    T, m, n = len(form.terms), form.n_outputs, form.n_inputs
    return TermTable(
        np.array(term, dtype=np.int64),
        np.array(listed, dtype=np.int64),
        np.concatenate(unit).astype(np.int32),
        np.ascontiguousarray(form.hidden.floats),
        np.ascontiguousarray(form.start),
        reads,
        np.ascontiguousarray(form.weights.floats),
        np.ascontiguousarray(form.affine.floats.reshape(T * m, n + 1)),
    )
