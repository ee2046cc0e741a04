"""Ranks of weight matrices: exact, by arithmetic modulo primes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from ..exact.rational import Dyadic
from .counting import check_count

__all__ = ["check_ranks", "exact_rank"]

Int = NDArray[np.int64]


def check_ranks(widths: Sequence[int], ranks: Sequence[int] | None) -> list[int]:
    """One rank a layer, never above what the widths allow.

    Raises
    ------
    NetworkError
        If there are not as many as hidden layers, or one is not an integer of at least 0.
    """
    most = [min(a, b) for a, b in pairwise(widths)]
    if ranks is None:
        return most
    if len(ranks) != len(most):
        raise NetworkError(
            f"ranks are those of the weight matrices into {len(most)} hidden layers, got "
            f"{len(ranks)}"
        )
    return [
        min(check_count(r, "the rank of a weight matrix", 0), top)
        for r, top in zip(ranks, most, strict=True)
    ]


def exact_rank(A: Any) -> int:
    """Rank of a matrix of floating-point numbers, over the rationals.

    The rank modulo a prime is never above the rank. It is below only if the prime divides all the
    minors of the size of the rank; so a rank below full is certain once the product of the primes
    exceeds Hadamard's bound on the minors one size larger, all of which are then zero.

    Parameters
    ----------
    A : array_like, shape (m, n)
        Finite.

    Examples
    --------
    >>> exact_rank([[0.1, 0.3], [0.3, 0.9]]), exact_rank([[0.5, 1.5], [0.25, 0.75]])
    (2, 1)
    """
    ints = Dyadic.of(np.asarray(A, dtype=np.float64)).ints
    ints = ints[:, (ints != 0).any(axis=0)] if ints.size else ints
    ints = ints[(ints != 0).any(axis=1)] if ints.size else ints
    full = min(ints.shape)
    if not full:
        return 0
    lengths = sorted((isqrt(int((row * row).sum())) + 1 for row in ints), reverse=True)
    best, known = 0, 1
    for p in _primes():
        best = max(best, _rank_modulo((ints % p).astype(np.int64), p))
        if best == full:
            break
        known *= p
        minors = 1
        for length in lengths[: best + 1]:
            minors *= length
        if known > minors:
            break
    return best


def _primes() -> Iterator[int]:
    """Primes below 2^31, from the largest down: products of two residues fit in 64 bits."""
    p = 2**31 - 1
    while True:
        if all(pow(b, p - 1, p) == 1 for b in (2, 3)) and _is_prime(p):
            yield p
        p -= 2


def _is_prime(p: int) -> bool:
    return all(p % q for q in range(3, isqrt(p) + 1, 2))


def _rank_modulo(M: Int, p: int) -> int:
    """Rank of a matrix of residues modulo a prime, by elimination; ``M`` is overwritten."""
    if M.shape[0] < M.shape[1]:
        M = np.ascontiguousarray(M.T)
    rank = 0
    for column in range(M.shape[1]):
        candidates = np.flatnonzero(M[rank:, column])
        if not candidates.size:
            continue
        pivot = rank + int(candidates[0])
        if pivot != rank:
            M[[rank, pivot]] = M[[pivot, rank]]
        inverse = pow(int(M[rank, column]), -1, p)
        factors = M[rank + 1 :, column] * inverse % p
        some = np.flatnonzero(factors)
        if some.size:
            rows = rank + 1 + some
            M[rows, column:] = (M[rows, column:] - factors[some, None] * M[rank, column:]) % p
        rank += 1
        if rank == M.shape[0]:
            break
    return rank
