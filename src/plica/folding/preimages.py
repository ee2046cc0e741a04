"""Which inputs a layer cannot tell apart: the input neighbourhoods that it maps to one place.

Montufar, Pascanu, Cho and Bengio (2014, section 2) count the regions of a deep network by the
number of input neighbourhoods that its layers *identify*, which means map to the same set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, require_network
from ..domains import Box, Domain, Polytope, Segment
from ..engines.running import Budget
from ..errors import BudgetError, DomainError, NetworkError, UnsupportedError
from ..exact import linear_program
from ..exact.halfspaces import pattern_rows
from ..exact.linear_program import Row, integer_row
from ..exact.rational import RationalChain
from ..regions.ask import map_regions
from ..regions.geometry import Frame, chebyshev, require_dimension
from .equations import determinant, flat, reduced, solve
from .targets import Target, target_of

__all__ = ["Preimage", "Preimages", "folded", "identified", "preimages"]

Float = NDArray[np.float64]
Point = tuple[Fraction, ...]
Given = ArrayLike | Sequence[Fraction] | Segment | Box | Polytope


def folded(net: Network, layer: int) -> Network:
    """What the network has made of its inputs after some hidden layers, as the next layer reads it.

    Parameters
    ----------
    net : Network
    layer : int
        1-based number of the last hidden layer.

    Returns
    -------
    Network
        Its outputs are the pre-activations of the next hidden layer, or the network's outputs after
        the last one.

    Raises
    ------
    NetworkError
        If there is no such layer.
    """
    require_network(net)
    if not 1 <= layer <= net.depth:
        raise NetworkError(f"hidden layer {layer} does not exist: there are {net.depth}")
    return net if layer == net.depth else net.until(layer + 1)


@dataclass(frozen=True, eq=False)
class Preimage:
    """The part of one region that is mapped into a target: ``{start + basis . t : rows}``.

    Coordinates are the domain's own.

    Attributes
    ----------
    pattern : tuple of int
        Pieces of the units up to the layer: the region.
    J, c : ndarray of Fraction, shapes (m, dim) and (m,)
        The layer is ``J u + c`` on the region.
    witness : tuple of Fraction
        A point of it, inside the region and the target.
    onto : bool
        Whether the region maps its part one to one onto the whole target, as far as the target lies
        in the flat that the region is mapped into.
    """

    pattern: tuple[int, ...]
    J: Any
    c: Any
    witness: Point
    onto: bool
    start: Point
    basis: tuple[Point, ...]
    rows: tuple[Row, ...]

    @property
    def dim(self) -> int:
        """Dimension: 0 for a point."""
        return len(self.basis)

    @property
    def mirrored(self) -> bool | None:
        """Whether the layer turns the orientation round here.

        None where its space has another dimension than the domain, or it flattens the region.
        """
        m, n = self.J.shape
        value = determinant(self.J) if m == n else Fraction(0)
        return value < 0 if value else None

    def vertices(self) -> Float:
        """Corners, shape (v, dim of the domain), in floating point; around it, in the plane.

        Raises
        ------
        UnsupportedError
            If it is not bounded, or has too many dimensions.
        """
        start = np.array([float(x) for x in self.start])
        if not self.basis:
            return start[None]
        require_dimension(self.dim, "the corners")
        inside = self._parameters()
        if linear_program.recession_direction(self.rows, self.dim) is not None:
            raise UnsupportedError("the preimage is not bounded; take a bounded domain or target")
        exact = [self.rows[f.row] for f in linear_program.facets(self.rows, inside)]
        rows = np.array(exact, dtype=object)
        size = np.array([Fraction(sum(map(abs, row[:-1]))) for row in exact], dtype=object)
        scaled = (rows / size[:, None]).astype(np.float64)
        length = np.linalg.norm(scaled[:, :-1], axis=1)
        A, b = scaled[:, :-1] / length[:, None], scaled[:, -1] / length
        middle = chebyshev(A, b)[0]
        corners = Frame.around(A, b, middle).vertices
        basis = np.array([[float(x) for x in v] for v in self.basis])
        points: Float = start + corners @ basis
        if self.dim == 2:
            offset = corners - corners.mean(axis=0)
            points = points[np.argsort(np.arctan2(offset[:, 1], offset[:, 0]))]
        return points

    def _parameters(self) -> Point:
        """The witness in the coordinates of the basis."""
        offset = [x - y for x, y in zip(self.witness, self.start, strict=True)]
        found = solve(list(zip(*self.basis, strict=True)), offset, self.dim)
        assert found is not None  # the witness is one of the points
        return found[0]

    def __repr__(self) -> str:
        return f"<plica Preimage of dimension {self.dim}, onto: {self.onto}>"


@dataclass(frozen=True, eq=False)
class Preimages:
    """Where some layers map the inputs of a domain to one place; a sequence of `Preimage`.

    Attributes
    ----------
    network : Network
        The layers, see `folded`.
    domain : Domain
    target : Target
    pieces : tuple of Preimage
        One for each region whose interior has a part in it.
    touching : tuple of tuple of int
        Patterns of the regions whose boundary alone has a point in it, or in its boundary.
    """

    network: Network
    domain: Domain
    target: Target
    pieces: tuple[Preimage, ...]
    touching: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, i: int) -> Preimage:
        return self.pieces[i]

    def __iter__(self) -> Iterator[Preimage]:
        return iter(self.pieces)

    @cached_property
    def multiplicity(self) -> int:
        """How many disjoint neighbourhoods of inputs the layers map onto the same one there.

        The largest number of pieces that are mapped one to one onto the whole target within one
        flat: with a layer's space of more dimensions than the domain, regions can be mapped into
        different flats that meet in the target.
        """
        flats = Counter(flat(piece.J, piece.c) for piece in self.pieces if piece.onto)
        return max(flats.values(), default=0)

    def __repr__(self) -> str:
        return f"<plica Preimages: {len(self)} pieces, multiplicity {self.multiplicity}>"


def preimages(
    net: Network,
    layer: int,
    target: Given,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
) -> Preimages:
    """The inputs that the layers up to one map into a target, region by region, exactly.

    Parameters
    ----------
    net : Network
    layer : int
        1-based number of the last of the hidden layers; its space is that of what the next layer
        reads, see `folded`.
    target : array_like, Segment, Box or Polytope
        A point of that space (of numbers of any kind, taken exactly), a segment, or a cell:
        an open polyhedron. A box that is flat in some coordinates is open in the others.
    domain : Domain
    budget : int, float or Budget, optional
        Limit on the regions (int) or the seconds (float) of the search for regions.

    Returns
    -------
    Preimages

    Raises
    ------
    NetworkError
        If there is no such layer.
    DomainError
        If the domain or the target does not fit.
    BudgetError
        If the budget runs out.

    Notes
    -----
    Of a region, whose layers are ``J u + c``, the part is the polyhedron of the ``u`` inside with
    ``J u + c`` in the target. Whether it is empty, has interior points, and is mapped onto the
    whole target, is decided in rational arithmetic.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.folding([2, 4, 4, 3])
    >>> here = plica.folding.folded(built.network, 2)([[0.3, 0.6]])[0]
    >>> found = plica.folding.identified(built.network, 2, [0.3, 0.6], built.domain)
    >>> len(found), found.multiplicity
    (16, 16)
    """
    sub = folded(net, layer)
    goal = target_of(target, sub.n_outputs)
    atlas = map_regions(sub, domain, budget=budget)
    if not atlas.count.complete:
        raise BudgetError(
            f"stopped after {len(atlas)} regions, of which any may have a part in the target: "
            "raise the budget, or take a smaller domain",
            partial=atlas,
        )
    own = domain.restrict(sub)
    chain = RationalChain(own)
    sides = linear_program.integer_rows(*(part.tolist() for part in domain.halfspaces()))
    pieces, touching = [], []
    for pattern in np.unique(atlas.patterns, axis=0).tolist():
        region = [row for row in (*sides, *pattern_rows(own, pattern)) if any(row[:-1])]
        found = _part(chain, tuple(pattern), region, goal, domain.dim)
        if isinstance(found, Preimage):
            pieces.append(found)
        elif found:
            touching.append(tuple(pattern))
    return Preimages(sub, domain, goal, tuple(pieces), tuple(touching))


def identified(
    net: Network,
    layer: int,
    x: ArrayLike,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
) -> Preimages:
    """The inputs that the layers up to one do not tell apart from a given input, exactly.

    Parameters
    ----------
    net, layer, domain, budget
        As for `preimages`.
    x : array_like, shape (dim,)
        In the domain's own coordinates.

    Returns
    -------
    Preimages
        Of the point that the layers map ``x`` to, which is computed in rational arithmetic. If
        ``x`` lies on a crease, it is on the boundary of its regions, and they count as touching.

    Raises
    ------
    NetworkError, DomainError, BudgetError
        As for `preimages`.
    """
    sub = folded(net, layer)
    domain.check(sub)
    point = np.asarray(x, dtype=np.float64).reshape(-1)
    if point.size != domain.dim or not np.isfinite(point).all():
        raise DomainError(f"expected a finite point in the {domain.dim} coordinates of the domain")
    value = RationalChain(domain.restrict(sub)).value(point.tolist())
    return preimages(net, layer, value, domain, budget=budget)


def _part(
    chain: RationalChain, pattern: tuple[int, ...], region: list[Row], goal: Target, n: int
) -> Preimage | bool:
    """The part of a region in the target; else whether the closed sets have a point in common."""
    J, c = chain.affine_on(pattern)
    equations = [_pulled(row, J, c) for row in goal.equations]
    solved = solve([row[:-1] for row in equations], [row[-1] for row in equations], n)
    if solved is None:
        return False
    start, basis = solved
    target = [_along(_pulled(row, J, c), start, basis) for row in goal.halfspaces]
    own = [_along(row, start, basis) for row in region]
    constant = [row[-1] for row in (*target, *own) if not any(row[:-1])]
    if any(b < 0 for b in constant):
        return False
    rows = [row for row in (*target, *own) if any(row[:-1])]
    inside = _inside(rows, len(basis)) if all(constant) else None
    if inside is None:
        return _feasible(rows, len(basis))
    moved = [sum(t * v[j] for t, v in zip(inside, basis, strict=True)) for j in range(n)]
    witness = tuple(x + y for x, y in zip(start, moved, strict=True))
    injective = len(reduced(J, n)[1]) == n
    onto = injective and all(_redundant(row, target) for row in own if any(row[:-1]))
    return Preimage(pattern, J, c, witness, onto, start, tuple(basis), tuple(rows))


def _pulled(row: Sequence[Fraction], J: Any, c: Any) -> list[Fraction]:
    """The half-space of ``u`` with ``J u + c`` in a half-space; a right side behind each row."""
    a = np.array(row[:-1], dtype=object)
    return [*(a @ J), row[-1] - a @ c]


def _along(row: Sequence[Any], start: Point, basis: Sequence[Point]) -> Row:
    """The half-space of ``t`` with ``start + basis . t`` in a half-space."""

    def times(v: Point) -> Fraction:
        return sum((a * x for a, x in zip(row, v, strict=False)), Fraction(0))

    return integer_row([*map(times, basis), row[-1] - times(start)])


def _inside(rows: list[Row], n: int) -> Point | None:
    return linear_program.interior_point(rows, n) if n else ()


def _feasible(rows: list[Row], n: int) -> bool:
    if n == 0:
        return True
    found = linear_program.maximise([0] * n, [r[:-1] for r in rows], [r[-1] for r in rows])
    return found.status != "infeasible"


def _redundant(row: Row, rows: list[Row]) -> bool:
    """Whether a half-space holds wherever some others do."""
    found = linear_program.maximise(row[:-1], [r[:-1] for r in rows], [r[-1] for r in rows])
    return found.value is not None and found.value <= row[-1]
