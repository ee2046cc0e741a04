"""plica: exactly which function a piecewise-linear network is."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Public names and the modules they live in; each is imported when it is first used.
_WHERE = {
    "Atlas": "regions.atlas",
    "Box": "domains",
    "BudgetError": "errors",
    "Count": "regions.count",
    "DomainError": "errors",
    "Equality": "facts.equality",
    "Extremum": "facts.ranges",
    "Lipschitz": "facts.lipschitz",
    "LoadError": "errors",
    "Network": "chain",
    "NetworkError": "errors",
    "OutputRange": "facts.ranges",
    "PiecewiseLinear": "units",
    "PlicaError": "errors",
    "Polytope": "domains",
    "RedundantUnits": "facts.redundant",
    "Region": "regions.region",
    "Segment": "domains",
    "SizeError": "errors",
    "Slice": "domains",
    "Space": "domains",
    "Stability": "facts.stability",
    "Stage": "stage",
    "Units": "units",
    "UnitsReport": "facts.units",
    "UnsupportedError": "errors",
    "count_regions": "regions.ask",
    "equal_on": "facts.equality",
    "iter_regions": "regions.ask",
    "lipschitz": "facts.lipschitz",
    "load": "loaders",
    "map_regions": "regions.ask",
    "redundant_units": "facts.redundant",
    "region_at": "regions.cells",
    "output_range": "facts.ranges",
    "stable_regions": "facts.stability",
    "units_report": "facts.units",
}
_MODULES = (
    "bounds",
    "constructions",
    "draw",
    "folding",
    "gradients",
    "init",
    "nn",
    "shallow",
    "unit_maps",
)

__all__ = [*_WHERE, *(name for name in _MODULES if name != "draw")]

if TYPE_CHECKING:
    from .chain import Network as Network
    from .domains import Box as Box
    from .domains import Polytope as Polytope
    from .domains import Segment as Segment
    from .domains import Slice as Slice
    from .domains import Space as Space
    from .errors import BudgetError as BudgetError
    from .errors import DomainError as DomainError
    from .errors import LoadError as LoadError
    from .errors import NetworkError as NetworkError
    from .errors import PlicaError as PlicaError
    from .errors import SizeError as SizeError
    from .errors import UnsupportedError as UnsupportedError
    from .facts.equality import Equality as Equality
    from .facts.equality import equal_on as equal_on
    from .facts.lipschitz import Lipschitz as Lipschitz
    from .facts.lipschitz import lipschitz as lipschitz
    from .facts.ranges import Extremum as Extremum
    from .facts.ranges import OutputRange as OutputRange
    from .facts.ranges import output_range as output_range
    from .facts.redundant import RedundantUnits as RedundantUnits
    from .facts.redundant import redundant_units as redundant_units
    from .facts.stability import Stability as Stability
    from .facts.stability import stable_regions as stable_regions
    from .facts.units import UnitsReport as UnitsReport
    from .facts.units import units_report as units_report
    from .loaders import load as load
    from .regions.ask import count_regions as count_regions
    from .regions.ask import iter_regions as iter_regions
    from .regions.ask import map_regions as map_regions
    from .regions.atlas import Atlas as Atlas
    from .regions.cells import region_at as region_at
    from .regions.count import Count as Count
    from .regions.region import Region as Region
    from .stage import Stage as Stage
    from .units import PiecewiseLinear as PiecewiseLinear
    from .units import Units as Units


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'plica' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE, *_MODULES])
