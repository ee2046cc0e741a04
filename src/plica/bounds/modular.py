"""The histogram bounds of wide and deep networks, as integers from their residues.

A bound of a network of many units has tens of thousands of bits, and following the vector of
dimensions through the layers multiplies such numbers by binomial coefficients of hundreds of bits.
Modulo a prime that fits in a machine word each of these products is one instruction, and the core
takes eight primes at a time, side by side. It computes the bound modulo as many primes as it takes:
once their product exceeds what the bound can
be, the residues determine it (Chinese remainder theorem).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import isqrt, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedError
from .counting import generic_cells
from .ranks import check_ranks

__all__ = ["HISTOGRAMS", "followed"]

#: The histograms that the core knows, in its order.
HISTOGRAMS = ("most_active", "line", "plane")

#: The primes are just below.
ABOVE = 1 << 28
#: A width is an integer of 32 bits in the core.
WIDEST = 1 << 30
#: Where a layer is refined, the core holds a table of as many rows and columns as dimensions.
REFINED = 8192


class Moduli(NamedTuple):
    """Primes, their product, and for each the inverse of the product of the others."""

    primes: NDArray[np.uint32]
    product: int
    inverses: list[int]


def followed(widths: Sequence[int], ranks: Sequence[int] | None, histogram: str) -> int:
    """``histogram_bound(widths, histogram, ranks)`` for one of `HISTOGRAMS`.

    Parameters
    ----------
    widths : sequence of int
        Positive.
    ranks : sequence of int or None
    histogram : str
        One of `HISTOGRAMS`.

    Raises
    ------
    NetworkError
        If the ranks do not fit the widths.
    UnsupportedError
        If a layer has ``2^30`` units or more, or a refined histogram is asked for in more than
        8192 dimensions.
    """
    from .. import _core

    caps = check_ranks(widths, ranks)
    units = widths[1:]
    if max(units) >= WIDEST:
        raise UnsupportedError(f"a layer has {max(units)} units; histograms go up to {WIDEST - 1}")
    dims = list(accumulate(caps, min))
    if histogram != "most_active" and any(
        m < 3 * d - 1 and d > REFINED for m, d in zip(units, dims, strict=True)
    ):
        raise UnsupportedError(
            f"a layer cuts in {max(dims)} dimensions; refined histograms go up to {REFINED}"
        )
    most = prod(map(generic_cells, dims, units))  # no histogram allows for more cells
    moduli = _moduli(-(-most.bit_length() // 28))
    if moduli.product <= most:
        moduli = _moduli(len(moduli.primes) + most.bit_length() - moduli.product.bit_length() + 1)
    residues = _core.histogram_bound(
        np.array(units, dtype=np.int32),
        np.array(dims, dtype=np.int32),
        HISTOGRAMS.index(histogram),
        moduli.primes,
    )
    return _combined(residues.tolist(), moduli)


@lru_cache(maxsize=8)
def _moduli(count: int) -> Moduli:
    """The ``count`` largest primes below `ABOVE`."""
    size = 1024
    while True:
        primes = _sieved(ABOVE - size, ABOVE)[::-1][:count]
        if len(primes) == count:
            break
        size *= 2
    numbers = primes.tolist()
    product = _multiplied([(0, p) for p in numbers])[1]
    # product / p modulo p, without the long quotient
    others = [product % (p * p) // p for p in numbers]
    inverses = [pow(other, -1, p) for other, p in zip(others, numbers, strict=True)]
    return Moduli(primes, product, inverses)


def _sieved(start: int, stop: int) -> NDArray[np.uint32]:
    """The primes from ``start``, more than the root of ``stop``, up to ``stop``."""
    prime = np.ones(isqrt(stop) + 1, dtype=bool)
    prime[:2] = False
    found = np.ones(stop - start, dtype=bool)
    for q in range(2, len(prime)):
        if prime[q]:
            prime[q * q :: q] = False
            found[-start % q :: q] = False
    return np.asarray(start + np.flatnonzero(found), dtype=np.uint32)


def _multiplied(fractions: list[tuple[int, int]]) -> tuple[int, int]:
    """The sum of fractions and the product of their denominators, not in lowest terms."""
    while len(fractions) > 1:
        even, odd = fractions[::2], fractions[1::2]
        last = even[len(odd) :]
        fractions = [
            (a * q + b * p, p * q) for (a, p), (b, q) in zip(even, odd, strict=False)
        ] + last
    return fractions[0]


def _combined(residues: Sequence[int], moduli: Moduli) -> int:
    """The number from 0 up to the product of the primes that has these residues."""
    primes = moduli.primes.tolist()
    parts = [
        (residue * inverse % p, p)
        for residue, inverse, p in zip(residues, moduli.inverses, primes, strict=True)
    ]
    return _multiplied(parts)[0] % moduli.product
