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

    from ..engines.terms import TermTable
    from .evaluate import Dense

__all__ = ["MaxOfShallow", "Term"]

Float = NDArray[np.float64]


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
    def evaluator(self) -> Dense | TermTable:
        """What evaluates batches; made when it is first needed.

        Raises
        ------
        UnsupportedError
            If a number is beyond the largest float.
        """
        from .evaluate import evaluator

        return evaluator(self)

    def __call__(self, x: ArrayLike) -> Float:
        """Values, shape (N, n_outputs), at points of shape (N, n_inputs), in float64."""
        return self.evaluator.largest(as_batch(x, self.n_inputs))

    def term_values(self, x: ArrayLike) -> Float:
        """Values of every term, shape (N, n_outputs, T), in float64."""
        return self.evaluator.each(as_batch(x, self.n_inputs))

    def value(self, x: Iterable[Any]) -> tuple[Fraction, ...]:
        """The exact values at a rational point, shape (n_outputs,)."""
        point = rational_point(x, self.n_inputs)
        q = lcm(*(v.denominator for v in point))
        X = np.array([int(v * q) for v in point] + [q], dtype=object)
        straight = self.affine.ints @ X
        h = self.hidden.ints @ X
        on = np.flatnonzero((h > 0)[self.reads])
        units = self.reads[on]
        exponents = self.weights.exponents[on] + self.hidden.exponents[units]
        # everything in units of one power of two
        low = min(self.affine.exponents.min(), exponents.min(initial=np.iinfo(np.int64).max))
        total = straight << (self.affine.exponents - low).astype(object)
        bent = (self.weights.ints[on] * h[units, None]) << (exponents - low).astype(object)[:, None]
        np.add.at(total, np.repeat(np.arange(len(self.terms)), self.units_per_term)[on], bent)
        return tuple(Fraction(int(y), q) * Fraction(2) ** int(low) for y in total.max(axis=0))

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
