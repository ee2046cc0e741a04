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
    "LoadError": "errors",
    "Network": "chain",
    "NetworkError": "errors",
    "PiecewiseLinear": "units",
    "PlicaError": "errors",
    "Polytope": "domains",
    "Region": "regions.region",
    "Segment": "domains",
    "SizeError": "errors",
    "Slice": "domains",
    "Space": "domains",
    "Stage": "chain",
    "Units": "units",
    "UnsupportedError": "errors",
    "count_regions": "regions.ask",
    "iter_regions": "regions.ask",
    "load": "loaders",
    "map_regions": "regions.ask",
    "region_at": "regions.cells",
}
_MODULES = ("draw", "nn")

__all__ = [*_WHERE, "nn"]

if TYPE_CHECKING:
    from .chain import Network as Network
    from .chain import Stage as Stage
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
    from .loaders import load as load
    from .regions.ask import count_regions as count_regions
    from .regions.ask import iter_regions as iter_regions
    from .regions.ask import map_regions as map_regions
    from .regions.atlas import Atlas as Atlas
    from .regions.cells import region_at as region_at
    from .regions.count import Count as Count
    from .regions.region import Region as Region
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
