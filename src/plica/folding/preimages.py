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

import numpy as np
from numpy.typing import ArrayLike

from ..chain import Network, Stage, require_layer, require_network
from ..domains import Box, Domain, Polytope, Segment, require_domain
from ..engines.running import Budget
from ..errors import BudgetError, DomainError
from ..exact.rational import RationalChain
from ..regions.ask import map_regions
from ..units import Units
from .equations import flat
from .preimage import Preimage
from .question import Question
from .targets import Target, target_of

__all__ = ["Preimages", "folded", "identified", "preimages"]

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
    layer = require_layer(layer, net.depth)
    return net if layer == net.depth else net.until(layer + 1)


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
    """

    network: Network
    domain: Domain
    target: Target
    pieces: tuple[Preimage, ...]

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

    @cached_property
    def touching(self) -> tuple[tuple[int, ...], ...]:
        """Patterns of the other regions of which a corner or a side is mapped to the target.

        Of closed regions, and the closed target; looked for when first asked for.
        """
        question = Question(self.network, self.domain, self.target)
        own = {piece.pattern for piece in self.pieces}
        others = (p for p in _patterns(self.network, self.domain, None) if p not in own)
        return tuple(pattern for pattern in others if question.touches(pattern))

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
    >>> found = plica.folding.identified(built.network, 2, [0.3, 0.6], built.domain)
    >>> len(found), found.multiplicity
    (16, 16)
    """
    sub = folded(net, layer)
    goal = target_of(target, sub.n_outputs)
    question = Question(sub, require_domain(domain), goal)
    if goal.halfspaces and not goal.equations:
        # the engine finds the regions with a part in the target: those of units behind the layer
        # that are off inside of it
        rows = np.array(goal.halfspaces, dtype=np.float64)
        units = Stage(rows[:, :-1], -rows[:, -1], Units.relu(len(rows)))
        inside = _patterns(Network([*sub.stages, units]), domain, budget)
        patterns = [p[: sub.n_units] for p in inside if not any(p[sub.n_units :])]
    else:
        patterns = _patterns(sub, domain, budget)
    parts = (question.part(pattern) for pattern in patterns)
    return Preimages(sub, domain, goal, tuple(part for part in parts if part is not None))


def _patterns(
    net: Network, domain: Domain, budget: Budget | int | float | None
) -> list[tuple[int, ...]]:
    """The patterns of all regions, in order."""
    atlas = map_regions(net, domain, budget=budget)
    if not atlas.count.complete:
        raise BudgetError(
            f"stopped after {len(atlas)} regions, of which any may have a part in the target: "
            "raise the budget, or take a smaller domain",
            partial=atlas,
        )
    return sorted(map(tuple, atlas.patterns.tolist()))


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
    require_domain(domain).check(sub)
    try:
        point = np.asarray(x, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise DomainError(f"x must be a list of numbers, got {x!r:.80}") from None
    if point.size != domain.dim or not np.isfinite(point).all():
        raise DomainError(f"expected a finite point in the {domain.dim} coordinates of the domain")
    value = RationalChain(domain.restrict(sub)).value(point.tolist())
    return preimages(net, layer, value, domain, budget=budget)
