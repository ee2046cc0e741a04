"""What the bounds are made of: sums of binomial coefficients, as integers of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from math import log10
from operator import index

from ..errors import NetworkError

__all__ = [
    "balanced",
    "binomials",
    "central_cells",
    "check_count",
    "check_counts",
    "check_widths",
    "decimal",
    "dimensions",
    "elementary",
    "generic_cells",
    "parallel_cells",
    "power",
    "rounded",
]

#: Python refuses to write longer integers in one go.
DIGITS = 4000


def check_widths(widths: Iterable[int], least: int = 2) -> tuple[int, ...]:
    """``(n0, n1, ..., nL)`` as a tuple of positive integers.

    Raises
    ------
    NetworkError
        If an entry is not a positive integer, or there are fewer than ``least``.
    """
    try:
        found = tuple(index(n) for n in widths)
    except TypeError:
        raise NetworkError(
            f"widths must be integers (n0, n1, ..., nL), got {widths!r:.80}"
        ) from None
    if len(found) < least:
        raise NetworkError(
            f"widths are the number of inputs and those of at least {least - 1} hidden layers, "
            f"(n0, n1, ..., nL); got {found}"
        )
    if min(found) < 1:
        raise NetworkError(f"every layer needs at least one unit, got widths {found}")
    return found


def check_count(value: int, what: str, least: int = 1) -> int:
    """The value as an integer, not below ``least``.

    Raises
    ------
    NetworkError
        If it is something else.
    """
    try:
        found = index(value)
    except TypeError:
        raise NetworkError(f"{what} must be an integer, got {value!r:.80}") from None
    if found < least:
        raise NetworkError(f"{what} must be at least {least}, got {found}")
    return found


def check_counts(counts: str) -> str:
    """``"activation"`` or ``"linear"``: which regions.

    Raises
    ------
    NetworkError
        If it is neither.
    """
    if counts not in ("activation", "linear"):
        raise NetworkError(f"counts must be 'activation' or 'linear', got {counts!r:.40}")
    return counts


def dimensions(widths: Sequence[int]) -> list[int]:
    """``min(n0, ..., n_{l-1})`` for l = 1, ..., L."""
    return list(accumulate(widths[:-1], min))


def binomials(m: int, top: int | None = None) -> Iterator[int]:
    """``C(m, 0), C(m, 1), ...`` up to ``C(m, min(m, top))``."""
    c = 1
    for j in range(min(m, m if top is None else top) + 1):
        yield c
        c = c * (m - j) // (j + 1)


def generic_cells(d: int, m: int) -> int:
    """``sum_{j<=d} C(m, j)``: cells of ``m`` hyperplanes in general position in ``R^d``.

    T. Zaslavsky, Facing up to arrangements, 1975.
    """
    return parallel_cells(d, m, 1)


def central_cells(d: int, m: int) -> int:
    """``2 sum_{j<d} C(m - 1, j)``: the same for hyperplanes through the origin (1 if d = 0)."""
    return 2 * sum(binomials(m - 1, d - 1)) if d and m else 1


def parallel_cells(d: int, m: int, p: int) -> int:
    """``sum_{j<=d} C(m, j) p^j``: cells of ``m`` generic families of ``p`` parallel hyperplanes."""
    d = min(d, m)
    return _parallel_cells(min(m, max(16, 1 << d.bit_length())), m, p)[d]


@lru_cache(maxsize=256)  # layers of one width ask the same again, and for many d
def _parallel_cells(top: int, m: int, p: int) -> tuple[int, ...]:
    return tuple(accumulate(c * p**j for j, c in enumerate(binomials(m, top))))


def elementary(top: int, numbers: Sequence[int]) -> list[int]:
    """The elementary symmetric polynomials ``e_0, ..., e_top`` of some numbers."""
    if numbers and min(numbers) == max(numbers):
        return [c * numbers[0] ** j for j, c in enumerate(binomials(len(numbers), top))]
    e = [1] + [0] * min(top, len(numbers))
    for p in numbers:
        for j in range(len(e) - 1, 0, -1):
            e[j] += p * e[j - 1]
    return e


def power(base: int, exponent: int) -> int:
    """``base ** exponent``, an integer as the exponent is not negative."""
    found: int = base**exponent
    return found


def balanced(n: int, d: int) -> tuple[int, int]:
    """``(q, r)``: ``n`` in ``d`` equal groups, ``r`` of them of ``q + 1``, the others of ``q``."""
    return divmod(n, d)


def decimal(value: int) -> str:
    """All digits of an integer, however long."""
    if value < 0:
        return "-" + decimal(-value)
    if value.bit_length() <= 3 * DIGITS:
        return str(value)
    half = int(value.bit_length() * 0.15)  # about half of the digits
    high, low = divmod(value, 10**half)
    return decimal(high) + decimal(low).rjust(half, "0")


def rounded(value: int, digits: int = 4) -> str:
    """An integer as people read it: with commas, or ``1.234e56`` where it is long."""
    if value.bit_length() <= 50:
        return f"{value:,}"
    exponent = int(log10(value))
    shift = 10 ** (exponent - digits + 1)
    mantissa = (value + shift // 2) // shift
    text = str(mantissa)
    exponent += len(text) - digits
    return f"{text[0]}.{text[1:digits]}e{exponent}"
