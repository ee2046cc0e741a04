"""How large a shallow form would be, before it is built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, require_network
from ..domains import Box, Domain, Slice, Space
from ..engines.running import Budget, Clock, Progress
from ..errors import BudgetError, PlicaError, SizeError, UnsupportedError
from ..regions.ask import map_regions
from ..regions.atlas import Atlas
from .bends import Bend, bends, used_pieces
from .pieces import GENERATORS

__all__ = ["METHODS", "Plan", "Setting", "how_many", "plan"]

METHODS = ("auto", "patterns", "subsets", "minimal")
#: Terms, and bytes, beyond which a form is not built.
TERM_LIMIT = 1 << 20
BYTE_LIMIT = 2 << 30
#: Bytes of an exact number, with its float.
NUMBER = 72


@dataclass(frozen=True)
class Plan:
    """Sizes of the shallow form that `max_of_shallow` would build.

    Attributes
    ----------
    method : {"patterns", "subsets", "minimal"}
        The one that ``"auto"`` takes, or the one that was asked for.
    terms : int
        Terms; an upper bound, since terms that turn out equal are merged.
    units_per_term : int
        Hidden units of a term; an upper bound.
    total_units : int
        Hidden units of all terms together; an upper bound.
    all_terms : int
        Terms without the knowledge which patterns occur.
    regions : int
        Activation regions found on the domain; 0 where they are not needed.
    complete : bool
        Whether all regions were found. If not, ``terms`` is only what is known so far.
    bytes : int
        Memory that the exact form takes at most, roughly.
    why_not_subsets : str
        Why the method of subsets does not apply; empty where it does.
    linear_programs : int
        About how many linear programs the minimal form may ask for, a millisecond or more each; 0
        where the corners of the pieces are enough, on boxes of up to eight dimensions.
    """

    method: str
    terms: int
    units_per_term: int
    total_units: int
    all_terms: int
    regions: int
    complete: bool
    bytes: int
    why_not_subsets: str
    linear_programs: int = 0

    def __str__(self) -> str:
        about = "at most" if self.complete else "more than"
        blind = how_many(self.all_terms)
        lines = [
            f"method: {self.method}",
            f"terms: {about} {self.terms:,} ({blind} without knowing the regions)",
            f"hidden units: up to {self.units_per_term:,} a term, {self.total_units:,} in all",
            f"memory: about {self.bytes / 2**20:,.1f} MiB",
        ]
        if self.regions:
            found = "" if self.complete else ", stopped by the budget"
            lines.insert(1, f"activation regions: {self.regions:,}{found}")
        if self.linear_programs:
            lines.append(
                f"linear programs: about {self.linear_programs:,} at most, since pieces have too "
                "many corners in so many dimensions; give a budget, or take a slice"
            )
        if self.why_not_subsets:
            lines.append(f"subsets do not apply: {self.why_not_subsets}")
        return "\n".join(lines)

    def require(self) -> None:
        """Raise `SizeError` if the form is too large to build."""
        if self.terms > TERM_LIMIT or self.bytes > BYTE_LIMIT:
            raise SizeError(
                f"the shallow form would have {self.terms:,} terms of up to "
                f"{self.units_per_term:,} hidden units and take about "
                f"{self.bytes / 2**30:,.1f} GiB (limits: {TERM_LIMIT:,} terms, "
                f"{BYTE_LIMIT / 2**30:.0f} GiB); take a smaller domain, a "
                "slice through a few points, one output with net.select, or prune=True"
            )


class Setting:
    """A network on a domain, and what both the plan and the form need to know about them.

    Parameters
    ----------
    net : Network
    domain : Domain or None
        All of the input space if None.
    method : str
    prune : bool
    budget : int, float or Budget, optional
    progress : callable, optional

    Attributes
    ----------
    clock : Clock
        For what is done once the regions are known; may be changed.
    """

    def __init__(
        self,
        net: Network,
        domain: Domain | None,
        method: str,
        prune: bool,
        budget: Budget | int | float | None,
        progress: Progress | None = None,
    ) -> None:
        require_network(net)
        if method not in METHODS:
            raise PlicaError(
                f"method {method!r} does not exist; choose one of {', '.join(METHODS)}"
            )
        self.domain: Domain = Space(net.n_inputs) if domain is None else domain
        self.original = net
        self.net = self.domain.restrict(net)
        self.prune, self.budget, self.progress = prune, Budget.of(budget), progress
        self.clock = Clock(self.budget.seconds, progress)
        if method == "auto":
            method = "minimal" if self.domain.dim == 1 and prune else "subsets"
            if method == "subsets" and self.why_not_subsets:
                method = "patterns"
        self.method = method
        if method == "subsets" and self.why_not_subsets:
            raise UnsupportedError(
                f"the method of subsets does not apply: {self.why_not_subsets}; for a classifier "
                "with two hidden layers take plica.shallow.class_shift(net), else "
                'method="patterns"'
            )
        if method == "minimal" and not prune:
            raise PlicaError('method="minimal" is what pruning leaves: it needs prune=True')

    @cached_property
    def atlas(self) -> Atlas:
        """The activation regions on the domain, as far as the budget goes."""
        return map_regions(self.original, self.domain, budget=self.budget, progress=self.progress)

    def all_regions(self) -> Atlas:
        """The atlas, where a form needs all of it.

        Raises
        ------
        BudgetError
            If not all activation regions are known.
        """
        if not self.atlas.count.complete:
            raise BudgetError(
                f"stopped after {len(self.atlas)} activation regions, but all are needed: raise "
                "the budget, or take a smaller domain",
                partial=self.atlas,
            )
        return self.atlas

    @property
    def complete(self) -> bool:
        """Whether all regions are known."""
        return not self.prune or self.atlas.count.complete

    @cached_property
    def _any(self) -> list[list[Bend]]:
        return bends(self.net, used_pieces(self.net))

    @cached_property
    def used(self) -> list[tuple[int, ...]]:
        """Pieces of every unit: those of the regions if all of them are known, else all."""
        known = self.prune and self.atlas.count.complete
        return used_pieces(self.net, self.atlas.patterns if known else None)

    @cached_property
    def bends(self) -> list[list[Bend]]:
        """The bends of every stage on the domain."""
        return bends(self.net, self.used)

    @cached_property
    def why_not_subsets(self) -> str:
        """Why the method of subsets does not apply, on any domain; empty where it does."""
        if not self.net.depth:
            return "the network has no hidden layer"
        first = self.net.hidden[0]
        if any(bend.function is None for bend in self._any[first]):
            return "the first hidden layer has max units"
        for layer, at in enumerate(self.net.hidden[1:], start=2):
            count = sum(not bend.free for bend in self._any[at])
            if count:
                return f"{count} units of hidden layer {layer} may enter with the wrong sign"
        return ""

    @property
    def n_first(self) -> int:
        """Units of the first hidden layer."""
        return self.net.widths[1]

    @cached_property
    def patterns(self) -> NDArray[Any]:
        """One row a term; of the units behind the first layer only, for subsets."""
        skip = self.n_first if self.method == "subsets" else 0
        concave = [b for b in self._flat if b.concave] if self.method == "patterns" else []
        if self.prune and (self.method != "subsets" or self.atlas.count.complete):
            found = np.array(self.atlas.patterns[:, skip:])
        else:
            # any set of patterns that has those of all cells is as exact
            self._allow(self.all_terms)
            choices = [range(len(p)) for p in used_pieces(self.net)[skip:]]
            for bend in concave:  # only with skip = 0
                choices[bend.column] = range(1)
            rows = list(product(*choices))
            found = np.array(rows, dtype=self.net.pattern_dtype).reshape(len(rows), -1)
        for bend in concave:  # one term holds on all of its pieces
            found[:, bend.column] = bend.pieces[0]
        return np.unique(found, axis=0)

    @property
    def _flat(self) -> list[Bend]:
        return [bend for of_stage in self.bends for bend in of_stage]

    @cached_property
    def all_terms(self) -> int:
        """Terms where nothing is known about the regions."""
        skip = self.n_first if self.method == "subsets" else 0
        fixed = {b.column for of_stage in self._any for b in of_stage if b.concave}
        fixed = set() if self.method == "subsets" else fixed
        each = used_pieces(self.net)
        return math.prod(len(p) for c, p in enumerate(each) if c >= skip and c not in fixed)

    def _allow(self, terms: int) -> None:
        if terms > TERM_LIMIT:
            raise SizeError(
                f"there are {how_many(terms)} patterns (limit {TERM_LIMIT:,}); leave out those "
                "that do not occur with prune=True, or take a smaller domain"
            )

    @cached_property
    def plan(self) -> Plan:
        """The sizes."""
        at = self.net.hidden[0] if self.net.depth else 0
        if self.method == "subsets":
            terms, active = len(self.patterns), self.bends[at]
            units = sum(len(bend.kinks) for bend in active)
            total = terms * units
        elif self.method == "minimal" and self.domain.dim == 1:
            terms, units = 1, (len(self.atlas) - 1) * self.net.n_outputs
            total = units
        elif self.method == "minimal":
            terms, (units, total) = len(self.atlas), self._facets()
        else:
            terms, units = len(self.patterns), _wedges(self._flat)
            total = terms * units
        n, m = self.net.n_inputs, self.net.n_outputs
        rows = total if self.method == "minimal" else min(total, self._rows())
        numbers = terms * m * (n + 1) + total * m + rows * (n + 1)
        needs = self.prune and (self.method != "subsets" or self.complete)
        return Plan(
            self.method,
            terms,
            units,
            total,
            self.all_terms,
            len(self.atlas) if needs else 0,
            self.method == "subsets" or self.complete,
            NUMBER * numbers,
            self.why_not_subsets,
            self._linear_programs(),
        )

    def _linear_programs(self) -> int:
        """One for each term and piece, where every piece has about the corners of a cube."""
        box = isinstance(self.domain, (Box, Slice))
        if self.method != "minimal" or not box or 2**self.domain.dim < GENERATORS:
            return 0
        return len(self.atlas) ** 2 * self.net.n_outputs

    def _facets(self) -> tuple[int, int]:
        """Facets of one linear region at most, of all its activation regions, and all facets."""
        if not self.complete:
            return 0, 0
        labels = self.atlas.linear_regions().labels
        sides = labels[self.atlas.facets().regions.reshape(-1)]
        return int(np.bincount(sides).max(initial=0)), int(sides.size)

    def _rows(self) -> int:
        """Distinct hidden units at most: terms with the same pieces before them share them."""
        if self.method == "subsets":
            return sum(len(bend.kinks) for bend in self.bends[self.net.hidden[0]])
        found, column = 0, 0
        for stage, of_stage in zip(self.net.stages, self.bends, strict=True):
            count = _wedges(of_stage)
            if count:
                before = np.unique(self.patterns[:, :column], axis=0).shape[0] if column else 1
                found += 2 * count * before
            column += stage.units.nonlinear.size
        return found


def how_many(number: int) -> str:
    """A count for people, also one without end."""
    return f"{number:,}" if number < 10**12 else f"about 2^{math.log2(number):.1f}"


def _wedges(some: Sequence[Bend]) -> int:
    """Hidden units of one term, for the bends of a network."""
    count = 0
    for bend in some:
        if bend.function is None:
            count += 0 if bend.free else len(bend.pieces) - 1
        else:
            count += sum(not kink.free for kink in bend.kinks)
    return count


def plan(
    net: Network,
    domain: Domain | None = None,
    *,
    method: str = "auto",
    prune: bool = True,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> Plan:
    """How large `max_of_shallow` would be; parameters are the same.

    The regions are enumerated, but no term is built.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 1, -1]], [0])])
    >>> found = plica.shallow.plan(net, plica.Box([-1, -1], [1, 1]), method="patterns")
    >>> found.terms, found.units_per_term
    (4, 1)
    """
    return Setting(net, domain, method, prune, budget, progress).plan
