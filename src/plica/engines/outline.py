"""The outline of a region: its facets, exactly, and the patterns beyond them.

A thin layer over the compiled core (core/outline.hpp), which says how they are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..domains import Domain
from ..errors import PlicaError, SizeError
from ..units import IDENTITY, Units
from .cells import bounds_and_rows
from .packing import layout
from .walk import compile_chain

__all__ = ["Outline", "Traced"]

Float = NDArray[np.float64]
#: Largest size, in bytes, of the affine maps of all pre-activations.
LIMIT = 4 << 30


@dataclass(frozen=True)
class Traced:
    """Facets of several regions, one after another.

    Attributes
    ----------
    counts : ndarray of int32, shape (N,)
        Facets of each region; -1 for a pattern that has no region.
    columns : ndarray of int32, shape (F,)
        First pattern column that changes across each facet; ``-1 - k`` on facet ``k`` of the
        domain.
    beyond : ndarray of uint64, shape (F, words)
        Packed pattern of the region beyond; the region's own on facets of the domain. Empty where
        it was not asked for.
    rows : ndarray, shape (F, dim + 1)
        The facet's half-space ``a . u + c >= 0`` as ``(a, c)``, up to rounding. Empty where not
        asked for, like what follows.
    together : list of ndarray of int32
        For each facet, all pattern columns and domain facets with the same boundary.
    inside : ndarray, shape (N, dim)
        A point inside each region, up to rounding.
    """

    counts: NDArray[np.int32]
    columns: NDArray[np.int32]
    beyond: NDArray[np.uint64]
    rows: Float
    together: list[NDArray[np.int32]]
    inside: Float


class Outline:
    """Finds facets of regions of one network on one domain.

    Parameters
    ----------
    net : Network
    domain : Domain
    filter_scale : float
        Factor on the floating-point error bound; at infinity all is decided in exact arithmetic.

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    SizeError
        If the affine maps of all units on one region would not fit.
    """

    def __init__(self, net: Network, domain: Domain, filter_scale: float = 1.0) -> None:
        from .. import _core

        restricted = domain.restrict(net)
        self.bits, self.words = layout(net)
        self.dim = domain.dim
        size = 8 * (self.dim + 1) * sum(s.n_pre for s in restricted.stages)
        if size > LIMIT:
            raise SizeError(
                f"the affine maps of all units of one region would take {size / 2**30:.1f} GiB "
                f"(limit {LIMIT / 2**30:.0f} GiB); take a domain of lower dimension, such as a "
                "plica.Slice"
            )
        A, b = domain.halfspaces()
        lower, upper = _surroundings(domain)
        self._outline = _core.Outline(
            compile_chain(Network((_front(A, b), *restricted.stages))),
            self.dim,
            lower,
            upper,
            b.size,
            self.bits,
            filter_scale,
        )

    @property
    def counters(self) -> dict[str, int]:
        """Questions arbitrated, questions asked of cells, pivots and exact pivots so far."""
        return dict(self._outline.counters)

    def trace(
        self,
        packed: NDArray[np.uint64],
        inside: Float | None = None,
        *,
        rows: bool = False,
        beyond: bool = False,
    ) -> Traced:
        """Facets of regions.

        Parameters
        ----------
        packed : ndarray of uint64, shape (N, words)
        inside : ndarray, shape (N, dim), optional
            Guesses at points inside; they save time.
        rows, beyond : bool
            What to write besides the columns; see `Traced`.
        """
        guess = np.zeros((0, self.dim)) if inside is None else np.ascontiguousarray(inside)
        found: dict[str, Any] = self._outline.trace(
            np.ascontiguousarray(packed), guess, rows, beyond
        )
        n = found["columns"].size
        return Traced(
            found["counts"],
            found["columns"],
            found["beyond"].reshape(n if beyond else 0, self.words),
            found["rows"].reshape(-1, self.dim + 1),
            np.split(found["members"], np.cumsum(found["together"])[:-1]) if n and rows else [],
            found["inside"].reshape(-1, self.dim),
        )

    def halfspaces(self, packed: NDArray[np.uint64]) -> tuple[NDArray[np.int32], Float]:
        """All half-spaces of one packed pattern, shape (words,), facets or not.

        Returns
        -------
        columns : ndarray of int32, shape (K,)
            Pattern column of each, ``-1 - k`` for half-space ``k`` of the domain.
        rows : ndarray, shape (K, dim + 1)
            ``(a, c)`` of ``a . u + c >= 0``, up to rounding.
        """
        found = self._outline.halfspaces(packed)
        if found is None:
            raise PlicaError("the pattern has no region: one of its half-spaces is empty")
        return found[0], found[1].reshape(-1, self.dim + 1)

    def signs(self, packed: NDArray[np.uint64], points: Float) -> NDArray[np.int8]:
        """1 for points inside the region of a packed pattern, 0 on its boundary, -1 outside.

        Decided exactly, for the points as floating-point numbers, shape (P, dim).
        """
        return np.asarray(self._outline.signs(packed, np.ascontiguousarray(points)))


def _front(A: Float, b: Float) -> Stage:
    """The stage ``u -> u`` with the slacks of ``A u <= b`` among its pre-activations."""
    n = A.shape[1]
    matrix = sp.vstack((sp.eye_array(n), sp.csr_array(-A)), format="csr")
    units = Units(n + b.size, np.arange(n + 1), np.arange(n), np.full(n, IDENTITY))
    return Stage(matrix, np.concatenate((np.zeros(n), b)), units)


def _surroundings(domain: Domain) -> tuple[Float, Float]:
    """Bounds around the domain, with room on all sides; none where it has none."""
    lower, upper, _, _ = bounds_and_rows(domain)
    width = upper - lower
    lower, upper = lower - width, upper + width
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        return np.zeros(0), np.zeros(0)
    return lower, upper
