"""The nonlinear half of a stage: identity, scalar piecewise-linear and max units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import NetworkError

__all__ = ["PiecewiseLinear", "Units"]

IDENTITY = -1
MAX = -2

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """A continuous piecewise-linear function of one variable.

    On ``z <= breakpoints[0]`` it is ``slopes[0] * z + intercept``; every later piece follows by
    continuity, in exact arithmetic. Breakpoints where the slope does not change are dropped.

    Parameters
    ----------
    breakpoints : array_like, shape (p,)
        Strictly increasing.
    slopes : array_like, shape (p + 1,)
        One slope a piece, from left to right.
    intercept : float
        Intercept of the leftmost piece.

    Raises
    ------
    NetworkError
        If a number is not finite, the breakpoints do not increase, or the lengths do not fit.

    Examples
    --------
    >>> hardtanh = PiecewiseLinear([-1.0, 1.0], [0.0, 1.0, 0.0], -1.0)
    >>> hardtanh([-3.0, 0.5, 2.0]).tolist()
    [-1.0, 0.5, 1.0]
    """

    breakpoints: Float
    slopes: Float
    intercept: float = 0.0

    def __init__(self, breakpoints: ArrayLike, slopes: ArrayLike, intercept: float = 0.0) -> None:
        t = np.atleast_1d(np.asarray(breakpoints, dtype=np.float64))
        s = np.atleast_1d(np.asarray(slopes, dtype=np.float64))
        if t.ndim != 1 or s.shape != (t.size + 1,):
            raise NetworkError(
                f"a piecewise-linear function with {t.size} breakpoints needs {t.size + 1} slopes, "
                f"got {s.size}"
            )
        if not (np.isfinite(t).all() and np.isfinite(s).all() and np.isfinite(intercept)):
            raise NetworkError(
                "a piecewise-linear function has a breakpoint, slope or intercept that is NaN or "
                f"infinite: breakpoints {t}, slopes {s}, intercept {intercept}"
            )
        if (np.diff(t) <= 0).any():
            raise NetworkError(f"breakpoints must increase strictly, got {t}")
        bend = s[1:] != s[:-1]
        t, s = t[bend] + 0.0, s[np.concatenate(([True], bend))] + 0.0
        for array in (t, s):
            array.flags.writeable = False
        object.__setattr__(self, "breakpoints", t)
        object.__setattr__(self, "slopes", s)
        object.__setattr__(self, "intercept", float(intercept) + 0.0)

    @classmethod
    def from_pieces(
        cls, breakpoints: ArrayLike, slopes: ArrayLike, intercepts: ArrayLike
    ) -> PiecewiseLinear:
        """The function with these slopes and intercepts, which must agree at the breakpoints.

        Raises
        ------
        NetworkError
            If the pieces do not meet exactly: the function jumps.
        """
        c = np.atleast_1d(np.asarray(intercepts, dtype=np.float64))
        t = np.atleast_1d(np.asarray(breakpoints, dtype=np.float64))
        s = np.atleast_1d(np.asarray(slopes, dtype=np.float64))
        if c.shape != s.shape:
            raise NetworkError(f"got {s.size} slopes but {c.size} intercepts")
        function = cls(t, s, float(c[0]))
        for i, at in enumerate(t):
            left = Fraction(float(s[i])) * Fraction(float(at)) + Fraction(float(c[i]))
            right = Fraction(float(s[i + 1])) * Fraction(float(at)) + Fraction(float(c[i + 1]))
            if left != right:
                raise NetworkError(
                    f"the activation jumps at {at}: {float(left)} on its left, {float(right)} on "
                    "its right; only continuous activations are piecewise linear in plica's sense"
                )
        return function

    @cached_property
    def exact_intercepts(self) -> tuple[Fraction, ...]:
        """Intercept of every piece, exactly (they follow from continuity)."""
        found = [Fraction(self.intercept)]
        for i, at in enumerate(self.breakpoints.tolist()):
            step = Fraction(float(self.slopes[i])) - Fraction(float(self.slopes[i + 1]))
            found.append(found[-1] + step * Fraction(at))
        return tuple(found)

    @cached_property
    def intercepts(self) -> Float:
        """Intercept of every piece, rounded to the nearest float64, shape (p + 1,)."""
        rounded = np.array([float(c) for c in self.exact_intercepts])
        rounded.flags.writeable = False
        return rounded

    @property
    def n_pieces(self) -> int:
        """Number of pieces, p + 1."""
        return int(self.slopes.size)

    def piece(self, z: ArrayLike) -> Int:
        """Index of the piece each ``z`` is on; a breakpoint belongs to the piece on its left."""
        values = np.asarray(z, dtype=np.float64)
        if self.breakpoints.size == 1:  # by far the most common, and much faster
            above: Int = (values > self.breakpoints[0]).astype(np.int64)
            return above
        found: Int = np.searchsorted(self.breakpoints, values, side="left")
        return found

    def __call__(self, z: ArrayLike) -> Float:
        values = np.asarray(z, dtype=np.float64)
        if self.breakpoints.size == 1:
            right = values > self.breakpoints[0]
            bent: Float = values * np.where(right, self.slopes[1], self.slopes[0])
            if self.intercepts.any():
                bent += np.where(right, self.intercepts[1], self.intercepts[0])
            return bent
        q = self.piece(values)
        result: Float = self.slopes[q] * values + self.intercepts[q]
        return result

    def _key(self) -> tuple[bytes, bytes, float]:
        return self.breakpoints.tobytes(), self.slopes.tobytes(), self.intercept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PiecewiseLinear) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @classmethod
    def relu(cls) -> PiecewiseLinear:
        """``max(0, z)``."""
        return cls([0.0], [0.0, 1.0])

    @classmethod
    def leaky_relu(cls, slope: float = 0.01) -> PiecewiseLinear:
        """``z`` for positive ``z``, else ``slope * z``."""
        return cls([0.0], [slope, 1.0])

    @classmethod
    def absolute(cls) -> PiecewiseLinear:
        """``|z|``."""
        return cls([0.0], [-1.0, 1.0])

    @classmethod
    def clip(cls, lower: float, upper: float) -> PiecewiseLinear:
        """``z`` cut off below ``lower`` and above ``upper``; either may be infinite.

        Raises
        ------
        NetworkError
            If ``lower > upper`` or a bound is NaN.
        """
        if np.isnan(lower) or np.isnan(upper) or lower > upper:
            raise NetworkError(f"clip needs lower <= upper, got {lower} and {upper}")
        if lower == upper:
            return cls([], [0.0], lower)
        low, high = np.isfinite(lower), np.isfinite(upper)
        breakpoints = [lower] * bool(low) + [upper] * bool(high)
        slopes = [0.0] * bool(low) + [1.0] + [0.0] * bool(high)
        return cls(breakpoints, slopes, lower if low else 0.0)

    @classmethod
    def hard_sigmoid(cls, alpha: float = 1 / 6, beta: float = 0.5) -> PiecewiseLinear:
        """``clip(alpha * z + beta, 0, 1)`` with its kinks rounded to float64; ``alpha > 0``."""
        if not alpha > 0:
            raise NetworkError(f"hard_sigmoid needs alpha > 0, got {alpha}")
        return cls([-beta / alpha, (1 - beta) / alpha], [0.0, alpha, 0.0])

    @classmethod
    def linear(cls, slope: float = 1.0, intercept: float = 0.0) -> PiecewiseLinear:
        """``slope * z + intercept``: one piece."""
        return cls([], [slope], intercept)


def named_function(name: str | PiecewiseLinear) -> PiecewiseLinear:
    """The scalar function that an activation's usual name means.

    Raises
    ------
    NetworkError
        If the name is not known.
    """
    if isinstance(name, PiecewiseLinear):
        return name
    known: dict[str, Callable[[], PiecewiseLinear]] = {
        "relu": PiecewiseLinear.relu,
        "leaky_relu": PiecewiseLinear.leaky_relu,
        "abs": PiecewiseLinear.absolute,
        "hardtanh": lambda: PiecewiseLinear.clip(-1.0, 1.0),
        "relu6": lambda: PiecewiseLinear.clip(0.0, 6.0),
        "hardsigmoid": PiecewiseLinear.hard_sigmoid,
        "identity": PiecewiseLinear.linear,
    }
    if name not in known:
        raise NetworkError(
            f"activation {name!r} is not known; use one of {', '.join(known)}, or a "
            "plica.PiecewiseLinear(breakpoints, slopes, intercept)"
        )
    return known[name]()


@dataclass(frozen=True, eq=False)
class Units:
    """The units of one stage: each reads coordinates of ``z`` and writes one coordinate of ``h'``.

    Parameters
    ----------
    n_pre : int
        Number of coordinates of ``z``.
    start : ndarray of int64, shape (n_out + 1,)
        Unit ``k`` reads ``reads[start[k]:start[k + 1]]``.
    reads : ndarray of int64
        Coordinates of ``z``, unit after unit.
    function : ndarray of int64, shape (n_out,)
        ``-1`` identity, ``-2`` max of the coordinates read, otherwise an index into ``functions``.
    functions : tuple of PiecewiseLinear
        The scalar functions that occur.
    """

    n_pre: int
    start: Int
    reads: Int
    function: Int
    functions: tuple[PiecewiseLinear, ...] = ()

    def __post_init__(self) -> None:
        start = np.array(self.start, dtype=np.int64)
        reads = np.array(self.reads, dtype=np.int64)
        function = np.array(self.function, dtype=np.int64)
        if start.ndim != 1 or start.size != function.size + 1 or start[0] != 0:
            raise NetworkError("units: start must have one entry more than there are units")
        count = np.diff(start)
        if start[-1] != reads.size or (count < 1).any():
            raise NetworkError("units: every unit must read at least one coordinate")
        if reads.size and (reads.min() < 0 or reads.max() >= self.n_pre):
            raise NetworkError(f"units: a unit reads a coordinate outside 0..{self.n_pre - 1}")
        if function.size and (function.min() < MAX or function.max() >= len(self.functions)):
            raise NetworkError("units: a unit names a function that is not in the list")
        if ((count > 1) & (function != MAX)).any():
            raise NetworkError("units: only a max unit reads more than one coordinate")
        function[(function == MAX) & (count == 1)] = IDENTITY
        for array in (start, reads, function):
            array.flags.writeable = False
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "reads", reads)
        object.__setattr__(self, "function", function)

    @classmethod
    def scalar(cls, function: str | PiecewiseLinear, n: int) -> Units:
        """``n`` units, each the same scalar function of its own coordinate."""
        return cls(
            n,
            np.arange(n + 1),
            np.arange(n),
            np.zeros(n, dtype=np.int64),
            (named_function(function),),
        )

    @classmethod
    def identity(cls, n: int) -> Units:
        """``n`` coordinates passed on as they are."""
        return cls(n, np.arange(n + 1), np.arange(n), np.full(n, IDENTITY))

    @classmethod
    def relu(cls, n: int) -> Units:
        """``n`` rectifiers."""
        return cls.scalar("relu", n)

    @classmethod
    def max(cls, groups: Iterable[Sequence[int]], n_pre: int) -> Units:
        """One max unit for each group of coordinates (maxout, max-pooling)."""
        members = [np.asarray(g, dtype=np.int64) for g in groups]
        start = np.cumsum([0, *(g.size for g in members)], dtype=np.int64)
        reads = np.concatenate(members) if members else np.zeros(0, dtype=np.int64)
        return cls(n_pre, start, reads, np.full(len(members), MAX))

    @classmethod
    def concat(cls, parts: Sequence[Units]) -> Units:
        """Units side by side: the coordinates of each part follow those of the part before it."""
        table: dict[PiecewiseLinear, int] = {}
        start, reads, function = [np.zeros(1, dtype=np.int64)], [], []
        pre = read = 0
        for part in parts:
            index = np.array(
                [table.setdefault(f, len(table)) for f in part.functions] or [0], dtype=np.int64
            )
            f = part.function
            function.append(np.where(f >= 0, index[np.maximum(f, 0)], f))
            start.append(part.start[1:] + read)
            reads.append(part.reads + pre)
            pre += part.n_pre
            read += part.reads.size
        return cls(
            pre,
            np.concatenate(start),
            np.concatenate(reads or [np.zeros(0, dtype=np.int64)]),
            np.concatenate(function or [np.zeros(0, dtype=np.int64)]),
            tuple(table),
        )

    @property
    def n_out(self) -> int:
        """Number of units."""
        return int(self.function.size)

    @cached_property
    def n_pieces(self) -> Int:
        """Number of pieces of each unit, shape (n_out,)."""
        scalar = np.array([f.n_pieces for f in self.functions] or [1], dtype=np.int64)
        count = np.where(
            self.function >= 0, scalar[np.maximum(self.function, 0)], np.diff(self.start)
        )
        count.flags.writeable = False
        return count

    @cached_property
    def nonlinear(self) -> Int:
        """Indices of the units with more than one piece."""
        return np.flatnonzero(self.n_pieces > 1)

    @cached_property
    def _groups(self) -> list[tuple[int, Int, Int]]:
        """Units that are evaluated together: (function, units, coordinates read (n, k))."""
        groups = []
        size = np.diff(self.start)
        for f in np.unique(self.function):
            of_kind = np.flatnonzero(self.function == f)
            for k in np.unique(size[of_kind]):
                units = of_kind[size[of_kind] == k]
                reads = self.reads[self.start[units][:, None] + np.arange(k)]
                groups.append((int(f), units, reads))
        return groups

    @cached_property
    def _uniform(self) -> PiecewiseLinear | None:
        """The one function of all units, where each reads its own coordinate in order."""
        own = self.n_out == self.n_pre and np.array_equal(self.reads, np.arange(self.n_pre))
        same = own and self.n_out > 0 and (self.function == self.function[0]).all()
        return self.functions[int(self.function[0])] if same and self.function[0] >= 0 else None

    def piece(self, z: Float) -> Int:
        """Piece of every unit, shape (N, n_out), for pre-activations ``z`` of shape (N, n_pre).

        A scalar unit at a breakpoint is on the piece left of it, a max unit on its lowest index.
        """
        if self._uniform is not None:
            return self._uniform.piece(z)
        found = np.zeros((z.shape[0], self.n_out), dtype=np.int64)
        for f, units, reads in self._groups:
            if f == MAX:
                found[:, units] = z[:, reads].argmax(axis=2)
            elif f >= 0:
                found[:, units] = self.functions[f].piece(z[:, reads[:, 0]])
        return found

    def __call__(self, z: Float) -> Float:
        """Values of the units, shape (N, n_out), for ``z`` of shape (N, n_pre)."""
        if self._uniform is not None:
            return self._uniform(z)
        h = np.empty((z.shape[0], self.n_out))
        for f, units, reads in self._groups:
            if f == MAX:
                h[:, units] = z[:, reads].max(axis=2)
            elif f >= 0:
                h[:, units] = self.functions[f](z[:, reads[:, 0]])
            else:
                h[:, units] = z[:, reads[:, 0]]
        return h

    def linearise(self, piece: Int) -> tuple[Int, Float, Float]:
        """``h'[k] = slope[k] * z[source[k]] + intercept[k]`` on the given pieces.

        Parameters
        ----------
        piece : ndarray of int, shape (N, n_out)

        Returns
        -------
        source, slope, intercept : ndarrays, shape (N, n_out)
        """
        n = piece.shape[0]
        source = np.empty((n, self.n_out), dtype=np.int64)
        slope = np.ones((n, self.n_out))
        intercept = np.zeros((n, self.n_out))
        for f, units, reads in self._groups:
            q = piece[:, units]
            if f == MAX:
                source[:, units] = reads[np.arange(units.size), q]
            else:
                source[:, units] = reads[:, 0]
            if f >= 0:
                slope[:, units] = self.functions[f].slopes[q]
                intercept[:, units] = self.functions[f].intercepts[q]
        return source, slope, intercept
