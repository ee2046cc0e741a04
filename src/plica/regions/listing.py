"""Regions of any dimension, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network
from ..domains import Domain
from ..engines.walk import unpack
from .count import Count

__all__ = ["ListedRegion", "Listing"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Listing:
    """The activation regions of a network on a domain of any dimension.

    Coordinates are the domain's own.

    Attributes
    ----------
    network : Network
    domain : Domain
    count : Count
        How many there are, and how they were found.
    packed : ndarray of uint64, shape (N, words)
        Patterns; each unit's piece lies at the (bit, width) that `bits` gives.
    bits : ndarray of int, shape (2 * n_units,)
    witnesses : ndarray, shape (N, dim)
        A point inside each region.
    maps : ndarray, shape (N, dim + 1, n_outputs), or None
        Coefficients, then constants, of the outputs; None where they are computed on demand.
    """

    network: Network
    domain: Domain
    count: Count
    packed: NDArray[np.uint64]
    bits: NDArray[np.int64]
    witnesses: Float
    maps: Float | None = None

    def __len__(self) -> int:
        return int(self.packed.shape[0])

    def __getitem__(self, index: int) -> ListedRegion:
        return ListedRegion(self, range(len(self))[index])

    def __iter__(self) -> Iterator[ListedRegion]:
        return (ListedRegion(self, i) for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<plica regions: {len(self)} of dimension {self.dim}, {self.count.status}>"

    @property
    def dim(self) -> int:
        """Dimension of the domain."""
        return self.domain.dim

    @cached_property
    def patterns(self) -> NDArray[Any]:
        """The piece that every unit is on, shape (N, n_units)."""
        return unpack(self.network, self.bits, self.packed.shape[1], self.packed)


@dataclass(frozen=True)
class ListedRegion:
    """One activation region of a `Listing`."""

    listing: Listing
    index: int

    def __repr__(self) -> str:
        return f"<plica region {self.index} of {len(self.listing)}>"

    @property
    def pattern(self) -> NDArray[Any]:
        """The piece that every unit is on, shape (n_units,)."""
        row: NDArray[Any] = self.listing.patterns[self.index]
        return row

    @property
    def witness(self) -> Float:
        """A point inside, shape (dim,), in the domain's own coordinates."""
        point: Float = self.listing.witnesses[self.index]
        return point

    @property
    def affine(self) -> tuple[Float, Float]:
        """``(J, c)``, shapes (n_outputs, dim) and (n_outputs,): the network is ``J u + c`` here."""
        if self.listing.maps is not None:
            rows = self.listing.maps[self.index]
            return rows[:-1].T, rows[-1]
        restricted = self.listing.domain.restrict(self.listing.network)
        J, c = restricted.affine_on(self.pattern[None])
        return J[0], c[0]
