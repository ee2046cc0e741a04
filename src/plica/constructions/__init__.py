"""Networks that have as many regions as a theorem promises.

Every function returns a `Construction`: the network as an exact chain, the domain, and the numbers
of activation and of linear regions there. The weights are binary floating-point numbers and nothing
is rounded, so that `plica.count_regions` finds exactly these numbers.
"""

from __future__ import annotations

from .construction import Construction
from .folding import best_split, folding, zigzag
from .maxout import kaleidoscope, maxout_zigzag
from .one_layer import maxout_one_layer, one_layer
from .several_breakpoints import several_breakpoints
from .zonotope import zonotope

__all__ = [
    "Construction",
    "best_split",
    "folding",
    "kaleidoscope",
    "maxout_one_layer",
    "maxout_zigzag",
    "one_layer",
    "several_breakpoints",
    "zigzag",
    "zonotope",
]
