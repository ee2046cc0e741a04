"""Arrays of dyadic rationals of any size, with their nearest floats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, inf, nextafter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError, UnsupportedError
from ..exact.rational import Dyadic

__all__ = ["Dyadics", "as_float", "minus", "nearest", "primitive", "rational_point", "rounded_up"]

Float = NDArray[np.float64]


def nearest(whole: int, exponent: int) -> float:
    """The float nearest to ``whole * 2**exponent``.

    Raises
    ------
    UnsupportedError
        If there is none.
    """
    try:
        return float(whole << exponent) if exponent >= 0 else whole / (1 << -exponent)
    except OverflowError:
        raise _too_large() from None


def as_float(number: Fraction) -> float:
    """The float nearest to a rational number.

    Raises
    ------
    UnsupportedError
        If there is none.
    """
    try:
        return float(number)
    except OverflowError:
        raise _too_large() from None


def _too_large() -> UnsupportedError:
    return UnsupportedError(
        "a number of the shallow form is beyond the largest float; scale the network's weights or "
        "outputs down"
    )


def rounded_up(number: Fraction) -> float:
    """The smallest float that is not less than a rational number.

    Raises
    ------
    UnsupportedError
        If there is none.
    """
    near = as_float(number)
    near = nextafter(near, inf) if near < number else near
    if near == inf:
        raise _too_large()
    return near


def rational_point(x: Iterable[Any], n: int) -> list[Fraction]:
    """The coordinates of a point, exactly.

    Raises
    ------
    NetworkError
        If there are not ``n``.
    """
    point = [Fraction(v) for v in x]
    if len(point) != n:
        raise NetworkError(f"expected a point of {n} coordinates, got {len(point)}")
    return point


def minus(form: Dyadic, at: Fraction) -> Dyadic:
    """An affine form less a constant."""
    if at == 0:
        return form
    constant = np.array([Fraction(0)] * (form.ints.size - 1) + [-at], dtype=object)
    return form + Dyadic.of_fractions(constant.tolist())


def primitive(row: Iterable[int]) -> tuple[tuple[int, ...], int]:
    """A row of integers without its greatest common factor, and that factor (1 for zeros)."""
    ints = [int(x) for x in row]
    factor = gcd(*ints) or 1
    return tuple(x // factor for x in ints), factor


@dataclass(frozen=True, eq=False)
class Dyadics:
    """``ints * 2**exponents``, one exponent for each row of the last axis.

    Parameters
    ----------
    ints : ndarray of object, shape (..., k)
        Python integers.
    exponents : ndarray of int64, shape (...)
    """

    ints: NDArray[Any]
    exponents: NDArray[np.int64]

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[float | Fraction]], k: int) -> Dyadics:
        """Rows of floats and of fractions over powers of two, shape (len(rows), k)."""
        plain = [all(isinstance(x, float) for x in row) for row in rows]
        parts = [
            None if is_plain else Dyadic.of_fractions([Fraction(x) for x in row])
            for row, is_plain in zip(rows, plain, strict=True)
        ]
        floats = np.array([row for row, is_plain in zip(rows, plain, strict=True) if is_plain])
        found = cls.of_floats(floats.reshape(-1, k))
        ints = np.empty((len(rows), k), dtype=object)
        exponents = np.zeros(len(rows), dtype=np.int64)
        ints[plain], exponents[plain] = found.ints, found.exponents
        for i, part in enumerate(parts):
            if part is not None:
                ints[i], exponents[i] = part.ints, part.exponent
        return cls(ints, exponents)

    @classmethod
    def of_floats(cls, rows: Float) -> Dyadics:
        """The exact values of finite floats, shape (r, k)."""
        mantissa, exponent = np.frexp(rows)
        low = np.where(rows != 0, exponent, 1 << 30).min(axis=1, initial=1 << 30)
        low = np.where(low == 1 << 30, 0, low) - 53
        whole = (mantissa * 2.0**53).astype(np.int64).astype(object)
        shift = np.where(rows != 0, exponent - 53 - low[:, None], 0)
        return cls(whole << shift.astype(object), low.astype(np.int64))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.ints.shape

    @cached_property
    def floats(self) -> Float:
        """The nearest floats; read-only.

        Raises
        ------
        UnsupportedError
            If a number is beyond the largest float.
        """
        each = np.broadcast_to(self.exponents[..., None], self.shape).reshape(-1).tolist()
        values = map(nearest, self.ints.reshape(-1).tolist(), each)
        found = np.fromiter(values, dtype=np.float64, count=self.ints.size).reshape(self.shape)
        found.flags.writeable = False
        return found

    def fractions(self, index: Any = ...) -> NDArray[Any]:
        """The numbers at an index of the leading axes, as `Fraction`."""
        ints, exponents = self.ints[index], self.exponents[index]
        each = np.broadcast_to(np.asarray(exponents)[..., None], ints.shape).reshape(-1).tolist()
        found = np.empty(ints.shape, dtype=object)
        pairs = zip(ints.reshape(-1).tolist(), each, strict=True)
        found.reshape(-1)[:] = [i * Fraction(2) ** e for i, e in pairs]
        return found

    def parts(self) -> list[Float]:
        """Arrays of floats whose sum is exactly this array, each the nearest to what is left.

        Raises
        ------
        UnsupportedError
            If a number is beyond the largest float, or a digit below the smallest.
        """
        each = np.broadcast_to(self.exponents[..., None], self.shape).reshape(-1)
        left = self.ints.reshape(-1).copy()
        found: list[Float] = []
        while not found or left.any():
            values = np.zeros(left.size)
            for i in np.flatnonzero(left):
                values[i] = nearest(left[i], int(each[i]))
                if values[i] == 0.0:
                    raise UnsupportedError(
                        "a number of the shallow form has digits below the smallest float: it "
                        "cannot be written as a sum of floats; ask for the rounded copy instead"
                    )
                taken = Fraction(float(values[i])) / Fraction(2) ** int(each[i])
                left[i] = int(left[i] - taken)  # a float near an integer multiple is one
            found.append(values.reshape(self.shape))
        return found
