"""The maximum of shallow functions: the form itself, exact, with floats to evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, as_batch
from .numbers import Dyadics, rational_point

if TYPE_CHECKING:
    import os

__all__ = ["MaxOfShallow", "Term"]

Float = NDArray[np.float64]
#: Floating-point numbers that are held at a time.
CHUNK = 1 << 18
#: Terms are one block while its dense weights are at most so many times those that are not zero,
#: and so many more.
FILL, BLOCK = 2.0, 4096


@dataclass(frozen=True, eq=False)
class _Block:
    """Terms ``first`` to ``last``: hidden rows, output weights (m terms, units), affine rows."""

    first: int
    last: int
    U: Float
    V: Float
    A: Float


@dataclass(frozen=True, eq=False)
class Term:
    """One shallow function: ``affine @ (x, 1) + weights @ relu(hidden @ (x, 1))``.

    Attributes
    ----------
    affine : ndarray of Fraction, shape (m, n + 1)
        Constants last.
    hidden : ndarray of Fraction, shape (h, n + 1)
    weights : ndarray of Fraction, shape (m, h)
    units : ndarray of int64, shape (h,)
        Numbers of the hidden units in the form.
    """

    affine: NDArray[Any]
    hidden: NDArray[Any]
    weights: NDArray[Any]
    units: NDArray[np.int64]


class _Terms(Sequence[Term]):
    """The terms of a form, made when they are asked for."""

    def __init__(self, form: MaxOfShallow) -> None:
        self._form = form

    def __len__(self) -> int:
        return int(self._form.start.size) - 1

    def __getitem__(self, t: Any) -> Any:
        if isinstance(t, slice):
            return [self[i] for i in range(len(self))[t]]
        f, t = self._form, range(len(self))[t]
        part = slice(f.start[t], f.start[t + 1])
        units = f.reads[part]
        return Term(
            f.affine.fractions(t), f.hidden.fractions(units), f.weights.fractions(part).T, units
        )


@dataclass(frozen=True, eq=False, repr=False)
class MaxOfShallow:
    """``x -> max over terms of (affine + weights . relu(hidden))``, output by output.

    Every number is an exact dyadic rational; batches are evaluated with the nearest floats.

    Attributes
    ----------
    affine : Dyadics, shape (T, m, n + 1)
        Affine part of each term; constants last.
    hidden : Dyadics, shape (H, n + 1)
        The hidden units: ``relu(row . (x, 1))``. Terms share them.
    start : ndarray of int64, shape (T + 1,)
        Term ``t`` reads the units ``reads[start[t]:start[t + 1]]``.
    reads : ndarray of int64
    weights : Dyadics, shape (len(reads), m)
        Weights of these units.
    meta : dict
        How the form was made.
    complete : bool
        False if a budget ran out: then it is a lower bound of the network, exact on the regions
        that were found.
    """

    affine: Dyadics
    hidden: Dyadics
    start: NDArray[np.int64]
    reads: NDArray[np.int64]
    weights: Dyadics
    meta: dict[str, Any]
    complete: bool = True

    # -- size --------------------------------------------------------------------------------

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.affine.shape[2] - 1

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.affine.shape[1]

    @property
    def terms(self) -> Sequence[Term]:
        """The shallow functions, in exact numbers; ``len(form.terms)`` is how many there are."""
        return _Terms(self)

    @property
    def units_per_term(self) -> NDArray[np.int64]:
        """Hidden units that each term reads, shape (T,)."""
        return np.diff(self.start)

    @property
    def total_units(self) -> int:
        """Hidden units of all terms together, those that terms share counted once a term."""
        return int(self.reads.size)

    @property
    def distinct_units(self) -> int:
        """Hidden units, shared ones counted once: the width of the one hidden layer."""
        return self.hidden.shape[0]

    def __repr__(self) -> str:
        each = self.units_per_term
        state = "" if self.complete else ", incomplete: a lower bound"
        return (
            f"<plica.MaxOfShallow {self.n_inputs} -> {self.n_outputs}: {each.size} terms of up to "
            f"{int(each.max(initial=0))} hidden units, {self.distinct_units} distinct{state}>"
        )

    # -- values ------------------------------------------------------------------------------

    @cached_property
    def _blocks(self) -> list[_Block]:
        """Terms in blocks: neighbours share most of their hidden units."""
        found, first = [], 0
        T, m = len(self.terms), self.n_outputs
        union: set[int] = set()
        for t in range(T + 1):
            if t < T:
                more = union.union(self.reads[self.start[t] : self.start[t + 1]].tolist())
                size = int(self.start[t + 1] - self.start[first])
                if t == first or (t + 1 - first) * len(more) <= FILL * size + BLOCK:
                    union = more
                    continue
            units = np.array(sorted(union), dtype=np.int64)
            part = slice(self.start[first], self.start[t])
            V = np.zeros((m, t - first, units.size))
            row = np.repeat(np.arange(t - first), self.units_per_term[first:t])
            V[:, row, np.searchsorted(units, self.reads[part])] = self.weights.floats[part].T
            affine = self.affine.floats[first:t].transpose(1, 0, 2)
            found.append(
                _Block(
                    first,
                    t,
                    self.hidden.floats[units],
                    V.reshape(m * (t - first), -1),
                    affine.reshape(m * (t - first), -1).copy(),
                )
            )
            if t < T:
                first, union = t, set(self.reads[self.start[t] : self.start[t + 1]].tolist())
        return found

    def _values(self, x: Float) -> Iterable[tuple[slice, slice, Float]]:
        """(points, terms, values (m, terms, points)), block by block."""
        m = self.n_outputs
        widest = max(self.n_inputs, *(sum(block.V.shape) for block in self._blocks))
        step = max(1, CHUNK // widest)
        for i in range(0, x.shape[0], step):
            part = x[i : i + step]
            one = np.concatenate([part.T, np.ones((1, part.shape[0]))])
            for block in self._blocks:
                h = block.U @ one
                np.maximum(h, 0.0, out=h)
                y = block.A @ one
                y += block.V @ h
                yield (
                    slice(i, i + step),
                    slice(block.first, block.last),
                    y.reshape(m, -1, len(part)),
                )

    def __call__(self, x: ArrayLike) -> Float:
        """Values, shape (N, n_outputs), at points of shape (N, n_inputs), in float64."""
        points = as_batch(x, self.n_inputs)
        found = np.full((points.shape[0], self.n_outputs), -np.inf)
        for part, _, values in self._values(points):
            np.maximum(found[part], values.max(axis=1).T, out=found[part])
        return found

    def term_values(self, x: ArrayLike) -> Float:
        """Values of every term, shape (N, n_outputs, T), in float64."""
        points = as_batch(x, self.n_inputs)
        found = np.empty((points.shape[0], self.n_outputs, len(self.terms)))
        for part, terms, values in self._values(points):
            found[part, :, terms] = values.transpose(2, 0, 1)
        return found

    def value(self, x: Iterable[Any]) -> tuple[Fraction, ...]:
        """The exact values at a rational point, shape (n_outputs,)."""
        point = rational_point(x, self.n_inputs)
        q = lcm(*(v.denominator for v in point))
        X = np.array([int(v * q) for v in point] + [q], dtype=object)
        h = np.maximum(self.hidden.ints @ X, 0) if self.distinct_units else []
        two = Fraction(2)
        hidden = [int(v) * two ** int(e) for v, e in zip(h, self.hidden.exponents, strict=True)]
        best: list[Fraction] | None = None
        for t in range(len(self.terms)):
            part = slice(self.start[t], self.start[t + 1])
            values = list(self.affine.ints[t] @ X)
            ends = zip(values, self.affine.exponents[t], strict=True)
            total = [int(v) * two ** int(e) for v, e in ends]
            for i, w in zip(self.reads[part], self.weights.fractions(part), strict=True):
                if hidden[i]:
                    total = [y + v * hidden[i] for y, v in zip(total, w, strict=True)]
            best = total if best is None else [max(p) for p in zip(best, total, strict=True)]
        assert best is not None
        return tuple(y / q for y in best)

    # -- elsewhere ---------------------------------------------------------------------------

    def to_network(self, *, exact: bool = True) -> Network:
        """The form as a chain: one hidden ReLU layer and a max unit for each output.

        Parameters
        ----------
        exact : bool
            Numbers that are no floats are written as sums of floats, on copies of the input, so
            that the chain is the same function exactly. Otherwise they are rounded.

        Raises
        ------
        UnsupportedError
            If a number is beyond the largest float, or has digits below the smallest.
        """
        from .export import to_network

        return to_network(self, exact)

    def to_torch(self) -> Any:
        """A ``torch.nn.Module`` with the same (rounded) weights, in double precision."""
        from .export import to_torch

        return to_torch(self)

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write an ONNX model with the same (rounded) weights, in double precision."""
        from .export import to_onnx

        to_onnx(self, path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the exact form to an ``.npz`` file (arrays, no pickle)."""
        from .storage import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> MaxOfShallow:
        """Read a form that `save` wrote.

        Raises
        ------
        LoadError
            If the file is missing, not a shallow form, of a newer format, or damaged.
        """
        from .storage import load

        return load(path)
