"""What units of higher layers compute: the distinct linear maps of one unit.

On every activation region a unit of a hidden layer is an affine function of the input. The units of
the first layer are the same function everywhere; a unit of a higher layer computes many, and they
tell what it responds to (Montufar et al. 2014).
"""

from __future__ import annotations

from .maps import UnitMaps, linear_maps

__all__ = ["UnitMaps", "linear_maps"]
