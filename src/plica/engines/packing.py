"""Activation patterns in words of 64 bits: each unit's piece in a few bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..chain import Network

__all__ = ["layout", "pack"]


def layout(net: Network) -> tuple[NDArray[np.int64], int]:
    """Where the pieces lie in a packed pattern: as the compiled walks write them.

    Returns
    -------
    bits : ndarray of int64, shape (2 * n_units,)
        First bit and width of each pattern column, one after another. No piece lies in two words.
    words : int
    """
    bits = []
    bit = 0
    for pieces in net.unit_pieces.tolist():
        width = (pieces - 1).bit_length()
        if bit // 64 != (bit + width - 1) // 64:
            bit = (bit + 63) // 64 * 64
        bits += [bit, width]
        bit += width
    return np.array(bits, dtype=np.int64), (bit + 63) // 64


def pack(bits: NDArray[np.int64], words: int, patterns: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Packed patterns, shape (N, words), of patterns of shape (N, n_units)."""
    packed = np.zeros((patterns.shape[0], words), dtype=np.uint64)
    for column, bit in enumerate(bits[0::2].tolist()):
        packed[:, bit // 64] |= patterns[:, column].astype(np.uint64) << np.uint64(bit % 64)
    return packed
