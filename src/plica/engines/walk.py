"""The line and plane engines: the compiled walk over the activation regions of a chain.

A network restricted to a segment or a polygon goes in, columns of regions come out. What the walk
does, and why its answers are exact, is told in the documentation's page "How it works".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network
from ..domains import Domain
from ..errors import UnsupportedError
from .facets import ordered_facets
from .running import Budget, Progress, Running

__all__ = ["Budget", "Progress", "Walk", "compile_chain"]

#: Columns that one walk hands over, in the order in which they are joined.
COLUMNS = (
    "patterns",
    "sizes",
    "points",
    "edges",
    "places",
    "signs",
    "crossed",
    "crossings",
    "maps",
)


def compile_chain(net: Network) -> Any:
    """The network as the compiled core reads it."""
    from .. import _core

    chain = _core.Chain()
    index: dict[Any, int] = {}
    gain = 1.0  # of the step from the pre-activations of the stage before to its state
    for stage in net.stages:
        units = stage.units
        for f in units.functions:
            if f not in index:
                index[f] = chain.add_function(f.breakpoints, f.slopes, f.intercept)
        table = np.array([index[f] for f in units.functions] or [0], dtype=np.int32)
        function = np.where(
            units.function >= 0, table[np.maximum(units.function, 0)], units.function
        ).astype(np.int32)
        shape = (units.start.astype(np.int64), units.reads.astype(np.int32), function)
        if stage.sparse:
            chain.add_sparse(
                stage.n_state,
                stage.A.data,
                stage.A.indptr.astype(np.int64),
                stage.A.indices.astype(np.int32),
                stage.a,
                *shape,
            )
        else:
            chain.add_dense(stage.A, stage.a, *shape)
        chain.set_spectral_norm(stage.spectral_bound * gain)
        slope = max([1.0, *(np.abs(f.slopes).max() for f in units.functions)])
        gain = float(slope) * float(np.sqrt(np.bincount(units.reads).max(initial=1)))
    return chain


@dataclass
class Walk(Running):
    """One walk over the regions of a network on a domain of dimension 1 or 2.

    Parameters
    ----------
    net : Network
    domain : Domain
        Of dimension 1 or 2, bounded, and lying in the network's input space.
    patterns, polygons, sides, maps : bool
        Which columns to write; counting needs none. ``sides`` go with polygons: the crease that
        each side lies on and its place there, from which neighbours are found.
    signs : bool
        Write the exact sign of the first output at every vertex, and where it is zero on sides
        between vertices of opposite signs.
    filter_scale : float
        Factor on the floating-point error bound. At infinity, every sign is decided in exact
        arithmetic; the answer must not change.

    Raises
    ------
    DomainError
        If the domain does not fit the network, or is unbounded or empty.
    UnsupportedError
        If the domain has more than two dimensions.
    """

    net: Network
    domain: Domain
    patterns: bool = False
    polygons: bool = False
    sides: bool = False
    maps: bool = False
    signs: bool = False
    filter_scale: float = 1.0

    def __post_init__(self) -> None:
        restricted = self.domain.restrict(self.net)
        if self.domain.dim not in (1, 2):
            raise UnsupportedError(
                f"the domain has dimension {self.domain.dim}; the line and plane engines take "
                "dimensions 1 and 2. Choose a plane (plica.Slice, plica.Slice.through) or a line "
                "(plica.Segment), or fix all but two coordinates of the box"
            )
        self._chain = compile_chain(restricted)
        self._start()

    def _start(self, halve: bool = False) -> None:
        from .. import _core

        normals, bounds, rows = ordered_facets(self.domain)
        kind = _core.LineWalk if self.domain.dim == 1 else _core.PlaneWalk
        self.complete = False
        self._walk = kind(
            self._chain,
            np.ascontiguousarray(normals) + 0.0,
            bounds + 0.0,
            rows.astype(np.int32),
            self.patterns,
            self.polygons,
            self.sides,
            self.maps,
            self.signs,
            halve,
            self.filter_scale,
        )

    @property
    def cut_units(self) -> NDArray[np.int32]:
        """Pattern column of the unit that made each cut."""
        return np.asarray(self._walk.cut_units())

    def collect(
        self, budget: Budget | None = None, progress: Progress | None = None
    ) -> dict[str, NDArray[Any]]:
        """All columns, in their shapes, with ``offsets`` instead of ``sizes``.

        Raises
        ------
        UnsupportedError
            If sides are so short that the order along their crease is lost; never seen so far.
        """
        columns = self._join(budget, progress)
        if self.complete and self.counters["crowded"]:
            # sides below 2^-63 of their cut have no place along it: order by halving instead
            self._start(halve=True)
            columns = self._join(budget, progress)
            if self.counters["crowded"]:
                raise UnsupportedError(
                    f"{self.counters['crowded']} sides of regions are too short to be ordered "
                    "along their creases; count the regions, or map a smaller domain around them"
                )
        return columns

    def _join(self, budget: Budget | None, progress: Progress | None) -> dict[str, NDArray[Any]]:
        chunks = list(self.chunks(budget, progress)) or [self._walk.take()]
        if len(chunks) == 1:
            return self.shape(chunks[0])
        return self.shape({name: np.concatenate([c[name] for c in chunks]) for name in COLUMNS})

    def shape(self, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Flat columns of one or several chunks in their shapes."""
        dim = self.domain.dim
        offsets = np.concatenate(([0], np.cumsum(columns["sizes"]))).astype(np.int64)
        n = offsets.size - 1
        shaped = {**columns, "offsets": offsets}
        for name in ("points", "crossings"):
            shaped[name] = columns[name].reshape(-1, dim)
        shaped["patterns"] = columns["patterns"].reshape(n, self.words)
        if self.maps:
            shaped["maps"] = columns["maps"].reshape(n, dim + 1, self.net.n_outputs)
        return shaped

    @property
    def words(self) -> int:
        """Number of 64-bit words of a packed pattern."""
        return int(self._walk.words)

    @property
    def bits(self) -> NDArray[np.int64]:
        """First bit and width of each unit's piece in a packed pattern, one after another."""
        return np.asarray(self._walk.bits())


def unpack(
    net: Network, bits: NDArray[np.int64], n_words: int, packed: NDArray[np.uint64]
) -> NDArray[Any]:
    """Patterns, shape (N, n_units), from words that hold each unit's piece at (bit, width)."""
    if n_words == 0:
        return np.zeros((packed.shape[0], 0), dtype=net.pattern_dtype)
    packed = packed.reshape(-1, n_words)
    at, width = bits[0::2], bits[1::2]
    if (width == 1).all() and (np.diff(at) == 1).all():
        little = packed.astype("<u8", copy=False).view(np.uint8)
        return np.unpackbits(little, axis=1, count=at.size, bitorder="little")
    found = np.empty((packed.shape[0], at.size), dtype=net.pattern_dtype)
    for column, (bit, size) in enumerate(zip(at.tolist(), width.tolist(), strict=True)):
        mask = np.uint64((1 << size) - 1)
        found[:, column] = (packed[:, bit // 64] >> np.uint64(bit % 64)) & mask
    return found
