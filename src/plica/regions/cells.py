"""Regions of any dimension: half-spaces found on demand, and the atlas that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, require_network
from ..domains import Box, Domain, Segment, Slice, Space
from ..engines.cells import bounds_and_rows
from ..engines.outline import Outline, Traced
from ..engines.packing import pack
from ..engines.walk import unpack
from ..errors import DomainError, PlicaError, UnsupportedError
from ..exact.halfspaces import pattern_rows
from ..exact.linear_program import integer_rows, recession_direction
from ..exact.patterns import exact_patterns
from .atlas import Atlas, scale_of
from .facets import Facets
from .geometry import Frame, require_dimension
from .region import HalfSpaces, Region, coordinates

__all__ = ["CellAtlas", "CellRegion", "region_at"]

Float = NDArray[np.float64]
Packed = NDArray[np.uint64]
#: Regions whose facets are looked for at a time.
CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Setting:
    """A network on a domain, and what finds the facets of its regions there."""

    network: Network
    domain: Domain

    @cached_property
    def outline(self) -> Outline:
        """What finds facets; made when it is first needed."""
        return Outline(self.network, self.domain)


@dataclass(frozen=True, eq=False, repr=False)
class CellAtlas(Atlas):
    """The activation regions of a network on a domain of any dimension, bounded or not.

    Attributes
    ----------
    inside : ndarray, shape (N, dim)
        A point inside each region.
    """

    inside: Float

    @property
    def witnesses(self) -> Float:
        """A point inside each region, shape (N, dim), up to rounding."""
        return self.inside

    @cached_property
    def _setting(self) -> Setting:
        return Setting(self.network, self.domain)

    def __getitem__(self, r: int) -> CellRegion:
        return self.region(range(len(self))[r])

    def region(self, r: int) -> CellRegion:
        return CellRegion(self._setting, self.packed[r], self.inside[r], self, r)

    @property
    def _extent(self) -> Float:
        lower, upper, _, _ = bounds_and_rows(self.domain)
        if lower.size == 0:
            return np.ones(self.dim)
        bounds: Float = np.maximum(-lower, upper)
        return bounds

    def facets(self) -> Facets:
        self.require_complete()
        if "facets" not in self._kept:
            self._kept["facets"] = self._find_facets()
        return self._kept["facets"]  # type: ignore[no-any-return]

    def _find_facets(self) -> Facets:
        pairs, units = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0, dtype=np.int32)]
        for start in range(0, len(self), CHUNK):
            part = slice(start, start + CHUNK)
            found = self._setting.outline.trace(self.packed[part], self.inside[part], beyond=True)
            own = np.repeat(np.arange(start, start + found.counts.size), found.counts)
            inner = found.columns >= 0
            other = self.index_of(found.beyond[inner])
            once = own[inner] < other
            if (other < 0).any():
                raise PlicaError(
                    "a region beyond a facet is missing; this is a defect of plica: please report "
                    "the network and the domain"
                )
            pairs.append(np.stack((own[inner], other), axis=1)[once])
            units.append(found.columns[inner][once])
        return Facets(np.concatenate(pairs), np.concatenate(units))

    @cached_property
    def sizes(self) -> Float:
        """Volumes of the regions, in the metric of the input space, shape (N,).

        NaN for a region that is too thin for corners in floating point.

        Raises
        ------
        UnsupportedError
            If a region is not bounded, or has more dimensions than corners are computed for.
        """
        require_dimension(self.dim, "the volumes")
        return np.array([_volume(self.region(r)) for r in range(len(self))])


@dataclass(frozen=True, eq=False)
class CellRegion(Region):
    """An activation region of any dimension, by its pattern.

    Attributes
    ----------
    setting : Setting
    packed : ndarray of uint64, shape (words,)
    guess : ndarray, shape (dim,), or None
        A point inside, as far as is known.
    atlas : CellAtlas or None
        The atlas that holds it, and its number there.
    index : int
    """

    setting: Setting
    packed: Packed
    guess: Float | None = None
    atlas: CellAtlas | None = None
    index: int = -1

    def __repr__(self) -> str:
        where = "" if self.atlas is None else f" {self.index} of {len(self.atlas)}"
        return f"<plica.Region{where}, dimension {self.dim}>"

    @property
    def network(self) -> Network:
        return self.setting.network

    @property
    def domain(self) -> Domain:
        return self.setting.domain

    @cached_property
    def pattern(self) -> NDArray[Any]:
        """The piece that every unit is on, shape (n_units,)."""
        outline = self.setting.outline
        row: NDArray[Any] = unpack(self.network, outline.bits, outline.words, self.packed[None])[0]
        return row

    @property
    def affine(self) -> tuple[Float, Float]:
        """``(J, c)``, shapes (n_outputs, dim) and (n_outputs,): the network is ``J u + c`` here."""
        if self.atlas is not None and self.atlas.maps is not None:
            rows = self.atlas.maps[self.index]
            return rows[:-1].T, rows[-1]
        return super().affine

    @cached_property
    def witness(self) -> Float:
        """A point inside, shape (dim,), up to rounding where no number lies inside."""
        outline = self.setting.outline
        if self.guess is not None and outline.signs(self.packed, self.guess[None])[0] > 0:
            return self.guess
        inside = self._traced.inside[0]
        return inside if outline.signs(self.packed, inside[None])[0] > 0 else self.centre()

    @cached_property
    def _traced(self) -> Traced:
        guess = None if self.guess is None else self.guess[None]
        found = self.setting.outline.trace(self.packed[None], guess, rows=True, beyond=True)
        if found.counts[0] < 0:
            raise PlicaError("the pattern has no region: its half-spaces leave no interior")
        return found

    def halfspaces(self, minimal: bool = True) -> HalfSpaces:
        if minimal:
            found = self._traced
            rows, units, together = found.rows, found.columns, tuple(found.together)
        else:
            units, rows = self.setting.outline.halfspaces(self.packed)
            together = tuple(units[i : i + 1] for i in range(units.size))
        A, b = -rows[:, :-1], rows[:, -1]
        length = np.linalg.norm(A, axis=1)
        return HalfSpaces(A / length[:, None], b / length, units, together)

    def vertices(self) -> Float:
        return self._frame.vertices

    @cached_property
    def _frame(self) -> Frame:
        require_dimension(self.dim, "the corners")
        if not self.bounded:
            raise UnsupportedError(
                "the region is not bounded: its volume is infinite, and corners alone do not "
                "describe it; take it within a box, plica.region_at(net, x, box)"
            )
        A, b = self.halfspaces()
        inside = self.witness
        return Frame.around(A, b, inside if (A @ inside < b).all() else self.centre())

    @cached_property
    def bounded(self) -> bool:
        """Whether the region is bounded, exactly."""
        if isinstance(self.domain, (Box, Segment, Slice)):
            return True
        rows = integer_rows(*(part.tolist() for part in self.domain.halfspaces()))
        rows += pattern_rows(self.domain.restrict(self.network), self.pattern.tolist())
        return recession_direction(rows, self.dim) is None

    def volume(self) -> float:
        return scale_of(self.domain) * self._frame.volume()

    def contains(self, u: ArrayLike) -> NDArray[np.bool_]:
        """Whether points in own coordinates, shape (P, dim), lie in the closed region, exactly."""
        points = coordinates(u, self.dim)
        inside: NDArray[np.bool_] = self.setting.outline.signs(self.packed, points) >= 0
        return inside

    def neighbours(self) -> Sequence[Region] | NDArray[np.int64]:
        """The regions across the facets that are not the domain's, in the order of `halfspaces`.

        Within an atlas their numbers, -1 for one that an incomplete atlas does not hold.
        """
        found = self._traced
        beyond = found.beyond[found.columns >= 0]
        if self.atlas is not None:
            return self.atlas.index_of(beyond)
        return [CellRegion(self.setting, packed) for packed in beyond]


def _volume(region: CellRegion) -> float:
    try:
        return region.volume()
    except UnsupportedError:
        raise
    except PlicaError:
        return float("nan")


def region_at(net: Network, x: ArrayLike, domain: Domain | None = None) -> Region:
    """The activation region that a point lies in.

    Parameters
    ----------
    net : Network
    x : array_like, shape (dim,)
        In the domain's own coordinates: an input of the network, unless the domain is a slice, a
        segment or a flat box.
    domain : Domain, optional
        What the region is a part of; the whole input space if not given.

    Returns
    -------
    Region
        The closed region with the pattern of the network at the point, in exact arithmetic. At a
        tie, where the point lies on a crease, this is the region on the side that the rule for ties
        names: a scalar unit is on the piece left of its breakpoint, a max unit on its lowest index.

    Raises
    ------
    DomainError
        If the point is not in the domain, or if it lies where creases meet and the pattern that the
        rule for ties gives it has no interior, so that it is no region's.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 1, 1]], [0])])
    >>> region = plica.region_at(net, [0.5, 0.25])
    >>> region.pattern.tolist(), region.halfspaces().units.tolist()
    ([1, 1, 1], [0, 1])
    >>> distance, unit = region.distance([0.5, 0.25])
    >>> distance, unit
    (0.25, 1)
    """
    require_network(net)
    domain = Space(net.n_inputs) if domain is None else domain
    point = coordinates(np.asarray(x, dtype=np.float64).reshape(-1), domain.dim)
    setting = Setting(net, domain)
    outline = setting.outline
    pattern = exact_patterns(domain.restrict(net), point)
    packed = pack(outline.bits, outline.words, pattern)[0]
    sign = outline.signs(packed, point)[0]
    if sign < 0:
        raise DomainError("the point is not in the domain")
    if sign == 0 and outline.trace(packed[None]).counts[0] < 0:
        raise DomainError(
            "the point lies on creases, and the pattern that the rule for ties gives it has no "
            "interior: no region has it; move the point a little"
        )
    return CellRegion(setting, packed, point[0])
