"""The atlas: all activation regions of a network on a line or a plane, column by column."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from ..chain import Network
from ..domains import Domain, Segment, Slice
from ..engines.walk import compile_chain, unpack
from ..errors import BudgetError
from ..exact.rational import RationalChain
from .count import Count
from .facets import Facets, match, next_vertex
from .linear import LinearRegions, merge, same_across

if TYPE_CHECKING:
    from .levels import LevelSet
    from .region import Region

__all__ = ["Atlas"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Atlas:
    """The activation regions of a network on a domain of dimension 1 or 2.

    `plica.map_regions` makes it. Coordinates are the domain's own: those of the input where the
    domain is a box of the whole input space, the parameters of a slice, or ``t`` in [0, 1] on a
    segment. Region ``r`` is the polygon ``vertices[offsets[r]:offsets[r + 1]]``, counter-clockwise
    (on a line: its two ends, left then right, regions in order).

    Attributes
    ----------
    network : Network
    domain : Domain
    count : Count
        The number of activation regions, and how it was found.
    packed : ndarray of uint64, shape (N, words)
        Activation patterns, a few bits a unit; `patterns` unpacks them.
    offsets : ndarray of int64, shape (N + 1,)
    vertices : ndarray, shape (V, dim)
    edges : ndarray of int64, shape (V,)
        For the side from each vertex to the next: ``2 * cut + side``, or ``-1 - k`` on facet ``k``
        of the domain (on a line: of the end itself).
    """

    network: Network
    domain: Domain
    count: Count
    packed: NDArray[np.uint64]
    bits: NDArray[np.int64]
    offsets: NDArray[np.int64]
    vertices: Float
    edges: NDArray[np.int64]
    places: NDArray[np.uint64]
    cut_units: NDArray[np.int32]
    maps: Float | None = None
    map_error: float = 0.0
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def dim(self) -> int:
        """Dimension of the domain, 1 or 2."""
        return self.domain.dim

    def __len__(self) -> int:
        return int(self.offsets.size) - 1

    def __iter__(self) -> Iterator[Region]:
        return (self.region(r) for r in range(len(self)))

    def __repr__(self) -> str:
        return f"<plica.Atlas of {len(self)} activation regions, {self.count.status}>"

    def region(self, r: int) -> Region:
        """Region number ``r`` as an object."""
        from .region import Region

        return Region(self, r)

    # -- columns -----------------------------------------------------------------------------

    @cached_property
    def patterns(self) -> NDArray[Any]:
        """Activation patterns, shape (N, n_units), small unsigned integers."""
        return unpack(self.network, self.bits, self.packed.shape[1], self.packed)

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

    @cached_property
    def edge_units(self) -> NDArray[np.int32]:
        """Pattern column of the unit whose crease each side lies on; ``-1 - k`` on facet ``k``."""
        inner = self.edges >= 0
        found = self.edges.astype(np.int32, copy=True)
        found[inner] = self.cut_units[self.edges[inner] // 2]
        return found

    @cached_property
    def scale(self) -> float:
        """Length or area in the input space of one unit of length or area of the domain's own."""
        if isinstance(self.domain, Segment):
            return self.domain.length
        if isinstance(self.domain, Slice):
            D = self.domain.directions
            return float(np.sqrt(np.linalg.det(D @ D.T)))
        return 1.0

    @cached_property
    def sizes(self) -> Float:
        """Lengths or areas of the regions, in the metric of the input space, shape (N,)."""
        if self.dim == 1:
            own = self.vertices[1::2, 0] - self.vertices[0::2, 0]
        else:
            own = self._own_areas
        return self.scale * np.maximum(own, 0.0)  # a sliver may round to less than nothing

    @cached_property
    def _own_areas(self) -> Float:
        # shoelace formula about each polygon's first vertex, which keeps small polygons accurate
        counts = np.diff(self.offsets)
        first = np.repeat(self.offsets[:-1], counts)
        p = self.vertices - self.vertices[first]
        q = p[self._following]
        return 0.5 * np.add.reduceat(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0], self.offsets[:-1])

    @cached_property
    def _following(self) -> NDArray[np.int64]:
        return next_vertex(self.offsets)

    @cached_property
    def witnesses(self) -> Float:
        """A point inside each region (the mean of its vertices), shape (N, dim)."""
        counts = np.diff(self.offsets)[:, None]
        return np.add.reduceat(self.vertices, self.offsets[:-1], axis=0) / counts

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

    def facets(self) -> Facets:
        """Facets between two regions, found without comparing coordinates.

        Raises
        ------
        BudgetError
            If the atlas is not complete: the other side of a crease may be missing.
        """
        self.require_complete()
        if "facets" not in self._kept:
            self._kept["facets"] = match(
                self.offsets, self.vertices, self.edges, self.places, self.cut_units
            )
        return self._kept["facets"]  # type: ignore[no-any-return]

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
                np.abs(self.vertices).max(axis=0),
            )
            self._kept["linear"] = merge(len(self), pairs, same)
        return self._kept["linear"]  # type: ignore[no-any-return]

    def locate(self, x: ArrayLike) -> NDArray[np.int64]:
        """Region that each input lies in.

        Parameters
        ----------
        x : array_like, shape (P, n_inputs)
            Inputs on the domain; ``domain.embed`` makes them from own coordinates.

        Returns
        -------
        ndarray of int64, shape (P,)
            -1 where no region here has the pattern of the network at the point, in exact
            arithmetic: outside the domain (also by rounding, on a slice), or at a tie whose pattern
            has no interior.
        """
        x = np.asarray(x, dtype=np.float64).reshape(-1, self.network.n_inputs)
        index = self._kept.get("index")
        if index is None:
            index = {row.tobytes(): r for r, row in enumerate(np.ascontiguousarray(self.patterns))}
            self._kept["index"] = index
        found = self.network.pattern(x).astype(self.patterns.dtype)
        where = np.array([index.get(row.tobytes(), -1) for row in found], dtype=np.int64)
        lost = np.flatnonzero(where < 0)
        if lost.size:
            exact = RationalChain(self.network)
            for p in lost:
                row = np.array(exact.pattern(x[p].tolist()), dtype=self.patterns.dtype)
                where[p] = index.get(row.tobytes(), -1)
        return where

    # -- level sets --------------------------------------------------------------------------

    def level_set(self, output: int = 0, value: float = 0.0) -> LevelSet:
        """Where an output has a value, ``{network(x)[output] = value}``. See `LevelSet`."""
        from .levels import level_set

        return level_set(self, output, value)

    def decision_boundary(self, i: int | None = None, j: int | None = None) -> LevelSet:
        """Where the decision of the network changes, as exact segments. See `LevelSet`.

        Parameters
        ----------
        i, j : int, optional
            Two outputs: the boundary between the points where output ``i`` is the largest and those
            where ``j`` is. Without them, all changes of the largest output; for a network with one
            output, the level set at 0.
        """
        from .levels import decision_boundary

        return decision_boundary(self, i, j)

    # -- pictures and storage ----------------------------------------------------------------

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the atlas with matplotlib; see `plica.draw.plot_atlas`."""
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
