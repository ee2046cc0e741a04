"""One question, put to the cells engine and to its exact twin."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

import plica
from plica.engines import reference_cells
from plica.regions.ask import ENGINES

if TYPE_CHECKING:
    from plica import Network
    from plica.domains import Domain
    from tests.twins.networks import Case

TWIN, FAST = "reference", "cells"

needs_cells = pytest.mark.skipif(FAST not in ENGINES, reason="this build has no cells engine")
#: Tests of what is true of both engines.
engines = pytest.mark.parametrize("engine", [TWIN, pytest.param(FAST, marks=needs_cells)])


def count(net: Network, domain: Domain, engine: str, kind: str = "activation") -> int:
    """The exact number of regions."""
    if engine == TWIN:
        return reference_cells.count(net, domain, kind)
    found = plica.count_regions(net, domain, engine=engine, kind=kind)
    assert (found.engine, found.kind, found.exact) == (engine, kind, True)
    return int(found)


def patterns(net: Network, domain: Domain, engine: str) -> set[tuple[int, ...]]:
    """The patterns of all regions, each of which must come once."""
    if engine == TWIN:
        listed = [cell.pattern for cell in reference_cells.enumerate_cells(net, domain)]
    else:
        regions = plica.iter_regions(net, domain, engine=engine)
        listed = [tuple(region.pattern.tolist()) for region in regions]
    found = set(listed)
    assert len(found) == len(listed)
    return found


@cache
def cells_of(case: Case) -> list[reference_cells.Cell]:
    """The exact cells of a named case."""
    return list(reference_cells.enumerate_cells(case.net, case.domain))
