"""The atlas: all activation regions of a network on a domain, column by column."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from ..chain import Network
from ..domains import Box, Domain, Polytope, Segment, Slice
from ..engines.packing import pack
from ..engines.walk import compile_chain, unpack
from ..errors import BudgetError
from ..exact.patterns import exact_patterns
from .count import Count
from .facets import Facets
from .linear import LinearRegions, merge, same_across

if TYPE_CHECKING:
    from .region import Region

__all__ = ["Atlas", "scale_of"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Atlas(ABC):
    """The activation regions of a network on a domain.

    `plica.map_regions` makes it: polygons on lines and planes, cells in three dimensions and more.
    Coordinates are the domain's own: those of the input where the domain is a box of the whole
    input space, the parameters of a slice, or ``t`` in [0, 1] on a segment.

    Attributes
    ----------
    network : Network
    domain : Domain
    count : Count
        The number of activation regions, and how it was found.
    packed : ndarray of uint64, shape (N, words)
        Activation patterns, a few bits a unit; `patterns` unpacks them.
    bits : ndarray of int64, shape (2 * n_units,)
        First bit and width of each unit's piece in a packed pattern.
    """

    network: Network
    domain: Domain
    count: Count
    packed: NDArray[np.uint64]
    bits: NDArray[np.int64]
    #: Coefficients, then constants, of the outputs, shape (N, dim + 1, n_outputs); None where they
    #: are computed on demand.
    maps: Float | None = field(default=None, kw_only=True)
    map_error: float = field(default=0.0, kw_only=True)
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, kw_only=True)

    @property
    @abstractmethod
    def witnesses(self) -> Float:
        """A point inside each region, shape (N, dim)."""

    @property
    @abstractmethod
    def sizes(self) -> Float:
        """Lengths, areas or volumes of the regions in the input space's metric, shape (N,)."""

    @abstractmethod
    def region(self, r: int) -> Region:
        """Region number ``r`` as an object."""

    @abstractmethod
    def facets(self) -> Facets:
        """Facets between two regions.

        Raises
        ------
        BudgetError
            If the atlas is not complete: the other side of a crease may be missing.
        """

    @property
    def dim(self) -> int:
        """Dimension of the domain."""
        return self.domain.dim

    def __len__(self) -> int:
        return int(self.packed.shape[0])

    def __iter__(self) -> Iterator[Region]:
        return (self.region(r) for r in range(len(self)))

    def __repr__(self) -> str:
        return f"<plica.Atlas of {len(self)} activation regions, {self.count.status}>"

    # -- columns -----------------------------------------------------------------------------

    @cached_property
    def patterns(self) -> NDArray[Any]:
        """Activation patterns, shape (N, n_units), small unsigned integers."""
        return unpack(self.network, self.bits, self.packed.shape[1], self.packed)

    def patterns_of(self, regions: slice) -> NDArray[Any]:
        """`patterns` of some regions, without those of the others."""
        return unpack(self.network, self.bits, self.packed.shape[1], self.packed[regions])

    def fixed_units(self) -> tuple[NDArray[np.bool_], NDArray[Any]]:
        """Units that stay on one piece over all regions, and the pieces of the first region.

        Returns
        -------
        fixed : ndarray of bool, shape (n_units,)
        piece : ndarray of unsigned int, shape (n_units,)
        """
        changed = np.bitwise_or.reduce(self.packed ^ self.packed[:1], axis=0)[None]
        words = self.packed.shape[1]
        fixed = unpack(self.network, self.bits, words, changed)[0] == 0
        return fixed, unpack(self.network, self.bits, words, self.packed[:1])[0]

    @property
    def scale(self) -> float:
        """Length, area or volume in the input space of one unit of the domain's own."""
        return scale_of(self.domain)

    def affine(self) -> tuple[Float, Float]:
        """The affine map of the network on every region, in the domain's own coordinates.

        Returns
        -------
        J : ndarray, shape (N, n_outputs, dim)
        c : ndarray, shape (N, n_outputs)
            ``network(embed(u)) = J @ u + c`` on the region.
        """
        maps = self.maps
        if maps is None:
            J, c = self.domain.restrict(self.network).affine_on(self.patterns)
            return J, c
        return maps[:, :-1].transpose(0, 2, 1), maps[:, -1]

    def require_complete(self) -> None:
        """Raise `BudgetError` if regions are missing."""
        if not self.count.complete:
            raise BudgetError(
                f"the atlas holds {len(self)} of more regions, so what lies between them is not "
                "known; raise the budget, or take a smaller domain",
                partial=self,
            )

    # -- neighbours --------------------------------------------------------------------------

    def adjacency(self) -> sp.csr_array:
        """Symmetric adjacency matrix, shape (N, N); entries are 1 + the unit of the facet."""
        facets = self.facets()
        i, j = facets.regions.T
        data = np.tile(facets.unit + 1, 2)
        n = len(self)
        return sp.csr_array((data, (np.concatenate((i, j)), np.concatenate((j, i)))), shape=(n, n))

    def linear_regions(self) -> LinearRegions:
        """Activation regions merged across facets where the affine map is the same, exactly.

        A linear region is a maximal connected open set on which the network is affine (Pascanu et
        al. 2013, Montufar et al. 2014), in the domain: it may be one affine map on a slice and
        several in the full input space.
        """
        if "linear" not in self._kept:
            pairs = self.facets().regions
            same = same_across(
                compile_chain(self.domain.restrict(self.network)),
                self.packed,
                self.bits,
                pairs,
                self.maps,
                self.map_error,
                self._extent,
            )
            self._kept["linear"] = merge(len(self), pairs, same)
        return self._kept["linear"]  # type: ignore[no-any-return]

    @property
    @abstractmethod
    def _extent(self) -> Float:
        """Bounds on the coordinates over the domain, shape (dim,), as `map_error` means them."""

    def locate(self, x: ArrayLike) -> NDArray[np.int64]:
        """Region that each input lies in, in exact arithmetic.

        Parameters
        ----------
        x : array_like, shape (P, n_inputs)
            Inputs on the domain; ``domain.embed`` makes them from own coordinates.

        Returns
        -------
        ndarray of int64, shape (P,)
            -1 where no region here has the pattern of the network at the point: outside the domain,
            at a tie whose pattern has no interior, or beside a slice or segment by rounding.
        """
        x = np.asarray(x, dtype=np.float64).reshape(-1, self.network.n_inputs)
        patterns = exact_patterns(self.network, x)
        found = self.index_of(pack(self.bits, self.packed.shape[1], patterns))
        found[~_within(self.domain, x)] = -1
        return found

    def index_of(self, packed: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Numbers of the regions with packed patterns of shape (P, words), or -1."""
        from .. import _core

        if "index" not in self._kept:
            self._kept["index"] = _core.PatternIndex(np.ascontiguousarray(self.packed))
        return np.array(self._kept["index"].find(np.ascontiguousarray(packed)))

    # -- pictures and storage ----------------------------------------------------------------

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the atlas with matplotlib; see `plica.draw.plot_atlas`.

        Raises
        ------
        UnsupportedError
            If it is not an atlas of polygons or intervals: map a slice of one or two dimensions.
        """
        from ..draw import plot_atlas

        return plot_atlas(self, ax, **options)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the atlas to a folder: ``.npy`` columns, the network, and ``manifest.json``."""
        from .store import save

        save(self, folder)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Atlas:
        """Open a folder that `save` wrote; columns are memory-mapped."""
        from .store import open_atlas

        return open_atlas(folder)


def scale_of(domain: Domain) -> float:
    """Length, area or volume in the input space of one unit of the domain's own coordinates."""
    if isinstance(domain, Segment):
        return domain.length
    if isinstance(domain, Slice):
        D = domain.directions
        return float(np.sqrt(np.linalg.det(D @ D.T)))
    return 1.0


def _within(domain: Domain, x: Float) -> NDArray[np.bool_]:
    """Which inputs lie in a box or polytope, exactly; nothing is said of slices and segments."""
    if isinstance(domain, Box):
        return np.asarray(((domain.lower <= x) & (x <= domain.upper)).all(axis=1))
    if not isinstance(domain, Polytope):
        return np.ones(x.shape[0], dtype=bool)
    gap = domain.b - x @ domain.A.T
    doubt = (x.shape[1] + 4) * 2.0**-52 * (np.abs(domain.b) + np.abs(x) @ np.abs(domain.A).T)
    inside: NDArray[np.bool_] = (gap > doubt).all(axis=1)
    for p in np.flatnonzero(~inside & ~(gap < -doubt).any(axis=1)):
        point = [Fraction(v) for v in x[p].tolist()]
        inside[p] = all(
            sum(Fraction(a) * v for a, v in zip(row, point, strict=True)) <= Fraction(b)
            for row, b in zip(domain.A.tolist(), domain.b.tolist(), strict=True)
        )
    return inside
