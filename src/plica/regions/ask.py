"""The questions: how many regions, which ones, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..chain import Network, require_network
from ..domains import Domain, Space, require_domain
from ..engines.cells import Cells
from ..engines.facets import ordered_facets
from ..engines.running import Budget, Progress
from ..engines.walk import Walk
from ..errors import BudgetError, DomainError, UnsupportedError
from .atlas import Atlas
from .cells import CellAtlas
from .count import Count
from .polygons import PolygonAtlas
from .region import Region

__all__ = ["count_regions", "iter_regions", "map_regions"]

KINDS = ("activation", "linear")
ENGINES = ("auto", "line", "plane", "cells", "reference")
#: Affine maps are kept in an atlas up to this many numbers a region, and recomputed beyond.
MAP_LIMIT = 64
#: Regions that `iter_regions` asks for at a time.
CHUNK = 4096


def _engine(domain: Domain, engine: str) -> str:
    if engine not in ENGINES:
        raise DomainError(f"engine {engine!r} does not exist; choose one of {', '.join(ENGINES)}")
    natural = {1: "line", 2: "plane"}.get(domain.dim)
    if engine == "auto":
        return natural if natural and _bounded(domain) else "cells"
    if engine not in ("reference", "cells", natural):
        raise DomainError(
            f"the {engine} engine does not take a domain of dimension {domain.dim}; use "
            'engine="auto"'
        )
    return engine


def _bounded(domain: Domain) -> bool:
    """Whether a domain of dimension 1 or 2 is bounded."""
    if isinstance(domain, Space):
        return False
    try:
        ordered_facets(domain)
    except UnsupportedError:
        return False
    return True


def count_regions(
    net: Network,
    domain: Domain,
    *,
    kind: str = "activation",
    budget: Budget | int | float | None = None,
    engine: str = "auto",
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Count:
    """How many regions the network has on a domain.

    Parameters
    ----------
    net : Network
    domain : Domain
        A `Box` (which may be flat in some coordinates), a `Segment`, a `Slice`, a `Polytope` or
        `Space`, bounded or not.
    kind : {"activation", "linear"}
        Activation regions are activation patterns whose cell has a non-empty interior in the
        domain. Linear regions are maximal connected open sets on which the network is affine:
        activation regions merged across facets where the map is the same.
    budget : int, float or Budget, optional
        Stop after so many regions (int) or seconds (float). The count is then a certified lower
        bound, with ``complete == False``. Ctrl-C does the same.
    engine : {"auto", "line", "plane", "cells", "reference"}
        ``"auto"`` takes the engine of the domain's dimension: ``"line"``, ``"plane"``, and
        ``"cells"`` for three dimensions and more and for unbounded domains; ``"cells"`` takes any
        domain. ``"reference"`` is the slow twin in rational arithmetic, for any domain.
    n_jobs : int
        Threads that divide the work of the cells engine; the other engines use one.
    progress : callable, optional
        Called about ten times a second with (regions found, seconds).

    Returns
    -------
    Count

    Raises
    ------
    DomainError
        If the domain does not fit the network, has no interior, or is not one that the chosen
        engine takes.
    BudgetError
        For linear regions, if the budget runs out: merging needs them all.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 1, 1]], [0])])
    >>> count = plica.count_regions(net, plica.Box([-1, -1], [1, 1]))
    >>> int(count), count.exact
    (6, True)
    """
    require_network(net)
    if kind not in KINDS:
        raise DomainError(f"kind {kind!r} does not exist; choose one of {', '.join(KINDS)}")
    engine = _engine(require_domain(domain), engine)
    if engine == "reference":
        value = _reference_count(net, domain, kind)
        return Count(value, kind=kind, engine=engine, dim=domain.dim)
    if kind == "linear":
        atlas = map_regions(
            net, domain, budget=budget, engine=engine, n_jobs=n_jobs, progress=progress
        )
        if not atlas.count.complete:
            raise BudgetError(
                f"stopped after {len(atlas)} activation regions; linear regions are counted by "
                "merging all of them: raise the budget, or take a smaller domain",
                partial=atlas,
            )
        fields = {**atlas.count.__dict__, "kind": "linear"}
        return Count(len(atlas.linear_regions()), **fields)
    walk = Cells(net, domain, n_jobs=n_jobs) if engine == "cells" else Walk(net, domain)
    for _ in walk.chunks(Budget.of(budget), progress):
        pass
    return _count(walk, engine, walk.counters["regions"])


def _reference_count(net: Network, domain: Domain, kind: str) -> int:
    from ..engines import reference, reference_cells

    if domain.dim <= 2 and reference_cells.is_bounded(domain):
        return reference.count(net, domain, kind=kind)
    return reference_cells.count(net, domain, kind=kind)


def _count(walk: Walk | Cells, engine: str, found: int) -> Count:
    counters = walk.counters
    return Count(
        found,
        complete=walk.complete and found == counters["regions"],
        arbitrated=counters["arbitrated"],
        seconds=walk.seconds,
        engine=engine,
        dim=walk.domain.dim,
    )


def _polygons(walk: Walk, columns: dict[str, Any], engine: str) -> PolygonAtlas:
    return PolygonAtlas(
        walk.net,
        walk.domain,
        _count(walk, engine, columns["offsets"].size - 1),
        columns["patterns"],
        walk.bits,
        columns["offsets"],
        columns["points"],
        columns["edges"],
        columns["places"],
        walk.cut_units,
        maps=columns["maps"] if walk.maps else None,
        map_error=walk.counters["map_error"],
    )


def _cells(walk: Cells, columns: dict[str, Any]) -> CellAtlas:
    return CellAtlas(
        walk.net,
        walk.domain,
        _count(walk, "cells", columns["patterns"].shape[0]),
        columns["patterns"],
        walk.bits,
        columns["witnesses"],
        maps=columns.get("maps"),
        map_error=walk.counters["map_error"],
    )


def map_regions(
    net: Network,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
    engine: str = "auto",
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Atlas:
    """All activation regions of the network on a domain.

    Parameters are those of `count_regions`. Where the budget runs out (or Ctrl-C is pressed) the
    atlas holds what was found, and ``atlas.count.complete`` is False; such an atlas has no facets.

    Returns
    -------
    Atlas
        Of polygons or intervals, which know their corners, from the line and plane engines; of
        cells, whose facets are found on demand, from the cells engine.
    """
    require_network(net)
    engine = _engine(require_domain(domain), engine)
    if engine == "reference":
        raise DomainError(
            "the reference engine lists exact cells instead of an atlas; call "
            "plica.engines.reference.enumerate_cells(net, domain)"
        )
    if engine == "cells":
        cells = _listing(net, domain, n_jobs)
        return _cells(cells, cells.collect(Budget.of(budget), progress))
    walk = _mapping(net, domain)
    return _polygons(walk, walk.collect(Budget.of(budget), progress), engine)


def _mapping(net: Network, domain: Domain) -> Walk:
    maps = net.n_outputs * (domain.dim + 1) <= MAP_LIMIT
    return Walk(net, domain, patterns=True, polygons=True, sides=True, maps=maps)


def _listing(net: Network, domain: Domain, n_jobs: int) -> Cells:
    maps = net.n_outputs * (domain.dim + 1) <= MAP_LIMIT
    return Cells(net, domain, patterns=True, witnesses=True, maps=maps, n_jobs=n_jobs)


def iter_regions(
    net: Network,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
    engine: str = "auto",
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Iterator[Region]:
    """The activation regions of the network, one after another, without holding them all.

    Parameters are those of `count_regions`. Yields `Region`; the regions of a chunk
    share its columns.
    """
    require_network(net)
    engine = _engine(require_domain(domain), engine)
    if engine == "cells":
        cells = _listing(net, domain, n_jobs)
        for chunk in cells.chunks(Budget.of(budget), progress, CHUNK):
            yield from _cells(cells, cells.shape(chunk))
        return
    walk = _mapping(net, domain)
    for chunk in walk.chunks(Budget.of(budget), progress, CHUNK):
        yield from _polygons(walk, walk.shape(chunk), engine)
