"""Which of many maps are the same, exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["distinct", "unresolved"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def unresolved(values: Float, errors: Float) -> Int:
    """Groups of maps that floating point cannot tell apart.

    Parameters
    ----------
    values, errors : ndarrays, shape (P, k)
        Each number is off by at most its error.

    Returns
    -------
    ndarray of int64, shape (P,)
        Group of each map. Maps of different groups are certainly different; those of one group
        may be.
    """
    P = values.shape[0]
    labels = np.zeros(P, dtype=np.int64)
    low = np.nextafter(values - errors, -np.inf)
    high = np.nextafter(values + errors, np.inf)
    open_ = np.arange(P)  # maps that share their group
    for c in np.argsort(-np.ptp(values, axis=0), kind="stable") if P else range(0):
        if open_.size < 2:
            break
        order = open_[np.lexsort((low[open_, c], labels[open_]))]
        group, start, end = labels[order], low[order, c], high[order, c]
        first = np.append(True, group[1:] != group[:-1])
        # the largest end so far within the group: groups are lifted apart by their rank
        ranks = np.argsort(np.argsort(end, kind="stable"), kind="stable")
        lifted = np.maximum.accumulate(np.cumsum(first) * P + ranks) % P
        reach = np.sort(end, kind="stable")[lifted]
        cut = first | np.append(False, start[1:] > reach[:-1])
        named = labels.max() + np.cumsum(cut)
        labels[order] = named
        _, inverse, counts = np.unique(named, return_inverse=True, return_counts=True)
        open_ = order[counts[inverse] > 1]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def distinct(
    values: Float, errors: Float, exact: Callable[[int], tuple[Any, ...]]
) -> tuple[Int, int]:
    """Which maps are the same, exactly.

    Parameters
    ----------
    values, errors : ndarrays, shape (P, k)
    exact : callable
        ``exact(p)`` is map ``p`` in rational numbers; asked for only where floating point leaves
        the question open.

    Returns
    -------
    labels : ndarray of int64, shape (P,)
        Equal for equal maps, different for different ones; not in any order.
    asked : int
        For how many maps exact arithmetic was asked.
    """
    groups = unresolved(values, errors)
    counts = np.bincount(groups, minlength=1)
    labels = groups.copy()
    table: dict[Any, int] = {}
    asked = np.flatnonzero(counts[groups] > 1)
    for p in asked.tolist():
        key = (int(groups[p]), exact(p))
        labels[p] = table.setdefault(key, groups.size + len(table))
    return labels, int(asked.size)
