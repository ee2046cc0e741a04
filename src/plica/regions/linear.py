"""Linear regions: activation regions merged where the network is the same affine map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

__all__ = ["LinearRegions", "merge", "same_across"]


@dataclass(frozen=True)
class LinearRegions:
    """Maximal connected sets on which the network is one affine map.

    Attributes
    ----------
    labels : ndarray of int64, shape (N,)
        Linear region of each activation region, numbered from 0.
    """

    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.labels.max(initial=-1)) + 1


def same_across(
    chain: Any,
    packed: NDArray[np.uint64],
    bits: NDArray[np.int64],
    pairs: NDArray[np.int64],
    maps: NDArray[np.float64] | None,
    error: float,
    extent: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """For each pair of regions, whether the network is the same affine map on both, exactly.

    Parameters
    ----------
    chain
        The compiled chain.
    packed, bits
        Packed patterns and where each unit's piece lies in them.
    pairs : ndarray of int64, shape (E, 2)
    maps : ndarray, shape (N, dim + 1, m), optional
        Affine maps in floating point. Pairs whose maps differ by more than twice ``error`` over the
        domain are certainly different; the others are compared in exact arithmetic.
    error : float
        Bound on the error of each output over the domain.
    extent : ndarray, shape (dim,)
        Largest absolute value of each coordinate on the domain.
    """
    from .. import _core

    same = np.zeros(pairs.shape[0], dtype=bool)
    ask = np.arange(pairs.shape[0])
    if maps is not None and pairs.size:
        weight = np.append(extent, 1.0)
        gap = np.abs(maps[pairs[:, 0]] - maps[pairs[:, 1]])
        distance = np.einsum("ecm,c->em", gap, weight)
        ask = np.flatnonzero(~(distance > 4 * error).any(axis=1))
    if ask.size:
        words = np.ascontiguousarray(packed)
        order = ask[np.argsort(pairs[ask, 0], kind="stable")]  # neighbours share exact rows
        same[order] = _core.same_maps(
            chain, words, bits, pairs[order, 0].copy(), pairs[order, 1].copy()
        ).astype(bool)
    return same


def merge(n: int, pairs: NDArray[np.int64], same: NDArray[np.bool_]) -> LinearRegions:
    """Connected components of the activation regions under the facets with the same map."""
    joined = pairs[same]
    graph = sp.coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    return LinearRegions(labels.astype(np.int64))
